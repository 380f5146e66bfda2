package pos_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// wall is the clock of a synctest bubble, or of the machine outside one.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// prices is a feed with one price for everything.
type prices struct {
	mu      sync.Mutex
	rate    money.Rate
	state   pos.RateState
	changes chan struct{}
}

func (p *prices) Rate(chain.Asset, money.Currency) (pos.RateInfo, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate.Num == 0 {
		return pos.RateInfo{}, money.ErrNoRate
	}
	return pos.RateInfo{Rate: p.rate, State: p.state, At: time.Now(), Sources: []string{"fake"}}, nil
}
func (p *prices) Changes() <-chan struct{} { return p.changes }

// rail is a way to be paid that does what the test says.
type rail struct {
	id      string
	account chain.Account
	assets  []chain.Asset

	mu      sync.Mutex
	targets map[chain.Destination]chain.Target
	watch   func(context.Context) error             // what Watch waits for, nil = nothing
	derive  func(uint32) (chain.Destination, error) // instead of the account's id and the index
	run     func(context.Context, chain.Cursor, chain.Sink)
	health  chain.Health
	from    chain.Cursor
	sink    chain.Sink
	running chan struct{}
	cursor  chain.Cursor
}

func newRail(id, account string) *rail {
	a := chain.Asset{ID: chain.Bitcoin, Symbol: "BTC", Decimals: 8, Price: "BTC", Dust: chain.Units(546)}
	if id != btc {
		a = chain.Asset{ID: chain.AssetID(id + "/native"), Symbol: "ETH", Decimals: 18, Price: "ETH"}
	}
	return &rail{
		id: id, account: chain.Account{ID: account, Path: "m/0"}, assets: []chain.Asset{a},
		targets: make(map[chain.Destination]chain.Target), running: make(chan struct{}, 1),
		health: chain.Health{State: chain.Ready, Trust: chain.TrustOwnClient},
	}
}

func (f *rail) ID() string                       { return f.id }
func (f *rail) Network() chain.Network           { return chain.Network(f.id) }
func (f *rail) Account() chain.Account           { return f.account }
func (f *rail) Assets() []chain.Asset            { return f.assets }
func (f *rail) Watcher() chain.Watcher           { return f }
func (f *rail) Capabilities() chain.Capabilities { return chain.Capabilities{Unconfirmed: true} }
func (f *rail) Lookup(context.Context, chain.Ref) (chain.Found, error) {
	return chain.Found{}, chain.ErrCannot
}

func (f *rail) Destination(i uint32) (chain.Destination, error) {
	if f.derive != nil {
		return f.derive(i)
	}
	return chain.Destination(fmt.Sprintf("%s-%d", f.account.ID, i)), nil
}

// Read takes the addresses of this rail's account, and those of customers.
func (f *rail) Read(text string) (chain.Destination, error) {
	if !strings.HasPrefix(text, "cust-") && !strings.HasPrefix(text, f.account.ID+"-") {
		return "", errors.New("not an address of this network")
	}
	return chain.Destination(text), nil
}

func (f *rail) Forms(to chain.Destination, _ chain.AssetID, a chain.Amount) ([]chain.Form, error) {
	return []chain.Form{{Kind: chain.FormURI, Text: fmt.Sprintf("pay:%s?%s", to, a)}}, nil
}

func (f *rail) Watch(ctx context.Context, targets ...chain.Target) error {
	f.mu.Lock()
	wait := f.watch
	f.mu.Unlock()
	if wait != nil {
		if err := wait(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range targets {
		f.targets[t.ID] = t
	}
	return nil
}

func (f *rail) Unwatch(ids ...chain.Destination) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		delete(f.targets, id)
	}
}

func (f *rail) target(to chain.Destination) (chain.Target, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.targets[to]
	return t, ok
}

func (f *rail) Health() chain.Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.health
}

func (f *rail) Run(ctx context.Context, from chain.Cursor, _ chain.Archive, sink chain.Sink) error {
	f.mu.Lock()
	f.from, f.cursor, f.sink = from, from, sink
	f.mu.Unlock()
	_ = sink(ctx, []chain.Event{{Kind: chain.HealthChanged, Health: f.Health()}}, from)
	f.running <- struct{}{}
	if f.run != nil {
		f.run(ctx, from, sink)
	}
	<-ctx.Done()
	return nil
}

func (f *rail) setHealth(s chain.HealthState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.health.State = s
}

// emit sends a batch as a watcher does: revisions and the cursor go on.
func (f *rail) emit(t testing.TB, events ...chain.Event) {
	t.Helper()
	if err := f.try(events...); err != nil {
		t.Fatal(err)
	}
}

func (f *rail) try(events ...chain.Event) error {
	f.mu.Lock()
	cursor, sink := f.cursor, f.sink
	f.mu.Unlock()
	for i := range events {
		cursor.Seq++
		events[i].Rev, events[i].At = cursor.Seq, time.Now()
		if events[i].Kind == chain.Tip {
			cursor = cursor.Push(events[i].Tip.Block)
		}
	}
	err := sink(context.Background(), events, cursor)
	if err == nil {
		f.mu.Lock()
		f.cursor = cursor
		f.mu.Unlock()
	}
	return err
}

func (f *rail) payment(kind chain.Kind, to chain.Destination, n uint64, height uint64) chain.Event {
	e := chain.Event{
		Kind: kind, Target: to, Asset: f.assets[0].ID, Amount: chain.Units(n),
		Key: chain.PaymentKey{Network: chain.Network(f.id), TxID: chain.TxID(fmt.Sprint("tx", n))},
	}
	if height > 0 {
		e.Block = block(height)
	}
	return e
}

func block(h uint64) chain.BlockRef {
	return chain.BlockRef{Height: h, Hash: fmt.Sprint("h", h), Time: time.Now()}
}

func tip(h uint64) chain.Event {
	return chain.Event{Kind: chain.Tip, Tip: chain.TipState{Block: block(h), Agreed: h}}
}

const (
	btc = "bitcoin:regtest"
	eth = "eip155:1"
	own = "eip155:8453"
)

// shop is a register on a store with fake rails around it.
type shop struct {
	*pos.Register
	store  pos.Store
	prices *prices
	policy pos.Policy
	rails  []*rail
	stop   func()
}

func openShop(t testing.TB, st pos.Store, rails ...*rail) *shop {
	t.Helper()
	return openShopWith(t, st, func(*pos.Config) {}, rails...)
}

func openShopWith(t testing.TB, st pos.Store, change func(*pos.Config), rails ...*rail) *shop {
	t.Helper()
	if len(rails) == 0 {
		rails = []*rail{newRail(btc, "A"), newRail(eth, "E"), newRail(own, "E")}
	}
	if st == nil {
		st = store.NewMemory()
	}
	s := &shop{store: st, rails: rails, prices: &prices{
		rate: money.Rate{Num: 50_000}, state: pos.RateLive, changes: make(chan struct{}, 1),
	}}
	cfg := pos.Config{
		Shop: pos.Shop{Name: "Test", Currencies: []money.Currency{"EUR"}},
		Policy: pos.Policy{
			Expires: 15 * time.Minute, Tolerance: pos.Tolerance{Units: chain.Units(1)},
			Rails: map[string]pos.RailPolicy{
				btc: {Tiers: []pos.Tier{{Need: 2}}, Grace: time.Hour, Final: 6},
				eth: {Tiers: []pos.Tier{{Need: 1}}, Grace: 2 * time.Minute},
				own: {Tiers: []pos.Tier{{Need: 1}}, Grace: 2 * time.Minute},
			},
		},
		Rates: s.prices, Store: st, Clock: wall{}, Random: rand.Reader,
	}
	for _, r := range rails {
		cfg.Rails = append(cfg.Rails, r)
	}
	change(&cfg)
	s.policy = cfg.Policy
	ctx, cancel := context.WithCancel(context.Background())
	reg, err := pos.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Register = reg
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := reg.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	for _, r := range rails {
		if r.watch == nil {
			<-r.running
		}
	}
	s.stop = func() { cancel(); <-done }
	return s
}

func euros(minor int64) pos.Draft {
	return pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Fiat{Minor: minor, Currency: "EUR"}}}
}

func (s *shop) ring(t testing.TB, asset chain.AssetID) pos.View {
	t.Helper()
	v, err := s.Open(context.Background(), euros(500), asset)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *shop) see(t testing.TB, id string, want pos.Status) pos.View {
	t.Helper()
	synctest.Wait()
	v, err := s.View(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if v.Sale.Outcome.Status != want {
		t.Fatalf("the sale is %s because %s, want %s", v.Sale.Outcome.Status, v.Sale.Outcome.Reason.Code, want)
	}
	stored, err := s.store.Sale(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Sale.Outcome.Status != want {
		t.Fatalf("on the screen %s, in the store %s", want, stored.Sale.Outcome.Status)
	}
	return v
}
