package pos_test

import (
	"context"
	"errors"
	"sync"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// bug is a fault that is put into the fakes, to see that the simulation notices.
type bug string

const (
	noBug         bug = ""
	dropsCursor   bug = "the store drops cursors"
	dropsPayment  bug = "the store drops payments"
	dropsOutbox   bug = "the store drops news"
	dropsSale     bug = "the store drops a sale's new state"
	sameRevision  bug = "the watcher does not count revisions"
	backwards     bug = "the watcher reports a batch backwards"
	twoKeys       bug = "the watcher reports a payment under two keys"
	noRetractions bug = "the watcher says nothing of blocks that left"
	noLookups     bug = "the watcher forgets its targets"
)

// mortal is a store whose process can be killed before or after a commit.
type mortal struct {
	pos.Store
	bug    bug
	mu     sync.Mutex
	fail   int  // so many writes fail
	failed bool // one did
	left   int  // so many writes until the end, -1 = never
	after  bool // the last one is committed, but nobody hears of it
	killed bool
	puts   int
}

var errKilled = errors.New("killed")

func (m *mortal) Write(ctx context.Context, fn func(pos.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed {
		return errKilled
	}
	if m.fail > 0 {
		m.fail--
		m.failed = true
		return errors.New("disk full")
	}
	if m.left == 0 {
		m.killed = true
		if m.after {
			_ = m.Store.Write(ctx, fn)
		}
		return errKilled
	}
	m.left = max(-1, m.left-1)
	return m.Store.Write(ctx, func(tx pos.Tx) error { return fn(&sloppy{Tx: tx, m: m}) })
}

// sloppy is a transaction with the faults of a bug.
type sloppy struct {
	pos.Tx
	m *mortal
}

func (s *sloppy) third(b bug) bool {
	if s.m.bug != b {
		return false
	}
	s.m.puts++
	return s.m.puts%3 == 0
}

func (s *sloppy) PutCursor(rail string, c chain.Cursor) error {
	if s.m.bug == dropsCursor {
		return nil
	}
	return s.Tx.PutCursor(rail, c)
}

func (s *sloppy) PutPayment(p pos.Payment) error {
	if s.third(dropsPayment) {
		return nil
	}
	return s.Tx.PutPayment(p)
}

func (s *sloppy) PutSale(sale pos.Sale) error {
	if sale.Outcome.Status != pos.Awaiting && s.third(dropsSale) {
		return nil
	}
	return s.Tx.PutSale(sale)
}

func (s *sloppy) AppendOutbox(c pos.Change) (uint64, error) {
	if s.third(dropsOutbox) {
		return 0, nil
	}
	return s.Tx.AppendOutbox(c)
}
