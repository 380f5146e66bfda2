package xpub

import (
	"strings"
	"unicode"

	"github.com/btcsuite/btcd/btcutil/base58"
)

// maxPrivateScan bounds how much of a text is searched for private keys. What
// is longer is refused anyway, so this only decides how loudly.
const maxPrivateScan = 64 << 10

// LooksPrivate tells whether a text that somebody wrote, anywhere, may hold a
// private key, so that it is neither repeated nor kept.
func LooksPrivate(text string) bool { return looksPrivate(text) }

// looksPrivate tells whether text holds, anywhere, something that can spend:
// an extended private key of any coin, a WIF, mini or encrypted (BIP 38) key, a
// hex key or seed, a recovery phrase (BIP 39, Electrum, SLIP-39, aezeed), a
// codex32 share (BIP 93), a SeedQR or an Ethereum key file. It errs on the loud
// side: a mistyped private key is one, too.
func looksPrivate(text string) bool {
	if len(text) > maxPrivateScan {
		text = text[:maxPrivateScan]
	}
	if isPhrase(text) || strings.Contains(text, `"ciphertext"`) {
		return true
	}
	// A tr() descriptor names public keys by 64 hex digits, as private keys look.
	xOnly := strings.HasPrefix(strings.TrimSpace(text), "tr(")
	if anyRun(text, func(run string) bool { return isPrivateRun(run, xOnly) }) {
		return true
	}
	// A key that was pasted with line breaks in it.
	joined := strings.Join(strings.Fields(text), "")
	return joined != text && anyRun(joined, func(run string) bool { return isPrivateRun(run, xOnly) })
}

// anyRun calls is on each longest run of ASCII letters and digits in text.
func anyRun(text string, is func(run string) bool) bool {
	start := -1
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isAlnum(text[i]) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && is(text[start:i]) {
			return true
		}
		start = -1
	}
	return false
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isPrivateRun(run string, xOnly bool) bool {
	n := len(run)
	switch {
	case n >= 8 && strings.EqualFold(run[1:4], "prv") && (n > 36 || strings.IndexByte("xyztuvXYZTUV", run[0]) >= 0):
		return true // xprv and its kin, also cut off; a short address may begin with mprv
	case n > 90 && strings.EqualFold(run[2:4], "pv"):
		return true // Ltpv and its kin
	case n >= extendedLen && n <= 120 && isPrivateExtended(run):
		return true
	case (n == 51 || n == 52) && strings.IndexByte("5KL9c4F", run[0]) >= 0 && isBase58(run):
		return true // WIF: mainnet, the test networks, simnet
	case n == 58 && strings.HasPrefix(run, "6P") && isBase58(run):
		return true // BIP 38
	case (n == 22 || n == 26 || n == 30) && run[0] == 'S' && isBase58(run):
		return true // mini private key
	case n >= 48 && strings.EqualFold(run[:3], "ms1"):
		return true // codex32
	case n >= 48 && n <= 96 && isDigits(run):
		return true // SeedQR
	}
	hex := run
	if n > 2 && (run[:2] == "0x" || run[:2] == "0X") {
		hex = run[2:]
	}
	return isHex(hex) && (len(hex) == 128 || len(hex) == 64 && !xOnly)
}

// isPrivateExtended decodes run and looks for a private key in it. The checksum
// does not matter: a mistyped private key is still nearly all of one.
func isPrivateExtended(run string) bool {
	raw := base58.Decode(run)
	defer clear(raw)
	if len(raw) != extendedLen {
		return false
	}
	v, known := versions[[4]byte(raw)]
	return known && v.private || raw[45] == 0
}

// isPhrase tells whether text is a list of words such as wallets give for
// writing down, numbered or not, in any language, perhaps with some other thing
// between them. Keys and descriptors are never made of eleven short words.
func isPhrase(text string) bool {
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;.:-_|)(\"'[]{}", r)
	})
	words, others := 0, 0
	for _, f := range fields {
		f = strings.TrimFunc(f, unicode.IsDigit)
		switch {
		case f == "":
		case isWord(f):
			words++
		default:
			others++
		}
	}
	return words >= 11 && words >= 4*others
}

// isWord tells whether s is a short word of letters.
func isWord(s string) bool {
	n := 0
	for _, r := range s {
		if n++; n > 12 || !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return false
		}
	}
	return n > 0
}

func isBase58(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) || strings.IndexByte("0OIl", s[i]) >= 0 {
			return false
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return s != ""
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
