package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
)

// The lock: a screen that shows nothing of the shop until somebody types a PIN,
// and says from then on who stands at the till.

// lock is the state of the locked screen.
type lock struct {
	on    bool
	asked bool // whether anybody has a PIN is being asked
	pin   string
	err   error
}

// askLock locks, if there is anybody who could unlock.
func (m *Model) askLock() tea.Cmd {
	m.busy, m.lock = acting, lock{asked: true}
	reg := m.reg
	return m.ask(func(ctx context.Context) tea.Msg {
		list, err := reg.Staff(ctx)
		return locked{list, err}
	})
}

// locked says who could unlock, unlocked who has.
type (
	locked struct {
		list []pos.Member
		err  error
	}
	unlocked struct {
		who pos.Member
		err error
	}
)

func (m *Model) locked(msg locked) tea.Cmd {
	m.busy, m.lock = idle, lock{}
	switch {
	case msg.err != nil:
		m.say(true, m.w.Error(msg.err))
	case len(msg.list) == 0:
		m.say(true, m.p.LockNobody)
	default:
		m.lock.on = true
		m.over, m.form = overNone, nil
	}
	return m.replay(true)
}

// pressLock takes the keys of the locked screen.
func (m *Model) pressLock(key string) tea.Cmd {
	l := &m.lock
	switch {
	case isDigit(key) && len(l.pin) < mostPIN:
		l.pin += key
	case key == "backspace" && l.pin != "":
		l.pin = l.pin[:len(l.pin)-1]
	case key == "esc":
		l.pin, l.err = "", nil
	case key == "enter" && l.pin != "":
		reg, pin := m.reg, l.pin
		m.busy, l.pin, l.err = acting, "", nil
		return m.ask(func(ctx context.Context) tea.Msg {
			who, err := reg.Identify(ctx, pin)
			return unlocked{who, err}
		})
	}
	return nil
}

func (m *Model) unlocked(msg unlocked) tea.Cmd {
	m.busy, m.now = idle, m.cfg.Clock.Now()
	if msg.err != nil {
		m.queue = nil // the rest of a PIN
		m.lock.err = msg.err
		return m.ring(1)
	}
	m.lock = lock{}
	m.cfg.Actor.Name = msg.who.Name
	m.say(false, sprintf(m.p.LockHello, clean(msg.who.Name, 30)))
	return m.replay(true)
}

func (m *Model) drawLock() {
	a := m.area(m.lay.frame)
	a.center(max(0, a.h()/2-5), theme.Dim, strings.Trim(clean(m.shop.Name, 40)+" · "+clean(m.cfg.Actor.Terminal, 20), " ·"))
	y := max(1, a.h()/2-3)
	if lines := enlarge(m.p.Locked, a.w()-4, hugeHeight); lines != nil {
		for i, l := range lines {
			a.blocks(max(0, (a.w()-widthOf(lines))/2), y+i, theme.Accent, l)
		}
		y += len(lines) + 1
	} else {
		a.center(y, theme.Accent, m.p.Locked)
		y += 2
	}
	a.center(y, theme.Strong, m.p.FieldPIN+"  "+strings.Repeat("•", len(m.lock.pin))+"│")
	if m.lock.err != nil {
		text := sentence(m.w.Error(m.lock.err))
		w := min(ansi.StringWidth(text), a.w()-4)
		a.wrap((a.w()-w)/2, y+2, w, 3, theme.Bad, text)
	} else if m.notice != "" {
		a.center(y+2, theme.Dim, m.notice)
	} else if m.shop.Training {
		a.center(y+2, theme.Dim, sprintf(m.p.TrainingPIN, pos.TrainingPIN))
	}
}
