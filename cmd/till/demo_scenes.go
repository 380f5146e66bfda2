package main

import (
	"context"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/pos/rate/feedtest"
)

// scene is something that can happen at the counter: by the customer, by a
// network, by the exchanges or by time.
type scene struct {
	id, title string
	when      func(*stage, pos.View) bool // when it makes sense
	play      func(context.Context, *stage, pos.View) error
}

// scenes are in the order in which they are offered: first what the customer of
// the sale on screen may do.
var scenes = []scene{
	{"exact", "pays what the QR asks for", all(rung, not(partial)), pays(1, 1)},
	{"rest", "pays the rest", partial, pays(1, 1)},
	{"short", "pays only half", unpaid, pays(1, 2)},
	{"over", "pays a tenth too much", unpaid, pays(11, 10)},
	{"twice", "pays twice", unpaid, func(ctx context.Context, st *stage, v pos.View) error {
		if err := st.share(ctx, v, 1, 1); err != nil {
			return err
		}
		return st.share(ctx, v, 1, 1)
	}},
	{"late", "pays after the price has run out", all(unpaid, not(partial)), func(ctx context.Context, st *stage, v pos.View) error {
		return st.late(ctx, v)
	}},
	{"toll", "pays, and the token keeps 1 % of it", all(unpaid, inToken), func(ctx context.Context, st *stage, v pos.View) error {
		return st.toll(ctx, v)
	}},
	{"inside", "pays from a contract wallet: seen with the block", all(unpaid, inNative), func(ctx context.Context, st *stage, v pos.View) error {
		return st.inside(ctx, v)
	}},
	{"bump", "raises the fee: another transaction, the same money", waits, func(ctx context.Context, st *stage, v pos.View) error {
		return st.again(v, st.bitcoin.Bump, func(id chain.TxID) (chain.TxID, error) { return st.ethereum.Customer().SpeedUp(ctx, id) })
	}},
	{"takeback", "takes the money back before a block", waits, func(ctx context.Context, st *stage, v pos.View) error {
		return st.again(v, st.bitcoin.DoubleSpend, func(id chain.TxID) (chain.TxID, error) { return st.ethereum.Customer().Replace(ctx, id) })
	}},
	{"reorg", "its block is replaced, the payment comes back", came, func(_ context.Context, st *stage, v pos.View) error {
		return st.reorg(v, true)
	}},
	{"orphan", "its block is replaced, the payment is lost", came, func(_ context.Context, st *stage, v pos.View) error {
		return st.reorg(v, false)
	}},
	{"node-down", "the network is cut off for half a minute", online, func(_ context.Context, st *stage, v pos.View) error {
		return st.disconnect(v)
	}},
	{"node-back", "the network is back", not(online), func(_ context.Context, st *stage, _ pos.View) error {
		st.connect()
		return nil
	}},
	{"price-down", "one exchange is out of service", anytime, offers(feedtest.Broken, feedtest.Kraken)},
	{"price-lie", "one exchange says a hundred times the price", anytime, offers(feedtest.Times100, feedtest.Coinbase)},
	{"price-none", "no exchange answers: the price ages, then new sales stop", anytime, offers(feedtest.Broken, rate.SourceNames()...)},
	{"price-back", "all exchanges answer again, within a minute or so", anytime, offers(feedtest.None)},
	{"time-1", "time runs as usual", faster(1), runs(1)},
	{"time-10", "time runs 10 times as fast", faster(10), runs(10)},
	{"time-60", "time runs 60 times as fast", faster(60), runs(60)},
}

type moment = func(*stage, pos.View) bool

func anytime(*stage, pos.View) bool     { return true }
func rung(_ *stage, v pos.View) bool    { return v.Sale.Outcome.Status != "" }
func came(_ *stage, v pos.View) bool    { return !v.Sale.Outcome.Received.IsZero() }
func partial(_ *stage, v pos.View) bool { return v.Sale.Outcome.Status == pos.Partial }
func inToken(_ *stage, v pos.View) bool { return v.Asset.ID.Contract() != "" }

func inNative(_ *stage, v pos.View) bool {
	return v.Asset.ID != chain.Bitcoin && v.Asset.ID.Contract() == ""
}

func unpaid(_ *stage, v pos.View) bool {
	o := v.Sale.Outcome
	return o.Status == pos.Awaiting || o.Status == pos.Partial
}

func waits(st *stage, v pos.View) bool {
	o := v.Sale.Outcome
	return came(st, v) && o.Status != pos.Confirming && !o.Status.Closed()
}

func not(when moment) moment { return func(st *stage, v pos.View) bool { return !when(st, v) } }

func all(moments ...moment) moment {
	return func(st *stage, v pos.View) bool {
		for _, when := range moments {
			if !when(st, v) {
				return false
			}
		}
		return true
	}
}

// faster tells whether time can be made to run so fast: it does not yet, and
// does not stand still, as in a show.
func faster(speed int) moment {
	return func(st *stage, _ pos.View) bool { now := st.clock.Speed(); return now != 0 && now != speed }
}

func runs(speed int) func(context.Context, *stage, pos.View) error {
	return func(_ context.Context, st *stage, _ pos.View) error {
		st.clock.Run(speed)
		return nil
	}
}

func pays(num, den int64) func(context.Context, *stage, pos.View) error {
	return func(ctx context.Context, st *stage, v pos.View) error { return st.share(ctx, v, num, den) }
}

func offers(fault feedtest.Fault, broken ...string) func(context.Context, *stage, pos.View) error {
	return func(_ context.Context, st *stage, _ pos.View) error { return st.exchanges(fault, broken...) }
}

// online tells whether no network is cut off.
func online(st *stage, _ pos.View) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.back == nil
}
