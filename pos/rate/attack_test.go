package rate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// bound tells whether a price is within so many thousandths of one of these.
func bound(price money.Rate, these []money.Rate, perMill int64) bool {
	return slices.ContainsFunc(these, func(r money.Rate) bool { return near(price, r, r, perMill) })
}

// anyLie is a price that somebody wants to be believed: anything, a shifted
// decimal point, or one just beside the truth.
func anyLie(t *rapid.T, truth uint64) money.Rate {
	return money.Rate{Scale: 2, Num: rapid.OneOf(
		rapid.Uint64Range(1, 1<<62),
		rapid.SampledFrom([]uint64{truth / 100, truth / 10, truth * 10, truth * 100}),
		rapid.Uint64Range(truth-truth/30, truth+truth/30),
	).Draw(t, "lie")}
}

// Some of three or five exchanges answer, each at an age of its own, and fewer
// than a quorum of all lie. While the honest ones that are fresh outnumber the
// lies and all are of this round, the price is among theirs; in every case it is
// within twice the deviation of an honest one, or there is none.
func TestFewerLiarsThanAQuorum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{3, 4, 5, 7}).Draw(t, "exchanges")
		quorum := (Config{Sources: make([]Source, n)}).withDefaults().Quorum
		liars := rapid.IntRange(1, quorum-1).Draw(t, "liars")
		honest := rapid.IntRange(0, n-liars).Draw(t, "honest ones that answer")
		const truth = 6_241_050
		var all []sourced
		var told []money.Rate
		young := true
		for i := range honest {
			age := rapid.IntRange(0, 60).Draw(t, "age")
			price := money.Rate{Num: truth + rapid.Uint64Range(0, truth/150).Draw(t, "honest"), Scale: 2}
			all = append(all, sourced{source: fmt.Sprint("honest ", i), price: price, at: noon.Add(-time.Duration(age) * time.Second)})
			told = append(told, price)
			young = young && age <= 30
		}
		for i := range liars {
			at := noon.Add(-time.Duration(rapid.IntRange(-70, 70).Draw(t, "said age")) * time.Second)
			all = append(all, sourced{source: fmt.Sprint("liar ", i), price: anyLie(t, truth), at: at})
		}
		all = rapid.Permutation(all).Draw(t, "order")
		got, err := combine(all, noon, rules{time.Minute, 10, quorum})
		if err != nil {
			if young && honest >= quorum && honest > liars {
				t.Fatalf("%d liars of %d keep %d honest ones from agreeing: %v", liars, n, honest, err)
			}
			return
		}
		low, high := slices.MinFunc(append(told, got.price), money.Rate.Cmp), slices.MaxFunc(append(told, got.price), money.Rate.Cmp)
		if young && honest > liars && !(slices.Contains(told, low) && slices.Contains(told, high)) {
			t.Fatalf("%s is not among %v", got.price, told)
		}
		if !bound(got.price, told, 21) { // of its own size, so a little more
			t.Fatalf("%s is near none of %v", got.price, told)
		}
	})
}

// crowd is a feed with n exchanges whose answers a test records itself.
func crowd(t interface{ Fatal(...any) }, n int) *Feed {
	cfg := Config{Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}}
	for i := range n {
		cfg.Sources = append(cfg.Sources, &market{name: string(rune('a' + i))})
	}
	return New(cfg)
}

// A minority that lies as it likes, for hours, while honest exchanges come and
// go: every price that is accepted is near one that an honest exchange said in
// the last minute, and while none did, nothing is accepted and the rate goes
// stale. What the liars say about their clocks changes nothing.
func TestMinorityCannotRefreshAPrice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{3, 5}).Draw(t, "exchanges")
		f := crowd(t, n)
		liars := rapid.IntRange(1, f.cfg.Quorum-1).Draw(t, "liars")
		b, now, truth := f.books[btc], noon, uint64(5_000_000)
		up := true
		type said struct {
			price money.Rate
			at    time.Time
		}
		var honest []said
		for range rapid.IntRange(1, 80).Draw(t, "answers") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 4, 7, 20, 70}).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 9).Draw(t, "luck") == 0 {
				up = !up
			}
			truth += truth / 1000 * rapid.Uint64Range(0, 2).Draw(t, "move")
			truth -= truth / 1000
			before := b.last.at
			i := rapid.IntRange(0, n-1).Draw(t, "who")
			switch {
			case i < liars:
				f.record(i, btc, sourced{source: f.cfg.Sources[i].Name(), price: anyLie(t, truth), at: now}, nil, now)
			case up:
				price := money.Rate{Num: truth, Scale: 2}
				honest = append(honest, said{price, now})
				f.record(i, btc, sourced{source: f.cfg.Sources[i].Name(), price: price, at: now}, nil, now)
			default:
				f.record(i, btc, sourced{}, &Problem{Code: Unreachable, Source: f.cfg.Sources[i].Name(), Pair: btc}, now)
			}
			if b.raw.IsZero() || b.last.at.Equal(before) {
				continue
			}
			var fresh []money.Rate
			for _, h := range honest {
				if now.Sub(h.at) <= f.cfg.MaxAge {
					fresh = append(fresh, h.price)
				}
			}
			if !bound(b.raw, fresh, 21) {
				t.Fatalf("%s was accepted from %v, and the honest ones said %v", b.raw, b.last.sources, fresh)
			}
		}
	})
}

// Even a quorum that shifts the decimal point together needs two rounds: before
// the price moves there was an alarm, and since the alarm began a quorum has
// said it again.
func TestColludersNeedTwoRounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{3, 5}).Draw(t, "exchanges")
		f := crowd(t, n)
		colluders := rapid.IntRange(f.cfg.Quorum, n).Draw(t, "colluders")
		truth := money.Rate{Num: 50_000}
		shifted := rapid.SampledFrom([]money.Rate{{Num: 500}, {Num: 5_000}, {Num: 500_000}, {Num: 5_000_000}, {Num: 60_000}}).Draw(t, "shifted")
		b, now := f.books[btc], noon
		for i := range n {
			f.record(i, btc, sourced{source: f.cfg.Sources[i].Name(), price: truth, at: now}, nil, now)
		}
		since := make(map[int]bool) // who has said it since the alarm
		for range 60 {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 4, 7, 20}).Draw(t, "seconds")) * time.Second)
			alarmed := b.jump != nil
			i := rapid.IntRange(0, n-1).Draw(t, "who")
			price := truth
			if i < colluders {
				price = shifted
				since[i] = true
			}
			f.record(i, btc, sourced{source: f.cfg.Sources[i].Name(), price: price, at: now}, nil, now)
			if b.raw == truth {
				if b.said.Equal(now) || b.said.IsZero() {
					clear(since) // it counts from here
				}
				continue
			}
			if b.raw != shifted {
				t.Fatalf("nobody says %s", b.raw)
			}
			if !alarmed || len(since) < f.cfg.Quorum {
				t.Fatalf("it moved after %d of %d said it since the alarm (%t)", len(since), f.cfg.Quorum, alarmed)
			}
			return
		}
	})
}

// market is an exchange that says what a test wants.
type market struct {
	name string
	mu   sync.Mutex
	say  func() (Quote, error)
}

func (m *market) Name() string { return m.name }

func (m *market) Quote(context.Context, Pair) (Quote, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.say()
}

// A virtual day of five exchanges of which two do what they like: each of them
// for a while lies a little, lies a lot, freezes its clock, lives in the future,
// repeats itself, crosses bid and ask, or is away. And some hours in which the
// honest ones go away one after the other.
func TestDayWithTwoLiarsOfFive(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liarsDay(t, seed) })
		})
	}
}

func liarsDay(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	cents := uint64(5_000_000)
	type past struct {
		at    time.Time
		cents uint64
	}
	var truth []past
	honest := func() (Quote, error) {
		mu.Lock()
		defer mu.Unlock()
		noise := cents / 10_000
		bid := cents - noise + random.Uint64N(noise)
		return makeQuote(rate2(bid), rate2(bid+noise), time.Time{})
	}
	away := func() (Quote, error) { return Quote{}, errors.New("connection refused") }
	lies := []func(frozen time.Time, old uint64) func() (Quote, error){
		func(time.Time, uint64) func() (Quote, error) { return away },
		func(frozen time.Time, old uint64) func() (Quote, error) { // a frozen clock
			return func() (Quote, error) { return makeQuote(rate2(old), rate2(old+1), frozen) }
		},
		func(_ time.Time, old uint64) func() (Quote, error) { // a frozen price with a good clock
			return func() (Quote, error) { return makeQuote(rate2(old), rate2(old+1), time.Now()) }
		},
		func(time.Time, uint64) func() (Quote, error) { // in the future
			return func() (Quote, error) {
				q, err := honest()
				q.At = time.Now().Add(time.Hour)
				return q, err
			}
		},
		func(time.Time, uint64) func() (Quote, error) { // swapped
			return func() (Quote, error) {
				mu.Lock()
				defer mu.Unlock()
				return makeQuote(rate2(cents+100), rate2(cents), time.Time{})
			}
		},
	}
	for _, factor := range [][2]uint64{{100, 1}, {1, 100}, {101, 100}, {98, 100}, {2, 1}, {95, 100}} {
		lies = append(lies, func(time.Time, uint64) func() (Quote, error) {
			return func() (Quote, error) {
				mu.Lock()
				defer mu.Unlock()
				lie := cents * factor[0] / factor[1]
				return makeQuote(rate2(lie), rate2(lie), time.Time{})
			}
		})
	}
	cfg := Config{Assets: []chain.Asset{bitcoin}, Currencies: []money.Currency{"EUR"}, Clock: systemClock{}}
	var markets []*market
	for i := range 5 {
		m := &market{name: string(rune('a' + i)), say: honest}
		markets = append(markets, m)
		cfg.Sources = append(cfg.Sources, m)
	}
	cfg.Jitter = func(d time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.Int64N(int64(max(d, 1))))
	}
	f := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	set := func(m *market, say func() (Quote, error)) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.say = say
	}
	var states [3]int
	var quiet time.Time // since when the honest ones are away
	for began := time.Now(); time.Since(began) < 24*time.Hour; {
		mu.Lock()
		cents += cents/1000*random.Uint64N(3) - cents/1000 // a tenth of a percent up, down, or neither
		truth = append(truth, past{time.Now(), cents})
		step, turn, who, lie := time.Duration(5+random.IntN(20))*time.Second, random.IntN(12), random.IntN(2), random.IntN(len(lies))
		now := cents
		mu.Unlock()
		if turn == 0 {
			set(markets[who], lies[lie](time.Now(), now))
		}
		// Every eighth hour the honest ones are away, all three of them.
		switch gone := time.Since(began)/time.Hour%8 == 7; {
		case gone && quiet.IsZero():
			quiet = time.Now()
			for _, m := range markets[2:] {
				set(m, away)
			}
		case !gone && !quiet.IsZero():
			quiet = time.Time{}
			for _, m := range markets[2:] {
				set(m, honest)
			}
		}
		time.Sleep(step)
		synctest.Wait()

		got, err := f.Rate(bitcoin, "EUR")
		if err != nil {
			t.Fatal(err)
		}
		states[slices.Index([]pos.RateState{pos.RateLive, pos.RateAging, pos.RateStale}, got.State)]++
		if !quiet.IsZero() && time.Since(quiet) > 7*time.Minute && got.State != pos.RateStale {
			t.Fatalf("no honest exchange has answered for %s, and two liars have a price that is %s", time.Since(quiet), got.State)
		}
		// Whatever is sold is within twice the deviation of the truth of then.
		i, _ := slices.BinarySearchFunc(truth, got.At.Add(-90*time.Second), func(p past, at time.Time) int { return p.at.Compare(at) })
		var around []money.Rate
		for ; i < len(truth) && !truth[i].at.After(got.At.Add(90*time.Second)); i++ {
			around = append(around, money.Rate{Num: truth[i].cents, Scale: 2})
		}
		if !bound(got.Rate, around, 21) {
			t.Fatalf("%s of %s ago from %v, but the coin cost %v", got.Rate, time.Since(got.At), got.Sources, around)
		}
		for _, q := range f.Prices()[0].Quotes {
			if q.Used && got.State == pos.RateLive && q.Age > 2*f.cfg.MaxAge {
				t.Fatalf("a quote of %s ago is in a live price: %+v", q.Age, q)
			}
		}
	}
	if states[0] < 10*states[1] || states[2] == 0 {
		t.Errorf("live, aging and stale %v times", states)
	}
}

// rate2 writes cents.
func rate2(cents uint64) string { return money.Rate{Num: cents, Scale: 2}.String() }

// An update is one exchange's answer among five, up to a price.
func BenchmarkUpdate(b *testing.B) {
	f := crowd(b, 5)
	now := noon
	for i := range 5 {
		f.record(i, btc, sourced{source: f.cfg.Sources[i].Name(), price: money.Rate{Num: 6_241_000 + uint64(i)*37, Scale: 2}, at: now}, nil, now)
	}
	prices := [2]money.Rate{{Num: 6_241_050, Scale: 2}, {Num: 6_241_775, Scale: 2}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Millisecond)
		f.record(i%5, btc, sourced{source: f.cfg.Sources[i%5].Name(), price: prices[i/5%2], at: now}, nil, now)
	}
	if got := f.books[btc]; got.problem != nil || len(got.last.sources) != 5 {
		b.Fatalf("%+v", got)
	}
}
