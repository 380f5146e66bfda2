package store

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var _ pos.Store = (*Memory)(nil)

// Memory is a store that forgets with its process: for the demo, for training
// and for tests. It keeps documents, not values, so nothing that was put or
// handed out shares memory with it, and what JSON would lose is lost here too.
type Memory struct {
	writing chan struct{} // one token: who writes

	mu     sync.RWMutex // guards the fields below
	closed bool

	number   uint64 // last receipt number
	seq      uint64 // last outbox row
	sales    map[string]saleRow
	numbers  map[int64]string      // to id
	shown    map[string][]shownRow // by destination, the one that Owner answers last
	next     map[string]uint64     // by account: lowest index never used
	indices  map[indexKey]indexRow
	payments map[chain.PaymentKey]memPayment
	ofSale   map[string][]chain.PaymentKey // by sale id, in the order first stored
	paid     map[string]int                // payments by destination
	order    int                           // counts payments
	cursors  map[string][]byte
	meta     map[string]string
	outbox   map[uint64][]byte // by number

	journal    []pos.Entry         // entry n at n-1; what stands there is never changed
	history    map[string][]uint64 // by sale id: numbers of its entries
	deliveries map[int64]deliveryRow
	waiting    map[string][]int64 // by sale id: its deliveries that wait, in order
}

// shownRow is one showing of an address.
type shownRow struct {
	number int64
	addressRow
}

func (r shownRow) compare(other shownRow) int {
	return cmp.Or(cmp.Compare(r.number, other.number), cmp.Compare(other.account, r.account), cmp.Compare(other.idx, r.idx))
}

type indexKey struct {
	account string
	idx     uint32
}

// indexRow is who has an index: the last sale, 0 while there is none yet, and
// since when it is free, if it is.
type indexRow struct {
	number int64
	held   bool
	free   int64 // stamp, where not held
}

type memPayment struct {
	paymentRow
	order int
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{
		writing: make(chan struct{}, 1),
		sales:   map[string]saleRow{}, numbers: map[int64]string{},
		shown: map[string][]shownRow{}, next: map[string]uint64{}, indices: map[indexKey]indexRow{},
		payments: map[chain.PaymentKey]memPayment{}, ofSale: map[string][]chain.PaymentKey{}, paid: map[string]int{},
		cursors: map[string][]byte{}, meta: map[string]string{}, outbox: map[uint64][]byte{},
		history: map[string][]uint64{}, deliveries: map[int64]deliveryRow{}, waiting: map[string][]int64{},
	}
}

// Write runs fn in a transaction, see [pos.Store].
func (m *Memory) Write(ctx context.Context, fn func(pos.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case m.writing <- struct{}{}:
	}
	defer func() { <-m.writing }()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return pos.ErrClosed
	}
	tx := &memTx{m: m}
	// Runs on a panic and on Goexit, too: then done is still false.
	defer tx.end()
	if err := fn(tx); err != nil {
		return err
	}
	tx.settle()
	tx.done = true
	return nil
}

// Sale finds a sale by its id.
func (m *Memory) Sale(_ context.Context, id string) (pos.Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return pos.Record{}, pos.ErrClosed
	}
	return m.record(id)
}

func (m *Memory) record(id string) (pos.Record, error) {
	row, ok := m.sales[id]
	if !ok {
		return pos.Record{}, fmt.Errorf("%w: %.80q", pos.ErrNoSale, id)
	}
	return m.load(row)
}

func (m *Memory) load(row saleRow) (pos.Record, error) {
	var r pos.Record
	if err := decode("a sale", row.doc, sum(row.doc), &r.Sale); err != nil {
		return pos.Record{}, err
	}
	rows := make([]memPayment, 0, len(m.ofSale[row.id]))
	for _, key := range m.ofSale[row.id] {
		rows = append(rows, m.payments[key])
	}
	slices.SortFunc(rows, func(a, b memPayment) int {
		return cmp.Or(cmp.Compare(a.firstAt, b.firstAt), cmp.Compare(a.order, b.order))
	})
	for _, p := range rows {
		var v pos.Payment
		if err := decode("a payment", p.doc, sum(p.doc), &v); err != nil {
			return pos.Record{}, err
		}
		r.Payments = append(r.Payments, v)
	}
	return r, nil
}

// Sales selects sales, newest first, see [pos.Query].
func (m *Memory) Sales(ctx context.Context, q pos.Query) ([]pos.Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	text, hasText := newSearch(q.Text)
	return m.collect(ctx, func(row saleRow) bool {
		switch {
		case q.Before > 0 && uint64(row.number) >= q.Before,
			q.Status != "" && row.status != string(q.Status),
			!q.From.IsZero() && row.created < stamp(q.From),
			!q.Until.IsZero() && row.created >= stamp(q.Until),
			hasText && !m.matches(row, text):
			return false
		}
		return true
	}, func(a, b saleRow) int { return cmp.Compare(b.number, a.number) }, limit(q.Limit))
}

func (m *Memory) matches(row saleRow, s search) bool {
	if row.number == s.number || row.id == s.id || s.code.has(row.code) || row.reference != "" && s.word.has(row.reference) {
		return true
	}
	for _, a := range row.addresses {
		if s.key.has(lower(a.to)) {
			return true
		}
	}
	return slices.ContainsFunc(m.ofSale[row.id], func(k chain.PaymentKey) bool { return s.key.has(lower(string(k.TxID))) })
}

// Open returns every sale that is not closed, oldest first.
func (m *Memory) Open(ctx context.Context) ([]pos.Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.collect(ctx, func(row saleRow) bool { return row.open },
		func(a, b saleRow) int { return cmp.Compare(a.number, b.number) }, len(m.sales))
}

func (m *Memory) collect(ctx context.Context, keep func(saleRow) bool, order func(a, b saleRow) int, most int) ([]pos.Record, error) {
	if m.closed {
		return nil, pos.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var rows []saleRow
	for _, row := range m.sales {
		if keep(row) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, order)
	records := make([]pos.Record, 0, min(len(rows), most))
	for _, row := range rows[:min(len(rows), most)] {
		r, err := m.load(row)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// Hot returns the addresses of sales that are open or were closed at or after
// since, each once, in no particular order.
func (m *Memory) Hot(_ context.Context, since time.Time) ([]pos.Known, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, pos.ErrClosed
	}
	from := stamp(since)
	return m.known(func(row saleRow) bool { return row.open || row.closed >= from }), nil
}

// Destinations yields every address ever shown, as of the call.
func (m *Memory) Destinations(ctx context.Context) iter.Seq2[pos.Known, error] {
	return func(yield func(pos.Known, error) bool) {
		m.mu.RLock()
		all, closed := m.known(func(saleRow) bool { return true }), m.closed
		m.mu.RUnlock()
		if closed {
			yield(pos.Known{}, pos.ErrClosed)
			return
		}
		for _, k := range all {
			if err := ctx.Err(); err != nil {
				yield(pos.Known{}, err)
				return
			}
			if !yield(k, nil) {
				return
			}
		}
	}
}

// known lists the addresses of the sales that keep says, each once.
func (m *Memory) known(keep func(saleRow) bool) []pos.Known {
	var all []pos.Known
	done := map[string]bool{}
	for _, number := range slices.Sorted(maps.Keys(m.numbers)) {
		row := m.sales[m.numbers[number]]
		if !keep(row) {
			continue
		}
		for _, a := range row.addresses {
			if !done[a.to] {
				done[a.to] = true
				all = append(all, m.newest(a.to))
			}
		}
	}
	return all
}

func (m *Memory) newest(to string) pos.Known {
	rows := m.shown[to]
	r := rows[len(rows)-1]
	return pos.Known{To: chain.Destination(r.to), Account: r.account, SaleID: m.numbers[r.number], Since: r.since}
}

// Owner finds the newest sale that an address was shown for.
func (m *Memory) Owner(_ context.Context, to chain.Destination) (pos.Known, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return pos.Known{}, false, pos.ErrClosed
	}
	if len(m.shown[string(to)]) == 0 {
		return pos.Known{}, false, nil
	}
	return m.newest(string(to)), true, nil
}

// Payment finds a payment by its key.
func (m *Memory) Payment(_ context.Context, key chain.PaymentKey) (pos.Payment, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return pos.Payment{}, false, pos.ErrClosed
	}
	row, ok := m.payments[key]
	if !ok {
		return pos.Payment{}, false, nil
	}
	var p pos.Payment
	err := decode("a payment", row.doc, sum(row.doc), &p)
	return p, err == nil, err
}

// Cursor returns how far a rail was read, zero if it never was.
func (m *Memory) Cursor(_ context.Context, rail string) (chain.Cursor, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var c chain.Cursor
	if m.closed {
		return c, pos.ErrClosed
	}
	doc, ok := m.cursors[rail]
	if !ok {
		return c, nil
	}
	return c, decode("a cursor", doc, sum(doc), &c)
}

// Next is the lowest index of an account that was never used.
func (m *Memory) Next(_ context.Context, account string) (uint32, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return 0, pos.ErrClosed
	}
	return uint32(min(m.next[account], math.MaxUint32)), nil
}

// Outbox returns changes after a number, in order.
func (m *Memory) Outbox(_ context.Context, after uint64, most int) ([]pos.Change, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, pos.ErrClosed
	}
	var changes []pos.Change
	for after < m.seq && len(changes) < limit(most) {
		after++
		var c pos.Change
		if err := decode("a change", m.outbox[after], sum(m.outbox[after]), &c); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// Meta reads a named value, "" if unset.
func (m *Memory) Meta(_ context.Context, name string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return "", pos.ErrClosed
	}
	return m.meta[name], nil
}

// Close forgets nothing, but ends the use of the store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
