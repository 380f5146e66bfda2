package devnet

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
	"github.com/btcsuite/btcwallet/walletdb"
	_ "github.com/btcsuite/btcwallet/walletdb/bdb"
	"github.com/lightninglabs/neutrino"
	"github.com/lightninglabs/neutrino/headerfs"

	"github.com/cointill/till/chain"
)

const btcPatience = 30 * time.Second

// btcStart runs a network with reproducible keys for one test.
func btcStart(t testing.TB, o BitcoinOptions) *Bitcoin {
	t.Helper()
	if o.Rand == nil {
		o.Rand = rand.NewChaCha8([32]byte{7})
	}
	if os.Getenv("TILL_LOG") != "" {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b, err := StartBitcoin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func btcWait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(btcPatience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

func btcMust[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// btcShopAddress is an address that the customer does not own.
func btcShopAddress(t testing.TB, n uint32) btcutil.Address {
	t.Helper()
	hash := btcutil.Hash160(fmt.Appendf(nil, "shop %d", n))
	return btcMust[*btcutil.AddressWitnessPubKeyHash](t)(btcutil.NewAddressWitnessPubKeyHash(hash, btcParams))
}

// btcLight is a real light client with a log of what it reports.
type btcLight struct {
	*neutrino.ChainService
	rescan *neutrino.Rescan

	mu    sync.Mutex
	log   []string // "+112", "-112"
	found []chain.TxID
}

func (l *btcLight) events() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.log)
}

func (l *btcLight) has(id chain.TxID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.found, id)
}

// filterHeight is how far the chain of filter headers is verified.
func (l *btcLight) filterHeight() uint64 {
	_, h, err := l.RegFilterHeaders.ChainTip()
	if err != nil {
		return 0
	}
	return uint64(h)
}

// btcLightClient starts neutrino in dir and stops it with the test, or earlier
// with the function returned.
func btcLightClient(t testing.TB, dir string, peers []string) (*btcLight, func()) {
	t.Helper()
	db := btcMust[walletdb.DB](t)(walletdb.Create("bdb", filepath.Join(dir, "n.db"), true, time.Minute))
	svc := btcMust[*neutrino.ChainService](t)(neutrino.NewChainService(neutrino.Config{
		DataDir: dir, Database: db, ChainParams: *btcParams, ConnectPeers: peers,
	}))
	l := &btcLight{ChainService: svc}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop := func() {
		once.Do(func() {
			if err := svc.Stop(); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return l, stop
}

// watch reports blocks above from and what they pay to the addresses.
func (l *btcLight) watch(t testing.TB, from chain.BlockRef, addrs ...btcutil.Address) (stop func()) {
	t.Helper()
	hash := btcMust[*chainhash.Hash](t)(chainhash.NewHashFromStr(from.Hash))
	quit := make(chan struct{})
	l.rescan = neutrino.NewRescan(&neutrino.RescanChainSource{ChainService: l.ChainService},
		neutrino.StartBlock(&headerfs.BlockStamp{Height: int32(from.Height), Hash: *hash}),
		neutrino.WatchAddrs(addrs...),
		neutrino.QuitChan(quit),
		neutrino.NotificationHandlers(rpcclient.NotificationHandlers{
			OnFilteredBlockConnected: func(height int32, _ *wire.BlockHeader, txs []*btcutil.Tx) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.log = append(l.log, fmt.Sprintf("+%d", height))
				for _, tx := range txs {
					l.found = append(l.found, chain.TxID(tx.Hash().String()))
				}
			},
			OnFilteredBlockDisconnected: func(height int32, _ *wire.BlockHeader) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.log = append(l.log, fmt.Sprintf("-%d", height))
			},
		}),
	)
	errs := l.rescan.Start()
	go func() {
		for range errs { //nolint:revive // drained until the rescan ends
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			close(quit)
			l.rescan.WaitForShutdown()
		})
	}
	t.Cleanup(stop)
	return stop
}

// agree waits until the light client has the network's chain with its filters.
func (l *btcLight) agree(t testing.TB, b *Bitcoin) {
	t.Helper()
	btcWait(t, "the light client to agree on the chain", func() bool {
		tip := b.Tip()
		h, err := l.BlockHeaders.FetchHeaderByHeight(uint32(tip.Height))
		return err == nil && h.BlockHash().String() == tip.Hash && l.filterHeight() == tip.Height && l.IsCurrent()
	})
}

func TestBitcoinLightClientSyncs(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2})
	l, _ := btcLightClient(t, t.TempDir(), b.Peers())
	l.agree(t, b)

	shop := btcShopAddress(t, 0)
	l.watch(t, b.Tip(), shop)
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop.EncodeAddress(), 12_345, BitcoinPayOptions{}))
	btcMust[[]string](t)(b.Mine(1))
	btcWait(t, "the payment", func() bool { return l.has(id) })

	// The filter and the block that the client got are the ones of this chain.
	tip := b.Tip()
	hash := btcMust[*chainhash.Hash](t)(chainhash.NewHashFromStr(tip.Hash))
	block, err := l.GetBlock(*hash)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(block.Transactions()); n != 2 {
		t.Errorf("the block came with %d transactions, want 2", n)
	}
	script := btcMust[[]byte](t)(txscript.PayToAddrScript(shop))
	if got := block.Transactions()[1].MsgTx().TxOut[0]; got.Value != 12_345 || string(got.PkScript) != string(script) {
		t.Errorf("the block's payment is %d sat to %x", got.Value, got.PkScript)
	}
}

func TestBitcoinLightClientAddressAddedLater(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	l, _ := btcLightClient(t, t.TempDir(), b.Peers())
	l.agree(t, b)
	l.watch(t, b.Tip(), btcShopAddress(t, 0))
	for n := range uint32(5) {
		addr := btcShopAddress(t, 100+n)
		if err := l.rescan.Update(neutrino.AddAddrs(addr)); err != nil {
			t.Fatal(err)
		}
		id := btcMust[chain.TxID](t)(b.Customer().PayAddress(addr.EncodeAddress(), 20_000, BitcoinPayOptions{}))
		btcMust[[]string](t)(b.Mine(1))
		l.agree(t, b)
		btcWait(t, "the payment to a new address", func() bool { return l.has(id) })
	}
}

func TestBitcoinLightClientReorg(t *testing.T) {
	for _, depth := range []int{1, 3, 6} {
		t.Run(fmt.Sprint(depth), func(t *testing.T) {
			b := btcStart(t, BitcoinOptions{Nodes: 2})
			l, _ := btcLightClient(t, t.TempDir(), b.Peers())
			l.agree(t, b)
			shop := btcShopAddress(t, 0)
			l.watch(t, b.Tip(), shop)

			id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop.EncodeAddress(), 50_000, BitcoinPayOptions{}))
			var want []string
			for i := range depth {
				btcMust[[]string](t)(b.Mine(1))
				want = append(want, fmt.Sprintf("+%d", 111+i))
			}
			btcWait(t, "the first branch", func() bool { return len(l.events()) >= len(want) })
			l.agree(t, b)

			btcMust[[]string](t)(b.Reorg(depth, Remined))
			for i := range depth {
				want = append(want, fmt.Sprintf("-%d", 110+depth-i))
			}
			for i := range depth + 1 {
				want = append(want, fmt.Sprintf("+%d", 111+i))
			}
			btcWait(t, "the second branch", func() bool { return len(l.events()) >= len(want) })
			if got := l.events(); !slices.Equal(got, want) {
				t.Errorf("reported %v\nwant %v", got, want)
			}
			l.agree(t, b)
			if ref, ok := b.Confirmed(id); !ok || ref.Height != 111 {
				t.Errorf("the payment is in block %d (%v), want 111", ref.Height, ok)
			}
		})
	}
}

func TestBitcoinLightClientRestartsLater(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2})
	dir := t.TempDir()
	l, stop := btcLightClient(t, dir, b.Peers())
	l.agree(t, b)
	stop()

	from := b.Tip()
	shop := btcShopAddress(t, 0)
	var ids []chain.TxID
	for range 5 {
		ids = append(ids, btcMust[chain.TxID](t)(b.Customer().PayAddress(shop.EncodeAddress(), 50_000, BitcoinPayOptions{})))
		btcMust[[]string](t)(b.Mine(100))
	}
	again, _ := btcLightClient(t, dir, b.Peers())
	again.agree(t, b) // neutrino's own rescan can wait for ever for a filter that it asked for too early
	again.watch(t, from, shop)
	for _, id := range ids {
		btcWait(t, "what was paid meanwhile", func() bool { return again.has(id) })
	}
}

func TestBitcoinLightClientLongChain(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2, Blocks: 4500})
	l, _ := btcLightClient(t, t.TempDir(), b.Peers())
	l.agree(t, b) // needs cfcheckpt, headers and cfheaders in several messages
	btcMust[[]string](t)(b.Mine(30))
	l.agree(t, b)
}

func TestBitcoinLightClientNodeDown(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2})
	l, _ := btcLightClient(t, t.TempDir(), b.Peers())
	l.agree(t, b)
	if err := b.Stop(0); err != nil {
		t.Fatal(err)
	}
	btcMust[[]string](t)(b.Mine(1))
	l.agree(t, b)
	if err := b.Start(0); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(1); err != nil {
		t.Fatal(err)
	}
	btcMust[[]string](t)(b.Mine(1))
	l.agree(t, b)
}
