package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cointill/till/chain"
)

// Way is one way to watch among several.
type Way struct {
	Name    string // for people: "p2p", "core", a server's host
	Watcher chain.Watcher
	// Helper says that this way fills gaps and is compared with, but that no
	// confirmation ever stands on its word.
	Helper bool
	// Cold gives it the archive: a server would learn every address ever shown.
	Cold bool
}

// MultiConfig joins several ways, the most trusted first.
type MultiConfig struct {
	Network chain.Network
	File    string // what has to survive a restart, beside the ways' own folders
	Ways    []Way
	Now     func() time.Time
	Logger  *slog.Logger
}

// Multi watches one network in several ways at once. What waits is reported as
// soon as one of them sees it, with what all of them know. What is in blocks
// stands on the word of one, the lead: the most trusted that is well. Where
// another one contradicts it, blocks above their last common one do not count as
// agreed on, and Health says so.
//
// Each way runs by itself and reports to a view in memory. One function
// (reconcile) compares the views with what was delivered and delivers the
// difference, so changing the lead is no special case.
type Multi struct {
	cfg     MultiConfig
	log     *slog.Logger
	settle  time.Duration // a lead must be ill, a better one well, for so long
	grace   time.Duration // two ways may differ for so long
	tick    time.Duration
	mu      sync.Mutex // of everything below, and while the sink is called
	views   []*view
	lead    int
	out     delivered
	seq     uint64
	waiting []chain.Event // delivered, but refused by the sink so far
	stored  multiState    // what the register has, as it stands in the file …
	saved   *multiState   // … and what it has once waiting is stored
	told    chain.Health
	refused bool
	running bool

	healthMu sync.Mutex
	health   chain.Health
}

var _ chain.Watcher = (*Multi)(nil)

// NewMulti checks cfg and makes a watcher of all its ways.
func NewMulti(cfg MultiConfig) (*Multi, error) {
	if len(cfg.Ways) == 0 || cfg.Ways[0].Helper {
		return nil, errors.New("watching Bitcoin needs a way that confirmations can stand on: name one")
	}
	if cfg.File == "" {
		return nil, errors.New("watching Bitcoin in several ways needs a file for what has to survive: name one")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Multi{cfg: cfg, log: cfg.Logger, settle: 5 * time.Second, grace: time.Minute, tick: 500 * time.Millisecond}
	m.health = cfg.Ways[0].Watcher.Health()
	return m, nil
}

// Run implements chain.Watcher.
func (m *Multi) Run(ctx context.Context, from chain.Cursor, archive chain.Archive, sink chain.Sink) error {
	m.mu.Lock()
	if m.running {
		m.mu.Unlock()
		return errors.New("these Bitcoin watchers run already")
	}
	m.running = true
	state, err := loadMulti(m.cfg.File, from.Seq)
	if err != nil {
		m.log.Warn("What several ways of watching had seen cannot be read; it is found again in the blocks to come", "reason", err)
	}
	m.out = delivered{ring: from.Ring, pays: state.payments(m.cfg.Network)}
	m.stored, m.saved = state, nil
	m.seq, m.lead, m.waiting, m.told, m.refused = from.Seq, 0, nil, chain.Health{}, false
	m.views = make([]*view, len(m.cfg.Ways))
	for i, way := range m.cfg.Ways {
		m.views[i] = &view{name: way.Name, seq: state.seqOf(way.Name, from.Seq), pays: map[chain.PaymentKey]*held{}, since: m.cfg.Now()}
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.running = false
		m.mu.Unlock()
	}()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	ends := make(chan error, len(m.cfg.Ways))
	for i, way := range m.cfg.Ways {
		cold := archive
		if !way.Cold {
			cold = nil
		}
		wg.Go(func() {
			begin := m.begin(ctx, i, from)
			err := way.Watcher.Run(ctx, begin, cold, func(ctx context.Context, events []chain.Event, cursor chain.Cursor) error {
				return m.take(ctx, i, events, cursor, sink)
			})
			if ctx.Err() == nil {
				m.log.Error("A way of watching Bitcoin ended; the others go on", "way", way.Name, "reason", err)
				m.mu.Lock()
				m.views[i].ended = true
				m.mu.Unlock()
			}
			ends <- fmt.Errorf("%s: %w", way.Name, err)
		})
	}
	ticker := time.NewTicker(m.tick)
	defer ticker.Stop()
	var last []error
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ends:
			if last = append(last, err); len(last) == len(m.cfg.Ways) && ctx.Err() == nil {
				return errors.Join(last...)
			}
		case <-ticker.C:
			m.mu.Lock()
			_ = m.deliver(ctx, sink) // refused ones come again
			m.mu.Unlock()
		}
	}
}

// begin is where a way begins. On the first start of all, when there is no
// cursor, the others wait for what the first one takes as the beginning, for a
// while: each alone would begin at the tip that it finds.
func (m *Multi) begin(ctx context.Context, i int, from chain.Cursor) chain.Cursor {
	for n := 0; ; n++ {
		m.mu.Lock()
		begin := chain.Cursor{Seq: m.views[i].seq, Ring: from.Ring}
		if len(begin.Ring) == 0 {
			begin.Ring = m.out.ring
		}
		m.mu.Unlock()
		if len(begin.Ring) > 0 || time.Duration(n)*m.tick >= time.Duration(i)*m.settle || ctx.Err() != nil {
			return begin
		}
		pause(ctx, m.tick)
	}
}

// take is the sink of one way.
func (m *Multi) take(ctx context.Context, i int, events []chain.Event, cursor chain.Cursor, sink chain.Sink) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.views[i]
	for _, e := range events {
		v.apply(e)
	}
	v.ring, v.seq = cursor.Ring, cursor.Seq
	return m.deliver(ctx, sink)
}

// deliver hands the difference to the sink. A refused batch comes again as it
// was, with what is new at its end. The caller holds mu.
func (m *Multi) deliver(ctx context.Context, sink chain.Sink) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(m.waiting) > 0 {
		if err := m.hand(ctx, sink); err != nil {
			return err
		}
	}
	events := m.reconcile()
	if h := m.assess(); m.changed(h) {
		m.told = h
		events = append(events, chain.Event{Kind: chain.HealthChanged, Health: h})
	}
	if len(events) == 0 {
		return nil
	}
	for _, v := range m.views {
		m.seq = max(m.seq, v.seq) // so that a way could go on alone from the cursor
	}
	now := m.cfg.Now()
	for i := range events {
		m.seq++
		events[i].Rev, events[i].At = m.seq, now
	}
	m.waiting = events
	return m.hand(ctx, sink)
}

// hand stores what a restart needs, then calls the sink.
func (m *Multi) hand(ctx context.Context, sink chain.Sink) error {
	err := m.save()
	if err == nil {
		err = sink(ctx, m.waiting, chain.Cursor{Seq: m.seq, Ring: m.out.ring})
	}
	if err != nil {
		m.refused = ctx.Err() == nil
		m.assess()
		return err
	}
	m.refused, m.waiting = false, nil
	if m.saved != nil {
		m.stored, m.saved = *m.saved, nil
	}
	m.assess()
	return nil
}

// Watch implements chain.Watcher.
func (m *Multi) Watch(ctx context.Context, targets ...chain.Target) error {
	for _, way := range m.cfg.Ways {
		if err := way.Watcher.Watch(ctx, targets...); err != nil {
			return err
		}
	}
	return nil
}

// Unwatch implements chain.Watcher.
func (m *Multi) Unwatch(ids ...chain.Destination) {
	for _, way := range m.cfg.Ways {
		way.Watcher.Unwatch(ids...)
	}
}

// Lookup asks one way after the other, the most trusted first. It is not known
// if nobody knows it and somebody could have.
func (m *Multi) Lookup(ctx context.Context, ref chain.Ref) (chain.Found, error) {
	var first error
	answered := false
	for _, way := range m.cfg.Ways {
		found, err := way.Watcher.Lookup(ctx, ref)
		if err == nil && (found.Known || !found.Block.IsZero()) {
			return found, nil
		}
		answered = answered || err == nil
		if first == nil || errors.Is(first, chain.ErrCannot) && err != nil {
			first = err // what went wrong says more than what cannot be
		}
	}
	if answered {
		first = nil
	}
	return chain.Found{}, first
}

// Health implements chain.Watcher.
func (m *Multi) Health() chain.Health {
	m.healthMu.Lock()
	defer m.healthMu.Unlock()
	return m.health
}

// Capabilities are those of all ways together.
func (m *Multi) Capabilities() (all chain.Capabilities) {
	for _, way := range m.cfg.Ways {
		c := way.Watcher.Capabilities()
		all.Unconfirmed = all.Unconfirmed || c.Unconfirmed
		all.Evidence = all.Evidence || c.Evidence
		all.Backfill = all.Backfill || c.Backfill
		all.LookupTx = all.LookupTx || c.LookupTx
		all.LookupBlock = all.LookupBlock || c.LookupBlock
		all.LookupAddr = all.LookupAddr || c.LookupAddr
	}
	return all
}
