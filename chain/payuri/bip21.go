package payuri

import (
	"strings"

	"github.com/cointill/till/chain"
)

// maxSatoshi is every bitcoin that will ever exist.
const maxSatoshi = 21_000_000 * 100_000_000

// bech32Parts are the human-readable parts of Bitcoin's networks, which are also
// the keys of further addresses (BIP 321).
var bech32Parts = [...]string{"bc", "tb", "bcrt", "sb"}

// parseBitcoin reads what stands behind bitcoin: (BIP 21, BIP 321).
func parseBitcoin(rest string) (Request, error) {
	r := Request{Scheme: SchemeBitcoin}
	path, query, _ := strings.Cut(rest, "?")
	if path != "" {
		to, err := bitcoinAddress(path)
		if err != nil {
			return Request{}, err
		}
		r.To = to
	}
	var amount, label, message, pop bool
	for p, err := range parameters(query) {
		if err != nil {
			return Request{}, err
		}
		switch key := strings.ToLower(p.key); {
		case strings.HasPrefix(key, "req-"):
			return Request{}, ErrRequired
		case key == "amount":
			if amount {
				return Request{}, ErrTwice
			}
			amount = true
			if r.Amount, err = bitcoinAmount(p.value); err != nil {
				return Request{}, err
			}
		case key == "label":
			err = once(&r.Label, &label, p.value)
		case key == "message":
			err = once(&r.Message, &message, p.value)
		case key == "pop":
			var ignored string
			err = once(&ignored, &pop, p.value)
		default:
			var to chain.Destination
			if to, err = furtherAddress(key, p.value); r.To == "" {
				r.To = to
			}
		}
		if err != nil {
			return Request{}, err
		}
	}
	if r.To == "" {
		return Request{}, ErrNoAddress
	}
	r.HasAmount = !r.Amount.IsZero()
	return r, nil
}

// furtherAddress reads bc=bc1… and its kin; other keys name no address.
func furtherAddress(key, value string) (chain.Destination, error) {
	for _, hrp := range bech32Parts {
		if key != hrp {
			continue
		}
		to, err := bitcoinAddress(value)
		if err != nil || !strings.HasPrefix(string(to), hrp+"1") {
			return "", ErrAddress
		}
		return to, nil
	}
	return "", nil
}

// bitcoinAddress takes the text of an address: letters and digits of a likely
// length, bech32 in lower case.
func bitcoinAddress(text string) (chain.Destination, error) {
	if len(text) < 14 || len(text) > 90 {
		return "", ErrAddress
	}
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "", ErrAddress
		}
	}
	lower := strings.ToLower(text)
	for _, hrp := range bech32Parts {
		if !strings.HasPrefix(lower, hrp+"1") {
			continue
		}
		if text != lower && text != strings.ToUpper(text) { // BIP 173: never mixed
			return "", ErrAddress
		}
		return chain.Destination(lower), nil
	}
	return chain.Destination(text), nil
}

// bitcoinAmount reads decimal BTC into satoshi, exactly.
func bitcoinAmount(text string) (chain.Amount, error) {
	whole, part, _ := strings.Cut(text, ".")
	if whole+part == "" || len(part) > btcDecimals || !isDigits(whole) || !isDigits(part) {
		return chain.Amount{}, ErrAmount
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > len("21000000") {
		return chain.Amount{}, ErrAmount
	}
	amount, err := chain.ParseAmount(whole + part + strings.Repeat("0", btcDecimals-len(part)))
	if err != nil || amount.Cmp(chain.Units(maxSatoshi)) > 0 {
		return chain.Amount{}, ErrAmount
	}
	return amount, nil
}
