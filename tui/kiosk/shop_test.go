package kiosk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui"
)

// The shop of the tests is a real register on a store in memory. Its one rail says
// what the test says.

type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// prices has one for everything.
type prices struct{}

func (prices) Rate(chain.Asset, money.Currency) (pos.RateInfo, error) {
	return pos.RateInfo{Rate: money.Rate{Num: 5_000_000, Scale: 2}, State: pos.RateLive, At: time.Now(), Sources: []string{"fake"}}, nil
}
func (prices) Changes() <-chan struct{} { return nil }

// rail is a Bitcoin without a network.
type rail struct {
	mu     sync.Mutex
	cursor chain.Cursor
	sink   chain.Sink
	ready  chan struct{}
}

func (*rail) ID() string             { return "bitcoin:regtest" }
func (*rail) Network() chain.Network { return "bitcoin:regtest" }
func (*rail) Account() chain.Account {
	return chain.Account{ID: "acc", Path: "m/0", Fingerprint: "8c1fa2d0"}
}
func (r *rail) Watcher() chain.Watcher { return r }
func (*rail) Assets() []chain.Asset {
	return []chain.Asset{{ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Key: "b", Price: "BTC", Dust: chain.Units(546)}}
}

func (*rail) Destination(i uint32) (chain.Destination, error) {
	return chain.Destination(fmt.Sprintf("bcrt1qaddress%d", i)), nil
}
func (*rail) Read(string) (chain.Destination, error) { return "", errors.New("not an address") }
func (*rail) Forms(to chain.Destination, _ chain.AssetID, a chain.Amount) ([]chain.Form, error) {
	return []chain.Form{{Kind: chain.FormURI, Text: fmt.Sprintf("bitcoin:%s?%s", to, a)}}, nil
}
func (*rail) Capabilities() chain.Capabilities { return chain.Capabilities{Unconfirmed: true} }
func (*rail) Lookup(context.Context, chain.Ref) (chain.Found, error) {
	return chain.Found{}, chain.ErrCannot
}
func (*rail) Watch(context.Context, ...chain.Target) error { return nil }
func (*rail) Unwatch(...chain.Destination)                 {}
func (*rail) Health() chain.Health {
	return chain.Health{State: chain.Ready, Trust: chain.TrustOwnClient}
}

func (r *rail) Run(ctx context.Context, from chain.Cursor, _ chain.Archive, sink chain.Sink) error {
	r.mu.Lock()
	r.cursor, r.sink = from, sink
	r.mu.Unlock()
	_ = sink(ctx, []chain.Event{{Kind: chain.HealthChanged, Health: r.Health()}}, from)
	close(r.ready)
	<-ctx.Done()
	return nil
}

func (r *rail) emit(t testing.TB, events ...chain.Event) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range events {
		r.cursor.Seq++
		events[i].Rev, events[i].At = r.cursor.Seq, time.Now()
	}
	if err := r.sink(context.Background(), events, r.cursor); err != nil {
		t.Error(err)
	}
}

// pay shows what a sale asks for on its way.
func (r *rail) pay(t testing.TB, v pos.View) {
	t.Helper()
	q, _ := v.Sale.Quote()
	r.emit(t, chain.Event{
		Kind: chain.Seen, Target: q.To, Asset: chain.Bitcoin, Amount: q.Due,
		Key: chain.PaymentKey{Network: "bitcoin:regtest", TxID: chain.TxID("tx" + string(q.To))},
	})
}

// shop opens a register.
func shop(t testing.TB) (*pos.Register, *rail) {
	t.Helper()
	r := &rail{ready: make(chan struct{})}
	reg, err := pos.New(t.Context(), pos.Config{
		Shop: pos.Shop{Name: "Café Linde", Currencies: []money.Currency{"EUR"}, Assets: r.Assets(), Default: chain.Bitcoin},
		Policy: pos.Policy{
			Expires: 15 * time.Minute, Tolerance: pos.Tolerance{Units: chain.Units(1)},
			Rails: map[string]pos.RailPolicy{r.ID(): {Tiers: []pos.Tier{{Need: 1}}, Grace: time.Hour, Final: 6}},
		},
		Rails: []chain.Rail{r}, Rates: prices{}, Store: store.NewMemory(), Clock: wall{}, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = reg.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	select {
	case <-r.ready:
	case <-time.After(10 * time.Second):
		t.Fatal("the rail was not run")
	}
	return reg, r
}

func screens(reg *pos.Register) func(Terminal) tui.Config {
	return func(Terminal) tui.Config {
		return tui.Config{Register: reg, Shop: reg.Shop(), Clock: wall{}, Locale: money.LocaleFor("en-IE"), Quiet: true}
	}
}
