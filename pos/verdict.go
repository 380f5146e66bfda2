package pos

import (
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// What an unconfirmed payment must show before goods go out on it.
const (
	minAnnouncers = 3
	minGroups     = 3
	maxWithin     = 144 // blocks that its fee lets expect: one that waits longer is easily replaced
)

// unconfirmed is the verdict on a sale that is covered, but not in blocks. Only
// a tier with need = 0 ever hands over here, and only on evidence: today every
// node replaces transactions, so a missing BIP 125 flag protects nobody.
func (a *assessor) unconfirmed(q Quote, tier Tier, received chain.Amount) (Verdict, Reason, time.Time) {
	var weakest *Payment
	believed, standard, ancestors := true, true, 0
	var fee fees
	var settled time.Time
	for i := range a.pays {
		p := &a.pays[i]
		if p.State != Unconfirmed || p.Asset != q.Asset {
			continue
		}
		if p.Proof.Conflicted {
			return AskSupervisor, Reason{Code: WhyConflict, By: p.By}, time.Time{}
		}
		if weakest == nil || p.Proof.Announcers < weakest.Proof.Announcers {
			weakest = p
		}
		// All of it must be good: the weakest of each kind decides.
		believed = believed && relayed(p.Proof)
		standard = standard && p.Proof.Standard
		ancestors = max(ancestors, p.Proof.Ancestors)
		fee.add(p.Proof)
		for _, since := range []time.Time{p.FirstAt, p.ChangedAt} {
			if at := since.Add(a.env.Policy.Settle); at.After(settled) {
				settled = at
			}
		}
	}
	var told Reason
	if weakest != nil {
		told = Reason{N: weakest.Proof.Announcers, M: weakest.Proof.Of}
	}
	if a.handedOver() {
		told.Code = WhyUnconfirmed // whatever the policy says by now
		return HandOver, told, time.Time{}
	}
	if weakest == nil || tier.Need > 0 || tier.Tag != "" || a.sale.Confirmations > 0 {
		reason := Reason{Code: WhyNoBlock, N: max(1, tier.Need, a.sale.Confirmations), M: fee.within, Text: tier.Tag}
		if tiers := a.env.Policy.Rails[q.Rail].Tiers; len(tiers) > 1 && tier != tiers[0] && tiers[0].Need == 0 && tiers[0].Tag == "" {
			reason.Code, reason.Fiat = WhyAboveLimit, tiers[0].UpTo
		}
		return Wait, reason, time.Time{}
	}
	value := worth(a.sale, q, received)
	limit := a.env.Policy.UnconfirmedPerHour
	floor := a.env.Policy.Rails[q.Rail].FeeFloor
	half := halfOf(tier, limit)
	switch {
	case !believed:
		told.Code = WhyFewPeers
	case ancestors > 0:
		told = Reason{Code: WhyAncestors, N: ancestors}
	case !standard:
		told = Reason{Code: WhyNonStandard}
	case floor > 0 && fee.known && (fee.rate < floor || fee.within > maxWithin):
		told = Reason{Code: WhyLowFee, N: 1, M: fee.within}
	case floor > 0 && !fee.known && (value.Currency != half.Currency || value.Minor > half.Minor):
		told = Reason{Code: WhyFeeUnknown, N: 1, Fiat: half}
	case value.Currency != limit.Currency || a.env.UnconfirmedUsed > limit.Minor-value.Minor:
		told = Reason{Code: WhyHourlyCap, Fiat: limit}
	case a.env.Now.Before(settled):
		left := settled.Sub(a.env.Now)
		return Wait, Reason{Code: WhySettling, N: int((left + time.Second - 1) / time.Second)}, settled
	default:
		told.Code = WhyUnconfirmed
		return HandOver, told, time.Time{}
	}
	return Wait, told, time.Time{}
}

// fees are what is known of the fees of all payments that wait: the worst of them.
type fees struct {
	some   bool
	known  bool   // of every one
	rate   uint64 // the lowest
	within int    // the longest wait that is expected, 0 = not known
}

func (f *fees) add(p chain.Proof) {
	switch {
	case !f.some:
		*f = fees{some: true, known: p.FeeRate > 0, rate: p.FeeRate, within: p.Within}
		return
	case p.FeeRate == 0:
		f.known = false
	}
	f.rate = min(f.rate, p.FeeRate)
	if f.within == 0 || p.Within == 0 {
		f.within = 0
	} else {
		f.within = max(f.within, p.Within)
	}
}

// halfOf is what may be handed over without a block where nobody knows the fee.
func halfOf(tier Tier, perHour money.Fiat) money.Fiat {
	if tier.UpTo.Minor > 0 {
		perHour = tier.UpTo
	}
	return money.Of(perHour.Minor/2, perHour.Currency)
}

// relayed tells whether enough of the network has a transaction.
func relayed(p chain.Proof) bool {
	return p.OwnNode || (p.Announcers >= minAnnouncers && p.Groups >= minGroups && 2*p.Announcers >= p.Of)
}

// handedOver tells whether HAND OVER was already shown for live money.
func (a *assessor) handedOver() bool {
	for i := range a.pays {
		if p := &a.pays[i]; p.Counted != nil && p.Live() && !p.Proof.Conflicted {
			return true
		}
	}
	return false
}

// lost tells whether money that once decided something is no longer where it
// decided it.
func lost(p *Payment) bool {
	switch {
	case p.Counted == nil:
		return false
	case !p.Live():
		return true
	case !p.Counted.Block.IsZero():
		return p.State != Included || p.Block.Hash != p.Counted.Block.Hash
	}
	return p.Proof.Conflicted
}

// disputes turns an outcome around when counted money went away. It ends when
// the money is confirmed again, or when a person acts.
func (a *assessor) disputes(o Outcome) Outcome {
	if o.Status.Settled() {
		return o
	}
	var gone *Payment
	paid, final := false, true
	for i := range a.pays {
		p := &a.pays[i]
		if p.Counted != nil && p.Counted.Paid {
			paid = true
		}
		if !lost(p) {
			continue
		}
		if full := o.Status == Seen || o.Status == Confirming; full && !p.Counted.Paid && a.rival(p) != nil {
			continue // replaced by a transaction that still pays all
		}
		if gone == nil || !p.Live() {
			gone = p
		}
		final = final && a.conflictFinal(p)
	}
	if gone == nil {
		if paid {
			// Nothing moved: only the policy became stricter after it was paid.
			o.Status, o.Verdict = Paid, HandOver
			o.Reason = Reason{Code: WhyConfirmed, N: o.Confirmations}
		}
		return o
	}
	o.Status, o.Verdict, o.Next = Disputed, AskSupervisor, time.Time{}
	switch {
	case final:
		o.Status, o.Reason = Reversed, Reason{Code: WhyReversed, By: gone.By, Amount: gone.Amount, Asset: gone.Asset}
	case gone.By != "":
		o.Reason = Reason{Code: WhyConflict, By: gone.By, Amount: gone.Amount, Asset: gone.Asset}
	case gone.State == Unconfirmed || gone.State == Included:
		o.Reason = Reason{Code: WhyReorganised, Amount: gone.Amount, Asset: gone.Asset}
	default:
		o.Reason = Reason{Code: WhyVanished, Amount: gone.Amount, Asset: gone.Asset}
	}
	return o
}

// conflictFinal tells whether what took p's place is beyond reorganisation.
func (a *assessor) conflictFinal(p *Payment) bool {
	by := p.ByBlock
	if p.State == Failed {
		by = p.Block
	}
	if p.Live() || by.IsZero() {
		return false
	}
	rail := string(p.Key.Network)
	tip := a.env.Tips[rail]
	if n := a.env.Policy.Rails[rail].Final; n > 0 {
		return tip.Agreed >= by.Height+uint64(n)-1
	}
	return tip.Final >= by.Height
}

// acts lets a person's decision stand: an accepted sale stays accepted unless
// money goes away after that.
func (a *assessor) acts(o Outcome) Outcome {
	for _, act := range slices.Backward(a.sale.Acts) {
		if act.Kind != ActAccept {
			continue
		}
		switch o.Status { // what comes on top of it changes nothing until all is PAID
		case Underpaid, Late, Disputed, Reversed, Partial, Seen, Confirming:
		case Awaiting:
			if o.Verdict != AskSupervisor { // money in a coin that was not asked for
				return o
			}
		default:
			return o
		}
		for i := range a.pays {
			if p := &a.pays[i]; lost(p) && p.ChangedAt.After(act.At) {
				return o
			}
		}
		o.Status, o.Verdict, o.Next = Accepted, HandOver, time.Time{}
		o.Reason = Reason{Code: WhyAccepted, Text: act.Actor.Name}
		return o
	}
	return o
}
