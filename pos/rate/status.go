package rate

import (
	"errors"
	"log/slog"
	"time"

	"github.com/cointill/till/pos/money"
)

// SourceStatus is one exchange as the health screen and the doctor show it.
type SourceStatus struct {
	Name   string
	Quotes []QuoteStatus // one per pair that is asked for
	Next   time.Time     // when it is asked again; zero before the first time
	Err    error         // the first of the quotes' problems but for "not offered"; nil = all is well
}

// QuoteStatus is what a source last said about a pair.
type QuoteStatus struct {
	Pair  Pair
	Price money.Rate    // the middle of bid and ask; zero = none yet
	At    time.Time     // when that was true
	Age   time.Duration // by now
	Used  bool          // it went into the price that the register uses
	Err   error         // a *Problem: why the last attempt brought nothing
	// Alarm is about the pair, the same at every source: what the exchanges
	// agree on and till does not act upon. Nil = all is well.
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
			b := f.books[pair]
			e := b.entries[i]
			q := QuoteStatus{Pair: pair, Price: e.quote.price, At: e.quote.at, Err: e.problem, Alarm: b.alarm()}
			if !q.Price.IsZero() {
				q.Age = now.Sub(q.At)
			}
			for _, name := range b.last.sources {
				q.Used = q.Used || name == s.Name
			}
			if s.Err == nil && code(e.problem) != NotOffered {
				s.Err = e.problem
			}
			s.Quotes = append(s.Quotes, q)
		}
		list[i] = s
	}
	return list
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
