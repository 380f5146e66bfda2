package ethereum_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/ethereum"
)

// What a block costs in questions: two, and one message of balances while
// somebody waits for coins; nothing but heads where a lean watcher is idle.
func TestQuestionsPerBlock(t *testing.T) {
	const blocks = 20
	for name, c := range map[string]struct {
		lean, waits              bool
		blocks, receipts, purses int
	}{
		"quiet":       {false, false, blocks, blocks, 2},
		"open sale":   {false, true, blocks, blocks, blocks + 1},
		"lean, idle":  {true, false, 0, 0, 1},
		"lean, waits": {true, true, blocks, 0, blocks + 2},
	} {
		t.Run(name, func(t *testing.T) {
			h, f := newOnFake(t, func(c *ethereum.Config, _ *fakeNode) { c.Poll = time.Hour })
			h.config.Lean = c.lean
			l := chaintest.NewLedger(t, h.Network())
			to := target(t, h)
			if c.waits {
				to.Until = time.Now().Add(time.Hour)
			}
			chaintest.BeginReady(t, h, l, to)
			for range blocks {
				h.Pay(t, address(1<<40), h.assets[1], chain.Units(5))
				h.Mine(t, 1)
				waitTip(t, l, h)
			}
			if n := f.calls("eth_getBlockReceipts"); n != c.receipts {
				t.Errorf("%d questions for receipts, want %d", n, c.receipts)
			}
			if n := f.calls("eth_getBlockByHash"); n != c.blocks {
				t.Errorf("%d questions for blocks, want %d", n, c.blocks)
			}
			if n := f.calls("eth_getBalance"); n > c.purses {
				t.Errorf("%d questions for balances, at most %d are needed", n, c.purses)
			}
		})
	}
}

// While no sale is open a lean watcher reads heads alone; what came meanwhile is
// found when the next one opens, once, also after a restart.
func TestLeanFindsWhatItSkipped(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		f.settings().Lean = true
		native := f.settings().Native.ID
		safe := f.deploy(t, safeCode)
		l := chaintest.NewLedger(t, f.Network())
		coins, token, inside, both := target(t, f), target(t, f), target(t, f), target(t, f)
		s := chaintest.BeginReady(t, f, l, coins, token, inside, both)
		f.Mine(t, 2)
		settled(t, l, f)
		usdc := f.settings().Tokens[0].ID
		f.Pay(t, coins.ID, native, chain.Units(much))
		f.Mine(t, 3)
		f.Pay(t, token.ID, usdc, chain.Units(5_000))
		f.Mine(t, 3)
		f.send(t, safe, much, calling("pay(address)", inside.ID))
		f.Pay(t, both.ID, native, chain.Units(much))
		f.Mine(t, 2)
		f.send(t, safe, much, calling("pay(address)", both.ID))
		f.Mine(t, 1)
		settled(t, l, f)
		if n := l.Payments(); n != 0 {
			t.Fatalf("%d payments were found while nobody waited: blocks were read", n)
		}
		s.End(t)
		s = chaintest.BeginReady(t, f, l, coins, token, inside, both)
		f.Mine(t, 1)
		settled(t, l, f)
		open := awaiting(t, f)
		if err := s.Watcher.Watch(t.Context(), open); err != nil {
			t.Fatal(err)
		}
		f.Pay(t, open.ID, native, chain.Units(much))
		f.send(t, safe, much, calling("pay(address)", open.ID))
		f.Mine(t, 1)
		waitTotal(t, l, f, open.ID, 2*much)
		waitTotal(t, l, f, coins.ID, much)
		waitTotal(t, l, f, inside.ID, much)
		waitTotal(t, l, f, both.ID, 2*much)
		if p := waitKind(t, l, token.ID, chain.Included); p.Event.Amount != chain.Units(5_000) {
			t.Errorf("the token came as %+v", p.Event)
		}
		f.send(t, safe, much, calling("pay(address)", open.ID))
		f.Mine(t, 3)
		waitTotal(t, l, f, open.ID, 3*much)
		waitTotal(t, l, f, both.ID, 2*much)
		waitTotal(t, l, f, coins.ID, much)
	})
}

// Where a block pays somebody, its root is checked in lean mode, too.
func TestLeanChecksRoots(t *testing.T) {
	h, f := newOnFake(t, nil)
	h.config.Lean = true
	l := chaintest.NewLedger(t, h.Network())
	to := awaiting(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getLogs" || method == "eth_getBlockReceipts" {
			return edit(answer, "3b9aca07", "7b9aca07"), nil
		}
		return answer, nil
	})
	h.Pay(t, to.ID, h.assets[1], chain.Units(0x3b9aca07))
	h.Mine(t, 1)
	l.Wait(t, "the lie to be noticed", func() bool { return s.Watcher.Health().Code == chain.HealthLying })
	if kindAt(l, to.ID) == chain.Included {
		t.Errorf("a lie was reported\n%s", l)
	}
	f.meddle(nil)
	waitKind(t, l, to.ID, chain.Included)
}
