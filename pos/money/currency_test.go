package money

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Currencies that tables elsewhere get wrong, or do not know.
func TestHardCurrencies(t *testing.T) {
	for _, c := range []struct {
		code   Currency
		digits int
		cash   int64
		name   string
	}{
		{"EUR", 2, 1, "Euro"},
		{"USD", 2, 1, "US Dollar"},
		{"CHF", 2, 5, "Swiss Franc"},
		{"DKK", 2, 50, "Danish Krone"},
		{"CZK", 2, 100, "Czech Koruna"},
		{"SEK", 2, 100, "Swedish Krona"},
		{"HUF", 0, 5, "Hungarian Forint"},
		{"RSD", 2, 100, "Serbian Dinar"},
		{"ISK", 0, 1, "Icelandic Króna"},
		{"JPY", 0, 1, "Japanese Yen"},
		{"KRW", 0, 1, "South Korean Won"},
		{"IDR", 0, 1, "Indonesian Rupiah"},
		{"COP", 0, 1, "Colombian Peso"},
		{"KWD", 3, 1, "Kuwaiti Dinar"},
		{"BHD", 3, 1, "Bahraini Dinar"},
		{"TND", 3, 1, "Tunisian Dinar"},
		{"CLF", 4, 1, "Chilean Unit of Account (UF)"},
		{"CLP", 0, 1, "Chilean Peso"},
		{"MRU", 2, 1, "Mauritanian Ouguiya"},
		{"XCG", 2, 1, "Caribbean Guilder"},
		{"ZWG", 2, 1, "Zimbabwean Gold"},
		{"SLE", 2, 1, "Sierra Leonean Leone"},
		{"VES", 2, 1, "Venezuelan Bolívar"},
		{"XOF", 0, 1, "West African CFA Franc"},
	} {
		if !c.code.Valid() || c.code.Digits() != c.digits || c.code.CashStep() != c.cash {
			t.Errorf("%s: valid %t, %d digits, cash step %d; want %d and %d", c.code, c.code.Valid(), c.code.Digits(), c.code.CashStep(), c.digits, c.cash)
		}
		if got := c.code.Name(); !strings.EqualFold(got, c.name) {
			t.Errorf("%s is named %q, want %q", c.code, got, c.name)
		}
	}
}

func TestLookup(t *testing.T) {
	for in, want := range map[string]Currency{"EUR": "EUR", "eur": "EUR", "Jpy": "JPY"} {
		if got, err := Lookup(in); err != nil || got != want {
			t.Errorf("Lookup(%q) = %q, %v", in, got, err)
		}
	}
	// Gone, never money, or not a code at all.
	for _, in := range []string{"", "E", "EURO", "DEM", "HRK", "BGN", "ANG", "ZWL", "XAU", "XXX", "XTS", "BTC", "€", "E R", "eu\x00", "ſer", "\xff\xff\xff"} {
		if got, err := Lookup(in); !errors.Is(err, ErrCurrency) || got != "" {
			t.Errorf("Lookup(%q) = %q, %v", in, got, err)
		}
	}
}

func TestTable(t *testing.T) {
	all := Currencies()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) || len(all) > 255 {
		t.Error("the table is not sorted, holds a code twice, or is too long for its index")
	}
	for _, c := range all {
		if got, err := Lookup(string(c)); err != nil || got != c {
			t.Errorf("Lookup(%q) = %q, %v", c, got, err)
		}
		if c.Symbol() == "" || c.Name() == "" || c.CashStep() < 1 || c.Digits() > 4 {
			t.Errorf("%s: symbol %q, name %q, cash step %d, %d digits", c, c.Symbol(), c.Name(), c.CashStep(), c.Digits())
		}
	}
}

func TestUnknownCurrency(t *testing.T) {
	c := Currency("xyz")
	if c.Valid() || c.Digits() != 2 || c.Symbol() != "xyz" || c.Name() != "xyz" || c.CashStep() != 1 {
		t.Errorf("an unknown currency is %d digits, %q, %q", c.Digits(), c.Symbol(), c.Name())
	}
}
