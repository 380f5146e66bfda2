package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
)

// TestWarp: the demo's clock runs, jumps, stops and waits as it is told, and
// what the machine's clock said once is shown the same later.
func TestWarp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Date(2026, 11, 20, 14, 2, 0, 0, time.UTC)
		w := newWarp(began, 1)
		real := time.Now()
		shows := func(what string, want time.Duration) {
			t.Helper()
			if got := w.Now().Sub(began); got != want {
				t.Errorf("%s: it shows %s and not %s", what, got, want)
			}
		}
		time.Sleep(10 * time.Second)
		shows("as usual", 10*time.Second)
		w.Run(60)
		time.Sleep(time.Second)
		shows("60 times as fast", 70*time.Second)
		w.Jump(15 * time.Minute)
		shows("a jump", 970*time.Second)
		w.Run(0)
		time.Sleep(time.Hour)
		shows("standing still", 970*time.Second)
		w.RunUntil(10, began.Add(1000*time.Second))
		time.Sleep(time.Second)
		shows("running on", 980*time.Second)
		time.Sleep(time.Hour)
		shows("stopped where it should", 1000*time.Second)

		for _, c := range []struct{ real, shown time.Duration }{
			{-time.Hour, -time.Hour},
			{0, 0},
			{5 * time.Second, 5 * time.Second},
			{10500 * time.Millisecond, 40 * time.Second},
			{30 * time.Minute, 970 * time.Second},
			{3 * time.Hour, 1000 * time.Second},
		} {
			if got := w.Seen(real.Add(c.real)).Sub(began); got != c.shown {
				t.Errorf("%s after the start it showed %s, and now it says %s", c.real, c.shown, got)
			}
		}
		if !w.Seen(time.Time{}).IsZero() {
			t.Error("no time has become one")
		}
	})
}

func TestWarpTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWarp(time.Now(), 1)
		fired := func(ch <-chan time.Time) bool {
			synctest.Wait()
			select {
			case <-ch:
				return true
			default:
				return false
			}
		}
		minute, stop := w.After(time.Minute)
		defer stop()
		time.Sleep(30 * time.Second)
		w.Run(60)
		time.Sleep(499 * time.Millisecond)
		if fired(minute) {
			t.Error("a timer fires early")
		}
		time.Sleep(2 * time.Millisecond)
		if !fired(minute) {
			t.Error("a timer does not follow the speed")
		}
		w.Run(0)
		hour, stop := w.After(time.Hour)
		defer stop()
		never, forget := w.After(time.Hour)
		forget()
		time.Sleep(24 * time.Hour)
		if fired(hour) {
			t.Error("a timer fires while time stands still")
		}
		w.Jump(time.Hour)
		if !fired(hour) || fired(never) {
			t.Error("a jump fires what it jumps over, and only what nobody stopped")
		}
		// A screen's second is a second for people.
		w.Run(60)
		second, stop := paced{w}.After(time.Second)
		defer stop()
		time.Sleep(990 * time.Millisecond)
		if fired(second) {
			t.Error("screens tick faster than people look")
		}
		time.Sleep(20 * time.Millisecond)
		if !fired(second) {
			t.Error("screens do not tick")
		}

		// Blocks come by this clock, but not more often than the networks bear.
		ctx, end := context.WithCancel(t.Context())
		defer end()
		var blocks atomic.Int64
		w.Run(1)
		go w.beat(ctx, 15*time.Second, time.Second, func() { blocks.Add(1) })
		time.Sleep(151 * time.Second)
		slow := blocks.Load()
		w.Run(60)
		time.Sleep(10 * time.Second)
		if fast := blocks.Load() - slow; slow != 10 || fast < 9 || fast > 11 {
			t.Errorf("%d blocks in ten times their interval, %d in ten seconds of fast time", slow, fast)
		}
		end()
		synctest.Wait()
	})
}

// asked keeps what it was asked to watch.
type askedWatcher struct {
	chain.Watcher
	until []time.Time
}

func (a *askedWatcher) Watch(_ context.Context, targets ...chain.Target) error {
	for _, t := range targets {
		a.until = append(a.until, t.Until)
	}
	return nil
}

// TestLensTargets: a watcher hears in the machine's time how long somebody waits.
func TestLensTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shown := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		under := &askedWatcher{}
		l := lens{under, newWarp(shown, 0)}
		if err := l.Watch(t.Context(), chain.Target{Until: shown.Add(time.Hour)}, chain.Target{}, chain.Target{Until: shown}); err != nil {
			t.Fatal(err)
		}
		if got := under.until; !got[0].Equal(time.Now().Add(time.Hour)) || !got[1].IsZero() || !got[2].IsZero() {
			t.Errorf("it watches until %v", got)
		}
	})
}
