package pos_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// TestGapReuse: where the shop says so, the address of a sale that nobody paid
// is shown again once a wallet would look no further, and only after its
// quarantine; money that comes for it then is the newer sale's.
func TestGapReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		at := func() *rail {
			r := newRail(btc, "A")
			r.account.Gap, r.account.Cooldown, r.account.First = 3, 48*time.Hour, 7
			return r
		}
		s := openShop(t, st, at())
		s.rails[0].emit(t, tip(100))
		index := func(want uint32) pos.View {
			t.Helper()
			v := s.ring(t, chain.Bitcoin)
			a, _ := v.Sale.Address("A")
			if a.Index != want {
				t.Fatalf("sale %d is at %d, want %d", v.Sale.Number, a.Index, want)
			}
			if _, watched := s.rails[0].target(a.To); !watched || a.To != v.Pay.Quote.To {
				t.Errorf("the address %s of index %d is not watched", a.To, want)
			}
			return v
		}
		first := index(7)
		index(8)
		index(9)
		time.Sleep(24 * time.Hour)
		s.see(t, first.Sale.ID, pos.Expired)
		index(10) // none has rested
		s.stop()
		s = openShop(t, st, at())
		defer s.stop()
		s.rails[0].emit(t, tip(100))
		time.Sleep(36 * time.Hour)
		again := index(7)
		if again.Pay.Quote.To != first.Pay.Quote.To {
			t.Errorf("index 7 is %s and then %s", first.Pay.Quote.To, again.Pay.Quote.To)
		}
		due, _ := again.Pay.Quote.Due.Uint64()
		s.rails[0].emit(t, s.rails[0].payment(chain.Seen, again.Pay.Quote.To, due, 0))
		s.see(t, again.Sale.ID, pos.Seen)
		s.see(t, first.Sale.ID, pos.Expired)
		time.Sleep(240 * time.Hour)
		index(8) // 7 was paid
		index(9)
		index(10)
		index(11)
	})
}

// TestFirstIndex: of a key that was used elsewhere nothing below its first index
// is shown or watched ahead.
func TestFirstIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRail(btc, "A")
		r.account.First = 991
		s := openShop(t, nil, r)
		defer s.stop()
		synctest.Wait()
		for i, want := range map[uint32]bool{0: false, 990: false, 991: true, 1010: true} {
			to, _ := r.Destination(i)
			if _, watched := r.target(to); watched != want {
				t.Errorf("index %d is watched ahead: %v", i, watched)
			}
		}
		v := s.ring(t, chain.Bitcoin)
		if a, _ := v.Sale.Address("A"); a.Index != 991 || a.Path != "m/0/991" {
			t.Errorf("the first sale is at %d (%s)", a.Index, a.Path)
		}
	})
}
