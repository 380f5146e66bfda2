package devnet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// Fate is what becomes of the transactions of blocks that a reorganisation
// takes off the best chain.
type Fate uint8

// The fates of transactions.
const (
	Remined  Fate = iota // in the new branch again, each as many blocks up as before
	Returned             // back in the mempool
	Lost                 // gone, and what spends them too
)

// Reorg replaces the last depth blocks by depth+1 new ones. What waits in the
// mempool stays there. It returns the new blocks' hashes.
func (b *Bitcoin) Reorg(depth int, fate Fate) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reorg(depth, fate, nil, nil)
}

// reorg has the new branch hold the transaction by in the place of swap.
func (b *Bitcoin) reorg(depth int, fate Fate, swap, by *wire.MsgTx) ([]string, error) {
	if depth < 1 || depth >= len(b.chain) {
		return nil, fmt.Errorf("cannot replace the last %d blocks of %d", depth, len(b.chain)-1)
	}
	old := make([]*btcBlock, depth)
	for i := depth - 1; i >= 0; i-- {
		old[i] = b.disconnect()
	}
	var hashes []string
	for i := range depth + 1 {
		var txs []*wire.MsgTx
		if i < depth && fate == Remined {
			txs = slices.Clone(old[i].msg.Transactions[1:])
			if n := slices.Index(txs, swap); n >= 0 {
				txs[n] = by
			}
		}
		k, err := b.extend(txs, b.minerOutputs(1))
		if err != nil {
			return hashes, err
		}
		hashes = append(hashes, k.hash.String())
	}
	if fate == Returned {
		b.readmit(old)
	}
	b.prune()
	b.announceTip()
	return hashes, nil
}

// readmit puts the transactions of lost blocks back into the mempool, before
// everything that may spend them.
func (b *Bitcoin) readmit(blocks []*btcBlock) {
	var back []*btcPoolTx
	for _, k := range blocks {
		spent := k.spent
		for n, tx := range k.msg.Transactions[1:] {
			p := &btcPoolTx{tx: tx, hash: k.txids[n+1], vsize: btcVSize(tx)}
			clear := b.mined[p.hash] == nil
			for _, in := range tx.TxIn {
				_, used := b.poolSpends[in.PreviousOutPoint]
				clear = clear && !used
				p.fee += spent[0].coin.out.Value
				spent = spent[1:]
			}
			for _, out := range tx.TxOut {
				p.fee -= out.Value
			}
			if clear {
				back = append(back, p)
			}
		}
	}
	b.poolLow -= int64(len(back))
	for i, p := range back {
		p.seq = b.poolLow + int64(i)
		b.poolAdd(p)
	}
}

// waiting finds an unconfirmed transaction. Bitcoin.mu is held.
func (b *Bitcoin) waiting(id chain.TxID) (*btcPoolTx, error) {
	h, err := chainhash.NewHashFromStr(string(id))
	if err != nil || b.pool[*h] == nil {
		return nil, fmt.Errorf("the transaction %.64q does not wait in the mempool", string(id))
	}
	return b.pool[*h], nil
}

// Drop takes an unconfirmed transaction and what spends it out of every
// mempool, as happens to one that waited too long. No peer is told: the
// protocol has no word for it.
func (b *Bitcoin) Drop(id chain.TxID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.waiting(id)
	if err != nil {
		return err
	}
	b.evict(p)
	return nil
}

// Bump replaces an unconfirmed payment of the customer by one that pays the
// same outputs and a higher fee.
func (b *Bitcoin) Bump(id chain.TxID) (chain.TxID, error) {
	return b.replace(id, func(old btcPay) ([]*wire.TxOut, error) { return old.outs, nil })
}

// Replace replaces an unconfirmed payment of the customer by one with a higher
// fee that pays to instead; nothing in to takes the money back.
func (b *Bitcoin) Replace(id chain.TxID, to ...BitcoinOutput) (chain.TxID, error) {
	return b.replace(id, func(btcPay) ([]*wire.TxOut, error) { return btcOutputs(to) })
}

func (b *Bitcoin) replace(id chain.TxID, outs func(btcPay) ([]*wire.TxOut, error)) (chain.TxID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, err := b.waiting(id)
	if err != nil {
		return "", err
	}
	pay, ok := b.customer.sent[old.hash]
	if !ok {
		return "", errors.New("only the customer's own payments can be replaced")
	}
	if pay.outs, err = outs(pay); err != nil {
		return "", err
	}
	fee := btcFee{rate: old.fee/old.vsize + 1}
	for _, d := range b.descendants(old) {
		fee.least += d.fee
	}
	must, err := b.customer.inputs(old.tx, nil)
	if err != nil {
		return "", err
	}
	tx, err := b.customer.build(pay, must, fee, false)
	if err != nil {
		return "", err
	}
	return b.customer.publish(tx, pay, old.quiet)
}

// DoubleSpend mines a transaction by which the customer takes back the money
// of a payment, in a block that no relay announced it before. A payment that is
// in a block already goes with that block: the chain is reorganised from there.
func (b *Bitcoin) DoubleSpend(id chain.TxID) (chain.TxID, error) {
	h, err := chainhash.NewHashFromStr(string(id))
	if err != nil {
		return "", fmt.Errorf("%.64q is not a transaction id", string(id))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	tx, in := b.find(*h)
	if tx == nil {
		return "", fmt.Errorf("the transaction %s is neither in the mempool nor in the chain", h)
	}
	conflict, err := b.customer.takeBack(tx, in)
	if err != nil {
		return "", err
	}
	if in != nil {
		_, err = b.reorg(int(b.tip().height-in.height+1), Remined, tx, conflict)
	} else {
		err = b.mineInstead(*h, conflict)
	}
	if err != nil {
		return "", err
	}
	hash := conflict.TxHash()
	if b.mined[hash] == nil {
		return "", fmt.Errorf("the transaction that takes %s back could not be mined", h)
	}
	return chain.TxID(hash.String()), nil
}

// mineInstead mines the mempool with the transaction by in the place of one
// that waits there and of all that spend it.
func (b *Bitcoin) mineInstead(old chainhash.Hash, by *wire.MsgTx) error {
	out := b.descendants(b.pool[old])
	var txs []*wire.MsgTx
	for _, p := range b.poolTxs() {
		if !slices.Contains(out, p) {
			txs = append(txs, p.tx)
		}
	}
	if _, err := b.extend(append(txs, by), b.minerOutputs(1)); err != nil {
		return err
	}
	b.announceTip()
	return nil
}
