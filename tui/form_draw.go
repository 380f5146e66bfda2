package tui

import (
	"errors"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// drawForm draws the open form: over the facts where a customer may be
// scanning the code beside them, else over the whole body.
func (m *Model) drawForm(here place) {
	f := m.form
	if f == nil {
		return
	}
	r := m.lay.body
	if here == onPay && !m.lay.solo {
		_, r = m.lay.pay()
	}
	m.clear(r)
	x := 1
	if m.lay.class == classLarge {
		x = 3
	}
	a := m.area(r).sub(x, 0, min(r.W-x, 100), r.H)
	c := &column{a: a}
	if f.sale != "" && here != onPay && m.lay.class > classSmall {
		c.y++
	}
	_, title := m.w.Key(string(f.act))
	end := c.a.text(0, c.y, theme.Strong, sentenceCase(title))
	if f.has(fieldPIN) >= 0 || f.blocked() {
		if w := ansi.StringWidth(m.p.SupervisorMark); end+3+w+2 < c.a.w() {
			c.a.badge(end+3, c.y, theme.Badge, m.p.SupervisorMark)
		}
	}
	c.y++
	m.sayLead(c, f)
	if f.blocked() {
		c.gap()
		c.say(theme.Bad, sentence(m.w.Error(pos.ErrNoSupervisor)))
		return
	}
	for i := range f.fields {
		if f.fields[i].name != fieldPart || m.partWanted(f) {
			m.drawField(c, f, i)
		}
	}
	if f.has(fieldPIN) >= 0 && m.shop.Training {
		c.gap()
		c.say(theme.Dim, sprintf(m.p.TrainingPIN, pos.TrainingPIN))
	}
	if f.err != nil {
		c.gap()
		c.say(theme.Bad, sentence(m.formError(f)))
	}
}

// tinyForm is the open form where there is no room for it: the field that has
// the keys, so that nobody types a PIN blindly into something else.
func (m *Model) tinyForm(say func(theme.Style, string)) {
	f := m.form
	_, title := m.w.Key(string(f.act))
	say(theme.Strong, sentenceCase(title))
	switch {
	case f.blocked():
		say(theme.Bad, sentence(m.w.Error(pos.ErrNoSupervisor)))
	case f.err != nil:
		say(theme.Bad, sentence(m.formError(f)))
	}
	if f.blocked() || len(f.fields) == 0 {
		return
	}
	x := &f.fields[f.at]
	text := clean(x.text.Value(), mostAddress)
	switch x.name {
	case fieldPIN:
		text = strings.Repeat("•", len(x.text.Value()))
	case fieldPart:
		text = m.draftText(f.part)
	case fieldRefund:
		if f.pick < len(f.seen.Refunds) {
			text = m.w.Basis(f.seen.Refunds[f.pick].Basis) + " " + m.refundText(f.seen, f.seen.Refunds[f.pick])
		}
	case fieldAsset:
		text = clean(f.assets[f.pick].Name, 24)
	}
	say(theme.Accent, m.labelOfField(x.name)+"  "+text+"│")
}

// formError is what is wrong, in words.
func (m *Model) formError(f *form) string {
	switch {
	case errors.Is(f.err, errRate):
		return m.p.BadRate
	case errors.Is(f.err, pos.ErrFarRate):
		return sprintf(m.p.FarRate, m.f.Locale.Rate(f.far, m.own()))
	}
	return m.w.Error(f.err)
}

// sayLead says what the form does, before anything is typed.
func (m *Model) sayLead(c *column, f *form) {
	v := f.seen
	o, asset := v.Sale.Outcome, m.asset(v)
	number := words.Number4(v.Sale.Number)
	came := m.f.Coin(o.Received, asset)
	if !o.Due.IsZero() {
		came = sprintf(m.p.Of, m.f.Number(o.Received, asset), m.f.Coin(o.Due, asset))
	}
	switch f.act {
	case actCash:
		c.say(theme.Text, sprintf(m.p.LeadCash, m.f.Locale.Fiat(v.RestInCash), number, m.priceText(v, true)))
	case actAccept:
		c.say(theme.Text, sprintf(m.p.LeadAccept, number, m.priceText(v, true), came))
	case actReprice:
		c.say(theme.Text, sprintf(m.p.LeadReprice, m.f.Coin(o.Received, asset), number))
		if now := m.presentWorth(v); now != "" {
			c.say(theme.Strong, sprintf(m.p.WorthNow, now, m.priceText(v, true)))
		}
	case actGiveBack:
		c.say(theme.Dim, m.p.LeadRefund)
	case actGaveBack:
		c.say(theme.Text, sprintf(m.p.LeadGaveBack, number))
	case actMistake:
		c.say(theme.Text, sprintf(m.p.LeadMistake, number))
	case actRate:
		c.say(theme.Dim, m.p.LeadRate)
	case actAgree:
		m.sayChanged(c, 7)
		if len(f.fields) == 0 && f.staff == staffNone {
			c.gap()
			c.say(theme.Text, m.p.AgreeAlone)
		}
	}
}

// presentWorth is what came for a sale at the present price, in the sale's own
// currency; "" where there is no such price.
func (m *Model) presentWorth(v pos.View) string {
	o, price := v.Sale.Outcome, v.Sale.Price
	if price.Kind != pos.PriceFiat {
		return ""
	}
	for _, c := range m.reg.Choices(pos.Draft{Price: price, By: m.cfg.Actor}) {
		if c.Asset.ID != o.Asset || c.Rate.IsZero() || c.Rate.State == pos.RateStale {
			continue
		}
		if worth, err := money.Worth(o.Received, c.Rate.Rate, c.Asset.Decimals, price.Fiat.Currency); err == nil {
			return m.f.Locale.Fiat(worth)
		}
	}
	return ""
}

// sayChanged lists which keys and rules were changed, and leaves rows for what
// has to stand below; what has no room is on the health screen, which scrolls.
func (m *Model) sayChanged(c *column, leave int) {
	var rows []string
	for _, line := range m.board.Changed {
		rows = append(rows, strings.Split(ansi.Wrap("· "+clean(line, mostChanged), max(8, c.a.w()-1), " "), "\n")...)
	}
	room := max(1, c.a.h()-c.y-leave)
	for i, row := range rows {
		if i == room-1 && len(rows) > room {
			c.say(theme.Bad, sprintf(m.p.ChangedMore, len(rows)-i, m.labelFor(actHealth)))
			return
		}
		c.say(theme.Text, row)
	}
}

// mostChanged is how much of one changed rule is shown: descriptors are long.
const mostChanged = 600

// labelOfField names a field.
func (m *Model) labelOfField(name fieldName) string {
	return map[fieldName]string{
		fieldRefund: m.p.FieldRefund, fieldPart: m.p.FieldPart, fieldTo: m.p.FieldTo, fieldAsset: m.p.FieldAsset,
		fieldRate: m.p.FieldRate, fieldWhy: m.p.FieldWhy, fieldPIN: m.p.FieldPIN, fieldLine: m.p.FieldLine,
	}[name]
}

func (m *Model) drawField(c *column, f *form, i int) {
	x, active := &f.fields[i], i == f.at
	label, style := m.labelOfField(x.name), theme.Dim
	if active {
		style = theme.Strong
	}
	switch {
	case x.optional && !active && x.text.Value() == "":
		c.y++
		c.a.fit(0, c.y, c.a.w(), theme.Dim, label+"  "+m.p.Optional)
		c.y++
		return
	case x.name == fieldRefund || x.name == fieldAsset:
		c.gap()
		c.a.fit(0, c.y, c.a.w(), style, label)
		c.y++
		m.drawPick(c, f, x.name, active)
		return
	}
	c.y++
	switch x.name {
	case fieldPIN:
		m.drawShort(c, style, label, strings.Repeat("•", len(x.text.Value())), active)
	case fieldPart:
		m.drawShort(c, style, label, m.draftText(f.part), active)
	case fieldWhy:
		room := max(8, c.a.w()-ansi.StringWidth(label)-4)
		m.drawShort(c, style, label, tail(clean(x.text.Value(), mostWhy), room), active)
	case fieldRate:
		m.drawShort(c, style, label, clean(x.text.Value(), mostRate), active)
		if r, ok := m.lastRate(f); ok {
			c.say(theme.Dim, sprintf(m.p.LastRate, m.f.Locale.Rate(r.Rate, m.own()), m.w.Ago(m.now.Sub(r.At))))
		}
	default:
		c.say(style, label)
		m.drawText(c, x, active)
	}
}

// drawShort draws a field whose text stands beside its name.
func (m *Model) drawShort(c *column, st theme.Style, label, text string, active bool) {
	at := c.a.fit(0, c.y, c.a.w(), st, label) + 2
	m.cursor(c, c.a.text(at, c.y, theme.Accent, text), active)
	c.y++
}

// drawText draws a typed text on its own rows: an address is compared, so all
// of it stands there, in groups once it is left.
func (m *Model) drawText(c *column, x *field, active bool) {
	text := clean(x.text.Value(), mostAddress)
	if !active && x.name == fieldTo {
		for _, l := range groupLines(text, c.a.w()-2) {
			c.a.fit(0, c.y, c.a.w(), theme.Text, l)
			c.y++
		}
		return
	}
	rows := strings.Split(ansi.Hardwrap(text, max(8, c.a.w()-2), false), "\n")
	if len(rows) > 3 { // a long link: its end is what is being typed
		rows = rows[len(rows)-3:]
	}
	for i, row := range rows {
		at := c.a.text(0, c.y, theme.Accent, row)
		if i == len(rows)-1 {
			m.cursor(c, at, active)
		}
		c.y++
	}
}

func (m *Model) cursor(c *column, x int, active bool) {
	if active {
		c.a.text(x, c.y, theme.Accent, "│")
	}
}

// drawPick draws a list of which one row is chosen.
func (m *Model) drawPick(c *column, f *form, name fieldName, active bool) {
	var rows [][2]string
	if name == fieldAsset {
		for _, a := range f.assets {
			rows = append(rows, [2]string{clean(a.Name, 24), ""})
		}
	} else {
		v := f.seen
		for _, choice := range v.Refunds {
			rows = append(rows, [2]string{m.w.Basis(choice.Basis), m.refundText(v, choice)})
		}
	}
	wide, right := 0, 0
	for _, r := range rows {
		wide, right = max(wide, ansi.StringWidth(r[0])), max(right, ansi.StringWidth(r[1]))
	}
	for i, r := range rows {
		style := theme.Text
		if i == f.pick {
			c.a.text(0, c.y, theme.Accent, ">")
			style = theme.Strong
			if !active {
				style = theme.Text
			}
		} else if !active {
			continue // what was not chosen is out of the way
		}
		if active {
			m.touch(c.a, 0, c.y, c.a.w(), 1, strconv.Itoa(i+1))
		}
		c.a.text(2, c.y, theme.Key, strconv.Itoa(i+1))
		c.a.fit(4, c.y, c.a.w()-4, style, r[0])
		if at := 4 + wide + 3 + right; at <= c.a.w() {
			c.a.right(at, c.y, style, r[1])
		} else if r[1] != "" {
			c.y++
			c.a.fit(6, c.y, c.a.w()-6, style, r[1])
		}
		c.y++
	}
}

// refundText is an amount that could go back, with what it is worth at the
// sale's own rate.
func (m *Model) refundText(v pos.View, choice pos.RefundChoice) string {
	if choice.Basis == pos.RefundPart {
		return ""
	}
	text := m.f.Coin(choice.Amount, m.refundAsset(v))
	if worth := m.worth(v, choice.Amount); worth != "" {
		text += "  " + worth
	}
	return text
}

// refundAsset is what came, and so what can go back.
func (m *Model) refundAsset(v pos.View) chain.Asset {
	if v.Payout != nil {
		return v.Payout.Asset
	}
	for _, p := range v.Payments {
		if p.Live() && !p.Refund && p.Asset == v.Sale.Outcome.Asset {
			return m.asset(v)
		}
	}
	for _, p := range v.Payments {
		if p.Live() && !p.Refund {
			return m.f.Find(p.Asset)
		}
	}
	return m.asset(v)
}

// sentenceCase is a phrase with a capital letter.
func sentenceCase(s string) string { return strings.TrimSuffix(sentence(s), ".") }

// formKeys are the keys of the open form.
func (m *Model) formKeys() []footKey {
	f := m.form
	leave := m.foot("esc", m.p.FormLeave)
	if f == nil || f.blocked() {
		return []footKey{leave}
	}
	next := m.p.FormDo
	if len(f.fields) > 0 && m.after(f) != f.at {
		next = m.p.FormNext
	}
	keys := []footKey{m.foot("enter", next), leave}
	if len(f.fields) > 1 {
		keys = append(keys, m.foot("tab", m.p.FormOther))
	}
	return keys
}
