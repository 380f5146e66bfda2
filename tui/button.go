package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/tui/theme"
)

// What can be clicked or touched. Whatever is drawn says itself which key it
// stands for, so that a click is a key press and nothing else; the boxes are
// those of the frame that is on screen.

// hit is a rectangle of the frame and the key that it stands for, or the row of a
// list that it is.
type hit struct {
	r   rect
	key string
	row int // where key is ""
}

// touch makes a rectangle of an area stand for a key.
func (m *Model) touch(a area, x, y, w, h int, key string) {
	if key != "" {
		m.hit(a, rect{x, y, w, h}, hit{key: key})
	}
}

// touchRow makes a rectangle of an area the row of a list.
func (m *Model) touchRow(a area, y, h, row int) {
	m.hit(a, rect{0, y, a.w(), h}, hit{row: row})
}

func (m *Model) hit(a area, r rect, h hit) {
	h.r = rect{a.r.X + r.X, a.r.Y + r.Y, r.W, r.H}.cut(a.r).cut(m.lay.frame)
	if h.r.W > 0 && h.r.H > 0 {
		m.hits = append(m.hits, h)
	}
}

// hitAt is what is drawn at a cell, the topmost first.
func (m *Model) hitAt(x, y int) (hit, bool) {
	for i := len(m.hits) - 1; i >= 0; i-- {
		if r := m.hits[i].r; x >= r.X && x < r.X+r.W && y >= r.Y && y < r.Y+r.H {
			return m.hits[i], true
		}
	}
	return hit{}, false
}

// button draws a box with a label in its middle, and below it a smaller text.
func (m *Model) button(r rect, key string, edge, st theme.Style, label, below string) {
	a := m.area(r)
	if a.h() < 1 || a.w() < 2 {
		return
	}
	m.touch(a, 0, 0, a.w(), a.h(), key)
	if a.h() < 3 || a.w() < 5 {
		a.center(a.h()/2, st, ansi.Truncate("["+label+"]", a.w(), ""))
		return
	}
	a.box(edge)
	in := a.sub(1, 1, a.w()-2, a.h()-2)
	if below == "" || in.h() < 2 {
		if below != "" && ansi.StringWidth(label)+2+ansi.StringWidth(below) <= in.w() {
			label += "  " + below
		}
		in.center((in.h()-1)/2, st, label)
		return
	}
	y := (in.h() - 2) / 2
	in.center(y, st, label)
	in.center(y+1, theme.Dim, below)
}

// bigButton is a button whose label is drawn large where it has room.
func (m *Model) bigButton(r rect, key string, edge, st theme.Style, label string) {
	a := m.area(r)
	lines := enlarge(label, a.w()-4, a.h()-2)
	if len(lines) < midHeight {
		m.button(r, key, edge, st, label, "")
		return
	}
	m.button(r, key, edge, st, "", "")
	for i, l := range lines {
		a.blocks((a.w()-widthOf(lines))/2, (a.h()-len(lines))/2+i, st, l)
	}
}

// cellOf is the i-th of cols by rows equal rectangles of r.
func (r rect) cellOf(i, cols, rows, gap int) rect {
	if cols < 1 || rows < 1 {
		return rect{}
	}
	w, h := (r.W-(cols-1)*gap)/cols, r.H/rows
	return rect{r.X + (i%cols)*(w+gap), r.Y + (i/cols)*h, max(w, 0), max(h, 0)}
}

// spaced sets a word with blanks between its letters, where it has room.
func spaced(s string, w int) string {
	if wide := strings.Join(strings.Split(s, ""), " "); ansi.StringWidth(wide) <= w {
		return wide
	}
	return s
}

// upper is a name in capitals.
func upper(s string) string { return strings.ToUpper(s) }
