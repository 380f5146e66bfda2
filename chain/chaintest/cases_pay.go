package chaintest

import (
	"errors"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

var sum = chain.Units(123_456)

func paySeenIncluded(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to)
	asset := h.Assets()[0]

	tx := h.Pay(t, to.ID, asset, sum)
	waitSeen(t, s, l, to.ID)
	h.Mine(t, 1)
	waitIncluded(t, s, l, to.ID)
	h.Mine(t, 2)
	waitTip(t, s, h, l)

	p, _ := only(l, to.ID)
	demand(t, p, tx, asset, sum)
	if at, goal := p.Event.Block.Height, h.Height(t)-2; at != goal {
		t.Errorf("included in %d, mined in %d", at, goal)
	}
	if s.Watcher.Capabilities().Unconfirmed {
		if !p.Had(chain.Seen) {
			t.Error("it was never reported as Seen")
		}
		if p.Proof.Announcers < 1 && !p.Proof.OwnNode {
			t.Errorf("nobody speaks for it: %+v", p.Proof)
		}
	}
	if tip := l.Tip(); tip.Agreed == 0 {
		t.Errorf("nobody agrees on the tip: %+v", tip)
	}
}

// amountsAsTheyCome: too little, too much and in parts are the register's words;
// a watcher reports every transfer by itself, as it came.
func amountsAsTheyCome(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to)
	asset := h.Assets()[0]
	want := map[chain.TxID]chain.Amount{}
	for _, units := range []uint64{1_000, 70_001, 2_500_000} {
		amount := chain.Units(units)
		want[h.Pay(t, to.ID, asset, amount)] = amount
	}
	h.Mine(t, 1)
	l.Wait(t, "three payments in a block", func() bool {
		s.mustRun(t)
		n := 0
		for _, p := range l.At(to.ID) {
			if p.Kind() == chain.Included {
				n++
			}
		}
		return n == 3
	})
	for _, p := range l.At(to.ID) {
		if p.Event.Amount != want[p.Event.Key.TxID] {
			t.Errorf("%s came as %s, was sent as %s", p.Event.Key, p.Event.Amount, want[p.Event.Key.TxID])
		}
	}
}

func everyAsset(t *testing.T, h Harness) {
	if len(h.Assets()) < 2 {
		doesNotApply(t, "the network has one asset; the other cases pay with it")
		return
	}
	l := NewLedger(t, h.Network())
	targets := watching(t, h, len(h.Assets()))
	s := BeginReady(t, h, l, targets...)
	txs := make([]chain.TxID, len(targets))
	for i, asset := range h.Assets() {
		txs[i] = h.Pay(t, targets[i].ID, asset, sum)
	}
	h.Mine(t, 1)
	for i, asset := range h.Assets() {
		waitIncluded(t, s, l, targets[i].ID)
		p, _ := only(l, targets[i].ID)
		demand(t, p, txs[i], asset, sum)
	}
}

// twoOutputs: one transaction pays two targets, and one of them twice.
func twoOutputs(t *testing.T, h Harness) {
	batcher, ok := h.(Batcher)
	if !ok {
		doesNotApply(t, "the harness cannot pay several targets at once")
		return
	}
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 2)
	s := BeginReady(t, h, l, targets...)
	a, b := targets[0].ID, targets[1].ID
	tx := batcher.PayMany(t, h.Assets()[0], Output{a, chain.Units(11_000)}, Output{b, chain.Units(22_000)}, Output{a, chain.Units(33_000)})
	h.Mine(t, 1)
	l.Wait(t, "three payments of one transaction", func() bool {
		s.mustRun(t)
		return included(l, b) && len(l.At(a)) == 2 && l.At(a)[0].Kind() == chain.Included && l.At(a)[1].Kind() == chain.Included
	})
	total := chain.Amount{}
	for _, p := range l.At(a) {
		if p.Event.Key.TxID != tx {
			t.Errorf("paid in %s, want %s", p.Event.Key.TxID, tx)
		}
		total, _ = total.Add(p.Event.Amount)
	}
	if total != chain.Units(44_000) {
		t.Errorf("the first target got %s, want 44000", total)
	}
}

func tenThousandTargets(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 10_000)
	s := BeginReady(t, h, l, targets...)
	paid := []chain.Destination{targets[0].ID, targets[4_999].ID, targets[9_999].ID}
	for _, to := range paid {
		h.Pay(t, to, h.Assets()[0], sum)
	}
	waitSeen(t, s, l, paid[2])
	h.Mine(t, 1)
	waitIncluded(t, s, l, paid...)
	if n := l.Payments(); n != 3 {
		t.Errorf("%d payments were reported, 3 were made", n)
	}
}

// watchWhileRunning: what is paid the moment Watch returned is never missed.
func watchWhileRunning(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	s := BeginReady(t, h, l)
	for range 8 {
		to := chain.Target{ID: h.Fresh(t), Assets: h.Assets(), Since: h.Height(t)}
		if err := s.Watcher.Watch(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		h.Pay(t, to.ID, h.Assets()[0], sum)
		h.Mine(t, 1)
		waitIncluded(t, s, l, to.ID)
	}
}

// watchAfterPay: a target with a Since before what was read is looked for back
// there, and what came up to Since is not reported.
func watchAfterPay(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	s := BeginReady(t, h, l)
	to, asset := h.Fresh(t), h.Assets()[0]
	h.Pay(t, to, asset, chain.Units(10_000))
	h.Mine(t, 1)
	since := h.Height(t)
	tx := h.Pay(t, to, asset, sum)
	h.Mine(t, 3)
	waitTip(t, s, h, l)
	if n := l.Payments(); n != 0 {
		t.Fatalf("%d payments to an address that nobody watches", n)
	}
	if err := s.Watcher.Watch(t.Context(), chain.Target{ID: to, Assets: h.Assets(), Since: since}); err != nil {
		t.Fatal(err)
	}
	waitIncluded(t, s, l, to)
	p, _ := only(l, to)
	demand(t, p, tx, asset, sum)
	h.Mine(t, 1)
	waitTip(t, s, h, l)
	if n := len(l.At(to)); n != 1 {
		t.Errorf("%d payments were reported, 1 came after the address was shown", n)
	}
}

func watchTwice(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to, to)
	for range 3 {
		if err := s.Watcher.Watch(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	h.Pay(t, to.ID, h.Assets()[0], sum)
	h.Mine(t, 1)
	waitIncluded(t, s, l, to.ID)
	if err := s.Watcher.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	h.Mine(t, 1)
	waitTip(t, s, h, l)
	p, _ := only(l, to.ID)
	n := 0
	for _, e := range p.History {
		if e.Kind == chain.Included {
			n++
		}
	}
	if n != 1 || l.Payments() != 1 {
		t.Errorf("one payment was reported as included %d times\n%s", n, l)
	}
	bad := chain.Target{ID: "not an address", Assets: h.Assets()}
	if err := s.Watcher.Watch(t.Context(), bad); err == nil {
		t.Error("Watch takes a target that is no address")
	}
}

func unwatch(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	targets := watching(t, h, 2)
	s := BeginReady(t, h, l, targets...)
	s.Watcher.Unwatch(targets[0].ID, "never watched")
	for _, to := range targets {
		h.Pay(t, to.ID, h.Assets()[0], sum)
	}
	h.Mine(t, 1)
	waitIncluded(t, s, l, targets[1].ID)
	waitTip(t, s, h, l)
	if n := len(l.At(targets[0].ID)); n != 0 {
		t.Errorf("%d payments to a target after Unwatch", n)
	}
}

func lookup(t *testing.T, h Harness) {
	l := NewLedger(t, h.Network())
	to := watching(t, h, 1)[0]
	s := BeginReady(t, h, l, to)
	tx := h.Pay(t, to.ID, h.Assets()[0], sum)
	h.Mine(t, 1)
	waitIncluded(t, s, l, to.ID)
	p, _ := only(l, to.ID)
	can := s.Watcher.Capabilities()
	ask := func(ref chain.Ref) (found chain.Found, err error) {
		// One of several ways to watch may not be there yet: it says so, for a while.
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if found, err = s.Watcher.Lookup(t.Context(), ref); err == nil || errors.Is(err, chain.ErrCannot) || time.Now().After(deadline) {
				return found, err
			}
		}
	}

	found, err := ask(chain.Ref{Block: p.Event.Block.Height})
	if can.LookupBlock && (err != nil || found.Block.Hash != p.Event.Block.Hash) {
		t.Errorf("Lookup of block %d: %+v, %v; want %s", p.Event.Block.Height, found, err, p.Event.Block.Hash)
	} else if !can.LookupBlock && !errors.Is(err, chain.ErrCannot) {
		t.Errorf("Lookup of a block: %v, want ErrCannot", err)
	}
	found, err = ask(chain.Ref{TxID: tx})
	if can.LookupTx && (err != nil || !found.Known || found.Block.Hash != p.Event.Block.Hash || len(found.Payments) != 1 || found.Payments[0].Amount != sum) {
		t.Errorf("Lookup of %s: %+v, %v", tx, found, err)
	} else if !can.LookupTx && !errors.Is(err, chain.ErrCannot) {
		t.Errorf("Lookup of a transaction: %v, want ErrCannot", err)
	}
	found, err = ask(chain.Ref{Destination: to.ID})
	if can.LookupAddr && (err != nil || !found.Known || len(found.Payments) == 0) {
		t.Errorf("Lookup of %s: %+v, %v", to.ID, found, err)
	} else if !can.LookupAddr && !errors.Is(err, chain.ErrCannot) {
		t.Errorf("Lookup of a destination: %v, want ErrCannot", err)
	}
}
