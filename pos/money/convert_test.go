package money

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
)

func TestDue(t *testing.T) {
	rate := func(s string) Rate {
		r, err := ParseRate(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		price    Fiat
		rate     string
		decimals uint8
		want     string
	}{
		{Fiat{1620, "EUR"}, "62410.50", 8, "25958"},        // 25957.17…
		{Fiat{1620, "EUR"}, "62410.50", 11, "25957171"},    // millisatoshi
		{Fiat{100, "EUR"}, "50000", 8, "2000"},             // divides exactly: not one more
		{Fiat{1, "EUR"}, "100000000", 8, "1"},              // less than a satoshi is one
		{Fiat{0, "EUR"}, "50000", 8, "0"},                  //
		{Fiat{1620, "JPY"}, "9800000", 8, "16531"},         // no decimals: 16530.6…
		{Fiat{1620, "KWD"}, "19000.5", 8, "8527"},          // three decimals: 8526.09…
		{Fiat{450, "USD"}, "1", 6, "4500000"},              // a stablecoin at par
		{Fiat{450, "EUR"}, "2250", 18, "2000000000000000"}, // wei, exact
		{Fiat{450, "EUR"}, "2318.07", 18, "1941270108322873"},
		{Fiat{math.MaxInt64, "EUR"}, "0.000000000000000001", 36, "92233720368547758070000000000000000000000000000000000000000000000000000"},
		{Fiat{999, "EUR"}, "3", 0, "4"}, // a coin without decimals: 3.33
		{Fiat{math.MaxInt64, "JPY"}, "18446744073709551615", 0, "1"},
	} {
		got, err := Due(c.price, rate(c.rate), c.decimals)
		if err != nil || got.String() != c.want {
			t.Errorf("%s at %s with %d decimals is %s, %v; want %s", c.price, c.rate, c.decimals, got, err, c.want)
		}
	}
	eur := Fiat{100, "EUR"}
	for _, c := range []struct {
		price    Fiat
		rate     Rate
		decimals uint8
		err      error
	}{
		{eur, Rate{}, 8, ErrNoRate},
		{eur, Rate{0, 5}, 8, ErrNoRate},
		{Fiat{-1, "EUR"}, Rate{1, 0}, 8, ErrRange},
		{eur, Rate{1, 0}, 37, ErrRange},
		{eur, Rate{1, 19}, 8, ErrRange},
		{eur, Rate{1, 255}, 255, ErrRange},
	} {
		if got, err := Due(c.price, c.rate, c.decimals); !errors.Is(err, c.err) || !got.IsZero() {
			t.Errorf("Due(%v, %+v, %d) = %s, %v; want %v", c.price, c.rate, c.decimals, got, err, c.err)
		}
		if _, err := Worth(chain.Units(1), c.rate, c.decimals, "EUR"); c.price.Minor > 0 && !errors.Is(err, c.err) {
			t.Errorf("Worth at %+v with %d decimals: %v; want %v", c.rate, c.decimals, err, c.err)
		}
	}
}

func ten(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// exact is amount * rate in minor units, as a fraction.
func exact(a chain.Amount, r Rate, decimals uint8, cur Currency) *big.Rat {
	v := new(big.Rat).SetFrac(a.Big(), ten(int(decimals)))
	v.Mul(v, r.rat())
	return v.Mul(v, new(big.Rat).SetInt(ten(cur.Digits())))
}

func TestDueAgainstFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cur := anyCurrency(t)
		minor := rapid.OneOf(rapid.Int64Range(0, 1e7), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "minor")
		price := Fiat{minor, cur}
		decimals := rapid.OneOf(rapid.SampledFrom([]uint8{0, 6, 8, 18, 36}), rapid.Uint8Range(0, 36)).Draw(t, "decimals")
		r := anyRate(t, "rate")
		if rapid.Bool().Draw(t, "divisible") {
			r = Rate{uint64(max(1, minor)), rapid.Uint8Range(0, maxScale).Draw(t, "scale")}
		}
		due, err := Due(price, r, decimals)
		if err != nil {
			t.Fatal(err)
		}
		// Never less than the price, and never more than one unit above it.
		want := new(big.Rat).SetInt64(minor)
		if exact(due, r, decimals, cur).Cmp(want) < 0 {
			t.Fatalf("%s of %d decimals at %s is less than %s", due, decimals, r, price)
		}
		if !due.IsZero() && exact(due.Sub(chain.Units(1)), r, decimals, cur).Cmp(want) >= 0 {
			t.Fatalf("%s of %d decimals at %s is too much for %s", due, decimals, r, price)
		}
		back, err := Worth(due, r, decimals, cur)
		if err != nil {
			if !errors.Is(err, ErrRange) {
				t.Fatal(err)
			}
			return
		}
		if back.Minor < minor {
			t.Fatalf("%s is due for %s, but worth only %s", due, price, back)
		}
	})
}

func anyAmount(t *rapid.T) chain.Amount {
	words := rapid.IntRange(1, 4).Draw(t, "words")
	var a chain.Amount
	for i := range words {
		a[i] = rapid.Uint64().Draw(t, "word")
	}
	return a
}

func TestWorthAgainstFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, r, cur := anyAmount(t), anyRate(t, "rate"), anyCurrency(t)
		decimals := rapid.Uint8Range(0, 36).Draw(t, "decimals")
		v := exact(a, r, decimals, cur)
		want := new(big.Int).Quo(v.Num(), v.Denom())
		got, err := Worth(a, r, decimals, cur)
		switch {
		case !want.IsInt64():
			if !errors.Is(err, ErrRange) {
				t.Fatalf("worth %s, but got %v, %v", want, got, err)
			}
		case err != nil || got != (Fiat{want.Int64(), cur}):
			t.Fatalf("got %v, %v; want %s", got, err, want)
		}
	})
}

func TestCeil(t *testing.T) {
	full := chain.Amount{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	if got := Ceil(full, 18, 6); got != full {
		t.Errorf("what cannot be rounded up became %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount(t)
		a[3] >>= 1 // leave room above
		decimals, keep := rapid.Uint8Range(0, 36).Draw(t, "decimals"), rapid.Uint8Range(0, 40).Draw(t, "keep")
		got := Ceil(a, decimals, keep)
		if keep >= decimals {
			if got != a {
				t.Fatalf("%s became %s", a, got)
			}
			return
		}
		step := ten(int(decimals - keep))
		diff := new(big.Int).Sub(got.Big(), a.Big())
		if diff.Sign() < 0 || diff.Cmp(step) >= 0 || new(big.Int).Mod(got.Big(), step).Sign() != 0 {
			t.Fatalf("%s kept at %d of %d decimals became %s", a, keep, decimals, got)
		}
	})
}

func BenchmarkDue(b *testing.B) {
	price := Fiat{1620, "EUR"}
	for _, c := range []struct {
		name     string
		rate     Rate
		decimals uint8
	}{
		{"BTC", Rate{624105, 1}, 8},
		{"USDC", Rate{9231, 4}, 6},
		{"wei", Rate{231807, 2}, 18},
		{"wei beyond 128 bits", Rate{2318071235, 6}, 18},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Due(price, c.rate, c.decimals); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/big.Rat", func(b *testing.B) {
			for b.Loop() {
				v := new(big.Rat).SetFrac(big.NewInt(price.Minor), ten(2))
				v.Mul(v.Quo(v, c.rate.rat()), new(big.Rat).SetInt(ten(int(c.decimals))))
				q, rest := new(big.Int).QuoRem(v.Num(), v.Denom(), new(big.Int))
				if rest.Sign() != 0 {
					q.Add(q, big.NewInt(1))
				}
			}
		})
	}
}
