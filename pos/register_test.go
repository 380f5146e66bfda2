package pos_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

const ethNative = chain.AssetID(eth + "/native")

func TestSaleFromAwaitingToPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		box := s.Subscribe()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		if v.Sale.Number != 1 || v.Pay.Amount != chain.Units(10_000) || len(v.Pay.Forms) != 1 || v.Pay.Forms[0].Text != "pay:A-0?10000" {
			t.Fatalf("rung up as %+v", v.Pay)
		}
		to := v.Pay.Quote.To
		b.emit(t, b.payment(chain.Seen, to, 10_000, 0))
		s.see(t, v.Sale.ID, pos.Seen)
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(101))
		if v := s.see(t, v.Sale.ID, pos.Confirming); v.Sale.Outcome.Confirmations != 1 || v.Sale.Outcome.Needed != 2 {
			t.Fatalf("%d of %d", v.Sale.Outcome.Confirmations, v.Sale.Outcome.Needed)
		}
		b.emit(t, tip(102)) // PAID by a tip alone
		v = s.see(t, v.Sale.ID, pos.Paid)
		if v.Payments[0].Counted == nil || !v.Payments[0].Counted.Paid {
			t.Fatal("a payment that carried PAID is not marked")
		}

		u, err := box.Next(context.Background())
		if err != nil || len(u.Changed) != 1 || u.Changed[0].Sale.Outcome.Status != pos.Paid {
			t.Fatalf("the mailbox holds %v, %v", u.Changed, err)
		}
		changes, err := s.store.Outbox(context.Background(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var path []pos.Status
		for i, c := range changes {
			if c.Seq != uint64(i+1) {
				t.Fatalf("change %d has the number %d", i+1, c.Seq)
			}
			path = append(path, c.Outcome.Status)
		}
		if want := []pos.Status{pos.Awaiting, pos.Seen, pos.Confirming, pos.Paid}; len(path) != len(want) || path[3] != pos.Paid {
			t.Fatalf("the outbox tells %v, want %v", path, want)
		}
	})
}

func TestNoQRBeforeTheAddressIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		box := s.Subscribe()
		let := make(chan struct{})
		s.rails[0].mu.Lock()
		s.rails[0].watch = func(ctx context.Context) error {
			select {
			case <-let:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s.rails[0].mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		v, err := s.Open(ctx, euros(500), chain.Bitcoin)
		if !errors.Is(err, pos.ErrConnecting) || len(v.Pay.Forms) != 0 || !errors.Is(v.Pay.Refusal, pos.ErrConnecting) {
			t.Fatalf("a QR %v without watching, %v", v.Pay, err)
		}
		if rec, err := s.store.Sale(context.Background(), v.Sale.ID); err != nil || rec.Sale.Number != v.Sale.Number {
			t.Fatalf("the sale is not durable: %v", err)
		}
		close(let)
		synctest.Wait()
		for {
			u, err := box.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(u.Changed); n > 0 && len(u.Changed[n-1].Pay.Forms) == 1 {
				break
			}
		}
	})
}

func TestRestartLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		s := openShop(t, st)
		s.rails[0].emit(t, tip(100))
		first, second := s.ring(t, chain.Bitcoin), s.ring(t, chain.Bitcoin)
		s.rails[0].emit(t, s.rails[0].payment(chain.Seen, first.Pay.Quote.To, 10_000, 0))
		s.see(t, first.Sale.ID, pos.Seen)
		s.stop()

		time.Sleep(time.Hour)
		b := newRail(btc, "A")
		b.health.State = chain.Syncing
		s = openShop(t, st, b, newRail(eth, "E"), newRail(own, "E"))
		defer s.stop()
		if b.from.Head().Height != 100 {
			t.Fatalf("reading goes on at %d", b.from.Head().Height)
		}
		for _, v := range []pos.View{first, second} {
			if _, ok := b.targets[v.Pay.Quote.To]; !ok {
				t.Fatalf("%s is not watched after the restart", v.Pay.Quote.To)
			}
		}
		// What came in time while the till was off must be known before the
		// price is said to have run out.
		time.Sleep(time.Minute)
		s.see(t, second.Sale.ID, pos.Awaiting)
		late := b.payment(chain.Included, second.Pay.Quote.To, 10_001, 101)
		late.Block.Time = second.Sale.CreatedAt.Add(5 * time.Minute)
		b.emit(t, b.payment(chain.Included, first.Pay.Quote.To, 10_000, 101), late, tip(101))
		b.emit(t, tip(102))
		b.emit(t, chain.Event{Kind: chain.HealthChanged, Health: chain.Health{State: chain.Ready}})
		time.Sleep(time.Minute)
		s.see(t, first.Sale.ID, pos.Paid)
		s.see(t, second.Sale.ID, pos.Paid)
		if third := s.ring(t, chain.Bitcoin); third.Sale.Number != 3 || third.Pay.Quote.To != "A-2" {
			t.Fatalf("number %d on %s", third.Sale.Number, third.Pay.Quote.To)
		}
	})
}

func TestReorganisationAfterPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		to := v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(101))
		b.emit(t, tip(102))
		s.see(t, v.Sale.ID, pos.Paid)
		time.Sleep(2 * pos.KeepFor) // out of memory, on disk only
		b.emit(t, b.payment(chain.Retracted, to, 10_000, 101))
		s.see(t, v.Sale.ID, pos.Disputed)
		again := b.payment(chain.Included, to, 10_000, 102)
		again.Block.Hash = "other"
		b.emit(t, again, tip(102))
		s.see(t, v.Sale.ID, pos.Disputed)
		b.emit(t, tip(103))
		s.see(t, v.Sale.ID, pos.Paid)
	})
}

func TestRepetitionsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		seen, in := b.payment(chain.Seen, v.Pay.Quote.To, 4_000, 0), b.payment(chain.Included, v.Pay.Quote.To, 4_000, 101)
		b.emit(t, seen, in, tip(101))
		cursor, err := s.store.Cursor(context.Background(), btc)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := s.store.Outbox(context.Background(), 0, 100)
		seen.Rev, in.Rev = cursor.Seq-2, cursor.Seq-1
		for range 3 {
			if err := b.sink(context.Background(), []chain.Event{in, seen}, cursor); err != nil {
				t.Fatal(err)
			}
		}
		if v = s.see(t, v.Sale.ID, pos.Partial); v.Sale.Outcome.Received != chain.Units(4_000) || v.Pay.Forms[0].Text != "pay:A-0?6000" {
			t.Fatalf("received %s, asks for %s", v.Sale.Outcome.Received, v.Pay.Forms[0].Text)
		}
		if after, _ := s.store.Outbox(context.Background(), 0, 100); len(after) != len(before) {
			t.Fatalf("%d changes told for repetitions", len(after)-len(before))
		}
	})
}

func TestExpiryAndWhatComesAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v, w := s.ring(t, chain.Bitcoin), s.ring(t, chain.Bitcoin)
		if _, err := s.Cancel(context.Background(), w.Sale.ID, pos.Actor{Name: "Ana"}); err != nil {
			t.Fatal(err)
		}
		s.see(t, w.Sale.ID, pos.Cancelled)
		time.Sleep(15*time.Minute + time.Millisecond)
		s.see(t, v.Sale.ID, pos.Expired)
		again, err := s.Offer(context.Background(), v.Sale.ID, chain.Bitcoin, pos.Actor{})
		if err != nil || again.Pay.Quote.To != v.Pay.Quote.To || len(again.Sale.Quotes) != 2 {
			t.Fatalf("a new price on %s: %v", again.Pay.Quote.To, err)
		}
		s.see(t, v.Sale.ID, pos.Awaiting)
		time.Sleep(15*time.Minute + time.Millisecond)
		s.see(t, v.Sale.ID, pos.Expired)
		time.Sleep(60 * 24 * time.Hour)
		b.emit(t, b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0), b.payment(chain.Seen, w.Pay.Quote.To, 10_001, 0))
		s.see(t, v.Sale.ID, pos.Late)
		s.see(t, w.Sale.ID, pos.Late)
		if _, err := s.Cancel(context.Background(), v.Sale.ID, pos.Actor{}); !errors.Is(err, pos.ErrNotNow) {
			t.Fatalf("a sale with money was cancelled: %v", err)
		}
		if _, err := s.Offer(context.Background(), v.Sale.ID, chain.Bitcoin, pos.Actor{}); !errors.Is(err, pos.ErrNotNow) {
			t.Fatalf("a sale with money was quoted again: %v", err)
		}
	})
}

func TestChainsOfOneKeyShareTheirCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		v := s.ring(t, ethNative)
		w := s.ring(t, chain.AssetID(own+"/native"))
		if v.Pay.Quote.To != "E-0" || w.Pay.Quote.To != "E-1" {
			t.Fatalf("%s and %s", v.Pay.Quote.To, w.Pay.Quote.To)
		}
		// The same sale offered on the sister chain keeps its address.
		v, err := s.Offer(context.Background(), v.Sale.ID, chain.AssetID(own+"/native"), pos.Actor{})
		if err != nil || v.Pay.Quote.To != "E-0" || len(v.Sale.Addresses) != 1 {
			t.Fatalf("%+v, %v", v.Sale.Addresses, err)
		}
		v, err = s.Offer(context.Background(), v.Sale.ID, chain.Bitcoin, pos.Actor{})
		if err != nil || v.Pay.Quote.To != "A-0" || len(v.Sale.Addresses) != 2 {
			t.Fatalf("%+v, %v", v.Sale.Addresses, err)
		}
		synctest.Wait()
		for _, r := range s.rails[1:] {
			r.mu.Lock()
			if _, ok := r.targets["E-1"]; !ok {
				t.Errorf("%s does not look at E-1", r.id)
			}
			if _, ok := r.targets["E-21"]; !ok {
				t.Errorf("%s does not look ahead", r.id)
			}
			r.mu.Unlock()
		}
		// Paid in the first asset after all: that quote still stands.
		e := s.rails[1]
		e.emit(t, tip(7))
		p := e.payment(chain.Included, "E-0", 0, 8)
		p.Amount = v.Sale.Quotes[0].Due
		e.emit(t, p, tip(8))
		s.see(t, v.Sale.ID, pos.Paid)
	})
}

func TestMoneyOnAnAddressThatNobodyWasShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, b.payment(chain.Seen, "A-0", 777, 0))
		v := s.ring(t, chain.Bitcoin)
		if v.Pay.Quote.To != "A-1" {
			t.Fatalf("a spent address was shown: %s", v.Pay.Quote.To)
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		ctx := context.Background()
		for _, tt := range []struct {
			name  string
			draft pos.Draft
			asset chain.AssetID
			want  error
		}{
			{"nothing to pay", euros(0), chain.Bitcoin, pos.ErrDraft},
			{"dust", euros(1), chain.Bitcoin, pos.ErrTooSmall},
			{"unknown coin", euros(500), "doge/doge", pos.ErrNoAsset},
			{"foreign currency", pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Fiat{Minor: 1, Currency: "USD"}}}, chain.Bitcoin, pos.ErrDraft},
			{"priced in another coin", pos.Draft{Price: pos.Price{Kind: pos.PriceAsset, Asset: ethNative, Amount: chain.Units(5)}}, chain.Bitcoin, pos.ErrNoAsset},
			{"metadata is no JSON", pos.Draft{Price: euros(500).Price, Metadata: []byte("{")}, chain.Bitcoin, pos.ErrDraft},
			{"no UUID", pos.Draft{ID: "1", Price: euros(500).Price}, chain.Bitcoin, pos.ErrDraft},
		} {
			if _, err := s.Open(ctx, tt.draft, tt.asset); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
		s.prices.mu.Lock()
		s.prices.state = pos.RateStale
		s.prices.mu.Unlock()
		if _, err := s.Open(ctx, euros(500), chain.Bitcoin); !errors.Is(err, pos.ErrStaleRate) {
			t.Errorf("sold at a stale price: %v", err)
		}
		if v, err := s.Open(ctx, pos.Draft{Price: pos.Price{Kind: pos.PriceAsset, Asset: chain.Bitcoin, Amount: chain.Units(5000)}}, chain.Bitcoin); err != nil || v.Pay.Amount != chain.Units(5000) {
			t.Errorf("a price in bitcoin needs no feed: %v", err)
		}
		if v, err := s.Open(ctx, pos.Draft{Price: pos.Price{Kind: pos.PriceOpen}}, chain.Bitcoin); err != nil || !v.Pay.Amount.IsZero() {
			t.Errorf("an open price needs no feed: %v", err)
		}
		s.rails[0].emit(t, chain.Event{Kind: chain.HealthChanged, Health: chain.Health{State: chain.Down, Code: chain.HealthNoPeers}})
		if _, err := s.Open(ctx, pos.Draft{Price: pos.Price{Kind: pos.PriceOpen}}, chain.Bitcoin); !errors.Is(err, pos.ErrConnecting) {
			t.Errorf("sold on a network that is down: %v", err)
		}
		for _, c := range s.Choices(euros(500)) {
			if c.Refusal == nil {
				t.Errorf("%s is offered at a stale price", c.Asset.ID)
			}
		}
	})
}

// failing is a store whose writes fail, or panic, while that is set.
type failing struct {
	pos.Store
	broken, panics atomic.Bool
}

func (f *failing) Write(ctx context.Context, fn func(pos.Tx) error) error {
	if f.panics.Load() {
		panic("a fault of the store")
	}
	if f.broken.Load() {
		return errors.New("disk full")
	}
	return f.Store.Write(ctx, fn)
}

func TestNothingIsToldThatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &failing{Store: store.NewMemory()}
		s := openShop(t, st)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		st.broken.Store(true)
		if err := b.try(b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0)); err == nil {
			t.Fatal("a batch that was not stored was taken")
		}
		if _, err := s.Open(context.Background(), euros(500), chain.Bitcoin); err == nil {
			t.Fatal("a sale that was not stored was rung up")
		}
		s.see(t, v.Sale.ID, pos.Awaiting)
		st.broken.Store(false)
		b.emit(t, b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0)) // the same batch again
		s.see(t, v.Sale.ID, pos.Seen)
	})
}

func TestRingingUpTwiceMakesOneSale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		d := euros(500)
		d.ID = "1b4e28ba-2fa1-4d3b-8f0c-9a6b3c2d1e0f"
		numbers := make(chan uint64, 8)
		for range cap(numbers) {
			go func() {
				v, err := s.Open(context.Background(), d, chain.Bitcoin)
				if err != nil {
					t.Error(err)
				}
				numbers <- v.Sale.Number
			}()
		}
		for range cap(numbers) {
			if n := <-numbers; n != 1 {
				t.Errorf("the sale got the number %d", n)
			}
		}
		if views, err := s.Views(context.Background(), pos.Query{}); err != nil || len(views) != 1 {
			t.Fatalf("%d sales, %v", len(views), err)
		}
	})
}

func TestKilledBetweenCommitAndWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		s := openShop(t, st)
		s.rails[0].mu.Lock()
		s.rails[0].watch = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		s.rails[0].mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		v, err := s.Open(ctx, euros(500), chain.Bitcoin)
		if !errors.Is(err, pos.ErrConnecting) {
			t.Fatalf("rung up without watching: %v", err)
		}
		s.stop()

		b := newRail(btc, "A")
		s = openShop(t, st, b, newRail(eth, "E"), newRail(own, "E"))
		defer s.stop()
		if _, ok := b.targets[v.Pay.Quote.To]; !ok {
			t.Fatalf("%s is durable and not watched", v.Pay.Quote.To)
		}
		if again := s.see(t, v.Sale.ID, pos.Awaiting); len(again.Pay.Forms) != 1 {
			t.Fatalf("no QR after the restart: %v", again.Pay.Refusal)
		}
		b.emit(t, b.payment(chain.Seen, v.Pay.Quote.To, 10_000, 0))
		s.see(t, v.Sale.ID, pos.Seen)
	})
}
