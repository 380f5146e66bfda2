package tui

import (
	tea "charm.land/bubbletea/v2"
)

// The mouse, and with it a touch screen.

// mouse says whether the terminal should send clicks. Where a sale waits for
// money, and where its transactions stand, a person wants to mark and copy text,
// which a terminal does only while a program does not ask for clicks.
func (m *Model) mouse() tea.MouseMode {
	if m.startErr != nil || m.lock.on {
		return tea.MouseModeNone
	}
	switch here := m.here(); {
	case here == onKiosk, here == onKioskPay, here == onKioskEnd, here == onGuest:
		return tea.MouseModeCellMotion
	case here == onDisplay, here == onBoard:
		return tea.MouseModeNone
	case m.over == overHelp, m.over == overScenes:
		return tea.MouseModeCellMotion
	case here == onPay, here == onCustomer, here == onDetail:
		return tea.MouseModeNone
	}
	return tea.MouseModeCellMotion
}

// click presses the key that is drawn where somebody clicked.
func (m *Model) click(at tea.Mouse) tea.Cmd {
	if at.Button != tea.MouseLeft || m.mouse() == tea.MouseModeNone {
		return nil
	}
	m.keyAt = m.cfg.Clock.Now()
	switch h, ok := m.hitAt(at.X, at.Y); {
	case !ok:
		return nil
	case h.key != "":
		return m.press(h.key)
	default:
		return m.clickRow(h.row)
	}
}

// wheel moves in lists and long pages, never a choice of the amount screen.
func (m *Model) wheel(at tea.Mouse) tea.Cmd {
	if m.mouse() == tea.MouseModeNone || !m.counter() {
		return nil
	}
	key := "down"
	switch at.Button {
	case tea.MouseWheelUp:
		key = "up"
	case tea.MouseWheelDown:
	default:
		return nil
	}
	switch m.here() {
	case onSales, onDetail, onHealth, onAway:
		if m.over == overNone && m.list.typing() {
			m.list.field.Blur()
		}
		return m.press(key)
	}
	if m.over == overHelp || m.over == overScenes {
		return m.press(key)
	}
	return nil
}

// clickRow chooses a row, or opens it where it is chosen already.
func (m *Model) clickRow(i int) tea.Cmd {
	if m.busy != idle {
		return nil
	}
	at := &m.list.at
	n := len(m.list.ids)
	switch {
	case m.over == overScenes:
		at, n = &m.scene, len(m.scenes())
	case m.at == onAway:
		at, n = &m.away.at, len(m.away.sales())
		m.away.moved = true
	case m.at != onSales:
		return nil
	}
	if i >= n {
		return nil
	}
	if m.at == onSales {
		m.list.field.Blur()
	}
	if *at != i {
		*at = i
		return nil
	}
	return m.press("enter")
}
