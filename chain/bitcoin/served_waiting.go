package bitcoin

import (
	"context"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// concerns tells whether a transaction pays a watched script or spends what a
// waiting payment spends. It costs one look-up per output and input.
func (s *served) concerns(tx *wire.MsgTx) bool {
	if len(s.w.targets.matchTx(tx)) > 0 {
		return true
	}
	b := s.w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, in := range tx.TxIn {
		if len(b.spends[in.PreviousOutPoint]) > 0 {
			return true
		}
	}
	return false
}

// offer takes a transaction that waits at the server: a payment, or what
// contradicts one. The server holds only one of two that contradict each other.
func (s *served) offer(tx *wire.MsgTx, e entry) {
	if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
		return
	}
	txid := tx.TxHash()
	outputs := s.w.targets.matchTx(tx)
	name := s.b.name()
	h, b := s.w.hub, s.w.book
	h.mu.Lock()
	defer h.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	news := false
	for _, in := range tx.TxIn {
		for _, victim := range b.spends[in.PreviousOutPoint] {
			if victim.txid == txid || victim.rivals[txid] != nil {
				continue
			}
			if victim.rivals == nil {
				victim.rivals = map[chainhash.Hash]map[string]bool{}
			}
			victim.rivals[txid] = map[string]bool{name: true}
			h.notes = append(h.notes, note{victim: victim, rival: txid})
			news = true
		}
	}
	r := b.txs[txid]
	switch {
	case len(outputs) == 0:
	case r == nil || r.gone && r.block.IsZero():
		if !b.room(outputs) {
			break // a server invents payments at will; blocks will tell
		}
		r = &record{txid: txid, tx: tx, outputs: outputs, seenAt: s.w.cfg.Now()}
		s.vouched(r, e)
		b.txs[txid] = r
		b.index(r)
		h.notes = append(h.notes, note{fresh: r})
		news = true
	case r.open() && (r.offered[name] == "" || r.told.IsZero() || r.proof.FeeRate == 0 && e.rate() != 0):
		s.vouched(r, e) // known from before a restart, or back after a reorganisation
		h.notes = append(h.notes, note{grown: r})
		news = true
	}
	if news {
		h.wake()
	}
}

// vouched notes the server's word for a payment. The caller holds the book's mu.
func (s *served) vouched(r *record, e entry) {
	if r.offered == nil {
		r.offered = map[string]string{}
	}
	r.offered[s.b.name()] = groupOf(s.b.name())
	r.proof.OwnNode = r.proof.OwnNode || s.b.traits().ownNode
	r.proof.Ancestors = e.ancestors
	if rate := e.rate(); rate != 0 {
		r.proof.FeeRate = rate
	}
}

// knows tells whether a waiting payment was offered by the server already, so
// that its transaction need not be fetched again.
func (s *served) knows(txid chainhash.Hash) bool {
	b := s.w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.txs[txid]
	return r != nil && (!r.block.IsZero() || r.open() && r.offered[s.b.name()] != "" && !r.told.IsZero())
}

// waiting lists the payments that are not mined in an order, which may be nil.
func (s *served) waiting(order func(a, b *record) int) []*record {
	open := waitingIn(s.w.book)
	if order != nil {
		slices.SortFunc(open, order)
	}
	return open
}

// check asks the server where one waiting payment is.
func (s *served) check(ctx context.Context, r *record) error {
	at, err := s.b.find(ctx, r.txid)
	if err != nil {
		return err
	}
	switch {
	case at.waiting:
		s.offer(r.tx, at.entry)
		return nil
	case at.mined:
		return nil // its block is read as any other
	}
	var by chainhash.Hash
	var height uint64
	for _, in := range r.tx.TxIn {
		if by, height, err = s.b.spender(ctx, in.PreviousOutPoint); err != nil {
			return err
		}
		if by != (chainhash.Hash{}) {
			break
		}
	}
	if by == r.txid {
		return nil // mined or back, meanwhile
	}
	// Asked last: when the chain still ends where the loop has read up to, the
	// payment is not in a block that is about to be read.
	_, tip, err := s.b.tip(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.lost = append(s.lost, lostNote{rec: r, by: by, at: height, tip: tip})
	s.mu.Unlock()
	notify(s.wake)
	return nil
}

// late notes that a script is paid in a block: if it was read already, without
// the server knowing of the payment, it is read again for it.
func (s *served) late(script string, height uint64) {
	s.mu.Lock()
	s.lates = append(s.lates, lateNote{script, height})
	s.mu.Unlock()
	notify(s.wake)
}

// readLate reads a block again for one script.
func (r *run) readLate(s *served, n lateNote) error {
	t := r.w.targets
	t.mu.RLock()
	one, ok := t.set[n.script]
	t.mu.RUnlock()
	if !ok || n.height > r.ring.Head().Height || n.height <= one.since {
		return nil // it will be read, or nobody asks for it
	}
	h, err := s.at(n.height)
	if err != nil {
		return err
	}
	block := chain.BlockRef{Height: n.height, Hash: h.hash.String(), Time: h.header.Timestamp}
	if mine, ok := at(r.ring.Ring, n.height); ok && mine.Hash != block.Hash {
		return nil // a reorganisation is to be followed first, and reads it
	}
	whole, err := s.block(r.ctx, h.hash)
	if err != nil {
		return err
	}
	paid := matchTxs(whole, map[string]target{n.script: one}, n.height)
	if len(paid) == 0 {
		return nil
	}
	if len(r.events) > 0 || r.moved() {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.include(block, paid)
	return r.flush()
}

// listenServer turns what a server no longer knows into events.
func (r *run) listenServer() {
	s, ok := r.client.(*served)
	if !ok {
		return
	}
	s.mu.Lock()
	lost, lates := s.lost, s.lates
	s.lost, s.lates = nil, nil
	s.mu.Unlock()
	for i, n := range lates {
		if err := r.readLate(s, n); err != nil {
			s.mu.Lock()
			s.lates = append(s.lates, lates[i:]...) // with the next wake-up
			s.mu.Unlock()
			r.trouble(err)
			break
		}
	}
	for _, n := range lost {
		if r.ring.Head().Hash != n.tip.String() {
			continue // there are blocks to read first; it is asked again
		}
		b := r.w.book
		b.mu.Lock()
		open, told := n.rec.open(), n.rec.rivalled
		if open && n.by != (chainhash.Hash{}) {
			n.rec.rivalled, n.rec.proof.Conflicted = true, true
		}
		b.mu.Unlock()
		if !open {
			continue
		}
		var by chain.TxID
		if n.by != (chainhash.Hash{}) {
			by = chain.TxID(n.by.String())
			if block := s.holding(r, n); !told || !block.IsZero() {
				r.emit(n.rec.events(chain.Conflict, r.w.cfg.Network, block, by)...)
			}
		}
		r.lose(n.rec, by)
	}
}

// holding is the block of the transaction that took a payment's coins, if it is
// proven to be in one of those that were read.
func (s *served) holding(r *run, n lostNote) chain.BlockRef {
	if n.at == 0 || n.at > r.ring.Head().Height {
		return chain.BlockRef{}
	}
	h, err := s.at(n.at)
	if err != nil {
		return chain.BlockRef{}
	}
	block, err := s.block(r.ctx, h.hash)
	if err != nil || !slices.ContainsFunc(block.Transactions, func(tx *wire.MsgTx) bool { return tx.TxHash() == n.by }) {
		return chain.BlockRef{}
	}
	return chain.BlockRef{Height: n.at, Hash: h.hash.String(), Time: h.header.Timestamp}
}

// assess says in one word how a server's watcher is.
func (s *served) assess(r *run, now time.Time, at chain.BlockRef) chain.Health {
	s.mu.Lock()
	up, ever, fault, failing := s.up, s.ever, s.fault, s.failing
	s.mu.Unlock()
	goal, _ := s.tip()
	h := chain.Health{
		Height: at.Height, Goal: max(goal, at.Height), TipAt: at.Time, Detail: s.b.name(),
		Trust: s.b.traits().trust, Of: 1, Unconfirmed: up && failing == nil,
	}
	if at.IsZero() {
		h.Height = goal
	}
	if up {
		h.Peers = 1
	}
	switch {
	case r.state.store:
		h.State, h.Code = chain.Down, chain.HealthStore
	case !up:
		h.State, h.Code = chain.Connecting, chain.HealthUnreachable
		if ever {
			h.State = chain.Down
		}
		if fault != nil {
			h.Code = codeOf(fault)
		}
		if h.Code == chain.HealthWrongNetwork || h.Code == chain.HealthLying {
			h.State = chain.Down
		}
	case !r.caught || r.looks.busy() > 0 && !r.w.Health().Usable():
		h.State = chain.Syncing
	case r.w.cfg.StaleAfter > 0 && now.Sub(at.Time) > r.w.cfg.StaleAfter:
		h.State, h.Code = chain.Degraded, chain.HealthStale
	case failing != nil:
		h.State, h.Code = chain.Degraded, chain.HealthNoRelay
	default:
		h.State = chain.Ready
	}
	return h
}

// servedCapabilities is what a server's watcher can see.
func (w *Watcher) servedCapabilities() chain.Capabilities {
	return chain.Capabilities{Unconfirmed: true, Backfill: true, Evidence: true, LookupTx: true, LookupBlock: true, LookupAddr: w.backend.traits().lookupAddr}
}

// waitingIn lists the payments that are not mined.
func waitingIn(b *book) []*record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var open []*record
	for _, r := range b.txs {
		if r.open() {
			open = append(open, r)
		}
	}
	return open
}
