package main

import (
	"context"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/rate/feedtest"
)

// priceScenes are what may happen to the exchanges, with or without a sale.
var priceScenes = []scene{
	{"price-down", "one exchange is out of service", false, anytime, func(_ context.Context, st *stage, _ pos.View) error {
		return st.exchanges(feedtest.Broken, feedtest.Kraken)
	}},
	{"price-lie", "one exchange says a hundred times the price", false, anytime, func(_ context.Context, st *stage, _ pos.View) error {
		return st.exchanges(feedtest.Times100, feedtest.Coinbase)
	}},
	{"price-none", "no exchange answers: the price ages, then new sales stop", false, anytime, func(_ context.Context, st *stage, _ pos.View) error {
		return st.exchanges(feedtest.Broken, rate.SourceNames()...)
	}},
	{"price-back", "all exchanges answer again, within a minute or so", false, anytime, func(_ context.Context, st *stage, _ pos.View) error {
		return st.exchanges(feedtest.None)
	}},
}

func anytime(pos.Outcome) bool { return true }

// exchanges makes some of them fail in one way, and the others work.
func (st *stage) exchanges(fault feedtest.Fault, broken ...string) error {
	for _, name := range rate.SourceNames() {
		st.prices.Fault(name, feedtest.None)
	}
	for _, name := range broken {
		st.prices.Fault(name, fault)
	}
	return nil
}
