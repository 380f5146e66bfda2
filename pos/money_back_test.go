package pos_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

func moneyShop(t *testing.T, fn func(t *testing.T, s *shop, b *rail)) {
	moneyShopWith(t, func(*pos.Config) {}, fn)
}

func moneyShopWith(t *testing.T, change func(*pos.Config), fn func(t *testing.T, s *shop, b *rail)) {
	synctest.Test(t, func(t *testing.T) {
		s := openShopWith(t, nil, change)
		defer func() { s.stop() }()
		supervised(t, s)
		s.rails[0].emit(t, tip(100))
		fn(t, s, s.rails[0])
	})
}

func txe(e chain.Event, id string) chain.Event { e.Key.TxID = chain.TxID(id); return e }

func back(basis pos.RefundBasis, to string) pos.Deed {
	return pos.Deed{Kind: pos.ActRefundDue, Basis: basis, To: to, PIN: simPIN}
}

func TestGivenOverUnconfirmed(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(102))
		s.see(t, id, pos.Paid)
		b.emit(t, b.payment(chain.Seen, to, 9_000, 0)) // never confirms
		s.see(t, id, pos.Paid)
		s.deed(t, id, back(pos.RefundOver, "cust-1"))
		synctest.Wait()
		v, _ = s.View(context.Background(), id)
		if v.Payout != nil && len(v.Payout.Forms) > 0 {
			t.Errorf("a QR to give back unconfirmed money: %+v", v.Payout)
		}
	})
}

func TestGivenSecondRefundUnconfirmed(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		time.Sleep(time.Hour)
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(102))
		// block time is in grace? make it late
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Status != pos.Late {
			t.Logf("status %s", v.Sale.Outcome.Status)
		}
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 10_000, 103), "back"), tip(104))
		s.see(t, id, pos.Refunded)
		time.Sleep(time.Second)
		b.emit(t, b.payment(chain.Seen, to, 9_000, 0))
		v, _ = s.View(context.Background(), id)
		t.Logf("after new money: %s %s %s", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict, v.Sale.Outcome.Reason.Code)
		time.Sleep(time.Second)
		s.deed(t, id, back(pos.RefundPaid, "cust-2"))
		synctest.Wait()
		v, _ = s.View(context.Background(), id)
		if v.Payout != nil && len(v.Payout.Forms) > 0 {
			t.Errorf("a QR to give back unconfirmed money: %+v", v.Payout)
		}
	})
}

func TestGivenChangeOutput(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, txe(b.payment(chain.Included, to, 15_000, 101), "x"), tip(102))
		s.see(t, id, pos.Overpaid)
		time.Sleep(time.Hour)
		s.deed(t, id, back(pos.RefundOver, "cust-1"))
		synctest.Wait()
		tg, _ := b.target("cust-1")
		e := txe(b.payment(chain.Included, "cust-1", 80_000, 101), "x") // change of the very tx that paid
		e.Key.Index = 1
		e.Block.Time = time.Now().Add(-time.Hour)
		b.emit(t, e)
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Status == pos.Refunded {
			t.Errorf("watched since %d: the customer's own change passes for the refund: %s", tg.Since, v.Sale.Outcome.Status)
		}
	})
}

func TestGivenTopUpAfterRefund(t *testing.T) {
	moneyShopWith(t, func(c *pos.Config) {
		p := c.Policy.Rails[btc]
		p.Tiers = []pos.Tier{{Need: 0}}
		c.Policy.Rails[btc] = p
		c.Policy.UnconfirmedPerHour = money.Of(100_000, "EUR")
	}, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 4_000, 101), tip(102))
		time.Sleep(16 * time.Minute)
		s.see(t, id, pos.Underpaid)
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 4_000, 103), "back"), tip(104))
		s.see(t, id, pos.Refunded)
		time.Sleep(time.Second)
		e := b.payment(chain.Seen, to, 6_000, 0)
		e.Evidence = chain.Proof{OwnNode: true, Standard: true}
		b.emit(t, e)
		time.Sleep(time.Minute)
		synctest.Wait()
		v, _ = s.View(context.Background(), id)
		o := v.Sale.Outcome
		if o.Verdict == pos.HandOver {
			t.Errorf("4,000 went back, 6,000 of 10,000 are here: %s %s %s", o.Status, o.Verdict, o.Reason.Code)
		}
		b.emit(t, b.payment(chain.Included, to, 6_000, 105), tip(106))
		v, _ = s.View(context.Background(), id)
		o = v.Sale.Outcome
		if o.Status == pos.Refunded {
			t.Errorf("6,000 that nobody gave back: %s %q closed, notes %+v", o.Status, o.Verdict, o.Notes)
		}
	})
}

func TestGivenNewMoneyAfterPaidRefund(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(102))
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 10_000, 103), "back"), tip(104))
		s.see(t, id, pos.Refunded)
		time.Sleep(time.Second)
		b.emit(t, b.payment(chain.Included, to, 10_002, 105), tip(106))
		v, _ = s.View(context.Background(), id)
		if o := v.Sale.Outcome; o.Status == pos.Refunded && o.Verdict != pos.AskSupervisor {
			t.Errorf("10,002 came after the refund: %s %q %+v", o.Status, o.Verdict, o.Notes)
		}
	})
}

func TestGivenPartIsAll(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(102))
		d := back(pos.RefundPart, "cust-1")
		d.Fiat = money.Of(500, "EUR")
		v = s.deed(t, id, d)
		if v.Sale.Outcome.Verdict == pos.HandOver {
			t.Errorf("all 5.00 go back and: %s %s", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict)
		}
		s.deed(t, id, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN})
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Verdict == pos.HandOver {
			t.Errorf("all 5.00 went back and: %s %s", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict)
		}
	})
}

func TestGivenPriceThenPart(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 15_000, 101), tip(102))
		v = s.deed(t, id, back(pos.RefundPrice, "cust-1"))
		s.deed(t, id, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN})
		d := back(pos.RefundPart, "cust-1")
		d.Fiat = money.Of(200, "EUR")
		v = s.deed(t, id, d)
		if v.Sale.Outcome.Verdict == pos.HandOver {
			t.Errorf("the price went back, the goods came back, and: %s %s", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict)
		}
	})
}

func TestGivenDoneThenSameAddress(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 15_000, 101), tip(102))
		s.deed(t, id, back(pos.RefundOver, "cust-1"))
		b.emit(t, txe(b.payment(chain.Seen, "cust-1", 5_000, 0), "back"))
		if _, err := s.Act(context.Background(), id, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN}); !errors.Is(err, pos.ErrNotNow) {
			t.Errorf("done by hand while it is under way: %v", err)
		}
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 5_000, 103), "back"), tip(104))
		d := back(pos.RefundPart, "cust-1")
		d.Fiat = money.Of(200, "EUR")
		v = s.deed(t, id, d)
		if v.Sale.Outcome.Status == pos.Refunded {
			t.Errorf("the second refund was never paid: %s, %s", v.Sale.Outcome.Status, v.Sale.Outcome.Reason.Code)
		}
	})
}

func TestGivenTwoPending(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		time.Sleep(3 * time.Hour)
		b.emit(t, b.payment(chain.Included, to, 12_000, 101), tip(102))
		s.see(t, id, pos.Late)
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		time.Sleep(time.Second)
		b.emit(t, b.payment(chain.Included, to, 5_000, 103), tip(104))
		v = s.see(t, id, pos.Late)
		t.Logf("payout while new money is looked at: %v, acts %v", v.Payout, v.Acts)
		s.deed(t, id, back(pos.RefundPaid, "cust-2"))
		synctest.Wait()
		v, _ = s.View(context.Background(), id)
		if v.Payout == nil || !v.Payout.Watched {
			t.Errorf("watched, and said not to be: %+v", v.Payout)
		}
		s.deed(t, id, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN})
		s.deed(t, id, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN})
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Status != pos.Refunded {
			t.Errorf("both were said to be done: %s %+v, acts %v", v.Sale.Outcome.Status, v.Payout.Refund, v.Acts)
		}
		if _, err := s.Act(context.Background(), id, pos.Deed{Kind: pos.ActRefundVoid, PIN: simPIN}); err == nil {
			v, _ = s.View(context.Background(), id)
			t.Errorf("void succeeded; status %s", v.Sale.Outcome.Status)
		}
	})
}

func TestGivenRestartSharedAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, store.NewMemory())
		defer func() { s.stop() }()
		supervised(t, s)
		b := s.rails[0]
		b.emit(t, tip(100))
		one := s.ring(t, chain.Bitcoin)
		b.emit(t, txe(b.payment(chain.Included, one.Pay.Quote.To, 10_000, 101), "in1"), tip(102))
		s.deed(t, one.Sale.ID, back(pos.RefundPaid, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 10_000, 103), "back1"), tip(104))
		s.see(t, one.Sale.ID, pos.Refunded)
		two := s.ring(t, chain.Bitcoin)
		b.emit(t, txe(b.payment(chain.Included, two.Pay.Quote.To, 10_000, 105), "in2"), tip(106))
		s.deed(t, two.Sale.ID, back(pos.RefundPaid, "cust-1"))
		s.see(t, two.Sale.ID, pos.RefundDue)
		s.stop()
		s = openShop(t, s.store)
		b = s.rails[0]
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 10_000, 107), "back2"), tip(108))
		v, _ := s.View(context.Background(), two.Sale.ID)
		if v.Sale.Outcome.Status != pos.Refunded {
			t.Errorf("it was paid back, and the till asks to pay again: %s %+v", v.Sale.Outcome.Status, v.Payout)
		}
	})
}

func TestGivenTagRefund(t *testing.T) {
	moneyShopWith(t, func(c *pos.Config) {
		c.Policy.Rails[eth] = pos.RailPolicy{Tiers: []pos.Tier{{Tag: "finalized"}}, Grace: 2 * time.Minute}
	}, func(t *testing.T, s *shop, _ *rail) {
		e := s.rails[1]
		e.emit(t, tip(100))
		v := s.ring(t, eth+"/native")
		id := v.Sale.ID
		p := e.payment(chain.Included, v.Pay.Quote.To, 1, 101)
		p.Amount = v.Pay.Quote.Due
		time.Sleep(time.Hour)
		p.Block.Time = time.Now()
		e.emit(t, p, tip(101))
		v, _ = s.View(context.Background(), id)
		t.Logf("%s needs %q", v.Sale.Outcome.Status, v.Sale.Outcome.Tag)
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		synctest.Wait()
		v, _ = s.View(context.Background(), id)
		if v.Payout != nil && len(v.Payout.Forms) > 0 {
			t.Errorf("money that is not finalized is given back after one block")
		}
	})
}

func TestGivenCashForgotten(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Seen, to, 6_000, 0))
		s.deed(t, id, pos.Deed{Kind: pos.ActCash})
		e := b.payment(chain.Gone, to, 6_000, 0)
		e.By = "tx5000"
		b.emit(t, e, b.payment(chain.Seen, to, 5_000, 0))
		v = s.see(t, id, pos.Partial)
		if v.RestInCash != money.Of(50, "EUR") {
			t.Errorf("5,000 sat and 2.00 EUR of 5.00 are here; asked for %s more, or %v", v.RestInCash, v.Pay.Forms)
		}
		b.emit(t, b.payment(chain.Gone, to, 5_000, 0))
		v = s.see(t, id, pos.Awaiting)
		t.Logf("2.00 taken; asked for %v, notes %+v, acts %v", v.Pay.Forms, v.Sale.Outcome.Notes, v.Acts)
		v = s.deed(t, id, pos.Deed{Kind: pos.ActCancel})
		if o := v.Sale.Outcome; o.Verdict == pos.NoVerdict {
			t.Errorf("2.00 EUR are in the drawer: %s %q reason %s notes %+v", o.Status, o.Verdict, o.Reason.Code, o.Notes)
		}
	})
}

func TestGivenAcceptedOtherCoinGone(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, _ *rail) {
		e, o := s.rails[1], s.rails[2]
		e.emit(t, tip(100))
		o.emit(t, tip(100))
		v := s.ring(t, eth+"/native")
		id := v.Sale.ID
		p := o.payment(chain.Included, v.Pay.Quote.To, 1, 101)
		p.Amount = v.Pay.Quote.Due
		o.emit(t, p, tip(101))
		v, _ = s.View(context.Background(), id)
		t.Logf("%s %s %s", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict, v.Sale.Outcome.Reason.Code)
		s.deed(t, id, pos.Deed{Kind: pos.ActAccept, PIN: simPIN})
		s.see(t, id, pos.Accepted)
		time.Sleep(time.Hour)
		g := p
		g.Kind = chain.Gone
		g.Block = chain.BlockRef{}
		o.emit(t, g)
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Status != pos.Disputed && v.Sale.Outcome.Status != pos.Reversed {
			t.Errorf("accepted money went away: %s %q", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict)
		}
	})
}

func TestGivenAcceptedConflict(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		time.Sleep(time.Hour)
		b.emit(t, b.payment(chain.Seen, to, 10_000, 0))
		time.Sleep(time.Second)
		s.deed(t, id, pos.Deed{Kind: pos.ActAccept, PIN: simPIN})
		time.Sleep(time.Second)
		e := b.payment(chain.Conflict, to, 10_000, 0)
		e.By = "other"
		b.emit(t, e)
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Status != pos.Disputed {
			t.Errorf("a double spend of accepted money is known: %s %s", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict)
		}
	})
}

func TestGivenRequoteAfterReprice(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		s.deed(t, id, pos.Deed{Kind: pos.ActCancel})
		time.Sleep(time.Minute)
		b.emit(t, b.payment(chain.Seen, to, 5_000, 0))
		s.see(t, id, pos.Late)
		s.deed(t, id, pos.Deed{Kind: pos.ActReprice, PIN: simPIN})
		v = s.see(t, id, pos.Partial)
		tg, _ := b.target(to)
		if tg.Until.Before(v.Pay.Quote.Deadline) {
			t.Errorf("repriced until %s, looked for until %s", v.Pay.Quote.Deadline, tg.Until)
		}
		b.emit(t, b.payment(chain.Gone, to, 5_000, 0))
		time.Sleep(time.Hour)
		synctest.Wait()
		v, _ = s.View(context.Background(), id)
		t.Logf("%s %v", v.Sale.Outcome.Status, v.Acts)
		v = s.deed(t, id, pos.Deed{Kind: pos.ActRequote, Asset: chain.Bitcoin})
		if v.Sale.Outcome.Status != pos.Awaiting {
			t.Errorf("quoted again, and it is %s", v.Sale.Outcome.Status)
		}
		s.rebuilt(t, id)
	})
}

func TestGivenVoidThenPaid(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 15_000, 101), tip(102))
		s.deed(t, id, back(pos.RefundOver, "cust-1"))
		s.deed(t, id, pos.Deed{Kind: pos.ActRefundVoid, PIN: simPIN})
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 5_000, 103), "back"), tip(104))
		v, _ = s.View(context.Background(), id)
		if slices.ContainsFunc(v.Refunds, func(c pos.RefundChoice) bool { return c.Basis == pos.RefundPaid && c.Amount == chain.Units(15_000) }) {
			t.Errorf("5,000 went back, and %v can; %s notes %+v", v.Refunds, v.Sale.Outcome.Status, v.Sale.Outcome.Notes)
		}
	})
}

func TestGivenRefundVanishedOther(t *testing.T) { // sale A LATE with a pending refund does not bar B
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		one := s.ring(t, chain.Bitcoin)
		time.Sleep(3 * time.Hour)
		b.emit(t, txe(b.payment(chain.Included, one.Pay.Quote.To, 12_000, 101), "in1"), tip(102))
		s.deed(t, one.Sale.ID, back(pos.RefundPaid, "cust-1"))
		time.Sleep(time.Second)
		e := txe(b.payment(chain.Included, one.Pay.Quote.To, 600, 103), "in1b")
		b.emit(t, e, tip(104))
		s.see(t, one.Sale.ID, pos.Late)
		two := s.ring(t, chain.Bitcoin)
		b.emit(t, txe(b.payment(chain.Included, two.Pay.Quote.To, 10_000, 105), "in2"), tip(106))
		d := back(pos.RefundPaid, "cust-1")
		d.By = ana
		if _, err := s.Act(context.Background(), two.Sale.ID, d); err == nil {
			t.Errorf("sale 1's refund to it is not finished, and sale 2 may use the address")
		}
	})
}

func TestGivenRepriceUntil(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		time.Sleep(time.Hour)
		b.emit(t, b.payment(chain.Seen, to, 5_000, 0))
		s.see(t, id, pos.Late)
		v = s.deed(t, id, pos.Deed{Kind: pos.ActReprice, PIN: simPIN})
		synctest.Wait()
		if tg, _ := b.target(to); tg.Until.Before(v.Pay.Quote.Deadline) {
			t.Errorf("repriced until %s, looked for until %s (%s)", v.Pay.Quote.Deadline, tg.Until, v.Sale.Outcome.Status)
		}
	})
}

func TestGivenRepriceReusedAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRail(btc, "A")
		r.account.Cooldown = time.Hour
		s := openShop(t, nil, r)
		defer func() { s.stop() }()
		supervised(t, s)
		r.emit(t, tip(100))
		one := s.ring(t, chain.Bitcoin)
		to := one.Pay.Quote.To
		time.Sleep(20 * time.Minute)
		s.see(t, one.Sale.ID, pos.Expired)
		at := time.Now()
		time.Sleep(3 * time.Hour)
		two := s.ring(t, chain.Bitcoin)
		if two.Pay.Quote.To != to {
			t.Skipf("not reused: %s %s", to, two.Pay.Quote.To)
		}
		e := r.payment(chain.Included, to, 5_000, 101)
		e.Block.Time = at.Add(2 * time.Hour)
		r.emit(t, e, tip(102))
		s.see(t, one.Sale.ID, pos.Late)
		v, err := s.Act(context.Background(), one.Sale.ID, pos.Deed{Kind: pos.ActReprice, PIN: simPIN, By: ana})
		if err != nil {
			t.Skip(err)
		}
		synctest.Wait()
		v, _ = s.View(context.Background(), one.Sale.ID)
		two, _ = s.View(context.Background(), two.Sale.ID)
		if len(v.Pay.Forms) > 0 && len(two.Pay.Forms) > 0 {
			t.Errorf("two sales ask for money at one address: %v, %v", v.Pay.Forms, two.Pay.Forms)
		}
	})
}

func TestGivenRefundOtherCoin(t *testing.T) { // a coin that was not asked for: one block whatever the tiers
	moneyShopWith(t, func(c *pos.Config) {
		c.Policy.Rails[own] = pos.RailPolicy{Tiers: []pos.Tier{{Need: 12}}, Grace: 2 * time.Minute}
	}, func(t *testing.T, s *shop, _ *rail) {
		o := s.rails[2]
		s.rails[1].emit(t, tip(100))
		o.emit(t, tip(100))
		v := s.ring(t, eth+"/native")
		p := o.payment(chain.Included, v.Pay.Quote.To, 1, 101)
		p.Amount = v.Pay.Quote.Due
		time.Sleep(time.Hour)
		p.Block.Time = time.Now()
		o.emit(t, p, tip(101))
		s.see(t, v.Sale.ID, pos.Late)
		s.deed(t, v.Sale.ID, back(pos.RefundPaid, "cust-1"))
		synctest.Wait()
		v, _ = s.View(context.Background(), v.Sale.ID)
		if v.Payout != nil && len(v.Payout.Forms) > 0 {
			t.Errorf("the rail needs 12, given back after 1")
		}
	})
}

func TestGivenPayoutMemory(t *testing.T) { // the other coin accepted, then PAID too
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Seen, to, 6_000, 0))
		s.deed(t, id, pos.Deed{Kind: pos.ActCash})
		b.emit(t, b.payment(chain.Included, to, 6_000, 101), tip(102))
		s.see(t, id, pos.Accepted)
		b.emit(t, b.payment(chain.Included, to, 4_000, 103), tip(104))
		v, _ = s.View(context.Background(), id)
		if o := v.Sale.Outcome; o.Status != pos.Overpaid {
			t.Errorf("10,000 sat and 2.00 EUR of 5.00 EUR: %s over %s notes %+v refunds %v", o.Status, o.Over, o.Notes, v.Refunds)
		}
	})
}

func TestGivenPaidBackTwice(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 15_000, 101), tip(102))
		s.deed(t, id, back(pos.RefundOver, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 5_000, 103), "back"), txe(b.payment(chain.Included, "cust-1", 5_000, 103), "again"), tip(104))
		v = s.see(t, id, pos.Refunded)
		if v.Refunds[0].Amount != chain.Units(5_000) {
			t.Errorf("10,000 of 15,000 went back, and %v can; reason %s notes %+v", v.Refunds, v.Sale.Outcome.Reason.Code, v.Sale.Outcome.Notes)
		}
	})
}

func TestGivenCameBack(t *testing.T) { // dropped before the refund was recorded, and relayed again after it
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		time.Sleep(3 * time.Hour)
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), b.payment(chain.Seen, to, 9_000, 0), tip(102))
		b.emit(t, b.payment(chain.Gone, to, 9_000, 0))
		s.see(t, id, pos.Late)
		time.Sleep(time.Second)
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 10_000, 103), "back"), tip(104))
		s.see(t, id, pos.Refunded)
		time.Sleep(time.Hour)
		b.emit(t, b.payment(chain.Included, to, 9_000, 105), tip(106))
		v, _ = s.View(context.Background(), id)
		if v.Sale.Outcome.Status == pos.Refunded {
			t.Errorf("9,000 came back to life: %s %q notes %+v", v.Sale.Outcome.Status, v.Sale.Outcome.Verdict, v.Sale.Outcome.Notes)
		}
	})
}

func TestGivenCooled(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		id, to := v.Sale.ID, v.Pay.Quote.To
		b.emit(t, b.payment(chain.Included, to, 10_000, 101), tip(102))
		s.deed(t, id, back(pos.RefundPaid, "cust-1"))
		b.emit(t, txe(b.payment(chain.Included, "cust-1", 10_000, 103), "back"), tip(104))
		s.see(t, id, pos.Refunded)
		time.Sleep(50 * time.Hour)
		synctest.Wait()
		if _, ok := b.target("cust-1"); !ok {
			t.Error("after two days the refund's address is not watched, though a restart watches it for 90")
		}
	})
}

func TestGivenOfferClosed(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		s.stop()
		_, err := s.Act(context.Background(), v.Sale.ID, pos.Deed{Kind: pos.ActRequote, Asset: chain.Bitcoin})
		rec, _ := s.store.Sale(context.Background(), v.Sale.ID)
		if len(rec.Sale.Quotes) > 1 {
			t.Errorf("a closed register wrote: %v", err)
		}
	})
}

func TestGivenTakeOvers(t *testing.T) {
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		v := s.ring(t, chain.Bitcoin)
		by := pos.Actor{Name: "Bo", Terminal: "till 2"}
		ctx := context.Background()
		for _, want := range []error{nil, pos.ErrNotNow} {
			if _, err := s.Act(ctx, v.Sale.ID, pos.Deed{Kind: pos.ActTakeOver, By: by}); !errors.Is(err, want) {
				t.Errorf("taken over by who holds it: %v, want %v", err, want)
			}
		}
		got, err := s.View(ctx, v.Sale.ID)
		if err != nil || got.Sale.Holder() != "till 2" {
			t.Errorf("held by %q, %v", got.Sale.Holder(), err)
		}
	})
}

func TestGivenRefundReplaced(t *testing.T) { // sale 1's payout gets a higher fee after sale 2 took the address
	moneyShop(t, func(t *testing.T, s *shop, b *rail) {
		one := s.ring(t, chain.Bitcoin)
		b.emit(t, txe(b.payment(chain.Included, one.Pay.Quote.To, 10_000, 101), "in1"), tip(102))
		s.deed(t, one.Sale.ID, back(pos.RefundPaid, "cust-1"))
		s.deed(t, one.Sale.ID, pos.Deed{Kind: pos.ActRefundDone, PIN: simPIN}) // sent, not relayed yet
		two := s.ring(t, chain.Bitcoin)
		b.emit(t, txe(b.payment(chain.Included, two.Pay.Quote.To, 10_000, 103), "in2"), tip(104))
		d := back(pos.RefundPaid, "cust-1")
		if _, err := s.Act(context.Background(), two.Sale.ID, d); !errors.Is(err, pos.ErrNotNow) {
			t.Errorf("to an address where another refund may still arrive: %v", err)
		}
	})
}
