package pos

import (
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// Policy is what a shop decided about sales and confirmations.
type Policy struct {
	Expires   time.Duration // length of a quote, 15 min by default
	Tolerance Tolerance
	// Rails has the tiers of each rail id.
	Rails map[string]RailPolicy
	// UnconfirmedPerHour caps what is handed over before a block; zero = nothing.
	UnconfirmedPerHour money.Fiat
	// Settle is how long a payment must have been seen without a conflict
	// before need = 0 hands over.
	Settle time.Duration
}

// RailPolicy is what one rail's confirmations mean.
type RailPolicy struct {
	Tiers []Tier
	// Grace is how much later than the deadline a block may say it was made,
	// for payments that were never seen unconfirmed: 60 min for Bitcoin, 2 min
	// for EVM chains.
	Grace time.Duration
	// Final is the depth at which a conflict is final: 6 for Bitcoin. 0 = by
	// the tag "finalized".
	Final int
	// FeeFloor, where positive, is the fee rate (as in chain.Proof) below which
	// nothing is handed over before a block. Where nobody knows the fee, half of
	// the tier's limit counts. 0 = fees are not looked at.
	FeeFloor uint64
}

// Tier is how many confirmations amounts up to a limit need. The first tier
// whose limit is not exceeded counts; the last one has no limit.
type Tier struct {
	UpTo money.Fiat // zero = no limit
	Need int        // 0 = may be handed over before a block, by the evidence rules
	Tag  string     // "safe" or "finalized" instead of a number
}

// Tolerance is how much may be missing or over without anybody minding: the
// larger of Units and PPM, the latter at most MaxFiat.
type Tolerance struct {
	Units   chain.Amount // smallest units
	PPM     int          // millionths of the due amount: 0.1 % = 1000
	MaxFiat int64        // minor units of the sale's currency that PPM may reach; 0 = no cap
}
