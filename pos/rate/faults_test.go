package rate

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

// sold are the prices that a shop would sell at, with what they have to be.
var sold = []struct {
	asset chain.Asset
	cur   money.Currency
	price string
}{
	{bitcoin, "EUR", "50000"}, {bitcoin, "USD", "67560"}, {ether, "EUR", "2000"}, {usdc, "EUR", "0.92"}, {usdt, "USD", "1"},
}

// sells counts what can be sold now, and fails where a price is wrong: one that
// is not stale is within half a percent of the truth.
func (s *shop) sells(after time.Duration) (n int) {
	s.t.Helper()
	for _, c := range sold {
		got, err := s.Rate(c.asset, c.cur)
		if err != nil || got.State == pos.RateStale {
			continue
		}
		want, err := money.ParseRate(c.price)
		if err != nil {
			s.t.Fatal(err)
		}
		if !near(got.Rate, want, want, 5) {
			s.t.Fatalf("after %s: %s in %s is sold at %s, %s, by %v", after, c.asset.Symbol, c.cur, got.Rate, got.State, got.Sources)
		}
		n++
	}
	return n
}

// How many exchanges fail, and for how long.
var outages = []struct {
	name    string
	sources []string
	lasts   time.Duration
	rounds  bool // beyond one round; two that agree on a wrong price are believed
}{
	{"kraken for half an hour", []string{"kraken"}, 30 * time.Minute, false},
	{"coinbase for half an hour", []string{"coinbase"}, 30 * time.Minute, false},
	{"bitstamp for half an hour", []string{"bitstamp"}, 30 * time.Minute, false},
	{"two for a round", []string{"kraken", "bitstamp"}, 20 * time.Second, false},
	{"all for a round", []string{"bitstamp", "coinbase", "kraken"}, 20 * time.Second, false},
	{"all for half an hour", []string{"bitstamp", "coinbase", "kraken"}, 30 * time.Minute, true},
}

// Every fault, of one exchange and of all, through the whole feed: at no moment
// is a wrong price sold, and after it everything is sold again.
func TestFaultsSellNothingWrong(t *testing.T) {
	for _, fault := range feedtest.Faults() {
		for _, o := range outages {
			if fault == feedtest.Times100 && o.rounds {
				continue // TestJumpThatLasts: no feed can know better
			}
			t.Run(fmt.Sprintf("%s/%s", fault, o.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := open(t, Config{Assets: []chain.Asset{bitcoin, ether, usdc, usdt}, Currencies: []money.Currency{"EUR", "USD"}})
					defer s.stop()
					if n := s.sells(0); n != len(sold) {
						t.Fatalf("only %d of %d are sold at the start", n, len(sold))
					}
					s.after(7 * time.Second)
					for _, name := range o.sources {
						s.server.Fault(name, fault)
					}
					for passed := time.Duration(0); passed < o.lasts; passed += 5 * time.Second {
						s.after(5 * time.Second)
						n := s.sells(passed)
						if len(o.sources) == 1 && n != len(sold) {
							t.Fatalf("after %s one exchange's fault leaves %d of %d that are sold", passed, n, len(sold))
						}
					}
					for _, name := range o.sources {
						s.server.Fault(name, feedtest.None)
					}
					// The longest wait after failures is five minutes and a quarter.
					for passed := time.Duration(0); passed < 7*time.Minute; passed += 5 * time.Second {
						s.after(5 * time.Second)
						s.sells(o.lasts + passed)
					}
					if n := s.sells(o.lasts); n != len(sold) {
						t.Fatalf("afterwards %d of %d are sold", n, len(sold))
					}
					for _, src := range s.Status() {
						if src.Err != nil {
							t.Errorf("afterwards %s: %v", src.Name, src.Err)
						}
						for _, q := range src.Quotes {
							if q.Alarm != nil {
								t.Errorf("afterwards the alarm %v", q.Alarm)
							}
						}
					}
					s.is("50000", pos.RateLive)
				})
			})
		}
	}
}

// The same faults at the start, where there is no price to compare with: no
// price is better than one that is wrong.
func TestFaultsAtTheStart(t *testing.T) {
	for _, fault := range feedtest.Faults() {
		for i := range SourceNames() {
			broken := SourceNames()[i:]
			if fault == feedtest.Times100 && len(broken) > 1 {
				continue // a quorum that lies from the first moment is believed
			}
			t.Run(fmt.Sprintf("%s/%d", fault, len(broken)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, err := feedtest.New(feedtest.Options{Still: true})
					if err != nil {
						t.Fatal(err)
					}
					for _, name := range broken {
						server.Fault(name, fault)
					}
					s := openAt(t, server, Config{Assets: []chain.Asset{bitcoin, ether, usdc, usdt}, Currencies: []money.Currency{"EUR", "USD"}})
					defer s.stop()
					for passed := time.Duration(0); passed < 5*time.Minute; passed += 5 * time.Second {
						s.after(5 * time.Second)
						s.sells(passed)
					}
					for _, name := range broken {
						s.server.Fault(name, feedtest.None)
					}
					s.after(17 * time.Minute) // a pair that was missed rests for ten minutes
					if n := s.sells(5 * time.Minute); n != len(sold) {
						t.Errorf("afterwards %d of %d are sold", n, len(sold))
					}
				})
			})
		}
	}
}

// TestLate: answers that take longer than a round are old when they come.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Assets: []chain.Asset{bitcoin, ether, usdc, usdt}, Currencies: []money.Currency{"EUR", "USD"}})
		defer s.stop()
		for _, late := range []time.Duration{time.Second, 7 * time.Second, 9 * time.Second, time.Minute} {
			for _, name := range SourceNames() {
				s.server.Latency(name, late)
			}
			for passed := time.Duration(0); passed < 10*time.Minute; passed += time.Second {
				s.after(time.Second)
				s.sells(passed)
				got, err := s.Rate(bitcoin, "EUR")
				if err != nil {
					t.Fatal(err)
				}
				if late > s.cfg.Timeout && passed > 6*time.Minute && got.State != pos.RateStale {
					t.Fatalf("nobody has answered for %s, and the rate is %+v", passed, got)
				}
			}
		}
		for _, name := range SourceNames() {
			s.server.Latency(name, 0)
		}
		s.after(7 * time.Minute)
		if n := s.sells(0); n != len(sold) || !slices.ContainsFunc(s.Status(), func(src SourceStatus) bool { return src.Err == nil }) {
			t.Errorf("afterwards %d of %d are sold", n, len(sold))
		}
	})
}
