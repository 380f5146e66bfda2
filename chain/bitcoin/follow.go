package bitcoin

import (
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"

	"github.com/cointill/till/chain"
)

// advance walks from the ring's head towards the best chain's: back to the fork
// where the head has left the chain, then forward block by block, for a moment
// at most. It tells whether it may go on at once.
func (r *run) advance() (more bool, err error) {
	best, err := r.client.tip()
	if err != nil {
		return false, err
	}
	if len(r.ring.Ring) == 0 {
		if ok, err := r.begin(best); !ok || err != nil {
			return false, err
		}
	}
	if ok, err := r.retreat(best); !ok || err != nil {
		return false, err
	}
	until := time.Now().Add(100 * time.Millisecond)
	for r.ring.Head().Height < best {
		if best-r.ring.Head().Height > 10 {
			r.caught = false
		}
		if err := r.read(r.ring.Head().Height+1, best); err != nil {
			return false, err
		}
		if time.Now().After(until) {
			break
		}
	}
	head := r.ring.Head()
	if head.Height < best {
		return true, nil
	}
	again, err := r.client.tip()
	if err != nil {
		return false, err
	}
	if again > head.Height {
		return true, nil
	}
	if !r.caught && r.complete(head.Height) {
		r.caught = true
		r.looks.audit(head.Height)
	}
	return false, nil
}

// complete tells whether there is nothing left to catch up with: a filter peer
// is there and none claims more, or claimed it for a while without proof.
func (r *run) complete(height uint64) bool {
	peers, highest := r.client.peers()
	if peers == 0 || !r.client.current() {
		return false
	}
	now := r.w.cfg.Now()
	if highest <= height || height > r.state.reached {
		r.state.reached, r.state.reachedAt = height, now
	}
	return highest <= height || now.Sub(r.state.reachedAt) > r.w.tune.behind
}

// begin gives an empty ring its first blocks: up to the birthday, or the tip.
// They count as read.
func (r *run) begin(best uint64) (bool, error) {
	if !r.client.current() || best == 0 && r.w.cfg.Birthday.IsZero() && r.w.cfg.BirthdayHeight == 0 {
		return false, nil
	}
	start := best
	switch {
	case r.w.cfg.BirthdayHeight > 0:
		start = min(best, r.w.cfg.BirthdayHeight)
	case !r.w.cfg.Birthday.IsZero():
		found, err := r.before(r.w.cfg.Birthday, best)
		if err != nil {
			return false, err
		}
		start = found
	}
	first := start - min(start, chain.RingSize-1)
	var ring chain.Cursor
	for h := first; h <= start; h++ {
		block, err := r.client.header(h)
		if err != nil {
			return false, err
		}
		ring = ring.Push(block)
	}
	r.ring, r.past = ring, best
	r.startTargets(start, nil)
	return true, nil
}

// before finds the last block that is surely older than t: block times may be
// two hours off.
func (r *run) before(t time.Time, best uint64) (uint64, error) {
	t = t.Add(-2 * time.Hour)
	low, high := uint64(0), best // low is before t, or the genesis block
	for low < high {
		middle := low + (high-low+1)/2
		block, err := r.client.header(middle)
		if err != nil {
			return 0, err
		}
		if block.Time.Before(t) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// retreat goes back to the fork, block by block, retracting what was in them.
func (r *run) retreat(best uint64) (bool, error) {
	for {
		head := r.ring.Head()
		if head.IsZero() {
			return false, nil // the whole ring left the chain; begin starts anew
		}
		block, err := r.client.header(head.Height)
		if err != nil {
			if head.Height > best {
				// Headers are still being fetched, or were fetched anew.
				r.state.missing(r)
				if !r.state.shorter(r) {
					return false, nil
				}
				r.caught = false
			} else {
				return false, fmt.Errorf("the header of block %d: %w", head.Height, err)
			}
		} else if block.Hash == head.Hash {
			return true, nil
		}
		if !r.retreating() {
			if err := r.flush(); err != nil {
				return false, err
			}
		}
		r.retract(head)
		if len(r.ring.Ring) == 1 {
			// Deeper than the ring: read on from below it.
			below := min(head.Height-min(head.Height, 1), best)
			block, err := r.client.header(below)
			if err != nil {
				return false, fmt.Errorf("the header of block %d: %w", below, err)
			}
			r.ring = chain.Cursor{Ring: []chain.BlockRef{block}}
			continue
		}
		r.ring = r.ring.Pop()
	}
}

// retreating tells whether what waits to be delivered may be followed by a
// Retracted: nothing does, or only others from above.
func (r *run) retreating() bool {
	return !slices.ContainsFunc(r.events, func(e chain.Event) bool { return e.Kind == chain.Included })
}

// retract reports that a block has left the best chain.
func (r *run) retract(block chain.BlockRef) {
	r.past = min(r.past, block.Height-1)
	r.w.targets.unread(block.Height)
	b := r.w.book
	for _, rec := range b.inBlock(block.Hash) {
		r.emit(rec.events(chain.Retracted, r.w.cfg.Network, rec.block, "")...)
		r.forget = append(r.forget, blockKey(rec.block, rec.txid))
		b.mu.Lock()
		rec.block, rec.seenRev, rec.gone = chain.BlockRef{}, r.seq, false
		rec.offered, rec.told = map[string]string{}, time.Time{}
		rec.seenAt = r.w.cfg.Now() // it waits from now on, see expire
		b.index(rec)
		b.mu.Unlock()
		r.change.records = append(r.change.records, rec)
	}
}

// read looks at one block. Without unconfirmed payments the filter decides
// whether it is fetched; with one it is fetched in any case, since a conflict
// with that payment does not show in filters.
func (r *run) read(height, best uint64) error {
	block, parent, err := r.client.link(height)
	if err != nil {
		return fmt.Errorf("the header of block %d: %w", height, err)
	}
	if parent != r.ring.Head().Hash {
		// The chain changed since the block before was read: back to the fork first.
		return fmt.Errorf("block %d does not follow the block that was read before it", height)
	}
	hash, err := chainhash.NewHashFromStr(block.Hash)
	if err != nil {
		return err
	}
	scripts := r.w.targets.scan(height)
	cold := r.cold.Load() // after scan: see chill
	fetch := r.w.book.waiting() > 0 || cold != nil
	if !fetch {
		fetch, err = r.client.filterMatches(r.ctx, *hash, scripts, best-height > 2)
		if err != nil {
			return err
		}
	}
	if fetch {
		whole, err := r.client.block(r.ctx, *hash)
		if err != nil {
			return err
		}
		// A block that is new to the register is younger than any target's
		// Since, whatever its height says after a reorganisation. Only a first
		// start from the birthday reads blocks of the past here.
		var limit uint64
		if height <= r.past {
			limit = height
		}
		// The chain may have changed while the block was fetched.
		if now, err := r.client.header(height); err != nil || now.Hash != block.Hash {
			return fmt.Errorf("block %d was replaced while it was read", height)
		}
		r.include(block, r.w.targets.matchBlock(whole, limit))
		if cold != nil {
			r.include(block, cold.match(whole))
		}
		r.contradict(block, r.w.book.conflicts(whole))
		r.mined = append(r.mined, whole)
	}
	r.ring = r.ring.Push(block)
	return nil
}

// include reports payments in a block.
func (r *run) include(block chain.BlockRef, found []paid) {
	b := r.w.book
	for _, p := range found {
		b.mu.Lock()
		rec := b.txs[p.txid]
		switch {
		case rec == nil:
			rec = &record{txid: p.txid, tx: p.tx, outputs: p.outputs}
			b.txs[p.txid] = rec
		case rec.block.Hash == block.Hash && covers(rec, p.outputs):
			b.mu.Unlock()
			continue // a look back found what is known
		default:
			if rec.open() {
				b.unindex(rec)
			}
			rec.merge(p.outputs)
		}
		rec.block, rec.gone = block, false
		r.emit(rec.events(chain.Included, r.w.cfg.Network, block, "")...)
		rec.inRev = r.seq
		b.mu.Unlock()
		r.change.records = append(r.change.records, rec)
	}
}

func covers(rec *record, outputs []output) bool {
	probe := record{outputs: rec.outputs[:len(rec.outputs):len(rec.outputs)]}
	probe.merge(outputs)
	return len(probe.outputs) == len(rec.outputs)
}

// contradict reports payments that can no longer be mined, because a block
// spends their coins in another way.
func (r *run) contradict(block chain.BlockRef, found []spent) {
	for _, s := range found {
		by := chain.TxID(s.by.String())
		r.w.book.mu.Lock()
		open := s.victim.open()
		if open {
			s.victim.proof.Conflicted = true
		}
		r.w.book.mu.Unlock()
		if open {
			r.emit(s.victim.events(chain.Conflict, r.w.cfg.Network, block, by)...)
			r.lose(s.victim, by)
		}
	}
}

// lose reports an unconfirmed payment as gone.
func (r *run) lose(rec *record, by chain.TxID) {
	b := r.w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if !rec.open() {
		return
	}
	b.unindex(rec)
	rec.gone = true
	delete(r.growing, rec)
	r.emit(rec.events(chain.Gone, r.w.cfg.Network, chain.BlockRef{}, by)...)
	rec.goneRev = r.seq
	r.change.records = append(r.change.records, rec)
}
