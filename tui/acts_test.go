package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// A cashier's and a supervisor's day when something goes wrong.

func TestTheRestIsTakenInCash(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, partial).see("PARTIAL", "k cash").press("k")
	s.see("Take €3.24 in cash for the rest of", "sale 0231 (€16.20)?").gone("PIN")
	if s.m.code.IsZero() {
		t.Fatal("the customer lost the code while the cashier was asked")
	}
	s.keys("had coins").press("enter").see("ACCEPTED", "HAND OVER", "€3.24 of it taken in cash by Ana")
	if d := s.shop.deeds[0]; d.Kind != pos.ActCash || d.Cash != money.Of(324, "EUR") || d.Why != "had coins" || d.By.Name != "Ana" || d.PIN != "" {
		t.Fatalf("done: %+v", d)
	}
}

func TestASupervisorAcceptsWhatCame(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, underpaid).see("€12.96 of €16.20 came", "take €3.24 in cash", "accept it as it is", "supervisor")
	s.press("a").see("SUPERVISOR", "PIN").keys("111111").see("••••••").gone("111111").press("enter")
	s.see("Wrong PIN; 4 more tries").gone("••").keys(bobsPIN).press("tab").keys("a regular").press("enter")
	s.press("enter").see("ACCEPTED", "HAND OVER")
	d := s.shop.deeds[0]
	if len(s.shop.deeds) != 1 || d.Kind != pos.ActAccept || d.Why != "a regular" || d.PIN != bobsPIN {
		t.Fatalf("done: %+v", s.shop.deeds)
	}
	if act := s.shop.sales[0].Sale.Acts[0]; act.Approved != "Bob" || act.Actor.Name != "Ana" {
		t.Fatalf("written down: %+v", act)
	}
	s.press("d").see("accepted as it is by Ana at till 1, allowed by Bob: a regular")
}

func TestTooManyWrongPINsLock(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, late).press("r").see("Count late money at the present price")
	for range 5 {
		s.keys("000000").press("enter")
	}
	s.see("another wrong one locks").keys("000000").press("enter").see("none is taken until 12:00:30")
	if len(s.shop.deeds) != 0 {
		t.Fatalf("done without a PIN: %+v", s.shop.deeds)
	}
	s.press("esc").see("LATE", "count late money").gone("PIN  ")
}

func TestWithoutASupervisorItSaysWhatToDo(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, late).press("a").see("Nobody has a supervisor's PIN yet", "till staff add").gone("PIN  ")
	s.keys("123456").press("enter")
	if s.m.over != overNone || len(s.shop.deeds) != 0 {
		t.Fatal("enter did more than leave")
	}
}

// What is typed while a PIN is being checked must not stand on the screen, in
// no field and in no amount.
func TestAPINIsNeverTypedIntoAnAmount(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, late).press("a").keys("111111")
	s.hold = true
	s.press("enter").keys("222222")
	s.release()
	s.see("Wrong PIN").gone("222222", "2,222.22", "••")
	if !s.m.draft.empty() || s.m.parked != nil {
		t.Fatal("a PIN became an amount")
	}
}

func TestOnlyWhatIsPossibleHasAKey(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").press("a", "k", "g", "o", "z", "h")
	if s.m.over != overNone {
		t.Fatal("an act opened on a sale that allows none")
	}
	s.happens(231, underpaid).press("r", "o", "z", "h")
	if s.m.over != overNone {
		t.Fatal("an act opened that the register does not allow")
	}
	// Two people decide at the same time.
	s.press("a").see("PIN").happens(231, paid).gone("PIN").see("PAID", "something changed on this sale")
	s = newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, underpaid).press("k").see("€3.24").happens(231, func(v *pos.View) { v.RestInCash = money.Of(100, "EUR") })
	s.gone("PIN", "do it").see("something changed").press("k").see("€1.00").happens(231, func(v *pos.View) { v.Sale.Outcome.Confirmations++ }).see("do it")
}

func TestASaleOfAnotherTillIsTakenOver(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, func(v *pos.View) { partial(v); v.Sale.Terminal = "till 2" })
	s.press("?").see("take this sale over").press("esc", "h")
	if len(s.shop.deeds) != 1 || s.shop.deeds[0].Kind != pos.ActTakeOver {
		t.Fatalf("done: %+v", s.shop.deeds)
	}
	s.press("?").gone("take this sale over")
}

func TestMoneyGoesBack(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, underpaid).press("g").see("How much goes back?", "1 all that came", "20,764 sat", "2 a part of the price")
	// A scanner types the address, and enter.
	s.press("enter").keys("bc1qwrong").press("enter").see("Nothing can be paid to that: its check sum is wrong")
	if s.m.form.fields[s.m.form.at].name != fieldTo || len(s.shop.deeds) != 0 {
		t.Fatal("a PIN is asked for although the address is wrong")
	}
	s.press("ctrl+u").keys("b").gone("its check sum is wrong").press("ctrl+u")
	s.send(tea.PasteMsg{Content: " " + homeAddress + "\n"})
	s.press("enter").keys(bobsPIN).press("enter").see("REFUND: pay this from the shop's", "Not a code for a customer", "REFUND DUE", "bc1q w508 d6qe")
	if d := s.shop.deeds[0]; d.Kind != pos.ActRefundDue || d.Basis != pos.RefundPaid || d.To != homeAddress {
		t.Fatalf("done: %+v", d)
	}
	if want := "bitcoin:" + homeAddress + "?amount=0.00020764"; s.m.code.Text != want {
		t.Fatalf("the owner's wallet is asked for %q, want %q", s.m.code.Text, want)
	}
	s.press("y", "u")
	if len(s.copy) != 2 || s.copy[0] != homeAddress {
		t.Fatalf("copied %q", s.copy)
	}
	s.press("f").gone("pay this").see("on its way back to you").press("f")
	s.happens(231, onItsWay(0, 1)).see("on their way back, 0").gone("pay this")
	if !s.m.code.IsZero() {
		t.Fatal("a code to pay the refund twice")
	}
	s.happens(231, refunded).see("20,764 sat went back")
}

func TestAPartOfThePriceGoesBack(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, paid).press("g", "2").keys("250").see("Amount  €2.50").press("enter").keys(homeAddress).press("enter").keys(bobsPIN).press("enter")
	if d := s.shop.deeds[0]; d.Basis != pos.RefundPart || d.Fiat != money.Of(250, "EUR") {
		t.Fatalf("done: %+v", d)
	}
}

func TestItWentBackInAnotherWay(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, toBePaidBack).press("o").see("no network will show").keys(bobsPIN).press("enter").see("REFUNDED", "in another way, says Ana")
	s = newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, toBePaidBack).press("z").see("struck out").keys(bobsPIN).press("enter").see("UNDERPAID")
}

func TestTheDemosOwnerPaysTheRefund(t *testing.T) {
	stage := &stageFake{}
	s := newStand(t, 80, 24, withBob, func(c *Config, _ *shopFake) { c.Stage = stage })
	s.keys("1620b").happens(231, toBePaidBack).press("p")
	if len(stage.calls) != 1 {
		t.Fatalf("played %v", stage.calls)
	}
}

func TestBackFromTheWeekend(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	backFromTheWeekend(s)
	s.see("While you were away", "from Friday 18:00 to today 07:59", "PAID", "paid on Friday", "> 0232", "came on Friday", "decide")
	s.press("enter").see("Sale 0232", "LATE").press("a").keys(bobsPIN).press("enter").see("ACCEPTED")
	s.press("esc").see("While you were away", "0232       €4.50  ACCEPTED")
	s.press("s").gone("While you were away")
	if s.shop.away != nil || s.m.here() != onAmount {
		t.Fatal("it was not acknowledged")
	}
}

func TestAwayWaitsForWhoeverIsTyping(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620").press("enter", "n").happens(231, paid)
	s.m.looked(s.shop.sales[0].Sale.ID)
	s.clock.move(time.Hour)
	s.keys("45")
	s.shop.away = &pos.Away{From: noon, Until: noon.Add(time.Hour), Sales: []string{s.shop.sales[0].Sale.ID}}
	s.send(heard{update: pos.Update{Board: s.shop.Board()}})
	s.typed("0.45").see("while you were away: sales 1", "tab look").keys("0").typed("4.50")
	s.press("tab").see("While you were away", "ok", "enter all seen").press("esc").typed("4.50").see("while you were away: sales 1")
	// Digits begin the next sale also there.
	s.press("esc", "tab").keys("7").typed("0.07").press("tab", "enter").gone("while you were away")
	if s.shop.away != nil {
		t.Fatal("enter did not acknowledge what needs nobody")
	}
}

func TestLateMoneyOnALaterDay(t *testing.T) {
	s := newStand(t, 80, 24)
	lateOnMonday(s)
	s.typed("0.45").see("LATE  sale 0231 of Friday got €11.00 today", "tab decide")
	for _, key := range []string{"f2", "f4"} {
		s.press(key).see("LATE  sale 0231 of Friday")
	}
	s.press("esc").press("tab").see("Sale 0231", "count late money at the present price")
}

func TestAConflictAfterHandOverRingsLong(t *testing.T) {
	s := newStand(t, 80, 24)
	s.keys("1620b").happens(231, handOver).press("n")
	s.shop.sales[0].Sale.Terminal = "till 2" // whoever rang it up
	s.bells = 0
	s.happens(231, disputed).see("[!] 0231", "DISPUTED")
	if s.bells < 10 {
		t.Fatalf("rang %d times: nobody looks up", s.bells)
	}
	// One that was there when the till was opened is told of, and no alarm.
	s.m.met, s.bells = false, 0
	delete(s.m.known, s.shop.sales[0].Sale.ID)
	if s.happens(231, func(*pos.View) {}); s.bells > 2 || s.bells == 0 {
		t.Fatalf("an old dispute rang %d times", s.bells)
	}
}

func TestWhereIsMyMoney(t *testing.T) {
	s := newStand(t, 80, 24)
	day(s)
	s.shop.sights = map[string][]pos.Sighting{
		nobodysTx: {
			{Rail: "bitcoin:mainnet", Asset: btc, Found: chain.Found{Known: true, Block: chain.BlockRef{Height: 975110, Hash: "00", Time: noon.Add(-time.Hour)}}},
			{Rail: "eip155:1", Asset: eth},
			{Rail: "eip155:8453", Asset: eth, Err: chain.ErrCannot},
		},
		homeAddress: {{Rail: "bitcoin:mainnet", Asset: btc, Found: chain.Found{Known: true, Payments: []chain.Event{
			{Kind: chain.Seen, Target: btcAddress, Asset: btc.ID, Amount: chain.Units(5000)},
		}}}},
	}
	s.press("w").see("Where is my money").keys(nobodysTx)
	s.see("No sale of this shop", "Bitcoin: in block 975,110", "pays none of our addresses", "Ethereum: not known", "Base: this way of watching cannot look that up")
	if len(s.shop.asked) != 1 {
		t.Fatalf("the networks were asked %q", s.shop.asked)
	}
	// An address is asked for once it is whole: nobody tells the networks its beginning.
	s.press("esc", "w").keys(homeAddress)
	if len(s.shop.asked) != 1 {
		t.Fatalf("the networks were asked %q while it was typed", s.shop.asked)
	}
	s.press("enter").see("5,000 sat for sale 0233", "> 0233").press("enter").see("Sale in detail")
	// A receipt number, a payment link, an amount.
	s.press("esc", "esc", "w").keys("232").see("> 0232").press("enter", "enter").see("Sale in detail", "came, the price ran out")
	s.press("esc", "esc", "w")
	s.send(tea.PasteMsg{Content: "bitcoin:" + btcAddress + "?amount=0.1"})
	s.see("> 0233").press("esc", "esc", "w").keys("4.50").see("> 0232").gone("0233")
	s.press("esc", "esc", "w").keys("xyzzy").see("nothing like that").gone("networks")
}

func TestTheWholeTimeline(t *testing.T) {
	s := newStand(t, 80, 60, withBob)
	wholeStory(s)
	s.press("d").see(
		"rung up by Ana at till 1: €16.20", "25,958 sat seen, in no block yet", "SEEN, WAIT", "PAID, HAND OVER: in block 975,113",
		"block 975,113 left the chain", "INCIDENT: it was PAID and is DISPUTED", "accepted as it is by Ana at till 1, allowed by Bob: a regular",
	)
	// What happens while it is open is read again.
	s.shop.wrote(s.shop.sales[0].Sale.ID, noon.Add(time.Hour), pos.EntryAct, pos.Act{Kind: pos.ActTakeOver, Actor: pos.Actor{Name: "Eve"}})
	s.happens(231, func(*pos.View) {}).see("taken over by Eve")
	s.shop.wrote(s.shop.sales[0].Sale.ID, noon.Add(time.Hour), pos.EntryOutcome, 7)
	s.happens(231, func(*pos.View) {}).see("cannot read; run: till verify")
}

func TestChangedKeysStopSelling(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	keysChanged(s).see("Nothing is rung up", "bitcoin key: 8c1fa2d0 > 11aa22bb", "F8 agree", "key 8c1f").press("enter", "b", "u")
	if len(s.shop.opened) != 0 {
		t.Fatalf("rung up %+v", s.shop.opened)
	}
	s.press("f8").see("Agree to changed keys", "PIN").keys("111111").press("enter").see("Wrong PIN").keys(bobsPIN).press("enter").see("agreed").gone("Nothing is rung up")
	s.typed("4.50").press("enter").see("Sale 0231")
}

func TestChangedKeysWithoutASupervisor(t *testing.T) {
	s := newStand(t, 80, 24)
	keysChanged(s).press("f8").see("Nobody has a supervisor's PIN", "whoever stands here may agree").gone("PIN  ").press("enter").see("agreed")
	if len(s.shop.changed) != 0 {
		t.Fatal("not agreed")
	}
}

func TestAPriceByHand(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.gone("F9").press("f9")
	if s.m.over != overNone {
		t.Fatal("a price by hand was asked for although there is one")
	}
	stale(s).see("The price of BTC, ETH is from 7 min ago", "sets one by hand").press("f9").see("Which coin?", "> 1 Bitcoin").press("enter")
	s.keys("abc").press("enter").keys(bobsPIN).press("enter").see("That is no price")
	s.press("ctrl+u").keys("624").press("enter", "enter").see("€624.00 is far from the last price").press("enter")
	s.keys("999").press("enter", "enter").see("€999.00 is far from the last price") // another one is no confirmation
	s.keys("62,000.00").press("enter", "enter").see("MANUAL RATE Bob", "price set by hand")
	s.keys("450b").see("at €62,000.00, MANUAL RATE Bob").tick(time.Minute)
	if q := s.shop.sales[0].Sale.Quotes[0]; q.Rate.State != pos.RateManual {
		t.Fatalf("quoted at %+v", q.Rate)
	}
}

func TestAFarPriceTypedAgainIsMeant(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	stale(s).press("f9", "enter").keys("624").press("enter").keys(bobsPIN).press("enter").see("far from").keys("624.00").press("enter", "enter").see("€624.00   ETH")
}

// A stablecoin whose peg is not known in the shop's currency needs a price too,
// and prices that come meanwhile do not move the list under the finger.
func TestAPriceByHandForAnyCoin(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.shop.refuse[usdc.ID] = money.ErrNoRate
	stale(s).press("f9").see("1 USDC on Base", "2 Bitcoin", "3 Ether").press("2")
	delete(s.shop.refuse, usdc.ID)
	s.send(heard{update: pos.Update{Board: s.shop.Board()}})
	s.keys("62000").press("enter").keys(bobsPIN).press("enter").see("BTC €62,000.00")
}

func TestNumbersAreReadAsTheyAreWritten(t *testing.T) {
	for _, it := range []struct{ locale, text, want string }{
		{"en-IE", "62410.50", "62410.50"},
		{"en-IE", "62,410.50", "62410.50"},
		{"en-IE", "1,234,567", "1234567"},
		{"en-IE", " 62 410.5", "62410.5"},
		{"de-DE", "62.410,50", "62410.50"},
		{"de-DE", "62410,5", "62410.5"},
		{"de-DE", "62410.5", "62410.5"},
		{"de-CH", "62'410.50", "62410.50"},
	} {
		if got := plainNumber(it.text, money.LocaleFor(it.locale)); got != it.want {
			t.Errorf("%s: %q is read as %q, want %q", it.locale, it.text, got, it.want)
		}
	}
}

func TestFormsNeverShowAPIN(t *testing.T) {
	s := newStand(t, 80, 24, withBob)
	s.keys("1620b").happens(231, late).press("a")
	s.send(tea.PasteMsg{Content: "987654"})
	s.see("nothing can be pasted here").keys("987654x ü").press("left", "tab", "tab")
	if frame := s.m.View().Content; strings.Contains(frame, "98") || !strings.Contains(frame, "••••••") {
		t.Fatalf("the PIN is on the screen:\n%s", s.screen())
	}
}

func TestATinyWindowStillDecides(t *testing.T) {
	s := newStand(t, 24, 8, withBob)
	s.keys("1620b").happens(231, underpaid).press("a").see("Accept it as it is", "PIN").keys("111111").see("••••••").press("enter").see("Wrong PIN")
	s.keys(bobsPIN).press("enter").see("ACCEPTED").press("g").see("that came 20,764 sat").press("enter").keys(homeAddress).press("enter").keys(bobsPIN).press("enter")
	s.tick(time.Minute).see("shop's wallet", "20,764 sat", "bc1q w508")
}
