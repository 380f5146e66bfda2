package pos

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// KeepFor is how long a closed sale stays in memory: screens show it, and its
// next events are likely.
const KeepFor = time.Hour

// follow keeps the sets of sales that are open, that a new tip of a rail may
// change, that the clock may change, and that were handed over before a block.
// The caller holds mu.
func (r *Register) follow(e *entry) {
	s := e.rec.Sale
	if s.Outcome.Status.Closed() {
		delete(r.open, s.ID)
		r.at(s.ClosedAt.Add(KeepFor), e)
	} else {
		r.open[s.ID] = struct{}{}
	}
	if next := s.Outcome.Next; !next.IsZero() {
		r.at(next, e)
	}
	for rail, waiting := range r.pending {
		if e.rec.waits(rail, r.tips[rail]) {
			waiting[s.ID] = struct{}{}
		} else {
			delete(waiting, s.ID)
		}
	}
	if e.rec.handed(r.now()) {
		r.handed[s.ID] = struct{}{}
	} else {
		delete(r.handed, s.ID)
	}
}

// waits tells whether a later tip of a rail may change a sale: one of its
// payments there is short of what its tier needs, or a dispute may become final.
func (rec Record) waits(rail string, tip chain.TipState) bool {
	o := rec.Sale.Outcome
	for i := range rec.Payments {
		p := &rec.Payments[i]
		switch {
		case string(p.Key.Network) != rail:
		case o.Status == Disputed,
			o.Needed > 0 && p.State == Included && !confirmed(p, tip, Tier{Tag: o.Tag}, o.Needed):
			return true
		}
	}
	return false
}

// lastingMeta names, in the store, the ids of closed sales that something is
// still to come of: a new tip may change them, as a second payment is not deep
// enough yet, or money is to go back of what somebody accepted.
const lastingMeta = "lasting"

// loadLasting takes closed sales into memory that something is still to come of.
func (r *Register) loadLasting(ctx context.Context) error {
	text, err := r.cfg.Store.Meta(ctx, lastingMeta)
	if err != nil || text == "" {
		return err
	}
	var ids []string
	if err := json.Unmarshal([]byte(text), &ids); err != nil {
		return fmt.Errorf("which closed sales wait for blocks is unreadable: %w", ErrDamaged)
	}
	for _, id := range ids {
		r.lasting[id] = struct{}{}
		if r.entries[id] != nil {
			continue
		}
		rec, err := r.cfg.Store.Sale(ctx, id)
		if err != nil {
			return fmt.Errorf("sale %s cannot be read: %w", id, err)
		}
		if !r.lasts(rec, r.tips) || r.began.Sub(rec.Sale.ClosedAt) >= hotFor && !r.owes(rec) {
			delete(r.lasting, id)
			continue
		}
		e := &entry{rec: rec, watched: true}
		r.entries[id] = e
		r.follow(e)
	}
	return nil
}

// lasts tells whether something is still to come of a sale, though it is closed.
func (r *Register) lasts(rec Record, tips map[string]chain.TipState) bool {
	o := rec.Sale.Outcome
	if !o.Status.Closed() {
		return false
	}
	for rail := range r.pending {
		if rec.waits(rail, tips[rail]) {
			return true
		}
	}
	// Those that are REFUNDED are found by that.
	return o.Status != Refunded && len(rec.Sale.refunds()) > 0
}

// owes tells whether a refund of a sale has not gone back for sure.
func (r *Register) owes(rec Record) bool {
	a := assessor{sale: rec.Sale, env: Env{Now: r.began, Policy: r.cfg.Policy, Tips: r.tips}}
	a.pays, a.out = split(rec.Payments)
	return len(a.owes().pending) > 0
}

// last notes, to be stored with the rest, which closed sales last: after a restart they would be forgotten otherwise.
func (st *stage) last(tips map[string]chain.TipState) {
	next := maps.Clone(st.r.lasting)
	changed := false
	for _, id := range st.order {
		waits := st.r.lasts(st.recs[id].Record, tips)
		if _, had := next[id]; waits == had {
			continue
		}
		changed = true
		if waits {
			next[id] = struct{}{}
		} else {
			delete(next, id)
		}
	}
	if !changed {
		return
	}
	text, err := json.Marshal(slices.Sorted(maps.Keys(next)))
	if err != nil {
		st.fault = err
		return
	}
	st.put(lastingMeta, string(text))
	st.lasting = next
}

// unwait lets go of sales that a tip has brought to the end of their waiting.
// The caller holds mu.
func (r *Register) unwait(rail string, tip chain.TipState) {
	for id := range r.pending[rail] {
		e := r.entries[id]
		if e != nil && e.rec.waits(rail, tip) {
			continue
		}
		delete(r.pending[rail], id)
		if e != nil && e.rec.Sale.Outcome.Status.Closed() {
			r.at(e.rec.Sale.ClosedAt.Add(KeepFor), e) // forget it now, or then
		}
	}
}

// forget drops a sale from memory when nothing is likely to change it. It is
// read from the store again when something does.
func (r *Register) forget(e *entry) {
	s := e.rec.Sale
	if !s.Outcome.Status.Closed() || !s.Outcome.Next.IsZero() {
		return
	}
	for _, waiting := range r.pending {
		if _, ok := waiting[s.ID]; ok {
			return // unwait sets a new timer
		}
	}
	if r.now().Sub(s.ClosedAt) >= KeepFor {
		delete(r.entries, s.ID)
		delete(r.handed, s.ID)
	}
}
