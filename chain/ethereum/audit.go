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
	mayBeCut   = 100 // logs in one answer: some providers leave out the rest without a word
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
	head chain.BlockRef           // its end
	then purses                   // what they hold there
	owed map[common.Address]*owed // where that is not what was known and matched
}

// owed is an address that holds something else than is explained.
type owed struct {
	was, holds chain.Amount // at the block at, and at the audit's end
	at         uint64
	came, went chain.Amount // in the blocks after at that were read again so far
}

// rest is what came and is in no transaction's value.
func (o *owed) rest() chain.Amount {
	has, _ := o.holds.Add(o.went)
	expected, _ := o.was.Add(o.came)
	return has.Sub(expected)
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
	a := &audit{head: head, then: purses{}, owed: map[common.Address]*owed{}}
	if err := r.weighAll(ctx, a, targets); isMissing(err) && r.noStates < maxNoStates {
		r.noStates++ // the head may be too fresh for one of several nodes
		return nil
	} else if err != nil && !noState(err) {
		return err
	}
	r.noStates = 0
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
			job.from = min(job.from, owed.at+1)
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
			if p := a.then[addressOf(h)]; p != nil && b.Height > a.head.Height && isCoins(h, r.w.cfg.Native.ID) {
				p.Came, _ = p.Came.Add(h.Event.Amount)
			}
		}
	}
	for addr, p := range a.then {
		if old := r.purses[addr]; old == nil || old.At.Height < p.At.Height {
			r.purses[addr] = p
		}
	}
	if r.skipped != 0 && r.skipped <= a.head.Height {
		r.skipped = 0
		if r.cursor.Head().Height > a.head.Height {
			r.skipped = a.head.Height + 1 // what was skipped while it ran
		}
	}
	r.unsaved = true
}

// dropAudit gives an audit up whose blocks have left the chain; the next one
// begins at once.
func (r *run) dropAudit() {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.back = slices.DeleteFunc(r.w.back, func(l lookBack) bool { return l.audit != nil })
	r.auditAt = time.Time{}
	r.w.wake()
}

// weighAll compares the balances of all targets that take coins.
func (r *run) weighAll(ctx context.Context, a *audit, targets map[common.Address]chain.Target) error {
	if r.conn.noState || a.head.IsZero() {
		return nil
	}
	var addrs []common.Address
	for addr, t := range targets {
		if slices.Contains(t.Assets, r.w.cfg.Native.ID) {
			addrs = append(addrs, addr)
		}
	}
	for part := range slices.Chunk(addrs, 5*batchSize) {
		now, err := r.conn.balances(ctx, part, a.head.Hash)
		if err != nil {
			return err
		}
		for _, addr := range part {
			a.then[addr] = &purse{Awaited: r.awaited[addr], Coins: now[addr], At: a.head}
			// Less than expected was spent; what came beside that is in the blocks.
			if old := r.purses[addr]; old != nil && now[addr] != old.expects() {
				a.owed[addr] = &owed{was: old.Coins, holds: now[addr], at: old.At.Height}
			}
		}
	}
	return nil
}

// note adds up what a block explains of the owed.
func (a *audit) note(ctx context.Context, r *run, p pages, hits []hit) error {
	went, err := r.outlays(ctx, p, func(addr common.Address) bool { return a.owed[addr] != nil })
	if err != nil {
		return err
	}
	for addr, o := range a.owed {
		if p.number > o.at {
			o.came, _ = o.came.Add(r.came(addr, hits))
			o.went, _ = o.went.Add(went[addr])
		}
	}
	return nil
}

// rest tells what no block explains as payments in the audit's last one, sent by
// contracts.
func (a *audit) rest(r *run) (more []hit) {
	for addr, o := range a.owed {
		to, _, ok := r.w.aim()(addr)
		if !ok || r.w.cfg.dust(r.w.cfg.Native.ID, o.rest()) {
			continue
		}
		more = append(more, hit{Proof: &rise{}, Event: chain.Event{
			Kind: chain.Included, Target: to, Asset: r.w.cfg.Native.ID, Amount: o.rest(), Block: a.head,
			Key: r.w.key(common.HexToHash(a.head.Hash), chain.NoTx|insideIndex(addr)),
		}})
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
			if len(list) >= mayBeCut && across > 1 {
				across /= 2
				end = n - 1
				break
			}
			for _, l := range list {
				height, err := parseNumber(l.Block)
				if err != nil || height < n || height > end {
					return nil, fmt.Errorf("%s: %w: asked for logs of blocks %d to %d, got one of %.20q", r.conn.name, errLying, n, end, r.conn.cleanText(l.Block))
				}
				found[height] = true
			}
		}
		n = end + 1
	}
	return slices.Sorted(maps.Keys(found)), nil
}
