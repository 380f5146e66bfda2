package tui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/tuitest"
)

var _ Register = (*pos.Register)(nil)

// live is a shop and a clock for a real program.
func live(change ...func(*Config)) (*Model, *shopFake, *clock) {
	c := &clock{now: noon}
	shop := newShop(c)
	cfg := Config{
		Register: shop, Clock: c, Actor: pos.Actor{Name: "Ana", Terminal: "till 1"},
		Locale: money.LocaleFor("en-IE"), Random: &counting{},
	}
	for _, f := range change {
		f(&cfg)
	}
	return New(cfg), shop, c
}

func TestACashiersDayInATerminal(t *testing.T) {
	m, shop, clock := live()
	till := tuitest.New(t, m, 80, 24)
	till.See("Café Linde", "USDC on Base")
	till.Type("1620b").See("AWAITING", "bc1q cr8t e4kr")
	if got := till.QR(); got != "bitcoin:"+btcAddress+"?amount=0.00025958" {
		t.Fatalf("the phone reads %q", got)
	}
	clock.move(8 * time.Second)
	till.See("14:52")
	shop.change(t, 231, seen)
	till.See("WAIT", "SEEN", "above your €10.00").Gone("AWAITING")
	shop.change(t, 231, confirming(1, 2))
	till.See("CONFIRMING 1/2")
	shop.change(t, 231, paid)
	till.See("PAID", "HAND OVER")
	till.Type("450").Press("enter").See("Sale 0232", "USDC ON BASE").Press("n").See("usually 5 s")
	shop.change(t, 232, paid)
	till.See("[x] 0232", "tab look").Press("tab").See("PAID", "HAND OVER")
	till.Press("f2").See("Sales", "0231").Press("esc").Press("ctrl+c").See("ctrl+c again").Press("ctrl+c")
	if how := till.End(); strings.Contains(how, "panic") {
		t.Fatal(how)
	}
	if !bytes.Contains(till.Bytes(), []byte("\a")) {
		t.Error("the bell never rang")
	}
}

func TestALightTerminalAndNoColour(t *testing.T) {
	m, _, _ := live()
	till := tuitest.New(t, m, 80, 24, tuitest.Light())
	till.Type("450b").See("AWAITING")
	if till.QR() == "" {
		t.Error("no code on a light terminal")
	}
	m, _, _ = live(func(c *Config) { c.NoColour = true })
	till = tuitest.New(t, m, 80, 24, tuitest.Env("TERM=xterm-256color", "NO_COLOR=1"))
	till.Type("450b").See("AWAITING")
	if till.QR() == "" {
		t.Error("no code without colours")
	}
}

func TestResizing(t *testing.T) {
	m, _, _ := live()
	till := tuitest.New(t, m, 80, 24)
	till.Type("1620b").See("AWAITING")
	till.Resize(40, 20).See("AWAITING  15:00").Resize(20, 6).See("25,958 sat").Resize(200, 60).See("bc1q cr8t e4kr 609g cawu tmrz")
	if till.QR() == "" {
		t.Error("no code on a large screen")
	}
}

// meter counts what a program writes.
type meter struct {
	mu sync.Mutex
	n  int
}

func (m *meter) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += len(p)
	return len(p), nil
}

func (m *meter) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

// BenchmarkCountdownBytes is what the renderer writes for one tick of the
// countdown. The budget is 20 bytes.
func BenchmarkCountdownBytes(b *testing.B) {
	m, _, clock := live(func(c *Config) { c.Theme = "dark" })
	out := &meter{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := tea.NewProgram(shown{m}, tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithInput(nil), tea.WithOutput(out),
		tea.WithWindowSize(80, 24), tea.WithColorProfile(colorprofile.ANSI256), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
	done := make(chan struct{})
	go func() { _, _ = p.Run(); close(done) }()
	for _, k := range []string{"4", "5", "0", "b"} {
		p.Send(keyMsg(k))
	}
	settle := func() int {
		last, same := -1, 0
		for same < 5 {
			time.Sleep(20 * time.Millisecond)
			if n := out.total(); n == last {
				same++
			} else {
				last, same = n, 0
			}
		}
		return last
	}
	before := settle()
	ticks := 0
	b.ResetTimer()
	for b.Loop() {
		clock.move(time.Second)
		p.Send(ticked(clock.Now()))
		ticks++
		before2 := out.total()
		for i := 0; i < 20 && out.total() == before2; i++ {
			time.Sleep(5 * time.Millisecond)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(settle()-before)/float64(ticks), "B/tick")
	p.Quit()
	<-done
}

// shown is a model that nothing but the benchmark ticks.
type shown struct{ *Model }

func (s shown) Init() tea.Cmd { return nil }

func (s shown) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	_, cmd := s.Model.Update(msg)
	if _, ok := msg.(ticked); ok {
		cmd = nil
	}
	return s, cmd
}

func BenchmarkDrawPayScreen(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.w, size.h), func(b *testing.B) {
			s := newStand(b, size.w, size.h)
			s.keys("1620b")
			b.ReportAllocs()
			for b.Loop() {
				_, _ = io.WriteString(io.Discard, s.m.View().Content)
			}
		})
	}
}

// BenchmarkKeyToCode is from the key that charges to the frame with the code,
// without the register.
func BenchmarkKeyToCode(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := newStand(b, 80, 24)
		s.keys("1620")
		b.StartTimer()
		s.press("b")
		_ = s.m.View()
	}
}
