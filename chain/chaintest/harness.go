package chaintest

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

// Harness is a network of one's own and a way to watch it. Every method fails
// the test itself when it cannot do its work, and returns when the node has
// done it; what the watcher knows by then is not the harness's business.
type Harness interface {
	// Network is what payment keys must carry.
	Network() chain.Network
	// Watcher makes a new watcher on the same network and the same state
	// folder, as after a restart. The one before has ended.
	Watcher(t testing.TB) chain.Watcher
	// Fresh is an address that was never used. It is cheap: a case asks for 10,000.
	Fresh(t testing.TB) chain.Destination
	// Assets lists what can be paid with, at least one.
	Assets() []chain.AssetID
	// Pay sends a transaction to the node, to be mined by the next Mine.
	Pay(t testing.TB, to chain.Destination, asset chain.AssetID, amount chain.Amount) chain.TxID
	// Mine adds n blocks with everything that waits.
	Mine(t testing.TB, n int)
	// Reorg replaces the last depth blocks by depth+1 new ones. With keep the
	// transactions of the lost blocks are mined again in the new branch;
	// without, the new branch does not hold them (they may wait in the mempool,
	// or be lost for ever).
	Reorg(t testing.TB, depth int, keep bool)
	// Height is the node's.
	Height(t testing.TB) uint64
	// Stop takes the node away, Start brings it back with its chain.
	Stop(t testing.TB)
	Start(t testing.TB)
}

// Output is one part of what Batcher pays.
type Output struct {
	To     chain.Destination
	Amount chain.Amount
}

// Batcher is a Harness that can pay several targets in one transaction.
type Batcher interface {
	PayMany(t testing.TB, asset chain.AssetID, outputs ...Output) chain.TxID
}

// Replacer is a Harness that can replace a waiting transaction by one that
// pays somebody else, in the mempool.
type Replacer interface {
	Replace(t testing.TB, tx chain.TxID) (by chain.TxID)
}

// DoubleSpender is a Harness that can mine a block whose transaction spends
// what the waiting tx spends, so that tx can never be mined.
type DoubleSpender interface {
	DoubleSpend(t testing.TB, tx chain.TxID) (by chain.TxID)
}

// Reverter is a Harness that can send a payment that is mined and moves nothing.
type Reverter interface {
	PayInVain(t testing.TB, to chain.Destination, asset chain.AssetID, amount chain.Amount) chain.TxID
}

// Limited is a Harness that cannot do everything asked of it: Skip returns why
// a case (named as in Run, "Reorg/6/lose") is left out, or "".
type Limited interface {
	Skip(name string) string
}

// Session is one life of a watcher that reports to a Ledger.
type Session struct {
	Watcher chain.Watcher
	cancel  context.CancelFunc
	done    chan error
}

// Begin watches targets, starts Run from the ledger's cursor, and returns at
// once. The session ends with the test at the latest.
func Begin(t testing.TB, h Harness, l *Ledger, targets ...chain.Target) *Session {
	t.Helper()
	return BeginWith(t, h, l, Nobody{}, targets...)
}

// BeginWith is Begin with an archive.
func BeginWith(t testing.TB, h Harness, l *Ledger, archive chain.Archive, targets ...chain.Target) *Session {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Session{Watcher: h.Watcher(t), cancel: cancel, done: make(chan error, 1)}
	t.Cleanup(func() { s.End(t) })
	l.restarted()
	l.mu.Lock()
	l.Kill = cancel
	l.mu.Unlock()
	if len(targets) > 0 {
		if err := s.Watcher.Watch(ctx, targets...); err != nil {
			cancel()
			t.Fatalf("Watch before Run: %v", err)
		}
	}
	from := l.Cursor()
	go func() { s.done <- s.Watcher.Run(ctx, from, archive, l.Sink) }()
	return s
}

// BeginReady is Begin, and waits until the watcher has caught up.
func BeginReady(t testing.TB, h Harness, l *Ledger, targets ...chain.Target) *Session {
	t.Helper()
	s := Begin(t, h, l, targets...)
	s.Ready(t, h, l)
	return s
}

// Ready waits until the watcher says so and has reported the node's tip.
func (s *Session) Ready(t testing.TB, h Harness, l *Ledger) {
	t.Helper()
	l.Wait(t, "the watcher to be ready", func() bool {
		s.mustRun(t)
		health := s.Watcher.Health()
		if s.Watcher.Capabilities().Unconfirmed && !health.Unconfirmed {
			return false
		}
		return health.Usable() && l.Tip().Block.Height >= h.Height(t)
	})
}

// mustRun fails the test when Run has ended by itself.
func (s *Session) mustRun(t testing.TB) {
	t.Helper()
	select {
	case err := <-s.done:
		s.done <- err
		t.Fatalf("Run ended by itself: %v", err)
	default:
	}
}

// End cancels Run and waits for its end; a second call does nothing.
func (s *Session) End(t testing.TB) {
	t.Helper()
	s.cancel()
	s.Wait(t)
}

// Wait waits for Run to end after somebody cancelled it.
func (s *Session) Wait(t testing.TB) {
	t.Helper()
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v, not with its context's end", err)
		}
	case <-time.After(Patience):
		t.Errorf("Run did not end %v after its context", Patience)
	}
}

// Nobody is an Archive that knows no address.
type Nobody struct{}

// Owner implements chain.Archive.
func (Nobody) Owner(chain.Destination) (string, bool) { return "", false }

// All implements chain.Archive.
func (Nobody) All() iter.Seq2[string, chain.Destination] {
	return func(func(string, chain.Destination) bool) {}
}

// Shown is an Archive of addresses by their owner's id.
type Shown map[string]chain.Destination

// Owner implements chain.Archive.
func (s Shown) Owner(to chain.Destination) (string, bool) {
	for id, d := range s {
		if d == to {
			return id, true
		}
	}
	return "", false
}

// All implements chain.Archive.
func (s Shown) All() iter.Seq2[string, chain.Destination] {
	return func(yield func(string, chain.Destination) bool) {
		for id, d := range s {
			if !yield(id, d) {
				return
			}
		}
	}
}
