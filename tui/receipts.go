package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// Receipts: a key where a sale has ended, and in its detail. The second one of a
// sale that this screen prints says that it is a copy.

// printed answers a receipt.
type printed struct {
	id    string
	again bool
	err   error
}

// canPrint tells whether there is a printer, and a sale to print.
func (m *Model) canPrint() bool {
	_, ok := m.onPaper()
	return ok && m.cfg.Printer != nil
}

// onPaper is the sale that a receipt would be of.
func (m *Model) onPaper() (pos.View, bool) {
	if m.at == onDetail {
		v, ok := m.known[m.list.detail]
		return v, ok
	}
	return m.view()
}

// printIt prints the sale on screen, unless its receipt is on the way already.
func (m *Model) printIt() tea.Cmd {
	v, ok := m.onPaper()
	id := v.Sale.ID
	if !ok || m.printing[id] {
		return nil
	}
	if m.printing == nil {
		m.printing, m.papers = make(map[string]bool), make(map[string]bool)
	}
	m.printing[id] = true
	m.say(false, m.p.Printing)
	printer, again := m.cfg.Printer, m.papers[id]
	return m.ask(func(ctx context.Context) tea.Msg { return printed{id, again, printer.Print(ctx, v, again)} })
}

func (m *Model) printed(msg printed) tea.Cmd {
	delete(m.printing, msg.id)
	if msg.err != nil {
		m.say(true, sprintf(m.p.NotPrinted, m.w.Error(msg.err)))
		return m.ring(1)
	}
	m.papers[msg.id] = true
	text := m.p.Printed
	if msg.again {
		text = m.p.PrintedCopy
	}
	m.say(false, sprintf(text, words.Number4(m.known[msg.id].Sale.Number)))
	return nil
}
