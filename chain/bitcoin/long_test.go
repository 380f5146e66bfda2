package bitcoin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// longChain is mainnet's length.
const longChain = 975_000

// firstStart is what a child process is told and answers: memory is measured
// where nothing but the watcher lives.
type firstStart struct {
	Dir, Peer, Blocks, Filters string
	Goal                       uint64

	Took        time.Duration
	First, Last float64 // most private memory in the first and the last third, MB
}

const childEnv = "TILL_TEST_FIRST_START"

func TestMain(m *testing.M) {
	if raw := os.Getenv(childEnv); raw != "" {
		if err := startAsChild(raw); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func startAsChild(raw string) error {
	var f firstStart
	if err := json.Unmarshal([]byte(raw), &f); err != nil {
		return err
	}
	w, err := New(Config{Network: Regtest, Dir: f.Dir, Peers: []string{f.Peer}, BlockHeaders: f.Blocks, FilterHeaders: f.Filters})
	if err != nil {
		return err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, chain.Cursor{}, chaintest.Nobody{}, func(context.Context, []chain.Event, chain.Cursor) error { return nil })
	}()
	var marks []float64
	for h := w.Health(); !h.Usable() || h.Height != f.Goal; h = w.Health() {
		if ctx.Err() != nil {
			return fmt.Errorf("not ready after %v: %+v", time.Since(began), h)
		}
		if now, ok := rssAnon(); ok {
			marks = append(marks, now)
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.Took = time.Since(began)
	cancel()
	<-done
	third := max(1, len(marks)/3)
	for i, mb := range marks {
		if i < third {
			f.First = max(f.First, mb)
		}
		if i >= len(marks)-third {
			f.Last = max(f.Last, mb)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// rssAnon is the private memory of this process in MB, where the system says.
func rssAnon() (float64, bool) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err == nil
		}
	}
	return 0, false
}

func (f firstStart) run(t testing.TB) firstStart {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%v: %s", err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// BenchmarkFirstStart is the time from an empty folder to Ready on a chain of
// mainnet's length, with imported headers and with headers from one peer, and
// from a full folder. Memory must not grow with the chain.
func BenchmarkFirstStart(b *testing.B) {
	s := newSynthetic(b, longChain)
	peer := s.serve(b, "127.0.0.1")
	blocks, filters := s.export(b)
	full := b.TempDir()
	for _, c := range []struct {
		name string
		way  func(n int) firstStart
	}{
		{"import", func(n int) firstStart {
			if n == 0 {
				return firstStart{Dir: full, Blocks: blocks, Filters: filters}
			}
			return firstStart{Dir: b.TempDir(), Blocks: blocks, Filters: filters}
		}},
		{"peer", func(int) firstStart { return firstStart{Dir: b.TempDir()} }},
		{"again", func(int) firstStart { return firstStart{Dir: full} }},
	} {
		b.Run(fmt.Sprintf("%s/headers=%d", c.name, longChain), func(b *testing.B) {
			var all firstStart
			n := 0
			for b.Loop() {
				f := c.way(n)
				n++
				f.Peer, f.Goal = peer, longChain
				f = f.run(b)
				all.Took += f.Took
				all.First, all.Last = max(all.First, f.First), max(all.Last, f.Last)
			}
			if all.Last > 1.5*all.First+16 {
				b.Errorf("memory grows with the chain: %.0f MB in the first third, %.0f MB in the last", all.First, all.Last)
			}
			b.ReportMetric(all.Took.Seconds()/float64(n), "s/start")
			b.ReportMetric(float64(n)*longChain/all.Took.Seconds(), "headers/s")
			b.ReportMetric(all.First, "private-first-third-MB")
			b.ReportMetric(all.Last, "private-last-third-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}
