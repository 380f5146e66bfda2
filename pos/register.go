package pos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
)

// Config is what a Register needs from outside.
type Config struct {
	Shop   Shop
	Policy Policy
	Rails  []chain.Rail // in the order in which their assets are offered
	Rates  Rates
	Store  Store
	Clock  Clock
	Random io.Reader // for ids; crypto/rand outside tests
	Log    *slog.Logger

	// Callback is called for every change of a sale that names no URL itself; ""
	// = nobody is.
	Callback string
	// Rules are the shop's keys and rules in words, "name: value" each. When one
	// of them is other than at the start before, nothing new is rung up until a
	// supervisor agrees.
	Rules []string
}

const (
	// hotFor is how long the address of a closed sale stays watched live.
	hotFor = 90 * 24 * time.Hour
	// mostRefunds bounds how many refunds are still looked at after they were paid.
	mostRefunds = 10_000
	// ahead is how many unused addresses of an account are watched before
	// anybody needs them, so that watching one costs no round trip. It is the
	// gap limit of most wallets.
	ahead = 20
)

// Register is the one writer: it applies what watchers and people say, stores
// it, and then tells everybody. Its methods are safe for concurrent use and
// never wait for a subscriber.
type Register struct {
	cfg      Config
	log      *slog.Logger
	railOf   map[chain.AssetID]chain.Rail
	rails    map[string]chain.Rail
	assets   map[chain.AssetID]chain.Asset
	accounts map[string][]chain.Rail // by account id: rails that share its addresses
	life     context.Context         // of goroutines that outlast a call
	end      context.CancelFunc
	kick     chan struct{} // the timers changed
	work     sync.WaitGroup

	mu      sync.Mutex
	entries map[string]*entry
	open    map[string]struct{}          // sales that are not closed
	byDest  map[chain.Destination]string // the newest sale of every hot address
	tips    map[string]chain.TipState
	cursors map[string]chain.Cursor
	health  map[string]chain.Health
	caught  map[string]bool                // rails that were caught up once since the start
	pending map[string]map[string]struct{} // rail -> sales that a new tip may change
	lasting map[string]struct{}            // closed ones that something is still to come of, as the store knows them
	handed  map[string]struct{}            // sales with money that was handed over on before a block
	timers  timers
	boxes   map[*Mailbox]struct{}
	aheadTo map[string]uint32   // account -> first index that is not watched ahead
	changed []string            // keys and rules that nobody has agreed to yet
	refunds map[string][]refund // by sale: to be seen paid, or taken out of the chain again
	absence *Away               // what nobody has acknowledged yet
	asleep  time.Time           // when the register before this one last looked, zero = it is the first
	began   time.Time
	awake   time.Time            // when the store was last told that this one looks
	latest  time.Time            // the latest time that anything was stored at
	unkept  error                // why the store took nothing the last time, nil = it did
	cut     map[string]time.Time // rails that were caught up and are cut off, since when

	sender chan struct{} // one slot: there may be something to deliver
	pinMu  sync.Mutex    // one PIN is looked at at a time
}

// entry is a sale in memory.
type entry struct {
	rec     Record
	watched bool                // Watch has returned: its QR may be drawn
	timer   time.Time           // the newest of its timers that has not fired yet
	proved  chain.Destination   // was derived from the key, and is the quote's
	payouts []chain.Destination // addresses of refunds that are watched
}

// New loads what is open and prepares to watch it. Nothing is watched and no
// clock runs before Run.
func New(ctx context.Context, cfg Config) (*Register, error) {
	r := &Register{
		cfg:      cfg,
		log:      cfg.Log,
		railOf:   make(map[chain.AssetID]chain.Rail),
		rails:    make(map[string]chain.Rail),
		assets:   make(map[chain.AssetID]chain.Asset),
		accounts: make(map[string][]chain.Rail),
		kick:     make(chan struct{}, 1),
		entries:  make(map[string]*entry),
		open:     make(map[string]struct{}),
		byDest:   make(map[chain.Destination]string),
		tips:     make(map[string]chain.TipState),
		cursors:  make(map[string]chain.Cursor),
		health:   make(map[string]chain.Health),
		caught:   make(map[string]bool),
		pending:  make(map[string]map[string]struct{}),
		lasting:  make(map[string]struct{}),
		handed:   make(map[string]struct{}),
		boxes:    make(map[*Mailbox]struct{}),
		aheadTo:  make(map[string]uint32),
		cut:      make(map[string]time.Time),
		refunds:  make(map[string][]refund),
		sender:   make(chan struct{}, 1),
	}
	r.began = r.now()
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.cfg.Shop.Assets = slices.Clone(cfg.Shop.Assets)
	r.life, r.end = context.WithCancel(context.Background())
	for _, rail := range cfg.Rails {
		if err := r.addRail(ctx, rail); err != nil {
			r.end()
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{r.load, r.loadLasting, r.loadRefunds, r.loadAway, r.compareRules} {
		if err := step(ctx); err != nil {
			r.end()
			return nil, err
		}
	}
	return r, nil
}

func (r *Register) addRail(ctx context.Context, rail chain.Rail) error {
	id := rail.ID()
	if r.rails[id] != nil {
		return fmt.Errorf("%s is configured twice", id)
	}
	r.rails[id] = rail
	account := rail.Account().ID
	r.accounts[account] = append(r.accounts[account], rail)
	for _, a := range rail.Assets() {
		if r.railOf[a.ID] != nil {
			return fmt.Errorf("%s is configured twice", a.ID)
		}
		r.railOf[a.ID], r.assets[a.ID] = rail, a
		if !slices.ContainsFunc(r.cfg.Shop.Assets, func(have chain.Asset) bool { return have.ID == a.ID }) {
			r.cfg.Shop.Assets = append(r.cfg.Shop.Assets, a)
		}
	}
	if r.cfg.Shop.Default == "" && len(r.cfg.Shop.Assets) > 0 {
		r.cfg.Shop.Default = r.cfg.Shop.Assets[0].ID
	}
	cursor, err := r.cfg.Store.Cursor(ctx, id)
	if err != nil {
		return fmt.Errorf("how far %s was read is not known: %w", id, err)
	}
	r.cursors[id] = cursor
	// Depth counts from the last known tip until the watcher has a newer one:
	// otherwise a restart would look like a reorganisation.
	tip, err := r.cfg.Store.Meta(ctx, tipMeta(id))
	if err != nil {
		return err
	}
	if tip != "" {
		var t chain.TipState
		if err := json.Unmarshal([]byte(tip), &t); err != nil {
			return fmt.Errorf("the last tip of %s is unreadable: %w", id, ErrDamaged)
		}
		r.tips[id] = t
	}
	r.health[id] = rail.Watcher().Health()
	r.pending[id] = make(map[string]struct{})
	return nil
}

func tipMeta(rail string) string { return "tip/" + rail }

func (r *Register) load(ctx context.Context) error {
	open, err := r.cfg.Store.Open(ctx)
	if err != nil {
		return fmt.Errorf("open sales cannot be read: %w", err)
	}
	hot, err := r.cfg.Store.Hot(ctx, r.began.Add(-hotFor))
	if err != nil {
		return fmt.Errorf("the addresses to watch cannot be read: %w", err)
	}
	for _, k := range hot {
		r.byDest[k.To] = k.SaleID
	}
	for _, rec := range open {
		e := &entry{rec: rec}
		r.entries[rec.Sale.ID] = e
		r.follow(e)
	}
	return nil
}

// loadRefunds notes what went back or is to, of the sales in memory and of those
// that are REFUNDED: what was seen paid may be taken out of the chain again. Where
// two sales paid to one address, the later has it.
func (r *Register) loadRefunds(ctx context.Context) error {
	done, err := r.cfg.Store.Sales(ctx, Query{Status: Refunded, From: r.began.Add(-2 * hotFor), Limit: mostRefunds})
	if err != nil {
		return fmt.Errorf("what went back cannot be read: %w", err)
	}
	done = slices.DeleteFunc(done, func(rec Record) bool { return r.began.Sub(rec.Sale.ClosedAt) >= hotFor })
	all := done
	for _, e := range r.entries {
		all = append(all, e.rec)
	}
	slices.SortFunc(all, func(a, b Record) int { return cmp.Compare(a.Sale.Number, b.Sale.Number) })
	for _, rec := range all {
		r.expect(rec.Sale)
	}
	return nil
}

// expect notes where a sale's refunds go. The caller holds mu, or nobody else
// knows of r yet.
func (r *Register) expect(s Sale) {
	list := s.refunds()
	for _, f := range list {
		r.byDest[f.To] = s.ID
	}
	if len(list) > 0 {
		r.refunds[s.ID] = list
	}
}

// Run watches, keeps time and follows the rates until ctx ends. A watcher that
// gives up leaves the others running; the board says so.
func (r *Register) Run(ctx context.Context) error {
	for _, rail := range r.cfg.Rails {
		r.work.Go(func() { r.runRail(ctx, rail) })
	}
	r.work.Go(func() { r.runTimers(ctx) })
	r.work.Go(func() { r.runRates(ctx) })
	<-ctx.Done()
	r.mu.Lock()
	r.end() // from here on spawn starts nothing
	r.mu.Unlock()
	r.work.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for m := range r.boxes {
		m.shut()
	}
	clear(r.boxes)
	return nil
}

func (r *Register) runRates(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, more := <-r.cfg.Rates.Changes():
			if !more {
				return
			}
			r.mu.Lock()
			r.publish()
			r.mu.Unlock()
		}
	}
}

// spawn runs fn on a goroutine that Run waits for, unless the register ended.
func (r *Register) spawn(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() == nil {
		r.work.Go(fn)
	}
}

// errFault says that something panicked. The log has the rest.
var errFault = errors.New("a fault of till itself")

// contain turns a panic of a rail or a store into an error: what is applied is
// applied to copies, so one broken part need not stop the others.
func (r *Register) contain(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("a fault of till itself; it goes on", "fault", p, "stack", string(debug.Stack()))
			err = errFault
		}
	}()
	return fn()
}

// now is the wall clock's time. Without its monotonic reading, a time in memory
// and the same time read from the store compare alike, also after the machine
// slept.
func (r *Register) now() time.Time { return r.cfg.Clock.Now().Round(0) }
