package devnet

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
)

// ErrRefused says that the network's rules forbid a transaction. The text
// around it says which rule.
var ErrRefused = errors.New("the network refuses the transaction")

const (
	btcMaxTxWeight = 400_000 // the largest transaction that nodes relay
	btcMinFeeRate  = 1       // sat/vB, to be relayed and by which to replace
	btcMaxEvicted  = 100     // most transactions that one may replace (BIP 125)
	btcMaxPool     = 50_000  // transactions
)

// btcPoolTx is an unconfirmed transaction.
type btcPoolTx struct {
	tx    *wire.MsgTx
	hash  chainhash.Hash
	fee   int64 // satoshi
	vsize int64 // virtual bytes
	seq   int64 // parents have lower ones than their children
	quiet bool  // known to the miners only
}

// btcVSize is the size of tx in virtual bytes (BIP 141).
func btcVSize(tx *wire.MsgTx) int64 {
	return (blockchain.GetTransactionWeight(btcutil.NewTx(tx)) + 3) / 4
}

// poolTxs lists the mempool, parents before children.
func (b *Bitcoin) poolTxs() []*btcPoolTx {
	return slices.SortedFunc(maps.Values(b.pool), func(x, y *btcPoolTx) int { return cmp.Compare(x.seq, y.seq) })
}

// coin looks an output up in the chain and the mempool.
func (b *Bitcoin) coin(op wire.OutPoint) (btcCoin, bool) {
	if c, ok := b.coins[op]; ok {
		return c, true
	}
	if p := b.pool[op.Hash]; p != nil && int(op.Index) < len(p.tx.TxOut) {
		return btcCoin{out: p.tx.TxOut[op.Index], height: b.tip().height + 1}, true
	}
	return btcCoin{}, false
}

func btcRefuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}

// accept checks tx as a relaying node does and puts it into the mempool. What
// it replaces leaves. quiet ones are mined but never told about.
func (b *Bitcoin) accept(tx *wire.MsgTx, quiet bool) (*btcPoolTx, error) {
	hash := tx.TxHash()
	if b.pool[hash] != nil {
		return nil, btcRefuse("%s is in the mempool already", hash)
	}
	if b.mined[hash] != nil {
		return nil, btcRefuse("%s is in a block already", hash)
	}
	if len(b.pool) >= btcMaxPool {
		return nil, btcRefuse("the mempool is full; mine a block first")
	}
	if err := b.checkForm(tx); err != nil {
		return nil, err
	}
	p := &btcPoolTx{tx: tx, hash: hash, vsize: btcVSize(tx), quiet: quiet}
	prevs := make(map[wire.OutPoint]*wire.TxOut, len(tx.TxIn))
	for _, in := range tx.TxIn {
		c, ok := b.coin(in.PreviousOutPoint)
		if !ok {
			return nil, btcRefuse("it spends %s, which does not exist or was spent in a block", in.PreviousOutPoint)
		}
		if !c.mature(b.tip().height + 1) {
			return nil, btcRefuse("it spends %s, a block reward of less than %d blocks", in.PreviousOutPoint, btcParams.CoinbaseMaturity)
		}
		if err := b.checkSequence(tx, in, c); err != nil {
			return nil, err
		}
		prevs[in.PreviousOutPoint] = c.out
		p.fee += c.out.Value
	}
	for _, out := range tx.TxOut {
		p.fee -= out.Value
	}
	if p.fee < 0 {
		return nil, btcRefuse("it pays out %d sat more than it spends", -p.fee)
	}
	if p.fee < p.vsize*btcMinFeeRate {
		return nil, btcRefuse("its fee of %d sat is below %d sat for %d virtual bytes", p.fee, p.vsize*btcMinFeeRate, p.vsize)
	}
	replaced, err := b.checkReplacement(p)
	if err != nil {
		return nil, err
	}
	if err := btcCheckScripts(tx, prevs); err != nil {
		return nil, err
	}
	for _, r := range replaced {
		b.evict(r)
	}
	b.poolLast++
	p.seq = b.poolLast
	b.poolAdd(p)
	return p, nil
}

func (b *Bitcoin) poolAdd(p *btcPoolTx) {
	b.pool[p.hash] = p
	for _, in := range p.tx.TxIn {
		b.poolSpends[in.PreviousOutPoint] = p.hash
	}
}

// checkForm is what can be said about a transaction without its inputs.
func (b *Bitcoin) checkForm(tx *wire.MsgTx) error {
	wrapped := btcutil.NewTx(tx)
	if err := blockchain.CheckTransactionSanity(wrapped); err != nil {
		return btcRefuse("it is malformed (%w)", err)
	}
	if blockchain.IsCoinBase(wrapped) {
		return btcRefuse("it is a coinbase outside of a block")
	}
	if tx.Version < 1 || tx.Version > 3 {
		return btcRefuse("its version %d is not one of 1, 2 and 3", tx.Version)
	}
	if w := blockchain.GetTransactionWeight(wrapped); w > btcMaxTxWeight {
		return btcRefuse("its weight of %d is above %d", w, btcMaxTxWeight)
	}
	for i, out := range tx.TxOut {
		if least := btcDust(out.PkScript); out.Value < least {
			return btcRefuse("its output %d of %d sat is dust: at least %d sat are needed", i, out.Value, least)
		}
	}
	if !blockchain.IsFinalizedTransaction(wrapped, b.tip().height+1, b.tip().medianTime()) {
		return btcRefuse("its lock time %d is in the future", tx.LockTime)
	}
	return nil
}

// btcDust is the least amount, in satoshi, that nodes relay to script: what
// spending it costs at 3 sat/vB.
func btcDust(script []byte) int64 {
	if txscript.IsUnspendable(script) {
		return 0
	}
	size := int64(wire.NewTxOut(0, script).SerializeSize())
	if txscript.IsWitnessProgram(script) {
		return 3 * (size + 67)
	}
	return 3 * (size + 148)
}

// checkSequence holds an input to its relative lock time (BIP 68).
func (b *Bitcoin) checkSequence(tx *wire.MsgTx, in *wire.TxIn, c btcCoin) error {
	if tx.Version < 2 || in.Sequence&wire.SequenceLockTimeDisabled != 0 {
		return nil
	}
	n := int64(in.Sequence & wire.SequenceLockTimeMask)
	next := b.tip().height + 1
	if in.Sequence&wire.SequenceLockTimeIsSeconds == 0 {
		if int64(next-c.height) < n {
			return btcRefuse("it spends %s, which is locked for %d blocks", in.PreviousOutPoint, n)
		}
		return nil
	}
	since := b.tip().medianTime().Unix()
	if c.height <= b.tip().height {
		since = b.ancestor(b.tip(), max(0, c.height-1)).medianTime().Unix()
	}
	if b.tip().medianTime().Unix() < since+n<<wire.SequenceLockTimeGranularity {
		return btcRefuse("it spends %s, which is locked for %d seconds", in.PreviousOutPoint, n<<wire.SequenceLockTimeGranularity)
	}
	return nil
}

// checkReplacement lists the transactions that p would replace, or says why it
// may not: full replace-by-fee, with the rules 3, 4 and 5 of BIP 125 and
// without its signal, as nodes have it today.
func (b *Bitcoin) checkReplacement(p *btcPoolTx) ([]*btcPoolTx, error) {
	var direct []*btcPoolTx
	for _, in := range p.tx.TxIn {
		if other, ok := b.poolSpends[in.PreviousOutPoint]; ok && !slices.Contains(direct, b.pool[other]) {
			direct = append(direct, b.pool[other])
		}
	}
	if len(direct) == 0 {
		return nil, nil
	}
	gone := make(map[chainhash.Hash]bool)
	var fees int64
	for _, d := range direct {
		if p.fee*d.vsize <= d.fee*p.vsize {
			return nil, btcRefuse("it spends the same as %s and pays no higher fee rate", d.hash)
		}
		for _, g := range b.descendants(d) {
			if !gone[g.hash] {
				gone[g.hash] = true
				fees += g.fee
			}
		}
	}
	if len(gone) > btcMaxEvicted {
		return nil, btcRefuse("it would replace %d transactions, more than %d", len(gone), btcMaxEvicted)
	}
	for _, in := range p.tx.TxIn {
		if gone[in.PreviousOutPoint.Hash] {
			return nil, btcRefuse("it spends an output of %s, which it would replace", in.PreviousOutPoint.Hash)
		}
	}
	if least := fees + p.vsize*btcMinFeeRate; p.fee < least {
		return nil, btcRefuse("it spends the same as %s and pays a fee of %d sat where at least %d are needed", direct[0].hash, p.fee, least)
	}
	return direct, nil
}

// btcCheckScripts runs the scripts of every input.
func btcCheckScripts(tx *wire.MsgTx, prevs map[wire.OutPoint]*wire.TxOut) error {
	fetcher := txscript.NewMultiPrevOutFetcher(prevs)
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i, in := range tx.TxIn {
		out := prevs[in.PreviousOutPoint]
		vm, err := txscript.NewEngine(out.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, out.Value, fetcher)
		if err == nil {
			err = vm.Execute()
		}
		if err != nil {
			return btcRefuse("it may not spend %s (%w)", in.PreviousOutPoint, err)
		}
	}
	return nil
}

// descendants lists p and everything in the mempool that spends it, parents
// first.
func (b *Bitcoin) descendants(p *btcPoolTx) []*btcPoolTx {
	list := []*btcPoolTx{p}
	known := map[chainhash.Hash]bool{p.hash: true}
	for i := 0; i < len(list); i++ {
		for n := range list[i].tx.TxOut {
			child, ok := b.poolSpends[wire.OutPoint{Hash: list[i].hash, Index: uint32(n)}]
			if ok && !known[child] {
				known[child] = true
				list = append(list, b.pool[child])
			}
		}
	}
	return list
}

// unpool takes p alone out of the mempool.
func (b *Bitcoin) unpool(p *btcPoolTx) {
	delete(b.pool, p.hash)
	for _, in := range p.tx.TxIn {
		if b.poolSpends[in.PreviousOutPoint] == p.hash {
			delete(b.poolSpends, in.PreviousOutPoint)
		}
	}
}

// evict takes p and its descendants out of the mempool.
func (b *Bitcoin) evict(p *btcPoolTx) {
	if p == nil || b.pool[p.hash] == nil {
		return
	}
	for _, d := range b.descendants(p) {
		b.unpool(d)
	}
}

// prune takes out of the mempool what no longer has its inputs.
func (b *Bitcoin) prune() {
	for _, p := range b.poolTxs() {
		for _, in := range p.tx.TxIn {
			if _, ok := b.coin(in.PreviousOutPoint); !ok {
				b.evict(p)
				break
			}
		}
	}
}
