package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store/storetest"
)

// Bulk makes a store with past sales, which are paid, and after them open ones:
// an address, a change, a delivery and three entries each, and a payment where
// paid. The deliveries of open sales wait, ten to a sale. A till that rang them
// up would take hours; this writes the same rows without indexes and without
// syncing, and makes the indexes afterwards.
func Bulk(dir string, past, open int) (err error) {
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	c, err := dial(ctx, filepath.Join(dir, FileName), nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.script("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA foreign_keys = 0; PRAGMA cache_size = -400000; BEGIN"); err != nil {
		return err
	}
	indexes, drop := "", ""
	if err := c.each(ctx, func(scan func(...any) error) error {
		var name, text string
		err := scan(&name, &text)
		indexes, drop = indexes+text+";", drop+"DROP INDEX "+name+";"
		return err
	}, "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"); err != nil {
		return err
	}
	if err := c.script(drop); err != nil {
		return err
	}
	b := bulk{c: c, first: past + 1}
	for k := 1; k <= past+open; k++ {
		if b.sale(k, k <= past); b.err != nil {
			return b.err
		}
	}
	b.rest(past + open)
	return errors.Join(b.err, c.script(indexes+"COMMIT; PRAGMA journal_mode = WAL"))
}

type bulk struct {
	c     *session
	first int // number of the first open sale
	chain pos.Chain
	err   error
}

func (b *bulk) exec(q string, args ...any) {
	if b.err == nil {
		b.err = b.c.exec(q, args...)
	}
}

func (b *bulk) doc(v any) string {
	doc, err := encode(v)
	b.err = errors.Join(b.err, err)
	return string(doc)
}

func (b *bulk) sale(k int, paid bool) {
	at := storetest.Start.Add(time.Duration(k) * time.Minute)
	s := storetest.WithAddress(storetest.NewSale(uint64(k)), "acc", uint32(k-1), uint64(k))
	s.Reference = fmt.Sprintf("order %d", k)
	b.entry(at, pos.EntrySale, s.ID, s)
	if paid {
		s = storetest.Close(s, pos.Paid, at)
		p := storetest.NewPayment(s, uint32(k))
		doc := b.doc(p)
		b.exec("INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", k, string(p.Key.Network), string(p.Key.TxID), int64(p.Key.Index), p.SaleID,
			string(p.To), stamp(p.FirstAt), doc, sum([]byte(doc)))
		b.entry(at, pos.EntryEvent, s.ID, p)
		b.entry(at, pos.EntryOutcome, s.ID, s.Outcome)
	}
	row, err := encodeSale(s)
	b.err = errors.Join(b.err, err)
	closed := sql.NullInt64{Int64: row.closed, Valid: paid}
	b.exec("INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row.number, row.id, row.code, row.reference, row.status, row.created, closed, string(row.doc), sum(row.doc))
	b.exec("INSERT INTO addresses VALUES (?1, 1, ?2, ?3, ?4, 1, row_sum(?1, 1, ?2, ?3, ?4))", k, k-1, row.addresses[0].to, int64(row.addresses[0].since))
	b.exec("INSERT INTO indices VALUES (1, ?1, ?2, ?3, row_sum(1, ?1, ?2, ?3))", k-1, k, closed)
	change := b.doc(pos.Change{Seq: uint64(k), At: at, SaleID: s.ID, Number: s.Number, Outcome: s.Outcome})
	b.exec("INSERT INTO outbox VALUES (?, ?, ?)", k, change, sum([]byte(change)))

	d := storetest.NewDelivery(uint64(k), s.ID, at)
	var due sql.NullInt64
	if paid {
		d.State, d.Next = pos.DeliveryDone, time.Time{}
	} else {
		head := k - (k-b.first)%10
		d.SaleID = storetest.NewSale(uint64(head)).ID
		due = sql.NullInt64{Int64: stamp(at), Valid: k == head}
	}
	doc := b.doc(d)
	b.exec("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?)", k, d.SaleID, string(d.State), stamp(d.Next), due, doc, sum([]byte(doc)))
}

func (b *bulk) entry(at time.Time, kind pos.EntryKind, sale string, body any) {
	e := follow(b.chain, pos.Entry{At: at.UTC(), Kind: kind, Sale: sale, Body: []byte(b.doc(body))})
	b.chain = pos.Chain{Seq: e.Seq, Hash: e.Hash}
	b.exec("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", int64(e.Seq), e.At.UnixNano(), string(e.Kind), e.Sale, string(e.Body), e.Hash[:])
}

// rest writes what there is one of.
func (b *bulk) rest(n int) {
	b.exec("INSERT INTO accounts VALUES (1, 'acc', ?1, ~?1, row_sum(1, 'acc'))", n)
	for name, value := range map[string]int{"number": n, "outbox": n, "journal": int(b.chain.Seq)} {
		b.exec("UPDATE counters SET value = ?1, guard = ~?1 WHERE name = ?2", value, name)
	}
	b.exec("INSERT INTO frees SELECT account, 1, idx >> 6, min(free) FROM indices WHERE free IS NOT NULL GROUP BY 1, 3")
	for level := 2; level <= root; level++ {
		b.exec("INSERT INTO frees SELECT account, ?1, pos >> 6, min(free) FROM frees WHERE level = ?1 - 1 GROUP BY 1, 3", level)
	}
}

// TestBulk: what the benchmarks run on is a store like any other.
func TestBulk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := Bulk(dir, 300, 50); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := s.Contents(ctx)
	due, _, err2 := s.Due(ctx, storetest.Start.AddDate(1, 0, 0), 100)
	if err := errors.Join(err, err2); err != nil || c.Sales != 350 || c.Open != 50 || c.Payments != 300 || len(due) != 5 {
		t.Fatalf("%+v, %d are due, %v", c, len(due), err)
	}
	if err := s.Write(ctx, func(tx pos.Tx) error {
		n, err1 := tx.NextNumber()
		i, err2 := tx.NextIndex(chain.Account{ID: "acc"}, storetest.Start)
		return errors.Join(err1, err2, tx.PutSale(storetest.WithAddress(storetest.NewSale(n), "acc", i, 0)))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
}
