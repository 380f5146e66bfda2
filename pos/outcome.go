package pos

import (
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// Status is what a sale is now. Derived by Assess, never assigned.
type Status string

// The statuses, as in the table of the package's Assess.
const (
	Awaiting   Status = "AWAITING"
	Partial    Status = "PARTIAL"
	Seen       Status = "SEEN"
	Confirming Status = "CONFIRMING"
	Paid       Status = "PAID"
	Overpaid   Status = "OVERPAID"
	Underpaid  Status = "UNDERPAID"
	Expired    Status = "EXPIRED"
	Late       Status = "LATE"
	Cancelled  Status = "CANCELLED"
	Disputed   Status = "DISPUTED"
	Reversed   Status = "REVERSED"
	Accepted   Status = "ACCEPTED"
	RefundDue  Status = "REFUND DUE"
	Refunded   Status = "REFUNDED"
)

// Closed tells whether nobody needs to do or wait for anything. A closed sale
// is still watched, and may open again.
func (s Status) Closed() bool {
	switch s {
	case Paid, Overpaid, Expired, Cancelled, Accepted, Refunded, Reversed:
		return true
	}
	return false
}

// Settled tells whether the goods are the customer's.
func (s Status) Settled() bool { return s == Paid || s == Overpaid || s == Accepted }

// Verdict is what a cashier should do. The empty verdict is for sales that
// ended without money: there is nothing to hand over and nobody to ask.
type Verdict string

// The verdicts.
const (
	Wait          Verdict = "WAIT"
	HandOver      Verdict = "HAND OVER"
	AskSupervisor Verdict = "ASK SUPERVISOR"
	NoVerdict     Verdict = ""
)

// Code says why; tui/words has the sentence.
type Code string

// The reasons. The comment names the fields of Reason that the sentence uses.
const (
	WhyNothing       Code = "nothing-yet"    //
	WhyMissing       Code = "missing"        // Amount, Asset
	WhyNoBlock       Code = "no-block-yet"   // N = confirmations needed; M = blocks until the first, by its fee, 0 = not known
	WhyAboveLimit    Code = "above-limit"    // Fiat = limit for goods without a block; N, M
	WhySettling      Code = "settling"       // N = seconds without a conflict still to go
	WhyFewPeers      Code = "few-peers"      // N of M peers announced it
	WhyAncestors     Code = "ancestors"      // N unconfirmed parents
	WhyNonStandard   Code = "non-standard"   //
	WhyLowFee        Code = "low-fee"        // its fee is too low to rely on; N, M as with no-block-yet
	WhyFeeUnknown    Code = "fee-unknown"    // Fiat = limit for goods without a block where the fee is not known; N, M
	WhyHourlyCap     Code = "hourly-cap"     // Fiat = cap
	WhyUnconfirmed   Code = "unconfirmed-ok" // N of M peers: handed over before a block, by policy
	WhyConfirmations Code = "confirmations"  // N of M
	WhyTag           Code = "tag"            // Text = "safe" or "finalized"
	WhyConfirmed     Code = "confirmed"      // N confirmations, in block Block
	WhyOver          Code = "over"           // Amount, Asset
	WhyShort         Code = "short"          // Amount missing; quote ended
	WhyExpired       Code = "expired"        //
	WhyLate          Code = "late"           // Amount, Asset; came after the end
	WhyLateCancelled Code = "late-cancelled" // Amount, Asset; came after cancelling
	WhyCancelled     Code = "cancelled"      //
	WhyConflict      Code = "conflict"       // By: another transaction spends the same money
	WhyVanished      Code = "vanished"       // counted money went away
	WhyReorganised   Code = "reorganised"    // its block left the chain
	WhyReversed      Code = "reversed"       //
	WhyOtherAsset    Code = "other-asset"    // Amount, Asset came; another was asked
	WhyAccepted      Code = "accepted"       // Text = by whom
	WhyFailed        Code = "failed"         // a transfer was mined and moved nothing
	WhyDropped       Code = "dropped"        // Amount, Asset, By; went away before it counted
	WhyCash          Code = "cash"           // Fiat was taken in cash; Text = by whom
	WhyRefundDue     Code = "refund-due"     // Amount, Asset are to go back
	WhyRefundSeen    Code = "refund-seen"    // Amount, Asset are under way; N of M confirmations
	WhyRefunded      Code = "refunded"       // Amount, Asset went back
	WhyRefundedMore  Code = "refunded-more"  // Amount, Asset went back beyond what was recorded
	WhyRefundedByOwn Code = "refunded-other" // Text = who said that the money went back in another way
)

// Reason is a code with its arguments.
type Reason struct {
	Code   Code           `json:"code"`
	N      int            `json:"n,omitempty"`
	M      int            `json:"m,omitempty"`
	Amount chain.Amount   `json:"amount,omitzero"`
	Asset  chain.AssetID  `json:"asset,omitempty"`
	Fiat   money.Fiat     `json:"fiat,omitzero"`
	Block  chain.BlockRef `json:"block,omitzero"`
	By     chain.TxID     `json:"by,omitempty"`
	Text   string         `json:"text,omitempty"`
}

// Outcome is what a sale is now.
type Outcome struct {
	Status  Status   `json:"status"`
	Verdict Verdict  `json:"verdict"`
	Reason  Reason   `json:"reason"`
	Notes   []Reason `json:"notes,omitempty"` // further facts that the sentence above leaves out

	Asset    chain.AssetID `json:"asset,omitempty"` // fixed once anything was seen
	Quote    int           `json:"quote"`           // index into Sale.Quotes of the quote that judges, -1 = none
	Due      chain.Amount  `json:"due"`
	Received chain.Amount  `json:"received"` // S0: all live payments in Asset that count
	Missing  chain.Amount  `json:"missing"`  // Due - Received, zero once full
	Over     chain.Amount  `json:"over"`     // beyond due + tolerance, once PAID

	Confirmations int    `json:"confirmations"` // of the payment that completes the due amount
	Needed        int    `json:"needed"`        // confirmations that PAID needs
	Tag           string `json:"tag,omitempty"` // "safe" or "finalized", where the tier asks for one

	At  time.Time      `json:"at"`           // when this was derived
	Tip chain.BlockRef `json:"tip,omitzero"` // the tip that it was derived at
	// RefundTip is the tip of the rail of a refund, where that is another one:
	// money that came on the wrong chain goes back there.
	RefundTip chain.BlockRef `json:"refund_tip,omitzero"`
	Next      time.Time      `json:"next,omitzero"` // when the clock alone may change it
}
