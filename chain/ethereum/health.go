package ethereum

import (
	"context"
	"time"

	"github.com/cointill/till/chain"
)

func (w *Watcher) setHealth(h chain.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.health = h
}

func (w *Watcher) setConn(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = c
}

// intend makes h the watcher's health. Where something that matters has changed
// (heights and times alone don't) the next batch tells it.
func (r *run) intend(h chain.Health) {
	h.Height, h.Of = r.cursor.Head().Height, len(r.w.ends)
	h.Goal = max(h.Goal, h.Height)
	h.TipAt = r.cursor.Head().Time
	h.Trust = chain.TrustOneServer
	if r.w.cfg.Quorum > 1 {
		h.Trust = chain.TrustQuorum
	}
	r.w.setHealth(h)
	r.owed = nil
	if news(r.told, h) {
		r.owed = &h
	}
}

// tell brings a changed health to the sink without waiting for more to tell.
func (r *run) tell(ctx context.Context) {
	if r.owed != nil {
		h := *r.owed
		r.owed, r.told = nil, h // deliver gives up with ctx alone
		r.deliver(ctx, []chain.Event{{Kind: chain.HealthChanged, Health: h}}, r.cursor)
	}
}

func news(a, b chain.Health) bool {
	a.Height, a.Goal, a.TipAt = b.Height, b.Goal, b.TipAt
	return a != b
}

// ready says how things are once the head has been reached.
func (r *run) ready(ctx context.Context, feeds *feeds) {
	h := r.w.Health()
	h.State, h.Code, h.Detail = chain.Ready, chain.HealthOK, r.conn.name
	h.Unconfirmed = feeds.pending != nil
	h.Peers = 1 + r.votes.connected()
	h.Goal = r.cursor.Head().Height
	if len(r.w.ends) == 1 {
		h.Code = chain.HealthOneEndpoint
	}
	if (r.conn.unproved.Load() || r.conn.noHolds) && r.w.cfg.Quorum == 1 { // others vouch for payments elsewhere
		h.Code = chain.HealthUnproved
	}
	degrade := func(code chain.HealthCode, detail string) {
		h.State, h.Code, h.Detail = chain.Degraded, code, detail
	}
	if r.conn.noState && !r.logsCoins && r.w.anyCoins() {
		degrade(chain.HealthNoBalances, r.conn.name)
	}
	// The last one is told: what a person has to correct, before what may pass.
	if r.stale() {
		degrade(chain.HealthStale, r.conn.name)
	}
	if r.votes.connected()+1 < r.w.cfg.Quorum {
		degrade(chain.HealthUnreachable, r.votes.missing())
	}
	if names := r.w.wrongToken(); names != "" {
		degrade(chain.HealthWrongToken, names)
	}
	if who := r.votes.against(); who != "" {
		degrade(chain.HealthLying, who)
	}
	r.intend(h)
	r.tell(ctx)
}

// stale tells whether the head is older than it should be, by its own stamp.
func (r *run) stale() bool {
	head := r.cursor.Head()
	return r.w.cfg.Stale > 0 && !head.IsZero() && r.w.cfg.Now().Sub(head.Time) > r.w.cfg.Stale
}

// stalled tells whether this endpoint has shown no new head for three block
// times while another one has, so that the other should be asked.
func (r *run) stalled() bool {
	return len(r.w.ends) > 1 && time.Since(r.headAt) > max(3*r.w.cfg.BlockTime, r.w.cfg.Poll) &&
		r.votes.ahead(r.cursor.Head().Height)
}
