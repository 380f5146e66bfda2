package bitcoin

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// Bounds on what relay peers can make us remember and ask for.
const (
	maxKnown    = 20_000 // transactions of about the last hour on mainnet
	maxInflight = 500    // asked of one peer and not answered yet
	maxOffers   = 32     // announcers remembered per transaction
)

// sight is a transaction that relay peers announced.
type sight struct {
	offers  []*link // announcers, first one first
	next    int     // the first of offers that was not asked yet
	asked   *link   // who is asked at present
	until   time.Time
	have    bool
	again   bool      // had, but looked at before some target was watched
	old     bool      // one of very many that were announced at once
	record  *record   // it pays us
	rivalOf []*record // it spends what these payments spend
}

// offeredBy tells whether l announced it already.
func (s *sight) offeredBy(l *link) bool {
	return slices.ContainsFunc(s.offers, func(o *link) bool { return o.addr == l.addr })
}

// wanted tells whether the transaction is to be fetched.
func (s *sight) wanted() bool { return !s.have || s.again }

// note is something that the relay found out about a payment.
type note struct {
	fresh  *record // a payment that was never seen
	grown  *record // a payment that one more peer announced
	victim *record // a payment whose coins …
	rival  chainhash.Hash
}

// hub collects what relay peers say. Peers call it from their own goroutines;
// the run takes its notes.
type hub struct {
	w *Watcher

	mu     sync.Mutex
	links  map[*link]bool // shaken hands with
	known  map[chainhash.Hash]*sight
	order  []chainhash.Hash // ring of known, oldest at head
	head   int
	asked  map[chainhash.Hash]*sight
	later  []chainhash.Hash // to be asked for once a peer has answered enough
	notes  []note
	signal chan struct{} // notes, links or announced blocks changed
	joined atomic.Int32  // len(links)
	nonces map[uint64]bool
	pool   *pool
	rush   chan struct{} // closed when pauses between dialling should end
	asleep bool          // nobody needs the relay
	roused time.Time     // when somebody did again
}

func newHub(w *Watcher) *hub {
	h := &hub{w: w, signal: make(chan struct{}, 1)}
	h.clear()
	return h
}

func (h *hub) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links, h.known, h.asked = map[*link]bool{}, map[chainhash.Hash]*sight{}, map[chainhash.Hash]*sight{}
	h.order, h.head, h.notes, h.later = nil, 0, nil, nil
	h.nonces = map[uint64]bool{}
	h.pool = newPool()
	h.rush = make(chan struct{})
	h.asleep, h.roused = false, time.Time{}
}

func (h *hub) wake() {
	select {
	case h.signal <- struct{}{}:
	default:
	}
}

// count is the number of peers that relay transactions to us. It takes no lock,
// so it may be called with the book's.
func (h *hub) count() int { return int(h.joined.Load()) }

// join counts a peer in after its handshake; leave counts it out.
func (h *hub) join(l *link) {
	h.mu.Lock()
	h.links[l] = true
	h.joined.Store(int32(len(h.links)))
	h.askMempool(l)
	h.mu.Unlock()
	h.wake()
}

func (h *hub) leave(l *link) {
	h.mu.Lock()
	delete(h.links, l)
	h.joined.Store(int32(len(h.links)))
	for txid, s := range h.asked {
		if s.asked == l {
			h.askNext(txid, s)
		}
	}
	h.mu.Unlock()
	h.wake()
}

// remember makes room and notes a new transaction.
func (h *hub) remember(txid chainhash.Hash) *sight {
	s := &sight{}
	if len(h.order) < maxKnown {
		h.order = append(h.order, txid)
	} else {
		old := h.order[h.head]
		h.drop(old)
		h.order[h.head] = txid
		h.head = (h.head + 1) % maxKnown
	}
	h.known[txid] = s
	return s
}

// drop forgets a transaction. Whoever is asked for it at present is asked for
// one less, and may still answer.
func (h *hub) drop(txid chainhash.Hash) {
	if s := h.known[txid]; s != nil && s.asked != nil {
		s.asked.inflight--
		s.asked.owed++
		s.asked = nil
	}
	delete(h.known, txid)
	delete(h.asked, txid)
}

// inv takes a peer's announcements.
func (h *hub) inv(l *link, msg *wire.MsgInv) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news, fresh := false, 0
	for _, iv := range msg.InvList {
		switch iv.Type {
		case wire.InvTypeBlock, wire.InvTypeWitnessBlock:
			l.block, l.blockAt = iv.Hash, h.w.cfg.Now()
			news = true
		case wire.InvTypeTx, wire.InvTypeWitnessTx:
			s := h.known[iv.Hash]
			if s == nil {
				if fresh++; fresh > maxBackfill {
					continue
				}
				s = h.remember(iv.Hash)
				s.old = fresh > maxFreshPerInv
			}
			if i := slices.IndexFunc(s.offers, func(o *link) bool { return o.addr == l.addr }); i >= 0 {
				// It lost the connection before it answered, or is asked again.
				if (s.offers[i] != l || s.again) && s.wanted() {
					s.offers[i], s.next = l, min(s.next, i)
					if s.asked == nil {
						h.askNext(iv.Hash, s)
					}
				}
				continue
			}
			if len(s.offers) >= maxOffers {
				continue
			}
			s.offers = append(s.offers, l)
			if s.wanted() && s.asked == nil {
				h.askNext(iv.Hash, s)
			}
			if h.vouch(iv.Hash, s, l) {
				news = true
			}
		}
	}
	if news {
		h.wake()
	}
}

// vouch adds a peer's word to a payment, or to what contradicts one.
func (h *hub) vouch(txid chainhash.Hash, s *sight, l *link) (news bool) {
	if s.record == nil && len(s.rivalOf) == 0 {
		return false
	}
	b := h.w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := s.record; r != nil && r.open() && r.offered != nil && r.offered[l.addr] == "" {
		r.offered[l.addr] = l.group
		h.notes = append(h.notes, note{grown: r})
		news = true
	}
	for _, r := range s.rivalOf {
		if set := r.rivals[txid]; set != nil && r.open() && !set[l.addr] {
			set[l.addr] = true
			h.notes = append(h.notes, note{victim: r, rival: txid})
			news = true
		}
	}
	return news
}

// askNext asks the first announcer that was not asked yet and still listens.
func (h *hub) askNext(txid chainhash.Hash, s *sight) {
	if s.asked != nil {
		s.asked.inflight--
		s.asked = nil
	}
	delete(h.asked, txid)
	for s.next < len(s.offers) {
		l := s.offers[s.next]
		if h.links[l] && l.busy(s.old) {
			if len(h.later) < maxKnown {
				h.later = append(h.later, txid)
			}
			return
		}
		s.next++
		if !h.links[l] {
			continue
		}
		get := wire.NewMsgGetDataSizeHint(1)
		if get.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessTx, &txid)) != nil || !l.send(get) {
			continue
		}
		l.inflight++
		s.asked, s.until = l, h.w.cfg.Now().Add(h.w.tune.request)
		h.asked[txid] = s
		return
	}
}

// expire asks somebody else for what was not answered in time.
func (h *hub) expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.w.cfg.Now()
	for txid, s := range h.asked {
		if now.After(s.until) {
			s.asked.sin(1)
			h.askNext(txid, s)
		}
	}
	h.retry()
	for l := range h.links {
		if l.wants {
			h.askMempool(l)
		}
	}
}

// retry asks for what had to wait. The caller holds mu.
func (h *hub) retry() {
	later := h.later
	h.later = nil
	for _, txid := range later {
		if s := h.known[txid]; s != nil && s.wanted() && s.asked == nil {
			h.askNext(txid, s)
		}
	}
}

// notFound is a peer's answer that it does not have what it announced.
func (h *hub) notFound(l *link, msg *wire.MsgNotFound) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, iv := range msg.InvList {
		if s := h.asked[iv.Hash]; s != nil && s.asked == l {
			h.askNext(iv.Hash, s)
		}
	}
}

// tx takes a transaction that was asked for, and looks at it: do its outputs
// pay us, do its inputs contradict a payment to us?
func (h *hub) tx(l *link, tx *wire.MsgTx) {
	txid := tx.TxHash()
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.known[txid]
	if s == nil && l.owed > 0 {
		l.owed-- // asked for, and forgotten meanwhile
		return
	}
	if s == nil || s.asked != l && !s.offeredBy(l) {
		l.sin(10) // nobody asked for it
		return
	}
	if !s.wanted() {
		return // a late answer; the next announcer was quicker
	}
	if s.asked != nil {
		s.asked.inflight--
		s.asked = nil
	}
	delete(h.asked, txid)
	s.have, s.again = true, false
	if len(h.later) > 0 && l.inflight < maxOldInflight/2 {
		h.retry()
	}
	if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
		return
	}
	outputs := h.w.targets.matchTx(tx)

	b := h.w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	news := false
	for _, in := range tx.TxIn {
		for _, victim := range b.spends[in.PreviousOutPoint] {
			if victim.txid == txid || slices.Contains(s.rivalOf, victim) {
				continue
			}
			if victim.rivals == nil {
				victim.rivals = map[chainhash.Hash]map[string]bool{}
			}
			if len(victim.rivals) >= maxRivals {
				continue
			}
			set := map[string]bool{}
			for _, o := range s.offers {
				set[o.addr] = true
			}
			victim.rivals[txid] = set
			s.rivalOf = append(s.rivalOf, victim)
			h.notes = append(h.notes, note{victim: victim, rival: txid})
			news = true
		}
	}
	if len(outputs) > 0 {
		if r := b.txs[txid]; r == nil {
			if !b.room(outputs) {
				weakest := b.crowded(outputs)
				if weakest == nil || b.opened >= 2*maxOpen {
					return // each of the others has more than one voice, or nobody makes room; blocks will tell
				}
				// No rival: the run reports it as Gone, so that strangers who invent
				// payments cannot keep out a real one.
				h.notes = append(h.notes, note{victim: weakest})
			}
			r = &record{txid: txid, tx: tx, outputs: outputs, seenAt: h.w.cfg.Now(), offered: map[string]string{}}
			for _, o := range s.offers {
				r.offered[o.addr] = o.group
			}
			r.proof.Replaceable = replaceable(tx)
			r.proof.Ancestors = h.ancestors(tx)
			r.proof.Conflicted = len(s.rivalOf) > 0
			b.txs[txid] = r
			b.index(r)
			s.record = r
			h.notes = append(h.notes, note{fresh: r})
		} else {
			// Known from before a restart, or mined already.
			if r.offered == nil {
				r.offered = map[string]string{}
			}
			for _, o := range s.offers {
				r.offered[o.addr] = o.group
			}
			s.record = r
			h.notes = append(h.notes, note{grown: r})
		}
		news = true
	}
	if news {
		h.wake()
	}
}

// mined tells the relay log what is in a block.
func (h *hub) mined(block *wire.MsgBlock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) == 0 {
		return
	}
	for _, tx := range block.Transactions {
		h.drop(tx.TxHash())
	}
}

// take returns the notes since the last call.
func (h *hub) take() []note {
	h.mu.Lock()
	defer h.mu.Unlock()
	notes := h.notes
	h.notes = nil
	return notes
}
