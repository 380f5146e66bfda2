package store

import (
	"context"
	"fmt"

	"github.com/cointill/till/pos"
)

func (s *session) checkOutbox(ctx context.Context) error {
	last := int64(0)
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
		if seq != last || c.Seq != uint64(last) {
			return damaged(s.path, fmt.Sprintf("change %d is missing, change %d stands in its place", last, seq))
		}
		return nil
	}, "SELECT seq, json, sum FROM outbox ORDER BY seq"); err != nil {
		return err
	}
	return s.checkCounter(ctx, "outbox", last)
}

// checkJournal follows the chain of hashes from the first entry to the last.
func (s *session) checkJournal(ctx context.Context) error {
	var chain pos.Chain
	if err := s.each(ctx, func(scan func(...any) error) error {
		e, _, err := scanEntry(scan)
		switch {
		case err != nil:
			return err
		case e.Seq != chain.Seq+1:
			return damaged(s.path, fmt.Sprintf("entry %d of its journal is missing, entry %d stands in its place", chain.Seq+1, int64(e.Seq)))
		case chain.Add(e) != nil:
			return damaged(s.path, notWritten(e.Seq))
		}
		return nil
	}, "SELECT seq, at, kind, sale, body, hash, NULL FROM journal ORDER BY seq"); err != nil {
		return err
	}
	return s.checkCounter(ctx, "journal", int64(chain.Seq))
}

// checkDeliveries derives every delivery's columns again.
func (s *session) checkDeliveries(ctx context.Context) error {
	if err := s.each(ctx, func(scan func(...any) error) error {
		var row deliveryRow
		var crc int64
		if err := scan(&row.seq, &row.sale, &row.state, &row.next, &row.doc, &crc); err != nil {
			return err
		}
		what := fmt.Sprintf("delivery %d", row.seq)
		var d pos.Delivery
		if err := s.decode(what, row.doc, crc, &d); err != nil {
			return err
		}
		want, err := encodeDelivery(d)
		if err != nil || want.seq != row.seq || want.sale != row.sale || want.state != row.state || want.next != row.next {
			return damaged(s.path, what+" stands under other words than its own")
		}
		return nil
	}, "SELECT seq, sale, state, next, json, sum FROM deliveries"); err != nil {
		return err
	}
	return s.none(ctx, "delivery %s does not wait as it should", `SELECT seq FROM deliveries d WHERE due IS NOT
		CASE WHEN state = 'waiting' AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.sale = d.sale AND b.state = 'waiting' AND b.seq < d.seq)
		THEN next END`, 1)
}
