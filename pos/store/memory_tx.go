package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// errOver is what a Tx answers after its Write has returned.
var errOver = errors.New("this transaction is over")

// lastIndex is the end of an account without a size: BIP 32's public indices
// are below 2^31.
const lastIndex = 1 << 31

// memTx is a transaction on Memory: it writes at once and remembers how to undo.
type memTx struct {
	m       *Memory
	undo    []func()
	pending map[indexKey]int64 // allocated here, no sale yet: when
	done    bool               // committed
	over    bool
}

// set puts a value into one of the store's maps, undoable.
func set[K comparable, V any](t *memTx, in map[K]V, k K, v V) {
	old, was := in[k]
	t.undo = append(t.undo, func() {
		if was {
			in[k] = old
		} else {
			delete(in, k)
		}
	})
	in[k] = v
}

// assign sets a field of the store, undoable.
func assign[V any](t *memTx, field *V, v V) {
	old := *field
	t.undo = append(t.undo, func() { *field = old })
	*field = v
}

// end undoes everything unless the transaction was done, latest first.
func (t *memTx) end() {
	t.over = true
	if t.done {
		return
	}
	for _, undo := range slices.Backward(t.undo) {
		undo()
	}
}

// settle lets indices that no sale took cool down from when they were given out.
func (t *memTx) settle() {
	for key, at := range t.pending {
		set(t, t.m.indices, key, indexRow{free: at})
	}
}

func (t *memTx) NextIndex(account chain.Account, now time.Time) (uint32, error) {
	if t.over {
		return 0, errOver
	}
	id := clean(account.ID)
	if id == "" {
		return 0, errors.New("an account without an id has no addresses")
	}
	end := uint64(lastIndex)
	if account.Size > 0 {
		end = uint64(account.Size)
	}
	next := max(t.m.next[id], uint64(account.First))
	idx := next
	switch since := before(now, account.Cooldown); {
	case account.Gap > 0:
		idx = t.unpaid(id, since, next, account)
	case account.Cooldown > 0:
		idx = t.cooled(id, since, next)
	}
	if idx >= end {
		return 0, noAddress(account, end)
	}
	key := indexKey{id, uint32(idx)}
	if idx == next {
		set(t, t.m.next, id, idx+1)
	}
	set(t, t.m.indices, key, indexRow{held: true})
	if t.pending == nil {
		t.pending = map[indexKey]int64{}
	}
	t.pending[key] = stamp(now)
	return uint32(idx), nil
}

// cooled is the lowest index that has been free since a time, or else next.
func (t *memTx) cooled(account string, since int64, next uint64) uint64 {
	low := next
	for key, row := range t.m.indices {
		if key.account == account && !row.held && row.free <= since {
			low = min(low, uint64(key.idx))
		}
	}
	return low
}

// unpaid is what sqlTx.unpaid is.
func (t *memTx) unpaid(id string, since int64, next uint64, account chain.Account) uint64 {
	idx, n := next, 0
	for at := next; at > uint64(account.First); {
		at--
		row, ok := t.m.indices[indexKey{id, uint32(at)}]
		if !ok || row.number == 0 || t.m.paid[t.m.shownAt(row.number, id, uint32(at))] > 0 {
			break
		}
		if n++; !row.held && row.free <= since {
			idx = at
		}
	}
	if n < int(account.Gap) {
		return next
	}
	return idx
}

// shownAt is the destination that a sale has at an index.
func (m *Memory) shownAt(number int64, account string, idx uint32) string {
	for _, a := range m.sales[m.numbers[number]].addresses {
		if a.account == account && a.idx == idx {
			return a.to
		}
	}
	return ""
}

func noAddress(account chain.Account, end uint64) error {
	return fmt.Errorf("%w: none of the %d addresses of %.80q is free", pos.ErrNoAddress, end, account.ID)
}

func (t *memTx) NextNumber() (uint64, error) {
	if t.over {
		return 0, errOver
	}
	assign(t, &t.m.number, t.m.number+1)
	return t.m.number, nil
}

func (t *memTx) Sale(id string) (pos.Record, error) {
	if t.over {
		return pos.Record{}, errOver
	}
	return t.m.record(id)
}

func (t *memTx) Paid(to chain.Destination) (bool, error) {
	if t.over {
		return false, errOver
	}
	return t.m.paid[string(to)] > 0, nil
}

func (t *memTx) PutSale(s pos.Sale) error {
	if t.over {
		return errOver
	}
	row, err := encodeSale(s)
	if err != nil {
		return err
	}
	if err := t.mayPut(row); err != nil {
		return err
	}
	// An address once shown stays known, also where the sale names it no more.
	for _, a := range t.m.sales[row.id].addresses {
		if !slices.ContainsFunc(row.addresses, a.same) {
			row.addresses = append(row.addresses, a)
		}
	}
	set(t, t.m.sales, row.id, row)
	set(t, t.m.numbers, row.number, row.id)
	if uint64(row.number) > t.m.number {
		assign(t, &t.m.number, uint64(row.number))
	}
	for _, a := range row.addresses {
		t.show(row, a)
	}
	return nil
}

// mayPut checks what must hold before anything is written.
func (t *memTx) mayPut(row saleRow) error {
	if old, ok := t.m.sales[row.id]; ok && old.number != row.number {
		return errOtherNumber(old.number, row.number)
	}
	if id, ok := t.m.numbers[row.number]; ok && id != row.id {
		return errNumberTaken(row.number)
	}
	had := t.m.sales[row.id].addresses
	for _, a := range row.addresses {
		if i := slices.IndexFunc(had, a.same); i >= 0 {
			if had[i].to != a.to {
				return errOtherAddress(row.number, a)
			}
			continue
		}
		if owner := t.m.indices[indexKey{a.account, a.idx}].number; owner != 0 && owner != row.number {
			return errIndexTaken(a, owner)
		}
	}
	return nil
}

// show records that an address stands on a sale.
func (t *memTx) show(row saleRow, a addressRow) {
	rows, r := slices.Clone(t.m.shown[a.to]), shownRow{row.number, a}
	if at, was := slices.BinarySearchFunc(rows, r, shownRow.compare); was {
		rows[at] = r
	} else {
		rows = slices.Insert(rows, at, r)
	}
	set(t, t.m.shown, a.to, rows)

	key := indexKey{a.account, a.idx}
	if owner := t.m.indices[key].number; owner != 0 && owner != row.number {
		return // the address went on to a later sale
	}
	index := indexRow{number: row.number, held: row.open}
	if !row.open {
		index.free = row.closed
	}
	set(t, t.m.indices, key, index)
	delete(t.pending, key)
	if uint64(a.idx) >= t.m.next[a.account] {
		set(t, t.m.next, a.account, uint64(a.idx)+1)
	}
}

func errOtherNumber(is, want int64) error {
	return fmt.Errorf("sale %d cannot become sale %d: a receipt number stays", is, want)
}

func errNumberTaken(n int64) error {
	return fmt.Errorf("receipt number %d belongs to another sale", n)
}

func errOtherAddress(number int64, a addressRow) error {
	return fmt.Errorf("sale %d has another address at index %d of %.80q already", number, a.idx, a.account)
}

func errIndexTaken(a addressRow, owner int64) error {
	return fmt.Errorf("index %d of %.80q belongs to sale %d", a.idx, a.account, owner)
}

func (t *memTx) PutPayment(p pos.Payment) error {
	if t.over {
		return errOver
	}
	row, err := encodePayment(p)
	if err != nil {
		return err
	}
	old, was := t.m.payments[row.key]
	order := old.order
	if !was {
		assign(t, &t.m.order, t.m.order+1)
		order = t.m.order
	}
	if was {
		set(t, t.m.paid, old.to, t.m.paid[old.to]-1)
		set(t, t.m.ofSale, old.sale, slices.DeleteFunc(slices.Clone(t.m.ofSale[old.sale]),
			func(k chain.PaymentKey) bool { return k == row.key }))
	}
	set(t, t.m.paid, row.to, t.m.paid[row.to]+1)
	set(t, t.m.ofSale, row.sale, append(slices.Clone(t.m.ofSale[row.sale]), row.key))
	set(t, t.m.payments, row.key, memPayment{row, order})
	return nil
}

func (t *memTx) PutCursor(rail string, c chain.Cursor) error {
	if t.over {
		return errOver
	}
	doc, err := encode(c)
	if err != nil {
		return fmt.Errorf("the cursor of %.80q cannot be stored: %w", rail, err)
	}
	set(t, t.m.cursors, clean(rail), doc)
	return nil
}

func (t *memTx) AppendOutbox(c pos.Change) (uint64, error) {
	if t.over {
		return 0, errOver
	}
	c.Seq = t.m.seq + 1
	doc, err := encode(c)
	if err != nil {
		return 0, fmt.Errorf("a change of sale %d cannot be stored: %w", c.Number, err)
	}
	assign(t, &t.m.seq, c.Seq)
	set(t, t.m.outbox, c.Seq, doc)
	return c.Seq, nil
}

func (t *memTx) PutMeta(name, value string) error {
	if t.over {
		return errOver
	}
	set(t, t.m.meta, clean(name), clean(value))
	return nil
}
