package money

import (
	"strings"
)

//go:generate go run ./internal/gencldr -o tables.go $CLDR

// currency is a row of the generated table.
type currency struct {
	code   Currency
	digits uint8
	cash   int64 // smallest step in cash, in minor units
	symbol string
	name   string // English
}

// byCode finds a row of the table by the three letters of its code, read as a
// number in base 26; 0 is none, n is row n-1.
var byCode = func() (index [26 * 26 * 26]uint8) {
	for i, c := range currencies {
		at, _ := c.code.index()
		index[at] = uint8(i + 1)
	}
	return index
}()

func (c Currency) index() (int, bool) {
	if len(c) != 3 {
		return 0, false
	}
	at := 0
	for i := range 3 {
		letter := c[i] - 'A'
		if letter > 25 {
			return 0, false
		}
		at = at*26 + int(letter)
	}
	return at, true
}

func (c Currency) row() *currency {
	at, ok := c.index()
	if !ok || byCode[at] == 0 {
		return nil
	}
	return &currencies[byCode[at]-1]
}

// Lookup finds a currency by its ISO 4217 code in either case. It knows what
// is in use today according to the CLDR; for anything else it fails with
// ErrCurrency.
func Lookup(code string) (Currency, error) {
	c := Currency(strings.ToUpper(code))
	if len(code) != 3 || !c.Valid() {
		return "", fail(ErrCurrency, "%.10q is no currency in use, write its three letters such as EUR", code)
	}
	return c, nil
}

// Currencies lists every known currency by code.
func Currencies() []Currency {
	list := make([]Currency, len(currencies))
	for i, c := range currencies {
		list[i] = c.code
	}
	return list
}

// Valid tells whether c is known, in upper case.
func (c Currency) Valid() bool { return c.row() != nil }

// Digits is the number of decimals of c: 2 for EUR, 0 for JPY, 3 for KWD, and
// 4 for two units of account. An unknown currency has 2. The numbers are the
// CLDR's, which follows what people use: where ISO 4217 counts decimals that no
// shop knows any more (HUF, IDR, COP), it has 0.
func (c Currency) Digits() int {
	if r := c.row(); r != nil {
		return int(r.digits)
	}
	return 2
}

// Symbol is how c is written in English: "€", "$", "CHF". An unknown currency
// is written as its code. See [Locale.Symbol].
func (c Currency) Symbol() string {
	if r := c.row(); r != nil {
		return r.symbol
	}
	return string(c)
}

// Name is the English name of c, or its code if unknown.
func (c Currency) Name() string {
	if r := c.row(); r != nil {
		return r.name
	}
	return string(c)
}

// CashStep is the smallest step that can be paid in cash, in minor units: 5 for
// CHF, 100 for CZK, 1 where every minor unit has a coin.
func (c Currency) CashStep() int64 {
	if r := c.row(); r != nil {
		return r.cash
	}
	return 1
}
