package pos

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cointill/till/chain"
)

// Entry is one row of the journal: append-only, numbered without gaps, each
// chained to the one before it by its hash. From its entries alone a sale can
// be rebuilt, see [Replay]. Tips and health are not journaled: an outcome names
// the tip and the time that it was derived at.
type Entry struct {
	Seq  uint64          `json:"seq"` // given by the store
	At   time.Time       `json:"at"`
	Kind EntryKind       `json:"kind"`
	Sale string          `json:"sale,omitempty"` // id of the sale that it is about, "" = the shop, or money that is nobody's
	Body json.RawMessage `json:"body"`
	Hash Hash            `json:"hash"` // given by the store
}

// EntryKind says what an entry records, and so what its body is.
type EntryKind string

// The kinds of entries.
const (
	EntrySale     EntryKind = "sale"     // rung up: a Sale with its first address and quote, without an outcome
	EntryQuote    EntryKind = "quote"    // quoted again: a Quoted
	EntryEvent    EntryKind = "event"    // something happened to a payment: a chain.Event
	EntryAct      EntryKind = "act"      // a person did something with a sale: an Act
	EntryOutcome  EntryKind = "outcome"  // the sale is judged anew: an Outcome
	EntryAgain    EntryKind = "again"    // judged anew with the same result: a Judged
	EntryIncident EntryKind = "incident" // money that goods were handed over for is in doubt: an Incident
	EntryShop     EntryKind = "shop"     // something was done with the shop: a ShopAct
	EntrySnapshot EntryKind = "snapshot" // a sale from before there was a journal: a Record
)

// Quoted is the body of EntryQuote. Address is set where the quote is the first
// of its account.
type Quoted struct {
	Quote   Quote    `json:"quote"`
	Address *Address `json:"address,omitempty"`
}

// Judged is the body of EntryAgain: what of an outcome changes when the rest
// stays.
type Judged struct {
	At   time.Time      `json:"at"`
	Tip  chain.BlockRef `json:"tip,omitzero"`
	Next time.Time      `json:"next,omitzero"`
}

// Incident is the body of EntryIncident: a HAND OVER that turned out wrong, or
// may do so.
type Incident struct {
	Was      Status       `json:"was"`
	Is       Status       `json:"is"`
	Reason   Reason       `json:"reason"`
	Payment  string       `json:"payment,omitempty"` // key of what went away
	Amount   chain.Amount `json:"amount,omitzero"`
	Cashier  string       `json:"cashier,omitempty"`
	Terminal string       `json:"terminal,omitempty"`
}

// ShopAct is the body of EntryShop.
type ShopAct struct {
	Kind     ShopActKind `json:"kind"`
	Actor    Actor       `json:"actor,omitzero"`
	Approved string      `json:"approved,omitempty"`
	Text     []string    `json:"text,omitempty"` // what it was about, a line each
}

// ShopActKind names something that was done with the shop.
type ShopActKind string

// The acts on a shop.
const (
	ShopBegun   ShopActKind = "begun"        // the first start: its keys and rules
	ShopAgreed  ShopActKind = "key-agreed"   // other keys or rules than before
	ShopRate    ShopActKind = "manual-rate"  // a price by hand
	ShopHired   ShopActKind = "staff-add"    // somebody got a PIN
	ShopFired   ShopActKind = "staff-remove" // somebody lost it
	ShopLockout ShopActKind = "pin-lock-out" // too many wrong PINs
)

// Hash is a SHA-256 sum.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return fmt.Errorf("%.80q is no SHA-256 sum", text)
	}
	copy(h[:], b)
	return nil
}

// Sum is the hash of an entry that follows one with the hash before; the first
// follows the zero Hash. Every field but Hash is in it, the texts with their
// lengths, so that no two entries share their bytes.
func (e Entry) Sum(before Hash) Hash {
	sum := sha256.New()
	var head [16]byte
	binary.BigEndian.PutUint64(head[:8], e.Seq)
	binary.BigEndian.PutUint64(head[8:], uint64(e.At.UnixNano()))
	sum.Write(before[:])
	sum.Write(head[:])
	for _, part := range [][]byte{[]byte(e.Kind), []byte(e.Sale), e.Body} {
		binary.BigEndian.PutUint64(head[:8], uint64(len(part)))
		sum.Write(head[:8])
		sum.Write(part)
	}
	var h Hash
	sum.Sum(h[:0])
	return h
}

// Chain checks entries one after another.
type Chain struct {
	Seq  uint64 // of the last one that was checked
	Hash Hash
}

// Add checks the next entry. Its error names what is wrong with which row.
func (c *Chain) Add(e Entry) error {
	if e.Seq != c.Seq+1 {
		return fmt.Errorf("%w: entry %d of the journal is missing", ErrDamaged, c.Seq+1)
	}
	if e.Sum(c.Hash) != e.Hash {
		return fmt.Errorf("%w: entry %d of the journal is not what was written, or the one before it is not", ErrDamaged, e.Seq)
	}
	c.Seq, c.Hash = e.Seq, e.Hash
	return nil
}

// entryOf makes an entry. What it holds always marshals.
func entryOf(kind EntryKind, sale string, at time.Time, body any) (Entry, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return Entry{}, fmt.Errorf("the journal cannot take a %s: %w", kind, err)
	}
	return Entry{At: at, Kind: kind, Sale: sale, Body: text}, nil
}
