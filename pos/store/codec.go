package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// saleRow is a sale as both stores keep it: the document, and beside it what is
// looked up. It shares no memory with the sale that it was made from.
type saleRow struct {
	id        string
	number    int64
	code      string // folded by foldCode
	reference string // folded by fold
	status    string
	created   int64 // stamp
	open      bool
	closed    int64 // stamp, only where not open
	doc       []byte
	addresses []addressRow
}

// addressRow is one address of a sale.
type addressRow struct {
	account string
	idx     uint32
	to      string
	since   uint64
}

// same tells whether two rows are the same index.
func (a addressRow) same(b addressRow) bool { return a.account == b.account && a.idx == b.idx }

// stamp is a time for comparing and sorting: nanoseconds since 1970, held to
// the range of int64 (1677 to 2262).
func stamp(t time.Time) int64 {
	switch sec := t.Unix(); {
	case sec <= math.MinInt64/int64(time.Second):
		return math.MinInt64
	case sec >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// before is stamp(now) - d without overflow.
func before(now time.Time, d time.Duration) int64 {
	n := stamp(now)
	if n < math.MinInt64+int64(d) {
		return math.MinInt64
	}
	return n - int64(d)
}

// encode writes v as JSON in valid UTF-8, without escaping HTML: metadata must
// come back as it went in.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.ToValidUTF8(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\uFFFD")), nil
}

// decode reads what encode wrote, after comparing the check sum. What names the
// document for the error.
func decode(what string, doc []byte, want int64, v any) error {
	if sum(doc) != want {
		return fmt.Errorf("%w: %s does not match its check sum", pos.ErrDamaged, what)
	}
	if err := json.Unmarshal(doc, v); err != nil {
		return fmt.Errorf("%w: %s cannot be read", pos.ErrDamaged, what)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the CRC-32C of a document. It finds damage, not forgery.
func sum(doc []byte) int64 { return int64(crc32.Checksum(doc, castagnoli)) }

func encodeSale(s pos.Sale) (saleRow, error) {
	switch {
	case s.ID == "":
		return saleRow{}, errors.New("a sale without an id cannot be stored")
	case s.Number == 0 || s.Number > math.MaxInt64:
		return saleRow{}, fmt.Errorf("sale %.40q cannot be stored under receipt number %d", s.ID, s.Number)
	}
	doc, err := encode(s)
	if err != nil {
		return saleRow{}, fmt.Errorf("sale %d cannot be stored: %w", s.Number, err)
	}
	row := saleRow{
		id: clean(s.ID), number: int64(s.Number),
		code: foldCode(s.Code), reference: fold(s.Reference),
		status: clean(string(s.Outcome.Status)), created: stamp(s.CreatedAt),
		open: !s.Outcome.Status.Closed(), closed: stamp(s.ClosedAt),
		doc: doc,
	}
	for _, a := range s.Addresses {
		if a.Account == "" || a.To == "" {
			return saleRow{}, fmt.Errorf("sale %d has an address without an account or a destination", s.Number)
		}
		r := addressRow{account: clean(a.Account), idx: a.Index, to: clean(string(a.To)), since: since(s, a.To)}
		if slices.ContainsFunc(row.addresses, r.same) {
			return saleRow{}, fmt.Errorf("sale %d has index %d of %.80q twice", s.Number, r.idx, r.account)
		}
		row.addresses = append(row.addresses, r)
	}
	return row, nil
}

// since is the lowest height at which an address was quoted. Where rails of
// different networks share the address their heights do not compare, and it is
// 0: not known.
func since(s pos.Sale, to chain.Destination) uint64 {
	rail, low, found := "", uint64(0), false
	for _, q := range s.Quotes {
		switch {
		case q.To != to:
		case !found:
			rail, low, found = q.Rail, q.Since, true
		case q.Rail != rail:
			return 0
		default:
			low = min(low, q.Since)
		}
	}
	return low
}

// paymentRow is a payment as both stores keep it.
type paymentRow struct {
	key     chain.PaymentKey
	sale    string
	to      string
	firstAt int64
	doc     []byte
}

func encodePayment(p pos.Payment) (paymentRow, error) {
	if p.Key.Network == "" || p.Key.TxID == "" || p.To == "" {
		return paymentRow{}, fmt.Errorf("payment %.200q has no network, transaction or address and cannot be stored", p.Key)
	}
	doc, err := encode(p)
	if err != nil {
		return paymentRow{}, fmt.Errorf("payment %.200q cannot be stored: %w", p.Key, err)
	}
	return paymentRow{key: cleanKey(p.Key), sale: clean(p.SaleID), to: clean(string(p.To)), firstAt: stamp(p.FirstAt), doc: doc}, nil
}

func cleanKey(k chain.PaymentKey) chain.PaymentKey {
	k.Network, k.TxID = chain.Network(clean(string(k.Network))), chain.TxID(clean(string(k.TxID)))
	return k
}

// clean makes s valid UTF-8, as encode does, so that a key found in a document
// is the key of its row.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// fold is the form in which text is searched.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(clean(s))) }

// lower is what SQLite's lower() does: ASCII only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, clean(s))
}

// foldCode folds a code as it is read aloud and typed: Crockford's base 32
// takes o for 0, i and l for 1, and hyphens for nothing.
var codeLetters = strings.NewReplacer("o", "0", "i", "1", "l", "1", "-", "", " ", "")

func foldCode(s string) string { return codeLetters.Replace(fold(s)) }

// prefixFrom is the number of characters from which a text finds what begins
// with it; a shorter one finds only what equals it.
const prefixFrom = 4

// search is a text search in the terms of both stores.
type search struct {
	number          int64 // -1 = the text is no number
	id              string
	code, word, key span
}

// span is the half-open range of strings [from, to) in byte order.
type span struct{ from, to string }

func (s span) has(v string) bool { return v >= s.from && v < s.to }

func newSpan(text string) span {
	if len([]rune(text)) < prefixFrom {
		return span{text, text + "\x00"}
	}
	return span{text, text + "\U0010FFFF"}
}

// newSearch prepares a query's text; ok is false for "everything".
func newSearch(text string) (s search, ok bool) {
	text = clean(strings.TrimSpace(text))
	if text == "" {
		return search{}, false
	}
	s = search{number: -1, id: text, code: newSpan(foldCode(text)), word: newSpan(fold(text)), key: newSpan(lower(text))}
	if n, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64); err == nil && n > 0 {
		s.number = n
	}
	if s.code.from == "" { // "-" folds to nothing, and nothing would find every sale without a code
		s.code = span{"\x00", "\x00"}
	}
	return s, true
}

// limit is the number of rows that a query asks for.
func limit(n int) int {
	if n <= 0 {
		return 100
	}
	return n
}
