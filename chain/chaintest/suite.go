package chaintest

import (
	"fmt"
	"testing"

	"github.com/cointill/till/chain"
)

// Run plays every case on a network of its own from start.
func Run(t *testing.T, start func(t *testing.T) Harness) {
	cases := []struct {
		name string
		play func(*testing.T, Harness)
	}{
		{"PaySeenIncluded", paySeenIncluded},
		{"AmountsAsTheyCome", amountsAsTheyCome},
		{"EveryAsset", everyAsset},
		{"TwoOutputs", twoOutputs},
		{"TenThousandTargets", tenThousandTargets},
		{"WatchWhileRunning", watchWhileRunning},
		{"WatchAfterPay", watchAfterPay},
		{"WatchTwice", watchTwice},
		{"Unwatch", unwatch},
		{"PaidWhileDown", paidWhileDown},
		{"SentWhileDown", sentWhileDown},
		{"ColdAddress", coldAddress},
		{"Behind", behind},
		{"ReorgWhileDown", reorgWhileDown},
		{"Kill", killAtEveryBatch},
		{"StoreDown", storeDown},
		{"NodeDownAndUp", nodeDownAndUp},
		{"TipsAlone", tipsAlone},
		{"Lookup", lookup},
		{"Replaced", replaced},
		{"MinedConflict", minedConflict},
		{"InVain", inVain},
	}
	for _, depth := range []int{1, 3, 6} {
		for _, keep := range []bool{true, false} {
			cases = append(cases, struct {
				name string
				play func(*testing.T, Harness)
			}{
				fmt.Sprintf("Reorg/%d/%s", depth, map[bool]string{true: "keep", false: "lose"}[keep]),
				func(t *testing.T, h Harness) { reorg(t, h, depth, keep) },
			})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := start(t)
			if limited, ok := h.(Limited); ok {
				if why := limited.Skip(c.name); why != "" {
					doesNotApply(t, why)
					return
				}
			}
			c.play(t, h)
		})
	}
}

// doesNotApply says why a case has nothing to ask of a network or a backend.
// It is not a skipped test: nothing that could run was left out.
func doesNotApply(t *testing.T, why string) {
	t.Helper()
	t.Logf("does not apply: %s", why)
}

// watching makes n fresh targets for all of the harness's assets.
func watching(t testing.TB, h Harness, n int) []chain.Target {
	t.Helper()
	targets := make([]chain.Target, n)
	for i := range targets {
		targets[i] = chain.Target{ID: h.Fresh(t), Assets: h.Assets()}
	}
	return targets
}

// only returns the one payment to a target, or false.
func only(l *Ledger, to chain.Destination) (Payment, bool) {
	p := l.At(to)
	if len(p) != 1 {
		return Payment{}, false
	}
	return p[0], true
}

// included tells whether the one payment to a target is in a block.
func included(l *Ledger, to chain.Destination) bool {
	p, ok := only(l, to)
	return ok && p.Kind() == chain.Included
}

// waitSeen waits until a waiting payment is reported, where the backend can.
func waitSeen(t testing.TB, s *Session, l *Ledger, to chain.Destination) {
	t.Helper()
	if !s.Watcher.Capabilities().Unconfirmed {
		return
	}
	l.Wait(t, "Seen", func() bool {
		s.mustRun(t)
		p, ok := only(l, to)
		return ok && p.Kind() == chain.Seen
	})
}

func waitIncluded(t testing.TB, s *Session, l *Ledger, targets ...chain.Destination) {
	t.Helper()
	l.Wait(t, "Included", func() bool {
		s.mustRun(t)
		for _, to := range targets {
			if !included(l, to) {
				return false
			}
		}
		return true
	})
}

// waitTip waits until the ledger's tip is the node's height.
func waitTip(t testing.TB, s *Session, h Harness, l *Ledger) {
	t.Helper()
	goal := h.Height(t)
	l.Wait(t, fmt.Sprintf("a Tip at %d", goal), func() bool {
		s.mustRun(t)
		return l.Tip().Block.Height == goal
	})
}

// demand fails unless a payment is what was sent.
func demand(t testing.TB, p Payment, tx chain.TxID, asset chain.AssetID, amount chain.Amount) {
	t.Helper()
	for _, e := range p.History {
		if e.Key.TxID != tx || e.Asset != asset || e.Amount != amount {
			t.Errorf("%s says %s of %s in %s, want %s of %s in %s", e.Kind, e.Amount, e.Asset, e.Key.TxID, amount, asset, tx)
		}
	}
}
