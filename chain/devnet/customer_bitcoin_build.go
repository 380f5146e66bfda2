package devnet

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
)

const (
	// btcInputSize is a P2WPKH input in virtual bytes, its signature at its
	// longest; btcBaseSize is a transaction without inputs and outputs.
	btcInputSize = 68
	btcBaseSize  = 11
)

// btcFee says what a transaction pays to the miner: a rate, and where it
// replaces others at least a sum of its own and the rate above its size.
type btcFee struct {
	rate  int64 // sat/vB
	least int64 // sat, on top of one sat/vB
}

func (f btcFee) of(vsize int64) int64 {
	return max(f.rate*vsize, f.least+btcMinFeeRate*vsize)
}

// build makes and signs a transaction that pays pay.outs from the must coins
// and as many others as it takes. Bitcoin.mu is held.
func (c *BitcoinCustomer) build(pay btcPay, must []btcOwn, fee btcFee, chained bool) (*wire.MsgTx, error) {
	change := wire.NewTxOut(0, c.script(c.fresh()))
	size := int64(btcBaseSize + change.SerializeSize())
	var need int64
	for _, out := range pay.outs {
		size += int64(out.SerializeSize())
		need += out.Value
	}
	coins, sum, err := c.pick(must, need, size, fee, chained)
	if err != nil {
		return nil, err
	}
	total := fee.of(size + int64(len(coins))*btcInputSize)

	tx := wire.NewMsgTx(2)
	if !pay.noLock {
		tx.LockTime = uint32(c.net.tip().height) // as wallets do against fee sniping
	}
	sequence := wire.MaxTxInSequenceNum - 1
	if pay.replaceable {
		sequence = wire.MaxTxInSequenceNum - 2
	}
	for _, coin := range coins {
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: coin.from, Sequence: sequence})
	}
	for _, out := range pay.outs {
		tx.AddTxOut(out)
	}
	if change.Value = sum - need - total; change.Value >= btcDust(change.PkScript) {
		tx.AddTxOut(change)
	}
	if len(tx.TxOut) == 0 {
		return nil, fmt.Errorf("%w: nothing would be left after the fee of %d sat", ErrNoCoins, total)
	}
	return tx, c.sign(tx, coins)
}

// pick adds coins to must until they pay need and the fee: one that is enough
// by itself if there is one, the largest ones otherwise, confirmed ones first
// unless the payment is to be chained.
func (c *BitcoinCustomer) pick(must []btcOwn, need, size int64, fee btcFee, chained bool) ([]btcOwn, int64, error) {
	picked := slices.Clone(must)
	var sum int64
	for _, coin := range picked {
		sum += coin.out.Value
	}
	missing := func() int64 { return need + fee.of(size+int64(len(picked))*btcInputSize) - sum }
	if len(picked) > 0 && missing() <= 0 {
		return picked, sum, nil
	}
	var confirmed, change []btcOwn
	for _, coin := range c.spendable(true) {
		if coin.confirmed {
			confirmed = append(confirmed, coin)
		} else {
			change = append(change, coin)
		}
	}
	groups := [][]btcOwn{confirmed, append(slices.Clone(confirmed), change...)}
	if len(must) > 0 {
		// A replacement adds no unconfirmed coin: it might be one that goes away
		// with what it replaces.
		groups = groups[:1]
	} else if chained && len(change) > 0 {
		groups = [][]btcOwn{change, groups[1]}
	}
	for _, group := range groups {
		slices.SortFunc(group, btcSmallestFirst)
		least := missing() + fee.of(size+int64(len(picked)+1)*btcInputSize) - fee.of(size+int64(len(picked))*btcInputSize)
		if i := slices.IndexFunc(group, func(o btcOwn) bool { return o.out.Value >= least }); i >= 0 {
			return append(picked, group[i]), sum + group[i].out.Value, nil
		}
		kept, keptSum := len(picked), sum
		for _, coin := range slices.Backward(group) {
			picked, sum = append(picked, coin), sum+coin.out.Value
			if missing() <= 0 {
				return picked, sum, nil
			}
		}
		picked, sum = picked[:kept], keptSum
	}
	return nil, 0, fmt.Errorf("%w: %d sat and the fee are needed", ErrNoCoins, need)
}

// inputs are the customer's coins that tx spends; in is the block that holds tx,
// nil while it waits. Bitcoin.mu is held.
func (c *BitcoinCustomer) inputs(tx *wire.MsgTx, in *btcBlock) ([]btcOwn, error) {
	coins := make([]btcOwn, 0, len(tx.TxIn))
	for _, txIn := range tx.TxIn {
		op := txIn.PreviousOutPoint
		coin, ok := c.net.coin(op)
		if in != nil {
			if i := slices.IndexFunc(in.spent, func(s btcSpent) bool { return s.from == op }); i >= 0 {
				coin, ok = in.spent[i].coin, true
			}
		}
		key := 0
		if ok {
			key, ok = c.owner[string(coin.out.PkScript)]
		}
		if !ok {
			return nil, fmt.Errorf("the transaction %s is not the customer's", tx.TxHash())
		}
		coins = append(coins, btcOwn{from: op, out: coin.out, key: key})
	}
	return coins, nil
}

// takeBack makes the transaction that returns to the customer what tx spends. It
// may be mined as low as tx was.
func (c *BitcoinCustomer) takeBack(tx *wire.MsgTx, in *btcBlock) (*wire.MsgTx, error) {
	must, err := c.inputs(tx, in)
	if err != nil {
		return nil, err
	}
	return c.build(btcPay{noLock: true}, must, btcFee{rate: btcFeeRate}, false)
}

// sign signs every input (BIP 143, P2WPKH).
func (c *BitcoinCustomer) sign(tx *wire.MsgTx, coins []btcOwn) error {
	prevs := make(map[wire.OutPoint]*wire.TxOut, len(coins))
	for _, coin := range coins {
		prevs[coin.from] = coin.out
	}
	hashes := txscript.NewTxSigHashes(tx, txscript.NewMultiPrevOutFetcher(prevs))
	for i, coin := range coins {
		witness, err := txscript.WitnessSignature(tx, hashes, i, coin.out.Value, coin.out.PkScript,
			txscript.SigHashAll, c.keys[coin.key], true)
		if err != nil {
			return fmt.Errorf("the customer cannot sign for %s: %w", coin.from, err)
		}
		tx.TxIn[i].Witness = witness
	}
	return nil
}

// btcReadURI reads what a wallet scans: a BIP 21 URI, or a bare address. The
// amount is in satoshi, 0 where the URI names none. It is a reader of its own
// and not the till's, as a customer's wallet is.
func btcReadURI(uri string) (addr string, sat int64, err error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri, 0, nil
	}
	if !strings.EqualFold(scheme, "bitcoin") {
		return "", 0, fmt.Errorf("%.100q is not a Bitcoin payment URI", uri)
	}
	addr, query, _ := strings.Cut(rest, "?")
	if addr == "" {
		return "", 0, fmt.Errorf("%.100q names no address", uri)
	}
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if key, err = url.PathUnescape(key); err == nil {
			value, err = url.PathUnescape(value)
		}
		if err != nil {
			return "", 0, fmt.Errorf("%.100q is not well-formed", uri)
		}
		switch key = strings.ToLower(key); {
		case key == "amount":
			if sat, err = btcReadAmount(value); err != nil {
				return "", 0, err
			}
		case strings.HasPrefix(key, "req-"):
			return "", 0, fmt.Errorf("the URI requires %.40q, which the customer's wallet does not know", key)
		}
	}
	return addr, sat, nil
}

// btcReadAmount reads a decimal number of bitcoins with up to eight decimals.
func btcReadAmount(s string) (sat int64, err error) {
	bad := fmt.Errorf("the URI's amount %.40q is not a number of bitcoins", s)
	whole, decimals, dot := strings.Cut(s, ".")
	if len(whole)+len(decimals) == 0 || len(whole) > 8 || len(decimals) > 8 || dot && decimals == "" {
		return 0, bad
	}
	for _, d := range whole + decimals + strings.Repeat("0", 8-len(decimals)) {
		if d < '0' || d > '9' {
			return 0, bad
		}
		sat = 10*sat + int64(d-'0')
	}
	if sat == 0 {
		return 0, errors.New("the URI asks for nothing: its amount is zero")
	}
	if sat > btcutil.MaxSatoshi {
		return 0, bad
	}
	return sat, nil
}
