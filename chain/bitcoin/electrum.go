package bitcoin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
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
	return traits{trust: chain.TrustOneServer, poll: time.Second, patience: 20 * time.Second}
}

// scriptHash is the protocol's name of a script: SHA-256, reversed.
func scriptHash(script string) string {
	sum := chainhash.Hash(sha256.Sum256([]byte(script)))
	return sum.String()
}

func (e *electrum) connect(ctx context.Context, s *served) error {
	dial, cancel := context.WithTimeout(ctx, e.traits().patience)
	defer cancel()
	raw, err := e.address.dial(dial, e.dialer)
	if err != nil {
		return err
	}
	conn := newElectrumConn(raw, e.traits().patience, func(method string, params []json.RawMessage) { e.notice(s, method, params) })
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

// unconfirmed subscribes to new targets, reads the histories that changed, and
// looks after payments that are in none of them any more.
func (e *electrum) unconfirmed(ctx context.Context, s *served) error {
	if err := e.subscribe(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	keys := make([]string, 0, len(e.dirty))
	for key := range e.dirty {
		keys = append(keys, key)
	}
	clear(e.dirty)
	e.mu.Unlock()
	err := each(ctx, keys, func(ctx context.Context, key string) error { return e.read(ctx, s, key) })
	if err != nil {
		e.mu.Lock()
		for _, key := range keys {
			e.dirty[key] = true
		}
		e.mu.Unlock()
		return err
	}
	for _, r := range waitingIn(e.w.book) {
		if e.holds(r.txid) {
			continue
		}
		if err := s.check(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// subscribe follows the list of targets.
func (e *electrum) subscribe(ctx context.Context) error {
	list, change := e.w.recent.list()
	e.mu.Lock()
	if change == e.fresh && change != 0 {
		e.mu.Unlock()
		return nil
	}
	conn := e.conn
	want := make(map[string]bool, len(list))
	var fresh, stale []string
	for _, to := range list {
		script, err := scriptOf(to, &e.w.params)
		if err != nil {
			continue
		}
		key := scriptHash(script)
		want[key] = true
		if e.scripts[key] == nil {
			e.scripts[key] = &electrumScript{script: script}
			fresh = append(fresh, key)
		}
	}
	for key := range e.scripts {
		if !want[key] {
			stale = append(stale, key)
			delete(e.scripts, key)
		}
	}
	e.mu.Unlock()
	err := each(ctx, fresh, func(ctx context.Context, key string) error {
		var status *string
		if err := conn.call(ctx, &status, "blockchain.scripthash.subscribe", key); err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if one := e.scripts[key]; one != nil && status == nil {
			one.known = true
		} else {
			e.dirty[key] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	_ = each(ctx, stale, func(ctx context.Context, key string) error {
		var nothing json.RawMessage
		_ = conn.call(ctx, &nothing, "blockchain.scripthash.unsubscribe", key) // since 1.4.2
		return nil
	})
	e.mu.Lock()
	e.fresh = change
	e.mu.Unlock()
	return nil
}

// ask fetches a history.
func (e *electrum) ask(ctx context.Context, key string) (map[chainhash.Hash]historyItem, error) {
	var list []struct {
		Height int64  `json:"height"`
		TxHash string `json:"tx_hash"`
		Fee    uint64 `json:"fee"`
	}
	if err := e.link().call(ctx, &list, "blockchain.scripthash.get_history", key); err != nil {
		return nil, err
	}
	history := make(map[chainhash.Hash]historyItem, len(list))
	for _, one := range list {
		txid, err := decodeHash(one.TxHash)
		if err != nil {
			return nil, err
		}
		if one.Height < -1 || one.Height >= 1<<31 {
			return nil, fmt.Errorf("%s puts a transaction into block %d", e.name(), one.Height)
		}
		history[txid] = historyItem{one.Height, one.Fee}
	}
	return history, nil
}

// read takes a script's changed history: what waits is offered, and what is in
// blocks that were read already is looked for again.
func (e *electrum) read(ctx context.Context, s *served, key string) error {
	history, err := e.ask(ctx, key)
	if err != nil {
		return err
	}
	e.mu.Lock()
	one := e.scripts[key]
	if one == nil {
		e.mu.Unlock()
		return nil // unwatched meanwhile
	}
	before := one.history
	one.history, one.known = history, true
	e.index(history)
	e.mu.Unlock()
	for txid, item := range history {
		if item.height > 0 {
			if old, ok := before[txid]; !ok || old.height != item.height {
				s.late(one.script, uint64(item.height))
			}
			continue
		}
		if s.knows(txid) {
			continue
		}
		tx, err := e.tx(ctx, txid)
		var no *electrumRefusal
		if errors.As(err, &no) {
			continue // it went meanwhile
		} else if err != nil {
			return err
		}
		vsize := uint64(tx.SerializeSizeStripped()*3+tx.SerializeSize()+3) / 4
		s.offer(tx, entry{fee: item.fee, vsize: vsize, ancestors: int(max(0, -item.height))})
	}
	return nil
}

// index makes a history known by height. The caller holds mu.
func (e *electrum) index(history map[chainhash.Hash]historyItem) {
	for txid, item := range history {
		if item.height <= 0 {
			continue
		}
		at := uint64(item.height)
		if e.at[at] == nil {
			e.at[at] = map[chainhash.Hash]bool{}
		}
		e.at[at][txid] = true
	}
}

// holds tells whether a transaction is in a watched script's history.
func (e *electrum) holds(txid chainhash.Hash) bool {
	at, _ := e.find(context.Background(), txid)
	return at.waiting || at.mined
}

// find looks into the histories of watched scripts: the server has no question
// for it.
func (e *electrum) find(_ context.Context, txid chainhash.Hash) (whereabouts, error) {
	e.w.book.mu.Lock()
	var outputs []output
	if r := e.w.book.txs[txid]; r != nil {
		outputs = r.outputs
	}
	e.w.book.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, out := range outputs {
		script, err := scriptOf(out.to, &e.w.params)
		if err != nil {
			continue
		}
		one := e.scripts[scriptHash(script)]
		if one == nil {
			return whereabouts{waiting: true}, nil // not watched any more: nothing is known
		}
		if item, ok := one.history[txid]; ok {
			return whereabouts{waiting: item.height <= 0, mined: item.height > 0, height: uint64(max(item.height, 0))}, nil
		}
	}
	return whereabouts{}, nil
}

// tx fetches a transaction, and remembers some.
func (e *electrum) tx(ctx context.Context, txid chainhash.Hash) (*wire.MsgTx, error) {
	e.mu.Lock()
	tx := e.txs[txid]
	e.mu.Unlock()
	if tx != nil {
		return tx, nil
	}
	var text string
	if err := e.link().call(ctx, &text, "blockchain.transaction.get", txid.String()); err != nil {
		return nil, err
	}
	tx, err := decodeTxHex(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	if tx.TxHash() != txid {
		return nil, lying("%s answers with another transaction than was asked for", e.name())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.txs) >= 1000 {
		clear(e.txs)
	}
	e.txs[txid] = tx
	return tx, nil
}

// touches asks the histories. Those of scripts that are not subscribed to are
// fetched once per tip.
func (e *electrum) touches(ctx context.Context, height uint64, scripts [][]byte) (bool, error) {
	var missing []string
	e.mu.Lock()
	for _, script := range scripts {
		key := scriptHash(string(script))
		if one := e.scripts[key]; one != nil && one.known && !e.dirty[key] || e.past[key].history != nil && e.past[key].tip == e.tipOf {
			continue
		}
		missing = append(missing, key)
	}
	tip := e.tipOf
	e.mu.Unlock()
	err := each(ctx, missing, func(ctx context.Context, key string) error {
		history, err := e.ask(ctx, key)
		if err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.past) >= 2*auditChunk {
			clear(e.past)
		}
		e.past[key] = pastOf{tip, history}
		e.index(history)
		return nil
	})
	if err != nil {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.at[height]) > 0, nil
}

// block has the proven transactions of a block that are in known histories.
func (e *electrum) block(ctx context.Context, header *wire.BlockHeader, height uint64) (*wire.MsgBlock, error) {
	e.mu.Lock()
	var txids []string
	for txid := range e.at[height] {
		txids = append(txids, txid.String())
	}
	e.mu.Unlock()
	block := wire.NewMsgBlock(header)
	var mu sync.Mutex
	err := each(ctx, txids, func(ctx context.Context, text string) error {
		txid, err := decodeHash(text)
		if err != nil {
			return err
		}
		tx, err := e.proven(ctx, txid, height, header)
		if err != nil || tx == nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		block.Transactions = append(block.Transactions, tx)
		return nil
	})
	return block, err
}

// proven is a transaction if it is in a block, else nil: the history was that
// of another branch.
func (e *electrum) proven(ctx context.Context, txid chainhash.Hash, height uint64, header *wire.BlockHeader) (*wire.MsgTx, error) {
	var proof merkleProof
	err := e.link().call(ctx, &proof, "blockchain.transaction.get_merkle", txid.String(), height)
	var no *electrumRefusal
	if errors.As(err, &no) {
		e.mu.Lock()
		delete(e.at[height], txid)
		e.mu.Unlock()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tx, err := e.tx(ctx, txid)
	if err != nil {
		return nil, err
	}
	if !proof.proves(tx, height, header) {
		// Another branch, or a lie: either way it does not count.
		return nil, fmt.Errorf("%s does not prove that %s is in block %d", e.name(), txid, height)
	}
	return tx, nil
}

// spender looks through the history of the script that was spent from: the
// server has no question for it.
func (e *electrum) spender(ctx context.Context, out wire.OutPoint) (by chainhash.Hash, height uint64, err error) {
	var no *electrumRefusal
	parent, err := e.tx(ctx, out.Hash)
	if errors.As(err, &no) {
		return by, 0, nil
	}
	if err != nil || int(out.Index) >= len(parent.TxOut) {
		return by, 0, err
	}
	history, err := e.ask(ctx, scriptHash(string(parent.TxOut[out.Index].PkScript)))
	if err != nil {
		return by, 0, err
	}
	list := make([]chainhash.Hash, 0, len(history))
	for txid := range history {
		if txid != out.Hash {
			list = append(list, txid)
		}
	}
	slices.SortFunc(list, func(a, b chainhash.Hash) int { return history[b].order() - history[a].order() })
	// Of a busy address only the newest: the payment is gone all the same.
	for _, txid := range list[:min(len(list), maxPipelined)] {
		item := history[txid]
		tx, err := e.tx(ctx, txid)
		if errors.As(err, &no) {
			continue
		} else if err != nil {
			return by, 0, err
		}
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == out {
				e.mu.Lock()
				e.index(map[chainhash.Hash]historyItem{txid: item}) // for block to prove it
				e.mu.Unlock()
				return txid, uint64(max(item.height, 0)), nil
			}
		}
	}
	return by, 0, nil
}
