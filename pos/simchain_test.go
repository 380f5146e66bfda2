package pos_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
)

// simChain is a chain with a mempool, and a watcher of it that keeps to the
// contract: it reads on from the cursor that the register stored.
type simChain struct {
	s    *simulation
	id   string
	rail *rail

	// What the register gave it at its start, and how far it has told.
	ctx    context.Context
	sink   chain.Sink
	cursor chain.Cursor
	ready  bool

	mu     sync.Mutex
	blocks []chain.BlockRef
	txs    []*simTx
	made   int
	tips   map[string]chain.TipState // by block hash
	known  map[uint64]reported       // by Cursor.Seq: what was reported by then
	sent   []batch
}

// simTx pays one destination.
type simTx struct {
	id     chain.TxID
	to     chain.Destination
	amount uint64
	block  chain.BlockRef // zero = not in one
	pooled bool
	by     chain.TxID // what replaced it
	at     time.Time  // when it was sent
}

func (x *simTx) live() bool { return x.pooled || x.block.Hash != "" }

// reported is what the register was told of every transaction, and of the chain.
type reported struct {
	txs  map[chain.TxID]string // hash of its block, "" = seen
	ring []chain.BlockRef
}

type batch struct {
	events []chain.Event
	cursor chain.Cursor
}

func newSimChain(s *simulation, id string, height int) *simChain {
	c := &simChain{s: s, id: id, known: map[uint64]reported{0: {}}, tips: map[string]chain.TipState{}}
	for range height {
		c.grow()
	}
	return c
}

func (c *simChain) asset() chain.AssetID {
	if c.id == btc {
		return chain.Bitcoin
	}
	return chain.AssetID(c.id + "/native")
}

func (c *simChain) head() chain.BlockRef { return c.blocks[len(c.blocks)-1] }

// grow adds an empty block.
func (c *simChain) grow() chain.BlockRef {
	c.made++
	b := chain.BlockRef{Height: uint64(len(c.blocks) + 1), Hash: fmt.Sprintf("%s-%d", c.id, c.made), Time: c.s.clock.Now()}
	c.blocks = append(c.blocks, b)
	c.tips[b.Hash] = chain.TipState{Block: b, Agreed: b.Height}
	return b
}

// change does something to the chain. The watcher looks when it is pumped.
func (c *simChain) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
}

func (c *simChain) pay(to chain.Destination, n uint64) {
	c.change(func() {
		c.made++
		c.txs = append(c.txs, &simTx{id: chain.TxID(fmt.Sprintf("%s-tx%d", c.id, c.made)), to: to, amount: n, pooled: true, at: c.s.clock.Now()})
	})
}

// mine makes a block of all that waits, or of half of it.
func (c *simChain) mine(all bool) {
	c.change(func() { c.mineNow(all) })
}

func (c *simChain) mineNow(all bool) {
	b := c.grow()
	for i, tx := range c.txs {
		if tx.pooled && (all || i%2 == 0) {
			tx.pooled, tx.block = false, b
		}
	}
}

// reorg replaces the last blocks by more others. What was in them is in one of
// the new ones, waits again, or is forgotten.
func (c *simChain) reorg(depth int, mined, forget bool) {
	c.change(func() {
		c.blocks = c.blocks[:max(1, len(c.blocks)-depth)]
		for _, tx := range c.txs {
			if tx.block.Height > c.head().Height {
				tx.block, tx.pooled = chain.BlockRef{}, !forget
			}
		}
		for i := range depth + 1 {
			if mined {
				c.mineNow(i%2 == 1)
			} else {
				c.grow()
			}
		}
	})
}

func (c *simChain) pooled(n int) *simTx {
	var all []*simTx
	for _, tx := range c.txs {
		if tx.pooled {
			all = append(all, tx)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[n%len(all)]
}

// replace spends a waiting payment's money again: to us, or not.
func (c *simChain) replace(n int, ours bool) {
	c.change(func() {
		old := c.pooled(n)
		if old == nil {
			return
		}
		c.made++
		old.pooled, old.by = false, chain.TxID(fmt.Sprintf("%s-tx%d", c.id, c.made))
		if ours {
			c.txs = append(c.txs, &simTx{id: old.by, to: old.to, amount: old.amount, pooled: true, at: old.at})
		}
	})
}

func (c *simChain) drop(n int) {
	c.change(func() {
		if tx := c.pooled(n); tx != nil {
			tx.pooled = false
		}
	})
}

// again delivers a batch that was delivered before.
func (c *simChain) again(n int) {
	c.mu.Lock()
	var old batch
	if len(c.sent) > 0 {
		old = c.sent[n%len(c.sent)]
		// An old batch comes with the newest cursor, as after a reconnect.
		old.cursor = c.sent[len(c.sent)-1].cursor
		for i := range old.events {
			if old.events[i].Kind == chain.Tip {
				old.events = slices.Delete(slices.Clone(old.events), i, i+1)
				break
			}
		}
	}
	c.mu.Unlock()
	c.rail.mu.Lock()
	sink := c.rail.sink
	c.rail.mu.Unlock()
	if len(old.events) > 0 && sink != nil {
		_ = sink(context.Background(), slices.Clone(old.events), old.cursor)
	}
}

// begin is the watcher's start: it reads on from the cursor that it is given.
func (c *simChain) begin(ctx context.Context, from chain.Cursor, sink chain.Sink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = slices.DeleteFunc(c.sent, func(b batch) bool { return b.cursor.Seq > from.Seq })
	c.ctx, c.cursor, c.sink, c.ready = ctx, from, sink, false
}

// pump lets the watcher tell everything that there is. It runs on the
// simulation's own goroutine, so that a schedule plays the same way each time.
func (c *simChain) pump() {
	for c.ctx != nil && c.ctx.Err() == nil {
		c.mu.Lock()
		next, now := c.next(c.cursor)
		// Before it is told: a crash may come between its commit and our hearing of it.
		c.known[next.cursor.Seq] = now
		c.mu.Unlock()
		if len(next.events) == 0 {
			if c.ready {
				return
			}
			c.ready = true
			c.rail.setHealth(chain.Ready)
			next.events = []chain.Event{{Kind: chain.HealthChanged, Health: c.rail.Health()}}
			_ = c.sink(c.ctx, next.events, c.cursor)
			continue
		}
		if err := c.sink(c.ctx, slices.Clone(next.events), next.cursor); err != nil {
			if errors.Is(err, errKilled) {
				return
			}
			time.Sleep(time.Second)
			continue
		}
		c.cursor = next.cursor
		c.mu.Lock()
		c.sent = append(c.sent, next)
		c.mu.Unlock()
	}
}

// next is what is to be told after a cursor: first of blocks that left, then of
// one block that came, then of what waits.
func (c *simChain) next(cursor chain.Cursor) (batch, reported) {
	was := c.known[cursor.Seq]
	now := reported{txs: maps.Clone(was.txs), ring: slices.Clone(was.ring)}
	if now.txs == nil {
		now.txs = map[chain.TxID]string{}
	}
	b := batch{cursor: cursor}
	tell := func(kind chain.Kind, tx *simTx, block chain.BlockRef) {
		e := chain.Event{
			Kind: kind, Target: tx.to, Asset: c.asset(), Amount: chain.Units(tx.amount), Block: block,
			Key: chain.PaymentKey{Network: chain.Network(c.id), TxID: tx.id},
		}
		if kind == chain.Gone {
			e.By = tx.by
		}
		b.events = append(b.events, e)
		if c.s.bug == twoKeys && kind == chain.Seen {
			e.Key.Index = 1
			b.events = append(b.events, e)
		}
	}
	for n := len(now.ring); n > 0 && (n > len(c.blocks) || c.blocks[n-1].Hash != now.ring[n-1].Hash); n-- {
		left := now.ring[n-1]
		for _, tx := range c.txs {
			if at, told := now.txs[tx.id]; told && at == left.Hash {
				now.txs[tx.id] = ""
				if c.s.bug != noRetractions {
					tell(chain.Retracted, tx, left)
				}
			}
		}
		now.ring = now.ring[:n-1]
		b.cursor = b.cursor.Pop()
	}
	if n := len(now.ring); n < len(c.blocks) {
		block := c.blocks[n]
		for _, tx := range c.txs {
			if tx.block.Hash == block.Hash && c.looks(tx.to, block.Height) {
				now.txs[tx.id] = block.Hash
				tell(chain.Included, tx, block)
			}
		}
		now.ring = append(now.ring, block)
		b.events = append(b.events, chain.Event{Kind: chain.Tip, Tip: c.tips[block.Hash]})
		b.cursor = b.cursor.Push(block)
	} else {
		for _, tx := range c.txs {
			at, told := now.txs[tx.id]
			switch {
			case tx.pooled && !told && c.looks(tx.to, 0):
				now.txs[tx.id] = ""
				tell(chain.Seen, tx, chain.BlockRef{})
			case !tx.live() && told && at == "":
				delete(now.txs, tx.id)
				tell(chain.Gone, tx, chain.BlockRef{})
			}
		}
	}
	if c.s.bug == backwards {
		slices.Reverse(b.events)
	}
	for i := range b.events {
		if c.s.bug != sameRevision || b.cursor.Seq == 0 {
			b.cursor.Seq++
		}
		b.events[i].Rev, b.events[i].At = b.cursor.Seq, c.s.clock.Now()
	}
	return b, now
}

// looks tells whether a destination is a target, as real watchers judge it:
// blocks up to its Since are none of its business.
func (c *simChain) looks(to chain.Destination, height uint64) bool {
	c.rail.mu.Lock()
	defer c.rail.mu.Unlock()
	t, ok := c.rail.targets[to]
	return ok && (height == 0 || height > t.Since) && c.s.bug != noLookups
}
