package xpub

import (
	"encoding/hex"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/txscript"

	"github.com/cointill/till/chain"
)

// section returns one BIP's part of testdata/bips.md, which holds the test
// vectors as the BIPs print them.
func section(t testing.TB, bip string) string {
	t.Helper()
	all, err := os.ReadFile("testdata/bips.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(all), "## BIP "+bip+"\n")
	if !found {
		t.Fatalf("no vectors of BIP %s", bip)
	}
	part, _, _ := strings.Cut(after, "\n## BIP ")
	return part
}

// between cuts the part of text from one heading to the next.
func between(t testing.TB, text, from, to string) string {
	t.Helper()
	_, after, found := strings.Cut(text, from)
	if !found {
		t.Fatalf("no heading %q", from)
	}
	if to != "" {
		after, _, found = strings.Cut(after, to)
		if !found {
			t.Fatalf("no heading %q", to)
		}
	}
	return after
}

// item is one bullet with the bullets below it.
type item struct {
	text string
	sub  []string
}

var code = regexp.MustCompile(`<tt>(.*?)</tt>`)

// items reads bullets whose last <tt> is the vector. A bullet without one is
// left out.
func items(t testing.TB, text string) []item {
	t.Helper()
	var all []item
	for line := range strings.Lines(text) {
		found := code.FindAllStringSubmatch(line, -1)
		if found == nil {
			continue
		}
		last := found[len(found)-1][1]
		switch {
		case strings.HasPrefix(line, "** "):
			all[len(all)-1].sub = append(all[len(all)-1].sub, last)
		case strings.HasPrefix(line, "* "):
			all = append(all, item{text: last})
		}
	}
	if len(all) == 0 {
		t.Fatal("no vectors found")
	}
	return all
}

// refusal parses text, which must be refused with a Problem.
func refusal(t testing.TB, text string, net chain.Network, hint Script) Problem {
	t.Helper()
	key, err := ParseBitcoin(text, net, hint)
	var p Problem
	if err == nil || !errors.As(err, &p) || key != nil {
		t.Fatalf("%s: got key %v, error %v", text, key, err)
	}
	if _, known := sentences[p]; !known {
		t.Fatalf("%s: no sentence for %q", text, string(p))
	}
	return p
}

// scriptHex is the output script of a mainnet address, by btcd's own code.
func scriptHex(t testing.TB, to chain.Destination) string {
	t.Helper()
	address, err := btcutil.DecodeAddress(string(to), &chaincfg.MainNetParams)
	if err != nil {
		t.Fatal(err)
	}
	script, err := txscript.PayToAddrScript(address)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(script)
}

func TestBIP32Chains(t *testing.T) {
	text := between(t, section(t, "0032"), "===Test vector 1===", "===Test vector 5===")
	lines := regexp.MustCompile(`\* Chain (\S+)\n\*\* ext pub: (\S+)\n\*\* ext prv: (\S+)`).FindAllStringSubmatch(text, -1)
	if len(lines) != 17 {
		t.Fatalf("%d chains", len(lines))
	}
	derived := 0
	for i, line := range lines {
		path, public, private := strings.Split(strings.ReplaceAll(line[1], "<sub>H</sub>", "'"), "/"), line[2], line[3]
		if got := refusal(t, private, Mainnet, P2WPKH); got != ErrPrivateKey {
			t.Errorf("%s private: %q", line[1], string(got))
		}
		if _, err := ParseBitcoin(public, Mainnet, P2WPKH); len(path) != 5 && err != nil {
			t.Errorf("%s: %v", line[1], err)
		}
		x, err := parseExtended(public)
		if err != nil {
			t.Fatalf("%s: %v", line[1], err)
		}
		if int(x.depth) != len(path)-1 || x.key.String() != public {
			t.Errorf("%s: depth %d, %s", line[1], x.depth, x.key)
		}
		last := path[len(path)-1]
		if last == "m" || strings.HasSuffix(last, "'") {
			continue
		}
		index, err := strconv.ParseUint(last, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		parent, err := parseExtended(lines[i-1][2])
		if err != nil {
			t.Fatal(err)
		}
		child, err := parent.derive([]uint32{uint32(index)})
		if err != nil || child.String() != public {
			t.Errorf("%s: derived %s, %v", line[1], child, err)
		}
		derived++
	}
	if derived != 6 {
		t.Errorf("%d public derivations", derived)
	}
}

func TestBIP32InvalidKeys(t *testing.T) {
	text := between(t, section(t, "0032"), "===Test vector 5===", "")
	lines := regexp.MustCompile(`\* (\S+) \((.*)\)`).FindAllStringSubmatch(text, -1)
	if len(lines) != 16 {
		t.Fatalf("%d keys", len(lines))
	}
	for _, line := range lines {
		got := refusal(t, line[1], Mainnet, P2WPKH)
		private := strings.HasPrefix(line[1], "xprv") || strings.Contains(line[2], "prvkey mismatch")
		if private && got != ErrPrivateKey {
			t.Errorf("%s: %q", line[2], string(got))
		}
		if _, err := ParseEVM(line[1]); err == nil {
			t.Errorf("%s: taken for EVM", line[2])
		}
		if got := refusal(t, "wpkh("+line[1]+"/0/*)", Mainnet, ScriptUnknown); private && got != ErrPrivateKey {
			t.Errorf("%s in a descriptor: %q", line[2], string(got))
		}
	}
}

// field finds "name = value" in a BIP's listing, the n-th of that name.
func field(t testing.TB, text, name string, n int) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^\s*`+regexp.QuoteMeta(name)+`\s*=(?: base58check\(prefix \| addressBytes\) =)?\s*(\S+)`).FindAllStringSubmatch(text, -1)
	if n >= len(found) {
		t.Fatalf("no %s %d", name, n)
	}
	return found[n][1]
}

func TestBIP49And84And86(t *testing.T) {
	b49, b84, b86 := section(t, "0049"), section(t, "0084"), section(t, "0086")
	for _, c := range []struct {
		name, key string
		net       chain.Network
		hint      Script
		kind      Kind
		path      string
		first     []string
	}{
		{"49", field(t, b49, "account0Xpub", 0), Testnet4, ScriptUnknown, KindSHWPKH, "m/49'/1'/0'/0", []string{field(t, b49, "address", 0)}},
		{"84", field(t, b84, "xpub", 0), Mainnet, ScriptUnknown, KindWPKH, "m/84'/0'/0'/0", []string{field(t, b84, "address", 0), field(t, b84, "address", 1)}},
		{"86", field(t, b86, "xpub", 0), Mainnet, P2TR, KindTR, "m/86'/0'/0'/0", []string{field(t, b86, "address", 0), field(t, b86, "address", 1)}},
		{"84 change", "wpkh(" + field(t, b84, "xpub", 0) + "/1/*)", Mainnet, ScriptUnknown, KindWPKH, "m/84'/0'/0'/1", []string{field(t, b84, "address", 2)}},
		{"86 change", "tr(" + field(t, b86, "xpub", 0) + "/1/*)", Mainnet, ScriptUnknown, KindTR, "m/86'/0'/0'/1", []string{field(t, b86, "address", 2)}},
		// SLIP-132's own vectors.
		{"slip 44", "xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj", Mainnet, P2PKH, KindPKH, "m/44'/0'/0'/0", []string{"1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA"}},
		{"slip 49", "ypub6Ww3ibxVfGzLrAH1PNcjyAWenMTbbAosGNB6VvmSEgytSER9azLDWCxoJwW7Ke7icmizBMXrzBx9979FfaHxHcrArf3zbeJJJUZPf663zsP", Mainnet, ScriptUnknown, KindSHWPKH, "m/49'/0'/0'/0", []string{"37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf"}},
	} {
		key, err := ParseBitcoin(c.key, c.net, c.hint)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if key.Kind() != c.kind || key.Account().Path != c.path {
			t.Errorf("%s: %s %s", c.name, key.Kind(), key.Account().Path)
		}
		for i, want := range c.first {
			if to, err := key.Destination(uint32(i)); err != nil || string(to) != want {
				t.Errorf("%s/%d: %s, %v, want %s", c.name, i, to, err, want)
			}
		}
	}
}

func TestBIP380Checksum(t *testing.T) {
	list := items(t, between(t, section(t, "0380"), "character set:", "The following tests cover key expressions"))
	for i, v := range list {
		_, err := uncheck(v.text)
		switch {
		case i < 2 && err != nil:
			t.Errorf("%s: %v", v.text, err)
		case i >= 2 && err == nil:
			t.Errorf("%s: taken", v.text)
		}
	}
	if len(list) != 8 {
		t.Errorf("%d vectors", len(list))
	}
}

func TestBIP380KeyExpressions(t *testing.T) {
	text := between(t, section(t, "0380"), "Valid expressions:", "")
	valid, invalid, _ := strings.Cut(text, "Invalid expression:")
	taken := 0
	for _, v := range items(t, valid) {
		whole := "wpkh(" + v.text + ")"
		if strings.Contains(v.text, "xprv") || !strings.Contains(v.text, "xpub") && len(v.text) < 60 {
			if got := refusal(t, whole, Mainnet, ScriptUnknown); got != ErrPrivateKey {
				t.Errorf("%s: %q", v.text, string(got))
			}
			continue
		}
		want := ErrFixedKey
		switch {
		case strings.Contains(v.text, "xpub") && strings.Contains(v.text[strings.Index(v.text, "xpub"):], "h"):
			// An h below the key; base58 has h too, so look behind the key.
			if _, path, ok := strings.Cut(v.text[strings.Index(v.text, "xpub"):], "/"); ok && strings.Contains(path, "h") {
				want = ErrHardened
			} else if strings.HasSuffix(v.text, "/*") {
				want = ""
			}
		case strings.HasSuffix(v.text, "/*"):
			want = ""
		}
		if want != "" {
			if got := refusal(t, whole, Mainnet, ScriptUnknown); got != want {
				t.Errorf("%s: %q, want %q", v.text, string(got), string(want))
			}
			continue
		}
		key, err := ParseBitcoin(whole, Mainnet, ScriptUnknown)
		if err != nil || len(key.First(3)) != 3 {
			t.Errorf("%s: %v", v.text, err)
		}
		taken++
	}
	if taken != 1 {
		t.Errorf("%d taken", taken)
	}
	for _, v := range items(t, invalid) {
		refusal(t, "pkh("+v.text+")", Mainnet, ScriptUnknown)
		refusal(t, v.text, Mainnet, P2PKH)
	}
}

// TestBIP381To386 derives what till supports and wants a clean refusal of the
// rest: private keys, single keys, and scripts that till does not read.
func TestBIP381To386(t *testing.T) {
	taken := 0
	for _, bip := range []string{"0381", "0382", "0385", "0386"} {
		valid, invalid, _ := strings.Cut(section(t, bip), "Invalid ")
		for _, v := range items(t, valid) {
			key, err := ParseBitcoin(v.text, Mainnet, ScriptUnknown)
			if err != nil {
				got := refusal(t, v.text, Mainnet, ScriptUnknown)
				private := strings.Contains(v.text, "xprv") || strings.Contains(v.text, "L4rK1yDtCWek") || strings.Contains(v.text, "5KYZdUEo39z3")
				if (got == ErrPrivateKey) != private {
					t.Errorf("%s: %q", v.text, string(got))
				}
				continue
			}
			taken++
			for i, want := range v.sub {
				to, err := key.Destination(uint32(i))
				if err != nil || scriptHex(t, to) != want {
					t.Errorf("%s: %d is %s, %v, want %s", v.text, i, to, err, want)
				}
			}
		}
		for _, v := range items(t, invalid) {
			refusal(t, v.text, Mainnet, ScriptUnknown)
		}
	}
	if taken != 1 {
		t.Errorf("%d descriptors taken, want the one with a public key and children", taken)
	}
}

func TestBIP389(t *testing.T) {
	valid, invalid, _ := strings.Cut(section(t, "0389"), "Invalid ")
	taken := 0
	for _, v := range items(t, valid) {
		if !strings.HasPrefix(v.text, "wpkh(") {
			refusal(t, v.text, Mainnet, ScriptUnknown)
			continue
		}
		many, err := ParseBitcoin(v.text, Mainnet, ScriptUnknown)
		if err != nil {
			t.Fatal(err)
		}
		first, err := ParseBitcoin(v.sub[0], Mainnet, ScriptUnknown)
		if err != nil {
			t.Fatal(err)
		}
		if many.Account() != first.Account() || many.First(2)[1] != first.First(2)[1] {
			t.Errorf("%s differs from its first branch", v.text)
		}
		taken++
	}
	if taken != 1 {
		t.Errorf("%d taken", taken)
	}
	for _, v := range items(t, invalid) {
		refusal(t, v.text, Mainnet, ScriptUnknown)
	}
}

func TestBIP173And350Addresses(t *testing.T) {
	for _, bip := range []string{"0173", "0350"} {
		text := between(t, section(t, bip), "The following list gives valid segwit addresses", "")
		valid, invalid, _ := strings.Cut(text, "The following list gives invalid segwit addresses")
		for line := range strings.Lines(valid) {
			found := code.FindAllStringSubmatch(line, -1)
			if len(found) != 2 {
				continue
			}
			address, script := found[0][1], found[1][1]
			net := Mainnet
			if strings.HasPrefix(strings.ToLower(address), "tb") {
				net = Signet
			}
			// BIP 350 takes bech32 back from versions above 0.
			withdrawn := bip == "0173" && script[:2] != "00"
			to, err := ParseAddress(address, net)
			switch {
			case withdrawn && err == nil:
				t.Errorf("%s: taken", address)
			case !withdrawn && (err != nil || string(to) != strings.ToLower(address)):
				t.Errorf("%s: %s, %v", address, to, err)
			}
			if !withdrawn {
				if _, err := ParseAddress(address, Simnet); !errors.Is(err, ErrWrongNetwork) {
					t.Errorf("%s on simnet: %v", address, err)
				}
			}
		}
		for _, v := range items(t, invalid) {
			for net := range networks {
				if to, err := ParseAddress(v.text, net); err == nil {
					t.Errorf("%s: taken as %s on %s", v.text, to, net)
				}
			}
		}
	}
}
