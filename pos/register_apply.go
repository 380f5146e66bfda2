package pos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// sink takes a rail's batches: everything is applied to copies, stored together
// with the cursor, and only then seen by anybody.
func (r *Register) sink(rail chain.Rail) chain.Sink {
	id := rail.ID()
	return func(ctx context.Context, events []chain.Event, cursor chain.Cursor) error {
		return r.contain(func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			st := r.stage(r.now())
			st.missed = r.cutOff(id, st.now)
			durable := false
			for _, e := range events {
				switch e.Kind {
				case chain.HealthChanged:
					st.health = append(st.health, railHealth{id, e.Health})
					continue
				case chain.Tip:
					st.setTip(id, e.Tip)
				default:
					if err := st.payment(ctx, rail, e); err != nil {
						return err
					}
				}
				durable = true
			}
			if durable || len(events) == 0 {
				st.cursorOf, st.cursor = id, cursor
			}
			return st.commit(ctx)
		})
	}
}

type railHealth struct {
	rail   string
	health chain.Health
}

// stage is a set of changes that are not stored yet. The register's mu is held
// for as long as it lives.
type stage struct {
	r        *Register
	now      time.Time
	recs     map[string]*staged // touched sales
	order    []string
	payments []Payment
	health   []railHealth
	tips     map[string]chain.TipState
	cursorOf string // rail whose cursor is written, "" = none
	cursor   chain.Cursor
	entries  []Entry             // of the journal, as they happened
	meta     map[string]string   // small values to be stored
	missed   bool                // it happened while nobody looked
	absence  *Away               // what is known of that now, nil = nothing new
	lasting  map[string]struct{} // closed sales that something is still to come of, nil = as before
	awake    bool                // the store learns that the register looks
	fault    error               // the first thing that could not be written down
}

// staged is a copy of a sale that is being changed.
type staged struct {
	Record
	news bool // a payment, an act or the outcome changed
}

func (r *Register) stage(now time.Time) *stage {
	return &stage{r: r, now: now, recs: make(map[string]*staged)}
}

// touch takes a sale in, to be assessed.
func (st *stage) touch(rec Record) *staged {
	if have := st.recs[rec.Sale.ID]; have != nil {
		return have
	}
	rec.Payments = slices.Clone(rec.Payments)
	s := &staged{Record: rec}
	st.recs[rec.Sale.ID] = s
	st.order = append(st.order, rec.Sale.ID)
	return s
}

// keep puts a payment among those to be stored, in the place that it has.
func (st *stage) keep(p Payment) {
	if i := slices.IndexFunc(st.payments, func(x Payment) bool { return x.Key == p.Key }); i >= 0 {
		st.payments[i] = p
	} else {
		st.payments = append(st.payments, p)
	}
}

// setTip moves a rail's tip and takes in the sales that wait for it.
func (st *stage) setTip(rail string, tip chain.TipState) {
	if st.tips == nil {
		st.tips = make(map[string]chain.TipState)
	}
	st.tips[rail] = tip
	if text, err := json.Marshal(tip); err != nil {
		st.fault = err
	} else {
		st.put(tipMeta(rail), string(text))
	}
	for id := range st.r.pending[rail] {
		if e := st.r.entries[id]; e != nil {
			st.touch(e.rec)
		}
	}
}

// payment applies one payment event.
func (st *stage) payment(ctx context.Context, rail chain.Rail, e chain.Event) error {
	rec, p, err := st.find(ctx, rail, e)
	if err != nil {
		return err
	}
	if !p.apply(e) {
		return nil
	}
	st.keep(p)
	st.enter(EntryEvent, p.SaleID, e)
	if rec == nil {
		st.r.log.Warn("money came to an address that no sale has shown", "payment", p.Key.String(), "amount", p.Amount.String())
		return nil
	}
	rec.news = true
	rec.Record.have(p)
	return nil
}

// put stores a small value with the rest.
func (st *stage) put(name, value string) {
	if st.meta == nil {
		st.meta = make(map[string]string)
	}
	st.meta[name] = value
}

// enter puts an entry into the journal with the rest.
func (st *stage) enter(kind EntryKind, sale string, body any) {
	e, err := entryOf(kind, sale, st.now, body)
	if err != nil && st.fault == nil {
		st.fault = err
	}
	st.entries = append(st.entries, e)
}

// judged writes down what a sale is judged to be.
func (st *stage) judged(rec *staged, was, o Outcome) {
	if was.same(o) {
		st.enter(EntryAgain, rec.Sale.ID, Judged{At: o.At, Tip: o.Tip, RefundTip: o.RefundTip, Next: o.Next})
		return
	}
	st.enter(EntryOutcome, rec.Sale.ID, o)
	bad := o.Status == Disputed || o.Status == Reversed
	if !bad || was.Status == o.Status || !was.Status.Settled() && was.Verdict != HandOver && was.Status != Disputed {
		return
	}
	incident := Incident{Was: was.Status, Is: o.Status, Reason: o.Reason, Amount: o.Reason.Amount, Cashier: rec.Sale.Cashier, Terminal: rec.Sale.Holder()}
	for i := range rec.Payments {
		if lost(&rec.Payments[i]) {
			incident.Payment = rec.Payments[i].Key.String()
		}
	}
	st.enter(EntryIncident, rec.Sale.ID, incident)
	st.r.log.Warn("money that goods were handed over for is in doubt", "sale", rec.Sale.Number, "status", string(o.Status), "payment", incident.Payment)
}

// find returns the payment that e is about, new if need be, and the sale that
// it belongs to, nil if there is none.
func (st *stage) find(ctx context.Context, rail chain.Rail, e chain.Event) (*staged, Payment, error) {
	fresh := Payment{Key: e.Key, To: e.Target, Asset: e.Asset, Amount: e.Amount}
	owner, err := st.owner(ctx, e.Target)
	if err != nil {
		return nil, fresh, err
	}
	if owner != nil {
		if i := slices.IndexFunc(owner.Payments, func(x Payment) bool { return x.Key == e.Key }); i >= 0 {
			return owner, owner.Payments[i], nil
		}
	}
	// Another sale that showed the same address before may have it.
	var old Payment
	i := slices.IndexFunc(st.payments, func(x Payment) bool { return x.Key == e.Key })
	ok := i >= 0
	if ok {
		old = st.payments[i]
	} else if old, ok, err = st.r.cfg.Store.Payment(ctx, e.Key); err != nil {
		return nil, fresh, err
	}
	if ok {
		if old.SaleID == "" {
			return nil, old, nil
		}
		rec, err := st.sale(ctx, old.SaleID)
		if err != nil {
			return nil, fresh, err
		}
		return rec, old, nil
	}
	if owner == nil {
		return nil, fresh, nil
	}
	if fresh.Refund = owner.Sale.paysBack(e.Target); fresh.Refund {
		if owner.notBack(e) {
			return nil, Payment{Key: e.Key, Rev: e.Rev}, nil // nobody's business: apply takes it for a repetition
		}
		fresh.SaleID = owner.Sale.ID
		return owner, fresh, nil
	}
	// Where addresses are used again, money that was made before this sale
	// belongs to an earlier one.
	if rail.Account().Cooldown > 0 && !e.Block.Time.IsZero() && e.Kind == chain.Included && e.Block.Time.Before(owner.Sale.CreatedAt.Add(-time.Minute)) {
		if earlier, err := st.earlier(ctx, e.Target, e.Block.Time); err != nil {
			return nil, fresh, err
		} else if earlier != nil {
			owner = earlier
		}
	}
	fresh.SaleID = owner.Sale.ID
	return owner, fresh, nil
}

// notBack tells whether what reached a customer's address is not the shop's: the
// change of the very payment that came, or what was in a block before anybody
// spoke of a refund.
func (s *staged) notBack(e chain.Event) bool {
	if slices.ContainsFunc(s.Payments, func(p Payment) bool { return !p.Refund && p.Key.TxID == e.Key.TxID }) {
		return true
	}
	if e.Kind == chain.Seen {
		return false
	}
	for _, a := range s.Sale.Acts {
		if a.Refund != nil && a.Refund.To == e.Target {
			return e.Block.Height <= a.Refund.Since
		}
	}
	return false
}

// owner takes in the newest sale that showed an address, nil if there is none.
func (st *stage) owner(ctx context.Context, to chain.Destination) (*staged, error) {
	id, ok := st.r.byDest[to]
	if !ok {
		k, found, err := st.r.cfg.Store.Owner(ctx, to)
		if err != nil || !found {
			return nil, err
		}
		id = k.SaleID
	}
	return st.sale(ctx, id)
}

// earlier takes in the sale that showed an address at a time.
func (st *stage) earlier(ctx context.Context, to chain.Destination, at time.Time) (*staged, error) {
	recs, err := st.r.cfg.Store.Sales(ctx, Query{Text: string(to), Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, rec := range recs { // newest first
		if !rec.Sale.CreatedAt.After(at) {
			return st.sale(ctx, rec.Sale.ID)
		}
	}
	return nil, nil
}

func (st *stage) sale(ctx context.Context, id string) (*staged, error) {
	if have := st.recs[id]; have != nil {
		return have, nil
	}
	if e := st.r.entries[id]; e != nil {
		return st.touch(e.rec), nil
	}
	rec, err := st.r.cfg.Store.Sale(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("sale %s cannot be read: %w", id, err)
	}
	return st.touch(rec), nil
}
