package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// How long a command may wait. Nothing is lost when it gives up: a sale keeps
// its id, and the register goes on.
const (
	patience = 20 * time.Second
	listSize = 100
)

// What commands answer.
type (
	ticked time.Time
	heard  struct {
		update pos.Update
		err    error
	}
	loaded struct {
		views []pos.View
		err   error
	}
	opened struct {
		draft draft
		view  pos.View
		err   error
	}
	acted struct {
		what action
		view pos.View
		err  error
	}
	fetched struct {
		view pos.View
		err  error
	}
	listed struct {
		asked int // which question this answers
		more  bool
		full  bool // there may be more
		views []pos.View
		err   error
	}
	played struct{ err error }
	rung   struct{ left int }
)

// tick waits for the next second. It is the only clock of the screens.
func (m *Model) tick() tea.Cmd {
	clock, ctx := m.cfg.Clock, m.ctx
	return func() tea.Msg {
		now := clock.Now()
		ch, stop := clock.After(now.Truncate(time.Second).Add(time.Second).Sub(now))
		defer stop()
		select {
		case <-ch:
			return ticked(clock.Now())
		case <-ctx.Done():
			return nil
		}
	}
}

// listen waits for the next news of the register.
func (m *Model) listen() tea.Cmd {
	box, ctx := m.box, m.ctx
	if box == nil {
		return nil
	}
	return func() tea.Msg {
		u, err := box.Next(ctx)
		if ctx.Err() != nil {
			box.Close() // the terminal is gone
			return nil
		}
		return heard{u, err}
	}
}

// ask runs a call to the register with a deadline.
func (m *Model) ask(f func(context.Context) tea.Msg) tea.Cmd {
	ctx := m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return f(ctx)
	}
}

// load fetches the open sales, however old they are.
func (m *Model) load() tea.Cmd {
	reg := m.reg
	switch {
	case m.cfg.Role == Board:
		return m.loadBoard()
	case !m.counter():
		return nil // what is not its own is none of its business
	}
	return m.ask(func(ctx context.Context) tea.Msg {
		var all []pos.View
		for _, status := range openStatuses {
			views, err := reg.Views(ctx, pos.Query{Status: status, Limit: listSize})
			all = append(all, views...)
			if err != nil {
				return loaded{all, err}
			}
		}
		return loaded{all, nil}
	})
}

// openStatuses are those that are not closed, the most urgent first.
var openStatuses = []pos.Status{
	pos.Disputed, pos.Late, pos.Underpaid, pos.RefundDue, pos.Seen, pos.Confirming, pos.Partial, pos.Awaiting,
}

func (m *Model) openSale(d draft, asset chain.AssetID) tea.Cmd {
	reg, sale := m.reg, d.sale(m.cfg.Actor)
	return m.ask(func(ctx context.Context) tea.Msg {
		v, err := reg.Open(ctx, sale, asset)
		return opened{d, v, err}
	})
}

func (m *Model) offer(what action, id string, asset chain.AssetID) tea.Cmd {
	reg, by := m.reg, m.cfg.Actor
	return m.ask(func(ctx context.Context) tea.Msg {
		v, err := reg.Offer(ctx, id, asset, by)
		return acted{what, v, err}
	})
}

// deed asks for an act of a person.
func (m *Model) deed(what action, id string, d pos.Deed) tea.Cmd {
	reg := m.reg
	return m.ask(func(ctx context.Context) tea.Msg {
		v, err := reg.Act(ctx, id, d)
		return acted{what, v, err}
	})
}

func (m *Model) cancelSale(id string) tea.Cmd {
	reg, by := m.reg, m.cfg.Actor
	return m.ask(func(ctx context.Context) tea.Msg {
		v, err := reg.Cancel(ctx, id, by)
		return acted{actCancel, v, err}
	})
}

func (m *Model) fetch(id string) tea.Cmd {
	reg := m.reg
	if reg == nil {
		return nil
	}
	return m.ask(func(ctx context.Context) tea.Msg {
		v, err := reg.View(ctx, id)
		return fetched{v, err}
	})
}

// find asks for the sales of the list, or for the next page of it.
func (m *Model) find(more bool) tea.Cmd {
	reg := m.reg
	if reg == nil {
		return nil
	}
	m.list.asked++
	asked, q := m.list.asked, pos.Query{Text: sought(m.list.field.Value()), Limit: listSize}
	if n := len(m.list.ids); more && n > 0 {
		q.Before = m.known[m.list.ids[n-1]].Sale.Number
	}
	f, sifted := m.filterOf(q.Text)
	return m.ask(func(ctx context.Context) tea.Msg {
		if sifted {
			views, full, err := sift(ctx, reg, q, f)
			if err != nil || more || len(views) > 0 {
				return listed{asked: asked, more: more, full: full, views: views, err: err}
			}
		}
		views, err := reg.Views(ctx, q) // a reference may be called like a day
		return listed{asked: asked, more: more, full: len(views) == listSize, views: views, err: err}
	})
}

func (m *Model) perform(f func(context.Context) error) tea.Cmd {
	return m.ask(func(ctx context.Context) tea.Msg { return played{f(ctx)} })
}

// The bell: two short for paid, one for trouble. A terminal has no long one: many
// without a gap between them are what comes nearest.
const (
	bellGap  = 180 * time.Millisecond
	alarmGap = 60 * time.Millisecond
	alarm    = 20 // so many bells, for money that went away after the goods did
)

func (m *Model) ring(times int) tea.Cmd {
	if m.cfg.Quiet || times < 1 {
		return nil
	}
	clock, ctx := m.cfg.Clock, m.ctx
	return tea.Batch(tea.Raw("\a"), func() tea.Msg {
		if times == 1 {
			return nil
		}
		gap := bellGap
		if times > 2 {
			gap = alarmGap
		}
		ch, stop := clock.After(gap)
		defer stop()
		select {
		case <-ch:
			return rung{times - 1}
		case <-ctx.Done():
			return nil
		}
	})
}
