package rate

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

var (
	bitcoin = chain.Asset{ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Price: "BTC"}
	ether   = chain.Asset{ID: chain.NativeAsset(1), Symbol: "ETH", Name: "Ether", Decimals: 18, Price: "ETH"}
	usdc    = chain.Asset{ID: chain.TokenAsset(1, "0xA0b8"), Symbol: "USDC", Name: "USDC on Ethereum", Decimals: 6, Par: "USD"}
	eurc    = chain.Asset{ID: chain.TokenAsset(1, "0x1aBa"), Symbol: "EURC", Name: "EURC on Ethereum", Decimals: 6, Par: "EUR"}
	own     = chain.Asset{ID: chain.TokenAsset(1, "0x0001"), Symbol: "CAFE", Name: "Café token", Decimals: 2}
)

// wire carries requests to a handler without a socket, so that a test's bubble
// of time can see everybody wait.
type wire struct{ h http.Handler }

func (w wire) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			if err = r.Context().Err(); err == nil {
				err = errors.New("connection closed")
			}
		}
	}()
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// shop is a feed with three practice exchanges, inside a bubble.
type shop struct {
	*Feed
	t      *testing.T
	server *feedtest.Server
	stop   func()
}

// open starts a feed with the exchanges' prices pinned.
func open(t *testing.T, cfg Config, sources ...string) *shop {
	t.Helper()
	server, err := feedtest.New(feedtest.Options{Still: true})
	if err != nil {
		t.Fatal(err)
	}
	return openAt(t, server, cfg, sources...)
}

func openAt(t *testing.T, server *feedtest.Server, cfg Config, sources ...string) *shop {
	t.Helper()
	for pair, price := range map[string]string{"BTC/EUR": "50000.00", "ETH/EUR": "2000.00", "USDC/EUR": "0.92000"} {
		if err := server.Set(pair, price); err != nil {
			t.Fatal(err)
		}
	}
	if sources == nil {
		sources = SourceNames()
	}
	for _, name := range sources {
		src, err := NewSource(name, "http://exchanges.test/"+name, &http.Client{Transport: wire{server}})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Sources = append(cfg.Sources, src)
	}
	if cfg.Assets == nil {
		cfg.Assets = []chain.Asset{bitcoin}
	}
	if cfg.Currencies == nil {
		cfg.Currencies = []money.Currency{"EUR"}
	}
	cfg.Jitter = func(d time.Duration) time.Duration { return d / 2 } // exactly the interval
	s := &shop{Feed: New(cfg), t: t, server: server}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	}
	synctest.Wait()
	return s
}

// after lets time pass.
func (s *shop) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *shop) is(price string, state pos.RateState) {
	s.t.Helper()
	got, err := s.Rate(bitcoin, "EUR")
	if err != nil || got.Rate.String() != price || got.State != state {
		s.t.Fatalf("the rate is %s, %s, %v; want %s, %s", got.Rate, got.State, err, price, state)
	}
}

func (s *shop) none(words string) {
	s.t.Helper()
	got, err := s.Rate(bitcoin, "EUR")
	if !errors.Is(err, money.ErrNoRate) || !strings.Contains(err.Error(), words) || !got.IsZero() {
		s.t.Fatalf("the rate is %+v, %v; want none, because %q", got, err, words)
	}
}

// told tells whether Changes had a value.
func (s *shop) told() bool {
	select {
	case <-s.Changes():
		return true
	default:
		return false
	}
}

func TestFirstPollIsImmediate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		s.is("50000", pos.RateLive)
		got, err := s.Rate(bitcoin, "EUR")
		if err != nil || !slices.Equal(got.Sources, []string{"bitstamp", "coinbase", "kraken"}) || !got.At.Equal(time.Now()) {
			t.Errorf("%+v, %v", got, err)
		}
		if !s.told() || s.told() {
			t.Error("three answers at once are to be one change")
		}
	})
}

func TestPollsEveryTwentySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		for _, price := range []string{"50100", "49900", "54000"} {
			s.told()
			if err := s.server.Set("BTC/EUR", price); err != nil {
				t.Fatal(err)
			}
			s.after(20 * time.Second)
			s.is(price, pos.RateLive)
			if !s.told() {
				t.Error("nobody was told")
			}
		}
		if n := s.server.Requests("kraken"); n != 4 {
			t.Errorf("kraken was asked %d times in a minute", n)
		}
	})
}

func TestStatesChangeByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		for _, name := range SourceNames() {
			s.server.Fault(name, feedtest.HTML)
		}
		s.told()
		s.after(59 * time.Second)
		s.is("50000", pos.RateLive)
		if s.told() {
			t.Error("told of no change")
		}
		s.after(time.Second)
		s.is("50000", pos.RateAging)
		if !s.told() {
			t.Error("nobody was told that the rate is aging")
		}
		s.after(4 * time.Minute)
		s.is("50000", pos.RateAging)
		if s.told() {
			t.Error("told of no change")
		}
		s.after(time.Millisecond)
		s.is("50000", pos.RateStale)
		if !s.told() {
			t.Error("nobody was told that the rate is stale")
		}
		s.after(24 * time.Hour)
		s.is("50000", pos.RateStale)
		for _, name := range SourceNames() {
			s.server.Fault(name, feedtest.None)
		}
		s.after(10 * time.Minute)
		s.is("50000", pos.RateLive)
		if !s.told() {
			t.Error("nobody was told that the rate is back")
		}
	})
}

// With one exchange broken in any way the other two carry on; with two broken
// the last good price ages; what one exchange says never counts alone.
func TestOneFaultHurtsNobody(t *testing.T) {
	for _, fault := range feedtest.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, Config{})
				defer s.stop()
				s.server.Fault("kraken", fault)
				s.after(10 * time.Minute)
				got, err := s.Rate(bitcoin, "EUR")
				low, high := money.Rate{Num: 49990}, money.Rate{Num: 50010}
				if err != nil || got.State != pos.RateLive || got.Rate.Cmp(low) < 0 || got.Rate.Cmp(high) > 0 {
					t.Fatalf("%+v, %v", got, err)
				}
				// Kraken's answers carry no time, so that these are all the same to it.
				harmless := fault == feedtest.Frozen || fault == feedtest.Future
				if slices.Contains(got.Sources, "kraken") != harmless {
					t.Errorf("the price is that of %v", got.Sources)
				}
				kraken := s.Status()[2]
				if kraken.Name != "kraken" || (kraken.Err == nil) != harmless {
					t.Errorf("the status of %s is %v", kraken.Name, kraken.Err)
				}
				s.server.Fault("kraken", feedtest.None)
				s.after(10 * time.Minute)
				s.is("50000", pos.RateLive)
				if err := s.Status()[2].Err; err != nil {
					t.Errorf("it works again, but the status is %v", err)
				}
			})
		})
	}
}

func TestOldAndFutureTimeStamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{}, "bitstamp", "kraken")
		defer s.stop()
		s.server.Fault("bitstamp", feedtest.Frozen)
		s.after(59 * time.Second)
		s.is("49997", pos.RateLive) // the exact middle of the two
		s.after(22 * time.Second)
		s.is("49997", pos.RateAging)
		if err := s.Status()[0].Err; code(err) != TooOld || !strings.Contains(err.Error(), "UTC") {
			t.Errorf("a frozen price is %v", err)
		}
		s.server.Fault("bitstamp", feedtest.Future)
		s.after(20 * time.Second)
		if err := s.Status()[0].Err; code(err) != Ahead {
			t.Errorf("a price of tomorrow is %v", err)
		}
	})
}

// Coinbase stamps its quotes with the time of the last trade, which may well
// be some minutes old; but not for ever.
func TestThinTrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{}, "coinbase")
		defer s.stop()
		s.server.Fault("coinbase", feedtest.Frozen)
		s.after(5 * time.Minute)
		s.is("50007.5", pos.RateLive)
		s.after(2 * time.Minute)
		s.is("50007.5", pos.RateAging)
		if err := s.Status()[0].Err; code(err) != TooOld {
			t.Errorf("a frozen price is %v", err)
		}
	})
}

func TestQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		s.server.Fault("kraken", feedtest.Unavailable)
		s.server.Fault("coinbase", feedtest.Times100)
		s.after(10 * time.Minute)
		s.is("49997", pos.RateStale) // bitstamp alone is not believed: the last good price was the middle of two
	})
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Quorum: 3})
		defer s.stop()
		s.is("50000", pos.RateLive)
		s.server.Fault("kraken", feedtest.Unavailable)
		s.after(10 * time.Minute)
		s.is("50000", pos.RateStale)
	})
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{}, "kraken")
		defer s.stop()
		s.is("50000", pos.RateLive)
	})
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Quorum: 2}, "kraken")
		defer s.stop()
		s.none("1 of the 2 exchanges")
	})
	for n, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4} {
		if got := (Config{Sources: make([]Source, n)}).withDefaults().Quorum; got != want {
			t.Errorf("of %d sources %d must agree, want %d", n, got, want)
		}
	}
}

func TestNoPriceYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(Config{Sources: make([]Source, 2), Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}})
		s := &shop{Feed: f, t: t}
		s.none("no exchange has answered yet")
	})
	f := New(Config{Assets: []chain.Asset{bitcoin, ether}, Currencies: []money.Currency{"EUR"}, Fixed: map[chain.AssetID]money.Rate{ether.ID: {Num: 1}}})
	(&shop{Feed: f, t: t}).none("till asks no exchange, and has no fixed price of Bitcoin")
	synctest.Test(t, func(t *testing.T) {
		server, err := feedtest.New(feedtest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		src, err := NewSource("kraken", "http://exchanges.test/nothing", &http.Client{Transport: wire{server}})
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, Config{Sources: []Source{src}}, []string{}...)
		defer s.stop()
		s.none("kraken has no price for this pair")
	})
}

// A feed that begins behind a captive portal says so, and works once somebody
// has logged in.
func TestCaptivePortalAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, err := feedtest.New(feedtest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var sources []Source
		for _, name := range SourceNames() {
			server.Fault(name, feedtest.HTML)
			src, err := NewSource(name, "http://exchanges.test/"+name, &http.Client{Transport: wire{server}})
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, src)
		}
		f := New(Config{Sources: sources, Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}})
		s := &shop{Feed: f, t: t, server: server}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = f.Run(ctx) }()
		synctest.Wait()
		s.none("does this network ask for a log-in?")
		if !s.told() {
			t.Error("nobody was told why")
		}
		for _, name := range SourceNames() {
			server.Fault(name, feedtest.None)
		}
		s.after(time.Minute)
		if got, err := s.Rate(bitcoin, "EUR"); err != nil || got.State != pos.RateLive {
			t.Errorf("%+v, %v", got, err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		s.server.Fault("kraken", feedtest.Broken)
		s.server.Fault("bitstamp", feedtest.TooMany)
		kraken, bitstamp := s.server.Requests("kraken"), s.server.Requests("bitstamp")
		s.after(20 * time.Second) // both fail for the first time
		s.after(100 * time.Second)
		// After 5, 10, 20 and 40 s, and a jitter of an eighth.
		if n := s.server.Requests("kraken") - kraken; n != 5 {
			t.Errorf("kraken was asked %d times while it was broken", n)
		}
		if n := s.server.Requests("bitstamp") - bitstamp; n != 1 {
			t.Errorf("bitstamp was asked %d times in the two minutes that it asked for", n)
		}
		s.after(time.Hour)
		kraken, bitstamp = s.server.Requests("kraken"), s.server.Requests("bitstamp")
		s.after(time.Hour)
		if n := s.server.Requests("kraken") - kraken; n < 10 || n > 13 {
			t.Errorf("kraken was asked %d times in an hour, long after it broke", n)
		}
		if n := s.server.Requests("bitstamp") - bitstamp; n < 10 || n > 30 {
			t.Errorf("bitstamp was asked %d times in an hour", n)
		}
		if got := s.Status()[2].Next; !got.After(time.Now()) {
			t.Errorf("kraken is to be asked at %s, which is over", got)
		}
	})
}

// A silent exchange keeps nobody waiting, not even for its own other pairs.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Assets: []chain.Asset{bitcoin, ether, usdc}})
		defer s.stop()
		s.server.Fault("coinbase", feedtest.Silent)
		before := s.server.Requests("coinbase")
		s.after(28 * time.Second)
		if n := s.server.Requests("coinbase") - before; n != 1 {
			t.Errorf("it was asked %d times", n)
		}
		for _, q := range s.Status()[1].Quotes {
			if code(q.Err) != TimedOut || q.Err.(*Problem).Pair != q.Pair {
				t.Errorf("%s: %v", q.Pair, q.Err)
			}
		}
		s.after(time.Minute)
		for _, a := range []chain.Asset{bitcoin, ether, usdc} {
			if got, err := s.Rate(a, "EUR"); err != nil || got.State != pos.RateLive {
				t.Errorf("%s: %+v, %v", a.Symbol, got, err)
			}
		}
	})
}

func TestPairThatOneExchangeDoesNotTrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// EUR/USD: a euro coin in a dollar shop. Coinbase has no such pair.
		server, err := feedtest.New(feedtest.Options{Still: true})
		if err != nil {
			t.Fatal(err)
		}
		hide := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "EUR-USD") {
				http.NotFound(w, r)
				return
			}
			server.ServeHTTP(w, r)
		})
		var cfg Config
		for _, name := range SourceNames() {
			src, err := NewSource(name, "http://exchanges.test/"+name, &http.Client{Transport: wire{hide}})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Sources = append(cfg.Sources, src)
		}
		cfg.Assets, cfg.Currencies = []chain.Asset{eurc, bitcoin}, []money.Currency{"USD"}
		s := open(t, cfg, []string{}...)
		defer s.stop()
		s.after(time.Minute)
		got, err := s.Rate(eurc, "USD")
		if err != nil || got.State != pos.RateLive || !slices.Equal(got.Sources, []string{"bitstamp", "kraken"}) {
			t.Errorf("%+v, %v", got, err)
		}
		coinbase := s.Status()[1]
		if coinbase.Err != nil || code(coinbase.Quotes[0].Err) != NotOffered || !coinbase.Quotes[1].Used {
			t.Errorf("%+v", coinbase)
		}
		if n := server.Requests("coinbase"); n != 5 { // BTC/USD every 20 s, and once in vain for EURC/EUR
			t.Errorf("coinbase was asked %d times", n)
		}
	})
}

func TestFixedParAndNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{
			Assets:     []chain.Asset{bitcoin, ether, usdc, eurc, own},
			Currencies: []money.Currency{"EUR", "USD"},
			Fixed:      map[chain.AssetID]money.Rate{chain.Bitcoin: {Num: 48000}},
			Spread:     100,
		})
		defer s.stop()
		for _, c := range []struct {
			asset chain.Asset
			cur   money.Currency
			price string
			state pos.RateState
		}{
			{bitcoin, "EUR", "48000", pos.RateFixed},
			{bitcoin, "USD", "66884.4", pos.RateLive}, // fixed in euros only; 67560 less 1 %
			{ether, "EUR", "1980", pos.RateLive},
			{usdc, "USD", "1", pos.RatePar},
			{usdc, "EUR", "0.9108", pos.RateLive}, // a dollar in euros, less 1 %
			{eurc, "EUR", "1", pos.RatePar},
			{eurc, "USD", "1.071675", pos.RateLive},
		} {
			got, err := s.Rate(c.asset, c.cur)
			if err != nil || got.Rate.String() != c.price || got.State != c.state || got.At.IsZero() || len(got.Sources) == 0 {
				t.Errorf("%s in %s is %+v, %v; want %s, %s", c.asset.Symbol, c.cur, got, err, c.price, c.state)
			}
		}
		for _, c := range []struct {
			asset chain.Asset
			cur   money.Currency
			words string
		}{
			{own, "EUR", "no exchange prices Café token; ring it up as an amount of CAFE"},
			{bitcoin, "JPY", "JPY is not among the currencies"},
		} {
			got, err := s.Rate(c.asset, c.cur)
			if !errors.Is(err, money.ErrNoRate) || !strings.Contains(err.Error(), c.words) || !got.IsZero() {
				t.Errorf("%s in %s is %+v, %v; want %q", c.asset.Symbol, c.cur, got, err, c.words)
			}
		}
	})
}

func TestNothingToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fixed := map[chain.AssetID]money.Rate{usdc.ID: {Num: 1}, ether.ID: {Num: 2000}}
		s := open(t, Config{Assets: []chain.Asset{usdc, ether, own}, Currencies: []money.Currency{"USD"}, Fixed: fixed})
		defer s.stop()
		s.after(time.Hour)
		if n := s.server.Requests("kraken"); n != 0 {
			t.Errorf("kraken was asked %d times for nothing", n)
		}
	})
}

// shifted is a clock that a person can set.
type shifted struct {
	systemClock
	by *atomic.Int64
}

func (c shifted) Now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

func TestClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var by atomic.Int64
		s := open(t, Config{Clock: shifted{by: &by}}, "kraken")
		defer s.stop()
		s.is("50000", pos.RateLive)
		s.server.Fault("kraken", feedtest.HTML)
		by.Store(-int64(time.Hour))
		s.is("50000", pos.RateStale)
		by.Store(int64(time.Hour))
		s.is("50000", pos.RateStale)
		s.told()
		by.Store(0)
		s.is("50000", pos.RateLive)
		by.Store(-int64(time.Hour))
		s.after(2 * time.Minute)
		if !s.told() {
			t.Error("nobody was told that nobody knows the age of the price")
		}
		s.server.Fault("kraken", feedtest.None)
		s.after(5 * time.Minute)
		s.is("50000", pos.RateLive)
	})
}

func TestReadersDoNotWaitForExchanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{})
		defer s.stop()
		for _, name := range SourceNames() {
			s.server.Fault(name, feedtest.Silent)
		}
		time.Sleep(21 * time.Second) // all are being asked
		at := time.Now()
		for range 100 {
			s.is("50000", pos.RateLive)
			s.Status()
		}
		if !time.Now().Equal(at) {
			t.Error("a reader waited")
		}
	})
}

func BenchmarkRate(b *testing.B) {
	f := New(Config{Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}, Sources: make([]Source, 3)})
	now := time.Now()
	book := f.books[btc]
	for i := range book.entries {
		book.entries[i].quote = sourced{source: string(rune('a' + i)), price: money.Rate{Num: 62410}, at: now}
	}
	f.refresh(book, now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Rate(bitcoin, "EUR"); err != nil {
			b.Fatal(err)
		}
	}
}

// The whole feed over real sockets, as the demonstration runs it.
func TestOverSockets(t *testing.T) {
	server, err := feedtest.Start(feedtest.Options{Still: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cfg := Config{Assets: []chain.Asset{bitcoin, ether, usdc}, Currencies: []money.Currency{"EUR"}, Interval: 10 * time.Millisecond}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, name := range SourceNames() {
		src, err := NewSource(name, server.URL(name), client)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Sources = append(cfg.Sources, src)
	}
	f := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	until := func(asset chain.Asset, price string) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for {
			got, err := f.Rate(asset, "EUR")
			if err == nil && got.Rate.String() == price && got.State == pos.RateLive {
				return
			}
			select {
			case <-f.Changes():
			case <-deadline:
				t.Fatalf("%s is %+v, %v; want %s", asset.Symbol, got, err, price)
			}
		}
	}
	if err := server.Set("BTC/EUR", "51234.56"); err != nil {
		t.Fatal(err)
	}
	until(bitcoin, "51234.56")
	until(ether, "2318.07")
	until(usdc, "0.9238")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
