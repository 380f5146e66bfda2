package tui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The amount screen: what is typed, what it would cost in each coin, and which
// sales are open.

func (m *Model) canCharge() bool {
	if m.keysChanged() {
		return false
	}
	_, ok := m.draft.price()
	return ok || m.reg == nil
}

// typing tells whether an amount is being typed that can be added or counted.
func (m *Model) typing() bool { return m.draft.unit.currency != "" && !m.draft.calc.blank() }

// blank tells whether nothing was typed yet.
func (m *Model) blank() bool { return m.draft.empty() }

// clearable tells whether esc has anything to take away or to bring back.
func (m *Model) clearable() bool { return !m.draft.empty() || m.parked != nil || len(m.held) > 0 }

func (m *Model) canOpen() bool { return m.draft.empty() || m.draft.open }

// canChoose tells whether a coin's letter can charge: not where the amount is
// one of a coin already.
func (m *Model) canChoose() bool { return m.canCharge() && (m.reg == nil || len(m.choices) > 1) }

func (m *Model) doAmount(act action, key string) tea.Cmd {
	switch act {
	case actCharge:
		return m.charge(m.pick)
	case actDigits, actAdd, actTimes, actPoint, actBack:
		m.typeKey(key)
	case actClear:
		switch {
		case m.draft.empty() && m.parked != nil:
			m.draft, m.parked = *m.parked, nil
		case m.draft.empty() && len(m.held) > 0:
			m.draft, m.held = m.held[0], m.held[1:]
		case m.draft.empty():
			m.draft.unit = m.firstUnit() // "/" by mistake
		default:
			m.draft.typed("esc")
		}
		m.openErr, m.pick = nil, m.shop.Default
		m.price()
	case actPickUp, actPickDown:
		m.pickNext(act == actPickDown)
	case actUnit:
		m.draft.turn(units(m.shop))
		m.openErr = nil
		m.price()
	case actName:
		return m.askName()
	case actOpen:
		m.draft.open, m.draft.id = !m.draft.open, ""
		m.price()
	}
	return nil
}

// pickNext moves the choice that Enter charges in.
func (m *Model) pickNext(down bool) {
	n := len(m.choices)
	if n == 0 {
		return
	}
	at := 0
	for i, c := range m.choices {
		if c.Asset.ID == m.pick {
			at = i
		}
	}
	if down {
		at = (at + 1) % n
	} else {
		at = (at + n - 1) % n
	}
	m.pick = m.choices[at].Asset.ID
}

// charge rings up what was typed. The next amount can be typed at once.
func (m *Model) charge(asset chain.AssetID) tea.Cmd {
	price, ok := m.draft.price()
	if !ok || m.reg == nil || m.keysChanged() {
		return nil
	}
	if price.Kind == pos.PriceAsset {
		asset = price.Asset
	}
	if m.unusual(m.draft) {
		m.over, m.sure = overSure, asset
		return nil
	}
	return m.chargeNow(asset)
}

// chargeNow is charge once nothing is to be asked any more.
func (m *Model) chargeNow(asset chain.AssetID) tea.Cmd {
	if m.draft.id == "" {
		m.draft.id = m.newID()
	}
	d := m.draft
	m.draft = draft{unit: m.firstUnit()}
	if m.parked != nil {
		m.draft, m.parked = *m.parked, nil
	}
	m.busy, m.openErr, m.opening = opening, nil, d
	return m.openSale(d, asset)
}

func (m *Model) drawAmount() {
	main, side := m.lay.columns()
	a := m.area(main)
	x := 3
	if m.lay.class == classLarge {
		x = max(6, (main.W-96)/3)
	} else if m.lay.class == classSmall {
		x = 1
	}
	strip, bigRows := 4, midHeight
	if m.lay.class == classLarge {
		strip, bigRows = max(4, main.H/5), hugeHeight
		if main.H > 45 {
			bigRows = 2 * hugeHeight
		}
	} else if m.lay.class == classSmall {
		strip = 2
	}
	spare := a.h() - strip - bigRows - len(m.choices) - 4
	if spare < 0 {
		strip = max(0, strip+spare)
	}
	d := m.draft
	if m.busy == opening {
		d = m.opening
	}
	m.drawStrip(a.sub(x, 0, a.w()-x, strip), d)
	y := strip + 1
	y += m.drawTyped(a.sub(x, y, a.w()-x, bigRows), d) + 1
	if bigRows > hugeHeight {
		y++
	}
	// Below the open sales the whole width is free.
	wide := a
	if len(m.open)+2 < y {
		wide = m.area(m.lay.body)
	}
	if m.keysChanged() {
		m.drawChanged(wide.sub(x, y, wide.w()-x-1, a.h()-y-1))
		y = a.h()
	} else {
		y = m.drawChoices(wide.sub(x, y, wide.w()-x-1, a.h()-y), d) + y + 1
		if n := m.drawItems(wide.sub(x, y, wide.w()-x-1, max(0, a.h()-y-1))); n > 0 {
			y += n + 1
		}
	}
	m.drawBelow(wide.sub(x, y, wide.w()-x-1, max(0, a.h()-y-1)), d)
	x = m.lay.margin
	switch {
	case side.W == 0 && len(m.open) > 0:
		m.drawOpenRow(a.sub(x, a.h()-1, a.w()-x, 1))
	case m.shop.Fingerprint != "" && (a.h() > y || m.keysChanged()):
		x = a.text(x, a.h()-1, theme.Dim, m.p.KeyMark+" "+clean(m.shop.Fingerprint, 30)) + 3
	}
	if text := m.totalsText(); text != "" && (side.W > 0 || len(m.open) == 0) {
		row := m.area(m.lay.body)
		if end := row.w() - m.lay.margin; end-ansi.StringWidth(text) >= x {
			row.right(end, row.h()-1, theme.Dim, text)
		}
	}
	if side.W > 0 {
		m.drawOpen(m.area(side))
	}
}

// drawOpenRow is drawOpen where there is one row for it: how many sales are open,
// and the one that somebody has to look at first.
func (m *Model) drawOpenRow(a area) {
	first := m.known[m.open[0]]
	for _, id := range m.open {
		if v := m.known[id]; urgency(v) > urgency(first) {
			first = v
		}
	}
	x := a.text(0, 0, theme.Dim, fmt.Sprintf("%s %d", m.p.Open, len(m.open))) + 3
	x = a.text(x, 0, theme.Text, words.Number4(first.Sale.Number)) + 2
	x = a.text(x, 0, theme.Text, m.priceText(first, true)) + 2
	a.fit(x, 0, a.w()-x, m.styleOf(first.Sale.Outcome), m.w.StatusShort(first.Sale.Outcome))
}

// urgency orders open sales by how soon a person has to look at them.
func urgency(v pos.View) int {
	switch s := v.Sale.Outcome.Status; {
	case conflicted(s):
		return 3
	case undecided(v):
		return 2
	case s != pos.Awaiting:
		return 1
	}
	return 0
}

// drawStrip shows the lines of a sale that has more than one amount, the
// newest at the bottom.
func (m *Model) drawStrip(a area, d draft) {
	if a.h() < 1 || d.unit.currency == "" || (len(d.calc.lines) == 0 && d.calc.times == 0 && d.calc.name == "") {
		return
	}
	decimals := d.unit.decimals()
	lines := append([]line(nil), d.calc.lines...)
	if !d.calc.blank() {
		lines = append(lines, line{count: d.calc.count(), each: d.calc.each(decimals), name: d.calc.name})
	}
	w := 0
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = m.f.Locale.Number(money.Of(l.each, d.unit.currency))
		if l.count > 1 || (i == len(lines)-1 && d.calc.times > 0) {
			texts[i] = strconv.FormatInt(l.count, 10) + " × " + texts[i]
		}
		w = max(w, 2+ansi.StringWidth(texts[i]))
	}
	from := max(0, len(lines)-a.h())
	y := a.h() - (len(lines) - from)
	for i := from; i < len(lines); i++ {
		style := theme.Dim
		if i == len(lines)-1 && !d.calc.blank() {
			style = theme.Text
		}
		sign := "+"
		if i == 0 {
			sign = " "
		}
		if i == from && from > 0 {
			sign = "…"
		}
		a.text(0, y, style, sign)
		a.right(w, y, style, texts[i])
		a.fit(w+2, y, a.w()-w-2, style, lines[i].name)
		y++
	}
}

// drawTyped shows the amount large, and returns its height.
func (m *Model) drawTyped(a area, d draft) int {
	text, symbol := m.amountText(d)
	style := theme.Accent
	if d.empty() {
		style = theme.Dim
	}
	if d.open {
		a.text(0, a.h()/2, theme.Accent, m.p.AnyAmount)
		return a.h()
	}
	if m.largeAmount(a, style, text, symbol, m.symbolFirst(d.unit.currency)) == 0 {
		a.fit(0, a.h()/2, a.w(), style, m.draftText(d))
	}
	return a.h()
}

// largeAmount draws a number large with its small symbol on the side where the
// locale writes it, and returns its height, 0 where there is no room.
func (m *Model) largeAmount(a area, st theme.Style, number, symbol string, first bool) int {
	wide := ansi.StringWidth(symbol)
	lines := enlarge(number, a.w()-wide-3, a.h())
	x, at := 0, widthOf(lines)+2
	if first && symbol != "" {
		x, at = wide+1, 0
	}
	for i, l := range lines {
		a.blocks(x, i, st, l)
	}
	if len(lines) > 0 {
		a.text(at, len(lines)-1, theme.Dim, symbol)
	}
	return len(lines)
}

// symbolFirst tells whether the locale writes a currency before its number.
func (m *Model) symbolFirst(c money.Currency) bool {
	return c != "" && strings.HasPrefix(m.f.Locale.Fiat(money.Of(1, c)), m.f.Locale.Symbol(c))
}

// symbolSide is symbolFirst for a sale's price.
func (m *Model) symbolSide(v pos.View) bool {
	return v.Sale.Price.Kind == pos.PriceFiat && m.symbolFirst(v.Sale.Price.Fiat.Currency)
}

// amountText is what is typed, as a number and its unit.
func (m *Model) amountText(d draft) (number, symbol string) {
	if d.unit.currency != "" {
		total := money.Of(d.calc.total(d.unit.decimals()), d.unit.currency)
		return m.f.Locale.Number(total), m.f.Locale.Symbol(d.unit.currency)
	}
	number = d.coin
	if number == "" {
		number = "0"
	}
	return strings.Replace(number, ".", string(m.f.Locale.Decimal()), 1), m.f.Unit(d.unit.asset)
}

// draftText is what is typed, on one line and as the locale writes it.
func (m *Model) draftText(d draft) string {
	switch {
	case d.open:
		return m.p.AnyAmount
	case d.unit.currency != "":
		return m.f.Locale.Fiat(money.Of(d.calc.total(d.unit.decimals()), d.unit.currency))
	}
	number, symbol := m.amountText(d)
	return number + " " + symbol
}

// drawChoices shows a line for each coin, and returns how many rows it took.
func (m *Model) drawChoices(a area, d draft) int {
	_, priced := d.price()
	name, due := 0, 0
	dues := make([]string, len(m.choices))
	for i, c := range m.choices {
		name = max(name, ansi.StringWidth(clean(c.Asset.Name, 24)))
		switch {
		case !priced && m.busy != opening:
			if !c.Rate.IsZero() {
				dues[i] = m.rateText(c.Rate)
			}
		case !c.Due.IsZero():
			dues[i] = m.f.Coin(c.Due, c.Asset)
		}
		due = max(due, ansi.StringWidth(dues[i]))
	}
	label := 8
	if m.lay.class == classSmall {
		label = 2
	}
	y := 0
	for i, c := range m.choices {
		if y >= a.h() {
			break
		}
		picked := c.Asset.ID == m.pick || len(m.choices) == 1
		style, mark := theme.Text, c.Asset.Key
		if picked {
			style, mark = theme.Strong, "enter"
		}
		if label < 5 {
			mark = clean(c.Asset.Key, 1)
			if picked {
				mark = ">"
			}
		}
		if c.Refusal != nil {
			style = theme.Dim
		}
		if c.Refusal == nil {
			m.touch(a, 0, y, a.w(), 1, c.Asset.Key)
		}
		if picked {
			a.text(0, y, theme.Key, mark)
		} else {
			a.text(max(0, min(2, label-2)), y, theme.Key, mark)
		}
		a.fit(label, y, name, style, clean(c.Asset.Name, 24))
		x := label + name + 2
		if c.Refusal != nil {
			a.fit(x, y, a.w()-x, theme.Bad, m.w.Error(c.Refusal))
			y++
			continue
		}
		a.right(x+due, y, style, dues[i])
		x += due + 3
		if usual := m.w.Usual(c.Asset.Block, 1); a.w()-x >= ansi.StringWidth(usual) {
			a.text(x, y, theme.Dim, usual)
		} else if short, _, ok := strings.Cut(usual, ","); ok && a.w()-x >= ansi.StringWidth(short) {
			a.text(x, y, theme.Dim, short)
		}
		y++
	}
	return y
}

// drawBelow says what is to be known about the amount, the newest first.
func (m *Model) drawBelow(a area, d draft) {
	y := 0
	say := func(st theme.Style, text string) {
		if text != "" && y < a.h() {
			y += a.wrap(0, y, a.w(), min(3, a.h()-y), st, text)
		}
	}
	switch {
	case m.openErr != nil:
		say(theme.Bad, m.p.FailedOpen+": "+m.w.Error(m.openErr))
		say(theme.Dim, m.p.TryAgain)
	case m.busy == opening:
		say(theme.Dim, m.p.Opening)
	}
	say(theme.Bad, m.whyNoPrice())
	if m.parked != nil {
		say(theme.Dim, m.p.Next+" "+m.draftText(*m.parked))
	}
	for _, h := range m.held {
		say(theme.Bad, fmt.Sprintf(m.p.Held, m.draftText(h)))
	}
	if m.cfg.Hint != "" && d.empty() && len(m.known) == 0 {
		say(theme.Accent, clean(m.cfg.Hint, 120))
	}
	if (m.reg == nil || m.busy == warming) && m.startErr == nil {
		say(theme.Text, m.p.Starting)
		if len(m.queue) > 0 {
			say(theme.Dim, m.p.StartKeep)
		}
	}
}

// drawOpen lists the open sales, oldest first, with what each waits for.
func (m *Model) drawOpen(a area) {
	if len(m.open) == 0 {
		return
	}
	rows := max(0, a.h()-2)
	from := max(0, len(m.open)-rows)
	if from == 0 {
		a.text(0, 0, theme.Dim, m.p.Open)
	} else {
		a.fit(0, 0, a.w(), theme.Dim, fmt.Sprintf(m.p.OpenMany, len(m.open)))
	}
	for i, id := range m.open[from:] {
		v := m.known[id]
		y := i + 1
		x := a.text(0, y, theme.Text, words.Number4(v.Sale.Number)) + 1
		status := m.w.StatusShort(v.Sale.Outcome)
		price := m.priceText(v, a.w() >= 40)
		end := a.w() - 1
		room := end - x - ansi.StringWidth(status) - 1
		a.right(x+min(room, 10), y, theme.Text, ansi.Truncate(price, max(0, min(room, 10)), "…"))
		a.text(x+min(room, 10)+1, y, m.styleOf(v.Sale.Outcome), status)
		if wide := x + 10 + 1 + 12; a.w() > wide+10 {
			a.fit(wide, y, a.w()-wide-1, theme.Dim, clean(v.Asset.Name, 20))
		}
	}
}

// styleOf is the colour of a status: one for what can be handed over, one for
// trouble.
func (m *Model) styleOf(o pos.Outcome) theme.Style {
	switch {
	case trouble(o.Status), o.Verdict == pos.AskSupervisor:
		return theme.Bad
	case o.Status.Settled(), o.Verdict == pos.HandOver:
		return theme.Good
	case o.Status == pos.Awaiting, o.Status.Closed():
		return theme.Dim
	}
	return theme.Strong
}

// priceText is what a sale costs, in the unit that it is priced in.
func (m *Model) priceText(v pos.View, symbol bool) string {
	switch v.Sale.Price.Kind {
	case pos.PriceFiat:
		if symbol {
			return m.f.Locale.Fiat(v.Sale.Price.Fiat)
		}
		return m.f.Locale.Number(v.Sale.Price.Fiat)
	case pos.PriceAsset:
		return m.f.Coin(v.Sale.Price.Amount, m.f.Find(v.Sale.Price.Asset))
	}
	return m.p.AnyAmount
}

// rateText is a rate in the shop's own currency.
func (m *Model) rateText(r pos.RateInfo) string {
	cur := money.Currency("EUR")
	if len(m.shop.Currencies) > 0 {
		cur = m.shop.Currencies[0]
	}
	if m.draft.unit.currency != "" {
		cur = m.draft.unit.currency
	}
	return m.f.Locale.Rate(r.Rate, cur)
}
