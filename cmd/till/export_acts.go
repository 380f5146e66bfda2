package main

import (
	"fmt"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// actJSON is what a person did with a sale.
type actJSON struct {
	Kind     pos.ActKind `json:"kind"`
	At       time.Time   `json:"at"`
	By       string      `json:"by,omitempty"`
	Terminal string      `json:"terminal,omitempty"`
	Approved string      `json:"approved,omitempty"` // the supervisor whose PIN allowed it
	Why      string      `json:"why,omitempty"`
	Cash     *fiatJSON   `json:"cash,omitempty"`
	Refund   *refundJSON `json:"refund,omitempty"`
}

type refundJSON struct {
	Asset  chain.AssetID     `json:"asset"`
	Amount string            `json:"amount"`
	To     chain.Destination `json:"to"`
	Basis  pos.RefundBasis   `json:"basis"`
}

func newActJSON(a pos.Act) actJSON {
	j := actJSON{Kind: a.Kind, At: a.At.UTC(), By: a.Actor.Name, Terminal: a.Actor.Terminal, Approved: a.Approved, Why: a.Why}
	if a.Kind == pos.ActCash {
		j.Cash = &fiatJSON{a.Cash.Decimal(), a.Cash.Currency}
	}
	if r := a.Refund; r != nil {
		j.Refund = &refundJSON{r.Asset, r.Amount.String(), r.To, r.Basis}
	}
	return j
}

// String is an act in a cell.
func (a actJSON) String() string {
	text := fmt.Sprintf("%s %s", a.At.Format(time.RFC3339), a.Kind)
	if a.By != "" {
		text += " by " + a.By
	}
	if a.Approved != "" {
		text += " allowed by " + a.Approved
	}
	if a.Why != "" {
		text += " (" + a.Why + ")"
	}
	return text
}

// backJSON is what goes back to a customer. Units are smallest units, coins whole
// ones.
type backJSON struct {
	Asset chain.AssetID     `json:"asset"`
	Due   string            `json:"due"`  // recorded, struck out ones left out
	Went  string            `json:"went"` // of it, as a network shows or a person says
	To    chain.Destination `json:"to"`   // of the last
	TxIDs []chain.TxID      `json:"txids"`
	Coins *backCoins        `json:"coins,omitempty"`

	due, went chain.Amount
}

type backCoins struct {
	Due  string `json:"due"`
	Went string `json:"went"`
}

// coins is Coins, empty where the decimals are not known.
func (b *backJSON) coins() backCoins {
	if b.Coins == nil {
		return backCoins{}
	}
	return *b.Coins
}

// newBackJSON adds the refunds of a sale up, nil where there are none. A sale's
// refunds are all in the coin that it was paid in.
func newBackJSON(r pos.Record, whole func(chain.Amount) string) *backJSON {
	var list []pos.Refund
	byHand := map[int]bool{}
	for _, a := range r.Sale.Acts {
		switch n := len(list); {
		case a.Kind == pos.ActRefundDue && a.Refund != nil:
			list = append(list, *a.Refund)
		case a.Kind == pos.ActRefundDone && n > 0:
			byHand[n-1] = true
		case a.Kind == pos.ActRefundVoid && n > 0 && !byHand[n-1]:
			list = list[:n-1]
		}
	}
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	j := &backJSON{Asset: last.Asset, To: last.To, TxIDs: []chain.TxID{}}
	for i, f := range list {
		j.due = plus(j.due, f.Amount)
		if byHand[i] {
			j.went = plus(j.went, f.Amount)
		}
	}
	for _, p := range r.Payments {
		if p.Refund && p.State == pos.Included && p.Asset == last.Asset {
			j.went = plus(j.went, p.Amount)
			j.TxIDs = append(j.TxIDs, p.Key.TxID)
		}
	}
	j.Due, j.Went = j.due.String(), j.went.String()
	if whole != nil {
		j.Coins = &backCoins{whole(j.due), whole(j.went)}
	}
	return j
}

// plus is a sum. What does not fit 256 bits is no amount of a coin.
func plus(a, b chain.Amount) chain.Amount {
	if sum, ok := a.Add(b); ok {
		return sum
	}
	return a
}

// cashTaken is what was taken in cash for the rest.
func cashTaken(s pos.Sale) money.Fiat {
	var sum money.Fiat
	for _, a := range s.Acts {
		if a.Kind == pos.ActCash && (sum.IsZero() || sum.Currency == a.Cash.Currency) {
			sum = money.Of(sum.Minor+a.Cash.Minor, a.Cash.Currency)
		}
	}
	return sum
}
