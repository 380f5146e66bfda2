package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
)

// mostQueued is how many keys wait at most while a command is under way.
const mostQueued = 1000

// press takes one key: whatever may not act now waits in the queue, then the
// layer on top has it, then the table.
func (m *Model) press(key string) tea.Cmd {
	switch key {
	case "ctrl+c":
		return m.leave()
	case "ctrl+l":
		return tea.ClearScreen
	}
	if m.startErr != nil || m.closed {
		return nil
	}
	m.keyAt = m.cfg.Clock.Now()
	if !m.counter() {
		return m.pressRole(key)
	}
	if m.lock.on && m.busy == idle {
		return m.pressLock(key)
	}
	if m.busy != idle || (m.reg == nil && m.over == overNone && !m.early(key)) {
		if len(m.queue) < mostQueued {
			m.queue = append(m.queue, key)
		}
		return nil
	}
	switch {
	case m.over != overNone:
		return m.pressOver(key)
	case m.at == onSales && m.list.typing():
		return m.pressSearch(key)
	}
	here := m.here()
	m.notice = ""
	act := m.does(key, here)
	if lower := strings.ToLower(key); act == "" && len(key) == 1 && lower != key {
		act, key = m.does(lower, here), lower // caps lock
	}
	if act != "" {
		return m.do(act, key, here)
	}
	switch {
	case here&(onAmount|onHealth) == 0:
	case key == keyOf(actAgree):
		m.say(false, m.p.NothingToAgree)
		return nil
	case key == keyOf(actRate):
		m.say(false, m.p.NoPriceMissing)
		return nil
	}
	switch here {
	case onAmount:
		if _, ok := m.item(key); ok {
			m.typeKey(key)
			return nil
		}
		if c, ok := m.byLetter(key); ok {
			return m.charge(c.Asset.ID)
		}
	case onPay, onOutcome, onCustomer:
		m.typeNext(key, here)
	case onSales, onDetail, onHealth, onAway, onDay:
		if _, item := m.item(key); item || isDigit(key) {
			m.leaveAway()
			m.toAmount()
			m.typeKey(key)
		}
	}
	return nil
}

// early tells whether a key can act before the register is there: the keys of
// an amount, until the first that would charge it.
func (m *Model) early(key string) bool {
	if len(m.queue) > 0 {
		return false
	}
	if _, ok := m.item(key); ok {
		return true
	}
	switch m.does(key, onAmount) {
	case actDigits, actAdd, actTimes, actPoint, actBack, actClear, actHelp, actUnit, actOpen:
		return true
	}
	return false
}

func isDigit(key string) bool { return len(key) == 1 && key[0] >= '0' && key[0] <= '9' }

// typeNext types into the next sale while another one is shown: nothing typed
// ahead is lost. On a sale that has ended, the first digit also goes there.
func (m *Model) typeNext(key string, here place) {
	_, item := m.item(key)
	switch {
	case item, isDigit(key):
		if here == onOutcome {
			m.toAmount()
		}
		m.typeKey(key)
	case key == ".", key == ",":
		m.typeKey(key) // ".5" begins with it
	case m.draft.empty():
	case key == "enter":
		m.toAmount()
	case key == "+", key == "*", key == "x", key == "backspace":
		m.typeKey(key)
	}
}

// typeKey puts a key into the draft, and says why if it has no room.
func (m *Model) typeKey(key string) {
	if isDigit(key) && m.openErr != nil {
		m.setAside()
	}
	if m.typeInto(&m.draft, key) {
		m.openErr = nil
		m.price()
		return
	}
	_, item := m.item(key)
	switch {
	case item:
		m.say(true, m.p.ItemNot)
	case isDigit(key):
		m.say(true, m.p.TooMuch)
	case key == "." || key == ",":
		m.say(true, m.p.NoDecimals)
	}
}

// setAside keeps a draft that could not be charged, because another amount is
// being typed: digits must not run into the old one.
func (m *Model) setAside() {
	m.held = append(m.held, m.draft)
	m.draft, m.openErr = draft{unit: m.firstUnit()}, nil
	if m.parked != nil {
		m.draft, m.parked = *m.parked, nil
	}
}

// do is what an action does.
func (m *Model) do(act action, key string, here place) tea.Cmd {
	switch act {
	case actHelp:
		m.over, m.scroll = overHelp, 0
	case actNews:
		if m.awayFirst() {
			return m.toAway()
		}
		if len(m.news) > 0 {
			id, before := m.news[0], ""
			if v, ok := m.view(); ok && m.at == onSale && pending(v.Sale.Outcome.Status) {
				before = v.Sale.ID // esc goes back to the customer who is being served
			}
			m.show(id)
			m.before = before
			return m.fetch(id)
		}
	case actFind:
		m.toSales()
		m.list.money = true
		m.list.field.Focus()
		return m.find(false)
	case actSales:
		m.toSales()
		return m.find(false)
	case actHealth:
		m.remember()
		m.at, m.scroll = onHealth, 0
		return m.measure()
	case actScenes:
		m.over, m.scene = overScenes, 0
	case actPay:
		if v, ok := m.view(); ok && m.canPay() {
			stage := m.stage
			return m.perform(func(ctx context.Context) error { return stage.Pay(ctx, v) })
		}
	case actMine:
		v, _ := m.view()
		stage := m.stage
		return m.perform(func(ctx context.Context) error { return stage.Mine(ctx, v) })
	case actDay:
		return m.toDay(0)
	case actLock:
		return m.askLock()
	case actAgree:
		return m.askAgree()
	case actRate:
		return m.askRate()
	case actReceipt:
		return m.printIt()
	default:
		switch here {
		case onAmount:
			return m.doAmount(act, key)
		case onAway:
			return m.doAway(act)
		case onDay:
			return m.doDay(act)
		case onPay, onOutcome, onCustomer:
			return m.doSale(act)
		case onSales, onDetail, onHealth:
			return m.doList(act, here)
		}
	}
	return nil
}

// remember keeps where to go back to from a list.
func (m *Model) remember() {
	if m.at == onAmount || m.at == onSale {
		m.list.back = m.at
	}
}

func (m *Model) toSales() {
	m.remember()
	m.at, m.over = onSales, overNone
	m.list = saleList{field: newField(), back: m.list.back, asked: m.list.asked}
}

// pressOver takes the keys of what lies over a screen.
func (m *Model) pressOver(key string) tea.Cmd {
	switch m.over {
	case overHelp:
		switch key {
		case "up", "pgup":
			m.scroll = max(0, m.scroll-1)
		case "down", "pgdown":
			m.scroll++
		default:
			m.over = overNone
			if key != "esc" && key != "?" && key != "f1" && key != "enter" {
				return m.press(key) // somebody who knows what to press need not close the help first
			}
		}
	case overCancel:
		switch key {
		case "y":
			m.over = overNone
			if v, ok := m.view(); ok && untouched(v) {
				m.busy = acting
				return m.cancelSale(v.Sale.ID)
			}
		case "n", "esc", "enter":
			m.over = overNone // enter is pressed without reading
		default:
			m.typeNext(key, onPay)
		}
	case overScenes:
		return m.pressScenes(key)
	case overForm:
		return m.pressForm(key)
	case overSure:
		return m.pressSure(key)
	}
	return nil
}

// byLetter finds the choice that a shop's letter stands for.
func (m *Model) byLetter(key string) (pos.Choice, bool) {
	for _, c := range m.choices {
		if c.Asset.Key != "" && c.Asset.Key == strings.ToLower(key) {
			return c, true
		}
	}
	return pos.Choice{}, false
}
