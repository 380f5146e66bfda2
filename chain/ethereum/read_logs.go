package ethereum

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// oneByOne is how many receipts at most are asked for one by one, where an
// endpoint does not give those of a block in one answer.
const oneByOne = 400

// readHits is for endpoints without eth_getBlockReceipts, and for lean ones. It
// asks for the Transfer logs of listed tokens; all receipts and their root are
// read only of blocks that pay somebody who is looked for, and of those whose
// bloom does not rule out that a token was paid to somebody who waits: an endpoint
// that leaves a log out is found by that.
func (w *Watcher) readHits(ctx context.Context, c *conn, b *block) (pages, error) {
	wanted := map[common.Hash]bool{}
	place := make(map[common.Hash]bool, len(b.list))
	find := w.aim()
	for i := range b.list {
		t := &b.list[i]
		place[t.hash] = true
		if t.to != nil && !t.value.IsZero() {
			if _, _, ok := find(*t.to); ok {
				wanted[t.hash] = true
			}
		}
		if to, _, _, ok := w.called(t); ok {
			if _, _, ok := find(to); ok {
				wanted[t.hash] = true
			}
		}
	}
	contracts := w.contracts()
	if len(wanted) == 0 && !w.mayPay(b, contracts) && len(contracts) > 0 {
		paying, cut, err := c.transfers(ctx, b, contracts, find)
		if err != nil {
			return pages{}, err
		}
		for _, hash := range paying {
			if !place[hash] {
				return pages{}, fmt.Errorf("%s: %w: block %d has a log of a transaction that it does not hold", c.name, errLying, b.number)
			}
			wanted[hash] = true
		}
		if len(wanted) == 0 && !cut {
			return pages{block: b, receipts: make([]*receipt, len(b.list))}, nil
		}
	}
	if len(wanted) == 0 && len(contracts) == 0 {
		return pages{block: b, receipts: make([]*receipt, len(b.list))}, nil
	}
	if !c.noReceipts.Load() {
		return w.readReceipts(ctx, c, b)
	}
	return w.readOneByOne(ctx, c, b, wanted)
}

// readOneByOne asks for every receipt by itself; in a block of very many only for
// those that are wanted, which then stand on the endpoint's word.
func (w *Watcher) readOneByOne(ctx context.Context, c *conn, b *block, wanted map[common.Hash]bool) (pages, error) {
	all := len(b.list) <= oneByOne
	var questions []question
	var places []int
	for i := range b.list {
		if all || wanted[b.list[i].hash] {
			questions, places = append(questions, question{"eth_getTransactionReceipt", []any{b.list[i].hash}}), append(places, i)
		}
	}
	answers, err := c.batch(ctx, questions...)
	if err != nil {
		return pages{}, err
	}
	list := make([]receipt, len(answers))
	for i, a := range answers {
		if a.err != nil {
			return pages{}, a.err
		}
		if list[i], err = decodeReceipt(a.raw); err != nil {
			return pages{}, fmt.Errorf("%s: block %d: %w", c.name, b.number, err)
		}
		if hash := b.list[places[i]].hash; list[i].tx != hash {
			return pages{}, fmt.Errorf("%s: %w: asked for the receipt of %s, got that of %s", c.name, errLying, hash, list[i].tx)
		}
		if list[i].blockHash != b.hash {
			return pages{}, fmt.Errorf("%s: %w: transaction %s left block %d", c.name, errMissing, list[i].tx, b.number)
		}
	}
	if all {
		return w.checked(c, b, list)
	}
	c.unproved.Store(true)
	p := pages{block: b, receipts: make([]*receipt, len(b.list))}
	for i, at := range places {
		p.receipts[at] = &list[i]
	}
	return p, nil
}

// contracts lists the tokens that count.
func (w *Watcher) contracts() (list []common.Address) {
	for addr := range w.listed {
		if _, ok := w.token(addr); ok {
			list = append(list, addr)
		}
	}
	return list
}

// transfers lists the transactions of a block that, by the endpoint's logs, move
// a listed token to or from somebody who is looked for. Cut says that there are so
// many that some may have been left out.
func (c *conn) transfers(ctx context.Context, b *block, contracts []common.Address, find aim) (hashes []common.Hash, cut bool, err error) {
	raw, err := c.call(ctx, "eth_getLogs", map[string]any{
		"blockHash": b.hash, "address": contracts, "topics": []any{transferTopic},
	})
	if err != nil {
		return nil, false, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, false, fmt.Errorf("%s: logs can't be read: %w", c.name, err)
	}
	for _, l := range list {
		e, in, err := decodeLog(l)
		if err != nil {
			return nil, false, fmt.Errorf("%s: block %d: %w", c.name, b.number, err)
		}
		if b.bloomed && !b.bloom.Test(e.address[:]) {
			c.unproved.Store(true) // this chain's blooms say nothing
		}
		from, to, _, ok := e.moved()
		if !ok {
			continue
		}
		for _, a := range []common.Address{from, to} {
			if _, _, ok := find(a); ok {
				hashes = append(hashes, in)
				break
			}
		}
	}
	return hashes, len(list) >= mayBeCut, nil
}

// mayPay tells whether a block's bloom lets it be that somebody who waits for a
// token got some. In a busy block it says yes without cause, and never no where
// there was something.
func (w *Watcher) mayPay(b *block, contracts []common.Address) bool {
	var waiting []common.Address
	w.mu.Lock()
	for _, addr := range w.waited() {
		if slices.ContainsFunc(w.targets[addr].Assets, func(id chain.AssetID) bool { return id.Contract() != "" }) {
			waiting = append(waiting, addr)
		}
	}
	w.mu.Unlock()
	if len(waiting) == 0 {
		return false
	}
	if !b.bloomed {
		return true
	}
	has := b.bloom.Test
	return has(transferTopic[:]) &&
		slices.ContainsFunc(contracts, func(a common.Address) bool { return has(a[:]) }) &&
		slices.ContainsFunc(waiting, func(a common.Address) bool { return has(common.LeftPadBytes(a[:], 32)) })
}
