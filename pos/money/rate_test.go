package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRate(t *testing.T) {
	for in, want := range map[string]Rate{
		"62410.50": {624105, 1}, "50000.00": {50000, 0}, "1": {1, 0}, "0.000000000000000001": {1, 18}, "007": {7, 0}, "0,92": {92, 2},
		"18446744073709551615": {math.MaxUint64, 0}, "100": {100, 0}, "1.5000000000000000000000000": {15, 1}, ".5": {5, 1},
	} {
		if got, err := ParseRate(in); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": ErrSyntax, ".": ErrSyntax, "-1": ErrSyntax, "+1": ErrSyntax, "1e5": ErrSyntax, "NaN": ErrSyntax, "Inf": ErrSyntax, "1.2.3": ErrSyntax, " 1": ErrSyntax, "0x1": ErrSyntax,
		"0": ErrNoRate, "0.00": ErrNoRate, "18446744073709551616": ErrRange, "0.0000000000000000001": ErrRange, strings.Repeat("1", 41): ErrSyntax,
	} {
		if got, err := ParseRate(in); !errors.Is(err, want) || got != (Rate{}) {
			t.Errorf("ParseRate(%q) = %+v, %v; want %v", in, got, err, want)
		}
	}
}

func TestRateJSON(t *testing.T) {
	type box struct{ R, Zero Rate }
	in := box{R: Rate{6241050, 2}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"R":"62410.5","Zero":"0"}` {
		t.Fatalf("%s, %v", text, err)
	}
	var out box
	if err := json.Unmarshal(text, &out); err != nil || out.R.Cmp(in.R) != 0 || !out.Zero.IsZero() {
		t.Fatalf("%+v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"R":"-1"}`), &out); !errors.Is(err, ErrSyntax) {
		t.Errorf("a negative rate: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"R":1.5}`), &out); err == nil {
		t.Error("a JSON number was read as a rate")
	}
}

func anyRate(t *rapid.T, label string) Rate {
	num := rapid.OneOf(rapid.Uint64Min(1), rapid.Uint64Range(1, 1e9)).Draw(t, label)
	return Rate{num, rapid.Uint8Range(0, maxScale).Draw(t, label+" scale")}
}

func (r Rate) rat() *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.Scale)), nil)
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(r.Num), scale)
}

func TestRateReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRate(t, "rate")
		got, err := ParseRate(r.String())
		if err != nil || got.rat().Cmp(r.rat()) != 0 || got != r.trim() {
			t.Fatalf("%+v became %q became %+v, %v", r, r.String(), got, err)
		}
	})
}

// fits tells whether an exact result can be a Rate at all.
func fits(want *big.Rat) bool {
	for scale := 0; scale <= maxScale; scale++ {
		n := new(big.Rat).Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		if n.IsInt() {
			return n.Num().IsUint64()
		}
	}
	return false
}

func TestRateArithmetic(t *testing.T) {
	check := func(t *rapid.T, got Rate, err error, want *big.Rat) {
		if !fits(want) {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("%s does not fit, but became %+v, %v", want, got, err)
			}
			return
		}
		if err != nil || got.rat().Cmp(want) != 0 || got != got.trim() {
			t.Fatalf("got %+v, %v; want %s", got, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r, s := anyRate(t, "r"), anyRate(t, "s")
		if got, want := r.Cmp(s), r.rat().Cmp(s.rat()); got != want {
			t.Fatalf("%s compared with %s is %d, want %d", r, s, got, want)
		}
		got, err := r.Mid(s)
		mid := new(big.Rat).Add(r.rat(), s.rat())
		check(t, got, err, mid.Quo(mid, big.NewRat(2, 1)))
		bps := rapid.IntRange(-9999, 9999).Draw(t, "bps")
		got, err = r.Spread(bps)
		if bps == 0 {
			if got != r || err != nil {
				t.Fatalf("no spread changed %v to %v, %v", r, got, err)
			}
			return
		}
		check(t, got, err, new(big.Rat).Mul(r.rat(), big.NewRat(int64(10_000-bps), 10_000)))
	})
}

func TestSpread(t *testing.T) {
	r := Rate{6241050, 2}
	if got, err := r.Spread(100); err != nil || got.String() != "61786.395" {
		t.Errorf("one percent off is %s, %v", got, err)
	}
	for _, bps := range []int{10_000, -10_000, math.MaxInt, math.MinInt} {
		if got, err := r.Spread(bps); !errors.Is(err, ErrRange) {
			t.Errorf("a spread of %d gave %s, %v", bps, got, err)
		}
	}
}

// Rates that nobody can make by parsing do no harm either.
func TestImpossibleRates(t *testing.T) {
	bad, one := Rate{1, 255}, Rate{1, 0}
	if _, err := bad.Mid(one); !errors.Is(err, ErrRange) {
		t.Error(err)
	}
	if _, err := bad.Spread(1); !errors.Is(err, ErrRange) {
		t.Error(err)
	}
	if bad.Cmp(one) != -1 || one.Cmp(bad) != 1 || bad.Cmp(bad) != 0 || bad.String() == "" {
		t.Error("they cannot be compared or written")
	}
	if got := (Locale{}).Rate(bad, "EUR"); got != "" {
		t.Errorf("it is shown as %q", got)
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"62410.50", "1e5", "0", "0.0000000000000000001", "18446744073709551616", ",5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			if r != (Rate{}) || !(errors.Is(err, ErrSyntax) || errors.Is(err, ErrRange) || errors.Is(err, ErrNoRate)) {
				t.Fatalf("%q: %+v, %v", s, r, err)
			}
			return
		}
		want, ok := new(big.Rat).SetString(strings.Replace(s, ",", ".", 1))
		if !ok || r.rat().Cmp(want) != 0 || r.Num == 0 {
			t.Fatalf("%q became %+v", s, r)
		}
		if again, err := ParseRate(r.String()); err != nil || again != r {
			t.Fatalf("%q became %+v became %+v, %v", s, r, again, err)
		}
	})
}
