package btcdtest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
)

// Electrum is a server that speaks the Electrum protocol 1.4
// (electrumx.readthedocs.io/en/latest/protocol.html) over a node's data. Wallets
// can use it, and broadcast through it.
type Electrum struct {
	*Index
	// Addr is its "host:port".
	Addr string
	// Filter, where set before the first request, may change an answer.
	Filter func(method string, result any) any

	listener net.Listener
	wg       sync.WaitGroup
	connMu   sync.Mutex
	conns    map[net.Conn]bool
	asked    map[string]int
}

// NewElectrum serves a node's data until the test ends.
func NewElectrum(t testing.TB, node *Node) *Electrum {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ServeElectrum(t, node, l)
}

// ServeElectrum is NewElectrum on a listener, which may speak TLS.
func ServeElectrum(t testing.TB, node *Node, l net.Listener) *Electrum {
	t.Helper()
	e := &Electrum{Index: NewIndex(node), Addr: l.Addr().String(), listener: l, conns: map[net.Conn]bool{}, asked: map[string]int{}}
	e.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.connMu.Lock()
			e.conns[conn] = true
			e.connMu.Unlock()
			e.wg.Go(func() { e.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		e.Drop()
		e.wg.Wait()
	})
	return e
}

// Drop closes every connection.
func (e *Electrum) Drop() {
	e.connMu.Lock()
	defer e.connMu.Unlock()
	for conn := range e.conns {
		_ = conn.Close()
	}
}

// Asked counts how often a method was called.
func (e *Electrum) Asked(method string) int {
	e.connMu.Lock()
	defer e.connMu.Unlock()
	return e.asked[method]
}

type electrumRequest struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

// electrumSession is one connection.
type electrumSession struct {
	e       *Electrum
	conn    net.Conn
	mu      sync.Mutex // writing, and the fields below
	headers bool
	tip     string
	subs    map[string]any // script hash -> status told
	version int
}

func (e *Electrum) talk(conn net.Conn) {
	s := &electrumSession{e: e, conn: conn, subs: map[string]any{}}
	done := make(chan struct{})
	defer func() {
		close(done)
		_ = conn.Close()
		e.connMu.Lock()
		delete(e.conns, conn)
		e.connMu.Unlock()
	}()
	e.wg.Go(func() {
		ticker := time.NewTicker(30 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				if s.tell() != nil {
					_ = conn.Close()
					return
				}
			}
		}
	})
	in := bufio.NewScanner(conn)
	in.Buffer(nil, 8<<20)
	for in.Scan() {
		line := strings.TrimSpace(in.Text())
		var list []electrumRequest
		if strings.HasPrefix(line, "[") {
			if json.Unmarshal([]byte(line), &list) != nil {
				return
			}
			var answers []any
			for _, r := range list {
				answers = append(answers, s.answer(r))
			}
			s.write(answers)
			continue
		}
		var r electrumRequest
		if json.Unmarshal([]byte(line), &r) != nil {
			return
		}
		s.write(s.answer(r))
	}
}

func (s *electrumSession) write(message any) {
	raw, _ := json.Marshal(message)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.conn.Write(append(raw, '\n'))
}

func (s *electrumSession) answer(r electrumRequest) any {
	s.e.connMu.Lock()
	s.e.asked[r.Method]++
	s.e.connMu.Unlock()
	result, err := s.call(r)
	if err != nil {
		return map[string]any{"jsonrpc": "2.0", "id": r.ID, "error": map[string]any{"code": 1, "message": err.Error()}}
	}
	if s.e.Filter != nil {
		result = s.e.Filter(r.Method, result)
	}
	return map[string]any{"jsonrpc": "2.0", "id": r.ID, "result": result}
}

// tell sends what changed since the last time.
func (s *electrumSession) tell() error {
	x := s.e.Index
	x.mu.Lock()
	if err := x.sync(); err != nil {
		x.mu.Unlock()
		return err
	}
	s.mu.Lock()
	var news []any
	if s.version != x.version {
		s.version = x.version
		top := len(x.blocks) - 1
		if hash := x.blocks[top].BlockHash().String(); s.headers && hash != s.tip {
			s.tip = hash
			news = append(news, map[string]any{"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": []any{s.e.head()}})
		}
		for key, told := range s.subs {
			if status := s.e.statusOf(key); status != told {
				s.subs[key] = status
				news = append(news, map[string]any{"jsonrpc": "2.0", "method": "blockchain.scripthash.subscribe", "params": []any{key, status}})
			}
		}
	}
	s.mu.Unlock()
	x.mu.Unlock()
	for _, one := range news {
		s.write(one)
	}
	return nil
}

func (e *Electrum) head() any {
	top := len(e.blocks) - 1
	return map[string]any{"height": top, "hex": headerHex(e.blocks[top])}
}

// item is one line of a history.
type item struct {
	Height int    `json:"height"`
	TxHash string `json:"tx_hash"`
	Fee    *int64 `json:"fee,omitempty"`
}

func (e *Electrum) history(key string) []item {
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != 32 {
		return nil
	}
	var script [32]byte
	for i, c := range raw { // the protocol reverses it
		script[31-i] = c
	}
	list := []item{}
	for _, txid := range e.scripts[script] {
		list = append(list, item{Height: e.heights[txid], TxHash: txid.String()})
	}
	return append(list, e.pending(script)...)
}

func (e *Electrum) pending(script [32]byte) []item {
	list := []item{}
	for _, txid := range e.waiting(script) {
		tx := e.pool[txid]
		fee := e.fee(tx)
		one := item{TxHash: txid.String(), Fee: &fee}
		for _, in := range tx.TxIn {
			if e.pool[in.PreviousOutPoint.Hash] != nil {
				one.Height = -1
			}
		}
		list = append(list, one)
	}
	return list
}

// statusOf is nil for a script without history.
func (e *Electrum) statusOf(key string) any {
	list := e.history(key)
	if len(list) == 0 {
		return nil
	}
	var text strings.Builder
	for _, one := range list {
		fmt.Fprintf(&text, "%s:%d:", one.TxHash, one.Height)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:])
}

func (s *electrumSession) call(r electrumRequest) (any, error) {
	e := s.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.sync(); err != nil {
		_ = s.conn.Close()
		return nil, err
	}
	text := func(i int) (v string) {
		if i < len(r.Params) {
			_ = json.Unmarshal(r.Params[i], &v)
		}
		return v
	}
	number := func(i int) (v int) {
		if i < len(r.Params) {
			_ = json.Unmarshal(r.Params[i], &v)
		}
		return v
	}
	switch r.Method {
	case "server.version":
		return []string{"till's tests", "1.4"}, nil
	case "server.ping":
		return nil, nil
	case "server.banner", "server.donation_address":
		return "", nil
	case "server.peers.subscribe":
		return []any{}, nil
	case "server.features":
		return map[string]any{"genesis_hash": e.blocks[0].BlockHash().String(), "hosts": map[string]any{}, "protocol_max": "1.4", "protocol_min": "1.4", "server_version": "test", "hash_function": "sha256", "pruning": nil}, nil
	case "blockchain.estimatefee", "blockchain.relayfee":
		return 0.00001, nil
	case "mempool.get_fee_histogram":
		return []any{}, nil
	case "blockchain.headers.subscribe":
		s.mu.Lock()
		s.headers, s.tip = true, e.blocks[len(e.blocks)-1].BlockHash().String()
		s.mu.Unlock()
		return e.head(), nil
	case "blockchain.block.header":
		if h := number(0); h >= 0 && h < len(e.blocks) {
			return headerHex(e.blocks[h]), nil
		}
		return nil, fmt.Errorf("height %d out of range", number(0))
	case "blockchain.block.headers":
		start, count, all := number(0), min(number(1), 2016), ""
		n := 0
		for h := start; h < len(e.blocks) && n < count; h++ {
			all += headerHex(e.blocks[h])
			n++
		}
		return map[string]any{"count": n, "hex": all, "max": 2016}, nil
	case "blockchain.scripthash.subscribe":
		status := e.statusOf(text(0))
		s.mu.Lock()
		s.subs[text(0)] = status
		s.mu.Unlock()
		return status, nil
	case "blockchain.scripthash.unsubscribe":
		s.mu.Lock()
		delete(s.subs, text(0))
		s.mu.Unlock()
		return true, nil
	case "blockchain.scripthash.get_history":
		return e.history(text(0)), nil
	}
	return e.transaction(r.Method, text, number)
}

func (e *Electrum) transaction(method string, text func(int) string, number func(int) int) (any, error) {
	switch method {
	case "blockchain.transaction.broadcast":
		var txid string
		if err := e.node.call(&txid, "sendrawtransaction", text(0)); err != nil {
			return nil, err
		}
		return txid, nil
	case "blockchain.transaction.get", "blockchain.transaction.get_merkle":
	default:
		return nil, fmt.Errorf("unknown method %q", method)
	}
	txid, err := chainhash.NewHashFromStr(text(0))
	if err != nil {
		return nil, err
	}
	if method == "blockchain.transaction.get" {
		tx := e.find(*txid)
		if tx == nil {
			return nil, fmt.Errorf("no such mempool or blockchain transaction")
		}
		return hexOf(tx), nil
	}
	block, height, pos, err := e.inBlock(*txid)
	if err != nil {
		return nil, err
	}
	if height != number(1) {
		return nil, fmt.Errorf("tx %s not in block at height %d", txid, number(1))
	}
	path := []string{}
	for _, h := range branch(block, pos) {
		path = append(path, h.String())
	}
	return map[string]any{"block_height": height, "merkle": path, "pos": pos}, nil
}
