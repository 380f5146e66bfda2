package tui

import (
	"github.com/cointill/till/tui/theme"
)

// What is wrong with the till itself, whatever it shows: nothing can be stored,
// or its clock is before what happened already.

// warning is one of them: a few words for the first row, and all of it.
type warning struct{ short, long string }

func (m *Model) alarms() []warning {
	var list []warning
	if m.board.Store != nil {
		list = append(list, warning{m.p.NotStored, m.p.NotStoredDo})
	}
	if back := m.board.Behind; back > 0 {
		list = append(list, warning{sprintf(m.p.ClockBadge, m.w.Span(back)), sprintf(m.p.ClockBadgeDo, m.w.Span(back))})
	}
	return list
}

// drawAlarms puts them at the beginning of the first row, and returns where that
// goes on.
func (m *Model) drawAlarms(a area, x int) int {
	for _, al := range m.alarms() {
		x = a.badge(x-1, 0, theme.BadBadge, al.short) + 1
	}
	return x
}

// heedAlarms says one that is new, once.
func (m *Model) heedAlarms() {
	list := m.alarms()
	if len(list) > m.alarmed {
		m.say(true, list[len(list)-1].long)
	}
	m.alarmed = len(list)
}
