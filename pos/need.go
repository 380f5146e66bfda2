package pos

import (
	"math/big"
	"math/bits"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// tier finds what q's sale needs. Where the value is not known, or known only
// in another currency, the strictest tier counts. Received judges open prices.
func (a *assessor) tier(q Quote, received chain.Amount) (Tier, int) {
	tiers := a.env.Policy.Rails[q.Rail].Tiers
	if len(tiers) == 0 {
		return Tier{Need: 1}, max(1, a.sale.Confirmations)
	}
	value := worth(a.sale, q, received)
	found := tiers[len(tiers)-1]
	for _, t := range tiers {
		if t.UpTo == (money.Fiat{}) || (value.Currency == t.UpTo.Currency && value.Minor <= t.UpTo.Minor) {
			found = t
			break
		}
	}
	return found, max(found.Need, a.sale.Confirmations)
}

// worth is what a sale is worth in the shop's own currency, zero if unknown.
func worth(s Sale, q Quote, received chain.Amount) money.Fiat {
	if s.Price.Kind != PriceOpen || q.Rate.IsZero() {
		return q.Value
	}
	value, err := money.Worth(received, q.Rate.Rate, q.Decimals, q.Currency)
	if err != nil {
		return money.Fiat{}
	}
	return value
}

// need is the least that pays q: due - tolerance - what was taken in cash, at
// least one unit.
func (a *assessor) need(q Quote) chain.Amount {
	if n := q.Due.Sub(a.tolerance(q)).Sub(a.inCash(q)); !n.IsZero() {
		return n
	}
	return chain.Units(1)
}

// inCash is what of q was taken in cash.
func (a *assessor) inCash(q Quote) chain.Amount {
	cash := a.cash()
	if cash.IsZero() {
		return chain.Amount{}
	}
	return mulDiv(q.Due, uint64(cash.Minor), uint64(a.sale.Price.Fiat.Minor))
}

// cash is what was taken in cash, at most the price; zero if nothing was.
func (a *assessor) cash() money.Fiat {
	price := a.sale.Price.Fiat
	sum := money.Fiat{}
	for _, act := range a.sale.Acts {
		if act.Kind == ActCash && act.Cash.Minor > 0 && price.Minor > 0 && act.Cash.Currency == price.Currency {
			sum = money.Of(min(sum.Minor+min(act.Cash.Minor, price.Minor), price.Minor), price.Currency)
		}
	}
	return sum
}

// cashNote says what was taken in cash, and by whom.
func (a *assessor) cashNote() Reason {
	note := Reason{Code: WhyCash, Fiat: a.cash()}
	if act := a.lastAct(ActCash); act != nil {
		note.Text = act.Actor.Name
	}
	return note
}

// restInCash is what is missing of a sale at its own rate, rounded up to a whole
// minor unit; zero where its price is not in fiat.
func restInCash(s Sale) money.Fiat {
	price, o := s.Price.Fiat, s.Outcome
	if s.Price.Kind != PriceFiat || o.Missing.IsZero() || o.Due.IsZero() {
		return money.Fiat{}
	}
	rest := new(big.Int).Mul(o.Missing.Big(), big.NewInt(price.Minor))
	due := o.Due.Big()
	rest.Add(rest, due).Sub(rest, big.NewInt(1)).Div(rest, due)
	return money.Of(min(rest.Int64(), price.Minor), price.Currency)
}

func (a *assessor) tolerance(q Quote) chain.Amount {
	tol := a.env.Policy.Tolerance
	part := mulDiv(q.Due, uint64(max(0, tol.PPM)), 1_000_000)
	if price := a.sale.Price.Fiat.Minor; tol.MaxFiat > 0 && price > 0 && a.sale.Price.Kind == PriceFiat {
		if limit := mulDiv(q.Due, uint64(tol.MaxFiat), uint64(price)); part.Cmp(limit) > 0 {
			part = limit
		}
	}
	if tol.Units.Cmp(part) > 0 {
		part = tol.Units
	}
	// However it is configured, tolerance never gives a sale away.
	if half := mulDiv(q.Due, 1, 2); part.Cmp(half) > 0 {
		part = half
	}
	return part
}

// mulDiv is floor(a * m / d), and the largest amount where that does not fit.
func mulDiv(a chain.Amount, m, d uint64) chain.Amount {
	var wide [5]uint64
	var carry uint64
	for i, w := range a {
		hi, lo := bits.Mul64(w, m)
		var c uint64
		wide[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	wide[4] = carry
	var rem uint64
	var out [5]uint64
	for i := len(wide) - 1; i >= 0; i-- {
		out[i], rem = bits.Div64(rem, wide[i], d)
	}
	if out[4] != 0 {
		return chain.Amount{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	}
	return chain.Amount(out[:4])
}
