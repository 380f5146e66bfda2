package devnet

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// BitcoinNetwork is the name of the network that Bitcoin runs.
const BitcoinNetwork chain.Network = "bitcoin:regtest"

const (
	btcDefaultNodes   = 4
	btcDefaultBlocks  = 110
	btcDefaultTrickle = 100 * time.Millisecond
	// btcSpacing is the time between the blocks that exist from the start.
	btcSpacing = 10 * time.Minute
)

// btcParams are the rules of the network: Bitcoin Core's regtest.
var btcParams = &chaincfg.RegressionNetParams

// BitcoinOptions shape a network. The zero value is a good one.
type BitcoinOptions struct {
	// Nodes is how many nodes listen; 0 means 4. All of them hold the same
	// chain and the same mempool.
	Nodes int
	// Blocks is how many blocks exist from the start; 0 means 110, and fewer
	// than 101 leave the customer without a mature coin. They are ten minutes
	// apart and the last one is of now.
	Blocks int
	// Rand makes the customer's keys; nil means crypto/rand. The same bytes
	// make the same keys.
	Rand io.Reader
	// Now dates blocks; nil means time.Now. A light client refuses blocks more
	// than two hours ahead of its own clock, and takes itself for unsynchronised
	// while the last block is more than a day behind it.
	Now func() time.Time
	// Trickle is the mean time between a node's learning of a transaction and
	// its telling a peer; 0 means 100 ms, negative means at once. Real nodes
	// take about five seconds.
	Trickle time.Duration
	// Logger receives what the nodes have to say; nil means silence.
	Logger *slog.Logger
}

// Bitcoin is a running regtest network. All methods may be called at any time
// from any goroutine.
type Bitcoin struct {
	now     func() time.Time
	trickle time.Duration
	log     *slog.Logger

	// mu guards the chain, the mempool and the customer's wallet. It is taken
	// before connMu, never after it.
	mu    sync.RWMutex
	chain []*btcBlock // the best chain, by height
	index map[chainhash.Hash]*btcBlock
	coins map[wire.OutPoint]btcCoin
	mined map[chainhash.Hash]*btcBlock // transactions of the best chain
	pool  map[chainhash.Hash]*btcPoolTx
	// poolSpends names the pool's spender of an output.
	poolSpends        map[wire.OutPoint]chainhash.Hash
	poolLast, poolLow int64 // highest and lowest btcPoolTx.seq given out
	extraNonce        uint64
	customer          *BitcoinCustomer

	connMu sync.Mutex
	nodes  []*btcNode
	closed bool
	forget func() bool // stops waiting for the end of StartBitcoin's context

	rngMu sync.Mutex
	rng   *rand.Rand

	wg   sync.WaitGroup
	done chan struct{}
}

// StartBitcoin mines the first blocks and opens the nodes' ports. The network
// runs until Close, or until ctx ends.
func StartBitcoin(ctx context.Context, o BitcoinOptions) (*Bitcoin, error) {
	if o.Nodes == 0 {
		o.Nodes = btcDefaultNodes
	}
	if o.Blocks == 0 {
		o.Blocks = btcDefaultBlocks
	}
	if o.Nodes < 1 || o.Nodes > 64 || o.Blocks < 0 {
		return nil, fmt.Errorf("a Bitcoin network of %d nodes and %d blocks: choose 1 to 64 nodes and no negative number of blocks", o.Nodes, o.Blocks)
	}
	if o.Rand == nil {
		o.Rand = crand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Trickle == 0 {
		o.Trickle = btcDefaultTrickle
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var seed [64]byte
	if _, err := io.ReadFull(o.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("no randomness for the customer's keys: %w", err)
	}
	b := &Bitcoin{
		now: o.Now, trickle: o.Trickle, log: o.Logger,
		index:      make(map[chainhash.Hash]*btcBlock, 2*o.Blocks),
		coins:      make(map[wire.OutPoint]btcCoin, 2*o.Blocks),
		mined:      make(map[chainhash.Hash]*btcBlock, o.Blocks),
		pool:       make(map[chainhash.Hash]*btcPoolTx),
		poolSpends: make(map[wire.OutPoint]chainhash.Hash),
		rng:        rand.New(rand.NewChaCha8([32]byte(seed[32:]))),
		done:       make(chan struct{}),
	}
	b.customer = newBitcoinCustomer(b, [32]byte(seed[:32]))
	if err := b.premine(o.Blocks); err != nil {
		return nil, err
	}
	for i := range o.Nodes {
		n := &btcNode{net: b, id: i, conns: make(map[*btcConn]struct{})}
		if err := n.listen("127.0.0.1:0"); err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.nodes = append(b.nodes, n)
	}
	b.connMu.Lock()
	defer b.connMu.Unlock()
	b.forget = context.AfterFunc(ctx, func() { _ = b.Close() })
	return b, nil
}

// Close ends the network: ports and connections are closed and no goroutine is
// left when it returns. A second Close does nothing.
func (b *Bitcoin) Close() error {
	b.connMu.Lock()
	var err error
	if !b.closed {
		b.closed = true
		close(b.done)
		if b.forget != nil {
			b.forget()
		}
		for _, n := range b.nodes {
			err = errors.Join(err, n.closeLocked())
		}
	}
	b.connMu.Unlock()
	b.wg.Wait()
	return err
}

// Peers lists the nodes as host:port, also those that are stopped.
func (b *Bitcoin) Peers() []string {
	b.connMu.Lock()
	defer b.connMu.Unlock()
	peers := make([]string, len(b.nodes))
	for i, n := range b.nodes {
		peers[i] = n.addr
	}
	return peers
}

// Customer is the wallet that pays on this network.
func (b *Bitcoin) Customer() *BitcoinCustomer { return b.customer }

// Height is the height of the best chain.
func (b *Bitcoin) Height() uint64 { return b.Tip().Height }

// Tip is the last block of the best chain.
func (b *Bitcoin) Tip() chain.BlockRef {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.tip().ref()
}

// Block is the best chain's block at a height, and false above its end.
func (b *Bitcoin) Block(height uint64) (chain.BlockRef, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if height >= uint64(len(b.chain)) {
		return chain.BlockRef{}, false
	}
	return b.chain[height].ref(), true
}

// Mempool lists the unconfirmed transactions that nodes tell about, oldest
// first.
func (b *Bitcoin) Mempool() []chain.TxID {
	b.mu.RLock()
	defer b.mu.RUnlock()
	ids := []chain.TxID{}
	for _, p := range b.poolTxs() {
		if !p.quiet {
			ids = append(ids, chain.TxID(p.hash.String()))
		}
	}
	return ids
}

// Confirmed tells which block of the best chain holds a transaction.
func (b *Bitcoin) Confirmed(id chain.TxID) (chain.BlockRef, bool) {
	h, err := chainhash.NewHashFromStr(string(id))
	if err != nil {
		return chain.BlockRef{}, false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	blk := b.mined[*h]
	if blk == nil {
		return chain.BlockRef{}, false
	}
	return blk.ref(), true
}

// Submit puts a signed transaction, as hex in wire form, into the mempool. The
// error wraps ErrRefused where the network's rules forbid it.
func (b *Bitcoin) Submit(raw string) (chain.TxID, error) {
	data, err := hex.DecodeString(raw)
	if err != nil {
		return "", fmt.Errorf("the transaction is not written in hexadecimal digits: %w", err)
	}
	var tx wire.MsgTx
	r := bytes.NewReader(data)
	if err := tx.Deserialize(r); err != nil || r.Len() != 0 {
		return "", errors.New("the hexadecimal digits are not one whole transaction")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.accept(&tx, false)
	if err != nil {
		return "", err
	}
	b.relay(p.hash, nil)
	return chain.TxID(p.hash.String()), nil
}

// Raw is a transaction of the mempool or of the best chain, as hex in wire form.
func (b *Bitcoin) Raw(id chain.TxID) (string, bool) {
	h, err := chainhash.NewHashFromStr(string(id))
	if err != nil {
		return "", false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	tx, _ := b.find(*h)
	if tx == nil {
		return "", false
	}
	var buf bytes.Buffer
	if err := tx.Serialize(&buf); err != nil {
		return "", false
	}
	return hex.EncodeToString(buf.Bytes()), true
}

// Mine adds n blocks to the best chain and returns their hashes. The first one
// holds what waits in the mempool.
func (b *Bitcoin) Mine(n int) ([]string, error) { return b.mine(n, false) }

// MineEmpty adds n blocks that leave the mempool where it is.
func (b *Bitcoin) MineEmpty(n int) ([]string, error) { return b.mine(n, true) }

func (b *Bitcoin) mine(n int, empty bool) ([]string, error) {
	if n < 1 || n > 100_000 {
		return nil, fmt.Errorf("cannot mine %d blocks: choose 1 to 100000", n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	hashes := make([]string, 0, n)
	for range n {
		var txs []*wire.MsgTx
		if !empty {
			for _, p := range b.poolTxs() {
				txs = append(txs, p.tx)
			}
		}
		blk, err := b.extend(txs, b.minerOutputs(1))
		if err != nil {
			return hashes, err
		}
		hashes = append(hashes, blk.hash.String())
	}
	b.announceTip()
	return hashes, nil
}

// AutoMine mines one block for every tick, until stop is called or the network
// closes. stop returns when no further block can come.
func (b *Bitcoin) AutoMine(ticks <-chan time.Time) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	b.connMu.Lock()
	defer b.connMu.Unlock()
	if b.closed {
		return func() {}
	}
	b.wg.Go(func() {
		defer close(ended)
		for {
			select {
			case <-b.done:
				return
			case <-quit:
				return
			case _, ok := <-ticks:
				if !ok {
					return
				}
				if _, err := b.Mine(1); err != nil {
					b.log.Error("no block was mined", "err", err)
				}
			}
		}
	})
	var once sync.Once
	return func() {
		once.Do(func() { close(quit) })
		<-ended
	}
}

// delay is a random time around the trickle's mean.
func (b *Bitcoin) delay() time.Duration {
	if b.trickle < 0 {
		return 0
	}
	b.rngMu.Lock()
	defer b.rngMu.Unlock()
	return b.trickle/2 + time.Duration(b.rng.Int64N(int64(b.trickle)+1))
}

func (b *Bitcoin) nonce() uint64 {
	b.rngMu.Lock()
	defer b.rngMu.Unlock()
	return b.rng.Uint64()
}
