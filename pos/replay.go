package pos

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// have puts a payment among those of a sale, in the order in which the store
// keeps them: the watchers of several chains are not in step.
func (rec *Record) have(p Payment) {
	if i := slices.IndexFunc(rec.Payments, func(x Payment) bool { return x.Key == p.Key }); i >= 0 {
		rec.Payments[i] = p
		return
	}
	rec.Payments = append(rec.Payments, p)
	slices.SortStableFunc(rec.Payments, func(a, b Payment) int { return a.FirstAt.Compare(b.FirstAt) })
}

// count notes which payments carried PAID, or a HAND OVER that was shown, and
// returns the places of those that it changed.
func (rec *Record) count(o Outcome) (changed []int) {
	paid := o.Status == Paid || o.Status == Overpaid
	if !paid && o.Verdict != HandOver {
		return nil
	}
	for i := range rec.Payments {
		p := &rec.Payments[i]
		if p.Refund || !p.Live() || (paid && p.State != Included) {
			continue
		}
		// What a person accepted may be in a coin that was not asked for.
		if p.Asset != o.Asset && o.Status != Accepted {
			continue
		}
		// A payment that carries PAID again from another block is at home there.
		if p.Counted != nil && (!paid || (p.Counted.Paid && p.Counted.Block.Hash == p.Block.Hash)) {
			continue
		}
		c := Counted{At: o.At, Tip: o.Tip, Paid: paid, Block: p.Block, Aside: p.Asset != o.Asset}
		if p.Counted != nil {
			c.At, c.Tip = p.Counted.At, p.Counted.Tip
		}
		p.Counted = &c
		changed = append(changed, i)
	}
	return changed
}

// judge gives a sale a new outcome.
func (rec *Record) judge(o Outcome) {
	was := rec.Sale.Outcome.Status
	rec.Sale.Outcome = o
	switch {
	case !o.Status.Closed():
		rec.Sale.ClosedAt = time.Time{}
	case !was.Closed():
		rec.Sale.ClosedAt = o.At
	}
}

// Replay rebuilds sales from their entries of the journal, added in order.
type Replay struct {
	sales map[string]*Record
	loose map[chain.PaymentKey]*Payment // money that is nobody's
}

// NewReplay makes an empty one.
func NewReplay() *Replay {
	return &Replay{sales: make(map[string]*Record), loose: make(map[chain.PaymentKey]*Payment)}
}

// Add takes the next entry. Its error wraps ErrDamaged and names the entry.
func (r *Replay) Add(e Entry) error {
	if err := r.add(e); err != nil {
		return fmt.Errorf("%w: entry %d of the journal does not fit what was before it: %w", ErrDamaged, e.Seq, err)
	}
	return nil
}

func (r *Replay) add(e Entry) error {
	switch e.Kind {
	case EntrySale:
		return r.begin(e, func(rec *Record) error { return json.Unmarshal(e.Body, &rec.Sale) })
	case EntrySnapshot:
		return r.begin(e, func(rec *Record) error { return json.Unmarshal(e.Body, rec) })
	case EntryShop, EntryIncident:
		return nil
	}
	rec := r.sales[e.Sale]
	if e.Kind == EntryEvent {
		return r.event(rec, e)
	}
	if rec == nil {
		return fmt.Errorf("its sale was never rung up")
	}
	switch e.Kind {
	case EntryQuote:
		var q Quoted
		if err := json.Unmarshal(e.Body, &q); err != nil {
			return err
		}
		if q.Address != nil {
			rec.Sale.Addresses = append(rec.Sale.Addresses, *q.Address)
		}
		rec.Sale.Quotes = append(rec.Sale.Quotes, q.Quote)
	case EntryAct:
		var a Act
		if err := json.Unmarshal(e.Body, &a); err != nil {
			return err
		}
		rec.Sale.Acts = append(rec.Sale.Acts, a)
	case EntryOutcome:
		var o Outcome
		if err := json.Unmarshal(e.Body, &o); err != nil {
			return err
		}
		rec.count(o)
		rec.judge(o)
	case EntryAgain:
		var j Judged
		if err := json.Unmarshal(e.Body, &j); err != nil {
			return err
		}
		o := rec.Sale.Outcome
		o.At, o.Tip, o.RefundTip, o.Next = j.At, j.Tip, j.RefundTip, j.Next
		rec.count(o)
		rec.judge(o)
	default:
		return fmt.Errorf("its kind %.40q is not known", string(e.Kind))
	}
	return nil
}

// begin takes in a sale that is new.
func (r *Replay) begin(e Entry, read func(*Record) error) error {
	if r.sales[e.Sale] != nil {
		return fmt.Errorf("its sale was rung up before")
	}
	rec := &Record{}
	if err := read(rec); err != nil {
		return err
	}
	if rec.Sale.ID != e.Sale {
		return fmt.Errorf("it holds another sale")
	}
	r.sales[e.Sale] = rec
	return nil
}

func (r *Replay) event(rec *Record, e Entry) error {
	var event chain.Event
	if err := json.Unmarshal(e.Body, &event); err != nil {
		return err
	}
	p := Payment{Key: event.Key, SaleID: e.Sale, To: event.Target, Asset: event.Asset, Amount: event.Amount}
	switch {
	case e.Sale == "":
		if have := r.loose[event.Key]; have != nil {
			p = *have
		}
	case rec == nil:
		return fmt.Errorf("its sale was never rung up")
	default:
		p.Refund = rec.Sale.paysBack(event.Target)
		if i := slices.IndexFunc(rec.Payments, func(x Payment) bool { return x.Key == event.Key }); i >= 0 {
			p = rec.Payments[i]
		}
	}
	if !p.apply(event) {
		return fmt.Errorf("the payment was further by then")
	}
	if e.Sale == "" {
		r.loose[event.Key] = &p
		return nil
	}
	rec.have(p)
	return nil
}

// Record is a sale as far as it was rebuilt; false if none of its entries was.
func (r *Replay) Record(id string) (Record, bool) {
	if rec := r.sales[id]; rec != nil {
		return *rec, true
	}
	return Record{}, false
}

// Forget lets go of a sale that was compared, so that memory does not grow with
// the history.
func (r *Replay) Forget(id string) { delete(r.sales, id) }

// Sales lists the ids of the sales that were rebuilt.
func (r *Replay) Sales() []string {
	ids := make([]string, 0, len(r.sales))
	for id := range r.sales {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Loose lists payments to addresses that no sale had shown.
func (r *Replay) Loose() []Payment {
	list := make([]Payment, 0, len(r.loose))
	for _, p := range r.loose {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Payment) int { return a.FirstAt.Compare(b.FirstAt) })
	return list
}
