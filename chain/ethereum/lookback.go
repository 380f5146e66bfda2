package ethereum

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cointill/till/chain"
)

// lookBackStride is how many blocks are looked back at before the head is
// looked at again.
const lookBackStride = 32

// maxBackMisses is how often a block that is missing is asked for again.
const maxBackMisses = 10

// lookBack reads a part of what late targets ask for.
func (r *run) lookBack(ctx context.Context) error {
	r.w.mu.Lock()
	if len(r.w.back) == 0 {
		r.w.mu.Unlock()
		return nil
	}
	job := r.w.back[0]
	r.w.mu.Unlock()

	// Blocks beyond the cursor are being read with the target already.
	job.to = min(job.to, r.cursor.Head().Height)
	if job.audit != nil && !r.onChain(job.audit.head) {
		// Its balances are those of a branch that was lost.
		r.dropAudit()
		return nil
	}
	last := min(job.to, job.from+lookBackStride-1)
	events, next, err := r.reread(ctx, job, last)
	if len(events) > 0 {
		r.save(r.hits, r.spent)
		r.votes.late(events, r.hits)
	}
	// What was found before an error is told now: it counts as known already.
	if !r.deliver(ctx, events, r.cursor) {
		return ctx.Err()
	}
	if next > job.from {
		// An audit has added these blocks up; they must not come twice.
		r.w.mu.Lock()
		r.w.back[0].from, r.w.back[0].misses, job.misses = next, 0, 0
		r.w.mu.Unlock()
	}
	if isMissing(err) && job.misses < maxBackMisses {
		// Behind a load balancer one of several nodes may lack a block.
		r.w.mu.Lock()
		r.w.back[0].misses++
		r.w.mu.Unlock()
		return nil
	}
	if isMissing(err) || errors.Is(err, errRefused) {
		// Nodes that have pruned their past would refuse for ever.
		r.w.cfg.Logger.Warn("The node no longer has the blocks that a target asks for; payments in them are not found",
			"chain", r.w.network, "from", job.from, "to", job.to, "cause", err)
		last, err = job.to, nil
	}
	if err != nil {
		return err
	}
	if job.audit != nil && last >= job.to {
		rest := r.late(job.audit.head, job.audit.rest(r))
		if len(rest) > 0 {
			r.save(r.hits, r.spent)
			r.votes.late(rest, r.hits)
		}
		if !r.deliver(ctx, rest, r.cursor) {
			return ctx.Err()
		}
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.back[0].from, r.w.back[0].misses = last+1, 0
	if last >= job.to {
		r.w.back = slices.Delete(r.w.back, 0, 1)
		if job.audit != nil {
			r.audited(job.audit)
		}
	}
	if len(r.w.back) > 0 {
		r.w.wake()
	}
	return nil
}

// reread looks at blocks up to last again. Next is the first that was not read.
func (r *run) reread(ctx context.Context, job lookBack, last uint64) (events []chain.Event, next uint64, err error) {
	for next = job.from; next <= last; {
		list, err := r.conn.headers(ctx, next, min(last, next+window-1))
		if err != nil {
			return events, next, err
		}
		all, err := r.w.readAll(ctx, r.conn, list, r.w.readWhole)
		for _, p := range all {
			hits := r.w.match(p.block, p.receipts, job.aim)
			if err := r.checkTokens(ctx, p, hits, false); err != nil {
				return events, next, err
			}
			if job.audit != nil {
				if r.replaced(p.ref()) {
					return events, next, fmt.Errorf("%s: %w: block %d is being replaced", r.conn.name, errMissing, p.number)
				}
				if err := job.audit.note(ctx, r, p, hits); err != nil {
					return events, next, err
				}
			}
			events = append(events, r.late(p.ref(), hits)...)
			next = p.number + 1
		}
		if err != nil {
			return events, next, err
		}
	}
	return events, next, nil
}

// replaced tells whether the ring has another block at that height: there is a
// reorganisation right now.
func (r *run) replaced(ref chain.BlockRef) bool {
	return slices.ContainsFunc(r.cursor.Ring, func(b chain.BlockRef) bool { return b.Height == ref.Height && b.Hash != ref.Hash })
}

// onChain tells whether a block is one of the ring, or lies before it.
func (r *run) onChain(b chain.BlockRef) bool {
	ring := r.cursor.Ring
	return len(ring) > 0 && (b.Height < ring[0].Height || slices.ContainsFunc(ring, func(o chain.BlockRef) bool { return o.Hash == b.Hash }))
}

// late takes in payments of a block that was read before without their target.
func (r *run) late(ref chain.BlockRef, hits []hit) (events []chain.Event) {
	if r.replaced(ref) {
		return nil // the new branch is read with the target
	}
	inRing := slices.ContainsFunc(r.cursor.Ring, func(b chain.BlockRef) bool { return b.Hash == ref.Hash })
	for _, h := range hits {
		if slices.ContainsFunc(r.hits[ref.Hash], func(o hit) bool { return o.Event.Key == h.Event.Key }) {
			continue
		}
		if inRing {
			r.hits[ref.Hash] = append(r.hits[ref.Hash], h)
		}
		r.mined[h.hash()] = true
		r.pool.drop(h.hash())
		events = append(events, h.Event)
	}
	return events
}
