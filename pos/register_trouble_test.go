package pos_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// list makes a rail whose account is a list of addresses that serve again after
// an hour.
func list(id, account string, to ...chain.Destination) *rail {
	r := newRail(id, account)
	r.account.Size, r.account.Cooldown = uint32(len(to)), time.Hour
	r.derive = func(i uint32) (chain.Destination, error) {
		if int(i) >= len(to) {
			return "", chain.ErrNoSuchIndex
		}
		return to[i], nil
	}
	return r
}

// TestHeightsStayOnTheirChain: no watcher is told to pass over blocks because
// of another chain's height, nor because a block was read once that a
// reorganisation may write again.
func TestHeightsStayOnTheirChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		s := openShop(t, st)
		s.rails[1].emit(t, tip(1_000))
		s.rails[2].emit(t, tip(40_000_000))
		v := s.ring(t, chain.AssetID(own+"/native"))
		check := func() {
			synctest.Wait()
			for i, height := range []uint64{1_000, 40_000_000} {
				if at, ok := s.rails[i+1].target(v.Pay.Quote.To); !ok || at.Since+10 > height {
					t.Errorf("%s at height %d looks at %v only from %d", s.rails[i+1].id, height, ok, at.Since)
				}
			}
		}
		check()
		s.stop()
		s = openShop(t, st)
		defer s.stop()
		check()
	})
}

// TestListsThatShareAnAddress: whatever accounts hold it, an address that is
// open or cooling down is not given to another sale.
func TestListsThatShareAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil, list(eth, "X", "a", "b"), list(own, "Y", "b", "a"))
		defer s.stop()
		ctx := context.Background()
		v := s.ring(t, ethNative)
		w := s.ring(t, chain.AssetID(own+"/native"))
		if v.Pay.Quote.To == w.Pay.Quote.To {
			t.Fatalf("two open sales on %s", v.Pay.Quote.To)
		}
		if x, err := s.Open(ctx, euros(500), ethNative); !errors.Is(err, pos.ErrNoAddress) {
			t.Fatalf("a third sale on %s, %v", x.Pay.Quote.To, err)
		}
		for _, id := range []string{v.Sale.ID, w.Sale.ID} {
			if _, err := s.Cancel(ctx, id, pos.Actor{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Minute)
		if x, err := s.Open(ctx, euros(500), ethNative); !errors.Is(err, pos.ErrNoAddress) {
			t.Fatalf("a sale on the cooling %s, %v", x.Pay.Quote.To, err)
		}
		time.Sleep(2 * time.Hour)
		s.ring(t, ethNative)
	})
}

// TestQuotingAgainOnAnAddressThatWentOn: an expired sale does not take back an
// address that serves a later one.
func TestQuotingAgainOnAnAddressThatWentOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil, list(eth, "X", "a"))
		defer s.stop()
		v := s.ring(t, ethNative)
		time.Sleep(3 * time.Hour)
		s.see(t, v.Sale.ID, pos.Expired)
		w := s.ring(t, ethNative)
		if w.Pay.Quote.To != v.Pay.Quote.To {
			t.Fatalf("the list gave %s", w.Pay.Quote.To)
		}
		if _, err := s.Offer(context.Background(), v.Sale.ID, ethNative, pos.Actor{}); !errors.Is(err, pos.ErrNotNow) {
			t.Fatalf("two open sales on one address: %v", err)
		}
	})
}

// TestSeveralEventsOfAnEarlierSalesMoney: a batch about money of the sale that
// had the address before changes that sale, with all of its events.
func TestSeveralEventsOfAnEarlierSalesMoney(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := list(eth, "X", "a")
		s := openShop(t, nil, e)
		defer s.stop()
		e.emit(t, tip(100))
		v := s.ring(t, ethNative)
		due, _ := v.Pay.Amount.Uint64()
		e.emit(t, e.payment(chain.Included, "a", due, 101), tip(101))
		s.see(t, v.Sale.ID, pos.Paid)
		time.Sleep(3 * time.Hour)
		w := s.ring(t, ethNative)
		again := e.payment(chain.Included, "a", due, 102)
		again.Block.Hash = "other"
		e.emit(t, e.payment(chain.Retracted, "a", due, 101), again, tip(102))
		s.see(t, v.Sale.ID, pos.Paid)
		s.see(t, w.Sale.ID, pos.Awaiting)
		e.emit(t, e.payment(chain.Retracted, "a", due, 102))
		s.see(t, v.Sale.ID, pos.Disputed)
	})
}

func TestActsOnSalesWithMoneyOrOutOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		ctx := context.Background()
		b, e := s.rails[0], s.rails[2]
		v := s.ring(t, ethNative)
		e.emit(t, e.payment(chain.Seen, v.Pay.Quote.To, 5, 0)) // on the sister chain
		if got := s.see(t, v.Sale.ID, pos.Awaiting); got.Sale.Outcome.Verdict != pos.AskSupervisor {
			t.Errorf("money on the wrong chain: %q", got.Sale.Outcome.Verdict)
		}
		if _, err := s.Cancel(ctx, v.Sale.ID, pos.Actor{}); !errors.Is(err, pos.ErrNotNow) {
			t.Errorf("a sale with money was cancelled: %v", err)
		}
		w := s.ring(t, chain.Bitcoin)
		time.Sleep(3 * time.Hour)
		s.see(t, v.Sale.ID, pos.Late)
		s.see(t, w.Sale.ID, pos.Expired)
		if _, err := s.Cancel(ctx, w.Sale.ID, pos.Actor{}); !errors.Is(err, pos.ErrNotNow) {
			t.Errorf("an old sale was cancelled: %v", err)
		}
		if _, err := s.Offer(ctx, w.Sale.ID, chain.Bitcoin, pos.Actor{}); err != nil {
			t.Errorf("an old sale cannot be quoted again: %v", err)
		}
		b.emit(t, b.payment(chain.Seen, w.Pay.Quote.To, 10_000, 0))
		s.see(t, w.Sale.ID, pos.Seen)
	})
}

// TestWatchFailsAtTheStart: a rail whose addresses cannot be watched yet is
// tried again, also when it panics, and is not lost until the next start.
func TestWatchFailsAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRail(btc, "A")
		var tries atomic.Int32
		b.watch = func(context.Context) error {
			switch tries.Add(1) {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("a fault of the rail")
			}
			return nil
		}
		s := openShop(t, nil, b)
		defer s.stop()
		synctest.Wait()
		if h := s.Board().Health[btc]; h.State != chain.Down {
			t.Errorf("nothing is watched, and the board says %s", h.State)
		}
		<-b.running
		b.emit(t, tip(1))
		s.ring(t, chain.Bitcoin)
	})
}

// TestPanicsOfOthersLeaveNothingLocked: a rail or a store that panics harms one
// call, not the register.
func TestPanicsOfOthersLeaveNothingLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &failing{Store: store.NewMemory()}
		s := openShop(t, st)
		defer s.stop()
		b := s.rails[0]
		v := s.ring(t, chain.Bitcoin)
		st.panics.Store(true)
		if err := b.try(b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0)); err == nil {
			t.Error("a batch that was not stored was taken")
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = s.Open(context.Background(), euros(500), chain.Bitcoin)
			t.Error("a sale that was not stored was rung up")
		}()
		time.Sleep(16 * time.Minute) // the deadline passes meanwhile
		st.panics.Store(false)
		time.Sleep(5 * time.Second)
		s.see(t, v.Sale.ID, pos.Expired)
		b.emit(t, b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0))
		s.see(t, v.Sale.ID, pos.Late)
		s.ring(t, chain.Bitcoin)
	})
}

// TestHourlyCapWithinABatch: sales that are covered by the same batch share the
// cap, and so do sales with an open price.
func TestHourlyCapWithinABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShopWith(t, nil, func(c *pos.Config) {
			c.Policy.Rails[btc] = pos.RailPolicy{Tiers: []pos.Tier{{Need: 0}}, Final: 6}
			c.Policy.UnconfirmedPerHour = money.Fiat{Minor: 1_200, Currency: "EUR"}
		})
		defer s.stop()
		b := s.rails[0]
		var events []chain.Event
		var ids []string
		for i := range 4 {
			d := euros(500)
			if i%2 == 1 {
				d.Price = pos.Price{Kind: pos.PriceOpen}
			}
			v, err := s.Open(context.Background(), d, chain.Bitcoin)
			if err != nil {
				t.Fatal(err)
			}
			e := b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0)
			e.Key.TxID = chain.TxID(fmt.Sprint("tx", i))
			e.Evidence = chain.Proof{Announcers: 5, Of: 5, Groups: 5, Standard: true}
			events, ids = append(events, e), append(ids, v.Sale.ID)
		}
		b.emit(t, events...)
		for i, id := range ids {
			v := s.see(t, id, pos.Seen)
			if handed := v.Sale.Outcome.Verdict == pos.HandOver; handed != (i < 2) {
				t.Errorf("sale %d of 5 EUR, the cap is 12 EUR: %q", i+1, v.Sale.Outcome.Verdict)
			}
		}
	})
}

// moved is a wall clock that somebody sets.
type moved struct {
	wall
	by *atomic.Int64
}

func (m moved) Now() time.Time { return time.Now().Add(time.Duration(m.by.Load())) }

// TestTheWallClockIsSet: deadlines go by the wall clock, also when it jumps or
// the machine slept.
func TestTheWallClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var by atomic.Int64
		s := openShopWith(t, nil, func(c *pos.Config) { c.Clock = moved{by: &by} })
		defer s.stop()
		v := s.ring(t, chain.Bitcoin)
		by.Store(int64(-2 * time.Hour))
		time.Sleep(20 * time.Minute)
		s.see(t, v.Sale.ID, pos.Awaiting)
		by.Store(int64(time.Hour))
		time.Sleep(2 * time.Minute)
		s.see(t, v.Sale.ID, pos.Expired)
	})
}

// TestRungUpWhileTheRailStarts: a sale that comes while the first addresses are
// being watched waits for its own Watch.
func TestRungUpWhileTheRailStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRail(btc, "A")
		first, second := make(chan struct{}), make(chan struct{})
		var calls atomic.Int32
		b.watch = func(ctx context.Context) error {
			gate := second
			if calls.Add(1) == 1 {
				gate = first
			}
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s := openShop(t, nil, b)
		defer s.stop()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		v, err := s.Open(ctx, euros(500), chain.Bitcoin)
		if !errors.Is(err, pos.ErrConnecting) {
			t.Fatal(err)
		}
		close(first)
		<-b.running
		synctest.Wait()
		if now, err := s.View(context.Background(), v.Sale.ID); err != nil || len(now.Pay.Forms) > 0 {
			t.Errorf("a QR before its address is watched: %v, %v", now.Pay.Forms, err)
		}
		close(second)
		synctest.Wait()
		if now, err := s.View(context.Background(), v.Sale.ID); err != nil || len(now.Pay.Forms) == 0 {
			t.Errorf("no QR: %v, %v", now.Pay.Refusal, err)
		}
	})
}

// TestOpenWhileItEnds: nothing is left running, whenever the register ends.
func TestOpenWhileItEnds(t *testing.T) {
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := openShop(t, nil)
			var open sync.WaitGroup
			for range 8 {
				open.Go(func() {
					if _, err := s.Open(context.Background(), euros(500), ethNative); err != nil && !errors.Is(err, pos.ErrClosed) {
						t.Error(err)
					}
				})
			}
			for range i {
				time.Sleep(0)
			}
			s.stop()
			open.Wait()
			if _, err := s.Open(context.Background(), euros(500), ethNative); !errors.Is(err, pos.ErrClosed) {
				t.Errorf("rung up after the end: %v", err)
			}
		})
	}
}
