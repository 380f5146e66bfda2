package xpub

import "strings"

// Script is the kind of Bitcoin address that a key makes.
type Script uint8

// The kinds of addresses with one key. ScriptUnknown as a hint means that
// nobody said.
const (
	ScriptUnknown Script = iota
	P2PKH                // BIP 44, addresses in 1…
	P2SHP2WPKH           // BIP 49, addresses in 3…
	P2WPKH               // BIP 84, addresses in bc1q…
	P2TR                 // BIP 86, addresses in bc1p…
)

var scriptNames = [...]string{"unknown", "pkh", "sh-wpkh", "wpkh", "tr"}

// String is the code by which configuration and set-up name the script.
func (s Script) String() string {
	if int(s) < len(scriptNames) {
		return scriptNames[s]
	}
	return scriptNames[ScriptUnknown]
}

// purpose is the first step of the script's usual path (BIP 43).
func (s Script) purpose() uint32 {
	return [...]uint32{P2PKH: 44, P2SHP2WPKH: 49, P2WPKH: 84, P2TR: 86}[s]
}

// scriptOfPurpose is the inverse of purpose.
func scriptOfPurpose(purpose uint32) Script {
	for s := P2PKH; s <= P2TR; s++ {
		if s.purpose() == purpose {
			return s
		}
	}
	return ScriptUnknown
}

// wrap writes the descriptor of a key expression.
func (s Script) wrap(key string) string {
	if s == P2SHP2WPKH {
		return "sh(wpkh(" + key + "))"
	}
	return s.String() + "(" + key + ")"
}

// ParseScript reads the code of a script (pkh, sh-wpkh, wpkh, tr), its other
// usual names (p2pkh, p2sh-p2wpkh, p2wpkh, p2tr, sh(wpkh)) or the number of its
// BIP (44, 49, 84, 86). The empty text is ScriptUnknown. It fails with ErrScript.
func ParseScript(text string) (Script, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "":
		return ScriptUnknown, nil
	case "pkh", "p2pkh", "44":
		return P2PKH, nil
	case "sh-wpkh", "sh(wpkh)", "p2sh-p2wpkh", "49":
		return P2SHP2WPKH, nil
	case "wpkh", "p2wpkh", "84":
		return P2WPKH, nil
	case "tr", "p2tr", "86":
		return P2TR, nil
	}
	return ScriptUnknown, ErrScript
}
