package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// version1 writes a store as the first till did, by its schema and its sums:
// n sales with an address and a payment each, one index that no sale took,
// a cursor and a value. Extra SQL comes last.
func version1(t *testing.T, n int, extra string) (dir string, want []pos.Record) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := dial(context.Background(), filepath.Join(dir, FileName), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(q string, args ...any) {
		t.Helper()
		run := func() error { return s.script(q) }
		if len(args) > 0 {
			run = func() error { return s.exec(q, args...) }
		}
		if err := run(); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	exec("BEGIN;" + schema1)
	exec("INSERT INTO accounts VALUES (1, 'acc', ?1, ~?1)", n+1)
	exec("INSERT INTO indices VALUES (1, ?, NULL, 5)", n)
	frees := map[int]int64{n >> fanBits: 5}
	for i := range n {
		at := time.Date(2026, 11, 20, 9, i, 0, 7, time.UTC)
		to := chain.Destination(fmt.Sprint("bcrt1q", i))
		sale := pos.Sale{
			ID: fmt.Sprint("sale-", i), Number: uint64(i + 1), Code: fmt.Sprint("K", i), Reference: "Tisch <4> & ö", CreatedAt: at, Expires: time.Minute,
			Addresses: []pos.Address{{Account: "acc", Index: uint32(i), To: to}},
			Quotes:    []pos.Quote{{Rail: "bitcoin:regtest", To: to, Due: chain.Units(9000), At: at, Since: 812}},
			Acts:      []pos.Act{{Kind: pos.ActCancel, At: at, Actor: pos.Actor{Name: "Anna"}}},
			Outcome:   pos.Outcome{Status: pos.Awaiting},
		}
		var closed any
		if i%2 == 0 {
			sale.Outcome.Status, sale.ClosedAt, closed = pos.Paid, at.Add(time.Minute), at.Add(time.Minute).UnixNano()
			if block := i >> fanBits; frees[block] == 0 {
				frees[block] = closed.(int64)
			}
		}
		p := pos.Payment{Key: chain.PaymentKey{Network: "bitcoin:regtest", TxID: chain.TxID(fmt.Sprint("tx", i))}, SaleID: sale.ID, To: to, Amount: chain.Units(9000), FirstAt: at}
		doc := func(v any) string {
			b, err := encode(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		exec("INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", i+1, sale.ID, fmt.Sprint("k", i), "tisch <4> & ö", string(sale.Outcome.Status),
			at.UnixNano(), closed, doc(sale), sum([]byte(doc(sale))))
		exec("INSERT INTO addresses VALUES (?, 1, ?, ?, 812, 1)", i+1, i, string(to))
		exec("INSERT INTO indices VALUES (1, ?, ?, ?)", i, i+1, closed)
		exec("INSERT INTO payments VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)", i+1, "bitcoin:regtest", string(p.Key.TxID), sale.ID, string(to), at.UnixNano(), doc(p), sum([]byte(doc(p))))
		want = append(want, pos.Record{Sale: sale, Payments: []pos.Payment{p}})
	}
	for level, below := 1, frees; level <= root; level++ {
		above := map[int]int64{}
		for at, free := range below {
			exec("INSERT INTO frees VALUES (1, ?, ?, ?)", level, at, free)
			if was, ok := above[at>>fanBits]; !ok || free < was {
				above[at>>fanBits] = free
			}
		}
		below = above
	}
	exec("UPDATE counters SET value = ?1, guard = ~?1 WHERE name = 'number'", n)
	exec("INSERT INTO meta VALUES ('fingerprint', 'd34db33f', ?)", sum([]byte("d34db33f")))
	exec(`INSERT INTO cursors VALUES ('bitcoin:regtest', '{"seq":7}', ?)`, sum([]byte(`{"seq":7}`)))
	exec(extra + fmt.Sprintf("; PRAGMA application_id = %d; PRAGMA user_version = 1; COMMIT", applicationID))
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return dir, want
}

// TestFromVersion1: the first start brings the store up to date, and begins the
// journal with what is there.
func TestFromVersion1(t *testing.T) {
	const n = page + 7 // more than is read at a time
	ctx := context.Background()
	dir, want := version1(t, n, "")
	if _, err := OpenReadOnly(ctx, dir); err == nil || !strings.Contains(err.Error(), "older till") {
		t.Fatalf("looking at it first: %v", err)
	}
	begun := time.Date(2026, 12, 24, 18, 0, 0, 5, time.UTC)
	now := begun
	for range 2 { // the second start adds nothing
		s, err := Open(ctx, dir, Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(ctx); err != nil {
			t.Fatal(err)
		}
		entries, err := s.Journal(ctx, 0, 1<<30)
		if err != nil || len(entries) != n {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		var chain pos.Chain
		for i, e := range entries {
			if err := chain.Add(e); err != nil {
				t.Fatal(err)
			}
			var r pos.Record
			if err := json.Unmarshal(e.Body, &r); err != nil || e.Kind != pos.EntrySnapshot || e.Sale != want[i].Sale.ID || !e.At.Equal(begun) || !reflect.DeepEqual(r, want[i]) {
				t.Fatalf("entry %d is %s %+v (%v), want %+v", i, e.Kind, r, err, want[i])
			}
		}
		r, err := s.Sale(ctx, "sale-3")
		if err != nil || !reflect.DeepEqual(r, want[3]) {
			t.Fatalf("sale 3 is %+v, %v", r, err)
		}
		v, err := s.Meta(ctx, "fingerprint")
		cursor, err2 := s.Cursor(ctx, "bitcoin:regtest")
		if err := errors.Join(err, err2); err != nil || v != "d34db33f" || cursor.Seq != 7 {
			t.Fatalf("%q, %+v, %v", v, cursor, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	// It works on.
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Write(ctx, func(tx pos.Tx) error {
		i, err1 := tx.NextIndex(chain.Account{ID: "acc"}, now)
		number, err2 := tx.NextNumber()
		e, err3 := tx.AppendJournal(pos.Entry{At: now, Kind: pos.EntryShop, Body: []byte("{}")})
		if i != n+1 || number != n+1 || e.Seq != n+1 {
			t.Errorf("index %d, number %d, entry %d", i, number, e.Seq)
		}
		return errors.Join(err1, err2, err3)
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestFromVersion1Damaged: what cannot be relied on is not written into a
// journal, and the file is left as it is.
func TestFromVersion1Damaged(t *testing.T) {
	for _, damage := range []string{
		"UPDATE sales SET json = replace(json, '9000', '9001') WHERE number = 9",
		"UPDATE payments SET json = replace(json, '9000', '9001') WHERE rowid = 3",
		"UPDATE meta SET value = 'd34db33e'",
		"UPDATE cursors SET sum = 1",
	} {
		dir, _ := version1(t, 20, damage)
		before, err := os.ReadFile(filepath.Join(dir, FileName))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := Open(context.Background(), dir, Options{}); !errors.Is(err, pos.ErrDamaged) {
				t.Fatalf("after %s: %v", damage, err)
			}
		}
		after, err := os.ReadFile(filepath.Join(dir, FileName))
		if err != nil || string(after) != string(before) {
			t.Errorf("after %s the file is another (%v)", damage, err)
		}
	}
}

// TestKilledWhileMigrating: the first start of a new till is wholly done or not
// at all, and what it did not do the next one does.
func TestKilledWhileMigrating(t *testing.T) {
	const n = 600
	whole, _ := version1(t, n, "")
	r := rand.New(rand.NewPCG(1, 2))
	undone := 0
	for range 5 {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		till := exec.Command(os.Args[0], "-test.run=^$")
		till.Env = append(os.Environ(), "TILL_STORE_TEST_CHILD="+dir)
		if err := till.Start(); err != nil {
			t.Fatal(err)
		}
		// Its lock says that it began.
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if held, err := os.ReadFile(filepath.Join(dir, lockName)); err == nil && len(held) > 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("it did not begin")
			}
		}
		time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		if err := till.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = till.Wait()
		if old, err := OpenReadOnly(context.Background(), dir); err == nil {
			_ = old.Close()
		} else {
			undone++
		}
		s, err := Open(context.Background(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := s.Journal(context.Background(), 0, n)
		if err := errors.Join(err, s.Check(context.Background()), s.Close()); err != nil {
			t.Fatal(err)
		}
		if len(entries) != n || entries[0].Kind != pos.EntrySnapshot || entries[n-1].Kind != pos.EntrySnapshot {
			t.Fatalf("%d entries", len(entries))
		}
	}
	t.Logf("%d of 5 were killed before it was done", undone)
}
