// Package theme says what the screens' styles mean. A screen asks for Good or
// Dim and never for green or grey, so a theme is one table.
//
// Words carry the state and colour only helps: there is one accent, one colour
// for "hand over" and one for "trouble"; the rest is text, dim text and space.
//
// What may not enter: a screen's layout, a sentence, and any reading of the
// terminal or the environment; whoever runs the program chooses the theme.
package theme

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
)

// Style is what a piece of text means.
type Style uint8

// The styles.
const (
	Text      Style = iota // what is read
	Dim                    // what is looked up only when needed
	Strong                 // what is read first
	Accent                 // what waits for the cashier: amounts being typed, the chosen line
	Key                    // a key's label in the last row
	Good                   // hand over
	Bad                    // trouble
	GoodBadge              // a verdict to be read from two steps away
	BadBadge
	Badge // any other verdict
	Rule  // lines and frames

	// Whole blocks of large letters: the paper has the ink's colour, so that no
	// font leaves hairlines between them.
	AccentBlock
	GoodBlock
	BadBlock
	count
)

// Theme is a table of styles, ready to be written.
type Theme struct {
	Name string
	// Dark tells the QR which way reverse video reads, where there is no colour.
	Dark bool
	// Colour is false where styles are attributes only.
	Colour bool

	basic  palette // for terminals of 16 colours
	styles [count]lipgloss.Style
	open   [count]string
	shut   [count]string
}

// palette is what differs between the coloured themes.
type palette struct {
	dim, accent, good, bad, rule color.Color
}

// Dark is for terminals with a dark background, and the default.
func Dark() Theme {
	return coloured("dark", true, palette{
		dim:    lipgloss.ANSIColor(247),
		accent: lipgloss.ANSIColor(81),
		good:   lipgloss.ANSIColor(77),
		bad:    lipgloss.ANSIColor(209),
		rule:   lipgloss.ANSIColor(241),
	}, palette{
		dim: lipgloss.NoColor{}, rule: lipgloss.BrightBlack, // a console's grey is too dark to read
		accent: lipgloss.BrightCyan, good: lipgloss.BrightGreen, bad: lipgloss.BrightRed,
	})
}

// Light is for terminals with a light background.
func Light() Theme {
	return coloured("light", false, palette{
		dim:    lipgloss.ANSIColor(241),
		accent: lipgloss.ANSIColor(25),
		good:   lipgloss.ANSIColor(22),
		bad:    lipgloss.ANSIColor(124),
		rule:   lipgloss.ANSIColor(245),
	}, palette{
		dim: lipgloss.BrightBlack, rule: lipgloss.BrightBlack, accent: lipgloss.Blue, bad: lipgloss.Red,
		good: lipgloss.NoColor{}, // neither of the two greens can be read on white
	})
}

// Contrast uses the terminal's own strongest colours, for bright rooms, bad
// displays and tired eyes: nothing is dim.
func Contrast(dark bool) Theme {
	p := palette{
		dim: lipgloss.NoColor{}, rule: lipgloss.NoColor{},
		accent: lipgloss.NoColor{}, good: lipgloss.BrightGreen, bad: lipgloss.BrightYellow,
	}
	if !dark {
		p.good, p.bad = lipgloss.ANSIColor(22), lipgloss.ANSIColor(88)
	}
	basic := p
	if !dark {
		basic.good, basic.bad = lipgloss.NoColor{}, lipgloss.Red
	}
	return coloured("contrast", dark, p, basic)
}

// Basic is the theme for a terminal of 16 colours, such as the Linux console:
// chosen among them, where the nearest of the others could not be read.
func (t Theme) Basic() Theme {
	if !t.Colour {
		return t
	}
	return coloured(t.Name, t.Dark, t.basic, t.basic)
}

// Plain has attributes only, for NO_COLOR and for terminals without colours.
func Plain(dark bool) Theme {
	t := Theme{Name: "plain", Dark: dark}
	for s := range count {
		t.set(s, lipgloss.NewStyle())
	}
	bold := lipgloss.NewStyle().Bold(true)
	t.set(Dim, lipgloss.NewStyle().Faint(true))
	t.set(Rule, lipgloss.NewStyle().Faint(true))
	t.set(Strong, bold)
	t.set(Accent, bold)
	t.set(Key, bold)
	t.set(Good, bold)
	t.set(Bad, bold)
	t.set(Badge, bold.Reverse(true))
	t.set(GoodBadge, bold.Reverse(true))
	t.set(BadBadge, bold.Reverse(true))
	t.set(AccentBlock, bold)
	t.set(GoodBlock, bold)
	t.set(BadBlock, bold)
	return t
}

// ByName returns the theme of the configuration's word: "dark", "light",
// "contrast", "plain". dark says what the terminal's background is.
func ByName(name string, dark bool) (Theme, bool) {
	switch name {
	case "dark":
		return Dark(), true
	case "light":
		return Light(), true
	case "contrast":
		return Contrast(dark), true
	case "plain":
		return Plain(dark), true
	case "", "auto":
		return For(dark), true
	}
	return Theme{}, false
}

// For returns the coloured theme for a background.
func For(dark bool) Theme {
	if dark {
		return Dark()
	}
	return Light()
}

func coloured(name string, dark bool, p, basic palette) Theme {
	t := Theme{Name: name, Dark: dark, Colour: true, basic: basic}
	plain := lipgloss.NewStyle()
	bold := plain.Bold(true)
	t.set(Text, plain)
	t.set(Strong, bold)
	t.set(Dim, plain.Foreground(p.dim))
	t.set(Rule, plain.Foreground(p.rule))
	t.set(Accent, bold.Foreground(p.accent))
	t.set(Key, plain.Foreground(p.accent))
	t.set(Good, bold.Foreground(p.good))
	t.set(Bad, bold.Foreground(p.bad))
	// Reverse video survives where colours are dropped on the way.
	t.set(Badge, bold.Reverse(true))
	t.set(GoodBadge, bold.Foreground(p.good).Reverse(true))
	t.set(BadBadge, bold.Foreground(p.bad).Reverse(true))
	// Bold like the letters they are part of: 16-colour terminals show bold as
	// another colour.
	t.set(AccentBlock, bold.Foreground(p.accent).Background(p.accent))
	t.set(GoodBlock, bold.Foreground(p.good).Background(p.good))
	t.set(BadBlock, bold.Foreground(p.bad).Background(p.bad))
	return t
}

func (t *Theme) set(s Style, st lipgloss.Style) {
	t.styles[s] = st
	// What a style writes around a text is found once, so that drawing a frame
	// is appending strings.
	t.open[s], t.shut[s], _ = strings.Cut(st.Render("x"), "x")
}

// Block is the style of whole blocks in a large letter of style s.
func Block(s Style) Style {
	switch s {
	case Accent:
		return AccentBlock
	case Good:
		return GoodBlock
	case Bad:
		return BadBlock
	}
	return s
}

// Render styles a text.
func (t *Theme) Render(s Style, text string) string { return t.styles[s].Render(text) }

// Around is what stands before and after a text of style s on the terminal.
func (t *Theme) Around(s Style) (open, shut string) { return t.open[s], t.shut[s] }
