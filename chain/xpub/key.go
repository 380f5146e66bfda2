package xpub

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// Kind is a code for what a key makes; words can be looked up by it.
type Kind string

// What a key makes: the four kinds of Bitcoin addresses, EVM addresses derived
// from a key, or EVM addresses from a list.
const (
	KindPKH    Kind = "pkh"
	KindSHWPKH Kind = "sh-wpkh"
	KindWPKH   Kind = "wpkh"
	KindTR     Kind = "tr"
	KindEVM    Kind = "evm"
	KindList   Kind = "list"
)

// Key makes the addresses of one account. It does not change after it was
// parsed, and its methods may be called from several goroutines at once.
type Key struct {
	// Warnings are doubts that the owner should settle by comparing addresses.
	Warnings []Warning

	kind    Kind
	account chain.Account
	// at and export hold the key itself. They are functions so that nothing
	// which prints or walks a struct can reach it.
	at     func(index uint32) (chain.Destination, error)
	export func() string
}

// Kind says what the key makes.
func (k *Key) Kind() Kind { return k.kind }

// Account describes the key for the store and for people.
func (k *Key) Account() chain.Account { return k.account }

// Fingerprint is BIP 32's fingerprint of the account's public key, 8 hex digits.
func (k *Key) Fingerprint() string { return k.account.Fingerprint }

// Destination makes the address of an index. It fails with
// [chain.ErrNoSuchIndex] in the hardened range and beyond a list's end.
func (k *Key) Destination(index uint32) (chain.Destination, error) { return k.at(index) }

// First makes the first n addresses, fewer where the account ends before. The
// owner compares them with the wallet's.
func (k *Key) First(n int) []chain.Destination {
	var all []chain.Destination
	for i := range n {
		to, err := k.at(uint32(i))
		if err != nil {
			break
		}
		all = append(all, to)
	}
	return all
}

// Reuse returns the same key with another cool-down: an index serves again once
// its last sale has been closed for so long, never where it is zero. The account
// keeps its ID, so its counter goes on. Lists can't do without a cool-down and
// keep theirs where after is not positive.
func (k *Key) Reuse(after time.Duration) *Key {
	other := *k
	if after > 0 || k.kind != KindList {
		other.account.Cooldown = max(after, 0)
	}
	return &other
}

// From returns the same key with another first index: those below it were used
// elsewhere.
func (k *Key) From(first uint32) *Key {
	other := *k
	other.account.First = first
	return &other
}

// ReuseAtGap returns the same key with indices that serve again only once gap
// in a row were never paid, and then only those of sales that nobody paid and
// that have been closed for so long.
func (k *Key) ReuseAtGap(gap uint32, after time.Duration) *Key {
	other := *k
	other.account.Gap, other.account.Cooldown = gap, after
	return &other
}

// Export writes the key in the one form that parses to the same account again
// without a hint, for the shop's own configuration: a descriptor with its
// checksum for Bitcoin, an xpub with its branch for EVM. It is empty for a list.
// It is the only way out of a Key for the key itself: never log it.
func (k *Key) Export() string { return k.export() }

// Usual tells whether nothing about the key is odd.
func (k *Key) Usual() bool { return len(k.Warnings) == 0 }

// describe is all that any print of a key shows.
func (k Key) describe() string {
	text := fmt.Sprintf("%s key %s", k.kind, k.account.Fingerprint)
	if k.kind == KindList {
		return fmt.Sprintf("list of %d addresses", k.account.Size)
	}
	if k.account.Path != "" {
		text += " " + k.account.Path
	}
	return text
}

// String names the kind, the fingerprint and the path, never the key.
func (k Key) String() string { return k.describe() }

// GoString is String, so that %#v shows nothing more.
func (k Key) GoString() string { return k.describe() }

// Format writes String for every verb and flag.
func (k Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, k.describe()) }

// LogValue is String, for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.describe()) }

// MarshalJSON is String as a JSON string.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.describe()) }

// noIndex is the error of an index that an account does not have.
func noIndex(index uint32) error {
	return fmt.Errorf("index %d: %w", index, chain.ErrNoSuchIndex)
}

// accountID names a counter of indices: what makes the addresses and nothing
// else goes into it, so that an account key, its external branch's key and a
// descriptor of it share one counter. It cannot be turned back into the key.
func accountID(kind Kind, secret ...[]byte) string {
	h := sha256.New()
	for _, part := range append([][]byte{[]byte("till account 1"), []byte(kind)}, secret...) {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return string(kind) + "-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// sorted returns warnings without repetitions, in one order.
func sorted(warnings []Warning) []Warning {
	slices.Sort(warnings)
	return slices.Compact(warnings)
}
