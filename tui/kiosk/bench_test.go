package kiosk

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

const benchKey = "KIOSK_BENCH_KEY" // of the terminals; the test is their service where it is set

// TestServeForBenchmark is the service of BenchmarkTerminals, in a process of its
// own so that the clients' memory is not counted.
func TestServeForBenchmark(t *testing.T) {
	text := os.Getenv(benchKey)
	if text == "" {
		return // not in that process
	}
	key, err := ReadKey(text)
	if err != nil {
		t.Fatal(err)
	}
	key.Terminal = till("till 1")
	debug.SetGCPercent(Garbage)
	reg, _ := shop(t)
	svc := serve(t, screens(reg), Keys{key}, func(c *Config) { c.Sessions = 200 })
	fmt.Fprintf(os.Stderr, "\naddress %s\n", svc.addr)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkTerminals measures what 100 terminals of 80 by 24 cost that each show a
// sale whose price runs out: memory, bytes and processor time per second.
func BenchmarkTerminals(b *testing.B) {
	const terminals = 100
	ana := person(b)
	child := exec.Command(os.Args[0], "-test.run=^TestServeForBenchmark$")
	child.Env = append(os.Environ(), benchKey+"="+line(ana))
	stdin, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stderr, err := child.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		_ = child.Wait()
	}()
	addr := ""
	said := bufio.NewScanner(stderr)
	for addr == "" && said.Scan() {
		addr, _ = strings.CutPrefix(said.Text(), "address ")
	}
	if addr == "" {
		b.Fatal("the service did not start")
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()

	before := resident(b, child.Process.Pid)
	var read atomic.Int64
	var first time.Duration
	var work sync.WaitGroup
	for range terminals {
		c, err := dial(b, addr, "till", ana)
		if err != nil {
			b.Fatal(err)
		}
		sess, err := c.NewSession()
		if err != nil {
			b.Fatal(err)
		}
		out, _ := sess.StdoutPipe()
		in, _ := sess.StdinPipe()
		begin := time.Now()
		if err := sess.RequestPty("xterm-256color", 24, 80, gossh.TerminalModes{}); err != nil {
			b.Fatal(err)
		}
		if err := sess.Shell(); err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 32<<10)
		n, err := out.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		read.Add(int64(n))
		first += time.Since(begin)
		work.Go(func() {
			for {
				n, err := out.Read(buf)
				read.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(in, "450\r")
	}
	time.Sleep(3 * time.Second) // to settle
	for b.Loop() {
		const seconds = 10
		sent, used := read.Load(), cpu(b, child.Process.Pid)
		time.Sleep(seconds * time.Second)
		b.ReportMetric(float64(read.Load()-sent)/terminals/seconds, "B/terminal/s")
		b.ReportMetric(float64(cpu(b, child.Process.Pid)-used)/seconds/10, "%cpu")
		b.ReportMetric(float64(resident(b, child.Process.Pid)-before)/terminals/1024, "MB/terminal")
		b.ReportMetric(float64(first.Milliseconds())/terminals, "ms/first-frame")
	}
}

// resident is a process's memory in kB.
func resident(b *testing.B, pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("memory is measured on Linux")
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	return 0
}

// cpu is a process's processor time in milliseconds.
func cpu(b *testing.B, pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+2:])
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return (user + system) * 10 // USER_HZ is 100
}
