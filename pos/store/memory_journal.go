package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cointill/till/pos"
)

func (t *memTx) Meta(name string) (string, error) {
	if t.over {
		return "", errOver
	}
	return t.m.meta[name], nil
}

func (t *memTx) AppendJournal(e pos.Entry) (pos.Entry, error) {
	if t.over {
		return pos.Entry{}, errOver
	}
	e, err := fitEntry(e)
	if err != nil {
		return pos.Entry{}, err
	}
	var end pos.Chain
	if n := len(t.m.journal); n > 0 {
		end = pos.Chain{Seq: uint64(n), Hash: t.m.journal[n-1].Hash}
	}
	e = follow(end, e)
	assign(t, &t.m.journal, append(t.m.journal, e))
	set(t, t.m.history, e.Sale, append(t.m.history[e.Sale], e.Seq))
	return lend(e), nil
}

// lend is an entry for others, who may do with its body what they like.
func lend(e pos.Entry) pos.Entry {
	e.Body = slices.Clone(e.Body)
	return e
}

// Journal returns entries after a number, in order.
func (m *Memory) Journal(_ context.Context, after uint64, most int) ([]pos.Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, pos.ErrClosed
	}
	var all []pos.Entry
	for after < uint64(len(m.journal)) && len(all) < limit(most) {
		all = append(all, lend(m.journal[after]))
		after++
	}
	return all, nil
}

// History returns all entries of a sale, in order.
func (m *Memory) History(_ context.Context, saleID string) ([]pos.Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, pos.ErrClosed
	}
	var all []pos.Entry
	for _, seq := range m.history[saleID] {
		all = append(all, lend(m.journal[seq-1]))
	}
	return all, nil
}

func (t *memTx) PutDelivery(d pos.Delivery) error {
	if t.over {
		return errOver
	}
	row, err := encodeDelivery(d)
	if err != nil {
		return err
	}
	old, was := t.m.deliveries[row.seq]
	if was && old.sale != row.sale {
		return errOtherSale(row.seq)
	}
	set(t, t.m.deliveries, row.seq, row)
	list := slices.Clone(t.m.waiting[row.sale])
	at, waited := slices.BinarySearch(list, row.seq)
	switch waits := row.state == string(pos.DeliveryWaiting); {
	case waits && !waited:
		set(t, t.m.waiting, row.sale, slices.Insert(list, at, row.seq))
	case !waits && waited:
		set(t, t.m.waiting, row.sale, slices.Delete(list, at, at+1))
	}
	return nil
}

// Deliveries selects deliveries, in order of Seq.
func (m *Memory) Deliveries(_ context.Context, q pos.DeliveryQuery) ([]pos.Delivery, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, pos.ErrClosed
	}
	var rows []deliveryRow
	for _, seq := range slices.Sorted(maps.Keys(m.deliveries)) {
		row := m.deliveries[seq]
		if uint64(seq) > q.After && (q.SaleID == "" || row.sale == q.SaleID) && (q.State == "" || row.state == string(q.State)) {
			rows = append(rows, row)
		}
	}
	return deliveries(rows, q.Limit)
}

// deliveries reads the first rows.
func deliveries(rows []deliveryRow, most int) ([]pos.Delivery, error) {
	var all []pos.Delivery
	for _, row := range rows[:min(len(rows), limit(most))] {
		var d pos.Delivery
		if err := decode("a delivery", row.doc, sum(row.doc), &d); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// Due returns what is to be delivered now, and when there is more, see [pos.Store].
func (m *Memory) Due(_ context.Context, now time.Time, most int) ([]pos.Delivery, time.Time, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, time.Time{}, pos.ErrClosed
	}
	var rows []deliveryRow
	var later time.Time
	for _, list := range m.waiting {
		if len(list) == 0 {
			continue
		}
		row := m.deliveries[list[0]]
		if at := time.Unix(0, row.next).UTC(); row.next <= stamp(now) {
			rows = append(rows, row)
		} else if later.IsZero() || at.Before(later) {
			later = at
		}
	}
	slices.SortFunc(rows, func(a, b deliveryRow) int { return cmp.Or(cmp.Compare(a.next, b.next), cmp.Compare(a.seq, b.seq)) })
	all, err := deliveries(rows, most)
	return all, later, err
}
