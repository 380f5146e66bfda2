package bitcoin

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// listenRelay turns the relay's notes into events.
func (r *run) listenRelay() {
	now := r.w.cfg.Now()
	for _, n := range r.w.hub.take() {
		switch {
		case n.fresh != nil:
			r.seen(n.fresh, now)
		case n.grown != nil:
			r.growing[n.grown] = true
		case n.victim != nil:
			r.rivalled(n, now)
		}
	}
	for rec := range r.growing {
		r.grown(rec, now)
	}
}

// vouch brings a record's proof up to date. The caller holds the book's mu.
func (r *run) vouch(rec *record) {
	groups := map[string]bool{}
	for _, group := range rec.offered {
		groups[group] = true
	}
	rec.proof.Announcers, rec.proof.Groups = len(rec.offered), len(groups)
	rec.proof.Of = max(r.w.hub.count(), len(rec.offered))
	rec.proof.Conflicted = rec.proof.Conflicted || len(rec.rivals) > 0
	rec.proof.Replaceable = replaceable(rec.tx)
	if s, ok := r.client.(*served); ok {
		rec.proof.Within = s.within(rec.proof.FeeRate)
	}
	rec.proof.Standard = standard(rec.tx) && r.client.final(rec.tx, r.ring.Head().Height, r.w.cfg.Now())
}

// seen reports a payment that waits to be mined.
func (r *run) seen(rec *record, now time.Time) {
	b := r.w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if !rec.open() {
		return
	}
	r.vouch(rec)
	rec.told, rec.toldProof = now, rec.proof
	r.emit(rec.events(chain.Seen, r.w.cfg.Network, chain.BlockRef{}, "")...)
	rec.seenRev = r.seq
	r.change.records = append(r.change.records, rec)
}

// grown reports that more peers vouch for a payment, now and then.
func (r *run) grown(rec *record, now time.Time) {
	b := r.w.book
	b.mu.Lock()
	if !rec.open() {
		b.mu.Unlock()
		delete(r.growing, rec)
		return
	}
	if now.Sub(rec.told) < r.w.tune.evidence {
		b.mu.Unlock()
		return
	}
	delete(r.growing, rec)
	if rec.told.IsZero() { // retracted, or from before a restart: it is back
		b.mu.Unlock()
		r.seen(rec, now)
		return
	}
	defer b.mu.Unlock()
	r.vouch(rec)
	if rec.proof == rec.toldProof {
		return
	}
	rec.told, rec.toldProof = now, rec.proof
	r.emit(rec.events(chain.Evidence, r.w.cfg.Network, chain.BlockRef{}, "")...)
}

// rivalled reports another transaction that spends a payment's coins. One
// peer's word makes it a conflict; when most peers hold the other one, they
// have dropped ours.
func (r *run) rivalled(n note, now time.Time) {
	b := r.w.book
	b.mu.Lock()
	rec := n.victim
	open := rec.open()
	holders := len(rec.rivals[n.rival])
	reported := rec.rivalled
	rec.rivalled = true
	rec.proof.Conflicted = true
	b.mu.Unlock()
	if !open {
		return
	}
	if holders == 0 { // crowded out: see hub.tx
		r.lose(rec, "")
		return
	}
	by := chain.TxID(n.rival.String())
	if !reported {
		r.emit(rec.events(chain.Conflict, r.w.cfg.Network, chain.BlockRef{}, by)...)
	}
	if 2*holders > r.w.hub.count() {
		r.lose(rec, by)
	}
}

// expire gives up on payments that nobody mines: nodes drop them after two
// weeks, and what one peer alone ever spoke of after a day.
func (r *run) expire() {
	b := r.w.book
	now := r.w.cfg.Now()
	b.mu.Lock()
	var old []*record
	for _, rec := range b.txs {
		if !rec.open() || rec.seenAt.IsZero() {
			continue
		}
		age := now.Sub(rec.seenAt)
		doubtful := len(rec.offered) > 0 && 2*len(rec.offered) < r.state.relays
		if age > r.w.tune.forgetAfter || doubtful && age > r.w.tune.doubtAfter {
			old = append(old, rec)
		}
	}
	b.mu.Unlock()
	for _, rec := range old {
		r.lose(rec, "")
	}
}

// standard tells whether nodes would relay a transaction by its form alone:
// version, size, known output scripts, no dust, pushes only in inputs. What it
// spends is not known here.
func standard(tx *wire.MsgTx) bool {
	const maxWeight, minSize = 400_000, 65
	base := tx.SerializeSizeStripped()
	if tx.Version < 1 || tx.Version > 3 || base < minSize || base*3+tx.SerializeSize() > maxWeight {
		return false
	}
	for _, in := range tx.TxIn {
		if len(in.SignatureScript) > 1650 || !txscript.IsPushOnlyScript(in.SignatureScript) {
			return false
		}
	}
	for _, out := range tx.TxOut {
		var dust int64
		switch txscript.GetScriptClass(out.PkScript) {
		case txscript.NonStandardTy:
			return false
		case txscript.PubKeyHashTy:
			dust = 546
		case txscript.ScriptHashTy:
			dust = 540
		case txscript.WitnessV0PubKeyHashTy:
			dust = 294
		case txscript.WitnessV0ScriptHashTy, txscript.WitnessV1TaprootTy:
			dust = 330
		}
		if out.Value < dust {
			return false
		}
	}
	return true
}

// replaceable is BIP 125: any sequence below 0xfffffffe.
func replaceable(tx *wire.MsgTx) bool {
	return slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.Sequence < wire.MaxTxInSequenceNum-1 })
}

// ancestors counts the parents that relay announced and no block that we read
// held. The caller holds mu.
func (h *hub) ancestors(tx *wire.MsgTx) int {
	parents := map[chainhash.Hash]bool{}
	for _, in := range tx.TxIn {
		if s := h.known[in.PreviousOutPoint.Hash]; s != nil && s.have {
			parents[in.PreviousOutPoint.Hash] = true
		}
	}
	return len(parents)
}
