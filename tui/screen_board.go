package tui

import (
	"cmp"
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The board: numbers of sales whose money was seen, and of those that are ready,
// for a TV in the shop. No amounts, no names, no trouble: whoever is in trouble
// is spoken to, not shown to the room.

// boardKeeps is how long a number that is ready stays.
const boardKeeps = 15 * time.Minute

// loadBoard fetches what was paid lately and what is open.
func (m *Model) loadBoard() tea.Cmd {
	reg, since := m.reg, m.now.Add(-boardKeeps-time.Hour)
	return m.ask(func(ctx context.Context) tea.Msg {
		var all []pos.View
		for _, status := range []pos.Status{pos.Seen, pos.Confirming, pos.Paid, pos.Overpaid, pos.Accepted} {
			q := pos.Query{Status: status, Limit: listSize}
			if status.Settled() {
				q.From, q.Until = since, since.Add(24*time.Hour)
			}
			views, err := reg.Views(ctx, q)
			all = append(all, views...)
			if err != nil {
				return loaded{all, err}
			}
		}
		return loaded{all, nil}
	})
}

// readyAt is when the goods became the customer's.
func readyAt(v pos.View) time.Time {
	if !v.Sale.ClosedAt.IsZero() {
		return v.Sale.ClosedAt
	}
	at := v.Sale.CreatedAt
	for _, p := range v.Payments {
		if p.FirstAt.After(at) {
			at = p.FirstAt
		}
	}
	return at
}

// numbers are what the board shows: in progress the oldest first, ready the
// newest first.
func (m *Model) numbers() (working, ready []pos.View) {
	for _, v := range m.known {
		o := v.Sale.Outcome
		switch {
		case undecided(v):
		case o.Verdict == pos.HandOver && pending(o.Status):
			ready = append(ready, v)
		case o.Status.Settled():
			if m.now.Sub(readyAt(v)) < boardKeeps {
				ready = append(ready, v)
			}
		case o.Status == pos.Seen, o.Status == pos.Confirming:
			working = append(working, v)
		}
	}
	slices.SortFunc(working, func(a, b pos.View) int { return cmp.Compare(a.Sale.Number, b.Sale.Number) })
	slices.SortFunc(ready, func(a, b pos.View) int {
		return cmp.Or(readyAt(b).Compare(readyAt(a)), cmp.Compare(b.Sale.Number, a.Sale.Number))
	})
	return working, ready
}

func (m *Model) drawBoard() {
	f := m.lay.frame
	if m.lay.class == classLarge {
		f = f.inset(4, 1)
	}
	a := m.area(f)
	a.center(0, theme.Dim, clean(m.shop.Name, 40))
	if m.shop.Training {
		a.badge(0, 0, theme.Badge, m.p.Training)
	}
	working, ready := m.numbers()
	half := (f.W - 3) / 2
	top := min(2, max(0, f.H-8)+1)
	large := f.H-top >= 16
	for _, title := range []string{m.p.BoardWorking, m.p.BoardReady} { // both, or neither
		large = large && enlarge(title, half-2, midHeight) != nil
	}
	m.boardColumn(rect{f.X, f.Y + top, half, f.H - top}, m.p.BoardWorking, large, theme.Text, working)
	m.boardColumn(rect{f.X + f.W - half, f.Y + top, half, f.H - top}, m.p.BoardReady, large, theme.Good, ready)
	for y := top; y < f.H; y++ {
		a.text(f.W/2, y, theme.Rule, "│")
	}
	if m.notice != "" {
		m.drawNotice(m.area(rect{f.X, f.Y + f.H - 1, f.W, 1}))
	}
}

// boardColumn draws a heading and its numbers, as large as all of them fit.
func (m *Model) boardColumn(r rect, title string, large bool, st theme.Style, list []pos.View) {
	a := m.area(r)
	if lines := enlarge(title, a.w()-2, midHeight); large {
		for i, l := range lines {
			a.blocks((a.w()-widthOf(lines))/2, i, st, l)
		}
		a = a.sub(0, len(lines)+1, a.w(), a.h()-len(lines)-1)
	} else {
		a.center(0, st, spaced(title, a.w()))
		a = a.sub(0, 2, a.w(), a.h()-2)
	}
	if len(list) == 0 || a.h() < 1 {
		return
	}
	texts := make([]string, len(list))
	wide := 0
	for i, v := range list {
		texts[i] = words.Number4(v.Sale.Number)
		wide = max(wide, len(texts[i]))
	}
	for _, size := range [...]struct{ w, h int }{{4, 2 * hugeHeight}, {3, hugeHeight}, {2, midHeight}, {1, 1}} {
		draw := func(s string) []string {
			switch size.h {
			case 2 * hugeHeight:
				return drawHuge(s, 2, 4)
			case hugeHeight:
				return drawHuge(s, 1, 2)
			case midHeight:
				lines, _ := drawHalf(s)
				return lines
			}
			return []string{s}
		}
		gap := 1
		if size.h == 1 {
			gap = 0
		}
		cell := widthOf(draw(texts[0]))
		for _, t := range texts {
			cell = max(cell, widthOf(draw(t)))
		}
		between := 2 * size.w
		cols, rows := (a.w()+between)/(cell+between), (a.h()+gap)/(size.h+gap)
		if size.h > 1 && cols*rows < len(list) {
			continue
		}
		if cols < 1 || rows < 1 {
			return
		}
		cols = min(cols, len(list))
		left := (a.w() - cols*(cell+between) + between) / 2
		for i, t := range texts {
			if i/cols >= rows {
				break
			}
			x, y := left+(i%cols)*(cell+between), (i/cols)*(size.h+gap)
			if i/cols == rows-1 && i%cols == cols-1 && i < len(texts)-1 {
				a.text(x, y, theme.Dim, ansi.Truncate(sprintf(m.p.NewsMore, len(texts)-i), cell+between, ""))
				break
			}
			if size.h == 1 {
				a.text(x, y, st, t)
				continue
			}
			for j, l := range draw(t) {
				a.blocks(x, y+j, st, l)
			}
		}
		return
	}
}
