package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

// past is how many sales a benchmark's store holds already. TILL_BENCH_SALES
// adds one more size, such as 1000000.
func past() []uint64 {
	sizes := []uint64{0, 100_000}
	if n, err := strconv.ParseUint(os.Getenv("TILL_BENCH_SALES"), 10, 64); err == nil {
		sizes = append(sizes, n)
	}
	return sizes
}

// filled are stores with past sales, made once per run and removed by TestMain.
var filled struct {
	sync.Mutex
	root string
	done map[uint64]bool
}

// withSales gives a store with n past sales, and its folder.
func withSales(b *testing.B, n uint64) (*store.SQLite, string) {
	b.Helper()
	dir := b.TempDir()
	if n > 0 {
		if err := os.CopyFS(dir, os.DirFS(withSalesIn(b, n))); err != nil {
			b.Fatal(err)
		}
	}
	return openIn(b, dir), dir
}

func withSalesIn(b *testing.B, n uint64) string {
	b.Helper()
	filled.Lock()
	defer filled.Unlock()
	if filled.root == "" {
		root, err := os.MkdirTemp("", "till-bench-")
		if err != nil {
			b.Fatal(err)
		}
		filled.root, filled.done = root, map[uint64]bool{}
	}
	dir := filepath.Join(filled.root, strconv.FormatUint(n, 10))
	if filled.done[n] {
		return dir
	}
	s, err := store.Open(background, dir, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, n)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	filled.done[n] = true
	return dir
}

func sizes(b *testing.B, run func(b *testing.B, s *store.SQLite, dir string, n uint64)) {
	for _, n := range past() {
		b.Run(fmt.Sprintf("past=%d", n), func(b *testing.B) {
			s, dir := withSales(b, n)
			b.ResetTimer()
			run(b, s, dir, n)
		})
	}
}

// BenchmarkCommit is one sale with its number, address and outbox row, durable.
func BenchmarkCommit(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, n uint64) {
		var worst time.Duration
		for b.Loop() {
			n++
			at := time.Now()
			commit(b, s, chain.Account{ID: "acc"}, n)
			worst = max(worst, time.Since(at))
		}
		b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
	})
}

func commit(b *testing.B, s pos.Store, account chain.Account, n uint64) {
	now := storetest.Start.Add(time.Duration(n) * time.Minute)
	err := s.Write(background, func(tx pos.Tx) error {
		if _, err := tx.NextNumber(); err != nil {
			return err
		}
		i, err := tx.NextIndex(account, now)
		if err != nil {
			return err
		}
		sale := storetest.WithAddress(storetest.NewSale(n), account.ID, i, n)
		if err := tx.PutSale(sale); err != nil {
			return err
		}
		_, err = tx.AppendOutbox(pos.Change{At: now, SaleID: sale.ID, Number: n, Outcome: sale.Outcome})
		return err
	})
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkCommitPool is the same where addresses serve again after a cooldown.
func BenchmarkCommitPool(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, n uint64) {
		for b.Loop() {
			n++
			commit(b, s, chain.Account{ID: "pool", Cooldown: time.Minute}, n)
		}
	})
}

// BenchmarkGroupCommit is BenchmarkCommit from several terminals at once.
func BenchmarkGroupCommit(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, _ := withSales(b, 0)
			var n, left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						commit(b, s, chain.Account{ID: "acc"}, uint64(n.Add(1)))
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkOwner looks up whose an address is: one that was shown, and one that
// was not, of which a block holds thousands.
func BenchmarkOwner(b *testing.B) {
	for _, to := range []string{"hit", "miss"} {
		b.Run(to, func(b *testing.B) {
			sizes(b, func(b *testing.B, s *store.SQLite, _ string, n uint64) {
				i := uint32(0)
				for b.Loop() {
					i += 7919
					account := "acc"
					if to == "miss" {
						account = "nobody"
					}
					_, ok, err := s.Owner(background, storetest.Destination(account, i%uint32(max(n, 1))))
					if err != nil || ok != (n > 0 && to == "hit") {
						b.Fatal(ok, err)
					}
				}
			})
		})
	}
}

// BenchmarkStart opens a store and reads what the first frame needs.
func BenchmarkStart(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, dir string, _ uint64) {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			s, err := store.Open(background, dir, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Sales(background, pos.Query{Limit: 20}); err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCheck is the whole check, which runs behind the first frame.
func BenchmarkCheck(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, _ uint64) {
		for b.Loop() {
			if err := s.Check(background); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFind is the text search, by what a customer reads from a receipt.
func BenchmarkFind(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, n uint64) {
		for b.Loop() {
			if _, err := s.Sales(background, pos.Query{Text: fmt.Sprintf("order %d", n/2)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
