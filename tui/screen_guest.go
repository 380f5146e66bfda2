package tui

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The demo's audience: whoever types the number of a sale that waits for money
// pays it, with worthless money from the demo's own customer, and sees what
// becomes of it. A sale that asks for nothing cannot be looked at.

// guestState is what somebody in the audience has typed.
type guestState struct {
	digits string
	err    error
}

// mostGuest is how long a sale's number may be.
const mostGuest = 6

// errNoneWaits says that no sale of that number asks for money.
var errNoneWaits = errors.New("no sale with that number is waiting for money")

// guestPaid answers a payment.
type guestPaid struct {
	view pos.View
	err  error
}

func (m *Model) canGuestPay() bool { return m.guest.digits != "" && m.stage != nil }

func (m *Model) pressGuest(act action, key string) tea.Cmd {
	g := &m.guest
	switch act {
	case actDigits:
		if m.sale != "" { // the next number begins
			m.sale, m.at, *g = "", onAmount, guestState{}
		}
		if len(g.digits) < mostGuest {
			g.digits, g.err = g.digits+key, nil
		}
	case actBack:
		if g.digits != "" {
			g.digits, g.err = g.digits[:len(g.digits)-1], nil
		}
	case actClear:
		m.sale, m.at, *g = "", onAmount, guestState{}
	case actGuestPay:
		return m.guestPay()
	}
	return nil
}

func (m *Model) guestPay() tea.Cmd {
	n := uint64(number(m.guest.digits))
	reg, stage := m.reg, m.stage
	m.busy = acting
	return m.ask(func(ctx context.Context) tea.Msg {
		views, err := reg.Views(ctx, pos.Query{Text: fmt.Sprint(n), Limit: listSize})
		if err != nil {
			return guestPaid{err: err}
		}
		for _, v := range views {
			if s := v.Sale.Outcome.Status; v.Sale.Number != n || s != pos.Awaiting && s != pos.Partial || len(v.Pay.Forms) == 0 {
				continue
			}
			return guestPaid{v, stage.Pay(ctx, v)}
		}
		return guestPaid{err: errNoneWaits}
	})
}

func (m *Model) guestPaid(msg guestPaid) tea.Cmd {
	m.busy, m.guest.digits, m.guest.err = idle, "", msg.err
	if msg.err != nil {
		return m.replay(true)
	}
	m.take(nil, msg.view)
	m.sale, m.at = msg.view.Sale.ID, onSale
	return tea.Batch(m.fetch(m.sale), m.replay(true))
}

func (m *Model) drawGuest(v pos.View, paid bool) {
	f := m.lay.frame
	a := m.area(f)
	a.center(0, theme.Strong, clean(m.shop.Name, 40))
	if m.shop.Training {
		a.badge(0, 0, theme.Badge, m.p.Training)
	}
	foot := m.area(rect{f.X, f.Y + f.H - 1, f.W, 1})
	body := m.area(rect{f.X, f.Y + 1, f.W, max(0, f.H-2)})
	if m.stage == nil {
		body.center(body.h()/2, theme.Text, m.p.GuestOff)
		return
	}
	if paid {
		m.drawGuestSale(body, v)
	} else {
		m.drawGuestType(body)
	}
	m.roleFoot(foot)
}

func (m *Model) drawGuestType(a area) {
	y := max(0, a.h()/3-4)
	a.center(y, theme.Text, m.p.GuestType)
	digits := m.guest.digits
	shown := digits
	for len(shown) < 4 {
		shown += "-"
	}
	style := theme.Accent
	if digits == "" {
		style = theme.Dim
	}
	room := max(midHeight, a.h()-y-6)
	lines := enlarge(shown, a.w()-4, room)
	if lines == nil || a.h()-y < midHeight+3 {
		a.center(y+2, style, shown)
		y += 4
	} else {
		for i, l := range lines {
			a.blocks((a.w()-widthOf(lines))/2, y+2+i, style, l)
		}
		y += 3 + len(lines)
	}
	switch {
	case m.busy != idle:
		a.center(y, theme.Dim, m.p.PayWait)
	case errors.Is(m.guest.err, errNoneWaits):
		a.center(y, theme.Bad, m.p.GuestNone)
	case m.guest.err != nil:
		a.center(y, theme.Bad, sentence(m.w.Error(m.guest.err)))
	}
}

// drawGuestSale says what became of what somebody paid.
func (m *Model) drawGuestSale(a area, v pos.View) {
	o := v.Sale.Outcome
	word, style := m.p.GuestSent, theme.Accent
	switch {
	case o.Status.Settled():
		word, style = m.w.Status(pos.Outcome{Status: pos.Paid}), theme.Good
	case o.Status == pos.Seen, o.Status == pos.Confirming:
		word, style = m.w.Status(pos.Outcome{Status: pos.Seen}), theme.Strong
	}
	if o.Verdict == pos.HandOver {
		style = theme.Good
	}
	at := m.drawLarge(a.sub(0, 0, a.w(), max(midHeight, a.h()-8)), style, word)
	y := at.Y + at.H + 1
	asset := m.asset(v)
	a.center(y, theme.Strong, m.p.Sale+" "+words.Number4(v.Sale.Number)+"   "+m.priceText(v, true)+"   "+clean(asset.Name, 24))
	text := m.w.Customer(o)
	if o.Status == pos.Awaiting {
		text = m.p.GuestWay
	}
	a.center(y+2, theme.Text, text)
	if o.Status == pos.Confirming && o.Tag == "" && y+4 < a.h() {
		w := min(40, a.w()-4)
		m.drawBar(a.sub((a.w()-w)/2, y+4, w, 1), o)
	}
	a.center(min(y+6, a.h()-1), theme.Dim, m.p.GuestAgain)
}
