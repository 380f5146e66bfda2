package money

import (
	"strings"

	"github.com/cointill/till/chain"
)

// maxAmountText is the longest amount: 78 digits of 2^256 and a point, with
// room for zeros.
const maxAmountText = 100

// ParseAmount reads whole coins as people type them, "0.01" of a coin with 18
// decimals, into its smallest units: digits with at most one point or comma, no
// sign, no unit, no marks between thousands. More decimals than the coin has
// are refused unless they are zeros.
//
// It fails with ErrSyntax, and with ErrRange beyond 256 bits.
func ParseAmount(text string, decimals uint8) (chain.Amount, error) {
	if len(text) == 0 {
		return chain.Amount{}, fail(ErrSyntax, "nothing was typed")
	}
	if len(text) > maxAmountText {
		return chain.Amount{}, fail(ErrSyntax, "%d characters are too many for an amount", len(text))
	}
	if decimals > maxDecimals {
		return chain.Amount{}, fail(ErrRange, "till knows no coins with %d decimals, only up to %d", decimals, maxDecimals)
	}
	whole, frac, err := cutDigits(text)
	if err != nil {
		return chain.Amount{}, err
	}
	frac = strings.TrimRight(frac, "0")
	if len(frac) > int(decimals) {
		return chain.Amount{}, fail(ErrSyntax, "%q: this coin has only %d decimals", text, decimals)
	}
	all := strings.TrimLeft(whole+frac+zeros[:int(decimals)-len(frac)], "0")
	if all == "" {
		return chain.Amount{}, nil
	}
	a, err := chain.ParseAmount(all)
	if err != nil {
		return chain.Amount{}, fail(ErrRange, "%q is more than a till can count", text)
	}
	return a, nil
}

// FormatAmount writes whole coins for machines, exactly: a point, no trailing
// zeros, no marks between thousands, no unit ("0.01", "3").
func FormatAmount(a chain.Amount, decimals uint8) string {
	whole, frac := splitAmount(a, decimals)
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// splitAmount returns the digits before and after the point, the latter without
// trailing zeros.
func splitAmount(a chain.Amount, decimals uint8) (whole, frac string) {
	if decimals == 0 {
		return a.String(), ""
	}
	whole, frac, _ = strings.Cut(insertPoint(a.String(), int(decimals), '.'), ".")
	return whole, strings.TrimRight(frac, "0")
}

// SplitUnit cuts a text such as "4.50USD", "21000 sat" or "0.01ETH" into its
// number and its unit, which is empty where there is none. It does not check
// either.
func SplitUnit(text string) (number, unit string) {
	text = strings.TrimSpace(text)
	at := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' })
	if at < 0 {
		return text, ""
	}
	return text[:at], strings.TrimSpace(text[at:])
}
