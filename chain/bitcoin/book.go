package bitcoin

import (
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// Bounds on what strangers can make a watcher remember: unconfirmed
// transactions cost nothing to invent.
const (
	maxOpen          = 4096 // unconfirmed payments in all
	maxOpenPerTarget = 64
	maxRivals        = 8 // other spenders remembered per payment
)

// record is one transaction that pays watched addresses.
type record struct {
	txid    chainhash.Hash
	tx      *wire.MsgTx
	outputs []output

	block  chain.BlockRef // where it is mined; zero = not
	seenAt time.Time      // zero = never seen unconfirmed
	gone   bool           // dropped or replaced

	// Revs of the last event of each sort, to tell after a crash which of them
	// the register has.
	seenRev, goneRev, inRev uint64

	// Evidence, not kept over restarts.
	proof     chain.Proof
	offered   map[string]string // announcer's address -> its network group
	told      time.Time         // last Seen or Evidence …
	toldProof chain.Proof       // … and what it said
	rivals    map[chainhash.Hash]map[string]bool
	rivalled  bool // Conflict was reported
}

// open tells whether the payment waits to be mined.
func (r *record) open() bool { return r.block.IsZero() && !r.gone }

// book holds the transactions that pay us: those that wait, and those in the
// blocks of the ring. The relay adds to it from its own goroutines.
type book struct {
	mu     sync.Mutex
	txs    map[chainhash.Hash]*record
	spends map[wire.OutPoint][]*record // inputs of open records
	opened int
	per    map[chain.Destination]int
}

func newBook() *book {
	return &book{txs: map[chainhash.Hash]*record{}, spends: map[wire.OutPoint][]*record{}, per: map[chain.Destination]int{}}
}

func (b *book) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh := newBook()
	b.txs, b.spends, b.opened, b.per = fresh.txs, fresh.spends, 0, fresh.per
}

// unjam frees the lock after a fault in whoever held it. Nobody else of the run
// is left by then; a look-up holds it for a moment only.
func (b *book) unjam() {
	for range 100 {
		if b.mu.TryLock() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.mu.Unlock()
}

// The methods below want mu held.

// index makes an open record's inputs known.
func (b *book) index(r *record) {
	b.opened++
	for _, out := range r.outputs {
		b.per[out.to]++
	}
	for _, in := range r.tx.TxIn {
		b.spends[in.PreviousOutPoint] = append(b.spends[in.PreviousOutPoint], r)
	}
}

// unindex undoes index, when a record is mined or gone.
func (b *book) unindex(r *record) {
	b.opened--
	for _, out := range r.outputs {
		if b.per[out.to]--; b.per[out.to] <= 0 {
			delete(b.per, out.to)
		}
	}
	for _, in := range r.tx.TxIn {
		rest := slices.DeleteFunc(b.spends[in.PreviousOutPoint], func(other *record) bool { return other == r })
		if len(rest) == 0 {
			delete(b.spends, in.PreviousOutPoint)
		} else {
			b.spends[in.PreviousOutPoint] = rest
		}
	}
}

// room tells whether another unconfirmed payment may be remembered.
func (b *book) room(outputs []output) bool {
	if b.opened >= maxOpen {
		return false
	}
	for _, out := range outputs {
		if b.per[out.to] >= maxOpenPerTarget {
			return false
		}
	}
	return true
}

// crowded returns the open record that nobody vouches for most, to make room.
func (b *book) crowded(outputs []output) *record {
	var weakest *record
	for _, r := range b.txs {
		if !r.open() || len(r.offered) > 1 {
			continue
		}
		if b.opened < maxOpen && !sharesTarget(r, outputs) {
			continue
		}
		if weakest == nil || r.seenAt.Before(weakest.seenAt) {
			weakest = r
		}
	}
	return weakest
}

func sharesTarget(r *record, outputs []output) bool {
	for _, a := range r.outputs {
		for _, b := range outputs {
			if a.to == b.to {
				return true
			}
		}
	}
	return false
}

// merge adds outputs that r does not have yet, as when one of its other
// addresses came to be watched later.
func (r *record) merge(outputs []output) {
	for _, out := range outputs {
		if !slices.ContainsFunc(r.outputs, func(have output) bool { return have.index == out.index }) {
			r.outputs = append(r.outputs, out)
		}
	}
}

// inBlock lists the records of one block, in a stable order.
func (b *book) inBlock(hash string) []*record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []*record
	for _, r := range b.txs {
		if r.block.Hash == hash {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(x, y *record) int { return slices.Compare(x.txid[:], y.txid[:]) })
	return found
}

// waiting counts the payments that are not mined, whose conflicts hide from
// filters.
func (b *book) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}

// events makes one event of a kind per output of r; Rev and At come later.
func (r *record) events(kind chain.Kind, network chain.Network, block chain.BlockRef, by chain.TxID) []chain.Event {
	list := make([]chain.Event, len(r.outputs))
	for i, out := range r.outputs {
		list[i] = chain.Event{
			Kind: kind, Key: chain.PaymentKey{Network: network, TxID: chain.TxID(r.txid.String()), Index: out.index},
			Target: out.to, Asset: chain.Bitcoin, Amount: chain.Units(out.amount), Block: block, By: by,
		}
		if kind == chain.Seen || kind == chain.Evidence {
			list[i].Evidence = r.proof
		}
	}
	return list
}
