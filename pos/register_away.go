package pos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/chain"
)

// Names of small values in the store.
const (
	awayMeta  = "away"  // an Away that nobody has acknowledged
	awakeMeta = "awake" // when the register was last known to look
)

// MostAway bounds how many sales are named in an Away, which is written anew with
// each of them.
const MostAway = 500

const (
	// awakeEvery bounds how often the store learns that the register looks.
	awakeEvery = 30 * time.Second
	// cutFor is how long a rail must have been cut off for what comes then to
	// be told as missed: a hiccup is nobody's absence.
	cutFor = time.Minute
)

// loadAway reads what nobody has acknowledged yet, and since when nobody looked.
func (r *Register) loadAway(ctx context.Context) error {
	text, err := r.cfg.Store.Meta(ctx, awayMeta)
	if err != nil {
		return err
	}
	if text != "" {
		r.absence = &Away{}
		if err := json.Unmarshal([]byte(text), r.absence); err != nil {
			return fmt.Errorf("what happened while nobody looked is unreadable: %w", ErrDamaged)
		}
	}
	text, err = r.cfg.Store.Meta(ctx, awakeMeta)
	if err != nil || text == "" {
		return err
	}
	if r.asleep, err = time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("when the register last looked is unreadable: %w", ErrDamaged)
	}
	r.lived(r.asleep)
	newest, err := r.cfg.Store.Sales(ctx, Query{Limit: 1})
	if err != nil {
		return err
	}
	for _, rec := range newest {
		r.lived(rec.Sale.CreatedAt)
	}
	return nil
}

// feels takes a rail's health. It returns the sales whose codes may be drawn
// from now on: the rail has been caught up for the first time. The caller
// holds mu.
func (r *Register) feels(rail string, h chain.Health, now time.Time) (told []*entry) {
	r.health[rail] = h
	if !h.Usable() {
		if r.caught[rail] && r.cut[rail].IsZero() {
			r.cut[rail] = now
		}
		return nil
	}
	delete(r.cut, rail)
	if r.caught[rail] {
		return nil
	}
	r.caught[rail] = true
	r.wakeTimers()
	for id := range r.open {
		e := r.entries[id]
		if q, ok := e.rec.Sale.Quote(); ok && q.Rail == rail && e.watched {
			told = append(told, e)
		}
	}
	return told
}

// cutOff tells whether what a rail reports now happened while nobody looked.
// The caller holds mu.
func (r *Register) cutOff(rail string, now time.Time) bool {
	if !r.caught[rail] {
		return !r.asleep.IsZero() // the first start of a shop has missed nothing
	}
	since := r.cut[rail]
	return !since.IsZero() && now.Sub(since) >= cutFor
}

// away notes a changed sale that somebody should hear of later: money came, or
// something needs a person.
func (st *stage) away(rec *staged, was Outcome) {
	r, o := st.r, rec.Sale.Outcome
	ranOut := !was.Next.IsZero() && !was.Next.After(r.began) && !r.asleep.IsZero()
	if !st.missed && !ranOut || o.Received.IsZero() && o.Verdict != AskSupervisor {
		return
	}
	next := &Away{From: r.asleep}
	switch {
	case st.absence != nil:
		next = st.absence
	case r.absence != nil:
		next = r.absence.clone()
	case st.missed && !r.cut[st.cursorOf].IsZero():
		next.From = r.cut[st.cursorOf]
	}
	switch {
	case slices.Contains(next.Sales, rec.Sale.ID):
	case len(next.Sales) < MostAway:
		next.Sales = append(next.Sales, rec.Sale.ID)
	default:
		next.More++
	}
	next.Until = st.now
	st.absence = next
	text, err := json.Marshal(next)
	if err != nil {
		st.fault = err
		return
	}
	st.put(awayMeta, string(text))
}

// stayAwake notes from time to time, with what is written anyway, that the
// register looks.
func (st *stage) stayAwake() {
	r := st.r
	if len(st.tips) == 0 || st.now.Sub(r.awake) < awakeEvery && !st.now.Before(r.awake) {
		return
	}
	st.awake = true
	st.put(awakeMeta, st.now.UTC().Format(time.RFC3339))
}

func (a *Away) clone() *Away {
	if a == nil {
		return nil
	}
	c := *a
	c.Sales = slices.Clone(a.Sales)
	return &c
}

// Back acknowledges what happened while nobody looked: somebody has seen it.
func (r *Register) Back(ctx context.Context, by Actor) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.absence == nil {
		return nil
	}
	if err := r.cfg.Store.Write(ctx, func(tx Tx) error { return tx.PutMeta(awayMeta, "") }); err != nil {
		return fmt.Errorf("that it was seen cannot be stored: %w", err)
	}
	r.absence = nil
	r.log.Info("somebody has seen what came meanwhile", "by", CleanText(by.Name, 64))
	r.publish()
	return nil
}
