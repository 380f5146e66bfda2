package ethereum

import (
	"context"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// maxWaiting bounds what strangers can make the watcher remember.
const maxWaiting = 10_000

// maxMisses is after how many blocks a transaction that the node no longer
// knows, and whose nonce is still free, counts as dropped.
const maxMisses = 3

// slot is what only one transaction can take: an account's nonce.
type slot struct {
	from  common.Address
	nonce uint64
}

// waiting is a transaction that pays a target and is in no block.
type waiting struct {
	hits   []hit
	misses int
}

// pool is what waits to be mined, as far as it pays targets.
type pool struct {
	byHash map[common.Hash]*waiting
	bySlot map[slot]int // how many of them want it
	past   lately
}

// lately is the transactions of the blocks that were read last, at least
// latelyMost of them: a feed may name one after its block.
type lately struct{ now, before map[common.Hash]struct{} }

const latelyMost = 10_000

func (l *lately) add(hash common.Hash) {
	if l.now == nil || len(l.now) >= latelyMost {
		l.now, l.before = make(map[common.Hash]struct{}), l.now
	}
	l.now[hash] = struct{}{}
}

func (l *lately) has(hash common.Hash) bool {
	_, now := l.now[hash]
	_, before := l.before[hash]
	return now || before
}

func newPool() *pool {
	return &pool{byHash: map[common.Hash]*waiting{}, bySlot: map[slot]int{}}
}

func (h hit) slot() slot        { return slot{h.From, h.Nonce} }
func (h hit) hash() common.Hash { return common.HexToHash(string(h.Event.Key.TxID)) }

// put remembers a waiting transaction by its hits.
func (p *pool) put(hits []hit) {
	if len(hits) == 0 {
		return
	}
	if len(p.byHash) >= maxWaiting {
		for hash := range p.byHash { // any: they are strangers' spam by now
			p.drop(hash)
			break
		}
	}
	hash := hits[0].hash()
	p.drop(hash)
	p.byHash[hash] = &waiting{hits: hits}
	p.bySlot[hits[0].slot()]++
}

func (p *pool) drop(hash common.Hash) {
	if old := p.byHash[hash]; old != nil {
		s := old.hits[0].slot()
		if p.bySlot[s]--; p.bySlot[s] == 0 {
			delete(p.bySlot, s)
		}
		delete(p.byHash, hash)
	}
}

// rivals lists the waiting transactions that hash, taking their slot, fights.
func (p *pool) rivals(s slot, hash common.Hash) []common.Hash {
	var list []common.Hash
	if p.bySlot[s] == 0 {
		return nil
	}
	for other, w := range p.byHash {
		if other != hash && w.hits[0].slot() == s {
			list = append(list, other)
		}
	}
	return list
}

// events tells kind of every payment of a waiting transaction.
func (w *waiting) events(kind chain.Kind, by chain.TxID, block chain.BlockRef) []chain.Event {
	list := make([]chain.Event, len(w.hits))
	for i, h := range w.hits {
		e := h.Event
		e.Kind, e.By, e.Block, e.Evidence = kind, by, block, chain.Proof{}
		list[i] = e
	}
	return list
}

// announced takes in one transaction from the pending feed and tells what is
// new about it.
func (r *run) announced(t *tx) []chain.Event {
	if r.mined[t.hash] || t.inBlock || r.pool.past.has(t.hash) {
		return nil
	}
	if old := r.pool.byHash[t.hash]; old != nil && old.hits[0].Event.Kind == chain.Seen {
		return nil
	}
	hits := r.w.promised(t, r.w.aim())
	var events []chain.Event
	for _, h := range hits {
		events = append(events, h.Event)
	}
	me := slot{t.from, t.nonce}
	for _, rival := range r.pool.rivals(me, t.hash) {
		events = append(events, r.pool.byHash[rival].events(chain.Conflict, chain.TxID(t.hash.Hex()), chain.BlockRef{})...)
	}
	r.pool.put(hits)
	return events
}

// settle tells what a block means for what was waiting: mined ones are no
// longer waiting, their rivals are out for good, and payments that a mined
// transaction promised but did not make are gone.
func (r *run) settle(b *block, hits []hit) (before, after []chain.Event) {
	for i := range b.list {
		r.pool.past.add(b.list[i].hash)
	}
	if len(r.pool.byHash) == 0 {
		return nil, nil
	}
	made := make(map[chain.PaymentKey]bool, len(hits))
	for _, h := range hits {
		made[h.Event.Key] = true
	}
	for i := range b.list {
		t := &b.list[i]
		me := slot{t.from, t.nonce}
		if r.pool.bySlot[me] == 0 {
			continue
		}
		by := chain.TxID(t.hash.Hex())
		for _, rival := range r.pool.rivals(me, t.hash) {
			lost := r.pool.byHash[rival]
			after = append(after, lost.events(chain.Conflict, by, b.ref())...)
			after = append(after, lost.events(chain.Gone, by, chain.BlockRef{})...)
			r.pool.drop(rival)
		}
		if mine := r.pool.byHash[t.hash]; mine != nil {
			for j, e := range mine.events(chain.Gone, "", chain.BlockRef{}) {
				if !made[mine.hits[j].Event.Key] {
					before = append(before, e)
				}
			}
			r.pool.drop(t.hash)
		}
	}
	return before, after
}

// missed asks the node about everything that waits, after a block, and tells
// what it has dropped.
func (r *run) missed(ctx context.Context) ([]chain.Event, error) {
	var hashes []common.Hash
	var questions []question
	for hash, w := range r.pool.byHash {
		if len(hashes) == 100 {
			break
		}
		first := w.hits[0]
		hashes = append(hashes, hash)
		questions = append(questions,
			question{"eth_getTransactionByHash", []any{hash}},
			question{"eth_getTransactionCount", []any{first.From, "latest"}})
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	answers, err := r.conn.batch(ctx, questions...)
	if err != nil {
		return nil, err
	}
	var events []chain.Event
	for i, hash := range hashes {
		w := r.pool.byHash[hash]
		if answers[2*i].err == nil {
			w.misses = 0 // waiting still, or in a block that will be read
			continue
		}
		if !isMissing(answers[2*i].err) || answers[2*i+1].err != nil {
			continue
		}
		w.misses++
		var text string
		used, err := uint64(0), unquote(answers[2*i+1].raw, &text)
		if err == nil {
			used, err = parseNumber(text)
		}
		if err != nil {
			continue
		}
		// With the nonce used, two looks: the block that used it may be one
		// that was not read yet.
		if w.misses >= maxMisses || used > w.hits[0].Nonce && w.misses >= 2 {
			events = append(events, w.events(chain.Gone, "", chain.BlockRef{})...)
			r.pool.drop(hash)
		}
	}
	return events, nil
}
