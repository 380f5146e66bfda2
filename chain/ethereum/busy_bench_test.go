package ethereum

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
)

// busyBlock is a block of n transactions, a third of them in tokens, as a node
// tells it, with its receipts.
func busyBlock(b *testing.B, n int, to func(int) chain.Destination) (net *devnet.Ethereum, blk, receipts json.RawMessage) {
	b.Helper()
	net, err := devnet.StartEthereum(b.Context(), devnet.EthereumOptions{Rand: rand.NewChaCha8([32]byte{7})})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = net.Close() })
	for i := range n {
		if i%3 == 0 {
			_, err = net.Customer().PayToken(b.Context(), to(i), big.NewInt(1_000_000))
		} else {
			_, err = net.Customer().PayNative(b.Context(), to(i), big.NewInt(1e15))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := net.Mine(1); err != nil {
		b.Fatal(err)
	}
	client, err := rpc.Dial(net.EndpointHTTP())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	hash := net.Head().Hash
	for method, into := range map[string]*json.RawMessage{"eth_getBlockByHash": &blk, "eth_getBlockReceipts": &receipts} {
		args := []any{hash}
		if into == &blk {
			args = append(args, true)
		}
		if err := client.CallContext(b.Context(), into, method, args...); err != nil {
			b.Fatal(err)
		}
	}
	return net, blk, receipts
}

// BenchmarkBusyBlock is what a block costs this machine once it has arrived:
// reading, checking both roots and matching against 10,000 addresses, beside
// only reading the same JSON.
func BenchmarkBusyBlock(b *testing.B) {
	for _, n := range []int{200, 800, 1_500} {
		b.Run(fmt.Sprintf("txs=%d", n), func(b *testing.B) {
			// Every second one pays a target.
			net, blk, receipts := busyBlock(b, n, func(i int) chain.Destination {
				if i%2 == 0 {
					return chain.Destination(nth(i).Hex())
				}
				return chain.Destination(nth(1_000_000 + i).Hex())
			})
			w, err := New(Config{ChainID: net.ChainID(), Native: net.Native(), Tokens: []chain.Asset{net.Token()}, Endpoints: []string{"http://127.0.0.1:1"}})
			if err != nil {
				b.Fatal(err)
			}
			var targets []chain.Target
			for i := range 10_000 {
				targets = append(targets, chain.Target{ID: chain.Destination(nth(i).Hex())})
			}
			if err := w.Watch(b.Context(), targets...); err != nil {
				b.Fatal(err)
			}
			b.Run("bare", func(b *testing.B) {
				for b.Loop() {
					var one struct{ Transactions []map[string]any }
					var two []map[string]any
					if json.Unmarshal(blk, &one) != nil || json.Unmarshal(receipts, &two) != nil || len(one.Transactions) != n || len(two) != n {
						b.Fatal("not read")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/tx")
			})
			b.Run("watcher", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					read, err := decodeBlock(blk)
					if err != nil {
						b.Fatal(err)
					}
					if err := checkTransactions(read); err != nil {
						b.Fatal(err)
					}
					list, err := decodeReceipts(receipts)
					if err != nil {
						b.Fatal(err)
					}
					if whole, err := checkReceipts(read, list, true); err != nil || !whole {
						b.Fatal(err)
					}
					pointers := make([]*receipt, len(list))
					for i := range list {
						pointers[i] = &list[i]
					}
					if hits := w.match(read, pointers, w.aim()); len(hits) != n/2 {
						b.Fatalf("%d hits, want %d", len(hits), n/2)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/tx")
				b.ReportMetric(float64(len(blk)+len(receipts))/1e3, "kB/block")
			})
		})
	}
}

// BenchmarkTargetsMemory is what a watched address costs, with a purse.
func BenchmarkTargetsMemory(b *testing.B) {
	const n = 100_000
	var list []chain.Target
	for i := range n {
		list = append(list, chain.Target{ID: chain.Destination(nth(i).Hex()), Assets: []chain.AssetID{chain.NativeAsset(1)}})
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		w, err := New(Config{ChainID: 1, Native: chain.Asset{ID: chain.NativeAsset(1)}, Endpoints: []string{"http://127.0.0.1:1"}})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Watch(b.Context(), list...); err != nil {
			b.Fatal(err)
		}
		held := purses{}
		for addr := range w.targets {
			held[addr] = &purse{}
		}
		b.ReportMetric(float64(heap()-before)/n, "B/target")
		runtime.KeepAlive(held)
		runtime.KeepAlive(w)
	}
}
