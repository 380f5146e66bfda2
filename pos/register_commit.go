package pos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// commit assesses what was touched, stores everything in one transaction, and
// only then lets memory and subscribers know.
func (st *stage) commit(ctx context.Context) error {
	r := st.r
	tips := r.tips
	if st.tips != nil {
		tips = make(map[string]chain.TipState, len(r.tips)+1)
		for rail, t := range r.tips {
			tips[rail] = t
		}
		for rail, t := range st.tips {
			tips[rail] = t
		}
	}
	env := Env{Now: st.now, Policy: r.cfg.Policy, Tips: tips}
	handed := r.handedOver(st.now)
	var changes []Change
	var store []Sale
	for _, id := range st.order {
		rec := st.recs[id]
		was := rec.Sale.Outcome
		before := r.risk(rec.Record, st.now)
		env.UnconfirmedUsed = handed - before
		o := Assess(rec.Sale, rec.Payments, env)
		counted := rec.Record.count(o)
		// An outcome stands until what it was derived from changed: then it can
		// be derived again from what is stored, at the tip and time that it names.
		if rec.news = rec.news || len(counted) > 0 || !was.same(o); !rec.news {
			continue
		}
		for _, i := range counted {
			st.keep(rec.Payments[i])
		}
		rec.Record.judge(o)
		handed += r.risk(rec.Record, st.now) - before
		store = append(store, rec.Sale)
		st.judged(rec, was, o)
		if tells(was, o) {
			changes = append(changes, Change{At: st.now, SaleID: id, Number: rec.Sale.Number, Was: was.Status, Outcome: o})
			st.away(rec, was)
		}
	}
	st.last(tips)
	if st.fault != nil {
		return st.fault
	}
	st.stayAwake()
	if len(st.payments)+len(store)+len(st.entries)+len(st.meta) > 0 || st.cursorOf != "" {
		err := r.cfg.Store.Write(ctx, func(tx Tx) error { return st.write(tx, store, changes) })
		if r.kept(err); err != nil {
			return fmt.Errorf("what came in cannot be stored: %w", err)
		}
	}
	st.settle()
	return nil
}

// kept notes whether the store took what was written, for the board. What the
// store was asked for and does not have says nothing about it. The caller holds
// mu.
func (r *Register) kept(err error) {
	for _, other := range []error{ErrNoSale, ErrNoAddress, ErrNotNow, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			return
		}
	}
	if was := r.unkept; (was == nil) != (err == nil) {
		r.unkept = err
		r.publish()
	}
}

func (st *stage) write(tx Tx, sales []Sale, changes []Change) error {
	for _, p := range st.payments {
		if err := tx.PutPayment(p); err != nil {
			return err
		}
	}
	for _, s := range sales {
		if err := tx.PutSale(s); err != nil {
			return err
		}
	}
	for _, e := range st.entries {
		if _, err := tx.AppendJournal(e); err != nil {
			return err
		}
	}
	for _, c := range changes {
		callback := ""
		if rec := st.recs[c.SaleID]; rec != nil {
			callback = rec.Sale.Callback
		}
		if err := st.r.announce(tx, c, callback); err != nil {
			return err
		}
	}
	for name, value := range st.meta {
		if err := tx.PutMeta(name, value); err != nil {
			return err
		}
	}
	if st.cursorOf != "" {
		return tx.PutCursor(st.cursorOf, st.cursor)
	}
	return nil
}

// settle makes memory what the store is, and tells everybody.
func (st *stage) settle() {
	r := st.r
	r.lived(st.now)
	if st.awake {
		r.awake = st.now
	}
	for rail, t := range st.tips {
		r.tips[rail] = t
	}
	if st.cursorOf != "" {
		r.cursors[st.cursorOf] = st.cursor
	}
	var told []*entry
	for _, h := range st.health {
		told = append(told, r.feels(h.rail, h.health, st.now)...)
	}
	for _, id := range st.order {
		rec := st.recs[id]
		if !rec.news {
			continue
		}
		e := r.entries[id]
		if e == nil {
			e = &entry{watched: true}
			r.entries[id] = e
		}
		e.rec = rec.Record
		r.follow(e)
		told = append(told, e)
	}
	for rail, t := range st.tips {
		r.unwait(rail, t)
	}
	// Memory is whole before a rail is asked what a QR may hold.
	views := make([]View, 0, len(told))
	for _, e := range told {
		views = append(views, r.view(e))
	}
	if st.absence != nil {
		r.absence = st.absence
	}
	if st.lasting != nil {
		r.lasting = st.lasting
	}
	if len(views) > 0 || len(st.health) > 0 || len(st.tips) > 0 {
		r.publish(views...)
	}
	r.wakeSender()
}

// announce puts a change into the outbox and, where somebody wants to be called
// back, among the deliveries.
func (r *Register) announce(tx Tx, c Change, callback string) error {
	seq, err := tx.AppendOutbox(c)
	if err != nil {
		return err
	}
	if callback == "" {
		callback = r.cfg.Callback
	}
	if callback == "" {
		return nil
	}
	return tx.PutDelivery(Delivery{Seq: seq, SaleID: c.SaleID, URL: callback, State: DeliveryWaiting, Next: c.At})
}

// tells whether a change of outcome is news for the outbox.
func tells(was, is Outcome) bool {
	return was.Status != is.Status || was.Verdict != is.Verdict || was.Confirmations != is.Confirmations ||
		was.Received != is.Received || was.Missing != is.Missing || was.Over != is.Over || was.Asset != is.Asset
}

// same tells whether two outcomes say the same, whenever they were derived.
func (o Outcome) same(p Outcome) bool {
	return o.Status == p.Status && o.Verdict == p.Verdict && o.Reason.same(p.Reason) &&
		slices.EqualFunc(o.Notes, p.Notes, Reason.same) &&
		o.Asset == p.Asset && o.Quote == p.Quote && o.Due == p.Due && o.Received == p.Received &&
		o.Missing == p.Missing && o.Over == p.Over && o.Confirmations == p.Confirmations &&
		o.Needed == p.Needed && o.Tag == p.Tag && o.Next.Equal(p.Next)
}

func (r Reason) same(p Reason) bool {
	at := r.Block.Time.Equal(p.Block.Time)
	r.Block.Time, p.Block.Time = time.Time{}, time.Time{}
	return at && r == p
}

// handedOver is what sales were handed over before a block within the last
// hour, in minor units of the shop's cap.
func (r *Register) handedOver(now time.Time) (sum int64) {
	for id := range r.handed {
		if e := r.entries[id]; e != nil {
			sum += r.risk(e.rec, now)
		}
	}
	return sum
}

// risk is the part of handedOver that one sale has.
func (r *Register) risk(rec Record, now time.Time) int64 {
	q := rec.Sale.Outcome.Quote
	if q < 0 || q >= len(rec.Sale.Quotes) || !rec.handed(now) {
		return 0
	}
	if value := worth(rec.Sale, rec.Sale.Quotes[q], rec.Sale.Outcome.Received); value.Currency == r.cfg.Policy.UnconfirmedPerHour.Currency {
		return value.Minor
	}
	return 0
}

// handed tells whether a sale has money that was handed over on before a block
// within the last hour, and that was not PAID since.
func (rec Record) handed(now time.Time) bool {
	return slices.ContainsFunc(rec.Payments, func(p Payment) bool {
		return p.Counted != nil && !p.Counted.Paid && p.Counted.Block.IsZero() && now.Sub(p.Counted.At) < time.Hour
	})
}
