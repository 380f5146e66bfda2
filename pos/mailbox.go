package pos

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// ErrClosed says that a mailbox or the register behind it was closed.
var ErrClosed = errors.New("the register was closed")

// Mailbox is one subscriber's view of the register: the latest whole View of
// each changed sale. Posting never blocks and never grows beyond one View per
// sale, so a slow terminal slows nobody and misses no final state.
type Mailbox struct {
	mu      sync.Mutex
	changed map[string]news
	posted  uint64 // counts what was put in
	board   Board
	dirty   bool
	closed  bool
	ready   chan struct{} // one slot: something is in the box
	leave   func(*Mailbox)
}

// news is a sale's latest View, with when it was put in.
type news struct {
	View
	order uint64
}

func newMailbox(leave func(*Mailbox)) *Mailbox {
	return &Mailbox{changed: make(map[string]news), ready: make(chan struct{}, 1), leave: leave}
}

// Next waits for news and takes all of it. It fails with the context's error
// or, once closed and empty, with ErrClosed. One caller at a time.
func (m *Mailbox) Next(ctx context.Context) (Update, error) {
	for {
		m.mu.Lock()
		if m.dirty {
			board, changed := m.board, slices.Collect(maps.Values(m.changed))
			clear(m.changed)
			m.dirty = false
			m.mu.Unlock()
			slices.SortFunc(changed, func(a, b news) int { return cmp.Compare(a.order, b.order) })
			u := Update{Board: board, Changed: make([]View, 0, len(changed))}
			for _, n := range changed {
				u.Changed = append(u.Changed, n.View)
			}
			return u, nil
		}
		closed := m.closed
		m.mu.Unlock()
		if closed {
			return Update{}, ErrClosed
		}
		select {
		case <-ctx.Done():
			return Update{}, ctx.Err()
		case <-m.ready:
		}
	}
}

// Close ends the subscription and wakes Next.
func (m *Mailbox) Close() {
	if m.leave != nil {
		m.leave(m)
	}
	m.shut()
}

func (m *Mailbox) shut() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.wake()
}

// post puts views and the board into the box, replacing what was not taken.
func (m *Mailbox) post(board Board, views ...View) {
	m.mu.Lock()
	m.board, m.dirty = board, true
	for _, v := range views {
		m.posted++
		m.changed[v.Sale.ID] = news{v, m.posted}
	}
	m.mu.Unlock()
	m.wake()
}

func (m *Mailbox) wake() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}
