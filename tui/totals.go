package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos/money"
)

// What was taken today, in a row of the amount screen: only for a supervisor, or
// where the shop wants it there (screen.show_totals). Else it stands behind a
// key, because the queue reads along.

// totals is today added up.
type totals struct {
	sheet daySheet
	done  bool
	dirty bool // something was sold since
	asked bool // it is being added up
	next  time.Time
}

// totalsEvery is how often today is added up again at most.
const totalsEvery = 10 * time.Second

// summedUp answers sumUp.
type summedUp struct {
	sheet daySheet
	err   error
}

func (m *Model) showsTotals() bool {
	return m.counter() && (m.cfg.ShowTotals || m.cfg.Role == Supervisor)
}

// sumUp adds today up, where it is shown and something has changed.
func (m *Model) sumUp() tea.Cmd {
	t := &m.today
	if !m.showsTotals() || m.reg == nil || t.asked || t.done && !t.dirty || m.now.Before(t.next) {
		return nil
	}
	t.asked, t.dirty, t.next = true, false, m.now.Add(totalsEvery)
	reg := m.reg
	from, until := m.dayOf(0)
	return m.ask(func(ctx context.Context) tea.Msg {
		sheet, err := addUp(ctx, reg, from, until)
		return summedUp{sheet, err}
	})
}

func (m *Model) summedUp(msg summedUp) {
	m.today.asked = false
	if msg.err == nil {
		m.today.sheet, m.today.done = msg.sheet, true
	}
}

// totalsText is today in a row, "" where it is not shown.
func (m *Model) totalsText() string {
	if !m.showsTotals() || !m.today.done {
		return ""
	}
	d := m.today.sheet
	parts := []string{sprintf(m.p.TotalsToday, d.paid)}
	for _, cur := range sortedKeys(d.fiat) {
		parts = append(parts, m.f.Locale.Fiat(money.Of(d.fiat[cur], cur)))
	}
	return strings.Join(parts, "   ")
}
