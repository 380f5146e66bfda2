package tui

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The outcome of a sale: one word that is read from across the room, then the
// facts. Trouble does not look like success even without colour: its word is
// set between two lines that fill the width, and what to do stands below.

func (m *Model) drawOutcome(v pos.View) {
	o := v.Sale.Outcome
	if v.Payout != nil {
		m.drawPayout(v)
		return
	}
	if trouble(o.Status) || o.Verdict == pos.AskSupervisor {
		m.drawTrouble(v)
		return
	}
	a := m.area(m.lay.body)
	word := m.banner(o)
	lines := enlarge(word, a.w()-2, max(midHeight, a.h()-7))
	w := max(widthOf(lines), min(46, a.w()-2))
	x, y := max(1, (a.w()-w)/2), max(1, (a.h()-len(lines)-6)/3)
	for _, l := range lines {
		a.blocks(x, y, m.styleOf(o), l)
		y++
	}
	if lines == nil {
		a.band(y, m.badgeOf(o), word)
		y += midHeight
	}
	y++
	at := a.text(x, y, theme.Strong, m.priceText(v, true))
	at = a.text(at+4, y, theme.Dim, m.p.Sale+" "+words.Number4(v.Sale.Number))
	if word := m.w.Verdict(o.Verdict); word != "" {
		if at+4+ansi.StringWidth(word)+2 > a.w() {
			at, y = x-4, y+1
		}
		a.badge(at+4, y, theme.GoodBadge, word)
	}
	c := &column{a: a.sub(x, y+2, a.w()-x-1, max(0, a.h()-y-2))}
	m.sayResult(c, v)
	if o.Status == pos.Overpaid && m.mayAct(v, pos.ActRefundDue) {
		_, text := m.w.Key(string(actGiveBack))
		c.gap()
		m.choice(c, actRow{m.labelFor(actGiveBack), text, m.p.Supervisor, keyOf(actGiveBack)})
	}
}

// banner is the word of an outcome: where only a surplus or a part went back, the
// goods stay sold, and the sentence below says what went back.
func (m *Model) banner(o pos.Outcome) string {
	if o.Status == pos.Refunded && o.Verdict == pos.HandOver {
		o = pos.Outcome{Status: pos.Paid}
	}
	return m.w.Status(o)
}

// sayResult writes what came, why that is enough, and whose word it is.
func (m *Model) sayResult(c *column, v pos.View) {
	o, asset := v.Sale.Outcome, m.asset(v)
	reason := m.w.Reason(o.Reason, asset)
	switch {
	case o.Received.IsZero() || !o.Status.Settled():
	case o.Status == pos.Accepted:
		c.say(theme.Text, m.cameText(v))
		reason = sentence(reason)
	default:
		reason = m.f.Coin(o.Received, asset) + " " + reason
	}
	c.say(theme.Text, reason)
	for _, n := range o.Notes {
		c.say(theme.Bad, m.w.Reason(n, asset))
	}
	for i, p := range slices.Backward(v.Payments) {
		if len(v.Payments)-i > 3 {
			break
		}
		text := m.p.Transaction(p.Key)
		switch {
		case p.Refund:
			text += " · " + m.p.WentBack
		case v.Trust != chain.TrustUnknown && p.Live():
			text += " · " + m.p.TrustWord + " " + m.w.Trust(v.Trust)
		}
		c.say(theme.Dim, text)
	}
}

// sentence makes a sentence of a phrase.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + strings.TrimSuffix(s[n:], ".") + "."
}

func (m *Model) drawTrouble(v pos.View) {
	o, asset := v.Sale.Outcome, m.asset(v)
	a := m.area(m.lay.body)
	rows := m.actRows(v)
	// The choices have their room before the facts: they are what is needed.
	need := 1
	for _, r := range rows {
		need += r.height(a.w() - 3)
	}
	word := m.w.Status(o)
	lines := enlarge(word, a.w()-2, max(midHeight, a.h()-11-need))
	y := 0
	switch {
	case a.h()-need < 10:
		a.text(0, 0, theme.BadBadge, pad(" "+word, a.w()))
		y = 1
	case lines == nil:
		a.band(y, theme.BadBadge, word)
		y += midHeight + 1
	default:
		rule := strings.Repeat("━", a.w())
		a.text(0, y, theme.Bad, rule)
		y++
		for _, l := range lines {
			a.blocks(max(1, (a.w()-widthOf(lines))/2), y, theme.Bad, l)
			y++
		}
		a.text(0, y, theme.Bad, rule)
		y += 2
	}
	at := a.text(2, y, theme.Strong, m.priceText(v, true))
	at = a.text(at+3, y, theme.Dim, m.p.Sale+" "+words.Number4(v.Sale.Number))
	if verdict := m.w.Verdict(o.Verdict); verdict != "" {
		if at+3+ansi.StringWidth(verdict)+2 > a.w() {
			at, y = 2-3, y+1
		}
		a.badge(at+3, y, theme.BadBadge, verdict)
	}
	y++
	if a.h()-y-need >= 5 {
		y++
	}
	c := &column{a: a.sub(2, y, a.w()-3, max(0, a.h()-y-need))}
	if !o.Missing.IsZero() && !o.Received.IsZero() {
		c.say(theme.Text, m.cameText(v))
	}
	c.say(theme.Text, sentence(m.w.Reason(o.Reason, asset)))
	for _, n := range o.Notes {
		c.say(theme.Text, sentence(m.w.Reason(n, asset)))
	}
	y += c.y + 1
	c = &column{a: a.sub(2, y, a.w()-3, max(0, a.h()-y))}
	for _, r := range rows {
		m.choice(c, r)
	}
	if len(v.Payments) > 0 && c.y+1 < c.a.h() {
		c.gap()
		p := v.Payments[len(v.Payments)-1]
		c.say(theme.Dim, m.p.Transaction(p.Key))
	}
}

// cameText says how much of the price came, in money where it has one.
func (m *Model) cameText(v pos.View) string {
	o, asset := v.Sale.Outcome, m.asset(v)
	of := m.f.Coin(o.Received, asset)
	if !o.Due.IsZero() {
		of = sprintf(m.p.Of, m.f.Number(o.Received, asset), m.f.Coin(o.Due, asset))
	}
	if rest, price := v.RestInCash, v.Sale.Price.Fiat; !rest.IsZero() && rest.Currency == price.Currency {
		got := money.Of(price.Minor-rest.Minor, price.Currency)
		return sprintf(m.p.CameOf, m.f.Locale.Fiat(got), m.f.Locale.Fiat(price), of)
	}
	return sprintf(m.p.Came, of)
}

// actRow is one thing that can be done about a sale: its key and what it does.
type actRow struct {
	key, text, who string
	press          string // what a click presses
}

// keyWidth is the column in which the texts of choices begin.
const keyWidth = 7

func (r actRow) height(w int) int {
	return max(1, len(strings.Split(ansi.Wrap(r.line(w), max(8, w-keyWidth), " "), "\n")))
}

// line is the text with who is needed behind it, where there is no column for
// that.
func (r actRow) line(w int) string {
	if r.who != "" && !r.beside(w) {
		return r.text + " (" + r.who + ")"
	}
	return r.text
}

// beside tells whether who is needed has its own column.
func (r actRow) beside(w int) bool {
	return keyWidth+ansi.StringWidth(r.text)+2+ansi.StringWidth(r.who) <= min(w, whoColumn+ansi.StringWidth(r.who)) && w >= whoColumn+ansi.StringWidth(r.who)
}

const whoColumn = 50

// choice draws a row.
func (m *Model) choice(c *column, r actRow) {
	from := c.y
	defer func() { m.touch(c.a, 0, from, c.a.w(), c.y-from, r.press) }()
	c.a.text(0, c.y, theme.Key, r.key)
	if r.who != "" && r.beside(c.a.w()) {
		c.a.text(whoColumn, c.y, theme.Dim, r.who)
	}
	c.y += max(1, c.a.wrap(keyWidth, c.y, c.a.w()-keyWidth, 2, theme.Text, r.line(c.a.w())))
}

// actRows are the ways out of trouble that there are now, the safest first.
func (m *Model) actRows(v pos.View) []actRow {
	var rows []actRow
	if m.hasRest() {
		rows = append(rows, actRow{m.labelFor(actRest), sprintf(m.p.ShowRest, m.missingText(v)), "", "enter"})
	} else {
		rows = append(rows, actRow{m.labelFor(actNext), m.p.LeaveTrouble, "", "enter"})
	}
	for _, a := range acts {
		if !m.mayAct(v, a.kind) {
			continue
		}
		_, text := m.w.Key(string(a.act))
		if a.act == actCash {
			text = sprintf(m.p.TakeCash, m.f.Locale.Fiat(v.RestInCash))
		}
		who := ""
		if a.kind.NeedsPIN() {
			who = m.p.Supervisor
		}
		rows = append(rows, actRow{m.labelFor(a.act), text, who, keyOf(a.act)})
	}
	return append(rows, actRow{m.labelFor(actDetail), m.p.SeeDetail, "", keyOf(actDetail)})
}

// keyOf is the first key of an action.
func keyOf(act action) string {
	for i := range bindings {
		if b := &bindings[i]; b.act == act && len(b.keys) > 0 {
			return b.keys[0]
		}
	}
	return ""
}
