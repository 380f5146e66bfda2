package ethereum

import (
	"context"
	"time"

	"github.com/cointill/till/chain"
)

// tipState describes a new end of the chain.
func (r *run) tipState(ctx context.Context, head chain.BlockRef) chain.TipState {
	r.askTags(ctx)
	return r.tagged(head)
}

// tagged counts safe and finalized no further than the quorum agrees: one node
// alone must not make a block final.
func (r *run) tagged(head chain.BlockRef) chain.TipState {
	agreed := min(r.votes.agreed(head), head.Height)
	return chain.TipState{Block: head, Agreed: agreed, Safe: min(r.safe, agreed), Final: min(r.final, agreed)}
}

// askTags asks for the safe and finalized blocks, where the node has them, at
// most once a block time.
func (r *run) askTags(ctx context.Context) {
	if r.conn.noTags || time.Since(r.tags) < r.w.cfg.BlockTime {
		return
	}
	r.tags = time.Now()
	answers, err := r.conn.batch(ctx,
		question{"eth_getBlockByNumber", []any{"safe", false}},
		question{"eth_getBlockByNumber", []any{"finalized", false}})
	if err != nil {
		return // the next question will tell whether the connection is lost
	}
	found := false
	for i, into := range []*uint64{&r.safe, &r.final} {
		if answers[i].err != nil {
			continue
		}
		if h, err := decodeHeader(answers[i].raw); err == nil {
			*into, found = h.number, true
		}
	}
	r.conn.noTags = !found
}

// revote tells a new agreement on blocks that are known already.
func (r *run) revote(ctx context.Context) {
	head := r.cursor.Head()
	if head.IsZero() {
		return
	}
	tip := r.tagged(head)
	if tip == r.tip {
		return
	}
	if r.deliver(ctx, []chain.Event{{Kind: chain.Tip, Tip: tip}}, r.cursor) {
		r.tip = tip
	}
}
