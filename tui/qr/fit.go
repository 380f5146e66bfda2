package qr

import (
	"strings"

	"github.com/cointill/till/chain"
	"rsc.io/qr"
)

// Level is a code's error correction: how much of it may be unreadable.
type Level string

// The levels in use. M costs one or two sizes more than L and forgives twice
// the damage (15 % against 7 %).
const (
	LevelM Level = "M"
	LevelL Level = "L"
)

func (l Level) qr() qr.Level {
	if l == LevelM {
		return qr.M
	}
	return qr.L
}

// Code is a QR code drawn for a terminal. It is never changed and may be kept;
// draw it once per payload and size, never once per frame.
type Code struct {
	Text  string         // what it holds, exactly
	Kind  chain.FormKind // of the form that Text is
	Lines []string       // Rows strings, each Cols cells wide, each ending with all attributes reset
	Cols  int            // cells, quiet zone included
	Rows  int            // lines, quiet zone included
	Level Level
	Quiet int  // light modules around the code: 4, 2 or 1
	Half  bool // two modules per cell, one above the other; else two cells per module
}

// String is the drawn code, its lines joined by newlines, without one at the end.
func (c Code) String() string { return strings.Join(c.Lines, "\n") }

// IsZero tells whether nothing was drawn.
func (c Code) IsZero() bool { return len(c.Lines) == 0 }

var (
	levels = [...]Level{LevelM, LevelL}
	quiets = [...]int{4, 2, 1}
)

// Fit draws the best code that fits into cols by rows cells. Forms are tried in
// the order given; for each the better correction first, then the wider quiet
// zone, then whole blocks before half blocks. It returns false where nothing
// fits, where there is no form, or where every text is too long for any code
// (2,953 bytes).
func Fit(forms []chain.Form, cols, rows int, mode Mode) (Code, bool) {
	for _, form := range forms {
		for _, level := range levels {
			size, ok := modules(form.Text, level)
			if !ok {
				continue
			}
			for _, quiet := range quiets {
				for _, half := range [...]bool{false, true} {
					w, h := extent(size, quiet, half)
					if w > cols || h > rows {
						continue
					}
					code := Code{
						Text: form.Text, Kind: form.Kind, Cols: w, Rows: h,
						Level: level, Quiet: quiet, Half: half,
					}
					if code.Lines = draw(code, mode); code.Lines != nil {
						return code, true
					}
				}
			}
		}
	}
	return Code{}, false
}

// Smallest is the size in cells of the smallest place in which Fit finds a code
// for any of the forms: what to enlarge a terminal to. It is 0, 0 if there is
// none.
func Smallest(forms []chain.Form) (cols, rows int) {
	for _, form := range forms {
		size, ok := modules(form.Text, LevelL)
		if !ok {
			continue
		}
		w, h := extent(size, quiets[len(quiets)-1], true)
		if cols == 0 || w < cols {
			cols, rows = w, h
		}
	}
	return cols, rows
}

// modules is the number of modules on a side of the code for text.
func modules(text string, level Level) (int, bool) {
	if text == "" {
		return 0, false
	}
	code, err := qr.Encode(text, level.qr())
	if err != nil {
		return 0, false
	}
	return code.Size, true
}

// extent is the size in cells of a drawn code. A code has an odd number of
// modules on a side, so half blocks need one row for the last of them.
func extent(size, quiet int, half bool) (cols, rows int) {
	side := size + 2*quiet
	if half {
		return side, (size+1)/2 + quiet
	}
	return 2 * side, side
}
