package btcdtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
	"github.com/gorilla/websocket"
)

// Esplora is a server that speaks Esplora's HTTP API
// (github.com/Blockstream/esplora, API.md), and mempool.space's websocket, over
// a node's data: as much of them as a watcher asks for.
type Esplora struct {
	*Index
	// URL is the API's base.
	URL string
	// Sockets switches the websocket on.
	Sockets bool
	// Filter, where set, may answer a request itself.
	Filter func(w http.ResponseWriter, r *http.Request) bool

	server *httptest.Server
}

// NewEsplora serves a node's data until the test ends.
func NewEsplora(t testing.TB, node *Node) *Esplora {
	t.Helper()
	e := &Esplora{Index: NewIndex(node)}
	e.server = httptest.NewServer(e)
	e.URL = e.server.URL + "/api"
	t.Cleanup(e.server.Close)
	return e
}

// ServeHTTP implements http.Handler.
func (e *Esplora) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.Filter != nil && e.Filter(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if path == "/v1/ws" && e.Sockets {
		e.socket(w, r)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.sync(); err != nil {
		http.Error(w, "the node does not answer", http.StatusBadGateway)
		return
	}
	body, ok := e.answer(strings.Split(strings.Trim(path, "/"), "/"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch body := body.(type) {
	case string:
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(body))
	case []byte:
		_, _ = w.Write(body)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (e *Esplora) answer(p []string) (any, bool) {
	top := len(e.blocks) - 1
	switch {
	case len(p) == 3 && p[0] == "blocks" && p[1] == "tip" && p[2] == "hash":
		return e.blocks[top].BlockHash().String(), true
	case len(p) == 3 && p[0] == "blocks" && p[1] == "tip" && p[2] == "height":
		return strconv.Itoa(top), true
	case len(p) == 2 && p[0] == "block-height":
		height, err := strconv.Atoi(p[1])
		if err != nil || height < 0 || height > top {
			return nil, false
		}
		return e.blocks[height].BlockHash().String(), true
	case len(p) == 2 && p[0] == "blocks":
		start, err := strconv.Atoi(p[1])
		if err != nil || start < 0 || start > top {
			return nil, false
		}
		var list []any
		for h := start; h >= 0 && h > start-10; h-- {
			list = append(list, e.summary(h))
		}
		return list, true
	case len(p) >= 2 && p[0] == "block":
		hash, err := chainhash.NewHashFromStr(p[1])
		if err != nil {
			return nil, false
		}
		height, ok := e.places[*hash]
		if !ok {
			return nil, false
		}
		return e.block(height, p[2:])
	case len(p) >= 2 && p[0] == "tx":
		txid, err := chainhash.NewHashFromStr(p[1])
		if err != nil || e.find(*txid) == nil {
			return nil, false
		}
		return e.tx(*txid, p[2:])
	case len(p) == 4 && p[0] == "address" && p[2] == "txs" && p[3] == "mempool":
		addr, err := btcutil.DecodeAddress(p[1], e.node.Params)
		if err != nil {
			return nil, false
		}
		script, err := txscript.PayToAddrScript(addr)
		if err != nil {
			return nil, false
		}
		list := []any{}
		for _, txid := range e.waiting(sha256.Sum256(script)) {
			list = append(list, e.detail(txid))
		}
		return list, true
	case len(p) == 3 && p[0] == "address" && p[2] == "txs":
		return e.received(p[1])
	}
	return nil, false
}

// received is an address's history: what waits, and then what is in blocks, the
// newest first.
func (e *Esplora) received(text string) (any, bool) {
	addr, err := btcutil.DecodeAddress(text, e.node.Params)
	if err != nil {
		return nil, false
	}
	script, err := txscript.PayToAddrScript(addr)
	if err != nil {
		return nil, false
	}
	list := []any{}
	key := sha256.Sum256(script)
	for _, txid := range e.waiting(key) {
		list = append(list, e.detail(txid))
	}
	mined := e.scripts[key]
	for i := range mined {
		list = append(list, e.detail(mined[len(mined)-1-i]))
	}
	return list, true
}

func (e *Esplora) summary(height int) any {
	b := e.blocks[height]
	out := map[string]any{
		"id": b.BlockHash().String(), "height": height, "version": b.Header.Version, "timestamp": b.Header.Timestamp.Unix(), "bits": b.Header.Bits,
		"nonce": b.Header.Nonce, "merkle_root": b.Header.MerkleRoot.String(), "tx_count": len(b.Transactions), "size": b.SerializeSize(),
		"weight": 3*b.SerializeSizeStripped() + b.SerializeSize(), "mediantime": b.Header.Timestamp.Unix(), "difficulty": 1,
	}
	if height > 0 {
		out["previousblockhash"] = b.Header.PrevBlock.String()
	}
	return out
}

func (e *Esplora) block(height int, p []string) (any, bool) {
	switch {
	case len(p) == 0:
		return e.summary(height), true
	case p[0] == "header":
		return headerHex(e.blocks[height]), true
	case p[0] == "raw":
		var raw bytes.Buffer
		_ = e.blocks[height].Serialize(&raw)
		return raw.Bytes(), true
	}
	return nil, false
}

func (e *Esplora) status(txid chainhash.Hash) any {
	height, ok := e.heights[txid]
	if !ok {
		return map[string]any{"confirmed": false}
	}
	b := e.blocks[height]
	return map[string]any{"confirmed": true, "block_height": height, "block_hash": b.BlockHash().String(), "block_time": b.Header.Timestamp.Unix()}
}

func (e *Esplora) detail(txid chainhash.Hash) any {
	tx := e.find(txid)
	var vin, vout []any
	for _, in := range tx.TxIn {
		one := map[string]any{"txid": in.PreviousOutPoint.Hash.String(), "vout": in.PreviousOutPoint.Index, "sequence": in.Sequence, "is_coinbase": false}
		if out := e.output(in.PreviousOutPoint); out != nil {
			one["prevout"] = e.out(out)
		}
		vin = append(vin, one)
	}
	for _, out := range tx.TxOut {
		vout = append(vout, e.out(out))
	}
	return map[string]any{
		"txid": txid.String(), "version": tx.Version, "locktime": tx.LockTime, "vin": vin, "vout": vout, "size": tx.SerializeSize(),
		"weight": 3*tx.SerializeSizeStripped() + tx.SerializeSize(), "fee": e.fee(tx), "status": e.status(txid),
	}
}

func (e *Esplora) out(out *wire.TxOut) any {
	one := map[string]any{"scriptpubkey": fmt.Sprintf("%x", out.PkScript), "value": out.Value}
	if _, addrs, _, err := txscript.ExtractPkScriptAddrs(out.PkScript, e.node.Params); err == nil && len(addrs) == 1 {
		one["scriptpubkey_address"] = addrs[0].EncodeAddress()
	}
	return one
}

func (e *Esplora) tx(txid chainhash.Hash, p []string) (any, bool) {
	switch {
	case len(p) == 0:
		return e.detail(txid), true
	case p[0] == "hex":
		return hexOf(e.find(txid)), true
	case p[0] == "status":
		return e.status(txid), true
	case p[0] == "merkle-proof":
		block, height, pos, err := e.inBlock(txid)
		if err != nil {
			return nil, false
		}
		path := []string{}
		for _, h := range branch(block, pos) {
			path = append(path, h.String())
		}
		return map[string]any{"block_height": height, "merkle": path, "pos": pos}, true
	case p[0] == "outspend" && len(p) == 2:
		vout, err := strconv.ParseUint(p[1], 10, 32)
		if err != nil {
			return nil, false
		}
		by, ok := e.spender(wire.OutPoint{Hash: txid, Index: uint32(vout)})
		if !ok {
			return map[string]any{"spent": false}, true
		}
		return map[string]any{"spent": true, "txid": by.String(), "vin": 0, "status": e.status(by)}, true
	}
	return nil, false
}

// socket speaks as much of mempool.space's websocket as tells that something
// happened: blocks, and tracked addresses.
func (e *Esplora) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	orders := make(chan map[string]json.RawMessage, 16)
	go func() {
		defer close(orders)
		for {
			var order map[string]json.RawMessage
			if conn.ReadJSON(&order) != nil {
				return
			}
			orders <- order
		}
	}()
	ticker := time.NewTicker(30 * time.Millisecond)
	defer ticker.Stop()
	var addresses []string
	tip, told := "", map[chainhash.Hash]bool{}
	for {
		select {
		case order, ok := <-orders:
			if !ok {
				return
			}
			if list, ok := order["track-addresses"]; ok {
				_ = json.Unmarshal(list, &addresses)
			}
			continue
		case <-ticker.C:
		}
		e.mu.Lock()
		if e.sync() != nil {
			e.mu.Unlock()
			return
		}
		top := len(e.blocks) - 1
		message := map[string]any{}
		if hash := e.blocks[top].BlockHash().String(); hash != tip {
			if tip != "" {
				message["block"] = e.summary(top)
			}
			tip = hash
		}
		found := map[string]any{}
		for _, text := range addresses {
			addr, err := btcutil.DecodeAddress(text, e.node.Params)
			if err != nil {
				continue
			}
			script, _ := txscript.PayToAddrScript(addr)
			var fresh []any
			for _, txid := range e.waiting(sha256.Sum256(script)) {
				if !told[txid] {
					told[txid] = true
					fresh = append(fresh, e.detail(txid))
				}
			}
			if len(fresh) > 0 {
				found[text] = map[string]any{"mempool": fresh, "confirmed": []any{}, "removed": []any{}}
			}
		}
		e.mu.Unlock()
		if len(found) > 0 {
			message["multi-address-transactions"] = found
		}
		if len(message) > 0 && conn.WriteJSON(message) != nil {
			return
		}
	}
}
