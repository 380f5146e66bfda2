package pos

import (
	"context"
	"errors"
	"time"

	"github.com/cointill/till/chain"
)

// runRail hands a rail everything that it has to look for and lets its watcher
// run from where it was read to.
func (r *Register) runRail(ctx context.Context, rail chain.Rail) {
	ready := r.persist("the addresses of open sales cannot be watched; trying again", rail, func() error {
		err := r.watchHot(ctx, rail)
		if err != nil {
			r.fail(rail, err)
		}
		return err
	})
	if !ready {
		return
	}
	r.mu.Lock()
	cursor := r.cursors[rail.ID()]
	r.mu.Unlock()
	err := r.contain(func() error {
		return rail.Watcher().Run(ctx, cursor, archive{r}, r.sink(rail))
	})
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = errors.New("it ended by itself")
	}
	r.log.Error("a watcher gave up", "rail", rail.ID(), "err", err)
	r.fail(rail, err)
}

// fail puts on the board that a rail is not watched.
func (r *Register) fail(rail chain.Rail, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.health[rail.ID()]
	h.State, h.Code, h.Detail = chain.Down, chain.HealthInternal, CleanText(err.Error(), 200)
	r.health[rail.ID()] = h
	r.publish()
}

// persist tries until it succeeds, with longer and longer pauses. False means
// that the register ended first.
func (r *Register) persist(trouble string, rail chain.Rail, try func() error) bool {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := r.contain(try)
		if err == nil {
			return true
		}
		if r.life.Err() != nil {
			return false
		}
		r.log.Warn(trouble, "rail", rail.ID(), "err", err)
		if !r.pause(wait) {
			return false
		}
	}
}

// pause waits, and is false when the register ended.
func (r *Register) pause(d time.Duration) bool {
	over, stop := r.cfg.Clock.After(d)
	defer stop()
	select {
	case <-r.life.Done():
		return false
	case <-over:
		return true
	}
}

// watchHot gives a watcher, before it runs, every hot address of its account
// and the unused ones that come next. What was read before the restart was read
// with these addresses, so there is no height to look back to.
func (r *Register) watchHot(ctx context.Context, rail chain.Rail) error {
	account := rail.Account()
	hot, err := r.cfg.Store.Hot(ctx, r.now().Add(-hotFor))
	if err != nil {
		return err
	}
	next, err := r.cfg.Store.Next(ctx, account.ID)
	if err != nil {
		return err
	}
	next = max(next, account.First)
	until := make(map[chain.Destination]time.Time)
	r.mu.Lock()
	for id := range r.open {
		if q, ok := r.entries[id].rec.Sale.Quote(); ok && q.Rail == rail.ID() {
			until[q.To] = waitedFor(q)
		}
	}
	r.mu.Unlock()
	var targets []chain.Target
	watched := make(map[chain.Destination]bool)
	for _, k := range hot {
		if k.Account == account.ID {
			targets = append(targets, chain.Target{ID: k.To, Assets: ids(rail), Until: until[k.To]})
			watched[k.To] = true
		}
	}
	targets = append(targets, r.unused(rail, next, next+ahead)...)
	paidBack := r.payouts(rail)
	for _, list := range paidBack {
		for _, f := range list {
			targets = append(targets, f.target(rail))
		}
	}
	if err := rail.Watcher().Watch(ctx, targets...); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aheadTo[account.ID] = max(r.aheadTo[account.ID], next+ahead)
	var views []View
	for id, list := range paidBack {
		if e := r.entries[id]; e != nil {
			for _, f := range list {
				e.payouts = append(e.payouts, f.To)
			}
			views = append(views, r.view(e))
		}
	}
	for id := range r.open {
		e := r.entries[id]
		// Not a sale that was rung up meanwhile: its own Watch has not returned.
		if q, ok := e.rec.Sale.Quote(); ok && q.Rail == rail.ID() && watched[q.To] && !e.watched {
			e.watched = true
			views = append(views, r.view(e))
		}
	}
	r.publish(views...)
	return nil
}

// payouts are the refunds on a rail that are looked for, by sale.
func (r *Register) payouts(rail chain.Rail) map[string][]refund {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := make(map[string][]refund)
	for id, list := range r.refunds {
		for _, f := range list {
			if f.Rail == rail.ID() {
				due[id] = append(due[id], f)
			}
		}
	}
	return due
}

func ids(rail chain.Rail) []chain.AssetID {
	var out []chain.AssetID
	for _, a := range rail.Assets() {
		out = append(out, a.ID)
	}
	return out
}

// unused are the addresses of an account at indices that nobody was shown yet: whatever comes there is to be reported.
func (r *Register) unused(rail chain.Rail, from, to uint32) []chain.Target {
	var targets []chain.Target
	for i := from; i < to; i++ {
		dest, err := rail.Destination(i)
		if errors.Is(err, chain.ErrNoSuchIndex) {
			break
		}
		if err != nil {
			r.log.Error("an address cannot be derived", "rail", rail.ID(), "index", i, "err", err)
			break
		}
		targets = append(targets, chain.Target{ID: dest, Assets: ids(rail)})
	}
	return targets
}

// watchAhead keeps the next unused addresses watched after an index was
// allocated.
func (r *Register) watchAhead(account string, index uint32) {
	r.mu.Lock()
	from, to := r.aheadTo[account], index+1+ahead
	if from < to {
		r.aheadTo[account] = to
	}
	r.mu.Unlock()
	if from >= to {
		return
	}
	for _, rail := range r.accounts[account] {
		err := r.contain(func() error {
			if targets := r.unused(rail, from, to); len(targets) > 0 {
				return rail.Watcher().Watch(r.life, targets...)
			}
			return nil
		})
		if err != nil && r.life.Err() == nil {
			r.log.Warn("addresses could not be watched ahead", "rail", rail.ID(), "err", err)
		}
	}
}

// reorgDepth is how far below the height at which an address was shown its
// money may still turn up: the chain may be written again from there.
const reorgDepth = 12

// lookFrom is Target.Since for an address that was shown at a height. Heights
// of one chain mean nothing on another.
func lookFrom(height uint64) uint64 {
	if height == 0 {
		return 0
	}
	return max(1, height-min(height, reorgDepth))
}

// waitedFor is until when somebody waits for a quote's money: a top-up counts
// for one quote length after the quote has ended.
func waitedFor(q Quote) time.Time { return q.Deadline.Add(q.Deadline.Sub(q.At)) }

// watch makes sure that a quote's address is looked for, and lets its QR be
// drawn from then on. It goes on trying when the caller has given up, so that a
// sale never stays blind. Done is closed when it is watched.
func (r *Register) watch(saleID string, q Quote, account string) (done <-chan struct{}) {
	ch := make(chan struct{})
	for _, rail := range r.accounts[account] {
		if rail.ID() == q.Rail {
			continue
		}
		// The same address on other chains of this key: money that comes there
		// by mistake must be seen too.
		r.spawn(func() {
			r.mu.Lock()
			since := r.tips[rail.ID()].Block.Height
			r.mu.Unlock()
			r.persist("an address could not be watched on a sister chain; trying again", rail, func() error {
				return rail.Watcher().Watch(r.life, chain.Target{ID: q.To, Assets: ids(rail), Since: lookFrom(since)})
			})
		})
	}
	r.spawn(func() {
		rail := r.rails[q.Rail]
		watched := r.persist("an address could not be watched; trying again", rail, func() error {
			return rail.Watcher().Watch(r.life, chain.Target{ID: q.To, Assets: ids(rail), Since: lookFrom(q.Since), Until: waitedFor(q)})
		})
		if !watched {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		defer close(ch)
		e := r.entries[saleID]
		if e == nil {
			return
		}
		// A newer quote has a watch of its own.
		if now, _ := e.rec.Sale.Quote(); now.Rail == q.Rail && now.To == q.To {
			e.watched = true
			r.publish(r.view(e))
		}
	})
	return ch
}

// cool lets go of addresses whose sales were closed long ago. The store and the
// archive go on knowing them.
func (r *Register) cool(ctx context.Context) {
	hot, err := r.cfg.Store.Hot(ctx, r.now().Add(-hotFor))
	if err != nil {
		r.log.Error("the addresses to watch cannot be read", "err", err)
		return
	}
	keep := make(map[chain.Destination]bool, len(hot))
	for _, k := range hot {
		keep[k.To] = true
	}
	r.mu.Lock()
	for _, list := range r.refunds {
		for _, f := range list {
			keep[f.To] = true
		}
	}
	var cold []chain.Destination
	for to, id := range r.byDest {
		// What is in memory is open, was closed just now or came after hot was read.
		if !keep[to] && r.entries[id] == nil {
			cold = append(cold, to)
			delete(r.byDest, to)
		}
	}
	r.mu.Unlock()
	if len(cold) == 0 {
		return
	}
	for _, rail := range r.cfg.Rails {
		rail.Watcher().Unwatch(cold...)
	}
	// One of them may have been shown again meanwhile.
	for _, rail := range r.cfg.Rails {
		var again []chain.Target
		r.mu.Lock()
		for _, to := range cold {
			if _, shown := r.byDest[to]; shown {
				again = append(again, chain.Target{ID: to, Assets: ids(rail)})
			}
		}
		r.mu.Unlock()
		if len(again) > 0 {
			r.spawn(func() {
				r.persist("an address could not be watched; trying again", rail, func() error {
					return rail.Watcher().Watch(r.life, again...)
				})
			})
		}
	}
}
