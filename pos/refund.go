package pos

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// refunds judges what is to go back. Till sends nothing: it sees the owner's
// wallet pay. What is in dispute is not paid back.
func (a *assessor) refunds(o Outcome) Outcome {
	list := a.sale.refunds()
	if len(list) == 0 || o.Status == Disputed || o.Status == Reversed {
		return o
	}
	last := list[len(list)-1]
	goods := o.Status.Settled() && last.Basis != RefundPaid && last.Basis != RefundPrice
	news := !o.Status.Settled() && slices.ContainsFunc(a.pays, func(p Payment) bool { return p.Live() && p.FirstAt.After(last.at) })

	var due, paid chain.Amount // of all that is not done
	var byHand *Act
	depth, needed := 0, a.confsFor(last.Asset)
	for i, r := range list {
		got, sure, deep := a.wentBack(list, i, needed)
		switch {
		case r.done:
			byHand = a.lastAct(ActRefundDone)
		case sure.Cmp(r.Amount) < 0:
			due, _ = due.Add(r.Amount)
			paid, _ = paid.Add(got)
			depth = deep
			last = r
		}
	}
	was := Reason{Code: WhyRefunded, Amount: last.Amount, Asset: last.Asset}
	switch {
	case due.IsZero() && byHand != nil:
		was = Reason{Code: WhyRefundedByOwn, Amount: last.Amount, Asset: last.Asset, Text: byHand.Actor.Name}
	case due.IsZero():
	case paid.Cmp(due) >= 0:
		was = Reason{Code: WhyRefundSeen, Amount: due, Asset: last.Asset, N: depth, M: needed}
	default:
		was = Reason{Code: WhyRefundDue, Amount: due.Sub(paid), Asset: last.Asset}
	}
	if news { // money that came after that is a matter of its own
		o.Notes = append(o.Notes, was)
		return o
	}
	o.Status, o.Verdict, o.Next, o.Needed = Refunded, NoVerdict, time.Time{}, needed
	if !due.IsZero() {
		o.Status, o.Verdict = RefundDue, AskSupervisor
		if was.Code == WhyRefundDue && a.unsure(last) {
			// Paid back before it is certain, it would be paid twice.
			o.Notes = append(o.Notes, was)
			was = Reason{Code: WhyConfirmations, N: a.shallowest(last), M: needed}
		}
	}
	if goods {
		o.Verdict = HandOver
	}
	o.Reason = was
	return o
}

// wentBack sums what reached the address of a refund, beyond what earlier ones
// to the same address took: all of it, what is confirmed, and how deep the
// shallowest of it is.
func (a *assessor) wentBack(list []refund, i, needed int) (got, sure chain.Amount, deep int) {
	r := list[i]
	tip := a.env.Tips[r.Rail]
	for j := range a.out {
		p := &a.out[j]
		if p.To != r.To || p.Asset != r.Asset || !p.Live() {
			continue
		}
		d := depth(p, tip)
		if got.IsZero() || d < deep {
			deep = d
		}
		got, _ = got.Add(p.Amount)
		if d >= needed {
			sure, _ = sure.Add(p.Amount)
		}
	}
	for _, e := range list[:i] {
		if e.To == r.To && e.Asset == r.Asset && !e.done {
			got, sure = got.Sub(e.Amount), sure.Sub(e.Amount)
		}
	}
	return got, sure, deep
}

// unsure tells whether the money that a refund gives back could still go away.
func (a *assessor) unsure(r refund) bool {
	var sure chain.Amount
	for i := range a.pays {
		p := &a.pays[i]
		if p.Asset == r.Asset && p.Live() && confirmed(p, a.env.Tips[string(p.Key.Network)], Tier{}, a.confsFor(r.Asset)) {
			sure, _ = sure.Add(p.Amount)
		}
	}
	return sure.Cmp(r.Amount) < 0
}

// confsFor is how many confirmations money needs before it is given back, and
// what went back to be gone: those of the tier of the sale.
func (a *assessor) confsFor(asset chain.AssetID) int {
	var came chain.Amount
	for i := range a.pays {
		if p := &a.pays[i]; p.Asset == asset && p.Live() {
			came, _ = came.Add(p.Amount)
		}
	}
	for _, q := range slices.Backward(a.sale.Quotes) {
		if q.Asset == asset {
			_, confs := a.tier(q, came)
			return max(1, confs)
		}
	}
	return 1
}

func (a *assessor) shallowest(r refund) int {
	least := -1
	for i := range a.pays {
		if p := &a.pays[i]; p.Asset == r.Asset && p.Live() {
			if d := depth(p, a.env.Tips[string(p.Key.Network)]); least < 0 || d < least {
				least = d
			}
		}
	}
	return max(0, least)
}

func (a *assessor) lastAct(kind ActKind) *Act {
	for i := range slices.Backward(a.sale.Acts) {
		if a.sale.Acts[i].Kind == kind {
			return &a.sale.Acts[i]
		}
	}
	return nil
}

// refundable is the asset that a sale can give back, on which rail, and how much
// of it came and was not given back already.
func refundable(rec Record) (asset chain.AssetID, rail string, left chain.Amount) {
	in, _ := split(rec.Payments)
	asset = rec.Sale.Outcome.Asset
	if i := slices.IndexFunc(in, func(p Payment) bool { return p.Live() && p.Asset == asset }); i < 0 {
		// It may have come in a coin that was not asked for.
		if i = slices.IndexFunc(in, func(p Payment) bool { return p.Live() }); i < 0 {
			return "", "", left
		}
		asset = in[i].Asset
	}
	for i := range in {
		if p := &in[i]; p.Live() && p.Asset == asset && p.By == "" {
			left, _ = left.Add(p.Amount)
			rail = string(p.Key.Network)
		}
	}
	for _, r := range rec.Sale.refunds() {
		if r.Asset == asset {
			left = left.Sub(r.Amount)
		}
	}
	return asset, rail, left
}

// refundChoices lists the amounts that could go back, all that came first.
func refundChoices(rec Record) []RefundChoice {
	asset, _, left := refundable(rec)
	if left.IsZero() {
		return nil
	}
	list := []RefundChoice{{RefundPaid, left}}
	due := rec.Sale.Outcome.Due
	if asset != rec.Sale.Outcome.Asset || due.IsZero() {
		return list
	}
	if over := left.Sub(due); !over.IsZero() {
		list = append(list, RefundChoice{RefundOver, over}, RefundChoice{RefundPrice, due})
	}
	if rec.Sale.Price.Kind == PriceFiat {
		list = append(list, RefundChoice{Basis: RefundPart})
	}
	return list
}

var errNothingBack = errors.New("nothing came that could go back")

// refundAmount is what a deed gives back.
func refundAmount(rec Record, basis RefundBasis, part money.Fiat) (chain.Amount, error) {
	_, _, left := refundable(rec)
	choices := refundChoices(rec)
	i := slices.IndexFunc(choices, func(c RefundChoice) bool { return c.Basis == basis })
	switch {
	case len(choices) == 0:
		return left, fmt.Errorf("%w: %w", ErrNotNow, errNothingBack)
	case i < 0:
		return left, fmt.Errorf("%w: no such amount can go back", ErrNotNow)
	case basis != RefundPart:
		return choices[i].Amount, nil
	}
	price := rec.Sale.Price.Fiat
	if part.Currency != price.Currency || part.Minor <= 0 || part.Minor > price.Minor {
		return left, fmt.Errorf("%w: the part must be between nothing and %s", ErrDraft, price)
	}
	n := new(big.Int).Mul(rec.Sale.Outcome.Due.Big(), big.NewInt(part.Minor))
	amount, err := chain.AmountFromBig(n.Div(n, big.NewInt(price.Minor)))
	if err != nil {
		return left, err
	}
	if amount.IsZero() || amount.Cmp(left) > 0 {
		return left, fmt.Errorf("%w: that is more than came, or nothing", ErrDraft)
	}
	return amount, nil
}
