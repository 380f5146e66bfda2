package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cointill/till/pos"
)

// paperFake notes what was printed.
type paperFake struct {
	out []string
	err error
}

func (p *paperFake) Print(_ context.Context, v pos.View, again bool) error {
	if p.err != nil {
		return p.err
	}
	p.out = append(p.out, fmt.Sprint(v.Sale.Number, " ", again))
	return nil
}

func TestReceipts(t *testing.T) {
	paper := &paperFake{}
	s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Printer = paper })
	s.keys("450b").press("t").gone("receipt").happens(231, paid).see("t receipt").press("t").see("receipt of sale 0231 printed").gone("COPY")
	s.press("t").see("COPY").press("d").see("t receipt")
	paper.err = errors.New("lp: no such printer\x1b[2J")
	s.press("t").see("not printed")
	paper.err = nil
	s.press("t").see("COPY")
	if want := []string{"231 false", "231 true", "231 true"}; !slices.Equal(paper.out, want) {
		t.Errorf("%q", paper.out)
	}
	s = newStand(t, 80, 24)
	s.keys("450b").happens(231, paid).gone("receipt").press("t").gone("print")
}

func TestOnePressPrintsOnce(t *testing.T) {
	paper := &paperFake{}
	s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Printer = paper })
	s.keys("450b").happens(231, paid)
	s.hold = true
	s.press("t", "t", "t")
	s.release()
	if len(paper.out) != 1 {
		t.Errorf("%q", paper.out)
	}
}

func TestSalesAreFoundByStatusDayAndAmount(t *testing.T) {
	s := newStand(t, 80, 24)
	day(s)
	s.tick(24 * time.Hour)
	s.keys("1620b").press("n")
	find := func(text string, want ...uint64) {
		t.Helper()
		s.press("f2", "/")
		for _, r := range text {
			if r == ' ' {
				s.press("space")
				continue
			}
			s.press(string(r))
		}
		var got []uint64
		for _, id := range s.m.list.ids {
			got = append(got, s.m.known[id].Sale.Number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %d, want %d", text, got, want)
		}
		s.press("esc", "esc")
	}
	find("underpaid", 232)
	find("UNDER", 232)
	find("yesterday", 234, 233, 232, 231)
	find("2026-11-20", 234, 233, 232, 231)
	find("21.11.", 235)
	find("today", 235)
	find("16.20", 235, 231)
	find("16.20 yesterday", 231)
	find("awaiting yesterday", 234)
	find("friday", 234, 233, 232, 231)
	find("235", 235)
	find("yesterday today")
	find("2026-13-45")
}
