package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/ethereum"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/store"
)

// startShop opens the register that a configuration describes. The log is used
// as long as the session lives.
func startShop(ctx context.Context, s *settings, log *slog.Logger) (*session, error) {
	p, err := s.parts(ctx, log)
	if err != nil {
		return nil, err
	}
	return p.open(ctx)
}

// parts opens the store and makes all that a register needs.
func (s *settings) parts(ctx context.Context, log *slog.Logger) (*parts, error) {
	if err := makePrivate(s.data); err != nil {
		return nil, err
	}
	// The store first: it holds the folder's lock, which covers the light
	// client's files too.
	books, err := store.Open(ctx, s.data, store.Options{})
	if err != nil {
		return nil, err
	}
	p := &parts{
		shop: s.shop, policy: s.policy, rules: s.rules(), callback: s.callback,
		store: books, log: log, check: books.Check, terminal: s.terminalName(), data: s.data,
	}
	if p.rails, err = newRails(s, log); err == nil {
		p.rates, err = newFeed(s, log)
	}
	if err == nil {
		p.poster, err = newPoster(s)
	}
	if err != nil {
		_ = books.Close()
		return nil, err
	}
	return p, nil
}

// newRails makes the ways to be paid that a configuration names.
func newRails(s *settings, log *slog.Logger) ([]chain.Rail, error) {
	var rails []chain.Rail
	if b := s.bitcoin; b != nil {
		watcher, err := s.bitcoinWatcher(filepath.Join(s.data, "bitcoin"), log.With("rail", string(b.network)))
		if err != nil {
			return nil, err
		}
		rails = append(rails, &bitcoinRail{network: b.network, key: b.key, watcher: watcher})
	}
	for _, e := range s.evm {
		network := chain.Network(fmt.Sprintf("eip155:%d", e.chain.id))
		watcher, err := ethereum.New(ethereum.Config{
			ChainID: e.chain.id, Endpoints: e.endpoints, Native: e.chain.native(), Tokens: tokensOf(slices.Concat(e.assets, e.known)),
			BlockTime: e.chain.block, Quorum: e.quorum, Lean: e.lean != nil && *e.lean,
			State:  filepath.Join(s.data, fmt.Sprintf("eip155-%d.state", e.chain.id)),
			Logger: log.With("rail", string(network)),
		})
		if err != nil {
			return nil, err
		}
		rails = append(rails, &evmRail{chainID: e.chain.id, network: network, key: e.key, assets: e.assets, watcher: watcher})
	}
	return rails, nil
}

func tokensOf(assets []chain.Asset) []chain.Asset {
	var tokens []chain.Asset
	for _, a := range assets {
		if a.ID.Contract() != "" {
			tokens = append(tokens, a)
		}
	}
	return tokens
}

// exchanges is how price sources are asked; certificates are verified, and a
// redirect is an answer like any other, for pos/rate to judge.
var exchanges = &http.Client{
	Timeout:       15 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// newFeed makes the price feed that a configuration names.
func newFeed(s *settings, log *slog.Logger) (*rate.Feed, error) {
	var sources []rate.Source
	for _, name := range s.rates.sources {
		source, err := rate.NewSource(name, "", exchanges)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return rate.New(rate.Config{
		Sources: sources, Assets: s.shop.Assets, Currencies: s.shop.Currencies,
		Fixed: s.rates.fixed, Spread: s.rates.spread, Jump: s.rates.jump, Depeg: s.rates.depeg, Clock: clock{}, Logger: log.With("room", "rate"),
	}), nil
}
