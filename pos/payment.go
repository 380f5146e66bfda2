package pos

import (
	"time"

	"github.com/cointill/till/chain"
)

// Payment is evidence on a chain: one output or transfer that reached an
// address of a sale.
type Payment struct {
	Key    chain.PaymentKey  `json:"key"`
	Rev    uint64            `json:"rev"`  // of the last event applied
	SaleID string            `json:"sale"` // "" if the address belongs to no sale yet
	To     chain.Destination `json:"to"`
	Asset  chain.AssetID     `json:"asset"`
	Amount chain.Amount      `json:"amount"`

	State PaymentState `json:"state"`
	// FirstAt is when it was first noticed; FirstSeen tells whether that was
	// before it was in a block.
	FirstAt   time.Time `json:"first_at"`
	FirstSeen bool      `json:"first_seen"`
	// MinedAt is the time stamp of the first block that held it.
	MinedAt time.Time      `json:"mined_at,omitzero"`
	Block   chain.BlockRef `json:"block,omitzero"`
	// ChangedAt is when State last changed, by the till's clock.
	ChangedAt time.Time   `json:"changed_at"`
	Proof     chain.Proof `json:"proof,omitzero"`
	// By is the transaction that replaced it or conflicts with it, ByBlock the
	// block that holds that one.
	By      chain.TxID     `json:"by,omitempty"`
	ByBlock chain.BlockRef `json:"by_block,omitzero"`
	// Refund: it went out, to the address of a refund of the sale.
	Refund bool `json:"refund,omitempty"`
	// Counted is set for ever when it first carried PAID, ACCEPTED or a shown
	// HAND OVER: only such money can be disputed.
	Counted *Counted `json:"counted,omitempty"`
}

// Counted is the tip and the time at which a payment first decided something.
type Counted struct {
	At  time.Time      `json:"at"`
	Tip chain.BlockRef `json:"tip"`
	// Block is where the payment was when it decided, or, once it was mined
	// again elsewhere, when it last carried PAID. Zero = in no block yet.
	Block chain.BlockRef `json:"block,omitzero"`
	// Paid: it carried PAID; else ACCEPTED, or HAND OVER before a block.
	Paid bool `json:"paid"`
	// Aside: it was accepted along with the money that the sale is paid in, and
	// does not decide what that is, whatever the clock said when it came.
	Aside bool `json:"aside,omitempty"`
}

// PaymentState is where a payment stands on its chain.
type PaymentState string

// The states of a payment. Unconfirmed and Included payments are live.
const (
	Unconfirmed PaymentState = "unconfirmed"
	Included    PaymentState = "included"
	Failed      PaymentState = "failed" // mined, moved nothing
	Gone        PaymentState = "gone"   // dropped, replaced, or its block was orphaned and it did not come back
)

// Live tells whether the payment still stands for money.
func (p *Payment) Live() bool { return p.State == Unconfirmed || p.State == Included }

// When is the time that decides whether p came in time: when it was first seen
// unconfirmed, or else the time stamp of the first block that held it.
func (p *Payment) When() time.Time {
	if !p.FirstSeen && !p.MinedAt.IsZero() {
		return p.MinedAt
	}
	return p.FirstAt
}

// apply folds an event into the payment; false for a repetition or a kind that
// says nothing about a payment that is not known.
func (p *Payment) apply(e chain.Event) bool {
	known := p.Rev > 0
	switch {
	case known && e.Rev <= p.Rev:
		return false
	case !known && e.Kind != chain.Seen && e.Kind != chain.Included && e.Kind != chain.Failed:
		return false
	case !known && e.Amount.IsZero():
		return false // a transfer of nothing, as address poisoners send them
	}
	was := p.State
	at := e.At.Round(0)
	p.Rev = e.Rev
	if !known {
		p.FirstAt, p.FirstSeen = at, e.Kind == chain.Seen
	}
	if !e.Amount.IsZero() {
		p.Amount, p.Asset = e.Amount, e.Asset
	}
	switch e.Kind {
	case chain.Seen:
		if p.State != Included {
			p.State, p.Block, p.ByBlock = Unconfirmed, chain.BlockRef{}, chain.BlockRef{}
			p.learn(e.Evidence)
		}
	case chain.Evidence:
		p.learn(e.Evidence)
	case chain.Conflict:
		if p.State == Included && e.Block.IsZero() {
			break // nothing in relay can undo a block
		}
		if !p.Proof.Conflicted {
			p.ChangedAt = at
		}
		p.By, p.Proof.Conflicted = e.By, true
		if !e.Block.IsZero() {
			p.State, p.Block, p.ByBlock = Gone, chain.BlockRef{}, e.Block
		}
	case chain.Included:
		if p.MinedAt.IsZero() {
			p.MinedAt = e.Block.Time
		}
		p.State, p.Block, p.By, p.ByBlock, p.Proof.Conflicted = Included, e.Block, "", chain.BlockRef{}, false
	case chain.Retracted:
		p.State, p.Block = Unconfirmed, chain.BlockRef{}
	case chain.Failed:
		p.State, p.Block = Failed, e.Block
	case chain.Gone:
		p.State, p.Block = Gone, chain.BlockRef{}
		if e.By != "" {
			p.By, p.Proof.Conflicted = e.By, true
		}
		if !e.Block.IsZero() {
			p.ByBlock = e.Block
		}
	default:
		return false
	}
	if p.State != was {
		p.ChangedAt = at
	}
	return true
}

// learn takes new evidence. A conflict, once known, ends only in a block: later
// evidence and a watcher that starts again may not know of it.
func (p *Payment) learn(proof chain.Proof) {
	proof.Conflicted = proof.Conflicted || p.Proof.Conflicted
	p.Proof = proof
}
