package tui

import (
	"reflect"
	"testing"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

func TestItemsAreLines(t *testing.T) {
	s := newStand(t, 80, 24, bakery)
	s.see("F5 Coffee", "4.50", "抹茶ラテ").press("f5", "f5").see("2 × 4.50  Coffee").typed("9.00")
	s.press("backspace").see("4.50  Coffee").gone("2 ×").press("f6").keys("3*").press("f5").see("3 × 4.50  Coffee").keys("120").typed("23.00")
	s.press("l").keys("Sugar").press("enter").see("1.20  Sugar").press("b")
	want := []pos.Line{
		{Name: "Coffee", Count: 1, Each: money.Of(450, "EUR")},
		{Name: "Cake", Count: 1, Each: money.Of(380, "EUR")},
		{Name: "Coffee", Count: 3, Each: money.Of(450, "EUR")},
		{Name: "Sugar", Count: 1, Each: money.Of(120, "EUR")},
	}
	if got := s.shop.opened[0]; !reflect.DeepEqual(got.Lines, want) || got.Fiat != money.Of(2300, "EUR") {
		t.Fatalf("%v %v", got.Lines, got.Fiat)
	}
	// The next customer orders while this one pays.
	s.press("f6").see("next €3.80").happens(231, paid).press("f6").typed("7.60").press("b")
	if got := s.shop.opened[1].Lines; len(got) != 1 || got[0].Count != 2 {
		t.Fatal(got)
	}
}

func TestOneNamedAmountIsALine(t *testing.T) {
	s := newStand(t, 80, 24)
	s.press("l").gone("What is it?").keys("450l").see("What is it?").keys("Tea\x1b[2J").press("enter", "b")
	if got := s.shop.opened[0].Lines; len(got) != 1 || got[0].Name != "Tea[2J" || got[0].Each != money.Of(450, "EUR") {
		t.Fatalf("%+v", got)
	}
	s.press("n").keys("450l").press("esc").keys("0").typed("45.00").press("+").keys("1l").keys("x").press("enter", "backspace", "backspace").typed("45.00")
}

func TestAnItemDoesNotMixCurrencies(t *testing.T) {
	s := newStand(t, 80, 24, bakery)
	s.press("/").keys("450").press("f5").see("esc clears this one").typed("4.50").press("esc", "f5").typed("4.50")
	if s.m.draft.unit.currency != "EUR" {
		t.Fatal(s.m.draft.unit)
	}
}

// Whatever is asked of a name, items leave it alone: a key that a screen needs is
// never an item's.
func TestFreeKeysAreFree(t *testing.T) {
	free := FreeKeys()
	if len(free) < 6 || free[0] != "F5" {
		t.Fatal(free)
	}
	for _, key := range []string{"F2", "F10", "w", "l", "p", "y"} {
		for _, f := range free {
			if f == key {
				t.Errorf("%s is free", key)
			}
		}
	}
}
