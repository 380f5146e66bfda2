package devnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb"
	"github.com/btcsuite/btcd/txscript"
	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
)

// btcFullNode is btcd's own validation of blocks, with the soft forks active
// from the start as they are on Bitcoin Core's regtest.
func btcFullNode(t *testing.T) *blockchain.BlockChain {
	t.Helper()
	params := *btcParams
	for i := range params.Deployments {
		params.Deployments[i].AlwaysActiveHeight = 1
	}
	params.BIP0034Height = 1 // heights in coinbases are checked too
	db := btcMust[database.DB](t)(database.Create("ffldb", filepath.Join(t.TempDir(), "full"), params.Net))
	t.Cleanup(func() { _ = db.Close() })
	return btcMust[*blockchain.BlockChain](t)(blockchain.New(&blockchain.Config{
		DB: db, ChainParams: &params, TimeSource: blockchain.NewMedianTime(),
		SigCache: txscript.NewSigCache(1000), HashCache: txscript.NewHashCache(1000),
	}))
}

// btcFeed gives the full node every block that b ever had above its genesis.
func btcFeed(t *testing.T, full *blockchain.BlockChain, b *Bitcoin) {
	t.Helper()
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, k := range b.chain[1:] {
		block := btcutil.NewBlock(k.msg)
		if have, err := full.HaveBlock(block.Hash()); err != nil || have {
			continue
		}
		if _, orphan, err := full.ProcessBlock(block, blockchain.BFNone); err != nil || orphan {
			t.Fatalf("a full node refuses block %d: %v (orphan: %v)", k.height, err, orphan)
		}
	}
	if best := full.BestSnapshot(); best.Hash != b.tip().hash {
		t.Fatalf("the full node is at %d %s, the network at %d %s", best.Height, best.Hash, b.tip().height, b.tip().hash)
	}
}

func TestBitcoinBlocksSatisfyAFullNode(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	full := btcFullNode(t)
	btcFeed(t, full, b)
	pay := func(n int, o BitcoinPayOptions) (id chain.TxID) {
		for i := range n {
			id = btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, uint32(i)).EncodeAddress(), 10_000, o))
		}
		return id
	}
	pay(30, BitcoinPayOptions{})
	pay(3, BitcoinPayOptions{Chained: true})
	btcMust[[]string](t)(b.Mine(2))
	btcFeed(t, full, b)
	pay(2, BitcoinPayOptions{Quiet: true})
	id := pay(1, BitcoinPayOptions{})
	btcMust[chain.TxID](t)(b.DoubleSpend(id))
	btcFeed(t, full, b)
	pay(3, BitcoinPayOptions{Replaceable: true})
	btcMust[[]string](t)(b.Mine(3))
	btcFeed(t, full, b)
	for _, fate := range []Fate{Remined, Returned, Lost} {
		pay(1, BitcoinPayOptions{})
		btcMust[[]string](t)(b.Mine(1))
		btcMust[[]string](t)(b.Reorg(3, fate))
		btcFeed(t, full, b)
	}
	btcMust[[]string](t)(b.Mine(200)) // over the halving at 150
	btcFeed(t, full, b)
}

// TestBitcoinWildDays plays random days and holds the network's own books
// against a full node and against themselves after each step.
func TestBitcoinWildDays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := btcMust[*Bitcoin](t)(StartBitcoin(t.Context(), BitcoinOptions{Nodes: 1, Rand: rand.NewChaCha8([32]byte{1})}))
		defer func() { _ = b.Close() }()
		var ids []chain.TxID
		some := func() chain.TxID {
			if len(ids) == 0 {
				return ""
			}
			return rapid.SampledFrom(ids).Draw(r, "which")
		}
		steps := rapid.IntRange(1, 25).Draw(r, "steps")
		for range steps {
			var id chain.TxID
			var err error
			switch rapid.IntRange(0, 8).Draw(r, "do") {
			case 0, 1, 2:
				id, err = b.Customer().PayAddress(btcShopAddress(t, 1).EncodeAddress(),
					rapid.Int64Range(1, 30e8).Draw(r, "sat"),
					BitcoinPayOptions{Chained: rapid.Bool().Draw(r, "chained"), Quiet: rapid.Bool().Draw(r, "quiet")})
			case 3:
				_, err = b.Mine(rapid.IntRange(1, 3).Draw(r, "blocks"))
			case 4:
				_, err = b.Reorg(rapid.IntRange(1, 8).Draw(r, "depth"), Fate(rapid.IntRange(0, 2).Draw(r, "fate")))
			case 5:
				id, err = b.Replace(some())
			case 6:
				id, err = b.Bump(some())
			case 7:
				id, err = b.DoubleSpend(some())
			case 8:
				err = b.Drop(some())
			}
			// Many of these are impossible at their moment, but never for the
			// network's own reasons.
			if err != nil && strings.Contains(err.Error(), "could not be mined") {
				r.Fatal(err)
			}
			if id != "" {
				ids = append(ids, id)
			}
			btcAudit(r, b)
		}
		btcFeed(t, btcFullNode(t), b)
	})
}

// btcAudit replays the chain from its blocks and compares the books with it.
func btcAudit(t rapid.TB, b *Bitcoin) {
	t.Helper()
	b.mu.RLock()
	defer b.mu.RUnlock()
	coins := map[string]int64{}
	for h, k := range b.chain {
		if int(k.height) != h || h > 0 && (k.prev != b.chain[h-1] || k.msg.Header.PrevBlock != k.prev.hash) {
			t.Fatalf("block %d does not follow the one before", h)
		}
		if h == 0 {
			continue
		}
		for n, tx := range k.msg.Transactions {
			if n > 0 {
				for _, in := range tx.TxIn {
					if _, ok := coins[in.PreviousOutPoint.String()]; !ok {
						t.Fatalf("block %d spends %s, which is not there", h, in.PreviousOutPoint)
					}
					delete(coins, in.PreviousOutPoint.String())
				}
			}
			for i, out := range tx.TxOut {
				if !txscript.IsUnspendable(out.PkScript) {
					coins[fmt.Sprintf("%s:%d", tx.TxHash(), i)] = out.Value
				}
			}
		}
	}
	if len(coins) != len(b.coins) {
		t.Fatalf("%d coins are known, the blocks leave %d", len(b.coins), len(coins))
	}
	owned := 0
	for op, c := range b.coins {
		if v, ok := coins[op.String()]; !ok || v != c.out.Value {
			t.Fatalf("coin %s of %d sat is not what the blocks leave (%d)", op, c.out.Value, v)
		}
		if _, ok := b.customer.owner[string(c.out.PkScript)]; ok {
			owned++
			if _, ok := b.customer.owned[op]; !ok {
				t.Fatalf("the customer does not know of its coin %s", op)
			}
		}
	}
	if owned != len(b.customer.owned) {
		t.Fatalf("the customer believes in %d coins and has %d", len(b.customer.owned), owned)
	}
	inputs := 0
	seen := map[string]bool{}
	for _, p := range b.poolTxs() {
		fee := int64(0)
		for _, in := range p.tx.TxIn {
			inputs++
			if b.poolSpends[in.PreviousOutPoint] != p.hash {
				t.Fatalf("the mempool's %s is not the known spender of %s", p.hash, in.PreviousOutPoint)
			}
			c, ok := b.coin(in.PreviousOutPoint)
			if !ok || b.pool[in.PreviousOutPoint.Hash] != nil && !seen[in.PreviousOutPoint.Hash.String()] {
				t.Fatalf("the mempool's %s spends %s, which is not there or comes later", p.hash, in.PreviousOutPoint)
			}
			fee += c.out.Value
		}
		for _, out := range p.tx.TxOut {
			fee -= out.Value
		}
		if fee != p.fee {
			t.Fatalf("the mempool's %s pays %d sat and is said to pay %d", p.hash, fee, p.fee)
		}
		seen[p.hash.String()] = true
	}
	if inputs != len(b.poolSpends) {
		t.Fatalf("the mempool spends %d outputs and %d are noted", inputs, len(b.poolSpends))
	}
}

func TestBitcoinBlockTimes(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 500, time.UTC)
	b := btcStart(t, BitcoinOptions{Nodes: 1, Now: func() time.Time { return now }})
	if tip := b.Tip(); !tip.Time.Equal(now.Truncate(time.Second)) || tip.Height != 110 {
		t.Errorf("the first tip is %d of %v", tip.Height, tip.Time)
	}
	// A clock that stands still or goes back stops nobody.
	btcMust[[]string](t)(b.Mine(50))
	now = now.Add(-time.Hour)
	btcMust[[]string](t)(b.Mine(50))
	now = now.Add(3 * time.Hour)
	btcMust[[]string](t)(b.Mine(1))
	if tip := b.Tip(); !tip.Time.Equal(now.Truncate(time.Second)) {
		t.Errorf("the last tip is of %v, the clock says %v", tip.Time, now)
	}
	for h := uint64(1); h <= b.Height(); h++ {
		was, _ := b.Block(h - 1)
		is, _ := b.Block(h)
		if is.Time.Before(was.Time) || !is.Time.After(b.chain[h-1].medianTime()) {
			t.Fatalf("block %d of %v follows one of %v with median %v", h, is.Time, was.Time, b.chain[h-1].medianTime())
		}
	}
	if blockchain.MaxTimeOffsetSeconds < int(b.chain[210].msg.Header.Timestamp.Sub(b.chain[110].msg.Header.Timestamp).Seconds()) {
		t.Error("a hundred blocks at once ran away from the clock")
	}
}

func TestBitcoinReorgFates(t *testing.T) {
	for fate, want := range map[Fate]struct{ confirmed, waiting bool }{
		Remined: {confirmed: true}, Returned: {waiting: true}, Lost: {},
	} {
		t.Run(fmt.Sprint(fate), func(t *testing.T) {
			b := btcStart(t, BitcoinOptions{Nodes: 1})
			id := btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 1).EncodeAddress(), 9_000, BitcoinPayOptions{}))
			btcMust[[]string](t)(b.Mine(2))
			before, _ := b.Confirmed(id)
			tip := b.Tip()
			hashes := btcMust[[]string](t)(b.Reorg(2, fate))
			if len(hashes) != 3 || b.Height() != tip.Height+1 || b.Tip().Hash != hashes[2] {
				t.Fatalf("the new branch is %v, the tip %v", hashes, b.Tip())
			}
			after, confirmed := b.Confirmed(id)
			if confirmed != want.confirmed || confirmed && (after.Hash == before.Hash || after.Height != before.Height) {
				t.Errorf("the payment was in %v and is in %v (%v)", before, after, confirmed)
			}
			if waiting := slices.Contains(b.Mempool(), id); waiting != want.waiting {
				t.Errorf("the payment waits: %v", waiting)
			}
			btcMust[[]string](t)(b.Mine(1))
			if _, ok := b.Confirmed(id); ok != (want.confirmed || want.waiting) {
				t.Errorf("after one more block the payment is confirmed: %v", ok)
			}
		})
	}
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	for _, depth := range []int{-1, 0, 111, 5000} {
		if _, err := b.Reorg(depth, Remined); err == nil {
			t.Errorf("a reorganisation of %d blocks was possible", depth)
		}
	}
}

func TestBitcoinDoubleSpend(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	shop := btcShopAddress(t, 1).EncodeAddress()
	for _, mined := range []int{0, 1, 3} {
		id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 9_000, BitcoinPayOptions{}))
		other := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 9_000, BitcoinPayOptions{}))
		if mined > 0 {
			btcMust[[]string](t)(b.Mine(mined))
		}
		height := b.Height()
		by := btcMust[chain.TxID](t)(b.DoubleSpend(id))
		if _, ok := b.Confirmed(id); ok || slices.Contains(b.Mempool(), id) {
			t.Errorf("mined %d deep: the payment is still there", mined)
		}
		ref, ok := b.Confirmed(by)
		if !ok || b.Height() != height+1 || ref.Height != height+1-uint64(mined) {
			t.Errorf("mined %d deep: the conflict is in %v of %d", mined, ref, b.Height())
		}
		if _, ok := b.Confirmed(other); !ok {
			t.Errorf("mined %d deep: an innocent payment got lost", mined)
		}
	}
	if _, err := b.DoubleSpend("zz"); err == nil {
		t.Error("nonsense was double-spent")
	}
}

func TestBitcoinAutoMine(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	ticks := make(chan time.Time)
	stop := b.AutoMine(ticks)
	for range 3 {
		ticks <- time.Time{}
	}
	stop()
	stop()
	if h := b.Height(); h != 113 {
		t.Errorf("three ticks led to height %d", h)
	}
}

func TestBitcoinStopStart(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2})
	e := btcListen(t, b.Peers()[0], false)
	if err := b.Stop(0); err != nil {
		t.Fatal(err)
	}
	e.WaitForDisconnect()
	if err := errors.Join(b.Stop(0), b.Start(0), b.Start(0)); err != nil {
		t.Fatal(err)
	}
	btcListen(t, b.Peers()[0], false)
	if b.Stop(2) == nil || b.Start(-1) == nil || b.Hold(7) == nil {
		t.Error("a node that does not exist took orders")
	}
}

func TestBitcoinCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		b := btcMust[*Bitcoin](t)(StartBitcoin(t.Context(), BitcoinOptions{}))
		b.AutoMine(make(chan time.Time))
		for _, addr := range b.Peers() {
			btcListen(t, addr, false)
		}
		if err := errors.Join(b.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
		if b.Start(0) == nil {
			t.Error("a closed network was started")
		}
	}
	// The listeners' ends of the connections take a moment.
	btcWait(t, "every goroutine to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestBitcoinSameRandomnessSameKeys(t *testing.T) {
	var addrs []string
	for range 2 {
		b := btcStart(t, BitcoinOptions{Nodes: 1, Blocks: 1})
		addrs = append(addrs, b.Customer().Address())
	}
	other := btcStart(t, BitcoinOptions{Nodes: 1, Blocks: 1, Rand: rand.NewChaCha8([32]byte{9})})
	if addrs[0] != addrs[1] || addrs[0] == other.Customer().Address() {
		t.Errorf("addresses %v and %s", addrs, other.Customer().Address())
	}
	if a, err := btcutil.DecodeAddress(addrs[0], btcParams); err != nil || a.IsForNet(&chaincfg.MainNetParams) {
		t.Error("the customer's address is one of the main network")
	}
}
