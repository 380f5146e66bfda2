package bitcoin

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// bigBlock makes a block of txs transactions with three outputs each, none of
// them to a script of watched.
func bigBlock(txs int) *wire.MsgBlock {
	block := &wire.MsgBlock{}
	for i := range txs {
		tx := wire.NewMsgTx(2)
		var prev chainhash.Hash
		binary.BigEndian.PutUint64(prev[:], uint64(i))
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: prev}, Witness: wire.TxWitness{make([]byte, 72), make([]byte, 33)}})
		for j := range 3 {
			tx.AddTxOut(wire.NewTxOut(1_000, numberedScript(uint64(i*3+j)|1<<40)))
		}
		_ = block.AddTransaction(tx)
	}
	return block
}

// numberedScript is a P2WPKH script of its own for every number.
func numberedScript(n uint64) []byte {
	script := make([]byte, 22)
	script[1] = 20
	binary.BigEndian.PutUint64(script[2:], n)
	return script
}

func BenchmarkMatchBlock(b *testing.B) {
	for _, txs := range []int{2_500, 6_000} {
		block := bigBlock(txs)
		for _, n := range []int{100, 10_000, 100_000} {
			b.Run(fmt.Sprintf("txs=%d/targets=%d", txs, n), func(b *testing.B) {
				t := newTargets(&chaincfg.SimNetParams)
				for i := range n {
					t.set[string(numberedScript(uint64(i)))] = target{to: "x"}
				}
				block.Transactions[txs/2].TxOut[1].PkScript = numberedScript(uint64(n / 2))
				for b.Loop() {
					if found := t.matchBlock(block, 1); len(found) != 1 {
						b.Fatalf("%d payments found, one is there", len(found))
					}
				}
			})
		}
	}
}

// race compares when a bare listener and a watcher's sink heard of the same
// thing.
type race struct {
	mu   sync.Mutex
	bare map[string]time.Time
	ours map[string]time.Time
}

func newRace() *race { return &race{bare: map[string]time.Time{}, ours: map[string]time.Time{}} }

func (r *race) put(m map[string]time.Time, what string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := m[what]; !ok {
		m[what] = at
	}
}

func (r *race) both(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, a := r.bare[what]
	_, b := r.ours[what]
	return a && b
}

// report gives how much later than the bare listener the sink was called, and
// the ratio of the two since the stimulus.
func (r *race) report(b *testing.B, started map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var later, bare, ours []time.Duration
	for what, at := range started {
		later = append(later, r.ours[what].Sub(r.bare[what]))
		bare = append(bare, r.bare[what].Sub(at))
		ours = append(ours, r.ours[what].Sub(at))
	}
	slices.Sort(later)
	slices.Sort(bare)
	slices.Sort(ours)
	ms := func(list []time.Duration, percent int) float64 {
		return float64(list[min(len(list)-1, len(list)*percent/100)].Microseconds()) / 1000
	}
	b.ReportMetric(ms(later, 50), "later-p50-ms")
	b.ReportMetric(ms(later, 99), "later-p99-ms")
	b.ReportMetric(ms(bare, 50), "bare-p50-ms")
	b.ReportMetric(ms(ours, 50), "sink-p50-ms")
	b.ReportMetric(ms(ours, 50)/max(ms(bare, 50), 0.001), "sink/bare")
	b.ReportMetric(0, "ns/op")
}

// benchmarkWatcher runs stimulate b.N times; it makes the node say something
// and returns what the bare listener and the sink will call it.
func benchmarkWatcher(b *testing.B, targets int, kind string, name func(chain.Event) string, stimulate func(*shop, []chain.Target) (what string, at time.Time)) {
	benchmarkWay(b, func(s *shop) chain.Watcher { return s.Watcher(b) }, targets, kind, name, stimulate)
}

func benchmarkWay(b *testing.B, start func(*shop) chain.Watcher, targets int, kind string, name func(chain.Event) string, stimulate func(*shop, []chain.Target) (what string, at time.Time)) {
	// Each connection has its own trickle timer in the node: short, or it is
	// their phases that would be compared.
	s := &shop{Node: btcdtest.Start(b, btcdtest.Options{Trickle: time.Millisecond}), dir: prepare(b, b.TempDir())}
	r := newRace()
	l := chaintest.NewLedger(b, Simnet)
	var list []chain.Target
	for range targets {
		list = append(list, chain.Target{ID: s.Fresh(b)})
	}
	w := start(s)
	if err := w.Watch(b.Context(), list...); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, chain.Cursor{}, chaintest.Nobody{}, func(ctx context.Context, events []chain.Event, c chain.Cursor) error {
			now := time.Now()
			for _, e := range events {
				if what := name(e); what != "" {
					r.put(r.ours, what, now)
				}
			}
			return l.Sink(ctx, events, c)
		})
	}()
	b.Cleanup(func() {
		cancel()
		<-done
	})
	btcdtest.Bare(b, s.P2P(), s.Params, func(k, hash string, at time.Time) {
		if k == kind {
			r.put(r.bare, hash, at)
		}
	})
	l.Wait(b, "the watcher to be ready", func() bool { return w.Health().Usable() && w.Health().Unconfirmed })
	started := map[string]time.Time{}
	b.ResetTimer()
	for range b.N {
		what, at := stimulate(s, list)
		started[what] = at
		l.Wait(b, what, func() bool { return r.both(what) })
	}
	b.StopTimer()
	r.report(b, started)
}

// BenchmarkWatcherBlock: the node announces a block -> the sink is called with
// its Tip, without and with a payment in it that was seen before.
func BenchmarkWatcherBlock(b *testing.B) {
	tip := func(e chain.Event) string {
		if e.Kind != chain.Tip {
			return ""
		}
		return e.Tip.Block.Hash
	}
	mine := func(s *shop) (string, time.Time) {
		at := time.Now()
		s.Mine(b, 1)
		return s.Hash(b, s.Height(b)), at
	}
	b.Run("empty", func(b *testing.B) {
		benchmarkWatcher(b, 10_000, "block", tip, func(s *shop, _ []chain.Target) (string, time.Time) { return mine(s) })
	})
	b.Run("paid", func(b *testing.B) {
		n := 0
		benchmarkWatcher(b, 10_000, "block", tip, func(s *shop, targets []chain.Target) (string, time.Time) {
			s.Pay(b, targets[n%len(targets)].ID, chain.Bitcoin, chain.Units(50_000))
			n++
			time.Sleep(150 * time.Millisecond) // let it be seen first, as at a counter
			return mine(s)
		})
	})
}

// BenchmarkWatcherRelay: the node hands out a transaction -> the sink is called
// with Seen.
func BenchmarkWatcherRelay(b *testing.B) {
	n := 0
	benchmarkWatcher(b, 10_000, "tx", func(e chain.Event) string {
		if e.Kind != chain.Seen {
			return ""
		}
		return string(e.Key.TxID)
	}, func(s *shop, targets []chain.Target) (string, time.Time) {
		n++
		at := time.Now()
		return string(s.Pay(b, targets[n%len(targets)].ID, chain.Bitcoin, chain.Units(50_000))), at
	})
}

// BenchmarkServers: the same through a server that asks the same node, with
// 1,000 targets: until the node's block is a Tip, and its transaction Seen, in
// the sink. The server's own part is in it; the node without a publisher is
// asked once a second.
func BenchmarkServers(b *testing.B) {
	ways := map[string]func(*shop) (*Watcher, error){
		"core": func(s *shop) (*Watcher, error) {
			return NewCore(CoreConfig{Server: Server{Network: Simnet, Dir: s.dir}, URL: "http://u:p@" + s.RPC()})
		},
		"esplora": func(s *shop) (*Watcher, error) {
			server := btcdtest.NewEsplora(b, s.Node)
			server.Sockets = true
			return NewEsplora(EsploraConfig{Server: Server{Network: Simnet, Dir: s.dir}, URL: server.URL})
		},
		"electrum": func(s *shop) (*Watcher, error) {
			return NewElectrum(ElectrumConfig{Server: Server{Network: Simnet, Dir: s.dir}, Address: "tcp://" + btcdtest.NewElectrum(b, s.Node).Addr})
		},
	}
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		start := func(s *shop) chain.Watcher {
			w, err := ways[way](s)
			if err != nil {
				b.Fatal(err)
			}
			return w
		}
		b.Run(way+"/block", func(b *testing.B) {
			benchmarkWay(b, start, 1_000, "block", func(e chain.Event) string { return e.Tip.Block.Hash }, func(s *shop, _ []chain.Target) (string, time.Time) {
				at := time.Now()
				s.Mine(b, 1)
				return s.Hash(b, s.Height(b)), at
			})
		})
		b.Run(way+"/relay", func(b *testing.B) {
			n := 0
			seen := func(e chain.Event) string {
				if e.Kind != chain.Seen {
					return ""
				}
				return string(e.Key.TxID)
			}
			benchmarkWay(b, start, 1_000, "tx", seen, func(s *shop, targets []chain.Target) (string, time.Time) {
				n++
				at := time.Now()
				return string(s.Pay(b, targets[len(targets)-1-n%10].ID, chain.Bitcoin, chain.Units(50_000))), at
			})
		})
	}
}
