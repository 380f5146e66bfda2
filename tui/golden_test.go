package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// golden compares a frame with the stored one.
func golden(t *testing.T, name, frame string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(frame+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden frame (run: go test ./tui -update): %v", err)
	}
	if strings.TrimSuffix(string(want), "\n") != frame {
		t.Errorf("%s differs (go test ./tui -update writes it anew):\n%s", name, frame)
	}
}

// situations are what a cashier meets, in the order of a day.
var situations = []struct {
	name  string
	setup []func(*Config, *shopFake)
	play  func(s *stand)
}{
	{name: "amount-first", setup: []func(*Config, *shopFake){demo}, play: func(*stand) {}},
	{name: "amount-typed", play: func(s *stand) {
		s.keys("1620").press("enter", "n").happens(231, seen)
		s.keys("3800b").press("n").happens(232, confirming(1, 2))
		s.m.news = nil
		s.m.layout()
		s.keys("4*310+380")
	}},
	{name: "amount-refused", play: func(s *stand) {
		s.shop.refuse[btc.ID] = fmt.Errorf("bitcoin: %w", pos.ErrConnecting)
		s.shop.refuse[eth.ID] = pos.ErrStaleRate
		s.keys("450")
	}},
	{name: "amount-asset", play: func(s *stand) { s.press("/", "/", "/").keys("21000") }},
	{name: "pay-awaiting", play: func(s *stand) { s.keys("1620b").tick(8e9) }},
	{name: "pay-token", play: func(s *stand) { s.keys("1620").press("enter").tick(8e9) }},
	{name: "pay-noqr", play: func(s *stand) { s.shop.noQR = pos.ErrConnecting; s.keys("1620b") }},
	{name: "pay-cancel", play: func(s *stand) { s.keys("1620b").press("esc") }},
	{name: "pay-partial", play: func(s *stand) { s.keys("1620b").happens(231, partial) }},
	{name: "pay-seen", play: func(s *stand) { s.keys("1620b").happens(231, seen) }},
	{name: "pay-handover", play: func(s *stand) { s.keys("450b").happens(231, handOver) }},
	{name: "pay-confirming", play: func(s *stand) { s.keys("1620b").happens(231, confirming(1, 3)) }},
	{name: "customer", play: func(s *stand) { s.keys("1620b").press("f") }},
	{name: "customer-seen", play: func(s *stand) { s.keys("1620b").press("f").happens(231, seen) }},
	{name: "outcome-paid", play: func(s *stand) { s.keys("1620b").happens(231, paid) }},
	{name: "outcome-underpaid", play: func(s *stand) { s.keys("1620b").happens(231, underpaid) }},
	{name: "outcome-disputed", play: func(s *stand) { s.keys("1620b").happens(231, disputed) }},
	{name: "outcome-expired", play: func(s *stand) { s.keys("1620b").happens(231, expired) }},
	{name: "sales", play: func(s *stand) { day(s); s.press("f2") }},
	{name: "detail", play: func(s *stand) { day(s); s.press("f2", "down", "down", "enter") }},
	{name: "health", play: func(s *stand) { s.press("f4") }},
	{name: "help", play: func(s *stand) { s.keys("1620b").press("?") }},
	{name: "scenes", setup: []func(*Config, *shopFake){demo}, play: func(s *stand) { s.keys("450").press("enter").press("P") }},
	{name: "news", play: func(s *stand) {
		s.keys("1620").press("enter", "n").keys("450b")
		s.press("n").happens(231, paid).happens(232, late)
	}},
}

// day is a few sales in different states.
func day(s *stand) {
	s.keys("1620").press("enter").happens(231, paid).press("enter")
	s.keys("450b").happens(232, underpaid).press("n")
	s.keys("3800b").happens(233, confirming(1, 3)).press("n")
	s.keys("2*310+120e").press("n")
}

func demo(cfg *Config, shop *shopFake) {
	cfg.Hint = "type 450, then enter, then p"
	cfg.Stage = &stageFake{}
	shop.shop.Training = true
}

var sizes = []struct{ w, h int }{{40, 20}, {80, 24}, {200, 60}}

func TestFrames(t *testing.T) {
	for _, size := range sizes {
		for _, it := range situations {
			t.Run(fmt.Sprintf("%dx%d/%s", size.w, size.h, it.name), func(t *testing.T) {
				s := newStand(t, size.w, size.h, it.setup...)
				it.play(s)
				golden(t, fmt.Sprintf("%dx%d/%s", size.w, size.h, it.name), s.screen())
			})
		}
	}
}

func TestThemes(t *testing.T) {
	for _, name := range []string{"dark", "light", "contrast", "plain"} {
		s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Theme = name })
		s.keys("1620b").happens(231, handOver)
		golden(t, "theme/"+name, s.m.View().Content)
	}
}

// TestWideNamesFit draws names of wide and combining letters, of which no screen
// of ours has any, at every width.
func TestWideNamesFit(t *testing.T) {
	wide := func(c *Config, f *shopFake) {
		f.shop.Name = "喫茶店リンデ 한국어 e\u0301\u0301\u0301\u0301\u0301\u0301"
		f.shop.Assets[0].Name, c.Actor.Name = "コイン on 鎖", "アナ"
	}
	for w := range 130 {
		s := newStand(t, w, 24, wide)
		s.keys("1620").press("enter", "n").press("f2")
		for range 3 {
			for y, l := range strings.Split(s.m.View().Content, "\n") {
				if got := ansi.StringWidth(l); got > w {
					t.Fatalf("%d columns: line %d is %d wide: %q", w, y, got, ansi.Strip(l))
				}
			}
			s.press("enter")
		}
	}
}

// TestEveryFrameFits draws every situation at every odd size.
func TestEveryFrameFits(t *testing.T) {
	for _, size := range []struct{ w, h int }{
		{1, 1},
		{0, 0},
		{5, 3},
		{12, 2},
		{28, 10},
		{27, 30},
		{40, 20},
		{59, 40},
		{60, 22},
		{60, 21},
		{80, 24},
		{90, 23},
		{119, 60},
		{120, 39},
		{120, 40},
		{200, 60},
		{399, 149},
		{10000, 10000},
		{10000, 5},
		{-3, -3},
	} {
		for _, it := range situations {
			s := newStand(t, size.w, size.h, it.setup...)
			it.play(s)
			lines := strings.Split(s.m.View().Content, "\n")
			w, h := min(max(size.w, 0), mostCols), min(max(size.h, 0), mostRows)
			if len(lines) > max(h, 1) {
				t.Errorf("%s at %dx%d has %d lines", it.name, size.w, size.h, len(lines))
			}
			for y, l := range lines {
				if got := ansi.StringWidth(l); got > w {
					t.Errorf("%s at %dx%d: line %d is %d wide: %q", it.name, size.w, size.h, y, got, ansi.Strip(l))
				}
			}
		}
	}
}
