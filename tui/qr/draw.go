package qr

import (
	"strings"

	"github.com/mdp/qrterminal/v3"
)

// Mode is how a terminal can tell dark from light. A QR code is content, not
// decoration: it has to stay readable where colours are not wanted.
type Mode uint8

// The modes. The ones named "on" need to know the terminal's background,
// because they show one of the two with the background itself.
const (
	Colour         Mode = iota // explicit 256-colour black and white
	ReverseOnDark              // NO_COLOR: reverse video only
	ReverseOnLight             // NO_COLOR on a light background
	GlyphsOnDark               // TERM=dumb: no attributes at all
	GlyphsOnLight              // TERM=dumb on a light background
)

// ModeFor chooses the mode of a terminal: dumb knows no attributes, noColour
// must not be sent colours, dark tells what the background is (true where it is
// not known).
func ModeFor(dumb, noColour, dark bool) Mode {
	mode := Colour
	switch {
	case dumb:
		mode = GlyphsOnDark
	case noColour:
		mode = ReverseOnDark
	}
	if mode != Colour && !dark {
		mode++
	}
	return mode
}

// The layout's alphabet: what qrterminal is made to write for a cell of half
// blocks (upper module, lower module) or a pair of cells of whole blocks.
const (
	light     = 'w'
	dark      = 'd'
	lightDark = 'v' // light above dark
	darkLight = '^' // dark above light
)

// ink is how one letter of the alphabet looks: a glyph between a start of
// attributes and, implied, their end.
type ink struct{ attributes, glyph string }

// Type faces do not fill their cells: a glyph that draws ink leaves hairlines,
// which cut the finder patterns of a black-on-white code. So solid cells are
// spaces on a background colour, and mixed cells use the lower half block only,
// whose lower edge is the one that terminals place exactly.
var inks = map[Mode]map[rune]ink{
	Colour: {
		light:     {onPaper, " "},
		lightDark: {onPaper, "▄"},
		dark:      {onInk, " "},
		darkLight: {onInk, "▄"},
	},
	ReverseOnDark: {
		light:     {reverse, " "},
		lightDark: {reverse, "▄"},
		dark:      {"", " "},
		darkLight: {"", "▄"},
	},
	ReverseOnLight: {
		light:     {"", " "},
		lightDark: {"", "▄"},
		dark:      {reverse, " "},
		darkLight: {reverse, "▄"},
	},
	GlyphsOnDark:  {light: {"", "█"}, lightDark: {"", "▀"}, dark: {"", " "}, darkLight: {"", "▄"}},
	GlyphsOnLight: {light: {"", " "}, lightDark: {"", "▄"}, dark: {"", "█"}, darkLight: {"", "▀"}},
}

const (
	onPaper = "\x1b[38;5;16;48;5;231m" // black on white, from the fixed part of the 256 colours
	onInk   = "\x1b[38;5;231;48;5;16m"
	reverse = "\x1b[7m"
	reset   = "\x1b[m"
)

// draw returns the lines of c, or nil if the layout is not of c's size.
func draw(c Code, mode Mode) []string {
	layout := layout(c)
	if len(layout) != c.Rows {
		return nil
	}
	lines := make([]string, len(layout))
	for i, row := range layout {
		if len(row) != c.Cols {
			return nil
		}
		lines[i] = paint(row, inks[mode])
	}
	return lines
}

// layout has c's cells in the alphabet above, one letter per cell.
func layout(c Code) []string {
	var out strings.Builder
	config := qrterminal.Config{Level: c.Level.qr(), Writer: &out, QuietZone: c.Quiet}
	if c.Half {
		config.HalfBlocks = true
		config.WhiteChar, config.BlackChar = string(light), string(dark)
		config.WhiteBlackChar, config.BlackWhiteChar = string(lightDark), string(darkLight)
	} else {
		config.WhiteChar = strings.Repeat(string(light), 2)
		config.BlackChar = strings.Repeat(string(dark), 2)
	}
	qrterminal.GenerateWithConfig(c.Text, config)
	rows := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if c.Half {
		// qrterminal gives the quiet zone half a dark row where it has a row
		// to spare: above an odd one, below an even one.
		odd := len(rows) - 1
		if c.Quiet%2 != 0 {
			odd = 0
		}
		rows[odd] = strings.Repeat(string(light), len(rows[odd]))
	}
	return rows
}

// paint turns one row of letters into cells, with as few attributes as it takes.
func paint(row string, inks map[rune]ink) string {
	var b strings.Builder
	attributes := ""
	for _, letter := range row {
		ink := inks[letter]
		if ink.attributes != attributes {
			if ink.attributes == "" {
				b.WriteString(reset)
			}
			b.WriteString(ink.attributes)
			attributes = ink.attributes
		}
		b.WriteString(ink.glyph)
	}
	if attributes != "" {
		b.WriteString(reset)
	}
	return b.String()
}
