package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/rate/feedtest"
	"github.com/cointill/till/tui"
)

// stage is the demo's customer and its networks, behind the keys p, P and m.
type stage struct {
	clock    *warp
	bitcoin  *devnet.Bitcoin
	ethereum *devnet.Ethereum
	prices   *feedtest.Server

	life context.Context // of a network's absence
	end  context.CancelFunc
	work sync.WaitGroup

	mu   sync.Mutex
	paid map[string]chain.TxID // the last transaction for each sale
	back context.CancelFunc    // brings the networks back that are cut off; nil = none is
}

var _ tui.Stage = (*stage)(nil)

func newStage(clock *warp, btc *devnet.Bitcoin, eth *devnet.Ethereum, prices *feedtest.Server) *stage {
	st := &stage{clock: clock, bitcoin: btc, ethereum: eth, prices: prices, paid: make(map[string]chain.TxID)}
	st.life, st.end = context.WithCancel(context.Background())
	return st
}

// close ends what the stage still does.
func (st *stage) close() {
	st.end()
	st.work.Wait()
}

// Pay pays exactly what the sale's QR asks for: as the customer, or as the
// shop's wallet where money is to go back.
func (st *stage) Pay(ctx context.Context, v pos.View) error { return st.share(ctx, v, 1, 1) }

// Scenes lists what can be played with a sale now.
func (st *stage) Scenes(v pos.View) []tui.Scene {
	var out []tui.Scene
	for _, s := range scenes {
		if s.when(st, v) {
			out = append(out, tui.Scene{ID: s.id, Title: s.title})
		}
	}
	return out
}

// Play plays a scene by its id.
func (st *stage) Play(ctx context.Context, id string, v pos.View) error {
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.id == id })
	if i < 0 {
		return fmt.Errorf("there is no scene %q", id)
	}
	return scenes[i].play(ctx, st, v)
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

// owed is what is to be paid, and whereto.
func owed(v pos.View) (chain.Destination, *big.Int, chain.Asset, error) {
	to, amount, asset := v.Pay.Quote.To, v.Pay.Amount, v.Asset
	if p := v.Payout; p != nil {
		to, amount, asset = p.Refund.To, p.Rest, p.Asset
	}
	if to == "" || v.Payout != nil && amount.IsZero() {
		return "", nil, asset, errors.New("nothing is asked for")
	}
	if amount.IsZero() {
		amount = tip(asset)
	}
	return to, amount.Big(), asset, nil
}

// share pays num/den of what is asked for, with a real signed transaction.
func (st *stage) share(ctx context.Context, v pos.View, num, den int64) error {
	to, units, asset, err := owed(v)
	if err != nil {
		return err
	}
	units.Mul(units, big.NewInt(num)).Div(units, big.NewInt(den))
	var id chain.TxID
	switch {
	case asset.ID == chain.Bitcoin:
		id, err = st.bitcoin.Customer().PayAddress(string(to), units.Int64(), devnet.BitcoinPayOptions{})
	case asset.ID.Contract() != "":
		id, err = st.ethereum.Customer().PayToken(ctx, to, units)
	default:
		id, err = st.ethereum.Customer().PayNative(ctx, to, units)
	}
	return st.remember(v, id, err)
}

// remember notes the last transaction of a sale.
func (st *stage) remember(v pos.View, id chain.TxID, err error) error {
	if err == nil {
		st.mu.Lock()
		st.paid[v.Sale.ID] = id
		st.mu.Unlock()
	}
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

// again replaces the last transaction of a sale by another of the customer's.
func (st *stage) again(v pos.View, btc, eth func(chain.TxID) (chain.TxID, error)) error {
	st.mu.Lock()
	id, ok := st.paid[v.Sale.ID]
	st.mu.Unlock()
	if !ok {
		return errors.New("nothing was paid yet")
	}
	do := eth
	if v.Asset.ID == chain.Bitcoin {
		do = btc
	}
	next, err := do(id)
	return st.remember(v, next, err)
}

// reorg replaces the last blocks of a sale's chain, down to the one that holds
// its payment, and at least two.
func (st *stage) reorg(v pos.View, keep bool) error {
	depth, tip := 2, st.bitcoin.Height()
	if v.Asset.ID != chain.Bitcoin {
		tip = st.ethereum.Head().Height
	}
	for _, p := range v.Payments {
		if h := p.Block.Height; h > 0 && h <= tip {
			depth = max(depth, int(tip-h)+1)
		}
	}
	if depth > deepest {
		return fmt.Errorf("the payment is %d blocks deep; no chain is reorganised as far as that", depth)
	}
	if v.Asset.ID != chain.Bitcoin {
		return st.ethereum.Reorg(depth, keep)
	}
	fate := devnet.Lost
	if keep {
		fate = devnet.Remined
	}
	_, err := st.bitcoin.Reorg(depth, fate)
	return err
}

// deepest is how many blocks are replaced at most: a watcher remembers so many.
const deepest = 100

// toll pays with a token whose issuer keeps one part in a hundred.
func (st *stage) toll(ctx context.Context, v pos.View) error {
	coin := chain.Destination(v.Asset.ID.Contract())
	set := func(parts int64) error {
		_, err := st.ethereum.Customer().Call(ctx, coin, "setToll(uint256)", big.NewInt(parts))
		return err
	}
	if err := set(100); err != nil {
		return err
	}
	return errors.Join(st.share(ctx, v, 1, 1), set(0))
}

// inside pays through a contract, as an exchange or a contract wallet does.
func (st *stage) inside(ctx context.Context, v pos.View) error {
	to, wei, _, err := owed(v)
	if err != nil {
		return err
	}
	id, err := st.ethereum.Customer().PayInternally(ctx, devnet.EthPayment{To: to, Amount: wei})
	return st.remember(v, id, err)
}

// late lets the price run out, and then pays.
func (st *stage) late(ctx context.Context, v pos.View) error {
	st.clock.Jump(v.Pay.Quote.Deadline.Add(time.Minute).Sub(st.clock.Now()))
	return st.share(ctx, v, 1, 1)
}

// cutFor is how long a network is away, by the demo's clock.
const cutFor = 30 * time.Second

// disconnect cuts the network of a sale off, or all of them, for a while.
func (st *stage) disconnect(v pos.View) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.back != nil {
		return nil
	}
	q, one := v.Sale.Quote()
	var back []func() error
	if !one || q.Asset != chain.Bitcoin {
		st.ethereum.Disconnect()
		back = append(back, st.ethereum.Connect)
	}
	if !one || q.Asset == chain.Bitcoin {
		for i := range st.bitcoin.Peers() {
			if err := st.bitcoin.Stop(i); err != nil {
				return err
			}
			back = append(back, func() error { return st.bitcoin.Start(i) })
		}
	}
	ctx, now := context.WithCancel(st.life)
	st.back = now
	st.work.Go(func() {
		defer now()
		st.clock.wait(ctx, st.clock.Now().Add(cutFor))
		st.mu.Lock()
		defer st.mu.Unlock()
		st.back = nil
		for _, start := range back {
			_ = start() // fails where the demo has ended meanwhile
		}
	})
	return nil
}

// connect brings back what is cut off.
func (st *stage) connect() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.back != nil {
		st.back()
	}
}

// exchanges makes some of them fail in one way, and the others work.
func (st *stage) exchanges(fault feedtest.Fault, broken ...string) error {
	for _, name := range rate.SourceNames() {
		st.prices.Fault(name, feedtest.None)
	}
	for _, name := range broken {
		st.prices.Fault(name, fault)
	}
	return nil
}
