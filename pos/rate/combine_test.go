package rate

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cointill/till/pos/money"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// offers makes quotes of sources a, b, c… with prices and ages in seconds.
func offers(t testing.TB, list ...any) []sourced {
	t.Helper()
	var out []sourced
	for i := 0; i < len(list); i += 2 {
		r, err := money.ParseRate(list[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		age := time.Duration(list[i+1].(int)) * time.Second
		out = append(out, sourced{source: string(rune('a' + i/2)), price: r, at: noon.Add(-age)})
	}
	return out
}

func TestCombine(t *testing.T) {
	for _, c := range []struct {
		name    string
		quotes  []sourced
		quorum  int
		price   string // "" = none
		sources string
		age     int
	}{
		{"three agree", offers(t, "100", 1, "100.4", 2, "100.2", 3), 2, "100.2", "abc", 3},
		{"two agree, the exact middle counts", offers(t, "100", 1, "100.25", 2), 2, "100.125", "ab", 2},
		{"one is wrong by a hundred", offers(t, "100", 1, "10000", 1, "100.2", 1), 2, "100.1", "ac", 1},
		{"one is wrong by 1.2 percent", offers(t, "100", 1, "101.5", 1, "100.2", 1), 2, "100.1", "ac", 1},
		{"just one percent", offers(t, "100", 1, "99", 1, "100", 1), 2, "100", "abc", 1},
		{"two disagree", offers(t, "100", 1, "103", 1), 2, "", "", 0},
		{"all three disagree", offers(t, "100", 1, "110", 1, "120", 1), 2, "", "", 0},
		{"two against two", offers(t, "100", 1, "100", 1, "120", 1, "120", 1), 3, "", "", 0},
		{"three against two", offers(t, "100", 1, "120", 1, "100.2", 1, "120", 1, "100.1", 1), 3, "100.1", "ace", 1},
		{"too few", offers(t, "100", 1), 2, "", "", 0},
		{"one is enough where one is all", offers(t, "100", 1), 1, "100", "a", 1},
		{"nobody", nil, 1, "", "", 0},
		{"nobody and no quorum", nil, 0, "", "", 0},
		{"old ones are left out", offers(t, "100", 61, "100", 100), 2, "", "", 0},
		{"at the limit", offers(t, "100", 60, "100", 60), 2, "100", "ab", 60},
		{"an older one is not needed", offers(t, "100", 2, "100.2", 1, "100.9", 40), 2, "100.1", "ab", 2},
		{"an older one is needed", offers(t, "100", 2, "100.9", 40), 2, "100.45", "ab", 40},
		{"from the future", offers(t, "100", -61, "100", 1), 2, "", "", 0},
		{"clocks differ a little", offers(t, "100", -2, "100", 1), 2, "100", "ab", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := combine(c.quotes, noon, rules{time.Minute, 10, c.quorum})
			if c.price == "" {
				var s *shortfall
				if !errors.As(err, &s) || err.Error() == "" {
					t.Fatalf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			names := ""
			for _, s := range got.sources {
				names += s
			}
			if got.price.String() != c.price || names != c.sources || !got.at.Equal(noon.Add(-time.Duration(c.age)*time.Second)) {
				t.Errorf("got %s from %s of %s; want %s from %s", got.price, names, got.at, c.price, c.sources)
			}
		})
	}
}

// However two of five exchanges lie, the price stays among the honest ones or
// there is none; and the order of the exchanges does not matter.
func TestLiarsDoNotMoveThePrice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest := make([]sourced, 3)
		for i := range honest {
			honest[i] = sourced{source: string(rune('a' + i)), price: money.Rate{Num: rapid.Uint64Range(6_240_000, 6_250_000).Draw(t, "honest"), Scale: 2}, at: noon}
		}
		all := slices.Clone(honest)
		for i := range 2 {
			lie := money.Rate{Num: rapid.Uint64Min(1).Draw(t, "lie"), Scale: rapid.Uint8Range(0, 18).Draw(t, "scale")}
			all = append(all, sourced{source: string(rune('x' + i)), price: lie, at: noon.Add(-time.Duration(rapid.Int64Range(0, 60).Draw(t, "age")) * time.Second)})
		}
		got, err := combine(all, noon, rules{time.Minute, 10, 3})
		if err != nil {
			t.Fatal(err)
		}
		low := slices.MinFunc(honest, func(a, b sourced) int { return a.price.Cmp(b.price) }).price
		high := slices.MaxFunc(honest, func(a, b sourced) int { return a.price.Cmp(b.price) }).price
		if got.price.Cmp(low) < 0 || got.price.Cmp(high) > 0 {
			t.Fatalf("%s is not between %s and %s", got.price, low, high)
		}
		other := rapid.Permutation(all).Draw(t, "order")
		if again, err := combine(other, noon, rules{time.Minute, 10, 3}); err != nil || again.price != got.price || !again.at.Equal(got.at) {
			t.Fatalf("in another order %+v, %v; was %+v", again, err, got)
		}
	})
}

func TestNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) money.Rate {
			return money.Rate{Num: rapid.OneOf(rapid.Uint64Min(1), rapid.Uint64Range(95, 105)).Draw(t, label), Scale: rapid.Uint8Range(0, 18).Draw(t, label+" scale")}
		}
		rat := func(r money.Rate) *big.Rat {
			v, ok := new(big.Rat).SetString(r.String())
			if !ok {
				t.Fatal(r)
			}
			return v
		}
		a, b, per := draw("a"), draw("b"), rapid.Int64Range(0, 2000).Draw(t, "thousandths")
		diff := new(big.Rat).Sub(rat(a), rat(b))
		limit := new(big.Rat).Mul(rat(b), big.NewRat(per, 1000))
		if want := diff.Abs(diff).Cmp(limit) <= 0; near(a, b, b, per) != want {
			t.Fatalf("%s and %s within %d thousandths: %t", a, b, per, !want)
		}
		// Rounded up: one millionth less would be too little.
		got, unit := apart(a, b, b), big.NewRat(1, 1_000_000)
		reach := func(n int64) *big.Rat {
			limit := new(big.Rat).Mul(rat(b), unit)
			return limit.Mul(limit, new(big.Rat).SetInt64(n))
		}
		if got < math.MaxInt64 && diff.Cmp(reach(got)) > 0 || got > 0 && diff.Cmp(reach(got-1)) <= 0 {
			t.Fatalf("%s and %s are %d millionths apart", a, b, got)
		}
	})
}

func BenchmarkCombine(b *testing.B) {
	quotes := offers(b, "62410.50", 1, "62415.25", 3, "62409.10", 2, "62411.75", 5, "62950.00", 4)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := combine(quotes, noon, rules{time.Minute, 10, 3}); err != nil {
			b.Fatal(err)
		}
	}
}
