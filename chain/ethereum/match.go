package ethereum

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// internalIndex is where the indices of internal transfers begin, far beyond
// the number of logs that fit into a block.
const internalIndex = 1 << 30

// hit is one payment to a target, with what tells its transaction apart.
type hit struct {
	Event chain.Event // Included, Failed or Seen; Rev and At are set on delivery
	From  common.Address
	Nonce uint64
	// Proof is set where balances told of the payment, and no transaction or log.
	Proof *rise `json:",omitempty"`
}

// aim finds who is paid by an address: a target, or an address that was shown
// once (cold). It says from which height on payments count.
type aim func(common.Address) (to chain.Destination, since uint64, ok bool)

// match finds the payments in a block, in the block's order. Transactions whose
// receipt is nil are known to be of no interest.
func (w *Watcher) match(b *block, receipts []*receipt, find aim) []hit {
	var hits []hit
	ref := b.ref()
	for i := range b.list {
		if i >= len(receipts) || receipts[i] == nil {
			continue
		}
		t, r := &b.list[i], receipts[i]
		add := func(kind chain.Kind, index uint32, to common.Address, asset chain.AssetID, amount chain.Amount) {
			if amount.IsZero() {
				return
			}
			dest, since, ok := find(to)
			if !ok || b.number <= since || w.cfg.dust(asset, amount) {
				return
			}
			hits = append(hits, hit{From: t.from, Nonce: t.nonce, Event: chain.Event{
				Kind: kind, Key: w.key(t.hash, index), Target: dest, Asset: asset, Amount: amount, Block: ref,
			}})
		}
		if t.to != nil {
			kind := chain.Included
			if !r.ok {
				kind = chain.Failed
			}
			add(kind, 0, *t.to, w.cfg.Native.ID, t.value)
		}
		if !r.ok { // it left no log: what it tried stands in the call
			if to, asset, amount, ok := w.called(t); ok {
				add(chain.Failed, 1, to, asset, amount)
			}
			continue
		}
		var index, coins uint32
		// What the transaction itself carries is logged too, first.
		own := t.to != nil && *t.to != t.from && !t.value.IsZero()
		for _, e := range r.logs {
			if from, to, amount, ok := e.asCoins(); ok {
				if own && from == t.from && to == *t.to && amount == t.value {
					own = false
					continue
				}
				add(chain.Included, internalIndex+coins, to, w.cfg.Native.ID, amount)
				coins++
				continue
			}
			to, amount, ok := e.asTransfer()
			if !ok {
				continue
			}
			index++
			if known, listed := w.token(e.address); listed {
				add(chain.Included, index, to, known.asset.ID, amount)
			}
		}
	}
	return hits
}

// called reads a transfer call of a listed token.
func (w *Watcher) called(t *tx) (to common.Address, asset chain.AssetID, amount chain.Amount, ok bool) {
	if t.to == nil {
		return to, "", amount, false
	}
	known, listed := w.token(*t.to)
	if !listed {
		return to, "", amount, false
	}
	to, amount, ok = transferCall(t.input)
	return to, known.asset.ID, amount, ok
}

// promised finds what a waiting transaction would pay. A token's amount is
// provisional, and so is its index: contracts may log other transfers first.
func (w *Watcher) promised(t *tx, find aim) []hit {
	var hits []hit
	add := func(index uint32, to common.Address, asset chain.AssetID, amount chain.Amount) {
		if w.cfg.dust(asset, amount) {
			return
		}
		dest, _, ok := find(to)
		if !ok {
			return
		}
		hits = append(hits, hit{From: t.from, Nonce: t.nonce, Event: chain.Event{
			Kind: chain.Seen, Key: w.key(t.hash, index), Target: dest, Asset: asset, Amount: amount,
			Evidence: chain.Proof{Announcers: 1, Of: len(w.ends), Groups: 1, Replaceable: true, FeeRate: t.fee, Standard: true},
		}})
	}
	if t.to != nil {
		add(0, *t.to, w.cfg.Native.ID, t.value)
	}
	if to, asset, amount, ok := w.called(t); ok {
		add(1, to, asset, amount)
	}
	return hits
}

func (w *Watcher) key(hash common.Hash, index uint32) chain.PaymentKey {
	return chain.PaymentKey{Network: w.network, TxID: chain.TxID(hash.Hex()), Index: index}
}

// touches tells whether a block's receipts are needed at all: some transaction
// pays coins to somebody who is looked for, at whatever height.
func touches(b *block, find aim) bool {
	for i := range b.list {
		if t := &b.list[i]; t.to != nil && !t.value.IsZero() {
			if _, _, ok := find(*t.to); ok {
				return true
			}
		}
	}
	return false
}
