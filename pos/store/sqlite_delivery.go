package store

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"time"

	"github.com/cointill/till/pos"
)

// firstWaiting is the delivery of a sale that goes out next: the others of the
// sale wait for it.
const firstWaiting = "(SELECT seq FROM deliveries WHERE sale = ?1 AND state = 'waiting' ORDER BY seq LIMIT 1)"

// PutDelivery inserts or replaces a delivery. The column due is kept for the
// first of each sale that waits, so that Due walks past nothing that waits for
// another.
func (t *sqlTx) PutDelivery(d pos.Delivery) error {
	if err := t.usable(); err != nil {
		return err
	}
	row, err := encodeDelivery(d)
	if err != nil {
		return err
	}
	var sale sql.NullString
	var first sql.NullInt64
	if _, err := t.one([]any{&first, &sale}, "SELECT "+firstWaiting+", (SELECT sale FROM deliveries WHERE seq = ?2)", row.sale, row.seq); err != nil {
		return err
	}
	if sale.Valid && sale.String != row.sale {
		return errOtherSale(row.seq)
	}
	if err := t.exec(`INSERT INTO deliveries (seq, sale, state, next, json, sum) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (seq) DO UPDATE SET state = excluded.state, next = excluded.next, json = excluded.json, sum = excluded.sum`,
		row.seq, row.sale, row.state, row.next, string(row.doc), sum(row.doc)); err != nil {
		return err
	}
	return t.exec("UPDATE deliveries SET due = iif(seq = "+firstWaiting+", next, NULL) WHERE seq IN (?2, ?3, "+firstWaiting+")",
		row.sale, row.seq, first)
}

func (s *session) deliveries(ctx context.Context, q string, args ...any) (all []pos.Delivery, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var doc sql.RawBytes
		var crc int64
		if err := scan(&doc, &crc); err != nil {
			return err
		}
		var d pos.Delivery
		if err := s.decode("a delivery", doc, crc, &d); err != nil {
			return err
		}
		all = append(all, d)
		return nil
	}, q, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// deliveriesOf writes a query as SQL. As in conditions, which index serves is
// written and not left to the planner: few wait and few failed, so where that is
// asked, an index of just these.
func deliveriesOf(q pos.DeliveryQuery) (text string, args []any) {
	from, terms := "", []string{"seq > ?"}
	args = append(args, int64(min(q.After, math.MaxInt64)))
	if q.SaleID != "" {
		from, terms, args = " INDEXED BY deliveries_sale", append(terms, "sale = ?"), append(args, q.SaleID)
	}
	if q.State != "" {
		if terms, args = append(terms, "state = ?"), append(args, string(q.State)); q.State != pos.DeliveryDone && q.SaleID == "" {
			from, terms = " INDEXED BY deliveries_open", append(terms, "state <> 'done'")
		}
	}
	return "SELECT json, sum FROM deliveries" + from + " WHERE " + strings.Join(terms, " AND ") + " ORDER BY seq LIMIT ?", append(args, limit(q.Limit))
}

// Deliveries selects deliveries, in order of Seq.
func (s *SQLite) Deliveries(ctx context.Context, q pos.DeliveryQuery) (all []pos.Delivery, err error) {
	text, args := deliveriesOf(q)
	err = s.read(ctx, func(c *session) error {
		all, err = c.deliveries(ctx, text, args...)
		return err
	})
	return all, err
}

const (
	due      = "SELECT json, sum FROM deliveries INDEXED BY deliveries_due WHERE due <= ? ORDER BY due, seq LIMIT ?"
	dueLater = "SELECT min(due) FROM deliveries INDEXED BY deliveries_due WHERE due > ?"
)

// Due returns what is to be delivered now, and when there is more, see [pos.Store].
func (s *SQLite) Due(ctx context.Context, now time.Time, most int) (all []pos.Delivery, later time.Time, err error) {
	err = s.look(ctx, func(c *session) error {
		if all, err = c.deliveries(ctx, due, stamp(now), limit(most)); err != nil {
			return err
		}
		var at sql.NullInt64
		_, err := c.one(ctx, []any{&at}, dueLater, stamp(now))
		if at.Valid {
			later = time.Unix(0, at.Int64).UTC()
		}
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return all, later, nil
}
