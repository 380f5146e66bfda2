package devnet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

const (
	// Each of the first btcSplitRewards block rewards is btcFirstCoins coins:
	// with 110 blocks, of which the last 100 are too young, the customer starts
	// with 66 coins of 8.3 BTC.
	btcSplitRewards = 11
	btcFirstCoins   = 6
	// btcFeeRate is what the customer pays where nothing else is said, sat/vB.
	btcFeeRate    = 5
	btcMaxFeeRate = 10_000
)

// ErrNoCoins says that the customer cannot pay so much.
var ErrNoCoins = errors.New("the customer has not enough coins for this payment")

// BitcoinCustomer is the wallet of whoever stands in front of the counter. Its
// keys come from the network's randomness and are worth nothing anywhere else.
type BitcoinCustomer struct {
	net *Bitcoin

	// Guarded by Bitcoin.mu.
	seed  [32]byte
	keys  []*btcec.PrivateKey
	owner map[string]int            // output script -> key
	owned map[wire.OutPoint]int     // unspent in the chain -> key
	sent  map[chainhash.Hash]btcPay // what was paid, for replacing it
}

type btcPay struct {
	outs        []*wire.TxOut // without the change
	replaceable bool
	noLock      bool // may be mined below the present height
}

// BitcoinOutput is one amount to one address.
type BitcoinOutput struct {
	Address string
	Sat     int64
}

// BitcoinPayOptions shape a payment. The zero value is an ordinary one.
type BitcoinPayOptions struct {
	// FeeRate in sat/vB; 0 means 5, the least that is relayed is 1.
	FeeRate int64
	// Replaceable signals BIP 125. Without it a transaction can be replaced
	// too, as everywhere today.
	Replaceable bool
	// Chained spends unconfirmed change where there is some, so that the
	// payment has an unconfirmed ancestor.
	Chained bool
	// Quiet keeps the payment from being relayed: it is first seen in a block.
	Quiet bool
}

func newBitcoinCustomer(b *Bitcoin, seed [32]byte) *BitcoinCustomer {
	c := &BitcoinCustomer{
		net: b, seed: seed,
		owner: make(map[string]int),
		owned: make(map[wire.OutPoint]int),
		sent:  make(map[chainhash.Hash]btcPay),
	}
	c.fresh()
	return c
}

// fresh makes the next key and returns its number.
func (c *BitcoinCustomer) fresh() int {
	n := len(c.keys)
	var buf [40]byte
	copy(buf[:], c.seed[:])
	binary.BigEndian.PutUint64(buf[32:], uint64(n))
	sum := sha256.Sum256(buf[:])
	key, _ := btcec.PrivKeyFromBytes(sum[:])
	c.keys = append(c.keys, key)
	c.owner[string(c.script(n))] = n
	return n
}

// script is the P2WPKH output script of a key.
func (c *BitcoinCustomer) script(key int) []byte {
	hash := btcutil.Hash160(c.keys[key].PubKey().SerializeCompressed())
	return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, hash...)
}

// gain and lose follow the chain's unspent outputs.
func (c *BitcoinCustomer) gain(op wire.OutPoint, out *wire.TxOut) {
	if key, ok := c.owner[string(out.PkScript)]; ok {
		c.owned[op] = key
	}
}

func (c *BitcoinCustomer) lose(op wire.OutPoint) { delete(c.owned, op) }

// Address is a fresh address of the customer, for refunds.
func (c *BitcoinCustomer) Address() string {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	script := c.script(c.fresh())
	addr, err := btcutil.NewAddressWitnessPubKeyHash(script[2:], btcParams)
	if err != nil {
		panic(err) // only a hash of another length is an error
	}
	return addr.EncodeAddress()
}

// Balance is what the customer can spend in the next block, in satoshi.
func (c *BitcoinCustomer) Balance() int64 {
	c.net.mu.RLock()
	defer c.net.mu.RUnlock()
	var sum int64
	for _, coin := range c.spendable(true) {
		sum += coin.out.Value
	}
	return sum
}

// Pay pays exactly what a BIP 21 URI asks for, as a wallet does that scanned it.
func (c *BitcoinCustomer) Pay(ctx context.Context, uri string) (chain.TxID, error) {
	return c.PayShare(ctx, uri, 1, 1)
}

// PayShare pays num/den of what a BIP 21 URI asks for, rounded up to a
// satoshi: 1/2 is short, 3/2 is over.
func (c *BitcoinCustomer) PayShare(ctx context.Context, uri string, num, den int64) (chain.TxID, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	addr, sat, err := btcReadURI(uri)
	if err != nil {
		return "", err
	}
	if sat == 0 {
		return "", errors.New("the URI names no amount: say how much to pay to its address")
	}
	// With these bounds the product of amount and share stays within 64 bits.
	if num < 1 || den < 1 || num > 1000 || den > 1000 {
		return "", fmt.Errorf("the share %d/%d of a payment is not one of two numbers from 1 to 1000", num, den)
	}
	return c.PayAddress(addr, (sat*num+den-1)/den, BitcoinPayOptions{})
}

// PayAddress pays sat satoshi to an address.
func (c *BitcoinCustomer) PayAddress(addr string, sat int64, o BitcoinPayOptions) (chain.TxID, error) {
	return c.Send([]BitcoinOutput{{addr, sat}}, o)
}

// Send pays several amounts in one transaction, in their order, with the change
// behind them. It returns once the transaction is in the mempool. Errors wrap
// ErrNoCoins or ErrRefused.
func (c *BitcoinCustomer) Send(to []BitcoinOutput, o BitcoinPayOptions) (chain.TxID, error) {
	outs, err := btcOutputs(to)
	if err != nil {
		return "", err
	}
	if o.FeeRate == 0 {
		o.FeeRate = btcFeeRate
	}
	if o.FeeRate < 0 || o.FeeRate > btcMaxFeeRate {
		return "", fmt.Errorf("a fee rate of %d sat/vB: choose 1 to %d", o.FeeRate, btcMaxFeeRate)
	}
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	tx, err := c.build(btcPay{outs: outs, replaceable: o.Replaceable}, nil, btcFee{rate: o.FeeRate}, o.Chained)
	if err != nil {
		return "", err
	}
	return c.publish(tx, btcPay{outs: outs, replaceable: o.Replaceable}, o.Quiet)
}

// publish puts a transaction into the mempool and tells the peers. Bitcoin.mu
// is held.
func (c *BitcoinCustomer) publish(tx *wire.MsgTx, pay btcPay, quiet bool) (chain.TxID, error) {
	p, err := c.net.accept(tx, quiet)
	if err != nil {
		return "", err
	}
	c.sent[p.hash] = pay
	if !quiet {
		c.net.relay(p.hash, nil)
	}
	return chain.TxID(p.hash.String()), nil
}

// btcOutputs turns addresses into output scripts.
func btcOutputs(to []BitcoinOutput) ([]*wire.TxOut, error) {
	outs := make([]*wire.TxOut, 0, len(to))
	for _, t := range to {
		addr, err := btcutil.DecodeAddress(t.Address, btcParams)
		if err != nil || !addr.IsForNet(btcParams) {
			return nil, fmt.Errorf("%.100q is not an address of the demo's Bitcoin network (regtest)", t.Address)
		}
		script, err := txscript.PayToAddrScript(addr)
		if err != nil {
			return nil, fmt.Errorf("nothing can be paid to %.100q: %w", t.Address, err)
		}
		if t.Sat < 1 || t.Sat > btcutil.MaxSatoshi {
			return nil, fmt.Errorf("cannot pay %d sat: choose 1 sat to 21 million BTC", t.Sat)
		}
		outs = append(outs, wire.NewTxOut(t.Sat, script))
	}
	return outs, nil
}

// btcOwn is a coin of the customer.
type btcOwn struct {
	from      wire.OutPoint
	out       *wire.TxOut
	key       int
	confirmed bool
}

// spendable lists the coins that no transaction of the mempool spends: the
// confirmed ones and, if asked for, unconfirmed change. Bitcoin.mu is held.
func (c *BitcoinCustomer) spendable(unconfirmed bool) []btcOwn {
	b := c.net
	var coins []btcOwn
	for op, key := range c.owned {
		coin := b.coins[op]
		if _, used := b.poolSpends[op]; !used && coin.mature(b.tip().height+1) {
			coins = append(coins, btcOwn{op, coin.out, key, true})
		}
	}
	if !unconfirmed {
		return coins
	}
	for _, p := range b.pool {
		for i, out := range p.tx.TxOut {
			op := wire.OutPoint{Hash: p.hash, Index: uint32(i)}
			key, ok := c.owner[string(out.PkScript)]
			if _, used := b.poolSpends[op]; ok && !used && !p.quiet {
				coins = append(coins, btcOwn{op, out, key, false})
			}
		}
	}
	return coins
}

// btcSmallestFirst orders coins so that the same coins give the same payment.
func btcSmallestFirst(x, y btcOwn) int {
	return cmp.Or(
		cmp.Compare(x.out.Value, y.out.Value),
		slices.Compare(x.from.Hash[:], y.from.Hash[:]),
		cmp.Compare(x.from.Index, y.from.Index),
	)
}
