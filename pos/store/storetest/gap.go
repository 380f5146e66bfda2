package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var gap = map[string]func(*testing.T, Suite){
	"First":     firstIndex,
	"GapReuses": gapReuses,
}

// firstIndex: an account that was used elsewhere begins where it is free, and
// goes on from where it is when it is told to begin earlier.
func firstIndex(t *testing.T, suite Suite) {
	s := suite.Open(t)
	at := func(first uint32, number uint64) uint32 {
		return ring(t, s, chain.Account{ID: "acc", First: first}, number, Start).Addresses[0].Index
	}
	for i, c := range []struct{ first, want uint32 }{{0, 0}, {37, 37}, {37, 38}, {10, 39}, {0, 40}, {1000, 1000}} {
		if suite.Reopen != nil && i == 2 {
			s = suite.Reopen(t, s)
		}
		if got := at(c.first, uint64(i+1)); got != c.want {
			t.Errorf("from %d on it gives %d, want %d", c.first, got, c.want)
		}
	}
	if next, err := s.Next(context.Background(), "acc"); err != nil || next != 1001 {
		t.Errorf("next is %d, %v; want 1001", next, err)
	}
}

// gapReuses: an index serves again only once so many in a row were never paid,
// only after its quarantine, and never if it was paid.
func gapReuses(t *testing.T, suite Suite) {
	s := suite.Open(t)
	account := chain.Account{ID: "key", Gap: 3, Cooldown: time.Hour, First: 5}
	now, number := Start, uint64(0)
	sales := map[uint32]pos.Sale{}
	next := func(want uint32) {
		t.Helper()
		number++
		sale := ring(t, s, account, number, now)
		if got := sale.Addresses[0].Index; got != want {
			t.Fatalf("sale %d has index %d, want %d", number, got, want)
		}
		sales[want] = sale
	}
	end := func(index uint32, paid bool) {
		t.Helper()
		sale := sales[index]
		status := pos.Expired
		if paid {
			status = pos.Paid
			p := NewPayment(sale, uint32(number))
			write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
		}
		put(t, s, Close(sale, status, now))
	}
	next(5)
	next(6)
	end(5, false)
	end(6, false)
	now = now.Add(100 * time.Hour)
	next(7) // two in a row are not enough
	next(5) // now there are three, and the lowest has rested
	next(6)
	next(8) // 5, 6 and 7 are open
	end(6, true)
	end(7, false)
	end(8, false)
	now = now.Add(2 * time.Hour)
	next(9) // the row begins behind 6 now
	if suite.Reopen != nil {
		s = suite.Reopen(t, s)
	}
	next(7)
	end(5, false)
	now = now.Add(2 * time.Hour)
	next(8) // not 5, which lies below one that was paid
	next(10)
	end(10, false)
	now = now.Add(time.Hour - 1)
	next(11) // a moment early
	now = now.Add(1)
	next(10)
	// Money that came late for an index bars it for good.
	end(10, true)
	now = now.Add(1000 * time.Hour)
	next(12)
}
