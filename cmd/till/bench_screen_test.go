package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui"
)

// probe is a screen that notes when its content first shows something. What
// View returned counts; the renderer writes it out within one frame.
type probe struct {
	tea.Model
	mu   sync.Mutex
	want string
	got  chan time.Time
}

func (p *probe) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m, cmd := p.Model.Update(msg)
	p.Model = m
	return p, cmd
}

func (p *probe) View() tea.View {
	v := p.Model.View()
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.want != "" && strings.Contains(v.Content, p.want) {
		p.want = ""
		p.got <- now
	}
	return v
}

// expect returns a channel that gets the time at which text is in the content.
func (p *probe) expect(text string) <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want, p.got = text, make(chan time.Time, 1)
	return p.got
}

// screen is a whole register: real store on disk, real rails, real screen.
type screen struct {
	b       testing.TB
	program *tea.Program
	probe   *probe
	session *session
}

// newScreen opens the shop of a configuration as `till` does, on a terminal of
// 80x24 whose output nobody reads.
func newScreen(b testing.TB, toml string) *screen {
	b.Helper()
	config, err := decodeConfig("till.toml", []byte(toml))
	if err != nil {
		b.Fatal(err)
	}
	set, err := understand(config, "till.toml", []byte(toml), filepath.Join(b.TempDir(), "data"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := startShop(b.Context(), set, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return showOn(b, s)
}

func showOn(b testing.TB, s *session) *screen {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &probe{Model: tui.New(tui.Config{Register: s, Clock: clock{}, Context: ctx, Quiet: true, Shop: s.Shop(), Locale: money.LocaleFor("en")})}
	program := tea.NewProgram(p, tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithInput(nil),
		tea.WithOutput(io.Discard), tea.WithWindowSize(80, 24), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
	done := make(chan struct{})
	go func() { defer close(done); _, _ = program.Run() }()
	b.Cleanup(func() {
		program.Quit()
		<-done
		cancel()
		if err := s.close(); err != nil {
			b.Error(err)
		}
	})
	return &screen{b: b, program: program, probe: p, session: s}
}

func (s *screen) press(keys string) {
	for _, r := range keys {
		switch r {
		case '\n':
			s.program.Send(tea.KeyPressMsg{Code: tea.KeyEnter})
		default:
			s.program.Send(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
}

func (s *screen) wait(seen <-chan time.Time, what string) time.Time {
	s.b.Helper()
	select {
	case at := <-seen:
		return at
	case <-time.After(time.Minute):
		s.b.Fatalf("the screen never showed %s:\n%s", what, s.probe.Model.View().Content)
		return time.Time{}
	}
}

// ready waits until every rail takes sales.
func (s *screen) ready() {
	s.b.Helper()
	until(s.b, "the rails to be ready", func() bool {
		for _, h := range s.session.Board().Health {
			if !h.Usable() {
				return false
			}
		}
		return true
	})
}

func until(b testing.TB, what string, ok func() bool) {
	b.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("waited a minute for %s", what)
		}
	}
}

// quiet is a rail's watcher on a network where nothing ever happens: for what
// a register costs by itself.
type quiet struct{}

func (quiet) Run(ctx context.Context, from chain.Cursor, _ chain.Archive, sink chain.Sink) error {
	err := sink(ctx, []chain.Event{{Kind: chain.HealthChanged, Health: quiet{}.Health()}}, from)
	<-ctx.Done()
	return err
}
func (quiet) Watch(context.Context, ...chain.Target) error { return nil }
func (quiet) Unwatch(...chain.Destination)                 {}
func (quiet) Lookup(context.Context, chain.Ref) (chain.Found, error) {
	return chain.Found{}, chain.ErrCannot
}
func (quiet) Health() chain.Health             { return chain.Health{State: chain.Ready} }
func (quiet) Capabilities() chain.Capabilities { return chain.Capabilities{} }

// report gives the median and the 99th percentile in milliseconds.
func report(b *testing.B, name string, took []time.Duration) float64 {
	slices.Sort(took)
	at := func(percent int) float64 {
		return float64(took[min(len(took)-1, len(took)*percent/100)].Microseconds()) / 1000
	}
	b.ReportMetric(at(50), name+"-p50-ms")
	b.ReportMetric(at(99), name+"-p99-ms")
	return at(50)
}

// BenchmarkOpenSale is from the key that charges to the frame with the QR: the
// index is allocated, the sale is on disk and watched. Budget: 5 ms p50, 15 ms
// p99, flat in the number of open and past sales; TILL_BENCH_SALES adds a shop
// with so many past ones, such as 1000000.
func BenchmarkOpenSale(b *testing.B) {
	sizes := [][2]int{{0, 0}, {10_000, 0}, {10_000, 100_000}}
	if n, err := strconv.Atoi(os.Getenv("TILL_BENCH_SALES")); err == nil {
		sizes = append(sizes, [2]int{10_000, n})
	}
	for _, size := range sizes {
		open, past := size[0], size[1]
		b.Run(fmt.Sprintf("open=%d,past=%d", open, past), func(b *testing.B) {
			data := filepath.Join(b.TempDir(), "data")
			sellLongAgo(b, data, past)
			s := quietScreen(b, data)
			s.ready()
			draft := pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Fiat{Minor: 450, Currency: "EUR"}}}
			var ring sync.WaitGroup
			for range 16 {
				ring.Go(func() {
					for range open / 16 {
						if _, err := s.session.Open(b.Context(), draft, chain.Bitcoin); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			ring.Wait()
			var took []time.Duration
			for b.Loop() {
				s.press("450")
				drawn := s.probe.expect("price holds")
				start := time.Now()
				s.press("\n")
				took = append(took, s.wait(drawn, "the QR").Sub(start))
				again := s.probe.expect("clear")
				s.press("n")
				s.press("1")
				s.wait(again, "the amount screen")
				s.program.Send(tea.KeyPressMsg{Code: tea.KeyEscape})
			}
			report(b, "key-to-QR", took)
			b.ReportMetric(0, "ns/op")
		})
	}
}
