package chaintest

import (
	"slices"
	"testing"

	"github.com/cointill/till/chain"
)

// paidWhileDown: a payment that was made and mined while no watcher ran is
// Included without ever having been Seen.
func paidWhileDown(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to)
	s.End(t)
	tx := h.Pay(t, to.ID, h.Assets()[0], sum)
	h.Mine(t, 2)
	s = BeginReady(t, h, l, to)
	waitIncluded(t, s, l, to.ID)
	p, _ := only(l, to.ID)
	demand(t, p, tx, h.Assets()[0], sum)
	if p.Had(chain.Seen) {
		t.Error("it was reported as Seen by a watcher that came after it was mined")
	}
}

// sentWhileDown: a payment that was sent while no watcher ran, and still waits,
// is Seen by a backend that can ask for it, and Included by every one.
func sentWhileDown(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 2)
	BeginReady(t, h, l, targets...).End(t)
	tx := h.Pay(t, targets[0].ID, h.Assets()[0], sum)
	s := BeginReady(t, h, l, targets...)
	if s.Watcher.Capabilities().Backfill {
		waitSeen(t, s, l, targets[0].ID)
	}
	h.Pay(t, targets[1].ID, h.Assets()[0], sum)
	waitSeen(t, s, l, targets[1].ID)
	h.Mine(t, 1)
	waitIncluded(t, s, l, targets[0].ID, targets[1].ID)
	p, _ := only(l, targets[0].ID)
	demand(t, p, tx, h.Assets()[0], sum)
}

// coldAddress: an address that was shown long ago and is no longer given to
// Watch is known to the archive. What it received while no watcher ran is found
// by the time that it has caught up, or soon after, and counts once.
func coldAddress(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	cold, hot := h.Fresh(t), watching(t, h, 1)[0]
	archive := Shown{"sale 1": cold, "sale 2": h.Fresh(t), "another rail's": "no address"}
	BeginReady(t, h, l).End(t)
	tx := h.Pay(t, cold, h.Assets()[0], sum)
	h.Mine(t, 3)
	s := BeginWith(t, h, l, archive, hot)
	waitIncluded(t, s, l, cold)
	s.Ready(t, h, l)
	s.End(t)
	s = BeginWith(t, h, l, archive, hot)
	s.Ready(t, h, l)
	h.Pay(t, hot.ID, h.Assets()[0], sum)
	h.Mine(t, 1)
	waitIncluded(t, s, l, hot.ID)
	waitTip(t, s, h, l)
	p, _ := only(l, cold)
	demand(t, p, tx, h.Assets()[0], sum)
	if n := len(p.History); n != 1 {
		t.Errorf("the cold address's payment was reported %d times\n%s", n, l)
	}
}

// behind: the watcher comes back many blocks later, with payments in some.
func behind(t *testing.T, h Harness) {
	const blocks, every = 500, 100
	l := NewLedger(t, h.Network())
	targets := watching(t, h, blocks/every)
	s := BeginReady(t, h, l, targets...)
	s.End(t)
	var paid []chain.Destination
	for _, to := range targets {
		h.Pay(t, to.ID, h.Assets()[0], sum)
		h.Mine(t, every)
		paid = append(paid, to.ID)
	}
	calls := l.Calls()
	s = BeginReady(t, h, l, targets...)
	waitIncluded(t, s, l, paid...)
	waitTip(t, s, h, l)
	if n := l.Calls() - calls; n > blocks/2 {
		t.Errorf("catching up on %d blocks took %d batches; blocks without a payment may share one", blocks, n)
	}
	if n := len(l.Cursor().Ring); n != chain.RingSize {
		t.Errorf("the ring holds %d blocks after %d, want %d", n, blocks, chain.RingSize)
	}
}

func reorg(t *testing.T, h Harness, depth int, keep bool) {
	l := NewLedger(t, h.Network())
	targets := watching(t, h, depth+1)
	s := BeginReady(t, h, l, targets...)
	asset := h.Assets()[0]
	var lost []chain.Destination
	h.Pay(t, targets[0].ID, asset, sum) // stays below the fork
	h.Mine(t, 1)
	for _, to := range targets[1:] {
		h.Pay(t, to.ID, asset, sum)
		h.Mine(t, 1)
		lost = append(lost, to.ID)
	}
	waitIncluded(t, s, l, append(lost, targets[0].ID)...)
	waitTip(t, s, h, l)
	where := map[chain.Destination]string{}
	for _, to := range lost {
		p, _ := only(l, to)
		where[to] = p.Event.Block.Hash
	}

	h.Reorg(t, depth, keep)
	waitTip(t, s, h, l)
	l.Wait(t, "what was lost to be Retracted, and kept ones to be Included again", func() bool {
		s.mustRun(t)
		for _, to := range lost {
			p, ok := only(l, to)
			if !ok || !p.Had(chain.Retracted) || keep && p.Kind() != chain.Included {
				return false
			}
		}
		return true
	})
	for _, to := range lost {
		p, _ := only(l, to)
		if keep && p.Event.Block.Hash == where[to] {
			t.Errorf("%s is said to be in the lost block still", to)
		}
		if !keep && p.Kind() == chain.Included {
			t.Errorf("%s is said to be in %d, the new branch does not hold it", to, p.Event.Block.Height)
		}
	}
	if p, _ := only(l, targets[0].ID); p.Had(chain.Retracted) || p.Kind() != chain.Included {
		t.Error("a payment below the fork was touched")
	}
	// Life goes on after it.
	to := chain.Target{ID: h.Fresh(t), Assets: h.Assets(), Since: h.Height(t)}
	if err := s.Watcher.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	h.Pay(t, to.ID, asset, sum)
	h.Mine(t, 1)
	waitIncluded(t, s, l, to.ID)
	waitTip(t, s, h, l)
}

// reorgWhileDown: the fork lies behind the cursor of a watcher that comes back.
func reorgWhileDown(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 3)
	s := BeginReady(t, h, l, targets...)
	asset := h.Assets()[0]
	for _, to := range targets {
		h.Pay(t, to.ID, asset, sum)
		h.Mine(t, 1)
	}
	waitIncluded(t, s, l, targets[0].ID, targets[1].ID, targets[2].ID)
	waitTip(t, s, h, l)
	s.End(t)
	h.Reorg(t, 2, false)
	s = BeginReady(t, h, l, targets...)
	waitTip(t, s, h, l)
	l.Wait(t, "two payments to be Retracted", func() bool {
		s.mustRun(t)
		a, _ := only(l, targets[1].ID)
		b, _ := only(l, targets[2].ID)
		return a.Had(chain.Retracted) && b.Had(chain.Retracted)
	})
	if p, _ := only(l, targets[0].ID); p.Had(chain.Retracted) {
		t.Error("a payment below the fork was retracted")
	}
}

// tipsAlone: without any payment or target every new block is told, since depth
// comes from Tips alone.
func tipsAlone(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	s := BeginReady(t, h, l)
	for range 5 {
		h.Mine(t, 1)
		waitTip(t, s, h, l)
	}
	if got, want := l.Cursor().Head().Height, h.Height(t); got != want {
		t.Errorf("the cursor is at %d, the chain at %d", got, want)
	}
}

// replaced: the payer takes the payment back before it is mined.
func replaced(t *testing.T, h Harness) {
	replacer, ok := h.(Replacer)
	if !ok {
		doesNotApply(t, "the harness cannot replace a transaction")
		return
	}
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to)
	if !s.Watcher.Capabilities().Unconfirmed {
		doesNotApply(t, "the backend does not see what is not mined")
		return
	}
	tx := h.Pay(t, to.ID, h.Assets()[0], sum)
	waitSeen(t, s, l, to.ID)
	by := replacer.Replace(t, tx)
	l.Wait(t, "Conflict or Gone", func() bool {
		s.mustRun(t)
		p, _ := only(l, to.ID)
		return p.Fought || p.Kind() == chain.Gone
	})
	h.Mine(t, 1)
	l.Wait(t, "Gone", func() bool {
		s.mustRun(t)
		p, _ := only(l, to.ID)
		return p.Kind() == chain.Gone
	})
	if p, _ := only(l, to.ID); p.Event.By != by && p.Event.By != "" {
		t.Errorf("replaced by %s, want %s", p.Event.By, by)
	}
}

// minedConflict: a block holds another transaction that spends what a waiting
// payment spends.
func minedConflict(t *testing.T, h Harness) {
	spender, ok := h.(DoubleSpender)
	if !ok {
		doesNotApply(t, "the harness cannot mine a double spend")
		return
	}
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to)
	if !s.Watcher.Capabilities().Unconfirmed {
		doesNotApply(t, "the backend does not see what is not mined")
		return
	}
	tx := h.Pay(t, to.ID, h.Assets()[0], sum)
	waitSeen(t, s, l, to.ID)
	by := spender.DoubleSpend(t, tx)
	l.Wait(t, "Gone, and a Conflict that names the block and the other transaction", func() bool {
		s.mustRun(t)
		p, _ := only(l, to.ID)
		return p.Fought && p.Kind() == chain.Gone && slices.ContainsFunc(p.History, func(e chain.Event) bool {
			return e.Kind == chain.Conflict && !e.Block.IsZero() && e.By == by
		})
	})
}

// inVain: a transaction is mined and moves nothing.
func inVain(t *testing.T, h Harness) {
	reverter, ok := h.(Reverter)
	if !ok {
		doesNotApply(t, "on this chain a mined payment always moves money")
		return
	}
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 2)
	s := BeginReady(t, h, l, targets...)
	reverter.PayInVain(t, targets[0].ID, h.Assets()[0], sum)
	h.Pay(t, targets[1].ID, h.Assets()[0], sum)
	h.Mine(t, 1)
	waitIncluded(t, s, l, targets[1].ID)
	waitTip(t, s, h, l)
	for _, p := range l.At(targets[0].ID) {
		if p.Kind() == chain.Included {
			t.Errorf("a payment that moved nothing is said to be included: %+v", p.Event)
		}
	}
}
