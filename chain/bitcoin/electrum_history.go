package bitcoin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// The protocol answers script by script with all that ever happened to it.
// Everything else is read off these histories.

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
