package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// nets are a shop's networks, connected for questions alone: what comes in
// meanwhile is left for the next register to find.
type nets struct {
	rails []chain.Rail
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu   sync.Mutex
	seen map[chain.PaymentKey]chain.Event // the newest of each payment to what is watched
}

// startNets connects. Watchers go on where the register's stopped, so that there
// is little to catch up with.
func startNets(ctx context.Context, rails []chain.Rail, books pos.Store) (*nets, error) {
	life, stop := context.WithCancel(ctx)
	n := &nets{rails: rails, stop: stop, seen: make(map[chain.PaymentKey]chain.Event)}
	for _, rail := range rails {
		cursor, err := books.Cursor(ctx, rail.ID())
		if err != nil {
			n.close()
			return nil, err
		}
		n.work.Go(func() { _ = rail.Watcher().Run(life, cursor, emptyArchive{}, n.take) }) // its health says why it ended
	}
	return n, nil
}

func (n *nets) take(_ context.Context, events []chain.Event, _ chain.Cursor) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range events {
		if e.Key.TxID != "" && e.Rev >= n.seen[e.Key].Rev {
			n.seen[e.Key] = e
		}
	}
	return nil
}

// event is the last that was heard of a payment.
func (n *nets) event(key chain.PaymentKey) (chain.Event, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.seen[key]
	return e, ok
}

// settle waits, at most for so long, until every network can be asked, and
// returns those that cannot.
func (n *nets) settle(ctx context.Context, most time.Duration) (away []chain.Rail) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		away = slices.DeleteFunc(slices.Clone(n.rails), func(r chain.Rail) bool { return r.Watcher().Health().Usable() })
		if len(away) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return away
		}
	}
}

func (n *nets) close() {
	if n == nil {
		return
	}
	n.stop()
	n.work.Wait()
}
