package tui

import (
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

func TestTheDayIsAddedUp(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.press("f3").see("Today", "no sales yet").press("esc")
	s.keys("1620b").happens(231, partial).press("k", "enter", "enter") // a part of it in cash
	s.keys("450b").happens(232, paid).press("enter").keys("1000").press("enter").happens(233, paid).press("enter")
	s.keys("700b").happens(234, late).press("n").keys("100b").press("n")
	s.press("f3").see("sales 5: paid 3, waiting 1, to be decided 1", "€30.70", "€3.24 of it in cash", "27,975 sat   sales 2", "USDC on Base", "paid sales by Ana: 3", "paid sales at till 1: 3")
	// What went back is not taken away from what was taken: both happened.
	s.happens(234, toBePaidBack).happens(234, onItsWay(1, 1)).press("f3").see("Went back")
	s.press("left").see("Thursday", "no sales yet", "day after").press("right").see("sales 5").gone("day after").press("right").see("Today")
	s.keys("7").typed("0.07")
}

func TestADayBeginsWhereTheTillStands(t *testing.T) {
	s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Zone = time.FixedZone("east", 13*3600) })
	from, until := s.m.dayOf(0)
	if want := noon.Add(-noon.Sub(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC))); !from.Equal(want) || until.Sub(from) != 24*time.Hour {
		t.Fatalf("a day from %s to %s", from, until)
	}
}

func TestManySalesOfADayAreAllAddedUp(t *testing.T) {
	s := newStand(t, 80, 24)
	for i := range 1100 {
		v := pos.View{Record: pos.Record{Sale: pos.Sale{ID: string(rune(1000 + i)), Number: uint64(i + 1), CreatedAt: noon}}}
		v.Sale.Outcome = pos.Outcome{Status: pos.Paid, Asset: btc.ID, Received: chain.Units(1)}
		s.shop.sales = append(s.shop.sales, v)
	}
	s.press("f3").see("sales 1100: paid 1100", "1,100 sat")
}

func TestTheLockShowsNothingAndSwitchesCashier(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").press("n").keys("450").press("f10").see("PIN").gone("Ana", "4.50", "OPEN", "0231", "F2")
	s.happens(231, late).gone("LATE", "0231")
	if v := s.m.View(); v.WindowTitle != "Café Linde" {
		t.Fatalf("the window's title says %q", v.WindowTitle)
	}
	s.press("esc", "f2", "tab", "w").gone("Sales").keys("9999").see("••••").gone("9999").press("enter").see("Wrong PIN; 4 more tries")
	s.keys(bobsPIN).press("enter").see("Bob is at the till").typed("4.50").press("enter")
	if by := s.shop.opened[1].By; by.Name != "Bob" || by.Terminal != "till 1" {
		t.Fatalf("rung up by %+v", by)
	}
	s.press("n", "f10").keys(anasPIN).press("enter").see("Ana is at the till")
}

func TestWithoutStaffThereIsNoLock(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450").press("f10").see("nobody has a PIN").typed("4.50")
}
