package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/ethereum"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/rate/feedtest"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

// demoShop is known before anything has started, for the first frame.
var demoShop = pos.Shop{
	Name: "Café Linde", Currencies: []money.Currency{"EUR", "USD", "CHF"},
	Default: chain.Bitcoin, Training: true,
}

// runDemo opens the register on networks inside this process: real protocols,
// worthless money, and nothing is left behind.
func runDemo(ctx context.Context) error {
	speaks := tongueOf(nil)
	cfg := screenConfig(demoShop, "till 1", speaks)
	cfg.Actor.Name, cfg.Hint = "Ana", words.For(speaks.language, words.Format{}).Phrases().HintDemo
	return runScreen(ctx, cfg, startDemo)
}

// startDemo makes two networks, a price feed and a shop that knows neither is
// in the same process.
func startDemo(ctx context.Context) (_ *session, err error) {
	// What was started is ended in reverse, also when the rest fails.
	var undo []func()
	after := func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	defer func() {
		if err != nil {
			after()
		}
	}()
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	undo = append(undo, stop)

	dir, err := os.MkdirTemp("", "till-demo-")
	if err != nil {
		return nil, fmt.Errorf("no temporary folder for the demo: %w", err)
	}
	undo = append(undo, func() { _ = os.RemoveAll(dir) })
	log := slog.New(slog.DiscardHandler)

	btc, err := devnet.StartBitcoin(life, devnet.BitcoinOptions{Rand: rand.Reader})
	if err != nil {
		return nil, fmt.Errorf("the demo's Bitcoin network did not start: %w", err)
	}
	undo = append(undo, func() { _ = btc.Close() })
	ticks := time.NewTicker(autoMine)
	undo = append(undo, ticks.Stop, btc.AutoMine(ticks.C))
	eth, err := devnet.StartEthereum(life, devnet.EthereumOptions{Rand: rand.Reader, BlockEvery: 4 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("the demo's Ethereum network did not start: %w", err)
	}
	undo = append(undo, func() { _ = eth.Close() })
	prices, err := feedtest.Start(feedtest.Options{Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		return nil, fmt.Errorf("the demo's exchanges did not start: %w", err)
	}
	undo = append(undo, func() { _ = prices.Close() })

	rails, err := demoRails(dir, btc, eth, log)
	if err != nil {
		return nil, err
	}
	var assets []chain.Asset
	for _, r := range rails {
		assets = append(assets, r.Assets()...)
	}
	var sources []rate.Source
	for _, name := range rate.SourceNames() {
		source, err := rate.NewSource(name, prices.URL(name), http.DefaultClient)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	books, err := store.Open(ctx, filepath.Join(dir, "data"), store.Options{})
	if err != nil {
		return nil, err
	}
	shop := demoShop
	shop.Fingerprint = rails[0].Account().Fingerprint + " " + rails[1].Account().Fingerprint
	s, err := parts{
		shop: shop, policy: demoPolicy(rails), rails: rails,
		rates: rate.New(rate.Config{
			Sources: sources, Assets: assets, Currencies: shop.Currencies, Clock: clock{},
			// Four times as fast as in a shop, so that a stand sees a price age.
			Interval: 5 * time.Second, MaxAge: 15 * time.Second, Stale: 75 * time.Second,
		}),
		store: books, log: log, after: after,
		stage: &stage{bitcoin: btc, ethereum: eth, prices: prices, paid: make(map[string]chain.TxID)},
	}.open(ctx)
	if err != nil {
		undo = nil // open has ended everything
		return nil, err
	}
	// Everybody may know this PIN, and screens say it: see pos.Shop.Training.
	eva := pos.Member{Name: "Eva", Role: pos.Supervisor}
	if err := s.Hire(ctx, pos.Actor{}, eva, pos.TrainingPIN); err != nil {
		undo = nil
		return nil, errors.Join(err, s.close())
	}
	s.untilConnected(ctx, 10*time.Second)
	return s, nil
}

// demoRails makes the shop's side: public keys, and watchers that connect to
// the networks like any stranger.
func demoRails(dir string, btc *devnet.Bitcoin, eth *devnet.Ethereum, log *slog.Logger) ([]chain.Rail, error) {
	bitcoinKey, evmKey, err := devnet.ShopKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := xpub.ParseBitcoin(bitcoinKey, bitcoin.Regtest, xpub.P2WPKH)
	if err != nil {
		return nil, err
	}
	accounts, err := xpub.ParseEVM(evmKey)
	if err != nil {
		return nil, err
	}
	bw, err := bitcoin.New(bitcoin.Config{
		Network: bitcoin.Regtest, Dir: filepath.Join(dir, "bitcoin"), Peers: btc.Peers(), Logger: log,
	})
	// The chain is part of a token's name: the same token on another chain is
	// other money.
	token := eth.Token()
	token.Name = "USDC on Devnet"
	ew, err2 := ethereum.New(ethereum.Config{
		ChainID: eth.ChainID(), Endpoints: []string{eth.Endpoint()},
		Native: eth.Native(), Tokens: []chain.Asset{token}, BlockTime: 4 * time.Second, Logger: log,
	})
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return []chain.Rail{
		&bitcoinRail{network: bitcoin.Regtest, key: key, watcher: bw},
		&evmRail{chainID: eth.ChainID(), network: eth.Network(), key: accounts, assets: []chain.Asset{eth.Native(), token}, watcher: ew},
	}, nil
}

// demoPolicy asks for two Bitcoin blocks above small sums, so that every state
// of a sale can be seen.
func demoPolicy(rails []chain.Rail) pos.Policy {
	return pos.Policy{
		Expires:   15 * time.Minute,
		Tolerance: pos.Tolerance{Units: chain.Units(1), PPM: 1000, MaxFiat: 5},
		Rails: map[string]pos.RailPolicy{
			rails[0].ID(): {Tiers: []pos.Tier{{UpTo: money.Fiat{Minor: 1000_00, Currency: "EUR"}, Need: 2}, {Need: 3}}, Grace: time.Hour, Final: 6, FeeFloor: bitcoinFeeFloor},
			rails[1].ID(): {Tiers: []pos.Tier{{Need: 1}}, Grace: 2 * time.Minute},
		},
		Settle: 10 * time.Second,
	}
}
