package ethereum_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/anviltest"
	"github.com/cointill/till/chain/ethereum"
)

// onAnvil is chaintest's harness on another implementation of a node. Stop
// makes it hang with its connections open, as a machine that lost its network.
type onAnvil struct {
	node   *anviltest.Anvil
	config ethereum.Config
	assets []chain.AssetID
	fresh  atomic.Uint64
	height uint64 // while the node hangs
	hangs  bool
}

func newOnAnvil(t testing.TB, tokenFirst bool) *onAnvil {
	node := anviltest.Start(t, anviltest.Options{})
	native := chain.Asset{ID: chain.NativeAsset(31337), Symbol: "ETH", Decimals: 18}
	coin := chain.Asset{ID: chain.TokenAsset(31337, node.DeployCoin(t)), Symbol: "USDC", Decimals: 6, Par: "USD"}
	h := &onAnvil{node: node, assets: []chain.AssetID{native.ID, coin.ID}, config: ethereum.Config{
		ChainID: 31337, Endpoints: []string{node.Endpoint()}, Native: native, Tokens: []chain.Asset{coin},
		BlockTime: 200 * time.Millisecond, Poll: 50 * time.Millisecond, Stale: -1, CallTimeout: 3 * time.Second,
		Dust: map[chain.AssetID]chain.Amount{}, State: filepath.Join(t.TempDir(), "recent.json"),
	}}
	if tokenFirst {
		h.assets[0], h.assets[1] = h.assets[1], h.assets[0]
	}
	return h
}

func (h *onAnvil) Network() chain.Network { return "eip155:31337" }

func (h *onAnvil) Watcher(t testing.TB) chain.Watcher {
	w, err := ethereum.New(h.config)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (h *onAnvil) Fresh(testing.TB) chain.Destination { return address(h.fresh.Add(1)) }
func (h *onAnvil) Assets() []chain.AssetID            { return h.assets }

func (h *onAnvil) Pay(t testing.TB, to chain.Destination, asset chain.AssetID, amount chain.Amount) chain.TxID {
	t.Helper()
	if asset.Contract() != "" {
		return h.node.PayToken(t, to, amount.Big())
	}
	return h.node.PayNative(t, to, amount.Big())
}

func (h *onAnvil) Mine(t testing.TB, n int)                 { t.Helper(); h.node.Mine(t, n) }
func (h *onAnvil) Reorg(t testing.TB, depth int, keep bool) { t.Helper(); h.node.Reorg(t, depth, keep) }
func (h *onAnvil) Replace(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	return h.node.Replace(t, tx)
}

func (h *onAnvil) DoubleSpend(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	by := h.node.Replace(t, tx)
	h.node.Mine(t, 1)
	return by
}

func (h *onAnvil) Height(t testing.TB) uint64 {
	t.Helper()
	if !h.hangs {
		h.height = h.node.Height(t)
	}
	return h.height
}

func (h *onAnvil) Stop(t testing.TB) {
	h.Height(t)
	h.hangs = true
	h.node.Freeze(t)
}

func (h *onAnvil) Start(t testing.TB) {
	h.node.Thaw(t)
	h.hangs = false
}

// onAnvilTokens can pay in vain too.
type onAnvilTokens struct{ *onAnvil }

func (h onAnvilTokens) PayInVain(t testing.TB, to chain.Destination, _ chain.AssetID, amount chain.Amount) chain.TxID {
	t.Helper()
	return h.node.PayTokenInVain(t, to, amount.Big())
}

func TestSuiteOnAnvil(t *testing.T) {
	anviltest.Binary(t)
	t.Run("Native", func(t *testing.T) {
		chaintest.Run(t, func(t *testing.T) chaintest.Harness { return newOnAnvil(t, false) })
	})
	t.Run("TokenOverHTTP", func(t *testing.T) {
		chaintest.Run(t, func(t *testing.T) chaintest.Harness {
			h := newOnAnvil(t, true)
			h.config.Endpoints = []string{h.node.EndpointHTTP()}
			return onAnvilTokens{h}
		})
	})
}

// kindAt is where the one payment to a target is, 0 for none.
func kindAt(l *chaintest.Ledger, to chain.Destination) chain.Kind {
	if p := l.At(to); len(p) == 1 {
		return p[0].Kind()
	}
	return 0
}
