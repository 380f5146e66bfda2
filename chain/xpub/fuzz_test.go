package xpub

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/hdkeychain"

	"github.com/cointill/till/chain"
)

// silent checks that an error is one of our sentences and repeats no part of
// the text that caused it.
func silent(t *testing.T, text string, err error) {
	t.Helper()
	var p Problem
	if !errors.As(err, &p) || sentences[p] == "" {
		t.Fatalf("an error without a sentence: %v", err)
	}
	said := err.Error()
	anyRun(text, func(run string) bool {
		if len(run) >= 8 && strings.Contains(said, run) && !strings.Contains(sentences[p], run) {
			t.Fatalf("the error repeats a part of the input: %s", said)
		}
		return false
	})
}

// FuzzParseBitcoin: no text makes the parser panic or talk, and an accepted key
// derives, keeps its secrets and parses again from its export.
func FuzzParseBitcoin(f *testing.F) {
	for _, seed := range []string{
		zpub, upub, xpub86, "tr(" + xpub86 + "/<0;1>/*)", "wpkh([73c5da0a/84h/0h/0h]" + zpub + "/0/*)#l8lv2v0f",
		"sh(wpkh(" + xpub86 + "/0/*))", "pkh([00000000/44']" + xpub86 + "/1/2/3/*)", phrase,
		"xprv9xgqHN7yz9MwCkxsBPN5qetuNdQSUttZNKw1dcYTV4mkaAFiBVGQziHs3NRSWMkCzvgjEe3n9xV8oYywvM8at9yRqyaZVz6TYYhX98VjsUk",
		"KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d", "wsh(multi(1," + xpub86 + "))", "[[]]((#", "1111111111",
	} {
		for net := range uint8(5) {
			f.Add(seed, net, net%5)
		}
	}
	nets := []chain.Network{Mainnet, Testnet4, Signet, Regtest, Simnet}
	f.Fuzz(func(t *testing.T, text string, net, hint uint8) {
		on := nets[int(net)%len(nets)]
		key, err := ParseBitcoin(text, on, Script(hint%6))
		if err != nil {
			silent(t, text, err)
			return
		}
		if looksPrivate(text) {
			t.Fatal("accepted something private")
		}
		first := key.First(2)
		if len(first) != 2 || first[0] == first[1] {
			t.Fatalf("derived %v", first)
		}
		for _, to := range first {
			if again, err := ParseAddress(string(to), on); err != nil || again != to {
				t.Fatalf("%s is no address: %v", to, err)
			}
		}
		if strings.Contains(key.String(), "pub") {
			t.Fatalf("shows %s", key)
		}
		again, err := ParseBitcoin(key.Export(), on, ScriptUnknown)
		if err != nil || again.Account() != key.Account() || again.Export() != key.Export() {
			t.Fatalf("exported %s: %v", key.Export(), err)
		}
	})
}

// FuzzParseEVM: the same for EVM keys, lists and addresses.
func FuzzParseEVM(f *testing.F) {
	for _, seed := range []string{
		xpubEVM, xpubEVM + "/0/*", "[00000000/44'/60'/0']" + xpubEVM, zpub, phrase, eip55[0], strings.ToLower(eip55[4]),
		"0x0000000000000000000000000000000000000000", "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if to, err := ParseAddress(text, "eip155:1"); err != nil {
			silent(t, text, err)
		} else if again, err := ParseAddress(string(to), "eip155:5"); err != nil || again != to {
			t.Fatalf("%s is not canonical: %v", to, err)
		}
		if key, err := ParseAddresses([]string{text}, 1); err != nil {
			silent(t, text, err)
		} else if len(key.First(2)) != 1 {
			t.Fatalf("a list of one has %d", len(key.First(2)))
		}
		key, err := ParseEVM(text)
		if err != nil {
			silent(t, text, err)
			return
		}
		if looksPrivate(text) {
			t.Fatal("accepted something private")
		}
		for _, to := range key.First(2) {
			if again, err := ParseAddress(string(to), "eip155:1"); err != nil || again != to {
				t.Fatalf("%s is no address: %v", to, err)
			}
		}
		again, err := ParseEVM(key.Export())
		if err != nil || again.Account() != key.Account() || strings.Contains(key.String(), "pub") {
			t.Fatalf("exported %s, shows %s: %v", key.Export(), key, err)
		}
	})
}

// FuzzExtended: of all keys with a right checksum, only those that BIP 32 calls
// valid are taken, and hdkeychain agrees on them.
func FuzzExtended(f *testing.F) {
	for v := range versions {
		for _, prefix := range []byte{0, 1, 2, 3, 4} {
			f.Add(v[:], byte(3), []byte{1, 2, 3, 4}, uint32(hardened), append([]byte{prefix}, "a point on the curve, or perhaps not"...))
			f.Add(v[:], byte(0), []byte{0, 0, 0, prefix / 4}, uint32(prefix/3), append([]byte{prefix}, "one more x of which half are points"...))
		}
	}
	f.Add([]byte("DMwo"), byte(1), []byte{}, uint32(0), []byte{2})
	f.Fuzz(func(t *testing.T, v []byte, depth byte, parent []byte, child uint32, key []byte) {
		raw := make([]byte, 78)
		copy(raw[:4], v)
		raw[4] = depth
		copy(raw[5:9], parent)
		binary.BigEndian.PutUint32(raw[9:13], child)
		copy(raw[45:], key)
		text := base58Sum(raw)
		known, listed := versions[[4]byte(raw)]
		private := raw[45] == 0 || listed && known.private
		// An unlisted version may spell ?prv, too, and is then as loudly refused.
		if alarm := looksPrivate(text); private && !alarm || listed && !private && alarm {
			t.Fatalf("%x: private is %v", raw, private)
		}
		x, err := parseExtended(text)
		if private != errors.Is(err, ErrPrivateKey) && len(text) >= 100 {
			t.Fatalf("%x: private is %v, error %v", raw, private, err)
		}
		if err != nil {
			silent(t, text, err)
			return
		}
		theirs, err := hdkeychain.NewKeyFromString(text)
		if err != nil || theirs.IsPrivate() || theirs.Depth() != x.depth || theirs.ChildIndex() != x.child {
			t.Fatalf("%x: hdkeychain says %v", raw, err)
		}
		if !listed || raw[45] != 2 && raw[45] != 3 || depth == 0 && (child != 0 || [4]byte(raw[5:9]) != [4]byte{}) {
			t.Fatalf("took %x", raw)
		}
	})
}
