package money

import (
	"math"
	"math/bits"

	"github.com/holiman/uint256"

	"github.com/cointill/till/chain"
)

// maxDecimals is what [chain.Asset] allows. With it and maxScale the largest
// number in Due is 2^63 * 10^54 < 2^243, so that 256 bits never overflow.
const maxDecimals = 36

// pow10 holds the powers of ten that fit 64 bits.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// wide holds the powers of ten up to 10^(maxDecimals+maxScale).
var wide = func() (p [maxDecimals + maxScale + 1]uint256.Int) {
	p[0].SetOne()
	for i := 1; i < len(p); i++ {
		p[i].Mul(&p[i-1], uint256.NewInt(10))
	}
	return p
}()

// Due is what a price is worth in an asset's smallest units, rounded up to a
// whole one, so that the shop never gets less than its price:
//
//	ceil(minor * 10^(decimals + rate.Scale - digits) / rate.Num)
//
// It fails with ErrNoRate without a rate and with ErrRange for a negative
// price and for decimals or scales that do not exist.
func Due(price Fiat, rate Rate, decimals uint8) (chain.Amount, error) {
	digits := price.Currency.Digits()
	if rate.Num == 0 {
		return chain.Amount{}, fail(ErrNoRate, "%s cannot be converted without a rate", price)
	}
	if price.Minor < 0 || decimals > maxDecimals || rate.Scale > maxScale {
		return chain.Amount{}, fail(ErrRange, "%s at %s cannot be converted into a coin with %d decimals", price, rate, decimals)
	}
	shift := int(decimals) + int(rate.Scale) - digits
	if shift >= 0 && shift < len(pow10) {
		// Satoshi fit 128 bits; so does what a token of 6 decimals needs.
		hi, lo := bits.Mul64(uint64(price.Minor), pow10[shift])
		if hi < rate.Num {
			n, rest := bits.Div64(hi, lo, rate.Num)
			if rest == 0 {
				return chain.Amount{n}, nil
			}
			if n != math.MaxUint64 {
				return chain.Amount{n + 1}, nil
			}
		}
	}
	n, d := uint256.NewInt(uint64(price.Minor)), uint256.NewInt(rate.Num)
	if shift >= 0 {
		n.Mul(n, &wide[shift])
	} else {
		d.Mul(d, &wide[-shift])
	}
	return chain.Amount(*ceilDiv(n, d)), nil
}

// ceilDiv divides, rounding up. n is left changed.
func ceilDiv(n, d *uint256.Int) *uint256.Int {
	var q, rest uint256.Int
	q.DivMod(n, d, &rest)
	if !rest.IsZero() {
		q.AddUint64(&q, 1) // q < n, so it does not overflow
	}
	return &q
}

// Worth is what an amount of a coin is worth at a rate, rounded down to whole
// minor units. It is for reports and for showing; whether a sale is paid is
// decided in the coin's own units.
//
// It fails with ErrNoRate without a rate, and with ErrRange beyond int64 and for
// decimals or scales that do not exist.
func Worth(amount chain.Amount, rate Rate, decimals uint8, cur Currency) (Fiat, error) {
	if rate.Num == 0 {
		return Fiat{}, fail(ErrNoRate, "%s units cannot be valued in %s without a rate", amount, cur)
	}
	if decimals > maxDecimals || rate.Scale > maxScale {
		return Fiat{}, fail(ErrRange, "till cannot value a coin with %d decimals at %s", decimals, rate)
	}
	a := uint256.Int(amount)
	times := uint256.NewInt(rate.Num)
	times.Mul(times, &wide[cur.Digits()])
	minor, over := new(uint256.Int).MulDivOverflow(&a, times, &wide[int(decimals)+int(rate.Scale)])
	if over || !minor.IsUint64() || minor.Uint64() > math.MaxInt64 {
		return Fiat{}, fail(ErrRange, "%s units at %s are worth more than a till can count", amount, rate)
	}
	return Fiat{int64(minor.Uint64()), cur}, nil
}

// Ceil rounds an amount that is due up to so many decimals of the whole coin,
// so that people type less: 0.006989238…142 ETH kept at 6 decimals is 0.00699.
// It never returns less than a. Where rounding up does not fit 256 bits, and
// where keep is not fewer than decimals, it returns a.
func Ceil(a chain.Amount, decimals, keep uint8) chain.Amount {
	if keep >= decimals || decimals > maxDecimals {
		return a
	}
	step := &wide[decimals-keep]
	n := uint256.Int(a)
	n = *ceilDiv(&n, step)
	if _, over := n.MulOverflow(&n, step); over {
		return a
	}
	return chain.Amount(n)
}
