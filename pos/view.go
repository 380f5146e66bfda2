package pos

import (
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// View is a whole sale for people: what a screen, a script or a callback needs.
// Views are immutable and may be kept.
type View struct {
	Record
	// Pay is what the customer is to pay now: the current quote, or the exact
	// rest of a PARTIAL one. Its Forms are empty when nothing is to be paid or
	// no QR may be shown yet (Refusal says why).
	Pay Request
	// Asset is the full description of Outcome.Asset or of the current quote's asset.
	Asset chain.Asset
	Trust chain.Trust // whose word the sale's rail stands on

	// Acts are what a person may do with the sale now, the safest first.
	Acts []ActKind
	// RestInCash is what is missing at the sale's rate, rounded up; zero where
	// nothing is missing or the price is not in fiat.
	RestInCash money.Fiat
	// Refunds are the amounts that could go back, where ActRefundDue is possible.
	Refunds []RefundChoice
	// Payout is the refund that is due, nil if none is.
	Payout *Payout
}

// Request is a payment request as it is shown.
type Request struct {
	Quote   Quote
	Asset   chain.Asset
	Amount  chain.Amount // Due, or the rest; zero for an open price
	Forms   []chain.Form
	Refusal error // why there is no QR: ErrConnecting, …
}

// Choice is one line under the amount: what a draft would cost in an asset.
type Choice struct {
	Asset   chain.Asset
	Rail    string
	Due     chain.Amount // zero for an open price
	Rate    RateInfo
	Health  chain.Health
	Refusal error // why it cannot be chosen now, nil if it can
}

// Draft is a sale about to be rung up.
type Draft struct {
	// ID becomes Sale.ID, so that ringing up twice by accident makes one sale.
	// "" lets the register make one.
	ID string
	Price
	Lines         []Line
	Reference     string
	Note          string
	Metadata      []byte // JSON or nothing
	Callback      string
	Confirmations int
	Expires       time.Duration // 0 = the shop's
	By            Actor
}

// Shop is what the register knows about its shop.
type Shop struct {
	Name       string
	Currencies []money.Currency // the first is the shop's own
	Default    chain.AssetID
	Assets     []chain.Asset // all that can be paid with, in the order shown
	// Known are further assets that somebody may send by mistake: they are named
	// on screens, and never asked for.
	Known []chain.Asset
	// Rails are what people call the ways to be paid, by rail id, where the shop
	// knows better than the id.
	Rails map[string]string
	// Fingerprint stands on the idle screen: the accounts' fingerprints.
	Fingerprint string
	Training    bool // demo: the money is worthless, and so is every record of it
	Testnet     bool // some of the money is worthless, its network being one to try things on
}

// Board is what the idle screen and the health screen show. Maps are by asset
// id and by rail id; they are fresh copies.
type Board struct {
	At     time.Time
	Rates  map[chain.AssetID]RateInfo // in the shop's own currency
	Health map[string]chain.Health
	Tips   map[string]chain.TipState
	Open   int // sales that are not closed
	// Store is why nothing can be stored, as of the last time that something
	// should have been; nil = it was. Nothing is lost meanwhile: watchers say it
	// again, and nothing is rung up.
	Store error
	// Behind is how far this machine's clock is before what happened already:
	// deadlines and what came in time are judged wrongly. Zero = it is not.
	Behind time.Duration
	// Changed says, a line each, which keys or rules are other than those that a
	// supervisor agreed to. While there are any, nothing new is rung up.
	Changed []string
	// Away is what happened while nobody looked, nil if nothing did or somebody
	// has acknowledged it.
	Away *Away
}

// Away is what came while the register was closed or cut off. It is kept until
// somebody acknowledges it (Register.Back), also over restarts.
type Away struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"` // zero while it still catches up
	Sales []string  `json:"sales"`          // ids of those that changed, in the order in which they changed; at most MostAway
	More  int       `json:"more,omitempty"` // how many changes of other sales there were beyond those
}

// Sighting is what a rail knows of a transaction or an address.
type Sighting struct {
	Rail  string
	Asset chain.Asset // the rail's own coin
	Found chain.Found
	Err   error // chain.ErrCannot: this way of watching cannot answer that
}

// Update is what a Mailbox hands out: the latest whole View of every sale that
// changed since the last time, and the Board.
type Update struct {
	Changed []View // in the order in which they changed last
	Board   Board
}
