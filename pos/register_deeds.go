package pos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// maxWhy is how long a reason may be, in characters.
const maxWhy = 200

// possible lists what a person may do with a sale now, the safest first. What
// gives goods or money away comes last.
func possible(rec Record) []ActKind {
	o := rec.Sale.Outcome
	var list []ActKind
	if !o.Status.Closed() && takeOvers(rec.Sale) < mostTakeOvers {
		list = append(list, ActTakeOver)
	}
	if !hasLive(rec) && (o.Status == Awaiting || o.Status == Expired) {
		list = append(list, ActRequote)
		if o.Status == Awaiting {
			list = append(list, ActCancel)
		}
	}
	if rest := restInCash(rec.Sale); !rest.IsZero() && (o.Status == Partial || o.Status == Underpaid) {
		list = append(list, ActCash)
	}
	if o.Status == Late && o.Quote >= 0 && !o.Received.IsZero() {
		list = append(list, ActReprice)
	}
	if o.Verdict == AskSupervisor && o.Status != RefundDue && !o.Status.Settled() {
		list = append(list, ActAccept)
	}
	switch o.Status {
	case Underpaid, Late, Paid, Overpaid, Accepted, Refunded:
		if _, _, _, left := refundable(rec); !left.IsZero() {
			list = append(list, ActRefundDue)
		}
	}
	return list
}

// mostTakeOvers bounds what terminals can do to each other.
const mostTakeOvers = 200

func takeOvers(s Sale) (n int) {
	for _, a := range s.Acts {
		if a.Kind == ActTakeOver {
			n++
		}
	}
	return n
}

// possible is what can be done with a sale, with what is known of its refunds.
func (r *Register) possible(rec Record) []ActKind {
	list := possible(rec)
	first, under := r.pendingRefund(rec)
	if first == nil {
		return list
	}
	// What is under way is neither done by hand nor a mistake any more.
	if !under {
		list = append(list, ActRefundDone, ActRefundVoid)
	}
	return list
}

// pendingRefund is the first refund that is to be paid, nil if none is, and
// whether anything went to its address that is not confirmed yet.
func (r *Register) pendingRefund(rec Record) (first *refund, under bool) {
	list := rec.Sale.refunds()
	if s := rec.Sale.Outcome.Status; len(list) == 0 || s == Disputed || s == Reversed {
		return nil, false // most sales: every view of every sale asks
	}
	a := r.assessor(rec)
	for i, f := range list {
		got, sure, _ := a.wentBack(list, i)
		if f.done.IsZero() && sure.Cmp(f.Amount) < 0 {
			return &f, !got.IsZero()
		}
	}
	return nil, false
}

// assessor looks at a sale as of now. The caller holds mu.
func (r *Register) assessor(rec Record) *assessor {
	a := &assessor{sale: rec.Sale, env: Env{Now: r.now(), Policy: r.cfg.Policy, Tips: r.tips}}
	a.pays, a.out = split(rec.Payments)
	return a
}

// Act does what a person asks for with a sale: it is stored, journaled and
// published like everything else. It fails with ErrNotNow where the sale does
// not allow it, and, where a PIN is needed, with what is wrong with that.
func (r *Register) Act(ctx context.Context, saleID string, d Deed) (View, error) {
	if d.Kind == ActRequote {
		return r.Offer(ctx, saleID, d.Asset, d.By)
	}
	// What cannot be done needs no PIN, and costs no try.
	if err := r.mayAct(ctx, saleID, d); err != nil {
		return View{}, err
	}
	approved := ""
	if d.Kind.NeedsPIN() {
		m, err := r.approve(ctx, d.PIN)
		if err != nil {
			return View{}, err
		}
		approved = m.Name
	}
	v, q, err := r.act(ctx, saleID, d, approved)
	if err != nil {
		return View{}, err
	}
	if q != nil { // its address is awaited anew, and longer
		addr, _ := v.Sale.Address(r.rails[q.Rail].Account().ID)
		r.watch(saleID, *q, addr.Account)
	}
	r.log.Info("a person acted", "sale", v.Sale.Number, "act", string(d.Kind), "by", CleanText(d.By.Name, 64), "approved", approved)
	return v, nil
}

func (r *Register) mayAct(ctx context.Context, saleID string, d Deed) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.record(ctx, saleID)
	if err != nil {
		return err
	}
	_, _, err = r.deed(ctx, rec, d, r.now())
	return err
}

// act is Act once it is allowed.
func (r *Register) act(ctx context.Context, saleID string, d Deed, approved string) (View, *Quote, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have, err := r.record(ctx, saleID)
	if err != nil {
		return View{}, nil, err
	}
	st := r.stage(r.now())
	a, q, err := r.deed(ctx, have, d, st.now)
	if err != nil {
		return View{}, nil, err
	}
	a.Approved = approved
	rec := st.touch(have)
	rec.news = true
	rec.Sale.Acts = append(slices.Clone(rec.Sale.Acts), a)
	st.enter(EntryAct, saleID, a)
	if q != nil {
		rec.Sale.Quotes = append(slices.Clone(rec.Sale.Quotes), *q)
		st.enter(EntryQuote, saleID, Quoted{Quote: *q})
	}
	if err := st.commit(ctx); err != nil {
		return View{}, nil, err
	}
	e := r.entries[saleID]
	if a.Refund != nil {
		r.expect(e.rec.Sale)
		r.work.Go(func() { r.watchPayout(saleID, *a.Refund) })
	}
	return r.view(e), q, nil
}

// deed makes the act that d asks for, and the quote that goes with it. The
// caller holds mu.
func (r *Register) deed(ctx context.Context, rec Record, d Deed, now time.Time) (a Act, q *Quote, err error) {
	if r.life.Err() != nil {
		return a, nil, ErrClosed
	}
	s := rec.Sale
	if !slices.Contains(r.possible(rec), d.Kind) {
		return a, nil, fmt.Errorf("%w: sale %d is %s", ErrNotNow, s.Number, s.Outcome.Status)
	}
	a = Act{
		Kind: d.Kind, At: now, Why: CleanText(d.Why, maxWhy),
		Actor: Actor{Name: CleanText(d.By.Name, 64), Terminal: CleanText(d.By.Terminal, 64)},
	}
	switch d.Kind {
	case ActCash:
		rest := restInCash(s)
		if a.Cash = d.Cash; a.Cash.IsZero() {
			a.Cash = rest
		}
		if a.Cash.Currency != rest.Currency || a.Cash.Minor < rest.Minor || a.Cash.Minor > s.Price.Fiat.Minor {
			return a, nil, fmt.Errorf("%w: %s are missing", ErrDraft, rest)
		}
	case ActTakeOver:
		if s.Holder() == a.Actor.Terminal {
			return a, nil, fmt.Errorf("%w: this terminal holds it already", ErrNotNow)
		}
	case ActRefundDone, ActRefundVoid:
		if first, _ := r.pendingRefund(rec); first != nil {
			a.Nth = first.nth
		}
	case ActReprice:
		q, err = r.reprice(s, now)
	case ActRefundDue:
		a.Refund, err = r.refundOf(ctx, rec, d)
	}
	return a, q, err
}

// reprice quotes late money at the present price.
func (r *Register) reprice(s Sale, now time.Time) (*Quote, error) {
	old := s.Quotes[s.Outcome.Quote]
	asset, known := r.assets[old.Asset]
	if !known {
		return nil, ErrNoAsset
	}
	if len(r.changed) > 0 {
		return nil, ErrKeysChanged
	}
	if owner, shown := r.byDest[old.To]; shown && owner != s.ID {
		return nil, fmt.Errorf("%w: its address serves a later sale by now", ErrNotNow)
	}
	q, err := r.quote(s.Price, asset, s.Expires, now)
	q.To, q.Repriced = old.To, true
	return &q, err
}

var errOwnAddress = errors.New("it is one of the shop's own addresses")

// refundOf makes the refund that a deed asks for. The caller holds mu.
func (r *Register) refundOf(ctx context.Context, rec Record, d Deed) (*Refund, error) {
	amount, err := refundAmount(rec, d.Basis, d.Fiat)
	if err != nil {
		return nil, err
	}
	asset, id, came, _ := refundable(rec)
	rail := r.rails[id]
	if rail == nil {
		return nil, ErrNoAsset
	}
	if dust := r.assets[asset].Dust; amount.Cmp(dust) < 0 {
		return nil, ErrTooSmall
	}
	to, err := rail.Read(d.To)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	owner, shown := r.byDest[to]
	if !shown {
		k, found, err := r.cfg.Store.Owner(ctx, to)
		if err != nil {
			return nil, err
		}
		owner, shown = k.SaleID, found
	}
	if shown && owner != rec.Sale.ID {
		other, err := r.record(ctx, owner)
		switch {
		case err != nil:
			return nil, err
		case !other.Sale.paysBack(to):
			return nil, fmt.Errorf("%w: %w", ErrAddress, errOwnAddress)
		case !r.seenBack(other, to):
			return nil, fmt.Errorf("%w: nobody has seen the refund of sale %d arrive there", ErrNotNow, other.Sale.Number)
		}
	}
	next, err := r.cfg.Store.Next(ctx, rail.Account().ID)
	if err != nil {
		return nil, err
	}
	next = max(next, rail.Account().First)
	comes := slices.ContainsFunc(r.unused(rail, next, next+ahead), func(t chain.Target) bool { return t.ID == to })
	if comes || shown && owner == rec.Sale.ID && !rec.Sale.paysBack(to) {
		return nil, fmt.Errorf("%w: %w", ErrAddress, errOwnAddress)
	}
	return &Refund{
		Asset: asset, Rail: id, To: to, Amount: amount, Basis: d.Basis, Since: r.tips[id].Block.Height,
		Came: came, Settled: rec.Sale.Outcome.Status.Settled() || goodsKept(rec),
	}, nil
}

// goodsKept tells whether a sale with refunds was settled before them.
func goodsKept(rec Record) bool {
	list := rec.Sale.refunds()
	return len(list) > 0 && list[0].Settled
}

// seenBack tells whether every refund of a sale to an address was seen to arrive
// there: only then is what comes next another one.
func (r *Register) seenBack(rec Record, to chain.Destination) bool {
	a := r.assessor(rec)
	list := a.sale.refunds()
	for i, f := range list {
		if _, sure, _ := a.wentBack(list, i); f.To == to && (!f.done.IsZero() || sure.Cmp(f.Amount) < 0) {
			return false
		}
	}
	return true
}

// watchPayout looks for the payment of a refund.
func (r *Register) watchPayout(saleID string, f Refund) {
	rail := r.rails[f.Rail]
	watched := r.persist("the address of a refund could not be watched; trying again", rail, func() error {
		return rail.Watcher().Watch(r.life, f.target(rail))
	})
	if !watched {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[saleID]; e != nil {
		e.payouts = append(e.payouts, f.To)
		r.publish(r.view(e))
	}
}

// target is what a watcher looks for to see a refund paid. It looks a little
// below the height at which it was recorded: where the chain is written again,
// the payment may end up there, and nobody must be asked to pay twice.
func (f Refund) target(rail chain.Rail) chain.Target {
	return chain.Target{ID: f.To, Assets: ids(rail), Since: lookFrom(f.Since)}
}

// payout is the refund of a sale that is to be paid now, nil if none is. The
// caller holds mu.
func (r *Register) payout(e *entry) *Payout {
	first, _ := r.pendingRefund(e.rec)
	if first == nil {
		return nil
	}
	a := r.assessor(e.rec)
	list := a.sale.refunds()
	got, _, _ := a.wentBack(list, slices.IndexFunc(list, func(f refund) bool { return f.nth == first.nth }))
	p := &Payout{
		Refund: first.Refund, Asset: r.assets[first.Asset], Paid: got, Rest: first.Amount.Sub(got),
		Watched: slices.Contains(e.payouts, first.To),
	}
	if rail := r.rails[first.Rail]; rail != nil && !p.Rest.IsZero() && !a.unsure(list, *first) {
		if forms, err := rail.Forms(first.To, first.Asset, p.Rest); err == nil {
			p.Forms = forms
		}
	}
	return p
}

// maxOff is how far a price by hand may be from the last one without being said
// twice, in hundredths of a percent.
const maxOff = 2500

// manualFor is how long a price by hand holds.
const manualFor = 15 * time.Minute

// SetRate sells an asset at a price by hand, in the shop's own currency, for 15
// minutes or until the feed has one again. It needs a supervisor's PIN, and
// where the price is more than a quarter away from the last one, sure.
func (r *Register) SetRate(ctx context.Context, asset chain.AssetID, rate money.Rate, by Actor, pin string, sure bool) error {
	manual, can := r.cfg.Rates.(ManualRates)
	a, known := r.assets[asset]
	switch {
	case !known || len(r.cfg.Shop.Currencies) == 0:
		return ErrNoAsset
	case !can:
		return fmt.Errorf("%w: this till takes no price by hand", ErrNotNow)
	case rate.IsZero():
		return fmt.Errorf("%w: the price is zero", ErrDraft)
	}
	own := r.cfg.Shop.Currencies[0]
	if last, err := r.cfg.Rates.Rate(a, own); err == nil && !sure && far(rate, last.Rate) {
		return fmt.Errorf("%w: %s", ErrFarRate, last.Rate)
	}
	m, err := r.approve(ctx, pin)
	if err != nil {
		return err
	}
	now := r.now()
	act := ShopAct{Kind: ShopRate, Actor: cleanActor(by), Approved: m.Name, Text: []string{fmt.Sprintf("%s: %s %s", asset, rate, own)}}
	if err := r.journal(ctx, act, now); err != nil {
		return err
	}
	manual.SetManual(a, own, rate, now.Add(manualFor), m.Name)
	r.log.Warn("a price was set by hand", "asset", string(asset), "rate", rate.String(), "by", m.Name)
	return nil
}

// far tells whether a rate is more than a quarter away from another.
func far(rate, last money.Rate) bool {
	low, errLow := last.Spread(maxOff)
	high, errHigh := last.Spread(-maxOff)
	return errLow != nil || errHigh != nil || rate.Cmp(low) < 0 || rate.Cmp(high) > 0
}

// journal writes down something that was done with the shop.
func (r *Register) journal(ctx context.Context, act ShopAct, now time.Time) error {
	e, err := entryOf(EntryShop, "", now, act)
	if err != nil {
		return err
	}
	err = r.cfg.Store.Write(ctx, func(tx Tx) error {
		_, err := tx.AppendJournal(e)
		return err
	})
	if err != nil {
		return fmt.Errorf("it cannot be stored: %w", err)
	}
	return nil
}

func cleanActor(by Actor) Actor {
	return Actor{Name: CleanText(by.Name, 64), Terminal: CleanText(by.Terminal, 64)}
}
