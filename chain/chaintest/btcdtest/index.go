package btcdtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// Index is what servers in front of a node keep: which script is paid or spent
// from by which transactions, in blocks and in the mempool. It reads the node's
// own data and follows its reorganisations.
type Index struct {
	node *Node

	mu      sync.Mutex
	blocks  []*wire.MsgBlock // by height
	places  map[chainhash.Hash]int
	txs     map[chainhash.Hash]*wire.MsgTx // of blocks
	heights map[chainhash.Hash]int
	spends  map[wire.OutPoint]chainhash.Hash
	scripts map[[32]byte][]chainhash.Hash // by SHA-256 of the script, in the chain's order
	pool    map[chainhash.Hash]*wire.MsgTx
	version int // grows with every change
}

// NewIndex makes an index that is filled when it is first asked.
func NewIndex(node *Node) *Index {
	return &Index{
		node: node, places: map[chainhash.Hash]int{}, txs: map[chainhash.Hash]*wire.MsgTx{}, heights: map[chainhash.Hash]int{},
		spends: map[wire.OutPoint]chainhash.Hash{}, scripts: map[[32]byte][]chainhash.Hash{}, pool: map[chainhash.Hash]*wire.MsgTx{},
	}
}

// sync brings the index up to the node. The caller holds mu.
func (x *Index) sync() error {
	height, err := x.node.height()
	if err != nil {
		return err
	}
	fork := min(len(x.blocks)-1, height)
	for ; fork >= 0; fork-- {
		var hash string
		if err := x.node.call(&hash, "getblockhash", fork); err != nil {
			return err
		}
		if x.blocks[fork].BlockHash().String() == hash {
			break
		}
	}
	for len(x.blocks) > fork+1 {
		x.pop()
	}
	for len(x.blocks) <= height {
		block, err := x.node.fetch(len(x.blocks))
		if err != nil {
			return err
		}
		x.push(block)
	}
	return x.syncPool()
}

func (x *Index) syncPool() error {
	var texts []string
	if err := x.node.call(&texts, "getrawmempool"); err != nil {
		return err
	}
	pool := map[chainhash.Hash]*wire.MsgTx{}
	for _, text := range texts {
		txid, err := chainhash.NewHashFromStr(text)
		if err != nil {
			return err
		}
		if pool[*txid] = x.pool[*txid]; pool[*txid] != nil {
			continue
		}
		var raw string
		if err := x.node.call(&raw, "getrawtransaction", text, 0); err != nil {
			delete(pool, *txid) // mined meanwhile
			continue
		}
		if pool[*txid], err = txOf(raw); err != nil {
			return err
		}
	}
	if len(pool) != len(x.pool) {
		x.version++
	}
	for txid := range pool {
		if x.pool[txid] == nil {
			x.version++
		}
	}
	x.pool = pool
	return nil
}

func txOf(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	tx := new(wire.MsgTx)
	return tx, tx.Deserialize(bytes.NewReader(raw))
}

// fetch is block without a test.
func (n *Node) fetch(height int) (*wire.MsgBlock, error) {
	var hash, text string
	if err := n.call(&hash, "getblockhash", height); err != nil {
		return nil, err
	}
	if err := n.call(&text, "getblock", hash, 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	block := new(wire.MsgBlock)
	return block, block.Deserialize(bytes.NewReader(raw))
}

// touched lists the scripts that a transaction concerns.
func (x *Index) touched(tx *wire.MsgTx) [][32]byte {
	var keys [][32]byte
	add := func(script []byte) {
		if key := sha256.Sum256(script); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, out := range tx.TxOut {
		add(out.PkScript)
	}
	for _, in := range tx.TxIn {
		if out := x.output(in.PreviousOutPoint); out != nil {
			add(out.PkScript)
		}
	}
	return keys
}

func (x *Index) output(at wire.OutPoint) *wire.TxOut {
	tx := x.find(at.Hash)
	if tx == nil || int(at.Index) >= len(tx.TxOut) {
		return nil
	}
	return tx.TxOut[at.Index]
}

func (x *Index) find(txid chainhash.Hash) *wire.MsgTx {
	if tx := x.txs[txid]; tx != nil {
		return tx
	}
	return x.pool[txid]
}

func (x *Index) push(block *wire.MsgBlock) {
	height := len(x.blocks)
	x.version++
	x.blocks = append(x.blocks, block)
	x.places[block.BlockHash()] = height
	for _, tx := range block.Transactions {
		txid := tx.TxHash()
		x.txs[txid], x.heights[txid] = tx, height
		for _, in := range tx.TxIn {
			x.spends[in.PreviousOutPoint] = txid
		}
		for _, key := range x.touched(tx) {
			x.scripts[key] = append(x.scripts[key], txid)
		}
	}
}

func (x *Index) pop() {
	block := x.blocks[len(x.blocks)-1]
	x.version++
	for _, tx := range slices.Backward(block.Transactions) {
		txid := tx.TxHash()
		for _, key := range x.touched(tx) {
			x.scripts[key] = slices.DeleteFunc(x.scripts[key], func(h chainhash.Hash) bool { return h == txid })
		}
		for _, in := range tx.TxIn {
			delete(x.spends, in.PreviousOutPoint)
		}
		delete(x.txs, txid)
		delete(x.heights, txid)
	}
	delete(x.places, block.BlockHash())
	x.blocks = x.blocks[:len(x.blocks)-1]
}

// waiting lists the mempool's transactions that concern a script, by id.
func (x *Index) waiting(key [32]byte) []chainhash.Hash {
	var found []chainhash.Hash
	for txid, tx := range x.pool {
		if slices.Contains(x.touched(tx), key) {
			found = append(found, txid)
		}
	}
	slices.SortFunc(found, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// spender is who spends an output, in a block or in the mempool.
func (x *Index) spender(at wire.OutPoint) (chainhash.Hash, bool) {
	if by, ok := x.spends[at]; ok {
		return by, true
	}
	for txid, tx := range x.pool {
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == at {
				return txid, true
			}
		}
	}
	return chainhash.Hash{}, false
}

// fee of a transaction whose inputs are all known.
func (x *Index) fee(tx *wire.MsgTx) (fee int64) {
	for _, in := range tx.TxIn {
		if out := x.output(in.PreviousOutPoint); out != nil {
			fee += out.Value
		}
	}
	for _, out := range tx.TxOut {
		fee -= out.Value
	}
	return max(fee, 0)
}

// branch is the merkle branch of the transaction at pos of a block, lowest first.
func branch(block *wire.MsgBlock, pos int) []chainhash.Hash {
	level := make([]chainhash.Hash, len(block.Transactions))
	for i, tx := range block.Transactions {
		level[i] = tx.TxHash()
	}
	var path []chainhash.Hash
	for len(level) > 1 {
		if len(level)%2 == 1 {
			level = append(level, level[len(level)-1])
		}
		path = append(path, level[pos^1])
		next := make([]chainhash.Hash, len(level)/2)
		for i := range next {
			next[i] = chainhash.DoubleHashH(append(slices.Clone(level[2*i][:]), level[2*i+1][:]...))
		}
		level, pos = next, pos/2
	}
	return path
}

func headerHex(block *wire.MsgBlock) string {
	var raw bytes.Buffer
	_ = block.Header.Serialize(&raw) // a bytes.Buffer takes everything
	return hex.EncodeToString(raw.Bytes())
}

// inBlock finds a mined transaction: its block and its place in it.
func (x *Index) inBlock(txid chainhash.Hash) (block *wire.MsgBlock, height, pos int, err error) {
	height, ok := x.heights[txid]
	if !ok {
		return nil, 0, 0, fmt.Errorf("%s is in no block", txid)
	}
	block = x.blocks[height]
	pos = slices.IndexFunc(block.Transactions, func(tx *wire.MsgTx) bool { return tx.TxHash() == txid })
	return block, height, pos, nil
}

// Branch is a transaction's merkle branch in texts, and the root.
func Branch(block *wire.MsgBlock, pos int) (path []string, root chainhash.Hash) {
	node := block.Transactions[pos].TxHash()
	for _, beside := range branch(block, pos) {
		path = append(path, beside.String())
		if pos&1 == 1 {
			node = chainhash.DoubleHashH(append(slices.Clone(beside[:]), node[:]...))
		} else {
			node = chainhash.DoubleHashH(append(slices.Clone(node[:]), beside[:]...))
		}
		pos /= 2
	}
	return path, node
}
