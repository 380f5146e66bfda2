package chain

import (
	"fmt"
	"slices"
	"time"
)

// Kind says what an Event reports.
type Kind uint8

// The kinds of events. All but Tip and HealthChanged are about one payment.
const (
	// Seen: an unconfirmed transaction pays a target.
	Seen Kind = iota + 1
	// Evidence: more is known about an unconfirmed payment (see Event.Evidence).
	Evidence
	// Conflict: another transaction, in relay or in a block, spends what a
	// payment spends (Event.By). A conflict in a block is final with that block.
	Conflict
	// Included: the payment is in the block Event.Block.
	Included
	// Retracted: that block left the best chain. The payment may come back.
	Retracted
	// Failed: mined, but it moved nothing (EVM receipts with status 0).
	Failed
	// Gone: an unconfirmed payment was dropped or replaced (Event.By, if known).
	Gone
	// Tip: the best chain has a new end (Event.Tip).
	Tip
	// HealthChanged: the watcher is better or worse off (Event.Health).
	HealthChanged
)

var kindNames = [...]string{"", "seen", "evidence", "conflict", "included", "retracted", "failed", "gone", "tip", "health"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kindNames[1:], string(text))
	if i < 0 {
		return fmt.Errorf("%.80q is no kind of event", text)
	}
	*k = Kind(i + 1)
	return nil
}

// Event is one thing that a watcher saw. Fields beyond Kind, Rev and At are set
// as the kinds say.
type Event struct {
	Kind Kind `json:"kind"`
	// Rev orders the events of a rail: it grows with every event over all
	// restarts, because the cursor that is stored with a batch carries it on
	// (Cursor.Seq). Per payment the highest Rev counts; lower or equal ones
	// are repetitions.
	Rev uint64    `json:"rev"`
	At  time.Time `json:"at"` // when the watcher noticed, by the till's clock

	Key    PaymentKey  `json:"key,omitzero"`    // payment events
	Target Destination `json:"target,omitzero"` // payment events: which target was paid
	Asset  AssetID     `json:"asset,omitzero"`  // payment events
	Amount Amount      `json:"amount,omitzero"` // payment events: what arrived, never what was asked
	Block  BlockRef    `json:"block,omitzero"`  // Included, Retracted, Failed, Conflict in a block
	By     TxID        `json:"by,omitzero"`     // Conflict, Gone: the other transaction, "" if unknown

	Evidence Proof    `json:"evidence,omitzero"` // Seen, Evidence
	Tip      TipState `json:"tip,omitzero"`      // Tip
	Health   Health   `json:"health,omitzero"`   // HealthChanged
}

// Proof is what speaks for and against an unconfirmed payment. The zero value
// knows nothing, which is worse than any number.
type Proof struct {
	Announcers  int    // independent peers or endpoints that offered the transaction
	Of          int    // how many of them are connected
	Groups      int    // different network groups among the announcers
	OwnNode     bool   // the shop's own full node holds it
	Replaceable bool   // it signals BIP 125; today every transaction is replaceable anyway
	Ancestors   int    // unconfirmed parents that are known of
	FeeRate     uint64 // thousandths of a satoshi per virtual byte, or wei per gas; 0 = unknown
	Within      int    // it should be mined within so many blocks, as its fee lets a backend expect; 0 = not known
	Standard    bool   // of a form that nodes relay
	Conflicted  bool   // another transaction spends the same input
}

// TipState is the end of the best chain as a watcher knows it.
type TipState struct {
	Block  BlockRef
	Agreed uint64 // highest block that the watcher's quorum confirms; depth counts from it
	Safe   uint64 // highest block tagged "safe", 0 where the chain has no such tag
	Final  uint64 // highest block tagged "finalized", 0 where it has none
}

// Cursor is how far a rail has been read. It is valid for every backend of the
// rail's network and is stored in the same transaction as the events it covers.
type Cursor struct {
	// Seq is the highest Rev given out up to and including the batch.
	Seq uint64
	// Ring holds the last blocks read, oldest first, at most RingSize of them:
	// the fork of a reorganisation is found in it.
	Ring []BlockRef
}

// RingSize is the number of blocks that a cursor remembers.
const RingSize = 128

// Head is the last block read, or the zero BlockRef before the first.
func (c Cursor) Head() BlockRef {
	if len(c.Ring) == 0 {
		return BlockRef{}
	}
	return c.Ring[len(c.Ring)-1]
}

// Push returns c with b read. The receiver's ring is not changed.
func (c Cursor) Push(b BlockRef) Cursor {
	from := max(0, len(c.Ring)+1-RingSize)
	ring := make([]BlockRef, 0, RingSize)
	c.Ring = append(append(ring, c.Ring[from:]...), b)
	return c
}

// Pop returns c without its last block. The receiver's ring is not changed.
func (c Cursor) Pop() Cursor {
	if len(c.Ring) > 0 {
		c.Ring = c.Ring[: len(c.Ring)-1 : len(c.Ring)-1]
	}
	return c
}
