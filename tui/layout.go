package tui

// rect is a rectangle of cells.
type rect struct{ X, Y, W, H int }

// cut is the part of r that lies in b.
func (r rect) cut(b rect) rect {
	x, y := max(r.X, b.X), max(r.Y, b.Y)
	w := min(r.X+r.W, b.X+b.W) - x
	h := min(r.Y+r.H, b.Y+b.H) - y
	return rect{x, y, max(w, 0), max(h, 0)}
}

// class is how much room there is.
type class uint8

const (
	classTiny   class = iota // a QR code will not fit; amount and address as text
	classSmall               // one column; QR or text
	classMedium              // 80x24: QR left, facts right
	classLarge               // whole-block QR, larger letters, open sales beside it
)

// The largest frame that is drawn: a terminal that claims more gets this much,
// so a client cannot make till paint a hundred million cells.
const (
	mostCols = 400
	mostRows = 150
)

// What the classes begin at.
const (
	smallCols, smallRows   = 28, 10
	mediumCols, mediumRows = 60, 22
	largeCols, largeRows   = 120, 40
)

// twoColumns is what a code and facts that can be read need beside each other.
const twoColumns = 74

// layout is where everything of a frame is.
type layout struct {
	class  class
	frame  rect
	header rect // one row
	body   rect // the screen's own
	news   rect // one row, or none
	footer rect // one row

	// Two columns of the body, where there are two: what is worked on at the
	// left, what is looked at beside it.
	main, side rect
	margin     int  // blank columns at the frame's sides
	solo       bool // a code stands alone, and the facts are its other side
}

func classOf(w, h int) class {
	switch {
	case w < smallCols || h < smallRows:
		return classTiny
	case w < mediumCols || h < mediumRows:
		return classSmall
	case w < largeCols || h < largeRows:
		return classMedium
	}
	return classLarge
}

// lay computes the rectangles of a frame of w by h cells. A header and a footer
// take a row each; the row of news is part of the body while there are none.
func lay(w, h int, news bool) layout {
	w, h = min(max(w, 0), mostCols), min(max(h, 0), mostRows)
	l := layout{class: classOf(w, h), frame: rect{0, 0, w, h}}
	l.margin = 1
	if l.class == classLarge {
		l.margin = 2
	}
	l.solo = l.class <= classSmall || w < twoColumns
	if l.class == classTiny {
		l.body = l.frame
		l.main = l.body
		return l
	}
	l.header = rect{0, 0, w, 1}
	l.footer = rect{0, h - 1, w, 1}
	top, bottom := 1, h-1
	if l.class == classLarge {
		l.header = rect{0, 1, w, 1}
		l.footer = rect{0, h - 2, w, 1}
		top, bottom = 3, h-2
	}
	if news {
		bottom--
		l.news = rect{0, bottom, w, 1}
	}
	l.body = rect{0, top, w, bottom - top}
	l.main, l.side = l.body, rect{}
	return l
}

// columns splits the body for the amount screen: the sale at the left, the open
// sales at the right.
func (l layout) columns() (main, side rect) {
	if l.class < classMedium {
		return l.body, rect{}
	}
	w := 26 // "any amount" beside any status
	if l.class == classLarge {
		w = min(52, l.body.W/3)
	}
	main = rect{l.body.X, l.body.Y, l.body.W - w, l.body.H}
	side = rect{l.body.X + main.W, l.body.Y, w, l.body.H}
	return main, side
}

// pay splits the body for the pay screen: the code at the left in as many
// columns as the best code may take, the facts at the right.
func (l layout) pay() (code, facts rect) {
	switch {
	case l.class == classTiny:
		return rect{}, l.frame
	case l.solo:
		// The code stands alone above one row.
		h := max(l.frame.H-1, 0)
		return rect{0, 0, l.frame.W, h}, rect{0, h, l.frame.W, l.frame.H - h}
	}
	least := 36 // columns that the facts need
	if l.class == classLarge {
		least = 64
	}
	w := min(l.body.W-least, l.body.H*2+4)
	if l.class == classMedium {
		w = min(max(w, 41), 44)
	}
	code = rect{l.body.X, l.body.Y, w, l.body.H}
	facts = rect{l.body.X + w, l.body.Y, l.body.W - w, l.body.H}
	return code, facts
}

// inset is r without a margin of x columns and y rows on every side.
func (r rect) inset(x, y int) rect {
	return rect{r.X + x, r.Y + y, max(r.W-2*x, 0), max(r.H-2*y, 0)}
}

// middle is the rectangle of w by h in the middle of r, cut to r.
func (r rect) middle(w, h int) rect {
	w, h = min(w, r.W), min(h, r.H)
	return rect{r.X + (r.W-w)/2, r.Y + (r.H-h)/2, w, h}
}
