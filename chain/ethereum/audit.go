package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/cointill/till/chain"
)

// While nobody waits for money, a lean watcher reads heads alone. What came
// meanwhile is asked for afterwards, in few questions: logs over the skipped
// blocks for tokens, balances for coins. Only blocks that hold something are read.
const (
	idlePoll   = 15 * time.Second // between two looks at the head
	auditEvery = 10 * time.Minute
	logsAcross = 500 // blocks in one question for logs
	logsFor    = 200 // addresses in one
)

// idle tells whether blocks need not be looked into.
func (w *Watcher) idle() bool {
	if !w.cfg.Lean {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waited()) == 0
}

// audit is one look at blocks that were skipped.
type audit struct {
	owed purses                          // where more came than was matched: how much in all after At, in Came
	then purses                          // what they hold at its end
	next uint64                          // the first block that it does not cover
	seen map[common.Address]chain.Amount // of what is owed, found so far
}

// audit asks about skipped blocks: when somebody begins to wait, and every ten
// minutes.
func (r *run) audit(ctx context.Context) error {
	head := r.cursor.Head()
	idle := r.w.idle()
	fresh := r.auditAt.IsZero() && r.w.cfg.Lean
	if !fresh && (r.skipped == 0 || idle && time.Since(r.auditAt) < auditEvery) {
		return nil
	}
	r.w.mu.RLock()
	pending := slices.ContainsFunc(r.w.back, func(l lookBack) bool { return l.audit != nil })
	targets := maps.Clone(r.w.targets)
	r.w.mu.RUnlock()
	if pending {
		return nil
	}
	a := &audit{owed: purses{}, then: purses{}, next: head.Height + 1, seen: map[common.Address]chain.Amount{}}
	if err := r.weighAll(ctx, a, targets, head); err != nil {
		return err
	}
	var blocks []uint64
	if r.skipped != 0 {
		var err error
		if blocks, err = r.logsIn(ctx, targets, r.skipped, head.Height); err != nil {
			return err
		}
	}
	r.auditAt = time.Now()
	jobs := make([]lookBack, 0, len(blocks)+1)
	for _, n := range blocks {
		jobs = append(jobs, lookBack{targets: targets, from: n, to: n})
	}
	if len(a.owed) > 0 && r.skipped != 0 {
		job := lookBack{targets: map[common.Address]chain.Target{}, from: r.skipped, to: head.Height, audit: a}
		for addr, owed := range a.owed {
			job.targets[addr] = targets[addr]
			job.from = min(job.from, owed.At.Height+1)
		}
		jobs = append(jobs, job)
	} else if len(jobs) > 0 {
		jobs[len(jobs)-1].audit = a
	} else {
		r.audited(a)
		return nil
	}
	r.w.mu.Lock()
	r.w.back = append(r.w.back, jobs...)
	r.w.wake()
	r.w.mu.Unlock()
	return nil
}

// audited ends an audit.
func (r *run) audited(a *audit) {
	for _, b := range r.cursor.Ring {
		for _, h := range r.hits[b.Hash] {
			if p := a.then[addressOf(h)]; p != nil && b.Height >= a.next && isCoins(h, r.w.cfg.Native.ID) {
				p.Came, _ = p.Came.Add(h.Event.Amount)
			}
		}
	}
	for addr, p := range a.then {
		if old := r.purses[addr]; old == nil || old.At.Height < p.At.Height {
			r.purses[addr] = p
		}
	}
	if r.skipped != 0 && r.skipped < a.next {
		r.skipped = 0
		if head := r.cursor.Head().Height; head >= a.next {
			r.skipped = a.next // what was skipped while it ran
		}
	}
	r.unsaved = true
}

// weighAll compares the balances of all targets that take coins.
func (r *run) weighAll(ctx context.Context, a *audit, targets map[common.Address]chain.Target, head chain.BlockRef) error {
	if r.conn.noState || head.IsZero() {
		return nil
	}
	var addrs []common.Address
	for addr, t := range targets {
		if slices.Contains(t.Assets, r.w.cfg.Native.ID) {
			addrs = append(addrs, addr)
		}
	}
	for part := range slices.Chunk(addrs, 5*batchSize) {
		now, err := r.conn.balances(ctx, part, head.Hash)
		if noState(err) {
			return nil // the next audit asks again
		}
		if err != nil {
			return err
		}
		for _, addr := range part {
			a.then[addr] = &purse{Awaited: r.awaited[addr], Coins: now[addr], At: head}
			old := r.purses[addr]
			if old == nil {
				continue
			}
			expected, _ := old.Coins.Add(old.Came)
			if more := now[addr].Sub(expected); !r.w.cfg.dust(r.w.cfg.Native.ID, more) {
				a.owed[addr] = &purse{Came: now[addr].Sub(old.Coins), At: old.At}
			}
		}
	}
	return nil
}

// came notes what of the owed a block explains, and at the last one tells the
// rest, as sent by contracts.
func (a *audit) came(r *run, p pages, hits []hit, last bool) (more []hit) {
	for addr, owed := range a.owed {
		if p.number > owed.At.Height {
			a.seen[addr], _ = a.seen[addr].Add(r.came(addr, hits))
		}
		rest := owed.Came.Sub(a.seen[addr])
		if !last || r.w.cfg.dust(r.w.cfg.Native.ID, rest) {
			continue
		}
		if to, _, ok := r.w.aim()(addr); ok {
			more = append(more, hit{Proof: &rise{}, Event: chain.Event{
				Kind: chain.Included, Target: to, Asset: r.w.cfg.Native.ID, Amount: rest, Block: p.ref(),
				Key: r.w.key(p.hash, chain.NoTx|insideIndex(addr)),
			}})
		}
	}
	return more
}

// logsIn lists the blocks of a range with transfers of listed tokens to targets.
func (r *run) logsIn(ctx context.Context, targets map[common.Address]chain.Target, from, to uint64) ([]uint64, error) {
	var contracts []common.Address
	for addr := range r.w.listed {
		if _, ok := r.w.token(addr); ok {
			contracts = append(contracts, addr)
		}
	}
	if len(contracts) == 0 || len(targets) == 0 {
		return nil, nil
	}
	var topics []common.Hash
	for addr := range targets {
		topics = append(topics, common.BytesToHash(addr[:]))
	}
	found := map[uint64]bool{}
	across := uint64(logsAcross)
	for n := from; n <= to; {
		end := min(to, n+across-1)
		for part := range slices.Chunk(topics, logsFor) {
			raw, err := r.conn.call(ctx, "eth_getLogs", map[string]any{
				"fromBlock": hexutil.Uint64(n), "toBlock": hexutil.Uint64(end), "address": contracts, "topics": []any{transferTopic, nil, part},
			})
			if errors.Is(err, errRefused) && across > 1 { // providers allow ranges of many sizes
				across /= 2
				end = n - 1
				break
			}
			if err != nil {
				return nil, err
			}
			var list []struct {
				Block string `json:"blockNumber"`
			}
			if err := json.Unmarshal(raw, &list); err != nil {
				return nil, fmt.Errorf("%s: logs can't be read: %w", r.conn.name, err)
			}
			for _, l := range list {
				height, err := parseNumber(l.Block)
				if err != nil || height < n || height > end {
					return nil, fmt.Errorf("%s: %w: asked for logs of blocks %d to %d, got one of %.20q", r.conn.name, errLying, n, end, l.Block)
				}
				found[height] = true
			}
		}
		n = end + 1
	}
	return slices.Sorted(maps.Keys(found)), nil
}
