package ethereum_test

import (
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/anviltest"
)

// payer is the address that sends everything on a field.
func payer(f field) chain.Destination {
	if h, ok := f.(*onDevnet); ok {
		return h.net.Customer().Address()
	}
	return chain.Destination(anviltest.Payer)
}

// A listed address of the shop's own wallet may spend while it is paid, in the
// same block and in those that are read together: what came counts to the last
// wei, with the cost of what it sent left out.
func TestPaidWhileItSpends(t *testing.T) {
	for name, lean := range map[string]bool{"full": false, "lean": true} {
		t.Run(name, func(t *testing.T) {
			everyField(t, func(t *testing.T, f field) {
				f.settings().Lean = lean
				native := f.settings().Native.ID
				safe := f.deploy(t, safeCode)
				l := chaintest.NewLedger(t, f.Network())
				own := awaiting(t, f)
				own.ID = payer(f)
				own.Since = f.Height(t)
				s := chaintest.BeginReady(t, f, l, own)
				f.Mine(t, 1)
				settled(t, l, f)
				f.send(t, safe, much, calling("pay(address)", own.ID))
				f.Pay(t, address(1<<40), native, chain.Units(7))
				f.send(t, safe, 0, calling("tryInVain(address)", own.ID))
				f.Mine(t, 1)
				waitTotal(t, l, f, own.ID, much)
				// Several blocks at once: spent before, in and after the one that pays.
				s.End(t)
				f.Pay(t, address(1<<40), native, chain.Units(5_000))
				f.Mine(t, 3)
				f.send(t, safe, much/2, calling("pay(address)", own.ID))
				f.Mine(t, 1)
				f.sendWithGas(t, safe, 0, calling("nothing()"), 30_000) // fails, and costs
				f.Mine(t, 2)
				s = chaintest.BeginReady(t, f, l, own)
				waitTotal(t, l, f, own.ID, much+much/2)
				f.Mine(t, 2)
				settled(t, l, f)
				waitTotal(t, l, f, own.ID, much+much/2)
				s.End(t)
			})
		})
	}
}
