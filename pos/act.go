package pos

import (
	"errors"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// Act is what a person did with a sale: what, who, when and why.
type Act struct {
	Kind  ActKind   `json:"kind"`
	At    time.Time `json:"at"`
	Actor Actor     `json:"actor"`
	Why   string    `json:"why,omitempty"`
	// Approved is the supervisor whose PIN allowed it, "" where none is needed.
	Approved string `json:"approved,omitempty"`
	// Cash is what was taken for the rest (ActCash).
	Cash money.Fiat `json:"cash,omitzero"`
	// Refund is what is owed to the customer (ActRefundDue).
	Refund *Refund `json:"refund,omitempty"`
	// Nth says which of the sale's refunds it is about, the first is 1
	// (ActRefundDone, ActRefundVoid).
	Nth int `json:"nth,omitempty"`
}

// ActKind names an act.
type ActKind string

// The acts on a sale. The register says which of them are possible (View.Acts).
const (
	ActCancel     ActKind = "cancel"      // only while nothing was seen
	ActRequote    ActKind = "requote"     // open and nothing seen: the same price at a new rate, or in another asset
	ActAccept     ActKind = "accept"      // an UNDERPAID, LATE or DISPUTED sale, as it is; needs a PIN
	ActCash       ActKind = "cash"        // the rest was taken in cash; what came in coin is judged as ever
	ActReprice    ActKind = "reprice"     // LATE money counts at the present price; needs a PIN
	ActRefundDue  ActKind = "refund-due"  // money is to go back; needs a PIN
	ActRefundDone ActKind = "refund-done" // it went back in a way that no chain shows; needs a PIN
	ActRefundVoid ActKind = "refund-void" // a recorded refund was a mistake; needs a PIN
	ActTakeOver   ActKind = "take-over"   // another terminal holds the sale now
)

// NeedsPIN tells whether an act needs a supervisor's PIN: those that give away
// goods or money.
func (k ActKind) NeedsPIN() bool {
	switch k {
	case ActAccept, ActReprice, ActRefundDue, ActRefundDone, ActRefundVoid:
		return true
	}
	return false
}

// Actor is who did something, and where.
type Actor struct {
	Name     string `json:"name,omitempty"`
	Terminal string `json:"terminal,omitempty"`
}

// Refund is money that is to go back to the customer. The register sends
// nothing: the owner's wallet pays it, and it is seen to be paid.
type Refund struct {
	Asset  chain.AssetID     `json:"asset"`
	Rail   string            `json:"rail"`
	To     chain.Destination `json:"to"` // the customer's address
	Amount chain.Amount      `json:"amount"`
	Basis  RefundBasis       `json:"basis"`
	Since  uint64            `json:"since"` // height of the rail when it was recorded
	// Came is all that had come of the asset by then; what comes on top of it is a
	// matter of its own. Settled tells whether the goods were the customer's.
	Came    chain.Amount `json:"came"`
	Settled bool         `json:"settled,omitempty"`
}

// RefundBasis says how the amount of a refund was found.
type RefundBasis string

// What can go back.
const (
	RefundPaid  RefundBasis = "paid"  // all that came
	RefundOver  RefundBasis = "over"  // what came beyond the price
	RefundPrice RefundBasis = "price" // the price, at the sale's own rate
	RefundPart  RefundBasis = "part"  // a part of the price, at the sale's own rate
)

// Deed is an act that somebody asks for.
type Deed struct {
	Kind ActKind
	By   Actor
	PIN  string // a supervisor's, where Kind.NeedsPIN
	Why  string

	Asset chain.AssetID // ActRequote: in which coin
	Cash  money.Fiat    // ActCash: what was taken; zero = View.RestInCash
	// ActRefundDue: what goes back, and to which address. Fiat is the part for
	// RefundPart. To is as typed or scanned: an address or a payment link.
	Basis RefundBasis
	Fiat  money.Fiat
	To    string
}

// RefundChoice is one amount that could go back.
type RefundChoice struct {
	Basis  RefundBasis
	Amount chain.Amount
}

// Payout is a refund that the owner's wallet is to pay: what a screen shows of
// a sale that is REFUND DUE.
type Payout struct {
	Refund Refund
	Asset  chain.Asset
	Paid   chain.Amount // of it, in blocks or not
	Rest   chain.Amount // still to be paid
	Forms  []chain.Form // of the rest; nil while nothing is to be paid
	// Watched tells whether the payment would be seen.
	Watched bool
}

// Errors of acts, wrapped with what they concern.
var (
	ErrNoSupervisor = errors.New("no supervisor has a PIN yet")
	ErrPIN          = errors.New("this is no supervisor's PIN")
	ErrPINLocked    = errors.New("too many wrong PINs")
	ErrAddress      = errors.New("this is no address to pay to")
	ErrFarRate      = errors.New("this price is far from the last one")
	ErrKeysChanged  = errors.New("the shop's keys or rules were changed: a supervisor has to agree first")
)

// Holder is the terminal that a sale belongs to: where it was rung up, or the
// last one that took it over.
func (s Sale) Holder() string {
	for _, a := range slices.Backward(s.Acts) {
		if a.Kind == ActTakeOver {
			return a.Actor.Terminal
		}
	}
	return s.Terminal
}

// refund is a recorded refund with what people said became of it.
type refund struct {
	Refund
	nth  int
	at   time.Time
	done time.Time // when a person said so, zero if nobody did
}

// refunds lists those that are not void, oldest first.
func (s Sale) refunds() []refund {
	var list []refund
	nth := 0
	find := func(n int) int { return slices.IndexFunc(list, func(r refund) bool { return r.nth == n }) }
	for _, a := range s.Acts {
		switch a.Kind {
		case ActRefundDue:
			if nth++; a.Refund != nil {
				list = append(list, refund{Refund: *a.Refund, nth: nth, at: a.At})
			}
		case ActRefundDone:
			if i := find(a.Nth); i >= 0 {
				list[i].done = a.At
			}
		case ActRefundVoid:
			if i := find(a.Nth); i >= 0 {
				list = slices.Delete(list, i, i+1)
			}
		}
	}
	return list
}

// paysBack tells whether a destination is where one of the sale's refunds goes.
func (s Sale) paysBack(to chain.Destination) bool {
	return slices.ContainsFunc(s.Acts, func(a Act) bool { return a.Refund != nil && a.Refund.To == to })
}
