package chaintest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

// Patience is how long the suite waits for something that must happen. It is
// generous: machines are busy, and a client that got stuck is set up again only
// after three quarters of a minute.
const Patience = 3 * time.Minute

// Payment is what a Ledger knows about one payment.
type Payment struct {
	Event   chain.Event   // the one with the highest Rev that says where the payment is
	Proof   chain.Proof   // from the last Seen or Evidence
	History []chain.Event // everything applied, in order
	Fought  bool          // a Conflict was reported
}

// Kind is the payment's present state: Seen, Included, Retracted, Failed or Gone.
func (p Payment) Kind() chain.Kind { return p.Event.Kind }

// Had tells whether an event of kind k was ever applied.
func (p Payment) Had(k chain.Kind) bool {
	return slices.ContainsFunc(p.History, func(e chain.Event) bool { return e.Kind == k })
}

// Fate is what a Ledger does with a batch.
type Fate uint8

// What may become of a batch.
const (
	Commit     Fate = iota
	Fail            // the sink returns an error, nothing is stored: the same batch must come again
	KillBefore      // the process dies before the batch is stored
	KillAfter       // the process dies after it was stored, before the watcher learns of it
)

// ErrRefused is what the sink returns for a batch whose Fate is Fail.
var ErrRefused = errors.New("the ledger refuses this batch, as it was told to")

// Ledger is a sink in memory. It applies events as the register does (per
// payment the highest Rev counts) and fails the test on a broken rule. It
// outlives watchers: its cursor is what a restarted one begins with.
type Ledger struct {
	// Decide, when set before Run, chooses each batch's Fate; n counts from 1.
	Decide func(n int, events []chain.Event) Fate
	// Kill ends the running watcher; Session sets it.
	Kill context.CancelFunc

	t       testing.TB
	network chain.Network

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced after every batch
	busy     bool
	calls    int
	cursor   chain.Cursor
	payments map[chain.PaymentKey]*Payment
	tip      chain.TipState
	health   []chain.Health
	again    []chain.Event // the refused batch that must come again
	broken   error
}

// NewLedger makes an empty ledger for payments on network.
func NewLedger(t testing.TB, network chain.Network) *Ledger {
	return &Ledger{t: t, network: network, changed: make(chan struct{}), payments: map[chain.PaymentKey]*Payment{}}
}

// Sink is the chain.Sink to give to Run.
func (l *Ledger) Sink(ctx context.Context, events []chain.Event, cursor chain.Cursor) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		l.breach("batches must come serially: the sink was called while it was busy")
	}
	l.busy = true
	defer func() {
		l.busy = false
		close(l.changed)
		l.changed = make(chan struct{})
	}()
	if err := ctx.Err(); err != nil {
		return err // a dying watcher may still try; nothing is stored
	}
	l.calls++
	if err := l.check(events, cursor); err != nil {
		l.breach(err.Error() + "\n" + describe(events, cursor))
		return err
	}
	fate := Commit
	if l.Decide != nil {
		fate = l.Decide(l.calls, events)
	}
	switch fate {
	case Fail:
		l.again = slices.Clone(events)
		return ErrRefused
	case KillBefore:
		l.kill()
		return context.Canceled
	}
	l.again = nil
	l.apply(events, cursor)
	if fate == KillAfter {
		l.kill()
		return context.Canceled
	}
	return nil
}

func (l *Ledger) kill() {
	l.again = nil // the batch may be cut differently after a restart
	if l.Kill != nil {
		l.Kill()
	}
}

func (l *Ledger) breach(what string) {
	if l.broken == nil {
		l.broken = errors.New(what)
		l.t.Errorf("delivery rule broken: %s", what)
	}
}

// restarted forgets what only one life of a watcher has to keep.
func (l *Ledger) restarted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = nil
}

// Cursor is the last stored cursor.
func (l *Ledger) Cursor() chain.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

// Tip is the last reported end of the chain.
func (l *Ledger) Tip() chain.TipState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tip
}

// Calls counts the batches so far, refused ones included.
func (l *Ledger) Calls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// Healths lists every reported state of health.
func (l *Ledger) Healths() []chain.Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.health)
}

// At lists the payments to one target, oldest first.
func (l *Ledger) At(to chain.Destination) []Payment {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []Payment
	for _, p := range l.payments {
		if p.Event.Target == to {
			found = append(found, *p)
		}
	}
	slices.SortFunc(found, func(a, b Payment) int {
		return int(a.History[0].Rev) - int(b.History[0].Rev)
	})
	return found
}

// Payments counts all payments that were ever reported.
func (l *Ledger) Payments() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.payments)
}

// Wait blocks until ok, which may use every method of l, holds after a batch,
// and fails the test when that does not happen within Patience.
func (l *Ledger) Wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(Patience)
	for {
		l.mu.Lock()
		next, broken := l.changed, l.broken
		l.mu.Unlock()
		if broken != nil {
			t.Fatalf("waiting for %s: a rule was broken: %v", what, broken)
		}
		if ok() {
			return
		}
		select {
		case <-next:
		case <-time.After(100 * time.Millisecond): // ok may also depend on the clock or on Health
		case <-deadline:
			t.Fatalf("waited %v in vain for %s\n%s", Patience, what, l.String())
		}
	}
}

// String lists what the ledger holds, for failure messages.
func (l *Ledger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "ledger: seq %d, head %d %.16s, %d payments\n", l.cursor.Seq, l.cursor.Head().Height, l.cursor.Head().Hash, len(l.payments))
	n := 0
	for k, p := range l.payments {
		if n++; n > 20 {
			break
		}
		fmt.Fprintf(&b, "  %s -> %s %s in %d:", k, p.Event.Target, p.Kind(), p.Event.Block.Height)
		for _, e := range p.History {
			fmt.Fprintf(&b, " %d:%s", e.Rev, e.Kind)
		}
		b.WriteByte('\n')
	}
	for _, h := range l.health[max(0, len(l.health)-5):] {
		fmt.Fprintf(&b, "  health %s %s %q height %d of %d\n", h.State, h.Code, h.Detail, h.Height, h.Goal)
	}
	return b.String()
}

func describe(events []chain.Event, cursor chain.Cursor) string {
	var b strings.Builder
	for i, e := range events {
		if i == 20 {
			fmt.Fprintf(&b, "  … and %d more\n", len(events)-i)
			break
		}
		fmt.Fprintf(&b, "  %d %s %s block %d %.16s tip %d\n", e.Rev, e.Kind, e.Key, e.Block.Height, e.Block.Hash, e.Tip.Block.Height)
	}
	fmt.Fprintf(&b, "  cursor seq %d head %d %.16s ring of %d", cursor.Seq, cursor.Head().Height, cursor.Head().Hash, len(cursor.Ring))
	return b.String()
}

// apply stores a batch that passed check.
func (l *Ledger) apply(events []chain.Event, cursor chain.Cursor) {
	for _, e := range events {
		switch e.Kind {
		case chain.Tip:
			l.tip = e.Tip
		case chain.HealthChanged:
			l.health = append(l.health, e.Health)
		default:
			place(l.payments, e)
		}
	}
	l.cursor = cursor
}

// place applies one payment event: repetitions (lower or equal Rev) are
// ignored, and Evidence and Conflict say nothing about where the payment is.
func place(payments map[chain.PaymentKey]*Payment, e chain.Event) {
	p := payments[e.Key]
	if p == nil {
		p = &Payment{}
		payments[e.Key] = p
	} else if e.Rev <= p.History[len(p.History)-1].Rev {
		return
	}
	p.History = append(p.History, e)
	switch e.Kind {
	case chain.Evidence:
		p.Proof = e.Evidence
	case chain.Conflict:
		p.Fought = true
		if p.Event.Kind == 0 {
			p.Event = e
		}
	case chain.Seen:
		p.Proof = e.Evidence
		p.Event = e
	default:
		p.Event = e
	}
}
