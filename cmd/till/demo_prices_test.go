package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/rate/feedtest"
)

// TestPriceScenes: what the demo does to its exchanges reaches the price.
func TestPriceScenes(t *testing.T) {
	prices, err := feedtest.Start(feedtest.Options{Still: true, Prices: map[string]string{"BTC/EUR": "50000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = prices.Close() }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var sources []rate.Source
	for _, name := range rate.SourceNames() {
		source, err := rate.NewSource(name, prices.URL(name), client)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	feed := rate.New(rate.Config{
		Sources: sources, Assets: []chain.Asset{bitcoinAsset}, Currencies: []money.Currency{"EUR"}, Clock: clock{},
		Interval: 10 * time.Millisecond, MaxAge: 300 * time.Millisecond, Stale: 600 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	st := newStage(newWarp(time.Now(), 1), nil, nil, prices)
	defer st.close()
	// bad are the exchanges that have a problem, in the order of their names.
	becomes := func(play, state string, bad ...string) {
		t.Helper()
		if play != "" {
			if err := st.Play(t.Context(), play, pos.View{}); err != nil {
				t.Fatal(err)
			}
		}
		patiently(t, play+" makes the price "+state, 60*time.Second, func() bool {
			got, err := feed.Rate(bitcoinAsset, "EUR")
			var found []string
			for _, s := range feed.Status() {
				if s.Err != nil {
					found = append(found, s.Name)
				}
			}
			return err == nil && string(got.State) == state && slices.Equal(found, bad)
		})
	}
	becomes("", "live")
	becomes("price-lie", "live", feedtest.Coinbase)
	becomes("price-back", "live")
	becomes("price-down", "live", feedtest.Kraken)
	becomes("price-none", "stale", rate.SourceNames()...)
	becomes("price-back", "live")

	// With no sale there is nothing that needs one.
	for _, s := range st.Scenes(pos.View{}) {
		if kind, _, _ := strings.Cut(s.ID, "-"); !slices.Contains([]string{"price", "node", "time"}, kind) {
			t.Errorf("%q has no sale to happen to", s.Title)
		}
	}
}
