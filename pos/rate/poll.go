package rate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cointill/till/pos"
)

const (
	// putOff is how long a pair rests that an exchange does not trade.
	putOff = 10 * time.Minute
	// The waits after failures double from a quarter of the interval (5 s) to
	// fifteen of them (5 min).
	firstPart = 4
	lastTimes = 15
)

// Run asks all sources at once and from then on each at its own pace, until ctx
// ends; it returns the context's error. It is called once.
func (f *Feed) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if len(f.pairs) > 0 {
		for i := range f.cfg.Sources {
			wg.Go(func() { f.poll(ctx, i) })
		}
		wg.Go(func() { f.watch(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	return ctx.Err()
}

// poll asks one source again and again.
func (f *Feed) poll(ctx context.Context, source int) {
	failures := 0
	for {
		ok, after := f.round(ctx, source)
		if ctx.Err() != nil {
			return
		}
		wait := f.cfg.Interval - f.cfg.Interval/20 + f.cfg.Jitter(f.cfg.Interval/10)
		if ok {
			failures = 0
		} else {
			wait = min(f.cfg.Interval/firstPart<<min(failures, 10), f.cfg.Interval*lastTimes)
			wait += f.cfg.Jitter(wait / 4)
			failures++
		}
		wait = max(wait, after)
		if !f.sleep(ctx, source, wait) {
			return
		}
	}
}

func (f *Feed) sleep(ctx context.Context, source int, d time.Duration) bool {
	f.mu.Lock()
	f.next[f.cfg.Sources[source].Name()] = f.cfg.Clock.Now().Add(d)
	f.mu.Unlock()
	timer, stop := f.cfg.Clock.After(d)
	defer stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer:
		return true
	}
}

// round asks one source for every pair. It tells whether the source is of any
// use, and how long it asked to be left alone.
func (f *Feed) round(ctx context.Context, source int) (ok bool, after time.Duration) {
	asked := 0
	for i, pair := range f.pairs {
		if f.resting(source, pair) {
			continue
		}
		asked++
		q, at, err := f.ask(ctx, source, pair)
		now := f.cfg.Clock.Now()
		if ctx.Err() != nil {
			return false, 0
		}
		p := asProblem(err, f.cfg.Sources[source].Name(), pair)
		if p == nil {
			price := sourced{f.cfg.Sources[source].Name(), q.Price, at, apart(q.Bid, q.Ask, q.Price)}
			switch age := now.Sub(at); {
			case age > f.cfg.MaxAge:
				p = &Problem{Code: TooOld, Source: price.source, Pair: pair, Detail: "of " + at.UTC().Format("15:04:05") + " UTC"}
			case age < -f.cfg.MaxAge:
				p = &Problem{Code: Ahead, Source: price.source, Pair: pair}
				price = sourced{}
			}
			var problem error
			if p != nil {
				problem = p
			}
			f.record(source, pair, price, problem, now)
			ok = true
			continue
		}
		after = max(after, p.After)
		f.record(source, pair, sourced{}, p, now)
		if p.wholesale() {
			for _, rest := range f.pairs[i+1:] {
				if !f.resting(source, rest) {
					same := *p
					same.Pair = rest
					f.record(source, rest, sourced{}, &same, now)
				}
			}
			return false, after
		}
		// It does answer, and there is nothing wrong with the source.
		ok = ok || p.Code == NotOffered
	}
	return ok || asked == 0, after
}

// ask gets one quote and the time at which it was true by our clock: that of
// the request, or the exchange's own where that is earlier, or far ahead.
func (f *Feed) ask(ctx context.Context, source int, pair Pair) (Quote, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	asked := f.cfg.Clock.Now()
	q, err := f.cfg.Sources[source].Quote(ctx, pair)
	at := asked
	if err == nil && !q.At.IsZero() {
		// Clocks differ by some seconds; that makes no price younger.
		ahead := q.At.Sub(asked)
		if ahead < 0 || ahead > f.cfg.MaxAge+f.lag(source) {
			at = q.At
		}
	}
	return q, at, err
}

// lag is what the source adds to its own time stamps.
func (f *Feed) lag(source int) time.Duration {
	if e, ok := f.cfg.Sources[source].(*exchange); ok {
		return e.api.lag
	}
	return 0
}

func (f *Feed) resting(source int, pair Pair) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cfg.Clock.Now().Before(f.books[pair].entries[source].later)
}

func asProblem(err error, source string, pair Pair) *Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return &Problem{Code: Unreachable, Source: source, Pair: pair, Cause: err}
}

// watch notices states that change by the clock alone, so that no screen needs
// to look for itself.
func (f *Feed) watch(ctx context.Context) {
	for {
		changed, wait := f.lookAtStates()
		if changed {
			f.tell()
		}
		timer, stop := f.cfg.Clock.After(wait)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-f.nudge:
		case <-timer:
		}
		stop()
	}
}

// lookAtStates tells whether a state differs from what was told last, and when
// the next one will.
func (f *Feed) lookAtStates() (changed bool, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Clock.Now()
	changed, wait = f.expire(now, time.Minute) // a clock that is set must not go unnoticed for longer
	for _, b := range f.books {
		if b.last.price.IsZero() {
			continue
		}
		state := f.state(b.last.at, now)
		changed = changed || state != b.shown
		b.shown = state
		switch state {
		case pos.RateLive:
			wait = min(wait, b.last.at.Add(f.cfg.MaxAge).Sub(now))
		case pos.RateAging:
			wait = min(wait, b.last.at.Add(f.cfg.Stale).Sub(now)+1) // stale is beyond, not at
		}
	}
	return changed, max(wait, time.Millisecond)
}
