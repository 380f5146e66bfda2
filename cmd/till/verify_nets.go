package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// claim is a payment as the store has it, that its network is asked about.
type claim struct {
	sale uint64 // its number, 0 = nobody's
	pos.Payment
}

func (q claim) rail() string { return string(q.Key.Network) }

func (q claim) String() string {
	if q.sale == 0 {
		return fmt.Sprintf("the payment %s to %s", q.Key.TxID, q.To)
	}
	return fmt.Sprintf("the payment %s of sale %d", q.Key.TxID, q.sale)
}

// reasons counts payments that could not be asked about by rail and reason.
type reasons map[[2]string]int

func (r reasons) add(q claim, why string) { r[[2]string{q.rail(), why}]++ }

// asked is how many payments are asked about in one go.
const asked = 500

// checkPayments asks the networks for every payment that stands.
func (v *verifier) checkPayments(ctx context.Context, at places, wait time.Duration) (err error) {
	o, err := openOffice(ctx, at)
	if err != nil {
		v.unchecked("%s: %w", counted(v.Payments, "payment"), err)
		return ctx.Err()
	}
	defer func() { err = errors.Join(err, o.close()) }()
	own, _ := o.(*ownOffice)
	i := inquiry{verifier: v, office: o, own: own, wait: wait, away: make(map[string]string), why: make(reasons)}
	if own != nil {
		rails, err := own.connect(ctx, wait)
		if err != nil {
			return err
		}
		for _, r := range rails {
			i.away[r.ID()] = fmt.Sprintf("%s did not connect within %s", words.Rail(r.ID()), wait)
		}
	}
	list := make([]claim, 0, asked)
	for r, err := range eachSale(ctx, v.books, time.Time{}, time.Time{}, time.Time{}) {
		if err != nil {
			return v.judge("store", err)
		}
		for _, p := range r.Payments {
			if p.Live() {
				list = append(list, claim{r.Sale.Number, p})
			}
		}
		if len(list) >= asked {
			if err := i.ask(ctx, list); err != nil {
				return err
			}
			list = list[:0]
		}
	}
	for _, p := range v.loose {
		if p.Live() {
			list = append(list, claim{0, p})
		}
	}
	if err := i.ask(ctx, list); err != nil {
		return err
	}
	for _, k := range slices.SortedFunc(maps.Keys(i.why), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		v.unchecked("%s of %s: %s", counted(i.why[k], "payment"), words.Rail(k[0]), k[1])
	}
	return nil
}

// inquiry asks about payments in goes.
type inquiry struct {
	*verifier
	office office
	own    *ownOffice // nil where another register is asked
	wait   time.Duration
	away   map[string]string // why a rail is asked no more
	why    reasons
}

func (i *inquiry) ask(ctx context.Context, list []claim) error {
	i.watch(ctx, list, func(claim) uint64 { return 0 }) // no looking back: a transaction is known by its id
	defer i.forget(list)
	var hidden []claim
	for _, q := range list {
		if why, away := i.away[q.rail()]; away {
			i.why.add(q, why)
			continue
		}
		a, err := i.office.ask(ctx, request{Do: askLookup, Text: string(q.Key.TxID)})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			i.away[q.rail()] = err.Error()
			i.why.add(q, err.Error())
			continue
		}
		at := slices.IndexFunc(a.Sightings, func(s sightingJSON) bool { return s.Rail == q.rail() })
		if at < 0 {
			i.why.add(q, "it is not in the configuration any more")
			continue
		}
		s := a.Sightings[at].sighting()
		switch {
		case errors.Is(s.Err, chain.ErrCannot):
			hidden = append(hidden, q)
		case s.Err != nil:
			i.away[q.rail()] = s.Err.Error()
			i.why.add(q, s.Err.Error())
		default:
			if err := i.compare(ctx, q, s.Found); err != nil {
				return err
			}
		}
	}
	return i.lookBack(ctx, hidden)
}

// watch makes the addresses known to watchers of our own, so that their answers
// tell what came to them.
func (i *inquiry) watch(ctx context.Context, list []claim, since func(claim) uint64) {
	if i.own == nil {
		return
	}
	for _, rail := range i.own.rails {
		var targets []chain.Target
		for _, q := range list {
			if q.rail() == rail.ID() && i.away[rail.ID()] == "" {
				targets = append(targets, chain.Target{ID: q.To, Assets: []chain.AssetID{q.Asset}, Since: since(q)})
			}
		}
		if len(targets) == 0 {
			continue
		}
		if err := rail.Watcher().Watch(ctx, targets...); err != nil {
			i.away[rail.ID()] = err.Error()
		}
	}
}

func (i *inquiry) forget(list []claim) {
	if i.own == nil {
		return
	}
	for _, rail := range i.own.rails {
		var ids []chain.Destination
		for _, q := range list {
			if q.rail() == rail.ID() {
				ids = append(ids, q.To)
			}
		}
		rail.Watcher().Unwatch(ids...)
	}
}

// lookBack finds payments that a watcher has no index of by their addresses, in
// the blocks in which they are said to be.
func (i *inquiry) lookBack(ctx context.Context, list []claim) error {
	var old []claim
	for _, q := range list {
		switch {
		case i.own == nil:
			i.why.add(q, "the open register has no index of transactions; close it and verify again, then they are looked up by their addresses")
		case q.State != pos.Included || q.Block.Height == 0:
			i.why.add(q, "they are in no block yet, and no node passes them on just now")
		default:
			old = append(old, q)
		}
	}
	if len(old) == 0 {
		return nil
	}
	i.forget(old) // what is watched already is not looked back for
	i.watch(ctx, old, func(q claim) uint64 { return q.Block.Height - 1 })
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(i.wait)
	defer late.Stop()
	for over := false; len(old) > 0; {
		old = slices.DeleteFunc(old, func(q claim) bool {
			e, ok := i.own.nets.event(q.Key)
			if ok {
				i.judgeEvent(q, e)
			}
			return ok
		})
		if over {
			break
		}
		select {
		case <-tick.C:
		case <-late.C:
			over = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, q := range old {
		i.why.add(q, fmt.Sprintf("they were not found at their addresses within %s; look again with a longer --wait", i.wait))
	}
	return nil
}

func (i *inquiry) judgeEvent(q claim, e chain.Event) {
	found := chain.Found{Known: true, Payments: []chain.Event{e}}
	if e.Kind == chain.Included {
		found.Block = e.Block
	}
	i.judgeFound(q, found)
}

// compare judges what a network says of a payment. What an open register may
// just be changing is read again.
func (i *inquiry) compare(ctx context.Context, q claim, found chain.Found) error {
	if fits, _ := matches(q.Payment, found, i.own != nil); !fits {
		now, ok, err := i.books.Payment(ctx, q.Key)
		if err != nil {
			return i.judge("store", err)
		}
		if ok && now.Rev != q.Rev {
			if q.Payment = now; !now.Live() {
				return nil
			}
		}
	}
	i.judgeFound(q, found)
	return nil
}

func (i *inquiry) judgeFound(q claim, found chain.Found) {
	fits, why := matches(q.Payment, found, i.own != nil)
	switch {
	case fits:
		i.Asked++
	case q.State == pos.Unconfirmed && !found.Known:
		i.why.add(q, "they were in no block, and their network does not know them any more; the register tells what became of them")
	default:
		i.wrong("payment", "%s: %s %s. If no register was open lately, open it, let it catch up and verify again", q, words.Rail(q.rail()), why)
	}
}

// matches tells whether a network knows a payment as the store does, or what it
// says instead. It may be further than the store. All tells whether every payment
// to us would be found: a register tells those to addresses that it still watches.
func matches(p pos.Payment, found chain.Found, all bool) (bool, string) {
	switch {
	case !found.Known:
		return false, "does not know that transaction"
	case p.State == pos.Included && found.Block.IsZero():
		return false, fmt.Sprintf("has it in no block, and the store in block %d", p.Block.Height)
	case p.State == pos.Included && found.Block.Hash != p.Block.Hash:
		return false, fmt.Sprintf("has it in block %d (%.20s…), and the store in block %d (%.20s…)", found.Block.Height, found.Block.Hash, p.Block.Height, p.Block.Hash)
	}
	for _, e := range found.Payments {
		if e.Key.Index != p.Key.Index {
			continue
		}
		// A token's contract may keep a part of what it logs: what arrived was counted.
		kept := p.Asset.Contract() != "" && e.Amount.Cmp(p.Amount) > 0
		if e.Target != p.To || e.Asset != p.Asset || e.Amount != p.Amount && !kept {
			return false, fmt.Sprintf("says that it paid %s of %s to %s, and the store %s of %s to %s", e.Amount, e.Asset, e.Target, p.Amount, p.Asset, p.To)
		}
		return true, ""
	}
	if all {
		return false, fmt.Sprintf("knows that transaction, but nothing in it that paid %s to %s", p.Amount, p.To)
	}
	return true, ""
}
