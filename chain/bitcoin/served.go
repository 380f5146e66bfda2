package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// backend speaks one server's protocol: Bitcoin Core's RPC, Esplora's HTTP, the
// Electrum protocol. It decodes and checks shapes, and decides nothing: which
// blocks to read, reorganisations and what to report are the run's business,
// and what the server says is checked in served. Errors may be a [serverError].
// All methods but name and traits are called within session's life.
type backend interface {
	// name is the server's, for people, without its secrets.
	name() string
	traits() traits
	// connect begins a life of the connection and fails where the server does
	// not answer or is on another network. The context ends with that life.
	connect(ctx context.Context, s *served) error
	// listen calls s.wakeUp when the server says that something is new, until
	// ctx ends or the connection is lost. Without a way to be told it waits.
	listen(ctx context.Context, s *served) error
	// tip is the end of the server's best chain.
	tip(ctx context.Context) (height uint64, hash chainhash.Hash, err error)
	// headers are at most n headers of the best chain from height on, at least one.
	headers(ctx context.Context, height uint64, n int) ([]wire.BlockHeader, error)
	// block is what source.block is; partial blocks hold proven transactions.
	block(ctx context.Context, header *wire.BlockHeader, height uint64) (*wire.MsgBlock, error)
	// touches is source.filterMatches.
	touches(ctx context.Context, height uint64, scripts [][]byte) (bool, error)
	// unconfirmed is called now and then, and soon after wakeUp: it hands what
	// waits at the server and may concern us to s.offer, and looks after the
	// payments that wait (s.check).
	unconfirmed(ctx context.Context, s *served) error
	// find says where a transaction is, as far as the server knows.
	find(ctx context.Context, txid chainhash.Hash) (whereabouts, error)
	// spender is the transaction that spends an output, zero if none is known,
	// and the height of its block, 0 = in none or not known.
	spender(ctx context.Context, out wire.OutPoint) (by chainhash.Hash, height uint64, err error)
}

// traits are what differs between kinds of servers.
type traits struct {
	trust      chain.Trust
	ownNode    bool // a payment that it holds is held by the shop's own node
	whole      bool // block returns whole blocks
	lookupAddr bool
	poll       time.Duration // between two looks at the tip and at what waits
}

// whereabouts says where a transaction is. Neither waiting nor in a block, it
// is not known to the server.
type whereabouts struct {
	waiting bool
	block   string // hash of its block, "" = in none, or not known in which
	height  uint64
	mined   bool
	entry   entry
}

// entry is what a server knows about a transaction that waits.
type entry struct {
	fee       uint64 // satoshi, 0 = not known
	vsize     uint64
	ancestors int
}

// rate is in thousandths of a satoshi per virtual byte, 0 = not known.
func (e entry) rate() uint64 {
	if e.vsize == 0 || e.fee > 1<<50 {
		return 0
	}
	return e.fee * 1000 / e.vsize
}

// serverError says what is wrong with a server in a word of chain.Health.
type serverError struct {
	code chain.HealthCode
	err  error
}

func (e *serverError) Error() string { return e.err.Error() }
func (e *serverError) Unwrap() error { return e.err }

func lying(format string, args ...any) error {
	return &serverError{chain.HealthLying, fmt.Errorf(format, args...)}
}

func wrongNetwork(name string, network chain.Network) error {
	return &serverError{chain.HealthWrongNetwork, fmt.Errorf("%s is not on %s", name, network)}
}

func codeOf(err error) chain.HealthCode {
	var se *serverError
	if errors.As(err, &se) {
		return se.code
	}
	return chain.HealthUnreachable
}

// keepHeads is how many headers below the tip are held in memory: the cursor's
// ring and room for a reorganisation of all of it.
const keepHeads = 2*chain.RingSize + 50

// served is a source that asks a server. It keeps the headers of the last
// blocks, each checked for its own work and for being its successor's parent,
// and replaces them when the server's chain has changed.
type served struct {
	w     *Watcher
	b     backend
	wake  chan struct{}
	again chan struct{} // the session should look at once

	mu      sync.Mutex
	ctx     context.Context // of the run
	end     context.CancelFunc
	ended   chan struct{}
	base    uint64     // height of heads[0]
	heads   []head     // the best chain's last blocks, oldest first
	old     segment    // headers below them that were asked for last
	up      bool       // the last look was answered
	ever    bool       // one was
	fault   error      // why it is not up
	failing error      // why unconfirmed payments are not seen at present
	lost    []lostNote // to be taken by the loop
	lates   []lateNote // likewise
	fees    []feeStep  // what is paid for which wait, the shortest first …
	feesAt  time.Time  // … as of then
}

type head struct {
	hash   chainhash.Hash
	header wire.BlockHeader
}

type segment struct {
	from  uint64
	heads []head
}

// lostNote says that the server no longer knew a payment when tip was the end
// of its chain.
type lostNote struct {
	rec *record
	by  chainhash.Hash
	at  uint64 // height of the block that holds by, 0 = none
	tip chainhash.Hash
}

// lateNote says that a script is paid in a block, for when it was read before
// the server knew.
type lateNote struct {
	script string
	height uint64
}

var errNoServer = errors.New("the server was not reached yet")

func newServed(w *Watcher) *served {
	return &served{w: w, b: w.backend, wake: make(chan struct{}, 1), again: make(chan struct{}, 1)}
}

func (s *served) start(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	s.mu.Lock()
	s.ctx, s.end, s.ended = ctx, end, ended
	s.mu.Unlock()
	go func() {
		defer close(ended)
		s.keep(ctx)
	}()
	// A server that is there answers at once: then the first word is not that
	// it was not reached yet.
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-s.wake:
		notify(s.wake)
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

func (s *served) close() {
	s.mu.Lock()
	end, ended := s.end, s.ended
	s.mu.Unlock()
	if end != nil {
		end()
		<-ended
	}
}

func (s *served) restart(ctx context.Context, _ bool) error {
	s.close()
	return s.start(ctx)
}

// keep has one session after the other, with growing pauses between them.
func (s *served) keep(ctx context.Context) {
	wait := s.w.tune.redialMin
	for ctx.Err() == nil {
		began := s.w.cfg.Now()
		err := s.guarded(ctx)
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		news := s.up || s.fault == nil || s.fault.Error() != err.Error()
		s.up, s.fault = false, err
		s.mu.Unlock()
		if news {
			s.w.log.Warn("A Bitcoin server was lost; it is tried again", "server", s.b.name(), "reason", err)
		}
		notify(s.wake)
		if s.w.cfg.Now().Sub(began) > 10*s.w.tune.redialMin {
			wait = s.w.tune.redialMin
		}
		if codeOf(err) == chain.HealthLimited {
			wait = max(wait, 2*time.Second)
		}
		pause(ctx, wait/2+time.Duration(s.w.cfg.Random(int64(wait))))
		wait = min(2*wait, s.w.tune.redialMax)
	}
}

// guarded is session; a fault that a server's answer causes ends it and nothing else.
func (s *served) guarded(ctx context.Context) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &serverError{chain.HealthInternal, fmt.Errorf("a fault in reading %s's answer: %v", s.b.name(), fault)}
		}
	}()
	return s.session(ctx)
}

// session is one life of the connection.
func (s *served) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if err := s.b.connect(ctx, s); err != nil {
		return err
	}
	gone := make(chan error, 1)
	wg.Go(func() {
		defer func() {
			if fault := recover(); fault != nil {
				gone <- &serverError{chain.HealthInternal, fmt.Errorf("a fault in reading %s's news: %v", s.b.name(), fault)}
			}
		}()
		gone <- s.b.listen(ctx, s)
	})
	poll := time.NewTicker(s.b.traits().poll)
	defer poll.Stop()
	for first := true; ; first = false {
		if err := s.refresh(ctx); err != nil {
			return err
		}
		err := s.b.unconfirmed(ctx, s)
		s.mu.Lock()
		s.failing = err
		s.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			s.w.log.Debug("A Bitcoin server does not say what waits", "server", s.b.name(), "reason", err)
			if codeOf(err) != chain.HealthUnreachable {
				return err
			}
		}
		if err == nil {
			if err := s.expect(ctx); err != nil {
				return err
			}
		}
		if first {
			s.arrive() // what waits was looked at, too
		}
		select {
		case err := <-gone:
			if err == nil {
				err = errors.New("the connection was closed")
			}
			return err
		case <-s.again:
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wakeUp makes the session look at once.
func (s *served) wakeUp() { notify(s.again) }

// refresh brings heads up to the server's tip.
func (s *served) refresh(ctx context.Context) error {
	height, hash, err := s.b.tip(ctx)
	if err != nil {
		return err
	}
	if height < knownHeight && s.w.params.Net == chaincfg.MainNetParams.Net {
		return &serverError{chain.HealthBehind, fmt.Errorf("%s has blocks up to %d only", s.b.name(), height)}
	}
	if height >= 1<<31 {
		return lying("%s claims a chain of %d blocks", s.b.name(), height)
	}
	s.mu.Lock()
	base, heads := s.base, s.heads
	s.mu.Unlock()
	if n := len(heads); n == 0 || heads[n-1].hash != hash {
		if base, heads, err = s.extend(ctx, base, heads, height, hash); err != nil {
			return err
		}
	}
	s.mu.Lock()
	news := len(s.heads) == 0 || s.heads[len(s.heads)-1].hash != hash
	if news && (base < s.base || len(s.heads) > 0 && !s.holds(base, heads)) {
		s.old = segment{} // what lies below may have changed too
	}
	s.base, s.heads = base, heads
	if news && s.up {
		notify(s.wake)
	}
	s.mu.Unlock()
	return nil
}

// arrive notes that the server answers.
func (s *served) arrive() {
	s.mu.Lock()
	s.up, s.ever, s.fault = true, true, nil
	s.mu.Unlock()
	notify(s.wake)
}

// holds tells whether the first of heads was known before. The caller holds mu.
func (s *served) holds(base uint64, heads []head) bool {
	at := int64(base) - int64(s.base)
	return at >= 0 && at < int64(len(s.heads)) && s.heads[at].hash == heads[0].hash
}

func (s *served) woken() <-chan struct{} { return s.wake }

func (s *served) tip() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heads) == 0 {
		return 0, errNoServer
	}
	return s.base + uint64(len(s.heads)) - 1, nil
}

// tipHash is the hash of the end of the chain, zero before there is one.
func (s *served) tipHash() (hash chainhash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.heads); n > 0 {
		hash = s.heads[n-1].hash
	}
	return hash
}

func (s *served) header(height uint64) (chain.BlockRef, error) {
	block, _, err := s.link(height)
	return block, err
}

func (s *served) link(height uint64) (block chain.BlockRef, parent string, err error) {
	h, err := s.at(height)
	if err != nil {
		return chain.BlockRef{}, "", err
	}
	return chain.BlockRef{Height: height, Hash: h.hash.String(), Time: h.header.Timestamp}, h.header.PrevBlock.String(), nil
}

func (s *served) current() bool {
	n, _ := s.peers()
	return n > 0
}

func (s *served) peers() (n int, highest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		return 0, 0
	}
	return 1, s.base + uint64(len(s.heads)) - 1
}

func (s *served) headers() uint64 { return s.blockTip() }

func (s *served) blockTip() uint64 {
	height, _ := s.tip()
	return height
}

// What only a light client has to say.

func (s *served) banned() bool                         { return false }
func (s *served) importing() (done, of uint64, _ bool) { return 0, 0, false }
func (s *served) notImported() *string                 { return nil }
func (s *served) damaged() *error                      { return nil }

func (s *served) filterMatches(ctx context.Context, hash chainhash.Hash, scripts [][]byte, _ bool) (bool, error) {
	if len(scripts) == 0 {
		return false, nil
	}
	_, height, ok := s.place(hash)
	if !ok {
		return false, fmt.Errorf("block %s left the chain", hash)
	}
	ctx, cancel := context.WithTimeout(ctx, s.w.tune.query)
	defer cancel()
	return s.b.touches(ctx, height, scripts)
}

func (s *served) block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	h, height, ok := s.place(hash)
	if !ok {
		return nil, fmt.Errorf("block %s left the chain", hash)
	}
	ctx, cancel := context.WithTimeout(ctx, s.w.tune.query)
	defer cancel()
	block, err := s.b.block(ctx, &h.header, height)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", height, err)
	}
	if s.b.traits().whole {
		if err := wholeBlock(block, &h.header); err != nil {
			return nil, lying("%s's block %d: %w", s.b.name(), height, err)
		}
	}
	return block, nil
}

func (s *served) final(tx *wire.MsgTx, height uint64, now time.Time) bool {
	return (*client)(nil).final(tx, height, now)
}
