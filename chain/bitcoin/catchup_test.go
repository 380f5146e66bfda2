package bitcoin

import (
	"fmt"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/gcs"
	"github.com/btcsuite/btcd/btcutil/gcs/builder"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// BenchmarkCatchUp is a till that comes back 500 blocks later, with a payment in
// every fiftieth: from Run to the last payment in the sink, beside a bare
// connection that asks the same node for the same headers and filters and looks
// for the same scripts. Budget: 0.5 s. Headers are checked by the main network's
// rules (see likeMainnet).
func BenchmarkCatchUp(b *testing.B) {
	const blocks, every = 500, 50
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("targets=%d", n), func(b *testing.B) {
			var ours, bare []time.Duration
			var cpu time.Duration // what it cost, whatever else the machine does
			for b.Loop() {
				b.StopTimer()
				s := newShop(b)
				l := chaintest.NewLedger(b, Simnet)
				var targets []chain.Target
				for range n {
					targets = append(targets, chain.Target{ID: s.Fresh(b)})
				}
				chaintest.BeginReady(b, s, l, targets...).End(b)
				from := s.Height(b)
				var paid []chain.Destination
				for i := range blocks / every {
					s.Mine(b, every-1)
					paid = append(paid, targets[i].ID)
					s.Pay(b, targets[i].ID, chain.Bitcoin, chain.Units(40_000))
					s.Mine(b, 1)
				}
				bare = append(bare, bareCatchUp(b, s, from, targets))
				b.StartTimer()
				began, used := time.Now(), cpuTime()
				chaintest.Begin(b, s, l, targets...)
				l.Wait(b, "the last payment", func() bool {
					for _, to := range paid {
						if p := l.At(to); len(p) != 1 || p[0].Kind() != chain.Included {
							return false
						}
					}
					return true
				})
				ours = append(ours, time.Since(began))
				cpu += cpuTime() - used
			}
			slices.Sort(ours)
			slices.Sort(bare)
			o, r := ours[len(ours)/2], bare[len(bare)/2]
			b.ReportMetric(float64(o.Milliseconds()), "ms")
			b.ReportMetric(float64(r.Milliseconds()), "bare-ms")
			b.ReportMetric(float64(o)/float64(r), "ms/bare")
			b.ReportMetric(float64(cpu.Milliseconds())/float64(len(ours)), "cpu-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// bareCatchUp asks a node for all headers above a height, their filters and the
// blocks that match, and nothing is checked or stored.
func bareCatchUp(b *testing.B, s *shop, from uint64, targets []chain.Target) time.Duration {
	b.Helper()
	params := chaincfg.SimNetParams
	var scripts [][]byte
	for _, one := range targets {
		script, err := scriptOf(one.ID, &params)
		if err != nil {
			b.Fatal(err)
		}
		scripts = append(scripts, []byte(script))
	}
	start, err := chainhash.NewHashFromStr(s.Hash(b, from))
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	conn, err := net.Dial("tcp", s.P2P())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	put := func(msg wire.Message) {
		if _, err := wire.WriteMessageWithEncodingN(conn, msg, wire.AddrV2Version, params.Net, wire.WitnessEncoding); err != nil {
			b.Fatal(err)
		}
	}
	none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	mine := wire.NewMsgVersion(none, none, uint64(began.UnixNano()), 0)
	mine.ProtocolVersion = int32(wire.AddrV2Version)
	put(mine)
	hits, filters, wanted := 0, 0, -1
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(conn, wire.AddrV2Version, params.Net, wire.WitnessEncoding)
		if err != nil {
			b.Fatal(err)
		}
		switch msg := msg.(type) {
		case *wire.MsgVersion:
			put(wire.NewMsgVerAck())
		case *wire.MsgVerAck:
			get := wire.NewMsgGetHeaders()
			_ = get.AddBlockLocatorHash(start)
			put(get)
		case *wire.MsgHeaders:
			if wanted = len(msg.Headers); wanted == 0 {
				b.Fatal("no headers")
			}
			last := msg.Headers[wanted-1].BlockHash()
			put(wire.NewMsgGetCFilters(wire.GCSFilterRegular, uint32(from)+1, &last))
		case *wire.MsgCFilter:
			filters++
			filter, err := gcs.FromNBytes(builder.DefaultP, builder.DefaultM, msg.Data)
			if err != nil {
				b.Fatal(err)
			}
			if filter.N() > 0 {
				hit, err := filter.MatchAny(builder.DeriveKey(&msg.BlockHash), scripts)
				if err != nil {
					b.Fatal(err)
				}
				if hit {
					hits++
					get := wire.NewMsgGetData()
					_ = get.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessBlock, &msg.BlockHash))
					put(get)
				}
			}
		case *wire.MsgBlock:
			hits--
			for _, tx := range msg.Transactions {
				tx.TxHash()
			}
		}
		if filters == wanted && hits == 0 {
			return time.Since(began)
		}
	}
}

// BenchmarkFilterMatch is one mainnet block's filter against what a till looks
// for: the addresses of open and recent sales. What was closed long ago is not
// among them, however much it is.
func BenchmarkFilterMatch(b *testing.B) {
	const elements, live = 10_000, 1_000
	key := [gcs.KeySize]byte{7}
	var data [][]byte
	for i := range elements {
		data = append(data, numberedScript(uint64(i)|1<<50))
	}
	filter, err := gcs.BuildGCSFilter(builder.DefaultP, builder.DefaultM, key, data)
	if err != nil {
		b.Fatal(err)
	}
	for _, closed := range []int{0, 10_000, 100_000} {
		b.Run(fmt.Sprintf("live=%d/closed=%d", live, closed), func(b *testing.B) {
			w, err := New(Config{Network: Simnet, Dir: b.TempDir(), Peers: []string{"127.0.0.1:1"}})
			if err != nil {
				b.Fatal(err)
			}
			for i := range closed + live {
				to := addressNumber(b, uint64(i))
				if err := w.Watch(b.Context(), chain.Target{ID: to}); err != nil {
					b.Fatal(err)
				}
				if i < closed {
					w.Unwatch(to)
				}
			}
			for b.Loop() {
				if hit, err := filter.MatchAny(key, w.targets.scan(1)); err != nil || hit {
					b.Fatalf("a hit: %v, %v", hit, err)
				}
			}
		})
	}
}

func addressNumber(b testing.TB, n uint64) chain.Destination {
	b.Helper()
	addr, err := btcutil.NewAddressWitnessPubKeyHash(numberedScript(n)[2:], &chaincfg.SimNetParams)
	if err != nil {
		b.Fatal(err)
	}
	return chain.Destination(addr.EncodeAddress())
}
