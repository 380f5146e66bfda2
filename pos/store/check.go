package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/cointill/till/pos"
)

// Check reads the whole store and compares everything that is in it twice: the
// pages with each other, documents with their check sums, columns and addresses
// with the documents, counters with what they count. It fails with
// pos.ErrDamaged and what it found first. It takes seconds where there are many
// sales, and writers are not kept waiting; run it behind the first screen.
func (s *SQLite) Check(ctx context.Context) error {
	// A connection of its own: the readers stay free for the screens.
	c, err := s.dialR(ctx)
	if err != nil {
		return err
	}
	err = c.snapshot(func() error {
		for _, check := range []func(context.Context) error{
			c.checkPages, c.checkSchema, c.checkSales, c.checkIndices, c.checkPayments, c.checkOutbox, c.checkSmall, c.checkFrees,
		} {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if cerr := c.close(); err == nil {
		err = cerr
	}
	return err
}

func (s *session) checkPages(ctx context.Context) error {
	var result string
	if _, err := s.one(ctx, []any{&result}, "PRAGMA integrity_check(1)"); err != nil {
		return err
	}
	if result != "ok" {
		return damaged(s.path, "its pages do not fit together")
	}
	return s.none(ctx, "a row points at nothing", "SELECT 1 FROM pragma_foreign_key_check")
}

// none fails if a query finds anything.
func (s *session) none(ctx context.Context, what, q string, args ...any) error {
	found, err := s.one(ctx, []any{new(any)}, q, args...)
	if err == nil && found {
		err = damaged(s.path, what)
	}
	return err
}

// checkSchema compares the tables with those of a new store.
func (s *session) checkSchema(ctx context.Context) error {
	fresh, err := dial(ctx, ":memory:", nil, memoryFile)
	if err != nil {
		return err
	}
	defer func() { _ = fresh.close() }()
	if err := fresh.migrate(0); err != nil {
		return err
	}
	want, err := fresh.schema(ctx)
	if err != nil {
		return err
	}
	got, err := s.schema(ctx)
	if err == nil && !slices.Equal(got, want) {
		err = damaged(s.path, "its tables are not as till made them")
	}
	return err
}

var memoryFile = map[string][]string{"mode": {"memory"}}

func (s *session) schema(ctx context.Context) (all []string, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var kind, name, table string
		var text sql.NullString
		if err := scan(&kind, &name, &table, &text); err != nil {
			return err
		}
		all = append(all, strings.Join([]string{kind, name, table, text.String}, "\x00"))
		return nil
	}, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
	return all, err
}

// checkSales derives every sale's columns again.
func (s *session) checkSales(ctx context.Context) error {
	return s.each(ctx, func(scan func(...any) error) error {
		var row saleRow
		var closed sql.NullInt64
		var crc int64
		if err := scan(&row.number, &row.id, &row.code, &row.reference, &row.status, &row.created, &closed, &row.doc, &crc); err != nil {
			return err
		}
		what := fmt.Sprintf("sale %d", row.number)
		var sale pos.Sale
		if err := s.decode(what, row.doc, crc, &sale); err != nil {
			return err
		}
		want, err := encodeSale(sale)
		if err != nil || want.number != row.number || want.id != row.id || want.code != row.code || want.reference != row.reference ||
			want.status != row.status || want.created != row.created || want.open == closed.Valid || closed.Valid && want.closed != closed.Int64 {
			return damaged(s.path, what+" stands under other words than its own")
		}
		return s.checkAddressesOf(ctx, want)
	}, "SELECT number, id, code, reference, status, created, closed, json, sum FROM sales")
}

// checkAddressesOf looks up every address that a sale names. Showings that
// their sale names no more are compared with nothing.
func (s *session) checkAddressesOf(ctx context.Context, row saleRow) error {
	for _, a := range row.addresses {
		var to string
		var since int64
		found, err := s.one(ctx, []any{&to, &since}, `SELECT a.destination, a.since FROM addresses a JOIN accounts c ON c.rid = a.account
			WHERE a.number = ? AND c.id = ? AND a.idx = ?`, row.number, a.account, int64(a.idx))
		if err != nil {
			return err
		}
		if !found || to != a.to || uint64(since) != a.since {
			return damaged(s.path, fmt.Sprintf("an address of sale %d is missing", row.number))
		}
	}
	return nil
}

// checkIndices compares who was shown an address with who has it.
func (s *session) checkIndices(ctx context.Context) error {
	for what, q := range map[string]string{
		"an index has no sale": `SELECT 1 FROM addresses a LEFT JOIN indices i ON i.account = a.account AND i.idx = a.idx
			WHERE i.idx IS NULL`,
		"an index is held by the wrong sale": `SELECT 1 FROM indices i JOIN sales s ON s.number = i.number WHERE i.free IS NOT s.closed`,
		"an index lost its sale": `SELECT 1 FROM indices i
			LEFT JOIN addresses a ON a.number = i.number AND a.account = i.account AND a.idx = i.idx
			WHERE i.number IS NOT NULL AND a.number IS NULL`,
		"a counter of its addresses is wrong": `SELECT 1 FROM accounts c WHERE c.guard <> ~c.next
			OR EXISTS (SELECT 1 FROM indices i WHERE i.account = c.rid AND i.idx >= c.next)`,
		"an address has no newest sale": `SELECT 1 FROM addresses GROUP BY destination HAVING sum(newest) <> 1 OR max(number) <> max(number * newest)`,
	} {
		if err := s.none(ctx, what, q); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) checkPayments(ctx context.Context) error {
	return s.each(ctx, func(scan func(...any) error) error {
		var row paymentRow
		var doc []byte
		var crc int64
		if err := scan(&row.key.Network, &row.key.TxID, &row.key.Index, &row.sale, &row.to, &row.firstAt, &doc, &crc); err != nil {
			return err
		}
		what := fmt.Sprintf("payment %.200q", row.key)
		var p pos.Payment
		if err := s.decode(what, doc, crc, &p); err != nil {
			return err
		}
		want, err := encodePayment(p)
		if err != nil || want.key != row.key || want.sale != row.sale || want.to != row.to || want.firstAt != row.firstAt {
			return damaged(s.path, what+" stands under other words than its own")
		}
		return nil
	}, "SELECT network, txid, idx, sale, destination, first_at, json, sum FROM payments")
}

func (s *session) checkOutbox(ctx context.Context) error {
	last := uint64(0)
	if err := s.each(ctx, func(scan func(...any) error) error {
		var seq, crc int64
		var doc []byte
		if err := scan(&seq, &doc, &crc); err != nil {
			return err
		}
		last++
		var c pos.Change
		if err := s.decode(fmt.Sprintf("change %d", seq), doc, crc, &c); err != nil {
			return err
		}
		if uint64(seq) != last || c.Seq != last {
			return damaged(s.path, fmt.Sprintf("change %d is missing", last))
		}
		return nil
	}, "SELECT seq, json, sum FROM outbox ORDER BY seq"); err != nil {
		return err
	}
	return s.none(ctx, "its counter of changes is wrong",
		"SELECT 1 FROM counters WHERE guard <> ~value OR name = 'outbox' AND value <> ?", int64(last))
}

// checkSmall looks at what there is little of: meta, cursors, counters.
func (s *session) checkSmall(ctx context.Context) error {
	for _, q := range []string{"SELECT name, value, sum FROM meta", "SELECT rail, json, sum FROM cursors"} {
		if err := s.each(ctx, func(scan func(...any) error) error {
			var name string
			var doc []byte
			var crc int64
			if err := scan(&name, &doc, &crc); err != nil {
				return err
			}
			if sum(doc) != crc {
				return damaged(s.path, fmt.Sprintf("%.80q does not match its check sum", name))
			}
			return nil
		}, q); err != nil {
			return err
		}
	}
	if err := s.none(ctx, "its counter of sales is wrong",
		"SELECT 1 FROM counters WHERE name = 'number' AND value < (SELECT coalesce(max(number), 0) FROM sales)"); err != nil {
		return err
	}
	return s.none(ctx, "its counters are missing", "SELECT 1 WHERE (SELECT count(*) FROM counters) <> 3")
}

// checkFrees compares every level of the tree with the one below.
func (s *session) checkFrees(ctx context.Context) error {
	below := "SELECT account, idx AS pos, free FROM indices WHERE free IS NOT NULL"
	for level := 1; level <= root; level++ {
		q := fmt.Sprintf(`WITH want AS (SELECT account, pos >> %d AS pos, min(free) AS free FROM (%s) GROUP BY 1, 2),
			got AS (SELECT account, pos, free FROM frees WHERE level = %d)
			SELECT 1 FROM (SELECT * FROM want EXCEPT SELECT * FROM got) UNION ALL SELECT 1 FROM (SELECT * FROM got EXCEPT SELECT * FROM want)`,
			fanBits, below, level)
		if err := s.none(ctx, "its list of free addresses is wrong", q); err != nil {
			return err
		}
		below = fmt.Sprintf("SELECT account, pos, free FROM frees WHERE level = %d", level)
	}
	return s.none(ctx, "its list of free addresses is wrong", "SELECT 1 FROM frees WHERE level < 1 OR level > ?", root)
}
