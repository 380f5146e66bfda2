package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
)

// What a role can reach. The roles that face customers have places of their own
// in the key map, so that a key which is not written there for them does
// nothing: there is no list of what is forbidden that could have a hole.

// counter tells whether somebody of the shop stands here.
func (m *Model) counter() bool {
	switch m.cfg.Role {
	case "", Cashier, Supervisor:
		return true
	}
	return false
}

// noWayOut tells whether ctrl+c does nothing: in front of customers, where there
// may be a keyboard, and whoever left would stand in the shop's own shell.
func (m *Model) noWayOut() bool { return m.cfg.Role == Kiosk || m.cfg.Role == Display }

// rolePlace is here for a role that faces customers.
func (m *Model) rolePlace() place {
	switch m.cfg.Role {
	case Kiosk:
		return m.kioskPlace()
	case Display:
		return onDisplay
	case Customer:
		return onGuest
	}
	return onBoard
}

// blind tells whether a change is none of this screen's business.
func (m *Model) blind(v pos.View) bool {
	switch m.cfg.Role {
	case Kiosk:
		return v.Sale.ID != m.sale && v.Sale.ID != m.kiosk.left
	case Display, Customer:
		return v.Sale.ID != m.sale
	}
	return false
}

// pressRole takes the keys of a role that faces customers.
func (m *Model) pressRole(key string) tea.Cmd {
	if m.reg == nil {
		return nil
	}
	if m.busy != idle {
		if len(m.queue) < mostQueued && m.cfg.Role != Kiosk { // whoever waits at a kiosk presses anything
			m.queue = append(m.queue, key)
		}
		return nil
	}
	m.notice = ""
	act := m.does(key, m.here())
	switch m.cfg.Role {
	case Kiosk:
		return m.pressKiosk(act, key)
	case Customer:
		return m.pressGuest(act, key)
	}
	return nil
}

// drawRole draws the screen of a role that faces customers.
func (m *Model) drawRole() {
	if m.startErr != nil || m.closed {
		m.drawAside(m.p.OutOfOrder)
		return
	}
	if m.reg == nil {
		m.drawAside(m.p.PayWait)
		return
	}
	v, ok := m.view()
	switch m.here() {
	case onKiosk:
		m.drawKiosk()
	case onKioskPay:
		m.drawKioskPay(v)
	case onKioskEnd:
		m.drawKioskEnd(v)
	case onDisplay:
		if m.lay.class == classTiny || !ok {
			m.drawAside("")
			return
		}
		m.drawCustomer(v)
	case onBoard:
		m.drawBoard()
	case onGuest:
		m.drawGuest(v, ok)
	}
}

// drawAside is a screen with nothing to do on it: whose it is, and a sentence.
func (m *Model) drawAside(text string) {
	a := m.area(m.lay.frame)
	name := clean(m.shop.Name, 40)
	y := max(0, a.h()/2-2)
	if lines := enlarge(upper(name), a.w()-4, min(a.h()/3, 2*hugeHeight)); lines != nil {
		y = max(0, (a.h()-len(lines))/2-2)
		for i, l := range lines {
			a.blocks((a.w()-widthOf(lines))/2, y+i, theme.Accent, l)
		}
		y += len(lines)
	} else {
		a.center(y, theme.Accent, spaced(upper(name), a.w()))
		y++
	}
	a.center(min(y+1, a.h()-1), theme.Text, text)
	if m.shop.Training {
		a.badge(0, 0, theme.Badge, m.p.Training)
	}
}

// tellFloor says which sale a display that follows this screen should show: the
// one of the customer who stands here, whatever else is being looked at.
func (m *Model) tellFloor() {
	if m.cfg.Floor == nil || !m.counter() && m.cfg.Role != Kiosk {
		return
	}
	if id := m.served(); id != m.shown {
		m.shown = id
		m.cfg.Floor.Show(m.cfg.Actor.Terminal, id)
	}
}

// served is the sale of the customer who stands here, "" if nobody does.
func (m *Model) served() string {
	if m.before != "" {
		return m.before // a look at the news is not for the customer
	}
	v, ok := m.view()
	if !ok || v.Sale.ID != m.rung && (!pending(v.Sale.Outcome.Status) || v.Sale.Holder() != m.cfg.Actor.Terminal) {
		return ""
	}
	return v.Sale.ID
}

// followed says that the terminal which this display follows shows another sale.
type followed struct{ id string }

// follow waits until the followed terminal shows another sale.
func (m *Model) follow() tea.Cmd {
	floor, name, have, ctx := m.cfg.Floor, m.cfg.Follow, m.sale, m.ctx
	if m.cfg.Role != Display || floor == nil {
		return nil
	}
	return func() tea.Msg {
		for {
			id, changed := floor.Follow(name)
			if id != have {
				return followed{id}
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func (m *Model) followed(msg followed) tea.Cmd {
	m.sale, m.at, m.qr = msg.id, onAmount, 0
	if msg.id != "" {
		m.at = onSale
	}
	if msg.id == "" || m.reg == nil {
		return m.follow()
	}
	return tea.Batch(m.fetch(msg.id), m.follow())
}
