package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/cointill/till/chain"
)

// run is one life of Run. Only Run's own goroutine touches it.
type run struct {
	w    *Watcher
	sink chain.Sink
	conn *conn

	cursor chain.Cursor       // as last stored
	hits   map[string][]hit   // payments by hash of the ring's blocks; no entry = not known
	spent  map[string]outlays // what addresses with purses spent in them, where they did
	mined  map[common.Hash]bool
	pool   *pool
	votes  *votes

	tip      chain.TipState
	told     chain.Health  // the health that the sink knows
	owed     *chain.Health // a health to be told together with the next batch
	tags     time.Time     // when safe and finalized were asked for
	safe     uint64
	final    uint64
	headAt   time.Time // when the head last moved, for finding stalls
	foreign  bool      // the ring has blocks that another endpoint, or an earlier session, told
	backedAt time.Time // since when the node's head is a block that was passed
	forkAt   uint64    // the last reorganisation: the last block that stayed,
	forkTop  uint64    // and the last that was lost

	purses    purses                  // what targets hold at the cursor's head, as far as it was asked
	awaited   map[common.Address]bool // of those last asked for: somebody waits there
	othersAt  time.Time               // when the rest had its turn
	logsCoins bool                    // the last block was made under EIP-7708
	noStates  int                     // how often in a row the tip's balances were not there
	noHolds   int                     // and those that contracts tell
	dirty     bool                    // there is a new purse,
	unsaved   bool                    // and the state file does not have it yet
	skipped   uint64                  // the first block that was not looked into, 0 = none
	auditAt   time.Time               // when skipped blocks were last asked about
}

// Run implements [chain.Watcher].
func (w *Watcher) Run(ctx context.Context, from chain.Cursor, archive chain.Archive, sink chain.Sink) error {
	if !w.running.CompareAndSwap(false, true) {
		return errTwice
	}
	defer w.running.Store(false)
	shown := newCold(archive)
	w.mu.Lock()
	w.cold, w.matched, w.back = shown, from.Head().Height, nil
	w.mu.Unlock()
	r := &run{w: w, sink: sink, cursor: from, mined: map[common.Hash]bool{}, pool: newPool()}
	r.load(from.Ring)
	before := map[string]claim{}
	for block, list := range r.hits {
		before[block] = claim{paid: list}
		for _, h := range list {
			r.mined[h.hash()] = true
		}
	}
	r.votes = startVotes(ctx, w)
	defer r.votes.wait()
	r.votes.follow(from.Ring, before)
	r.votes.settle(ctx, from.Head())

	fails := 0
	for at := 0; ctx.Err() == nil; at++ {
		at = w.willing(at)
		began := time.Now()
		err := r.session(ctx, w.ends[at%len(w.ends)])
		w.setConn(nil)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > 10*w.cfg.CallTimeout {
			fails = 0
			w.limits.served(w.ends[at%len(w.ends)].url)
		}
		fails++
		end := w.ends[at%len(w.ends)]
		w.cfg.Logger.Warn("The watcher leaves an endpoint", "chain", w.network, "endpoint", end.name, "cause", err)
		r.down(ctx, end, err)
		r.rest(ctx, fails, w.limits.wait(w.ends[w.willing(at+1)%len(w.ends)].url))
	}
	return ctx.Err()
}

// willing is the next turn from at whose endpoint may be asked now; where none
// may, the one that may first.
func (w *Watcher) willing(at int) int {
	best := at
	for i := at; i < at+len(w.ends); i++ {
		wait := w.limits.wait(w.ends[i%len(w.ends)].url)
		if wait <= 0 {
			return i
		}
		if wait < w.limits.wait(w.ends[best%len(w.ends)].url) {
			best = i
		}
	}
	return best
}

// rest waits before the next endpoint is tried: at once for the first time
// around, then longer and longer, with a random part so that many tills don't
// come back in step.
func (r *run) rest(ctx context.Context, fails int, asked time.Duration) {
	rounds := (fails - 1) / len(r.w.ends)
	wait := 100 * time.Millisecond << min(rounds, 8)
	wait = min(wait, max(time.Second, 2*r.w.cfg.BlockTime), 20*time.Second)
	wait = max(wait/2+rand.N(wait/2+1), asked)
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// down reports a lost endpoint.
func (r *run) down(ctx context.Context, end endpoint, err error) {
	code := chain.HealthUnreachable
	for _, k := range []struct {
		err  error
		code chain.HealthCode
	}{
		{errNetwork, chain.HealthWrongNetwork},
		{errLying, chain.HealthLying},
		{errLimited, chain.HealthLimited},
		{errBehind, chain.HealthBehind},
		{errMissing, chain.HealthBehind},
		{errFault, chain.HealthInternal},
	} {
		if errors.Is(err, k.err) {
			code = k.code
		}
	}
	h := r.w.Health()
	h.State, h.Code, h.Detail, h.Unconfirmed, h.Peers = chain.Down, code, end.name, false, 0
	r.intend(h)
	r.tell(ctx)
}

// session is one connection, from dialling to its loss.
func (r *run) session(ctx context.Context, end endpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errFault, p)
		}
	}()
	c, err := end.dial(ctx, r.w.cfg.CallTimeout, r.w.limits)
	if err != nil {
		return err
	}
	defer c.close()
	if err := r.w.introduce(ctx, c); err != nil {
		return err
	}
	r.conn = c
	r.w.setConn(c)
	r.headAt, r.backedAt, r.tags, r.foreign = time.Now(), time.Time{}, time.Time{}, true

	feeds := &feeds{}
	defer feeds.stop()
	h := r.w.Health()
	h.State, h.Code, h.Detail, h.Unconfirmed, h.Peers = chain.Syncing, chain.HealthOK, end.name, false, 1
	r.intend(h)
	return r.watch(ctx, feeds)
}

// watch is the loop of a session: look at the head, say how things are, wait
// until something moves.
func (r *run) watch(ctx context.Context, feeds *feeds) error {
	misses := 0
	subscribed := false
	var glanced time.Time
	var hint *header
	for ctx.Err() == nil {
		err := r.sync(ctx, hint)
		switch {
		case err == nil:
			misses = 0
			if !subscribed { // not before: a long catch-up would drown in the feeds
				subscribed = true
				r.subscribe(ctx, r.conn, feeds)
				r.glance(ctx, feeds)
				glanced, hint = time.Now(), nil
				continue // what came before the feeds began is no longer announced
			}
			if err := r.audit(ctx); err != nil {
				return err
			}
			if err := r.lookBack(ctx); err != nil {
				return err
			}
			if r.votes.outvoted(r.conn.url) {
				// What it said that nobody else says is read again elsewhere.
				if keep := r.votes.trusted(r.cursor.Ring); keep < len(r.cursor.Ring) {
					if err := r.extend(ctx, keep, nil); err != nil {
						return err
					}
				}
				return fmt.Errorf("%s: %w: a quorum of other endpoints has other blocks", r.conn.name, errLying)
			}
			if keep := r.votes.strange(r.conn.url); r.foreign && keep > 0 {
				// What the endpoint before said of blocks, this one denies.
				r.foreign = false
				if err := r.extend(ctx, min(keep, len(r.cursor.Ring)), nil); err != nil {
					return err
				}
				hint = nil
				continue
			}
			r.ready(ctx, feeds)
			// Nodes begin to feed a moment after they say so, and tell from memory
			// what they would mine, geth for two seconds.
			if !glanced.IsZero() && time.Since(glanced) > 3*time.Second {
				r.glance(ctx, feeds)
				glanced = time.Time{}
			}
			if feeds.silent(r.headAt, max(3*r.w.cfg.BlockTime, 4*r.w.cfg.Poll)) {
				return fmt.Errorf("%s: %w: its feed of new blocks fell silent", r.conn.name, errLost)
			}
		case isMissing(err) || errors.Is(err, errBehind):
			// Announced a moment ago and not there yet, as happens behind load
			// balancers: soon again, then elsewhere.
			if misses++; misses > 20 || len(r.w.ends) > 1 && misses > 4 {
				return err
			}
		default:
			return err
		}
		if hint, err = r.wait(ctx, feeds, misses > 0); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// wait blocks until there may be a new block, and reports waiting transactions
// meanwhile. The header that a subscription brought is a hint.
func (r *run) wait(ctx context.Context, feeds *feeds, soon bool) (*header, error) {
	pause := r.w.cfg.Poll
	if r.w.idle() {
		pause = max(pause, idlePoll)
	}
	if soon {
		pause = min(pause, 200*time.Millisecond)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, nil
		case raw := <-feeds.heads:
			feeds.heard = time.Now()
			for len(feeds.heads) > 0 {
				raw = <-feeds.heads // only the newest counts
			}
			if h, err := decodeHeader(raw); err == nil {
				return &h, nil
			}
			return nil, nil
		case raw := <-feeds.pending:
			r.pendings(ctx, feeds, raw)
		case t := <-feeds.fetched:
			r.deliver(ctx, r.announced(t), r.cursor)
		case <-r.w.wakeBack:
			return nil, nil
		case <-r.votes.changed:
			r.revote(ctx)
		case err := <-feeds.headErr:
			return nil, fmt.Errorf("%s: %w: %s", r.conn.name, errLost, r.conn.cleanOr(err))
		case err := <-feeds.pendErr:
			r.w.cfg.Logger.Info("The feed of waiting transactions ended", "endpoint", r.conn.name, "cause", r.conn.cleanOr(err))
			return nil, fmt.Errorf("%s: %w: %s", r.conn.name, errLost, r.conn.cleanOr(err))
		}
	}
}

func (c *conn) cleanOr(err error) string {
	if err == nil {
		return "closed"
	}
	return c.clean(err)
}

// pendings handles what the pending feed brought, several at once where it is busy.
func (r *run) pendings(ctx context.Context, feeds *feeds, raw json.RawMessage) {
	events := r.pending(feeds, raw)
	for range 256 {
		if len(feeds.pending) == 0 {
			break
		}
		events = append(events, r.pending(feeds, <-feeds.pending)...)
	}
	r.deliver(ctx, events, r.cursor)
}

// pending handles one message. Whatever is in it, the next one is handled too.
func (r *run) pending(feeds *feeds, raw json.RawMessage) (events []chain.Event) {
	defer func() {
		if p := recover(); p != nil {
			events = nil
			r.w.cfg.Logger.Error("A message of the pending feed was not understood", "chain", r.w.network, "cause", fmt.Sprint(p))
		}
	}()
	if len(raw) > 0 && raw[0] == '"' { // some nodes send hashes
		var text string
		if unquote(raw, &text) == nil {
			if hash, err := parseHash(text); err == nil {
				feeds.fetch(hash)
			}
		}
		return nil
	}
	t, err := decodeTx(raw)
	if err != nil {
		return nil
	}
	return r.announced(&t)
}

func unquote(raw json.RawMessage, into *string) error { return json.Unmarshal(raw, into) }

func isMissing(err error) bool { return errors.Is(err, errMissing) }

// deliver gives a batch to the sink, again and again until it is taken, and
// then makes the cursor the stored one. It gives up only with the context.
func (r *run) deliver(ctx context.Context, events []chain.Event, cursor chain.Cursor) bool {
	if len(events) == 0 {
		return true
	}
	owed := r.owed
	if owed != nil {
		events = slices.Insert(events, 0, chain.Event{Kind: chain.HealthChanged, Health: *owed})
	}
	now := r.w.cfg.Now()
	cursor.Seq = r.cursor.Seq
	for i := range events {
		cursor.Seq++
		events[i].Rev, events[i].At = cursor.Seq, now
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		if ctx.Err() != nil {
			return false
		}
		err := r.sink(ctx, events, cursor)
		if err == nil {
			r.cursor = cursor
			if owed != nil {
				r.told, r.owed = *owed, nil
			}
			if h := r.w.Health(); h.Code == chain.HealthStore {
				r.w.setHealth(r.told)
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.w.cfg.Logger.Error("A batch could not be stored and comes again", "chain", r.w.network, "cause", err)
		h := r.w.Health()
		h.Code, h.Detail = chain.HealthStore, ""
		if h.Usable() {
			h.State = chain.Degraded
		}
		r.w.setHealth(h)
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		}
	}
}

// subscribe asks for the feeds that the endpoint can push. A refusal is no
// failure: heads are polled anyway.
func (r *run) subscribe(ctx context.Context, c *conn, f *feeds) {
	if !c.pushes {
		return
	}
	f.ctx, f.cancel = context.WithCancel(ctx)
	heads := make(chan json.RawMessage, 64)
	if sub := r.w.subscribe(ctx, c, heads, "newHeads"); sub != nil {
		f.heads, f.headErr, f.heard = heads, sub.Err(), time.Now()
	}
	if r.w.cfg.Lean {
		return
	}
	pending := make(chan json.RawMessage, 4096)
	sub := r.w.subscribe(ctx, c, pending, "newPendingTransactions", true)
	if sub == nil { // some nodes know only the form without an argument
		sub = r.w.subscribe(ctx, c, pending, "newPendingTransactions")
	}
	if sub != nil {
		f.pending, f.pendErr = pending, sub.Err()
		f.startFetching(c)
	}
}

func (w *Watcher) subscribe(ctx context.Context, c *conn, into chan json.RawMessage, args ...any) *rpc.ClientSubscription {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	sub, err := c.client.EthSubscribe(ctx, into, args...)
	if err != nil {
		w.cfg.Logger.Info("The endpoint does not offer a feed", "endpoint", c.name, "feed", args[0], "cause", c.clean(err))
		return nil
	}
	return sub
}
