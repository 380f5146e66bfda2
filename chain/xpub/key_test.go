package xpub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

// Public keys of well-known throw-away seeds: BIP 84's and BIP 86's own
// ("abandon … about"), and "test … junk" for EVM.
const (
	zpub    = "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs"
	xpub86  = "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ"
	upub    = "upub5EFU65HtV5TeiSHmZZm7FUffBGy8UKeqp7vw43jYbvZPpoVsgU93oac7Wk3u6moKegAEWtGNF8DehrnHtv21XXEMYRUocHqguyjknFHYfgY"
	xpubEVM = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
)

func bitcoinKey(t testing.TB, text string, net chain.Network, hint Script) *Key {
	t.Helper()
	key, err := ParseBitcoin(text, net, hint)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return key
}

func evmKey(t testing.TB, text string) *Key {
	t.Helper()
	key, err := ParseEVM(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return key
}

// version writes an extended key with other version bytes.
func withVersion(t testing.TB, text string, version [4]byte) string {
	t.Helper()
	x, err := parseExtended(text)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x.key.CloneWithVersion(version[:])
	if err != nil {
		t.Fatal(err)
	}
	return key.String()
}

// branchOf writes the external branch's key of an account key.
func branchOf(t testing.TB, text string, step uint32) string {
	t.Helper()
	x, err := parseExtended(text)
	if err != nil {
		t.Fatal(err)
	}
	branch, err := x.derive([]uint32{step})
	if err != nil {
		t.Fatal(err)
	}
	return branch.String()
}

// signed puts the checksum behind a descriptor.
func signed(t testing.TB, body string) string {
	t.Helper()
	sum, ok := checksum(body)
	if !ok {
		t.Fatalf("no checksum of %s", body)
	}
	return body + "#" + sum
}

// TestSameAccount: every way to write one account makes the same addresses and
// shares one counter.
func TestSameAccount(t *testing.T) {
	xpub := withVersion(t, zpub, plainVersion[mainFamily])
	want := bitcoinKey(t, zpub, Mainnet, ScriptUnknown)
	for _, text := range []string{
		xpub,
		"  " + zpub + "\n",
		branchOf(t, zpub, 0),
		"[73c5da0a/84'/0'/0']" + xpub,
		"[73c5da0a/84h/0h/0h]" + zpub,
		zpub + "/0/*",
		xpub + "/<0;1>/*",
		"wpkh(" + xpub + "/0/*)",
		"wpkh(" + zpub + "/<0;1;2>/*)",
		"wpkh([73C5DA0A/84'/0h/0']" + xpub + "/<0;1>/*)",
		"wpkh(" + branchOf(t, xpub, 0) + "/*)",
		signed(t, "wpkh([73c5da0a/84h/0h/0h]"+xpub+"/<0;1>/*)"),
	} {
		got := bitcoinKey(t, text, Mainnet, P2WPKH)
		if got.Account().ID != want.Account().ID || got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: account %+v, want %+v", text, got.Account(), want.Account())
		}
		if !slices.Equal(got.First(3), want.First(3)) || len(got.First(3)) != 3 {
			t.Errorf("%s: %v", text, got.First(3))
		}
		if !got.Usual() {
			t.Errorf("%s: %v", text, got.Warnings)
		}
		again := bitcoinKey(t, got.Export(), Mainnet, ScriptUnknown)
		if again.Account() != got.Account() || again.Kind() != got.Kind() || again.Export() != got.Export() {
			t.Errorf("%s: exported %s, which is %+v", text, got.Export(), again.Account())
		}
	}
	// As Electrum computes it (BIP32Node.calc_fingerprint_of_this_node).
	if want.Fingerprint() != "fd13aac9" {
		t.Errorf("fingerprint %s", want.Fingerprint())
	}
}

func TestAccountsDiffer(t *testing.T) {
	ids := map[string]string{}
	for name, key := range map[string]*Key{
		"wpkh":     bitcoinKey(t, zpub, Mainnet, ScriptUnknown),
		"tr":       bitcoinKey(t, withVersion(t, zpub, plainVersion[mainFamily]), Mainnet, P2TR),
		"pkh":      bitcoinKey(t, withVersion(t, zpub, plainVersion[mainFamily]), Mainnet, P2PKH),
		"sh-wpkh":  bitcoinKey(t, withVersion(t, zpub, plainVersion[mainFamily]), Mainnet, P2SHP2WPKH),
		"evm":      evmKey(t, withVersion(t, zpub, plainVersion[mainFamily])),
		"change":   bitcoinKey(t, zpub+"/1/*", Mainnet, ScriptUnknown),
		"other":    bitcoinKey(t, xpub86, Mainnet, P2TR),
		"testnets": bitcoinKey(t, upub, Signet, ScriptUnknown),
	} {
		id := key.Account().ID
		if other, taken := ids[id]; taken {
			t.Errorf("%s and %s share %s", name, other, id)
		}
		ids[id] = name
		if strings.Contains(id, "pub") || len(id) > 48 {
			t.Errorf("%s: id %s", name, id)
		}
	}
}

func TestPaths(t *testing.T) {
	for text, want := range map[string]string{
		zpub:                          "m/84'/0'/0'/0",
		branchOf(t, zpub, 0):          ".../0",
		branchOf(t, zpub, 7):          ".../7",
		"[73c5da0a/84'/0'/5']" + zpub: "m/84'/0'/5'/0",
		"[73c5da0a]" + zpub:           "m/0",
		"wpkh([00000000/1/2h]" + zpub + "/9/8/*)": "m/1/2'/9/8",
		// BIP 32's vector 1 at m (depth 0), at m/0' (depth 1, as Electrum has it) and at m/0'/1 (depth 2).
		"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8": "m/0",
		"xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw": "m/0'/0",
		"xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ": ".../0",
	} {
		if got := bitcoinKey(t, text, Mainnet, P2WPKH).Account().Path; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	xpub := withVersion(t, zpub, plainVersion[mainFamily])
	for _, c := range []struct {
		text string
		want []Warning
	}{
		{zpub, nil},
		{branchOf(t, zpub, 0), nil},
		{branchOf(t, zpub, 1), []Warning{WarnBranch}},
		{zpub + "/1/*", []Warning{WarnBranch}},
		{zpub + "/<1;0>/*", []Warning{WarnBranch}},
		{zpub + "/*", []Warning{WarnBranch, WarnDepth}}, // the account's own number stands for the branch
		{zpub + "/0/0/*", []Warning{WarnDepth}},
		{"[73c5da0a/84h/0h/0h]" + xpub, nil},
		{"[73c5da0a/86h/0h/0h]" + xpub, []Warning{WarnPurpose}},
		{"tr([73c5da0a/84h/0h/0h]" + xpub + "/0/*)", []Warning{WarnPurpose}},
		{"[73c5da0a/84h/0h]" + xpub, []Warning{WarnOrigin}},
		{"[73c5da0a/84h/0h/1h]" + xpub, []Warning{WarnOrigin}},
		{"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8", []Warning{WarnDepth}},
	} {
		got := bitcoinKey(t, c.text, Mainnet, P2WPKH).Warnings
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.text, got, c.want)
		}
		for _, w := range got {
			if doubts[w] == "" {
				t.Errorf("%s has no sentence", w)
			}
		}
	}
}

func TestNetworks(t *testing.T) {
	families := map[string]string{"main": zpub, "test": withVersion(t, zpub, [4]byte{0x04, 0x5f, 0x1c, 0xf6}), "sim": withVersion(t, zpub, plainVersion[simFamily])}
	for net, want := range map[chain.Network]struct{ families, prefix string }{
		Mainnet:  {"main", "bc1q"},
		Testnet4: {"test", "tb1q"},
		Signet:   {"test", "tb1q"},
		Regtest:  {"test", "bcrt1q"},
		Simnet:   {"test sim", "sb1q"},
	} {
		for name, text := range families {
			key, err := ParseBitcoin(text, net, P2WPKH)
			if !strings.Contains(want.families, name) {
				if !errors.Is(err, ErrWrongNetwork) {
					t.Errorf("%s key on %s: %v", name, net, err)
				}
				continue
			}
			if err != nil || !strings.HasPrefix(string(key.First(1)[0]), want.prefix) {
				t.Errorf("%s key on %s: %v, %v", name, net, key, err)
				continue
			}
			if again := bitcoinKey(t, key.Export(), net, ScriptUnknown); again.Account() != key.Account() {
				t.Errorf("%s key on %s: exported %s", name, net, key.Export())
			}
		}
		for script, prefixes := range map[Script]string{P2PKH: "1mnS", P2SHP2WPKH: "32sr", P2TR: "bts"} {
			key := bitcoinKey(t, script.wrap(withVersion(t, zpub, plainVersion[networks[net].families[0]])+"/0/*"), net, ScriptUnknown)
			to := key.First(1)[0]
			if again, err := ParseAddress(string(to), net); err != nil || again != to || strings.IndexByte(prefixes, to[0]) < 0 {
				t.Errorf("%s on %s: %s, %v", script, net, to, err)
			}
		}
	}
	for _, net := range []chain.Network{"", "bitcoin", "bitcoin:", "bitcoin:testnet3", "mainnet", "eip155:1"} {
		if _, err := ParseBitcoin(zpub, net, ScriptUnknown); !errors.Is(err, ErrNetwork) {
			t.Errorf("%q: %v", net, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	xpub := withVersion(t, zpub, plainVersion[mainFamily])
	for _, c := range []struct {
		text string
		hint Script
		want Problem
	}{
		{"", 0, ErrEmpty},
		{" \n\t", 0, ErrEmpty},
		{strings.Repeat("x", 1025), 0, ErrTooLong},
		{xpub, ScriptUnknown, ErrAmbiguous},
		{"[73c5da0a/48h/0h/0h]" + xpub, ScriptUnknown, ErrAmbiguous},
		{"[73c5da0a/84/0/0]" + xpub, ScriptUnknown, ErrAmbiguous},
		{xpub, Script(9), ErrScript},
		{"tr(" + zpub + "/0/*)", 0, ErrContradiction},
		{withVersion(t, zpub, [4]byte{0x02, 0x95, 0xb4, 0x3f}), 0, ErrMultisig}, // Ypub
		{withVersion(t, zpub, [4]byte{0x02, 0xaa, 0x7e, 0xd3}), 0, ErrMultisig}, // Zpub
		{withVersion(t, zpub, [4]byte{0x02, 0x42, 0x89, 0xef}), 0, ErrMultisig}, // Upub
		{withVersion(t, zpub, [4]byte{0x02, 0x57, 0x54, 0x83}), 0, ErrMultisig}, // Vpub
		{"wsh(sortedmulti(2," + xpub + "/<0;1>/*," + xpub86 + "/<0;1>/*))", 0, ErrMultisig},
		{"sh(wsh(multi(1," + xpub + "/0/*)))", 0, ErrMultisig},
		{"sh(multi(1," + xpub + "/0/*))", 0, ErrMultisig},
		{"tr(" + xpub + "/0/*,multi_a(1," + xpub86 + "/0/*))", 0, ErrMultisig},
		{"tr(musig(" + xpub + "," + xpub86 + ")/0/*)", 0, ErrMultisig},
		{"tr(" + xpub + "/0/*,pk(" + xpub86 + "/0/*))", 0, ErrUnsupported},
		{"pk(" + xpub + "/0/*)", 0, ErrUnsupported},
		{"combo(" + xpub + "/0/*)", 0, ErrUnsupported},
		{"sh(pkh(" + xpub + "/0/*))", 0, ErrUnsupported},
		{"addr(bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu)", 0, ErrUnsupported},
		{"wpkh(" + xpub + ")", 0, ErrFixedKey},
		{"wpkh(" + xpub + "/0)", 0, ErrFixedKey},
		{"wpkh(" + xpub + "/0/5)", 0, ErrFixedKey},
		{xpub + "/0", P2WPKH, ErrFixedKey},
		{"tr(cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115)", 0, ErrFixedKey},
		{"wpkh(0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c)", 0, ErrFixedKey},
		{"0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c", P2WPKH, ErrFixedKey},
		{"wpkh(" + xpub + "/0'/*)", 0, ErrHardened},
		{"wpkh(" + xpub + "/0/*h)", 0, ErrHardened},
		{"wpkh(" + xpub + "/<0h;1>/*)", 0, ErrHardened},
		{"wpkh(" + xpub + "/2147483648/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/00/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/0H/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "//*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/*/0)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/*/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/<0>/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/<0;0>/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/<0;1>/<2;3>/*)", 0, ErrSyntax},
		{"wpkh(" + xpub + "/0/*", 0, ErrSyntax},
		{"wpkh(" + xpub + "/0/*))", 0, ErrSyntax},
		{"sh(wpkh(" + xpub + "/0/*)", 0, ErrSyntax},
		{"wpkh(wpkh(" + xpub + "/0/*))", 0, ErrSyntax},
		{"(" + xpub + ")", 0, ErrSyntax},
		{"wpkh()", 0, ErrSyntax},
		{"[73c5da0a/84h]", 0, ErrSyntax},
		{"[73c5da0a" + xpub, 0, ErrSyntax},
		{"[73c5da0/84h]" + xpub, 0, ErrSyntax},
		{"[73c5da0a][73c5da0a]" + xpub, 0, ErrSyntax},
		{"wpkh(" + xpub + "/0/*)#", 0, ErrChecksum},
		{"wpkh(" + xpub + "/0/*)#aaaaaaaa", 0, ErrChecksum},
		{signed(t, "wpkh("+xpub+"/0/*)") + "q", 0, ErrChecksum},
		{signed(t, "wpkh("+xpub+"/0/*)") + "#", 0, ErrChecksum},
		{strings.Replace(signed(t, "wpkh("+xpub+"/0/*)"), "/0/*", "/1/*", 1), 0, ErrChecksum},
		{zpub[:110], 0, ErrDamaged},
		{zpub + "1", 0, ErrDamaged},
		{strings.Replace(zpub, "rFR7", "rFR8", 1), 0, ErrDamaged},
		{strings.Replace(zpub, "rFR7", "rF07", 1), 0, ErrDamaged},
		{"hello", 0, ErrSyntax},
		{"wpkh(hello/0/*)", 0, ErrSyntax},
		{"xpub6BgB", 0, ErrDamaged},
		{"2Mww8dCYPUpKHofjgcXcBCEGmniw9CoaiD2", 0, ErrIsAddress},
		{"zpub…", 0, ErrSyntax},
		{zpub[:50] + "\n" + zpub[50:], 0, ErrSyntax},
		{"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", 0, ErrIsAddress},
		{"1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA", 0, ErrIsAddress},
		{"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", 0, ErrIsAddress},
		{"xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL", P2WPKH, ErrDepth}, // depth 4 reached by a hardened step
	} {
		if got := refusal(t, c.text, Mainnet, c.hint); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, string(got), string(c.want))
		}
	}
}

func TestEveryProblemHasASentence(t *testing.T) {
	seen := map[string]bool{}
	for p, s := range sentences {
		if len(s) < 20 || seen[s] || p.Error() != s {
			t.Errorf("%q: %q", string(p), s)
		}
		seen[s] = true
	}
	if Problem("new").Error() == "" || Warning("new").Text() == "" {
		t.Error("unknown codes are silent")
	}
}

func TestIndexRange(t *testing.T) {
	keys := []*Key{bitcoinKey(t, zpub, Mainnet, 0), evmKey(t, xpubEVM)}
	for _, key := range keys {
		if to, err := key.Destination(hardened - 1); err != nil || to == "" {
			t.Errorf("%v: %s, %v", key, to, err)
		}
		for _, index := range []uint32{hardened, hardened + 1, 1<<32 - 1} {
			if to, err := key.Destination(index); !errors.Is(err, chain.ErrNoSuchIndex) || to != "" {
				t.Errorf("%v: index %d is %s, %v", key, index, to, err)
			}
		}
	}
}

func TestConcurrentDestination(t *testing.T) {
	for _, key := range []*Key{bitcoinKey(t, zpub, Mainnet, 0), bitcoinKey(t, xpub86, Mainnet, P2TR), evmKey(t, xpubEVM)} {
		want := key.First(8)
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if got := key.First(8); !slices.Equal(got, want) {
					t.Errorf("%v: %v", key, got)
				}
			})
		}
		wait.Wait()
	}
}

// TestKeyNeverPrints: no verb, no log and no JSON shows the key, also where a
// key stands inside something else.
func TestKeyNeverPrints(t *testing.T) {
	list, err := ParseAddresses([]string{"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	descriptor := bitcoinKey(t, "wpkh([73c5da0a/84h/0h/0h]"+zpub+"/0/*)", Mainnet, 0)
	for _, key := range []*Key{bitcoinKey(t, zpub, Mainnet, 0), descriptor, evmKey(t, xpubEVM), list} {
		secrets := []string{"pub6", "0xf39", "f39f"}
		x, err := parseExtended(zpub)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, fmt.Sprintf("%x", x.key.ChainCode()), fmt.Sprint(x.key.ChainCode())[1:40])
		inside := struct {
			Public *Key
			hidden *Key
			value  Key
			Any    any
			Map    map[string]*Key
		}{key, key, *key, *key, map[string]*Key{"a": key}}
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"} {
			fmt.Fprintf(&out, verb+"\n"+verb+"\n"+verb+"\n", key, *key, inside)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("key", "key", key, "value", *key, "inside", inside, "account", key.Account())
		}
		encoded, err := json.Marshal(inside)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
		text := strings.ToLower(out.String())
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%v: printed %q in\n%s", key, secret, text)
			}
		}
		if !strings.Contains(out.String(), key.String()) || !strings.Contains(string(encoded), key.String()) {
			t.Errorf("%v is not described", key)
		}
	}
	if got := descriptor.String(); got != "wpkh key fd13aac9 m/84'/0'/0'/0" {
		t.Error(got)
	}
	if got := list.String(); got != "list of 1 addresses" {
		t.Error(got)
	}
}

func TestReuse(t *testing.T) {
	key := evmKey(t, xpubEVM)
	pool := key.Reuse(24 * time.Hour)
	if pool.Account().Cooldown != 24*time.Hour || key.Account().Cooldown != 0 || pool.Account().ID != key.Account().ID {
		t.Errorf("%+v, %+v", pool.Account(), key.Account())
	}
	if !slices.Equal(pool.First(3), key.First(3)) || pool.Reuse(-1).Account() != key.Account() {
		t.Error("another key")
	}
	list, err := ParseAddresses(eip55, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if list.Reuse(0).Account().Cooldown != time.Hour || list.Reuse(time.Minute).Account().Cooldown != time.Minute {
		t.Error("a list without a cool-down")
	}
}

func TestParseScript(t *testing.T) {
	for script, names := range map[Script][]string{
		ScriptUnknown: {"", " "},
		P2PKH:         {"pkh", "P2PKH", "44"},
		P2SHP2WPKH:    {"sh-wpkh", "sh(wpkh)", "p2sh-p2wpkh", "49"},
		P2WPKH:        {"wpkh", " p2wpkh ", "84"},
		P2TR:          {"tr", "P2TR", "86"},
	} {
		for _, name := range names {
			if got, err := ParseScript(name); err != nil || got != script {
				t.Errorf("%q: %v, %v", name, got, err)
			}
		}
		if got, err := ParseScript(script.String()); script != ScriptUnknown && (err != nil || got != script) {
			t.Errorf("%v: %v, %v", script, got, err)
		}
	}
	if _, err := ParseScript("wsh"); !errors.Is(err, ErrScript) {
		t.Error(err)
	}
	if Script(77).String() != "unknown" {
		t.Error(Script(77))
	}
}
