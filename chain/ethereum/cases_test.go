package ethereum_test

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/ethereum"
)

//go:embed testdata/Odd.new.hex
var oddCode string

//go:embed testdata/Printer.new.hex
var printerCode string

// target makes a fresh target for all assets.
func target(t testing.TB, h field) chain.Target {
	return chain.Target{ID: h.Fresh(t), Assets: h.Assets()}
}

// waitKind waits until the one payment to a target is where it should be.
func waitKind(t testing.TB, l *chaintest.Ledger, to chain.Destination, want chain.Kind) chaintest.Payment {
	t.Helper()
	l.Wait(t, "the payment to be "+want.String(), func() bool { return kindAt(l, to) == want })
	return l.At(to)[0]
}

// waitTip waits until the ledger knows the chain's head.
func waitTip(t testing.TB, l *chaintest.Ledger, h field) {
	t.Helper()
	want := h.head(t)
	l.Wait(t, "the Tip", func() bool { return l.Tip().Block.Hash == want })
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// The head goes back to a known ancestor, and stays there.
func TestRewind(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		h.Mine(t, 2)
		chaintest.BeginReady(t, h, l, to)
		h.Pay(t, to.ID, h.Assets()[0], chain.Units(5))
		h.Mine(t, 3)
		waitKind(t, l, to.ID, chain.Included)
		h.rewind(t, 3, false)
		waitTip(t, l, h)
		// It may have been in the node's pool again for a moment, and so be Seen.
		if p := l.At(to.ID)[0]; !p.Had(chain.Retracted) || p.Kind() == chain.Included {
			t.Errorf("the payment is %s after its block was taken back", p.Kind())
		}
		if n := l.Cursor().Head().Height; n != 2 {
			t.Errorf("the cursor is at %d, the chain at 2", n)
		}
		h.Mine(t, 1)
		waitTip(t, l, h)
	})
}

// A reorganisation that goes deeper than the ring takes everything back that is
// in it, and reads the new branch from there.
func TestReorgDeeperThanTheRing(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		early, late := target(t, h), target(t, h)
		s := chaintest.BeginReady(t, h, l, early, late)
		h.Mine(t, 20)
		h.Pay(t, early.ID, h.Assets()[0], chain.Units(5))
		h.Mine(t, chain.RingSize)
		h.Pay(t, late.ID, h.Assets()[1], chain.Units(6))
		h.Mine(t, 1)
		waitKind(t, l, late.ID, chain.Included)
		waitTip(t, l, h)
		s.End(t)
		h.Reorg(t, chain.RingSize+10, true)
		chaintest.BeginReady(t, h, l, early, late)
		waitTip(t, l, h)
		if p := l.At(late.ID)[0]; !p.Had(chain.Retracted) {
			t.Error("a payment in the ring was not retracted")
		}
		if k := kindAt(l, early.ID); k != chain.Included {
			t.Errorf("a payment from before the ring is %s", k)
		}
	})
}

// A receipt decides for coins as well: what is mined with status 0 has failed,
// seen before or not.
func TestFailedCoins(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		poor, refuses, fine := target(t, h), chain.Target{ID: h.deploy(t, refuser)}, target(t, h)
		failed := []chain.Target{refuses}
		if h.logsCoins() { // where the usual gas is too little for a fresh address
			failed = append(failed, poor)
		}
		chaintest.BeginReady(t, h, l, poor, refuses, fine)
		h.sendWithGas(t, poor.ID, 7, nil, 21_000)
		h.send(t, refuses.ID, 8, nil)
		h.send(t, fine.ID, 9, nil)
		waitKind(t, l, poor.ID, chain.Seen)
		h.Mine(t, 1)
		waitKind(t, l, fine.ID, chain.Included)
		for _, to := range failed {
			p := waitKind(t, l, to.ID, chain.Failed)
			if p.Event.Key.Index != 0 || p.Event.Block.IsZero() {
				t.Errorf("a failed payment is reported as %+v", p.Event)
			}
		}
		// A failed one whose block is lost counts as waiting again.
		h.Reorg(t, 1, true)
		waitTip(t, l, h)
		waitKind(t, l, refuses.ID, chain.Failed)
	})
}

// What carries call data is a payment like another.
func TestCoinsWithCallData(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		chaintest.BeginReady(t, h, l, to)
		h.send(t, to.ID, 7, []byte("table 4, thank you"))
		waitKind(t, l, to.ID, chain.Seen)
		h.Mine(t, 1)
		waitKind(t, l, to.ID, chain.Included)
	})
}

// Transfers of nothing and of dust are not worth a word; anybody can send them.
func TestZeroAndDust(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		h.settings().Dust = nil
		l := chaintest.NewLedger(t, h.Network())
		to, real := target(t, h), target(t, h)
		chaintest.BeginReady(t, h, l, to, real)
		h.Pay(t, to.ID, h.Assets()[0], chain.Units(0))
		h.Pay(t, to.ID, h.Assets()[0], chain.Units(999_999_999))
		h.Pay(t, to.ID, h.Assets()[1], chain.Units(0))
		h.Pay(t, to.ID, h.Assets()[1], chain.Units(99))
		h.Pay(t, real.ID, h.Assets()[1], chain.Units(100))
		h.Mine(t, 1)
		waitKind(t, l, real.ID, chain.Included)
		if n := len(l.At(to.ID)); n != 0 {
			t.Errorf("%d payments of dust were reported", n)
		}
	})
}

// A token that takes a fee pays what its log says. Its log may not be the first
// of the transaction; what was seen under another key is then gone.
func TestTokenWithFee(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		odd := h.deploy(t, oddCode)
		asset := chain.TokenAsset(h.settings().ChainID, string(odd))
		h.settings().Tokens = append(h.settings().Tokens, chain.Asset{ID: asset, Symbol: "ODD", Decimals: 6})
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		chaintest.BeginReady(t, h, l, to)
		h.send(t, odd, 0, calling("transfer(address,uint256)", to.ID, 10_000))
		if p := waitKind(t, l, to.ID, chain.Seen); p.Event.Amount != chain.Units(10_000) {
			t.Errorf("seen with %s, asked for 10000", p.Event.Amount)
		}
		h.Mine(t, 1)
		l.Wait(t, "the payment as it was made", func() bool { return len(l.At(to.ID)) == 2 })
		seen, made := l.At(to.ID)[0], l.At(to.ID)[1]
		if seen.Kind() != chain.Gone || made.Kind() != chain.Included || made.Event.Amount != chain.Units(9_900) || made.Event.Asset != asset {
			t.Errorf("seen: %+v\nmade: %+v", seen.Event, made.Event)
		}
		if made.Event.Key.Index != 2 {
			t.Errorf("the second transfer of the transaction has the index %d", made.Event.Key.Index)
		}
		// The index outlives a reorganisation.
		h.Reorg(t, 1, true)
		waitTip(t, l, h)
		l.Wait(t, "the payment again", func() bool { return l.At(to.ID)[1].Kind() == chain.Included })
		if n := len(l.At(to.ID)); n != 2 {
			t.Errorf("%d payments after a reorganisation, want 2", n)
		}
	})
}

// Tokens that are not on the list pay nothing, whatever they log.
func TestUnlistedToken(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		odd := h.deploy(t, oddCode)
		l := chaintest.NewLedger(t, h.Network())
		to, real := target(t, h), target(t, h)
		chaintest.BeginReady(t, h, l, to, real)
		h.send(t, odd, 0, calling("lie(address,uint256)", to.ID, 1_000_000))
		h.send(t, odd, 0, calling("transfer(address,uint256)", to.ID, 1_000_000))
		h.Pay(t, real.ID, h.Assets()[1], chain.Units(100))
		h.Mine(t, 1)
		waitKind(t, l, real.ID, chain.Included)
		if n := len(l.At(to.ID)); n != 0 {
			t.Errorf("%d payments in a token that nobody lists", n)
		}
	})
}

// A sped-up payment is two transactions of which one can be mined.
func TestSpedUp(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		chaintest.BeginReady(t, h, l, to)
		old := h.Pay(t, to.ID, h.Assets()[0], chain.Units(5_000))
		waitKind(t, l, to.ID, chain.Seen)
		by := h.speedUp(t, old)
		l.Wait(t, "both", func() bool { return len(l.At(to.ID)) == 2 })
		h.Mine(t, 1)
		l.Wait(t, "the faster one", func() bool { return l.At(to.ID)[1].Kind() == chain.Included })
		first, second := l.At(to.ID)[0], l.At(to.ID)[1]
		if first.Kind() != chain.Gone || first.Event.By != by || second.Event.Key.TxID != by {
			t.Errorf("first %+v\nsecond %+v", first.Event, second.Event)
		}
	})
}

// A payment that the node drops is gone after some blocks.
func TestDropped(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		chaintest.BeginReady(t, h, l, to)
		h.Pay(t, to.ID, h.Assets()[0], chain.Units(5_000))
		waitKind(t, l, to.ID, chain.Seen)
		h.forget(t)
		// Right after a block the node may be busy with its index and not say.
		for kindAt(l, to.ID) != chain.Gone && h.Height(t) < 1_000 {
			h.Mine(t, 1)
			waitTip(t, l, h)
		}
		waitKind(t, l, to.ID, chain.Gone)
		if n := h.Height(t); n < 3 {
			t.Errorf("given up after %d blocks, three are the least", n)
		}
	})
}

// What waited before the watcher came is seen by it.
func TestPaidBeforeTheStart(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		h.Pay(t, to.ID, h.Assets()[1], chain.Units(5_000))
		chaintest.BeginReady(t, h, l, to)
		waitKind(t, l, to.ID, chain.Seen)
	})
}

// Money to an address that was shown long ago is found, too.
func TestColdAddress(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		cold, hot := h.Fresh(t), target(t, h)
		archive := chaintest.Shown{"sale-1": cold, "sale-2": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"}
		s := chaintest.BeginWith(t, h, l, archive, hot)
		s.Ready(t, h, l)
		h.Pay(t, cold, h.Assets()[0], chain.Units(1_000))
		h.Mine(t, 1)
		p := waitKind(t, l, cold, chain.Included)
		if p.Event.Target != cold || p.Event.Amount != chain.Units(1_000) {
			t.Errorf("reported as %+v", p.Event)
		}
		// One that turns cold while the watcher runs.
		archive["sale-3"] = hot.ID
		s.Watcher.Unwatch(hot.ID)
		h.Pay(t, hot.ID, h.Assets()[1], chain.Units(2_000))
		h.Mine(t, 1)
		waitKind(t, l, hot.ID, chain.Included)
	})
}

// A reorganisation right after an address was shown can put its payment into a
// block no higher than the one that was the last then. It counts.
func TestPaidBelowSinceAfterReorg(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		h.Mine(t, 5)
		s := chaintest.BeginReady(t, h, l)
		to := target(t, h)
		to.Since = 5
		if err := s.Watcher.Watch(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		h.Pay(t, to.ID, h.Assets()[0], chain.Units(5_000))
		waitKind(t, l, to.ID, chain.Seen)
		h.rewind(t, 2, true)
		h.Mine(t, 1)
		if p := waitKind(t, l, to.ID, chain.Included); p.Event.Block.Height != 4 {
			t.Errorf("included in %d, want 4", p.Event.Block.Height)
		}
	})
}

// A development chain that began anew is followed, after a while.
func TestChainBeganAnew(t *testing.T) {
	h := newOnDevnet(t, func(c *ethereum.Config, _ *devnet.Ethereum) { c.BlockTime = 20 * time.Millisecond })
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	h.Mine(t, 2*chain.RingSize)
	s := chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5_000))
	h.Mine(t, chain.RingSize)
	waitKind(t, l, to.ID, chain.Included)
	waitTip(t, l, h)
	s.End(t)
	h.net = startNet(t, devnet.EthereumOptions{})
	h.Mine(t, 3)
	h.config.Endpoints = []string{h.net.Endpoint()}
	chaintest.BeginReady(t, h, l)
	waitTip(t, l, h)
	if k := kindAt(l, to.ID); k != chain.Retracted {
		t.Errorf("a payment on the chain of before is %s", k)
	}
}

// One block takes another's place at the same height.
func TestEqualHeightReplacement(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		to := target(t, h)
		h.Mine(t, 2)
		chaintest.BeginReady(t, h, l, to)
		h.Pay(t, to.ID, h.Assets()[1], chain.Units(5_000))
		h.Mine(t, 1)
		first := waitKind(t, l, to.ID, chain.Included).Event.Block
		h.rewind(t, 1, true)
		h.Mine(t, 1)
		waitTip(t, l, h)
		l.Wait(t, "the other block", func() bool {
			e := l.At(to.ID)[0].Event
			return e.Kind == chain.Included && e.Block.Hash != first.Hash
		})
		if p := l.At(to.ID)[0]; !p.Had(chain.Retracted) || p.Event.Block.Height != first.Height || l.Payments() != 1 {
			t.Errorf("first in %v, then %+v\n%s", first, p.Event, l)
		}
	})
}

// Three transfers in one transaction are three payments.
func TestSeveralTransfersInOneTransaction(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		l := chaintest.NewLedger(t, h.Network())
		a, b := target(t, h), target(t, h)
		chaintest.BeginReady(t, h, l, a, b)
		tx := payMany(t, h, chaintest.Output{To: a.ID, Amount: chain.Units(1_000)}, chaintest.Output{To: b.ID, Amount: chain.Units(2_000)}, chaintest.Output{To: a.ID, Amount: chain.Units(3_000)})
		h.Mine(t, 1)
		waitKind(t, l, b.ID, chain.Included)
		waitTip(t, l, h)
		if sum, n := total(l, a.ID); n != 2 || sum != chain.Units(4_000) || l.At(b.ID)[0].Event.Key != (chain.PaymentKey{Network: h.Network(), TxID: tx, Index: 2}) {
			t.Errorf("%s in %d payments\n%s", sum, n, l)
		}
	})
}

// Tokens have as many decimals as they like, and amounts of up to 256 bits.
func TestDecimalsAndLargestAmount(t *testing.T) {
	everyField(t, func(t *testing.T, h field) {
		type coin struct {
			asset chain.AssetID
			at    chain.Destination
		}
		var coins []coin
		for _, decimals := range []uint8{0, 6, 8, 18} {
			at := h.deploy(t, strings.TrimSpace(printerCode)+fmt.Sprintf("%064x", decimals))
			c := coin{chain.TokenAsset(h.settings().ChainID, string(at)), at}
			h.settings().Tokens = append(h.settings().Tokens, chain.Asset{ID: c.asset, Symbol: "PRN", Decimals: decimals})
			coins = append(coins, c)
		}
		l := chaintest.NewLedger(t, h.Network())
		var targets []chain.Target
		for range coins {
			targets = append(targets, target(t, h))
		}
		s := chaintest.BeginReady(t, h, l, targets...)
		most, err := chain.ParseAmount("115792089237316195423570985008687907853269984665640564039457584007913129639935")
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range coins {
			h.send(t, c.at, 0, append(calling("transfer(address,uint256)", targets[i].ID), common.FromHex(strings.Repeat("ff", 32))...))
		}
		h.Mine(t, 1)
		for i, c := range coins {
			if p := waitKind(t, l, targets[i].ID, chain.Included); p.Event.Asset != c.asset || p.Event.Amount != most {
				t.Errorf("the token with the asset %s: %+v", c.asset, p.Event)
			}
		}
		if code := s.Watcher.Health().Code; code == chain.HealthWrongToken {
			t.Errorf("health is %s", code)
		}
	})
}
