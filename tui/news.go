package tui

import (
	"fmt"
	"slices"
	"strings"

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

func (m *Model) hasNews() bool { return m.counter() && (len(m.news) > 0 || m.awayFirst()) }

func (m *Model) drawNews() {
	if !m.hasNews() || m.lay.news.H == 0 {
		return
	}
	a := m.area(m.lay.news)
	m.touch(a, 0, 0, a.w(), 1, "tab")
	if m.awayFirst() {
		m.drawAwayNews(a)
		return
	}
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
	if text := m.lateText(v, day); o.Status == pos.Late && ansi.StringWidth(text)+2 < end {
		a.text(1, 0, style, text)
		a.text(end, 0, theme.Dim, look)
		return
	}
	x := a.text(1, 0, style, mark) + 1
	x = a.fit(x, 0, end-x, theme.Strong, words.Number4(v.Sale.Number)) + 2
	for _, part := range []struct {
		st   theme.Style
		text string
	}{{theme.Text, m.priceText(v, true)}, {style, m.w.StatusShort(o)}, {theme.Dim, day}, {style, m.w.Verdict(o.Verdict)}} {
		if part.text != "" && x+ansi.StringWidth(part.text) < end {
			x = a.text(x, 0, part.st, part.text) + 2
		}
	}
	if end > x-2 {
		a.text(end, 0, theme.Dim, look)
	}
}

// lateText is late money in words: whose, how much, when.
func (m *Model) lateText(v pos.View, day string) string {
	if len(v.Payments) == 0 {
		return ""
	}
	p := v.Payments[len(v.Payments)-1]
	got := m.worth(v, p.Amount)
	if got == "" {
		got = m.f.Coin(p.Amount, m.f.Find(p.Asset))
	}
	sale := strings.TrimSpace(words.Number4(v.Sale.Number) + " " + day)
	when := m.w.Day(p.FirstAt, m.now)
	if when != m.p.Today {
		when = sprintf(m.p.OnDay, when)
	}
	return sprintf(m.p.LateNews, m.w.Status(v.Sale.Outcome), sale, got, when)
}
