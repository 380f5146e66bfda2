package rate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

// A bad day: prices move, and at any moment at most one exchange is broken, in
// any way there is, now this one and now that one. A live price is always near
// what the coin really cost in the last two minutes, and is as old as it says.
func TestBadDays(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { badDay(t, seed) })
		})
	}
}

func badDay(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	s := open(t, Config{})
	defer s.stop()
	type past struct {
		at    time.Time
		cents uint64
	}
	truth := []past{{time.Now(), 5_000_000}}
	live := 0
	faults := append(feedtest.Faults(), feedtest.None, feedtest.None)
	for range 500 {
		cents := truth[len(truth)-1].cents
		cents += cents/400*random.Uint64N(3) - cents/400 // a quarter of a percent up, down, or neither
		truth = append(truth, past{time.Now(), cents})
		if err := s.server.Set("BTC/EUR", (money.Rate{Num: cents, Scale: 2}).String()); err != nil {
			t.Fatal(err)
		}
		if random.IntN(3) == 0 {
			for _, name := range SourceNames() {
				s.server.Fault(name, feedtest.None)
			}
			s.server.Fault(SourceNames()[random.IntN(3)], faults[random.IntN(len(faults))])
		}
		s.after(time.Duration(5+random.IntN(40)) * time.Second)
		got, err := s.Rate(bitcoin, "EUR")
		if err != nil {
			t.Fatal(err)
		}
		age := time.Since(got.At)
		if want := map[bool]pos.RateState{true: pos.RateLive, false: pos.RateAging}[age < time.Minute]; age <= 5*time.Minute && got.State != want || age < 0 {
			t.Fatalf("%s old, and %s", age, got.State)
		}
		if got.State != pos.RateLive {
			continue
		}
		live++
		if len(got.Sources) < 2 {
			t.Fatalf("a price of %v alone", got.Sources)
		}
		low, high := cents, cents
		for i := len(truth) - 1; i >= 0 && time.Since(truth[max(0, i-1)].at) < 2*time.Minute; i-- {
			low, high = min(low, truth[i].cents), max(high, truth[i].cents)
		}
		low, high = low-low/90, high+high/90
		if got.Rate.Cmp(money.Rate{Num: low, Scale: 2}) < 0 || got.Rate.Cmp(money.Rate{Num: high, Scale: 2}) > 0 {
			t.Fatalf("%s from %v, but the coin cost %d to %d cents", got.Rate, got.Sources, low, high)
		}
	}
	if live < 400 {
		t.Errorf("the price was live only %d times of 500", live)
	}
}
