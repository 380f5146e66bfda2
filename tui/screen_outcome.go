package tui

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The outcome of a sale: one word that is read from across the room, then the
// facts. Trouble does not look like success even without colour: its word is
// set between two lines that fill the width, and what to do stands below.

func (m *Model) drawOutcome(v pos.View) {
	o := v.Sale.Outcome
	if trouble(o.Status) || o.Verdict == pos.AskSupervisor {
		m.drawTrouble(v)
		return
	}
	a := m.area(m.lay.body)
	word := m.w.Status(o)
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
		if at+4+len(word)+2 > a.w() {
			at, y = x-4, y+1
		}
		a.badge(at+4, y, theme.GoodBadge, word)
	}
	c := &column{a: a.sub(x, y+2, a.w()-x-1, max(0, a.h()-y-2))}
	m.sayResult(c, v)
}

// sayResult writes what came, why that is enough, and whose word it is.
func (m *Model) sayResult(c *column, v pos.View) {
	o, asset := v.Sale.Outcome, m.asset(v)
	reason := m.w.Reason(o.Reason, asset)
	if !o.Received.IsZero() {
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
		if v.Trust != chain.TrustUnknown && p.Live() {
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
	rule := make([]rune, a.w())
	for i := range rule {
		rule[i] = '━'
	}
	word := m.w.Status(o)
	lines := enlarge(word, a.w()-2, max(midHeight, a.h()-11))
	y := 0
	if lines == nil {
		a.band(y, theme.BadBadge, word)
		y += midHeight + 1
	} else {
		a.text(0, y, theme.Bad, string(rule))
		y++
		for _, l := range lines {
			a.blocks(max(1, (a.w()-widthOf(lines))/2), y, theme.Bad, l)
			y++
		}
		a.text(0, y, theme.Bad, string(rule))
		y += 2
	}
	at := a.text(2, y, theme.Strong, m.priceText(v, true))
	at = a.text(at+3, y, theme.Dim, m.p.Sale+" "+words.Number4(v.Sale.Number))
	if verdict := m.w.Verdict(o.Verdict); verdict != "" {
		if at+3+len(verdict)+2 > a.w() {
			at, y = 2-3, y+1
		}
		a.badge(at+3, y, theme.BadBadge, verdict)
	}
	c := &column{a: a.sub(2, y+2, a.w()-3, max(0, a.h()-y-2))}
	if !o.Received.IsZero() && !o.Due.IsZero() {
		of := m.f.Number(o.Received, asset)
		c.say(theme.Text, sprintf(m.p.Came, of, m.f.Coin(o.Due, asset)))
	}
	c.say(theme.Text, sentence(m.w.Reason(o.Reason, asset)))
	for _, n := range o.Notes {
		c.say(theme.Text, sentence(m.w.Reason(n, asset)))
	}
	c.gap()
	m.sayChoices(c, v)
	if len(v.Payments) > 0 {
		c.gap()
		p := v.Payments[len(v.Payments)-1]
		c.say(theme.Dim, m.p.Transaction(p.Key))
	}
}

// sayChoices writes what can be done about trouble, the safest first.
func (m *Model) sayChoices(c *column, v pos.View) {
	row := func(key, text string) {
		c.a.text(2, c.y, theme.Key, key)
		c.y += max(1, c.a.wrap(9, c.y, c.a.w()-9, 2, theme.Text, text))
	}
	if m.hasRest() {
		row("enter", sprintf(m.p.ShowRest, m.missingText(v)))
	} else {
		row("enter", m.p.LeaveTrouble)
	}
	row("d", m.p.SeeDetail)
	c.gap()
	c.say(theme.Dim, m.p.Supervisor)
}
