package chain

import (
	"errors"
	"time"
)

// Rail is one way to be paid: Bitcoin, or one EVM chain. It holds public keys
// only. The register knows rails by this interface and by nothing else.
type Rail interface {
	// ID is stable for the life of a shop: cursors are stored under it.
	// It is the rail's Network, such as "bitcoin:mainnet".
	ID() string
	Network() Network
	// Account is the key behind the rail's addresses. Rails that share a key
	// return equal accounts, and then share one counter of indices.
	Account() Account
	// Assets lists what the rail takes, its own coin first.
	Assets() []Asset
	// Destination derives the address of an index. It fails with
	// ErrNoSuchIndex beyond the account's end (lists, hardened range).
	Destination(index uint32) (Destination, error)
	// Forms lists what a QR may hold for a payment, the preferred form first.
	// An amount of zero asks for forms that name no amount.
	Forms(to Destination, asset AssetID, amount Amount) ([]Form, error)
	// Read finds the address in what somebody typed or scanned, an address or a
	// payment link, and checks that it is one of this rail's network. Its error
	// says in words what is wrong.
	Read(text string) (Destination, error)
	// Watcher reports what arrives. It is always the same watcher.
	Watcher() Watcher
}

// ErrNoSuchIndex says that an account has no address at an index.
var ErrNoSuchIndex = errors.New("the account has no address at this index")

// Account describes the key behind a rail, for allocation and for people. It
// never holds a key, only the key's fingerprint.
type Account struct {
	// ID is stable and unique per key and branch: equal IDs share a counter.
	ID string
	// Fingerprint of the account's public key (BIP 32: 4 bytes, 8 hex digits).
	Fingerprint string
	// Path of the external branch as far as it is known, for restoring and for
	// receipts: "m/84'/0'/0'/0". An index is appended with a slash.
	Path string
	// Size is the number of addresses there are: 0 means as many as BIP 32
	// allows; a list has its length.
	Size uint32
	// Cooldown, where positive, lets an index serve again once its last sale
	// has been closed for so long. Zero means that an index serves only once.
	Cooldown time.Duration
	// Gap, where positive, lets indices serve again only when it must be: once so
	// many of the newest in a row were never paid, which is as far as a wallet
	// looks. Then the lowest of those serves whose last sale has been closed for
	// Cooldown; one that was ever paid never does.
	Gap uint32
	// First is the lowest index that serves: those below were used elsewhere.
	First uint32
}

// What most wallets do with addresses in a row that were never paid (BIP 44):
// after WalletGap of them they look no further. GapWarning is when it is time to
// say so.
const (
	WalletGap  = 20
	GapWarning = 15
)

// FormKind says what a QR holds.
type FormKind uint8

// The forms of a payment request.
const (
	FormURI     FormKind = iota + 1 // BIP 21 or EIP-681: address and amount
	FormAddress                     // the bare address: every wallet reads it
)

// Form is one way to write a payment request.
type Form struct {
	Kind FormKind
	Text string // exactly what the QR holds and what is copied
}
