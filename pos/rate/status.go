package rate

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// SourceStatus is one exchange as the doctor shows it.
type SourceStatus struct {
	Name   string
	Quotes []QuoteStatus // one per pair that is asked for
	Next   time.Time     // when it is asked again; zero before the first time
	Err    error         // the first of the quotes' problems but for "not offered"; nil = all is well
}

// PairStatus is one price as the health screen shows it.
type PairStatus struct {
	Pair Pair
	// Peg: it is asked for to see whether a stablecoin is at par. Where it makes
	// no price as well, State, Price and At are zero.
	Peg   bool
	State pos.RateState // "" while exchanges have not agreed on a price yet
	Price money.Rate    // that they agreed on, without the shop's spread; zero = none yet
	At    time.Time     // of the oldest quote that went into it
	Age   time.Duration // by now
	// Apart is how far the quotes are from each other that count now, in
	// millionths of the lowest.
	Apart  int64
	Quotes []QuoteStatus // one per source, in the order of Config.Sources
	Err    error         // why the last attempt made no price; nil = it did
	Alarm  *Alarm        // what exchanges agree on and till does not act upon; nil = all is well
}

// QuoteStatus is what a source last said about a pair.
type QuoteStatus struct {
	Source string
	Pair   Pair
	Price  money.Rate    // the middle of bid and ask; zero = none yet
	Spread int64         // between bid and ask, in millionths of the price
	At     time.Time     // when that was true
	Age    time.Duration // by now
	Used   bool          // it went into the price that the register uses
	Err    error         // a *Problem: why the last attempt brought nothing that counts
	// Alarm is about the pair, the same at every source.
	Alarm *Alarm
}

// Status tells how every source is doing, in the order of Config.Sources.
func (f *Feed) Status() []SourceStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Clock.Now()
	list := make([]SourceStatus, len(f.cfg.Sources))
	for i, src := range f.cfg.Sources {
		s := SourceStatus{Name: src.Name(), Next: f.next[src.Name()]}
		for _, pair := range f.pairs {
			q := f.quoteStatus(f.books[pair], i, now)
			if s.Err == nil && code(q.Err) != NotOffered {
				s.Err = q.Err
			}
			s.Quotes = append(s.Quotes, q)
		}
		list[i] = s
	}
	return list
}

// Prices tells how every price is doing: those that the register sells at
// first, then those that tell whether a stablecoin is at par.
func (f *Feed) Prices() []PairStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Clock.Now()
	list := make([]PairStatus, len(f.pairs))
	for n, pair := range f.pairs {
		b := f.books[pair]
		p := PairStatus{Pair: pair, Peg: b.peg, Err: b.problem, Alarm: b.alarm()}
		if b.priced && !b.raw.IsZero() {
			p.Price, p.At, p.Age, p.State = b.raw, b.last.at, now.Sub(b.last.at), f.state(b.last.at, now)
		}
		var counted []money.Rate
		for i := range f.cfg.Sources {
			q := f.quoteStatus(b, i, now)
			if q.Used && q.Age <= f.cfg.MaxAge {
				counted = append(counted, q.Price)
			}
			p.Quotes = append(p.Quotes, q)
		}
		if len(counted) > 1 {
			low, high := slices.MinFunc(counted, money.Rate.Cmp), slices.MaxFunc(counted, money.Rate.Cmp)
			p.Apart = apart(low, high, low)
		}
		list[n] = p
	}
	return list
}

// quoteStatus is what a source last said, with f.mu held.
func (f *Feed) quoteStatus(b *book, source int, now time.Time) QuoteStatus {
	e := &b.entries[source]
	q := QuoteStatus{
		Source: f.cfg.Sources[source].Name(), Pair: b.pair, Price: e.quote.price, Spread: e.quote.spread, At: e.quote.at,
		Used: e.used, Err: e.trouble(), Alarm: b.alarm(),
	}
	if !q.Price.IsZero() {
		q.Age = now.Sub(q.At)
	}
	return q
}

// logChange writes a line when a source begins or ceases to fail, not for
// every attempt.
func (f *Feed) logChange(pair Pair, source int, was, is error) {
	if code(was) == code(is) {
		return
	}
	name := slog.String("source", f.cfg.Sources[source].Name())
	if is == nil {
		f.cfg.Logger.Info("Price source works again", name, slog.String("pair", pair.String()))
		return
	}
	attrs := []any{name, slog.String("pair", pair.String()), slog.String("problem", is.Error())}
	if p, ok := errors.AsType[*Problem](is); ok && p.Cause != nil {
		attrs = append(attrs, slog.String("cause", p.Cause.Error()))
	}
	f.cfg.Logger.Warn("Price source has no price", attrs...)
}

func code(err error) Code {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}
