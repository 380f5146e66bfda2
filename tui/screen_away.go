package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// While you were away: what came while the register was closed or cut off, with
// what is to be done about each sale. It opens by itself only where nobody is
// in the middle of something; else it waits in the row of news.

// absence is what the screens know of it.
type absence struct {
	is    *pos.Away
	at    int // the chosen row: the first to be decided, until somebody has moved
	moved bool
	later int  // how many sales it had when it was put off
	from  bool // the sale on screen was opened there
}

func (a absence) sales() []string {
	if a.is == nil {
		return nil
	}
	return a.is.Sales
}

// quiet is how long no key must have been pressed before a screen may open by
// itself.
const quiet = 5 * time.Second

// heed takes what the board says of an absence.
func (m *Model) heed() tea.Cmd {
	if !m.counter() {
		return nil
	}
	was := len(m.away.sales())
	m.away.is = m.board.Away
	n := len(m.away.sales())
	if n == 0 {
		m.awayGone()
		return nil
	}
	m.layout()
	var cmd tea.Cmd
	if n != was {
		cmd = m.fetchAll(m.away.sales())
	}
	now := m.cfg.Clock.Now()
	idleHere := m.at == onAmount && m.lay.class != classTiny && !m.lock.on && m.over == overNone && m.busy == idle && m.draft.empty() && m.parked == nil &&
		len(m.held)+len(m.queue) == 0 && m.openErr == nil
	if idleHere && n > m.away.later && !m.away.is.Until.IsZero() && now.Sub(m.keyAt) >= quiet {
		return tea.Batch(cmd, m.toAway())
	}
	return cmd
}

// fetchAll asks for sales by their ids.
func (m *Model) fetchAll(ids []string) tea.Cmd {
	reg, ids := m.reg, slices.Clone(ids[:min(len(ids), listSize)])
	return m.ask(func(ctx context.Context) tea.Msg {
		var views []pos.View
		for _, id := range ids {
			v, err := reg.View(ctx, id)
			if err != nil {
				return loaded{views, err}
			}
			views = append(views, v)
		}
		return loaded{views, nil}
	})
}

// awayGone forgets an absence that somebody has acknowledged, here or elsewhere.
func (m *Model) awayGone() {
	m.away = absence{}
	if m.at == onAway {
		m.toAmount()
	}
	m.layout()
}

func (m *Model) toAway() tea.Cmd {
	m.remember()
	m.at, m.over, m.away.from, m.away.moved = onAway, overNone, false, false
	m.chooseAway()
	return m.fetchAll(m.away.sales())
}

// chooseAway chooses the first one that has to be decided.
func (m *Model) chooseAway() {
	if m.away.moved {
		return
	}
	m.away.at = max(0, slices.IndexFunc(m.away.sales(), func(id string) bool { return undecided(m.known[id]) }))
}

// leaveAway puts it off: it stays in the row of news until somebody has
// acknowledged it.
func (m *Model) leaveAway() { m.away.later = len(m.away.sales()) }

// undecided tells whether a person has to do something about a sale.
func undecided(v pos.View) bool {
	return trouble(v.Sale.Outcome.Status) || v.Sale.Outcome.Verdict == pos.AskSupervisor
}

// awayFine tells whether nothing of what came has to be decided.
func (m *Model) awayFine() bool {
	return !slices.ContainsFunc(m.away.sales(), func(id string) bool { return undecided(m.known[id]) })
}

// awayFirst tells whether the row of news speaks of the absence.
func (m *Model) awayFirst() bool {
	n := len(m.away.sales())
	return n > 0 && m.at != onAway && !m.away.from && (n > m.away.later || len(m.news) == 0)
}

func (m *Model) doAway(act action) tea.Cmd {
	ids := m.away.sales()
	m.away.moved = true
	switch act {
	case actUp:
		m.away.at = max(0, m.away.at-1)
	case actDown:
		m.away.at = max(0, min(m.away.at+1, len(ids)-1))
	case actShow:
		if m.away.at < len(ids) {
			m.show(ids[m.away.at])
			m.away.from = true
			return m.fetch(ids[m.away.at])
		}
	case actLater:
		m.leaveAway()
		if m.list.back == onSale && m.sale != "" {
			m.at = onSale
			break
		}
		m.toAmount()
	case actSeen:
		m.busy = acting
		reg, by := m.reg, m.cfg.Actor
		return m.ask(func(ctx context.Context) tea.Msg { return done{actSeen, reg.Back(ctx, by)} })
	}
	return nil
}

// moment is a day and a time of day, as people say it.
func (m *Model) moment(t time.Time) string { return m.w.Day(t, m.now) + " " + m.f.Clock(t) }

func (m *Model) drawAway() {
	a := m.area(m.lay.body.inset(m.lay.margin, 0))
	is := m.away.is
	if is == nil {
		return
	}
	c := &column{a: a}
	if m.lay.class == classMedium {
		c.y++
	}
	until := m.moment(is.Until)
	if is.Until.IsZero() {
		until = m.p.AwayStill
	}
	text := sprintf(m.p.AwayTo, until)
	if !is.From.IsZero() {
		text = sprintf(m.p.AwaySpan, m.moment(is.From), until)
	}
	c.say(theme.Dim, text)
	c.gap()
	looked := m.lookedUpTo()
	per := 1
	if a.w() < 72 {
		per = 3
	}
	rows := max(1, (a.h()-c.y-2)/per)
	from := max(0, min(m.away.at-rows/2, len(is.Sales)-rows))
	for i := from; i < len(is.Sales) && i < from+rows; i++ {
		m.touchRow(a, c.y, per, i)
		m.drawAwayRow(a, c.y, m.known[is.Sales[i]], i == m.away.at)
		c.y += per
	}
	c.gap()
	for _, l := range looked {
		c.say(theme.Dim, l)
	}
}

// lookedUpTo says how far each rail has been looked at.
func (m *Model) lookedUpTo() (lines []string) {
	for _, id := range sortedKeys(m.board.Tips) {
		if tip := m.board.Tips[id].Block; !tip.IsZero() {
			lines = append(lines, sprintf(m.p.LookedAt, words.RailOf(m.shop, id), m.f.Height(tip.Height), m.w.Ago(m.now.Sub(tip.Time))))
		}
	}
	return lines
}

func (m *Model) drawAwayRow(a area, y int, v pos.View, chosen bool) {
	style := theme.Text
	if chosen {
		a.text(0, y, theme.Accent, ">")
		style = theme.Strong
	}
	if v.Sale.ID == "" {
		a.text(2, y, theme.Dim, "…")
		return
	}
	todo, todoStyle := m.p.AwayFine, theme.Dim
	if undecided(v) {
		todo, todoStyle = m.p.NewsTodo, theme.Bad
	}
	end := a.right(a.w(), y, todoStyle, todo) - 2
	x := a.text(2, y, style, words.Number4(v.Sale.Number)) + 2
	x += 10
	a.right(x, y, style, ansi.Truncate(m.priceText(v, true), 10, "…"))
	x = a.text(x+2, y, m.styleOf(v.Sale.Outcome), pad(m.w.StatusShort(v.Sale.Outcome), 9)) + 2
	said := m.w.Became(v, m.now)
	if a.w() < 72 {
		a.wrap(8, y+1, a.w()-8, 2, theme.Dim, said)
		return
	}
	a.fit(x, y, end-x, theme.Text, said)
}

// drawAwayNews is the absence in the row of news.
func (m *Model) drawAwayNews(a area) {
	look := m.labelFor(actNews) + " " + m.p.NewsLook
	if n := len(m.news); n > 0 {
		look = strings.TrimSpace(sprintf(m.p.NewsMore, n) + "   " + look)
	}
	end := a.right(a.w()-1, 0, theme.Dim, look) - 2
	style := theme.Strong
	if !m.awayFine() {
		style = theme.Bad
	}
	a.fit(1, 0, end-1, style, sprintf(m.p.AwayNews, len(m.away.sales())))
}
