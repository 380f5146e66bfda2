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

// TestFullDisk: everybody hears that nothing can be stored, and that it can be
// again, without anything having been rung up meanwhile.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &failing{Store: store.NewMemory()}
		s := openShop(t, st)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		box := s.Subscribe()
		defer box.Close()
		st.broken.Store(true)
		if err := b.try(tip(101)); err == nil {
			t.Fatal("stored on a full disk")
		}
		u, err := box.Next(t.Context())
		if err != nil || u.Board.Store == nil || s.Board().Store == nil {
			t.Fatalf("nobody is told of it: %v, %v", u.Board.Store, err)
		}
		if _, err := s.Open(t.Context(), euros(500), chain.Bitcoin); err == nil {
			t.Fatal("rung up on a full disk")
		}
		st.broken.Store(false)
		b.emit(t, tip(101))
		if err := s.Board().Store; err != nil {
			t.Errorf("it was stored, and still: %v", err)
		}
		// What the store does not have says nothing about the disk.
		if _, err := s.View(t.Context(), "nothing"); !errors.Is(err, pos.ErrNoSale) || s.Board().Store != nil {
			t.Errorf("%v, then %v", err, s.Board().Store)
		}
	})
}

// TestClockSetBack: the board says how far the clock is behind what happened,
// also after a restart.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, clock := store.NewMemory(), &skewed{}
		s := openShopWith(t, st, func(c *pos.Config) { c.Clock = clock })
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		if behind := s.Board().Behind; behind != 0 {
			t.Fatalf("behind by %s", behind)
		}
		// 30 minutes ahead a payment comes; then somebody sets the clock right.
		clock.set(30 * time.Minute)
		b.emit(t, b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0))
		clock.set(-30 * time.Minute)
		if behind := s.Board().Behind; behind != 30*time.Minute {
			t.Errorf("behind by %s", behind)
		}
		v, err := s.View(t.Context(), v.Sale.ID)
		if err != nil {
			t.Fatal(err)
		}
		if o := v.Sale.Outcome; o.Status == pos.Partial && o.Verdict == pos.Wait {
			t.Errorf("the customer is to wait for the missing %s", o.Missing)
		}
		s.stop()
		clock.set(-24 * time.Hour)
		s = openShopWith(t, st, func(c *pos.Config) { c.Clock = clock })
		defer s.stop()
		if behind := s.Board().Behind; behind < 23*time.Hour || behind > 25*time.Hour {
			t.Errorf("after a restart behind by %s", behind)
		}
	})
}

// TestLongAbsence: what came while nobody looked is told in a bounded list.
func TestLongAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		s := openShop(t, st)
		s.rails[0].emit(t, tip(100))
		var views []pos.View
		for range pos.MostAway + 20 {
			views = append(views, s.ring(t, chain.Bitcoin))
		}
		s.stop()
		time.Sleep(time.Hour)
		b := newRail(btc, "A")
		b.setHealth(chain.Syncing)
		s = openShop(t, st, b)
		defer s.stop()
		for i, v := range views {
			e := b.payment(chain.Included, v.Pay.Quote.To, 10_000, 101)
			e.Key.TxID = chain.TxID(fmt.Sprint("tx", i))
			b.emit(t, e)
		}
		away := s.Board().Away
		if away == nil || len(away.Sales) != pos.MostAway || away.More == 0 {
			t.Fatalf("%+v", away)
		}
		if err := s.Back(context.Background(), pos.Actor{}); err != nil || s.Board().Away != nil {
			t.Errorf("%v, %v", err, s.Board().Away)
		}
	})
}
