package devnet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// btcSigned builds a transaction as the customer's wallet would, lets the test
// spoil it before it is signed, and returns it as hex.
func btcSigned(t testing.TB, b *Bitcoin, fee int64, spoil func(tx *wire.MsgTx)) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.customer
	coins := c.spendable(false)
	slices.SortFunc(coins, btcSmallestFirst)
	coin := coins[0]
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: coin.from, Sequence: wire.MaxTxInSequenceNum - 1})
	tx.AddTxOut(wire.NewTxOut(coin.out.Value-fee, c.script(c.fresh())))
	spoil(tx)
	own := []btcOwn{coin}
	for _, in := range tx.TxIn[1:] { // signed as if they were the customer's
		own = append(own, btcOwn{from: in.PreviousOutPoint, out: coin.out, key: coin.key})
	}
	if err := c.sign(tx, own); err != nil {
		t.Fatal(err)
	}
	return btcHex(t, tx)
}

func btcHex(t testing.TB, tx *wire.MsgTx) string {
	t.Helper()
	var buf bytes.Buffer
	if err := tx.Serialize(&buf); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(buf.Bytes())
}

func TestBitcoinMempoolRules(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	young := b.chain[50].msg.Transactions[0].TxHash()
	none := func(*wire.MsgTx) {}
	for _, c := range []struct {
		name  string
		fee   int64
		spoil func(tx *wire.MsgTx)
		want  string // part of the refusal; "" is accepted
	}{
		{"ordinary", 1_000, none, ""},
		{"no fee", 0, none, "fee of 0 sat"},
		{"too little fee", 100, none, "fee of 100 sat"},
		{"more out than in", -1, none, "pays out 1 sat more"},
		{"no output", 1_000, func(tx *wire.MsgTx) { tx.TxOut = nil }, "malformed"},
		{"negative output", 1_000, func(tx *wire.MsgTx) { tx.TxOut[0].Value = -5 }, "malformed"},
		{"dust", 1_000, func(tx *wire.MsgTx) { tx.TxOut[0].Value = 293 }, "dust: at least 294 sat"},
		{"just no dust", 1_000, func(tx *wire.MsgTx) { tx.TxOut[0].Value = 294 }, ""},
		{"twice the same input", 1_000, func(tx *wire.MsgTx) { tx.TxIn = append(tx.TxIn, tx.TxIn[0]) }, "malformed"},
		{"invented input", 1_000, func(tx *wire.MsgTx) { tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: [32]byte{1}}, nil, nil)) }, "does not exist"},
		{"young block reward", 1_000, func(tx *wire.MsgTx) { tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: young}, nil, nil)) }, "a block reward of less than 100 blocks"},
		{"version", 1_000, func(tx *wire.MsgTx) { tx.Version = 4 }, "version 4"},
		{"lock time", 1_000, func(tx *wire.MsgTx) { tx.LockTime = 111 }, "lock time 111"},
		{"lock time reached", 1_000, func(tx *wire.MsgTx) { tx.LockTime = 110 }, ""},
		{"relative lock", 1_000, func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = 0xffff }, "locked for 65535 blocks"},
		{"relative lock reached", 1_000, func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = 100 }, ""},
		{"relative time", 1_000, func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = wire.SequenceLockTimeIsSeconds | 0xffff }, "locked for 33553920 seconds"},
		{"relative time reached", 1_000, func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = wire.SequenceLockTimeIsSeconds | 1 }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := b.Submit(btcSigned(t, b, c.fee, c.spoil))
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := b.Mempool(); !slices.Equal(got, []chain.TxID{id}) {
					t.Errorf("the mempool holds %v", got)
				}
				if err := b.Drop(id); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("answered %v, want a refusal with %q", err, c.want)
			}
			if got := b.Mempool(); len(got) != 0 {
				t.Errorf("the mempool holds %v", got)
			}
		})
	}
	for _, raw := range []string{"", "zz", "00", btcSigned(t, b, 1_000, none) + "00"} {
		if _, err := b.Submit(raw); err == nil {
			t.Errorf("%.20q was taken for a transaction", raw)
		}
	}
}

func TestBitcoinSignaturesAreChecked(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	raw := btcSigned(t, b, 1_000, func(*wire.MsgTx) {})
	for _, spoil := range []func(tx *wire.MsgTx){
		func(tx *wire.MsgTx) { tx.TxOut[0].Value-- },
		func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil },
		func(tx *wire.MsgTx) { tx.TxIn[0].Witness[0][10] ^= 1 },
		func(tx *wire.MsgTx) { tx.TxIn[0].Sequence-- },
	} {
		var tx wire.MsgTx
		if err := tx.Deserialize(bytes.NewReader(btcMust[[]byte](t)(hex.DecodeString(raw)))); err != nil {
			t.Fatal(err)
		}
		spoil(&tx)
		if _, err := b.Submit(btcHex(t, &tx)); !errors.Is(err, ErrRefused) {
			t.Errorf("a spoilt signature was answered with %v", err)
		}
	}
	if _, err := b.Submit(raw); err != nil {
		t.Error(err)
	}
	if _, err := b.Submit(raw); !errors.Is(err, ErrRefused) {
		t.Errorf("the same transaction again: %v", err)
	}
	btcMust[[]string](t)(b.Mine(1))
	if _, err := b.Submit(raw); !errors.Is(err, ErrRefused) {
		t.Errorf("the same transaction after it was mined: %v", err)
	}
}

func TestBitcoinReplacement(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	shop := btcShopAddress(t, 1).EncodeAddress()
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 40_000, BitcoinPayOptions{}))
	child := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 30_000, BitcoinPayOptions{Chained: true}))
	raw, _ := b.Raw(child)
	parent, _ := b.Raw(id)
	if !strings.Contains(raw, btcReversed(t, id)) {
		t.Fatalf("the chained payment does not spend %s", id)
	}

	// Not more fee than all that goes: refused, nothing changes.
	var tx wire.MsgTx
	if err := tx.Deserialize(bytes.NewReader(btcMust[[]byte](t)(hex.DecodeString(parent)))); err != nil {
		t.Fatal(err)
	}
	resign := func(fee int64) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		coins := btcMust[[]btcOwn](t)(b.customer.inputs(&tx, nil))
		again := tx.Copy()
		again.TxOut = again.TxOut[:1]
		again.TxOut[0].Value = coins[0].out.Value - fee
		if err := b.customer.sign(again, coins); err != nil {
			t.Fatal(err)
		}
		return btcHex(t, again)
	}
	waiting := b.Mempool()
	for fee, want := range map[int64]string{500: "no higher fee rate", 1_000: "at least"} {
		if _, err := b.Submit(resign(fee)); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("a replacement with a fee of %d sat: %v, want %q", fee, err, want)
		}
	}
	if got := b.Mempool(); !slices.Equal(got, waiting) {
		t.Errorf("refusals changed the mempool from %v to %v", waiting, got)
	}

	// Enough: parent and child go.
	by := btcMust[chain.TxID](t)(b.Submit(resign(5_000)))
	if got := b.Mempool(); !slices.Equal(got, []chain.TxID{by}) {
		t.Errorf("the mempool holds %v, want %s alone", got, by)
	}
	if _, err := b.Replace(by); err == nil {
		t.Error("a payment that the wallet did not make was replaced by it")
	}
}

// btcReversed is a txid as it stands in a transaction.
func btcReversed(t testing.TB, id chain.TxID) string {
	t.Helper()
	raw := btcMust[[]byte](t)(hex.DecodeString(string(id)))
	slices.Reverse(raw)
	return hex.EncodeToString(raw)
}

func TestBitcoinBumpAndReplace(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	shop, other := btcShopAddress(t, 1).EncodeAddress(), btcShopAddress(t, 2).EncodeAddress()
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 40_000, BitcoinPayOptions{}))
	bumped := btcMust[chain.TxID](t)(b.Bump(id))
	again := btcMust[chain.TxID](t)(b.Bump(bumped))
	if got := btcPaid(t, b, again, shop); got != 40_000 {
		t.Errorf("the bumped payment pays %d sat", got)
	}
	elsewhere := btcMust[chain.TxID](t)(b.Replace(again, BitcoinOutput{other, 1_000}, BitcoinOutput{shop, 500}))
	if a, c := btcPaid(t, b, elsewhere, shop), btcPaid(t, b, elsewhere, other); a != 500 || c != 1_000 {
		t.Errorf("the replacement pays %d and %d sat", a, c)
	}
	back := btcMust[chain.TxID](t)(b.Replace(elsewhere))
	if got := btcPaid(t, b, back, shop); got != 0 {
		t.Errorf("the money that was taken back still pays %d sat", got)
	}
	if got := b.Mempool(); !slices.Equal(got, []chain.TxID{back}) {
		t.Errorf("the mempool holds %v", got)
	}
	if _, err := b.Bump(id); err == nil {
		t.Error("a replaced payment was bumped")
	}
	btcMust[[]string](t)(b.Mine(1))
	if _, err := b.Bump(back); err == nil {
		t.Error("a mined payment was bumped")
	}
}

// btcPaid is what a transaction pays to an address, in satoshi.
func btcPaid(t testing.TB, b *Bitcoin, id chain.TxID, addr string) (sat int64) {
	t.Helper()
	raw, ok := b.Raw(id)
	if !ok {
		t.Fatalf("there is no transaction %s", id)
	}
	var tx wire.MsgTx
	if err := tx.Deserialize(bytes.NewReader(btcMust[[]byte](t)(hex.DecodeString(raw)))); err != nil {
		t.Fatal(err)
	}
	want := btcMust[[]*wire.TxOut](t)(btcOutputs([]BitcoinOutput{{addr, 1}}))[0].PkScript
	for _, out := range tx.TxOut {
		if bytes.Equal(out.PkScript, want) {
			sat += out.Value
		}
	}
	return sat
}

func TestBitcoinMinersLeaveWhatMustWait(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	shop := btcShopAddress(t, 1).EncodeAddress()
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 40_000, BitcoinPayOptions{}))
	btcMust[[]string](t)(b.MineEmpty(2))
	if got := b.Mempool(); !slices.Equal(got, []chain.TxID{id}) {
		t.Errorf("empty blocks left %v in the mempool", got)
	}
	for _, n := range []int{0, -1, 100_001} {
		if _, err := b.Mine(n); err == nil {
			t.Errorf("%d blocks were mined", n)
		}
	}
	if ref, ok := b.Confirmed(id); ok {
		t.Errorf("the payment is in %v", ref)
	}
	if _, ok := b.Block(b.Height() + 1); ok {
		t.Error("there is a block above the tip")
	}
	if b.Tip().Time.After(time.Now().Add(time.Minute)) {
		t.Errorf("the tip is of %v", b.Tip().Time)
	}
}
