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

// owed is what is left of a sale's refunds.
type owed struct {
	list    []refund
	pending []refund // not done by a person's word, and not confirmed to have gone
	due     chain.Amount
	paid    chain.Amount // of due, under way
	depth   int          // of the shallowest that is under way
	byHand  *Act
}

// owes sums up the refunds of a sale.
func (a *assessor) owes() owed {
	w := owed{list: a.sale.refunds()}
	for i, r := range w.list {
		got, sure, deep := a.wentBack(w.list, i)
		switch {
		case !r.done.IsZero():
			w.byHand = a.lastAct(ActRefundDone)
		case sure.Cmp(r.Amount) < 0:
			w.pending = append(w.pending, r)
			w.due, w.paid, w.depth = plus(w.due, r.Amount), plus(w.paid, least(got, r.Amount)), deep
		}
	}
	return w
}

func least(a, b chain.Amount) chain.Amount {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// refunds judges what is to go back. Till sends nothing: it sees the owner's
// wallet pay. What is in dispute is not paid back.
func (a *assessor) refunds(o Outcome) Outcome {
	w := a.owes()
	if len(w.list) == 0 || o.Status == Disputed || o.Status == Reversed {
		return o
	}
	last := w.list[len(w.list)-1]
	if len(w.pending) > 0 {
		last = w.pending[0]
	}
	tier, needed := a.strict(last.Asset, last.Rail)
	was := Reason{Code: WhyRefunded, Amount: last.Amount, Asset: last.Asset}
	switch {
	case w.due.IsZero() && w.byHand != nil:
		was = Reason{Code: WhyRefundedByOwn, Amount: last.Amount, Asset: last.Asset, Text: w.byHand.Actor.Name}
	case w.due.IsZero():
	case w.paid.Cmp(w.due) >= 0:
		was = Reason{Code: WhyRefundSeen, Amount: w.due, Asset: last.Asset, N: w.depth, M: needed}
	default:
		was = Reason{Code: WhyRefundDue, Amount: w.due.Sub(w.paid), Asset: last.Asset}
	}
	if more := a.outOf(last.Asset).Sub(recorded(w.list, last.Asset)); !more.IsZero() {
		o.Notes = append(o.Notes, Reason{Code: WhyRefundedMore, Amount: more, Asset: last.Asset})
	}
	o.Needed, o.Tag, o.Next = needed, tier.Tag, time.Time{}
	if extra := a.cameOf(last.Asset).Sub(w.list[len(w.list)-1].Came); !extra.IsZero() {
		return a.afterRefund(o, was, extra, last.Asset)
	}
	o.Status, o.Verdict = Refunded, NoVerdict
	if !w.due.IsZero() {
		o.Status, o.Verdict = RefundDue, AskSupervisor
		if was.Code == WhyRefundDue && a.unsure(w.list, last) {
			// Paid back before it is certain, it would be paid twice.
			o.Notes = append(o.Notes, was)
			was = Reason{Code: WhyConfirmations, N: a.shallowest(last.Asset), M: needed}
		}
	}
	if a.keptGoods(w.list) {
		o.Verdict = HandOver
	}
	o.Reason = was
	return o
}

// afterRefund is the outcome when money came on top of what a refund speaks of:
// nobody hands over goods on it, and nobody overlooks it, until a person decides.
func (a *assessor) afterRefund(o Outcome, was Reason, extra chain.Amount, asset chain.AssetID) Outcome {
	o.Notes = append(o.Notes, was)
	for _, act := range slices.Backward(a.sale.Acts) {
		if act.Kind == ActAccept && o.Status == Accepted {
			return o
		}
		if act.Kind == ActRefundDue {
			break
		}
	}
	o.Status, o.Verdict = Late, AskSupervisor
	o.Reason = Reason{Code: WhyLate, Amount: extra, Asset: asset}
	return o
}

// keptGoods tells whether the customer keeps the goods: the sale was settled
// when its first refund was recorded, and the shop keeps a part of the price.
func (a *assessor) keptGoods(list []refund) bool {
	var back chain.Amount
	for _, r := range list {
		if !r.Settled || r.Basis == RefundPaid || r.Basis == RefundPrice {
			return false
		}
		back = plus(back, r.Amount)
	}
	return back.Cmp(list[0].Came) < 0
}

// recorded sums refunds of an asset.
func recorded(list []refund, asset chain.AssetID) (sum chain.Amount) {
	for _, r := range list {
		if r.Asset == asset {
			sum = plus(sum, r.Amount)
		}
	}
	return sum
}

// cameOf sums what came of an asset and is still there; outOf what went out.
func (a *assessor) cameOf(asset chain.AssetID) (sum chain.Amount) {
	for i := range a.pays {
		if p := &a.pays[i]; p.Asset == asset && p.Live() && a.rival(p) == nil {
			sum = plus(sum, p.Amount)
		}
	}
	return sum
}

func (a *assessor) outOf(asset chain.AssetID) (sum chain.Amount) {
	for i := range a.out {
		if p := &a.out[i]; p.Asset == asset && p.Live() {
			sum = plus(sum, p.Amount)
		}
	}
	return sum
}

// wentBack sums what reached the address of a refund, beyond what earlier ones
// to the same address took: all of it, what is confirmed, and how deep the
// shallowest of it is.
func (a *assessor) wentBack(list []refund, i int) (got, sure chain.Amount, deep int) {
	r := list[i]
	tip := a.env.Tips[r.Rail]
	tier, needed := a.strict(r.Asset, r.Rail)
	var before chain.Amount // what earlier ones, done by hand, had of it by then
	for j := range a.out {
		p := &a.out[j]
		if p.To != r.To || p.Asset != r.Asset || !p.Live() {
			continue
		}
		d := depth(p, tip)
		if got.IsZero() || d < deep {
			deep = d
		}
		got = plus(got, p.Amount)
		if confirmed(p, tip, tier, needed) {
			sure = plus(sure, p.Amount)
		}
		for _, e := range list[:i] {
			if e.To == r.To && !e.done.IsZero() && !p.FirstAt.After(e.done) {
				before = plus(before, p.Amount)
				break
			}
		}
	}
	got, sure = got.Sub(before), sure.Sub(before)
	for _, e := range list[:i] {
		if e.To == r.To && e.Asset == r.Asset && e.done.IsZero() {
			got, sure = got.Sub(e.Amount), sure.Sub(e.Amount)
		}
	}
	return got, sure, deep
}

// unsure tells whether the money that refunds give back could still go away:
// all that came must be confirmed, and be enough for all of them.
func (a *assessor) unsure(list []refund, r refund) bool {
	var sure chain.Amount
	for i := range a.pays {
		p := &a.pays[i]
		if p.Asset != r.Asset || !p.Live() {
			continue
		}
		tier, confs := a.strict(p.Asset, string(p.Key.Network))
		if !confirmed(p, a.env.Tips[string(p.Key.Network)], tier, confs) {
			return true
		}
		sure = plus(sure, p.Amount)
	}
	return sure.Cmp(recorded(list, r.Asset)) < 0
}

// strict is what money needs before it is given back, and what went back to be
// gone: the tier of the sale, or, of a coin that was not asked for, the
// strictest of its rail.
func (a *assessor) strict(asset chain.AssetID, rail string) (Tier, int) {
	for _, q := range slices.Backward(a.sale.Quotes) {
		if q.Asset == asset {
			tier, confs := a.tier(q, a.cameOf(asset))
			return tier, max(1, confs)
		}
	}
	tiers := a.env.Policy.Rails[rail].Tiers
	if len(tiers) == 0 {
		return Tier{}, max(1, a.sale.Confirmations)
	}
	last := tiers[len(tiers)-1]
	return last, max(1, last.Need, a.sale.Confirmations)
}

func (a *assessor) shallowest(asset chain.AssetID) int {
	found := -1
	for i := range a.pays {
		if p := &a.pays[i]; p.Asset == asset && p.Live() {
			if d := depth(p, a.env.Tips[string(p.Key.Network)]); found < 0 || d < found {
				found = d
			}
		}
	}
	return max(0, found)
}

func (a *assessor) lastAct(kind ActKind) *Act {
	for i := range slices.Backward(a.sale.Acts) {
		if a.sale.Acts[i].Kind == kind {
			return &a.sale.Acts[i]
		}
	}
	return nil
}

// refundable is the asset that a sale can give back, on which rail, how much of
// it came, and how much of that was not given back already.
func refundable(rec Record) (asset chain.AssetID, rail string, came, left chain.Amount) {
	a := assessor{sale: rec.Sale}
	a.pays, a.out = split(rec.Payments)
	asset = rec.Sale.Outcome.Asset
	i := slices.IndexFunc(a.pays, func(p Payment) bool { return p.Live() && p.Asset == asset })
	if i < 0 {
		// It may have come in a coin that was not asked for.
		if i = slices.IndexFunc(a.pays, func(p Payment) bool { return p.Live() }); i < 0 {
			return "", "", came, left
		}
		asset = a.pays[i].Asset
	}
	rail, came = string(a.pays[i].Key.Network), a.cameOf(asset)
	back, out := recorded(rec.Sale.refunds(), asset), a.outOf(asset)
	if out.Cmp(back) > 0 {
		back = out // what went out without being recorded is gone as well
	}
	return asset, rail, came, came.Sub(back)
}

// refundChoices lists the amounts that could go back, the safest first.
func refundChoices(rec Record) []RefundChoice {
	asset, _, _, left := refundable(rec)
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
		if rec.Sale.Outcome.Status.Settled() { // the goods are gone: first what is not their price
			list[0], list[1] = list[1], list[0]
		}
	}
	if rec.Sale.Price.Kind == PriceFiat {
		list = append(list, RefundChoice{Basis: RefundPart})
	}
	return list
}

var errNothingBack = errors.New("nothing came that could go back")

// refundAmount is what a deed gives back.
func refundAmount(rec Record, basis RefundBasis, part money.Fiat) (chain.Amount, error) {
	_, _, _, left := refundable(rec)
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
