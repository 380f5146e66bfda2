package payuri

import (
	"iter"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cointill/till/chain"
)

// MaxLength is the longest request that is read, in bytes. A QR code of the
// largest version holds 2,953.
const MaxLength = 2048

// Scheme is what a request begins with, in lower case and without the colon.
type Scheme string

// The schemes that are read.
const (
	SchemeBitcoin  Scheme = "bitcoin"
	SchemeEthereum Scheme = "ethereum"
)

// Request is what a payment request asks for.
type Request struct {
	Scheme Scheme
	// ChainID is the EVM chain, 0 where the request leaves it to the wallet.
	ChainID uint64
	// To is who gets the money. Bech32 is in lower case; an EVM address keeps
	// its case.
	To chain.Destination
	// Contract is the ERC-20 token's contract, "" for a chain's own coin.
	Contract chain.Destination
	// Amount in the asset's smallest units: satoshi, wei, the token's own. Zero
	// where HasAmount is false; a request for zero names no amount.
	Amount    chain.Amount
	HasAmount bool
	// Label names the receiver and Message the purpose, for people. They are
	// printable, valid UTF-8, and nobody vouches for them.
	Label   string
	Message string
}

// URI writes the request in the form that this package writes, without label
// and message. Where the chain is not said it is not written either.
func (r Request) URI() string {
	switch {
	case r.Scheme == SchemeBitcoin:
		return Bitcoin(r.To, r.Amount)
	case r.Contract != "":
		return unchained(Token(r.ChainID, r.Contract, r.To, r.Amount), r.ChainID)
	default:
		return unchained(Ethereum(r.ChainID, r.To, r.Amount), r.ChainID)
	}
}

func unchained(uri string, chainID uint64) string {
	if chainID == 0 {
		return strings.Replace(uri, "@0", "", 1)
	}
	return uri
}

// Parse reads a payment request. The scheme may be in any case. Its errors are a
// [Problem].
func Parse(uri string) (Request, error) {
	if len(uri) > MaxLength {
		return Request{}, ErrTooLong
	}
	scheme, rest, found := strings.Cut(uri, ":")
	if !found {
		return Request{}, ErrScheme
	}
	switch Scheme(strings.ToLower(scheme)) {
	case SchemeBitcoin:
		return parseBitcoin(rest)
	case SchemeEthereum:
		return parseEthereum(rest)
	}
	return Request{}, ErrScheme
}

// Scan reads what a wallet's camera reads: a payment request, or a bare address,
// which names neither amount nor chain. Its errors are a [Problem].
func Scan(text string) (Request, error) {
	if len(text) > MaxLength {
		return Request{}, ErrTooLong
	}
	text = strings.TrimSpace(text)
	if strings.Contains(text, ":") {
		return Parse(text)
	}
	if isEVMAddress(text) {
		return Request{Scheme: SchemeEthereum, To: chain.Destination(text)}, nil
	}
	to, err := bitcoinAddress(text)
	if err != nil {
		return Request{}, ErrScheme
	}
	return Request{Scheme: SchemeBitcoin, To: to}, nil
}

// parameter is one key=value of a query, decoded. Without "=" value is "".
type parameter struct{ key, value string }

// parameters reads a query (RFC 3986, cut at & and = before decoding). Empty
// parameters are skipped. It ends with an error at the first that is malformed.
func parameters(query string) iter.Seq2[parameter, error] {
	return func(yield func(parameter, error) bool) {
		for part := range strings.SplitSeq(query, "&") {
			if part == "" {
				continue
			}
			key, value, _ := strings.Cut(part, "=")
			k, err := decode(key)
			if err != nil || k == "" {
				yield(parameter{}, ErrSyntax)
				return
			}
			v, err := decode(value)
			if err != nil {
				yield(parameter{}, ErrSyntax)
				return
			}
			if !yield(parameter{k, v}, nil) {
				return
			}
		}
	}
}

// decode takes percent-encoding off one key or value. Characters that may not
// stand in a query, and bytes that are not UTF-8, are refused.
func decode(text string) (string, error) {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c > '~' || strings.IndexByte("#=\"<>[]\\^`{|}", c) >= 0 {
			return "", ErrSyntax
		}
	}
	plain, err := url.PathUnescape(text)
	if err != nil || !utf8.ValidString(plain) {
		return "", ErrSyntax
	}
	return plain, nil
}

// printable drops what could move a cursor, turn the writing direction or hide:
// a label comes from a stranger and is shown on screens.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// once stores value in field, which must be unset.
func once(field *string, seen *bool, value string) error {
	if *seen {
		return ErrTwice
	}
	*field, *seen = printable(value), true
	return nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
