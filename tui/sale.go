package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/qr"
)

// What can be done with the sale on screen.

// untouched tells whether nothing was seen for an open sale: only then can its
// coin and price change, or the sale be cancelled.
func untouched(v pos.View) bool {
	return v.Sale.Outcome.Status == pos.Awaiting && len(v.Payments) == 0
}

func (m *Model) untouched() bool {
	v, ok := m.view()
	return ok && untouched(v)
}

func (m *Model) touched() bool { return !m.untouched() }

func (m *Model) canOffer() bool { return m.untouched() && len(m.shop.Assets) > 1 }

// request is what the code on screen asks for, and of whom: of the customer, or
// of the owner's wallet where money is to go back.
func (m *Model) request(v pos.View) pos.Request {
	if p := v.Payout; p != nil && !m.customer && m.counter() {
		return pos.Request{
			Quote: pos.Quote{Asset: p.Refund.Asset, Rail: p.Refund.Rail, To: p.Refund.To},
			Asset: p.Asset, Amount: p.Rest, Forms: p.Forms,
		}
	}
	return v.Pay
}

func (m *Model) hasForms() bool { return len(m.shownForms()) > 1 }

func (m *Model) hasForm() bool { return len(m.shownForms()) > 0 }

// shownForms are those of the sale on screen, none where no code is shown.
func (m *Model) shownForms() []chain.Form {
	v, ok := m.view()
	if here := m.here(); !ok || here == onOutcome && v.Payout == nil {
		return nil
	}
	return m.request(v).Forms
}

// canPay tells whether the demo's customer, or its owner, has something to pay.
func (m *Model) canPay() bool { return m.hasForm() || m.hasRest() }

func (m *Model) canFlip() bool { return m.lay.solo && m.hasForm() }

// ended tells whether the sale on screen ended without money.
func (m *Model) ended() bool {
	v, ok := m.view()
	s := v.Sale.Outcome.Status
	return ok && (s == pos.Expired || s == pos.Cancelled) && v.Sale.Price.Kind == pos.PriceFiat
}

func (m *Model) hasRest() bool {
	v, ok := m.view()
	return ok && !m.rest && trouble(v.Sale.Outcome.Status) && len(v.Pay.Forms) > 0
}

func (m *Model) noRest() bool { return !m.hasRest() }

// judged is the quote that counts for v: the one of its outcome, or the newest.
func judged(v pos.View) (pos.Quote, bool) {
	if i := v.Sale.Outcome.Quote; i >= 0 && i < len(v.Sale.Quotes) {
		return v.Sale.Quotes[i], true
	}
	return v.Sale.Quote()
}

func (m *Model) doSale(act action) tea.Cmd {
	v, ok := m.view()
	if !ok {
		if act == actNext || act == actLeaveIt {
			m.toAmount()
		}
		return nil
	}
	if kindOf(act) != "" {
		return m.prompt(act, v)
	}
	switch act {
	case actLeaveIt:
		if m.away.from {
			return m.toAway()
		}
		if m.before != "" {
			m.show(m.before)
			break
		}
		m.toAmount()
	case actNext:
		m.toAmount()
	case actAgain:
		if m.draft.empty() {
			m.draft = draft{unit: unit{currency: v.Sale.Price.Fiat.Currency}}
			m.draft.calc.digits = strconv.FormatInt(v.Sale.Price.Fiat.Minor, 10)
		}
		m.toAmount()
	case actRest:
		m.rest = true
	case actCustomer:
		m.customer = true
	case actFacts:
		m.customer = false
	case actFlip:
		m.flip = !m.flip
	case actForm:
		m.nextForm(v)
	case actCoin:
		if id, ok := m.nextAsset(v); ok {
			m.busy = acting
			return m.offer(actCoin, v.Sale.ID, id)
		}
		m.say(false, m.p.NoOther)
	case actQuote:
		if q, ok := v.Sale.Quote(); ok {
			m.busy = acting
			return m.offer(actQuote, v.Sale.ID, q.Asset)
		}
	case actCancel:
		m.over = overCancel
	case actDetail:
		return m.toDetail(v.Sale.ID, onSale)
	case actCopy:
		m.say(false, m.p.Copied)
		return tea.SetClipboard(string(m.request(v).Quote.To))
	case actCopyURI:
		m.say(false, m.p.CopiedURI)
		return tea.SetClipboard(m.link(v))
	}
	return nil
}

// nextAsset is the asset after the one that is asked for, of those that can be
// chosen now.
func (m *Model) nextAsset(v pos.View) (chain.AssetID, bool) {
	q, ok := v.Sale.Quote()
	if !ok {
		return "", false
	}
	choices := m.reg.Choices(pos.Draft{ID: v.Sale.ID, Price: v.Sale.Price, By: m.cfg.Actor})
	at := -1
	for i, c := range choices {
		if c.Asset.ID == q.Asset {
			at = i
		}
	}
	for i := 1; i < len(choices); i++ {
		if c := choices[(at+i)%len(choices)]; c.Refusal == nil && c.Asset.ID != q.Asset {
			return c.Asset.ID, true
		}
	}
	return "", false
}

// nextForm turns to the next form that there is room for, or says how much the
// next one needs.
func (m *Model) nextForm(v pos.View) {
	forms, room := m.request(v).Forms, m.codeRoom()
	if len(forms) == 0 {
		return
	}
	shown := m.qr
	if at := slices.IndexFunc(forms, func(f chain.Form) bool { return f.Text == m.code.Text }); at >= 0 {
		shown = at // another one than was asked for, where that had no room
	}
	for i := 1; i < len(forms); i++ {
		at := (shown + i) % len(forms)
		if _, ok := qr.Fit(forms[at:at+1], room.W, room.H, m.codeMode()); ok {
			m.qr = at
			return
		}
	}
	cols, rows := qr.Smallest(forms[(shown+1)%len(forms):][:1])
	frame := m.lay.frame
	m.say(false, sprintf(m.p.FormRoom, frame.W+max(0, cols-room.W), frame.H+max(0, rows-room.H)))
}

func (m *Model) shownForm(v pos.View) chain.Form {
	forms := m.request(v).Forms
	if len(forms) == 0 {
		return chain.Form{}
	}
	return forms[m.qr%len(forms)]
}

// link is what can be opened by a wallet: the form that is shown, or where that
// is an address alone, the first that is more.
func (m *Model) link(v pos.View) string {
	form, forms := m.shownForm(v), m.request(v).Forms
	if at := slices.IndexFunc(forms, func(f chain.Form) bool { return f.Kind != chain.FormAddress }); form.Kind == chain.FormAddress && at >= 0 {
		form = forms[at]
	}
	return form.Text
}

// codeKey is what a drawn code depends on.
type codeKey struct {
	texts      string
	cols, rows int
	mode       qr.Mode
}

// encode keeps the drawn code of the sale on screen up to date. It costs
// nothing while neither the request nor the room changes.
func (m *Model) encode() {
	v, ok := m.view()
	all := m.request(v).Forms
	if !ok || m.at != onSale || len(all) == 0 {
		m.code, m.codeKey = qr.Code{}, codeKey{}
		return
	}
	// The form that was asked for gives way to others where there is no room: any
	// code is better than none, and the facts say what it holds.
	at := m.qr % len(all)
	forms := slices.Concat(all[at:], all[:at])
	room := m.codeRoom()
	var texts strings.Builder
	for _, f := range forms {
		texts.WriteString(f.Text)
		texts.WriteByte(0)
	}
	key := codeKey{texts.String(), room.W, room.H, m.codeMode()}
	if key == m.codeKey {
		return
	}
	m.codeKey = key
	m.code, _ = qr.Fit(forms, room.W, room.H, key.mode)
}

func (m *Model) codeMode() qr.Mode { return qr.ModeFor(m.cfg.Dumb, !m.th.Colour, m.th.Dark) }

// codeRoom is the room for a code on this screen.
func (m *Model) codeRoom() rect {
	switch m.here() {
	case onCustomer, onDisplay:
		return m.lay.customer().code
	case onKioskPay, onKioskEnd:
		return m.lay.kioskPay().code
	}
	code, _ := m.lay.pay()
	if v, _ := m.view(); v.Payout != nil && m.lay.solo {
		code.Y, code.H = code.Y+1, max(0, code.H-1) // below the words that say whose it is
	}
	return code
}

// left is how long the price that is asked still holds.
func (m *Model) left(v pos.View) time.Duration {
	q := v.Pay.Quote
	if q.Deadline.IsZero() {
		var ok bool
		if q, ok = judged(v); !ok {
			return 0
		}
	}
	return q.Deadline.Sub(m.now)
}
