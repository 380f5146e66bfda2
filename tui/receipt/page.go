package receipt

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
)

// page is text of a fixed width.
type page struct {
	b     strings.Builder
	width int
	gap   bool // a blank line is due before the next one
}

func (p *page) line(s string) {
	if p.gap && p.b.Len() > 0 {
		p.b.WriteByte('\n')
	}
	p.gap = false
	p.b.WriteString(strings.TrimRight(s, " "))
	p.b.WriteByte('\n')
}

// rule is a line across the paper.
func (p *page) rule() {
	p.gap = false
	p.line(strings.Repeat("-", p.width))
}

// space asks for a blank line before what comes next, if anything does.
func (p *page) space() { p.gap = true }

// say writes a text from the left edge, on as many lines as it needs.
func (p *page) say(s string) { p.indent(0, s) }

// indent is say with blanks before every line.
func (p *page) indent(by int, s string) {
	for _, l := range wrapped(s, p.width-by) {
		p.line(strings.Repeat(" ", by) + l)
	}
}

func (p *page) center(s string) {
	for _, l := range wrapped(s, p.width) {
		p.line(strings.Repeat(" ", (p.width-ansi.StringWidth(l))/2) + l)
	}
}

// pair writes one text at the left and one at the right edge: on one line where
// both fit, else the right one below. The right one is a number and never cut.
func (p *page) pair(left, right string) {
	lines := wrapped(left, p.width)
	if len(lines) == 0 {
		lines = []string{""}
	}
	for _, l := range lines[:len(lines)-1] {
		p.line(l)
	}
	last := lines[len(lines)-1]
	if gap := p.width - ansi.StringWidth(last) - ansi.StringWidth(right); right == "" || gap >= 1 {
		p.line(last + strings.Repeat(" ", max(gap, 0)) + right)
		return
	}
	if last != "" {
		p.line(last)
	}
	for _, l := range wrapped(right, p.width) {
		p.line(strings.Repeat(" ", p.width-ansi.StringWidth(l)) + l)
	}
}

// wrapped is a text in lines of at most w cells, broken at spaces where there
// are some.
func wrapped(s string, w int) []string {
	if s == "" {
		return nil
	}
	// Words first and then what is longer than a line: Wrap alone breaks at every
	// hyphen, and lets one stand beyond the edge.
	lines := strings.Split(ansi.Hardwrap(ansi.Wordwrap(s, max(w, 2), ""), max(w, 2), false), "\n")
	for i := range lines {
		lines[i] = strings.Trim(lines[i], " ")
	}
	return lines
}

// clean makes what somebody typed safe to print on a line.
func clean(s string) string { return pos.CleanText(s, 200) }
