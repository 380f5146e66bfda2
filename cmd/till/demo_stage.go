package main

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/rate/feedtest"
	"github.com/cointill/till/tui"
)

// stage is the demo's customer and chain, behind the keys p, P and m.
type stage struct {
	bitcoin  *devnet.Bitcoin
	ethereum *devnet.Ethereum
	prices   *feedtest.Server

	mu   sync.Mutex
	paid map[string]chain.TxID // the last Bitcoin transaction for each sale
}

var _ tui.Stage = (*stage)(nil)

// scene is something that can happen at the counter, mostly to a sale.
type scene struct {
	id, title string
	bitcoin   bool                   // only on Bitcoin
	when      func(pos.Outcome) bool // when it makes sense
	play      func(context.Context, *stage, pos.View) error
}

func unpaid(o pos.Outcome) bool { return o.Status == pos.Awaiting || o.Status == pos.Partial }
func came(o pos.Outcome) bool   { return !o.Received.IsZero() }
func rung(o pos.Outcome) bool   { return o.Status != "" }

var scenes = []scene{
	{"exact", "pays what the QR asks for", false, rung, func(ctx context.Context, st *stage, v pos.View) error {
		return st.share(ctx, v, 1, 1)
	}},
	{"short", "pays only half", false, unpaid, func(ctx context.Context, st *stage, v pos.View) error {
		return st.share(ctx, v, 1, 2)
	}},
	{"over", "pays a tenth too much", false, unpaid, func(ctx context.Context, st *stage, v pos.View) error {
		return st.share(ctx, v, 11, 10)
	}},
	{"twice", "pays twice", false, unpaid, func(ctx context.Context, st *stage, v pos.View) error {
		if err := st.share(ctx, v, 1, 1); err != nil {
			return err
		}
		return st.share(ctx, v, 1, 1)
	}},
	{"bump", "raises the fee: another transaction, the same money", true, waits, func(_ context.Context, st *stage, v pos.View) error {
		return st.again(v, st.bitcoin.Bump)
	}},
	{"takeback", "takes the money back before a block", true, waits, func(_ context.Context, st *stage, v pos.View) error {
		return st.again(v, st.bitcoin.DoubleSpend)
	}},
	{"reorg", "the last two blocks are replaced, the payment comes back", true, came, func(_ context.Context, st *stage, _ pos.View) error {
		_, err := st.bitcoin.Reorg(2, devnet.Remined)
		return err
	}},
	{"orphan", "the last two blocks are replaced, the payment is lost", true, came, func(_ context.Context, st *stage, _ pos.View) error {
		_, err := st.bitcoin.Reorg(2, devnet.Lost)
		return err
	}},
}

func waits(o pos.Outcome) bool { return came(o) && o.Status != pos.Confirming && !o.Status.Closed() }

// Pay pays exactly what the sale's QR asks for: as the customer, or as the
// shop's wallet where money is to go back.
func (st *stage) Pay(ctx context.Context, v pos.View) error { return st.share(ctx, v, 1, 1) }

// Scenes lists what can be played with a sale now.
func (st *stage) Scenes(v pos.View) []tui.Scene {
	var out []tui.Scene
	for _, s := range slices.Concat(scenes, priceScenes) {
		if s.when(v.Sale.Outcome) && (!s.bitcoin || v.Asset.ID == chain.Bitcoin) {
			out = append(out, tui.Scene{ID: s.id, Title: s.title})
		}
	}
	return out
}

// Play plays a scene by its id.
func (st *stage) Play(ctx context.Context, id string, v pos.View) error {
	all := slices.Concat(scenes, priceScenes)
	i := slices.IndexFunc(all, func(s scene) bool { return s.id == id })
	if i < 0 {
		return fmt.Errorf("there is no scene %q", id)
	}
	return all[i].play(ctx, st, v)
}

// Mine adds a block to the chain of a sale, or to both.
func (st *stage) Mine(_ context.Context, v pos.View) error {
	q, ok := v.Sale.Quote()
	if !ok || q.Asset == chain.Bitcoin {
		if _, err := st.bitcoin.Mine(1); err != nil {
			return err
		}
	}
	if !ok || q.Asset != chain.Bitcoin {
		return st.ethereum.Mine(1)
	}
	return nil
}

// share pays num/den of what is asked for, with a real signed transaction.
func (st *stage) share(ctx context.Context, v pos.View, num, den int64) error {
	to, amount, asset := v.Pay.Quote.To, v.Pay.Amount, v.Asset
	if p := v.Payout; p != nil {
		to, amount, asset = p.Refund.To, p.Rest, p.Asset
	}
	if to == "" || v.Payout != nil && amount.IsZero() {
		return fmt.Errorf("nothing is asked for")
	}
	if amount.IsZero() {
		amount = tip(asset)
	}
	units := amount.Big()
	units.Mul(units, big.NewInt(num)).Div(units, big.NewInt(den))
	if asset.ID == chain.Bitcoin {
		id, err := st.bitcoin.Customer().PayAddress(string(to), units.Int64(), devnet.BitcoinPayOptions{})
		if err != nil {
			return err
		}
		st.mu.Lock()
		st.paid[v.Sale.ID] = id
		st.mu.Unlock()
		return nil
	}
	pay := st.ethereum.Customer().PayNative
	if asset.ID.Contract() != "" {
		pay = st.ethereum.Customer().PayToken
	}
	_, err := pay(ctx, to, units)
	return err
}

// tip is what the customer gives where the price is open: 5,000 satoshi, 5 of a
// stablecoin, or 0.002 of another coin.
func tip(a chain.Asset) chain.Amount {
	switch {
	case a.ID == chain.Bitcoin:
		return chain.Units(5_000)
	case a.Par != "":
		return whole(5, a.Decimals)
	}
	return whole(2, a.Decimals-3)
}

// whole is n times ten to the power of decimals.
func whole(n int64, decimals uint8) chain.Amount {
	units := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	amount, err := chain.AmountFromBig(units.Mul(units, big.NewInt(n)))
	if err != nil {
		return chain.Amount{}
	}
	return amount
}

// again does something to the last transaction of a sale.
func (st *stage) again(v pos.View, do func(chain.TxID) (chain.TxID, error)) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	id, ok := st.paid[v.Sale.ID]
	if !ok {
		return fmt.Errorf("nothing was paid yet")
	}
	next, err := do(id)
	if err == nil {
		st.paid[v.Sale.ID] = next
	}
	return err
}

// autoMine is how often the demo's Bitcoin network finds a block by itself.
// Real ones take ten minutes; nobody at a stand waits that long.
const autoMine = 15 * time.Second
