package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

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
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
)

// demoShop is known before anything has started, for the first frame.
var demoShop = pos.Shop{
	Name: "Café Linde", Currencies: []money.Currency{"EUR", "USD", "CHF"},
	Default: chain.Bitcoin, Training: true,
}

// demoItems have keys of their own on the amount screen.
var demoItems = []tui.Item{
	{Key: "f5", Name: "Coffee", Price: money.Of(4_50, "EUR")},
	{Key: "f6", Name: "Cake", Price: money.Of(3_80, "EUR")},
	{Key: "f7", Name: "Tote bag", Price: money.Of(15_00, "EUR")},
}

func demoCommand() *cobra.Command {
	var speed int
	var script, shots string
	var room audience
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Open the register on networks inside this process: no configuration, no internet, no money",
		Long: `Opens the register of a shop that does not exist, on networks inside this process:
real protocols and worthless money. In front of the counter stands a customer: p
lets him pay, P has all that can go wrong. Nothing is left behind.

With --script a show is played from a file, one step a line:

` + showHelp + sceneNames() + ".",
		Example: `  till demo
  till demo --speed 10
  till demo --script stand.show
  till demo --script stand.show | less`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if speed < 1 || speed > mostSpeed {
				return usage("--speed takes 1 to %d: how many times as fast time runs", mostSpeed)
			}
			if script != "" {
				return runShow(cmd, script, shots, speed)
			}
			if shots != "" {
				return usage("--shots needs a --script that takes some")
			}
			if err := room.check(cmd); err != nil {
				return err
			}
			return runDemo(cmd, speed, room)
		},
	}
	cmd.Flags().Bool("plain", false, plainHelp)
	cmd.Flags().IntVar(&speed, "speed", 1, "how many times as fast time runs, 1 to 60")
	cmd.Flags().StringVar(&script, "script", "", "play a show from a `file`; - reads it")
	cmd.Flags().StringVar(&shots, "shots", "", "write the show's shots into a `folder`, as NAME.txt")
	room.flags(cmd)
	return cmd
}

// mostSpeed turns a quarter of an hour into 15 seconds.
const mostSpeed = 60

// runDemo opens the register on networks inside this process: real protocols,
// worthless money, and nothing is left behind.
func runDemo(cmd *cobra.Command, speed int, room audience) error {
	w := newWorld(speed)
	speaks := tongueOf(nil)
	cfg := screenConfig(demoShop, "till 1", speaks)
	cfg.Actor.Name, cfg.Hint, cfg.Clock = "Ana", words.For(speaks.language, words.Format{}).Phrases().HintDemo, paced{w.clock}
	cfg.Items = demoItems
	paper, err := demoPrinter(os.Environ())
	if err != nil {
		return err
	}
	if paper != nil {
		cfg.Printer = paper
	}
	start := w.start
	if room.serve {
		if cfg, start, err = room.invite(w, cfg, start); err != nil {
			return err
		}
	}
	if wantsLines(cmd) {
		return runLines(cmd, cfg, start)
	}
	return runScreen(cmd.Context(), cfg, start)
}

// world is what a demo takes place in.
type world struct {
	clock  *warp
	random func(what string) io.Reader
	walk   bool         // prices move by themselves
	blocks *atomic.Bool // so do blocks come
}

// newWorld is one that moves by itself and is never the same.
func newWorld(speed int) world {
	w := world{clock: newWarp(time.Now(), speed), random: func(string) io.Reader { return rand.Reader }, walk: true, blocks: new(atomic.Bool)}
	w.blocks.Store(true)
	return w
}

// How often blocks come by themselves while time runs as usual; real ones of
// Bitcoin take ten minutes, and nobody at a stand waits that long.
const (
	bitcoinEvery  = 15 * time.Second
	ethereumEvery = 4 * time.Second
	// blockLeast: dates in blocks have whole seconds, and no two have the same.
	blockLeast = time.Second
)

// start makes two networks, a price feed and a shop that knows neither is in
// the same process.
func (w world) start(ctx context.Context) (_ *session, err error) {
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
	undo = append(undo, func() {
		// What was told to end may be writing its last file still.
		for range 20 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	log := slog.New(slog.DiscardHandler)

	btc, err := devnet.StartBitcoin(life, devnet.BitcoinOptions{Rand: w.random("bitcoin")})
	if err != nil {
		return nil, fmt.Errorf("the demo's Bitcoin network did not start: %w", err)
	}
	undo = append(undo, func() { _ = btc.Close() })
	eth, err := devnet.StartEthereum(life, devnet.EthereumOptions{Rand: w.random("ethereum")})
	if err != nil {
		return nil, fmt.Errorf("the demo's Ethereum network did not start: %w", err)
	}
	undo = append(undo, func() { _ = eth.Close() })
	// Its first block is of 1970; a head as old as that is not trusted.
	if err := eth.Mine(1); err != nil {
		return nil, err
	}
	seed := uint64(time.Now().UnixNano())
	prices, err := feedtest.Start(feedtest.Options{Seed: seed, Still: !w.walk})
	if err != nil {
		return nil, fmt.Errorf("the demo's exchanges did not start: %w", err)
	}
	undo = append(undo, func() { _ = prices.Close() })
	ended := w.mine(life, btc, eth)
	undo = append(undo, func() { stop(); ended() })

	rails, err := w.rails(dir, btc, eth, log)
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
	shop.Rails = map[string]string{rails[1].ID(): "Devnet"} // as in "USDC on Devnet"
	shop.Fingerprint = rails[0].Account().Fingerprint + " " + rails[1].Account().Fingerprint
	st := newStage(w.clock, btc, eth, prices)
	undo = append(undo, st.close)
	s, err := parts{
		shop: shop, policy: demoPolicy(rails), rails: rails,
		rates: shownRates{clock: w.clock, Feed: rate.New(rate.Config{
			Sources: sources, Assets: assets, Currencies: shop.Currencies, Clock: clock{},
			// Four times as fast as in a shop, so that a stand sees a price age.
			Interval: 5 * time.Second, MaxAge: 15 * time.Second, Stale: 75 * time.Second,
		})},
		store: books, log: log, after: after, clock: w.clock, random: w.random("register"), stage: st,
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

// mine lets both networks find blocks by the demo's clock, until ctx ends. The
// function that it returns waits for that.
func (w world) mine(ctx context.Context, btc *devnet.Bitcoin, eth *devnet.Ethereum) (ended func()) {
	var work sync.WaitGroup
	every := func(d time.Duration, mine func()) {
		work.Go(func() {
			w.clock.beat(ctx, d, blockLeast, func() {
				if w.blocks.Load() {
					mine() // the next block will do as well
				}
			})
		})
	}
	every(bitcoinEvery, func() { _, _ = btc.Mine(1) })
	every(ethereumEvery, func() { _ = eth.Mine(1) })
	return work.Wait
}

// rails makes the shop's side: public keys, and watchers that connect to the
// networks like any stranger.
func (w world) rails(dir string, btc *devnet.Bitcoin, eth *devnet.Ethereum, log *slog.Logger) ([]chain.Rail, error) {
	bitcoinKey, evmKey, err := devnet.ShopKeys(w.random("shop"))
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
	native, token := eth.Native(), eth.Token()
	token.Name = "USDC on Devnet"
	native.Block, token.Block = ethereumEvery, ethereumEvery
	conf := ethereum.Config{
		ChainID: eth.ChainID(), Endpoints: []string{eth.Endpoint()},
		Native: native, Tokens: []chain.Asset{token}, BlockTime: ethereumEvery, Logger: log,
	}
	if !w.walk {
		conf.Stale = 24 * time.Hour // blocks come when the show says so
	}
	ew, err2 := ethereum.New(conf)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return []chain.Rail{
		&bitcoinRail{network: bitcoin.Regtest, key: key, watcher: lens{bw, w.clock}},
		&evmRail{chainID: eth.ChainID(), network: eth.Network(), key: accounts, assets: []chain.Asset{native, token}, watcher: lens{ew, w.clock}},
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
