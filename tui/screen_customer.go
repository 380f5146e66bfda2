package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The customer's view: the price, the code as large as it fits, and one
// sentence. No numbers of other sales, no totals, no keys.

// customerLayout is where things are on it.
type customerLayout struct{ price, code, what, said rect }

func (l layout) customer() customerLayout {
	f := l.frame
	if l.class == classLarge {
		f = f.inset(2, 1)
	}
	top := 1
	switch {
	case f.H >= 44:
		top = hugeHeight + 2
	case f.H >= 32:
		top = midHeight + 1
	}
	return customerLayout{
		price: rect{f.X, f.Y, f.W, top},
		code:  rect{f.X, f.Y + top, f.W, max(0, f.H-top-2)},
		what:  rect{f.X, f.Y + f.H - 2, f.W, 1},
		said:  rect{f.X, f.Y + f.H - 1, f.W, 1},
	}
}

func (m *Model) drawCustomer(v pos.View) {
	l, o := m.lay.customer(), v.Sale.Outcome
	if m.cfg.Role == Kiosk {
		l = m.lay.kioskPay()
	}
	row := l.what == l.price // the price has a row of its own, or shares it
	switch {
	case !row:
		m.drawPrice(m.area(l.price), v)
	case len(v.Pay.Forms) == 0:
		m.area(l.price).center(0, theme.Strong, m.priceText(v, true)+"      "+m.p.KioskNumber+" "+words.Number4(v.Sale.Number))
	}
	a := m.area(l.code)
	said := m.w.Customer(o)
	if m.code.Kind == chain.FormAddress && !m.code.IsZero() && !v.Pay.Amount.IsZero() {
		said = m.p.CustomerType
	}
	if asked := o.Status == pos.Awaiting || o.Status == pos.Partial; m.code.IsZero() && !asked {
		m.drawThanks(a, v)
	} else {
		switch {
		case !m.code.IsZero():
			m.drawCode(a, v)
		case len(v.Pay.Forms) > 0:
			m.drawAddress(a, v)
		default:
			said = m.p.PayWait
		}
		asset := m.asset(v)
		text := m.coinName(asset)
		amount := v.Pay.Amount
		if !amount.IsZero() {
			text += "      " + m.f.Coin(amount, asset)
		}
		if row && len(v.Pay.Forms) > 0 {
			text = m.priceText(v, true) + "      " + text
		}
		if !row || len(v.Pay.Forms) > 0 {
			m.area(l.what).center(0, theme.Strong, text)
		}
	}
	if m.notice != "" {
		// The person at the keys has to see it too: that it was copied, and
		// that a second ctrl+c ends the program.
		m.drawNotice(m.area(l.said))
		return
	}
	m.area(l.said).center(0, theme.Text, said)
}

// drawAddress stands where the code would be if there was room for it.
func (m *Model) drawAddress(a area, v pos.View) {
	lines := groupLines(string(v.Pay.Quote.To), a.w()-2)
	y := max(0, (a.h()-len(lines)-2)/2)
	a.center(y, theme.Text, m.p.PayAddress)
	for i, l := range lines {
		a.center(y+2+i, theme.Strong, l)
	}
}

// coinName is a coin for the person who pays. Of a token the network is part of
// the name, in capitals, because money sent on another one is lost to them.
func (m *Model) coinName(asset chain.Asset) string {
	name := clean(asset.Name, 40)
	if asset.ID.Contract() == "" {
		return strings.ToUpper(name)
	}
	token, network, ok := strings.Cut(name, " on ")
	if !ok {
		return strings.ToUpper(name)
	}
	text := sprintf(m.p.TokenOn, token, strings.ToUpper(network))
	if !strings.HasPrefix(string(asset.ID), "eip155:1/") {
		text += ", " + m.p.NotMain
	}
	return text
}

// drawPrice shows the price large where there is room for it.
func (m *Model) drawPrice(a area, v pos.View) {
	number, symbol := m.amountOf(v)
	wide := ansi.StringWidth(symbol)
	w := widthOf(enlarge(number, a.w()-wide-3, a.h())) + 3 + wide
	in := a.sub(max(0, (a.w()-w)/2), 0, w, a.h())
	if m.largeAmount(in, theme.Accent, number, symbol, m.symbolSide(v)) == 0 {
		a.center(0, theme.Accent, m.priceText(v, true))
	}
}

// drawThanks stands where the code was: the status in letters that can be read
// from the other side of the counter.
func (m *Model) drawThanks(a area, v pos.View) {
	o := v.Sale.Outcome
	word := ""
	switch {
	case o.Status == pos.Confirming, o.Status == pos.Seen:
		word = m.w.Status(pos.Outcome{Status: pos.Seen})
	case o.Status.Settled():
		word = m.w.Status(pos.Outcome{Status: pos.Paid})
	default:
		return // the sentence below says what to do
	}
	lines := enlarge(word, a.w()-2, a.h())
	if lines == nil {
		a.center(a.h()/2, m.styleOf(o), word)
		return
	}
	at := rect{0, 0, a.w(), a.h()}.middle(widthOf(lines), len(lines))
	for i, l := range lines {
		a.blocks(at.X, at.Y+i, m.styleOf(o), l)
	}
	if y := at.Y + at.H + 2; o.Status == pos.Confirming && o.Tag == "" && y < a.h() {
		m.drawBar(a.sub(at.X, y, at.W, 1), o)
	}
}
