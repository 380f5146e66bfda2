package bitcoin

import (
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"

	"github.com/cointill/till/chain"
)

// watchdog decides how well the watcher is, and sets the light client up again
// when it is stuck: neutrino says nothing when its only peer has less work or
// when it waits for answers that never come.
type watchdog struct {
	relays    int       // relay peers at the last look
	ever      bool      // a filter peer was ever connected
	since     time.Time // since when there is one
	heard     bool      // the relay stood once since then
	alone     time.Time // since when there is no filter peer
	behind    time.Time // since when peers are ahead and no header came
	headers   uint64    // as many as there were then
	gap       time.Time // since when our head is above the known headers
	looked    time.Time // last full look
	restarts  int
	restarted time.Time
	stuckAt   uint64 // where it was set up again …
	fruitless int    // … so many times
	store     bool   // batches are refused
	highest   uint64
	goal      uint64
	peers     int
	isBehind  bool
	reached   uint64 // the height that was reached while peers claimed more …
	reachedAt time.Time
	pace      pace
	told      chain.Health // the last that was reported
	toldAt    time.Time
}

// missing notes that our head is above the known headers.
func (s *watchdog) missing(r *run) {
	if s.gap.IsZero() {
		s.gap = r.w.cfg.Now()
	}
}

// shorter tells whether the best chain is really shorter than what was read:
// headers are complete and stay so. Headers that were lost look the same until
// a peer has sent them again, so without one nothing is known.
func (s *watchdog) shorter(r *run) bool {
	if peers, _ := r.client.peers(); peers == 0 {
		s.gap = time.Time{}
		return false
	}
	return r.client.current() && r.w.cfg.Now().Sub(s.gap) > 30*time.Second
}

// refused notes whether the sink takes batches.
func (s *watchdog) refused(r *run, yes bool) {
	if s.store == yes {
		return
	}
	s.store = yes
	if yes {
		h := r.w.Health()
		h.State, h.Code = chain.Down, chain.HealthStore
		r.w.health.Store(&h)
	} else {
		s.looked = time.Time{}
	}
}

// check looks at peers and tip, reports a changed health and restarts the light
// client where that may help. It fails when the client's own files do.
func (r *run) check() error {
	if broken := r.client.damaged(); broken != nil {
		return *broken
	}
	s := &r.state
	now := r.w.cfg.Now()
	relays := r.w.hub.count()
	peers, highest := r.client.peers()
	if relays == s.relays && peers == s.peers && now.Sub(s.looked) < r.w.tune.tick/2 && r.w.Health().Height == r.ring.Head().Height && r.w.Health().Usable() == r.caught {
		return nil
	}
	s.looked, s.relays = now, relays
	s.peers, s.highest = peers, highest
	head := r.ring.Head()
	best, _ := r.client.tip()
	if best >= head.Height {
		s.gap = time.Time{}
	}
	s.goal = max(best, head.Height)
	if s.peers > 0 {
		if s.since.IsZero() {
			s.since = now
			r.w.hub.hurry()
		}
		s.ever, s.alone = true, time.Time{}
	} else {
		s.since, s.heard = time.Time{}, false
		r.caught = false // whoever comes back may know more
		if _, _, importing := r.client.importing(); importing || s.alone.IsZero() {
			s.alone = now
		}
	}
	if r.ahead(best) {
		// A first start takes minutes, in which there is not one block with all
		// that belongs to it: what counts is that something comes.
		if n := r.client.headers(); s.behind.IsZero() || n != s.headers {
			s.behind, s.headers = now, n
		}
	} else {
		s.behind, s.isBehind = time.Time{}, false
	}
	s.heard = s.heard || r.listening(now)
	r.expire()
	if r.caught && r.archive != nil && (now.Sub(r.looks.daily) > r.w.tune.audit || !r.looks.asked && r.cold.Load() != nil) {
		r.looks.audit(head.Height)
	}
	if err := r.rescue(now); err != nil {
		return err
	}
	h := r.assess(now, head)
	if server, ok := r.client.(*served); ok {
		h = server.assess(r, now, head)
	}
	r.report(h)
	return nil
}

// listening tells whether the relay stands, so that a payment made from now on
// is seen, or was waited for long enough; Health then says that there is none.
func (r *run) listening(now time.Time) bool {
	s := &r.state
	if s.since.IsZero() {
		return false
	}
	return s.relays >= r.w.relayNeed(now.Sub(s.since)) || r.w.hub.sleeps()
}

// ahead tells whether peers know more blocks than the light client has: one of
// its own peers says so, or more than half of the relay peers announced a block
// that is not in the headers.
func (r *run) ahead(best uint64) bool {
	if r.state.highest > best+1 || r.client.blockTip() > best {
		return true
	}
	list := r.w.hub.announced()
	unknown := 0
	for _, a := range list {
		switch {
		case a.hash != (chainhash.Hash{}):
			if !r.client.has(a.hash) {
				unknown++
			}
		case uint64(max(a.height, 0)) > best+1:
			unknown++
		}
	}
	return len(list) > 0 && 2*unknown > len(list)
}

// rescue sets the light client up again when it is stuck, with growing pauses.
func (r *run) rescue(now time.Time) error {
	s := &r.state
	if _, _, importing := r.client.importing(); importing {
		s.behind = time.Time{}
		return nil
	}
	stuck := !s.behind.IsZero() && now.Sub(s.behind) > r.w.tune.behind && best(r) == r.ring.Head().Height
	s.isBehind = s.isBehind || stuck
	if !stuck {
		// Peers are there, and none of them gives what was asked for: a connection
		// that is open on this side only.
		stuck = s.peers > 0 && !r.stalled.IsZero() && now.Sub(r.stalled) > r.w.tune.behind
	}
	if !stuck {
		// No filter peer although a relay peer is there: the connection
		// manager sleeps, or a ban outlived its reason.
		stuck = !s.alone.IsZero() && now.Sub(s.alone) > r.w.tune.behind && s.relays > 0
	}
	if !stuck {
		if now.Sub(s.restarted) > time.Hour {
			s.restarts = 0
		}
		return nil
	}
	wait := min(r.w.tune.behind<<min(s.restarts, 5), 15*time.Minute)
	if now.Sub(s.restarted) < wait {
		return nil
	}
	if s.restarts == 0 || best(r) != s.stuckAt {
		s.stuckAt, s.fruitless = best(r), 0
	}
	s.restarts++
	s.fruitless++
	s.restarted, r.stalled = now, time.Time{}
	r.w.log.Warn("The Bitcoin light client is stuck and is set up again", "peers", s.peers, "relays", s.relays, "height", best(r), "claimed", s.highest)
	// Said before: the old client may take long to end, and nothing is read
	// until it has.
	r.report(r.assess(now, r.ring.Head()))
	if len(r.events) > 0 {
		if err := r.flush(); err != nil {
			return err
		}
	}
	// Where block headers come, filter headers do not fit and nothing helps, it
	// may be those that are here that are wrong.
	heard := len(r.w.cfg.Peers) == 0 || s.peers > 0 || r.client.banned()
	anew := s.fruitless == maxFruitless && heard && r.client.blockTip() > s.stuckAt
	return r.client.restart(r.ctx, anew)
}

// maxFruitless is after how many attempts filter headers are fetched anew.
const maxFruitless = 3

func best(r *run) uint64 {
	h, _ := r.client.tip()
	return h
}

// assess says in one word how the watcher is.
func (r *run) assess(now time.Time, head chain.BlockRef) chain.Health {
	s := &r.state
	h := chain.Health{
		Height: head.Height, Goal: max(s.goal, s.plausible()), TipAt: head.Time,
		Unconfirmed: s.relays > 0 || r.w.cfg.RelayPeers > 0 && r.w.hub.sleeps(),
		Trust:       chain.TrustOwnClient, Peers: s.peers, Relays: s.relays, Of: r.w.wanted(),
	}
	if done, of, ok := r.client.importing(); ok && !s.store {
		h.State, h.Code, h.Height, h.Goal = chain.Syncing, chain.HealthImport, done, of
		h.Left = s.pace.left(now, "import", done, of)
		return h
	}
	switch {
	case s.store:
		h.State, h.Code = chain.Down, chain.HealthStore
	case s.peers == 0:
		h.State, h.Code = chain.Connecting, chain.HealthNoPeers
		if s.ever {
			h.State = chain.Down
		}
		if r.client.banned() {
			h.State, h.Code = chain.Down, chain.HealthNoFilters
		}
		if len(r.w.cfg.Peers) > 0 {
			h.Detail = r.w.cfg.Peers[0]
		}
	case !r.caught || r.looks.busy() > 0 && !r.w.Health().Usable():
		h.State = chain.Syncing
		h.Detail = r.looks.describe()
		if s.isBehind {
			h.Code = chain.HealthBehind
		}
		r.syncing(now, head, &h)
	case !s.heard:
		h.State, h.Code = chain.Syncing, chain.HealthNoRelay
	case s.isBehind:
		h.State, h.Code = chain.Degraded, chain.HealthBehind
	case r.w.cfg.StaleAfter > 0 && now.Sub(head.Time) > r.w.cfg.StaleAfter:
		h.State, h.Code = chain.Degraded, chain.HealthStale
	case s.relays == 0 && r.w.cfg.RelayPeers > 0 && !h.Unconfirmed:
		h.State, h.Code = chain.Degraded, chain.HealthNoRelay
	default:
		h.State = chain.Ready
	}
	return h
}

// wanted is how many filter peers there should be: the chosen ones, or as many
// as neutrino looks for.
func (w *Watcher) wanted() int {
	if n := len(w.cfg.Peers); n > 0 {
		return n
	}
	return 8
}

// plausible is the height that a filter peer claims, unless it is absurd.
func (s *watchdog) plausible() uint64 {
	if s.highest > s.goal && s.highest < s.goal+10_000_000 {
		return s.highest
	}
	return 0
}

// report publishes a state of health, and tells of it when its words changed,
// or when its numbers did and some time has passed.
func (r *run) report(h chain.Health) {
	r.w.health.Store(&h)
	s := &r.state
	words := s.told.State != h.State || s.told.Code != h.Code || s.told.Unconfirmed != h.Unconfirmed || s.toldAt.IsZero()
	numbers := h.State == chain.Syncing && (s.told.Height != h.Height || s.told.Goal != h.Goal) || s.told.Peers != h.Peers || s.told.Relays != h.Relays
	now := r.w.cfg.Now()
	if !words && (!numbers || now.Sub(s.toldAt) < r.w.tune.progress) {
		return
	}
	s.told, s.toldAt = h, now
	r.emit(chain.Event{Kind: chain.HealthChanged, Health: h})
}
