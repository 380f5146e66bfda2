package rate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// dollars is what stands for a pegged currency on exchanges: see the package
// documentation.
var dollars = map[string]string{"USD": "USDC"}

// pair is what to ask exchanges for; false where nothing needs asking or
// nothing can be.
func (f *Feed) pair(a chain.Asset, c money.Currency) (Pair, bool) {
	if _, ok := f.fixed(a, c); ok || a.Par == string(c) {
		return Pair{}, false
	}
	base := a.Price
	if a.Par != "" {
		base = a.Par
		if proxy, ok := dollars[a.Par]; ok {
			base = proxy
		}
	}
	return Pair{base, c}, base != ""
}

func (f *Feed) fixed(a chain.Asset, c money.Currency) (money.Rate, bool) {
	r, ok := f.cfg.Fixed[a.ID]
	return r, ok && r.Num > 0 && len(f.cfg.Currencies) > 0 && c == f.cfg.Currencies[0]
}

// Rate is the price of one whole coin, with how far it can be relied on now. An
// old price comes without an error, as pos.RateStale, unless somebody has set
// one by hand. The error wraps money.ErrNoRate and says why there is none.
func (f *Feed) Rate(asset chain.Asset, currency money.Currency) (pos.RateInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Clock.Now()
	got, err := f.market(asset, currency, now)
	if err == nil && got.State != pos.RateStale || errors.Is(err, money.ErrOffPar) {
		return got, err
	}
	if by, ok := f.byHand(asset, currency, now); ok {
		return by, nil
	}
	return got, err
}

// market is Rate without prices by hand, with f.mu held.
func (f *Feed) market(asset chain.Asset, currency money.Currency, now time.Time) (pos.RateInfo, error) {
	if r, ok := f.fixed(asset, currency); ok {
		return pos.RateInfo{Rate: r, State: pos.RateFixed, At: f.start, Sources: []string{"fixed"}}, nil
	}
	if asset.Par != "" {
		if err := f.offPar(asset, currency); err != nil {
			return pos.RateInfo{}, err
		}
	}
	if asset.Par != "" && asset.Par == string(currency) {
		return pos.RateInfo{Rate: par, State: pos.RatePar, At: f.start, Sources: []string{"par"}}, nil
	}
	pair, ok := f.pair(asset, currency)
	if !ok {
		return pos.RateInfo{}, noRate("no exchange prices %s; ring it up as an amount of %s", asset.Name, asset.Symbol)
	}
	b := f.books[pair]
	switch {
	case b == nil || !b.priced:
		return pos.RateInfo{}, noRate("%s is not among the currencies of this till", currency)
	case len(f.cfg.Sources) == 0:
		return pos.RateInfo{}, noRate("till asks no exchange, and has no fixed price of %s in %s", asset.Name, currency)
	case b.last.price.IsZero():
		return pos.RateInfo{}, noRate("%s: %w", pair, b.missing())
	}
	return pos.RateInfo{
		Rate:    b.last.price,
		State:   f.state(b.last.at, now),
		At:      b.last.at,
		Sources: slices.Clone(b.last.sources),
	}, nil
}

// unpriced is a sentence that stands for money.ErrNoRate.
type unpriced struct{ error }

func noRate(format string, args ...any) error { return unpriced{fmt.Errorf(format, args...)} }

func (u unpriced) Unwrap() []error { return []error{money.ErrNoRate, u.error} }

var errNotYet = errors.New("no exchange has answered yet")

// missing says why there has never been a price, with the first exchange's own
// problem, which is often everybody's.
func (b *book) missing() error {
	if b.problem == nil {
		return errNotYet
	}
	for _, e := range b.entries {
		if p, ok := errors.AsType[*Problem](e.problem); ok {
			about := *p
			about.Pair = Pair{} // already said
			return fmt.Errorf("%w; %w", b.problem, &about)
		}
	}
	return b.problem
}

// Changes gets a value after any rate, its age or its state changed, also when
// only the clock changed it. Values that nobody took in time become one.
func (f *Feed) Changes() <-chan struct{} { return f.changes }

// state judges an age. A price from further in the future than a quote may be
// in the past means that the clock was set back: nobody knows its age.
func (f *Feed) state(at, now time.Time) pos.RateState {
	switch age := now.Sub(at); {
	case age < -f.cfg.MaxAge || age > f.cfg.Stale:
		return pos.RateStale
	case age >= f.cfg.MaxAge:
		return pos.RateAging
	}
	return pos.RateLive
}
