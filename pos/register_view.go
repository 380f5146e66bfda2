package pos

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// Subscribe returns a new mailbox that already holds the board and every sale
// that is open.
func (r *Register) Subscribe() *Mailbox {
	m := newMailbox(func(m *Mailbox) {
		r.mu.Lock()
		delete(r.boxes, m)
		r.mu.Unlock()
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() != nil {
		m.shut()
		return m
	}
	r.boxes[m] = struct{}{}
	views := make([]View, 0, len(r.entries))
	for id := range r.open {
		e := r.entries[id]
		views = append(views, r.view(e))
	}
	slices.SortFunc(views, func(a, b View) int { return cmp.Compare(a.Sale.Number, b.Sale.Number) })
	m.post(r.board(), views...)
	return m
}

// publish tells every mailbox. The caller holds mu.
func (r *Register) publish(views ...View) {
	if len(r.boxes) == 0 {
		return
	}
	board := r.board()
	for m := range r.boxes {
		m.post(board, views...)
	}
}

// Shop describes the shop.
func (r *Register) Shop() Shop { return r.cfg.Shop }

// Board is the present state of rates and watchers.
func (r *Register) Board() Board {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.board()
}

func (r *Register) board() Board {
	b := Board{
		At:     r.now(),
		Rates:  make(map[chain.AssetID]RateInfo, len(r.assets)),
		Health: maps.Clone(r.health),
		Tips:   maps.Clone(r.tips),
	}
	if len(r.cfg.Shop.Currencies) > 0 {
		for id, a := range r.assets {
			if rate, err := r.cfg.Rates.Rate(a, r.cfg.Shop.Currencies[0]); err == nil {
				b.Rates[id] = rate
			}
		}
	}
	b.Open = len(r.open)
	b.Changed = slices.Clone(r.changed)
	b.Away = r.absence.clone()
	b.Store, b.Behind = r.unkept, r.behind(b.At)
	return b
}

const (
	// mostAhead is how far ahead of a clock that is right a block's time may be:
	// nodes take blocks that are up to two hours ahead (Bitcoin Core,
	// MAX_FUTURE_BLOCK_TIME).
	mostAhead = 2 * time.Hour
	// leastBehind is what the clock may be set back by without anybody being told:
	// that much is put right in every machine.
	leastBehind = 10 * time.Second
)

// lived notes that something was stored at a time. The caller holds mu.
func (r *Register) lived(at time.Time) {
	if at.After(r.latest) {
		r.latest = at
	}
}

// behind is how far a clock is before what was stored already. The caller holds
// mu.
func (r *Register) behind(now time.Time) time.Duration {
	back := r.latest.Sub(now)
	for _, t := range r.tips {
		back = max(back, t.Block.Time.Add(-mostAhead).Sub(now))
	}
	if back < leastBehind {
		return 0
	}
	return back
}

// archive is the register's answer to chain.Archive.
type archive struct{ r *Register }

func (a archive) Owner(to chain.Destination) (string, bool) {
	a.r.mu.Lock()
	id, ok := a.r.byDest[to]
	a.r.mu.Unlock()
	if ok {
		return id, true
	}
	for {
		k, ok, err := a.r.cfg.Store.Owner(a.r.life, to)
		if err == nil {
			return k.SaleID, ok
		}
		// "Nobody's" would lose the money: wait for the store.
		a.r.log.Error("whose an address is cannot be read; trying again", "err", err)
		if !a.r.pause(storeRetry) {
			return "", false
		}
	}
}

func (a archive) All() iter.Seq2[string, chain.Destination] {
	return func(yield func(string, chain.Destination) bool) {
		for k, err := range a.r.cfg.Store.Destinations(a.r.life) {
			if err != nil {
				a.r.log.Error("the list of addresses cannot be read to its end", "err", err)
				return
			}
			if !yield(k.SaleID, k.To) {
				return
			}
		}
	}
}

// View returns a sale by its id, from memory or from the store.
func (r *Register) View(ctx context.Context, id string) (View, error) {
	if v, ok := r.inMemory(id); ok {
		return v, nil
	}
	rec, err := r.cfg.Store.Sale(ctx, id)
	if err != nil {
		return View{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view(&entry{rec: rec, watched: true}), nil
}

func (r *Register) inMemory(id string) (View, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[id]
	if e == nil {
		return View{}, false
	}
	return r.view(e), true
}

// Views returns sales, newest first, with their live state.
func (r *Register) Views(ctx context.Context, q Query) ([]View, error) {
	recs, err := r.cfg.Store.Sales(ctx, q)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	views := make([]View, 0, len(recs))
	for _, rec := range recs {
		e := r.entries[rec.Sale.ID]
		if e == nil {
			e = &entry{rec: rec, watched: true}
		}
		views = append(views, r.view(e))
	}
	return views, nil
}

var errAddress = errors.New("the stored address is not the key's: do not take money on it, call the owner")

// view builds what people see. The caller holds mu.
func (r *Register) view(e *entry) View {
	rec := e.rec
	o := rec.Sale.Outcome
	v := View{
		Record: rec, Acts: r.possible(rec), RestInCash: restInCash(rec.Sale), Payout: r.payout(e),
	}
	if slices.Contains(v.Acts, ActRefundDue) {
		v.Refunds = refundChoices(rec)
	}
	q, ok := rec.Sale.Quote()
	if o.Quote >= 0 && o.Quote < len(rec.Sale.Quotes) {
		q, ok = rec.Sale.Quotes[o.Quote], true
	}
	if !ok {
		return v
	}
	v.Asset = r.assets[q.Asset]
	v.Trust = r.health[q.Rail].Trust
	v.Pay = Request{Quote: q, Asset: v.Asset, Amount: q.Due}
	rail := r.rails[q.Rail]
	switch o.Status {
	case Awaiting:
	case Partial, Underpaid:
		v.Pay.Amount = o.Missing
	default:
		return v
	}
	switch {
	case rail == nil:
		v.Pay.Refusal = ErrNoAsset
	case !e.watched || !r.caught[q.Rail]:
		// Money that is sent before the rail looks may not be seen before its block.
		v.Pay.Refusal = ErrConnecting
	default:
		// Derived again from the key when it comes into memory: whoever changed
		// the store must not have changed where the money goes.
		if e.proved != q.To {
			addr, _ := rec.Sale.Address(rail.Account().ID)
			if to, err := rail.Destination(addr.Index); err != nil || to != q.To {
				v.Pay.Refusal = errAddress
				return v
			}
			e.proved = q.To
		}
		v.Pay.Forms, v.Pay.Refusal = rail.Forms(q.To, q.Asset, v.Pay.Amount)
	}
	return v
}
