package chain

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Watcher reports what happens to targets on one network. Backends differ in
// what they can see (Capabilities) and in whom one has to trust (Health.Trust),
// not in the rules below, which chain/chaintest checks on each of them:
//
//   - Batches come serially, in height order. Delivery is at least once; events
//     are idempotent by payment key and Rev.
//   - On a reorganisation every Retracted, from high to low, comes before the
//     next Included.
//   - An error of the sink means that the same batch comes again, later.
//   - Seen, Evidence and other events between blocks repeat the last cursor's
//     ring with a grown Seq.
//   - Blocks without a payment event may share a batch: one cursor write a
//     second is enough.
//   - Amounts are what arrived.
//   - A backend that breaks becomes HealthChanged and a reconnect with jittered
//     back-off. Run ends only with its context or when its own files are damaged.
type Watcher interface {
	// Run reports until ctx ends. From is the last stored cursor; the zero
	// Cursor starts at the watcher's birthday or, without one, at the tip.
	// Catching up from the cursor comes before Health says Ready.
	Run(ctx context.Context, from Cursor, archive Archive, sink Sink) error
	// Watch adds targets, before or while Run runs, and returns once every
	// later block and transaction is looked at with them. A target whose Since
	// lies before what was already read makes the watcher look back.
	Watch(ctx context.Context, targets ...Target) error
	// Unwatch makes targets cold.
	Unwatch(ids ...Destination)
	// Lookup asks about one thing. ErrCannot is an honest answer.
	Lookup(ctx context.Context, ref Ref) (Found, error)
	// Health is the present state, at once and without I/O.
	Health() Health
	Capabilities() Capabilities
}

// Sink takes one batch. When it returns nil the batch and the cursor are
// durable.
type Sink func(ctx context.Context, events []Event, cursor Cursor) error

// Archive knows every address that was ever shown, also those that are no
// longer given to Watch.
type Archive interface {
	Owner(to Destination) (id string, ok bool)
	All() iter.Seq2[string, Destination]
}

// Target is an address to look for. Assets are those whose arrival is
// reported; for other assets of the rail at the same address it is reported too.
type Target struct {
	ID     Destination
	Assets []AssetID
	// Since is the height of the last block before the address was shown: what
	// arrived up to it is not reported. 0 = not known, take what comes.
	Since uint64
	// Until is the time up to which somebody waits for money here. Before it a
	// watcher may ask about the address at every block; after it, and at zero,
	// only now and then.
	Until time.Time
}

// Ref asks Lookup about exactly one of its fields.
type Ref struct {
	TxID        TxID
	Block       uint64
	Destination Destination
}

// Found answers a Lookup.
type Found struct {
	Block    BlockRef // Ref.Block, or where Ref.TxID is; zero = in no block
	Payments []Event  // what a transaction paid to targets, or a destination received
	Known    bool     // the transaction exists as far as the backend can see
}

// ErrCannot says that a backend has no way to answer.
var ErrCannot = errors.New("this way of watching cannot answer that")

// HealthState is a watcher's state in one word.
type HealthState uint8

// The states of a watcher. New sales are refused unless it is Ready or Degraded.
const (
	Connecting HealthState = iota // no peer or endpoint yet
	Syncing                       // connected, catching up
	Ready                         // everything up to the tip has been looked at
	Degraded                      // works, with less than it should have (see Code)
	Down                          // lost, retrying (see Code)
)

var healthNames = [...]string{"connecting", "syncing", "ready", "degraded", "down"}

func (s HealthState) String() string {
	if int(s) < len(healthNames) {
		return healthNames[s]
	}
	return "unknown"
}

// Trust says on whose word a confirmation stands.
type Trust uint8

// From most to least to believe.
const (
	TrustUnknown   Trust = iota
	TrustOwnNode         // the shop's own full node: it checks every rule itself
	TrustOwnClient       // own light client: proof of work checked here
	TrustQuorum          // k of n endpoints agree
	TrustOneServer       // one server's word
)

// HealthCode says what is wrong; tui/words has the sentence.
type HealthCode string

// What can be wrong with a watcher.
const (
	HealthOK           HealthCode = ""
	HealthNoPeers      HealthCode = "no-peers"      // nobody to talk to
	HealthNoRelay      HealthCode = "no-relay"      // no relay peer: unconfirmed payments are not seen
	HealthNoFilters    HealthCode = "no-filters"    // no peer serves compact filters
	HealthStale        HealthCode = "stale-tip"     // the tip is older than it should be
	HealthBehind       HealthCode = "behind"        // peers know more blocks than we got
	HealthUnreachable  HealthCode = "unreachable"   // the endpoint does not answer
	HealthWrongNetwork HealthCode = "wrong-network" // the endpoint is on another chain
	HealthImport       HealthCode = "import"        // headers are being imported
	HealthNoImport     HealthCode = "no-import"     // the import failed; headers are fetched from peers
	HealthLying        HealthCode = "lying"         // an endpoint's answers contradict each other
	HealthLimited      HealthCode = "rate-limited"  // the endpoint asked us to slow down
	HealthWrongToken   HealthCode = "wrong-token"   // a token's decimals differ from the configuration
	HealthStore        HealthCode = "store"         // batches cannot be stored
	HealthOneEndpoint  HealthCode = "one-endpoint"  // works; a second endpoint would be safer
	HealthUnproved     HealthCode = "unproved"      // works; what the endpoint tells of a block can't be held against it
	HealthNoBalances   HealthCode = "no-balances"   // works; coins that contracts send are not seen
	HealthInternal     HealthCode = "internal"      // a fault of till itself; it goes on
)

// Health is the state of a watcher, for people and for refusing sales.
type Health struct {
	State  HealthState
	Code   HealthCode
	Detail string // whom it concerns: a peer's or endpoint's name without its secrets
	Height uint64 // last block looked at
	Goal   uint64 // height of the best chain that is known of, while syncing
	// Left is about how long syncing still takes; 0 = not known.
	Left  time.Duration
	TipAt time.Time
	// Unconfirmed tells whether unconfirmed payments can be seen at present.
	Unconfirmed bool
	Trust       Trust
	Peers       int // filter peers, or endpoints in use
	Relays      int // relay peers
	Of          int // how many of Peers there should be
}

// Usable tells whether a new QR may be drawn on this watcher's word.
func (h Health) Usable() bool { return h.State == Ready || h.State == Degraded }

// Capabilities is what a backend can see at all.
type Capabilities struct {
	Unconfirmed bool // reports Seen
	Backfill    bool // … also of what was sent before it was connected; may depend on who is
	Evidence    bool // reports Evidence
	FinalTags   bool // TipState.Safe and Final mean something
	LookupTx    bool
	LookupBlock bool
	LookupAddr  bool
}
