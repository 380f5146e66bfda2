package bitcoin

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// Whoever reads whole blocks looks every output up among all addresses that were
// ever shown, also those that nobody watches any more: a Bloom filter of them
// (3 bytes for each) says quickly of nearly all outputs that they are none, and
// the archive knows for the rest. So late money is reported with its block, and
// the daily look back of the light client is not needed.

const (
	bloomBits  = 24 // per address: about one output in 20,000 asks the archive in vain
	bloomProbe = 9
)

// bloom is a set that may be wrong about what is not in it.
type bloom struct {
	seed maphash.Seed
	bits []uint64
}

func newBloom(n int) *bloom {
	return &bloom{seed: maphash.MakeSeed(), bits: make([]uint64, (max(n, 100)*bloomBits+63)/64)}
}

// probes are the places of a key, derived from one hash (Kirsch, Mitzenmacher).
func (b *bloom) probes(key string, visit func(word int, bit uint64) bool) {
	h := maphash.String(b.seed, key)
	step := h>>33 | 1
	for range bloomProbe {
		at := h % uint64(len(b.bits)*64)
		if !visit(int(at/64), 1<<(at%64)) {
			return
		}
		h += step * 0x9e3779b97f4a7c15
	}
}

func (b *bloom) add(key string) {
	b.probes(key, func(word int, bit uint64) bool { b.bits[word] |= bit; return true })
}

func (b *bloom) has(key string) bool {
	all := true
	b.probes(key, func(word int, bit uint64) bool { all = b.bits[word]&bit != 0; return all })
	return all
}

// coldSet is the archive as whole blocks are compared with it.
type coldSet struct {
	w       *Watcher
	archive chain.Archive
	mu      sync.RWMutex
	filter  *bloom
	from    uint64 // blocks above it are compared as they are read
}

// whole tells whether blocks are read whole here.
func (r *run) whole() bool {
	s, ok := r.client.(*served)
	return ok && r.archive != nil && s.b.traits().whole
}

// chill makes the set of every address that was ever shown. It takes seconds
// where there are a million of them.
func (r *run) chill(ctx context.Context) {
	n := 0
	for range r.archive.All() {
		if n++; ctx.Err() != nil {
			return
		}
	}
	c := &coldSet{w: r.w, archive: r.archive, filter: newBloom(n + n/4 + 1000)}
	for _, to := range r.archive.All() {
		if ctx.Err() != nil {
			return
		}
		c.add(to)
	}
	c.mu.Lock()
	r.cold.Store(c)
	c.from = r.w.targets.read() // a block that is being read without it is not above
	c.mu.Unlock()
	notify(r.looks.signal)
}

func (c *coldSet) add(to chain.Destination) {
	script, err := scriptOf(to, c.w.targets.params)
	if err != nil {
		return // an address of another rail or form
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filter.add(script)
}

// since is the block up to which nothing was compared with the set.
func (c *coldSet) since() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.from
}

// match finds what a block pays to addresses that were shown and are not
// watched any more.
func (c *coldSet) match(block *wire.MsgBlock) []paid {
	var found []paid
	for _, tx := range block.Transactions {
		var outputs []output
		for i, out := range tx.TxOut {
			if out.Value <= 0 || !c.may(string(out.PkScript)) || c.w.targets.watches(string(out.PkScript)) {
				continue
			}
			to, ok := c.w.addressOf(out.PkScript)
			if !ok {
				continue
			}
			if _, ours := c.archive.Owner(to); ours {
				outputs = append(outputs, output{index: uint32(i), to: to, amount: uint64(out.Value)})
			}
		}
		if len(outputs) > 0 {
			found = append(found, paid{tx: tx, txid: tx.TxHash(), outputs: outputs})
		}
	}
	return found
}

func (c *coldSet) may(script string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.filter.has(script)
}
