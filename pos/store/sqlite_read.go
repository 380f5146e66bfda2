package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// record reads a sale and its payments.
func (s *session) record(ctx context.Context, id string) (pos.Record, error) {
	var doc []byte
	var crc int64
	found, err := s.one(ctx, []any{&doc, &crc}, "SELECT json, sum FROM sales WHERE id = ?", id)
	if err != nil {
		return pos.Record{}, err
	}
	if !found {
		return pos.Record{}, fmt.Errorf("%w: %.80q", pos.ErrNoSale, id)
	}
	var r pos.Record
	if err := s.decode("a sale", doc, crc, &r.Sale); err != nil {
		return pos.Record{}, err
	}
	return r, s.payments(ctx, &r)
}

// decode is decode with the name of the file.
func (s *session) decode(what string, doc []byte, crc int64, v any) error {
	if decode(what, doc, crc, v) != nil {
		return damaged(s.path, what+" does not match its check sum")
	}
	return nil
}

func (s *session) payments(ctx context.Context, r *pos.Record) error {
	return s.each(ctx, func(scan func(...any) error) error {
		var doc sql.RawBytes
		var crc int64
		if err := scan(&doc, &crc); err != nil {
			return err
		}
		var p pos.Payment
		if err := s.decode("a payment", doc, crc, &p); err != nil {
			return err
		}
		r.Payments = append(r.Payments, p)
		return nil
	}, "SELECT json, sum FROM payments WHERE sale = ? ORDER BY first_at, rowid", r.Sale.ID)
}

// records reads the sales of a query for (json, sum), with their payments.
func (s *session) records(ctx context.Context, q string, args ...any) ([]pos.Record, error) {
	var records []pos.Record
	err := s.each(ctx, func(scan func(...any) error) error {
		var doc sql.RawBytes
		var crc int64
		if err := scan(&doc, &crc); err != nil {
			return err
		}
		var r pos.Record
		if err := s.decode("a sale", doc, crc, &r.Sale); err != nil {
			return err
		}
		records = append(records, r)
		return nil
	}, q, args...)
	for i := range records {
		if err != nil {
			break
		}
		err = s.payments(ctx, &records[i])
	}
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Sale finds a sale by its id.
func (s *SQLite) Sale(ctx context.Context, id string) (r pos.Record, err error) {
	err = s.look(ctx, func(c *session) error {
		r, err = c.record(ctx, id)
		return err
	})
	return r, err
}

// look runs fn on one state of the file.
func (s *SQLite) look(ctx context.Context, fn func(*session) error) error {
	return s.read(ctx, func(c *session) error {
		return c.snapshot(func() error { return fn(c) })
	})
}

// Sales selects sales, newest first, see [pos.Query].
func (s *SQLite) Sales(ctx context.Context, q pos.Query) (rs []pos.Record, err error) {
	from, args := conditions(q)
	err = s.look(ctx, func(c *session) error {
		rs, err = c.records(ctx, "SELECT json, sum FROM sales WHERE number IN (SELECT number FROM sales"+from+
			" ORDER BY number DESC LIMIT ?) ORDER BY number DESC", append(args, limit(q.Limit))...)
		return err
	})
	return rs, err
}

// matching are the numbers of the sales that a text finds, each by an index.
const matching = `number IN (
	SELECT ?
	UNION ALL SELECT number FROM sales WHERE id = ?
	UNION ALL SELECT number FROM sales WHERE code >= ? AND code < ?
	UNION ALL SELECT number FROM sales WHERE reference <> '' AND reference >= ? AND reference < ?
	UNION ALL SELECT number FROM addresses WHERE lower(destination) >= ? AND lower(destination) < ?
	UNION ALL SELECT s.number FROM payments p JOIN sales s ON s.id = p.sale WHERE lower(p.txid) >= ? AND lower(p.txid) < ?)`

// conditions writes a query as SQL. There are few different texts, which the
// statement cache holds; everything that a person typed is an argument. Which
// index serves is written, not left to the planner, who knows no sizes: the
// text's, else the time's, else the status'. The + keeps the others out.
func conditions(q pos.Query) (from string, args []any) {
	var terms []string
	add := func(term string, a ...any) {
		terms, args = append(terms, term), append(args, a...)
	}
	others := ""
	text, hasText := newSearch(q.Text)
	if hasText {
		others = "+"
		add(matching, text.number, text.id, text.code.from, text.code.to, text.word.from, text.word.to,
			text.key.from, text.key.to, text.key.from, text.key.to)
	} else if !q.From.IsZero() || !q.Until.IsZero() {
		from = " INDEXED BY sales_created"
	}
	if !q.From.IsZero() {
		add(others+"created >= ?", stamp(q.From))
	}
	if !q.Until.IsZero() {
		add(others+"created < ?", stamp(q.Until))
	}
	if q.Status != "" {
		add(others+"status = ?", string(q.Status))
	}
	if q.Before > 0 {
		add(others+"number < ?", int64(min(q.Before, math.MaxInt64)))
	}
	if len(terms) > 0 {
		from += " WHERE " + strings.Join(terms, " AND ")
	}
	return from, args
}

// Open returns every sale that is not closed, oldest first.
func (s *SQLite) Open(ctx context.Context) (rs []pos.Record, err error) {
	err = s.look(ctx, func(c *session) error {
		rs, err = c.records(ctx, "SELECT json, sum FROM sales WHERE closed IS NULL ORDER BY number")
		return err
	})
	return rs, err
}

// owner reads the showing of an address that counts.
const owner = `SELECT a.destination, c.id, s.id, a.since FROM addresses a
	JOIN accounts c ON c.rid = a.account JOIN sales s ON s.number = a.number
	WHERE lower(a.destination) = lower(?1) AND a.destination = ?1 AND a.newest = 1`

// known takes the columns of a Known.
type known struct {
	to, account, sale string
	since             int64
}

func (k *known) dest() []any { return []any{&k.to, &k.account, &k.sale, &k.since} }

func (k *known) known() pos.Known {
	return pos.Known{To: chain.Destination(k.to), Account: k.account, SaleID: k.sale, Since: uint64(k.since)}
}

// Hot returns the addresses of sales that are open or were closed at or after
// since, each once, in no particular order.
func (s *SQLite) Hot(ctx context.Context, since time.Time) (all []pos.Known, err error) {
	err = s.look(ctx, func(c *session) error {
		var again []string // shown for a later sale, too
		done := map[string]bool{}
		if err := c.each(ctx, func(scan func(...any) error) error {
			var k known
			var newest bool
			if err := scan(append(k.dest(), &newest)...); err != nil {
				return err
			}
			if !newest {
				again = append(again, k.to)
			} else if !done[k.to] {
				done[k.to] = true
				all = append(all, k.known())
			}
			return nil
		}, hot, stamp(since)); err != nil {
			return err
		}
		for _, to := range again {
			if done[to] {
				continue
			}
			done[to] = true
			var k known
			if _, err := c.one(ctx, k.dest(), owner, to); err != nil {
				return err
			}
			all = append(all, k.known())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CROSS JOIN keeps the order: from the few hot sales to their addresses.
const hot = `SELECT a.destination, c.id, s.id, a.since, a.newest FROM sales s INDEXED BY sales_open
		CROSS JOIN addresses a ON a.number = s.number CROSS JOIN accounts c ON c.rid = a.account WHERE s.closed IS NULL
	UNION ALL SELECT a.destination, c.id, s.id, a.since, a.newest FROM sales s INDEXED BY sales_closed
		CROSS JOIN addresses a ON a.number = s.number CROSS JOIN accounts c ON c.rid = a.account WHERE s.closed >= ?`

// Owner finds the newest sale that an address was shown for.
func (s *SQLite) Owner(ctx context.Context, to chain.Destination) (pos.Known, bool, error) {
	var k known
	var found bool
	err := s.read(ctx, func(c *session) (err error) {
		found, err = c.one(ctx, k.dest(), owner, string(to))
		return err
	})
	return k.known(), found, err
}

// page is how many addresses are read at a time: between pages nothing is held,
// so that whoever takes hours over a million addresses is in nobody's way.
const page = 1000

// Destinations yields every address ever shown. What is added meanwhile may or
// may not be among them.
func (s *SQLite) Destinations(ctx context.Context) iter.Seq2[pos.Known, error] {
	return func(yield func(pos.Known, error) bool) {
		number, account, idx := int64(-1), int64(0), int64(0)
		for {
			batch := make([]pos.Known, 0, page)
			err := s.read(ctx, func(c *session) error {
				return c.each(ctx, func(scan func(...any) error) error {
					var k known
					if err := scan(append(k.dest(), &number, &account, &idx)...); err != nil {
						return err
					}
					batch = append(batch, k.known())
					return nil
				}, `SELECT a.destination, c.id, s.id, a.since, a.number, a.account, a.idx FROM addresses a
					JOIN accounts c ON c.rid = a.account JOIN sales s ON s.number = a.number
					WHERE (a.number, a.account, a.idx) > (?, ?, ?) AND a.newest = 1
					ORDER BY a.number, a.account, a.idx LIMIT ?`, number, account, idx, page)
			})
			for _, k := range batch {
				if !yield(k, nil) {
					return
				}
			}
			if err != nil {
				yield(pos.Known{}, err)
				return
			}
			if len(batch) < page {
				return
			}
		}
	}
}

// Payment finds a payment by its key.
func (s *SQLite) Payment(ctx context.Context, key chain.PaymentKey) (p pos.Payment, found bool, err error) {
	err = s.read(ctx, func(c *session) error {
		var doc []byte
		var crc int64
		found, err = c.one(ctx, []any{&doc, &crc}, "SELECT json, sum FROM payments WHERE network = ? AND txid = ? AND idx = ?",
			string(key.Network), string(key.TxID), int64(key.Index))
		if err == nil && found {
			err = c.decode("a payment", doc, crc, &p)
		}
		found = found && err == nil
		return err
	})
	return p, found, err
}

// Cursor returns how far a rail was read, zero if it never was.
func (s *SQLite) Cursor(ctx context.Context, rail string) (cur chain.Cursor, err error) {
	err = s.read(ctx, func(c *session) error {
		var doc []byte
		var sound bool
		found, err := c.one(ctx, []any{&doc, &sound}, "SELECT json, sum = "+cursorSum+" FROM cursors WHERE rail = ?", rail)
		if err == nil && found && (!sound || json.Unmarshal(doc, &cur) != nil) {
			err = damaged(c.path, fmt.Sprintf("the cursor of %.80q does not match its check sum", rail))
		}
		return err
	})
	return cur, err
}

// Outbox returns changes after a number, in order.
func (s *SQLite) Outbox(ctx context.Context, after uint64, most int) (changes []pos.Change, err error) {
	err = s.read(ctx, func(c *session) error {
		return c.each(ctx, func(scan func(...any) error) error {
			var doc sql.RawBytes
			var crc int64
			if err := scan(&doc, &crc); err != nil {
				return err
			}
			var ch pos.Change
			if err := c.decode("a change", doc, crc, &ch); err != nil {
				return err
			}
			changes = append(changes, ch)
			return nil
		}, "SELECT json, sum FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", int64(min(after, math.MaxInt64)), limit(most))
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// Meta reads a named value, "" if unset.
func (s *SQLite) Meta(ctx context.Context, name string) (value string, err error) {
	err = s.read(ctx, func(c *session) error {
		value, err = c.meta(ctx, name)
		return err
	})
	return value, err
}

func (s *session) meta(ctx context.Context, name string) (value string, err error) {
	var sound bool
	found, err := s.one(ctx, []any{&value, &sound}, "SELECT value, sum = "+metaSum+" FROM meta WHERE name = ?", name)
	if err == nil && found && !sound {
		err = damaged(s.path, fmt.Sprintf("the value %.80q does not match its check sum", name))
	}
	if err != nil {
		return "", err
	}
	return value, nil
}

// Next is the lowest index of an account that was never used.
func (s *SQLite) Next(ctx context.Context, account string) (uint32, error) {
	var next, guard int64
	err := s.read(ctx, func(c *session) error {
		found, err := c.one(ctx, []any{&next, &guard}, "SELECT next, guard FROM accounts WHERE id = ?", account)
		if err == nil && found && guard != ^next {
			err = damaged(c.path, "a counter of its addresses is wrong")
		}
		return err
	})
	return uint32(min(next, math.MaxUint32)), err
}
