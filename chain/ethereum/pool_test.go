package ethereum

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

func waitingHit(id byte, nonce uint64) hit {
	return hit{From: common.Address{1}, Nonce: nonce, Event: chain.Event{
		Kind: chain.Seen, Key: chain.PaymentKey{TxID: chain.TxID(common.Hash{id}.Hex())},
	}}
}

// Of three that fight for one nonce two are given up: the third is still there
// to be mined, and to be fought.
func TestPoolRivals(t *testing.T) {
	p := newPool()
	for id := range byte(3) {
		p.put([]hit{waitingHit(id, 7)})
	}
	p.put([]hit{waitingHit(2, 7)}) // announced twice
	p.drop(common.Hash{2})
	p.drop(common.Hash{1})
	p.drop(common.Hash{1})
	if got := p.rivals(slot{common.Address{1}, 7}, common.Hash{9}); len(got) != 1 || got[0] != (common.Hash{0}) {
		t.Errorf("the rivals are %v", got)
	}
	r := &run{pool: p}
	r.settle(&block{list: []tx{{hash: common.Hash{0}, from: common.Address{1}, nonce: 7}}}, []hit{waitingHit(0, 7)})
	if len(p.byHash) != 0 || len(p.bySlot) != 0 {
		t.Errorf("%d transactions wait for %d nonces", len(p.byHash), len(p.bySlot))
	}
}

// TestNamedAfterItsBlock: a feed that names a mined transaction late does not
// make it wait again.
func TestNamedAfterItsBlock(t *testing.T) {
	r := &run{pool: newPool(), mined: map[common.Hash]bool{}}
	mined := tx{hash: common.Hash{7}}
	r.settle(&block{list: []tx{mined}}, nil)
	if events := r.announced(&mined); len(events) != 0 {
		t.Fatalf("%d events for a transaction that is in a block", len(events))
	}
	for n := range 2*latelyMost + 1 {
		r.pool.past.add(common.BigToHash(big.NewInt(int64(n))))
	}
	if r.pool.past.has(mined.hash) || len(r.pool.past.now)+len(r.pool.past.before) > 2*latelyMost {
		t.Fatal("what was read long ago is kept")
	}
}
