package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
)

// canvas is one frame: exactly w by h cells. Whatever is drawn outside is cut,
// so no screen can break the frame.
type canvas struct {
	w, h  int
	cells []cell
}

// cell is one cell. A wide glyph stands in its first cell; the second is taken.
type cell struct {
	text  string // one grapheme; "" = blank
	style theme.Style
	taken bool // belongs to the glyph or block to its left
	block bool // text is a drawn line and brings its own attributes
}

// blank tells whether nothing is to be seen of a cell.
func (c cell) blank() bool {
	switch {
	case c.block || c.taken || (c.text != "" && c.text != " "):
		return false
	case c.style == theme.Badge, c.style == theme.GoodBadge, c.style == theme.BadBadge:
		return c.text == ""
	}
	return true
}

// resize clears the canvas for a new frame and keeps its memory.
func (c *canvas) resize(w, h int) {
	w, h = max(w, 0), max(h, 0)
	if n := w * h; cap(c.cells) < n {
		c.cells = make([]cell, n)
	} else {
		c.cells = c.cells[:n]
		clear(c.cells)
	}
	c.w, c.h = w, h
}

// String is the frame: h lines without trailing blanks, joined by newlines.
func (c *canvas) String(th *theme.Theme) string {
	var b strings.Builder
	b.Grow(len(c.cells) + 16*c.h)
	for y := range c.h {
		if y > 0 {
			b.WriteByte('\n')
		}
		c.writeRow(&b, c.cells[y*c.w:(y+1)*c.w], th)
	}
	return b.String()
}

func (c *canvas) writeRow(b *strings.Builder, row []cell, th *theme.Theme) {
	end := len(row)
	for end > 0 && row[end-1].blank() {
		end--
	}
	shut := ""
	style, styled := theme.Text, false
	for _, it := range row[:end] {
		if it.taken {
			continue
		}
		if it.block || !styled || it.style != style {
			b.WriteString(shut)
			shut, styled = "", false
		}
		if it.block {
			b.WriteString(it.text)
			continue
		}
		if !styled {
			var open string
			open, shut = th.Around(it.style)
			b.WriteString(open)
			style, styled = it.style, true
		}
		if it.text == "" {
			b.WriteByte(' ')
		} else {
			b.WriteString(it.text)
		}
	}
	b.WriteString(shut)
}

// area is a rectangle of a canvas with its own origin. Parts are handed an area
// and cannot draw outside it.
type area struct {
	c *canvas
	r rect
}

func (a area) w() int { return a.r.W }
func (a area) h() int { return a.r.H }

// sub is a part of a, cut to a.
func (a area) sub(x, y, w, h int) area {
	r := rect{a.r.X + x, a.r.Y + y, w, h}
	return area{a.c, r.cut(a.r)}
}

// text draws s at x, y and returns the column behind it. What does not fit is
// cut off.
func (a area) text(x, y int, st theme.Style, s string) int {
	if y < 0 || y >= a.r.H {
		return x + ansi.StringWidth(s)
	}
	for s != "" {
		g, w := grapheme(s)
		s = s[len(g):]
		if w == 0 {
			continue
		}
		a.put(x, y, st, g, w)
		x += w
	}
	return x
}

func (a area) put(x, y int, st theme.Style, g string, w int) {
	if x < 0 || x+w > a.r.W || y < 0 || y >= a.r.H {
		return
	}
	cx, cy := a.r.X+x, a.r.Y+y
	if cx < 0 || cy < 0 || cx+w > a.c.w || cy >= a.c.h {
		return
	}
	at := cy*a.c.w + cx
	a.c.cells[at] = cell{text: g, style: st}
	for i := 1; i < w; i++ {
		a.c.cells[at+i] = cell{style: st, taken: true}
	}
}

// grapheme cuts the first grapheme off s, with its width in cells. Printable
// ASCII, which is nearly everything, takes the short way.
func grapheme(s string) (string, int) {
	if s[0] >= 0x20 && s[0] < 0x7f && (len(s) == 1 || s[1] < 0x80) {
		return s[:1], 1
	}
	if s[0] < 0x20 || s[0] == 0x7f {
		return s[:1], 0
	}
	return ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
}

// fit draws s at x, y within w cells, with "…" where it had to be cut.
func (a area) fit(x, y, w int, st theme.Style, s string) int {
	return a.text(x, y, st, ansi.Truncate(s, max(0, min(w, a.r.W-x)), "…"))
}

// right draws s so that it ends before column x.
func (a area) right(x, y int, st theme.Style, s string) int {
	from := x - ansi.StringWidth(s)
	a.text(from, y, st, s)
	return from
}

// center draws s in the middle of the area, or from its left edge if it is too wide.
func (a area) center(y int, st theme.Style, s string) {
	s = ansi.Truncate(s, a.r.W, "…")
	a.text(max(0, (a.r.W-ansi.StringWidth(s))/2), y, st, s)
}

// badge draws s with a blank on either side, and returns the column behind it.
func (a area) badge(x, y int, st theme.Style, s string) int {
	return a.text(x, y, st, " "+s+" ")
}

// wrap draws s on as many rows as it needs, at most rows, and returns how many
// it took.
func (a area) wrap(x, y, w, rows int, st theme.Style, s string) int {
	w = min(w, a.r.W-x)
	if w < 1 || s == "" {
		return 0
	}
	lines := strings.Split(ansi.Wrap(s, w, " "), "\n")
	if len(lines) > rows {
		lines = lines[:max(rows, 0)]
	}
	for i, line := range lines {
		a.fit(x, y+i, w, st, strings.TrimRight(line, " "))
	}
	return len(lines)
}

// block puts a drawn line of w cells, which brings its own attributes, at x, y.
// It is left out whole where it does not fit: half a QR code is none.
func (a area) block(x, y, w int, line string) {
	cx, cy := a.r.X+x, a.r.Y+y
	if x < 0 || y < 0 || x+w > a.r.W || y >= a.r.H || cx+w > a.c.w || cy >= a.c.h || w < 1 {
		return
	}
	at := cy*a.c.w + cx
	a.c.cells[at] = cell{text: line, block: true}
	for i := 1; i < w; i++ {
		a.c.cells[at+i] = cell{taken: true, block: true}
	}
}

// clean makes a text from outside safe to draw on one row.
func clean(s string, most int) string {
	return ansi.Truncate(pos.CleanText(s, 4*most), most, "…")
}
