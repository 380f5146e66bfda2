package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// saleList is the list of sales: what was asked and what is chosen. The rows
// are read from what is known, so that they move by themselves.
type saleList struct {
	ids    []string        // newest first
	at     int             // the chosen row
	field  textinput.Model // what is looked for; it has the keys while it has the focus
	asked  int             // number of the last question, so that an old answer is dropped
	full   bool            // there may be more
	done   bool            // an answer came
	back   place           // where esc goes
	detail string          // the sale of the detail screen
	told   []pos.Entry     // all that was written down about it
	from   place           // where the detail screen was opened

	money   bool     // opened by the key that asks where money is
	want    bool     // a network may be asked: the text is whole
	sought  string   // what the networks were asked about last
	looking bool     // they have not answered yet
	sights  []string // what they say
}

const mostSearch = 80

func (m *Model) listed(msg listed) tea.Cmd {
	if msg.asked != m.list.asked {
		return nil
	}
	m.take(msg.err, msg.views...)
	m.list.done, m.list.full = true, msg.full
	if !msg.more {
		m.list.ids, m.list.at = nil, 0
	}
	for _, v := range msg.views {
		m.list.add(v.Sale.ID)
	}
	return m.lookUp()
}

func (l *saleList) add(id string) {
	if !slices.Contains(l.ids, id) {
		l.ids = append(l.ids, id)
	}
}

// arrived puts a new sale on top of the list of all sales.
func (l *saleList) arrived(m *Model, v pos.View) {
	if m.at != onSales || !l.done || l.field.Value() != "" || slices.Contains(l.ids, v.Sale.ID) {
		return
	}
	if len(l.ids) == 0 || v.Sale.Number > m.known[l.ids[0]].Sale.Number {
		l.ids = slices.Insert(l.ids, 0, v.Sale.ID)
		if l.at > 0 {
			l.at++ // the chosen one stays chosen
		}
	}
}

// newField is the search field. Only its editing is used: the canvas draws it.
func newField() textinput.Model {
	field := textinput.New()
	field.CharLimit = mostSearch
	return field
}

// typing tells whether the search field has the keys.
func (l *saleList) typing() bool { return l.field.Focused() }

// editing are the keys with which the field is edited, beside characters.
var editing = map[string]tea.KeyPressMsg{
	"backspace": {Code: tea.KeyBackspace},
	"delete":    {Code: tea.KeyDelete},
	"left":      {Code: tea.KeyLeft},
	"right":     {Code: tea.KeyRight},
	"home":      {Code: tea.KeyHome},
	"end":       {Code: tea.KeyEnd},
	"space":     {Code: tea.KeySpace, Text: " "},
	"ctrl+a":    {Code: 'a', Mod: tea.ModCtrl},
	"ctrl+e":    {Code: 'e', Mod: tea.ModCtrl},
	"ctrl+k":    {Code: 'k', Mod: tea.ModCtrl},
	"ctrl+u":    {Code: 'u', Mod: tea.ModCtrl},
	"ctrl+w":    {Code: 'w', Mod: tea.ModCtrl},
}

// pressSearch takes the keys of the search field.
func (m *Model) pressSearch(key string) tea.Cmd {
	switch key {
	case "enter", "up", "down":
		m.list.field.Blur()
		m.list.want = true
		if key == "down" {
			return m.do(actDown, key, onSales)
		}
		return m.lookUp()
	case "esc":
		m.list.field.Blur()
		if m.list.field.Value() == "" {
			return nil
		}
		m.list.field.SetValue("")
		return m.find(false)
	}
	if !edit(&m.list.field, key) {
		return nil
	}
	m.list.want = false
	return m.find(false)
}

// edit puts one key into a field, and tells whether its text changed.
func edit(field *textinput.Model, key string) bool {
	msg, known := editing[key]
	if !known {
		if ansi.StringWidth(key) != 1 && len([]rune(key)) != 1 {
			return false // a named key such as f5
		}
		msg = tea.KeyPressMsg{Code: []rune(key)[0], Text: key}
	}
	before := field.Value()
	*field, _ = field.Update(msg) // its command would blink a cursor that is not drawn
	return field.Value() != before
}

// doList is what keys do on the list, the detail and the health screen.
func (m *Model) doList(act action, here place) tea.Cmd {
	switch act {
	case actShut:
		switch {
		case here == onDetail && m.list.from == onSale:
			m.at = onSale
		case here == onDetail:
			m.at = onSales
		case m.list.back == onSale && m.sale != "":
			m.at = onSale
		default:
			m.toAmount()
		}
	case actSearch:
		m.list.field.Focus()
	case actShow:
		if here == onDetail {
			m.show(m.list.detail)
			return m.fetch(m.list.detail)
		}
		if m.list.at < len(m.list.ids) {
			return m.toDetail(m.list.ids[m.list.at], onSales)
		}
	case actUp, actDown:
		step := 1
		if act == actUp {
			step = -1
		}
		if here != onSales {
			m.scroll = max(0, m.scroll+step)
			return nil
		}
		m.list.at = max(0, min(m.list.at+step, len(m.list.ids)-1))
		if m.list.full && m.list.at == len(m.list.ids)-1 {
			m.list.full = false
			return m.find(true)
		}
	}
	return nil
}

func (m *Model) drawSales() {
	a := m.area(m.lay.body.inset(m.lay.margin, 0))
	x := a.text(0, 0, theme.Dim, m.p.Search) + 1
	switch {
	case m.list.typing():
		text := []rune(m.list.field.Value())
		at := m.list.field.Position()
		x = a.fit(x, 0, a.w()-x-1, theme.Strong, tail(string(text[:at]), a.w()-x-1))
		x = a.text(x, 0, theme.Accent, "│")
		a.fit(x, 0, a.w()-x, theme.Strong, string(text[at:]))
	case m.list.field.Value() != "":
		a.fit(x, 0, a.w()-x, theme.Strong, m.list.field.Value())
	default:
		a.fit(x, 0, a.w()-x, theme.Dim, m.p.SearchHint)
	}
	if len(m.list.ids) == 0 {
		if m.list.done {
			m.drawNothing(a.sub(0, 2, a.w(), a.h()-2))
		}
		return
	}
	if len(m.list.sights) > 0 && m.list.sought == sought(m.list.field.Value()) {
		a = a.sub(0, m.sayNetworks(&column{a: a.sub(0, 2, a.w(), 6)})+1, a.w(), a.h())
	}
	rows := max(1, a.h()-2)
	from := max(0, min(m.list.at-rows/2, len(m.list.ids)-rows))
	for i := from; i < len(m.list.ids) && i < from+rows; i++ {
		m.touchRow(a, i-from+2, 1, i)
		m.drawSaleRow(a, i-from+2, m.known[m.list.ids[i]], i == m.list.at)
	}
}

// drawNothing is said where no sale fits: what the networks know, or what could
// be looked for.
func (m *Model) drawNothing(a area) {
	c, text := &column{a: a}, sought(m.list.field.Value())
	switch {
	case text == "":
		c.say(theme.Dim, m.p.NoSales)
		return
	case m.list.sought != text:
		c.say(theme.Dim, m.p.NoMatch)
		if onChain(text) {
			c.say(theme.Dim, m.p.AskNetwork)
		}
		return
	}
	c.say(theme.Text, m.p.NotOurs)
	c.gap()
	if m.list.looking {
		c.say(theme.Dim, m.p.Asking)
		return
	}
	m.sayNetworks(c)
}

// sayNetworks writes what the networks say, and returns how many rows it took.
func (m *Model) sayNetworks(c *column) int {
	for _, s := range m.list.sights {
		c.say(theme.Text, s)
	}
	return c.y
}

// tail is the end of s that fits w cells: what is being typed stays in sight.
func tail(s string, w int) string {
	if over := ansi.StringWidth(s) - w; over > 0 {
		return ansi.TruncateLeft(s, over+1, "…")
	}
	return s
}

func (m *Model) drawSaleRow(a area, y int, v pos.View, chosen bool) {
	style := theme.Text
	if chosen {
		a.text(0, y, theme.Accent, ">")
		style = theme.Strong
	}
	x := a.text(2, y, style, words.Number4(v.Sale.Number)) + 2
	status := m.w.StatusShort(v.Sale.Outcome)
	if a.w() < 60 {
		x += 10
		a.right(x, y, style, ansi.Truncate(m.priceText(v, false), 10, "…"))
		a.fit(x+1, y, a.w()-x-1, m.styleOf(v.Sale.Outcome), status)
		return
	}
	day := m.w.Day(v.Sale.CreatedAt, m.now)
	if day == m.p.Today {
		day = ""
	}
	a.fit(x, y, 11, theme.Dim, day)
	x = a.text(x+12, y, theme.Dim, m.f.Clock(v.Sale.CreatedAt)) + 1
	x += 14
	a.right(x, y, style, ansi.Truncate(m.priceText(v, true), 14, "…"))
	x = a.text(x+2, y, m.styleOf(v.Sale.Outcome), pad(status, 11))
	symbol := clean(m.asset(v).Symbol, 11)
	x = a.text(x, y, theme.Dim, pad(symbol, 6))
	who := clean(v.Sale.Cashier, 16)
	if ref := clean(v.Sale.Reference, 40); ref != "" {
		who = strings.TrimSpace(ref + "  " + who)
	}
	a.fit(x, y, a.w()-x, theme.Dim, who)
}

func pad(s string, w int) string {
	if n := w - ansi.StringWidth(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}
