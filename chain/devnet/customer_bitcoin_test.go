package devnet

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/txscript"
	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

func TestBitcoinCustomerPaysURIs(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	addr := btcShopAddress(t, 3).EncodeAddress()
	for _, c := range []struct {
		uri      string
		num, den int64
		sat      int64 // 0: refused
	}{
		{"bitcoin:" + addr + "?amount=0.00012345", 1, 1, 12_345},
		{"BITCOIN:" + strings.ToUpper(addr) + "?amount=1&label=Caf%C3%A9", 1, 1, 1e8},
		{"bitcoin:" + addr + "?label=x&amount=0.5&foo=1", 1, 1, 5e7},
		{"bitcoin:" + addr + "?amount=0.00001001", 1, 2, 501},
		{"bitcoin:" + addr + "?amount=0.00001001", 3, 2, 1_502},
		{"bitcoin:" + addr, 1, 1, 0},
		{addr, 1, 1, 0},
		{"bitcoin:" + addr + "?amount=0", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=-1", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=1,5", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=1e3", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=0.000000001", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=21000001", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=.", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=1&req-new=1", 1, 1, 0},
		{"bitcoin:" + addr + "?amount=0.001", 0, 1, 0},
		{"bitcoin:" + addr + "?amount=0.001", 1, -1, 0},
		{"bitcoin:?amount=0.001", 1, 1, 0},
		{"bitcoin:bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu?amount=0.001", 1, 1, 0},
		{"ethereum:0x52908400098527886E0F7030069857D2E4169EE7?value=1", 1, 1, 0},
	} {
		id, err := b.Customer().PayShare(t.Context(), c.uri, c.num, c.den)
		if c.sat == 0 {
			if err == nil {
				t.Errorf("%s was paid", c.uri)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.uri, err)
		} else if got := btcPaid(t, b, id, addr); got != c.sat {
			t.Errorf("%s was paid with %d sat, want %d", c.uri, got, c.sat)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Customer().Pay(ctx, "bitcoin:"+addr+"?amount=0.001"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled payment: %v", err)
	}
}

func TestBitcoinCustomerPaysManyInARow(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	shop := btcShopAddress(t, 1).EncodeAddress()
	parents := 0
	var ids []chain.TxID
	for range 100 { // more than there are coins: the last ones spend change
		id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 25_000, BitcoinPayOptions{}))
		h := *btcHash(t, id)
		if b.pool[b.pool[h].tx.TxIn[0].PreviousOutPoint.Hash] != nil {
			parents++
		} else if parents > 0 {
			t.Fatal("a confirmed coin was kept back")
		}
		ids = append(ids, id)
	}
	if parents != 100-btcSplitRewards*btcFirstCoins {
		t.Errorf("%d of 100 payments spend unconfirmed change", parents)
	}
	btcMust[[]string](t)(b.Mine(1))
	for _, id := range ids {
		if _, ok := b.Confirmed(id); !ok {
			t.Errorf("%s was not mined", id)
		}
	}
}

func TestBitcoinCustomerManyOutputsAndCoins(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	var to []BitcoinOutput
	for i := range uint32(5) {
		to = append(to, BitcoinOutput{btcShopAddress(t, i%2).EncodeAddress(), 1_000 * int64(i+1)})
	}
	id := btcMust[chain.TxID](t)(b.Customer().Send(to, BitcoinPayOptions{FeeRate: 1}))
	tx := b.pool[*btcHash(t, id)].tx
	for i, o := range to {
		if tx.TxOut[i].Value != o.Sat {
			t.Errorf("output %d is %d sat, want %d", i, tx.TxOut[i].Value, o.Sat)
		}
	}
	// More than any one coin.
	before := b.Customer().Balance()
	id = btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 7).EncodeAddress(), 100e8, BitcoinPayOptions{FeeRate: 20}))
	p := b.pool[*btcHash(t, id)]
	if len(p.tx.TxIn) != 13 || p.fee < 20*p.vsize || p.fee > 21*p.vsize {
		t.Errorf("100 BTC are paid from %d coins with a fee of %d sat for %d vB", len(p.tx.TxIn), p.fee, p.vsize)
	}
	if after := b.Customer().Balance(); after != before-100e8-p.fee {
		t.Errorf("the balance went from %d to %d for %d", before, after, p.fee)
	}
	if _, err := b.Customer().PayAddress(btcShopAddress(t, 7).EncodeAddress(), before, BitcoinPayOptions{}); !errors.Is(err, ErrNoCoins) {
		t.Errorf("more than there is: %v", err)
	}
	for _, o := range []BitcoinPayOptions{{FeeRate: -1}, {FeeRate: 10_001}} {
		if _, err := b.Customer().PayAddress(btcShopAddress(t, 7).EncodeAddress(), 1_000, o); err == nil {
			t.Errorf("a fee rate of %d was paid", o.FeeRate)
		}
	}
	for _, sat := range []int64{-1, 0, 21e14 + 1} {
		if _, err := b.Customer().PayAddress(btcShopAddress(t, 7).EncodeAddress(), sat, BitcoinPayOptions{}); err == nil {
			t.Errorf("%d sat were paid", sat)
		}
	}
}

func TestBitcoinCustomerPaysEveryKindOfAddress(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	key := b.customer.keys[0].PubKey()
	hash := btcutil.Hash160(key.SerializeCompressed())
	for _, addr := range []btcutil.Address{
		btcMust[*btcutil.AddressPubKeyHash](t)(btcutil.NewAddressPubKeyHash(hash, btcParams)),
		btcMust[*btcutil.AddressScriptHash](t)(btcutil.NewAddressScriptHashFromHash(hash, btcParams)),
		btcMust[*btcutil.AddressWitnessPubKeyHash](t)(btcutil.NewAddressWitnessPubKeyHash(hash, btcParams)),
		btcMust[*btcutil.AddressWitnessScriptHash](t)(btcutil.NewAddressWitnessScriptHash(make([]byte, 32), btcParams)),
		btcMust[*btcutil.AddressTaproot](t)(btcutil.NewAddressTaproot(txscript.ComputeTaprootKeyNoScript(key).SerializeCompressed()[1:], btcParams)),
	} {
		id := btcMust[chain.TxID](t)(b.Customer().PayAddress(addr.EncodeAddress(), 4_242, BitcoinPayOptions{}))
		if got := btcPaid(t, b, id, addr.EncodeAddress()); got != 4_242 {
			t.Errorf("%s got %d sat", addr, got)
		}
	}
}

// TestBitcoinCustomerReadsWhatTheTillWrites: the till's writer and the
// customer's reader know nothing of each other and agree.
func TestBitcoinCustomerReadsWhatTheTillWrites(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		addr := btcShopAddress(t, rapid.Uint32().Draw(r, "address")).EncodeAddress()
		sat := rapid.Int64Range(0, btcutil.MaxSatoshi).Draw(r, "sat")
		uri := payuri.Bitcoin(chain.Destination(addr), chain.Units(uint64(sat)))
		to, got, err := btcReadURI(uri)
		if err != nil || to != addr || got != sat {
			r.Fatalf("%s for %d sat is read as %d sat to %s (%v)", uri, sat, got, to, err)
		}
	})
}

// FuzzBitcoinURI holds the customer's reader against the till's: where both can
// read a request they read the same.
func FuzzBitcoinURI(f *testing.F) {
	f.Add("bitcoin:bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080?amount=0.00012345")
	f.Add("BITCOIN:BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KYGT080?amount=1&label=x%20y")
	f.Add("bitcoin:?amount=.5&req-x=1")
	f.Fuzz(func(t *testing.T, uri string) {
		addr, sat, err := btcReadURI(uri)
		if err == nil && (sat < 0 || sat > btcutil.MaxSatoshi) {
			t.Fatalf("%q asks for %d sat", uri, sat)
		}
		theirs, no := payuri.Parse(uri)
		if err != nil || no != nil || theirs.Scheme != payuri.SchemeBitcoin {
			return
		}
		if !strings.EqualFold(addr, string(theirs.To)) || theirs.Amount != chain.Units(uint64(sat)) {
			t.Errorf("%q is %d sat to %s for the customer, %s to %s for the till", uri, sat, addr, theirs.Amount, theirs.To)
		}
	})
}
