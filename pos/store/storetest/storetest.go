// Package storetest is the suite that every store passes: the rules at
// [pos.Store] and [pos.Tx], each as a test.
//
// What may not enter: any store. Whoever wrote one calls Run.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// Suite is what the tests need of a store.
type Suite struct {
	// Open makes an empty store, closed when the test ends.
	Open func(testing.TB) pos.Store
	// Reopen closes a store and opens it again, as after a restart. nil for
	// stores that do not survive one.
	Reopen func(testing.TB, pos.Store) pos.Store
}

// Run runs the whole suite.
func Run(t *testing.T, open func(testing.TB) pos.Store, reopen func(testing.TB, pos.Store) pos.Store) {
	t.Helper()
	s := Suite{open, reopen}
	for _, group := range []map[string]func(*testing.T, Suite){transactions, addresses, cooldown, gap, sales, queries, records, journal, deliveries} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) { test(t, s) })
		}
	}
}

// Start is when the days of the suite begin.
var Start = time.Date(2026, 11, 20, 9, 0, 0, 123456789, time.UTC)

// NewSale makes an open sale with the given number, an hour after Start for
// each number. The same number gives the same sale.
func NewSale(number uint64) pos.Sale {
	at := Start.Add(time.Duration(number) * time.Hour)
	return pos.Sale{
		ID: fmt.Sprintf("sale-%d", number), Number: number, Code: fmt.Sprintf("K%07d", number),
		CreatedAt: at, Terminal: "till 1", Cashier: "Anna",
		Price:   pos.Price{Kind: pos.PriceFiat, Fiat: money.Fiat{Minor: 450, Currency: "EUR"}},
		Lines:   []pos.Line{{Name: "Coffee", Count: 2, Each: money.Fiat{Minor: 225, Currency: "EUR"}}},
		Expires: 15 * time.Minute,
		Outcome: pos.Outcome{Status: pos.Awaiting, Verdict: pos.Wait, Reason: pos.Reason{Code: pos.WhyNothing}, Quote: -1, At: at},
	}
}

// WithAddress gives a sale an address and a quote on it.
func WithAddress(s pos.Sale, account string, index uint32, since uint64) pos.Sale {
	to := Destination(account, index)
	s.Addresses = append(s.Addresses, pos.Address{Account: account, Index: index, Path: fmt.Sprintf("m/%d", index), To: to})
	s.Quotes = append(s.Quotes, pos.Quote{
		Asset: chain.Bitcoin, Rail: "bitcoin:regtest", To: to, Due: chain.Units(9000),
		At: s.CreatedAt, Deadline: s.CreatedAt.Add(s.Expires), Since: since,
	})
	return s
}

// Close closes a sale.
func Close(s pos.Sale, status pos.Status, at time.Time) pos.Sale {
	s.Outcome.Status, s.Outcome.At, s.ClosedAt = status, at, at
	return s
}

// Destination is the address of an index in the suite's accounts.
func Destination(account string, index uint32) chain.Destination {
	return chain.Destination(fmt.Sprintf("bcrt1q%s%06d", account, index))
}

// NewPayment makes a payment to a sale's first address.
func NewPayment(s pos.Sale, n uint32) pos.Payment {
	return pos.Payment{
		Key:    chain.PaymentKey{Network: "bitcoin:regtest", TxID: chain.TxID(fmt.Sprintf("%064x", 0xfeed0000+uint64(n))), Index: n},
		Rev:    uint64(n) + 1,
		SaleID: s.ID, To: s.Addresses[0].To, Asset: chain.Bitcoin, Amount: chain.Units(9000),
		State: pos.Unconfirmed, FirstAt: s.CreatedAt.Add(time.Duration(n) * time.Second), FirstSeen: true,
	}
}

func write(t testing.TB, s pos.Store, fn func(pos.Tx) error) {
	t.Helper()
	if err := s.Write(context.Background(), fn); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func put(t testing.TB, s pos.Store, all ...pos.Sale) {
	t.Helper()
	write(t, s, func(tx pos.Tx) error {
		for _, sale := range all {
			if err := tx.PutSale(sale); err != nil {
				return err
			}
		}
		return nil
	})
}

func get(t testing.TB, s pos.Store, id string) pos.Record {
	t.Helper()
	r, err := s.Sale(context.Background(), id)
	if err != nil {
		t.Fatalf("Sale(%q): %v", id, err)
	}
	return r
}

// check fails unless err is nil.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func numbers(rs []pos.Record) []uint64 {
	var ns []uint64
	for _, r := range rs {
		ns = append(ns, r.Sale.Number)
	}
	return ns
}

// errPlanned is returned by closures that are to be rolled back.
var errPlanned = errors.New("planned")
