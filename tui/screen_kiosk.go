package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The kiosk: a customer types an amount or chooses one, chooses a coin, pays,
// and is thanked. It goes back to its start by itself.
//
// A sale that was left while nothing was seen is not cancelled: its customer may
// be in a wallet at this moment, with the code already scanned, and money for a
// cancelled sale has to be decided by a person. It ends by itself when its price
// runs out. If its money is seen while nobody else has touched the kiosk, the
// sale comes back to thank its customer.

// How long a kiosk waits.
const (
	kioskIdle    = 30 * time.Second // since the last key, while nothing was seen
	kioskWarn    = 10 * time.Second // of these it says that it goes back
	kioskThanks  = 8 * time.Second  // since the outcome
	kioskTrouble = 30 * time.Second // … that sends the customer to somebody, with a number to remember
)

// kioskState is what only a kiosk remembers.
type kioskState struct {
	chosen int       // which of the fixed amounts, counted from 1
	ended  time.Time // when the outcome on screen was first shown
	left   string    // the sale that was left while nothing was seen, until somebody else comes
}

func (m *Model) kioskPlace() place {
	v, ok := m.view()
	switch o := v.Sale.Outcome; {
	case !ok || m.at != onSale:
		return onKiosk
	case pending(o.Status) && o.Verdict != pos.HandOver:
		return onKioskPay
	}
	return onKioskEnd
}

// kioskMayLeave tells whether the next customer may begin although the sale goes
// on: its money is there, and the board says when it is ready.
func (m *Model) kioskMayLeave() bool {
	v, ok := m.view()
	s := v.Sale.Outcome.Status
	return ok && (s == pos.Seen || s == pos.Confirming)
}

// kioskHears tells whether a change of the sale that was left brings it back.
func (m *Model) kioskHears(v pos.View) bool {
	return m.cfg.Role == Kiosk && v.Sale.ID == m.kiosk.left && m.at == onAmount && m.busy == idle &&
		m.draft.empty() && !v.Sale.Outcome.Received.IsZero() && !trouble(v.Sale.Outcome.Status)
}

// kioskTick goes back to the start when its time has come.
func (m *Model) kioskTick() {
	if m.cfg.Role != Kiosk || m.busy != idle {
		return
	}
	here := m.here()
	if here != onKioskEnd {
		m.kiosk.ended = time.Time{}
	}
	switch here {
	case onKiosk:
		if !m.draft.empty() && m.kioskLeft() <= 0 {
			m.kioskStart()
		}
	case onKioskPay:
		if m.untouched() && m.kioskLeft() <= 0 {
			m.kioskLeave()
		}
	case onKioskEnd:
		if m.kiosk.ended.IsZero() {
			m.kiosk.ended = m.now
		}
		stay := kioskThanks
		if v, _ := m.view(); undecided(v) {
			stay = kioskTrouble
		}
		if m.now.Sub(m.kiosk.ended) >= stay {
			m.kioskStart()
		}
	}
}

// kioskLeft is how long until a kiosk goes back.
func (m *Model) kioskLeft() time.Duration { return kioskIdle - m.now.Sub(m.keyAt) }

// kioskStart is ready for the next customer.
func (m *Model) kioskStart() {
	m.draft = draft{unit: m.firstUnit()}
	m.kiosk, m.openErr, m.parked, m.held, m.queue = kioskState{}, nil, nil, nil, nil
	m.pick, m.notice = m.shop.Default, ""
	m.toAmount()
}

// kioskLeave leaves a sale of which nothing was seen; it comes back if its money
// does before anybody else is here.
func (m *Model) kioskLeave() {
	id := m.sale
	m.kioskStart()
	m.kiosk.left = id
}

func (m *Model) pressKiosk(act action, key string) tea.Cmd {
	here := m.here()
	if here == onKiosk {
		m.kiosk.left = "" // somebody else is here
	}
	switch act {
	case actDigits:
		if amounts := m.cfg.Kiosk.Amounts; len(amounts) > 0 {
			m.choose(amounts, int(key[0]-'0'))
			return nil
		}
		m.typeKey(key)
	case actPoint, actBack:
		if len(m.cfg.Kiosk.Amounts) == 0 {
			m.typeKey(key)
		}
	case actClear:
		m.kioskStart()
	case actKioskPay:
		return m.kioskCharge(m.marked())
	case actPickUp, actPickDown:
		m.pickNext(act == actPickDown)
	case actKioskBack:
		m.kioskLeave()
	case actKioskNext:
		m.kioskStart()
	case actCoin, actForm:
		return m.doSale(act)
	case "":
		switch c, ok := m.byLetter(key); {
		case ok && here == onKiosk:
			return m.kioskCharge(c)
		case here == onKioskEnd && isDigit(key):
			m.kioskStart()
			return m.pressKiosk(actDigits, key)
		}
	}
	return nil
}

// choose takes one of the fixed amounts.
func (m *Model) choose(amounts []money.Fiat, n int) {
	if n < 1 || n > min(len(amounts), 9) {
		return
	}
	m.kiosk.chosen = n
	price := amounts[n-1]
	m.draft = draft{unit: unit{currency: price.Currency}, calc: calc{digits: fmt.Sprint(price.Minor)}}
	m.openErr = nil
	m.price()
}

// marked is the choice that enter takes.
func (m *Model) marked() pos.Choice {
	for _, c := range m.choices {
		if c.Asset.ID == m.pick {
			return c
		}
	}
	return pos.Choice{}
}

func (m *Model) kioskCharge(c pos.Choice) tea.Cmd {
	switch _, ok := m.draft.price(); {
	case !ok || c.Asset.ID == "" || m.keysChanged():
		return nil
	case c.Refusal != nil:
		m.say(true, m.w.Error(c.Refusal))
		return nil
	case m.unusual(m.draft):
		m.say(true, m.p.KioskTooMuch)
		return nil
	}
	m.rung = ""
	return m.charge(c.Asset.ID)
}

// kioskLayout is where things are at the start of a kiosk.
type kioskLayout struct{ name, amount, pad, coins, foot rect }

func (l layout) kiosk() kioskLayout {
	f := l.frame
	margin, gap := 1, 2
	if l.class == classLarge {
		f, margin, gap = f.inset(4, 2), 2, 6
	}
	name := 1
	tall := midHeight
	if f.H >= 40 {
		tall = 2 * hugeHeight
	} else if f.H < 16 {
		tall = 1
	}
	y := f.Y + name + min(1, max(0, f.H-20))
	below := y + tall + min(1, max(0, f.H-17))
	h := max(0, f.Y+f.H-1-below)
	if h >= 16 {
		h -= h % 4
	}
	w := (f.W - 2*margin - gap) / 2
	return kioskLayout{
		name:   rect{f.X, f.Y, f.W, name},
		amount: rect{f.X + margin, y, f.W - 2*margin, tall},
		pad:    rect{f.X + margin, below, w, h},
		coins:  rect{f.X + margin + w + gap, below, f.W - 2*margin - gap - w, h},
		foot:   rect{f.X, f.Y + f.H - 1, f.W, 1},
	}
}

// kioskPay is the customer's view with a row for keys.
func (l layout) kioskPay() customerLayout {
	f := l.frame
	if l.class == classLarge {
		c := l.customer()
		c.code.H = max(0, c.code.H-2)
		c.what.Y, c.said.Y = c.what.Y-2, c.said.Y-2
		return c
	}
	// The price shares its row with the coin, so that the largest code fits 24 rows.
	return customerLayout{
		price: rect{f.X, f.Y, f.W, 1}, what: rect{f.X, f.Y, f.W, 1},
		code: rect{f.X, f.Y + 1, f.W, max(0, f.H-3)},
		said: rect{f.X, f.Y + f.H - 2, f.W, 1},
	}
}

// kioskFoot is the last row of a kiosk.
func (l layout) kioskFoot() rect {
	f := l.frame
	if l.class == classLarge {
		return rect{f.X, f.Y + f.H - 2, f.W, 1}
	}
	return rect{f.X, f.Y + f.H - 1, f.W, 1}
}

func (m *Model) drawKiosk() {
	l := m.lay.kiosk()
	name := m.area(l.name)
	name.center(0, theme.Strong, clean(m.shop.Name, 40))
	if m.shop.Training {
		name.badge(0, 0, theme.Badge, m.p.Training)
	}
	a := m.area(l.amount)
	d := m.draft
	if m.busy == opening {
		d = m.opening
	}
	text, symbol := m.amountText(d)
	style := theme.Accent
	if d.empty() {
		style = theme.Dim
	}
	if d.empty() && len(m.cfg.Kiosk.Amounts) > 0 {
		a.center(a.h()/2, theme.Strong, m.p.KioskChoose)
	} else {
		w := widthOf(enlarge(text, a.w()-ansi.StringWidth(symbol)-3, a.h())) + 3 + ansi.StringWidth(symbol)
		in := a.sub(max(0, (a.w()-w)/2), 0, w, a.h())
		if m.largeAmount(in, style, text, symbol, m.symbolFirst(d.unit.currency)) == 0 {
			a.center(a.h()/2, style, m.draftText(d))
		}
	}
	if amounts := m.cfg.Kiosk.Amounts; len(amounts) > 0 {
		m.drawAmounts(l.pad, amounts)
	} else {
		m.drawPad(l.pad)
	}
	m.drawCoins(l.coins, d)
	foot := m.area(l.foot)
	switch {
	case m.notice != "":
		m.drawNotice(foot)
	case m.openErr != nil:
		foot.center(0, theme.Bad, m.w.Error(m.openErr))
	case m.keysChanged():
		foot.center(0, theme.Bad, m.p.OutOfOrder)
	case m.busy == opening:
		foot.center(0, theme.Dim, m.p.PayWait)
	case d.empty() && len(m.cfg.Kiosk.Amounts) == 0:
		foot.center(0, theme.Dim, m.p.KioskType)
	default:
		m.roleFoot(foot)
	}
}

// drawPad draws the keypad.
func (m *Model) drawPad(r rect) {
	for i, key := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "esc", "0", "backspace"} {
		cell := r.cellOf(i, 3, 4, 1)
		switch key {
		case "esc":
			m.button(cell, key, theme.Rule, theme.Dim, "C", "")
		case "backspace":
			m.button(cell, key, theme.Rule, theme.Dim, "<", "")
		default:
			m.bigButton(cell, key, theme.Rule, theme.Strong, key)
		}
	}
}

// drawAmounts draws the amounts that there are to choose from.
func (m *Model) drawAmounts(r rect, amounts []money.Fiat) {
	amounts = amounts[:min(len(amounts), 9)]
	cols := 1
	if len(amounts) > 3 && r.W >= 24 {
		cols = 2
	}
	rows := max((len(amounts)+cols-1)/cols, 3)
	for i, price := range amounts {
		edge, st := theme.Rule, theme.Strong
		if m.kiosk.chosen == i+1 {
			edge, st = theme.Accent, theme.Accent
		}
		m.button(r.cellOf(i, cols, rows, 1), fmt.Sprint(i+1), edge, st, m.f.Locale.Fiat(price), "")
	}
}

// drawCoins draws a button for each coin.
func (m *Model) drawCoins(r rect, d draft) {
	n := len(m.choices)
	if n == 0 {
		return
	}
	_, priced := d.price()
	rows := max(n, 3)
	if r.H/rows < 3 {
		rows = max(n, 1)
	}
	for i, c := range m.choices {
		cell := r.cellOf(i, 1, rows, 0)
		edge, st, key, below := theme.Rule, theme.Text, c.Asset.Key, ""
		if c.Asset.ID == m.pick {
			edge, st, key = theme.Accent, theme.Strong, "enter"
		}
		switch {
		case c.Refusal != nil:
			edge, st, below = theme.Rule, theme.Dim, m.p.KioskNotNow
		case !priced:
			key = ""
		case !c.Due.IsZero():
			below = m.f.Coin(c.Due, c.Asset)
		}
		label := clean(c.Asset.Name, 24)
		if key != "" && key != "enter" && ansi.StringWidth(label)+3 <= cell.W-4 {
			label = key + "  " + label
		}
		m.button(cell, key, edge, st, ansi.Truncate(label, max(1, cell.W-4), "…"), below)
	}
}

func (m *Model) drawKioskPay(v pos.View) {
	if m.lay.class == classTiny {
		m.drawTinyRole(v)
		return
	}
	m.drawCustomer(v)
	foot := m.area(m.lay.kioskFoot())
	if left := m.kioskLeft(); m.notice == "" && m.untouched() && left <= kioskWarn {
		foot.center(0, theme.Accent, sprintf(m.p.KioskStay, words.Left(max(left, 0))))
		m.touch(foot, 0, 0, foot.w(), 1, " ")
		return
	}
	m.roleFoot(foot)
}

func (m *Model) drawKioskEnd(v pos.View) {
	if m.lay.class == classTiny {
		m.drawTinyRole(v)
		return
	}
	o := v.Sale.Outcome
	l := m.lay.kioskPay()
	a := m.area(rect{l.code.X, l.code.Y, l.code.W, l.code.H})
	style := theme.Good
	word := m.w.Status(pos.Outcome{Status: pos.Paid})
	switch {
	case o.Status.Settled() || o.Verdict == pos.HandOver:
	case undecided(v):
		style, word = theme.Bad, ""
	default:
		style, word = theme.Dim, ""
	}
	number := words.Number4(v.Sale.Number)
	y := a.h() / 4
	if word != "" {
		at := m.drawLarge(a.sub(0, 0, a.w(), a.h()*2/3), style, word)
		y = at.Y + at.H + 1
	}
	a.center(y, theme.Strong, m.w.Customer(o))
	if lines := enlarge(number, a.w()-4, a.h()-y-4); lines != nil && (word == "" || a.h() >= 30) {
		a.center(y+2, theme.Dim, m.p.KioskNumber)
		for i, line := range lines {
			a.blocks((a.w()-widthOf(lines))/2, y+4+i, theme.Strong, line)
		}
	} else {
		a.center(y+2, theme.Text, m.p.KioskNumber+" "+number)
	}
	foot := m.area(m.lay.kioskFoot())
	m.touch(m.area(m.lay.frame), 0, 0, m.lay.frame.W, m.lay.frame.H, "enter") // wherever it is touched
	m.roleFoot(foot)
}

// drawTinyRole is for windows without room for a code.
func (m *Model) drawTinyRole(v pos.View) {
	c := &column{a: m.area(m.lay.frame)}
	c.say(theme.Strong, m.priceText(v, true))
	if len(v.Pay.Forms) > 0 {
		c.say(theme.Strong, m.f.Coin(v.Pay.Amount, m.asset(v)))
		c.say(theme.Text, words.Groups(string(v.Pay.Quote.To)))
	}
	c.say(theme.Text, m.w.Customer(v.Sale.Outcome))
}

// roleFoot writes the keys of a role that faces customers, in the middle and
// with room between them, as buttons.
func (m *Model) roleFoot(a area) {
	if m.notice != "" {
		m.drawNotice(a)
		return
	}
	here := m.here()
	type foot struct{ key, label, text string }
	var list []foot
	wide := -3
	for i := range bindings {
		b := &bindings[i]
		if b.foot&here == 0 || (b.now != nil && !b.now(m)) || (b.hint != nil && !b.hint(m)) || len(b.keys) == 0 {
			continue
		}
		f := foot{b.keys[0], m.labelOf(b), m.shortOf(b.act)}
		w := ansi.StringWidth(f.label) + 1 + ansi.StringWidth(f.text) + 3
		if wide+w > a.w() {
			continue
		}
		wide += w
		list = append(list, f)
	}
	x := max(0, (a.w()-wide)/2)
	for _, f := range list {
		from := x
		x = a.text(x, 0, theme.Key, f.label)
		x = a.text(x+1, 0, theme.Dim, f.text)
		m.touch(a, from, 0, x-from, 1, f.key)
		x += 3
	}
}
