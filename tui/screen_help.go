package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/tui/theme"
)

// The help: the keys that work where the person is, made from the key map.

func (m *Model) drawHelp() {
	a := m.area(m.lay.body.inset(2, 0))
	here := m.here()
	type row struct {
		label, text string
		head        bool
	}
	var rows []row
	section := func(title string, pick func(b *binding) bool) {
		at := len(rows)
		have := make(map[string]bool)
		for i := range bindings {
			b := &bindings[i]
			if b.on&here == 0 || (b.demo && m.stage == nil) || !pick(b) || (b.now != nil && !b.now(m)) {
				continue
			}
			_, long := m.w.Key(string(b.act))
			label := m.labelOf(b)
			if have[long] || label == "" {
				continue
			}
			have[long] = true
			rows = append(rows, row{label: label, text: long})
		}
		if len(rows) > at {
			rows = append(rows[:at:at], append([]row{{text: title, head: true}}, rows[at:]...)...)
			rows = append(rows, row{})
		}
	}
	section(m.p.HelpHere, func(b *binding) bool { return b.on != anywhere && !b.demo })
	if text := m.walletHelp(); text != "" {
		rows = append(rows, row{text: m.p.Wallets, head: true}, row{text: text}, row{})
	}
	section(m.p.KeysDemo, func(b *binding) bool { return b.demo })
	section(m.p.KeysAlways, func(b *binding) bool { return b.on == anywhere && !b.demo })

	// Two columns where they fit: the help should be one look.
	cols := 1
	if len(rows) > a.h() && a.w() >= 110 {
		cols = 2
	}
	w, label := a.w()/cols, 0
	for _, r := range rows {
		label = max(label, ansi.StringWidth(r.label)+2)
	}
	var lines []row // with long texts on several rows
	for _, r := range rows {
		for i, text := range strings.Split(ansi.Wrap(r.text, max(8, w-label-1), " "), "\n") {
			if i > 0 {
				r.label = ""
			}
			lines = append(lines, row{r.label, text, r.head})
		}
	}
	per := max(1, a.h())
	m.scroll = max(0, min(m.scroll, len(lines)-cols*per))
	m.more = len(lines)-m.scroll > cols*per
	for i, r := range lines[m.scroll:] {
		x, y := (i/per)*w, i%per
		if i/per >= cols {
			break
		}
		if r.head {
			a.text(x, y, theme.Dim, r.text)
			continue
		}
		a.text(x, y, theme.Key, r.label)
		a.fit(x+label, y, w-label-1, theme.Text, r.text)
	}
}
