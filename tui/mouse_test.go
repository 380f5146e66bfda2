package tui

import (
	"strings"
	"testing"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// touch touches texts on the screen.
func (s *stand) touch(texts ...string) *stand {
	s.t.Helper()
	for _, text := range texts {
		x, y, ok := 0, 0, false
		for _, h := range s.m.hits { // a large digit of the keypad has no letters
			if h.key == text {
				x, y, ok = h.r.X+h.r.W/2, h.r.Y+h.r.H/2, true
			}
		}
		for row, line := range strings.Split(s.screen(), "\n") {
			if at := strings.Index(line, text); at >= 0 && !ok {
				x, y, ok = ansi.StringWidth(line[:at])+utf8.RuneCountInString(text)/2, row, true
			}
		}
		if !ok {
			s.t.Fatalf("%q is not on the screen:\n%s", text, s.screen())
		}
		s.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	}
	return s
}

// typed2 checks the amount that a kiosk shows.
func (s *stand) typed2(want string) *stand {
	s.t.Helper()
	if got, _ := s.m.amountText(s.m.draft); got != want || s.m.at != onAmount {
		s.t.Fatalf("%s is typed, want %s:\n%s", got, want, s.screen())
	}
	return s
}

func TestAClickIsAKeyPress(t *testing.T) {
	s := newStand(t, 80, 24, demo, bakery)
	s.touch("F5 Coffee", "F5 Coffee").typed("9.00").touch("esc clear").typed("0.00").keys("450").touch("Bitcoin").see("AWAITING")
	if s.m.View().MouseMode != tea.MouseModeNone {
		t.Fatal("the address cannot be marked on the pay screen")
	}
	s.send(tea.MouseClickMsg{X: 2, Y: 23, Button: tea.MouseLeft}) // one that was under way
	if len(s.m.stage.(*stageFake).calls) != 0 {
		t.Fatal("a click on the pay screen did something")
	}
	s.press("n").happens(231, underpaid).touch("decide").see("UNDERPAID").touch("everything that happened").see("What happened").press("esc")
	s.touch("enter QR for the rest").see("still missing", "trust:").press("esc")
	s.press("n").keys("900b").press("n", "f2").touch("0231").see("> 0231").touch("0231").see("Sale in detail")
	s.press("esc").send(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	s.see("> 0232").send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	s.see("> 0231").press("esc", "P").touch("goes away").gone("Scenes")
}

func TestWhatLiesUnderAQuestionIsNotClicked(t *testing.T) {
	s := newStand(t, 80, 24)
	s.press("/", "/", "/", "/").keys("800").press("enter").see("Ring up 800 ETH")
	for y := range 24 {
		for x := range 80 {
			if h, ok := s.m.hitAt(x, y); ok && h.key != "y" && h.key != "esc" {
				t.Fatalf("%d, %d stands for %q", x, y, h.key)
			}
		}
	}
	s.touch("esc change it").gone("Ring up").press("enter", "enter").gone("Ring up").press("enter").touch("y ring it up").see("800 ETH", "AWAITING")
}
