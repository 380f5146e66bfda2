package tui

import (
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// Windows with little room, and what has to be said in them all the same.

// A token's link makes a code of 21 rows. News take one of them: then the code
// with the address alone stands there, on both views, and never nothing.
func TestACodeStandsThereWhateverTheRoom(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450b").press("n").keys("1620").press("enter")
	if s.m.code.Kind != chain.FormURI {
		t.Fatalf("without news the code is of kind %d", s.m.code.Kind)
	}
	s.happens(231, paid).see("[x] 0231", "the customer types the amount")
	if s.m.code.Text != ethAddress {
		t.Fatalf("the code holds %q", s.m.code.Text)
	}
	s.press("f")
	if s.m.code.IsZero() {
		t.Fatal("the customer sees no code")
	}
	s.press("f", "v").see("the other code needs 80 by 25 cells").gone("No QR code")
	if s.m.code.IsZero() {
		t.Fatal("v took the code away")
	}
	if s.press("tab", "esc").gone("[x] 0231"); s.m.code.Kind != chain.FormURI {
		t.Fatal("with the row of news gone the other code has room again")
	}
}

func TestTheLinkIsCopiedWhateverIsShown(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").press("v", "u")
	if len(s.copy) != 1 || !strings.HasPrefix(s.copy[0], "bitcoin:"+btcAddress+"?amount=") {
		t.Fatalf("copied %q", s.copy)
	}
}

func TestTheCustomerIsNeverAskedToScanNothing(t *testing.T) {
	s := newStand(t, 30, 12)
	s.keys("1620b").press("f").see("Please pay to this address:", "bc1q cr8t", "25,958 sat")
	s = newStand(t, 80, 24, func(_ *Config, f *shopFake) { f.noQR = pos.ErrConnecting })
	s.keys("1620b").press("f").see("One moment please.").gone("scan")
}

// Where the last row is not the row of keys, a notice stands there too.
func TestNoticesAreSeenEverywhere(t *testing.T) {
	s := newStand(t, 40, 20)
	s.keys("1620b").press("y").see("address copied").gone("space text")
	s.press("ctrl+c").see("ctrl+c again leaves")
	s = newStand(t, 80, 24)
	s.keys("1620b").press("f", "y").see("address copied").press("ctrl+c").see("ctrl+c again leaves")
}

func TestTooSmallForACodeShowsWhereToPay(t *testing.T) {
	for _, size := range [][2]int{{28, 10}, {30, 12}, {60, 10}} {
		s := newStand(t, size[0], size[1], demo)
		s.keys("1620b").see("25,958 sat", "bc1q cr8t", "306f yu", "AWAITING", "15:00", "€16.20")
	}
}

func TestHelpSaysThatItGoesOn(t *testing.T) {
	s := newStand(t, 40, 20)
	s.keys("1620b").press("?").see("down more").gone("ctrl+c ctrl+c")
	for range 40 {
		s.press("down")
	}
	s.see("ctrl+c ctrl+c").gone("down more")
	s.press("esc", "n", "f4").see("down more").gone("F4 health")
	for range 40 {
		s.press("down")
	}
	s.see("live   BTC   €62,410.50, 4 s ago", "Open sales").gone("down more")
}

func TestHealthSaysWhatNoPricesMean(t *testing.T) {
	s := newStand(t, 80, 24)
	s.m.board.Rates = nil
	s.press("f4").see("Prices           none", "No exchange has answered yet")
}

func TestTheLastRowNamesOnlyWhatWorks(t *testing.T) {
	s := newStand(t, 80, 24)
	s.see("o any amount", "F4 health").gone("+ add", "* x times", "esc clear")
	s.keys("450").see("+ add", "* x times", "esc clear").gone("o any amount")
	s.press("+").gone("+ add").see("esc clear").press("esc", "esc").gone("esc clear")
	s.press("o").see("esc clear").gone("+ add")
	s.press("esc", "/", "/", "/").keys("21000").see("enter charge").gone("in that coin", "+ add")
	s.press("esc", "?").see("the next coin, for enter").press("esc", "f2", "?").see("line below").gone("coin, for enter")
}

// Before an amount is typed the rates are shown in the currency that it will
// be typed in.
func TestRatesAreInTheCurrencyThatIsTyped(t *testing.T) {
	s := newStand(t, 80, 24)
	s.see("€62,410.50").press("/").see("CHF 58,353.82").gone("CHF 62,410.50")
}

// Money that was seen and went away again is not "nothing seen yet".
func TestNothingSeenIsNotSaidBesideANote(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").see("nothing seen yet").happens(231, func(v *pos.View) {
		v.Sale.Outcome.Notes = []pos.Reason{{Code: pos.WhyDropped, Amount: chain.Units(25958), Asset: btc.ID}}
	})
	s.see("AWAITING", "25,958 sat that was seen went away").gone("nothing seen yet")
}

func TestTrainingPromisesNoNextStart(t *testing.T) {
	s := newStand(t, 80, 24, demo)
	s.keys("450").press("enter", "ctrl+c").see("ctrl+c again leaves").gone("next start")
}

func TestACountdownBeginsAtItsWholeLength(t *testing.T) {
	s := newStand(t, 80, 24)
	s.clock.move(900e6) // since the last tick
	s.keys("1620b").see("price holds for 15:00")
}
