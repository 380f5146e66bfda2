package rate

import (
	"log/slog"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// A price by hand lives beside the books and never in one: it is no measure for
// the next price of the market, moves no median and ends no alarm.

// typed is what a price by hand is for: one asset, not all that have its market.
type typed struct {
	asset    chain.AssetID
	currency money.Currency
}

// manual is a price by hand.
type manual struct {
	rate  money.Rate
	from  time.Time
	until time.Time
	by    string
	pair  Pair // of the market whose next price ends it; zero where there is none
}

var _ pos.ManualRates = (*Feed)(nil)

// SetManual takes a price by hand for an asset until a time, as somebody typed
// it: the spread is not taken off. Rate gives it, as pos.RateManual, while
// exchanges have no price that is live or aging; not over a fixed rate, not over
// par, and not while the coin is off its par. The next price that exchanges
// agree on ends it, and it does not come back when they fail again: a market's
// price is better than a person's memory of one, and nobody who rings up sales
// should see two prices take turns. It is kept in memory alone, so that a
// restart ends it too.
//
// A zero rate takes one back. The name is cleaned; a currency that the feed does
// not have is ignored.
func (f *Feed) SetManual(asset chain.Asset, currency money.Currency, rate money.Rate, until time.Time, by string) {
	if !slices.Contains(f.cfg.Currencies, currency) {
		return
	}
	key := typed{asset.ID, currency}
	pair, _ := f.pair(asset, currency)
	now := f.cfg.Clock.Now()
	m := manual{rate, now, until, pos.CleanText(by, 40), pair}
	f.mu.Lock()
	_, had := f.manual[key]
	if rate.IsZero() || !f.holds(m, now) {
		delete(f.manual, key)
		m = manual{}
	} else {
		f.manual[key] = m
	}
	f.mu.Unlock()
	switch {
	case !m.rate.IsZero():
		f.cfg.Logger.Warn("Price by hand", slog.String("asset", string(asset.ID)), slog.String("currency", string(currency)),
			slog.String("price", rate.String()), slog.Time("until", until), slog.String("by", m.by))
	case had:
		f.cfg.Logger.Info("Price by hand is taken back", slog.String("asset", string(asset.ID)), slog.String("currency", string(currency)))
	default:
		return
	}
	f.tell()
	poke(f.nudge)
}

// holds tells whether a price by hand counts now. Where the clock was set back
// to before it was typed, nobody knows how long it has counted.
func (f *Feed) holds(m manual, now time.Time) bool {
	return now.Before(m.until) && now.Sub(m.from) >= -f.cfg.MaxAge
}

// byHand is the price by hand that counts now, with f.mu held.
func (f *Feed) byHand(asset chain.Asset, currency money.Currency, now time.Time) (pos.RateInfo, bool) {
	m, ok := f.manual[typed{asset.ID, currency}]
	if !ok || !f.holds(m, now) {
		return pos.RateInfo{}, false
	}
	return pos.RateInfo{Rate: m.rate, State: pos.RateManual, At: m.from, Sources: []string{"manual: " + m.by}}, true
}

// overtake ends the prices by hand of a pair that has a price of its own again,
// with f.mu held. It tells whether there were any.
func (f *Feed) overtake(pair Pair) (some bool) {
	for key, m := range f.manual {
		if m.pair == pair {
			delete(f.manual, key)
			some = true
			f.cfg.Logger.Info("Price by hand is over; the exchanges have one", slog.String("asset", string(key.asset)), slog.String("currency", string(key.currency)))
		}
	}
	return some
}

// expire forgets prices by hand whose time is over, with f.mu held. It tells
// whether there were any, and shortens wait to the next time that one will be.
func (f *Feed) expire(now time.Time, wait time.Duration) (some bool, _ time.Duration) {
	for key, m := range f.manual {
		if !f.holds(m, now) {
			delete(f.manual, key)
			some = true
			continue
		}
		wait = min(wait, m.until.Sub(now))
	}
	return some, wait
}
