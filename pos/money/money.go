// Package money computes with fiat and coin amounts as integers and with exact
// decimal rates. It parses what people type and prints what they read.
//
// What may not enter: floats, rounding that is not written at the function that
// does it, price feeds, and anything that knows a sale or a chain's library.
package money

import (
	"errors"
	"fmt"
)

// Currency is an ISO 4217 code in upper case, "EUR". See [Lookup].
type Currency string

// Fiat is an amount of minor units of a currency: {450, "EUR"} is 4.50 €,
// {450, "JPY"} is ¥450, {450, "KWD"} is 0.450 KWD.
type Fiat struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// Rate is the price of one whole coin in whole units of a currency, exactly
// Num / 10^Scale. The zero Rate is no rate.
type Rate struct {
	Num   uint64
	Scale uint8 // at most 18
}

// Errors of this package, for errors.Is. What is returned is a sentence of its
// own about what was wrong.
var (
	ErrCurrency = errors.New("unknown currency")
	ErrSyntax   = errors.New("not an amount")
	ErrRange    = errors.New("amount out of range")
	ErrNoRate   = errors.New("no rate")
	ErrOffPar   = errors.New("a stablecoin is not worth its currency")
)

// failure is a sentence that stands for one of the errors above.
type failure struct {
	text string
	kind error
}

func fail(kind error, format string, args ...any) error {
	return &failure{fmt.Sprintf(format, args...), kind}
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }
