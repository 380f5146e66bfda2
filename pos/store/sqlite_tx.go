package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// sqlTx is a transaction on SQLite. After a statement failed, all others fail:
// SQLite may have undone the transaction by itself, and what followed would
// stand alone.
type sqlTx struct {
	s       *session
	failed  error
	pending map[pendingKey]int64 // allocated here, no sale yet: when
	chain   pos.Chain            // the journal's end, once something was added here
	over    atomic.Bool
}

type pendingKey struct{ account, idx int64 }

func (t *sqlTx) exec(q string, args ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	t.failed = t.s.exec(q, args...)
	return t.failed
}

func (t *sqlTx) one(dest []any, q string, args ...any) (found bool, err error) {
	if err := t.usable(); err != nil {
		return false, err
	}
	found, t.failed = t.s.one(context.Background(), dest, q, args...)
	return found, t.failed
}

func (t *sqlTx) usable() error {
	if t.over.Load() {
		return errOver
	}
	return t.failed
}

// settle ends the closure's part: what failed fails it, and indices that no
// sale took cool down from when they were given out.
func (t *sqlTx) settle() error {
	for key, at := range t.pending {
		if err := t.setIndex(key, sql.NullInt64{}, sql.NullInt64{}, null(at)); err != nil {
			return err
		}
	}
	return t.failed
}

func null(v int64) sql.NullInt64 { return sql.NullInt64{Int64: v, Valid: true} }

// count adds one to a counter.
func (t *sqlTx) count(name string) (uint64, error) {
	var n int64
	found, err := t.one([]any{&n}, `UPDATE counters SET value = value + 1, guard = ~(value + 1)
		WHERE name = ? AND guard = ~value RETURNING value`, name)
	if err == nil && !found {
		err = damaged(t.s.path, "its counter of "+name+"s is wrong")
		t.failed = err
	}
	return uint64(n), err
}

func (t *sqlTx) NextNumber() (uint64, error) { return t.count("number") }

func (t *sqlTx) Sale(id string) (pos.Record, error) {
	if err := t.usable(); err != nil {
		return pos.Record{}, err
	}
	return t.s.record(context.Background(), id)
}

func (t *sqlTx) Paid(to chain.Destination) (bool, error) {
	var one int
	return t.one([]any{&one}, "SELECT 1 FROM payments WHERE destination = ? LIMIT 1", string(to))
}

func (t *sqlTx) PutSale(s pos.Sale) error {
	if err := t.usable(); err != nil {
		return err
	}
	row, err := encodeSale(s)
	if err != nil {
		return err
	}
	places, err := t.mayPut(row)
	if err != nil {
		return err
	}
	closed := sql.NullInt64{Int64: row.closed, Valid: !row.open}
	if err := t.exec(`INSERT INTO sales (number, id, code, reference, status, created, closed, json, sum)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (number) DO UPDATE SET code = excluded.code, reference = excluded.reference,
			status = excluded.status, created = excluded.created, closed = excluded.closed,
			json = excluded.json, sum = excluded.sum`,
		row.number, row.id, row.code, row.reference, row.status, row.created, closed, string(row.doc), sum(row.doc)); err != nil {
		return err
	}
	if err := t.exec(`UPDATE counters SET value = ?1, guard = ~?1
		WHERE name = 'number' AND value < ?1 AND guard = ~value`, row.number); err != nil {
		return err
	}
	for i, a := range row.addresses {
		if err := t.show(row.number, closed, a, places[i]); err != nil {
			return err
		}
	}
	return t.release(row, closed)
}

// place is what the store knows about an address of a sale before it is put.
type place struct {
	account, next sql.NullInt64
	owner, free   sql.NullInt64  // of the index
	destination   sql.NullString // of this sale's own row
	since         sql.NullInt64
}

// mayPut checks what must hold before anything is written.
func (t *sqlTx) mayPut(row saleRow) ([]place, error) {
	var number sql.NullInt64
	var id sql.NullString
	if _, err := t.one([]any{&number, &id},
		"SELECT (SELECT number FROM sales WHERE id = ?), (SELECT id FROM sales WHERE number = ?)", row.id, row.number); err != nil {
		return nil, err
	}
	if number.Valid && number.Int64 != row.number {
		return nil, errOtherNumber(number.Int64, row.number)
	}
	if id.Valid && id.String != row.id {
		return nil, errNumberTaken(row.number)
	}
	places := make([]place, len(row.addresses))
	for i, a := range row.addresses {
		p := &places[i]
		if _, err := t.one([]any{&p.account, &p.next, &p.owner, &p.free, &p.destination, &p.since},
			`SELECT c.rid, c.next, i.number, i.free, a.destination, a.since FROM accounts c
			LEFT JOIN indices i ON i.account = c.rid AND i.idx = ?2
			LEFT JOIN addresses a ON a.number = ?3 AND a.account = c.rid AND a.idx = ?2
			WHERE c.id = ?1`, a.account, int64(a.idx), row.number); err != nil {
			return nil, err
		}
		switch {
		case p.destination.Valid && p.destination.String != a.to:
			return nil, errOtherAddress(row.number, a)
		case !p.destination.Valid && p.owner.Valid && p.owner.Int64 != row.number:
			return nil, errIndexTaken(a, p.owner.Int64)
		}
	}
	return places, nil
}

// show records that an address stands on a sale.
func (t *sqlTx) show(number int64, closed sql.NullInt64, a addressRow, p place) error {
	if !p.account.Valid {
		rid, err := t.account(a.account)
		if err != nil {
			return err
		}
		p.account, p.next = null(rid), null(0)
	}
	switch {
	case !p.destination.Valid:
		if err := t.addAddress(number, p.account.Int64, a); err != nil {
			return err
		}
	case p.since.Int64 != int64(a.since):
		if err := t.exec("UPDATE addresses SET since = ?1, sum = row_sum(?2, ?3, ?4, ?5, ?1) WHERE number = ?2 AND account = ?3 AND idx = ?4",
			int64(a.since), number, p.account.Int64, int64(a.idx), a.to); err != nil {
			return err
		}
	}
	if p.next.Int64 <= int64(a.idx) {
		if err := t.used(p.account.Int64, int64(a.idx)); err != nil {
			return err
		}
	}
	key := pendingKey{p.account.Int64, int64(a.idx)}
	delete(t.pending, key)
	if p.owner.Valid && (p.owner.Int64 != number || p.free == closed) {
		return nil // nothing new, or the address went on to a later sale
	}
	return t.setIndex(key, null(number), p.free, closed)
}

// release keeps the indices in step that a sale has and names no more.
func (t *sqlTx) release(row saleRow, closed sql.NullInt64) error {
	var all int
	if _, err := t.one([]any{&all}, "SELECT count(*) FROM addresses WHERE number = ?", row.number); err != nil || all == len(row.addresses) {
		return err
	}
	var dropped []pendingKey
	var free []sql.NullInt64
	t.failed = t.s.each(context.Background(), func(scan func(...any) error) error {
		var key pendingKey
		var f sql.NullInt64
		if err := scan(&key.account, &key.idx, &f); err != nil {
			return err
		}
		dropped, free = append(dropped, key), append(free, f)
		return nil
	}, `SELECT i.account, i.idx, i.free FROM addresses a JOIN indices i ON i.account = a.account AND i.idx = a.idx
		WHERE a.number = ?1 AND i.number = ?1 AND i.free IS NOT ?2`, row.number, closed)
	for i, key := range dropped {
		if err := t.setIndex(key, null(row.number), free[i], closed); err != nil {
			return err
		}
	}
	return t.failed
}

// addAddress inserts a showing and decides which one Owner answers: that of the
// highest number.
func (t *sqlTx) addAddress(number, account int64, a addressRow) error {
	var others int
	if _, err := t.one([]any{&others}, `SELECT count(*) FROM
		(SELECT 1 FROM addresses WHERE lower(destination) = lower(?1) AND destination = ?1 LIMIT 1)`, a.to); err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO addresses (number, account, idx, destination, since, newest, sum)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, row_sum(?1, ?2, ?3, ?4, ?5))`,
		number, account, int64(a.idx), a.to, int64(a.since), 1-others); err != nil || others == 0 {
		return err
	}
	return t.exec(`UPDATE addresses SET newest = (number, account, idx) = (
			SELECT a.number, a.account, a.idx FROM addresses a JOIN accounts c ON c.rid = a.account
			WHERE lower(a.destination) = lower(?1) AND a.destination = ?1
			ORDER BY a.number DESC, c.id, a.idx LIMIT 1)
		WHERE lower(destination) = lower(?1) AND destination = ?1`, a.to)
}

func (t *sqlTx) PutPayment(p pos.Payment) error {
	row, err := encodePayment(p)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO payments (network, txid, idx, sale, destination, first_at, json, sum)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (network, txid, idx) DO UPDATE SET sale = excluded.sale, destination = excluded.destination,
			first_at = excluded.first_at, json = excluded.json, sum = excluded.sum`,
		string(row.key.Network), string(row.key.TxID), int64(row.key.Index), row.sale, row.to, row.firstAt, string(row.doc), sum(row.doc))
}

func (t *sqlTx) PutCursor(rail string, c chain.Cursor) error {
	doc, err := encode(c)
	if err != nil {
		return fmt.Errorf("the cursor of %.80q cannot be stored: %w", rail, err)
	}
	return t.exec("INSERT INTO cursors VALUES (?1, ?2, row_sum(?1, ?2)) ON CONFLICT (rail) DO UPDATE SET json = excluded.json, sum = excluded.sum",
		clean(rail), string(doc))
}

func (t *sqlTx) AppendOutbox(c pos.Change) (uint64, error) {
	// Before the counter, so that a change that cannot be written takes no number.
	if _, err := encode(c); err != nil {
		return 0, fmt.Errorf("a change of sale %d cannot be stored: %w", c.Number, err)
	}
	seq, err := t.count("outbox")
	if err != nil {
		return 0, err
	}
	c.Seq = seq
	doc, err := encode(c)
	if err != nil {
		return 0, err
	}
	return seq, t.exec("INSERT INTO outbox VALUES (?, ?, ?)", int64(seq), string(doc), sum(doc))
}

func (t *sqlTx) PutMeta(name, value string) error {
	return t.exec("INSERT INTO meta VALUES (?1, ?2, row_sum(?1, ?2)) ON CONFLICT (name) DO UPDATE SET value = excluded.value, sum = excluded.sum",
		clean(name), clean(value))
}

func (t *sqlTx) Meta(name string) (value string, err error) {
	if err := t.usable(); err != nil {
		return "", err
	}
	value, t.failed = t.s.meta(context.Background(), name)
	return value, t.failed
}
