package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
)

// An amount far above anything that is sold at a counter is mostly one that was
// typed in another unit than its cashier thought: 800 in Ether for 8.00 in
// euro. It is asked about once more before it is rung up.

// far is what is far above anything usual, about 10,000 in dollars or euro. It is
// judged in coins where it can be: ten thousand of a currency may be a coffee.
const (
	farMinor   = 1_000_000 // smallest units of a currency that has no coin's price
	farPegged  = 12_000    // of a stablecoin
	farBitcoin = 18        // hundredths of a bitcoin
	farEther   = 5         // whole ones
)

// unusual tells whether a draft is worth far more than anything usual.
func (m *Model) unusual(d draft) bool {
	price, ok := d.price()
	if !ok || d.open {
		return false
	}
	for _, c := range m.choices {
		if c.Due.IsZero() {
			continue
		}
		limit := ""
		switch {
		case c.Asset.Par != "":
			limit = fmt.Sprint(farPegged)
		case c.Asset.ID == chain.Bitcoin:
			limit = fmt.Sprintf("0.%02d", farBitcoin)
		case c.Asset.Price == "ETH":
			limit = fmt.Sprint(farEther)
		default:
			continue
		}
		most, err := money.ParseAmount(limit, c.Asset.Decimals)
		return err == nil && c.Due.Cmp(most) > 0
	}
	return price.Fiat.Minor > farMinor
}

// pressSure takes the keys of the question. What else is typed meanwhile waits for
// the answer.
func (m *Model) pressSure(key string) tea.Cmd {
	switch key {
	case "y":
		m.over = overNone
		return m.chargeNow(m.sure)
	case "esc", "n", "enter", "backspace":
		m.over = overNone
		return m.replay(false)
	}
	if len(m.queue) < mostQueued {
		m.queue = append(m.queue, key)
	}
	return nil
}

// drawSure draws the question where the coins stand.
func (m *Model) drawSure() {
	d := m.draft
	text := m.draftText(d)
	if worth := m.draftWorth(d); worth != "" {
		text += ", " + worth
	}
	m.question(m.lay.body, sprintf(m.p.SureAsk, text), m.p.SureNote, m.p.SureYes, m.p.SureNo)
}

// draftWorth is what an amount of a coin is worth in the shop's own currency, ""
// where it is not one or has no price.
func (m *Model) draftWorth(d draft) string {
	price, ok := d.price()
	if !ok || d.unit.currency != "" || m.own() == "" {
		return ""
	}
	r, ok := m.board.Rates[d.unit.asset.ID]
	if !ok || r.IsZero() {
		return ""
	}
	worth, err := money.Worth(price.Amount, r.Rate, d.unit.asset.Decimals, m.own())
	if err != nil {
		return ""
	}
	return m.f.Locale.Fiat(worth)
}

// question draws a question with its two answers in the upper part of r.
func (m *Model) question(r rect, ask, note, yes, no string) {
	if !m.lay.solo {
		r = rect{r.X + 2, r.Y + 1, min(r.W-4, 60), r.H - 1}
	} else {
		r = rect{r.X, r.Y + 1, r.W, r.H - 1}
	}
	rows := 5 // the frame, two blank rows, the answers
	for _, text := range []string{ask, note} {
		rows += min(3, strings.Count(ansi.Wrap(text, max(1, r.W-6), " "), "\n")+1)
	}
	r.H = min(r.H, rows)
	m.clear(r)
	a := m.area(r)
	a.box(theme.Rule)
	in := m.area(r.inset(3, 1))
	y := in.wrap(0, 0, in.w(), 3, theme.Strong, ask)
	y += in.wrap(0, y+1, in.w(), 3, theme.Dim, note) + 2
	m.answers(in, y, yes, no)
}

// answers draws the two ways out of a question.
func (m *Model) answers(a area, y int, yes, no string) {
	x := a.text(0, y, theme.Key, "y")
	x = a.text(x+1, y, theme.Text, yes)
	m.touch(a, 0, y, x, 1, "y")
	from := x + 4
	x = a.text(from, y, theme.Key, "esc")
	x = a.text(x+1, y, theme.Text, no)
	m.touch(a, from, y, x-from, 1, "esc")
}
