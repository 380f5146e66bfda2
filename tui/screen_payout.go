package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
)

// A refund that is due: the code is one that the owner's wallet pays. Nobody may
// take it for one that a customer is to scan, so a band over its whole width
// says whose it is.

func (m *Model) drawPayout(v pos.View) {
	band := m.p.PayoutBand
	if m.lay.solo {
		if m.code.IsZero() || m.flip {
			m.drawPayoutText(v)
			return
		}
		m.area(rect{0, 0, m.lay.frame.W, 1}).center(0, theme.BadBadge, pad(" "+band, m.lay.frame.W))
		m.drawCode(m.area(m.codeRoom()), v)
		a := m.area(rect{0, m.lay.frame.H - 1, m.lay.frame.W, 1})
		if m.notice != "" {
			m.drawNotice(a)
			return
		}
		x := a.text(m.lay.margin, 0, theme.Bad, m.w.StatusShort(v.Sale.Outcome)) + 2
		m.sayFlip(a, a.fit(x, 0, a.w()-x, theme.Strong, m.f.Coin(v.Payout.Rest, v.Payout.Asset))+2)
		return
	}
	code, _ := m.lay.pay()
	if !m.code.IsZero() {
		m.drawCode(m.area(code), v)
	} else {
		m.drawWay(m.area(code), v)
	}
	m.drawPayoutFacts(m.area(m.factsRoom()), v)
}

// drawWay fills the place of the code once the wallet has paid: how far the money
// is on its way back.
func (m *Model) drawWay(a area, v pos.View) {
	o := v.Sale.Outcome
	at := m.drawLarge(a, theme.Accent, m.w.Status(o))
	if o.Reason.Code == pos.WhyRefundSeen {
		o.Confirmations, o.Needed = o.Reason.N, o.Reason.M
		m.drawBar(a.sub(at.X, at.Y+at.H+2, a.w()-2*at.X, 1), o)
	}
}

// drawPayoutText is a small screen's other side, and all there is of a refund
// that nothing is to be paid of any more.
func (m *Model) drawPayoutText(v pos.View) {
	m.drawPayoutFacts(m.area(m.lay.body.inset(1, 0)), v)
}

func (m *Model) drawPayoutFacts(a area, v pos.View) {
	o, p := v.Sale.Outcome, v.Payout
	c := &column{a: a}
	if len(p.Forms) > 0 {
		for _, l := range strings.Split(ansi.Wrap(m.p.PayoutBand, max(8, a.w()-3), " "), "\n") {
			c.a.text(0, c.y, theme.BadBadge, pad(" "+l, a.w()-1))
			c.y++
		}
		c.say(theme.Dim, m.p.PayoutNot)
		c.gap()
	} else if word := m.w.Verdict(o.Verdict); word == "" || o.Verdict == pos.AskSupervisor {
		c.a.badge(0, c.y, m.badgeOf(o), m.w.Status(o))
		c.y += 2
	}
	if o.Verdict == pos.HandOver {
		c.a.badge(0, c.y, theme.GoodBadge, m.w.Verdict(o.Verdict))
		c.y += 2
	}
	amount := m.f.Coin(p.Refund.Amount, p.Asset)
	if !p.Paid.IsZero() {
		amount = sprintf(m.p.Of, m.f.Number(p.Paid, p.Asset), amount)
	}
	c.pair(theme.Strong, amount, theme.Strong, strings.ToUpper(clean(p.Asset.Name, 22)))
	c.say(theme.Dim, m.w.Basis(p.Refund.Basis))
	c.gap()
	for _, l := range groupLines(string(p.Refund.To), c.a.w()-1) {
		c.say(theme.Text, l)
	}
	c.gap()
	c.say(theme.Text, sentence(m.w.Reason(o.Reason, p.Asset)))
	for _, n := range o.Notes {
		c.say(theme.Text, sentence(m.w.Reason(n, p.Asset)))
	}
	if !p.Watched {
		c.say(theme.Bad, m.p.PayoutBlind)
	}
	for _, pay := range v.Payments {
		if pay.Refund {
			c.say(theme.Dim, m.p.Transaction(pay.Key)+"  "+m.w.Payment(pay))
		}
	}
	c.gap()
	for _, row := range m.actRows(v) {
		m.choice(c, row)
	}
}
