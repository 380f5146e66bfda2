package bitcoin

import (
	"context"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/txscript"

	"github.com/cointill/till/chain"
)

// target is one watched address.
type target struct {
	to    chain.Destination
	since uint64 // what arrived in blocks up to it is not reported
}

// targets is the set of scripts to look for. Whoever reads a block marks its
// height under the same lock that takes the scripts, so Watch can tell which
// blocks were read without a new target.
type targets struct {
	params *chaincfg.Params

	mu      sync.RWMutex
	set     map[string]target // by output script
	list    [][]byte          // the same scripts for filters; nil = to be rebuilt
	scanned uint64            // highest block that was, or is being, looked at
	covered map[string]span   // scripts whose past is known to have been read
	dirty   map[string]bool   // covered differs from what is stored
}

// keepSpans is for how many blocks (half a year) a span is kept that no target
// uses.
const keepSpans = 26_000

// span says that blocks above since, up to until, were read with a script.
// While the script is watched until has no meaning.
type span struct{ since, until uint64 }

func newTargets(params *chaincfg.Params) *targets {
	return &targets{params: params, set: map[string]target{}, covered: map[string]span{}, dirty: map[string]bool{}}
}

// scriptOf turns an address into the output script that pays it. The address
// must be in the one canonical text that payments are reported with.
func scriptOf(to chain.Destination, params *chaincfg.Params) (string, error) {
	if len(to) > 120 {
		return "", fmt.Errorf("%.40q… is too long for a Bitcoin address", to)
	}
	addr, err := btcutil.DecodeAddress(string(to), params)
	if err != nil {
		return "", fmt.Errorf("%q is not a Bitcoin address: %w", to, err)
	}
	if !addr.IsForNet(params) {
		return "", fmt.Errorf("%s is not an address of %s", to, params.Name)
	}
	script, err := txscript.PayToAddrScript(addr)
	if err != nil {
		return "", fmt.Errorf("%s is an address that till cannot watch: %w", to, err)
	}
	return string(script), nil
}

// look is a request to read blocks again for some scripts.
type look struct {
	scripts  map[string]target
	from, to uint64
	audit    bool     // of the archive's cold addresses …
	last     bool     // … and the last part of them
	all      *coldSet // … or all of them at once, in whole blocks
}

// add puts targets into the set and says what has to be read again for them.
func (t *targets) add(list []chain.Target) ([]look, error) {
	scripts := make([]string, len(list))
	for i, one := range list {
		script, err := scriptOf(one.ID, t.params)
		if err != nil {
			return nil, err
		}
		scripts[i] = script
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	back := look{scripts: map[string]target{}, to: t.scanned}
	for i, one := range list {
		script := scripts[i]
		old, watched := t.set[script]
		if watched && old.since <= one.Since {
			continue
		}
		fresh := target{to: one.ID, since: one.Since}
		t.set[script] = fresh
		if !watched {
			t.list = nil
		}
		// Zero: what came before is not asked for. Before the first block is
		// read (scanned 0) nothing was missed; begin looks at the rest.
		if one.Since == 0 || one.Since >= t.scanned {
			t.cover(script, span{since: max(one.Since, t.scanned)})
			continue
		}
		from := one.Since + 1
		if s, ok := t.covered[script]; ok && s.since <= one.Since {
			if watched || s.until >= t.scanned {
				continue
			}
			from = max(from, s.until+1)
		}
		back.scripts[script] = fresh
		if back.from == 0 || from < back.from {
			back.from = from
		}
	}
	if len(back.scripts) == 0 {
		return nil, nil
	}
	return []look{back}, nil
}

// cover notes that a script's past is read. The caller holds mu.
func (t *targets) cover(script string, s span) {
	t.covered[script] = s
	t.dirty[script] = true
}

// done notes that a look back has been made.
func (t *targets) done(l look) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for script, one := range l.scripts {
		if _, watched := t.set[script]; watched {
			t.cover(script, span{since: one.since})
		}
	}
}

// remove takes targets out.
func (t *targets) remove(ids []chain.Destination) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		script, err := scriptOf(id, t.params)
		if err != nil {
			continue
		}
		if _, ok := t.set[script]; ok {
			delete(t.set, script)
			delete(t.covered, script)
			t.dirty[script] = true
			t.list = nil
		}
	}
}

// begin starts a run at head with what an earlier run has read (stored spans),
// and says what has to be read again: targets that were not watched by then.
func (t *targets) begin(head uint64, stored map[string]span) []look {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scanned = head
	t.covered = map[string]span{}
	back := look{scripts: map[string]target{}, to: head}
	for script, s := range stored {
		one, watched := t.set[script]
		if !watched {
			if s.until != 0 && head > s.until+keepSpans {
				t.dirty[script] = true // deleted: nobody came back to it
				continue
			}
			// It was watched up to the stored cursor, and is not now.
			if s.until == 0 || s.until > head {
				s.until = head
				t.dirty[script] = true // stored before any further block counts as read
			}
			t.covered[script] = s
			continue
		}
		if s.since <= one.since && (s.until == 0 || s.until >= head) {
			t.covered[script] = span{since: s.since}
		}
	}
	for script, one := range t.set {
		if _, ok := t.covered[script]; ok {
			continue
		}
		if one.since == 0 || one.since >= head {
			t.cover(script, span{since: max(one.since, head)})
			continue
		}
		back.scripts[script] = one
		if back.from == 0 || one.since+1 < back.from {
			back.from = one.since + 1
		}
	}
	if len(back.scripts) == 0 {
		return nil
	}
	return []look{back}
}

// scan marks height as being read and returns the scripts to read it with. The
// slice is shared and must not be changed.
func (t *targets) scan(height uint64) [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scanned = height
	if t.list == nil {
		t.list = make([][]byte, 0, len(t.set))
		for script := range t.set {
			t.list = append(t.list, []byte(script))
		}
	}
	return t.list
}

// unread notes that height left the best chain: what replaces it is read with
// all targets.
func (t *targets) unread(height uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scanned = min(t.scanned, height-min(height, 1))
}

// read is the highest block that was, or is being, looked at.
func (t *targets) read() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.scanned
}

// takeDirty returns what changed in covered since the last call; a nil span
// means that the script is no longer covered.
func (t *targets) takeDirty() map[string]*span {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.dirty) == 0 {
		return nil
	}
	changed := make(map[string]*span, len(t.dirty))
	for script := range t.dirty {
		if s, ok := t.covered[script]; ok {
			changed[script] = &s
		} else {
			changed[script] = nil
		}
	}
	clear(t.dirty)
	return changed
}

// Watch implements chain.Watcher.
func (w *Watcher) Watch(ctx context.Context, list ...chain.Target) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	live, err := w.watch(list)
	if err != nil {
		return err
	}
	w.recent.watch(list)
	if shown := w.attend(list); shown && live {
		return w.standing(ctx)
	}
	return nil
}

// watch adds targets and tells whether a run is there to look for them. It
// holds mu so that begin cannot slip in between: either it sees the targets, or
// the look back reaches the run that it belongs to.
func (w *Watcher) watch(list []chain.Target) (live bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	back, err := w.targets.add(list)
	if err != nil || w.live == nil {
		return false, err
	}
	w.live.lookBack(back)
	if len(back) > 0 {
		w.hub.reopen()
		if again, ok := w.backend.(interface{ reopen() }); ok {
			again.reopen()
		}
	}
	return true, nil
}

// Unwatch implements chain.Watcher.
func (w *Watcher) Unwatch(ids ...chain.Destination) {
	w.mu.Lock()
	if w.live != nil {
		if cold := w.live.cold.Load(); cold != nil {
			for _, id := range ids {
				cold.add(id)
			}
		}
	}
	w.mu.Unlock()
	w.targets.remove(ids)
	w.recent.unwatch(ids)
}
