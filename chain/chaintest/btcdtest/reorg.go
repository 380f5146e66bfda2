package btcdtest

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/mining"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
)

// Reorg replaces the last depth blocks by depth+1 others. With keep their
// transactions are in the new branch at the same heights, without it is empty.
func (n *Node) Reorg(t testing.TB, depth int, keep bool) {
	t.Helper()
	tip := int(n.Height(t))
	parent := n.block(t, tip-depth)
	var branch []*wire.MsgBlock
	for i := range depth + 1 {
		var txs []*wire.MsgTx
		if keep && i < depth {
			txs = n.block(t, tip-depth+1+i).Transactions[1:]
		}
		parent = n.assemble(parent, int32(tip-depth+1+i), i+1, txs)
		branch = append(branch, parent)
	}
	for _, block := range branch {
		n.submit(t, block)
	}
	if got := int(n.Height(t)); got != tip+1 {
		t.Fatalf("after a reorganisation of %d blocks btcd is at %d, want %d", depth, got, tip+1)
	}
	n.mined++
}

// ReorgWith replaces the last depth blocks by depth+1 others, the first of which
// holds txs.
func (n *Node) ReorgWith(t testing.TB, depth int, txs ...*wire.MsgTx) {
	t.Helper()
	tip := int(n.Height(t))
	parent := n.assemble(n.block(t, tip-depth), int32(tip-depth+1), 0, txs)
	n.Submit(t, parent)
	for i := range depth {
		parent = n.assemble(parent, int32(tip-depth+2+i), i+1, nil)
		n.Submit(t, parent)
	}
	n.mined++
}

// Branch makes count empty blocks on top of the block at height, without
// telling the node of them.
func (n *Node) Branch(t testing.TB, height uint64, count int) []*wire.MsgBlock {
	t.Helper()
	parent := n.block(t, int(height))
	var branch []*wire.MsgBlock
	for i := range count {
		parent = n.assemble(parent, int32(height)+1+int32(i), i+1, nil)
		branch = append(branch, parent)
	}
	return branch
}

// Submit hands blocks to the node.
func (n *Node) Submit(t testing.TB, blocks ...*wire.MsgBlock) {
	t.Helper()
	for _, block := range blocks {
		n.submit(t, block)
	}
}

// CopyTo gives another node the blocks of this one that it does not have.
func (n *Node) CopyTo(t testing.TB, other *Node) {
	t.Helper()
	for height := range int(n.Height(t)) {
		if at := uint64(height + 1); at <= other.Height(t) && other.Hash(t, at) == n.Hash(t, at) {
			continue
		}
		other.submit(t, n.block(t, height+1))
	}
	other.mined = n.mined
}

// assemble mines a block on parent. Its fees go to nobody.
func (n *Node) assemble(parent *wire.MsgBlock, height int32, salt int, txs []*wire.MsgTx) *wire.MsgBlock {
	script, _ := txscript.NewScriptBuilder().AddInt64(int64(height)).AddInt64(rand.Int64()).AddInt64(int64(salt)).Script()
	coinbase := wire.NewMsgTx(1)
	coinbase.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: wire.MaxPrevOutIndex}, SignatureScript: script, Sequence: wire.MaxTxInSequenceNum})
	reward, _ := txscript.PayToAddrScript(n.witnessAddress(n.Params))
	coinbase.AddTxOut(wire.NewTxOut(blockchain.CalcBlockSubsidy(height, n.Params), reward))
	all := []*btcutil.Tx{btcutil.NewTx(coinbase)}
	for _, tx := range txs {
		all = append(all, btcutil.NewTx(tx))
	}
	if len(txs) > 0 {
		mining.AddWitnessCommitment(all[0], all)
	}
	block := wire.NewMsgBlock(&wire.BlockHeader{
		Version: 0x20000000, PrevBlock: parent.BlockHash(), MerkleRoot: blockchain.CalcMerkleRoot(all, false),
		Timestamp: later(parent.Header.Timestamp), Bits: parent.Header.Bits,
	})
	for _, tx := range all {
		_ = block.AddTransaction(tx.MsgTx())
	}
	target := blockchain.CompactToBig(block.Header.Bits)
	for {
		hash := block.BlockHash()
		if blockchain.HashToBig(&hash).Cmp(target) <= 0 {
			return block
		}
		block.Header.Nonce++
	}
}

// later is now, or a second after a parent from the future: fast mining runs
// ahead of the clock.
func later(parent time.Time) time.Time {
	now := time.Unix(time.Now().Unix(), 0)
	if now.After(parent) {
		return now
	}
	return parent.Add(time.Second)
}

func (n *Node) submit(t testing.TB, block *wire.MsgBlock) {
	t.Helper()
	var raw bytes.Buffer
	if err := block.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	var verdict *string
	n.must(t, &verdict, "submitblock", hex.EncodeToString(raw.Bytes()))
	if verdict != nil {
		t.Fatalf("btcd refuses a block: %s", *verdict)
	}
}
