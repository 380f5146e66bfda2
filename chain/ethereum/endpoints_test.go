package ethereum_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/devnet"
)

// A node that lags behind the one before takes nothing back.
func TestFailoverToLaggingEndpoint(t *testing.T) {
	h, good := newOnFake(t, nil)
	lagging := newFakeNode(t, h.net)
	h.config.Endpoints = []string{good.ws(), lagging.ws()}
	h.config.Quorum = 1
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	h.Mine(t, 5)
	old := h.net.Head()
	s := chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5_000))
	// The second endpoint stays where it is and knows nothing later.
	lagging.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBlockByNumber" && params[0] == "latest" {
			var raw json.RawMessage
			err := lagging.real.Call(&raw, "eth_getBlockByHash", old.Hash, false)
			return raw, err
		}
		if strings.HasPrefix(method, "eth_getBlockBy") && method != "eth_getBlockByNumber" {
			return json.RawMessage("null"), nil
		}
		return answer, nil
	})
	h.Mine(t, 3)
	waitKind(t, l, to.ID, chain.Included)
	waitTip(t, l, h)
	// The first one breaks for a while: the watcher goes to the second and back.
	good.meddle(func(string, []any, json.RawMessage) (json.RawMessage, error) {
		return nil, coded{-32000, "out of order"}
	})
	l.Wait(t, "the second endpoint to be tried", func() bool { return lagging.calls("eth_call") > 0 })
	good.meddle(nil)
	h.Mine(t, 1)
	waitTip(t, l, h)
	if p := l.At(to.ID)[0]; p.Had(chain.Retracted) {
		t.Errorf("a lagging node had a payment retracted\n%s", l)
	}
	_ = s
}

// Depth counts from the block that the quorum has.
func TestQuorum(t *testing.T) {
	h, one := newOnFake(t, nil)
	two, three := newFakeNode(t, h.net), newFakeNode(t, h.net)
	h.config.Endpoints = []string{one.ws(), two.ws(), three.url()}
	h.config.Quorum = 2
	l := chaintest.NewLedger(t, h.Network())
	s := chaintest.BeginReady(t, h, l)
	h.Mine(t, 2)
	l.Wait(t, "the agreement", func() bool { return l.Tip().Agreed == 2 && s.Watcher.Health().State == chain.Ready })
	if health := s.Watcher.Health(); health.Trust != chain.TrustQuorum || health.Of != 3 {
		t.Errorf("health is %+v", health)
	}
	// Two of the three no longer have what the first one says.
	elsewhere := startNet(t, devnet.EthereumOptions{})
	if err := elsewhere.Mine(9); err != nil {
		t.Fatal(err)
	}
	other := newFakeNode(t, elsewhere)
	for _, f := range []*fakeNode{two, three} {
		f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
			if method == "eth_getBlockByNumber" {
				return other.pass(context.Background(), method, params...)
			}
			return answer, nil
		})
	}
	h.Mine(t, 1)
	waitTip(t, l, h)
	if tip := l.Tip(); tip.Agreed != 2 {
		t.Errorf("the quorum of two is said to agree on %+v", tip)
	}
	l.Wait(t, "the dispute to be told", func() bool { return s.Watcher.Health().Code == chain.HealthLying })
	two.meddle(nil)
	l.Wait(t, "the agreement again", func() bool { return l.Tip().Agreed == 3 })
}

// A node that is only catching up itself has nothing taken back.
func TestFailoverToSyncingEndpoint(t *testing.T) {
	h, good := newOnFake(t, nil)
	h.Mine(t, 3*chain.RingSize)
	young := startNet(t, devnet.EthereumOptions{})
	if err := young.Mine(3); err != nil {
		t.Fatal(err)
	}
	h.config.Endpoints, h.config.Quorum = []string{good.ws(), young.Endpoint()}, 1
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 1)
	waitKind(t, l, to.ID, chain.Included)
	good.meddle(func(string, []any, json.RawMessage) (json.RawMessage, error) {
		return nil, coded{-32000, "out of order"}
	})
	l.Wait(t, "the young node to be found behind", func() bool { return s.Watcher.Health().Code == chain.HealthBehind })
	good.meddle(nil)
	h.Mine(t, 1)
	waitTip(t, l, h)
	if l.At(to.ID)[0].Had(chain.Retracted) {
		t.Errorf("a node that is catching up had a payment retracted\n%s", l)
	}
}

// newQuorum is a watcher with a quorum of two of three fake nodes.
func newQuorum(t *testing.T) (h *onDevnet, one, two, three *fakeNode) {
	h, one = newOnFake(t, nil)
	two, three = newFakeNode(t, h.net), newFakeNode(t, h.net)
	h.config.Endpoints = []string{one.ws(), two.ws(), three.url()}
	h.config.Quorum = 2
	return h, one, two, three
}

// A reorganisation that only one endpoint tells of was agreed on by nobody.
func TestQuorumForgetsALostBranch(t *testing.T) {
	h, one, two, three := newQuorum(t)
	one.mute = true // it tells of the new branch when it is asked, all at once
	h.Mine(t, 5)
	var mu sync.Mutex
	var tips []chain.TipState
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	w := h.Watcher(t)
	go func() {
		ended <- w.Run(ctx, chain.Cursor{}, nil, func(_ context.Context, events []chain.Event, _ chain.Cursor) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range events {
				if e.Kind == chain.Tip {
					tips = append(tips, e.Tip)
				}
			}
			return nil
		})
	}()
	defer func() { stop(); <-ended }()
	wait := func(what string, ok func(last chain.TipState) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			done := len(tips) > 0 && ok(tips[len(tips)-1])
			mu.Unlock()
			if done {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("no %s: %+v", what, tips)
			}
		}
	}
	wait("agreement", func(last chain.TipState) bool { return last.Agreed == 5 })
	old := map[string]json.RawMessage{"latest": nil}
	for _, n := range []string{"0x0", "0x1", "0x2", "0x3", "0x4", "0x5"} {
		var raw json.RawMessage
		if err := two.real.Call(&raw, "eth_getBlockByNumber", n, false); err != nil {
			t.Fatal(err)
		}
		old[n], old["latest"] = raw, raw
	}
	for _, f := range []*fakeNode{two, three} {
		f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
			if method != "eth_getBlockByNumber" {
				return answer, nil
			}
			if raw, ok := old[params[0].(string)]; ok {
				return raw, nil
			}
			return json.RawMessage("null"), nil
		})
	}
	var once sync.Once
	one.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method != "eth_getBlockByNumber" || params[0] != "latest" {
			return answer, nil
		}
		once.Do(func() { h.Reorg(t, 3, false) })
		err := one.real.Call(&answer, method, params...)
		return answer, err
	})
	wait("new branch", func(last chain.TipState) bool { return last.Block.Height == 6 })
	mu.Lock()
	defer mu.Unlock()
	for _, tip := range tips {
		if tip.Block.Height == 6 && tip.Agreed > 2 {
			t.Errorf("block %d of the new branch is said to be agreed on", tip.Agreed)
		}
	}
}

// Where roots can't be checked, as on chains with transactions of their own
// form, a payment that one endpoint made up is confirmed by no other.
func TestQuorumVouchesForPayments(t *testing.T) {
	h, one, _, _ := newQuorum(t)
	h.config.SkipRoots = true
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	h.Mine(t, 1)
	l.Wait(t, "the agreement", func() bool { return l.Tip().Agreed == 1 })
	one.meddle(func(_ string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
		return edit(answer, `"value":"0x3b9aca07"`, `"value":"0x3b9aca0700"`), nil
	})
	h.Pay(t, to.ID, h.assets[0], chain.Units(0x3b9aca07))
	h.Mine(t, 3)
	waitKind(t, l, to.ID, chain.Included)
	waitTip(t, l, h)
	l.Wait(t, "the dispute to be told", func() bool { return s.Watcher.Health().Code == chain.HealthLying })
	// By now it may have been read again elsewhere, and agreed on as it is.
	if tip := l.Tip(); tip.Agreed > 1 && !slices.ContainsFunc(l.At(to.ID), func(p chaintest.Payment) bool {
		return p.Kind() == chain.Included && p.Event.Amount == chain.Units(0x3b9aca07)
	}) {
		t.Errorf("a payment that one endpoint raised is agreed on: %+v, %+v", tip, l.At(to.ID))
	}
}
