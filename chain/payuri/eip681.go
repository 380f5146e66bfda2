package payuri

import (
	"strconv"
	"strings"

	"github.com/cointill/till/chain"
)

// parseEthereum reads what stands behind ethereum: (EIP-681): a payment in a
// chain's own coin, or the transfer of an ERC-20 token. Other calls of contracts
// are refused.
func parseEthereum(rest string) (Request, error) {
	r := Request{Scheme: SchemeEthereum}
	path, query, _ := strings.Cut(rest, "?")
	path = strings.TrimPrefix(path, "pay-")
	path, function, called := strings.Cut(path, "/")
	target, id, chained := strings.Cut(path, "@")
	if chained {
		var err error
		if r.ChainID, err = chainNumber(id); err != nil {
			return Request{}, err
		}
	}
	if !isEVMAddress(target) {
		if strings.Contains(target, ".") {
			return Request{}, ErrName
		}
		return Request{}, ErrAddress
	}
	if called && function != "transfer" {
		return Request{}, ErrFunction
	}
	given, err := ethereumParameters(query)
	if err != nil {
		return Request{}, err
	}
	r.Label, r.Message = given.label, given.message
	if called {
		// Coins sent along with a token transfer would be lost in the contract.
		if given.other || given.to == "" || !given.value.IsZero() {
			return Request{}, ErrFunction
		}
		r.Contract, r.To, r.Amount = chain.Destination(target), given.to, given.units
	} else {
		// Arguments without a function would pay the contract instead of the person.
		if given.other || given.to != "" || given.hasUnits {
			return Request{}, ErrFunction
		}
		r.To, r.Amount = chain.Destination(target), given.value
	}
	r.HasAmount = !r.Amount.IsZero()
	return r, nil
}

// arguments is what the parameters of an EIP-681 request said.
type arguments struct {
	value          chain.Amount      // wei
	units          chain.Amount      // uint256
	to             chain.Destination // address
	hasUnits       bool
	other          bool // arguments of types that a transfer doesn't have
	label, message string
}

func ethereumParameters(query string) (arguments, error) {
	var a arguments
	var hasValue, hasLabel, hasMessage bool
	for p, err := range parameters(query) {
		if err != nil {
			return arguments{}, err
		}
		switch {
		case p.key == "value":
			if hasValue {
				return arguments{}, ErrTwice
			}
			hasValue = true
			a.value, err = number(p.value)
		case p.key == "uint256":
			if a.hasUnits {
				return arguments{}, ErrTwice
			}
			a.hasUnits = true
			a.units, err = number(p.value)
		case p.key == "address":
			switch {
			case a.to != "":
				return arguments{}, ErrTwice
			case isEVMAddress(p.value):
				a.to = chain.Destination(p.value)
			case strings.Contains(p.value, "."):
				return arguments{}, ErrName
			default:
				return arguments{}, ErrAddress
			}
		case p.key == "gas" || p.key == "gasLimit" || p.key == "gasPrice":
			_, err = number(p.value) // a suggestion; it must be a number all the same
		case p.key == "label":
			err = once(&a.label, &hasLabel, p.value)
		case p.key == "message":
			err = once(&a.message, &hasMessage, p.value)
		case strings.HasPrefix(p.key, "req-"):
			return arguments{}, ErrRequired
		case isABIType(p.key):
			a.other = true
		}
		if err != nil {
			return arguments{}, err
		}
	}
	return a, nil
}

// isABIType tells whether a key is the type of a contract call's argument.
func isABIType(key string) bool {
	if strings.ContainsAny(key, "[(") {
		return true
	}
	name := strings.TrimRight(key, "0123456789x")
	switch name {
	case "uint", "int", "bytes", "fixed", "ufixed", "bool", "string", "address", "function", "tuple":
		return true
	}
	return false
}

// chainNumber reads what stands behind the @.
func chainNumber(text string) (uint64, error) {
	if text == "" || !isDigits(text) {
		return 0, ErrChain
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 {
		return 0, ErrChain
	}
	return id, nil
}

// number reads EIP-681's number: an integer, perhaps as 2.014e18. The exponent
// must cover the decimals. Negative numbers and more than 256 bits are refused.
func number(text string) (chain.Amount, error) {
	text = strings.TrimPrefix(text, "+")
	exponent := 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		digits := strings.TrimLeft(text[at+1:], "0")
		if !isDigits(digits) || len(digits) > 3 {
			return chain.Amount{}, ErrAmount
		}
		if digits != "" {
			exponent, _ = strconv.Atoi(digits) // three digits
		}
		text = text[:at]
	}
	whole, part, pointed := strings.Cut(text, ".")
	if whole+part == "" || pointed && part == "" || !isDigits(whole) || !isDigits(part) || exponent < len(part) {
		return chain.Amount{}, ErrAmount
	}
	digits := strings.TrimLeft(whole+part, "0")
	if digits == "" {
		return chain.Amount{}, nil
	}
	amount, err := chain.ParseAmount(digits + strings.Repeat("0", exponent-len(part)))
	if err != nil {
		return chain.Amount{}, ErrAmount
	}
	return amount, nil
}

// isEVMAddress tells whether text is 0x and 40 hex digits, in any case.
func isEVMAddress(text string) bool {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || len(digits) != 40 {
		return false
	}
	for i := range len(digits) {
		c := digits[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
