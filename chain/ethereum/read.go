package ethereum

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/cointill/till/chain"
)

// pages is a block with the receipts that matter; others are nil.
type pages struct {
	*block
	receipts []*receipt
	whole    bool // every receipt is there and has the header's root
	skipped  bool // nothing but the header was read
}

// head asks for the newest header.
func (c *conn) head(ctx context.Context) (header, error) {
	raw, err := c.call(ctx, "eth_getBlockByNumber", "latest", false)
	if err != nil {
		return header{}, err
	}
	return decodeHeader(raw)
}

// at asks for the header of a height on the node's best chain.
func (c *conn) at(ctx context.Context, number uint64) (header, error) {
	raw, err := c.call(ctx, "eth_getBlockByNumber", hexutil.Uint64(number), false)
	if err != nil {
		return header{}, err
	}
	h, err := decodeHeader(raw)
	if err == nil && h.number != number {
		err = fmt.Errorf("%s: %w: asked for block %d, got %d", c.name, errLying, number, h.number)
	}
	return h, err
}

// header asks for a header by hash.
func (c *conn) header(ctx context.Context, hash common.Hash) (header, error) {
	raw, err := c.call(ctx, "eth_getBlockByHash", hash, false)
	if err != nil {
		return header{}, err
	}
	h, err := decodeHeader(raw)
	if err == nil && h.hash != hash {
		err = fmt.Errorf("%s: %w: asked for block %s, got %s", c.name, errLying, hash, h.hash)
	}
	return h, err
}

// headers asks for the headers of a range of heights in one message.
func (c *conn) headers(ctx context.Context, from, to uint64) ([]header, error) {
	questions := make([]question, 0, to-from+1)
	for n := from; n <= to; n++ {
		questions = append(questions, question{"eth_getBlockByNumber", []any{hexutil.Uint64(n), false}})
	}
	answers, err := c.batch(ctx, questions...)
	if err != nil {
		return nil, err
	}
	list := make([]header, len(answers))
	for i, a := range answers {
		if a.err != nil {
			return nil, a.err
		}
		if list[i], err = decodeHeader(a.raw); err != nil {
			return nil, err
		}
		if list[i].number != from+uint64(i) {
			return nil, fmt.Errorf("%s: %w: asked for block %d, got %d", c.name, errLying, from+uint64(i), list[i].number)
		}
	}
	return list, nil
}

// read gets one block with what is needed of its receipts.
func (w *Watcher) read(ctx context.Context, c *conn, h header) (pages, error) {
	if w.idle() {
		return pages{block: &block{header: h}, skipped: true}, nil
	}
	return w.readWhole(ctx, c, h)
}

// readWhole is read whether or not somebody waits.
func (w *Watcher) readWhole(ctx context.Context, c *conn, h header) (pages, error) {
	raw, err := c.call(ctx, "eth_getBlockByHash", h.hash, true)
	if err != nil {
		return pages{}, err
	}
	b, err := decodeBlock(raw)
	if err != nil {
		return pages{}, fmt.Errorf("%s: %w", c.name, err)
	}
	if !b.fits(h) {
		return pages{}, fmt.Errorf("%s: %w: block %d has two headers", c.name, errLying, h.number)
	}
	coins := touches(b, w.aim())
	if len(b.list) == 0 || !coins && len(w.listed) == 0 {
		return pages{block: b}, nil
	}
	few := w.cfg.Lean || c.noReceipts.Load()
	// Where not every receipt is read, nothing else would miss a transaction.
	if (coins || few) && !w.cfg.SkipRoots {
		if err := checkTransactions(b); err != nil {
			return pages{}, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if few {
		return w.readHits(ctx, c, b)
	}
	return w.readReceipts(ctx, c, b)
}

// readReceipts gets all receipts of a block and checks their root.
func (w *Watcher) readReceipts(ctx context.Context, c *conn, b *block) (pages, error) {
	raw, err := c.call(ctx, "eth_getBlockReceipts", b.hash)
	if errors.Is(err, errNoMethod) {
		c.noReceipts.Store(true)
		w.cfg.Logger.Info("The endpoint has no eth_getBlockReceipts; logs are read instead", "endpoint", c.name)
		return w.readHits(ctx, c, b)
	}
	if err != nil {
		return pages{}, err
	}
	receipts, err := decodeReceipts(raw)
	if err != nil {
		return pages{}, fmt.Errorf("%s: block %d: %w", c.name, b.number, err)
	}
	return w.checked(c, b, receipts)
}

// checked holds all receipts of a block against its root.
func (w *Watcher) checked(c *conn, b *block, receipts []receipt) (pages, error) {
	whole, err := checkReceipts(b, receipts, !w.cfg.SkipRoots)
	if err != nil {
		return pages{}, fmt.Errorf("%s: %w", c.name, err)
	}
	c.unproved.Store(!whole)
	p := pages{block: b, whole: whole, receipts: make([]*receipt, len(receipts))}
	for i := range receipts {
		p.receipts[i] = &receipts[i]
	}
	return p, nil
}

func (c *conn) receipt(ctx context.Context, hash common.Hash) (receipt, error) {
	raw, err := c.call(ctx, "eth_getTransactionReceipt", hash)
	if err != nil {
		return receipt{}, err
	}
	r, err := decodeReceipt(raw)
	if err == nil && r.tx != hash {
		err = fmt.Errorf("%s: %w: asked for the receipt of %s, got that of %s", c.name, errLying, hash, r.tx)
	}
	return r, err
}

// readers is how many blocks are read at once when catching up.
const readers = 4

// readAll reads blocks side by side and returns those up to the first that
// can't be read, with that one's error.
func (w *Watcher) readAll(ctx context.Context, c *conn, path []header, read func(context.Context, *conn, header) (pages, error)) ([]pages, error) {
	if len(path) == 1 {
		p, err := read(ctx, c, path[0])
		if err != nil {
			return nil, err
		}
		return []pages{p}, nil
	}
	list, errs := make([]pages, len(path)), make([]error, len(path))
	var wg sync.WaitGroup
	slots := make(chan struct{}, readers)
	for i, h := range path {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() {
				if r := recover(); r != nil {
					errs[i] = fmt.Errorf("%w: reading block %d: %v", errFault, h.number, r)
				}
			}()
			slots <- struct{}{}
			defer func() { <-slots }()
			list[i], errs[i] = read(ctx, c, h)
		}()
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return list[:i], errs[i]
	}
	return list, nil
}

// errFault is a fault of this package itself, caught before it did harm.
var errFault = errors.New("a fault in till")

// lookBack is a range of blocks to be read again for targets that came late.
type lookBack struct {
	targets  map[common.Address]chain.Target
	from, to uint64
	misses   int // in a row
	audit    *audit
}

func (l lookBack) aim(a common.Address) (chain.Destination, uint64, bool) {
	t, ok := l.targets[a]
	return t.ID, t.Since, ok
}
