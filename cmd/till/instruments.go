package main

import (
	"context"
	"slices"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
)

// instruments reads what the health screen shows beside the board: prices and
// their exchanges, how far wallets have to look, and the store.
func (s *session) instruments(ctx context.Context) (tui.Instruments, error) {
	is := tui.Instruments{Store: tui.StoreState{Keep: s.data != "", Checking: s.checking.Load()}}
	if k := s.kiosk.Load(); k != nil {
		is.Screens = len(k.Open())
	}
	if f, ok := s.rates.(*rate.Feed); ok {
		is.Prices = pricesOf(f.Prices())
	}
	newest, err := s.store.Sales(ctx, pos.Query{Limit: 1})
	if err != nil {
		return is, err
	}
	if len(newest) > 0 {
		is.Store.Sales = newest[0].Sale.Number
	}
	if s.data != "" {
		is.Store.Backup = lastBackup(s.data)
	}
	is.Gaps, err = s.gaps(ctx)
	return is, err
}

func pricesOf(list []rate.PairStatus) []tui.Price {
	var prices []tui.Price
	for _, p := range list {
		price := tui.Price{Symbol: p.Pair.Base, Currency: p.Pair.Quote, Apart: p.Apart}
		if p.Alarm != nil {
			price.Alarm = p.Alarm
		}
		for _, q := range p.Quotes {
			price.Quotes = append(price.Quotes, tui.Quote{Source: q.Source, Price: q.Price, Age: q.Age, Used: q.Used})
		}
		prices = append(prices, price)
	}
	return prices
}

// gaps counts for each key that derives addresses; a list of addresses has no end
// that a wallet could miss.
func (s *session) gaps(ctx context.Context) ([]tui.Gap, error) {
	var gaps []tui.Gap
	var ids []string
	for _, r := range s.rails {
		account, name := r.Account(), words.RailOf(s.shop, r.ID())
		if account.Size > 0 {
			continue
		}
		if i := slices.Index(ids, account.ID); i >= 0 {
			gaps[i].Name = strings.Join([]string{gaps[i].Name, name}, ", ")
			continue
		}
		unused, err := unpaidInARow(ctx, s.store, r, 10*chain.WalletGap)
		if err != nil {
			return nil, err
		}
		ids = append(ids, account.ID)
		gaps = append(gaps, tui.Gap{Name: name, Unused: unused, Limit: chain.WalletGap})
	}
	return gaps, nil
}
