package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

// A till that nobody touches locks itself, if there is anybody who could unlock
// it. Time is the model's: a terminal that is written to every second is idle all
// the same.

// idled says who could unlock a till that nobody touched since from.
type idled struct {
	from time.Time
	msg  locked
}

// lockIdle asks, once nobody pressed a key for so long, whether to lock.
func (m *Model) lockIdle(now time.Time) tea.Cmd {
	if m.cfg.IdleLock <= 0 || m.reg == nil || m.closed || m.lock.on || m.busy != idle {
		return nil
	}
	if m.keyAt.After(m.idleAt) || m.idleAt.IsZero() {
		m.idleAt = now
		if !m.keyAt.IsZero() {
			m.idleAt = m.keyAt
		}
	}
	if now.Sub(m.idleAt) < m.cfg.IdleLock {
		return nil
	}
	m.idleAt = now // where nobody has a PIN it is asked again after as long
	reg, from := m.reg, m.keyAt
	return m.ask(func(ctx context.Context) tea.Msg {
		list, err := reg.Staff(ctx)
		return idled{from, locked{list, err}}
	})
}

func (m *Model) idled(msg idled) tea.Cmd {
	if msg.msg.err != nil || len(msg.msg.list) == 0 || m.busy != idle || !m.keyAt.Equal(msg.from) {
		return nil
	}
	return m.locked(msg.msg)
}
