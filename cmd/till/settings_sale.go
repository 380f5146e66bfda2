package main

import (
	"fmt"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// What a shop gets that says nothing.
const (
	defaultExpires = 15 * time.Minute
	defaultSettle  = 10 * time.Second
	leastExpires   = time.Minute
	mostExpires    = 7 * 24 * time.Hour
)

func (r *reader) readSale(c configFile) error {
	p := &r.out.policy
	p.Expires, p.Settle = defaultExpires, defaultSettle
	var err error
	if text := c.Sale.Expires; text != "" {
		if p.Expires, err = time.ParseDuration(text); err != nil || p.Expires < leastExpires || p.Expires > mostExpires {
			return r.wrong("sale.expires", `%q is not a time between 1 minute and 7 days; write it like "15m"`, shown(text, 20))
		}
	}
	if text := c.Sale.Settle; text != "" {
		if p.Settle, err = time.ParseDuration(text); err != nil || p.Settle < 0 || p.Settle > time.Hour {
			return r.wrong("sale.settle", `%q is not a time of at most an hour; write it like "10s"`, shown(text, 20))
		}
	}
	p.UnconfirmedPerHour = money.Of(0, r.out.own())
	if text := c.Sale.UnconfirmedPerHour; text != "" {
		if p.UnconfirmedPerHour, err = money.ParseFiat(text, r.out.own()); err != nil {
			return r.wrong("sale.unconfirmed_per_hour", `%q is not an amount in %s; write it like "100.00"`, shown(text, 20), r.out.own())
		}
	}
	// One unit hides what wallets round; the rest is the shop's to give away.
	p.Tolerance = pos.Tolerance{Units: chain.Units(1)}
	t := c.Sale.Tolerance
	if t == nil {
		return nil
	}
	if t.Units != "" {
		if p.Tolerance.Units, err = chain.ParseAmount(t.Units); err != nil {
			return r.wrong("sale.tolerance.units", `%q is not a whole number of smallest units; write it like "1"`, shown(t.Units, 20))
		}
	}
	if t.Percent != "" {
		n, ok := percent(t.Percent, 4)
		if !ok || n > 10*10000 {
			return r.wrong("sale.tolerance.percent", `%q is not a percentage between 0 and 10 with at most 4 decimals, like "0.1"`, shown(t.Percent, 20))
		}
		p.Tolerance.PPM = n
	}
	if t.Fiat != "" {
		most, err := money.ParseFiat(t.Fiat, r.out.own())
		if err != nil {
			return r.wrong("sale.tolerance.fiat", `%q is not an amount in %s; write it like "0.05"`, shown(t.Fiat, 20), r.out.own())
		}
		p.Tolerance.MaxFiat = most.Minor
	}
	return nil
}

// tiers reads a list of confirmations. Limits have to grow, only the last entry
// has none.
func (r *reader) tiers(key string, list []tierFile, fallback []pos.Tier, tags bool) ([]pos.Tier, error) {
	if len(list) == 0 {
		return fallback, nil
	}
	tiers := make([]pos.Tier, 0, len(list))
	for i, t := range list {
		at := fmt.Sprintf("%s.%d", key, i)
		var tier pos.Tier
		if t.UpTo != "" {
			limit, err := money.ParseFiat(t.UpTo, r.out.own())
			if err != nil || limit.IsZero() {
				return nil, r.wrong(at+".up_to", `%q is not an amount in %s; write it like "10.00"`, shown(t.UpTo, 20), r.out.own())
			}
			tier.UpTo = limit
		}
		last := i == len(list)-1
		switch {
		case last && t.UpTo != "":
			return nil, r.wrong(at, "the last entry counts for everything above and has no up_to")
		case !last && t.UpTo == "":
			return nil, r.wrong(at, "only the last entry has no up_to")
		case i > 0 && !last && tier.UpTo.Minor <= tiers[i-1].UpTo.Minor:
			return nil, r.wrong(at+".up_to", "each entry needs a higher up_to than the one before")
		}
		switch need := t.Need.(type) {
		case nil:
			return nil, r.wrong(at, "say how many confirmations it needs, like need = 1")
		case int64:
			if need < 0 || need > 1000 {
				return nil, r.wrong(at+".need", "it takes a number between 0 and 1000")
			}
			tier.Need = int(need)
		default:
			tag, _ := need.(string)
			if !tags {
				return nil, r.wrong(at+".need", "it takes a number, like need = 1")
			}
			if tag != "safe" && tag != "finalized" {
				return nil, r.wrong(at+".need", `it takes a number, like need = 1, or "safe" or "finalized"`)
			}
			tier.Tag = tag
		}
		tiers = append(tiers, tier)
	}
	return tiers, nil
}
