package bitcoin

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// source is where a run reads the best chain from: the light client (client.go)
// or a server (served.go). What it says about the past must not change but by a
// reorganisation; the run compares it with its ring and finds the fork.
type source interface {
	start(ctx context.Context) error
	// restart sets it up again; anew does not keep what may be wrong.
	restart(ctx context.Context, anew bool) error
	close()
	// woken reports that the best chain, or who is connected, may have changed.
	woken() <-chan struct{}

	tip() (uint64, error)
	header(height uint64) (chain.BlockRef, error)
	link(height uint64) (block chain.BlockRef, parent string, err error)
	has(hash chainhash.Hash) bool
	// current tells whether the source believes that it has all headers.
	current() bool
	// peers counts who is connected, and says the highest block claimed.
	peers() (n int, highest uint64)
	banned() bool
	// headers is how many are known on a first start, blockTip up to where
	// those of blocks are (filters may come later), importing how far a file
	// of them is read, notImported why it was not, damaged why a run must end.
	headers() uint64
	blockTip() uint64
	importing() (done, of uint64, ok bool)
	notImported() *string
	damaged() *error

	// filterMatches tells whether one of scripts may be in a block; block
	// returns the block, or of it at least every transaction that pays a
	// watched script or contradicts a payment that waits.
	filterMatches(ctx context.Context, hash chainhash.Hash, scripts [][]byte, ahead bool) (bool, error)
	block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error)
	final(tx *wire.MsgTx, height uint64, now time.Time) bool
}

var (
	_ source = (*client)(nil)
	_ source = (*served)(nil)
)

func (c *client) woken() <-chan struct{} { return c.wake }
func (c *client) notImported() *string   { return c.refused.Load() }
func (c *client) damaged() *error        { return c.broken.Load() }

// source makes what a run of w reads from.
func (w *Watcher) source(st *store) source {
	if w.backend != nil {
		return newServed(w)
	}
	return newClient(w, st)
}

// Server is what every watcher that asks a server needs to know; the rest is
// in CoreConfig, EsploraConfig and ElectrumConfig.
type Server struct {
	Network chain.Network
	// Dir is a folder for what has to survive a restart. One till at a time.
	Dir string
	// Birthday is when the shop was opened: a zero cursor starts there instead
	// of at the tip.
	Birthday time.Time
	// StaleAfter is as in Config.
	StaleAfter time.Duration

	Now    func() time.Time
	Random func(n int64) int64
	Logger *slog.Logger
}

// newServer makes a watcher that asks a server.
func newServer(c Server, b backend) (*Watcher, error) {
	if c.Dir == "" {
		return nil, fmt.Errorf("watching Bitcoin through %s needs a folder: name one", b.name())
	}
	// Peers keeps Config's checks quiet; nobody is dialled at it, and no relay
	// peer either.
	w, err := New(Config{
		Network: c.Network, Dir: c.Dir, Birthday: c.Birthday, StaleAfter: c.StaleAfter, Peers: []string{"server.invalid"}, RelayPeers: -1,
		Now: c.Now, Random: c.Random, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	w.backend = b
	w.recent.start()
	w.health.Store(&chain.Health{State: chain.Connecting, Code: chain.HealthUnreachable, Detail: b.name(), Trust: b.traits().trust, Of: 1})
	return w, nil
}
