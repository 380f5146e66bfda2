package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var records = map[string]func(*testing.T, Suite){
	"PaymentByKey":          paymentByKey,
	"PaymentsOldestFirst":   paymentsOldestFirst,
	"PaymentFindsItsSale":   paymentFindsItsSale,
	"Paid":                  paidAddresses,
	"CursorPerRail":         cursorPerRail,
	"Meta":                  metaValues,
	"ReadersDoNotSeeHalves": readersSeeNoHalves,
}

func paymentByKey(t *testing.T, suite Suite) {
	s := suite.Open(t)
	ctx := context.Background()
	sale := WithAddress(NewSale(1), "a", 0, 0)
	p := NewPayment(sale, 1)
	others := []chain.PaymentKey{
		{Network: "bitcoin:signet", TxID: p.Key.TxID, Index: p.Key.Index},
		{Network: p.Key.Network, TxID: "other", Index: p.Key.Index},
		{Network: p.Key.Network, TxID: p.Key.TxID, Index: 1<<32 - 1},
	}
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutSale(sale))
		for i, key := range others {
			other := p
			other.Key, other.Rev, other.SaleID = key, uint64(100+i), ""
			check(t, tx.PutPayment(other))
		}
		return tx.PutPayment(p)
	})
	p.State, p.Block = pos.Included, chain.BlockRef{Height: 9, Hash: "h", Time: Start}
	write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
	got, ok, err := s.Payment(ctx, p.Key)
	check(t, err)
	if !ok {
		t.Fatal("the payment is gone")
	}
	same(t, "payment", got, p)
	for i, key := range others {
		got, ok, err := s.Payment(ctx, key)
		check(t, err)
		if !ok || got.Rev != uint64(100+i) {
			t.Fatalf("payment %v is %+v", key, got)
		}
	}
	_, ok, err = s.Payment(ctx, chain.PaymentKey{Network: "bitcoin:regtest", TxID: "none"})
	check(t, err)
	if ok {
		t.Fatal("a payment out of nothing")
	}
	same(t, "the sale's", get(t, s, sale.ID).Payments, []pos.Payment{p})
}

func paymentsOldestFirst(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := WithAddress(NewSale(1), "a", 0, 0)
	put(t, s, sale)
	at := []int{3, 1, 2, 1} // seconds; the second and the last were noticed at once
	for i, sec := range at {
		p := NewPayment(sale, uint32(i))
		p.FirstAt = Start.Add(time.Duration(sec) * time.Second)
		write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
	}
	// Putting one again does not move it.
	again := NewPayment(sale, 1)
	again.FirstAt, again.Rev = Start.Add(time.Second), 50
	write(t, s, func(tx pos.Tx) error { return tx.PutPayment(again) })
	var order []uint32
	for _, p := range get(t, s, sale.ID).Payments {
		order = append(order, p.Key.Index)
	}
	same(t, "order", order, []uint32{1, 3, 2, 0})
}

// paymentFindsItsSale: money that belonged to nobody is given to a sale later.
func paymentFindsItsSale(t *testing.T, suite Suite) {
	s := suite.Open(t)
	one, two := WithAddress(NewSale(1), "a", 0, 0), WithAddress(NewSale(2), "a", 1, 0)
	p := NewPayment(one, 1)
	p.SaleID = ""
	write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
	put(t, s, one, two)
	has := func(want1, want2 int) {
		t.Helper()
		if n1, n2 := len(get(t, s, one.ID).Payments), len(get(t, s, two.ID).Payments); n1 != want1 || n2 != want2 {
			t.Fatalf("%d and %d payments, want %d and %d", n1, n2, want1, want2)
		}
	}
	has(0, 0)
	p.SaleID = one.ID
	write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
	has(1, 0)
	p.SaleID = two.ID
	write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
	has(0, 1)
}

func paidAddresses(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := WithAddress(WithAddress(NewSale(1), "a", 0, 0), "b", 0, 0)
	p := NewPayment(sale, 1)
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutSale(sale))
		return tx.PutPayment(p)
	})
	p.State = pos.Gone // gone money was there all the same
	write(t, s, func(tx pos.Tx) error { return tx.PutPayment(p) })
	write(t, s, func(tx pos.Tx) error {
		for to, want := range map[chain.Destination]bool{sale.Addresses[0].To: true, sale.Addresses[1].To: false, "": false} {
			paid, err := tx.Paid(to)
			check(t, err)
			if paid != want {
				t.Errorf("Paid(%q) = %v", to, paid)
			}
		}
		return nil
	})
}

func cursorPerRail(t *testing.T, suite Suite) {
	s := suite.Open(t)
	c := chain.Cursor{Seq: 1<<64 - 1}
	for i := range 2 * chain.RingSize {
		c = c.Push(chain.BlockRef{Height: uint64(i), Hash: "00ab", Time: Start.Add(time.Duration(i) * time.Minute)})
	}
	write(t, s, func(tx pos.Tx) error { return tx.PutCursor("bitcoin:regtest", chain.Cursor{Seq: 1}) })
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutCursor("bitcoin:regtest", c))
		return tx.PutCursor("eip155:1", chain.Cursor{Seq: 2})
	})
	for rail, want := range map[string]chain.Cursor{"bitcoin:regtest": c, "eip155:1": {Seq: 2}, "eip155:10": {}} {
		got, err := s.Cursor(context.Background(), rail)
		check(t, err)
		same(t, rail, got, want)
	}
}

func metaValues(t *testing.T, suite Suite) {
	s := suite.Open(t)
	write(t, s, func(tx pos.Tx) error { return tx.PutMeta("a", "1") })
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutMeta("a", "2"))
		return tx.PutMeta("b", "")
	})
	for name, want := range map[string]string{"a": "2", "b": "", "c": ""} {
		got, err := s.Meta(context.Background(), name)
		check(t, err)
		if got != want {
			t.Errorf("Meta(%q) = %q, want %q", name, got, want)
		}
	}
}

// readersSeeNoHalves: a sale and its payments are of one transaction, also for
// who reads while it is written.
func readersSeeNoHalves(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := WithAddress(NewSale(1), "a", 0, 0)
	put(t, s, sale)
	done := make(chan error, 1)
	go func() {
		for i := range uint32(60) {
			next := sale
			next.Confirmations = int(i + 1)
			if err := s.Write(context.Background(), func(tx pos.Tx) error {
				if err := tx.PutSale(next); err != nil {
					return err
				}
				return tx.PutPayment(NewPayment(sale, i))
			}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			check(t, err)
			if r := get(t, s, sale.ID); len(r.Payments) != 60 {
				t.Fatalf("%d payments at the end", len(r.Payments))
			}
			return
		default:
		}
		if r := get(t, s, sale.ID); len(r.Payments) != r.Sale.Confirmations {
			t.Fatalf("write %d was seen with %d payments", r.Sale.Confirmations, len(r.Payments))
		}
		open, err := s.Open(context.Background())
		check(t, err)
		if len(open) != 1 || len(open[0].Payments) != open[0].Sale.Confirmations {
			t.Fatalf("open: %+v", open)
		}
	}
}
