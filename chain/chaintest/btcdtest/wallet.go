package btcdtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
)

const (
	maturity = 100
	fee      = 2_000
	signals  = 0xfffffffd // BIP 125
)

// wallet spends the node's own coinbases: one coin per payment, so payments do
// not depend on each other.
type wallet struct {
	node *Node
	key  *btcec.PrivateKey

	mu    sync.Mutex
	coins int // height of the last coinbase that was spent
	mined int
	fresh uint64
	sent  map[string]*sending
}

// sending is a payment that can still be replaced.
type sending struct {
	tx   *wire.MsgTx
	coin *wire.TxOut
	fee  int64
}

func newWallet() *wallet {
	seed := sha256.Sum256([]byte("a throw-away key of a private test network"))
	key, _ := btcec.PrivKeyFromBytes(seed[:])
	return &wallet{key: key, sent: map[string]*sending{}}
}

func (w *wallet) witnessAddress(params *chaincfg.Params) *btcutil.AddressWitnessPubKeyHash {
	addr, err := btcutil.NewAddressWitnessPubKeyHash(btcutil.Hash160(w.key.PubKey().SerializeCompressed()), params)
	if err != nil {
		panic(err) // a hash of 20 bytes is always fine
	}
	return addr
}

func (w *wallet) address() string { return w.witnessAddress(w.node.Params).EncodeAddress() }

// Fresh is an address that nobody has a key to and that was never used.
func (w *wallet) Fresh() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("till test address"), w.fresh))
	addr, err := btcutil.NewAddressWitnessPubKeyHash(sum[:20], w.node.Params)
	if err != nil {
		panic(err)
	}
	return addr.EncodeAddress()
}

// Output is one part of what Send pays.
type Output struct {
	Address string
	Sat     int64
}

// Pay sends sat to address and returns the transaction's id.
func (w *wallet) Pay(t testing.TB, address string, sat int64) string {
	t.Helper()
	return w.Send(t, Output{address, sat})
}

// Send pays several outputs in one transaction, which signals BIP 125.
func (w *wallet) Send(t testing.TB, outputs ...Output) string {
	t.Helper()
	tx := w.Build(t, outputs...)
	w.node.must(t, nil, "sendrawtransaction", hexOf(tx))
	return tx.TxHash().String()
}

// Build makes and signs a transaction without sending it.
func (w *wallet) Build(t testing.TB, outputs ...Output) *wire.MsgTx {
	t.Helper()
	from, coin := w.coin(t)
	tx := w.spend(t, from, coin, fee, outputs)
	w.mu.Lock()
	w.sent[tx.TxHash().String()] = &sending{tx: tx, coin: coin, fee: fee}
	w.mu.Unlock()
	return tx
}

// Broadcast sends what Build made.
func (w *wallet) Broadcast(t testing.TB, tx *wire.MsgTx) {
	t.Helper()
	w.node.must(t, nil, "sendrawtransaction", hexOf(tx))
}

// coin takes the next coinbase that may be spent.
func (w *wallet) coin(t testing.TB) (wire.OutPoint, *wire.TxOut) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.coins++
	if tip := w.node.Height(t); uint64(w.coins+maturity) > tip {
		t.Fatalf("the test wallet has no coin left at block %d", tip)
	}
	coinbase := w.node.block(t, w.coins).Transactions[0]
	return wire.OutPoint{Hash: coinbase.TxHash()}, coinbase.TxOut[0]
}

// spend pays outputs and the change back to the wallet.
func (w *wallet) spend(t testing.TB, from wire.OutPoint, coin *wire.TxOut, fee int64, outputs []Output) *wire.MsgTx {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: from, Sequence: signals})
	rest := coin.Value - fee
	for _, out := range outputs {
		tx.AddTxOut(wire.NewTxOut(out.Sat, w.scriptOf(t, out.Address)))
		rest -= out.Sat
	}
	if rest < 0 {
		t.Fatalf("the test wallet's coin of %d is too small", coin.Value)
	}
	if rest > 1_000 {
		tx.AddTxOut(wire.NewTxOut(rest, w.scriptOf(t, w.address())))
	}
	fetcher := txscript.NewCannedPrevOutputFetcher(coin.PkScript, coin.Value)
	witness, err := txscript.WitnessSignature(tx, txscript.NewTxSigHashes(tx, fetcher), 0, coin.Value, coin.PkScript, txscript.SigHashAll, w.key, true)
	if err != nil {
		t.Fatal(err)
	}
	tx.TxIn[0].Witness = witness
	return tx
}

func (w *wallet) scriptOf(t testing.TB, address string) []byte {
	t.Helper()
	addr, err := btcutil.DecodeAddress(address, w.node.Params)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	script, err := txscript.PayToAddrScript(addr)
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// rival makes a transaction that spends what txid spends and pays the wallet.
func (w *wallet) rival(t testing.TB, txid string) *wire.MsgTx {
	t.Helper()
	w.mu.Lock()
	s, ok := w.sent[txid]
	w.mu.Unlock()
	if !ok {
		t.Fatalf("%s was not sent by this wallet", txid)
	}
	return w.spend(t, s.tx.TxIn[0].PreviousOutPoint, s.coin, 10*s.fee, []Output{{w.address(), 50_000}})
}

// Replace takes a waiting transaction back with a dearer one that pays the
// wallet itself.
func (w *wallet) Replace(t testing.TB, txid string) string {
	t.Helper()
	tx := w.rival(t, txid)
	w.node.must(t, nil, "sendrawtransaction", hexOf(tx))
	return tx.TxHash().String()
}

// DoubleSpend mines a block that spends what the waiting txid spends.
func (w *wallet) DoubleSpend(t testing.TB, txid string) string {
	t.Helper()
	tx := w.rival(t, txid)
	tip := w.node.block(t, int(w.node.Height(t)))
	w.node.submit(t, w.node.assemble(tip, int32(w.node.Height(t))+1, 0, []*wire.MsgTx{tx}))
	return tx.TxHash().String()
}

// Hex is a transaction as RPC takes it.
func Hex(tx *wire.MsgTx) string { return hexOf(tx) }

func hexOf(tx *wire.MsgTx) string {
	var raw bytes.Buffer
	_ = tx.Serialize(&raw) // a bytes.Buffer takes everything
	return hex.EncodeToString(raw.Bytes())
}

// block fetches the block at height of the node's best chain.
func (n *Node) block(t testing.TB, height int) *wire.MsgBlock {
	t.Helper()
	var hash, text string
	n.must(t, &hash, "getblockhash", height)
	n.must(t, &text, "getblock", hash, 0)
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	block := new(wire.MsgBlock)
	if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
		t.Fatal(fmt.Errorf("block %d: %w", height, err))
	}
	return block
}

// Hash is the hash of the block at height.
func (n *Node) Hash(t testing.TB, height uint64) string {
	t.Helper()
	var hash string
	n.must(t, &hash, "getblockhash", height)
	return hash
}
