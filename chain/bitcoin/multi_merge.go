package bitcoin

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cointill/till/chain"
)

// view is what one way says.
type view struct {
	name      string
	seq       uint64 // the way's own last Rev
	ring      []chain.BlockRef
	pays      map[chain.PaymentKey]*held
	conflicts []chain.Event // to be passed on
	ended     bool

	well   bool      // at the last look …
	since  time.Time // … and since when
	differ time.Time // since when it contradicts the lead
}

// held is one payment as a way knows it.
type held struct {
	last  chain.Event // that says where it is: Seen, Included, Retracted, Failed, Gone
	proof chain.Proof
}

// apply takes one event of a way.
func (v *view) apply(e chain.Event) {
	switch e.Kind {
	case chain.Tip, chain.HealthChanged:
		return
	case chain.Conflict:
		v.conflicts = append(v.conflicts, e)
		return
	case chain.Seen, chain.Evidence, chain.Included, chain.Retracted, chain.Failed, chain.Gone:
	}
	h := v.pays[e.Key]
	if h == nil {
		h = &held{}
		v.pays[e.Key] = h
	}
	if e.Kind == chain.Seen || e.Kind == chain.Evidence {
		h.proof = e.Evidence
	}
	if e.Kind != chain.Evidence || h.last.Kind == 0 {
		if e.Kind == chain.Evidence {
			e.Kind = chain.Seen
		}
		h.last = e
	}
}

// delivered is what the register has.
type delivered struct {
	ring   []chain.BlockRef
	agreed uint64
	pays   map[chain.PaymentKey]*handed
}

// handed is one payment as it was delivered.
type handed struct {
	last   chain.Event
	proof  chain.Proof
	fought map[string]bool // conflicts that were passed on
}

// reconcile brings the delivered state to what the ways say, and returns the
// events that take the register there.
func (m *Multi) reconcile() []chain.Event {
	m.pick()
	lead := m.views[m.lead]
	events := m.follow(lead)
	moved := len(events) > 0 || m.moveOn(lead)
	events = append(events, m.include(lead)...)
	events = append(events, m.pending()...)
	agreed := m.agreed()
	if n := len(m.out.ring); n > 0 && (moved || agreed != m.out.agreed) {
		m.out.agreed = agreed
		events = append(events, chain.Event{Kind: chain.Tip, Tip: chain.TipState{Block: m.out.ring[n-1], Agreed: agreed}})
	}
	m.prune()
	return events
}

// pick chooses the lead: the first that is well, without haste.
func (m *Multi) pick() {
	now := m.cfg.Now()
	for i, v := range m.views {
		if well := !v.ended && m.cfg.Ways[i].Watcher.Health().Usable(); well != v.well {
			v.well, v.since = well, now
		}
	}
	if v := m.views[m.lead]; !v.well && now.Sub(v.since) < m.settle {
		return
	}
	for i, v := range m.views {
		if m.cfg.Ways[i].Helper || !v.well || len(v.ring) == 0 || i == m.lead {
			continue
		}
		if !m.views[m.lead].well || i < m.lead && now.Sub(v.since) >= m.settle {
			m.log.Warn("Bitcoin's blocks are now read in another way", "way", v.name, "before", m.views[m.lead].name)
			m.lead = i
			return
		}
	}
}

func at(ring []chain.BlockRef, height uint64) (chain.BlockRef, bool) {
	if len(ring) == 0 || height < ring[0].Height || height-ring[0].Height >= uint64(len(ring)) {
		return chain.BlockRef{}, false
	}
	return ring[height-ring[0].Height], true
}

func holdsBlock(ring []chain.BlockRef, b chain.BlockRef) bool {
	have, ok := at(ring, b.Height)
	return ok && have.Hash == b.Hash
}

// fork is the highest block that two rings have in common.
func fork(a, b []chain.BlockRef) (chain.BlockRef, bool) {
	for _, block := range slices.Backward(a) {
		if holdsBlock(b, block) {
			return block, true
		}
	}
	return chain.BlockRef{}, false
}

// follow retracts what the lead's chain no longer holds, high to low, and takes
// those blocks out of the ring.
func (m *Multi) follow(lead *view) []chain.Event {
	out := m.out.ring
	if len(out) == 0 || len(lead.ring) == 0 {
		return nil
	}
	top, head := out[len(out)-1], lead.ring[len(lead.ring)-1]
	if holdsBlock(lead.ring, top) || holdsBlock(out, head) || lead.ring[0].Height > top.Height {
		return nil // the same, behind, or far ahead
	}
	if head.Height < top.Height {
		return nil // another branch with less on it: not before it has grown
	}
	common, ok := fork(out, lead.ring)
	keep := 0
	if ok {
		keep = int(common.Height-out[0].Height) + 1
	}
	var events []chain.Event
	for _, block := range slices.Backward(out[keep:]) {
		events = append(events, m.retract(block)...)
	}
	m.out.ring = slices.Clone(out[:keep])
	return events
}

// retract reports a block's payments as out of the chain.
func (m *Multi) retract(block chain.BlockRef) []chain.Event {
	var events []chain.Event
	for _, p := range m.sorted(func(p *handed) bool { return p.last.Kind == chain.Included && p.last.Block.Hash == block.Hash }) {
		e := p.last
		e.Kind = chain.Retracted
		p.last = e
		events = append(events, e)
	}
	return events
}

// moveOn appends the lead's blocks to the ring.
func (m *Multi) moveOn(lead *view) bool {
	if len(lead.ring) == 0 {
		return false
	}
	out, head := m.out.ring, lead.ring[len(lead.ring)-1]
	switch n := len(out); {
	case n == 0 || lead.ring[0].Height > out[n-1].Height:
		m.out.ring = lead.ring
		return true
	case holdsBlock(out, head) || !holdsBlock(lead.ring, out[n-1]):
		return false
	default:
		rest := lead.ring[out[n-1].Height-lead.ring[0].Height+1:]
		if len(rest) == 0 {
			return false
		}
		ring := append(slices.Clone(out), rest...)
		m.out.ring = ring[max(0, len(ring)-chain.RingSize):]
		return true
	}
}

// include reports the lead's payments in blocks that the ring holds, or that lie
// below it.
func (m *Multi) include(lead *view) []chain.Event {
	if len(m.out.ring) == 0 {
		return nil
	}
	var fresh []chain.Event
	for key, h := range lead.pays {
		e := h.last
		if e.Kind != chain.Included || !holdsBlock(m.out.ring, e.Block) && e.Block.Height >= m.out.ring[0].Height {
			continue
		}
		if p := m.out.pays[key]; p != nil && p.last.Kind == chain.Included {
			continue // follow has taken it out if its block is gone
		}
		fresh = append(fresh, e)
	}
	slices.SortFunc(fresh, byPlace)
	for _, e := range fresh {
		m.give(e).last = e
	}
	return fresh
}

func byPlace(a, b chain.Event) int {
	return cmp.Or(cmp.Compare(a.Block.Height, b.Block.Height), strings.Compare(string(a.Key.TxID), string(b.Key.TxID)), cmp.Compare(a.Key.Index, b.Key.Index))
}

func (m *Multi) give(e chain.Event) *handed {
	p := m.out.pays[e.Key]
	if p == nil {
		p = &handed{fought: map[string]bool{}}
		m.out.pays[e.Key] = p
	}
	return p
}

// sorted lists delivered payments in a stable order.
func (m *Multi) sorted(want func(*handed) bool) []*handed {
	var list []*handed
	for _, p := range m.out.pays {
		if want(p) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *handed) int { return byPlace(a.last, b.last) })
	return list
}

// pending reports what is not in a block: seen by any way, contradicted by any
// (in a block only by the lead), and gone once nobody holds it.
func (m *Multi) pending() []chain.Event {
	type voice struct {
		open  bool // somebody holds it, or says that it is mined already
		seen  bool
		gone  *chain.Event
		proof chain.Proof
		event chain.Event
	}
	voices := map[chain.PaymentKey]*voice{}
	for _, v := range m.views {
		for key, h := range v.pays {
			if p := m.out.pays[key]; p != nil && p.last.Kind == chain.Included {
				continue
			}
			w := voices[key]
			if w == nil {
				w = &voice{event: h.last}
				voices[key] = w
			}
			switch h.last.Kind {
			case chain.Seen:
				w.open, w.seen, w.event = true, true, h.last
				w.proof = merge(w.proof, h.proof)
			case chain.Included:
				w.open = true
			case chain.Gone:
				if w.gone == nil || w.gone.By == "" {
					gone := h.last
					w.gone = &gone
				}
			}
		}
	}
	var events []chain.Event
	for _, key := range sortedKeys(voices) {
		w := voices[key]
		p := m.out.pays[key]
		if !w.seen {
			continue
		}
		e := w.event
		e.Evidence = w.proof
		switch {
		case p == nil || p.last.Kind != chain.Seen:
			e.Kind = chain.Seen
			p = m.give(e)
			p.last, p.proof = e, w.proof
			events = append(events, e)
		case p.proof != w.proof:
			e.Kind = chain.Evidence
			p.proof = w.proof
			events = append(events, e)
		}
	}
	events = append(events, m.fights()...)
	for _, key := range sortedKeys(voices) {
		w, p := voices[key], m.out.pays[key]
		if p == nil || w.open || w.gone == nil || p.last.Kind == chain.Gone {
			continue
		}
		e := *w.gone
		p.last = e
		events = append(events, e)
	}
	return events
}

func sortedKeys[V any](m map[chain.PaymentKey]V) []chain.PaymentKey {
	keys := make([]chain.PaymentKey, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b chain.PaymentKey) int {
		return cmp.Or(strings.Compare(string(a.TxID), string(b.TxID)), cmp.Compare(a.Index, b.Index))
	})
	return keys
}

// fights passes on who contradicts a payment, each once. That it is in a block
// counts where the lead has that block: ways prove what they put there.
func (m *Multi) fights() []chain.Event {
	if len(m.out.ring) == 0 {
		return nil
	}
	var events []chain.Event
	head := m.out.ring[len(m.out.ring)-1].Height
	for _, v := range m.views {
		list := v.conflicts
		v.conflicts = nil
		for _, e := range list {
			p := m.out.pays[e.Key]
			switch {
			case p == nil || p.last.Kind == chain.Included:
				continue
			case !e.Block.IsZero() && e.Block.Height > head && len(v.conflicts) < maxOpen:
				v.conflicts = append(v.conflicts, e) // the lead is about to read it
				continue
			case !holdsBlock(m.out.ring, e.Block):
				e.Block = chain.BlockRef{}
			}
			if id := string(e.By) + "/" + e.Block.Hash; !p.fought[id] && len(p.fought) < 2*maxRivals {
				p.fought[id] = true
				events = append(events, e)
			}
		}
	}
	return events
}

// merge joins what two ways know of a payment.
func merge(a, b chain.Proof) chain.Proof {
	if a == (chain.Proof{}) {
		return b
	}
	out := chain.Proof{
		Announcers: a.Announcers + b.Announcers, Of: a.Of + b.Of, Groups: a.Groups + b.Groups, OwnNode: a.OwnNode || b.OwnNode,
		Replaceable: a.Replaceable || b.Replaceable, Ancestors: max(a.Ancestors, b.Ancestors),
		Standard: a.Standard && b.Standard, Conflicted: a.Conflicted || b.Conflicted,
	}
	if out.FeeRate, out.Within = a.FeeRate, a.Within; out.FeeRate == 0 {
		out.FeeRate, out.Within = b.FeeRate, b.Within
	}
	return out
}

// agreed is the highest block that no way contradicts.
func (m *Multi) agreed() uint64 {
	n := len(m.out.ring)
	if n == 0 {
		return 0
	}
	agreed := m.out.ring[n-1].Height
	now := m.cfg.Now()
	for i, v := range m.views {
		if i == m.lead || len(v.ring) == 0 || !v.well {
			v.differ = time.Time{}
			continue
		}
		head := v.ring[len(v.ring)-1]
		height := min(head.Height, m.out.ring[n-1].Height)
		mine, ok1 := at(m.out.ring, height)
		theirs, ok2 := at(v.ring, height)
		differs := ok1 && ok2 && mine.Hash != theirs.Hash
		if differs {
			common, _ := fork(m.out.ring, v.ring)
			agreed = min(agreed, common.Height)
		}
		if differs || m.invents(v) {
			if v.differ.IsZero() {
				v.differ = now
			}
		} else {
			v.differ = time.Time{}
		}
	}
	return agreed
}

// invents tells whether a way puts a payment into a block of the ring in which
// the lead found none.
func (m *Multi) invents(v *view) bool {
	for key, h := range v.pays {
		if h.last.Kind == chain.Included && holdsBlock(m.out.ring, h.last.Block) {
			if p := m.out.pays[key]; p == nil || p.last.Kind != chain.Included {
				return true
			}
		}
	}
	return false
}

// prune forgets what is mined below the rings, and what is long gone.
func (m *Multi) prune() {
	if len(m.out.ring) == 0 {
		return
	}
	lowest, now := m.out.ring[0].Height, m.cfg.Now()
	for key, p := range m.out.pays {
		if p.last.Kind == chain.Included && p.last.Block.Height < lowest {
			below := true
			for _, v := range m.views {
				below = below && (len(v.ring) == 0 || v.ring[0].Height > p.last.Block.Height)
			}
			if below {
				m.forget(key)
			}
		}
		if p.last.Kind == chain.Gone && now.Sub(p.last.At) > 14*24*time.Hour && !p.last.At.IsZero() {
			m.forget(key)
		}
	}
}

func (m *Multi) forget(key chain.PaymentKey) {
	delete(m.out.pays, key)
	for _, v := range m.views {
		delete(v.pays, key)
	}
}
