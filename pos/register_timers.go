package pos

import (
	"container/heap"
	"context"
	"time"
)

// timer is a moment at which the clock alone may change a sale. Timers are
// never removed: one that no longer matches its sale's Next is passed over.
type timer struct {
	at time.Time
	id string
}

// timers is a heap, the earliest first.
type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

// at notes a moment at which a sale is to be looked at. The caller holds mu.
func (r *Register) at(when time.Time, e *entry) {
	if e.timer.Equal(when) {
		return
	}
	e.timer = when
	heap.Push(&r.timers, timer{at: when, id: e.rec.Sale.ID})
	r.wakeTimers()
}

func (r *Register) wakeTimers() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

const (
	// longest is how long the timers sleep at most: a wall clock that was set,
	// or a machine that slept, moves deadlines without any timer noticing.
	longest = time.Minute
	// coolEvery is how often addresses that became cold are let go of.
	coolEvery = 24 * time.Hour
	// storeRetry is the pause after a store that failed.
	storeRetry = time.Second
	// heldRetry is the pause while a rail catches up.
	heldRetry = time.Second
)

func (r *Register) runTimers(ctx context.Context) {
	cooled := r.now()
	for {
		wait := storeRetry
		err := r.contain(func() (err error) {
			wait, err = r.fire(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			r.log.Error("a sale's new state cannot be stored; trying again", "err", err)
			wait = storeRetry
		}
		if now := r.now(); now.Sub(cooled) >= coolEvery {
			cooled = now
			r.cool(ctx)
		}
		due, stop := r.cfg.Clock.After(min(wait, longest))
		select {
		case <-ctx.Done():
			stop()
			return
		case <-due:
		case <-r.kick:
			stop()
		}
	}
}

// fire assesses all that is due and says how long to wait for the rest.
func (r *Register) fire(ctx context.Context) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	st := r.stage(now)
	var due, held []timer
	again := func(timers []timer) {
		for _, t := range timers {
			heap.Push(&r.timers, t)
			r.entries[t.id].timer = t.at
		}
	}
	for len(r.timers) > 0 && !r.timers[0].at.After(now) {
		t := heap.Pop(&r.timers).(timer)
		e := r.entries[t.id]
		if e != nil && e.timer.Equal(t.at) {
			e.timer = time.Time{}
		}
		switch {
		case e == nil:
		case !e.rec.Sale.Outcome.Next.Equal(t.at):
			r.forget(e)
		case !r.caughtUp(e.rec.Sale):
			// What came while nobody looked must be known before a price is
			// said to have run out.
			held = append(held, t)
		default:
			st.touch(e.rec)
			due = append(due, t)
		}
	}
	again(held)
	if len(due) > 0 {
		stored := false
		defer func() {
			if !stored { // also where the store panics
				again(due)
			}
		}()
		if err := st.commit(ctx); err != nil {
			return 0, err
		}
		stored = true
	}
	switch {
	case len(held) > 0:
		return heldRetry, nil
	case len(r.timers) == 0:
		return longest, nil
	}
	return r.timers[0].at.Sub(r.now()), nil
}

// caughtUp tells whether every rail that a sale was quoted on has been caught
// up since the start.
func (r *Register) caughtUp(s Sale) bool {
	for _, q := range s.Quotes {
		if r.rails[q.Rail] != nil && !r.caught[q.Rail] {
			return false
		}
	}
	return true
}
