package xpub

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/base58"
)

// phrase is BIP 84's recovery phrase, the best known throw-away one.
const phrase = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"

// secrets are throw-away private keys and phrases in every form a person may
// paste, each with the part that must never come back.
func secrets(t testing.TB) map[string]string {
	t.Helper()
	const xprv = "xprv9xgqHN7yz9MwCkxsBPN5qetuNdQSUttZNKw1dcYTV4mkaAFiBVGQziHs3NRSWMkCzvgjEe3n9xV8oYywvM8at9yRqyaZVz6TYYhX98VjsUk"
	const hexKey = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
	all := map[string]string{
		"xprv":                 xprv,
		"xprv with spaces":     "  " + xprv + "\n",
		"xprv in two lines":    xprv[:60] + "\n" + xprv[60:],
		"xprv cut off":         xprv[:40],
		"xprv mistyped":        strings.Replace(xprv, "gqHN", "gqHM", 1),
		"xprv in capitals":     strings.ToUpper(xprv),
		"xprv with l in it":    strings.Replace(xprv, "gqHN", "glHN", 1),
		"xprv in a descriptor": "wpkh([73c5da0a/84h/0h/0h]" + xprv + "/<0;1>/*)",
		"xprv in tr":           "tr(" + xprv + "/0/*)",
		"xprv in a multisig":   "wsh(sortedmulti(2," + zpub + "/0/*," + xprv + "/0/*))",
		"xprv after an xpub":   zpub + " " + xprv,
		"xprv in a sentence":   "my key: " + xprv + ".",
		"wif":                  "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d",
		"wif uncompressed":     "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss",
		"wif testnet":          "cULrpoZGXiuC19Uhvykx7NugygA3k86b3hmdCeyvHYQZSxojGyXJ",
		"wif mistyped":         "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9e",
		"wif in a descriptor":  "wpkh(L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1)",
		"mini key":             "S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy",
		"bip 38":               "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg",
		"hex":                  hexKey,
		"hex with 0x":          "0x" + hexKey,
		"hex with 0X":          "0X" + strings.ToUpper(hexKey),
		"hex in a descriptor":  "wpkh(" + hexKey + ")",
		"hex in two lines":     hexKey[:32] + "\n" + hexKey[32:],
		"hex seed":             hexKey + hexKey,
		"phrase":               phrase,
		"phrase in capitals":   strings.ToUpper(phrase),
		"phrase with commas":   strings.ReplaceAll(phrase, " ", ", "),
		"phrase with dashes":   strings.ReplaceAll(phrase, " ", "-"),
		"phrase in lines":      strings.ReplaceAll(phrase, " ", "\r\n"),
		"phrase in JSON":       `["` + strings.ReplaceAll(phrase, " ", `", "`) + `"]`,
		"phrase mistyped":      strings.Replace(phrase, "about", "abuot", 1),
		"phrase less a word":   strings.TrimSuffix(phrase, " about"),
		"phrase with a digit":  strings.Replace(phrase, "about", "ab0ut", 1) + " TREZOR",
		"24 words":             strings.Repeat("abandon ", 23) + "art",
		"japanese":             strings.Repeat("あいこくしん　", 11) + "あおぞら",
		"codex32":              "ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlw",
		"seed qr":              strings.Repeat("0000", 11) + "0003",
		"key file":             `{"version":3,"crypto":{"ciphertext":"d172bf743a674da9"}}`,
		"far behind":           strings.Repeat(" x", 3000) + " " + xprv,
	}
	numbered := ""
	for i, w := range strings.Fields(phrase) {
		numbered += fmt.Sprintf("%d. %s\n", i+1, w)
	}
	all["phrase numbered"] = numbered
	for v, known := range versions { // every private version, as SLIP-132 writes it
		if known.private {
			raw := base58.Decode(xprv)[:78]
			copy(raw, v[:])
			all[fmt.Sprintf("version %x", v)] = base58Sum(raw)
		}
	}
	// An unknown version and a public version with a private key in them.
	for _, v := range [][4]byte{{1, 2, 3, 4}, plainVersion[mainFamily]} {
		raw := base58.Decode(xprv)[:78]
		copy(raw, v[:])
		all[fmt.Sprintf("version %x with a private key", v)] = base58Sum(raw)
	}
	return all
}

// base58Sum writes a serialised extended key with its checksum.
func base58Sum(raw []byte) string { return base58.CheckEncode(raw[1:], raw[0]) }

func TestPrivateKeysAreRefused(t *testing.T) {
	for name, secret := range secrets(t) {
		for way, parse := range map[string]func() (any, error){
			"bitcoin":   func() (any, error) { return ParseBitcoin(secret, Mainnet, P2WPKH) },
			"regtest":   func() (any, error) { return ParseBitcoin(secret, Regtest, ScriptUnknown) },
			"nowhere":   func() (any, error) { return ParseBitcoin(secret, "", ScriptUnknown) },
			"evm":       func() (any, error) { return ParseEVM(secret) },
			"list":      func() (any, error) { return ParseAddresses([]string{"0x", secret}, time.Hour) },
			"address":   func() (any, error) { return ParseAddress(secret, "eip155:1") },
			"address 2": func() (any, error) { return ParseAddress(secret, Mainnet) },
		} {
			key, err := parse()
			if !errors.Is(err, ErrPrivateKey) {
				t.Errorf("%s, %s: %v, %v", name, way, key, err)
				continue
			}
			if err.Error() != ErrPrivateKey.Error() {
				t.Errorf("%s, %s: said %q", name, way, err)
			}
		}
	}
	if _, err := ParseAddresses(strings.Fields(phrase), time.Hour); !errors.Is(err, ErrPrivateKey) {
		t.Errorf("phrase as a list: %v", err)
	}
}

// TestPublicIsNotPrivate: what shops paste every day raises no alarm.
func TestPublicIsNotPrivate(t *testing.T) {
	for _, text := range []string{
		"", "hello", zpub, xpub86, upub, xpubEVM,
		"wpkh([73c5da0a/84h/0h/0h]" + zpub + "/<0;1>/*)#abcdefgh",
		"tr(cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115)",
		"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA",
		"bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
		"1PrvXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "mPrvXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
		"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
		"please paste the public key of the wallet",
		"wsh(sortedmulti(2," + zpub + "/<0;1>/*," + xpub86 + "/<0;1>/*))",
	} {
		if looksPrivate(text) {
			t.Errorf("alarm at %s", text)
		}
	}
	key := bitcoinKey(t, zpub, Mainnet, 0)
	for i := range uint32(200) {
		to, err := key.Destination(i)
		if err != nil || looksPrivate(string(to)) {
			t.Fatalf("alarm at %s, %v", to, err)
		}
	}
}
