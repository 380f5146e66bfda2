package tui

import (
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/tui/theme"
)

// Where the money is worthless every screen says so, whoever draws it: nobody may
// hand over goods for practice money, or take real money for it.

// badge is what every screen of this shop says, "" = nothing.
func (m *Model) badge() string {
	switch {
	case m.shop.Training:
		return m.p.Training
	case m.shop.Testnet:
		return m.p.Testnet
	}
	return ""
}

// mark puts the badge on a frame that has none yet: where nothing is, and never
// on a code.
func (m *Model) mark() {
	text := m.badge()
	if text == "" || m.frame.badged(text) {
		return
	}
	w := ansi.StringWidth(text) + 2
	right, last := m.frame.w-w, m.frame.h-1
	rows := []int{0, last}
	for y := 1; y < last; y++ {
		rows = append(rows, y)
	}
	a := m.area(m.lay.frame)
	for _, y := range rows {
		for _, x := range []int{0, right} {
			if m.frame.free(x, y, w) {
				a.badge(x, y, theme.Badge, text)
				return
			}
		}
	}
	// A window as small as this is full of words: the last of them have to go.
	if m.frame.free(0, last, 0) {
		a.badge(0, last, theme.Badge, text)
	}
}

// badged tells whether a badge stands on the frame.
func (c *canvas) badged(text string) bool {
	n := len([]rune(text))
	for y := range c.h {
		row := c.cells[y*c.w : (y+1)*c.w]
		for x := 0; x+n <= len(row); x++ {
			got := ""
			for _, it := range row[x : x+n] {
				if it.style != theme.Badge || it.block {
					break
				}
				got += it.text
			}
			if got == text {
				return true
			}
		}
	}
	return false
}

// free tells whether w cells from x on are blank; of none, whether x is not part
// of a drawn line.
func (c *canvas) free(x, y, w int) bool {
	if x < 0 || y < 0 || y >= c.h || x+max(w, 1) > c.w {
		return false
	}
	for _, it := range c.cells[y*c.w+x : y*c.w+x+w] {
		if !it.blank() {
			return false
		}
	}
	return !c.cells[y*c.w+x].block
}
