package store_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

// rounds is how often something is done, by default or by the environment.
func rounds(env string, n int) int {
	if v, err := strconv.Atoi(os.Getenv(env)); err == nil && v > 0 {
		return v
	}
	if store.UnderRace {
		return max(1, n/3)
	}
	return n
}

const childEnv = "TILL_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	if store.UnderRace {
		_ = flag.Set("rapid.checks", "25")
	}
	code := m.Run()
	if filled.root != "" {
		_ = os.RemoveAll(filled.root)
	}
	os.Exit(code)
}

// child rings up sales from several goroutines until it is killed, and prints
// "number index" of each only after its Write has returned.
func child(dir string) error {
	s, err := store.Open(background, dir, store.Options{})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		wg.Go(func() {
			for {
				line, err := ringUp(s)
				if err != nil {
					errs <- err
					return
				}
				if _, err := fmt.Println(line); err != nil {
					return // the parent is gone
				}
			}
		})
	}
	wg.Wait()
	return <-errs
}

func ringUp(s pos.Store) (line string, err error) {
	err = s.Write(background, func(tx pos.Tx) error {
		n, err := tx.NextNumber()
		if err != nil {
			return err
		}
		i, err := tx.NextIndex(chain.Account{ID: "acc"}, storetest.Start)
		if err != nil {
			return err
		}
		sale := storetest.WithAddress(storetest.NewSale(n), "acc", i, 0)
		line = fmt.Sprintf("%d %d", n, i)
		if n%7 == 0 {
			return errRolledBack // what it took is given out again
		}
		if err := tx.PutSale(sale); err != nil {
			return err
		}
		if err := tx.PutPayment(storetest.NewPayment(sale, uint32(n))); err != nil {
			return err
		}
		seq, err := tx.AppendOutbox(pos.Change{SaleID: sale.ID, Number: n, Outcome: sale.Outcome})
		if err != nil {
			return err
		}
		if _, err := tx.AppendJournal(storetest.NewEntry(sale.ID, int(n))); err != nil {
			return err
		}
		return tx.PutDelivery(storetest.NewDelivery(seq, sale.ID, storetest.Start))
	})
	if errors.Is(err, errRolledBack) {
		return "", skipNumber(s)
	}
	return line, err
}

var errRolledBack = errors.New("rolled back")

// skipNumber uses up a number, so that the next sale has another.
func skipNumber(s pos.Store) error {
	return s.Write(background, func(tx pos.Tx) error {
		_, err := tx.NextNumber()
		return err
	})
}

// TestKill: nothing that was acknowledged is lost when the process is killed.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[uint64]uint32{} // number to index
	r := rand.New(rand.NewPCG(1, 2))
	for round := range rounds("TILL_KILLS", 10) {
		for n, i := range runAndKill(t, dir, time.Duration(r.IntN(60))*time.Millisecond) {
			if _, twice := acknowledged[n]; twice {
				t.Fatalf("round %d: number %d was given out twice", round, n)
			}
			acknowledged[n] = i
		}
		s := openIn(t, dir) // the lock went with the process
		if err := s.Check(background); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		verifyAcknowledged(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d sales were acknowledged, and are there", len(acknowledged))
}

func verifyAcknowledged(t *testing.T, s pos.Store, acknowledged map[uint64]uint32) {
	t.Helper()
	rs, err := s.Sales(background, pos.Query{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	stored := map[uint64]uint32{}
	indices := map[uint32]bool{}
	for _, r := range rs {
		i := r.Sale.Addresses[0].Index
		if indices[i] {
			t.Fatalf("index %d was given out twice", i)
		}
		indices[i], stored[r.Sale.Number] = true, i
		if len(r.Payments) != 1 {
			t.Fatalf("sale %d lost its payment", r.Sale.Number)
		}
		history, err := s.History(background, r.Sale.ID)
		waiting, err2 := s.Deliveries(background, pos.DeliveryQuery{SaleID: r.Sale.ID})
		if err := errors.Join(err, err2); err != nil || len(history) != 1 || len(waiting) != 1 {
			t.Fatalf("sale %d has %d entries and %d deliveries, %v", r.Sale.Number, len(history), len(waiting), err)
		}
	}
	for n, i := range acknowledged {
		if got, ok := stored[n]; !ok || got != i {
			t.Fatalf("sale %d on index %d was acknowledged and is lost", n, i)
		}
	}
	changes, err := s.Outbox(background, 0, 1<<30)
	if err != nil || len(changes) != len(rs) {
		t.Fatalf("%d changes for %d sales, %v", len(changes), len(rs), err)
	}
	entries, err := s.Journal(background, 0, 1<<30)
	if err != nil || len(entries) != len(rs) {
		t.Fatalf("%d entries for %d sales, %v", len(entries), len(rs), err)
	}
	var chain pos.Chain
	for _, e := range entries {
		if err := chain.Add(e); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill lets a child ring up for a while and kills it in the middle.
func runAndKill(t *testing.T, dir string, after time.Duration) map[uint64]uint32 {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() { _ = cmd.Process.Kill() })
	defer kill()
	got := map[uint64]uint32{}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // a line that was cut off was not acknowledged
		}
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSpace(line)
		var n uint64
		var i uint32
		switch _, err := fmt.Sscanf(line, "%d %d", &n, &i); {
		case line == "ready":
			time.AfterFunc(after, kill)
		case line == "":
		case err != nil:
			t.Fatalf("the child said: %s", line)
		default:
			got[n] = i
		}
	}
	_ = cmd.Wait()
	return got
}
