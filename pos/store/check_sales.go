package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/cointill/till/pos"
)

// checkAccounts comes before what points at accounts: whoever is missing is
// named by its own row.
func (s *session) checkAccounts(ctx context.Context) error {
	count, err := s.count(ctx, "accounts")
	if err != nil {
		return err
	}
	return s.each(ctx, func(scan func(...any) error) error {
		var rid, next, guard int64
		var id string
		var sound bool
		if err := scan(&rid, &id, &next, &guard, &sound); err != nil {
			return err
		}
		if !sound || rid < 1 || rid > count {
			return damaged(s.path, fmt.Sprintf("the account %.100q does not match its check sum, or another is missing", id))
		}
		if guard != ^next {
			return damaged(s.path, fmt.Sprintf("the counter of addresses of the account %.100q is wrong", id))
		}
		return nil
	}, "SELECT rid, id, next, guard, sum = "+accountSum+" FROM accounts")
}

// count is the number of rows of a table. Where they are numbered without gaps,
// one that is beyond it got there by damage.
func (s *session) count(ctx context.Context, table string) (n int64, err error) {
	_, err = s.one(ctx, []any{&n}, "SELECT count(*) FROM "+table)
	return n, err
}

// checkSales derives every sale's columns again.
func (s *session) checkSales(ctx context.Context) error {
	newest := int64(0)
	if err := s.each(ctx, func(scan func(...any) error) error {
		var row saleRow
		var closed sql.NullInt64
		var crc int64
		if err := scan(&row.number, &row.id, &row.code, &row.reference, &row.status, &row.created, &closed, &row.doc, &crc); err != nil {
			return err
		}
		newest = row.number
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
	}, "SELECT number, id, code, reference, status, created, closed, json, sum FROM sales ORDER BY number"); err != nil {
		return err
	}
	return s.none(ctx, "its counter %s is wrong", "SELECT name FROM counters WHERE name = 'number' AND value < ?", 1, newest)
}

// checkAddressesOf looks up every address that a sale names.
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
			return damaged(s.path, fmt.Sprintf("address %d of %.100q, shown for sale %d, is missing or another", a.idx, a.account, row.number))
		}
	}
	return nil
}

// checkAddresses looks at every showing, also at those that their sale names no
// more.
func (s *session) checkAddresses(ctx context.Context) error {
	if err := s.none(ctx, "address %s of %s, shown for sale %s, does not match its check sum",
		`SELECT idx, coalesce(c.id, account), number FROM addresses a LEFT JOIN accounts c ON c.rid = a.account WHERE a.sum <> `+addressSum, 3); err != nil {
		return err
	}
	return s.none(ctx, "the address %s is marked as another sale's than sale %s's", `SELECT destination, max(number) FROM addresses
		GROUP BY destination HAVING sum(newest) <> 1 OR min(newest) < 0 OR max(number) <> max(number * newest)`, 2)
}

// checkIndices compares who was shown an address with who has it.
func (s *session) checkIndices(ctx context.Context) error {
	for _, c := range []struct{ what, q string }{
		{"index %s of %s does not match its check sum", `SELECT idx, coalesce(c.id, account) FROM indices i LEFT JOIN accounts c ON c.rid = i.account
			WHERE i.sum <> ` + indexSum},
		{"index %s of %s was shown and is not taken", `SELECT a.idx, c.id FROM addresses a JOIN accounts c ON c.rid = a.account
			LEFT JOIN indices i ON i.account = a.account AND i.idx = a.idx WHERE i.idx IS NULL`},
		{"index %s of %s is not held or free as its sale says", `SELECT i.idx, c.id FROM indices i JOIN accounts c ON c.rid = i.account
			JOIN sales s ON s.number = i.number WHERE i.free IS NOT s.closed`},
		{"index %s of %s has a sale that did not show it", `SELECT i.idx, c.id FROM indices i JOIN accounts c ON c.rid = i.account
			LEFT JOIN addresses a ON a.number = i.number AND a.account = i.account AND a.idx = i.idx
			WHERE i.number IS NOT NULL AND a.number IS NULL`},
		{"index %s of %s is taken and not counted", `SELECT i.idx, c.id FROM indices i JOIN accounts c ON c.rid = i.account WHERE i.idx >= c.next`},
	} {
		if err := s.none(ctx, c.what, c.q, 2); err != nil {
			return err
		}
	}
	return nil
}

// checkFrees compares every level of the tree with the one below.
func (s *session) checkFrees(ctx context.Context) error {
	const what = "block %s of level %s of the free addresses of account %s (%s) is wrong"
	below := "SELECT account, idx AS pos, free FROM indices WHERE free IS NOT NULL"
	for level := 1; level <= root; level++ {
		q := fmt.Sprintf(`WITH want AS (SELECT account, pos >> %d AS pos, min(free) AS free FROM (%s) GROUP BY 1, 2),
			got AS (SELECT account, pos, free FROM frees WHERE level = %d),
			wrong AS (SELECT * FROM (SELECT * FROM got EXCEPT SELECT * FROM want) UNION ALL SELECT * FROM (SELECT * FROM want EXCEPT SELECT * FROM got))
			SELECT w.pos, %d, w.account, c.id FROM wrong w LEFT JOIN accounts c ON c.rid = w.account`, fanBits, below, level, level)
		if err := s.none(ctx, what, q, 4); err != nil {
			return err
		}
		below = fmt.Sprintf("SELECT account, pos, free FROM frees WHERE level = %d", level)
	}
	return s.none(ctx, what, `SELECT f.pos, f.level, f.account, c.id FROM frees f LEFT JOIN accounts c ON c.rid = f.account
		WHERE f.level < 1 OR f.level > ?`, 4, root)
}

// checkPayments derives every payment's columns again. Their order among equals
// is that of rowid, which counts without gaps.
func (s *session) checkPayments(ctx context.Context) error {
	count, err := s.count(ctx, "payments")
	if err != nil {
		return err
	}
	return s.each(ctx, func(scan func(...any) error) error {
		var row paymentRow
		var doc []byte
		var rowid, idx, crc int64
		if err := scan(&rowid, &row.key.Network, &row.key.TxID, &idx, &row.sale, &row.to, &row.firstAt, &doc, &crc); err != nil {
			return err
		}
		row.key.Index = uint32(idx)
		what := fmt.Sprintf("payment %.200q", row.key)
		var p pos.Payment
		if err := s.decode(what, doc, crc, &p); err != nil {
			return err
		}
		want, err := encodePayment(p)
		if err != nil || want.key != row.key || int64(want.key.Index) != idx || want.sale != row.sale || want.to != row.to || want.firstAt != row.firstAt {
			return damaged(s.path, what+" stands under other words than its own")
		}
		if rowid < 1 || rowid > count {
			return damaged(s.path, what+" is not in its place, or another is missing")
		}
		return nil
	}, "SELECT rowid, network, txid, idx, sale, destination, first_at, json, sum FROM payments")
}
