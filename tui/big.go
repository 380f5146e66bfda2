package tui

import (
	"strings"

	"github.com/cointill/till/tui/theme"
)

// Large letters are drawn from pixels, so that one drawing serves two sizes: a
// small one of half blocks (3 rows) and a big one (5 rows, a pixel being two
// cells wide).

// The heights in rows.
const (
	hugeHeight = 5
	midHeight  = 3
)

// glyphs are drawn 5 pixels high; "#" is ink.
var glyphs = map[rune][5]string{
	'0': {"###", "# #", "# #", "# #", "###"},
	'1': {"## ", " # ", " # ", " # ", "###"},
	'2': {"###", "  #", "###", "#  ", "###"},
	'3': {"###", "  #", " ##", "  #", "###"},
	'4': {"# #", "# #", "###", "  #", "  #"},
	'5': {"###", "#  ", "###", "  #", "###"},
	'6': {"###", "#  ", "###", "# #", "###"},
	'7': {"###", "  #", "  #", " # ", " # "},
	'8': {"###", "# #", "###", "# #", "###"},
	'9': {"###", "# #", "###", "  #", "###"},
	'A': {" ## ", "#  #", "####", "#  #", "#  #"},
	'B': {"### ", "#  #", "### ", "#  #", "### "},
	'C': {" ###", "#   ", "#   ", "#   ", " ###"},
	'D': {"### ", "#  #", "#  #", "#  #", "### "},
	'E': {"###", "#  ", "## ", "#  ", "###"},
	'F': {"###", "#  ", "## ", "#  ", "#  "},
	'G': {" ###", "#   ", "# ##", "#  #", " ###"},
	'H': {"#  #", "#  #", "####", "#  #", "#  #"},
	'I': {"#", "#", "#", "#", "#"},
	'J': {"  #", "  #", "  #", "# #", " # "},
	'K': {"#  #", "# # ", "##  ", "# # ", "#  #"},
	'L': {"#  ", "#  ", "#  ", "#  ", "###"},
	'M': {"#   #", "## ##", "# # #", "#   #", "#   #"},
	'N': {"#  #", "## #", "# ##", "#  #", "#  #"},
	'O': {" ## ", "#  #", "#  #", "#  #", " ## "},
	'P': {"### ", "#  #", "### ", "#   ", "#   "},
	'Q': {" ## ", "#  #", "#  #", "# ##", " ###"},
	'R': {"### ", "#  #", "### ", "# # ", "#  #"},
	'S': {" ###", "#   ", " ## ", "   #", "### "},
	'T': {"###", " # ", " # ", " # ", " # "},
	'U': {"#  #", "#  #", "#  #", "#  #", " ## "},
	'V': {"#   #", "#   #", " # # ", " # # ", "  #  "},
	'W': {"#   #", "#   #", "# # #", "## ##", "#   #"},
	'X': {"#  #", "#  #", " ## ", "#  #", "#  #"},
	'Y': {"# #", "# #", " # ", " # ", " # "},
	'Z': {"####", "   #", " ## ", "#   ", "####"},
	'Ä': {"#  #", " ## ", "#  #", "####", "#  #"},
	'Ö': {"#  #", " ## ", "#  #", "#  #", " ## "},
	'Ü': {"#  #", "    ", "#  #", "#  #", " ## "},
	'.': {" ", " ", " ", " ", "#"},
	',': {"  ", "  ", "  ", " #", "# "},
	'-': {"  ", "  ", "##", "  ", "  "},
	'/': {"  #", "  #", " # ", "#  ", "#  "},
	' ': {" ", " ", " ", " ", " "},
	// Separators of thousands in several languages.
	'\u00a0': {" ", " ", " ", " ", " "},
	'\u202f': {" ", " ", " ", " ", " "},
	'\'':     {"#", "#", " ", " ", " "},
	'’':      {"#", "#", " ", " ", " "},
}

// pixels returns the five rows of a text, one byte per pixel, and false where a
// letter has no drawing.
func pixels(s string) (rows [5]string, ok bool) {
	for i, r := range []rune(s) {
		g, known := glyphs[r]
		if !known {
			return rows, false
		}
		for y := range rows {
			if i > 0 {
				rows[y] += " "
			}
			rows[y] += g[y]
		}
	}
	return rows, s != ""
}

// drawHalf returns s in 3 rows of half blocks, one column a pixel.
func drawHalf(s string) ([]string, bool) {
	p, ok := pixels(s)
	if !ok {
		return nil, false
	}
	lines := make([]string, midHeight)
	for y := range lines {
		var b strings.Builder
		for x := range len(p[0]) {
			up, down := p[2*y][x] == '#', 2*y+1 < len(p) && p[min(2*y+1, 4)][x] == '#'
			switch {
			case up && down:
				b.WriteRune('█')
			case up:
				b.WriteRune('▀')
			case down:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		lines[y] = b.String()
	}
	return lines, true
}

// drawHuge returns s with pixels of two columns by one row, times scale, and
// gap columns between letters.
func drawHuge(s string, scale, gap int) []string {
	var lines []string
	ink, blank := strings.Repeat("██", scale), strings.Repeat("  ", scale)
	for y := range hugeHeight {
		var b strings.Builder
		for i, r := range []rune(s) {
			g, known := glyphs[r]
			if !known {
				return nil
			}
			if i > 0 {
				b.WriteString(strings.Repeat(" ", gap))
			}
			for _, px := range g[y] {
				if px == '#' {
					b.WriteString(ink)
				} else {
					b.WriteString(blank)
				}
			}
		}
		for range scale {
			lines = append(lines, b.String())
		}
	}
	return lines
}

// blocks draws a row of a large text.
func (a area) blocks(x, y int, st theme.Style, line string) {
	for _, r := range line {
		switch r {
		case '█':
			a.put(x, y, theme.Block(st), "█", 1)
		case ' ':
		default:
			a.put(x, y, st, string(r), 1)
		}
		x++
	}
}

// band fills three rows with a word in reverse video: what stands instead of
// large letters where they have no room.
func (a area) band(y int, st theme.Style, s string) {
	spaced := strings.Join(strings.Split(s, ""), " ")
	if len([]rune(spaced)) > a.w() {
		spaced = s
	}
	for i := range midHeight {
		a.text(0, y+i, st, strings.Repeat(" ", a.w()))
	}
	a.center(y+1, st, spaced)
}

// enlarge returns s drawn as large as w by h cells allow, nil if not at all.
func enlarge(s string, w, h int) []string {
	for _, size := range [...]struct{ scale, gap int }{{2, 4}, {1, 2}, {1, 1}} {
		if lines := drawHuge(s, size.scale, size.gap); s != "" && len(lines) <= h && lines != nil && widthOf(lines) <= w {
			return lines
		}
	}
	if lines, ok := drawHalf(s); ok && h >= midHeight && widthOf(lines) <= w {
		return lines
	}
	return nil
}

func widthOf(lines []string) int {
	if len(lines) == 0 {
		return 0
	}
	return len([]rune(lines[0])) // blocks and blanks are one cell each
}
