package pos

import (
	"cmp"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// Env is what Assess needs to know beside the sale itself.
type Env struct {
	Now    time.Time
	Policy Policy
	Tips   map[string]chain.TipState // by rail id
	// UnconfirmedUsed is what other sales were handed over before a block
	// within the last hour, in minor units of Policy.UnconfirmedPerHour.
	UnconfirmedUsed int64
}

// Assess derives what a sale is now. It is pure: the same arguments give the
// same Outcome, and nothing is read from outside.
//
// With S0 = all live payments, S1 = those in a block, Sn = those with the
// confirmations that the sale's tier needs, each counted only if it came in a
// quote's time, and need = due - tolerance:
//
//	AWAITING    nothing seen
//	PARTIAL     open, 0 < S0 < need
//	SEEN        S0 >= need
//	CONFIRMING  S1 >= need
//	PAID        Sn >= need
//	OVERPAID    PAID and Sn > due + tolerance
//	UNDERPAID   the quote ended with 0 < S0 < need
//	EXPIRED     the quote ended and nothing came
//	LATE        money came after the end, or after cancelling; or the sale
//	            ended and there is money in a coin that was not asked for
//	CANCELLED   by a person, and nothing came
//	DISPUTED    counted money went away
//	REVERSED    and that is final
//	ACCEPTED    a person accepted an UNDERPAID, LATE or DISPUTED sale; or the
//	            rest of it was taken in cash, and what came in coin is confirmed
//	REFUND DUE  a refund is recorded, and not all of it has gone back
//	REFUNDED    it has: in blocks, as deep as the sale needs, or a person says so
//
// Money first seen by the deadline never expires; a payment that was never seen
// unconfirmed is in time if its block's time stamp is at most the rail's grace
// after the deadline. A top-up within one quote length after the end still
// completes a sale.
func Assess(s Sale, payments []Payment, env Env) Outcome {
	a := assessor{sale: s, env: env}
	a.pays, a.out = split(payments)
	o := a.base()
	o = a.disputes(o)
	o = a.acts(o)
	o = a.refunds(o)
	o.At = env.Now
	rail := ""
	if o.Quote >= 0 {
		rail = s.Quotes[o.Quote].Rail
		o.Tip = env.Tips[rail].Block
	}
	for _, r := range s.refunds() {
		if r.Rail != rail {
			o.RefundTip = env.Tips[r.Rail].Block
		}
	}
	return o
}

type assessor struct {
	sale Sale
	pays []Payment // what came in
	out  []Payment // what went back
	env  Env
}

// split parts what came in from what went back.
func split(payments []Payment) (in, out []Payment) {
	if !slices.ContainsFunc(payments, func(p Payment) bool { return p.Refund }) {
		return payments, nil
	}
	for _, p := range payments {
		if p.Refund {
			out = append(out, p)
		} else {
			in = append(in, p)
		}
	}
	return in, out
}

// cancelled tells whether a person ended a quote. Late money that was priced
// again has a quote of its own, which only a later cancelling ends.
func (a *assessor) cancelled(q Quote) bool {
	for _, act := range slices.Backward(a.sale.Acts) {
		switch act.Kind {
		case ActCancel:
			return true
		case ActReprice, ActRequote:
			if q.Repriced {
				return false
			}
		}
	}
	return false
}

// tally is what a set of payments adds up to.
type tally struct {
	s0, s1, sn chain.Amount
	need       chain.Amount // what of them pays the quote
	whole      bool         // these are all payments in the asset
	depth      int          // of the payment that completes need, deepest first; 0 = not complete in blocks
}

// met tells whether they pay, in a block or not.
func (t tally) met() bool { return t.s0.Cmp(t.need) >= 0 }

func (a *assessor) base() Outcome {
	asset, other := a.asset()
	if asset == "" {
		newest, _ := a.sale.Quote()
		return a.nothing(a.cancelled(newest), other)
	}

	o := Outcome{Asset: asset, Quote: -1, Notes: a.notes(asset)}
	everything := func(*Payment) bool { return true }
	var full Outcome
	found := false
	for i, q := range a.sale.Quotes {
		if q.Asset != asset {
			continue
		}
		o.Quote = i // the last one stands if none is full
		if a.cancelled(q) {
			continue
		}
		in := a.inTime(q, q.Deadline)
		if t := a.tally(asset, q, in); t.met() {
			// Any price will do: the first, unless only another is paid for good.
			got := o
			got.Notes = slices.Clip(o.Notes)
			if got = a.full(got, q, in, t); !found || got.Status.Settled() && !full.Status.Settled() {
				full, found = got, true
			}
		}
	}
	if found {
		return full
	}
	q := a.sale.Quotes[o.Quote]
	all := a.tally(asset, q, everything)
	o.Due, o.Received, o.Missing = q.Due, all.s0, q.Due.Sub(all.s0).Sub(a.inCash(q))
	if !a.cash().IsZero() {
		o.Notes = append(o.Notes, a.cashNote())
	}
	if a.cancelled(q) {
		o.Status, o.Verdict = Late, AskSupervisor
		o.Reason = Reason{Code: WhyLateCancelled, Amount: all.s0, Asset: asset}
		return o
	}
	came := a.tally(asset, q, a.inTime(q, q.Deadline)).s0
	if !came.IsZero() {
		// A top-up counts for one quote length more.
		in := a.inTime(q, q.Deadline.Add(q.Deadline.Sub(q.At)))
		t := a.tally(asset, q, in)
		if came = t.s0; t.met() {
			return a.full(o, q, in, t)
		}
	}
	switch ended := !a.env.Now.Before(q.Deadline); {
	case !ended && all.met(): // late by a clock that was set back since
		o.Status, o.Verdict, o.Next = Partial, AskSupervisor, q.Deadline
		o.Reason = Reason{Code: WhyLate, Amount: all.s0.Sub(came), Asset: asset}
	case !ended && other != nil:
		o.Status, o.Verdict, o.Next = Partial, AskSupervisor, q.Deadline
		o.Reason = Reason{Code: WhyOtherAsset, Amount: other.Amount, Asset: other.Asset}
	case !ended:
		o.Status, o.Verdict, o.Next = Partial, Wait, q.Deadline
		o.Reason = Reason{Code: WhyMissing, Amount: o.Missing, Asset: asset}
	case all.s0.Cmp(came) > 0:
		o.Status, o.Verdict = Late, AskSupervisor
		o.Reason = Reason{Code: WhyLate, Amount: all.s0.Sub(came), Asset: asset}
	default:
		o.Status, o.Verdict = Underpaid, AskSupervisor
		o.Reason = Reason{Code: WhyShort, Amount: o.Missing, Asset: asset}
	}
	return o
}

// asset is the quoted asset that the sale is paid in: that of live money which
// counted, else that of the live money noticed first, else that of money which
// counted and went away. Other is a live payment in any other asset.
func (a *assessor) asset() (asset chain.AssetID, other *Payment) {
	var first, lost *Payment
	for i := range a.pays {
		p := &a.pays[i]
		quoted := slices.ContainsFunc(a.sale.Quotes, func(q Quote) bool { return q.Asset == p.Asset })
		switch {
		case !quoted:
		case p.Live() && (first == nil || before(p, first)):
			first = p
		case !p.Live() && p.Counted != nil && (lost == nil || before(p, lost)):
			lost = p
		}
	}
	switch {
	case first != nil:
		asset = first.Asset
	case lost != nil:
		asset = lost.Asset
	}
	for i := range a.pays {
		if p := &a.pays[i]; p.Live() && p.Asset != asset {
			return asset, p
		}
	}
	return asset, nil
}

// before tells whether p fixes a sale's asset rather than q.
func before(p, q *Payment) bool {
	if yes := decided(p); yes != decided(q) {
		return yes
	}
	return p.FirstAt.Before(q.FirstAt)
}

// decided tells whether p carried what its sale was.
func decided(p *Payment) bool { return p.Counted != nil && !p.Counted.Aside }

// nothing is the outcome while no money in a quoted asset is there.
func (a *assessor) nothing(cancelled bool, other *Payment) Outcome {
	o := Outcome{Status: Awaiting, Verdict: Wait, Reason: Reason{Code: WhyNothing}, Quote: len(a.sale.Quotes) - 1}
	for _, q := range a.sale.Quotes {
		if q.Deadline.After(o.Next) {
			o.Next = q.Deadline
		}
	}
	if o.Quote >= 0 {
		q := a.sale.Quotes[o.Quote]
		o.Asset, o.Due, o.Missing = q.Asset, q.Due, q.Due.Sub(a.inCash(q))
		tier, confs := a.tier(q, chain.Amount{})
		o.Needed, o.Tag = max(1, confs), tier.Tag
	}
	switch {
	case cancelled:
		o.Status, o.Verdict, o.Next = Cancelled, NoVerdict, time.Time{}
		o.Reason = Reason{Code: WhyCancelled}
	case len(a.sale.Quotes) > 0 && !a.env.Now.Before(o.Next):
		o.Status, o.Verdict, o.Next = Expired, NoVerdict, time.Time{}
		o.Reason = Reason{Code: WhyExpired}
	}
	o.Notes = a.notes("")
	if !a.cash().IsZero() {
		o.Notes = append(o.Notes, a.cashNote())
		if o.Status != Awaiting { // somebody has to give it back
			o.Verdict, o.Reason = AskSupervisor, a.cashNote()
		}
	}
	if other != nil {
		if o.Status != Awaiting {
			o.Status = Late // there is money, so this is not over
		}
		o.Verdict = AskSupervisor
		o.Reason = Reason{Code: WhyOtherAsset, Amount: other.Amount, Asset: other.Asset}
	}
	return o
}

// full is the outcome once need is met by t, the payments that came in q's time.
func (a *assessor) full(o Outcome, q Quote, in func(*Payment) bool, t tally) Outcome {
	all, need := t, t.need
	if !t.whole {
		all = a.tally(o.Asset, q, func(*Payment) bool { return true })
	}
	tier, confs := a.tier(q, t.s0)
	o.Due, o.Received, o.Missing = q.Due, all.s0, chain.Amount{}
	o.Needed, o.Tag, o.Confirmations = max(1, confs), tier.Tag, t.depth

	cash := a.inCash(q)
	if !cash.IsZero() {
		o.Notes = append(o.Notes, a.cashNote())
	}
	switch {
	case t.sn.Cmp(need) >= 0 && !cash.IsZero() && t.sn.Cmp(q.Due.Sub(a.tolerance(q))) < 0:
		o.Status, o.Verdict, o.Reason, o.Notes = Accepted, HandOver, o.Notes[len(o.Notes)-1], o.Notes[:len(o.Notes)-1]
		if over := plus(all.sn, cash).Sub(q.Due); over.Cmp(a.tolerance(q)) > 0 {
			o.Over = over
			o.Notes = append(o.Notes, Reason{Code: WhyOver, Amount: over, Asset: o.Asset})
		}
	case t.sn.Cmp(need) >= 0:
		o.Status, o.Verdict = Paid, HandOver
		o.Reason = Reason{Code: WhyConfirmed, N: t.depth, Block: a.completing(o.Asset, in)}
		if over := plus(all.sn, cash).Sub(q.Due); !q.Due.IsZero() && over.Cmp(a.tolerance(q)) > 0 {
			o.Status, o.Over = Overpaid, over
			o.Notes = append(o.Notes, Reason{Code: WhyOver, Amount: over, Asset: o.Asset})
		}
	case t.s1.Cmp(need) >= 0:
		o.Status, o.Verdict = Confirming, Wait
		o.Reason = Reason{Code: WhyConfirmations, N: t.depth, M: o.Needed}
		if tier.Tag != "" {
			o.Reason = Reason{Code: WhyTag, N: t.depth, Text: tier.Tag}
		}
		if a.handedOver() {
			o.Verdict = HandOver
		}
	default:
		o.Status = Seen
		o.Verdict, o.Reason, o.Next = a.unconfirmed(q, tier, t.s0)
	}
	return o
}

// notes lists what happened beside the payments that count: live money in
// assets that the sale is not paid in, transfers that failed, and money that
// vanished before it counted.
func (a *assessor) notes(asset chain.AssetID) []Reason {
	var notes []Reason
	for i := range a.pays {
		p := &a.pays[i]
		note := Reason{Amount: p.Amount, Asset: p.Asset}
		switch {
		case p.Live() && p.Asset != asset && asset != "":
			note.Code = WhyOtherAsset
		case p.State == Failed:
			note.Code = WhyFailed
		case p.State == Gone && p.Counted == nil && a.rival(p) == nil:
			note.Code, note.By = WhyDropped, p.By
		default:
			continue
		}
		notes = append(notes, note)
	}
	return notes
}

// rival is the live payment that took p's place: the customer raised the fee,
// and only one of the two can ever be in a block.
func (a *assessor) rival(p *Payment) *Payment {
	if p.By == "" || p.State == Included {
		return nil
	}
	after := false // where each names the other, the later one stands
	for i := range a.pays {
		q := &a.pays[i]
		if q == p {
			after = true
			continue
		}
		if q.Live() && q.Key.TxID == p.By && q.Key.Network == p.Key.Network && (after || q.State == Included || q.By != p.Key.TxID) {
			return q
		}
	}
	return nil
}

// inTime tells which payments came by a deadline for q.
func (a *assessor) inTime(q Quote, deadline time.Time) func(*Payment) bool {
	grace := a.env.Policy.Rails[q.Rail].Grace
	return func(p *Payment) bool {
		if p.FirstSeen || p.MinedAt.IsZero() {
			return !p.FirstAt.After(deadline)
		}
		return !p.MinedAt.After(deadline.Add(grace))
	}
}

// plus adds, up to the largest amount that there is.
func plus(a, b chain.Amount) chain.Amount {
	sum, _ := a.Add(b)
	return sum
}

func (a *assessor) tally(asset chain.AssetID, q Quote, counts func(*Payment) bool) tally {
	t := tally{need: a.need(q), whole: true}
	var few [8]*Payment
	blocks := few[:0]
	for i := range a.pays {
		p := &a.pays[i]
		if p.Asset != asset || !p.Live() || a.rival(p) != nil {
			continue
		}
		if !counts(p) {
			t.whole = false
			continue
		}
		t.s0, _ = t.s0.Add(p.Amount)
		if p.State == Included {
			t.s1, _ = t.s1.Add(p.Amount)
			blocks = append(blocks, p)
		}
	}
	tier, confs := a.tier(q, t.s0)
	tip := a.env.Tips[q.Rail]
	slices.SortFunc(blocks, func(x, y *Payment) int { return cmp.Compare(x.Block.Height, y.Block.Height) })
	var sum chain.Amount
	done := false
	for _, p := range blocks {
		if confirmed(p, tip, tier, confs) {
			t.sn, _ = t.sn.Add(p.Amount)
		}
		if sum, _ = sum.Add(p.Amount); !done && sum.Cmp(t.need) >= 0 {
			t.depth, done = depth(p, tip), true
		}
	}
	return t
}

// completing is the block of the payment that met need.
func (a *assessor) completing(asset chain.AssetID, in func(*Payment) bool) chain.BlockRef {
	var b chain.BlockRef
	for i := range a.pays {
		p := &a.pays[i]
		if p.Asset == asset && p.State == Included && in(p) && p.Block.Height >= b.Height {
			b = p.Block
		}
	}
	return b
}

// Depth is the number of confirmations of p: 1 in the highest agreed block.
func Depth(p Payment, tip chain.TipState) int { return depth(&p, tip) }

func depth(p *Payment, tip chain.TipState) int {
	if p.State != Included || p.Block.Height > tip.Agreed {
		return 0
	}
	return int(tip.Agreed - p.Block.Height + 1)
}

func confirmed(p *Payment, tip chain.TipState, t Tier, confs int) bool {
	if depth(p, tip) < max(1, confs) {
		return false
	}
	switch t.Tag {
	case "safe":
		return p.Block.Height <= tip.Safe
	case "finalized":
		return p.Block.Height <= tip.Final
	}
	return true
}
