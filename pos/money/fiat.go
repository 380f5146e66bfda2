package money

import (
	"cmp"
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// ErrMixed says that amounts of two currencies were to be added or compared.
var ErrMixed = errors.New("two different currencies")

// maxText bounds what parsers of fiat and rates look at.
const maxText = 40

// Of makes an amount of minor units.
func Of(minor int64, cur Currency) Fiat { return Fiat{minor, cur} }

// ParseFiat reads a price as people type it: digits with at most one point or
// comma before the decimals, no sign and no marks between thousands ("4.50",
// "4,50", ".5", "450"). More decimals than the currency has are refused, so
// that "1,234" is never taken for 1.23 or 1234 of a currency with cents.
//
// It fails with ErrSyntax, ErrRange or ErrCurrency.
func ParseFiat(text string, cur Currency) (Fiat, error) {
	if !cur.Valid() {
		return Fiat{}, fail(ErrCurrency, "%.10q is no currency in use", string(cur))
	}
	whole, frac, err := cutDecimal(text)
	if err != nil {
		return Fiat{}, err
	}
	digits := cur.Digits()
	if len(frac) > digits {
		if digits == 0 {
			return Fiat{}, fail(ErrSyntax, "%q: %s has no decimals", text, cur)
		}
		return Fiat{}, fail(ErrSyntax, "%q: %s has only %d decimals", text, cur, digits)
	}
	all := whole + frac + zeros[:digits-len(frac)]
	minor, err := strconv.ParseInt(all, 10, 64)
	if err != nil {
		return Fiat{}, fail(ErrRange, "%q %s is more than a till can count", text, cur)
	}
	return Fiat{minor, cur}, nil
}

const zeros = "0000000000000000000000000000000000000000"

// cutDecimal splits a decimal number at its point or comma; both parts are
// digits only, and at least one of them has some.
func cutDecimal(text string) (whole, frac string, err error) {
	if len(text) == 0 {
		return "", "", fail(ErrSyntax, "nothing was typed")
	}
	if len(text) > maxText {
		return "", "", fail(ErrSyntax, "%d characters are too many for an amount", len(text))
	}
	return cutDigits(text)
}

func cutDigits(text string) (whole, frac string, err error) {
	mark := -1
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
		case (c == '.' || c == ',') && mark < 0:
			mark = i
		case c == '.' || c == ',':
			return "", "", fail(ErrSyntax, "%q: write one point or comma, before the decimals", text)
		default:
			return "", "", fail(ErrSyntax, "%q: write digits and one point or comma", text)
		}
	}
	if mark < 0 {
		return text, "", nil
	}
	if len(text) == 1 {
		return "", "", fail(ErrSyntax, "%q has no digits", text)
	}
	return text[:mark], text[mark+1:], nil
}

// Decimal writes f for machines: a point, every decimal of the currency, no
// marks between thousands, a minus sign in front ("4.50", "450" yen, "-0.05").
func (f Fiat) Decimal() string {
	magnitude := uint64(f.Minor)
	sign := ""
	if f.Minor < 0 {
		magnitude, sign = -magnitude, "-"
	}
	return sign + insertPoint(strconv.FormatUint(magnitude, 10), f.Currency.Digits(), '.')
}

// insertPoint puts a decimal mark before the last n digits.
func insertPoint(digits string, n int, mark byte) string {
	if n == 0 {
		return digits
	}
	if len(digits) <= n {
		digits = strings.Repeat("0", n+1-len(digits)) + digits
	}
	at := len(digits) - n
	return digits[:at] + string(mark) + digits[at:]
}

// String is the machine form with its currency, for logs: "4.50 EUR".
func (f Fiat) String() string { return f.Decimal() + " " + string(f.Currency) }

// IsZero tells whether there is no money, whatever the currency.
func (f Fiat) IsZero() bool { return f.Minor == 0 }

// Cmp is -1, 0 or +1 as f is less than, equal to or more than g. Amounts of
// different currencies cannot be compared: that fails with ErrMixed.
func (f Fiat) Cmp(g Fiat) (int, error) {
	if err := f.same(g); err != nil {
		return 0, err
	}
	return cmp.Compare(f.Minor, g.Minor), nil
}

// Add returns f+g. It fails with ErrMixed or ErrRange.
func (f Fiat) Add(g Fiat) (Fiat, error) {
	if err := f.same(g); err != nil {
		return Fiat{}, err
	}
	sum := f.Minor + g.Minor
	if (g.Minor > 0) != (sum > f.Minor) && g.Minor != 0 {
		return Fiat{}, f.tooMuch()
	}
	return Fiat{sum, f.Currency}, nil
}

// Sub returns f-g, which may be negative. It fails with ErrMixed or ErrRange.
func (f Fiat) Sub(g Fiat) (Fiat, error) {
	if err := f.same(g); err != nil {
		return Fiat{}, err
	}
	diff := f.Minor - g.Minor
	if (g.Minor > 0) != (diff < f.Minor) && g.Minor != 0 {
		return Fiat{}, f.tooMuch()
	}
	return Fiat{diff, f.Currency}, nil
}

// Mul returns f times n. It fails with ErrRange.
func (f Fiat) Mul(n int64) (Fiat, error) {
	hi, lo := bits.Mul64(magnitude(f.Minor), magnitude(n))
	negative := (f.Minor < 0) != (n < 0)
	switch {
	case hi != 0, lo > 1<<63, lo == 1<<63 && !negative:
		return Fiat{}, f.tooMuch()
	case negative:
		return Fiat{-int64(lo), f.Currency}, nil // -(1<<63) is itself
	}
	return Fiat{int64(lo), f.Currency}, nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func (f Fiat) same(g Fiat) error {
	if f.Currency != g.Currency {
		return fail(ErrMixed, "%s and %s are different currencies and cannot be added or compared", f, g)
	}
	return nil
}

func (f Fiat) tooMuch() error {
	return fail(ErrRange, "that is more than a till can count, which is %s", Fiat{math.MaxInt64, f.Currency})
}
