package rate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

// A bad day: prices move, and at any moment some exchanges are broken or slow,
// in any way there is, now this one and now that one. With one of them broken
// the price is mostly live. With two of three it need not be; but two
// never say the same wrong thing here, so that what is sold is never wrong.
func TestBadDays(t *testing.T) {
	for broken, live := range []int{99, 80, 0} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%d broken/%d", broken, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { badDay(t, seed, broken, live) })
			})
		}
	}
}

// badDay is a whole one. Live is the least share of it, in percent, in which the
// price has to be live.
func badDay(t *testing.T, seed uint64, broken, live int) {
	random := rand.New(rand.NewPCG(seed, uint64(broken)))
	s := open(t, Config{})
	defer s.stop()
	type past struct {
		at    time.Time
		cents uint64
	}
	truth := []past{{time.Now(), 5_000_000}}
	faults := append(feedtest.Faults(), feedtest.None, feedtest.None)
	checks, lively := 0, 0
	for began := time.Now(); time.Since(began) < 24*time.Hour; checks++ {
		cents := truth[len(truth)-1].cents
		cents += cents/400*random.Uint64N(3) - cents/400 // a quarter of a percent up, down, or neither
		truth = append(truth, past{time.Now(), cents})
		s.set("BTC/EUR", (money.Rate{Num: cents, Scale: 2}).String())
		if random.IntN(3) == 0 {
			lied := false
			for n, i := range random.Perm(3) {
				fault, late := feedtest.None, time.Duration(0)
				if n < broken {
					fault = faults[random.IntN(len(faults))]
					late = time.Duration(random.IntN(2)*random.IntN(12)) * time.Second
				}
				if fault == feedtest.Times100 && lied {
					fault = feedtest.Silent
				}
				lied = lied || fault == feedtest.Times100
				s.server.Fault(SourceNames()[i], fault)
				s.server.Latency(SourceNames()[i], late)
			}
		}
		s.after(time.Duration(5+random.IntN(40)) * time.Second)
		got, err := s.Rate(bitcoin, "EUR")
		if err != nil {
			t.Fatal(err)
		}
		age := time.Since(got.At)
		want := pos.RateStale
		switch {
		case age < time.Minute:
			want = pos.RateLive
		case age <= 5*time.Minute:
			want = pos.RateAging
		}
		if got.State != want || age < 0 {
			t.Fatalf("%s old, and %s", age, got.State)
		}
		if got.State == pos.RateLive {
			lively++
		}
		if len(got.Sources) < 2 {
			t.Fatalf("a price of %v alone", got.Sources)
		}
		// It is near what the coin really cost when it was made: a minute before
		// and after, because a quote may be that old.
		i, _ := slices.BinarySearchFunc(truth, got.At.Add(-90*time.Second), func(p past, at time.Time) int { return p.at.Compare(at) })
		low, high := truth[max(0, i-1)].cents, truth[max(0, i-1)].cents
		for ; i < len(truth) && !truth[i].at.After(got.At.Add(90*time.Second)); i++ {
			low, high = min(low, truth[i].cents), max(high, truth[i].cents)
		}
		low, high = low-low/90, high+high/90
		if got.Rate.Cmp(money.Rate{Num: low, Scale: 2}) < 0 || got.Rate.Cmp(money.Rate{Num: high, Scale: 2}) > 0 {
			t.Fatalf("%s from %v, but the coin cost %d to %d cents", got.Rate, got.Sources, low, high)
		}
	}
	if lively*100 < live*checks {
		t.Errorf("the price was live %d times of %d", lively, checks)
	}
}
