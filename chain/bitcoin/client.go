package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/gcs"
	"github.com/btcsuite/btcd/btcutil/gcs/builder"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
	"github.com/lightninglabs/neutrino"
	"github.com/lightninglabs/neutrino/blockntfns"

	"github.com/cointill/till/chain"
)

var errNoPeers = errors.New("no filter peer is connected")

// client is the light client: the best chain by proof of work, and filters and
// blocks of it on request. It can be torn down and set up again over the same
// folder, because neutrino has states that it does not leave by itself.
type client struct {
	w     *Watcher
	store *store
	wake  chan struct{} // the best chain may have moved

	mu      sync.Mutex
	cs      *neutrino.ChainService
	end     context.CancelFunc  // of what belongs to cs
	census  census              // of cs's peers
	pending map[string]*answer  // questions under way, by what was asked
	named   map[string][]net.IP // where the chosen peers' names led to
	boot    context.CancelFunc  // of an import, before there is a cs
	booted  chan struct{}       // closed when it has ended

	work    atomic.Pointer[progress] // the import under way
	refused atomic.Pointer[string]   // why it failed
	broken  atomic.Pointer[error]    // why there is no cs after it
}

// answer is a question to the network that may take for ever: neutrino waits
// for peers without a limit.
type answer struct {
	done  chan struct{}
	value any
	err   error
}

func newClient(w *Watcher, s *store) *client {
	return &client{w: w, store: s, wake: make(chan struct{}, 1), pending: map[string]*answer{}, named: map[string][]net.IP{}}
}

// start sets neutrino up over the folder. Where headers are imported first that
// goes on when start has returned; a failure to do so costs time and no more.
func (c *client) start(ctx context.Context) error {
	prepareLibraries(c.w.log)
	if !c.importDue() {
		return c.open(ctx)
	}
	ctx, end := context.WithCancel(ctx)
	booted := make(chan struct{})
	c.mu.Lock()
	c.boot, c.booted = end, booted
	c.mu.Unlock()
	work := &progress{}
	c.work.Store(work)
	go func() {
		defer close(booted)
		defer c.work.Store(nil)
		err := c.importHeaders(ctx, work)
		if ctx.Err() != nil {
			return // the next start goes on with it
		}
		if err != nil {
			why := err.Error()
			c.refused.Store(&why)
			c.w.log.Warn("The Bitcoin headers were not imported; they are fetched from peers", "reason", err)
		}
		if err = c.store.mark(keyImporting, false); err == nil {
			err = c.open(ctx)
		}
		if err != nil {
			c.broken.Store(&err)
		}
		notify(c.wake)
	}()
	return nil
}

// open sets neutrino up over the folder as it is.
func (c *client) open(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	cfg := neutrino.Config{
		DataDir:         c.w.cfg.Dir,
		Database:        c.store.db,
		ChainParams:     c.w.params,
		ConnectPeers:    c.w.cfg.Peers,
		Dialer:          func(addr net.Addr) (net.Conn, error) { return c.dial(ctx, addr) },
		NameResolver:    func(host string) ([]net.IP, error) { return c.resolve(ctx, host) },
		FilterCacheSize: 6 << 20,
		BlockCacheSize:  8 << 20,
	}
	if err := c.pardon(); err != nil {
		c.w.log.Debug("Peers that were banned are not tried again", "reason", err)
	}
	cs, err := neutrino.NewChainService(cfg)
	if err != nil {
		end()
		return fmt.Errorf("the Bitcoin headers in %s cannot be read; they can be fetched again, so the folder may be moved away: %w", c.w.cfg.Dir, err)
	}
	if err := cs.Start(ctx); err != nil {
		end()
		return errors.Join(fmt.Errorf("the Bitcoin light client does not start: %w", err), cs.Stop())
	}
	source := &neutrino.RescanChainSource{ChainService: cs}
	sub, err := source.Subscribe(0)
	if err != nil {
		end()
		return errors.Join(fmt.Errorf("the Bitcoin light client does not report blocks: %w", err), cs.Stop())
	}
	go c.listen(ctx, sub)
	c.mu.Lock()
	c.cs, c.end = cs, end
	c.mu.Unlock()
	go c.monitor(ctx, cs)
	return nil
}

// listen turns block notifications into a wake-up: what is true is read from
// the header store, so a lost or doubled notification does no harm.
func (c *client) listen(ctx context.Context, sub *blockntfns.Subscription) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-sub.Notifications:
			if !ok {
				return
			}
			notify(c.wake)
		}
	}
}

// stop ends neutrino, and gives up on it after patience: the process is about
// to end then. It tells whether neutrino ended.
func (c *client) stop(patience <-chan struct{}) bool {
	c.mu.Lock()
	boot, booted := c.boot, c.booted
	c.boot, c.booted = nil, nil
	c.mu.Unlock()
	if boot != nil {
		boot()
		select {
		case <-booted:
		case <-patience:
			c.w.log.Error("The import of Bitcoin headers does not end and was left behind")
			c.store.after(booted)
			return false
		}
	}
	c.mu.Lock()
	cs, end := c.cs, c.end
	c.cs, c.end, c.census = nil, nil, census{}
	c.mu.Unlock()
	if cs == nil {
		return true
	}
	end()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := cs.Stop(); err != nil {
			c.w.log.Warn("The Bitcoin light client did not end cleanly", "reason", err)
		}
	}()
	select {
	case <-done:
		return true
	case <-patience:
		// It waits for peers that do not answer, ten seconds for each question. Its
		// database stays open as long as it may still write to it.
		c.w.log.Warn("The Bitcoin light client still waits for answers and is left behind")
		c.store.after(done)
		return false
	}
}

// close is stop for good.
func (c *client) close() {
	patience, cancel := context.WithTimeout(context.Background(), c.w.tune.parting)
	defer cancel()
	c.stop(patience.Done())
}

// restart tears neutrino down and sets it up again, with no filter headers where
// they are to be fetched anew. Two of them must never write the same header
// files, so it waits for the end of the old one.
func (c *client) restart(ctx context.Context, anew bool) error {
	if !c.stop(ctx.Done()) {
		return ctx.Err()
	}
	if anew {
		c.w.log.Error("No peer agrees with the filter headers that are here; they are fetched anew")
		_, filters := HeaderFiles(c.w.cfg.Dir)
		if err := os.Remove(filters); err != nil {
			return fmt.Errorf("the Bitcoin filter headers are wrong and cannot be removed: %w", err)
		}
	}
	return c.start(ctx)
}

func (c *client) service() *neutrino.ChainService {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cs
}

// tip is the height up to which headers and filter headers are known.
func (c *client) tip() (uint64, error) {
	cs := c.service()
	if cs == nil {
		return 0, errNoPeers
	}
	best, err := cs.BestBlock()
	if err != nil {
		return 0, err
	}
	return uint64(best.Height), nil
}

// header returns the block at height of the best chain.
func (c *client) header(height uint64) (chain.BlockRef, error) {
	block, _, err := c.link(height)
	return block, err
}

// link returns the block at height of the best chain, and its parent's hash.
func (c *client) link(height uint64) (block chain.BlockRef, parent string, err error) {
	cs := c.service()
	if cs == nil {
		return chain.BlockRef{}, "", errNoPeers
	}
	if height >= 1<<31 {
		return chain.BlockRef{}, "", fmt.Errorf("there is no block %d", height)
	}
	h, err := cs.BlockHeaders.FetchHeaderByHeight(uint32(height))
	if err != nil {
		return chain.BlockRef{}, "", err
	}
	return chain.BlockRef{Height: height, Hash: h.BlockHash().String(), Time: h.Timestamp}, h.PrevBlock.String(), nil
}

// has tells whether a block is on the best chain.
func (c *client) has(hash chainhash.Hash) bool {
	cs := c.service()
	if cs == nil {
		return false
	}
	_, err := cs.GetBlockHeight(&hash)
	return err == nil
}

// current tells whether neutrino believes that it has all headers.
func (c *client) current() bool {
	cs := c.service()
	return cs != nil && cs.IsCurrent()
}

// filterMatches asks for a block's filter and whether one of scripts may be in
// the block (BIP 158; about one in 784,931 scripts is a false alarm).
func (c *client) filterMatches(ctx context.Context, hash chainhash.Hash, scripts [][]byte, ahead bool) (bool, error) {
	if len(scripts) == 0 {
		return false, nil
	}
	value, err := c.ask(ctx, "filter "+hash.String(), func(cs *neutrino.ChainService) (any, error) {
		options := []neutrino.QueryOption{neutrino.NumRetries(3)}
		if ahead {
			options = append(options, neutrino.OptimisticBatch(), neutrino.MaxBatchSize(100))
		}
		return cs.GetCFilter(hash, wire.GCSFilterRegular, options...)
	})
	if err != nil {
		return false, fmt.Errorf("the filter of block %s: %w", hash, err)
	}
	filter := value.(*gcs.Filter)
	if filter.N() == 0 {
		return false, nil
	}
	return filter.MatchAny(builder.DeriveKey(&hash), scripts)
}

// block fetches a whole block of the best chain; neutrino has checked it
// against its header.
func (c *client) block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	value, err := c.ask(ctx, "block "+hash.String(), func(cs *neutrino.ChainService) (any, error) {
		b, err := cs.GetBlock(hash, neutrino.NumRetries(3))
		if err != nil {
			return nil, err
		}
		return b.MsgBlock(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", hash, err)
	}
	return value.(*wire.MsgBlock), nil
}

// ask puts a question to neutrino and waits for a while only. A question that
// is still under way is joined, not put twice.
func (c *client) ask(ctx context.Context, what string, question func(*neutrino.ChainService) (any, error)) (any, error) {
	c.mu.Lock()
	cs, a := c.cs, c.pending[what]
	if cs == nil {
		c.mu.Unlock()
		return nil, errNoPeers
	}
	if a == nil {
		a = &answer{done: make(chan struct{})}
		c.pending[what] = a
		go func() {
			defer func() {
				if fault := recover(); fault != nil {
					a.err = fmt.Errorf("a fault in the light client: %v", fault)
					c.w.log.Error("A fault in the Bitcoin light client", "asked", what, "fault", fault)
				}
				c.mu.Lock()
				delete(c.pending, what)
				c.mu.Unlock()
				close(a.done)
			}()
			a.value, a.err = question(cs)
		}()
	}
	c.mu.Unlock()
	timer := time.NewTimer(c.w.tune.query)
	defer timer.Stop()
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, errors.New("nobody answered in time")
	}
}

// final tells whether tx could be in the next block (BIP 65, BIP 113).
func (c *client) final(tx *wire.MsgTx, height uint64, now time.Time) bool {
	if height >= 1<<31-1 {
		return false
	}
	return blockchain.IsFinalizedTransaction(btcutil.NewTx(tx), int32(height)+1, now)
}
