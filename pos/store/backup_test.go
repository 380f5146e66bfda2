package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

// TestCopyTo copies a store that a register writes all the while, and restores
// the copy: it has all that was stored before, nothing in part, and works on.
func TestCopyTo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, err := store.Open(background, dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	fill(t, s, 1000)
	reading, err := store.OpenReadOnly(background, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reading.Close() }()

	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for k := uint64(1001); ; k++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := s.Write(background, func(tx pos.Tx) error { return fillOne(tx, k, chain.Account{ID: "acc"}) }); err != nil {
				ended <- err
				return
			}
		}
	}()
	to := t.TempDir()
	err = reading.CopyTo(background, to)
	close(stop)
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(to, store.FileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	copied, err := store.Open(background, to, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Close() }()
	if err := copied.Check(background); err != nil {
		t.Error(err)
	}
	c, err := copied.Contents(background)
	if err != nil || c.Sales < 1000 || c.Payments != c.Sales || c.Changes != c.Sales || c.Entries != c.Sales || c.Newest != uint64(c.Sales) || c.Open != c.Sales/10 {
		t.Errorf("%+v, %v", c, err)
	}
	for k := uint64(1); k <= uint64(c.Sales); k++ {
		id := storetest.NewSale(k).ID
		want, err1 := s.Sale(background, id)
		got, err2 := copied.Sale(background, id)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if got.Sale.Reference != want.Sale.Reference || len(got.Payments) != 1 || len(got.Sale.Addresses) != len(want.Sale.Addresses) {
			t.Fatalf("sale %d is %+v, was %+v", k, got, want)
		}
	}
	want, err := s.Journal(background, 0, c.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := copied.Journal(background, 0, 1<<30); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("its journal has %d entries instead of %d, %v", len(got), len(want), err)
	}
	waiting := pos.DeliveryQuery{State: pos.DeliveryWaiting, Limit: 1 << 30}
	if got, err := copied.Deliveries(background, waiting); err != nil || len(got) != c.Open {
		t.Fatalf("%d deliveries wait, %v", len(got), err)
	}
	// A till that is started on it goes on where it stood.
	if err := copied.Write(background, func(tx pos.Tx) error { return fillOne(tx, uint64(c.Sales)+1, chain.Account{ID: "acc"}) }); err != nil {
		t.Error(err)
	}
	last, err := copied.Journal(background, uint64(c.Entries), 2)
	if err != nil || len(last) != 1 || last[0].Sum(want[c.Entries-1].Hash) != last[0].Hash {
		t.Errorf("the chain goes on with %+v, %v", last, err)
	}
	if err := copied.Check(background); err != nil {
		t.Error(err)
	}
}

// TestCopyToRefuses leaves what is there, and nothing of its own.
func TestCopyToRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, err := store.Open(background, dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	fill(t, s, 10)
	if err := s.CopyTo(background, dir); err == nil {
		t.Error("it copied onto itself")
	}
	if _, err := os.Stat(filepath.Join(dir, store.FileName)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	to := t.TempDir()
	if err := s.CopyTo(ctx, to); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := s.CopyTo(background, filepath.Join(to, "none")); err == nil {
		t.Error("into no folder")
	}
	if left, err := os.ReadDir(to); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	if err := s.Check(background); err != nil {
		t.Error(err)
	}
}
