package money

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
)

func TestParseAmount(t *testing.T) {
	most := "115792089237316195423570985008687907853269984665640564039457584007913129639935"
	for _, c := range []struct {
		in       string
		decimals uint8
		want     string
	}{
		{"0.01", 18, "10000000000000000"},
		{"0,01", 18, "10000000000000000"},
		{"21000", 0, "21000"},
		{"1", 8, "100000000"},
		{"0", 8, "0"},
		{"0.00000001", 8, "1"},
		{".5", 1, "5"},
		{"1.50000000000", 1, "15"},
		{"000000000000001", 0, "1"},
		{most, 0, most},
		{most[:60] + "." + most[60:], 18, most},
	} {
		if got, err := ParseAmount(c.in, c.decimals); err != nil || got.String() != c.want {
			t.Errorf("ParseAmount(%q, %d) = %s, %v; want %s", c.in, c.decimals, got, err, c.want)
		}
	}
	for _, c := range []struct {
		in       string
		decimals uint8
		err      error
	}{
		{"", 8, ErrSyntax},
		{".", 8, ErrSyntax},
		{"0.000000001", 8, ErrSyntax},
		{"1.5", 0, ErrSyntax},
		{"-1", 8, ErrSyntax},
		{"1e8", 8, ErrSyntax},
		{"1,000.5", 8, ErrSyntax},
		{most, 1, ErrRange},
		{most + "0", 0, ErrRange},
		{strings.Repeat("0", 101), 0, ErrSyntax},
		{"1", 37, ErrRange},
		{"0x1", 8, ErrSyntax},
		{"1 BTC", 8, ErrSyntax},
	} {
		if got, err := ParseAmount(c.in, c.decimals); !errors.Is(err, c.err) || !got.IsZero() {
			t.Errorf("ParseAmount(%q, %d) = %s, %v; want %v", c.in, c.decimals, got, err, c.err)
		}
	}
}

func TestAmountReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, decimals := anyAmount(t), rapid.Uint8Range(0, 36).Draw(t, "decimals")
		s := FormatAmount(a, decimals)
		if strings.Contains(s, ".") && strings.HasSuffix(s, "0") || strings.HasSuffix(s, ".") {
			t.Fatalf("%s is written %q", a, s)
		}
		if got, err := ParseAmount(s, decimals); err != nil || got != a {
			t.Fatalf("%s became %q became %s, %v", a, s, got, err)
		}
		// What people read is the same number, with marks.
		l := LocaleFor(rapid.SampledFrom([]string{"en", "en-IN", "de", "de-AT", "de-CH"}).Draw(t, "locale"))
		shown := l.Amount(a, decimals, "", rapid.IntRange(0, 40).Draw(t, "least"))
		plain := strings.ReplaceAll(shown, string(l.get().group), "")
		if got, err := ParseAmount(plain, decimals); err != nil || got != a {
			t.Fatalf("%s is shown as %q, which reads %s, %v", a, shown, got, err)
		}
	})
}

func TestPrinting(t *testing.T) {
	en, de, in := LocaleFor("en"), LocaleFor("de"), LocaleFor("en_IN.UTF-8")
	for _, c := range []struct{ got, want string }{
		{en.Fiat(Fiat{1620, "EUR"}), "€16.20"},
		{de.Fiat(Fiat{1620, "EUR"}), "16,20 €"},
		{de.Fiat(Fiat{-123456789, "EUR"}), "-1.234.567,89 €"},
		{en.Fiat(Fiat{123456, "JPY"}), "¥123,456"},
		{en.Fiat(Fiat{1500, "KWD"}), "KWD 1.500"},
		{en.Fiat(Fiat{500, "XCG"}), "Cg. 5.00"},
		{in.Fiat(Fiat{1234567890, "INR"}), "₹1,23,45,678.90"},
		{LocaleFor("de-AT").Fiat(Fiat{123456, "EUR"}), "€ 1.234,56"},
		{LocaleFor("de_CH.utf8").Fiat(Fiat{-123456, "CHF"}), "CHF-1'234.56"},
		{Locale{}.Fiat(Fiat{5, "USD"}), "$0.05"},
		{en.Fiat(Fiat{math.MinInt64, "USD"}), "-$92,233,720,368,547,758.08"},
		{de.Number(Fiat{1290, "EUR"}), "12,90"},
		{de.Number(Fiat{-1290, "EUR"}), "-12,90"},
		{en.Sats(chain.Units(25958)), "25,958 sat"},
		{de.Sats(chain.Units(25958)), "25.958 sat"},
		{en.Sats(chain.Units(958)), "958 sat"},
		{en.Amount(chain.Units(25958), 8, "BTC", 8), "0.00025958 BTC"},
		{de.Amount(chain.Units(250000000000), 8, "BTC", 2), "2.500,00 BTC"},
		{en.Amount(chain.Units(6989000000000000), 18, "ETH", 0), "0.006989 ETH"},
		{en.Amount(chain.Units(5), 0, "", 2), "5"},
		{en.Rate(Rate{624105, 1}, "EUR"), "€62,410.50"},
		{de.Rate(Rate{62410505, 3}, "EUR"), "62.410,51 €"},
		{de.Rate(Rate{62410504, 3}, "EUR"), "62.410,50 €"},
		{en.Rate(Rate{92315, 5}, "EUR"), "€0.9232"},
		{en.Rate(Rate{1, 0}, "USD"), "$1.00"},
		{en.Rate(Rate{98000005, 1}, "JPY"), "¥9,800,001"},
		{en.Rate(Rate{9999999, 6}, "USD"), "$10.0000"},
		{en.Rate(Rate{}, "USD"), ""},
		{en.Rate(Rate{123456, 10}, "EUR"), "€0.00001235"},
		{en.Rate(Rate{1, 18}, "EUR"), "€0.000000000000000001"},
		{en.Rate(Rate{999999, 8}, "EUR"), "€0.010000"},
		{en.Rate(Rate{5, 1}, "EUR"), "€0.50"},
		{en.Rate(Rate{1, 1}, "EUR"), "€0.10"},
		{en.Rate(Rate{62, 4}, "JPY"), "¥0.0062"},
		{en.Rate(Rate{math.MaxUint64, 18}, "EUR"), "€18.45"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A price is never shown as nothing, and never further from itself than half of
// its last digit.
func TestRateIsShownNearItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, l := anyRate(t, "rate"), LocaleFor(rapid.SampledFrom([]string{"en", "en-IN", "de", "de-AT", "de-CH"}).Draw(t, "locale"))
		cur := anyCurrency(t)
		shown := l.Rate(r, cur)
		row := l.get()
		digits := strings.Map(func(c rune) rune {
			switch {
			case c >= '0' && c <= '9':
				return c
			case c == row.decimal:
				return '.'
			}
			return -1
		}, strings.ReplaceAll(shown, l.Symbol(cur), ""))
		read, err := ParseRate(digits)
		if err != nil {
			t.Fatalf("%s is shown as %q: %v", r, shown, err)
		}
		_, frac, _ := strings.Cut(digits, ".")
		half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(frac))), nil)))
		if diff := new(big.Rat).Sub(read.rat(), r.rat()); diff.Abs(diff).Cmp(half) > 0 || len(frac) < cur.Digits() {
			t.Fatalf("%s is shown as %q", r, shown)
		}
	})
}

func TestLocaleFor(t *testing.T) {
	for in, want := range map[string]string{
		"": "en", "C": "en", "POSIX": "en", "en_US.UTF-8": "en", "en-gb": "en-GB", "de": "de", "de_DE@euro": "de", "de_AT.UTF-8": "de-AT", "fr_FR": "en", "d": "en",
	} {
		if got := LocaleFor(in).Tag(); got != want {
			t.Errorf("LocaleFor(%q) is %s, want %s", in, got, want)
		}
	}
	if got := LocaleFor("de").Decimal(); got != ',' {
		t.Errorf("the German decimal mark is %q", got)
	}
}

func TestSplitUnit(t *testing.T) {
	for in, want := range map[string][2]string{
		"4.50USD": {"4.50", "USD"}, "21000sat": {"21000", "sat"}, " 0,01 ETH ": {"0,01", "ETH"}, "4.50": {"4.50", ""}, "open": {"", "open"}, "": {"", ""}, "4 50": {"4", "50"}, "-1EUR": {"", "-1EUR"},
	} {
		if n, u := SplitUnit(in); n != want[0] || u != want[1] {
			t.Errorf("SplitUnit(%q) = %q, %q; want %q", in, n, u, want)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"0.01", "1,5", "115792089237316195423570985008687907853269984665640564039457584007913129639936", ".", "1e5", "\xff"} {
		f.Add(s, uint8(18))
	}
	f.Fuzz(func(t *testing.T, s string, decimals uint8) {
		a, err := ParseAmount(s, decimals)
		if err != nil {
			if !a.IsZero() || !(errors.Is(err, ErrSyntax) || errors.Is(err, ErrRange)) {
				t.Fatalf("%q: %s, %v", s, a, err)
			}
			return
		}
		if again, err := ParseAmount(FormatAmount(a, decimals), decimals); err != nil || again != a {
			t.Fatalf("%q became %s became %s, %v", s, a, again, err)
		}
	})
}
