// Package words turns the codes of pos and chain into sentences: one file per
// language, and nothing else in till holds a sentence for people at a counter.
//
//	words.go     Words: what a language has to say
//	format.go    amounts, prices and times as that language's region writes them
//	phrases.go   the fixed texts of the screens
//	facts.go     what every language finds out in the same way before it says it
//	words_en*.go English
//	words_de*.go German
//
// Another language is another pair of files and a line in languages: the tests
// hold it to English, string by string.
//
// A sentence names what happened, to what, and what to do. It never promises a
// time, and never shows a type's or a library's name.
//
// What may not enter: a decision (a sentence follows a code, it judges
// nothing), styles, keys' letters, and I/O.
package words

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// Words is what a language has to say. All methods are pure and safe for
// concurrent use.
type Words interface {
	// Tag names the language: "en".
	Tag() string
	Phrases() *Phrases
	// Key names what a key does: short for the last row, long for the help.
	// Both are "" for a name that the language does not know.
	Key(name string) (short, long string)
	// Label is what stands on a key: "space", "ctrl+c".
	Label(key string) string

	// Status is the word for a whole outcome: "AWAITING", "CONFIRMING 1/3".
	Status(o pos.Outcome) string
	// StatusShort is Status within 9 cells, for lists: "CONF 1/3".
	StatusShort(o pos.Outcome) string
	Verdict(v pos.Verdict) string
	// Reason is the sentence of a reason. Asset is what the sale is paid in;
	// it is used where the reason itself names none.
	Reason(r pos.Reason, asset chain.Asset) string
	// Customer is what the person who pays should read.
	Customer(o pos.Outcome) string
	// Usual says how long n blocks usually take, never how long they will take.
	Usual(block time.Duration, n int) string
	// Trust says on whose word a confirmation stands.
	Trust(t chain.Trust) string

	// Health is the state of a watcher in one word, what is known in one line,
	// and, unless all is well, what no longer works because of it and what is
	// done about it.
	Health(h chain.Health, now time.Time) (state, fact, effect string)
	// Rate is the state of a price.
	Rate(s pos.RateState) string
	// Error is a sentence for a person at the counter.
	Error(err error) string

	// Payment is where a payment stands; Proof is what speaks for it.
	Payment(p pos.Payment) string
	Proof(p chain.Proof) string
	// Act is what a person did: what, who, where, who allowed it, why.
	Act(a pos.Act) string
	// Basis says how the amount of a refund was found.
	Basis(b pos.RefundBasis) string
	// Event is what was seen on a chain, Entry any entry of a sale's journal, ""
	// where there is nothing to tell.
	Event(e chain.Event) string
	Entry(e pos.Entry, sale pos.Sale) string
	ShopAct(a pos.ShopAct) string
	// Became says in one line what became of a sale.
	Became(v pos.View, now time.Time) string
	// Sighting is a network's answer about a transaction, or an address: sales are
	// the numbers of those that its payments are for, in their order.
	Sighting(s pos.Sighting, tx bool, sales []uint64, now time.Time) string

	// Scene is what the demo can play, by its id; title is the English.
	Scene(id, title string) string

	// Ago is the time since, "12 s ago"; Span is a length of time, "12 s".
	Ago(d time.Duration) string
	Span(d time.Duration) string
	// Day is a date as people say it near now: "today", "Tuesday", "3 March".
	Day(t, now time.Time) string
}

// RailOf names a rail as its shop calls it.
func RailOf(shop pos.Shop, id string) string {
	if name := shop.Rails[id]; name != "" {
		return name
	}
	return Rail(id)
}

// Rail names a rail for people: "Bitcoin", "Base". Names of networks are the
// same in every language.
func Rail(id string) string {
	if name, ok := rails[id]; ok {
		return name
	}
	if number, ok := strings.CutPrefix(id, "eip155:"); ok {
		return "EVM chain " + number
	}
	return id
}

var rails = map[string]string{
	"bitcoin:mainnet":  "Bitcoin",
	"bitcoin:testnet4": "Bitcoin testnet4",
	"bitcoin:signet":   "Bitcoin signet",
	"bitcoin:regtest":  "Bitcoin regtest",
	"bitcoin:simnet":   "Bitcoin simnet",
	"eip155:1":         "Ethereum",
	"eip155:10":        "OP Mainnet",
	"eip155:56":        "BNB Chain",
	"eip155:100":       "Gnosis",
	"eip155:137":       "Polygon",
	"eip155:8453":      "Base",
	"eip155:42161":     "Arbitrum One",
	"eip155:43114":     "Avalanche",
	"eip155:59144":     "Linea",
	"eip155:17000":     "Holesky",
	"eip155:11155111":  "Sepolia",
	"eip155:84532":     "Base Sepolia",
}

// languages are those that there are.
var languages = map[string]func(Format) Words{
	"en": func(f Format) Words { return english{f} },
	"de": func(f Format) Words { return german{f} },
}

// Languages lists the tags of the languages that till speaks.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

// Speaks tells whether there are words for a tag such as "de", "de-AT", or the
// "de_AT.UTF-8" of an environment.
func Speaks(tag string) bool { return languages[language(tag)] != nil }

// For returns the words of a tag as [Speaks] has it, and English where there is
// no such language.
func For(tag string, f Format) Words {
	if words, ok := languages[language(tag)]; ok {
		return words(f)
	}
	return english{f}
}

// language is the language of a tag: "de" of "de_AT.UTF-8".
func language(tag string) string {
	if i := strings.IndexFunc(tag, func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '@' }); i >= 0 {
		tag = tag[:i]
	}
	return strings.ToLower(tag)
}
