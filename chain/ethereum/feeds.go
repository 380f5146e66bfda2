package ethereum

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// feeds are a connection's subscriptions; channels that are nil never speak.
type feeds struct {
	heads, pending   chan json.RawMessage
	headErr, pendErr <-chan error
	heard            time.Time // when heads spoke last

	// For nodes whose pending feed holds hashes.
	ctx     context.Context
	cancel  context.CancelFunc
	hashes  chan common.Hash
	fetched chan *tx
	done    chan struct{}
}

// silent tells whether polling found a block long after the feed of heads spoke
// last: the subscription is dead and nobody said so.
func (f *feeds) silent(moved time.Time, limit time.Duration) bool {
	return f.heads != nil && len(f.heads) == 0 && moved.Sub(f.heard) > limit
}

// stop ends the fetching. The subscriptions end with the connection: to take
// leave of a node that no longer answers would cost ten seconds each.
func (f *feeds) stop() {
	if f.cancel != nil {
		f.cancel()
	}
	if f.done != nil {
		<-f.done
	}
}

// startFetching begins to look announced hashes up, one after the other.
func (f *feeds) startFetching(c *conn) {
	f.hashes, f.fetched, f.done = make(chan common.Hash, 1024), make(chan *tx, 64), make(chan struct{})
	go func() {
		defer close(f.done)
		for {
			select {
			case <-f.ctx.Done():
				return
			case hash := <-f.hashes:
				if t := c.transaction(f.ctx, hash); t != nil {
					select {
					case f.fetched <- t:
					case <-f.ctx.Done():
					}
				}
			}
		}
	}()
}

// transaction looks a transaction up; nil where that fails in any way.
func (c *conn) transaction(ctx context.Context, hash common.Hash) (found *tx) {
	defer func() {
		if recover() != nil {
			found = nil // one message that was not understood stops nothing
		}
	}()
	t, err := c.byHash(ctx, hash)
	if err != nil {
		return nil
	}
	return &t
}

// fetch queues a hash; when the queue is full the block will tell.
func (f *feeds) fetch(hash common.Hash) {
	select {
	case f.hashes <- hash:
	default:
	}
}

// glance looks at what waits already, as far as the node would put it into
// the next block: a feed tells only of what comes later.
func (r *run) glance(ctx context.Context, feeds *feeds) {
	if feeds.pending == nil {
		return
	}
	raw, err := r.conn.call(ctx, "eth_getBlockByNumber", "pending", true)
	if err != nil {
		return // it was a courtesy
	}
	var next struct {
		Number       string            `json:"number"`
		Transactions []json.RawMessage `json:"transactions"`
	}
	if json.Unmarshal(raw, &next) != nil {
		return
	}
	if n, err := parseNumber(next.Number); err != nil || n != r.cursor.Head().Height+1 {
		return // some nodes answer with the last block
	}
	var events []chain.Event
	for _, raw := range next.Transactions {
		if t, err := decodeTx(raw); err == nil {
			t.inBlock = false
			events = append(events, r.announced(&t)...)
		}
	}
	r.deliver(ctx, events, r.cursor)
}
