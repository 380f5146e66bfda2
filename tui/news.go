package tui

import (
	"fmt"
	"slices"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The row of news: what changed in sales that are not on screen, oldest first.
// It never takes a key other than its own, nor the focus.

// newsworthy tells whether a status of another sale is worth a row. What only
// ends without money is not.
func newsworthy(o pos.Outcome) bool {
	switch o.Status {
	case pos.Awaiting, pos.Expired, pos.Cancelled, pos.Refunded:
		return o.Verdict == pos.AskSupervisor
	}
	return true
}

// tell puts a sale into the news. One that is there already keeps its place.
func (m *Model) tell(v pos.View) {
	if !newsworthy(v.Sale.Outcome) {
		m.looked(v.Sale.ID)
		return
	}
	if !slices.Contains(m.news, v.Sale.ID) {
		m.news = append(m.news, v.Sale.ID)
	}
	m.layout()
}

// looked takes a sale out of the news.
func (m *Model) looked(id string) {
	m.news = slices.DeleteFunc(m.news, func(have string) bool { return have == id })
	m.layout()
}

func (m *Model) hasNews() bool { return len(m.news) > 0 }

func (m *Model) drawNews() {
	if len(m.news) == 0 || m.lay.news.H == 0 {
		return
	}
	a := m.area(m.lay.news)
	v := m.known[m.news[0]]
	o := v.Sale.Outcome
	mark := "[*]"
	switch {
	case trouble(o.Status):
		mark = "[!]"
	case o.Status.Settled():
		mark = "[x]"
	}
	look := m.labelFor(actNews) + " " + m.p.NewsLook
	day := ""
	if trouble(o.Status) {
		look = m.labelFor(actNews) + " " + m.p.NewsTodo
		if d := m.w.Day(v.Sale.CreatedAt, m.now); d != m.p.Today {
			day = sprintf(m.p.OfDay, d)
		}
	}
	if n := len(m.news) - 1; n > 0 {
		look = fmt.Sprintf(m.p.NewsMore, n) + "   " + look
	}
	end := a.w() - 1 - ansi.StringWidth(look)
	style := m.styleOf(o)
	x := a.text(1, 0, style, mark) + 1
	x = a.fit(x, 0, end-x, theme.Strong, words.Number4(v.Sale.Number)) + 2
	for _, part := range []struct {
		st   theme.Style
		text string
	}{{theme.Dim, day}, {theme.Text, m.priceText(v, true)}, {style, m.w.StatusShort(o)}, {style, m.w.Verdict(o.Verdict)}} {
		if part.text != "" && x+ansi.StringWidth(part.text) < end {
			x = a.text(x, 0, part.st, part.text) + 2
		}
	}
	if end > x-2 {
		a.text(end, 0, theme.Dim, look)
	}
}
