package bitcoin

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"

	"github.com/cointill/till/chain"
)

// auditChunk bounds how many cold addresses are held in memory at once.
const auditChunk = 10_000

// Ten old addresses a second are asked for where each costs a question of its
// own: a million of them take a day, and new ones are not kept waiting.
const (
	coldAtOnce = 100
	coldRest   = 10 * time.Second
)

// finding is a block in which a look back found payments, or the end of a look.
type finding struct {
	block chain.BlockRef
	paid  []paid
	done  *look
}

// looker reads blocks again, beside the loop that reads new ones: for targets
// whose past was not read, and daily for the archive's cold addresses.
type looker struct {
	r      *run
	chunk  int           // addresses of the archive that are looked for at once …
	rest   time.Duration // … and the pause after them
	signal chan struct{} // findings wait

	mu       sync.Mutex
	queue    []look
	open     int // looks for targets that are not finished
	findings []finding
	work     chan struct{}

	audited uint64 // the archive's addresses were looked for up to this block
	daily   time.Time
	asked   bool // the one look that whole blocks need is under way …
	live    bool // … and done: every block is compared as it is read
}

func newLooker(r *run, audited uint64) *looker {
	k := &looker{r: r, chunk: auditChunk, audited: audited, signal: make(chan struct{}, 1), work: make(chan struct{}, 1)}
	if s, ok := r.client.(*served); ok && !s.b.traits().whole {
		// Asked for address by address: a server must not take us for a flood.
		k.chunk, k.rest = coldAtOnce, coldRest
	}
	return k
}

// add queues a look; any goroutine may call it.
func (k *looker) add(l look) {
	k.mu.Lock()
	if !l.audit {
		k.open++
	}
	k.queue = append(k.queue, l)
	k.mu.Unlock()
	notify(k.work)
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// busy counts looks for targets that are not finished; Ready waits for them.
func (k *looker) busy() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open
}

func (k *looker) report(f finding) {
	k.mu.Lock()
	k.findings = append(k.findings, f)
	k.mu.Unlock()
	notify(k.signal)
}

// run works through the queue until ctx ends.
func (k *looker) run(ctx context.Context) {
	for ctx.Err() == nil {
		k.mu.Lock()
		var l look
		some := len(k.queue) > 0
		if some {
			l = k.queue[0]
			k.queue = k.queue[1:]
		}
		k.mu.Unlock()
		if !some {
			select {
			case <-ctx.Done():
			case <-k.work:
			}
			continue
		}
		if !l.audit {
			k.look(ctx, l)
			continue
		}
		for part := range k.cold(l) {
			if k.look(ctx, part); ctx.Err() != nil {
				return
			}
			if !part.last && k.rest > 0 {
				pause(ctx, k.rest)
			}
			k.urgent(ctx)
		}
	}
}

// urgent looks for targets that came while an audit goes on.
func (k *looker) urgent(ctx context.Context) {
	for ctx.Err() == nil {
		k.mu.Lock()
		i := slices.IndexFunc(k.queue, func(l look) bool { return !l.audit })
		if i < 0 {
			k.mu.Unlock()
			return
		}
		l := k.queue[i]
		k.queue = slices.Delete(k.queue, i, i+1)
		k.mu.Unlock()
		k.look(ctx, l)
	}
}

// look reads the blocks of l, however often a peer fails to answer.
func (k *looker) look(ctx context.Context, l look) {
	scripts := make([][]byte, 0, len(l.scripts))
	for script := range l.scripts {
		scripts = append(scripts, []byte(script))
	}
	wait := 100 * time.Millisecond
	for height := l.from; height <= l.to && ctx.Err() == nil; {
		if err := k.lookAt(ctx, l, scripts, height); err != nil {
			if ctx.Err() == nil {
				k.r.w.log.Debug("Looking back does not go on; it is tried again", "block", height, "reason", err)
			}
			pause(ctx, wait)
			wait = min(2*wait, 10*time.Second)
			continue
		}
		wait = 100 * time.Millisecond
		height++
	}
	if ctx.Err() == nil {
		k.report(finding{done: &l})
	}
}

func (k *looker) lookAt(ctx context.Context, l look, scripts [][]byte, height uint64) error {
	defer func() {
		if fault := recover(); fault != nil {
			k.r.w.log.Error("A fault in looking back; the block was left out", "block", height, "fault", fault)
		}
	}()
	best, err := k.r.client.tip()
	if err != nil {
		return err
	}
	if height > best {
		if height > k.r.w.targets.read() {
			return nil // a reorganisation is under way: the new blocks are read as such
		}
		return fmt.Errorf("the headers are known up to block %d so far", best)
	}
	block, err := k.r.client.header(height)
	if err != nil {
		return err
	}
	hash, err := chainhash.NewHashFromStr(block.Hash)
	if err != nil {
		return err
	}
	if l.all == nil {
		hit, err := k.r.client.filterMatches(ctx, *hash, scripts, l.to-height > 2)
		if err != nil || !hit {
			return err
		}
	}
	whole, err := k.r.client.block(ctx, *hash)
	if err != nil {
		return err
	}
	found := matchTxs(whole, l.scripts, height)
	if l.all != nil {
		found = l.all.match(whole)
	}
	if len(found) > 0 {
		k.report(finding{block: block, paid: found})
	}
	return nil
}

// takeLooks reports what looking back has found, in batches of their own.
func (r *run) takeLooks() {
	r.looks.mu.Lock()
	found := r.looks.findings
	r.looks.findings = nil
	r.looks.mu.Unlock()
	for _, f := range found {
		if f.done != nil {
			r.lookDone(f.done)
			continue
		}
		if f.block.Height > r.ring.Head().Height {
			continue // read as a new block, with these targets
		}
		if now, err := r.client.header(f.block.Height); err != nil || now.Hash != f.block.Hash {
			continue // it left the chain: what replaces it is read as new
		}
		if len(r.events) > 0 || r.moved() {
			if err := r.flush(); err != nil {
				return // the loop ends with its context, or tries again
			}
		}
		r.include(f.block, f.paid)
		if err := r.flush(); err != nil {
			return
		}
	}
}

func (r *run) lookDone(l *look) {
	if l.audit {
		if l.last {
			r.looks.audited = max(r.looks.audited, l.to)
			r.change.audited, r.looks.live = r.looks.audited, l.all != nil
		}
		return
	}
	r.w.targets.done(*l)
	r.looks.mu.Lock()
	r.looks.open--
	r.looks.mu.Unlock()
}

// audit looks for the archive's addresses that are no longer watched, in the
// blocks since the last audit: after catching up, and once a day.
func (k *looker) audit(head uint64) {
	k.daily = k.r.w.cfg.Now()
	if k.audited == 0 {
		k.audited = k.r.began
		if k.audited == 0 {
			k.audited = head
		}
		k.r.change.audited = k.audited // the next start goes on from here
	}
	if k.r.archive == nil {
		return
	}
	if k.r.whole() {
		k.auditWhole()
		return
	}
	if k.audited < head {
		k.add(look{from: k.audited + 1, to: head, audit: true})
	}
}

// auditWhole reads once what was read without the set of cold addresses. From
// then on every block is compared with it as it comes.
func (k *looker) auditWhole() {
	set := k.r.cold.Load()
	if set == nil || k.asked {
		return
	}
	k.asked = true
	if to := set.since(); to > k.audited {
		k.add(look{from: k.audited + 1, to: to, audit: true, all: set})
		return
	}
	k.live = true
}

// cold yields the archive's addresses that are not watched, in parts: there may
// be very many, and no more than one part is in memory.
func (k *looker) cold(l look) iter.Seq[look] {
	return func(yield func(look) bool) {
		if l.all != nil {
			l.last = true
			yield(l)
			return
		}
		part := l
		part.scripts = map[string]target{}
		for _, to := range k.r.archive.All() {
			script, err := scriptOf(to, k.r.w.targets.params)
			if err != nil {
				continue // an address of another rail or form
			}
			if k.r.w.targets.watches(script) {
				continue
			}
			if len(part.scripts) == k.chunk {
				if !yield(part) {
					return
				}
				part.scripts = map[string]target{}
			}
			part.scripts[script] = target{to: to}
		}
		part.last = true
		yield(part)
	}
}

// describe says how a look is going, for Health.
func (k *looker) describe() string {
	if n := k.busy(); n > 0 {
		return fmt.Sprintf("looking back for %d groups of addresses", n)
	}
	return ""
}

// watches tells whether a script is in the live set.
func (t *targets) watches(script string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.set[script]
	return ok
}
