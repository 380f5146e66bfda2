package bitcoin

import (
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"strconv"
	"testing"

	"github.com/btcsuite/btcd/btcutil/gcs"
	"github.com/btcsuite/btcd/btcutil/gcs/builder"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"

	"github.com/btcsuite/btcd/btcutil"

	"github.com/cointill/till/chain"
)

// longAgo is an archive of n addresses that nobody watches any more.
type longAgo []chain.Destination

func (longAgo) Owner(chain.Destination) (string, bool) { return "", false }

func (a longAgo) All() iter.Seq2[string, chain.Destination] {
	return func(yield func(string, chain.Destination) bool) {
		for _, to := range a {
			if !yield("sale", to) {
				return
			}
		}
	}
}

// BenchmarkAuditCold is what the daily look at old addresses costs for one block
// of 10,000 scripts: a day has 144. TILL_BENCH_SALES sets how many addresses
// there are beside 10,000, such as 1000000. Memory is that of one part.
func BenchmarkAuditCold(b *testing.B) {
	hash := chainhash.HashH([]byte("block"))
	key := builder.DeriveKey(&hash)
	var scripts [][]byte
	for n := range uint64(10_000) {
		scripts = append(scripts, numberedScript(n))
	}
	filter, err := gcs.BuildGCSFilter(builder.DefaultP, builder.DefaultM, key, scripts)
	if err != nil {
		b.Fatal(err)
	}
	sizes := []int{10_000, 100_000}
	if n, err := strconv.Atoi(os.Getenv("TILL_BENCH_SALES")); err == nil {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("addresses=%d", n), func(b *testing.B) {
			archive := make(longAgo, n)
			for i := range archive {
				var program [20]byte
				binary.BigEndian.PutUint64(program[:], uint64(i+1))
				to, err := btcutil.NewAddressWitnessPubKeyHash(program[:], &chaincfg.MainNetParams)
				if err != nil {
					b.Fatal(err)
				}
				archive[i] = chain.Destination(to.EncodeAddress())
			}
			k := &looker{chunk: auditChunk, r: &run{archive: archive, w: &Watcher{targets: newTargets(&chaincfg.MainNetParams)}}}
			b.ReportAllocs()
			for b.Loop() {
				seen := 0
				for part := range k.cold(look{audit: true}) {
					list := make([][]byte, 0, len(part.scripts))
					for script := range part.scripts {
						list = append(list, []byte(script))
					}
					seen += len(list)
					if _, err := filter.MatchAny(key, list); err != nil {
						b.Fatal(err)
					}
				}
				if seen != n {
					b.Fatalf("%d of %d addresses were looked for", seen, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/address")
		})
	}
}
