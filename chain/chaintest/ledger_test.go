package chaintest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

const paper = chain.Network("paper:test")

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func block(height uint64, branch string) chain.BlockRef {
	return chain.BlockRef{Height: height, Hash: fmt.Sprintf("%s%d", branch, height), Time: noon}
}

func ring(refs ...chain.BlockRef) chain.Cursor {
	var c chain.Cursor
	for _, r := range refs {
		c = c.Push(r)
	}
	return c
}

func pay(kind chain.Kind, tx chain.TxID, at chain.BlockRef) chain.Event {
	return chain.Event{Kind: kind, Key: chain.PaymentKey{Network: paper, TxID: tx}, Target: "shop", Asset: "paper/coin", Amount: chain.Units(5), Block: at}
}

func tip(at chain.BlockRef) chain.Event {
	return chain.Event{Kind: chain.Tip, Tip: chain.TipState{Block: at, Agreed: at.Height}}
}

// batch numbers events from the Rev after c's Seq.
func batch(after uint64, c chain.Cursor, events ...chain.Event) ([]chain.Event, chain.Cursor) {
	for i := range events {
		after++
		events[i].Rev, events[i].At = after, noon
	}
	c.Seq = after
	return events, c
}

// TestRules plays one good history and then each of many bad next batches.
func TestRules(t *testing.T) {
	a1, a2, a3, b2, b3 := block(1, "a"), block(2, "a"), block(3, "a"), block(2, "b"), block(3, "b")
	history := func(l *Ledger) {
		for _, step := range []func() ([]chain.Event, chain.Cursor){
			func() ([]chain.Event, chain.Cursor) { return batch(0, ring(a1), tip(a1)) },
			func() ([]chain.Event, chain.Cursor) {
				return batch(1, ring(a1), pay(chain.Seen, "x", chain.BlockRef{}))
			},
			func() ([]chain.Event, chain.Cursor) {
				return batch(2, ring(a1, a2), pay(chain.Included, "x", a2), tip(a2))
			},
		} {
			events, cursor := step()
			if err := l.check(events, cursor); err != nil {
				t.Fatalf("a good batch was refused: %v", err)
			}
			l.apply(events, cursor)
		}
	}
	type next = func() ([]chain.Event, chain.Cursor)
	good := map[string]next{
		"next block": func() ([]chain.Event, chain.Cursor) { return batch(4, ring(a1, a2, a3), tip(a3)) },
		"reorg": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1, b2, b3), pay(chain.Retracted, "x", a2), pay(chain.Included, "x", b3), tip(b3))
		},
		"back to the fork only": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1), pay(chain.Retracted, "x", a2))
		},
		"looked back": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1, a2), pay(chain.Included, "y", a1))
		},
	}
	bad := map[string]next{
		"nothing":           func() ([]chain.Event, chain.Cursor) { return batch(4, ring(a1, a2)) },
		"Rev repeated":      func() ([]chain.Event, chain.Cursor) { return batch(3, ring(a1, a2, a3), tip(a3)) },
		"moved without Tip": func() ([]chain.Event, chain.Cursor) { return batch(4, ring(a1, a2, a3), pay(chain.Included, "y", a3)) },
		"Seq behind": func() ([]chain.Event, chain.Cursor) {
			events, c := batch(4, ring(a1, a2, a3), tip(a3))
			c.Seq--
			return events, c
		},
		"hole in the ring": func() ([]chain.Event, chain.Cursor) { return batch(4, ring(a1, a3), tip(a3)) },
		"forgot to retract": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1, b2, b3), tip(b3))
		},
		"Included before Retracted": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1, b2, b3), pay(chain.Included, "y", b3), pay(chain.Retracted, "x", a2), tip(b3))
		},
		"retracted, still in the ring": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1, a2), pay(chain.Retracted, "x", a2))
		},
		"Included beyond the head": func() ([]chain.Event, chain.Cursor) {
			return batch(4, ring(a1, a2), pay(chain.Included, "y", a3))
		},
		"tip is not the head": func() ([]chain.Event, chain.Cursor) { return batch(4, ring(a1, a2, a3), tip(b3)) },
		"no amount": func() ([]chain.Event, chain.Cursor) {
			e := pay(chain.Seen, "y", chain.BlockRef{})
			e.Amount = chain.Amount{}
			return batch(4, ring(a1, a2), e)
		},
		"wrong network": func() ([]chain.Event, chain.Cursor) {
			e := pay(chain.Seen, "y", chain.BlockRef{})
			e.Key.Network = "paper:other"
			return batch(4, ring(a1, a2), e)
		},
	}
	for name, step := range good {
		l := NewLedger(t, paper)
		history(l)
		if err := l.check(step()); err != nil {
			t.Errorf("%s: refused: %v", name, err)
		}
	}
	for name, step := range bad {
		l := NewLedger(t, paper)
		history(l)
		if l.check(step()) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRefusedBatchComesAgain(t *testing.T) {
	a1 := block(1, "a")
	l := NewLedger(t, paper)
	l.Decide = func(n int, _ []chain.Event) Fate {
		if n == 1 {
			return Fail
		}
		return Commit
	}
	events, cursor := batch(0, ring(a1), tip(a1))
	if err := l.Sink(t.Context(), events, cursor); err != ErrRefused {
		t.Fatalf("the sink said %v", err)
	}
	other := slices.Clone(events)
	other[0].Rev++
	changed := cursor
	changed.Seq++
	if l.check(other, changed) == nil {
		t.Error("another batch was accepted in place of the refused one")
	}
	if err := l.Sink(t.Context(), events, cursor); err != nil {
		t.Errorf("the same batch again: %v", err)
	}
	if l.Cursor().Seq != 1 || l.Calls() != 2 {
		t.Errorf("seq %d after %d calls", l.Cursor().Seq, l.Calls())
	}
}

// TestHighestRevWins: repetitions and late evidence do not move a payment.
func TestHighestRevWins(t *testing.T) {
	payments := map[chain.PaymentKey]*Payment{}
	for _, step := range []struct {
		rev  uint64
		kind chain.Kind
		want chain.Kind
	}{
		{1, chain.Seen, chain.Seen},
		{3, chain.Included, chain.Included},
		{2, chain.Gone, chain.Included},
		{3, chain.Retracted, chain.Included},
		{4, chain.Evidence, chain.Included},
		{5, chain.Conflict, chain.Included},
		{6, chain.Retracted, chain.Retracted},
	} {
		e := pay(step.kind, "x", block(1, "a"))
		e.Rev = step.rev
		place(payments, e)
		if p := payments[e.Key]; p.Kind() != step.want {
			t.Errorf("after %d %s it is %s, want %s", step.rev, step.kind, p.Kind(), step.want)
		}
	}
}
