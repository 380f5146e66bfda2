package devnet

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/gcs/builder"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// btcMedianBlocks is the span of the median time past (BIP 113).
const btcMedianBlocks = 11

// btcReserveWeight is kept free in a block for its header and coinbase.
const btcReserveWeight = 8000

// btcCoin is an unspent output.
type btcCoin struct {
	out      *wire.TxOut
	height   int32
	coinbase bool
}

// mature tells whether a block at height may spend c.
func (c btcCoin) mature(height int32) bool {
	return !c.coinbase || height-c.height >= int32(btcParams.CoinbaseMaturity)
}

type btcSpent struct {
	from wire.OutPoint
	coin btcCoin
}

// btcBlock is a block with its place and its BIP 158 basic filter. Once made it
// never changes, so connections read it without a lock.
type btcBlock struct {
	msg    *wire.MsgBlock
	hash   chainhash.Hash
	height int32
	prev   *btcBlock // nil for the genesis block
	txids  []chainhash.Hash
	spent  []btcSpent // what its transactions spent, in order

	filter       []byte
	filterHash   chainhash.Hash
	filterHeader chainhash.Hash
}

func (k *btcBlock) ref() chain.BlockRef {
	return chain.BlockRef{Height: uint64(k.height), Hash: k.hash.String(), Time: k.msg.Header.Timestamp}
}

// medianTime is the median of the times of k and up to ten blocks before it.
func (k *btcBlock) medianTime() time.Time {
	var times []int64
	for at := k; at != nil && len(times) < btcMedianBlocks; at = at.prev {
		times = append(times, at.msg.Header.Timestamp.Unix())
	}
	slices.Sort(times)
	return time.Unix(times[len(times)/2], 0)
}

// buildFilter sets the filter of a block whose spent outputs are known.
func (k *btcBlock) buildFilter() error {
	scripts := make([][]byte, len(k.spent))
	for i, s := range k.spent {
		scripts[i] = s.coin.out.PkScript
	}
	f, err := builder.BuildBasicFilter(k.msg, scripts)
	if err != nil {
		return err
	}
	if k.filter, err = f.NBytes(); err != nil {
		return err
	}
	if k.filterHash, err = builder.GetFilterHash(f); err != nil {
		return err
	}
	var before chainhash.Hash
	if k.prev != nil {
		before = k.prev.filterHeader
	}
	k.filterHeader, err = builder.MakeHeaderForFilter(f, before)
	return err
}

func (b *Bitcoin) tip() *btcBlock { return b.chain[len(b.chain)-1] }

// onChain tells whether k belongs to the chain that ends in tip.
func (b *Bitcoin) onChain(k, tip *btcBlock) bool {
	return k.height <= tip.height && b.ancestor(tip, k.height) == k
}

// ancestor is the block at height in the chain that ends in tip.
func (b *Bitcoin) ancestor(tip *btcBlock, height int32) *btcBlock {
	for tip != nil && tip.height > height {
		// Most walks start on the best chain, where no walk is needed.
		if int(tip.height) < len(b.chain) && b.chain[tip.height] == tip {
			return b.chain[height]
		}
		tip = tip.prev
	}
	return tip
}

// fork is the last block that the chains ending in x and y share.
func (b *Bitcoin) fork(x, y *btcBlock) *btcBlock {
	h := min(x.height, y.height)
	x, y = b.ancestor(x, h), b.ancestor(y, h)
	for x != y {
		x, y = x.prev, y.prev
	}
	return x
}

// premine makes the genesis block and n blocks that pay the customer.
func (b *Bitcoin) premine(n int) error {
	genesis := &btcBlock{msg: btcParams.GenesisBlock, hash: *btcParams.GenesisHash}
	for _, tx := range genesis.msg.Transactions {
		genesis.txids = append(genesis.txids, tx.TxHash())
	}
	if err := genesis.buildFilter(); err != nil {
		return fmt.Errorf("the genesis block has no filter: %w", err)
	}
	b.chain = append(b.chain, genesis)
	b.index[genesis.hash] = genesis
	now := b.now
	defer func() { b.now = now }()
	end := now()
	for i := range n {
		at := end.Add(-time.Duration(n-1-i) * btcSpacing)
		b.now = func() time.Time { return at }
		// The first blocks are the first to mature: they hold the coins that
		// the customer pays with, enough of them for a long run of payments.
		parts := 1
		if i < btcSplitRewards {
			parts = btcFirstCoins
		}
		if _, err := b.extend(nil, b.minerOutputs(parts)); err != nil {
			return err
		}
	}
	return nil
}

// minerOutputs are the scripts that the next coinbase pays. Miners here work
// for the customer, who then never runs out of coins.
func (b *Bitcoin) minerOutputs(parts int) [][]byte {
	scripts := make([][]byte, parts)
	for i := range scripts {
		if parts == 1 {
			scripts[i] = b.customer.script(0)
			continue
		}
		scripts[i] = b.customer.script(b.customer.fresh())
	}
	return scripts
}

// extend puts one block on the best chain, with those of txs that are valid in
// it, in their order, and a coinbase that pays the scripts in equal parts.
func (b *Bitcoin) extend(txs []*wire.MsgTx, payTo [][]byte) (*btcBlock, error) {
	prev := b.tip()
	k := &btcBlock{height: prev.height + 1, prev: prev}
	chosen, fees := b.choose(txs, k)
	coinbase, err := b.coinbase(k.height, fees, payTo)
	if err != nil {
		return nil, err
	}
	all := append([]*wire.MsgTx{coinbase}, chosen...)
	btcCommit(all)

	stamp := time.Unix(b.now().Unix(), 0)
	// Never before the previous block, always after the median: whoever reads
	// the times sees them go forward.
	for _, least := range []time.Time{prev.msg.Header.Timestamp, prev.medianTime().Add(time.Second)} {
		if stamp.Before(least) {
			stamp = least
		}
	}
	k.msg = &wire.MsgBlock{
		Header: wire.BlockHeader{
			Version:    0x20000000, // BIP 9, no deployment signalled
			PrevBlock:  prev.hash,
			MerkleRoot: blockchain.CalcMerkleRoot(btcWrap(all), false),
			Timestamp:  stamp,
			Bits:       btcParams.PowLimitBits,
		},
		Transactions: all,
	}
	if k.hash, err = btcWork(&k.msg.Header); err != nil {
		return nil, err
	}
	k.txids = make([]chainhash.Hash, len(all))
	for i, tx := range all {
		k.txids[i] = tx.TxHash()
	}
	if err := k.buildFilter(); err != nil {
		return nil, fmt.Errorf("block %d has no filter: %w", k.height, err)
	}
	b.connect(k)
	return k, nil
}

// choose picks what fits and is valid on top of the best chain, and notes in k
// what it spends.
func (b *Bitcoin) choose(txs []*wire.MsgTx, k *btcBlock) (chosen []*wire.MsgTx, fees int64) {
	inBlock := make(map[wire.OutPoint]btcCoin)
	used := make(map[wire.OutPoint]bool)
	room := int64(blockchain.MaxBlockWeight - btcReserveWeight)
next:
	for _, tx := range txs {
		wrapped := btcutil.NewTx(tx)
		weight := blockchain.GetTransactionWeight(wrapped)
		if weight > room || !blockchain.IsFinalizedTransaction(wrapped, k.height, k.prev.medianTime()) {
			continue
		}
		spent := make([]btcSpent, 0, len(tx.TxIn))
		var fee int64
		for _, in := range tx.TxIn {
			coin, ok := inBlock[in.PreviousOutPoint]
			if !ok {
				coin, ok = b.coins[in.PreviousOutPoint]
			}
			if !ok || used[in.PreviousOutPoint] || !coin.mature(k.height) || b.checkSequence(tx, in, coin) != nil {
				continue next
			}
			spent = append(spent, btcSpent{in.PreviousOutPoint, coin})
			fee += coin.out.Value
		}
		for _, s := range spent {
			used[s.from] = true
		}
		hash := tx.TxHash()
		for i, out := range tx.TxOut {
			fee -= out.Value
			inBlock[wire.OutPoint{Hash: hash, Index: uint32(i)}] = btcCoin{out: out, height: k.height}
		}
		k.spent = append(k.spent, spent...)
		chosen, fees, room = append(chosen, tx), fees+fee, room-weight
	}
	return chosen, fees
}

// coinbase makes the first transaction of a block (BIP 34 height first).
func (b *Bitcoin) coinbase(height int32, fees int64, payTo [][]byte) (*wire.MsgTx, error) {
	b.extraNonce++ // two blocks of one height must not share a coinbase
	var extra [8]byte
	binary.LittleEndian.PutUint64(extra[:], b.extraNonce)
	script, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddData(extra[:]).Script()
	if err != nil {
		return nil, fmt.Errorf("block %d has no coinbase: %w", height, err)
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{
		PreviousOutPoint: wire.OutPoint{Index: wire.MaxPrevOutIndex},
		SignatureScript:  script,
		Sequence:         wire.MaxTxInSequenceNum,
	})
	value := blockchain.CalcBlockSubsidy(height, btcParams) + fees
	part := value / int64(len(payTo))
	for i, to := range payTo {
		if i == len(payTo)-1 {
			part = value - part*int64(len(payTo)-1)
		}
		tx.AddTxOut(wire.NewTxOut(part, to))
	}
	return tx, nil
}

// btcCommit adds the witness commitment (BIP 141) to a block's coinbase.
func btcCommit(txs []*wire.MsgTx) {
	var reserved [blockchain.CoinbaseWitnessDataLen]byte
	txs[0].TxIn[0].Witness = wire.TxWitness{reserved[:]}
	root := blockchain.CalcMerkleRoot(btcWrap(txs), true)
	sum := chainhash.DoubleHashB(append(root[:], reserved[:]...))
	txs[0].AddTxOut(wire.NewTxOut(0, append(slices.Clone(blockchain.WitnessMagicBytes), sum...)))
}

func btcWrap(txs []*wire.MsgTx) []*btcutil.Tx {
	wrapped := make([]*btcutil.Tx, len(txs))
	for i, tx := range txs {
		wrapped[i] = btcutil.NewTx(tx)
	}
	return wrapped
}

// btcWork searches the nonce that gives h its proof of work.
func btcWork(h *wire.BlockHeader) (chainhash.Hash, error) {
	target := blockchain.CompactToBig(h.Bits)
	for {
		hash := h.BlockHash()
		if blockchain.HashToBig(&hash).Cmp(target) <= 0 {
			return hash, nil
		}
		if h.Nonce++; h.Nonce == 0 {
			return hash, fmt.Errorf("no proof of work for target %s was found", new(big.Int).Set(target))
		}
	}
}

// connect makes k the end of the best chain.
func (b *Bitcoin) connect(k *btcBlock) {
	b.chain = append(b.chain, k)
	b.index[k.hash] = k
	for n, tx := range k.msg.Transactions {
		hash := k.txids[n]
		b.mined[hash] = k
		for i, out := range tx.TxOut {
			if txscript.IsUnspendable(out.PkScript) {
				continue
			}
			op := wire.OutPoint{Hash: hash, Index: uint32(i)}
			b.coins[op] = btcCoin{out: out, height: k.height, coinbase: n == 0}
			b.customer.gain(op, out)
		}
		if n == 0 {
			continue
		}
		// What the block holds has left the mempool, and so has everything
		// that it contradicts.
		if p := b.pool[hash]; p != nil {
			b.unpool(p)
		}
		for _, in := range tx.TxIn {
			if other, ok := b.poolSpends[in.PreviousOutPoint]; ok {
				b.evict(b.pool[other])
			}
		}
	}
	// After the outputs: a block may spend what it makes.
	for _, s := range k.spent {
		delete(b.coins, s.from)
		b.customer.lose(s.from)
	}
}

// disconnect takes the last block off the best chain.
func (b *Bitcoin) disconnect() *btcBlock {
	k := b.tip()
	b.chain = b.chain[:len(b.chain)-1]
	for _, s := range k.spent {
		b.coins[s.from] = s.coin
		b.customer.gain(s.from, s.coin.out)
	}
	for n, tx := range k.msg.Transactions {
		delete(b.mined, k.txids[n])
		for i := range tx.TxOut {
			op := wire.OutPoint{Hash: k.txids[n], Index: uint32(i)}
			delete(b.coins, op)
			b.customer.lose(op)
		}
	}
	return k
}

// find is a transaction of the mempool or, with its block, of the best chain.
func (b *Bitcoin) find(hash chainhash.Hash) (*wire.MsgTx, *btcBlock) {
	if p := b.pool[hash]; p != nil {
		return p.tx, nil
	}
	k := b.mined[hash]
	if k == nil {
		return nil, nil
	}
	return k.msg.Transactions[slices.Index(k.txids, hash)], k
}
