package pos_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// TestColdAddresses: 90 days after its sale was closed an address is no longer
// watched live nor kept in memory, and still has its owner.
func TestColdAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		v := s.ring(t, chain.Bitcoin)
		w := s.ring(t, chain.Bitcoin)
		b.emit(t, b.payment(chain.Seen, w.Pay.Quote.To, 4_000, 0))
		time.Sleep(89 * 24 * time.Hour)
		if _, ok := b.target(v.Pay.Quote.To); !ok {
			t.Error("let go of too early")
		}
		time.Sleep(3 * 24 * time.Hour)
		if _, ok := b.target(v.Pay.Quote.To); ok {
			t.Error("watched for ever")
		}
		if _, ok := b.target(w.Pay.Quote.To); !ok {
			t.Error("an open sale is not watched")
		}
		b.emit(t, b.payment(chain.Included, v.Pay.Quote.To, 10_000, 101))
		s.see(t, v.Sale.ID, pos.Late)
	})
}

// TestMemoryDoesNotGrow: neither by events of one sale nor by closed sales.
func TestMemoryDoesNotGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		e := b.payment(chain.Seen, v.Pay.Quote.To, 4_000, 0)
		b.emit(t, e)
		e.Kind = chain.Evidence
		for i := range 100 {
			e.Evidence.Announcers = i
			b.emit(t, e)
		}
		if sales, timers := s.Held(); sales != 1 || timers > 2 {
			t.Errorf("%d sales and %d timers for one sale", sales, timers)
		}
		for range 50 {
			s.ring(t, chain.Bitcoin)
		}
		time.Sleep(3 * time.Hour)
		if sales, timers := s.Held(); sales != 1 || timers > 1 {
			t.Errorf("%d sales and %d timers for one that is open", sales, timers)
		}
	})
}

// TestAnAddressThatIsNotTheKeys: no QR for an address that does not come from
// the key, whoever wrote it into the store.
func TestAnAddressThatIsNotTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		s := openShop(t, st)
		v := s.ring(t, chain.Bitcoin)
		s.stop()
		b := newRail(btc, "A")
		b.derive = func(i uint32) (chain.Destination, error) {
			return chain.Destination(fmt.Sprint("another-", i)), nil
		}
		s = openShop(t, st, b)
		defer s.stop()
		v, err := s.View(context.Background(), v.Sale.ID)
		if err != nil || len(v.Pay.Forms) != 0 || v.Pay.Refusal == nil || errors.Is(v.Pay.Refusal, pos.ErrConnecting) {
			t.Fatalf("a QR of %v, refused because %v, %v", v.Pay.Forms, v.Pay.Refusal, err)
		}
	})
}
