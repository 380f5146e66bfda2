package rate

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// Config is what a Feed is made of. Zero values of the numbers mean the
// defaults that are named beside them.
type Config struct {
	Sources    []Source
	Assets     []chain.Asset
	Currencies []money.Currency // the first is the shop's own
	// Fixed rates, by asset, in the shop's own currency: no source is asked
	// for these.
	Fixed map[chain.AssetID]money.Rate
	// Quorum is how many sources must agree: 1 where there is one source, 2
	// where there are two or three, a majority of more.
	Quorum int
	// Spread in hundredths of a percent is taken off every market price, so
	// that the customer pays so much more. See money.Rate.Spread.
	Spread int

	Interval time.Duration // between two polls of a source: 20 s, and a jitter of a tenth
	Timeout  time.Duration // of one request: 8 s
	MaxAge   time.Duration // of a quote, and of a rate that is live: 60 s
	Stale    time.Duration // age at which a rate stops aging and is stale: 5 min
	// Deviation in thousandths is how far from the median a quote may be: 10.
	Deviation int
	// Jump in thousandths is how far from the last price a new one may be
	// without being said twice: 100.
	Jump int
	// Depeg in thousandths is how far from par a stablecoin may be: 10.
	Depeg int

	Clock  pos.Clock // the computer's
	Logger *slog.Logger
	// Jitter returns a random duration of at least 0 and less than d.
	Jitter func(d time.Duration) time.Duration
}

func (c Config) withDefaults() Config {
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	or(&c.Interval, 20*time.Second)
	or(&c.Timeout, 8*time.Second)
	or(&c.MaxAge, time.Minute)
	or(&c.Stale, 5*time.Minute)
	if c.Quorum <= 0 {
		c.Quorum = 2
		if n := len(c.Sources); n < 2 {
			c.Quorum = 1
		} else if n > 3 {
			c.Quorum = n/2 + 1
		}
	}
	if c.Deviation <= 0 {
		c.Deviation = 10
	}
	if c.Jump <= 0 {
		c.Jump = 100
	}
	if c.Depeg <= 0 {
		c.Depeg = 10
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Jitter == nil {
		c.Jitter = func(d time.Duration) time.Duration { return rand.N(max(d, 1)) }
	}
	return c
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Feed is pos.Rates over exchanges. Run keeps it up to date; all other methods
// answer from memory and may be called at any time from any goroutine.
type Feed struct {
	cfg   Config
	start time.Time
	pairs []Pair // those that are asked for, in a fixed order

	changes chan struct{} // one slot
	nudge   chan struct{} // one slot: the watch over states looks again

	mu     sync.Mutex
	books  map[Pair]*book
	manual map[typed]manual
	next   map[string]time.Time // when each source is asked again
}

// book is what is known about a pair.
type book struct {
	pair    Pair
	priced  bool    // it makes a price
	peg     bool    // it tells whether a stablecoin is at par
	entries []entry // one per source, in the order of Config.Sources
	last    agreed  // the last price that was accepted, spread included
	raw     money.Rate
	problem error         // why the last attempt made no price, nil if it did
	shown   pos.RateState // as of the last value in changes

	jump *Alarm    // a price far from last that was not taken
	said time.Time // when it was said first; zero: it must be said twice from now on
	off  *Alarm    // the stablecoin is off its par
	// judged: it was found at par or off it at least once.
	judged bool
}

type entry struct {
	quote   sourced // price zero: none yet
	used    bool    // it went into the last price that was accepted
	problem error   // of the last attempt
	astray  *Problem
	later   time.Time
}

// trouble is what is wrong with the source for this pair, nil = nothing.
func (e *entry) trouble() error {
	if e.problem == nil && e.astray != nil {
		return e.astray
	}
	return e.problem
}

var _ pos.Rates = (*Feed)(nil)

// New makes a feed. It asks nobody before Run.
func New(cfg Config) *Feed {
	cfg = cfg.withDefaults()
	f := &Feed{
		cfg:     cfg,
		start:   cfg.Clock.Now(),
		changes: make(chan struct{}, 1),
		nudge:   make(chan struct{}, 1),
		books:   make(map[Pair]*book),
		manual:  make(map[typed]manual),
		next:    make(map[string]time.Time),
	}
	for _, a := range cfg.Assets {
		for _, c := range cfg.Currencies {
			if pair, ok := f.pair(a, c); ok {
				f.book(pair).priced = true
			}
		}
	}
	for _, a := range cfg.Assets {
		for _, c := range cfg.Currencies {
			if _, ok := f.fixed(a, c); ok {
				continue
			}
			for _, pair := range pegs(a, c) {
				f.book(pair).peg = true
			}
		}
	}
	return f
}

// book makes the book of a pair that is to be asked for, or finds it.
func (f *Feed) book(pair Pair) *book {
	if f.books[pair] == nil {
		f.books[pair] = &book{pair: pair, entries: make([]entry, len(f.cfg.Sources))}
		f.pairs = append(f.pairs, pair)
	}
	return f.books[pair]
}

// record takes a source's answer for a pair, and makes a new price of all that
// there is.
func (f *Feed) record(source int, pair Pair, q sourced, problem error, now time.Time) {
	f.mu.Lock()
	b := f.books[pair]
	e := &b.entries[source]
	was, alarm, asked := b.troubles(), b.alarm(), b.askedAll()
	e.problem = problem
	if problem == nil || !q.at.IsZero() {
		e.quote, e.used = q, false
	}
	if code(problem) == NotOffered && e.quote.price.IsZero() {
		e.later = now.Add(putOff) // unless it did trade it a minute ago
	}
	changed := f.refresh(b, now)
	if b.priced && b.problem == nil && f.overtake(pair) {
		changed = true
	}
	is := b.alarm()
	changed = changed || (alarm == nil) != (is == nil) || b.peg && asked != b.askedAll()
	troubles := b.troubles()
	f.mu.Unlock()
	for i := range troubles {
		f.logChange(pair, i, was[i], troubles[i])
	}
	f.logAlarm(alarm, is)
	if changed {
		f.tell()
		poke(f.nudge)
	}
}

// troubles is what is wrong with each source for a pair.
func (b *book) troubles() []error {
	list := make([]error, len(b.entries))
	for i := range b.entries {
		list[i] = b.entries[i].trouble()
	}
	return list
}

// refresh computes a pair's price. It tells whether anything that Rate returns
// changed.
func (f *Feed) refresh(b *book, now time.Time) bool {
	quotes := make([]sourced, 0, len(b.entries))
	for _, e := range b.entries {
		if !e.quote.price.IsZero() {
			quotes = append(quotes, e.quote)
		}
	}
	if b.peg {
		f.judge(b, quotes, now)
	}
	if !b.priced {
		return false
	}
	before := b.last
	got, err := combine(quotes, now, rules{f.cfg.MaxAge, int64(f.cfg.Deviation), f.cfg.Quorum})
	if err == nil {
		err = f.accept(b, got, now)
	} else {
		b.said = time.Time{} // what was said before an interruption does not count
	}
	f.stray(b, err == nil, now)
	if err != nil {
		was := b.problem
		b.problem = err
		// Words about a missing price change only while it is missing.
		return b.last.price.IsZero() && (was == nil || was.Error() != err.Error())
	}
	b.problem = nil
	return b.last.price != before.price || !b.last.at.Equal(before.at) || !slices.Equal(b.last.sources, before.sources)
}

// accept is the one place where a price becomes the register's, unless it is
// too far from the price before it: then the old one goes on aging.
func (f *Feed) accept(b *book, got agreed, now time.Time) error {
	if b.jump = f.doubt(b, got, now); b.jump != nil {
		return b.jump
	}
	raw := got.price
	price, err := raw.Spread(f.cfg.Spread)
	if err != nil {
		return err
	}
	got.price = price
	b.last, b.raw = got, raw
	for i := range b.entries {
		e := &b.entries[i]
		e.used = slices.Contains(got.sources, e.quote.source)
	}
	b.shown = f.state(got.at, now)
	return nil
}

func (f *Feed) tell() { poke(f.changes) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
