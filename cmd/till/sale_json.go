package main

import (
	"encoding/json"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// saleJSON is a sale for scripts: one object per change. Amounts of assets are
// decimal strings of smallest units.
type saleJSON struct {
	ID            string          `json:"id"`
	Number        uint64          `json:"number"`
	Code          string          `json:"code"`
	Time          time.Time       `json:"time"`
	Status        pos.Status      `json:"status"`
	Verdict       pos.Verdict     `json:"verdict"`
	Reason        pos.Code        `json:"reason,omitempty"`
	Fiat          *fiatJSON       `json:"fiat,omitempty"`
	Asset         chain.AssetID   `json:"asset,omitempty"`
	Decimals      *uint8          `json:"decimals,omitempty"`
	Address       string          `json:"address,omitempty"`
	URI           string          `json:"uri,omitempty"`
	Rate          string          `json:"rate,omitempty"`
	Due           string          `json:"due"`
	Received      string          `json:"received"`
	Missing       string          `json:"missing"`
	Over          string          `json:"over"`
	Confirmations int             `json:"confirmations"`
	Needed        int             `json:"needed"`
	Tag           string          `json:"tag,omitempty"`
	Expires       *time.Time      `json:"expires,omitempty"`
	Terminal      string          `json:"terminal,omitempty"`
	Cashier       string          `json:"cashier,omitempty"`
	Reference     string          `json:"reference,omitempty"`
	Note          string          `json:"note,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	Payments      []paymentJSON   `json:"payments"`
}

type fiatJSON struct {
	Amount   string         `json:"amount"`
	Currency money.Currency `json:"currency"`
}

type paymentJSON struct {
	TxID     chain.TxID        `json:"txid"`
	Index    uint32            `json:"index"`
	Network  chain.Network     `json:"network"`
	Address  chain.Destination `json:"address"`
	Asset    chain.AssetID     `json:"asset"`
	Amount   string            `json:"amount"`
	State    pos.PaymentState  `json:"state"`
	Seen     time.Time         `json:"seen"`
	Block    uint64            `json:"block,omitempty"`
	BlockAt  *time.Time        `json:"block_time,omitempty"`
	Replaced chain.TxID        `json:"replaced_by,omitempty"`
	Refund   bool              `json:"refund,omitempty"` // it went out, to a customer
}

// newSaleJSON describes a view at a time.
func newSaleJSON(v pos.View, at time.Time) saleJSON {
	o := v.Sale.Outcome
	j := saleJSON{
		ID: v.Sale.ID, Number: v.Sale.Number, Code: v.Sale.Code, Time: at.UTC(),
		Status: o.Status, Verdict: o.Verdict, Reason: o.Reason.Code, Asset: o.Asset,
		Due: o.Due.String(), Received: o.Received.String(), Missing: o.Missing.String(), Over: o.Over.String(),
		Confirmations: o.Confirmations, Needed: o.Needed, Tag: o.Tag,
		Terminal: pos.CleanText(v.Sale.Terminal, 64), Cashier: pos.CleanText(v.Sale.Cashier, 64),
		Reference: v.Sale.Reference, Note: v.Sale.Note, Metadata: v.Sale.Metadata,
		Payments: make([]paymentJSON, 0, len(v.Payments)),
	}
	if v.Asset.ID != "" {
		j.Asset, j.Decimals = v.Asset.ID, &v.Asset.Decimals
	}
	if v.Sale.Price.Kind == pos.PriceFiat {
		j.Fiat = &fiatJSON{v.Sale.Price.Fiat.Decimal(), v.Sale.Price.Fiat.Currency}
	}
	if q, ok := judging(v); ok {
		j.Address = string(q.To)
		j.Due = q.Due.String()
		deadline := q.Deadline.UTC()
		j.Expires = &deadline
		if !q.Rate.IsZero() {
			j.Rate = q.Rate.Rate.String()
		}
		if j.Fiat == nil && q.Value.Minor > 0 {
			j.Fiat = &fiatJSON{q.Value.Decimal(), q.Value.Currency}
		}
	}
	for _, form := range v.Pay.Forms {
		if form.Kind == chain.FormURI {
			j.URI = form.Text
		}
	}
	for _, p := range v.Payments {
		pj := paymentJSON{
			TxID: p.Key.TxID, Index: p.Key.Index, Network: p.Key.Network, Address: p.To, Asset: p.Asset,
			Amount: p.Amount.String(), State: p.State, Seen: p.FirstAt.UTC(), Replaced: p.By, Refund: p.Refund,
		}
		if !p.Block.IsZero() {
			pj.Block = p.Block.Height
			when := p.Block.Time.UTC()
			pj.BlockAt = &when
		}
		j.Payments = append(j.Payments, pj)
	}
	return j
}

// judging is the quote that the outcome goes by, else the newest.
func judging(v pos.View) (pos.Quote, bool) {
	if i := v.Sale.Outcome.Quote; i >= 0 && i < len(v.Sale.Quotes) {
		return v.Sale.Quotes[i], true
	}
	return v.Sale.Quote()
}
