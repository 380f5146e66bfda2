package pos

import (
	"context"
	"fmt"
	"slices"

	"github.com/cointill/till/chain"
)

// Offer adds a quote to a sale on which nothing was seen: the same price in
// another asset, or in the same asset at a new rate.
func (r *Register) Offer(ctx context.Context, saleID string, asset chain.AssetID, by Actor) (View, error) {
	number, q, addr, err := r.requote(ctx, saleID, asset, by)
	if err != nil {
		return View{}, err
	}
	r.log.Info("quoted again", "sale", number, "asset", string(asset), "by", CleanText(by.Name, 64))
	return r.show(ctx, saleID, q, addr)
}

// requote stores a further quote. It holds mu all the while: an event that
// arrives meanwhile must not be judged, and then overwritten, without it.
func (r *Register) requote(ctx context.Context, saleID string, asset chain.AssetID, by Actor) (number uint64, q Quote, addr Address, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.record(ctx, saleID)
	if err != nil {
		return 0, q, addr, err
	}
	a, known := r.assets[asset]
	s, now := rec.Sale, r.now()
	switch {
	case !known:
		return 0, q, addr, ErrNoAsset
	case s.Outcome.Status != Awaiting && s.Outcome.Status != Expired, hasLive(rec):
		return 0, q, addr, fmt.Errorf("%w: the price is fixed once money was seen or the sale ended", ErrNotNow)
	}
	if r.life.Err() != nil {
		return 0, q, addr, ErrClosed
	}
	if len(r.changed) > 0 {
		return 0, q, addr, ErrKeysChanged
	}
	rail := r.railOf[asset]
	if !r.health[rail.ID()].Usable() {
		return 0, q, addr, ErrConnecting
	}
	if q, err = r.quote(s.Price, a, s.Expires, now); err != nil {
		return 0, q, addr, err
	}
	addr, have := s.Address(rail.Account().ID)
	if owner, shown := r.byDest[addr.To]; have && shown && owner != saleID {
		return 0, q, addr, fmt.Errorf("%w: its address serves a later sale by now; ring it up again", ErrNotNow)
	}
	err = r.cfg.Store.Write(ctx, func(tx Tx) error {
		if !have {
			var err error
			if addr, err = r.allocate(tx, rail, now); err != nil {
				return err
			}
			s.Addresses = append(slices.Clone(s.Addresses), addr)
		}
		q.To = addr.To
		// What was cancelled before does not end a later price.
		q.Repriced = slices.ContainsFunc(s.Acts, func(a Act) bool { return a.Kind == ActCancel })
		s.Quotes = append(slices.Clone(s.Quotes), q)
		act := Act{Kind: ActRequote, At: now, Actor: cleanActor(by)}
		s.Acts = append(slices.Clone(s.Acts), act)
		quoted := Quoted{Quote: q}
		if !have {
			quoted.Address = &addr
		}
		was := s.Outcome.Status
		judged := Record{Sale: s, Payments: rec.Payments}
		judged.judge(Assess(s, rec.Payments, Env{Now: now, Policy: r.cfg.Policy, Tips: r.tips}))
		s = judged.Sale
		return r.put(tx, s, was, now, body{EntryAct, act}, body{EntryQuote, quoted})
	})
	if err != nil {
		return 0, q, addr, fmt.Errorf("the new price cannot be stored: %w", err)
	}
	e := r.entries[saleID]
	if e == nil {
		e = &entry{}
		r.entries[saleID] = e
	}
	e.rec = Record{Sale: s, Payments: rec.Payments}
	r.take(e, q)
	r.wakeSender()
	return s.Number, q, addr, nil
}

// take makes memory follow a sale that was stored with a new quote, and tells
// everybody, without a QR yet. The caller holds mu.
func (r *Register) take(e *entry, q Quote) {
	e.watched = false
	r.byDest[q.To] = e.rec.Sale.ID
	r.follow(e)
	r.publish(r.view(e))
}

// record is a sale from memory or from the store. The caller holds mu.
func (r *Register) record(ctx context.Context, id string) (Record, error) {
	if e := r.entries[id]; e != nil {
		return e.rec, nil
	}
	return r.cfg.Store.Sale(ctx, id)
}

// hasLive tells whether money came that is still there.
func hasLive(rec Record) bool {
	return slices.ContainsFunc(rec.Payments, func(p Payment) bool { return p.Live() && !p.Refund })
}

// Cancel ends a sale on which nothing was seen. Its address stays watched.
func (r *Register) Cancel(ctx context.Context, saleID string, by Actor) (View, error) {
	return r.Act(ctx, saleID, Deed{Kind: ActCancel, By: by})
}
