package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/tuitest"
)

// process is the real program, built as it is shipped, on a terminal of its
// own, with 1,000 open sales on a Bitcoin and an Ethereum node.
type process struct {
	b    *testing.B
	pid  int
	pane *tuitest.Pane
}

func startProcess(b *testing.B) *process {
	b.Helper()
	blocks := 5_000
	if os.Getenv("TILL_FULL") != "" {
		blocks = 40_000
	}
	// Not btcd: simnet's difficulty grows too fast to mine so many.
	node, err := devnet.StartBitcoin(b.Context(), devnet.BitcoinOptions{Blocks: blocks})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = node.Close() })
	net, err := devnet.StartEthereum(b.Context(), devnet.EthereumOptions{Rand: rand.Reader, BlockEvery: 4 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = net.Close() })
	dir := b.TempDir()
	binary, config, data := filepath.Join(dir, "till"), filepath.Join(dir, "till.toml"), filepath.Join(dir, "data")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("till does not build: %v\n%s", err, out)
	}
	toml := strings.Replace(benchShop(b, node.Peers()[0], net.Endpoint()), "simnet", "regtest", 1) + "lean = true\n"
	if err := os.WriteFile(config, []byte(toml), 0o600); err != nil {
		b.Fatal(err)
	}
	sellThousand(b, toml, config, data)
	pane := tuitest.Tmux(b, 80, 24, []string{"TERM=tmux-256color"}, binary, "--config", config, "--data", data)
	pane.Press("f4")
	pane.Until("both rails to be ready", func(frame string) bool { return strings.Count(frame, "ready") >= 2 })
	pane.Press("esc")
	pid, err := pane.PID()
	if err != nil {
		b.Fatal(err)
	}
	time.Sleep(3 * time.Second) // what start-up left behind is collected
	return &process{b: b, pid: pid, pane: pane}
}

// sellThousand leaves 1,000 open sales in the data folder.
func sellThousand(b *testing.B, toml, config, data string) {
	b.Helper()
	c, err := decodeConfig(config, []byte(toml))
	if err != nil {
		b.Fatal(err)
	}
	set, err := understand(c, config, []byte(toml), data)
	if err != nil {
		b.Fatal(err)
	}
	s, err := startShop(b.Context(), set, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			b.Error(err)
		}
	}()
	(&screen{b: b, session: s}).ready()
	assets := s.Shop().Assets
	for i := range 1000 {
		draft := pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Fiat{Minor: int64(500 + i), Currency: "EUR"}}}
		if _, err := s.Open(b.Context(), draft, assets[i%len(assets)].ID); err != nil {
			b.Fatal(err)
		}
	}
}

// memory reads a line of /proc/PID/status in bytes.
func (p *process) memory(name string) float64 {
	p.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		p.b.Skipf("memory is read from /proc: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name+":" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				p.b.Fatal(err)
			}
			return kib * 1024
		}
	}
	p.b.Fatalf("/proc has no %s", name)
	return 0
}

// ticks is the processor time used so far, in hundredths of a second.
func (p *process) ticks() float64 {
	p.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		p.b.Skipf("processor time is read from /proc: %v", err)
	}
	// The name in brackets may hold spaces; the fields after it are numbered
	// from 3 in proc(5), utime is 14 and stime 15.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		p.b.Fatal("/proc/PID/stat is not what it was")
	}
	return user + system
}

// BenchmarkMemory is what the running register holds with 1,000 open sales on
// two rails. Budget: 60 MB private (RssAnon).
func BenchmarkMemory(b *testing.B) {
	p := startProcess(b)
	for b.Loop() {
		b.ReportMetric(p.memory("RssAnon")/1e6, "private-MB")
		b.ReportMetric(p.memory("VmRSS")/1e6, "resident-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdleCPU is what the register uses of one processor while it shows a
// pay screen with its countdown and nothing happens. Budget: 1 %.
func BenchmarkIdleCPU(b *testing.B) {
	p := startProcess(b)
	p.pane.Type("450").Press("enter")
	p.pane.See("AWAITING")
	for b.Loop() {
		before, start := p.ticks(), time.Now()
		time.Sleep(20 * time.Second)
		b.ReportMetric((p.ticks()-before)/time.Since(start).Seconds(), "cpu-%")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart is from starting till to its first frame: the demo's, which says
// what to press, and a shop's with so many past sales, TILL_BENCH_SALES of them
// where it is set, such as 1000000. Budget: 100 ms.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "till")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("till does not build: %v\n%s", err, out)
	}
	if info, err := os.Stat(binary); err == nil {
		b.ReportMetric(float64(info.Size())/1e6, "binary-MB")
	}
	first := func(b *testing.B, sign string, args ...string) {
		var took []time.Duration
		for b.Loop() {
			took = append(took, firstFrame(b, sign, exec.Command(binary, args...)))
		}
		report(b, "first-frame", took)
		b.ReportMetric(0, "ns/op")
	}
	b.Run("demo", func(b *testing.B) { first(b, "type 450", "demo") })
	sizes := []int{0, 100_000}
	if n, err := strconv.Atoi(os.Getenv("TILL_BENCH_SALES")); err == nil {
		sizes = append(sizes, n)
	}
	for _, past := range sizes {
		b.Run(fmt.Sprintf("past=%d", past), func(b *testing.B) {
			dir := b.TempDir()
			config, data := filepath.Join(dir, "till.toml"), filepath.Join(dir, "data")
			if err := os.WriteFile(config, []byte(benchShop(b, "127.0.0.1:1", "ws://127.0.0.1:1")), 0o600); err != nil {
				b.Fatal(err)
			}
			sellLongAgo(b, data, past)
			b.ResetTimer()
			first(b, "Bench", "--config", config, "--data", data)
		})
	}
}

// firstFrame starts a program on a bare terminal, of which nothing but the text is
// read, and says how long it took until a text was there.
func firstFrame(b *testing.B, sign string, cmd *exec.Cmd) time.Duration {
	b.Helper()
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	start := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		_, _ = tty.Write([]byte{3, 3}) // Ctrl+C, twice
		_, _ = io.Copy(io.Discard, tty)
		_ = tty.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	}()
	var text []byte
	for part := make([]byte, 4096); ; {
		n, err := tty.Read(part)
		text = append(text, part[:n]...)
		if strings.Contains(ansi.Strip(string(text)), sign) {
			return time.Since(start)
		}
		if err != nil {
			b.Fatalf("%q was never shown: %v\n%q", sign, err, text)
		}
	}
}

// sellLongAgo fills a data folder with sales that were closed long ago.
func sellLongAgo(b *testing.B, data string, n int) {
	b.Helper()
	books, err := store.Open(b.Context(), data, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := books.Close(); err != nil {
			b.Error(err)
		}
	}()
	long := time.Now().Add(-365 * 24 * time.Hour)
	for from := 0; from < n; from += 2000 {
		if err := books.Write(b.Context(), func(tx pos.Tx) error {
			for i := from; i < min(n, from+2000); i++ {
				number, err := tx.NextNumber()
				if err != nil {
					return err
				}
				s := pos.Sale{
					ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Number: number, Code: fmt.Sprintf("%08d", i), CreatedAt: long,
					Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}, Expires: 15 * time.Minute, ClosedAt: long,
					Addresses: []pos.Address{{Account: "long-ago", Index: uint32(i), To: chain.Destination(fmt.Sprintf("long-ago-%d", i))}},
					Outcome:   pos.Outcome{Status: pos.Expired, Quote: -1, At: long},
				}
				if err := tx.PutSale(s); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
