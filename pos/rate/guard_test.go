package rate

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

// alarm is the alarm of a pair, the same at every source.
func (s *shop) alarm(pair string) *Alarm {
	s.t.Helper()
	var found []*Alarm
	for _, src := range s.Status() {
		for _, q := range src.Quotes {
			if q.Pair.String() == pair {
				found = append(found, q.Alarm)
			}
		}
	}
	if len(found) == 0 {
		s.t.Fatalf("nobody is asked for %s", pair)
	}
	for _, a := range found {
		if a != found[0] {
			s.t.Fatalf("the sources tell of different alarms: %v, %v", a, found[0])
		}
	}
	return found[0]
}

func (s *shop) set(pair, price string) {
	s.t.Helper()
	if err := s.server.Set(pair, price); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) all(fault feedtest.Fault) {
	for _, name := range SourceNames() {
		s.server.Fault(name, fault)
	}
}

// What is said twice is believed; until then the old price goes on.
func TestJumpThatLasts(t *testing.T) {
	for price, jumps := range map[string]bool{"54990": false, "55010": true, "45010": false, "44990": true, "500": true, "5000000": true} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			s := open(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			defer s.stop()
			s.told()
			at := time.Now()
			s.set("BTC/EUR", price)
			s.after(20 * time.Second)
			if a := s.alarm("BTC/EUR"); (a != nil) != jumps {
				t.Fatalf("%s: the alarm is %v", price, a)
			}
			if !jumps {
				s.is(price, pos.RateLive)
				return
			}
			got, err := s.Rate(bitcoin, "EUR")
			if err != nil || got.Rate.Cmp(money.Rate{Num: 49990}) < 0 || got.Rate.Cmp(money.Rate{Num: 50010}) > 0 || !got.At.Equal(at) {
				t.Fatalf("%s: the rate is %+v, %v", price, got, err)
			}
			a := s.alarm("BTC/EUR")
			want, err := money.ParseRate(price)
			if err != nil {
				t.Fatal(err)
			}
			if text := a.Error(); a.Danger != Jump || !near(a.Price, want, want, 1) || !strings.Contains(text, "jumped from ") || !strings.Contains(text, " to "+a.Price.String()+";") {
				t.Errorf("%+v: %s", a, text)
			}
			if !s.told() || strings.Count(log.String(), "danger=jump") != 1 || strings.Contains(log.String(), "over") {
				t.Errorf("the log says %q", log.String())
			}
			s.after(19 * time.Second)
			if now, err := s.Rate(bitcoin, "EUR"); err != nil || now.Rate != got.Rate {
				t.Fatalf("%s: it was said once, and the rate is %+v, %v", price, now, err)
			}
			s.after(time.Second)
			s.is(price, pos.RateLive)
			if a := s.alarm("BTC/EUR"); a != nil || !strings.Contains(log.String(), "Price alarm is over") {
				t.Errorf("still %v; the log says %q", a, log.String())
			}
		})
	}
}

// A jump that is gone at the next round was never a price.
func TestJumpThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		for range 5 {
			s.all(feedtest.Times100)
			s.after(20 * time.Second)
			if s.alarm("BTC/EUR") == nil {
				t.Fatal("no alarm")
			}
			s.all(feedtest.None)
			s.after(20 * time.Second)
			s.is("50000", pos.RateLive)
			if a := s.alarm("BTC/EUR"); a != nil {
				t.Fatal(a)
			}
		}
	})
}

// Prices that jump from one place to another agree on nothing: the old one
// goes stale, and no waiting makes the next jump a price.
func TestJumpsThatDoNotAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		began := time.Now().Add(20 * time.Second)
		for i := range 60 {
			s.set("BTC/EUR", []string{"90000", "10000"}[i%2])
			s.after(20 * time.Second)
			if got, err := s.Rate(bitcoin, "EUR"); err != nil || got.Rate.Cmp(money.Rate{Num: 49990}) < 0 || got.Rate.Cmp(money.Rate{Num: 50010}) > 0 {
				t.Fatalf("after %d rounds %+v, %v", i, got, err)
			}
		}
		if got, err := s.Rate(bitcoin, "EUR"); err != nil || got.State != pos.RateStale {
			t.Errorf("%+v, %v", got, err)
		}
		if a := s.alarm("BTC/EUR"); a == nil || !a.Since.Equal(began) {
			t.Errorf("the alarm is %+v", a)
		}
		s.set("BTC/EUR", "60000")
		s.after(20 * time.Second)
		s.after(20 * time.Second)
		s.is("60000", pos.RateLive)
	})
}

// What was said before an interruption does not count.
func TestJumpAroundAnInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		s.set("BTC/EUR", "70000")
		s.after(20 * time.Second)
		s.all(feedtest.HTML)
		s.after(4 * time.Minute)
		if s.alarm("BTC/EUR") == nil {
			t.Error("the alarm ended by waiting")
		}
		s.all(feedtest.None)
		for range 200 {
			before := s.server.Requests("kraken") + s.server.Requests("coinbase") + s.server.Requests("bitstamp")
			s.after(time.Second)
			got, err := s.Rate(bitcoin, "EUR")
			if err != nil {
				t.Fatal(err)
			}
			if asked := s.server.Requests("kraken") + s.server.Requests("coinbase") + s.server.Requests("bitstamp"); got.Rate.Cmp(money.Rate{Num: 60000}) > 0 {
				if got.State != pos.RateLive || asked == before {
					t.Errorf("%+v", got)
				}
				return
			}
		}
		t.Error("it never recovered")
	})
}

// However long nobody answered, the first answer is not believed at once where
// it is far from the last: silence and then a lie must not be cheaper than a lie.
func TestJumpAfterALongTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		s.all(feedtest.HTML)
		s.after(48 * time.Hour)
		s.all(feedtest.Times100)
		for range 30 { // until a quorum is back, which may take them five minutes
			s.after(20 * time.Second)
			got, err := s.Rate(bitcoin, "EUR")
			if err != nil || got.State != pos.RateStale {
				t.Fatalf("%+v, %v", got, err)
			}
			if s.alarm("BTC/EUR") != nil {
				break
			}
		}
		if s.alarm("BTC/EUR") == nil {
			t.Error("no alarm")
		}
		s.all(feedtest.None)
		s.after(20 * time.Second)
		s.is("50000", pos.RateLive)
		if a := s.alarm("BTC/EUR"); a != nil {
			t.Error(a)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Jump: 20})
		defer s.stop()
		s.set("BTC/EUR", "51500")
		s.after(20 * time.Second)
		if s.alarm("BTC/EUR") == nil {
			t.Error("3 % is more than the 2 % of the configuration")
		}
	})
}

// One exchange, said twice: a crash that goes on is followed.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Spread: 100}, "kraken")
		defer s.stop()
		s.is("49500", pos.RateLive) // the guard compares without the spread
		s.set("BTC/EUR", "44000")
		s.after(20 * time.Second)
		s.is("49500", pos.RateLive)
		s.set("BTC/EUR", "42000")
		s.after(20 * time.Second)
		s.is("41580", pos.RateLive)
		s.set("BTC/EUR", "38000")
		s.after(20 * time.Second)
		s.is("37620", pos.RateLive)
	})
}

var usdt = chain.Asset{ID: chain.TokenAsset(1, "0xdAC1"), Symbol: "USDT", Name: "USDT on Ethereum", Decimals: 6, Par: "USD"}

// refused tells whether a coin has no price because of its peg.
func (s *shop) refused(asset chain.Asset, cur money.Currency, words string) {
	s.t.Helper()
	got, err := s.Rate(asset, cur)
	if words == "" {
		if err != nil || got.IsZero() {
			s.t.Fatalf("%s in %s: %+v, %v", asset.Symbol, cur, got, err)
		}
		return
	}
	if !errors.Is(err, money.ErrOffPar) || !errors.Is(err, money.ErrNoRate) || !strings.Contains(err.Error(), words) || !got.IsZero() {
		s.t.Fatalf("%s in %s: %+v, %v; want %q", asset.Symbol, cur, got, err, words)
	}
}

func TestDepeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := open(t, Config{Assets: []chain.Asset{usdc, usdt, bitcoin}, Currencies: []money.Currency{"USD", "EUR"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		defer s.stop()
		for _, price := range []string{"1.0098", "0.9902"} {
			s.set("USDT/USD", price)
			s.after(20 * time.Second)
			s.refused(usdt, "USD", "")
		}
		s.told()
		s.set("USDT/USD", "0.9871")
		s.after(20 * time.Second)
		s.refused(usdt, "USD", "USDT trades at 0.9871 USD and not at 1; take another coin until it is back at par")
		s.refused(usdt, "EUR", "USDT trades at")
		s.refused(usdc, "USD", "")
		s.refused(usdc, "EUR", "")
		s.is("50000", pos.RateLive)
		if a := s.alarm("USDT/USD"); a == nil || a.Danger != OffPar || s.alarm("USDC/USD") != nil || !s.told() || strings.Count(log.String(), "danger=off-par") != 1 {
			t.Errorf("%v; the log says %q", a, log.String())
		}
		// Silence is no proof that it is back.
		s.all(feedtest.HTML)
		s.after(time.Hour)
		s.refused(usdt, "USD", "USDT trades at")
		s.all(feedtest.None)
		s.set("USDT/USD", "0.9975")
		s.after(10 * time.Minute)
		s.refused(usdt, "USD", "")
		if a := s.alarm("USDT/USD"); a != nil || strings.Count(log.String(), "Price alarm is over") != 1 {
			t.Errorf("%v; the log says %q", a, log.String())
		}
		// The dollar's price in euros is that of USDC.
		s.set("USDC/USD", "0.88")
		s.after(20 * time.Second)
		s.refused(usdt, "USD", "")
		s.refused(usdt, "EUR", "USDC trades at 0.88 USD")
		s.refused(usdc, "EUR", "USDC trades at 0.88 USD")
		s.set("USDC/USD", "1.05")
		s.after(20 * time.Second)
		s.refused(usdc, "USD", "USDC trades at 1.05 USD")
	})
}

func TestDepegNeedsAQuorum(t *testing.T) {
	own := chain.Asset{ID: chain.TokenAsset(1, "0x0002"), Symbol: "USDQ", Name: "Quiet dollar", Decimals: 6, Par: "USD"}
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Assets: []chain.Asset{usdc, own}, Currencies: []money.Currency{"USD"}})
		defer s.stop()
		// One that is wrong, in whatever way, convinces nobody.
		for _, fault := range feedtest.Faults() {
			s.server.Fault("kraken", fault)
			s.after(5 * time.Minute)
			s.refused(usdc, "USD", "")
			if a := s.alarm("USDC/USD"); a != nil {
				t.Errorf("%s: %v", fault, a)
			}
		}
		// Nobody trades the other one: par stands.
		s.refused(own, "USD", "")
		if got, err := s.Rate(own, "USD"); err != nil || got.State != pos.RatePar {
			t.Errorf("%+v, %v", got, err)
		}
	})
	// Exchanges that are far apart, but all of them far below par.
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Assets: []chain.Asset{usdc}, Currencies: []money.Currency{"USD"}}
		for name, price := range map[string]string{"kraken": "0.90", "bitstamp": "0.94"} {
			server, err := feedtest.New(feedtest.Options{Still: true, Prices: map[string]string{"USDC/USD": price}})
			if err != nil {
				t.Fatal(err)
			}
			src, err := NewSource(name, "http://exchanges.test/"+name, &http.Client{Transport: wire{server}})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Sources = append(cfg.Sources, src)
		}
		s := open(t, cfg, []string{}...)
		defer s.stop()
		s.refused(usdc, "USD", "USDC trades at 0.9")
	})
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Assets: []chain.Asset{usdc}, Currencies: []money.Currency{"USD"}, Depeg: 50})
		defer s.stop()
		s.set("USDC/USD", "0.96")
		s.after(20 * time.Second)
		s.refused(usdc, "USD", "")
		s.set("USDC/USD", "0.94")
		s.after(20 * time.Second)
		s.refused(usdc, "USD", "USDC trades at 0.94")
	})
}

// Par is no answer to a question that nobody has asked yet.
func TestParWaitsForTheFirstAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, err := feedtest.New(feedtest.Options{Still: true})
		if err != nil {
			t.Fatal(err)
		}
		server.Fault("kraken", feedtest.Forbidden)
		server.Fault("coinbase", feedtest.Silent)
		server.Latency("bitstamp", time.Second)
		cfg := Config{Assets: []chain.Asset{usdc}, Currencies: []money.Currency{"USD"}}
		for _, name := range SourceNames() {
			src, err := NewSource(name, "http://exchanges.test/"+name, &http.Client{Transport: wire{server}})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Sources = append(cfg.Sources, src)
		}
		s := open(t, cfg, []string{}...)
		defer s.stop()
		s.after(2 * time.Second)
		if got, err := s.Rate(usdc, "USD"); !errors.Is(err, money.ErrNoRate) || errors.Is(err, money.ErrOffPar) || !strings.Contains(err.Error(), "no exchange has answered yet") {
			t.Fatalf("%+v, %v", got, err)
		}
		s.told()
		s.after(6 * time.Second)
		if got, err := s.Rate(usdc, "USD"); err != nil || got.State != pos.RatePar || !s.told() {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// Every exchange is asked for the coin in its currency, by the name that it
// has there, and one that does not trade it is no trouble.
func TestPegsAreAskedFor(t *testing.T) {
	dai := chain.Asset{ID: chain.TokenAsset(1, "0x6B17"), Symbol: "xDAI", Name: "Dai elsewhere", Decimals: 18, Par: "USD", Price: "DAI"}
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := make(map[string]bool)
		server, err := feedtest.New(feedtest.Options{Still: true})
		if err != nil {
			t.Fatal(err)
		}
		hear := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked[r.URL.RequestURI()] = true
			mu.Unlock()
			if strings.Contains(r.URL.Path, "USDC-USD") { // as it is there
				http.NotFound(w, r)
				return
			}
			server.ServeHTTP(w, r)
		})
		cfg := Config{Assets: []chain.Asset{usdc, usdt, dai}, Currencies: []money.Currency{"USD"}}
		for _, name := range SourceNames() {
			src, err := NewSource(name, "http://exchanges.test/"+name, &http.Client{Transport: wire{hear}})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Sources = append(cfg.Sources, src)
		}
		s := open(t, cfg, []string{}...)
		defer s.stop()
		for _, src := range s.Status() {
			if src.Err != nil {
				t.Error(src.Err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, path := range []string{
			"/kraken/0/public/Ticker?pair=USDCUSD", "/kraken/0/public/Ticker?pair=USDTUSD", "/kraken/0/public/Ticker?pair=DAIUSD",
			"/coinbase/products/USDC-USD/ticker", "/coinbase/products/USDT-USD/ticker", "/coinbase/products/DAI-USD/ticker",
			"/bitstamp/api/v2/ticker/usdcusd/", "/bitstamp/api/v2/ticker/usdtusd/", "/bitstamp/api/v2/ticker/daiusd/",
		} {
			if !asked[path] {
				t.Errorf("nobody asked for %s, but for %v", path, asked)
			}
		}
	})
	if !isKrakenKey("USDTZUSD", Pair{"USDT", "USD"}) || !isKrakenKey("USDCUSD", Pair{"USDC", "USD"}) || isKrakenKey("USDTZUSD", Pair{"USDC", "USD"}) {
		t.Error("Kraken's names of the dollar coins")
	}
}

// Whatever one exchange says: a price far from the last was said by the two
// rounds before.
func TestJumpsAreSaidTwice(t *testing.T) {
	src, err := NewSource("kraken", "http://exchanges.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		f := New(Config{Sources: []Source{src}, Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}})
		b, now := f.books[btc], noon
		far := func(a, b money.Rate) bool { return !near(a, b, b, 100) }
		var said money.Rate // by the round before; zero where it said nothing
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 20, 20, 20, 45, 90, 700}).Draw(t, "seconds")) * time.Second)
			before, alarmed := b.raw, b.jump != nil
			price := money.Rate{Num: rapid.SampledFrom([]uint64{500, 40_000, 49_000, 50_000, 52_000, 60_000, 64_000, 5_000_000}).Draw(t, "price")}
			if rapid.IntRange(0, 5).Draw(t, "luck") == 0 {
				f.record(0, btc, sourced{}, &Problem{Code: Unreachable, Source: "kraken", Pair: btc}, now)
				price = money.Rate{}
			} else {
				f.record(0, btc, sourced{source: "kraken", price: price, at: now}, nil, now)
			}
			switch {
			case !price.IsZero() && (b.raw == price) != (b.jump == nil):
				t.Fatalf("%s was said, the price is %s, and the alarm is %v", price, b.raw, b.jump)
			case b.raw != before && b.raw != price:
				t.Fatalf("nobody said %s", b.raw)
			case before.IsZero() || !far(b.raw, before):
			case alarmed && !said.IsZero() && far(said, before) && !far(b.raw, said):
			default:
				t.Fatalf("from %s to %s after %s was said", before, b.raw, said)
			}
			if !price.IsZero() || now.Sub(b.entries[0].quote.at) > f.cfg.MaxAge {
				said = price // a failed request leaves the last answer standing for a minute
			}
		}
	})
}

// An old quote has no vote about a peg.
func TestDepegCountsFreshQuotesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Assets: []chain.Asset{usdc}, Currencies: []money.Currency{"USD"}}, "bitstamp", "kraken")
		defer s.stop()
		s.server.Fault("bitstamp", feedtest.HTML)
		s.set("USDC/USD", "0.95")
		s.after(20 * time.Second)
		s.refused(usdc, "USD", "")
		s.server.Fault("kraken", feedtest.HTML)
		s.after(2 * time.Minute)
		s.server.Fault("bitstamp", feedtest.None)
		s.after(6 * time.Minute)
		if q := s.Status()[0].Quotes[0]; q.Err != nil || q.Price.String() == "1" {
			t.Fatalf("bitstamp says %+v", q)
		}
		s.refused(usdc, "USD", "")
		s.server.Fault("kraken", feedtest.None)
		s.after(6 * time.Minute)
		s.refused(usdc, "USD", "USDC trades at 0.9499")
	})
}
