package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"pgregory.net/rapid"
)

// floorFake knows which sale each terminal shows.
type floorFake struct {
	mu    sync.Mutex
	shown map[string]string
	next  chan struct{}
}

func newFloor() *floorFake {
	return &floorFake{shown: make(map[string]string), next: make(chan struct{})}
}

func (f *floorFake) Show(terminal, saleID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown[terminal] = saleID
	close(f.next)
	f.next = make(chan struct{})
}

func (f *floorFake) Follow(terminal string) (string, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown[terminal], f.next
}

// roles that there are.
var roles = []Role{Cashier, Supervisor, Kiosk, Display, Board, Customer}

// as makes a screen of a role.
func as(role Role) func(*Config, *shopFake) {
	return func(c *Config, _ *shopFake) {
		c.Role = role
		if role == Kiosk {
			c.Actor = pos.Actor{Terminal: "kiosk"}
		}
	}
}

func fixed(c *Config, _ *shopFake) {
	c.Kiosk.Amounts = []money.Fiat{money.Of(200, "EUR"), money.Of(500, "EUR"), money.Of(1000, "EUR"), money.Of(2000, "EUR")}
}

// following is a display whose till shows a sale of 16.20; it stops listening
// after the first change, because a stand runs its commands one after the other.
func following(c *Config, f *shopFake) {
	c.Role, c.Follow = Display, "till 1"
	floor := newFloor()
	v, err := f.Open(context.Background(), pos.Draft{ID: "s", Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(1620, "EUR")}, By: pos.Actor{Terminal: "till 1"}}, btc.ID)
	if err != nil {
		panic(err)
	}
	floor.Show("till 1", v.Sale.ID)
	o := &once{floorFake: floor}
	c.Context, o.stop = context.WithCancel(context.Background())
	c.Floor = o
}

// once is a floor on which nothing changes any more: whoever waits for that is
// told that the terminal has gone.
type once struct {
	*floorFake
	asked int
	stop  func()
}

func (o *once) Follow(terminal string) (string, <-chan struct{}) {
	if o.asked++; o.asked > 1 {
		o.stop()
	}
	return o.floorFake.Follow(terminal)
}

// crowd is a shop with many sales on the way.
func crowd(n int) func(*Config, *shopFake) {
	return func(c *Config, f *shopFake) {
		for i := range n {
			v, err := f.Open(context.Background(), pos.Draft{ID: fmt.Sprint("crowd", i), Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(int64(100+i), "EUR")}, By: pos.Actor{Terminal: "till 1"}}, btc.ID)
			if err != nil {
				panic(err)
			}
			fate := []func(*pos.View){seen, paid, confirming(1, 3), handOver}[i%4]
			if _, err := f.edit(v.Sale.ID, func(v *pos.View) error {
				fate(v)
				v.Sale.ClosedAt = noon.Add(-time.Duration(i) * time.Second)
				return nil
			}); err != nil {
				panic(err)
			}
		}
		if len(f.sales) > 2 {
			f.sales[2].Sale.Outcome.Status, f.sales[2].Sale.Outcome.Verdict = pos.Disputed, pos.AskSupervisor
		}
	}
}

// playing are what other roles than the cashier's meet.
func playing() []situation {
	type setup = []func(*Config, *shopFake)
	kiosk := setup{as(Kiosk)}
	return []situation{
		{name: "kiosk-start", setup: kiosk, play: func(*stand) {}},
		{name: "kiosk-typed", setup: kiosk, play: func(s *stand) { s.keys("1620").press("down") }},
		{name: "kiosk-amounts", setup: setup{as(Kiosk), fixed}, play: func(s *stand) { s.keys("2") }},
		{name: "kiosk-pay", setup: kiosk, play: func(s *stand) { s.keys("1620b").tick(8 * time.Second) }},
		{name: "kiosk-going", setup: kiosk, play: func(s *stand) { s.keys("1620b").tick(23 * time.Second) }},
		{name: "kiosk-seen", setup: kiosk, play: func(s *stand) { s.keys("1620b").happens(231, seen) }},
		{name: "kiosk-paid", setup: kiosk, play: func(s *stand) { s.keys("1620b").happens(231, paid) }},
		{name: "kiosk-trouble", setup: kiosk, play: func(s *stand) { s.keys("1620b").happens(231, underpaid) }},
		{name: "display-idle", setup: setup{as(Display)}, play: func(*stand) {}},
		{name: "display-pay", setup: setup{following}, play: func(s *stand) { s.tick(8 * time.Second) }},
		{name: "display-paid", setup: setup{following}, play: func(s *stand) { s.happens(231, paid) }},
		{name: "board", setup: setup{crowd(7), as(Board)}, play: func(*stand) {}},
		{name: "board-many", setup: setup{crowd(90), as(Board)}, play: func(*stand) {}},
		{name: "guest", setup: setup{demo, as(Customer)}, play: func(s *stand) { s.keys("02") }},
		{name: "guest-none", setup: setup{demo, as(Customer)}, play: func(s *stand) { s.keys("0777").press("enter") }},
		{name: "guest-sent", setup: setup{demo, crowd(3), as(Customer)}, play: func(s *stand) { ringUp(s); s.keys("0234").press("enter") }},
		{name: "guest-paid", setup: setup{demo, crowd(3), as(Customer)}, play: func(s *stand) {
			ringUp(s)
			s.keys("0234").press("enter").happens(234, paid)
		}},
		{name: "supervisor", setup: setup{as(Supervisor)}, play: func(s *stand) { day(s); s.tick(11 * time.Second).keys("450") }},
		{name: "sure", play: func(s *stand) { s.press("/", "/", "/", "/").keys("800").press("enter") }},
	}
}

// ringUp rings up sale 234 at a till elsewhere.
func ringUp(s *stand) {
	s.t.Helper()
	if _, err := s.shop.Open(context.Background(), pos.Draft{ID: "elsewhere", Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}, By: pos.Actor{Terminal: "till 1"}}, btc.ID); err != nil {
		s.t.Fatal(err)
	}
}

func TestAKioskServesOneCustomerAfterTheOther(t *testing.T) {
	s := newStand(t, 80, 24, as(Kiosk))
	s.see("Café Linde", "type the amount").keys("450").see("7,211 sat").press("b").see("Please scan and pay.", "BITCOIN")
	s.happens(231, seen).see("Seen, thank you", "enter next")
	s.tick(10 * time.Minute).see("Seen, thank you") // its money is there: nobody sends this customer away
	s.happens(231, paid).see("Paid. Thank you.", "0231")
	s.tick(time.Second).tick(7 * time.Second).see("Paid. Thank you.").tick(time.Second).see("type the amount").typed2("0.00")
}

func TestAKioskGoesBackWhereNobodyPays(t *testing.T) {
	s := newStand(t, 80, 24, as(Kiosk))
	s.keys("450").tick(29 * time.Second).typed2("4.50").tick(time.Second).typed2("0.00")
	s.keys("450b").tick(21 * time.Second).see("Back in 0:09").press("x").gone("Back in").see("Please scan")
	s.tick(31 * time.Second).see("type the amount")
	if len(s.shop.deeds) != 0 || s.shop.sales[0].Sale.Outcome.Status != pos.Awaiting {
		t.Fatal("the sale was cancelled: whoever is in a wallet now pays late")
	}
	// Its customer was in a wallet all the time.
	s.happens(231, seen).see("Seen, thank you").happens(231, paid).see("Paid. Thank you.").tick(time.Second).tick(8 * time.Second).see("type the amount")
	// Once somebody else is here, it does not come between.
	s.keys("900b").press("esc").keys("1").happens(232, seen).gone("Seen").typed2("0.01")
}

func TestAKioskTakesOnlyItsAmounts(t *testing.T) {
	s := newStand(t, 80, 24, as(Kiosk), fixed)
	s.see("Please choose an amount", "€10.00").keys("7.5").press("enter").see("Please choose an amount")
	s.keys("3b").see("Please scan and pay.")
	if got := s.shop.opened[0].Fiat; got != money.Of(1000, "EUR") {
		t.Fatal(got)
	}
}

func TestAKioskIsTouched(t *testing.T) {
	s := newStand(t, 80, 24, as(Kiosk))
	s.touch("4", "5", "0").typed2("4.50").touch("esc").typed2("0.00").touch("9", "9", "backspace").typed2("0.09").touch("9", "9", "9").touch("Ether").see("Please scan and pay.", "ETHER")
	if s.shop.opened[0].Fiat != money.Of(9999, "EUR") {
		t.Fatal(s.shop.opened)
	}
	s.touch("coin").gone("ETHER").touch("back").see("type the amount")
	if s.m.View().MouseMode != tea.MouseModeCellMotion {
		t.Fatal("a kiosk hears no touch")
	}
}

func TestAKioskAsksForNoFortune(t *testing.T) {
	s := newStand(t, 80, 24, as(Kiosk))
	s.keys("99999999b").see("speak to us")
	if len(s.shop.opened) != 0 {
		t.Fatal(s.shop.opened)
	}
}

func TestADisplayShowsItsCashiersSaleOnly(t *testing.T) {
	floor := newFloor()
	till := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Floor = floor })
	shows := func(want string) {
		t.Helper()
		if got, _ := floor.Follow("till 1"); got != want {
			t.Fatalf("the display is told %q, want %q", got, want)
		}
	}
	shows("")
	till.keys("450b")
	first := till.shop.sales[0].Sale.ID
	shows(first)
	till.press("f2")
	shows(first) // a look at the list is not for the customer
	till.press("esc", "n")
	shows("")
	till.keys("900b").happens(231, paid)
	second := till.shop.sales[1].Sale.ID
	shows(second)
	till.press("tab")
	shows(second) // nor is one at the news
	till.press("esc").happens(232, paid)
	shows(second)
	till.press("enter", "f2", "down", "enter", "enter")
	shows("") // nor is an old sale
}

func TestTheBoardHasNumbersOnly(t *testing.T) {
	s := newStand(t, 80, 24, crowd(7), as(Board))
	s.gone("€", "sat", "Ana", "DISPUTED").happens(234, func(v *pos.View) { v.Sale.Outcome.Verdict = pos.AskSupervisor })
	working, ready := s.m.numbers()
	numbers := func(list []pos.View) (n []uint64) {
		for _, v := range list {
			n = append(n, v.Sale.Number)
		}
		return n
	}
	if got := numbers(working); !slices.Equal(got, []uint64{231, 235, 237}) {
		t.Error("in progress", got)
	}
	if got := numbers(ready); !slices.Equal(got, []uint64{232, 236}) {
		t.Error("ready", got)
	}
	s.tick(16 * time.Minute)
	if _, ready := s.m.numbers(); len(ready) != 0 {
		t.Error("nobody is called any more after a quarter of an hour", numbers(ready))
	}
}

func TestTheAudiencePays(t *testing.T) {
	s := newStand(t, 80, 24, demo, crowd(3), as(Customer))
	ringUp(s)
	s.see("Type the number").keys("0231").press("enter").see("No sale with that number") // its money is there
	s.keys("0234").press("enter").see("It is on its way", "0234", "€4.50")
	if got := s.m.stage.(*stageFake).calls; !slices.Equal(got, []string{"pay 234"}) {
		t.Fatal(got)
	}
	s.happens(234, seen).see("Seen, thank you").happens(231, paid).see("0234").happens(234, paid).see("Paid. Thank you.")
	s.keys("1").gone("0234").press("ctrl+c", "ctrl+c")
	if !s.quit {
		t.Error("nobody can leave the audience")
	}
}

func TestASupervisorSeesTheDay(t *testing.T) {
	s := newStand(t, 80, 24, as(Supervisor))
	day(s)
	s.tick(11 * time.Second).see("today: paid 1   €16.20").press("f10").see("nobody has a PIN")
	s = newStand(t, 80, 24)
	day(s)
	s.tick(11 * time.Second).gone("today: paid")
	s = newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.ShowTotals = true })
	day(s)
	s.tick(11 * time.Second).see("today: paid 1   €16.20")
}

// TestNoKeyLeadsOutOfARole presses anything while anything happens, at every role
// that faces customers.
func TestNoKeyLeadsOutOfARole(t *testing.T) {
	keys := append(allKeys(), "ctrl+c", "ctrl+d", "ctrl+z", "f12", "ctrl+l")
	fates := []func(*pos.View){seen, partial, confirming(1, 3), paid, underpaid, late, disputed, expired, handOver, toBePaidBack, refunded}
	rapid.Check(t, func(rt *rapid.T) {
		role := rapid.SampledFrom([]Role{Kiosk, Display, Board, Customer}).Draw(rt, "role")
		setup := []func(*Config, *shopFake){demo, withBob, crowd(6)}
		if role == Display {
			setup = append(setup, following)
		}
		if rapid.Bool().Draw(rt, "fixed") {
			setup = append(setup, fixed)
		}
		s := newStand(t, 80, 24, append(setup, as(role))...)
		ringUp(s)
		theirs := map[string]bool{"": true, "s": true}
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				n := rapid.IntRange(0, len(s.shop.sales)-1).Draw(rt, "sale")
				fate := rapid.SampledFrom(fates).Draw(rt, "fate")
				s.happens(s.shop.sales[n].Sale.Number, fate)
			case 1:
				s.tick(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second)
			case 2:
				s.send(tea.MouseClickMsg{X: rapid.IntRange(0, 79).Draw(rt, "x"), Y: rapid.IntRange(0, 23).Draw(rt, "y"), Button: tea.MouseLeft})
				s.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
				s.send(tea.PasteMsg{Content: "0231"})
			default:
				s.press(rapid.SampledFrom(keys).Draw(rt, "key"))
			}
			for _, d := range s.shop.opened {
				if d.By.Terminal == "kiosk" {
					theirs[d.ID] = true
				}
			}
			for _, call := range s.m.stage.(*stageFake).calls {
				if n := strings.TrimPrefix(call, "pay "); n == call {
					rt.Fatalf("the demo was asked to %s", call)
				} else {
					for _, v := range s.shop.sales {
						if fmt.Sprint(v.Sale.Number) == n && role == Customer {
							theirs[v.Sale.ID] = true
						}
					}
				}
			}
			m := s.m
			if m.at != onAmount && m.at != onSale || m.over != overNone || m.form != nil || m.lock.on || !theirs[m.sale] || len(s.shop.deeds) > 0 || m.customer {
				rt.Fatalf("%s: reached %d, over it %d, sale %q, deeds %v:\n%s", role, m.at, m.over, m.sale, s.shop.deeds, s.screen())
			}
			if role != Customer && role != Board && s.quit {
				rt.Fatalf("%s was left", role)
			}
			frame := s.screen()
			for _, text := range []string{"today", "F2", "F3", "F4", "? help", "SUPERVISOR", "PIN", "Eva", "Bob"} {
				if strings.Contains(frame, text) {
					rt.Fatalf("%s shows %q:\n%s", role, text, frame)
				}
			}
		}
	})
}

// TestHostileNamesInEveryRole puts any text where items, instruments and roles take
// it from outside.
func TestHostileNamesInEveryRole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		evil := func(name string) string {
			return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
				"\x1b[2J", "\x1b]0;x\a", "\u009b31m", "\u202eabc", "a\u0300\u0300\u0300\u0300", "\xff\xfe", "喫茶店", "\r\n\t", "ﷺ",
			})).Draw(rt, name)
		}
		role := rapid.SampledFrom(roles).Draw(rt, "role")
		w, h := rapid.IntRange(20, 130).Draw(rt, "w"), rapid.IntRange(8, 45).Draw(rt, "h")
		paper := &paperFake{err: fmt.Errorf("%s", evil("printer"))}
		s := newStand(t, w, h, demo, crowd(5), as(role), func(c *Config, f *shopFake) {
			f.shop.Name = evil("shop")
			f.shop.Assets = slices.Clone(f.shop.Assets)
			f.shop.Assets[0].Name, f.shop.Assets[0].Symbol, f.shop.Assets[0].Key = evil("asset"), evil("symbol"), evil("key")
			c.Items = []Item{{"f5", evil("item"), money.Of(450, "EUR")}, {"f6", evil("item"), money.Of(1, "EUR")}}
			c.Printer = paper
			c.Instruments = func(context.Context) (Instruments, error) {
				return Instruments{
					Prices: []Price{{Symbol: evil("symbol"), Currency: "EUR", Quotes: []Quote{{Source: evil("source"), Price: rates[btc.ID]}}, Alarm: fmt.Errorf("%s", evil("alarm"))}},
					Gaps:   []Gap{{evil("key"), 17, 20}},
				}, nil
			}
		})
		look := func() {
			v := s.m.View()
			rest := sgr.ReplaceAllString(v.Content, "") + v.WindowTitle
			for _, r := range rest {
				if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
					rt.Fatalf("%s: %q reached the terminal in %q", role, r, rest)
				}
			}
			lines := strings.Split(v.Content, "\n")
			if len(lines) > h {
				rt.Fatalf("%s: %d lines of %d", role, len(lines), h)
			}
			for _, l := range lines {
				if ansi.StringWidth(l) > w {
					rt.Fatalf("%s: %q is wider than %d", role, l, w)
				}
			}
		}
		for _, key := range []string{"f5", "f5", "f6", "4", "l", "x", "enter", "enter", "esc", "f4", "down", "esc", "2", "3", "1", "enter", "f2", "enter", "t", "esc"} {
			look()
			s.press(key)
		}
		s.happens(s.shop.sales[0].Sale.Number, paid)
		look()
	})
}
