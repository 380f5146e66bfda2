package main

import (
	"bytes"
	"os"
	"testing"
)

// The committed tables are what the generator makes of the published data.
func TestTablesAreCurrent(t *testing.T) {
	dir := os.Getenv("CLDR")
	if dir == "" {
		how := "npm install cldr-core@48.2.0 cldr-numbers-full@48.2.0, then set CLDR to the full path of node_modules"
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	want, err := generate(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../tables.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tables.go differs from what gencldr writes: CLDR=... go generate ./pos/money")
	}
}

func TestReadPattern(t *testing.T) {
	for _, c := range []struct {
		in       string
		pos, neg pattern
		primary  int
		second   int
	}{
		{"¤#,##0.00", pattern{"¤", ""}, pattern{"-¤", ""}, 3, 3},
		{"#,##0.00\u00a0¤", pattern{"", " ¤"}, pattern{"-", " ¤"}, 3, 3},
		{"¤#,##,##0.00", pattern{"¤", ""}, pattern{"-¤", ""}, 3, 2},
		{"¤ #,##0.00;¤-#,##0.00", pattern{"¤ ", ""}, pattern{"¤-", ""}, 3, 3},
	} {
		var l locale
		if err := l.readPattern(c.in); err != nil {
			t.Errorf("%q: %v", c.in, err)
		}
		if l.Positive != c.pos || l.Negative != c.neg || l.Primary != c.primary || l.Secondary != c.second {
			t.Errorf("%q was read as %+v", c.in, l)
		}
	}
	for _, bad := range []string{"", "¤", "¤#,##0", "¤#,##0.00'x'"} {
		var l locale
		if err := l.readPattern(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, l)
		}
	}
}

func TestFractions(t *testing.T) {
	all := map[string]map[string]string{
		"DEFAULT": {"_digits": "2", "_rounding": "0"},
		"CHF":     {"_digits": "2", "_cashRounding": "5"},
		"CZK":     {"_digits": "2", "_cashDigits": "0", "_cashRounding": "0"},
		"HUF":     {"_digits": "0", "_cashRounding": "5"},
		"BAD":     {"_digits": "two"},
		"LONG":    {"_digits": "5"},
	}
	for code, want := range map[string]currency{
		"EUR": {Code: "EUR", Digits: 2, Cash: 1},
		"CHF": {Code: "CHF", Digits: 2, Cash: 5},
		"CZK": {Code: "CZK", Digits: 2, Cash: 100},
		"HUF": {Code: "HUF", Digits: 0, Cash: 5},
	} {
		if got, err := fractions(code, all); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", code, got, err, want)
		}
	}
	for _, code := range []string{"BAD", "LONG"} {
		if got, err := fractions(code, all); err == nil {
			t.Errorf("%s became %+v", code, got)
		}
	}
}
