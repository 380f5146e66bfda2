package ethereum

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// weighing is a question about balances that runs beside the reading of a block.
type weighing struct {
	addrs  []common.Address
	before map[common.Address]chain.Amount // at the block before, where no purse knows
	after  map[common.Address]chain.Amount
	err    error
}

// weigh asks what the curious addresses hold at a block, and what those of them
// that have no purse held at the block before it.
func (r *run) weigh(ctx context.Context, d drawer, addrs []common.Address, before, at string) func() weighing {
	var fresh []common.Address
	for _, a := range addrs {
		if d.get(a) == nil {
			fresh = append(fresh, a)
		}
	}
	answer := make(chan weighing, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				answer <- weighing{err: fmt.Errorf("%w: %v", errFault, p)}
			}
		}()
		answer <- r.conn.weigh(ctx, fresh, addrs, before, at)
	}()
	return func() weighing { return <-answer }
}

func (c *conn) weigh(ctx context.Context, fresh, addrs []common.Address, before, at string) weighing {
	w := weighing{addrs: addrs}
	if len(addrs) == 0 {
		return w
	}
	if w.after, w.err = c.balances(ctx, addrs, at); w.err != nil {
		return w
	}
	if len(fresh) > 0 && before != "" {
		w.before, w.err = c.balances(ctx, fresh, before)
	}
	return w
}

// inside finds what came to purses by blocks and is in no hit: coins from
// contracts. Pages are the blocks just read, oldest first, with their hits; the
// balances are those at the last of them. Purses are brought up to date.
func (r *run) inside(ctx context.Context, d drawer, list []pages, hits [][]hit, went []outlays, w weighing) {
	last := len(list) - 1
	for _, addr := range w.addrs {
		after, ok := w.after[addr]
		if !ok {
			continue
		}
		c := course{came: make([]chain.Amount, len(list)), went: make([]chain.Amount, len(list))}
		for i := range list {
			c.came[i], c.went[i] = r.came(addr, hits[i]), went[i][addr]
		}
		var known bool
		if p := d.get(addr); p != nil { // it has these pages in it already
			c.base, known = p.Coins, true
			c.base, _ = c.base.Add(p.Came.Sub(sum(c.came)))
			c.base = c.base.Sub(p.Went.Sub(sum(c.went)))
		} else if c.base, known = w.before[addr]; !known {
			c.base, _ = after.Add(sum(c.went))
			c.base = c.base.Sub(sum(c.came))
		}
		if d.base[addr] == nil && r.awaited[addr] {
			r.dirty = true
		}
		// Where a contract spends what the address holds, this is less than what
		// came, never more.
		more := c.more(last, after)
		for range 8 { // they may have come in several blocks
			if r.w.cfg.dust(r.w.cfg.Native.ID, more) {
				break
			}
			i, part := r.locate(ctx, addr, c, more, list)
			proof := &rise{}
			if i == last {
				before, _ := after.Add(c.went[i])
				proof = &rise{Parent: list[i].parent.Hex(), Before: before.Sub(part).Sub(c.came[i]), After: after}
			}
			hits[i] = append(hits[i], r.attribute(ctx, list[i], addr, part, proof)...)
			c.came[i], _ = c.came[i].Add(part)
			more = more.Sub(part)
		}
		d.over[addr] = &purse{Awaited: r.awaited[addr], Coins: after, At: list[last].ref()}
	}
}

// course is what is known of an address over some blocks: what it held before
// them, and what came and went in each.
type course struct {
	base       chain.Amount
	came, went []chain.Amount
}

// more is how much of what it holds after block i nothing explains.
func (c course) more(i int, holds chain.Amount) chain.Amount {
	has, _ := holds.Add(sum(c.went[:i+1]))
	expected, _ := c.base.Add(sum(c.came[:i+1]))
	return has.Sub(expected)
}

func sum(list []chain.Amount) (all chain.Amount) {
	for _, a := range list {
		all, _ = all.Add(a)
	}
	return all
}

// locate finds the first block in which an address got more than is explained,
// and how much of it; the last one where the node does not remember.
func (r *run) locate(ctx context.Context, addr common.Address, c course, more chain.Amount, list []pages) (int, chain.Amount) {
	last := len(list) - 1
	unexplained := func(i int) (chain.Amount, error) {
		now, err := r.conn.balances(ctx, []common.Address{addr}, list[i].hash.Hex())
		if err != nil {
			return chain.Amount{}, err
		}
		return c.more(i, now[addr]), nil
	}
	var failed error
	part := more
	i := sort.Search(last, func(i int) bool {
		if failed != nil {
			return false
		}
		var here chain.Amount
		if here, failed = unexplained(i); failed != nil || here.IsZero() {
			return false
		}
		part = here
		return true
	})
	if failed != nil || part.Cmp(more) > 0 || i == last {
		return last, more
	}
	return i, part
}

// attribute finds the transaction of coins that came from a contract: by the
// chain's own log, or because it alone names the address. What belongs to no
// transaction is reported as the block's.
func (r *run) attribute(ctx context.Context, p pages, addr common.Address, amount chain.Amount, proof *rise) []hit {
	to, _, ok := r.w.aim()(addr)
	if !ok {
		return nil
	}
	if found := r.logged(ctx, p, addr, amount); found != nil {
		return found
	}
	inside := insideIndex(addr)
	h := hit{Proof: proof, Event: chain.Event{
		Kind: chain.Included, Target: to, Asset: r.w.cfg.Native.ID, Amount: amount, Block: p.ref(),
		Key: r.w.key(p.hash, chain.NoTx|inside),
	}}
	if t := r.naming(ctx, p, addr); t != nil {
		h.Event.Key, h.From, h.Nonce = r.w.key(t.hash, inside), t.from, t.nonce
	}
	return []hit{h}
}

// insideIndex tells apart what one transaction, or block, pays to several.
func insideIndex(addr common.Address) uint32 {
	return internalIndex | 1<<29 | binary.BigEndian.Uint32(addr[16:])>>3
}

// naming is the one transaction of a block that worked and has the address in
// its call data, nil where there is none or more than one: batches, smart
// wallets and constructors get it as an argument.
func (r *run) naming(ctx context.Context, p pages, addr common.Address) *tx {
	var found *tx
	digits := strings.ToLower(addr.Hex()[2:])
	for i := range p.list {
		t := &p.list[i]
		if t.to != nil && *t.to == addr || !strings.Contains(strings.ToLower(t.input), digits) {
			continue
		}
		if _, _, _, token := r.w.called(t); token {
			continue
		}
		var worked *receipt
		if i < len(p.receipts) {
			worked = p.receipts[i]
		}
		if worked == nil {
			one, err := r.conn.receipt(ctx, t.hash)
			if err != nil || one.blockHash != p.hash {
				continue
			}
			worked = &one
		}
		if !worked.ok {
			continue
		}
		if found != nil {
			return nil
		}
		found = t
	}
	return found
}

// logged asks a chain with EIP-7708 for its logs where the receipts were not
// read. Nil says that they don't explain the amount.
func (r *run) logged(ctx context.Context, p pages, addr common.Address, amount chain.Amount) []hit {
	if p.whole {
		return nil // matched already
	}
	logs, err := r.conn.coinLogs(ctx, p.hash, addr)
	if err != nil {
		return nil
	}
	var found []hit
	var sum chain.Amount
	seen := map[common.Hash]bool{}
	for _, hash := range logs {
		i := slices.IndexFunc(p.list, func(t tx) bool { return t.hash == hash })
		if i < 0 || seen[hash] {
			continue
		}
		seen[hash] = true
		one, err := r.conn.receipt(ctx, hash)
		if err != nil || one.blockHash != p.hash {
			return nil
		}
		only := &block{header: p.header, list: p.list[i : i+1]}
		for _, h := range r.w.match(only, []*receipt{&one}, r.w.aim()) {
			if h.Event.Key.Index >= internalIndex && addressOf(h) == addr {
				found = append(found, h)
				sum, _ = sum.Add(h.Event.Amount)
			}
		}
	}
	if sum != amount {
		return nil
	}
	return found
}

// coinLogs lists the transactions of a block whose coins an address got,
// according to the chain's own logs.
func (c *conn) coinLogs(ctx context.Context, block common.Hash, addr common.Address) ([]common.Hash, error) {
	raw, err := c.call(ctx, "eth_getLogs", map[string]any{
		"blockHash": block, "address": []common.Address{coinLogs},
		"topics": []any{transferTopic, nil, common.BytesToHash(addr[:])},
	})
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: logs can't be read: %w", c.name, err)
	}
	var hashes []common.Hash
	for _, l := range list {
		_, in, err := decodeLog(l)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, in)
	}
	return hashes, nil
}

// logsCoins tells whether a block was made under EIP-7708, as far as its
// receipts say: then they hold every internal transfer.
func logsCoins(p pages) bool {
	if !p.whole {
		return false
	}
	for _, r := range p.receipts {
		for _, e := range r.logs {
			if e.address == coinLogs {
				return true
			}
		}
	}
	return false
}

// noState tells that a node does not have balances at a block: asking again
// helps only where it is about to get them.
func noState(err error) bool {
	return errors.Is(err, errMissing) || errors.Is(err, errRefused) || errors.Is(err, errNoMethod)
}

// compare holds a window's blocks against balances. A node that does not have
// them is given a little time at the tip, and is then believed without.
func (r *run) compare(ctx context.Context, d drawer, list []pages, hits [][]hit, went []outlays, w weighing) error {
	if logsCoins(list[len(list)-1]) {
		for _, addr := range w.addrs {
			d.over[addr] = nil
		}
		return nil
	}
	if w.err == nil {
		r.noStates = 0
		r.inside(ctx, d, list, hits, went, w)
		return nil
	}
	if !noState(w.err) {
		return w.err
	}
	if len(list) > 1 {
		return nil // of old blocks; purses wait for one whose balances are there
	}
	if r.noStates++; r.noStates <= maxNoStates && isMissing(w.err) {
		return w.err
	}
	r.noStates, r.conn.noState = 0, true
	r.w.cfg.Logger.Warn("The endpoint does not tell balances of a block; coins that contracts send are seen only where the chain logs them",
		"chain", r.w.network, "endpoint", r.conn.name, "cause", w.err)
	return nil
}

// maxNoStates is how often in a row balances of the tip may be missing.
const maxNoStates = 3
