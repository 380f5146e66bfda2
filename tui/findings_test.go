package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// What people stumbled over at the counter.

func TestEnterDoesNotCancel(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450b").press("esc").see("Cancel sale").press("enter").gone("Cancel sale").see("AWAITING")
	if s.shop.sales[0].Sale.Outcome.Status != pos.Awaiting {
		t.Fatal("enter cancelled the sale")
	}
	s.press("esc", "y").see("CANCELLED")
}

func TestAKeyWithoutAMeaningSaysWhy(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.press("f8").see("nothing to agree to").press("f9").see("the exchanges have every price").press("f4", "f9").see("the exchanges have every price")
	stale(s).press("esc").press("f9").see("Set a price by hand")
}

// 800 typed in Ether by a stray key is a hundred thousand coffees.
func TestAFortuneIsAskedAbout(t *testing.T) {
	s := newStand(t, 80, 24)
	s.press("/", "/", "/", "/").keys("800").press("enter").see("Ring up 800 ETH", "€1,854,456.00").press("enter").gone("Ring up")
	s.press("enter", "y").see("AWAITING", "800 ETH")
	s.press("n").keys("999999b").see("AWAITING").press("n").keys("1200000b").see("Ring up €12,000.00?").press("y").see("AWAITING")
	// What is typed while it asks is the next amount.
	s.press("n").keys("1200001b").keys("y").happens(234, paid).keys("450b")
	if n := len(s.shop.opened); n != 5 || s.shop.opened[4].Fiat.Minor != 450 {
		t.Fatalf("%d rung up, the last is %+v", n, s.shop.opened[n-1])
	}
}

func TestASurplusThatWentBackIsStillPaid(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, paid).happens(231, func(v *pos.View) {
		v.Sale.Outcome.Status = pos.Refunded
		v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyRefunded, Amount: chain.Units(500), Asset: btc.ID}
	})
	s.see("PAID", "HAND OVER", "500 sat went back").gone("REFUNDED")
}

func TestAmountsAreNeverCut(t *testing.T) {
	long := usdc
	long.Name = "USDC on Devnet Number One"
	s := newStand(t, 80, 24, func(_ *Config, f *shopFake) { f.shop.Assets = []chain.Asset{long, btc, eth} })
	s.keys("999999").press("enter").see("AWAITING").happens(231, func(v *pos.View) { seen(v); v.Asset = long }).see("10,853.038854 of 10,853.038854 USDC")
}

func TestACodeWithoutTheAmountSaysSo(t *testing.T) {
	s := newStand(t, 40, 20)
	s.keys("1620").press("enter").see("type in 17.581941 USDC").press("f").see("type this amount")
}

func TestLongRulesSayThatTheyAreCut(t *testing.T) {
	for _, size := range sizes[:2] {
		s := newStand(t, size.w, size.h, withBob)
		s.shop.changed = []string{"Bitcoin key: " + strings.Repeat("wpkh([8c1fa2d0/84h/0h/0h]xpub6C/0/*) ", 12), "tolerance: 0.1 % > 5 %"}
		s.send(heard{update: pos.Update{Board: s.shop.Board()}})
		s.see("call the owner")
		if size.w < 80 {
			s.see("rows left", "F4 shows all").gone("tolerance: 0.1")
		}
		s.press("f8").see("PIN").press("esc", "f4")
		for range 60 {
			s.press("down")
		}
		s.see("Open sales").press("f8")
	}
}

func TestASmallScreenHasItsOpenSales(t *testing.T) {
	s := newStand(t, 40, 20)
	s.keys("450b").press("n").keys("900b").press("n").happens(231, seen).happens(231, paid).happens(231, disputed)
	s.press("tab", "esc").see("OPEN 2", "0231", "DISPUTED").tick(time.Second)
}

func TestPricesOfPeggedCoinsAreShown(t *testing.T) {
	s := newStand(t, 80, 24)
	s.see("€0.9214")
}
