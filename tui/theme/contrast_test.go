package theme

import (
	"image/color"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// console is the palette of the Linux console and of most terminals that have
// 16 colours alone.
var console = [16]color.RGBA{
	{0x00, 0x00, 0x00, 255},
	{0xaa, 0x00, 0x00, 255},
	{0x00, 0xaa, 0x00, 255},
	{0xaa, 0x55, 0x00, 255},
	{0x00, 0x00, 0xaa, 255},
	{0xaa, 0x00, 0xaa, 255},
	{0x00, 0xaa, 0xaa, 255},
	{0xaa, 0xaa, 0xaa, 255},
	{0x55, 0x55, 0x55, 255},
	{0xff, 0x55, 0x55, 255},
	{0x55, 0xff, 0x55, 255},
	{0xff, 0xff, 0x55, 255},
	{0x55, 0x55, 0xff, 255},
	{0xff, 0x55, 0xff, 255},
	{0x55, 0xff, 0xff, 255},
	{0xff, 0xff, 0xff, 255},
}

// Usual grounds, and the ink that a terminal has on them by itself.
type ground struct {
	name       string
	paper, ink color.RGBA
}

var (
	darkGrounds = []ground{
		{"black", hex(0x000000), hex(0xd0d0d0)},
		{"a code editor's", hex(0x1e1e1e), hex(0xd4d4d4)},
		{"One Dark", hex(0x282c34), hex(0xabb2bf)},
		{"Solarized dark", hex(0x002b36), hex(0x93a1a1)},
	}
	lightGrounds = []ground{{"white", hex(0xffffff), hex(0x000000)}, {"Solarized light", hex(0xfdf6e3), hex(0x586e75)}, {"grey paper", hex(0xf5f5f5), hex(0x222222)}}
	consoleDark  = []ground{{"the console", console[0], console[7]}}
	consoleLight = []ground{{"the console, white", console[15], console[0]}}
)

func hex(n int) color.RGBA { return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255} }

// least is the contrast that WCAG 2.2 asks for: 4.5:1 of text (1.4.3), 7:1
// where it is meant to be strong (1.4.6); lines only help the eye.
func least(th string, s Style) int64 {
	switch {
	case s == Rule:
		return 20
	case th == "contrast":
		return 70
	}
	return 45
}

// TestContrast measures every style that has a colour against usual grounds, on
// terminals of 16, of 256 and of all colours. What has none is the terminal's
// own ink, which its owner can read.
func TestContrast(t *testing.T) {
	for _, it := range []struct {
		th             Theme
		usual, console []ground
	}{
		{Dark(), darkGrounds, consoleDark},
		{Light(), lightGrounds, consoleLight},
		{Contrast(true), darkGrounds, consoleDark},
		{Contrast(false), lightGrounds, consoleLight},
	} {
		for level, colours := range map[string]struct {
			th      Theme
			rgb     func(color.Color) color.RGBA
			grounds []ground
		}{
			"true colour": {it.th, trueColour, it.usual},
			"256 colours": {it.th, of256, it.usual},
			"16 colours":  {it.th.Basic(), of16, it.console},
		} {
			coloured := 0
			for s := range count {
				st := colours.th.styles[s]
				for _, g := range colours.grounds {
					ink := g.ink
					if fg := st.GetForeground(); fg != (lipgloss.NoColor{}) {
						ink = colours.rgb(fg)
						coloured++
					} else if _, named := st.GetBackground().(lipgloss.NoColor); named {
						continue
					}
					// Reverse video swaps the two, which changes nothing about them; a
					// block's paper is its ink.
					if got := contrast(ink, g.paper); got < least(it.th.Name, s) {
						t.Errorf("%s, %s: style %d has %d.%d:1 on %s, not %d.%d:1", it.th.Name, level, s, got/10, got%10, g.name, least(it.th.Name, s)/10, least(it.th.Name, s)%10)
					}
				}
			}
			if coloured < 3 {
				t.Errorf("%s, %s: only %d styles have a colour; is this measured at all?", it.th.Name, level, coloured)
			}
		}
	}
}

func trueColour(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
}

func of256(c color.Color) color.RGBA { return trueColour(ansi.Convert256(c)) }

// of16 is what the program sends to a terminal of 16 colours, and what that
// makes of it.
func of16(c color.Color) color.RGBA { return console[int(ansi.Convert16(c))%16] }

// contrast is WCAG's contrast ratio of two colours, in tenths.
func contrast(a, b color.RGBA) int64 {
	la, lb := luminance(a), luminance(b)
	return int64((max(la, lb) + 0.05) / (min(la, lb) + 0.05) * 10)
}
