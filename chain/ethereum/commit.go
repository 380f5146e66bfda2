package ethereum

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// extend retracts the ring's blocks from keep on, reads the blocks of path and
// gives out what they hold, all in one batch.
func (r *run) extend(ctx context.Context, keep int, path []header) error {
	cursor := chain.Cursor{Seq: r.cursor.Seq, Ring: r.cursor.Ring[:keep:keep]}
	back, lost, err := r.retract(ctx, keep)
	if err != nil {
		return err
	}
	if keep < len(r.cursor.Ring) {
		r.forkAt, r.forkTop = r.cursor.Ring[keep].Height-1, r.cursor.Head().Height
		r.pool.past = lately{} // what was in them may wait again
	}
	var before, forward, after []chain.Event
	fresh, spent := map[string][]hit{}, map[string]outlays{}
	claims := map[string]claim{}
	var failed error
	addrs := r.curious()
	d := drawer{base: r.purses, over: purses{}}
	switch {
	case keep < len(r.cursor.Ring):
		d.base = r.rewound(ctx, cursor.Ring, r.cursor.Ring[keep:], lost)
	case r.skipped == 0 && r.w.idle():
		// The blocks that come are skipped; an audit of them begins here.
		for _, p := range r.purses {
			*p = purse{Awaited: p.Awaited, Coins: p.expects(), At: r.cursor.Head()}
		}
	}
	if r.skipped != 0 { // the audit compares where skipped blocks are part of it
		addrs = slices.DeleteFunc(addrs, func(a common.Address) bool { return d.get(a) != nil })
	}
	for len(path) > 0 && failed == nil {
		next := path[:min(window, len(path))]
		path = path[len(next):]
		top := next[len(next)-1]
		var weighed func() weighing
		weigh := func() {
			if len(addrs) > 0 && !r.conn.noState {
				weighed = r.weigh(ctx, d, addrs, next[0].parent.Hex(), top.hash.Hex())
			}
		}
		if !r.logsCoins {
			weigh() // while the block is read
		}
		var list []pages
		list, failed = r.w.readAll(ctx, r.conn, next, r.w.read)
		hits, went := make([][]hit, len(list)), make([]outlays, len(list))
		for i, p := range list {
			hits[i] = r.matchLive(p)
			err := r.checkTokens(ctx, p, hits[i], len(list) == 1)
			if err == nil {
				went[i], err = r.outlays(ctx, p, func(a common.Address) bool { return r.awaited[a] || d.get(a) != nil })
			}
			if err != nil {
				list, hits, went, failed = list[:i], hits[:i], went[:i], err
				break
			}
			d.explain(r.w.cfg.Native.ID, hits[i], went[i])
		}
		if r.logsCoins && failed == nil && !logsCoins(list[len(list)-1]) {
			weigh() // this block's logs don't tell
		}
		if weighed != nil {
			w := weighed()
			if failed == nil {
				if failed = r.compare(ctx, d, list, hits, went, w); failed != nil {
					list = nil // to be read once more, and told once
				}
			}
		}
		if len(list) > 0 {
			r.logsCoins = logsCoins(list[len(list)-1])
		}
		for i, p := range list {
			if p.skipped && (r.skipped == 0 || p.number < r.skipped) {
				r.skipped, r.unsaved = p.number, true
			}
			gone, done := r.settle(p.block, hits[i])
			before, after = append(before, gone...), append(after, done...)
			for _, h := range hits[i] {
				forward = append(forward, h.Event)
			}
			ref := p.ref()
			fresh[ref.Hash] = hits[i]
			if len(went[i]) > 0 {
				spent[ref.Hash] = went[i]
			}
			root := p.header
			if !p.whole {
				root.receipts = common.Hash{} // not vouched for
			}
			claims[ref.Hash] = claim{header: root, paid: hits[i], read: !p.skipped}
			cursor = cursor.Push(ref)
		}
	}
	// Without a ring the next start would be at the head, and what lies between
	// unread.
	if len(fresh) == 0 && (keep == len(r.cursor.Ring) || keep == 0) {
		return failed
	}
	return r.commit(ctx, cursor, slices.Concat(back, before, forward, after), fresh, spent, lost, claims, d, failed)
}

// matchLive matches a block with the present targets, and notes that it was.
func (r *run) matchLive(p pages) []hit {
	r.w.setMatched(p.number) // first: a target that comes from now on looks back
	find := r.w.aim()
	if p.number <= r.forkAt || p.number > r.forkTop {
		return r.w.match(p.block, p.receipts, find)
	}
	// In place of a lost block stands one that was made later: what it pays may
	// have been sent after an address was shown, although its height is no
	// more than what the address's Since says.
	return r.w.match(p.block, p.receipts, func(a common.Address) (chain.Destination, uint64, bool) {
		to, since, ok := find(a)
		return to, min(since, r.forkAt), ok
	})
}

// commit gives out a batch that moves the cursor, and makes the move.
func (r *run) commit(ctx context.Context, cursor chain.Cursor, events []chain.Event, fresh map[string][]hit, spent map[string]outlays, lost []hit, claims map[string]claim, d drawer, failed error) error {
	hits := make(map[string][]hit, len(cursor.Ring))
	paid := len(lost) > 0 || len(spent) > 0
	for _, b := range cursor.Ring {
		if list, ok := fresh[b.Hash]; ok {
			hits[b.Hash] = list
			paid = paid || len(list) > 0
		} else if list, ok := r.hits[b.Hash]; ok {
			hits[b.Hash] = list
		}
		if went, ok := r.spent[b.Hash]; ok {
			spent[b.Hash] = went
		}
	}
	if paid || r.unsaved {
		// What is lost and the purses of before are kept too: the file has to fit
		// whether or not the batch is stored.
		kept, went := maps.Clone(r.hits), maps.Clone(r.spent)
		maps.Copy(kept, hits)
		maps.Copy(went, spent)
		r.save(kept, went)
		r.unsaved = false
	}
	for _, h := range lost {
		if !h.Event.Key.InBlock() {
			r.back(h, hits)
		}
	}
	// Before the tip is told: what was agreed on in a lost branch says nothing
	// of the blocks that stand there now.
	r.votes.follow(cursor.Ring, claims)
	tip := r.tipState(ctx, cursor.Head())
	events = append(events, chain.Event{Kind: chain.Tip, Tip: tip})
	r.tip = tip
	if !r.deliver(ctx, events, cursor) {
		return ctx.Err()
	}
	r.hits, r.spent, r.headAt = hits, spent, time.Now()
	r.purses = d.base
	r.keep(d)
	r.unsaved, r.dirty = r.unsaved || r.dirty, false
	clear(r.mined)
	for _, list := range hits {
		for _, h := range list {
			r.mined[h.hash()] = true
		}
	}
	gone, err := r.missed(ctx)
	if err == nil {
		r.deliver(ctx, gone, r.cursor)
	}
	if failed == nil {
		failed = err
	}
	return failed
}

// back puts a payment whose block was lost among those that wait, so that it is
// told when it can't come back; unless the new branch holds it already.
func (r *run) back(h hit, hits map[string][]hit) {
	for _, list := range hits {
		for _, other := range list {
			if other.hash() == h.hash() {
				return
			}
		}
	}
	if w := r.pool.byHash[h.hash()]; w != nil {
		w.hits = append(w.hits, h)
		return
	}
	r.pool.put([]hit{h})
}

// retract tells of every payment in the ring's blocks from keep on, the highest
// block first.
func (r *run) retract(ctx context.Context, keep int) (events []chain.Event, lost []hit, err error) {
	for i := len(r.cursor.Ring) - 1; i >= keep; i-- {
		ref := r.cursor.Ring[i]
		hits, known := r.hits[ref.Hash]
		if !known {
			if hits, err = r.recall(ctx, ref); err != nil {
				return nil, nil, err
			}
		}
		for j := len(hits) - 1; j >= 0; j-- {
			e := hits[j].Event
			e.Kind, e.Block = chain.Retracted, ref
			events = append(events, e)
			lost = append(lost, hits[j])
		}
	}
	return events, lost, nil
}

// recall reads a lost block again that an earlier life of the watcher had read;
// most nodes remember those of the last hours.
func (r *run) recall(ctx context.Context, ref chain.BlockRef) ([]hit, error) {
	h, err := r.conn.header(ctx, common.HexToHash(ref.Hash))
	if err == nil {
		var p pages
		if p, err = r.w.readWhole(ctx, r.conn, h); err == nil {
			return r.w.match(p.block, p.receipts, r.w.aim()), nil
		}
	}
	if !isMissing(err) {
		return nil, err
	}
	r.w.cfg.Logger.Warn("A block left the chain while till was down, and the node has forgotten it: what it held can't be retracted one by one",
		"chain", r.w.network, "block", ref.Height, "hash", ref.Hash)
	return nil, nil
}
