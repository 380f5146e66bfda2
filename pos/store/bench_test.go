package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// size is what a benchmark's store holds already.
type size struct{ past, open int }

func (z size) String() string { return fmt.Sprintf("past=%d,open=%d", z.past, z.open) }

// all is the number of its sales.
func (z size) all() uint64 { return uint64(z.past + z.open) }

// holding lists the sizes to compare. TILL_BENCH_SALES adds one with that many
// past sales, such as 1000000.
func holding() []size {
	sizes := []size{{0, 0}, {0, 10_000}, {100_000, 10_000}}
	if n, err := strconv.Atoi(os.Getenv("TILL_BENCH_SALES")); err == nil {
		sizes = append(sizes, size{n, 10_000})
	}
	return sizes
}

// filled are the folders of these stores, made once per run and removed by
// TestMain.
var filled struct {
	sync.Mutex
	root string
	done map[size]bool
}

func folder(b *testing.B, z size) string {
	b.Helper()
	filled.Lock()
	defer filled.Unlock()
	if filled.root == "" {
		root, err := os.MkdirTemp("", "till-bench-")
		if err != nil {
			b.Fatal(err)
		}
		filled.root, filled.done = root, map[size]bool{}
	}
	dir := filepath.Join(filled.root, z.String())
	if !filled.done[z] {
		if err := store.Bulk(dir, z.past, z.open); err != nil {
			b.Fatal(err)
		}
		filled.done[z] = true
	}
	return dir
}

// sizes runs a benchmark on each of the stores. What one benchmark added is there
// for the next.
func sizes(b *testing.B, run func(b *testing.B, s *store.SQLite, dir string, z size)) {
	for _, z := range holding() {
		b.Run(z.String(), func(b *testing.B) {
			dir := folder(b, z)
			s := openIn(b, dir)
			b.ResetTimer()
			run(b, s, dir, z)
		})
	}
}

// BenchmarkWrite is a sale's opening transaction, durable: its number, address,
// change, entry and delivery.
func BenchmarkWrite(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, _ size) {
		var took []time.Duration
		for b.Loop() {
			at := time.Now()
			open(b, s, chain.Account{ID: "acc"})
			took = append(took, time.Since(at))
		}
		slices.Sort(took) // the mean is the disk's
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)-1].Microseconds()), "worst-µs")
	})
}

func open(b *testing.B, s pos.Store, account chain.Account) {
	err := s.Write(background, func(tx pos.Tx) error {
		n, err := tx.NextNumber()
		if err != nil {
			return err
		}
		now := storetest.Start.Add(time.Duration(n) * time.Minute)
		i, err := tx.NextIndex(account, now)
		if err != nil {
			return err
		}
		sale := storetest.WithAddress(storetest.NewSale(n), account.ID, i, n)
		paid, err := tx.Paid(sale.Addresses[0].To)
		if err != nil || paid {
			return fmt.Errorf("address %d: %v, %w", i, paid, err)
		}
		body, err := json.Marshal(sale)
		if err != nil {
			return err
		}
		if _, err := tx.AppendJournal(pos.Entry{At: now, Kind: pos.EntrySale, Sale: sale.ID, Body: body}); err != nil {
			return err
		}
		if err := tx.PutSale(sale); err != nil {
			return err
		}
		seq, err := tx.AppendOutbox(pos.Change{At: now, SaleID: sale.ID, Number: n, Outcome: sale.Outcome})
		if err != nil {
			return err
		}
		return tx.PutDelivery(storetest.NewDelivery(seq, sale.ID, now))
	})
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkWritePool is the same where addresses serve again after a cooldown.
func BenchmarkWritePool(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, _ size) {
		for b.Loop() {
			open(b, s, chain.Account{ID: "pool", Cooldown: time.Minute})
		}
	})
}

// BenchmarkGroupCommit is BenchmarkWrite from several terminals at once.
func BenchmarkGroupCommit(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := openIn(b, b.TempDir())
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						open(b, s, chain.Account{ID: "acc"})
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
			sizes(b, func(b *testing.B, s *store.SQLite, _ string, z size) {
				i := uint32(0)
				for b.Loop() {
					i += 7919
					account := "acc"
					if to == "miss" {
						account = "nobody"
					}
					_, ok, err := s.Owner(background, storetest.Destination(account, i%uint32(max(z.all(), 1))))
					if err != nil || z.all() > 0 && ok != (to == "hit") {
						b.Fatal(ok, err)
					}
				}
			})
		})
	}
}

// BenchmarkOpen opens a store and closes it.
func BenchmarkOpen(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, dir string, _ size) {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			s, err := store.Open(background, dir, store.Options{})
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStart opens a store and reads what the first frame needs.
func BenchmarkStart(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, dir string, _ size) {
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
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, _ size) {
		for b.Loop() {
			if err := s.Check(background); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHistory reads the entries of one sale.
func BenchmarkHistory(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, z size) {
		i := uint64(0)
		for b.Loop() {
			i += 7919
			all, err := s.History(background, storetest.NewSale(1+i%max(z.all(), 1)).ID)
			if err != nil || z.all() > 0 && len(all) == 0 {
				b.Fatal(all, err)
			}
		}
	})
}

// BenchmarkDue asks what is to be delivered: nothing yet, and the next ten.
func BenchmarkDue(b *testing.B) {
	for name, now := range map[string]time.Time{"nothing": storetest.Start, "ten": storetest.Start.AddDate(1000, 0, 0)} {
		b.Run(name, func(b *testing.B) {
			sizes(b, func(b *testing.B, s *store.SQLite, _ string, z size) {
				for b.Loop() {
					due, later, err := s.Due(background, now, 10)
					if err != nil || z.open > 0 && (len(due) == 10) != (name == "ten") || z.open > 0 && later.IsZero() != (name == "ten") {
						b.Fatal(len(due), later, err)
					}
				}
			})
		})
	}
}

// BenchmarkDeliver is one delivery that did not succeed: asked for, and put off.
func BenchmarkDeliver(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, z size) {
		if z.open == 0 {
			b.Skip("nothing waits")
		}
		now := storetest.Start.AddDate(1000, 0, 0)
		for b.Loop() {
			due, _, err := s.Due(background, now, 1)
			if err != nil || len(due) != 1 {
				b.Fatal(due, err)
			}
			d := due[0]
			d.Tries, d.Next = d.Tries+1, d.Next.Add(time.Hour)
			if err := s.Write(background, func(tx pos.Tx) error { return tx.PutDelivery(d) }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFind is the text search, by what a customer reads from a receipt.
func BenchmarkFind(b *testing.B) {
	sizes(b, func(b *testing.B, s *store.SQLite, _ string, z size) {
		for b.Loop() {
			if _, err := s.Sales(background, pos.Query{Text: fmt.Sprintf("order %d", z.all()/2)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
