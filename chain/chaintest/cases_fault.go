package chaintest

import (
	"slices"
	"testing"

	"github.com/cointill/till/chain"
)

// killAtEveryBatch: the sink refuses a batch, or the process dies before or
// after it is stored, at one batch after the other. Nothing is lost and nothing
// counts twice.
func killAtEveryBatch(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	fates := []Fate{Fail, KillBefore, KillAfter, Commit}
	armed := false
	moves, between := 0, 0
	decided := map[Fate]int{}
	l.Decide = func(_ int, events []chain.Event) Fate {
		if !armed {
			return Commit
		}
		// What brings the ledger further is counted by itself: the same number of
		// batches between two such could else have it die at the one for ever.
		news := slices.ContainsFunc(events, func(e chain.Event) bool {
			return e.Kind == chain.Tip && e.Tip.Block.Hash != l.cursor.Head().Hash || !e.Block.IsZero()
		})
		n := &between
		if news {
			n = &moves
		} else if between >= 4*len(fates) {
			return Commit // a slow way needs some of these before it is connected
		}
		fate := fates[*n%len(fates)]
		*n++
		decided[fate]++
		return fate
	}
	asset := h.Assets()[0]
	var targets []chain.Target
	var paid []chain.Destination
	s := Begin(t, h, l)
	s.Ready(t, h, l)
	l.mu.Lock()
	armed = true
	l.mu.Unlock()

	// revive starts a new watcher whenever the one before was killed, until ok.
	revive := func(what string, ok func() bool) {
		t.Helper()
		l.Wait(t, what, func() bool {
			select {
			case err := <-s.done:
				s.done <- err
				s.Wait(t)
				s = Begin(t, h, l, targets...)
			default:
			}
			return ok()
		})
	}
	height := func(what string) {
		t.Helper()
		goal := h.Height(t)
		revive(what, func() bool { return l.Tip().Block.Height == goal })
	}
	for range 4 {
		to := chain.Target{ID: h.Fresh(t), Assets: h.Assets(), Since: h.Height(t)}
		targets = append(targets, to)
		if err := s.Watcher.Watch(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		paid = append(paid, to.ID)
		h.Pay(t, to.ID, asset, sum)
		h.Mine(t, 1)
		height("a Tip with a payment")
		h.Mine(t, 2)
		height("a Tip without one")
	}
	h.Reorg(t, 3, true)
	height("a Tip after a reorganisation")
	revive("every payment to be Included", func() bool {
		for _, to := range paid {
			if !included(l, to) {
				return false
			}
		}
		return true
	})
	l.mu.Lock()
	armed = false
	l.mu.Unlock()
	h.Mine(t, 1)
	height("the last Tip")
	if n := l.Payments(); n != len(paid) {
		t.Errorf("%d payments were reported, %d were made\n%s", n, len(paid), l)
	}
	for fate := range KillAfter + 1 {
		if decided[fate] == 0 {
			t.Errorf("fate %d was never played: %v", fate, decided)
		}
	}
}

// storeDown: batches cannot be stored for a while, as on a full disk. Health
// says so, and afterwards everything is delivered.
func storeDown(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	broken := false
	l.Decide = func(int, []chain.Event) Fate {
		if broken {
			return Fail
		}
		return Commit
	}
	set := func(to bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		broken = to
	}
	s := BeginReady(t, h, l, to)
	set(true)
	h.Pay(t, to.ID, h.Assets()[0], sum)
	h.Mine(t, 2)
	l.Wait(t, "health to name the store", func() bool {
		s.mustRun(t)
		return s.Watcher.Health().Code == chain.HealthStore
	})
	set(false)
	waitIncluded(t, s, l, to.ID)
	waitTip(t, s, h, l)
	l.Wait(t, "health to be well again", func() bool {
		s.mustRun(t)
		health := s.Watcher.Health()
		return health.Usable() && health.Code != chain.HealthStore
	})
}

// nodeDownAndUp: a lost node is noticed, and everything works again by itself
// once it is back, with what happened in between.
func nodeDownAndUp(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 2)
	s := BeginReady(t, h, l, targets...)
	h.Stop(t)
	l.Wait(t, "the loss to be noticed", func() bool {
		s.mustRun(t)
		health := s.Watcher.Health()
		return health.State == chain.Connecting || health.State == chain.Down
	})
	if s.Watcher.Health().Code == chain.HealthOK {
		t.Error("health gives no reason for being down")
	}
	h.Start(t)
	h.Pay(t, targets[0].ID, h.Assets()[0], sum)
	h.Mine(t, 1)
	waitIncluded(t, s, l, targets[0].ID)
	s.Ready(t, h, l)
	h.Pay(t, targets[1].ID, h.Assets()[0], sum)
	waitSeen(t, s, l, targets[1].ID)
	h.Mine(t, 1)
	waitIncluded(t, s, l, targets[1].ID)
	var down, up bool
	for _, health := range l.Healths() {
		if health.State == chain.Down || health.State == chain.Connecting {
			down = true
		} else if down && health.Usable() {
			up = true
		}
	}
	if !down || !up {
		t.Errorf("HealthChanged did not tell of the loss (%v) and the return (%v)\n%s", down, up, l)
	}
}
