package pos_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// A simulation of a shop's days: whatever customers, miners, cashiers, clocks,
// exchanges and crashes do, in any order, the register must know what the
// chains know, once.

// step is one thing that happens; its numbers are folded into what there is.
type step struct{ Do, A, B int }

const (
	doRing = iota
	doPay
	doMine
	doReorg
	doReplace
	doDrop
	doSleep
	doOffer
	doCancel
	doCrash
	doRepeat
	doFail
	doAct
	doPayBack
	doClock
	doPrice
	doDown
)

// schedule is a shop and what happens to it.
type schedule struct {
	Reuse reuse
	Steps []step
}

// reuse is how the addresses of the EVM chains are used.
type reuse int

const (
	never  reuse = iota // each serves one sale
	pool                // each serves again when its sale is closed and has cooled down
	listed              // the same, and there are four of them
	gapped              // so do those that were never paid, once there are many in a row
)

// cooldown is how long an address that serves again rests.
const cooldown = time.Hour

var schedules = rapid.Custom(func(t *rapid.T) schedule {
	return schedule{
		Reuse: rapid.SampledFrom([]reuse{never, never, pool, listed, gapped}).Draw(t, "reuse"),
		Steps: rapid.SliceOfN(steps, 5, 60).Draw(t, "steps"),
	}
})

var steps = rapid.Custom(func(t *rapid.T) step {
	return step{
		// Paying and mining happen more often than anything else.
		Do: rapid.SampledFrom([]int{
			doRing, doRing, doRing, doPay, doPay, doPay, doPay, doMine, doMine, doMine, doReorg, doReplace,
			doDrop, doSleep, doSleep, doOffer, doCancel, doCrash, doRepeat, doFail, doAct, doAct, doPayBack, doPayBack, doClock, doPrice, doDown,
		}).Draw(t, "do"),
		A: rapid.IntRange(0, 63).Draw(t, "a"), B: rapid.IntRange(0, 63).Draw(t, "b"),
	}
})

// skewed is a wall clock that somebody sets.
type skewed struct {
	wall
	mu  sync.Mutex
	off time.Duration
}

func (c *skewed) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *skewed) set(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += by
}

// books is the store that survives crashes.
type books struct {
	pos.Store
	again func() pos.Store // what a new process finds, nil = the same
}

// simulation is a shop, the chains and what must be true of them.
type simulation struct {
	t      testing.TB
	bug    bug
	reuse  reuse
	base   books
	mortal *mortal
	chains []*simChain
	clock  *skewed
	latest time.Time // the latest time that the clock ever said
	back   bool      // it was set back
	shop   *shop
	sales  []string
	random io.Reader // always the same: a schedule plays the same way each time

	had     map[string]int // addresses of each sale that were looked at
	chained pos.Chain      // the journal, as far as it was read
	replay  *pos.Replay
}

// simulate plays a schedule and returns the first thing that is wrong.
func simulate(t *testing.T, plan schedule, b bug, open func(testing.TB) books) (wrong error) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulation{
			t: t, bug: b, reuse: plan.Reuse, base: open(t), clock: &skewed{}, random: rand.NewChaCha8([32]byte{1}),
			had: map[string]int{}, replay: pos.NewReplay(),
		}
		if err := s.base.Write(context.Background(), func(tx pos.Tx) error { return tx.PutMeta("staff", simStaff()) }); err != nil {
			t.Fatal(err)
		}
		for i, id := range []string{btc, eth, own} {
			s.chains = append(s.chains, newSimChain(s, id, 3+20*i))
		}
		s.open()
		for i, step := range plan.Steps {
			s.do(step)
			s.settle()
			if err := s.check(); err != nil {
				wrong = fmt.Errorf("after step %d %+v: %w", i, step, err)
				break
			}
		}
		s.shop.stop()
		if err := s.base.Close(); err != nil && wrong == nil {
			wrong = err
		}
	})
	return wrong
}

// inMemory is a store for many schedules.
func inMemory(testing.TB) books { return books{Store: store.NewMemory()} }

// onDisk is the real store; a new process opens it again.
func onDisk(dir string) func(testing.TB) books {
	n := 0
	return func(t testing.TB) books {
		n++
		place := fmt.Sprintf("%s/%d", dir, n)
		open := func() pos.Store {
			st, err := store.Open(context.Background(), place, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		return books{Store: open(), again: open}
	}
}

// open starts the register on the store that there is.
func (s *simulation) open() {
	s.mortal = &mortal{Store: s.base.Store, bug: s.bug, left: -1}
	var rails []*rail
	for i, c := range s.chains {
		r := newRail(c.id, []string{"A", "E", "E"}[i])
		if i > 0 && s.reuse != never {
			r.account.Cooldown = cooldown
		}
		if i > 0 && s.reuse == gapped {
			r.account.Gap = 3
		}
		if i > 0 && s.reuse == listed {
			r.account.Size = 4
			r.derive = four
		}
		c.rail = r
		r.run, r.health.State = c.begin, chain.Syncing
		rails = append(rails, r)
	}
	s.shop = openShopWith(s.t, s.mortal, func(c *pos.Config) { c.Random, c.Clock = s.random, s.clock }, rails...)
}

// four is a list of so many addresses.
func four(i uint32) (chain.Destination, error) {
	if i >= 4 {
		return "", chain.ErrNoSuchIndex
	}
	return chain.Destination(fmt.Sprintf("E-%d", i)), nil
}

// settle lets everything that is under way come to its end, and opens again
// what was killed.
func (s *simulation) settle() {
	for {
		synctest.Wait()
		for _, c := range s.chains {
			c.pump()
		}
		synctest.Wait()
		s.mortal.mu.Lock()
		killed, failed := s.mortal.killed, s.mortal.failed
		s.mortal.failed = false
		s.mortal.mu.Unlock()
		switch {
		case killed:
			s.shop.stop()
			if s.base.again != nil {
				if err := s.base.Close(); err != nil {
					s.t.Fatal(err)
				}
				s.base.Store = s.base.again()
			}
			s.open()
		case failed:
			time.Sleep(5 * time.Second) // watchers and timers try again
		default:
			return
		}
	}
}

func (s *simulation) do(p step) {
	ctx := context.Background()
	c := s.chains[p.A%len(s.chains)]
	sale := func() (pos.Record, bool) {
		if len(s.sales) == 0 {
			return pos.Record{}, false
		}
		rec, err := s.base.Sale(ctx, s.sales[p.A%len(s.sales)])
		return rec, err == nil
	}
	switch p.Do {
	case doRing:
		v, err := s.shop.Open(ctx, euros(500), c.asset())
		if err == nil || v.Sale.ID != "" {
			s.sales = append(s.sales, v.Sale.ID)
		}
	case doPay:
		if rec, ok := sale(); ok {
			q := rec.Sale.Quotes[p.B%len(rec.Sale.Quotes)]
			due, _ := q.Due.Uint64()
			part := []uint64{due, due, due / 2, due / 2, due + 5_000, due - 1, due - 2}[p.B%7]
			i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == q.Rail })
			if i > 0 && p.B%8 == 7 {
				i = 3 - i // the same address on the other chain of the key
			}
			s.chains[i].pay(q.To, part)
		}
	case doMine:
		c.mine(p.B%3 != 0)
	case doReorg:
		c.reorg(1+p.B%3, p.B%2 == 0, p.B%5 == 0)
	case doReplace:
		c.replace(p.B, p.B%2 == 0)
	case doDrop:
		c.drop(p.B)
	case doSleep:
		time.Sleep([]time.Duration{time.Second, time.Minute, 16 * time.Minute, 2 * time.Hour}[p.B%4])
	case doOffer:
		if rec, ok := sale(); ok {
			_, _ = s.shop.Offer(ctx, rec.Sale.ID, s.chains[p.B%3].asset(), pos.Actor{})
		}
	case doAct:
		if rec, ok := sale(); ok {
			s.act(ctx, rec.Sale.ID, p.B)
		}
	case doPayBack:
		for _, id := range s.sales {
			s.payBack(ctx, id, p.B)
		}
	case doCancel:
		if rec, ok := sale(); ok {
			_, _ = s.shop.Cancel(ctx, rec.Sale.ID, pos.Actor{})
		}
	case doCrash:
		s.mortal.mu.Lock()
		s.mortal.left, s.mortal.after = p.B%3, p.A%2 == 0
		s.mortal.mu.Unlock()
	case doClock:
		by := []time.Duration{24 * time.Hour, -24 * time.Hour, 10 * time.Minute, -10 * time.Minute}[p.B%4]
		s.back = s.back || by < 0
		s.clock.set(by)
		time.Sleep(2 * time.Minute) // the timers look at least once a minute
	case doDown:
		// The shop is closed. Whatever is paid and mined meanwhile was never seen
		// unconfirmed by anybody who looked.
		s.shop.stop()
		time.Sleep([]time.Duration{time.Second, 20 * time.Minute, 3 * time.Hour, 20 * time.Hour}[p.B%4])
		if rec, ok := sale(); ok {
			q := rec.Sale.Quotes[len(rec.Sale.Quotes)-1]
			due, _ := q.Due.Uint64()
			i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == q.Rail })
			s.chains[i].pay(q.To, due)
			s.chains[i].mine(true)
		}
		s.open()
	case doPrice:
		s.shop.prices.mu.Lock()
		s.shop.prices.rate = money.Rate{Num: []uint64{50_000, 49_000, 50_000_00, 500}[p.B%4]}
		s.shop.prices.state = []pos.RateState{pos.RateLive, pos.RateAging, pos.RateStale}[p.A%3]
		s.shop.prices.mu.Unlock()
	case doRepeat:
		c.again(p.B)
	case doFail:
		s.mortal.mu.Lock()
		s.mortal.fail = 1 + p.B%2
		s.mortal.mu.Unlock()
	}
}

// act does one of the things that a person may do with a sale.
func (s *simulation) act(ctx context.Context, id string, n int) {
	v, err := s.shop.View(ctx, id)
	if err != nil || len(v.Acts) == 0 {
		return
	}
	kind := v.Acts[n%len(v.Acts)]
	if n%2 == 1 && slices.Contains(v.Acts, pos.ActRefundDue) {
		kind = pos.ActRefundDue // what takes the longest to come to its end
	}
	d := pos.Deed{Kind: kind, PIN: simPIN, Asset: s.chains[n%3].asset(), By: pos.Actor{Name: "Ana", Terminal: "till 1"}}
	if d.Kind == pos.ActRefundDue {
		c := v.Refunds[n/4%len(v.Refunds)]
		// A few customers come again and again.
		d.Basis, d.Fiat, d.To = c.Basis, money.Of(100, "EUR"), fmt.Sprintf("cust-%d", n%5)
	}
	_, _ = s.shop.Act(ctx, id, d)
}

// payBack is the owner's wallet, which pays what the screen says, or less.
func (s *simulation) payBack(ctx context.Context, id string, n int) {
	v, err := s.shop.View(ctx, id)
	if err != nil || v.Payout == nil || len(v.Payout.Forms) == 0 {
		return
	}
	rest, _ := v.Payout.Rest.Uint64()
	i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == v.Payout.Refund.Rail })
	s.chains[i].pay(v.Payout.Refund.To, []uint64{rest, rest, rest/2 + 1}[n%3])
}

// simPIN is the supervisor's in the simulation, with a hash that costs little.
const simPIN = "123456"

func simStaff() string {
	key := argon2.IDKey([]byte(simPIN), []byte("saltsaltsaltsalt"), 1, 8, 1, 32)
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(`[{"name":"Eva","role":"supervisor","pin":"$argon2id$v=19$m=8,t=1,p=1$%s$%s"}]`, text([]byte("saltsaltsaltsalt")), text(key))
}
