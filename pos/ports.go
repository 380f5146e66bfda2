package pos

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// Clock is where time comes from.
type Clock interface {
	Now() time.Time
	// After returns a channel that gets the time once, after d, and a function
	// that stops it.
	After(d time.Duration) (<-chan time.Time, func())
}

// RateState is how far a rate can be relied on.
type RateState string

// The states of a rate. A stale rate refuses new fiat-priced sales in volatile
// coins; running sales keep the rate that they were quoted at.
const (
	RateLive  RateState = "live"  // younger than 60 s
	RateAging RateState = "aging" // up to 5 min
	RateStale RateState = "stale"
	RateFixed RateState = "fixed" // a person wrote it into the configuration
	RatePar   RateState = "par"   // a stablecoin at its peg
	// RateManual: a supervisor typed it while the feed had none; Sources names who.
	RateManual RateState = "manual"
)

// RateInfo is a rate with what is to be known about it.
type RateInfo struct {
	Rate    money.Rate `json:"rate"` // spread included
	State   RateState  `json:"state"`
	At      time.Time  `json:"at"` // of the oldest quote that went into it
	Sources []string   `json:"sources,omitempty"`
}

// IsZero tells whether there is no rate.
func (r RateInfo) IsZero() bool { return r.Rate.Num == 0 }

// Rates is the price feed as the register sees it.
type Rates interface {
	// Rate answers at once from memory. The error says in words why there is
	// none (wrapping money.ErrNoRate); a stale rate comes without an error.
	Rate(asset chain.Asset, currency money.Currency) (RateInfo, error)
	// Changes gets a value after any rate changed. One reader.
	Changes() <-chan struct{}
}

// ManualRates is a price feed that takes a price by hand: it counts until a time,
// and only while the feed has none of its own that is fresh.
type ManualRates interface {
	SetManual(asset chain.Asset, currency money.Currency, rate money.Rate, until time.Time, by string)
}

// Record is a sale with its payments, oldest first.
type Record struct {
	Sale     Sale
	Payments []Payment
}

// Change is one row of the outbox: a sale's status, verdict or confirmations
// changed. Seq is given by the store, without gaps, in the order of commits.
type Change struct {
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"`
	SaleID  string    `json:"sale"`
	Number  uint64    `json:"number"`
	Was     Status    `json:"was,omitempty"`
	Outcome Outcome   `json:"outcome"`
}

// Known is an address that was shown, with the newest sale that it was shown for.
type Known struct {
	To      chain.Destination
	Account string
	SaleID  string
	Since   uint64
}

// Query selects sales, newest first.
type Query struct {
	Text   string // number, code, reference, address or transaction id; "" = all
	Status Status // "" = any
	From   time.Time
	Until  time.Time
	Before uint64 // numbers below this, for paging; 0 = from the newest
	Limit  int    // 0 = 100
}

// Store keeps what must survive. pos/store/storetest has the rules as a suite.
type Store interface {
	// Write runs fn in a transaction. When it returns nil, all that fn wrote is
	// durable (on disk, synced); when fn or the commit fails, none of it
	// happened. Calls from several goroutines are serialised and may share one
	// sync to disk; fn must not call the Store, only its Tx.
	Write(ctx context.Context, fn func(Tx) error) error

	Sale(ctx context.Context, id string) (Record, error) // ErrNoSale
	Sales(ctx context.Context, q Query) ([]Record, error)
	// Open returns every sale that is not closed, oldest first.
	Open(ctx context.Context) ([]Record, error)
	// Hot returns the addresses of sales that are open or were closed at or
	// after since.
	Hot(ctx context.Context, since time.Time) ([]Known, error)
	// Owner finds the newest sale that an address was shown for.
	Owner(ctx context.Context, to chain.Destination) (Known, bool, error)
	// Destinations yields every address ever shown.
	Destinations(ctx context.Context) iter.Seq2[Known, error]
	Payment(ctx context.Context, key chain.PaymentKey) (Payment, bool, error)
	Cursor(ctx context.Context, rail string) (chain.Cursor, error) // zero if none
	// Next is the lowest index of an account that was never used: what a rail
	// keeps watched ahead begins there.
	Next(ctx context.Context, account string) (uint32, error)
	// Outbox returns changes with Seq > after, in order.
	Outbox(ctx context.Context, after uint64, limit int) ([]Change, error)
	// Meta reads a small named value, "" if unset: fingerprints, versions.
	Meta(ctx context.Context, name string) (string, error)
	// Journal returns entries with Seq > after, in order.
	Journal(ctx context.Context, after uint64, limit int) ([]Entry, error)
	// History returns all entries of a sale, in order.
	History(ctx context.Context, saleID string) ([]Entry, error)
	// Deliveries selects deliveries, in order of Seq.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error)
	// Due returns, in order of Next, deliveries that wait and whose Next is not
	// after now: of each sale only the one with the lowest Seq of those that
	// wait. Later is the earliest Next beyond now of any of these, zero if none.
	Due(ctx context.Context, now time.Time, limit int) (due []Delivery, later time.Time, err error)
	Close() error
}

// Tx is a Store's transaction.
type Tx interface {
	// NextIndex allocates an index of an account: the lowest never used, or,
	// where the account has a Cooldown, the lowest whose last sale has been
	// closed for that long, or, where it has a Gap, what chain.Account says of
	// that. It is never below the account's First. It is used even if no address follows, except when
	// the transaction fails. ErrNoAddress when a list or pool is exhausted.
	NextIndex(account chain.Account, now time.Time) (uint32, error)
	// NextNumber allocates the next receipt number.
	NextNumber() (uint64, error)
	Sale(id string) (Record, error) // ErrNoSale
	// Paid tells whether any payment to an address is stored.
	Paid(to chain.Destination) (bool, error)
	// PutSale inserts or replaces a sale with its addresses and quotes.
	PutSale(Sale) error
	// PutPayment inserts or replaces a payment by its key.
	PutPayment(Payment) error
	PutCursor(rail string, c chain.Cursor) error
	AppendOutbox(Change) (seq uint64, err error)
	PutMeta(name, value string) error
	// Meta reads a value as this transaction sees it.
	Meta(name string) (string, error)
	// AppendJournal adds an entry; the store gives it its Seq and its Hash, and
	// returns it with them. Entries are never changed and never deleted. Body
	// must be JSON, and At of the years that nanoseconds can count (1678 to 2261).
	AppendJournal(Entry) (Entry, error)
	// PutDelivery inserts or replaces a delivery by its Seq; its sale stays.
	PutDelivery(Delivery) error
}

// Errors that a Store or the Register returns, wrapped with what they concern.
var (
	ErrNoSale     = errors.New("no such sale")
	ErrNoAddress  = errors.New("all addresses are waiting for payments")
	ErrDamaged    = errors.New("the store is damaged")
	ErrTooNew     = errors.New("the store was written by a newer till")
	ErrLocked     = errors.New("the store is in use by another till")
	ErrNotNow     = errors.New("not possible in this state")
	ErrConnecting = errors.New("not connected to the network yet")
	ErrStaleRate  = errors.New("the price is too old")
	ErrNoAsset    = errors.New("this shop does not take that")
	ErrTooSmall   = errors.New("too small to be paid in this coin")
)
