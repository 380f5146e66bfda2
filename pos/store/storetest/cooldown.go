package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var cooldown = map[string]func(*testing.T, Suite){
	"CooldownReuses":         cooldownReuses,
	"CooldownTakesTheLowest": cooldownLowest,
	"CooldownWithoutASale":   cooldownWithoutASale,
	"ClockSetBack":           clockSetBack,
}

func cooldownReuses(t *testing.T, suite Suite) {
	s := suite.Open(t)
	pool := chain.Account{ID: "pool", Size: 2, Cooldown: time.Hour}
	one := ring(t, s, pool, 1, Start)
	two := ring(t, s, pool, 2, Start)
	refused := func(now time.Time) {
		t.Helper()
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			_, err := tx.NextIndex(pool, now)
			return err
		})
		if !errors.Is(err, pos.ErrNoAddress) {
			t.Fatalf("a full pool at %v: %v", now, err)
		}
	}
	refused(Start.Add(1000 * time.Hour)) // both are open, however long
	put(t, s, Close(two, pos.Paid, Start.Add(time.Hour)))
	refused(Start.Add(2*time.Hour - 1))
	if suite.Reopen != nil {
		s = suite.Reopen(t, s)
	}
	three := ring(t, s, pool, 3, Start.Add(2*time.Hour))
	if i := three.Addresses[0].Index; i != 1 {
		t.Fatalf("the cooled index is 1, got %d", i)
	}
	refused(Start.Add(1000 * time.Hour))
	// The earlier sale may be put again, closed or not: the index is the later one's.
	late := two
	late.Outcome.Status = pos.Late
	put(t, s, late)
	put(t, s, Close(late, pos.Accepted, Start.Add(3*time.Hour)))
	refused(Start.Add(1000 * time.Hour))
	// A sale that opens again holds its index again.
	put(t, s, Close(one, pos.Expired, Start.Add(4*time.Hour)))
	reopened := one
	reopened.Outcome.Status = pos.Late
	put(t, s, reopened)
	refused(Start.Add(1000 * time.Hour))
	put(t, s, Close(reopened, pos.Accepted, Start.Add(5*time.Hour)))
	refused(Start.Add(6*time.Hour - 1))
	if i := ring(t, s, pool, 4, Start.Add(6*time.Hour)).Addresses[0].Index; i != 0 {
		t.Fatalf("the reopened index is 0, got %d", i)
	}
}

func cooldownLowest(t *testing.T, suite Suite) {
	s := suite.Open(t)
	pool := chain.Account{ID: "pool", Cooldown: time.Hour}
	const n = 200 // more than one node of any tree
	all := make([]pos.Sale, n)
	for i := range all {
		all[i] = ring(t, s, pool, uint64(i+1), Start)
		if all[i].Addresses[0].Index != uint32(i) {
			t.Fatalf("sale %d is on index %d", i, all[i].Addresses[0].Index)
		}
	}
	// Close them so that low and high ones become free in turn.
	freeAt := map[uint32]time.Time{}
	for i := range all {
		if i%7 == 3 {
			at := Start.Add(time.Duration((i*37)%50) * time.Minute)
			put(t, s, Close(all[i], pos.Paid, at))
			freeAt[uint32(i)] = at.Add(pool.Cooldown)
		}
	}
	next := uint32(n)
	for k := range 60 {
		now := Start.Add(time.Hour + time.Duration(k)*time.Minute)
		want := next
		for i, at := range freeAt {
			if !at.After(now) {
				want = min(want, i)
			}
		}
		got := allocate(t, s, pool, now)
		if got != want {
			t.Fatalf("at %v got index %d, want %d", now, got, want)
		}
		if got == next {
			next++
		}
		freeAt[got] = now.Add(pool.Cooldown) // no sale followed: it cools from now
	}
}

func cooldownWithoutASale(t *testing.T, suite Suite) {
	s := suite.Open(t)
	pool := chain.Account{ID: "pool", Size: 1, Cooldown: time.Hour}
	allocate(t, s, pool, Start)
	for _, c := range []struct {
		at time.Duration
		ok bool
	}{{0, false}, {time.Hour - 1, false}, {time.Hour, true}, {time.Hour, false}} {
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			_, err := tx.NextIndex(pool, Start.Add(c.at))
			return err
		})
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, pos.ErrNoAddress) {
			t.Fatalf("after %v: %v", c.at, err)
		}
	}
}

// clockSetBack: a clock that runs backwards gives no address to two sales and no
// number twice, and what was written keeps its order.
func clockSetBack(t *testing.T, suite Suite) {
	s := suite.Open(t)
	pool := chain.Account{ID: "pool", Size: 3, Cooldown: time.Hour}
	one := ring(t, s, pool, 1, Start)
	put(t, s, Close(one, pos.Paid, Start))
	for day := range 3 {
		now := Start.AddDate(0, 0, -day-1)
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			i, err := tx.NextIndex(pool, now)
			if day == 2 {
				if !errors.Is(err, pos.ErrNoAddress) {
					t.Errorf("an address in use was given out: %d, %v", i, err)
				}
				return nil
			}
			check(t, err)
			if i != uint32(day+1) {
				t.Errorf("index %d on day %d before", i, day+1)
			}
			n, err := tx.NextNumber()
			check(t, err)
			sale := WithAddress(NewSale(n), pool.ID, i, 0)
			sale.CreatedAt = now
			check(t, tx.PutSale(sale))
			seq, err := tx.AppendOutbox(pos.Change{At: now, SaleID: sale.ID, Number: n})
			check(t, err)
			e := NewEntry(sale.ID, 0)
			e.At = now
			if e = appendTo(t, tx, e); n != uint64(day+2) || seq != uint64(day+1) || e.Seq != seq {
				t.Errorf("sale %d, change %d, entry %d", n, seq, e.Seq)
			}
			return tx.PutDelivery(NewDelivery(seq, sale.ID, now))
		})
		check(t, err)
	}
	rs, err := s.Sales(context.Background(), pos.Query{})
	check(t, err)
	same(t, "sales", numbers(rs), []uint64{3, 2, 1})
	if all := wholeJournal(t, s); len(all) != 2 || !all[1].At.Before(all[0].At) {
		t.Fatalf("journal %+v", all)
	}
	if seqs, later := due(t, s, Start.AddDate(0, 0, -2), 0); len(seqs) != 1 || seqs[0] != 2 || !later.Equal(Start.AddDate(0, 0, -1)) {
		t.Fatalf("due %v, later %v", seqs, later)
	}
}
