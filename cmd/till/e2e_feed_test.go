package main

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/rate/feedtest"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/tuitest"
)

// TestFeedGarbage: every exchange answers with one fault after the other from
// the start. No price is shown, no sale is rung up at a wrong one, and once two
// of them come to their senses the shop serves.
func TestFeedGarbage(t *testing.T) {
	t.Parallel()
	btc, err := devnet.StartBitcoin(t.Context(), devnet.BitcoinOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = btc.Close() })
	eth, err := devnet.StartEthereum(t.Context(), devnet.EthereumOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = eth.Close() })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, fault := range feedtest.Faults() {
		switch fault {
		case feedtest.None, feedtest.Silent, feedtest.Stalled, feedtest.Wide, feedtest.WrongPair, feedtest.Times100, feedtest.Frozen, feedtest.Float:
			// A quorum that agrees on a lie is believed; a pair's name, a frozen
			// stamp and another way to write a number are not wrong at once.
			continue
		}
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			prices, err := feedtest.Start(feedtest.Options{Still: true})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = prices.Close() }()
			rails, err := newWorld(1).rails(t.TempDir(), btc, eth, log)
			if err != nil {
				t.Fatal(err)
			}
			var sources []rate.Source
			for _, name := range rate.SourceNames() {
				prices.Fault(name, fault)
				source, err := rate.NewSource(name, prices.URL(name), &http.Client{Timeout: 5 * time.Second, CheckRedirect: exchanges.CheckRedirect})
				if err != nil {
					t.Fatal(err)
				}
				sources = append(sources, source)
			}
			shop := demoShop
			shop.Currencies = []money.Currency{"EUR"}
			assets := append(rails[0].Assets(), rails[1].Assets()...)
			s, err := parts{
				shop: shop, policy: demoPolicy(rails), rails: rails, store: store.NewMemory(), log: log,
				rates: rate.New(rate.Config{Sources: sources, Assets: assets, Currencies: shop.Currencies, Interval: time.Second, Clock: clock{}}),
			}.open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.close(); err != nil {
					t.Error(err)
				}
			}()
			screen := tuitest.New(t, tui.New(tui.Config{Shop: shop, Clock: clock{}, Context: t.Context(), Locale: money.LocaleFor("en")}), 80, 24)
			screen.Send(tui.Ready{Register: s})
			patiently(t, "every exchange was asked", 30*time.Second, func() bool {
				asked := true
				for _, name := range rate.SourceNames() {
					asked = asked && prices.Requests(name) > 0
				}
				return asked
			})
			screen.Type("450").See("there is no price for it yet").Press("enter")
			if frame := screen.Screen.Screen(); strings.Contains(frame, "sat") || goTalk.MatchString(frame) {
				t.Errorf("%s is shown as\n%s", fault, frame)
			}
			if _, err := s.Open(t.Context(), pos.Draft{ID: "5d1b7e8e-6c3f-4f0a-9d2a-0f6f6c1f7a11", Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}}, bitcoinAsset.ID); err == nil {
				t.Error("a sale at no price was rung up")
			}
			if fault == feedtest.TooMany || fault == feedtest.Unavailable {
				return // they ask to be left alone for a while
			}
			for _, name := range rate.SourceNames()[:2] {
				prices.Fault(name, feedtest.None)
			}
			screen.See(" sat ").Press("enter").See("AWAITING")
			if !strings.HasPrefix(screen.QR(), "bitcoin:") {
				t.Error("no code")
			}
			screen.Press("ctrl+c", "ctrl+c").End()
		})
	}
}
