package tui

import (
	"strings"
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
