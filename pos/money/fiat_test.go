package money

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseFiat(t *testing.T) {
	for _, c := range []struct {
		in   string
		cur  Currency
		want int64
	}{
		{"4.50", "EUR", 450},
		{"4,50", "EUR", 450},
		{"4.5", "EUR", 450},
		{"4", "EUR", 400},
		{"4.", "EUR", 400},
		{".5", "EUR", 50},
		{",05", "EUR", 5},
		{"0", "EUR", 0},
		{"0.00", "EUR", 0},
		{"007.10", "EUR", 710},
		{"450", "JPY", 450},
		{"450.", "JPY", 450},
		{"1500", "HUF", 1500},
		{"1,234", "KWD", 1234},
		{"0.001", "BHD", 1},
		{"1.2345", "CLF", 12345},
		{"92233720368547758.07", "EUR", math.MaxInt64},
	} {
		got, err := ParseFiat(c.in, c.cur)
		if err != nil || got != (Fiat{c.want, c.cur}) {
			t.Errorf("ParseFiat(%q, %s) = %v, %v; want %d minor units", c.in, c.cur, got, err, c.want)
		}
	}
	for _, c := range []struct {
		in  string
		cur Currency
		err error
	}{
		{"", "EUR", ErrSyntax},
		{".", "EUR", ErrSyntax},
		{",", "EUR", ErrSyntax},
		{"4.505", "EUR", ErrSyntax},
		{"4.500", "EUR", ErrSyntax},
		{"1,234", "EUR", ErrSyntax},
		{"1.234,50", "EUR", ErrSyntax},
		{"1,234.50", "EUR", ErrSyntax},
		{"1 234", "EUR", ErrSyntax},
		{"4.5", "JPY", ErrSyntax},
		{"1.234", "JPY", ErrSyntax},
		{"-1", "EUR", ErrSyntax},
		{"+1", "EUR", ErrSyntax},
		{"1e3", "EUR", ErrSyntax},
		{"0x10", "EUR", ErrSyntax},
		{"1_000", "EUR", ErrSyntax},
		{"٤", "EUR", ErrSyntax},
		{"4€", "EUR", ErrSyntax},
		{"NaN", "EUR", ErrSyntax},
		{"4\x00", "EUR", ErrSyntax},
		{"92233720368547758.08", "EUR", ErrRange},
		{strings.Repeat("9", 40), "EUR", ErrRange},
		{strings.Repeat("0", 41), "EUR", ErrSyntax},
		{"1", "XYZ", ErrCurrency},
		{"1", "eur", ErrCurrency},
		{"1", "", ErrCurrency},
	} {
		got, err := ParseFiat(c.in, c.cur)
		if !errors.Is(err, c.err) || got != (Fiat{}) {
			t.Errorf("ParseFiat(%q, %q) = %v, %v; want %v", c.in, c.cur, got, err, c.err)
		}
	}
}

func TestDecimal(t *testing.T) {
	for want, f := range map[string]Fiat{
		"4.50": {450, "EUR"}, "0.05": {5, "EUR"}, "0.00": {0, "EUR"}, "-0.05": {-5, "EUR"}, "450": {450, "JPY"}, "0.450": {450, "KWD"},
		"-92233720368547758.08": {math.MinInt64, "EUR"}, "92233720368547758.07": {math.MaxInt64, "EUR"}, "1.00": {100, "XYZ"},
	} {
		if got := f.Decimal(); got != want {
			t.Errorf("%+v is %q, want %q", f, got, want)
		}
	}
}

func anyCurrency(t *rapid.T) Currency {
	return rapid.SampledFrom(Currencies()).Draw(t, "currency")
}

func TestFiatReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Fiat{rapid.Int64Range(0, math.MaxInt64).Draw(t, "minor"), anyCurrency(t)}
		got, err := ParseFiat(f.Decimal(), f.Currency)
		if err != nil || got != f {
			t.Fatalf("%v came back as %v, %v", f, got, err)
		}
	})
}

func TestFiatArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		f, g := Fiat{a, "EUR"}, Fiat{b, "EUR"}
		x, y := big.NewInt(a), big.NewInt(b)
		check := func(op string, got Fiat, err error, want *big.Int) {
			switch {
			case !want.IsInt64():
				if !errors.Is(err, ErrRange) {
					t.Fatalf("%d %s %d = %v, %v; want ErrRange", a, op, b, got, err)
				}
			case err != nil || got != (Fiat{want.Int64(), "EUR"}):
				t.Fatalf("%d %s %d = %v, %v; want %s", a, op, b, got, err, want)
			}
		}
		got, err := f.Add(g)
		check("+", got, err, new(big.Int).Add(x, y))
		got, err = f.Sub(g)
		check("-", got, err, new(big.Int).Sub(x, y))
		got, err = f.Mul(b)
		check("*", got, err, new(big.Int).Mul(x, y))
		if c, err := f.Cmp(g); err != nil || c != x.Cmp(y) {
			t.Fatalf("%d compared with %d is %d, %v", a, b, c, err)
		}
	})
}

func TestFiatEdges(t *testing.T) {
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -2, -1, 0, 1, 2, math.MaxInt64 - 1, math.MaxInt64}
	for _, a := range edges {
		for _, b := range edges {
			want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
			got, err := Fiat{a, "EUR"}.Mul(b)
			if want.IsInt64() != (err == nil) || err == nil && got.Minor != want.Int64() {
				t.Errorf("%d * %d = %v, %v; want %s", a, b, got, err, want)
			}
			want.Add(big.NewInt(a), big.NewInt(b))
			got, err = Fiat{a, "EUR"}.Add(Fiat{b, "EUR"})
			if want.IsInt64() != (err == nil) || err == nil && got.Minor != want.Int64() {
				t.Errorf("%d + %d = %v, %v; want %s", a, b, got, err, want)
			}
			want.Sub(big.NewInt(a), big.NewInt(b))
			got, err = Fiat{a, "EUR"}.Sub(Fiat{b, "EUR"})
			if want.IsInt64() != (err == nil) || err == nil && got.Minor != want.Int64() {
				t.Errorf("%d - %d = %v, %v; want %s", a, b, got, err, want)
			}
		}
	}
}

func TestCurrenciesDoNotMix(t *testing.T) {
	f, g := Fiat{100, "EUR"}, Fiat{100, "USD"}
	if got, err := f.Add(g); !errors.Is(err, ErrMixed) {
		t.Errorf("the sum is %v, %v", got, err)
	}
	if got, err := f.Sub(g); !errors.Is(err, ErrMixed) {
		t.Errorf("the difference is %v, %v", got, err)
	}
	if got, err := f.Cmp(g); !errors.Is(err, ErrMixed) {
		t.Errorf("they compare as %v, %v", got, err)
	}
}

// What people read is a sentence about what they typed.
func TestErrorsAreSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		cur  Currency
		want string
	}{
		{"4.505", "EUR", `"4.505": EUR has only 2 decimals`},
		{"4.5", "JPY", `"4.5": JPY has no decimals`},
		{"1,234.50", "EUR", `"1,234.50": write one point or comma, before the decimals`},
		{"\x1b[2J", "EUR", `"\x1b[2J": write digits and one point or comma`},
		{"", "EUR", "nothing was typed"},
	} {
		if _, err := ParseFiat(c.text, c.cur); err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
	if f := Of(0, "EUR"); !f.IsZero() || Of(-1, "EUR").IsZero() || f.String() != "0.00 EUR" {
		t.Errorf("nothing is %s", f)
	}
}

func FuzzParseFiat(f *testing.F) {
	for _, s := range []string{"4.50", "4,50", ".5", "450", "1,234.50", "-1", "92233720368547758.08", "١", "\x00"} {
		f.Add(s, uint8(len(s)*31))
	}
	all := Currencies()
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		cur := all[int(n)%len(all)]
		got, err := ParseFiat(s, cur)
		if err != nil {
			if got != (Fiat{}) || !(errors.Is(err, ErrSyntax) || errors.Is(err, ErrRange)) {
				t.Fatalf("%q: %v, %v", s, got, err)
			}
			return
		}
		if got.Minor < 0 || got.Currency != cur {
			t.Fatalf("%q became %v", s, got)
		}
		again, err := ParseFiat(got.Decimal(), cur)
		if err != nil || again != got {
			t.Fatalf("%q became %v, which became %v, %v", s, got, again, err)
		}
		// An independent reading: the same number of minor units, as a fraction.
		r, ok := new(big.Rat).SetString(strings.Replace(s, ",", ".", 1))
		if !ok {
			t.Fatalf("%q is not a number and became %v", s, got)
		}
		scale := new(big.Rat).SetInt64(int64(pow10[cur.Digits()]))
		if r.Mul(r, scale).Cmp(new(big.Rat).SetInt64(got.Minor)) != 0 {
			t.Fatalf("%q became %v", s, got)
		}
	})
}
