package bitcoin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
	"golang.org/x/net/proxy"

	"github.com/cointill/till/chain"
)

// ElectrumConfig is for a watcher that asks one Electrum server; several are
// joined by Multi.
type ElectrumConfig struct {
	Server
	// Address is "ssl://host:50002" or "tcp://host:50001".
	Address string
	// Proxy is the host:port of a SOCKS5 proxy that resolves the server's name, too.
	Proxy string
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error)
}

// NewElectrum makes a watcher that subscribes to its targets at an Electrum
// server, which thereby learns them. What the server says is in a block must
// have a merkle proof to that block's header, so it can hide or delay a payment
// but not invent a mined one without the work.
func NewElectrum(cfg ElectrumConfig) (*Watcher, error) {
	address, err := parseElectrum(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Dial == nil {
		direct := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		cfg.Dial = direct.DialContext
		if cfg.Proxy != "" {
			through, err := proxy.SOCKS5("tcp", cfg.Proxy, nil, direct)
			if err != nil {
				return nil, fmt.Errorf("the proxy %.80q cannot be used", cfg.Proxy)
			}
			dialer, ok := through.(proxy.ContextDialer)
			if !ok {
				return nil, fmt.Errorf("the proxy %.80q cannot be used", cfg.Proxy)
			}
			cfg.Dial = dialer.DialContext
		}
	}
	b := &electrum{address: address, dialer: cfg.Dial}
	w, err := newServer(cfg.Server, b)
	if err != nil {
		return nil, err
	}
	b.w = w
	return w, nil
}

// electrum speaks the Electrum protocol, version 1.4
// (electrumx.readthedocs.io/en/latest/protocol.html).
type electrum struct {
	w       *Watcher
	address electrumAddress
	dialer  func(ctx context.Context, network, addr string) (net.Conn, error)

	mu      sync.Mutex
	conn    *electrumConn
	height  uint64 // of the last header that the server told of
	tipOf   chainhash.Hash
	scripts map[string]*electrumScript // watched ones by their hash, as the protocol writes it
	fresh   uint64                     // the list of targets that is subscribed to
	dirty   map[string]bool            // scripts whose history is to be read
	past    map[string]pastOf          // histories of others, for looking back
	at      map[uint64]map[chainhash.Hash]bool
	txs     map[chainhash.Hash]*wire.MsgTx
}

// electrumScript is a watched script and what the server says of it.
type electrumScript struct {
	script  string
	known   bool // what the server has of it was read once
	history map[chainhash.Hash]historyItem
}

type historyItem struct {
	height int64 // 0 = waits, -1 = waits for a parent
	fee    uint64
}

// order is the height, and of what waits above all blocks.
func (i historyItem) order() int {
	if i.height <= 0 {
		return 1 << 31
	}
	return int(i.height)
}

// pastOf is a history as of a tip.
type pastOf struct {
	tip     chainhash.Hash
	history map[chainhash.Hash]historyItem
}

func (e *electrum) name() string { return e.address.host }

func (e *electrum) traits() traits {
	return traits{trust: chain.TrustOneServer, lookupAddr: true, poll: time.Second}
}

// scriptHash is the protocol's name of a script: SHA-256, reversed.
func scriptHash(script string) string {
	sum := chainhash.Hash(sha256.Sum256([]byte(script)))
	return sum.String()
}

func (e *electrum) connect(ctx context.Context, s *served) error {
	dial, cancel := context.WithTimeout(ctx, e.w.tune.patience)
	defer cancel()
	raw, err := e.address.dial(dial, e.dialer)
	if err != nil {
		return err
	}
	conn := newElectrumConn(raw, e.w.tune.patience, func(method string, params []json.RawMessage) { e.notice(s, method, params) })
	context.AfterFunc(ctx, func() { _ = raw.Close() })
	e.mu.Lock()
	e.conn, e.tipOf, e.height = conn, chainhash.Hash{}, 0
	e.scripts, e.fresh = map[string]*electrumScript{}, 0
	e.dirty, e.past, e.at = map[string]bool{}, map[string]pastOf{}, map[uint64]map[chainhash.Hash]bool{}
	e.txs = map[chainhash.Hash]*wire.MsgTx{}
	e.mu.Unlock()
	go func() { _ = conn.read() }()
	var version json.RawMessage
	if err := conn.call(ctx, &version, "server.version", "till", "1.4"); err != nil {
		return err
	}
	var genesis string
	if err := conn.call(ctx, &genesis, "blockchain.block.header", 0); err != nil {
		return err
	}
	header, err := decodeHeaderHex(genesis)
	if err != nil {
		return err
	}
	if header.BlockHash() != *e.w.params.GenesisHash {
		return wrongNetwork(e.name(), e.w.cfg.Network)
	}
	var head electrumHead
	if err := conn.call(ctx, &head, "blockchain.headers.subscribe"); err != nil {
		return err
	}
	e.w.recent.ring(s.wakeUp)
	return e.moved(head)
}

type electrumHead struct {
	Height int64  `json:"height"`
	Hex    string `json:"hex"`
}

// moved notes the end of the server's chain.
func (e *electrum) moved(head electrumHead) error {
	header, err := decodeHeaderHex(head.Hex)
	if err != nil {
		return err
	}
	if head.Height < 0 {
		return errors.New("a block has no height below zero")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.height, e.tipOf = uint64(head.Height), header.BlockHash()
	return nil
}

func (e *electrum) notice(s *served, method string, params []json.RawMessage) {
	switch method {
	case "blockchain.headers.subscribe":
		var head electrumHead
		if len(params) != 1 || json.Unmarshal(params[0], &head) != nil || e.moved(head) != nil {
			return
		}
	case "blockchain.scripthash.subscribe":
		var key string
		if len(params) < 1 || json.Unmarshal(params[0], &key) != nil {
			return
		}
		e.mu.Lock()
		if e.scripts[key] != nil {
			e.dirty[key] = true
		}
		e.mu.Unlock()
	}
	s.wakeUp()
}

func (e *electrum) link() *electrumConn {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.conn
}

// listen waits for the end of the connection, and keeps it from falling asleep.
func (e *electrum) listen(ctx context.Context, _ *served) error {
	conn := e.link()
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-conn.lost:
			return conn.gone()
		case <-ticker.C:
			var nothing json.RawMessage
			if err := conn.call(ctx, &nothing, "server.ping"); err != nil {
				return err
			}
		}
	}
}

func (e *electrum) tip(context.Context) (uint64, chainhash.Hash, error) {
	conn := e.link()
	select {
	case <-conn.lost:
		return 0, chainhash.Hash{}, conn.gone()
	default:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.height, e.tipOf, nil
}

func (e *electrum) headers(ctx context.Context, height uint64, n int) ([]wire.BlockHeader, error) {
	var answer struct {
		Count int    `json:"count"`
		Hex   string `json:"hex"`
	}
	n = min(n, 500)
	if err := e.link().call(ctx, &answer, "blockchain.block.headers", height, n); err != nil {
		return nil, err
	}
	const size = 2 * wire.MaxBlockHeaderPayload
	if answer.Count < 1 || answer.Count > n || len(answer.Hex) != answer.Count*size {
		return nil, fmt.Errorf("%s has no %d headers from %d on", e.name(), n, height)
	}
	headers := make([]wire.BlockHeader, answer.Count)
	for i := range headers {
		var err error
		if headers[i], err = decodeHeaderHex(answer.Hex[i*size : (i+1)*size]); err != nil {
			return nil, err
		}
	}
	return headers, nil
}

// each does something for every key, many at once, and returns the first error.
func each(ctx context.Context, keys []string, do func(ctx context.Context, key string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	queue := make(chan string)
	for range min(len(keys), maxPipelined) {
		wg.Go(func() {
			for key := range queue {
				if err := do(ctx, key); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, key := range keys {
		select {
		case queue <- key:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}
