package rate

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

const quarter = 15 * time.Minute

// typed sets a price by hand as the register does.
func (s *shop) typed(asset chain.Asset, price string) {
	s.t.Helper()
	r, err := money.ParseRate(price)
	if err != nil {
		s.t.Fatal(err)
	}
	s.SetManual(asset, "EUR", r, s.cfg.Clock.Now().Add(quarter), "Ana")
}

func TestManualWaitsUntilThePriceIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := open(t, Config{Spread: 100, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		defer s.stop()
		s.all(feedtest.HTML)
		s.after(2 * time.Minute)
		s.is("49500", pos.RateAging)
		s.told()
		s.typed(bitcoin, "48000")
		at := time.Now()
		if !s.told() || !strings.Contains(log.String(), "Price by hand") {
			t.Errorf("nobody was told, and the log says %q", log.String())
		}
		s.is("49500", pos.RateAging)
		s.after(3*time.Minute + time.Millisecond)
		s.is("48000", pos.RateManual) // without the spread
		got, err := s.Rate(bitcoin, "EUR")
		if err != nil || !slices.Equal(got.Sources, []string{"manual: Ana"}) || !got.At.Equal(at) {
			t.Errorf("%+v, %v", got, err)
		}
		if !s.told() {
			t.Error("nobody was told that the price by hand counts now")
		}
		// To the second it is valid, and one who waits for Changes sees the end.
		s.after(time.Until(at.Add(quarter)) - time.Millisecond)
		s.told()
		s.is("48000", pos.RateManual)
		s.after(time.Millisecond)
		s.is("49500", pos.RateStale)
		if !s.told() {
			t.Error("nobody was told that the price by hand is over")
		}
		if len(s.manual) != 0 {
			t.Error("it is still remembered")
		}
	})
}

// The exchanges' next price ends a price by hand for good.
func TestMarketEndsManual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		s.all(feedtest.HTML)
		s.after(6 * time.Minute)
		s.SetManual(bitcoin, "EUR", money.Rate{Num: 70_000}, time.Now().Add(time.Hour), "Ana")
		s.is("70000", pos.RateManual)
		// One exchange alone is no price.
		s.server.Fault("kraken", feedtest.None)
		s.after(6 * time.Minute)
		s.is("70000", pos.RateManual)
		s.told()
		// What was typed is 40 % off; the market is measured by its own last price.
		s.all(feedtest.None)
		s.after(6 * time.Minute)
		s.is("50000", pos.RateLive)
		if !s.told() {
			t.Error("nobody was told")
		}
		if a := s.alarm("BTC/EUR"); a != nil {
			t.Errorf("the price by hand was a measure: %v", a)
		}
		s.all(feedtest.HTML)
		s.after(6 * time.Minute)
		s.is("50000", pos.RateStale)
	})
}

// A market that the guard does not believe yet ends nothing, and the guard does
// not take the typed price for the market's word.
func TestManualDuringAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{}, "kraken")
		defer s.stop()
		s.all(feedtest.HTML)
		s.after(6 * time.Minute)
		s.typed(bitcoin, "500000")
		s.server.Fault("kraken", feedtest.None)
		s.set("BTC/EUR", "500000")
		for s.alarm("BTC/EUR") == nil {
			s.after(time.Second)
		}
		s.is("500000", pos.RateManual)
		if a := s.alarm("BTC/EUR"); a.Usual.String() != "50000" {
			t.Errorf("it is measured by %s", a.Usual)
		}
		s.after(20 * time.Second)
		s.is("500000", pos.RateLive)
	})
}

// By hand there is a price where there was never one, but not past a coin that
// is off its par, not over par or a fixed rate, and of one asset alone.
func TestManualIsForOneAsset(t *testing.T) {
	base := ether
	base.ID, base.Name = chain.NativeAsset(8453), "Ether on Base"
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{
			Assets: []chain.Asset{bitcoin, ether, base, usdc, eurc, own}, Currencies: []money.Currency{"EUR", "USD"},
			Fixed: map[chain.AssetID]money.Rate{bitcoin.ID: {Num: 48_000}},
		})
		defer s.stop()
		s.all(feedtest.HTML)
		s.after(6 * time.Minute)
		s.typed(ether, "1900")
		s.typed(own, "0.5")
		s.typed(bitcoin, "1")
		s.typed(eurc, "2")
		s.SetManual(ether, "JPY", money.Rate{Num: 1}, time.Now().Add(quarter), "Ana")
		for _, c := range []struct {
			asset chain.Asset
			cur   money.Currency
			price string
			state pos.RateState
		}{
			{ether, "EUR", "1900", pos.RateManual},
			{ether, "USD", "2509.3", pos.RateStale},
			{base, "EUR", "2000", pos.RateStale},
			{own, "EUR", "0.5", pos.RateManual},
			{bitcoin, "EUR", "48000", pos.RateFixed},
			{eurc, "EUR", "1", pos.RatePar},
		} {
			got, err := s.Rate(c.asset, c.cur)
			if err != nil || got.Rate.String() != c.price || got.State != c.state {
				t.Errorf("%s in %s: %+v, %v; want %s, %s", c.asset.Name, c.cur, got, err, c.price, c.state)
			}
		}
		if got, err := s.Rate(ether, "JPY"); err == nil {
			t.Errorf("a currency that is not this till's: %+v", got)
		}
		s.SetManual(ether, "EUR", money.Rate{}, time.Now().Add(quarter), "Ana")
		if got, err := s.Rate(ether, "EUR"); err != nil || got.State != pos.RateStale {
			t.Errorf("taken back: %+v, %v", got, err)
		}
		s.all(feedtest.None)
		s.set("USDC/USD", "0.90")
		s.after(6 * time.Minute)
		s.typed(usdc, "0.92")
		s.refused(usdc, "EUR", "USDC trades at 0.9")
	})
}

func TestManualNames(t *testing.T) {
	f := New(Config{Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}})
	for by, want := range map[string]string{
		"Ana":                            "manual: Ana",
		"A\x1b[2Jna\u202e":               "manual: " + pos.CleanText("A\x1b[2Jna\u202e", 40),
		strings.Repeat("long name ", 20): "manual: " + pos.CleanText(strings.Repeat("long name ", 20), 40),
	} {
		f.SetManual(bitcoin, "EUR", money.Rate{Num: 1}, time.Now().Add(quarter), by)
		got, err := f.Rate(bitcoin, "EUR")
		if err != nil || !slices.Equal(got.Sources, []string{want}) || strings.ContainsAny(got.Sources[0], "\x1b\u202e") || len(got.Sources[0]) > 60 {
			t.Errorf("%q: %+v, %v", by, got, err)
		}
	}
	f.SetManual(bitcoin, "EUR", money.Rate{Num: 2}, time.Now().Add(-time.Second), "late")
	if got, err := f.Rate(bitcoin, "EUR"); err == nil {
		t.Errorf("one that is over counts: %+v", got)
	}
}

// Set back, the clock does not make a price by hand last longer.
func TestManualAndTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var by atomic.Int64
		s := open(t, Config{Clock: shifted{by: &by}})
		defer s.stop()
		s.all(feedtest.HTML)
		s.after(6 * time.Minute)
		s.typed(bitcoin, "48000")
		s.is("48000", pos.RateManual)
		by.Store(-int64(time.Hour))
		s.is("50000", pos.RateStale)
		s.after(time.Minute)
		by.Store(0)
		s.is("50000", pos.RateStale) // and it does not come back
	})
}

// standing is a clock that a test moves.
type standing struct {
	systemClock
	now *time.Time
}

func (c standing) Now() time.Time { return *c.now }

// However prices of the market, prices by hand and time follow each other: what
// counts is the market's while it is live or aging, else what was typed since
// the market's last word and less than a quarter of an hour ago; and the books
// are the same as in a feed in which nobody ever typed.
func TestManualBesideTheMarket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		make1 := func() *Feed {
			f := crowd(t, 1)
			f.cfg.Clock = standing{now: &now}
			return f
		}
		f, other := make1(), make1()
		var byHand money.Rate
		var until, accepted time.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 20, 59, 120, 400, 900}).Draw(t, "seconds")) * time.Second)
			price := money.Rate{Num: rapid.SampledFrom([]uint64{50_000, 51_000, 80_000, 5_000_000}).Draw(t, "price")}
			before := f.books[btc].last.at
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				for _, feed := range []*Feed{f, other} {
					feed.record(0, btc, sourced{source: "a", price: price, at: now}, nil, now)
				}
				if f.books[btc].problem == nil {
					byHand, accepted = money.Rate{}, now
				}
			case 1:
				for _, feed := range []*Feed{f, other} {
					feed.record(0, btc, sourced{}, &Problem{Code: Unreachable, Source: "a", Pair: btc}, now)
				}
				if f.books[btc].problem == nil { // the quote of before still counts
					byHand = money.Rate{}
				}
			default:
				byHand, until = price, now.Add(quarter)
				f.SetManual(bitcoin, "EUR", price, until, "Ana")
			}
			got, err := f.Rate(bitcoin, "EUR")
			market, none := other.Rate(bitcoin, "EUR")
			sells := none == nil && market.State != pos.RateStale
			switch counts := !byHand.IsZero() && now.Before(until) && !sells; {
			case counts && (err != nil || got.State != pos.RateManual || got.Rate != byHand):
				t.Fatalf("%s was typed, and the rate is %+v, %v", byHand, got, err)
			case !counts && (got.State != market.State || got.Rate != market.Rate || (err == nil) != (none == nil)):
				t.Fatalf("the rate is %+v, %v; the market's is %+v, %v", got, err, market, none)
			}
			if f.books[btc].raw != other.books[btc].raw || (f.books[btc].jump == nil) != (other.books[btc].jump == nil) {
				t.Fatal("what was typed has moved the market")
			}
			if at := f.books[btc].last.at; at.Before(before) || at.After(accepted) {
				t.Fatalf("the market's price is of %s, and was of %s", at, before)
			}
		}
	})
}
