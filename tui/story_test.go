package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

func TestOneSaleFromAmountToNext(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620").see("USDC on Base", "25,958 sat", "usually 10 min, sometimes 40").press("b")
	s.see("AWAITING", "nothing seen yet", "bc1q cr8t e4kr 609g cawu", "price holds for 15:00")
	if d := s.shop.opened[0]; d.Fiat != money.Of(1620, "EUR") || d.By != (pos.Actor{Name: "Ana", Terminal: "till 1"}) || d.Lines != nil {
		t.Fatalf("rung up %+v", d)
	}
	if s.m.code.Text != "bitcoin:"+btcAddress+"?amount=0.00025958" {
		t.Fatalf("the code holds %q", s.m.code.Text)
	}
	s.tick(8 * time.Second).see("price holds for 14:52")
	s.happens(231, seen).see("SEEN", "above your €10.00", "tx 9f1c 04ab … e07a").gone("bc1q cr8t")
	if s.bells != 0 {
		t.Fatal("the bell rang before anything was decided")
	}
	s.happens(231, confirming(1, 2)).see("CONFIRMING 1/2")
	s.happens(231, paid).see("HAND OVER", "in block 975,113")
	if s.bells != 2 {
		t.Fatalf("paid rang %d times, want 2", s.bells)
	}
	s.keys("450").see("4.883873 USDC").gone("HAND OVER")
	s.press("enter").see("Sale 0232", "€4.50")
}

func TestCalculator(t *testing.T) {
	for _, it := range []struct {
		keys  []string
		total int64
		lines int
	}{
		{split("450"), 450, 0},
		{split("4.5"), 450, 0},
		{split("4,50"), 450, 0},
		{split("4"), 4, 0},
		{split("4."), 400, 0},
		{split(".5"), 50, 0},
		{split("4*310+380"), 1620, 2},
		{split("4x3.10+3.8"), 1620, 2},
		{split("3*250"), 750, 1},
		{split("100+200+300"), 600, 3},
		{split("100++"), 100, 0},
		{append(split("450"), "backspace"), 45, 0},
		{append(split("4.50"), "backspace", "backspace", "backspace", "5"), 45, 0},
		{append(split("100+"), "backspace"), 100, 0},
		{append(split("4*"), "backspace"), 4, 0},
		{append(split("100+25"), "esc"), 100, 0},
		{append(split("100+25"), "esc", "esc"), 0, 0},
		{split("0000450"), 450, 0},
		{split("99999999999999999999"), 999_999_999_999, 0},
	} {
		t.Run(strings.Join(it.keys, " "), func(t *testing.T) {
			s := newStand(t, 80, 24)
			s.press(it.keys...)
			d := s.m.draft.sale(pos.Actor{})
			if d.Fiat.Minor != it.total || len(d.Lines) != it.lines {
				t.Fatalf("total %d in %d lines, want %d in %d", d.Fiat.Minor, len(d.Lines), it.total, it.lines)
			}
			var sum int64
			for _, l := range d.Lines {
				sum += l.Count * l.Each.Minor
			}
			if len(d.Lines) > 0 && sum != it.total {
				t.Fatalf("the lines add up to %d, the price is %d", sum, it.total)
			}
		})
	}
}

func split(s string) []string { return strings.Split(s, "") }

func TestOtherUnits(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450").press("/").see("CHF")
	if p, _ := s.m.draft.price(); p.Fiat != money.Of(450, "CHF") {
		t.Fatalf("what was typed did not stay: %v", p)
	}
	s.press("/", "/").see("sat").keys("21000").press("enter").see("21,000 sat", "Sale 0231")
	if d := s.shop.opened[0]; d.Kind != pos.PriceAsset || d.Asset != chain.Bitcoin || d.Amount != chain.Units(21000) {
		t.Fatalf("rung up %+v", d)
	}
	s.press("n", "/", "/", "/", "/").keys("0.015").see("ETH").press("enter")
	if d := s.shop.opened[1]; d.Asset != eth.ID || d.Amount.String() != "15000000000000000" {
		t.Fatalf("rung up %+v", d)
	}
	s.press("n", "o").see("any amount").press("b").see("any amount")
	if d := s.shop.opened[2]; d.Kind != pos.PriceOpen {
		t.Fatalf("rung up %+v", d)
	}
	if s.m.code.Kind == 0 {
		t.Fatal("no code for any amount")
	}
}

func TestWhatIsTypedAheadIsKept(t *testing.T) {
	s := newStand(t, 80, 24)
	s.hold = true
	s.keys("450").press("enter") // the register is slow
	s.keys("n300").press("enter").keys("n12")
	if got := len(s.m.queue); got != 8 {
		t.Fatalf("%d keys wait, want 8: %v", got, s.m.queue)
	}
	s.release()
	s.typed("0.12")
	var prices []int64
	for _, d := range s.shop.opened {
		prices = append(prices, d.Fiat.Minor)
	}
	if !slices.Equal(prices, []int64{450, 300}) {
		t.Fatalf("rung up %v", prices)
	}
}

func TestDigitsOnAnOpenSaleAreTheNextOne(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450").press("enter").keys("3").see("next €0.03", "AWAITING")
	s.happens(231, paid).keys("00").gone("HAND OVER").see("€")
	if got := s.m.draft.calc.total(2); got != 300 {
		t.Fatalf("the next sale is %d", got)
	}
}

// TestAPointAhead: ".5" means the same wherever it is typed.
func TestAPointAhead(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450").press("enter").keys(".5").see("next €0.5", "AWAITING")
	if got := s.m.draft.calc.total(2); got != 50 {
		t.Fatalf("the next sale is %d", got)
	}
}

// TestEscBringsTheCurrencyBack: "/" by mistake is undone where one looks for it.
func TestEscBringsTheCurrencyBack(t *testing.T) {
	s := newStand(t, 80, 24)
	s.press("/").see("CHF").press("esc").gone("CHF").see("€")
}

func TestAFailedChargeGivesTheAmountBack(t *testing.T) {
	s := newStand(t, 80, 24)
	s.shop.fail = fmt.Errorf("kraken: %w", pos.ErrStaleRate)
	s.hold = true
	s.keys("450").press("enter").keys("n300").press("enter")
	s.release()
	s.see("not charged: the price is too old", "held: €3.00")
	if len(s.shop.opened) != 0 {
		t.Fatalf("something was rung up: %+v", s.shop.opened)
	}
	s.press("enter").see("Sale 0231", "€4.50")
	s.press("n").see("held: €3.00").press("esc").typed("3.00").press("enter").see("Sale 0232", "€3.00")
}

func TestDigitsDoNotRunIntoAnAmountThatCameBack(t *testing.T) {
	s := newStand(t, 80, 24)
	s.shop.fail = pos.ErrStaleRate
	s.keys("450").press("enter").see("not charged").keys("3").typed("0.03").see("not charged, held: €4.50")
	s.keys("00").press("enter").see("€3.00").press("n").see("held: €4.50").press("esc").typed("4.50").gone("held")
	s.press("enter").see("€4.50")
	// Half typed ahead, half after it came back.
	s.press("n")
	s.shop.fail = pos.ErrStaleRate
	s.hold = true
	s.keys("700").press("enter").keys("n12")
	s.release()
	s.see("not charged", "next €0.12").keys("0").typed("1.20").see("held: €7.00")
}

func TestStartingWaitsForTheFirstPrice(t *testing.T) {
	var reg Register
	s := newStand(t, 80, 24, func(c *Config, f *shopFake) {
		reg, c.Register = c.Register, nil
		c.Shop = pos.Shop{Name: "Café Linde", Currencies: []money.Currency{"EUR"}}
		f.refuse[btc.ID] = fmt.Errorf("kraken: %w", money.ErrNoRate)
	})
	s.keys("450b").keys("n300")
	s.send(Ready{Register: reg})
	s.tick(time.Second).typed("4.50")
	delete(s.shop.refuse, btc.ID)
	s.send(heard{update: pos.Update{Board: s.shop.Board()}})
	s.typed("3.00")
	if len(s.shop.opened) != 1 || s.shop.opened[0].Fiat.Minor != 450 {
		t.Fatalf("rung up %+v", s.shop.opened)
	}
}

func TestStartingDoesNotWaitForEver(t *testing.T) {
	var reg Register
	s := newStand(t, 80, 24, func(c *Config, f *shopFake) {
		reg, c.Register = c.Register, nil
		c.Shop = pos.Shop{Currencies: []money.Currency{"EUR"}}
		f.refuse[usdc.ID], f.fail = pos.ErrConnecting, pos.ErrConnecting
	})
	s.keys("450").press("enter")
	s.send(Ready{Register: reg})
	for range warmTicks + 1 {
		s.tick(time.Second)
	}
	s.see("not charged: not connected")
}

func TestChargingTwiceMakesOneSale(t *testing.T) {
	s := newStand(t, 80, 24)
	s.shop.fail = errors.New("the connection broke after the sale was stored")
	s.keys("450").press("enter")
	id := s.m.draft.id
	if id == "" {
		t.Fatal("the draft lost its id")
	}
	s.press("enter")
	if s.shop.opened[0].ID != id {
		t.Fatal("trying again made another sale")
	}
	s.shop.fail = errors.New("again")
	s.press("n").keys("450").press("enter")
	other := s.m.draft.id
	if s.keys("0"); s.m.draft.id == other || other == id {
		t.Fatal("an edited draft kept its id")
	}
}

func TestNothingSeenCanBeChanged(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620").press("enter").see("USDC ON BASE")
	s.press("c").see("BITCOIN").press("c").see("ETHER").press("c").see("USDC ON BASE")
	s.tick(time.Minute).see("14:00").press("r").see("15:00")
	s.press("v").see("the customer types the amount").press("v")
	s.press("y", "u")
	if len(s.copy) != 2 || s.copy[0] != ethAddress || !strings.HasPrefix(s.copy[1], "ethereum:") {
		t.Fatalf("copied %q", s.copy)
	}
	s.tick(10 * time.Second)
	s.press("esc").see("Cancel sale 0231", "keep it").press("esc").gone("Cancel sale")
	s.press("esc", "y").see("CANCELLED").gone("Sale in detail")
	if s.m.here() != onAmount {
		t.Fatal("not back at the amount")
	}
}

func TestOnceMoneyWasSeenNothingCanBeChanged(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").press("esc").see("Cancel sale").happens(231, seen).gone("Cancel sale", "cancel", "new price")
	before := len(s.shop.sales[0].Sale.Quotes)
	s.press("c", "r")
	if got := s.shop.sales[0]; len(got.Sale.Quotes) != before || got.Sale.Outcome.Status != pos.Seen {
		t.Fatal("the quote of a seen sale changed")
	}
	s.press("esc")
	if s.m.here() != onAmount || s.m.over != overNone {
		t.Fatal("esc did not leave the sale open")
	}
	s.see("OPEN", "0231")
}

func TestTooLateToCancel(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").press("esc")
	s.shop.change(t, 231, seen) // this screen has not heard yet
	s.press("y").see("not possible any more").happens(231, func(*pos.View) {})
	s.see("SEEN")
}

func TestPartialAsksForTheRest(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, partial).see("PARTIAL", "MISSING", "20,764 of 25,958 sat")
	if !strings.HasSuffix(s.m.code.Text, "?amount=0.00005194") {
		t.Fatalf("the code asks for %q", s.m.code.Text)
	}
	s.happens(231, underpaid).see("ASK SUPERVISOR", "show a QR code for the missing").press("enter").see("bc1q")
	if s.bells != 1 {
		t.Fatalf("trouble rang %d times, want 1", s.bells)
	}
	if s.m.code.IsZero() {
		t.Fatal("no code for the rest")
	}
}

func TestNoCodeBeforeItIsWatched(t *testing.T) {
	s := newStand(t, 80, 24)
	s.shop.noQR = pos.ErrConnecting
	s.keys("450b").see("No QR code yet", "not connected").gone("bc1q")
	s.press("y", "u")
	if len(s.copy) != 0 {
		t.Fatalf("copied %q", s.copy)
	}
	s.happens(231, func(v *pos.View) { v.Pay.Refusal, v.Pay.Forms = nil, forms(v.Pay.Quote, v.Pay.Amount) })
	if s.m.code.IsZero() {
		t.Fatal("no code although it is watched now")
	}
}

func TestNewsOfOtherSales(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").press("n").keys("450b").press("n").keys("99")
	s.happens(231, seen).see("[*] 0231", "SEEN", "tab look")
	s.happens(232, late).see("+1 more")
	s.happens(231, paid).see("[x] 0231", "PAID", "HAND OVER")
	if got := s.m.draft.calc.total(2); got != 99 {
		t.Fatalf("news changed the amount to %d", got)
	}
	s.press("tab").see("Sale 0231").gone("[x] 0231").see("LATE  sale 0232 got €4.50 today")
	s.press("tab").see("Sale 0232").gone("tab look").press("n").typed("0.99")
	s.shop.sales = append(s.shop.sales, s.shop.sales[0])
	other := &s.shop.sales[2]
	other.Sale.ID, other.Sale.Number, other.Sale.Terminal = "x", 240, "till 2"
	s.happens(240, func(v *pos.View) { v.Sale.Outcome.Status = pos.Confirming }).gone("] 0240")
	s.happens(240, disputed).see("[!] 0240")
}

func TestALookAtTheNewsGoesBackToTheCustomer(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").press("n").keys("450b").happens(231, late).press("tab").see("Sale 0231", "LATE")
	s.press("esc").see("Sale 0232", "AWAITING").press("n").happens(231, paid)
	s.press("tab", "esc")
	if s.m.here() != onAmount {
		t.Fatal("esc went somewhere else")
	}
}

func TestTheSameAgain(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, expired).see("EXPIRED", "r same again").press("r").typed("16.20").press("enter").see("Sale 0232", "€16.20")
}

func TestCapsLock(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450B").see("BITCOIN").press("F").see("Please scan").press("F", "N")
	if s.m.here() != onAmount {
		t.Fatal("N did not go on")
	}
}

func TestAClosedRegisterSaysSo(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450b")
	s.send(heard{err: pos.ErrClosed})
	for range 20 {
		s.tick(time.Second)
	}
	s.see("the register was closed").press("n", "ctrl+c")
	if s.press("ctrl+c"); !s.quit {
		t.Fatal("cannot leave")
	}
}

func TestManyOpenSales(t *testing.T) {
	s := newStand(t, 80, 24)
	var views []pos.View
	for i := range 3000 {
		views = append(views, pos.View{Record: pos.Record{Sale: pos.Sale{
			ID: fmt.Sprint("id", i), Number: uint64(3000 - i), Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(100, "EUR")},
			Outcome: pos.Outcome{Status: pos.Seen},
		}}})
	}
	s.send(loaded{views: views})
	if len(s.m.open) != 3000 || s.m.open[0] != "id2999" {
		t.Fatalf("%d open, the oldest is %s", len(s.m.open), s.m.open[0])
	}
	s.see("OPEN 3000, the newest:", "3000")
	for i := range views {
		views[i].Sale.Outcome.Status = pos.Paid
	}
	if s.send(loaded{views: views}); len(s.m.open) != 0 {
		t.Fatalf("%d are still open", len(s.m.open))
	}
	s.gone("OPEN")
}

func TestListAndDetail(t *testing.T) {
	s := newStand(t, 80, 24)
	day(s)
	s.press("f2").see("0234", "0233", "UNDERPAID", "PAID")
	s.happens(234, seen).see("SEEN") // the list is live
	s.press("/").keys("232").gone("0233").see("0232", "find 232")
	if q := s.shop.requests[len(s.shop.requests)-1]; q.Text != "232" || q.Limit != listSize {
		t.Fatalf("asked %+v", q)
	}
	s.press("enter", "enter").see("What happened", "m/84'/0'/0'/0/7", "asked for 7,211 sat, until 12:15")
	s.press("enter").see("ASK SUPERVISOR").press("d").see("What happened").press("esc").see("ASK SUPERVISOR")
	s.press("w").keys("zzz").see("nothing like that").press("backspace", "backspace", "backspace").see("0234")
	s.press("esc", "esc")
	if s.m.here() != onOutcome {
		t.Fatal("esc did not go back to where it was called")
	}
}

func TestPasteTriggersNothing(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450")
	s.send(tea.PasteMsg{Content: "99b\r"})
	if len(s.shop.opened) != 0 || s.m.draft.calc.total(2) != 450 {
		t.Fatal("a paste did something")
	}
	s.see("pasted text")
	s.press("w")
	s.send(tea.PasteMsg{Content: " 231\x1b[31m\n"})
	if s.m.list.field.Value() != "231[31m" {
		t.Fatalf("the field holds %q", s.m.list.field.Value())
	}
}

func TestStartingKeepsWhatIsTyped(t *testing.T) {
	var reg Register
	s := newStand(t, 80, 24, func(c *Config, f *shopFake) {
		reg, c.Register = c.Register, nil
		c.Shop = pos.Shop{Name: "Café Linde", Currencies: []money.Currency{"EUR"}}
	})
	s.keys("450").see("connecting").press("enter").keys("n12").see("charged as soon as")
	s.send(Ready{Register: reg})
	if len(s.shop.opened) != 1 || s.shop.opened[0].Fiat.Minor != 450 {
		t.Fatalf("rung up %+v", s.shop.opened)
	}
	s.typed("0.12")
	if got := s.m.draft.calc.total(2); got != 12 {
		t.Fatalf("the next sale is %d", got)
	}
}

func TestFailedStart(t *testing.T) {
	s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Register = nil })
	s.send(Failed{Err: fmt.Errorf("opening the folder: %w", pos.ErrLocked)})
	s.see("could not start", "another till is using").press("ctrl+c").see("ctrl+c again")
	if s.press("ctrl+c"); !s.quit {
		t.Fatal("did not leave")
	}
}

func TestLeavingTakesTwo(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450").press("enter", "ctrl+c").see("ctrl+c again leaves", "1 open: what comes is found")
	for range quitTwice {
		s.tick(time.Second)
	}
	if s.press("ctrl+c"); s.quit {
		t.Fatal("left although the first was long ago")
	}
	if s.press("ctrl+c"); !s.quit {
		t.Fatal("did not leave")
	}
}

func TestDemoKeys(t *testing.T) {
	stage := &stageFake{}
	s := newStand(t, 80, 24, demo, func(c *Config, _ *shopFake) { c.Stage = stage })
	s.see("type 450, then enter, then p", "TRAINING").keys("450").press("enter").see("p customer pays")
	s.press("p", "m", "P").see("pays 80 %").press("2")
	if want := []string{"pay 231", "mine", "play short"}; !slices.Equal(stage.calls, want) {
		t.Fatalf("played %v, want %v", stage.calls, want)
	}
	plain := newStand(t, 80, 24)
	if plain.keys("450").press("enter").gone("customer pays").press("P", "m", "p"); plain.m.over != overNone {
		t.Fatal("demo keys work outside the demo")
	}
}

func TestSmallScreenFlips(t *testing.T) {
	s := newStand(t, 40, 20)
	s.keys("1620b").see("AWAITING  15:00  25,958 sat").gone("bc1q")
	s.press("space").see("bc1q cr8t").press("space").gone("bc1q")
}

func TestTinyScreenStillSells(t *testing.T) {
	s := newStand(t, 24, 8)
	s.keys("1620").see("16.20").press("b").see("25,958 sat", "bc1q cr8t e4kr 609g")
	s.happens(231, paid).see("PAID", "HAND OVER")
}

func TestHostileTextCannotMoveTheCursor(t *testing.T) {
	s := newStand(t, 80, 24, func(c *Config, f *shopFake) {
		f.shop.Name = "Evil\x1b[2J\x1b]0;x\a\u202eshop"
		c.Actor.Name = "\x1b[31mBob\r\n"
	})
	day(s)
	s.shop.change(t, 234, func(v *pos.View) { v.Sale.Reference, v.Sale.Note = "a\x1b]52;c;AAAA\ab", "\u202e\x9b31mnote" })
	s.press("f2", "enter")
	raw := s.m.View()
	for _, bad := range []string{"\x1b]", "\x1b[2J", "\a", "\r", "\u202e", "\x9b"} {
		if strings.Contains(raw.Content, bad) || strings.Contains(raw.WindowTitle, bad) {
			t.Errorf("%q reached the terminal", bad)
		}
	}
}

func TestEveryKeyHasWords(t *testing.T) {
	w := words.For("en", words.Format{})
	seen := make(map[string]bool)
	for _, b := range bindings {
		short, long := w.Key(string(b.act))
		if short == "" || long == "" {
			t.Errorf("%s has no words", b.act)
		}
		if b.on == 0 || b.label == "" || b.foot&^b.on != 0 {
			t.Errorf("%s: its row in the table is not whole", b.act)
		}
		// One key does one thing in one place, unless a condition decides.
		for _, name := range b.keys {
			for at := place(1); at <= onDay; at <<= 1 {
				id := fmt.Sprint(name, at)
				if b.on&at == 0 {
					continue
				}
				if seen[id] && b.now == nil {
					t.Errorf("%s means two things on screen %d", name, at)
				}
				seen[id] = true
			}
		}
	}
	total := 0
	for _, g := range KeyGroups(w) {
		if g.Title == "" || len(g.Keys) == 0 {
			t.Errorf("group %q is empty", g.Title)
		}
		total += len(g.Keys)
	}
	if total < 30 {
		t.Errorf("the list for the README has only %d keys", total)
	}
	if !Reserved("x") || !Reserved("o") || Reserved("b") {
		t.Error("Reserved does not follow the table")
	}
}

func TestBellIsQuietForOthers(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("450b").happens(231, handOver).see("HAND OVER", "SEEN")
	if s.bells != 2 {
		t.Fatalf("hand over rang %d times", s.bells)
	}
	s.happens(231, paid)
	if s.bells != 4 && s.bells != 2 {
		t.Fatalf("rang %d times", s.bells)
	}
}

func TestSearchFieldIsEdited(t *testing.T) {
	s := newStand(t, 80, 24)
	s.press("f2", "/", "b", "c", "left", "left", "a", "end", "d", "backspace", "space", "ctrl+w")
	if got := s.m.list.field.Value(); got != "" {
		t.Fatalf("a word taken back leaves %q", got)
	}
	s.press("2", "3", "1", "home", "delete", "left", "x")
	if got := s.m.list.field.Value(); got != "x31" {
		t.Fatalf("the field holds %q", got)
	}
	if !strings.Contains(s.screen(), "x│31") {
		t.Fatalf("the cursor is not where typing goes on:\n%s", s.screen())
	}
}
