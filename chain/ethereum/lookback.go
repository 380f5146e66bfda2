package ethereum

import (
	"context"
	"errors"
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
	last := min(job.to, job.from+lookBackStride-1)
	events, err := r.reread(ctx, job, last)
	if len(events) > 0 {
		r.save(r.hits)
	}
	// What was found before an error is told now: it counts as known already.
	if !r.deliver(ctx, events, r.cursor) {
		return ctx.Err()
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

// reread looks at blocks up to last again.
func (r *run) reread(ctx context.Context, job lookBack, last uint64) (events []chain.Event, err error) {
	for n := job.from; n <= last; {
		end := min(last, n+window-1)
		list, err := r.conn.headers(ctx, n, end)
		if err != nil {
			return events, err
		}
		all, err := r.w.readAll(ctx, r.conn, list, r.w.readWhole)
		for _, p := range all {
			hits := r.w.match(p.block, p.receipts, job.aim)
			if last := p.number == job.to; job.audit != nil {
				hits = append(hits, job.audit.came(r, p, hits, last)...)
			}
			events = append(events, r.late(p, hits)...)
		}
		if err != nil {
			return events, err
		}
		n = end + 1
	}
	return events, nil
}

// late takes in payments of a block that was read before without their target.
func (r *run) late(p pages, hits []hit) (events []chain.Event) {
	ref := p.ref()
	for _, b := range r.cursor.Ring {
		if b.Height == ref.Height && b.Hash != ref.Hash {
			return nil // reorganised right now: the new branch is read with the target
		}
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
