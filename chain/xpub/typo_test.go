package xpub

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
)

// TestOneTypo: one wrong character anywhere in a key, or in a descriptor with
// its checksum, is noticed, and never taken for another key.
func TestOneTypo(t *testing.T) {
	descriptor := signed(t, "wpkh([73c5da0a/84h/0h/0h]"+zpub+"/<0;1>/*)")
	for text, alphabet := range map[string]string{
		zpub:       "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
		descriptor: descriptorChars,
	} {
		for i := range len(text) {
			for j := range len(alphabet) {
				if alphabet[j] == text[i] {
					continue
				}
				typo := text[:i] + alphabet[j:j+1] + text[i+1:]
				if key, err := ParseBitcoin(typo, Mainnet, P2WPKH); err == nil {
					t.Fatalf("%s was taken as %v", typo, key)
				}
			}
		}
	}
}

// TestTypos: up to three wrong characters in a descriptor are noticed, as BIP
// 380 promises.
func TestTypos(t *testing.T) {
	text := signed(t, "tr([73c5da0a/86h/0h/0h]"+xpub86+"/<0;1>/*)")
	body := strings.IndexByte(text, '#')
	rapid.Check(t, func(t *rapid.T) {
		typo := []byte(text)
		for range rapid.IntRange(1, 3).Draw(t, "typos") {
			typo[rapid.IntRange(0, body-1).Draw(t, "at")] = descriptorChars[rapid.IntRange(0, len(descriptorChars)-1).Draw(t, "char")]
		}
		if string(typo) == text {
			return
		}
		if strings.ContainsRune(string(typo[:body]), '#') {
			return
		}
		if _, err := uncheck(string(typo)); !errors.Is(err, ErrChecksum) {
			t.Fatalf("%s: %v", typo, err)
		}
	})
}

// TestAddressesAreTheirNetworks: every derived address is canonical on its own
// network and on no other that writes addresses in another way.
func TestAddressesAreTheirNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nets := []chain.Network{Mainnet, Testnet4, Signet, Regtest, Simnet}
		net := rapid.SampledFrom(nets).Draw(t, "net")
		other := rapid.SampledFrom(nets).Draw(t, "other")
		script := Script(rapid.IntRange(int(P2PKH), int(P2TR)).Draw(t, "script"))
		index := rapid.Uint32Range(0, hardened-1).Draw(t, "index")

		x, err := parseExtended(zpub)
		if err != nil {
			t.Fatal(err)
		}
		to, err := bitcoinAt(x.key, script, networks[net])(index)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseAddress(string(to), net); err != nil || again != to {
			t.Fatalf("%s on %s: %s, %v", to, net, again, err)
		}
		a, b := networks[net], networks[other]
		same := a.hrp == b.hrp || (script == P2PKH || script == P2SHP2WPKH) && a.pubKeyHash == b.pubKeyHash
		if _, err := ParseAddress(string(to), other); (err == nil) != same {
			t.Fatalf("%s of %s on %s: %v", to, net, other, err)
		}
		if _, err := ParseAddress(string(to), "eip155:1"); !errors.Is(err, ErrWrongNetwork) {
			t.Fatalf("%s on an EVM chain: %v", to, err)
		}
	})
}
