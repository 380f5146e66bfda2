package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The detail screen: one sale with everything that happened to it, in order.

// entry is one row of a timeline.
type entry struct {
	at    time.Time
	style theme.Style
	text  string
}

func (m *Model) drawDetail() {
	a := m.area(m.lay.body.inset(m.lay.margin, 0))
	v, ok := m.known[m.list.detail]
	if !ok {
		a.text(0, 0, theme.Dim, m.p.NoSales)
		return
	}
	rows := m.detailRows(v, a.w())
	m.scroll = max(0, min(m.scroll, len(rows)-a.h()))
	m.more = len(rows)-m.scroll > a.h()
	for i, r := range rows[m.scroll:] {
		if i >= a.h() {
			break
		}
		r(a, i)
	}
}

// detailRows is the whole page, as one function a row.
func (m *Model) detailRows(v pos.View, w int) []func(a area, y int) {
	var rows []func(area, int)
	add := func(f func(a area, y int)) { rows = append(rows, f) }
	blank := func() { add(func(area, int) {}) }
	say := func(st theme.Style, text string) {
		for _, l := range strings.Split(ansi.Wrap(text, max(1, w), " "), "\n") {
			add(func(a area, y int) { a.fit(0, y, a.w(), st, l) })
		}
	}
	fact := func(name, text string) {
		if text == "" {
			return
		}
		lines := strings.Split(ansi.Wrap(text, max(8, w-14), " "), "\n")
		for i, l := range lines {
			add(func(a area, y int) {
				if i == 0 {
					a.fit(0, y, 12, theme.Dim, name)
				}
				a.fit(13, y, a.w()-13, theme.Text, l)
			})
		}
	}
	o, asset := v.Sale.Outcome, m.asset(v)
	head, status, verdict := m.p.Sale+" "+words.Number4(v.Sale.Number)+"   "+m.priceText(v, true), m.w.Status(o), m.w.Verdict(o.Verdict)
	beside := ansi.StringWidth(head+status+verdict)+6 <= w
	add(func(a area, y int) {
		x := a.text(0, y, theme.Strong, head) + 3
		x = a.fit(x, y, a.w()-x, m.styleOf(o), status) + 3
		if beside {
			a.text(x, y, m.styleOf(o), verdict)
		}
	})
	if !beside {
		say(m.styleOf(o), verdict)
	}
	say(theme.Text, sentence(m.w.Became(v, m.now)))
	if why := m.w.Reason(o.Reason, asset); !strings.Contains(m.w.Became(v, m.now), why) {
		say(theme.Text, sentence(why))
	}
	for _, n := range o.Notes {
		say(theme.Bad, m.w.Reason(n, asset))
	}
	blank()
	fact(m.p.Code, clean(v.Sale.Code, 12))
	by := clean(v.Sale.Cashier, 30)
	if t := clean(v.Sale.Terminal, 30); t != "" {
		by = strings.Trim(by+", "+t, ", ")
	}
	fact(m.p.By, by)
	fact(m.p.Reference, clean(v.Sale.Reference, 120))
	fact(m.p.Note, clean(v.Sale.Note, 200))
	for i, l := range v.Sale.Lines {
		name := ""
		if i == 0 {
			name = m.p.Lines
		}
		text := m.f.Locale.Fiat(l.Each)
		if l.Count > 1 {
			text = strconv.FormatInt(l.Count, 10) + " × " + text
		}
		fact(name, strings.TrimSpace(text+"  "+clean(l.Name, 40)))
	}
	for _, ad := range v.Sale.Addresses {
		fact(m.p.Address, words.Groups(string(ad.To)))
		fact(m.p.Path, ad.Path)
	}
	blank()
	say(theme.Dim, m.p.Timeline)
	day := ""
	for _, e := range m.timeline(v) {
		if d := m.w.Day(e.at, m.now); d != day {
			day = d
			if d != m.p.Today || len(rows) > 0 && day != m.p.Today {
				say(theme.Dim, d)
			}
		}
		lines := strings.Split(ansi.Wrap(e.text, max(8, w-11), " "), "\n")
		for i, l := range lines {
			add(func(a area, y int) {
				if i == 0 {
					a.text(0, y, theme.Dim, m.f.Seconds(e.at))
				}
				a.fit(10, y, a.w()-10, e.style, l)
			})
		}
	}
	return rows
}

// timeline is what happened to a sale, oldest first: as it was written down, or,
// until that is read, as it can be told from the sale itself.
func (m *Model) timeline(v pos.View) []entry {
	if len(m.list.told) > 0 && m.list.detail == v.Sale.ID {
		return m.chronicle(v)
	}
	list := []entry{{v.Sale.CreatedAt, theme.Text, m.p.Rang}}
	for _, q := range v.Sale.Quotes {
		asset := m.f.Find(q.Asset)
		due := m.p.AnyAmount
		if !q.Due.IsZero() {
			due = m.f.Coin(q.Due, asset)
		}
		text := fmt.Sprintf(m.p.Quoted, due, m.f.Clock(q.Deadline))
		if !q.Rate.IsZero() && q.Rate.State != pos.RatePar {
			text += ", " + m.p.At + " " + m.f.Locale.Rate(q.Rate.Rate, q.Currency)
		}
		list = append(list, entry{q.At, theme.Text, text})
	}
	for _, p := range v.Payments {
		text := m.w.Payment(p) + "  " + m.p.Transaction(p.Key)
		if proof := m.w.Proof(p.Proof); proof != "" && p.State == pos.Unconfirmed {
			text += ", " + proof
		}
		style := theme.Strong
		if !p.Live() {
			style = theme.Bad
		}
		list = append(list, entry{p.FirstAt, style, text})
	}
	for _, act := range v.Sale.Acts {
		list = append(list, entry{act.At, theme.Text, m.w.Act(act)})
	}
	if !v.Sale.ClosedAt.IsZero() {
		list = append(list, entry{v.Sale.ClosedAt, m.styleOf(v.Sale.Outcome), m.w.Status(v.Sale.Outcome)})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.at.Compare(b.at) })
	return list
}

// chronicle is the sale's part of the journal.
func (m *Model) chronicle(v pos.View) []entry {
	var list []entry
	for _, e := range m.list.told {
		text := clean(m.w.Entry(e, v.Sale), 600)
		if text == "" {
			continue
		}
		style := theme.Text
		switch e.Kind {
		case pos.EntryIncident:
			style = theme.Bad
		case pos.EntryAct, pos.EntryOutcome:
			style = theme.Strong
		}
		list = append(list, entry{e.At, style, text})
	}
	return list
}
