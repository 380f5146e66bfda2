package main

import (
	"context"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// leastQuarantine is how long an address rests at least before it is shown to
// somebody else: whoever saw it last may still pay.
const leastQuarantine = 24 * time.Hour

// readIndices reads at which index a Bitcoin key begins and when one serves again.
func (r *reader) readIndices(b *bitcoinFile, out *bitcoinSettings) error {
	switch {
	case b.First < 0 || b.First >= 1<<31:
		return r.wrong("bitcoin.first", "it is the first index of the key that till shows, a whole number from 0 on")
	case b.First > 0:
		out.key = out.key.From(uint32(b.First))
	}
	if b.Reuse == "" || b.Reuse == "never" {
		return nil
	}
	rest, err := time.ParseDuration(b.Reuse)
	if err != nil || rest < leastQuarantine {
		return r.wrong("bitcoin.reuse", `%q is no time of a day or more; write how long the address of an unpaid sale rests before it is shown again, once %d in a row were never paid, like "168h", or "never"`, shown(b.Reuse, 20), chain.WalletGap)
	}
	out.key = out.key.ReuseAtGap(chain.WalletGap, rest)
	return nil
}

// unpaidInARow counts the newest addresses of a rail's account that were shown
// and never paid, at most so many. A wallet that restores the key looks
// [chain.WalletGap] ahead.
func unpaidInARow(ctx context.Context, books pos.Store, rail chain.Rail, most int) (int, error) {
	account := rail.Account()
	next, err := books.Next(ctx, account.ID)
	if err != nil {
		return 0, err
	}
	unpaid := 0
	for i := int64(next) - 1; i >= int64(account.First) && unpaid < most; i-- {
		to, err := rail.Destination(uint32(i))
		if err != nil {
			return 0, err
		}
		known, ok, err := books.Owner(ctx, to)
		if err != nil {
			return 0, err
		}
		if !ok {
			break // passed over, because somebody had paid it
		}
		rec, err := books.Sale(ctx, known.SaleID)
		if err != nil {
			return 0, err
		}
		for _, p := range rec.Payments {
			if p.To == to {
				return unpaid, nil
			}
		}
		unpaid++
	}
	return unpaid, nil
}
