package devnet_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/devnet"
)

// btcShop is a chaintest.Harness on the network in this process: what the suite
// asks of a watcher on a real btcd, it asks of it here too.
type btcShop struct {
	*devnet.Bitcoin
	dir   string
	fresh atomic.Uint32
}

var (
	_ chaintest.Harness       = (*btcShop)(nil)
	_ chaintest.Batcher       = (*btcShop)(nil)
	_ chaintest.Replacer      = (*btcShop)(nil)
	_ chaintest.DoubleSpender = (*btcShop)(nil)
)

func newBtcShop(t *testing.T) *btcShop {
	t.Helper()
	b, err := devnet.StartBitcoin(t.Context(), devnet.BitcoinOptions{Rand: rand.NewChaCha8([32]byte{3})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return &btcShop{Bitcoin: b, dir: t.TempDir()}
}

func (s *btcShop) Network() chain.Network  { return devnet.BitcoinNetwork }
func (s *btcShop) Assets() []chain.AssetID { return []chain.AssetID{chain.Bitcoin} }

func (s *btcShop) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	var log *slog.Logger
	if os.Getenv("TILL_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	w, err := bitcoin.New(bitcoin.Config{Network: devnet.BitcoinNetwork, Dir: s.dir, Peers: s.Peers(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (s *btcShop) Fresh(t testing.TB) chain.Destination {
	t.Helper()
	hash := btcutil.Hash160(fmt.Appendf(nil, "fresh %d", s.fresh.Add(1)))
	addr, err := btcutil.NewAddressWitnessPubKeyHash(hash, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	return chain.Destination(addr.EncodeAddress())
}

func (s *btcShop) Pay(t testing.TB, to chain.Destination, asset chain.AssetID, amount chain.Amount) chain.TxID {
	t.Helper()
	return s.PayMany(t, asset, chaintest.Output{To: to, Amount: amount})
}

func (s *btcShop) PayMany(t testing.TB, _ chain.AssetID, outputs ...chaintest.Output) chain.TxID {
	t.Helper()
	var list []devnet.BitcoinOutput
	for _, out := range outputs {
		sat, _ := out.Amount.Uint64()
		list = append(list, devnet.BitcoinOutput{Address: string(out.To), Sat: int64(sat)})
	}
	id, err := s.Customer().Send(list, devnet.BitcoinPayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *btcShop) Mine(t testing.TB, n int) {
	t.Helper()
	if _, err := s.Bitcoin.Mine(n); err != nil {
		t.Fatal(err)
	}
}

func (s *btcShop) Reorg(t testing.TB, depth int, keep bool) {
	t.Helper()
	fate := devnet.Returned
	if keep {
		fate = devnet.Remined
	}
	if _, err := s.Bitcoin.Reorg(depth, fate); err != nil {
		t.Fatal(err)
	}
}

func (s *btcShop) Height(testing.TB) uint64 { return s.Bitcoin.Height() }

func (s *btcShop) Stop(t testing.TB)  { s.nodes(t, s.Bitcoin.Stop) }
func (s *btcShop) Start(t testing.TB) { s.nodes(t, s.Bitcoin.Start) }

// nodes does the same to every node.
func (s *btcShop) nodes(t testing.TB, do func(int) error) {
	t.Helper()
	for i := range s.Peers() {
		if err := do(i); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *btcShop) Replace(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	by, err := s.Bitcoin.Replace(tx)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func (s *btcShop) DoubleSpend(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	by, err := s.Bitcoin.DoubleSpend(tx)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// TestBitcoinWatcher plays the suite of all watchers on the network.
func TestBitcoinWatcher(t *testing.T) {
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { return newBtcShop(t) })
}

// settle waits until every payment to a target has come to its end.
func settle(t *testing.T, l *chaintest.Ledger, to chain.Destination, ends map[chain.TxID]chain.Kind) {
	t.Helper()
	l.Wait(t, "the end of the payments", func() bool {
		got := l.At(to)
		for _, p := range got {
			if p.Kind() != ends[p.Event.Key.TxID] {
				return false
			}
		}
		return len(got) == len(ends)
	})
}

// TestBitcoinWatcherUnsignalledReplacement: what no btcd does and the real
// network does, replacing a payment that never said it could be replaced, once
// by one that still pays the shop and once by one that does not.
func TestBitcoinWatcherUnsignalledReplacement(t *testing.T) {
	s := newBtcShop(t)
	l := chaintest.NewLedger(t, s.Network())
	to := chain.Target{ID: s.Fresh(t), Assets: s.Assets()}
	chaintest.BeginReady(t, s, l, to)
	seen := func(id chain.TxID) {
		l.Wait(t, "Seen", func() bool {
			for _, p := range l.At(to.ID) {
				if p.Event.Key.TxID == id && p.Had(chain.Seen) {
					return true
				}
			}
			return false
		})
	}
	first := s.Pay(t, to.ID, chain.Bitcoin, chain.Units(60_000))
	seen(first)
	second, err := s.Bump(first)
	if err != nil {
		t.Fatal(err)
	}
	seen(second)
	s.Mine(t, 1)
	settle(t, l, to.ID, map[chain.TxID]chain.Kind{first: chain.Gone, second: chain.Included})

	third := s.Pay(t, to.ID, chain.Bitcoin, chain.Units(70_000))
	seen(third)
	s.Replace(t, third)
	s.Mine(t, 1)
	settle(t, l, to.ID, map[chain.TxID]chain.Kind{first: chain.Gone, second: chain.Included, third: chain.Gone})
}

// TestBitcoinWatcherNeverRelayed: a payment that nobody announced is first met
// in a block.
func TestBitcoinWatcherNeverRelayed(t *testing.T) {
	s := newBtcShop(t)
	l := chaintest.NewLedger(t, s.Network())
	to := chain.Target{ID: s.Fresh(t), Assets: s.Assets()}
	chaintest.BeginReady(t, s, l, to)
	id, err := s.Customer().PayAddress(string(to.ID), 60_000, devnet.BitcoinPayOptions{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Mine(t, 1)
	settle(t, l, to.ID, map[chain.TxID]chain.Kind{id: chain.Included})
	if l.At(to.ID)[0].Had(chain.Seen) {
		t.Error("it was Seen before its block")
	}
}

// TestBitcoinWatcherDoubleSpendOfMined: a payment with two confirmations goes
// away together with its blocks, for a conflict that is mined in its place.
func TestBitcoinWatcherDoubleSpendOfMined(t *testing.T) {
	s := newBtcShop(t)
	l := chaintest.NewLedger(t, s.Network())
	to := chain.Target{ID: s.Fresh(t), Assets: s.Assets()}
	chaintest.BeginReady(t, s, l, to)
	id := s.Pay(t, to.ID, chain.Bitcoin, chain.Units(60_000))
	s.Mine(t, 2)
	settle(t, l, to.ID, map[chain.TxID]chain.Kind{id: chain.Included})
	s.DoubleSpend(t, id)
	settle(t, l, to.ID, map[chain.TxID]chain.Kind{id: chain.Gone})
	if !l.At(to.ID)[0].Had(chain.Retracted) {
		t.Error("it went without being Retracted")
	}
}
