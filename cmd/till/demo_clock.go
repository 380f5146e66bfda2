package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate"
)

// warp is the demo's own clock: it runs so many times as fast as the machine's,
// jumps ahead, or stands still. It never goes back.
type warp struct {
	mu      sync.Mutex
	runs    []stretch     // how it went so far, oldest first
	changed chan struct{} // closed when it runs otherwise from now on
}

// stretch is a time in which the clock runs evenly.
type stretch struct {
	real, shown time.Time
	speed       int       // 0 = it stands still
	until       time.Time // where it stops; zero = nowhere
}

func (s stretch) at(real time.Time) time.Time {
	shown := s.shown.Add(real.Sub(s.real) * time.Duration(s.speed))
	if !s.until.IsZero() && shown.After(s.until) {
		return s.until
	}
	return shown
}

// newWarp makes a clock that shows a time now.
func newWarp(shown time.Time, speed int) *warp {
	return &warp{runs: []stretch{{real: time.Now(), shown: shown, speed: speed}}, changed: make(chan struct{})}
}

var _ pos.Clock = (*warp)(nil)

// Now implements pos.Clock.
func (w *warp) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last().at(time.Now())
}

func (w *warp) last() stretch { return w.runs[len(w.runs)-1] }

// Seen is what the clock showed at a time of the machine's. Before it was made
// it ran like that one.
func (w *warp) Seen(real time.Time) time.Time {
	if real.IsZero() {
		return real
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.runs) - 1; i >= 0; i-- {
		if s := w.runs[i]; !real.Before(s.real) {
			return s.at(real)
		}
	}
	s := w.runs[0]
	return s.shown.Add(real.Sub(s.real))
}

// Speed is how many times as fast as the machine's clock it runs.
func (w *warp) Speed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last().speed
}

// Run makes it run so many times as fast from now on; 0 stops it.
func (w *warp) Run(speed int) { w.change(0, speed, time.Time{}) }

// RunUntil makes it run so many times as fast until it shows a time, where it
// stops.
func (w *warp) RunUntil(speed int, shown time.Time) { w.change(0, speed, shown) }

// Jump puts it ahead.
func (w *warp) Jump(d time.Duration) { w.change(max(d, 0), w.Speed(), time.Time{}) }

func (w *warp) change(ahead time.Duration, speed int, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.runs = append(w.runs, stretch{now, w.last().at(now).Add(ahead), speed, until})
	close(w.changed)
	w.changed = make(chan struct{})
}

// left is how long the machine's clock needs until this one shows a time, and
// what tells that it may be otherwise now. Negative = never, as it stands still.
func (w *warp) left(shown time.Time) (time.Duration, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.last()
	switch d := shown.Sub(s.at(time.Now())); {
	case d <= 0:
		return 0, w.changed
	case s.speed == 0, !s.until.IsZero() && shown.After(s.until):
		return -1, w.changed
	default:
		return d/time.Duration(s.speed) + 1, w.changed
	}
}

// After implements pos.Clock.
func (w *warp) After(d time.Duration) (<-chan time.Time, func()) {
	fires, shown := make(chan time.Time, 1), w.Now().Add(d)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		if w.wait(ctx, shown) {
			fires <- w.Now()
		}
	}()
	return fires, stop
}

// wait waits until the clock shows a time; false = ctx ended before.
func (w *warp) wait(ctx context.Context, shown time.Time) bool {
	for {
		left, changed := w.left(shown)
		if left == 0 {
			return true
		}
		var fires <-chan time.Time
		stop := func() bool { return true }
		if left > 0 {
			t := time.NewTimer(left)
			fires, stop = t.C, t.Stop
		}
		select {
		case <-fires:
		case <-changed:
		case <-ctx.Done():
			stop()
			return false
		}
		stop()
	}
}

// beat calls do each time that so much has passed on this clock, and at least so
// much on the machine's, until ctx ends.
func (w *warp) beat(ctx context.Context, every, least time.Duration, do func()) {
	machine := newWarp(time.Now(), 1)
	for next := w.Now().Add(every); w.wait(ctx, next); next = next.Add(every) {
		do()
		if now := w.Now(); next.Before(now.Add(-every)) {
			next = now // it jumped, or runs faster than least allows
		}
		if !machine.wait(ctx, machine.Now().Add(least)) {
			return
		}
	}
}

// paced is warp for a screen: it shows the same time, and waits as long as people
// do. A notice that stands for three seconds can be read at any speed.
type paced struct{ *warp }

// After implements pos.Clock.
func (p paced) After(d time.Duration) (<-chan time.Time, func()) {
	return p.warp.After(d * time.Duration(max(p.Speed(), 1)))
}

// lens shows what a watcher tells by another clock. The networks live in the
// machine's time, as their peers and their protocols do; the shop lives in its
// own.
type lens struct {
	chain.Watcher
	clock *warp
}

// Run implements chain.Watcher.
func (l lens) Run(ctx context.Context, from chain.Cursor, archive chain.Archive, sink chain.Sink) error {
	return l.Watcher.Run(ctx, from, archive, func(ctx context.Context, events []chain.Event, cursor chain.Cursor) error {
		seen := make([]chain.Event, len(events))
		for i, e := range events {
			seen[i] = l.event(e)
		}
		return sink(ctx, seen, cursor)
	})
}

// Watch implements chain.Watcher. Until is at least so far off as it is here: a
// clock that runs fast only gets there sooner.
func (l lens) Watch(ctx context.Context, targets ...chain.Target) error {
	now, machine := l.clock.Now(), time.Now()
	real := slices.Clone(targets)
	for i, t := range real {
		real[i].Until = time.Time{}
		if t.Until.After(now) {
			real[i].Until = machine.Add(t.Until.Sub(now))
		}
	}
	return l.Watcher.Watch(ctx, real...)
}

// Lookup implements chain.Watcher.
func (l lens) Lookup(ctx context.Context, ref chain.Ref) (chain.Found, error) {
	found, err := l.Watcher.Lookup(ctx, ref)
	found.Block.Time = l.clock.Seen(found.Block.Time)
	payments := make([]chain.Event, len(found.Payments))
	for i, e := range found.Payments {
		payments[i] = l.event(e)
	}
	found.Payments = payments
	return found, err
}

// Health implements chain.Watcher.
func (l lens) Health() chain.Health { return l.health(l.Watcher.Health()) }

func (l lens) health(h chain.Health) chain.Health {
	h.TipAt = l.clock.Seen(h.TipAt)
	return h
}

func (l lens) event(e chain.Event) chain.Event {
	e.At = l.clock.Seen(e.At)
	e.Block.Time = l.clock.Seen(e.Block.Time)
	e.Tip.Block.Time = l.clock.Seen(e.Tip.Block.Time)
	e.Health = l.health(e.Health)
	return e
}

// shownRates shows a price feed's ages by another clock; the exchanges and the
// feed live in the machine's time.
type shownRates struct {
	*rate.Feed
	clock *warp
}

// Rate implements pos.Rates.
func (r shownRates) Rate(asset chain.Asset, currency money.Currency) (pos.RateInfo, error) {
	info, err := r.Feed.Rate(asset, currency)
	info.At = r.clock.Seen(info.At)
	return info, err
}
