package tui

import (
	"fmt"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// drawTiny is for windows in which no code fits: the amount, the address in
// groups that can be compared, and the status. It still works as a till.
func (m *Model) drawTiny() {
	a := m.area(m.lay.frame)
	y := 0
	say := func(st theme.Style, text string) {
		if y < a.h() && text != "" {
			y += a.wrap(0, y, a.w(), a.h()-y, st, text)
		}
	}
	if m.notice != "" {
		say(theme.Bad, m.notice)
	}
	if m.over == overForm && m.form != nil {
		m.tinyForm(say)
		return
	}
	v, ok := m.view()
	if !ok || m.at != onSale {
		say(theme.Accent, m.draftText(m.draft))
		if m.startErr != nil {
			say(theme.Bad, m.w.Error(m.startErr))
		}
		say(theme.Dim, m.p.Smaller)
		return
	}
	o := v.Sale.Outcome
	say(m.styleOf(o), m.w.Status(o))
	if word := m.w.Verdict(o.Verdict); word != "" && o.Status != pos.Awaiting {
		say(m.styleOf(o), word)
	}
	if v.Payout != nil {
		say(theme.Bad, m.p.PayoutBand)
	}
	if pay := m.request(v); len(pay.Forms) > 0 {
		amount := m.p.AnyAmount
		if !pay.Amount.IsZero() {
			amount = m.f.Coin(pay.Amount, pay.Asset)
		}
		say(theme.Strong, amount)
		say(theme.Text, words.Groups(string(pay.Quote.To)))
	} else if v.Pay.Refusal != nil && pending(o.Status) {
		say(theme.Text, m.w.Error(v.Pay.Refusal))
	}
	say(theme.Dim, m.priceText(v, true))
}

// drawFailed is all there is to say when the register could not start.
func (m *Model) drawFailed() {
	m.drawHeader(onAmount)
	f := m.area(m.lay.footer)
	f.fit(m.lay.margin, 0, f.w()-m.lay.margin, theme.Text, m.notice)
	a := m.area(m.lay.body.inset(2, 1))
	a.text(0, 0, theme.Bad, m.p.Failed)
	y := 2 + a.wrap(0, 2, a.w(), 8, theme.Text, m.w.Error(m.startErr))
	a.wrap(0, y+1, a.w(), 3, theme.Dim, m.p.FailedDo)
}

// drawCancel asks before a sale is cancelled.
func (m *Model) drawCancel(v pos.View) {
	r := m.lay.body
	if !m.lay.solo {
		// Beside the code, not over it: a customer may be scanning.
		_, r = m.lay.pay()
		m.clear(r)
		r = rect{r.X, r.Y + 1, min(r.W-1, 46), 10}
	} else {
		m.clear(r)
		r = rect{r.X, r.Y + 1, r.W, min(10, r.H-1)}
	}
	a := m.area(r)
	a.box(theme.Rule)
	in := m.area(r.inset(3, 1))
	y := in.wrap(0, 0, in.w(), 2, theme.Strong, fmt.Sprintf(m.p.CancelAsk, words.Number4(v.Sale.Number), m.priceText(v, true)))
	y += in.wrap(0, y+1, in.w(), 3, theme.Dim, m.p.CancelNote) + 2
	m.answers(in, y, m.p.CancelYes, m.p.CancelNo)
}

// box draws a frame along the area's edge.
func (a area) box(st theme.Style) {
	for y := range a.h() {
		for x := range a.w() {
			if g := frameGlyph(x, y, a.w(), a.h()); g != "" {
				a.text(x, y, st, g)
			}
		}
	}
}

func frameGlyph(x, y, w, h int) string {
	left, right, top, bottom := x == 0, x == w-1, y == 0, y == h-1
	switch {
	case top && left:
		return "┌"
	case top && right:
		return "┐"
	case bottom && left:
		return "└"
	case bottom && right:
		return "┘"
	case top || bottom:
		return "─"
	case left || right:
		return "│"
	}
	return ""
}

// clear blanks a rectangle. A drawn code that it cuts is taken away whole: a
// part of one is no code.
func (m *Model) clear(r rect) {
	r = r.cut(m.lay.frame)
	for y := r.Y; y < r.Y+r.H; y++ {
		row := m.frame.cells[y*m.frame.w : (y+1)*m.frame.w]
		for x := r.X; x < r.X+r.W; x++ {
			if row[x].block || row[x].taken {
				wipe(row, x)
			}
			row[x] = cell{}
		}
	}
}

// wipe blanks the glyph or block that x belongs to.
func wipe(row []cell, x int) {
	from := x
	for from > 0 && row[from].taken {
		from--
	}
	for i := from; i < len(row) && (i == from || row[i].taken); i++ {
		row[i] = cell{}
	}
}
