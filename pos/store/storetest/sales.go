package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

var sales = map[string]func(*testing.T, Suite){
	"SaleComesBackWhole":   comesBackWhole,
	"SaleIsReplaced":       isReplaced,
	"SaleKeepsItsNumber":   keepsItsNumber,
	"NothingIsShared":      nothingIsShared,
	"NumbersCountUp":       numbersCountUp,
	"OpenOldestFirst":      openOldestFirst,
	"WhatCannotBeStored":   cannotBeStored,
	"TimesFarAway":         timesFarAway,
	"MetadataComesBackRaw": metadataComesBack,
}

// full is a sale with every field set, and amounts of 256 bits.
func full() pos.Sale {
	s := WithAddress(WithAddress(NewSale(7), "a", 3, 812_345), "b", 9, 1<<40)
	huge := chain.Amount{1<<64 - 1, 2, 3, 1<<64 - 1}
	s.Reference, s.Note, s.Callback = "table 4", "no sugar", "https://shop.example/paid"
	s.Metadata = json.RawMessage(`{"order":12345678901234567890.5}`)
	s.Confirmations = 2
	s.Price = pos.Price{Kind: pos.PriceAsset, Asset: chain.TokenAsset(8453, "0xAbC"), Amount: huge}
	s.Quotes[0].Due = huge
	s.Quotes[0].Rate = pos.RateInfo{Rate: money.Rate{Num: 1<<64 - 1, Scale: 18}, State: pos.RateAging, At: Start, Sources: []string{"kraken"}}
	s.Acts = []pos.Act{{Kind: pos.ActCancel, At: Start, Actor: pos.Actor{Name: "Anna", Terminal: "till 1"}, Why: "asked for"}}
	s.Outcome.Due, s.Outcome.Missing, s.Outcome.Asset = huge, huge, chain.Bitcoin
	s.Outcome.Tip = chain.BlockRef{Height: 812_346, Hash: "00ff", Time: Start}
	s.Outcome.Next = Start.Add(time.Minute)
	s.Outcome.Notes = []pos.Reason{{Code: pos.WhyOtherAsset, Amount: huge, Asset: chain.Bitcoin}}
	return s
}

func comesBackWhole(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := full()
	p := NewPayment(sale, 1)
	p.Amount = sale.Quotes[0].Due
	p.Counted = &pos.Counted{At: Start, Tip: chain.BlockRef{Height: 5, Hash: "h", Time: Start}, Paid: true}
	p.Block, p.By, p.Rev = chain.BlockRef{Height: 6, Hash: "i", Time: Start}, "other", 1<<64-1
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutSale(sale))
		return tx.PutPayment(p)
	})
	if suite.Reopen != nil {
		s = suite.Reopen(t, s)
	}
	same(t, "record", get(t, s, sale.ID), pos.Record{Sale: sale, Payments: []pos.Payment{p}})
	if _, err := s.Sale(context.Background(), "nobody"); !errors.Is(err, pos.ErrNoSale) {
		t.Fatalf("an unknown sale: %v", err)
	}
}

func isReplaced(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := WithAddress(NewSale(1), "a", 0, 0)
	sale.Reference = "before"
	put(t, s, sale)
	sale = Close(WithAddress(sale, "b", 0, 0), pos.Paid, Start)
	sale.Reference, sale.Code = "after", "ZZZZ9999"
	put(t, s, sale)
	same(t, "sale", get(t, s, sale.ID).Sale, sale)
	for text, want := range map[string]int{"before": 0, "after": 1, "K0000001": 0, "ZZZZ9999": 1} {
		rs, err := s.Sales(context.Background(), pos.Query{Text: text})
		check(t, err)
		if len(rs) != want {
			t.Errorf("%q finds %d sales, want %d", text, len(rs), want)
		}
	}
	open, err := s.Open(context.Background())
	check(t, err)
	if len(open) != 0 || len(destinations(t, s)) != 2 {
		t.Fatalf("open %v, shown %v", open, destinations(t, s))
	}
}

func keepsItsNumber(t *testing.T, suite Suite) {
	s := suite.Open(t)
	put(t, s, NewSale(1), NewSale(2))
	moved := NewSale(1)
	moved.Number = 3
	taken := NewSale(3)
	taken.Number = 2
	for what, sale := range map[string]pos.Sale{"a sale under another number": moved, "a number for another sale": taken} {
		if err := s.Write(context.Background(), func(tx pos.Tx) error { return tx.PutSale(sale) }); err == nil {
			t.Errorf("%s was stored", what)
		}
	}
	same(t, "sale 1", get(t, s, "sale-1").Sale, NewSale(1))
	same(t, "sale 2", get(t, s, "sale-2").Sale, NewSale(2))
}

func nothingIsShared(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale, want := full(), full()
	p := NewPayment(sale, 1)
	p.Counted = &pos.Counted{Paid: true}
	cursor := chain.Cursor{Ring: []chain.BlockRef{{Height: 1, Hash: "a"}}}
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutSale(sale))
		check(t, tx.PutCursor("r", cursor))
		return tx.PutPayment(p)
	})
	spoil := func(r pos.Record) {
		r.Sale.Lines[0].Name, r.Sale.Addresses[0].To, r.Sale.Quotes[0].Rail = "spoilt", "spoilt", "spoilt"
		r.Sale.Metadata[2] = 'x'
		r.Sale.Acts[0].Why, r.Sale.Outcome.Notes[0].Text = "spoilt", "spoilt"
		for _, p := range r.Payments {
			p.Counted.Paid = false
		}
	}
	spoil(pos.Record{Sale: sale, Payments: []pos.Payment{p}})
	cursor.Ring[0].Hash = "spoilt"
	p.Counted = &pos.Counted{Paid: true}
	whole := pos.Record{Sale: want, Payments: []pos.Payment{p}}
	whole.Payments[0].To = want.Addresses[0].To
	for range 2 {
		r := get(t, s, want.ID)
		same(t, "record", r, whole)
		spoil(r)
		c, err := s.Cursor(context.Background(), "r")
		check(t, err)
		if c.Ring[0].Hash != "a" {
			t.Fatalf("the cursor changed to %+v", c)
		}
		c.Ring[0].Hash = "spoilt"
	}
}

func numbersCountUp(t *testing.T, suite Suite) {
	s := suite.Open(t)
	next := func(want uint64) {
		t.Helper()
		write(t, s, func(tx pos.Tx) error {
			n, err := tx.NextNumber()
			if n != want {
				t.Errorf("number %d, want %d", n, want)
			}
			return err
		})
	}
	next(1)
	next(2)
	_ = s.Write(context.Background(), func(tx pos.Tx) error {
		_, err := tx.NextNumber()
		check(t, err)
		return errPlanned
	})
	next(3)
	put(t, s, NewSale(10)) // brought in: its number is taken
	next(11)
}

func openOldestFirst(t *testing.T, suite Suite) {
	s := suite.Open(t)
	var want []uint64
	for i, status := range []pos.Status{
		pos.Awaiting, pos.Partial, pos.Seen, pos.Confirming, pos.Paid, pos.Overpaid, pos.Underpaid, pos.Expired,
		pos.Late, pos.Cancelled, pos.Disputed, pos.Reversed, pos.Accepted, pos.RefundDue, pos.Refunded,
	} {
		sale := WithAddress(NewSale(uint64(20-i)), "a", uint32(i), 0)
		sale.Outcome.Status = status
		if status.Closed() {
			sale.ClosedAt = Start
		} else {
			want = append(want, sale.Number)
		}
		write(t, s, func(tx pos.Tx) error {
			check(t, tx.PutSale(sale))
			return tx.PutPayment(NewPayment(sale, uint32(i)))
		})
	}
	slices.Sort(want)
	open, err := s.Open(context.Background())
	check(t, err)
	same(t, "open", numbers(open), want)
	for _, r := range open {
		if len(r.Payments) != 1 || r.Payments[0].SaleID != r.Sale.ID {
			t.Fatalf("sale %d came with payments %+v", r.Sale.Number, r.Payments)
		}
	}
}

func cannotBeStored(t *testing.T, suite Suite) {
	s := suite.Open(t)
	broken := func(change func(*pos.Sale)) pos.Sale {
		sale := WithAddress(NewSale(1), "a", 0, 0)
		change(&sale)
		return sale
	}
	for name, sale := range map[string]pos.Sale{
		"no id":           broken(func(s *pos.Sale) { s.ID = "" }),
		"no number":       broken(func(s *pos.Sale) { s.Number = 0 }),
		"number too big":  broken(func(s *pos.Sale) { s.Number = 1 << 63 }),
		"bad metadata":    broken(func(s *pos.Sale) { s.Metadata = json.RawMessage("{") }),
		"no account":      broken(func(s *pos.Sale) { s.Addresses[0].Account = "" }),
		"no destination":  broken(func(s *pos.Sale) { s.Addresses[0].To = "" }),
		"no year in JSON": broken(func(s *pos.Sale) { s.CreatedAt = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) }),
	} {
		if err := s.Write(context.Background(), func(tx pos.Tx) error { return tx.PutSale(sale) }); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	if err := s.Write(context.Background(), func(tx pos.Tx) error { return tx.PutPayment(pos.Payment{}) }); err == nil {
		t.Error("a payment without a key was stored")
	}
	if err := s.Write(context.Background(), func(tx pos.Tx) error {
		_, err := tx.NextIndex(chain.Account{}, Start)
		return err
	}); err == nil {
		t.Error("an account without an id gave an address")
	}
	rs, err := s.Sales(context.Background(), pos.Query{})
	check(t, err)
	if len(rs) != 0 {
		t.Fatalf("left behind: %+v", rs)
	}
}

func timesFarAway(t *testing.T, suite Suite) {
	s := suite.Open(t)
	for i, at := range []time.Time{{}, time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		sale := WithAddress(NewSale(uint64(i+1)), "a", uint32(i), 0)
		sale.CreatedAt = at
		put(t, s, Close(sale, pos.Paid, at))
	}
	rs, err := s.Sales(context.Background(), pos.Query{From: Start})
	check(t, err)
	same(t, "from now", numbers(rs), []uint64{3})
	rs, err = s.Sales(context.Background(), pos.Query{Until: Start})
	check(t, err)
	same(t, "until now", numbers(rs), []uint64{2, 1})
	hot, err := s.Hot(context.Background(), Start)
	check(t, err)
	if len(hot) != 1 || hot[0].SaleID != "sale-3" {
		t.Fatalf("hot: %+v", hot)
	}
	// The longest cooldown is 292 years: what was closed in the year 1 is over it,
	// what will be closed in 9999 is not.
	for _, want := range []uint32{0, 1, 3} {
		if i := allocate(t, s, chain.Account{ID: "a", Cooldown: 1<<63 - 1}, Start); i != want {
			t.Fatalf("got index %d, want %d", i, want)
		}
	}
}

func metadataComesBack(t *testing.T, suite Suite) {
	s := suite.Open(t)
	for i, raw := range []string{`null`, `"<&>"`, `{"z":1,"a":[1.10,1e400,-0]}`, `{"a":1,"a":2}`, `"\ud83d\ude00"`} {
		sale := NewSale(uint64(i + 1))
		sale.Metadata = json.RawMessage(raw)
		put(t, s, sale)
		if got := string(get(t, s, sale.ID).Sale.Metadata); got != raw {
			t.Errorf("metadata %s came back as %s", raw, got)
		}
	}
}
