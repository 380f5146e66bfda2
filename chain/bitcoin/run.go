package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// run is one life of Watcher.Run. Everything below is touched by its one loop
// only, except where noted.
type run struct {
	w       *Watcher
	ctx     context.Context
	sink    chain.Sink
	archive chain.Archive
	client  source
	store   *store

	from     chain.Cursor // what the register has
	ring     chain.Cursor // the blocks read so far; its Seq is not used
	seq      uint64       // the last Rev given out
	events   []chain.Event
	change   change           // to be stored with events
	forget   [][]byte         // to be stored after them
	flushed  time.Time        // last batch
	told     bool             // a Tip was reported in this run
	mined    []*wire.MsgBlock // read whole; the relay log is told after the batch
	past     uint64           // a first start reads blocks up to it that are older than the till
	caught   bool             // everything up to the tip is read
	growing  map[*record]bool
	state    watchdog
	looks    *looker
	began    uint64                  // height of the cursor that the run began with
	cold     atomic.Pointer[coldSet] // for who reads whole blocks; nil = not made yet, or not needed
	fatal    error                   // why the run must end
	troubled error                   // why reading does not go on, for the log …
	stalled  time.Time               // … and since when
}

// Run implements chain.Watcher.
func (w *Watcher) Run(ctx context.Context, from chain.Cursor, archive chain.Archive, sink chain.Sink) error {
	if !w.running.CompareAndSwap(false, true) {
		return errors.New("this Bitcoin watcher runs already")
	}
	defer w.running.Store(false)
	st, err := openStore(w.cfg.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = st.close() }()
	var floor uint64 // Revs up to it may have been used
	for {
		stored, err := w.life(ctx, st, from, &floor, archive, sink)
		var fault *faultError
		if !errors.As(err, &fault) || ctx.Err() != nil {
			return err
		}
		// A fault of till itself: everything is set up again from what the
		// register has.
		w.log.Error("A fault in the Bitcoin watcher; it begins again from the last stored block", "fault", fault.what, "stack", fault.stack)
		h := w.Health()
		h.State, h.Code = chain.Down, chain.HealthInternal
		w.health.Store(&h)
		from = stored
		pause(ctx, w.tune.tick)
	}
}

// faultError is a panic in the loop.
type faultError struct{ what, stack string }

func (f *faultError) Error() string { return "a fault in the Bitcoin watcher: " + f.what }

// life is Run until its end or a fault; it returns the last stored cursor.
func (w *Watcher) life(ctx context.Context, st *store, from chain.Cursor, floor *uint64, archive chain.Archive, sink chain.Sink) (stored chain.Cursor, err error) {
	spans, audited, err := st.load(w.book, from)
	if err != nil {
		return from, fmt.Errorf("the Bitcoin light client's database in %s is damaged; it holds nothing that cannot be fetched again, so the folder may be moved away: %w", w.cfg.Dir, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	r := &run{
		w: w, ctx: ctx, sink: sink, archive: archive, store: st, client: w.source(st),
		from: from, ring: chain.Cursor{Ring: from.Ring}, seq: max(from.Seq, *floor), began: from.Head().Height, growing: map[*record]bool{},
	}
	r.looks = newLooker(r, audited)
	w.hub.clear() // before a server may fill it
	if err := r.client.start(ctx); err != nil {
		return from, err
	}
	defer r.client.close()
	w.warm() // somebody may be about to pay what was shown before the start
	wg.Go(func() { w.hub.run(ctx) })
	wg.Go(func() { r.looks.run(ctx) })
	if r.whole() {
		wg.Go(func() { r.chill(ctx) })
	}
	defer r.settle()
	if head := from.Head(); !head.IsZero() {
		r.startTargets(head.Height, spans)
	}
	w.attach(r)
	defer w.attach(nil)
	defer func() {
		if what := recover(); what != nil {
			stored, err = r.from, &faultError{what: fmt.Sprint(what), stack: string(debug.Stack())}
			*floor = r.seq // the sink may have stored them before the fault
			w.book.unjam()
		}
	}()
	return r.from, r.loop()
}

// attach makes r the run that Watch speaks to, and nil nobody.
func (w *Watcher) attach(r *run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = r
}

// startTargets tells the targets where reading begins, and looks back for those
// that were shown before.
func (r *run) startTargets(head uint64, spans map[string]span) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.lookBack(r.w.targets.begin(head, spans))
	r.w.live = r // from now on Watch may find something to look back for
}

// lookBack hands looks to the looker. Any goroutine may call it, with w.mu held.
func (r *run) lookBack(list []look) {
	for _, l := range list {
		r.looks.add(l)
	}
}

// loop reads and reports until ctx ends.
func (r *run) loop() error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		r.listenRelay()
		r.listenServer()
		r.takeLooks()
		moved, err := r.advance()
		if err != nil {
			r.trouble(err)
		} else {
			r.troubled, r.stalled = nil, time.Time{}
		}
		if r.fatal != nil {
			return r.fatal
		}
		if err := r.flushDue(); err != nil {
			return err
		}
		if err := r.check(); err != nil {
			return err
		}
		if err := r.flushDue(); err != nil {
			return err
		}
		if moved && err == nil {
			continue
		}
		wait := r.w.tune.tick
		if len(r.growing) > 0 {
			wait = min(wait, r.w.tune.evidence/4)
		}
		if err != nil {
			wait = min(wait, 200*time.Millisecond)
		}
		timer.Reset(wait)
		select {
		case <-r.ctx.Done():
		case <-r.client.woken():
		case <-r.w.hub.signal:
		case <-r.looks.signal:
		case <-timer.C:
		}
	}
}

// trouble logs why reading does not go on, once per reason.
func (r *run) trouble(err error) {
	if r.ctx.Err() == nil && (r.troubled == nil || r.troubled.Error() != err.Error()) {
		r.w.log.Warn("Reading Bitcoin blocks does not go on; it is tried again", "reason", err)
	}
	r.troubled = err
	if r.stalled.IsZero() {
		r.stalled = r.w.cfg.Now()
	}
}

// emit puts events into the next batch.
func (r *run) emit(events ...chain.Event) {
	now := r.w.cfg.Now()
	for _, e := range events {
		r.seq++
		e.Rev, e.At = r.seq, now
		r.events = append(r.events, e)
	}
}

// flushDue delivers the batch if it is time: at once at the tip or between
// blocks, once in a while when catching up.
func (r *run) flushDue() error {
	untold := r.moved() || r.caught && !r.told
	if len(r.events) == 0 && !untold {
		return nil
	}
	if !r.caught && r.moved() && r.w.cfg.Now().Sub(r.flushed) < r.w.tune.catchUp {
		return nil
	}
	return r.flush()
}

// moved tells whether blocks were read that no cursor covers yet.
func (r *run) moved() bool {
	return r.ring.Head().Hash != r.from.Head().Hash
}

// flush delivers what waits as one batch, again and again until it is stored.
// What must survive a crash is written before the sink is called, what may be
// forgotten after it. Its error ends the run.
func (r *run) flush() error {
	r.fatal = r.deliver()
	return r.fatal
}

func (r *run) deliver() error {
	if r.moved() || r.caught && !r.told {
		if head := r.ring.Head(); !head.IsZero() {
			r.emit(chain.Event{Kind: chain.Tip, Tip: chain.TipState{Block: head, Agreed: head.Height}})
			r.told = r.told || r.caught
		}
	}
	if len(r.events) == 0 {
		return nil
	}
	r.change.scripts = r.w.targets.takeDirty()
	if head := r.ring.Head().Height; r.looks.live && head > r.looks.audited {
		r.looks.audited, r.change.audited = head, head
	}
	cursor := chain.Cursor{Seq: r.seq, Ring: r.ring.Ring}
	if err := r.insist(func() error { return r.store.write(&r.change) }); err != nil {
		return err
	}
	r.change = change{}
	if err := r.insist(func() error { return r.sink(r.ctx, r.events, cursor) }); err != nil {
		return err
	}
	r.state.refused(r, false)
	r.events = nil
	r.from = cursor
	r.flushed = r.w.cfg.Now()
	for _, block := range r.mined {
		r.w.hub.mined(block)
	}
	r.mined = nil
	// What cannot be forgotten now is forgotten on the next start.
	if err := r.store.write(&change{forget: r.forget}); err != nil {
		r.w.log.Warn("The Bitcoin light client's database cannot be written", "reason", err)
	}
	r.forget = nil
	r.prune()
	return nil
}

// insist does what must not fail until it succeeds, with growing pauses. Its
// only error is the end of the run.
func (r *run) insist(do func() error) error {
	wait := 50 * time.Millisecond
	for {
		err := do()
		if err == nil {
			return nil
		}
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		r.w.log.Warn("A batch could not be stored; it is tried again", "reason", err)
		r.state.refused(r, true)
		pause(r.ctx, wait/2+time.Duration(r.w.cfg.Random(int64(wait))))
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// prune forgets payments that are mined below the ring, or gone.
func (r *run) prune() {
	if len(r.from.Ring) == 0 {
		return
	}
	oldest := r.from.Ring[0].Height
	b := r.w.book
	b.mu.Lock()
	var old []*record
	for txid, rec := range b.txs {
		mined := !rec.block.IsZero() && rec.block.Height < oldest
		gone := rec.gone && rec.block.IsZero() && r.w.cfg.Now().Sub(rec.seenAt) > r.w.tune.forgetAfter
		if mined || gone {
			old = append(old, rec)
			delete(b.txs, txid)
		}
	}
	b.mu.Unlock()
	if err := r.store.drop(old); err != nil {
		r.w.log.Warn("The Bitcoin light client's database cannot be written", "reason", err)
	}
}

// settle stores what may be stored late, at the end of a run.
func (r *run) settle() {
	if err := r.store.write(&change{scripts: r.w.targets.takeDirty()}); err != nil {
		r.w.log.Warn("The end of a run could not be stored; some blocks will be read twice", "reason", err)
	}
}
