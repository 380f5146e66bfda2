package money

import (
	"math/bits"
	"strconv"
	"strings"
)

// maxScale is the largest Rate.Scale.
const maxScale = 18

// ParseRate reads a positive price exactly: digits with at most one point or
// comma, no sign and no exponent ("62410.50"). At most 18 decimals and 64 bits
// of digits, trailing zeros not counted.
//
// It fails with ErrSyntax or ErrRange, and with ErrNoRate for zero.
func ParseRate(text string) (Rate, error) {
	whole, frac, err := cutDecimal(text)
	if err != nil {
		return Rate{}, err
	}
	frac = strings.TrimRight(frac, "0")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" && frac == "" {
		return Rate{}, fail(ErrNoRate, "a price of %q is no price", text)
	}
	if len(frac) > maxScale {
		return Rate{}, fail(ErrRange, "a price with %d decimals is finer than the %d that till computes with", len(frac), maxScale)
	}
	num, err := strconv.ParseUint(whole+frac, 10, 64)
	if err != nil {
		return Rate{}, fail(ErrRange, "a price of %q has more digits than till computes with", text)
	}
	return Rate{num, uint8(len(frac))}, nil
}

// IsZero tells whether there is no rate.
func (r Rate) IsZero() bool { return r.Num == 0 }

// String is the exact price for machines, without trailing zeros: "62410.5".
func (r Rate) String() string {
	r = r.trim()
	return insertPoint(strconv.FormatUint(r.Num, 10), int(r.Scale), '.')
}

// trim takes trailing zeros off, so that equal rates are identical.
func (r Rate) trim() Rate {
	if r.Num == 0 {
		return Rate{}
	}
	for r.Scale > 0 && r.Num%10 == 0 {
		r.Num /= 10
		r.Scale--
	}
	return r
}

// MarshalText writes what String does, "0" for no rate.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Rate) UnmarshalText(text []byte) error {
	if s := string(text); s == "" || s == "0" {
		*r = Rate{}
		return nil
	}
	v, err := ParseRate(string(text))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// Cmp is -1, 0 or +1 as r is lower than, equal to or higher than s, whatever
// their scales.
func (r Rate) Cmp(s Rate) int {
	scale := min(max(r.Scale, s.Scale), maxScale)
	rh, rl := r.scaled(scale)
	sh, sl := s.scaled(scale)
	switch {
	case rh < sh || rh == sh && rl < sl:
		return -1
	case rh == sh && rl == sl:
		return 0
	}
	return 1
}

// scaled is Num at a larger scale, in 128 bits: 10^18 < 2^60, so it fits. A
// scale that cannot be counts as the largest that can.
func (r Rate) scaled(scale uint8) (hi, lo uint64) {
	r.Scale = min(r.Scale, scale)
	return bits.Mul64(r.Num, pow10[scale-r.Scale])
}

// Mid is the exact middle of two rates. It fails with ErrRange where that needs
// more than 64 bits or 18 decimals.
func (r Rate) Mid(s Rate) (Rate, error) {
	scale := max(r.Scale, s.Scale)
	if scale > maxScale {
		return Rate{}, fail(ErrRange, "a rate cannot have %d decimals", scale)
	}
	rh, rl := r.scaled(scale)
	sh, sl := s.scaled(scale)
	lo, carry := bits.Add64(rl, sl, 0)
	hi, _ := bits.Add64(rh, sh, carry)
	if lo&1 == 0 {
		return shrink(hi>>1, lo>>1|hi<<63, scale)
	}
	// Half of an odd number has one decimal more: times ten, then halved.
	top, low := bits.Mul64(lo, 5)
	over, mid := bits.Mul64(hi, 5)
	mid, carry = bits.Add64(mid, top, 0)
	if over+carry != 0 {
		return Rate{}, fail(ErrRange, "the middle of %s and %s has more digits than till computes with", r, s)
	}
	return shrink(mid, low, scale+1)
}

// Spread is the rate less bps ten-thousandths of it, exactly: the shop values
// the coin that much lower and the customer pays so much more of it. A negative
// bps is a discount. It fails with ErrRange beyond ±9999 and where the result
// needs more than 64 bits or 18 decimals.
func (r Rate) Spread(bps int) (Rate, error) {
	if r.Scale > maxScale {
		return Rate{}, fail(ErrRange, "a rate cannot have %d decimals", r.Scale)
	}
	if bps <= -10_000 || bps >= 10_000 {
		return Rate{}, fail(ErrRange, "a spread of %d hundredths of a percent is not between -100 and 100 percent", bps)
	}
	if bps == 0 {
		return r, nil
	}
	hi, lo := bits.Mul64(r.Num, uint64(10_000-bps))
	return shrink(hi, lo, r.Scale+4)
}

// shrink takes trailing zeros off a 128-bit number until it fits a Rate.
func shrink(hi, lo uint64, scale uint8) (Rate, error) {
	for hi != 0 || scale > maxScale {
		top, low := bits.Div64(hi%10, lo, 10)
		if low != 0 || scale == 0 {
			return Rate{}, fail(ErrRange, "a price has more digits than till computes with")
		}
		hi, lo, scale = hi/10, top, scale-1
	}
	return Rate{lo, scale}.trim(), nil
}
