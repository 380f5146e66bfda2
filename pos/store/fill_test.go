package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

var background = context.Background()

// fill writes n sales of all sorts, with an address and a payment each.
func fill(t testing.TB, s pos.Store, n uint64) {
	t.Helper()
	never := chain.Account{ID: "acc"}
	pool := chain.Account{ID: "pool", Cooldown: time.Minute}
	for from := uint64(1); from <= n; from += 500 {
		err := s.Write(background, func(tx pos.Tx) error {
			for k := from; k <= min(n, from+499); k++ {
				if err := fillOne(tx, k, never, pool); err != nil {
					return err
				}
			}
			return tx.PutCursor("bitcoin:regtest", chain.Cursor{Seq: from, Ring: []chain.BlockRef{{Height: from, Hash: "aa"}}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write(background, func(tx pos.Tx) error { return tx.PutMeta("fingerprint", "d34db33f") }); err != nil {
		t.Fatal(err)
	}
}

func fillOne(tx pos.Tx, k uint64, accounts ...chain.Account) error {
	now := storetest.Start.Add(time.Duration(k) * time.Minute)
	if _, err := tx.NextNumber(); err != nil {
		return err
	}
	s := storetest.NewSale(k)
	s.Reference = fmt.Sprintf("order %d", k)
	for _, a := range accounts {
		i, err := tx.NextIndex(a, now)
		if err != nil {
			return err
		}
		s = storetest.WithAddress(s, a.ID, i, k)
	}
	if k%10 != 0 {
		s = storetest.Close(s, pos.Paid, now)
	}
	if err := tx.PutSale(s); err != nil {
		return err
	}
	if err := tx.PutPayment(storetest.NewPayment(s, uint32(k))); err != nil {
		return err
	}
	seq, err := tx.AppendOutbox(pos.Change{At: now, SaleID: s.ID, Number: k, Outcome: s.Outcome})
	if err != nil {
		return err
	}
	if _, err := tx.AppendJournal(storetest.NewEntry(s.ID, int(k))); err != nil {
		return err
	}
	d := storetest.NewDelivery(seq, s.ID, now)
	if k%10 != 0 {
		d.State = pos.DeliveryDone
	}
	return tx.PutDelivery(d)
}

// read puts all that a store answers into one text.
func read(s pos.Store) (string, error) {
	var b strings.Builder
	note := func(v any, err error) error {
		fmt.Fprintf(&b, "%+v\n", v)
		return err
	}
	var errs []error
	sales, err := s.Sales(background, pos.Query{Limit: 1 << 20})
	errs = append(errs, note(sales, err))
	open, err := s.Open(background)
	errs = append(errs, note(open, err))
	hot, err := s.Hot(background, storetest.Start)
	errs = append(errs, note(hot, err))
	for k, err := range s.Destinations(background) {
		errs = append(errs, note(k, err))
	}
	changes, err := s.Outbox(background, 0, 1<<20)
	errs = append(errs, note(changes, err))
	entries, err := s.Journal(background, 0, 1<<20)
	errs = append(errs, note(entries, err))
	deliveries, err := s.Deliveries(background, pos.DeliveryQuery{Limit: 1 << 20})
	errs = append(errs, note(deliveries, err))
	due, later, err := s.Due(background, storetest.Start.Add(time.Hour), 1<<20)
	errs = append(errs, note(due, err), note(later, nil))
	cursor, err := s.Cursor(background, "bitcoin:regtest")
	errs = append(errs, note(cursor, err))
	for _, name := range []string{"fingerprint"} {
		v, err := s.Meta(background, name)
		errs = append(errs, note(v, err))
	}
	for _, account := range []string{"acc", "pool"} {
		next, err := s.Next(background, account)
		errs = append(errs, note(next, err))
	}
	for _, r := range sales {
		history, err := s.History(background, r.Sale.ID)
		errs = append(errs, note(history, err))
		for _, a := range r.Sale.Addresses {
			k, ok, err := s.Owner(background, a.To)
			errs = append(errs, note(k, err), note(ok, nil))
		}
		for _, p := range r.Payments {
			got, ok, err := s.Payment(background, p.Key)
			errs = append(errs, note(got, err), note(ok, nil))
		}
		found, err := s.Sales(background, pos.Query{Text: r.Sale.Code})
		errs = append(errs, note(len(found), err))
	}
	return b.String(), errors.Join(errs...)
}

// closed makes a store with n sales and returns its folder and file.
func closed(t testing.TB, n uint64) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(background, dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, store.FileName)
}
