package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest/btcdtest"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// benchShop is a shop on a btcd and on an Ethereum devnet, either "" for none,
// at fixed prices.
func benchShop(b testing.TB, btcd, evm string) string {
	b.Helper()
	bitcoinKey, evmKey, err := devnet.ShopKeys(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var prices []string
	if btcd != "" {
		prices = append(prices, `"bitcoin/btc" = "50000.00"`)
	}
	if evm != "" {
		prices = append(prices, `"eip155:1337/native" = "2000.00"`)
	}
	var toml strings.Builder
	fmt.Fprintf(&toml, `name = "Bench"
currency = "EUR"
[rates]
sources = ["fixed"]
fixed = { %s }
[sale]
expires = "168h"
`, strings.Join(prices, ", "))
	if btcd != "" {
		fmt.Fprintf(&toml, `[bitcoin]
key = "wpkh(%s/<0;1>/*)"
network = "simnet"
peers = [%q]
confirmations = [ { need = 1 } ]
`, bitcoinKey, btcd)
	}
	if evm != "" {
		fmt.Fprintf(&toml, `[[evm]]
chain = 1337
symbol = "ETH"
key = %q
endpoints = [%q]
accept = ["native"]
confirmations = [ { need = 1 } ]
`, evmKey, evm)
	}
	return toml.String()
}

// quietScreen is a register on a network where nothing happens.
func quietScreen(b testing.TB, data string) *screen {
	b.Helper()
	bitcoinKey, _, err := devnet.ShopKeys(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	key, err := xpub.ParseBitcoin(bitcoinKey, "bitcoin:regtest", xpub.P2WPKH)
	if err != nil {
		b.Fatal(err)
	}
	books, err := store.Open(b.Context(), data, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	rail := &bitcoinRail{network: "bitcoin:regtest", key: key, watcher: quiet{}}
	s, err := parts{
		shop:   pos.Shop{Name: "Bench", Currencies: []money.Currency{"EUR"}},
		policy: pos.Policy{Expires: 15 * time.Minute, Rails: map[string]pos.RailPolicy{rail.ID(): {Tiers: []pos.Tier{{Need: 1}}}}},
		rails:  []chain.Rail{rail}, store: books, log: slog.New(slog.DiscardHandler), rates: fixedFeed{},
	}.open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return showOn(b, s)
}

// fixedFeed has one price that never changes.
type fixedFeed struct{}

func (fixedFeed) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (fixedFeed) Changes() <-chan struct{}      { return nil }
func (fixedFeed) Rate(chain.Asset, money.Currency) (pos.RateInfo, error) {
	return pos.RateInfo{Rate: money.Rate{Num: 50_000}, State: pos.RateFixed, At: time.Now()}, nil
}

// BenchmarkNodeToStatus is from a node's own notification, as a bare listener
// on the same node hears it in the same run, to the status in the content of
// the screen. Between the two are the watcher, the register and a sync to disk.
// Budget: within 10 ms at p50, 50 ms at p99.
func BenchmarkNodeToStatus(b *testing.B) {
	b.Run("bitcoin-relay", func(b *testing.B) { benchBitcoin(b, "tx") })
	b.Run("bitcoin-block", func(b *testing.B) { benchBitcoin(b, "block") })
	b.Run("ethereum-pending", func(b *testing.B) { benchEthereum(b, "pending") })
	b.Run("ethereum-block", func(b *testing.B) { benchEthereum(b, "block") })
}

// charge rings up 4.50 € and returns the sale once its QR is on the screen.
func (s *screen) charge() pos.View {
	s.b.Helper()
	s.press("450")
	drawn := s.probe.expect("price holds")
	s.press("\n")
	s.wait(drawn, "the QR")
	views, err := s.session.Views(s.b.Context(), pos.Query{Limit: 1})
	if err != nil || len(views) != 1 {
		s.b.Fatalf("the sale is not in the store: %v", err)
	}
	return views[0]
}

// lag collects how much later the screen was than the bare listener.
type lag struct{ bare, screen, later []time.Duration }

func (l *lag) add(start, bare, screen time.Time) {
	l.bare = append(l.bare, bare.Sub(start))
	l.screen = append(l.screen, screen.Sub(start))
	l.later = append(l.later, screen.Sub(bare))
}

func (l *lag) report(b *testing.B) {
	bare := report(b, "bare", l.bare)
	screen := report(b, "screen", l.screen)
	report(b, "later", l.later)
	b.ReportMetric(screen/max(bare, 0.001), "screen/bare")
	b.ReportMetric(0, "ns/op")
}

func benchBitcoin(b *testing.B, kind string) {
	node := btcdtest.Start(b, btcdtest.Options{Trickle: time.Millisecond})
	heard := make(chan time.Time, 1024)
	btcdtest.Bare(b, node.P2P(), &chaincfg.SimNetParams, func(k, _ string, at time.Time) {
		if k == kind {
			heard <- at
		}
	})
	s := newScreen(b, benchShop(b, node.P2P(), ""))
	s.ready()
	until(b, "a relay peer", func() bool { return s.session.Board().Health["bitcoin:simnet"].Unconfirmed })
	var l lag
	for b.Loop() {
		v := s.charge()
		for len(heard) > 0 {
			<-heard
		}
		start := time.Now()
		shown := s.probe.expect("SEEN")
		node.Pay(b, string(v.Pay.Quote.To), int64(v.Pay.Amount[0]))
		at := s.wait(shown, "SEEN")
		if kind == "block" {
			start = time.Now()
			shown = s.probe.expect("HAND OVER")
			node.Mine(b, 1)
			at = s.wait(shown, "PAID")
		} else {
			defer node.Mine(b, 1)
		}
		l.add(start, s.wait(heard, "the bare listener's notice"), at)
		s.press("n")
	}
	l.report(b)
}

func benchEthereum(b *testing.B, kind string) {
	net, err := devnet.StartEthereum(b.Context(), devnet.EthereumOptions{Rand: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	defer net.Close()
	client, err := rpc.DialContext(b.Context(), net.Endpoint())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	heard := make(chan time.Time, 1024)
	switch kind {
	case "block":
		heads := make(chan *types.Header, 64)
		sub, err := client.EthSubscribe(b.Context(), heads, "newHeads")
		if err != nil {
			b.Fatal(err)
		}
		defer sub.Unsubscribe()
		go func() {
			for range heads {
				heard <- time.Now()
			}
		}()
	default:
		txs := make(chan *types.Transaction, 64)
		sub, err := client.EthSubscribe(b.Context(), txs, "newPendingTransactions", true)
		if err != nil {
			b.Fatal(err)
		}
		defer sub.Unsubscribe()
		go func() {
			for range txs {
				heard <- time.Now()
			}
		}()
	}
	s := newScreen(b, benchShop(b, "", net.Endpoint()))
	s.ready()
	var l lag
	for b.Loop() {
		v := s.charge()
		for len(heard) > 0 {
			<-heard
		}
		start := time.Now()
		shown := s.probe.expect("SEEN")
		if _, err := net.Customer().PayNative(b.Context(), v.Pay.Quote.To, v.Pay.Amount.Big()); err != nil {
			b.Fatal(err)
		}
		at := s.wait(shown, "SEEN")
		if kind == "block" {
			start = time.Now()
			shown = s.probe.expect("HAND OVER")
			if err := net.Mine(1); err != nil {
				b.Fatal(err)
			}
			at = s.wait(shown, "PAID")
		}
		l.add(start, s.wait(heard, "the bare listener's notice"), at)
		if kind != "block" {
			done := s.probe.expect("HAND OVER")
			if err := net.Mine(1); err != nil {
				b.Fatal(err)
			}
			s.wait(done, "PAID")
		}
		s.press("n")
	}
	l.report(b)
}
