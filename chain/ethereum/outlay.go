package ethereum

import (
	"context"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// outlays is what addresses spent in a block by transactions of their own, with
// the cost of mining them. A shop that lists addresses of its own wallet may
// spend from them while somebody pays there.
type outlays map[common.Address]chain.Amount

// outlays adds up what the addresses that are asked for spent in a block.
func (r *run) outlays(ctx context.Context, p pages, of func(common.Address) bool) (outlays, error) {
	went := outlays{}
	for i := range p.list {
		t := &p.list[i]
		if !of(t.from) {
			continue
		}
		var did *receipt
		if i < len(p.receipts) {
			did = p.receipts[i]
		}
		if did == nil {
			one, err := r.conn.receipt(ctx, t.hash)
			if err != nil {
				return nil, err
			}
			if one.blockHash != p.hash {
				return nil, fmt.Errorf("%s: %w: transaction %s left block %d", r.conn.name, errMissing, t.hash, p.number)
			}
			did = &one
		}
		sum := did.cost
		if did.ok && (t.to == nil || *t.to != t.from) {
			sum, _ = sum.Add(t.value)
		}
		went[t.from], _ = went[t.from].Add(sum)
	}
	return went, nil
}

// rewound is the purses after the blocks above height have left the chain, with
// the payments and outlays that were lost with them. What was asked of a lost block is asked
// again of the last one that stays, except where somebody waits: those are asked
// anyway.
func (r *run) rewound(ctx context.Context, ring, gone []chain.BlockRef, lost []hit) purses {
	kept := purses{}
	if len(ring) == 0 {
		return kept
	}
	fork := ring[len(ring)-1]
	var again []common.Address
	for addr, p := range r.purses {
		switch {
		case p.At.Height <= fork.Height:
			held := *p
			kept[addr] = &held
		case !r.awaited[addr]:
			again = append(again, addr)
		}
	}
	for _, h := range lost {
		if p := kept[addressOf(h)]; p != nil && isCoins(h, r.w.cfg.Native.ID) {
			p.Came = p.Came.Sub(h.Event.Amount)
		}
	}
	for _, b := range gone {
		for addr, sum := range r.spent[b.Hash] {
			if p := kept[addr]; p != nil {
				p.Went = p.Went.Sub(sum)
			}
		}
	}
	if r.conn.noState {
		return kept
	}
	for part := range slices.Chunk(again, 5*batchSize) {
		now, err := r.conn.balances(ctx, part, fork.Hash)
		if err != nil {
			break // they begin anew
		}
		for addr, coins := range now {
			kept[addr] = &purse{Awaited: r.purses[addr].Awaited, Coins: coins, At: fork}
		}
	}
	return kept
}
