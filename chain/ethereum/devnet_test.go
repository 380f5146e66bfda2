package ethereum_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/ethereum"
)

// onDevnet is chaintest's harness on the in-process network.
type onDevnet struct {
	net    *devnet.Ethereum
	config ethereum.Config
	assets []chain.AssetID
	fresh  atomic.Uint64

	amsterdam bool
}

// tokenFirst is onDevnet with the token as the first asset: tokens can be paid
// in batches and in vain.
type tokenFirst struct{ *onDevnet }

func startNet(t testing.TB, o devnet.EthereumOptions) *devnet.Ethereum {
	t.Helper()
	o.Rand = rand.NewChaCha8([32]byte{7})
	net, err := devnet.StartEthereum(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	return net
}

// configFor is a configuration for a chain that mines when it is told to.
func configFor(net *devnet.Ethereum, endpoints ...string) ethereum.Config {
	return ethereum.Config{
		ChainID: net.ChainID(), Endpoints: endpoints, Native: net.Native(), Tokens: []chain.Asset{net.Token()},
		BlockTime: 200 * time.Millisecond, Poll: 50 * time.Millisecond, Stale: -1,
		Dust: map[chain.AssetID]chain.Amount{},
	}
}

func newOnDevnet(t testing.TB, change func(*ethereum.Config, *devnet.Ethereum)) *onDevnet {
	net := startNet(t, devnet.EthereumOptions{})
	h := &onDevnet{net: net, config: configFor(net, net.Endpoint()), assets: []chain.AssetID{net.Native().ID, net.Token().ID}}
	h.config.State = filepath.Join(t.TempDir(), "recent.json")
	if change != nil {
		change(&h.config, net)
	}
	return h
}

func (h *onDevnet) Network() chain.Network { return h.net.Network() }

func (h *onDevnet) Watcher(t testing.TB) chain.Watcher {
	w, err := ethereum.New(h.config)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// address number n of a shop that there is not.
func address(n uint64) chain.Destination {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], n)
	return chain.Destination(common.BytesToAddress(crypto.Keccak256(seed[:])).Hex())
}

func (h *onDevnet) Fresh(testing.TB) chain.Destination { return address(h.fresh.Add(1)) }
func (h *onDevnet) Assets() []chain.AssetID            { return h.assets }

func (h *onDevnet) Pay(t testing.TB, to chain.Destination, asset chain.AssetID, amount chain.Amount) chain.TxID {
	t.Helper()
	pay := h.net.Customer().PayNative
	if asset == h.net.Token().ID {
		pay = h.net.Customer().PayToken
	}
	tx, err := pay(context.Background(), to, amount.Big())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (h *onDevnet) Mine(t testing.TB, n int) {
	t.Helper()
	if err := h.net.Mine(n); err != nil {
		t.Fatal(err)
	}
}

func (h *onDevnet) Reorg(t testing.TB, depth int, keep bool) {
	t.Helper()
	if err := h.net.Reorg(depth, keep); err != nil {
		t.Fatal(err)
	}
}

func (h *onDevnet) Height(testing.TB) uint64 { return h.net.Head().Height }
func (h *onDevnet) Stop(testing.TB)          { h.net.Disconnect() }

func (h *onDevnet) Start(t testing.TB) {
	t.Helper()
	if err := h.net.Connect(); err != nil {
		t.Fatal(err)
	}
}

func (h *onDevnet) Replace(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	by, err := h.net.Customer().Replace(context.Background(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func (h *onDevnet) DoubleSpend(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	by := h.Replace(t, tx)
	h.Mine(t, 1)
	return by
}

func (h tokenFirst) PayMany(t testing.TB, _ chain.AssetID, outputs ...chaintest.Output) chain.TxID {
	t.Helper()
	var list []devnet.EthPayment
	for _, o := range outputs {
		list = append(list, devnet.EthPayment{To: o.To, Amount: o.Amount.Big()})
	}
	tx, err := h.net.Customer().PayTokens(context.Background(), list...)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (h tokenFirst) PayInVain(t testing.TB, to chain.Destination, _ chain.AssetID, amount chain.Amount) chain.TxID {
	t.Helper()
	tx, err := h.net.Customer().PayTokenWithGas(context.Background(), to, amount.Big(), 30_000)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestSuiteOverWebsocket(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { return newOnDevnet(t, nil) })
}

func TestSuiteWithTokens(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.Harness {
		h := newOnDevnet(t, nil)
		h.assets[0], h.assets[1] = h.assets[1], h.assets[0]
		return tokenFirst{h}
	})
}

func TestSuiteOverHTTP(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.Harness {
		return newOnDevnet(t, func(c *ethereum.Config, net *devnet.Ethereum) {
			c.Endpoints = []string{net.EndpointHTTP()}
			c.State = "" // the node's own memory must do
		})
	})
}

// busy is a shop in which somebody always waits: in an idle one a lean watcher
// is in no hurry.
type busy struct{ tokenFirst }

func (b busy) Watcher(t testing.TB) chain.Watcher { return alwaysAwaited{b.tokenFirst.Watcher(t)} }

type alwaysAwaited struct{ chain.Watcher }

func (a alwaysAwaited) Watch(ctx context.Context, targets ...chain.Target) error {
	for i := range targets {
		targets[i].Until = time.Now().Add(time.Hour)
	}
	return a.Watcher.Watch(ctx, targets...)
}

func TestSuiteLean(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.Harness {
		h := newOnDevnet(t, func(c *ethereum.Config, _ *devnet.Ethereum) { c.Lean = true })
		h.assets[0], h.assets[1] = h.assets[1], h.assets[0]
		return busy{tokenFirst{h}}
	})
}

func TestSuiteOnAmsterdam(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.Harness {
		h := newOnAmsterdam(t)
		h.config.State = filepath.Join(t.TempDir(), "recent.json")
		return h
	})
}
