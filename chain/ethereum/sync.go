package ethereum

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/cointill/till/chain"
)

// stride is how many blocks at most go into one batch when catching up.
const stride = 64

// window is how many blocks are held in memory at once when catching up.
const window = 8

// sync follows the node to its head. The hint is a header that a subscription
// brought; it saves a question where it continues what is known.
func (r *run) sync(ctx context.Context, hint *header) error {
	if hint != nil && hint.number == r.cursor.Head().Height+1 && hint.parent.Hex() == r.cursor.Head().Hash {
		// A head that was announced and can't be read may have been a partial one
		// (flashblocks); what the node calls its head decides.
		if err := r.extend(ctx, len(r.cursor.Ring), []header{*hint}); !isMissing(err) {
			return err
		}
	}
	for ctx.Err() == nil {
		head, err := r.conn.head(ctx)
		if err != nil {
			return err
		}
		if top := r.cursor.Head(); head.hash.Hex() == top.Hash {
			r.backedAt = time.Time{}
			if r.stalled() {
				return fmt.Errorf("%s: %w: no new block for %v, while another endpoint has one", r.conn.name, errBehind, time.Since(r.headAt).Round(time.Second))
			}
			return nil
		}
		if len(r.cursor.Ring) == 0 {
			if err := r.begin(ctx, head); err != nil {
				return err
			}
			continue
		}
		if err := r.step(ctx, head); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// begin starts without a cursor: at the block before the birthday, or at the
// head, with the blocks before it in the ring so that a reorganisation right
// after the start is understood.
func (r *run) begin(ctx context.Context, head header) error {
	if b := r.w.cfg.Birthday; b > 0 && b <= head.number {
		first, err := r.conn.at(ctx, b-1)
		if err != nil {
			return err
		}
		r.cursor.Ring = []chain.BlockRef{first.ref()}
		r.w.setMatched(first.number)
		return nil
	}
	from := head.number - min(head.number, stride-1)
	list, err := r.conn.headers(ctx, from, head.number)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i > 0; i-- {
		if list[i-1].hash != list[i].parent {
			list = list[i:] // it moved while it was read
			break
		}
	}
	cursor := chain.Cursor{}
	for _, h := range list {
		cursor = cursor.Push(h.ref())
	}
	// Targets from before the start are looked back for: there is no life
	// before that could have covered them.
	last := list[len(list)-1]
	r.w.mu.Lock()
	r.w.matched = last.number
	late := lookBack{targets: map[common.Address]chain.Target{}, from: last.number + 1, to: last.number}
	for addr, t := range r.w.targets {
		if t.Since > 0 && t.Since < last.number {
			late.targets[addr] = t
			late.from = min(late.from, t.Since+1)
		}
	}
	if len(late.targets) > 0 {
		r.w.queueBack(late)
	}
	r.w.mu.Unlock()
	r.headAt = time.Now()
	tip := r.tipState(ctx, last.ref())
	if !r.deliver(ctx, []chain.Event{{Kind: chain.Tip, Tip: tip}}, cursor) {
		return ctx.Err()
	}
	r.tip = tip
	r.votes.follow(r.cursor.Ring, nil)
	return nil
}

func (w *Watcher) setMatched(height uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.matched = height
}

// step goes at most one stride towards a head that is not the known one.
func (r *run) step(ctx context.Context, head header) error {
	ring := r.cursor.Ring
	top := r.cursor.Head()
	switch {
	case r.index(head.hash) >= 0:
		if err := r.backed(ctx, head); err != nil {
			return err
		}
	case head.number < ring[0].Height:
		// A node that still catches up itself looks like this, as well as a
		// development chain that began anew. Taking everything back is for
		// the second alone.
		if r.patient(50 * r.w.cfg.BlockTime) {
			return fmt.Errorf("%s: %w: its head is %d, %d was read", r.conn.name, errBehind, head.number, top.Height)
		}
	default:
		r.backedAt = time.Time{}
	}
	goal := head
	if head.number > top.Height+stride {
		r.progress(head.number)
		var err error
		if goal, err = r.conn.at(ctx, top.Height+stride); err != nil {
			return err
		}
	}
	path, fork, err := r.route(ctx, goal)
	if err != nil {
		return err
	}
	if fork == 0 {
		r.w.cfg.Logger.Warn("A reorganisation goes deeper than what is remembered; everything that is remembered is retracted",
			"chain", r.w.network, "from", ring[0].Height, "to", top.Height)
	}
	return r.extend(ctx, fork, path)
}

// index finds a block in the ring, or -1.
func (r *run) index(hash common.Hash) int {
	text := hash.Hex()
	for i := len(r.cursor.Ring) - 1; i >= 0; i-- {
		if r.cursor.Ring[i].Hash == text {
			return i
		}
	}
	return -1
}

// backed decides what it means that the node's head is a block that was passed:
// either the chain was taken back, or this node lags behind the one that was
// asked before. Only a node that knows the later block and doesn't count it any
// more is believed.
func (r *run) backed(ctx context.Context, head header) error {
	top := r.cursor.Head()
	answers, err := r.conn.batch(ctx,
		question{"eth_getBlockByNumber", []any{"latest", false}},
		question{"eth_getBlockByHash", []any{top.Hash, false}},
		question{"eth_getBlockByNumber", []any{hexutil.Uint64(top.Height), false}})
	if err != nil {
		return err
	}
	if now, err := decodeHeader(answers[0].raw); answers[0].err == nil && err == nil && now == head {
		at, err := decodeHeader(answers[2].raw)
		replaced := answers[2].err != nil || err != nil || at.hash.Hex() != top.Hash
		if answers[1].err == nil && replaced {
			r.backedAt = time.Time{}
			return nil
		}
	}
	if r.patient(3 * r.w.cfg.BlockTime) {
		return fmt.Errorf("%s: %w: its head is %d, %d was read", r.conn.name, errBehind, head.number, top.Height)
	}
	return nil
}

// patient tells that a node may only be behind, as one is that was restored from
// a backup: it catches up in the end, however long that takes. Only a chain that
// mines on demand may stay where it was taken back to; there time decides.
func (r *run) patient(limit time.Duration) bool {
	if r.w.cfg.Stale > 0 {
		return true
	}
	if r.backedAt.IsZero() {
		r.backedAt = time.Now()
	}
	if time.Since(r.backedAt) <= limit {
		return true
	}
	r.backedAt = time.Time{}
	return false
}

// route finds the way from the ring to goal: the headers to read, oldest first,
// and how many of the ring's blocks stay. 0 says that none does; the way then
// begins at the ring's oldest height.
func (r *run) route(ctx context.Context, goal header) ([]header, int, error) {
	ring := r.cursor.Ring
	top := r.cursor.Head()
	if goal.number > top.Height+1 && goal.number <= top.Height+stride {
		list, err := r.conn.headers(ctx, top.Height+1, goal.number)
		if err == nil && linked(list, top.Hash) && list[len(list)-1].hash == goal.hash {
			return list, len(ring), nil
		}
	}
	path := []header{goal}
	for {
		h := path[len(path)-1]
		if i := r.index(h.hash); i >= 0 {
			path = path[:len(path)-1]
			slices.Reverse(path)
			return path, i + 1, nil
		}
		if i := r.index(h.parent); i >= 0 {
			slices.Reverse(path)
			return path, i + 1, nil
		}
		if h.number <= ring[0].Height || h.number == 0 {
			slices.Reverse(path)
			return path, 0, nil
		}
		if len(path) > stride+chain.RingSize {
			return nil, 0, fmt.Errorf("%s: %w: block %d has too many ancestors", r.conn.name, errLying, goal.number)
		}
		parent, err := r.conn.header(ctx, h.parent)
		if err != nil {
			return nil, 0, err
		}
		if parent.number+1 != h.number {
			return nil, 0, fmt.Errorf("%s: %w: block %d is said to follow %d", r.conn.name, errLying, h.number, parent.number)
		}
		path = append(path, parent)
	}
}

func linked(list []header, parent string) bool {
	for _, h := range list {
		if h.parent.Hex() != parent {
			return false
		}
		parent = h.hash.Hex()
	}
	return true
}

// progress tells how far behind the watcher is.
func (r *run) progress(goal uint64) {
	h := r.w.Health()
	h.State, h.Code, h.Goal = chain.Syncing, chain.HealthOK, goal
	r.intend(h)
}
