package ethereum_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

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

// An audit that is broken off goes on where it was: no block counts twice in it.
func TestAuditBrokenOff(t *testing.T) {
	h, f := newOnFake(t, func(c *ethereum.Config, _ *fakeNode) { c.Lean = true })
	safe := h.deploy(t, safeCode)
	l := chaintest.NewLedger(t, h.Network())
	both := target(t, h)
	s := chaintest.BeginReady(t, h, l, both)
	h.Mine(t, 2)
	settled(t, l, h)
	h.Pay(t, both.ID, h.assets[0], chain.Units(much))
	h.Mine(t, 10)
	h.send(t, safe, much, calling("pay(address)", both.ID))
	h.Mine(t, 30)
	settled(t, l, h)
	s.End(t)
	// In the midst of what is read at once a block is missing at first, later
	// the connection fails.
	var mu sync.Mutex
	failed := map[string]bool{}
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method != "eth_getBlockByHash" || params[1] != true {
			return answer, nil
		}
		var b struct{ Number string }
		if json.Unmarshal(answer, &b) != nil {
			return answer, nil
		}
		mu.Lock()
		defer mu.Unlock()
		again := failed[b.Number]
		failed[b.Number] = true
		switch {
		case again:
		case b.Number == "0x9":
			return json.RawMessage("null"), nil
		case b.Number == "0x11", b.Number == "0x1a":
			f.http.CloseClientConnections()
			return nil, coded{-32000, "shutting down"}
		}
		return answer, nil
	})
	s = chaintest.BeginReady(t, h, l, both)
	waitTotal(t, l, h, both.ID, 2*much)
	h.Mine(t, 2)
	settled(t, l, h)
	waitTotal(t, l, h, both.ID, 2*much)
	if !failed["0x9"] || !failed["0x11"] {
		t.Errorf("nothing failed: %v", failed)
	}
	s.End(t)
}

// A reorganisation while nobody waits takes away nothing of what an audit begins
// with, neither before nor after it.
func TestReorganisedWhileIdle(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		f.settings().Lean = true
		native := f.settings().Native.ID
		safe := f.deploy(t, safeCode)
		l := chaintest.NewLedger(t, f.Network())
		before, within, plain := target(t, f), target(t, f), target(t, f)
		s := chaintest.BeginReady(t, f, l, before, within, plain)
		f.Mine(t, 2)
		f.send(t, safe, much, calling("pay(address)", before.ID))
		f.Mine(t, 3)
		f.send(t, safe, much/2, calling("pay(address)", within.ID))
		f.Pay(t, plain.ID, native, chain.Units(much))
		f.Mine(t, 1)
		settled(t, l, f)
		f.Reorg(t, 2, true)
		settled(t, l, f)
		open := awaiting(t, f)
		if err := s.Watcher.Watch(t.Context(), open); err != nil {
			t.Fatal(err)
		}
		waitTotal(t, l, f, before.ID, much)
		waitTotal(t, l, f, within.ID, much/2)
		waitTotal(t, l, f, plain.ID, much)
		// What was asked of a block that is lost is asked again.
		f.Mine(t, 1)
		settled(t, l, f)
		s.Watcher.Unwatch(open.ID)
		f.Reorg(t, 1, false)
		settled(t, l, f)
		f.send(t, safe, much, calling("pay(address)", before.ID))
		f.Mine(t, 2)
		settled(t, l, f)
		if err := s.Watcher.Watch(t.Context(), awaiting(t, f)); err != nil {
			t.Fatal(err)
		}
		waitTotal(t, l, f, before.ID, 2*much)
		waitTotal(t, l, f, within.ID, much/2)
		s.End(t)
	})
}

// nothingLogged is a node that leaves logs out.
func nothingLogged(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
	if method == "eth_getLogs" {
		return json.RawMessage("[]"), nil
	}
	return answer, nil
}

// An endpoint that leaves a log out is found by the block's bloom, where it could
// have hidden a payment that somebody waits for.
func TestLogHeldBack(t *testing.T) {
	for name, receipts := range map[string]bool{"receipts of a block": true, "one by one": false} {
		t.Run(name, func(t *testing.T) {
			h, f := newOnFake(t, nil)
			h.config.Lean = receipts
			l := chaintest.NewLedger(t, h.Network())
			to, inside := awaiting(t, h), awaiting(t, h)
			f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
				if method == "eth_getBlockReceipts" && !receipts {
					return nil, coded{-32601, "the method eth_getBlockReceipts does not exist"}
				}
				return nothingLogged(method, params, answer)
			})
			s := chaintest.BeginReady(t, h, l, to, inside)
			h.Pay(t, address(1<<40), h.assets[1], chain.Units(1))
			h.Mine(t, 1)
			settled(t, l, h)
			h.Pay(t, to.ID, h.assets[1], chain.Units(500))
			// A call that names nobody's address as its recipient.
			tokenFirst{h}.PayMany(t, h.assets[1], chaintest.Output{To: inside.ID, Amount: chain.Units(700)})
			h.Mine(t, 1)
			waitKind(t, l, to.ID, chain.Included)
			waitKind(t, l, inside.ID, chain.Included)
			tokenFirst{h}.PayMany(t, h.assets[1], chaintest.Output{To: inside.ID, Amount: chain.Units(700)})
			h.Mine(t, 1)
			l.Wait(t, "the second one", func() bool { _, n := total(l, inside.ID); return n == 2 })
			if code := s.Watcher.Health().Code; code != chain.HealthOneEndpoint {
				t.Errorf("every receipt had its root, and health says %q", code)
			}
		})
	}
}

// Single receipts are held against the root like those of a whole block.
func TestSingleReceiptsAreChecked(t *testing.T) {
	h, f := newOnFake(t, nil)
	l := chaintest.NewLedger(t, h.Network())
	to := awaiting(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	lies := func(lie bool) {
		f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
			switch {
			case method == "eth_getBlockReceipts":
				return nil, coded{-32601, "the method eth_getBlockReceipts does not exist"}
			case lie && (method == "eth_getTransactionReceipt" || method == "eth_getLogs"):
				return edit(answer, "3b9aca07", "7b9aca07"), nil
			}
			return answer, nil
		})
	}
	lies(true)
	h.Pay(t, to.ID, h.assets[1], chain.Units(0x3b9aca07))
	h.Mine(t, 1)
	l.Wait(t, "the lie to be noticed", func() bool { return s.Watcher.Health().Code == chain.HealthLying })
	if kindAt(l, to.ID) == chain.Included {
		t.Errorf("a lie was reported\n%s", l)
	}
	lies(false)
	waitKind(t, l, to.ID, chain.Included)
}

// With an altered bloom, too, nothing is hidden for longer than the others need
// to say that the block has another one.
func TestBloomOfItsOwn(t *testing.T) {
	h, one, _, _ := newQuorum(t)
	h.config.Lean = true
	l := chaintest.NewLedger(t, h.Network())
	to := awaiting(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	h.Mine(t, 1)
	l.Wait(t, "the agreement", func() bool { return l.Tip().Agreed == 1 && s.Watcher.Health().State == chain.Ready })
	empty := `"logsBloom":"0x` + strings.Repeat("0", 512) + `"`
	bloom := regexp.MustCompile(`"logsBloom":"0x[0-9a-f]{512}"`)
	one.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if strings.HasPrefix(method, "eth_getBlockBy") {
			return json.RawMessage(bloom.ReplaceAllString(string(answer), empty)), nil
		}
		return nothingLogged(method, params, answer)
	})
	one.mu.Lock()
	one.heads = func(json.RawMessage) []json.RawMessage { return nil }
	one.mu.Unlock()
	tokenFirst{h}.PayMany(t, h.assets[1], chaintest.Output{To: to.ID, Amount: chain.Units(500)})
	h.Mine(t, 1)
	began := time.Now()
	l.Wait(t, "the payment", func() bool {
		h.Mine(t, 1) // time goes on, and with it the others' word
		return kindAt(l, to.ID) == chain.Included && l.Tip().Agreed >= l.At(to.ID)[0].Event.Block.Height
	})
	t.Logf("hidden for %v", time.Since(began).Round(time.Millisecond))
}

// An audit asks again for less where a provider refuses a range, each in its own
// words, or leaves out what is too much without a word.
func TestLogsInParts(t *testing.T) {
	for name, refusal := range map[string]error{
		"results": coded{-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x5]."},
		"range":   coded{-32602, "eth_getLogs is limited to a 10,000 range"},
		"limit":   coded{-32000, "block range limit exceeded"},
		"size":    coded{-32000, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"},
		"code":    coded{429, "exceed maximum block range: 5"},
		"cut":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			h, f := newOnFake(t, func(c *ethereum.Config, _ *fakeNode) { c.Lean = true })
			f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
				q, _ := params0(params).(map[string]any)
				if method != "eth_getLogs" || q["fromBlock"] == nil {
					return answer, nil
				}
				from, to := hexutil.MustDecodeUint64(q["fromBlock"].(string)), hexutil.MustDecodeUint64(q["toBlock"].(string))
				var list []json.RawMessage
				if refusal != nil && to-from >= 5 {
					return nil, refusal
				}
				if err := json.Unmarshal(answer, &list); err != nil {
					return nil, err
				}
				return json.Marshal(list[:min(100, len(list))])
			})
			l := chaintest.NewLedger(t, h.Network())
			many, late := target(t, h), target(t, h)
			s := chaintest.BeginReady(t, h, l, many, late)
			h.Mine(t, 2)
			settled(t, l, h)
			var outputs []chaintest.Output
			for range 37 {
				outputs = append(outputs, chaintest.Output{To: many.ID, Amount: chain.Units(1)})
			}
			for range 3 {
				tokenFirst{h}.PayMany(t, h.assets[1], outputs...)
			}
			h.Mine(t, 20)
			h.Pay(t, late.ID, h.assets[1], chain.Units(500))
			h.Mine(t, 20)
			settled(t, l, h)
			if err := s.Watcher.Watch(t.Context(), awaiting(t, h)); err != nil {
				t.Fatal(err)
			}
			waitKind(t, l, late.ID, chain.Included)
			waitTotal(t, l, h, many.ID, 111)
			if code := s.Watcher.Health().Code; code != chain.HealthOneEndpoint {
				t.Errorf("health says %q", code)
			}
		})
	}
}

func params0(params []any) any {
	if len(params) == 0 {
		return nil
	}
	return params[0]
}
