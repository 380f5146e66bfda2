package rate

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// par is what a stablecoin is worth in its own currency.
var par = money.Rate{Num: 1}

// Danger is what an alarm is about.
type Danger string

// The dangers.
const (
	Jump   Danger = "jump"    // far from the last price; not taken until said twice
	OffPar Danger = "off-par" // a stablecoin that is not worth its currency; not priced
)

// Alarm is a price that enough exchanges agree on and that till does not act
// upon. Its text is a sentence for people.
type Alarm struct {
	Danger Danger
	Pair   Pair
	Price  money.Rate // what the exchanges say
	Usual  money.Rate // the last accepted price, without the spread; or 1
	Since  time.Time
}

// Error is one sentence: what is wrong, and what till does about it.
func (a *Alarm) Error() string {
	if a.Danger == OffPar {
		return fmt.Sprintf("%s trades at %s %s and not at %s; take another coin until it is back at par", a.Pair.Base, a.Price, a.Pair.Quote, a.Usual)
	}
	return fmt.Sprintf("%s: the exchanges' price jumped from %s to %s; till keeps the old one until they have said it twice",
		a.Pair, a.Usual, a.Price)
}

func (a *Alarm) Unwrap() error {
	if a.Danger == OffPar {
		return money.ErrOffPar
	}
	return nil
}

// doubt tells why a price may not be taken, nil = it may. One that is far from
// the last must be said twice, the second time by quotes that are all newer
// than the first time, and without another such jump between the two. An alarm
// does not end by waiting: only a price near the last one ends it, or being
// said twice.
func (f *Feed) doubt(b *book, got agreed, now time.Time) *Alarm {
	limit := int64(f.cfg.Jump)
	switch {
	case b.raw.IsZero(), near(got.price, b.raw, b.raw, limit):
		return nil
	case b.jump == nil, b.said.IsZero(), now.Before(b.said), !near(got.price, b.jump.Price, b.jump.Price, limit):
		since := now
		if b.jump != nil {
			since = b.jump.Since
		}
		b.said = now
		return &Alarm{Jump, b.pair, got.price, b.raw, since}
	case !got.at.After(b.said):
		return b.jump
	}
	return nil
}

// pegs are the pairs by which exchanges tell whether a stablecoin is worth its
// currency, as far as its price in c depends on that: the coin's own, and that
// of the coin by whose price its currency is converted.
func pegs(a chain.Asset, c money.Currency) []Pair {
	if a.Par == "" {
		return nil
	}
	name := a.Price
	if name == "" {
		name = a.Symbol
	}
	list := []Pair{{name, money.Currency(a.Par)}}
	if proxy, ok := dollars[a.Par]; ok && proxy != name && a.Par != string(c) {
		list = append(list, Pair{proxy, money.Currency(a.Par)})
	}
	return list
}

// judge tells whether a stablecoin is off its par. Every fresh quote votes, and
// a quorum decides: exchanges need not agree on how far off it is. Where
// neither side has a quorum it stays as it was.
func (f *Feed) judge(b *book, quotes []sourced, now time.Time) {
	var off []sourced
	on := 0
	for _, q := range quotes {
		switch age := now.Sub(q.at); {
		case age > f.cfg.MaxAge || age < -f.cfg.MaxAge:
		case near(q.price, par, par, int64(f.cfg.Depeg)):
			on++
		default:
			off = append(off, q)
		}
	}
	switch {
	case len(off) > 0 && len(off) >= f.cfg.Quorum:
		mid, err := median(off)
		if err != nil {
			mid = off[0].price // either is far from par
		}
		since := now
		if b.off != nil {
			since = b.off.Since
		}
		b.off = &Alarm{OffPar, b.pair, mid, par, since}
	case on > 0 && on >= f.cfg.Quorum:
		b.off = nil
	default:
		return
	}
	b.judged = true
}

// askedAll tells whether a stablecoin has been judged, or every exchange has
// been tried in vain, so that par may stand.
func (b *book) askedAll() bool {
	return b.judged || !slices.ContainsFunc(b.entries, func(e entry) bool { return e.problem == nil && e.quote.price.IsZero() })
}

// offPar refuses a stablecoin that is off its par, with the reason, and any
// before the exchanges were asked for the first time. With f.mu held.
func (f *Feed) offPar(asset chain.Asset, currency money.Currency) error {
	for _, pair := range pegs(asset, currency) {
		switch b := f.books[pair]; {
		case b == nil: // of a fixed rate
		case b.off != nil:
			return unpriced{b.off}
		case !b.askedAll():
			return noRate("%s: %w", pair, errNotYet)
		}
	}
	return nil
}

// stray marks the exchanges that say something else than the price that was
// just accepted. Where none was, nobody knows who is wrong.
func (f *Feed) stray(b *book, accepted bool, now time.Time) {
	for i := range b.entries {
		e := &b.entries[i]
		e.astray = nil
		if age := now.Sub(e.quote.at); !accepted || e.quote.price.IsZero() || age > f.cfg.MaxAge || age < -f.cfg.MaxAge {
			continue
		}
		if !near(e.quote.price, b.raw, b.raw, int64(f.cfg.Deviation)) {
			e.astray = &Problem{Code: Astray, Source: f.cfg.Sources[i].Name(), Pair: b.pair, Detail: e.quote.price.String()}
		}
	}
}

// alarm is what is wrong with the pair now, nil = nothing.
func (b *book) alarm() *Alarm {
	if b.off != nil {
		return b.off
	}
	return b.jump
}

// logAlarm writes a line when an alarm begins or ends.
func (f *Feed) logAlarm(was, is *Alarm) {
	switch {
	case is != nil && (was == nil || was.Danger != is.Danger):
		f.cfg.Logger.Warn("Price alarm", slog.String("danger", string(is.Danger)), slog.String("pair", is.Pair.String()), slog.String("problem", is.Error()))
	case is == nil && was != nil:
		f.cfg.Logger.Info("Price alarm is over", slog.String("danger", string(was.Danger)), slog.String("pair", was.Pair.String()))
	}
}
