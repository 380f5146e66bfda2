package rate

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

// one finds a price in what the health screen gets.
func (s *shop) one(pair string) PairStatus {
	s.t.Helper()
	for _, p := range s.Prices() {
		if p.Pair.String() == pair {
			return p
		}
	}
	s.t.Fatalf("no price of %s", pair)
	return PairStatus{}
}

func TestPrices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Assets: []chain.Asset{bitcoin, usdc}, Spread: 100})
		defer s.stop()
		s.after(5 * time.Second)
		p := s.one("BTC/EUR")
		// bitstamp 49994, coinbase 50007.5, kraken 50000; 13.5 between them, and 6 between bid and ask
		if p.State != pos.RateLive || p.Price.String() != "50000" || p.Age != 5*time.Second || p.Apart != 271 || p.Peg || p.Err != nil || p.Alarm != nil {
			t.Errorf("%+v", p)
		}
		if len(p.Quotes) != 3 {
			t.Fatalf("%d quotes", len(p.Quotes))
		}
		for i, want := range []string{"bitstamp 49994", "coinbase 50007.5", "kraken 50000"} {
			q := p.Quotes[i]
			if q.Source+" "+q.Price.String() != want || q.Spread < 119 || q.Spread > 121 || q.Age != 5*time.Second || !q.Used || q.Err != nil {
				t.Errorf("%+v, want %s", q, want)
			}
		}
		if peg := s.one("USDC/USD"); !peg.Peg || peg.State != "" || !peg.Price.IsZero() || peg.Apart != 0 {
			t.Errorf("%+v", peg)
		}

		// One that says something else is named, and is no part of the price.
		s.server.Fault("kraken", feedtest.Times100)
		s.after(20 * time.Second)
		p = s.one("BTC/EUR")
		kraken := p.Quotes[2]
		if kraken.Used || code(kraken.Err) != Astray || !strings.Contains(kraken.Err.Error(), "kraken says something else than the others") ||
			!strings.Contains(kraken.Err.Error(), "(5000000)") || p.Apart > 271 || p.State != pos.RateLive {
			t.Errorf("%+v", p)
		}
		// Where nobody agrees, nobody knows who is wrong; the reason stands at the price.
		s.server.Fault("bitstamp", feedtest.Unavailable)
		s.after(6 * time.Minute)
		p = s.one("BTC/EUR")
		if p.State != pos.RateStale || p.Err == nil || !strings.Contains(p.Err.Error(), "disagree") || p.Quotes[2].Err != nil || code(p.Quotes[0].Err) != Unavailable {
			t.Errorf("%+v", p)
		}
		// A jump is the price's alarm.
		s.all(feedtest.None)
		s.after(6 * time.Minute)
		s.set("BTC/EUR", "70000")
		s.after(20 * time.Second)
		if p = s.one("BTC/EUR"); p.Alarm == nil || p.Alarm.Danger != Jump || !near(p.Price, p.Alarm.Usual, p.Alarm.Usual, 0) || p.Price.Cmp(money.Rate{Num: 51_000}) > 0 || p.State != pos.RateLive {
			t.Errorf("%+v", p)
		}
		for _, q := range p.Quotes {
			if q.Used {
				t.Errorf("%s says %s, which went into no price", q.Source, q.Price)
			}
		}
	})
}

func TestPricesOfNothing(t *testing.T) {
	f := New(Config{Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}})
	if p := f.Prices(); len(p) != 1 || p[0].State != "" || len(p[0].Quotes) != 0 {
		t.Errorf("%+v", p)
	}
}
