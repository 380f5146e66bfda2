package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

func openHere(t *testing.T) *SQLite {
	t.Helper()
	s, err := Open(context.Background(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSettingsThatDurabilityStandsOn(t *testing.T) {
	s := openHere(t)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0",
		"fullfsync": "1", "busy_timeout": "10000", "application_id": fmt.Sprint(applicationID), "user_version": fmt.Sprint(len(migrations)),
	} {
		var got string
		if _, err := s.writer.one(context.Background(), []any{&got}, "PRAGMA "+pragma); err != nil || got != want {
			t.Errorf("%s = %s, want %s (%v)", pragma, got, want, err)
		}
	}
	// Readers cannot write, whatever they are told.
	err := s.read(context.Background(), func(r *session) error { return r.exec("DELETE FROM counters") })
	if !errors.Is(err, ErrReadOnly) {
		t.Errorf("a reader wrote: %v", err)
	}
}

func TestOldSQLiteIsRefused(t *testing.T) {
	for version, want := range map[string]bool{
		"3.51.3": true, "3.51.10": true, "3.52.0": true, "3.54.1": true, "4.0.0": true,
		"3.51.2": false, "3.50.99": false, "2.99.99": false, "": false, "three": false,
	} {
		if got := newEnough(version); got != want {
			t.Errorf("SQLite %q: %v, want %v", version, got, want)
		}
	}
}

// TestDiskFull: the transactions that the disk has no room for fail with a
// sentence, the others and everything before stand, and it goes on afterwards.
func TestDiskFull(t *testing.T) {
	s := openHere(t)
	ctx := context.Background()
	put := func(n uint64, note string) error {
		return s.Write(ctx, func(tx pos.Tx) error {
			if _, err := tx.NextNumber(); err != nil {
				return err
			}
			if _, err := tx.AppendJournal(pos.Entry{At: time.Unix(int64(n), 0), Kind: pos.EntrySale, Sale: fmt.Sprint(n), Body: []byte("null")}); err != nil {
				return err
			}
			return tx.PutSale(pos.Sale{ID: fmt.Sprint(n), Number: n, Note: note})
		})
	}
	if err := put(1, ""); err != nil {
		t.Fatal(err)
	}
	var pages int
	if _, err := s.writer.one(ctx, []any{&pages}, "PRAGMA page_count"); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.script(fmt.Sprintf("PRAGMA max_page_count = %d", pages+2)); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("long note ", 10_000)
	var mu sync.Mutex
	stored := map[uint64]bool{1: true}
	var wg sync.WaitGroup
	for i := range uint64(12) {
		wg.Go(func() {
			note := ""
			if i%2 == 0 {
				note = big
			}
			err := put(i+2, note)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && note == "":
				stored[i+2] = true
			case err == nil:
				t.Errorf("sale %d found room", i+2)
			case !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space"):
				t.Errorf("sale %d: %v", i+2, err)
			}
		})
	}
	wg.Wait()
	if err := s.writer.script("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if err := put(100, big); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	stored[100] = true
	rs, err := s.Sales(ctx, pos.Query{})
	if err != nil || len(rs) != len(stored) {
		t.Fatalf("%d sales are stored, %d were acknowledged (%v)", len(rs), len(stored), err)
	}
	for _, r := range rs {
		if !stored[r.Sale.Number] {
			t.Errorf("sale %d was refused and is stored", r.Sale.Number)
		}
		if history, err := s.History(ctx, r.Sale.ID); err != nil || len(history) != 1 {
			t.Errorf("sale %d has the entries %v, %v", r.Sale.Number, history, err)
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestSwallowedErrorFailsAll: a closure that hides a failed statement does not
// get half of its work stored.
func TestSwallowedErrorFailsAll(t *testing.T) {
	s := openHere(t)
	err := s.Write(context.Background(), func(tx pos.Tx) error {
		_ = tx.PutMeta("a", "1")
		_ = tx.(*sqlTx).exec("INSERT INTO sales (number) VALUES (1)") // lacks what it needs
		_ = tx.PutMeta("b", "2")
		return nil
	})
	if err == nil {
		t.Fatal("the transaction was stored")
	}
	if v, err := s.Meta(context.Background(), "a"); v != "" || err != nil {
		t.Fatalf("half of it was stored: %q, %v", v, err)
	}
}

// TestGroupSharesASync: writers that wait together are committed together. How
// many come in time is the scheduler's business, so it asks until some do.
func TestGroupSharesASync(t *testing.T) {
	s := openHere(t)
	ctx := context.Background()
	const company = 20
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		before := s.commits.Load()
		began, finish := make(chan struct{}), make(chan struct{})
		errs := make(chan error)
		go func() {
			errs <- s.Write(ctx, func(tx pos.Tx) error {
				close(began)
				<-finish
				return tx.PutMeta("first", "1")
			})
		}()
		<-began
		for i := range company {
			go func() { errs <- s.Write(ctx, func(tx pos.Tx) error { return tx.PutMeta(fmt.Sprint(i), "1") }) }()
		}
		time.Sleep(time.Millisecond) // lets them come to the door
		close(finish)
		for range company + 1 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if n := s.commits.Load() - before; n <= company/2 {
			return
		}
	}
	t.Fatal("writers that waited were never committed together")
}

func TestErrorsAreSentences(t *testing.T) {
	const path = "/shop/till.db"
	for code, want := range map[int]error{
		sqlite3.SQLITE_FULL: ErrFull, sqlite3.SQLITE_READONLY: ErrReadOnly, sqlite3.SQLITE_READONLY_DBMOVED: ErrReadOnly,
		sqlite3.SQLITE_CANTOPEN: ErrReadOnly, sqlite3.SQLITE_CORRUPT: pos.ErrDamaged, sqlite3.SQLITE_CORRUPT_INDEX: pos.ErrDamaged,
		sqlite3.SQLITE_NOTADB: pos.ErrDamaged, sqlite3.SQLITE_INTERRUPT: context.Canceled,
	} {
		if err := explainCode(path, code); !errors.Is(err, want) {
			t.Errorf("code %d: %v", code, err)
		}
	}
	for code := range 27 {
		if err := explainCode(path, code); err == nil || err.Error() == "" {
			t.Errorf("code %d says nothing", code)
		}
	}
	for in, want := range map[error]error{
		&fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}: ErrFull,
		&fs.PathError{Op: "open", Path: path, Err: syscall.EROFS}:   ErrReadOnly,
		&fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}:  ErrReadOnly,
		context.DeadlineExceeded:                                    context.DeadlineExceeded,
		os.ErrPermission:                                            ErrReadOnly,
	} {
		if err := explain(path, in); !errors.Is(err, want) {
			t.Errorf("%v became %v", in, err)
		}
	}
}

// TestPlans: no query that a screen waits for walks a table that grows.
func TestPlans(t *testing.T) {
	s := openHere(t)
	ctx := context.Background()
	queries := map[string]string{
		"owner": owner, "hot": hot,
		"open":     "SELECT json, sum FROM sales WHERE closed IS NULL ORDER BY number",
		"payments": "SELECT json, sum FROM payments WHERE sale = ? ORDER BY first_at, rowid",
		"paid":     "SELECT 1 FROM payments WHERE destination = ? LIMIT 1",
		"journal":  journalPage, "history": history, "due": due, "later": dueLater, "first waiting": "SELECT " + firstWaiting,
	}
	when := time.Unix(1, 0)
	for i, q := range []pos.Query{
		{},
		{Before: 5},
		{Text: "abcd"},
		{Text: "abcd", Status: pos.Paid, From: when, Until: when, Before: 9},
		{From: when},
		{Until: when},
		{From: when, Until: when, Before: 9, Status: pos.Paid},
		{Status: pos.Paid},
		{Status: pos.Paid, Before: 9},
	} {
		from, _ := conditions(q)
		queries[fmt.Sprintf("query %d", i)] = "SELECT json, sum FROM sales WHERE number IN (SELECT number FROM sales" + from +
			" ORDER BY number DESC LIMIT 10) ORDER BY number DESC"
	}
	for i, q := range []pos.DeliveryQuery{{}, {State: pos.DeliveryWaiting}, {State: pos.DeliveryDone}, {SaleID: "a"}, {SaleID: "a", State: pos.DeliveryFailed}} {
		queries[fmt.Sprint("deliveries ", i)], _ = deliveriesOf(q)
	}
	for name, q := range queries {
		args := make([]any, strings.Count(q, "?")-strings.Count(q, "?1"))
		if strings.Contains(q, "?1") {
			args = []any{"x"}
		}
		if err := s.writer.each(ctx, func(scan func(...any) error) error {
			var a, b, c int
			var step sql.NullString
			if err := scan(&a, &b, &c, &step); err != nil {
				return err
			}
			walks := strings.HasPrefix(step.String, "SCAN ") && step.String != "SCAN CONSTANT ROW"
			// These walk an index of just what is asked for, or stop at a limit.
			fine := strings.Contains(step.String, "sales_open") || name == "query 0"
			if walks && !fine {
				t.Errorf("%s: %s", name, step.String)
			}
			return nil
		}, "EXPLAIN QUERY PLAN "+q, args...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheckFindsWhatDoesNotFit: rows that contradict each other, though every
// page is sound.
func TestCheckFindsWhatDoesNotFit(t *testing.T) {
	for _, damage := range []string{
		"UPDATE sales SET status = 'PAID'", "UPDATE sales SET closed = 5", "UPDATE sales SET code = 'x'", "UPDATE sales SET reference = 'x'",
		"UPDATE sales SET created = 1", "UPDATE sales SET json = replace(json, 'EUR', 'USD')", "UPDATE sales SET sum = sum + 1",
		"DELETE FROM addresses", "UPDATE addresses SET since = 9", "UPDATE addresses SET destination = 'other'", "UPDATE addresses SET newest = 0",
		"UPDATE indices SET free = 7", "DELETE FROM indices", "UPDATE indices SET number = 77",
		"UPDATE accounts SET next = 0, guard = -1", "UPDATE accounts SET next = 9",
		"UPDATE payments SET destination = 'x'", "UPDATE payments SET sale = 'x'", "UPDATE payments SET first_at = 1",
		"UPDATE payments SET txid = 'other'", "UPDATE payments SET json = replace(json, 'x', 'y'), sum = 1",
		"DELETE FROM outbox WHERE seq = 1", "UPDATE outbox SET json = json || ' '", "UPDATE counters SET value = 9 WHERE name = 'outbox'",
		"UPDATE counters SET value = 0, guard = -1 WHERE name = 'number'", "DELETE FROM counters",
		"UPDATE meta SET value = 'x'", "UPDATE cursors SET json = '{}'", "INSERT INTO frees VALUES (1, 1, 5, 5)",
		"DROP INDEX sales_code", "CREATE TABLE more (x)",
		"DELETE FROM journal WHERE seq = 2", "DELETE FROM journal WHERE seq = 1", "UPDATE journal SET sale = 'id2' WHERE seq = 1",
		"UPDATE journal SET body = '{}' WHERE seq = 2", "UPDATE journal SET seq = 3 WHERE seq = 2", "UPDATE counters SET value = 3, guard = -4 WHERE name = 'journal'",
		"UPDATE deliveries SET due = NULL", "UPDATE deliveries SET state = 'done', due = NULL", "UPDATE deliveries SET next = 5, due = 5",
		"UPDATE deliveries SET sale = 'x'", "UPDATE payments SET rowid = 7",
	} {
		s := openHere(t)
		ctx := context.Background()
		if err := s.Write(ctx, func(tx pos.Tx) error {
			for n := uint64(1); n <= 2; n++ {
				sale := pos.Sale{ID: fmt.Sprint("id", n), Number: n, Price: pos.Price{Fiat: money.Fiat{Minor: 1, Currency: "EUR"}}, Addresses: []pos.Address{{Account: "acc", Index: uint32(n), To: chain.Destination(fmt.Sprint("to", n))}}}
				p := pos.Payment{Key: chain.PaymentKey{Network: "n", TxID: "x"}, SaleID: sale.ID, To: sale.Addresses[0].To}
				_, err := tx.AppendOutbox(pos.Change{Number: n})
				_, err2 := tx.AppendJournal(pos.Entry{At: time.Unix(1, 0), Kind: pos.EntryAct, Sale: sale.ID, Body: []byte("null")})
				d := pos.Delivery{Seq: n, SaleID: sale.ID, State: pos.DeliveryWaiting}
				if err := errors.Join(err, err2, tx.PutSale(sale), tx.PutPayment(p), tx.PutDelivery(d)); err != nil {
					return err
				}
			}
			return errors.Join(tx.PutMeta("a", "b"), tx.PutCursor("r", chain.Cursor{Seq: 1}))
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(ctx); err != nil {
			t.Fatalf("before %s: %v", damage, err)
		}
		if err := s.writer.script("PRAGMA foreign_keys = 0; " + damage); err != nil {
			t.Fatalf("%s: %v", damage, err)
		}
		if err := s.Check(ctx); !errors.Is(err, pos.ErrDamaged) {
			t.Errorf("after %s: %v", damage, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}
