package pos

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// Sale is one thing rung up. A Sale that was handed out is never changed: the
// register replaces it.
type Sale struct {
	ID     string `json:"id"`     // UUIDv4, unguessable
	Number uint64 `json:"number"` // receipt number, counts up from 1
	Code   string `json:"code"`   // 8 characters of Crockford base 32, for saying aloud

	CreatedAt time.Time `json:"created_at"`
	Terminal  string    `json:"terminal,omitempty"`
	Cashier   string    `json:"cashier,omitempty"`

	Price     Price           `json:"price"`
	Lines     []Line          `json:"lines,omitempty"`
	Reference string          `json:"reference,omitempty"`
	Note      string          `json:"note,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	Callback  string          `json:"callback_url,omitempty"`

	// Confirmations, where set, asks for at least so many, whatever the tier says.
	Confirmations int `json:"confirmations,omitempty"`
	// Expires is the length of this sale's quotes.
	Expires time.Duration `json:"expires"`

	Addresses []Address `json:"addresses,omitempty"` // one per account, in the order allocated
	Quotes    []Quote   `json:"quotes,omitempty"`    // oldest first; re-quoting adds
	Acts      []Act     `json:"acts,omitempty"`      // oldest first

	Outcome  Outcome   `json:"outcome"`            // as last assessed
	ClosedAt time.Time `json:"closed_at,omitzero"` // when Outcome last became closed
}

// PriceKind says what a sale is priced in.
type PriceKind string

// The kinds of price.
const (
	PriceFiat  PriceKind = "fiat"  // converted at a live rate
	PriceAsset PriceKind = "asset" // so many units of one asset
	PriceOpen  PriceKind = "open"  // any payment counts: tips, donations
)

// Price is what is asked.
type Price struct {
	Kind   PriceKind     `json:"kind"`
	Fiat   money.Fiat    `json:"fiat,omitzero"`
	Asset  chain.AssetID `json:"asset,omitempty"`
	Amount chain.Amount  `json:"amount,omitzero"`
}

// Line is one line of a receipt: Count times Each, named if it came from an item.
type Line struct {
	Name  string     `json:"name,omitempty"`
	Count int64      `json:"count"`
	Each  money.Fiat `json:"each"`
}

// Address is a destination that was allocated to a sale, with what a wallet
// needs to find it again.
type Address struct {
	Account string            `json:"account"`
	Index   uint32            `json:"index"`
	Path    string            `json:"path,omitempty"`
	To      chain.Destination `json:"to"`
}

// Quote is the amount due of one asset at a locked rate until a deadline. It
// holds all that judging needs, so that a sale can be judged without its shop.
type Quote struct {
	Asset    chain.AssetID     `json:"asset"`
	Rail     string            `json:"rail"`
	To       chain.Destination `json:"to"`
	Due      chain.Amount      `json:"due"` // zero for an open price
	Rate     RateInfo          `json:"rate,omitzero"`
	At       time.Time         `json:"at"`
	Deadline time.Time         `json:"deadline"`
	Since    uint64            `json:"since"` // height of the rail when it was quoted
	Decimals uint8             `json:"decimals"`
	Currency money.Currency    `json:"currency,omitempty"` // of Rate
	Value    money.Fiat        `json:"value,omitzero"`     // in the shop's own currency, for the tiers; zero = unknown
}

// Address returns the address allocated from an account, if there is one.
func (s Sale) Address(account string) (Address, bool) {
	i := slices.IndexFunc(s.Addresses, func(a Address) bool { return a.Account == account })
	if i < 0 {
		return Address{}, false
	}
	return s.Addresses[i], true
}

// Quote returns the newest quote of the newest asset, which is what the pay
// screen shows while nothing was seen.
func (s Sale) Quote() (Quote, bool) {
	if len(s.Quotes) == 0 {
		return Quote{}, false
	}
	return s.Quotes[len(s.Quotes)-1], true
}
