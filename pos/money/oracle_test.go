package money

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The oracle is the ICU inside Node: its own copy of the CLDR, its own rules.
const oracle = `
const ask = JSON.parse(require("fs").readFileSync(0, "utf8"));
const options = c => ({style: "currency", currency: c});
const out = {cldr: process.versions.cldr, digits: {}, fiat: []};
for (const c of ask.currencies)
	out.digits[c] = new Intl.NumberFormat("en", options(c)).resolvedOptions().maximumFractionDigits;
for (const [tag, c, value] of ask.fiat)
	out.fiat.push(new Intl.NumberFormat(tag, options(c)).format(value));
console.log(JSON.stringify(out));
`

func TestAgainstICU(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal("node is not installed: apt-get install nodejs")
		}
		t.Skip("node is not installed: apt-get install nodejs")
	}
	minors := []int64{
		0, 5, 99, 450, 999, 1000, 1620, 9999, 10_000, 99_999, 100_000, 123456, 999_999, 1_000_000, 1234567, 123456789, 12345678901,
		math.MaxInt64, math.MinInt64, -1, -5, -100_000, -1234567,
	}
	type question struct {
		Currencies []Currency `json:"currencies"`
		Fiat       [][3]any   `json:"fiat"`
	}
	ask := question{Currencies: Currencies()}
	var ours []string
	for _, l := range locales {
		for _, c := range currencies {
			for _, m := range minors {
				f := Fiat{m, c.code}
				// As a string: Intl reads decimals exactly.
				ask.Fiat = append(ask.Fiat, [3]any{l.tag, c.code, f.Decimal()})
				ours = append(ours, LocaleFor(l.tag).Fiat(f))
			}
		}
	}
	input, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "-e", oracle)
	cmd.Stdin = strings.NewReader(string(input))
	text, err := cmd.Output()
	if err != nil {
		t.Fatal("node: ", err)
	}
	var answer struct {
		CLDR   string
		Digits map[Currency]int
		Fiat   []string
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	major, _, _ := strings.Cut(cldrVersion, ".")
	if theirs, _, _ := strings.Cut(answer.CLDR, "."); theirs != major {
		t.Skipf("node has CLDR %s, the tables have %s; install the node that has it", answer.CLDR, cldrVersion)
	}
	for c, n := range answer.Digits {
		if c.Digits() != n {
			t.Errorf("%s has %d digits here and %d in ICU", c, c.Digits(), n)
		}
	}
	// We write a plain space between number and unit.
	for i, theirs := range answer.Fiat {
		want := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(theirs)
		if ours[i] != want {
			t.Errorf("%v: %q here, %q in ICU", ask.Fiat[i], ours[i], want)
		}
	}
	t.Logf("CLDR %s, %d currencies, %d prices compared", answer.CLDR, len(answer.Digits), len(answer.Fiat))
}
