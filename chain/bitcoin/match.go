package bitcoin

import (
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// output is one output that pays a watched address.
type output struct {
	index  uint32
	to     chain.Destination
	amount uint64 // satoshi
}

// paid is a transaction with its outputs that pay watched addresses.
type paid struct {
	tx      *wire.MsgTx
	txid    chainhash.Hash
	outputs []output
}

// spent is a transaction in a block that spends what an unconfirmed payment
// spends.
type spent struct {
	victim *record
	by     chainhash.Hash
}

// pays looks the outputs of tx up in scripts. Its cost is one map look-up per
// output, however many scripts there are. Height is that of the transaction's
// block; targets shown later are left out. Zero leaves out none.
func pays(tx *wire.MsgTx, scripts map[string]target, height uint64) []output {
	var found []output
	for i, out := range tx.TxOut {
		one, ok := scripts[string(out.PkScript)]
		if !ok || out.Value <= 0 || height != 0 && height <= one.since {
			continue
		}
		found = append(found, output{index: uint32(i), to: one.to, amount: uint64(out.Value)})
	}
	return found
}

// matchTx looks a relayed transaction up in the watched set.
func (t *targets) matchTx(tx *wire.MsgTx) []output {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return pays(tx, t.set, 0)
}

// matchBlock looks every output of a block up in the watched set.
func (t *targets) matchBlock(block *wire.MsgBlock, height uint64) []paid {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return matchTxs(block, t.set, height)
}

func matchTxs(block *wire.MsgBlock, scripts map[string]target, height uint64) []paid {
	var found []paid
	for _, tx := range block.Transactions {
		if outputs := pays(tx, scripts, height); len(outputs) > 0 {
			found = append(found, paid{tx: tx, txid: tx.TxHash(), outputs: outputs})
		}
	}
	return found
}

// conflicts lists the unconfirmed payments that a block makes impossible.
func (b *book) conflicts(block *wire.MsgBlock) []spent {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.spends) == 0 {
		return nil
	}
	var found []spent
	for _, tx := range block.Transactions {
		var txid chainhash.Hash // computed only when needed: it costs more than the look-ups
		for _, in := range tx.TxIn {
			for _, victim := range b.spends[in.PreviousOutPoint] {
				if txid == (chainhash.Hash{}) {
					txid = tx.TxHash()
				}
				if victim.txid != txid {
					found = append(found, spent{victim: victim, by: txid})
				}
			}
		}
	}
	return found
}
