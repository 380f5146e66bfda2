package pos_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

var ana = pos.Actor{Name: "Ana", Terminal: "till 1"}

// supervised gives a shop a supervisor whose PIN costs little to look at.
func supervised(t testing.TB, s *shop) {
	t.Helper()
	if err := s.store.Write(context.Background(), func(tx pos.Tx) error { return tx.PutMeta("staff", simStaff()) }); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) deed(t testing.TB, id string, d pos.Deed) pos.View {
	t.Helper()
	d.By = ana
	v, err := s.Act(context.Background(), id, d)
	if err != nil {
		t.Fatalf("%s: %v", d.Kind, err)
	}
	return v
}

// rebuilt compares a sale with what the journal alone makes of it.
func (s *shop) rebuilt(t testing.TB, id string) {
	t.Helper()
	entries, err := s.store.Journal(context.Background(), 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	var chained pos.Chain
	replay := pos.NewReplay()
	for _, e := range entries {
		if err := errors.Join(chained.Add(e), replay.Add(e)); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := s.store.Sale(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := replay.Record(id); !ok || text(got) != text(stored) {
		t.Fatalf("from the journal\n%s\nin the store\n%s", text(got), text(stored))
	}
}

// TestRestInCash: the rest in cash pays a sale, but not before the coins that
// came are confirmed.
func TestRestInCash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin) // 5.00 EUR, 10,000 sat
		to := v.Pay.Quote.To
		b.emit(t, b.payment(chain.Seen, to, 6_001, 0))
		v = s.see(t, v.Sale.ID, pos.Partial)
		if v.RestInCash != money.Of(200, "EUR") || !slices.Contains(v.Acts, pos.ActCash) {
			t.Fatalf("in cash %s, %v", v.RestInCash, v.Acts)
		}
		if _, err := s.Act(context.Background(), v.Sale.ID, pos.Deed{Kind: pos.ActCash, Cash: money.Of(199, "EUR")}); !errors.Is(err, pos.ErrDraft) {
			t.Fatalf("a cent too little: %v", err)
		}
		s.deed(t, v.Sale.ID, pos.Deed{Kind: pos.ActCash})
		if v = s.see(t, v.Sale.ID, pos.Seen); v.Sale.Outcome.Verdict != pos.Wait {
			t.Fatalf("coins that are in no block: %s", v.Sale.Outcome.Verdict)
		}
		b.emit(t, b.payment(chain.Included, to, 6_001, 101), tip(101))
		s.see(t, v.Sale.ID, pos.Confirming)
		b.emit(t, tip(102))
		v = s.see(t, v.Sale.ID, pos.Accepted)
		if r := v.Sale.Outcome.Reason; r.Code != pos.WhyCash || r.Fiat != money.Of(200, "EUR") || r.Text != "Ana" {
			t.Fatalf("the reason is %+v", r)
		}
		s.rebuilt(t, v.Sale.ID)
		// The coins are taken out of the chain: the cash does not stand for them.
		e := b.payment(chain.Retracted, to, 6_001, 101)
		b.emit(t, e)
		s.see(t, v.Sale.ID, pos.Disputed)
		s.rebuilt(t, v.Sale.ID)
	})
}

// TestRefund: what came too late goes back, and is seen to go back.
func TestRefund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer func() { s.stop() }()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		time.Sleep(time.Hour)
		s.see(t, id, pos.Expired)
		b.emit(t, b.payment(chain.Seen, to, 12_000, 0))
		s.see(t, id, pos.Late)

		due := pos.Deed{Kind: pos.ActRefundDue, Basis: pos.RefundPaid, To: "cust-1", By: ana, PIN: simPIN}
		if _, err := s.Act(context.Background(), id, due); !errors.Is(err, pos.ErrNoSupervisor) {
			t.Fatalf("without a supervisor: %v", err)
		}
		supervised(t, s)
		for text, want := range map[string]error{"nonsense": pos.ErrAddress, string(to): pos.ErrAddress, "A-3": pos.ErrAddress} {
			d := due
			d.To = text
			if _, err := s.Act(context.Background(), id, d); !errors.Is(err, want) {
				t.Fatalf("to %s: %v", text, err)
			}
		}
		v = s.deed(t, id, due)
		if v.Sale.Outcome.Status != pos.RefundDue || v.Payout == nil || v.Payout.Forms != nil {
			t.Fatalf("unconfirmed money must not go back yet: %+v", v.Payout)
		}
		b.emit(t, b.payment(chain.Included, to, 12_000, 101), tip(101))
		b.emit(t, tip(102))
		v = s.see(t, id, pos.RefundDue)
		if p := v.Payout; p == nil || p.Rest != chain.Units(12_000) || !p.Watched || p.Forms[0].Text != "pay:cust-1?12000" {
			t.Fatalf("the payout is %+v", p)
		}
		if v.Pay.Forms != nil {
			t.Fatal("the customer is still asked to pay")
		}
		s.rebuilt(t, id)

		// A restart changes nothing, and what is paid meanwhile is found.
		s.stop()
		s = openShop(t, s.store)
		b = s.rails[0]
		if _, ok := b.target("cust-1"); !ok {
			t.Fatal("after a restart nobody looks for the refund")
		}
		back := b.payment(chain.Seen, "cust-1", 11_999, 0)
		b.emit(t, back)
		if v = s.see(t, id, pos.RefundDue); v.Payout.Rest != chain.Units(1) {
			t.Fatalf("of 12,000, 11,999 are under way: %+v", v.Payout)
		}
		more := b.payment(chain.Included, "cust-1", 1, 103)
		b.emit(t, b.payment(chain.Included, "cust-1", 11_999, 103), more, tip(103))
		if v = s.see(t, id, pos.RefundDue); v.Sale.Outcome.Reason.Code != pos.WhyRefundSeen {
			t.Fatalf("because %s", v.Sale.Outcome.Reason.Code)
		}
		b.emit(t, tip(104))
		v = s.see(t, id, pos.Refunded)
		if v.Sale.Outcome.Received != chain.Units(12_000) {
			t.Fatalf("what went back was taken for what came: %s", v.Sale.Outcome.Received)
		}
		s.rebuilt(t, id)
		// Its block leaves the chain.
		b.emit(t, b.payment(chain.Retracted, "cust-1", 11_999, 103))
		s.see(t, id, pos.RefundDue)
		b.emit(t, b.payment(chain.Included, "cust-1", 11_999, 105), tip(106))
		s.see(t, id, pos.Refunded)
		// More money comes: that is a matter of its own.
		time.Sleep(time.Second)
		e := b.payment(chain.Seen, to, 500, 0)
		e.Key.Index = 7
		b.emit(t, e)
		s.see(t, id, pos.Late)
		s.rebuilt(t, id)
	})
}

// TestRefundByHand: it went back in another way, or was a mistake.
func TestRefundByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		supervised(t, s)
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 15_000, 101), tip(102))
		v = s.see(t, id, pos.Overpaid)
		var kinds []pos.RefundBasis
		for _, c := range v.Refunds {
			kinds = append(kinds, c.Basis)
		}
		if !slices.Equal(kinds, []pos.RefundBasis{pos.RefundOver, pos.RefundPaid, pos.RefundPrice, pos.RefundPart}) {
			t.Fatalf("can go back: %v", v.Refunds)
		}
		v = s.deed(t, id, pos.Deed{Kind: pos.ActRefundDue, Basis: pos.RefundOver, To: "cust-1", PIN: simPIN})
		if v.Payout.Rest != chain.Units(5_000) || v.Sale.Outcome.Verdict != pos.HandOver {
			t.Fatalf("%s, %+v", v.Sale.Outcome.Verdict, v.Payout)
		}
		v = s.deed(t, id, pos.Deed{Kind: pos.ActRefundVoid, PIN: simPIN, Why: "wrong\x1b[31m address"})
		if a := v.Sale.Acts[len(v.Sale.Acts)-1]; v.Sale.Outcome.Status != pos.Overpaid || a.Approved != "Eva" || strings.ContainsRune(a.Why, 0x1b) {
			t.Fatalf("%s, %+v", v.Sale.Outcome.Status, a)
		}
		v = s.deed(t, id, pos.Deed{Kind: pos.ActRefundDue, Basis: pos.RefundPart, Fiat: money.Of(100, "EUR"), To: "cust-2", PIN: simPIN})
		if v.Payout.Rest != chain.Units(2_000) {
			t.Fatalf("1.00 of 5.00 EUR is %s", v.Payout.Rest)
		}
		v = s.deed(t, id, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN})
		if v.Sale.Outcome.Status != pos.Refunded || v.Sale.Outcome.Reason.Code != pos.WhyRefundedByOwn {
			t.Fatalf("%s because %s", v.Sale.Outcome.Status, v.Sale.Outcome.Reason.Code)
		}
		s.rebuilt(t, id)
	})
}

// TestReprice: late money is judged at the present price, also after a sale was
// cancelled.
func TestReprice(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := openShop(t, nil)
			defer s.stop()
			supervised(t, s)
			b := s.rails[0]
			b.emit(t, tip(100))
			v := s.ring(t, chain.Bitcoin)
			id, to := v.Sale.ID, v.Pay.Quote.To
			if cancelled {
				s.deed(t, id, pos.Deed{Kind: pos.ActCancel})
			}
			time.Sleep(time.Hour)
			b.emit(t, b.payment(chain.Seen, to, 10_000, 0))
			s.see(t, id, pos.Late)
			s.prices.mu.Lock()
			s.prices.rate = money.Rate{Num: 40_000} // 5.00 EUR are 12,500 by now
			s.prices.mu.Unlock()
			v = s.deed(t, id, pos.Deed{Kind: pos.ActReprice, PIN: simPIN})
			if o := v.Sale.Outcome; o.Status != pos.Partial || o.Missing != chain.Units(2_500) {
				t.Fatalf("%s, %s missing", o.Status, o.Missing)
			}
			synctest.Wait()
			if v, _ = s.View(context.Background(), id); len(v.Pay.Forms) == 0 {
				t.Fatalf("no code for the rest: %v", v.Pay.Refusal)
			}
			e := b.payment(chain.Included, to, 2_500, 101)
			b.emit(t, b.payment(chain.Included, to, 10_000, 101), e, tip(102))
			s.see(t, id, pos.Paid)
			s.rebuilt(t, id)
		})
	}
}

// TestWrongPINs: a few are free, then none is taken for a while, and a restart
// is no way around that.
func TestWrongPINs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer func() { s.stop() }()
		ctx := context.Background()
		supervised(t, s)
		for left := 4; left > 0; left-- {
			var wrong *pos.WrongPINError
			if _, err := s.Identify(ctx, "000000"); !errors.As(err, &wrong) || wrong.Left != left {
				t.Fatalf("with %d tries left: %v", left, err)
			}
		}
		for _, lock := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
			var locked *pos.LockedPINError
			if _, err := s.Identify(ctx, "000000"); !errors.As(err, &locked) || time.Until(locked.Until) != lock {
				t.Fatalf("want a lock of %s: %v", lock, err)
			}
			s.stop()
			s = openShop(t, s.store)
			if _, err := s.Identify(ctx, simPIN); !errors.Is(err, pos.ErrPINLocked) {
				t.Fatalf("after a restart: %v", err)
			}
			time.Sleep(lock)
		}
		if m, err := s.Identify(ctx, simPIN); err != nil || m.Name != "Eva" || m.PIN != "" {
			t.Fatalf("the right one: %+v, %v", m, err)
		}
		var wrong *pos.WrongPINError
		if _, err := s.Identify(ctx, "000000"); !errors.As(err, &wrong) || wrong.Left != 4 {
			t.Fatalf("the count begins anew: %v", err)
		}
	})
}

// TestGuessInBetween: a cashier's own PIN between guesses takes no guess back.
func TestGuessInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		ctx := context.Background()
		supervised(t, s)
		if err := s.Hire(ctx, ana, pos.Member{Name: "Bo", Role: pos.Cashier}, "4711"); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := s.Identify(ctx, "000000"); !errors.Is(err, pos.ErrPIN) {
				t.Fatal(err)
			}
			if m, err := s.Identify(ctx, "4711"); err != nil || m.Name != "Bo" {
				t.Fatalf("%+v, %v", m, err)
			}
		}
		if _, err := s.Identify(ctx, "000000"); !errors.Is(err, pos.ErrPINLocked) {
			t.Fatalf("the fifth guess: %v", err)
		}
		time.Sleep(2 * time.Hour)
		var wrong *pos.WrongPINError
		if _, err := s.Identify(ctx, "000000"); !errors.As(err, &wrong) || wrong.Left != 4 {
			t.Fatalf("two hours later: %v", err)
		}
	})
}

func TestStaff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		ctx := context.Background()
		boss := pos.Member{Name: "Eva", Role: pos.Supervisor}
		for pin, want := range map[string]error{"12345": pos.ErrWeakPIN, "12345a": pos.ErrWeakPIN, "1234567890123": pos.ErrWeakPIN} {
			if err := s.Hire(ctx, ana, boss, pin); !errors.Is(err, want) {
				t.Errorf("PIN %s: %v", pin, err)
			}
		}
		if err := s.Hire(ctx, ana, boss, "123456"); err != nil {
			t.Fatal(err)
		}
		if err := s.Hire(ctx, ana, pos.Member{Name: "Bo", Role: pos.Cashier}, "123456"); !errors.Is(err, pos.ErrPINTaken) {
			t.Fatalf("a PIN twice: %v", err)
		}
		if err := s.Hire(ctx, ana, pos.Member{Name: "Bo\x1b[2J", Role: pos.Cashier}, "4711"); err != nil {
			t.Fatal(err)
		}
		list, err := s.Staff(ctx)
		if err != nil || len(list) != 2 || list[0].PIN != "" || strings.ContainsRune(list[1].Name, 0x1b) {
			t.Fatalf("%+v, %v", list, err)
		}
		if m, err := s.Identify(ctx, "4711"); err != nil || m.Role != pos.Cashier {
			t.Fatalf("%+v, %v", m, err)
		}
		if err := s.Dismiss(ctx, ana, "Eva"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Identify(ctx, "123456"); !errors.Is(err, pos.ErrPIN) {
			t.Fatalf("who left has a PIN: %v", err)
		}
		stored, err := s.store.Meta(ctx, "staff")
		if err != nil || strings.Contains(stored, "4711") {
			t.Fatal("a PIN is stored as it is")
		}
	})
}

// TestChangedKeys: another key locks the till until a supervisor agrees; what
// was rung up before goes on.
func TestChangedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		with := func(rules ...string) func(*pos.Config) {
			return func(c *pos.Config) { c.Rules = rules }
		}
		st := store.NewMemory()
		s := openShopWith(t, st, with("tolerance: 1 unit"), newRail(btc, "A"))
		supervised(t, s)
		v := s.ring(t, chain.Bitcoin)
		s.stop()

		s = openShopWith(t, st, with("tolerance: 1 unit"), newRail(btc, "A"))
		if c := s.Board().Changed; len(c) != 0 {
			t.Fatalf("nothing was changed: %q", c)
		}
		s.stop()

		s = openShopWith(t, st, with("tolerance: 50 %"), newRail(btc, "A"))
		defer func() { s.stop() }()
		if c := s.Board().Changed; !slices.Equal(c, []string{"tolerance: 1 unit > 50 %"}) {
			t.Fatalf("changed: %q", c)
		}
		if _, err := s.Open(ctx, euros(500), chain.Bitcoin); !errors.Is(err, pos.ErrKeysChanged) {
			t.Fatalf("rung up all the same: %v", err)
		}
		if c := s.Choices(euros(500)); !errors.Is(c[0].Refusal, pos.ErrKeysChanged) {
			t.Fatalf("offered all the same: %v", c[0].Refusal)
		}
		s.rails[0].emit(t, s.rails[0].payment(chain.Seen, v.Pay.Quote.To, 10_000, 0))
		s.see(t, v.Sale.ID, pos.Seen)
		if err := s.Agree(ctx, ana, "000000"); !errors.Is(err, pos.ErrPIN) {
			t.Fatalf("with a wrong PIN: %v", err)
		}
		if err := s.Agree(ctx, ana, simPIN); err != nil {
			t.Fatal(err)
		}
		s.ring(t, chain.Bitcoin)
		s.stop()

		s = openShopWith(t, st, with("tolerance: 50 %"), newRail(btc, "B"))
		if c := s.Board().Changed; len(c) != 1 || !strings.HasPrefix(c[0], btc+": ") {
			t.Fatalf("another key: %q", c)
		}
	})
}

// TestAway: what came while nobody looked is told, once, until somebody has
// seen it.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil, newRail(btc, "A"))
		defer func() { s.stop() }()
		b := s.rails[0]
		b.emit(t, tip(100))
		paid, short, quiet := s.ring(t, chain.Bitcoin), s.ring(t, chain.Bitcoin), s.ring(t, chain.Bitcoin)
		b.emit(t, b.payment(chain.Seen, short.Pay.Quote.To, 4_000, 0))
		if s.Board().Away != nil {
			t.Fatal("somebody was looking")
		}
		left := time.Now()
		s.stop()
		time.Sleep(14 * time.Hour)

		next := newRail(btc, "A")
		next.health.State = chain.Syncing
		s = openShop(t, s.store, next)
		next.cursor.Seq = 100
		if v, err := s.View(context.Background(), quiet.Sale.ID); err != nil || v.Pay.Forms != nil || !errors.Is(v.Pay.Refusal, pos.ErrConnecting) {
			t.Fatalf("a code is drawn before anybody looks: %v, %v", v.Pay.Refusal, err)
		}
		e := next.payment(chain.Included, paid.Pay.Quote.To, 10_000, 101)
		e.Block.Time = left.Add(time.Minute)
		next.emit(t, e, tip(101))
		next.emit(t, tip(102))
		next.setHealth(chain.Ready)
		next.emit(t, chain.Event{Kind: chain.HealthChanged, Health: next.Health()})
		s.see(t, short.Sale.ID, pos.Underpaid)
		s.see(t, quiet.Sale.ID, pos.Expired)
		want := []string{paid.Sale.ID, short.Sale.ID}
		a := s.Board().Away
		if a == nil || !slices.Equal(a.Sales, want) || a.From.Sub(left).Abs() > time.Minute {
			t.Fatalf("missed: %+v, want %v since %s", a, want, left)
		}
		// Nobody has seen it yet.
		s.stop()
		s = openShop(t, s.store, newRail(btc, "A"))
		if a := s.Board().Away; a == nil || !slices.Equal(a.Sales, want) {
			t.Fatalf("after another start: %+v", a)
		}
		if err := s.Back(context.Background(), ana); err != nil || s.Board().Away != nil {
			t.Fatalf("acknowledged: %v, %+v", err, s.Board().Away)
		}
		s.stop()
		s = openShop(t, s.store, newRail(btc, "A"))
		if a := s.Board().Away; a != nil {
			t.Fatalf("told twice: %+v", a)
		}
	})
}

// TestLasting: a closed sale whose second payment is not deep enough yet is not
// forgotten by a restart.
func TestLasting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil, newRail(btc, "A"))
		defer func() { s.stop() }()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		b.emit(t, b.payment(chain.Included, v.Pay.Quote.To, 10_000, 101), tip(102))
		s.see(t, v.Sale.ID, pos.Paid)
		b.emit(t, b.payment(chain.Included, v.Pay.Quote.To, 10_001, 103), tip(103))
		s.see(t, v.Sale.ID, pos.Paid)
		s.stop()
		time.Sleep(48 * time.Hour)
		next := newRail(btc, "A")
		s = openShop(t, s.store, next)
		next.cursor.Seq = 1000
		next.emit(t, tip(104))
		s.see(t, v.Sale.ID, pos.Overpaid)
		if waiting, err := s.store.Meta(context.Background(), "lasting"); err != nil || waiting != "[]" && waiting != "null" {
			t.Fatalf("still waiting: %s, %v", waiting, err)
		}
		s.rebuilt(t, v.Sale.ID)
	})
}

// TestIncident: a HAND OVER that turns out wrong is written down as such.
func TestIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, nil)
		defer s.stop()
		b := s.rails[0]
		b.emit(t, tip(100))
		v := s.ring(t, chain.Bitcoin)
		to := v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(102))
		s.see(t, v.Sale.ID, pos.Paid)
		b.emit(t, b.payment(chain.Retracted, to, 10_000, 101))
		s.see(t, v.Sale.ID, pos.Disputed)
		entries, err := s.History(context.Background(), v.Sale.ID)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range entries {
			if e.Kind == pos.EntryIncident {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d incidents in %d entries", n, len(entries))
		}
		s.rebuilt(t, v.Sale.ID)
	})
}

// TestDeliveries: a change that somebody wants to hear of waits in the store
// from the transaction on that made it.
func TestDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShopWith(t, nil, func(c *pos.Config) { c.Callback = "https://shop.example/all" }, newRail(btc, "A"))
		defer s.stop()
		ctx := context.Background()
		d := euros(500)
		d.Callback = "https://shop.example/one"
		one, err := s.Open(ctx, d, chain.Bitcoin)
		if err != nil {
			t.Fatal(err)
		}
		s.ring(t, chain.Bitcoin)
		s.deed(t, one.Sale.ID, pos.Deed{Kind: pos.ActCancel})
		select {
		case <-s.Outgoing():
		default:
			t.Error("nobody was woken")
		}
		due, later, err := s.Due(ctx, 10)
		if err != nil || len(due) != 2 || !later.IsZero() {
			t.Fatalf("due %+v, then %s, %v", due, later, err)
		}
		if due[0].Seq != 1 || due[0].URL != "https://shop.example/one" || due[1].Seq != 2 || due[1].URL != "https://shop.example/all" {
			t.Fatalf("due %+v", due)
		}
		due[0].State = pos.DeliveryDone
		if err := s.Delivered(ctx, due[0]); err != nil {
			t.Fatal(err)
		}
		if due, _, _ = s.Due(ctx, 10); len(due) != 2 || due[0].Seq+due[1].Seq != 5 {
			t.Fatalf("after the first: %+v", due)
		}
		if err := s.Redeliver(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if due, _, _ = s.Due(ctx, 10); !slices.ContainsFunc(due, func(d pos.Delivery) bool { return d.Seq == 1 }) {
			t.Fatalf("again: %+v", due)
		}
		if err := s.Redeliver(ctx, 99); !errors.Is(err, pos.ErrNotNow) {
			t.Fatalf("one that is not there: %v", err)
		}
	})
}
