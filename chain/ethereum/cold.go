package ethereum

import (
	"encoding/binary"
	"math/bits"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// bloom answers "certainly never shown" for most addresses, so that the archive
// is asked about few. Addresses are hashes already, so their own bits serve;
// who mines addresses to hit it gains a slower till for nothing.
type bloom struct {
	bits []uint64
	mask uint64
	n    int
}

func newBloom(n int) *bloom {
	size := uint64(1) << bits.Len64(uint64(max(n, 1024)*16)) // at least 16 bits each
	return &bloom{bits: make([]uint64, size/64), mask: size - 1}
}

func (b *bloom) spots(a common.Address) [4]uint64 {
	x, y := binary.LittleEndian.Uint64(a[:8]), binary.LittleEndian.Uint64(a[8:16])
	return [4]uint64{x & b.mask, (x >> 32) & b.mask, y & b.mask, (y >> 32) & b.mask}
}

func (b *bloom) add(a common.Address) {
	b.n++
	for _, s := range b.spots(a) {
		b.bits[s/64] |= 1 << (s % 64)
	}
}

func (b *bloom) has(a common.Address) bool {
	for _, s := range b.spots(a) {
		if b.bits[s/64]&(1<<(s%64)) == 0 {
			return false
		}
	}
	return true
}

// cold looks addresses up among all that were ever shown.
type cold struct {
	archive chain.Archive
	filter  *bloom
}

func newCold(archive chain.Archive) cold {
	c := cold{archive: archive, filter: newBloom(0)}
	if archive == nil {
		return c
	}
	var all []common.Address
	for _, to := range archive.All() {
		// The archive holds other chains' addresses too.
		if a, err := parseDestination(to); err == nil {
			all = append(all, a)
		}
	}
	c.filter = newBloom(len(all))
	for _, a := range all {
		c.filter.add(a)
	}
	return c
}

// aim finds targets first, then what was shown once. The archive is asked
// without the lock: whoever answers may be waiting for Watch at that moment.
func (w *Watcher) aim() aim {
	return func(a common.Address) (chain.Destination, uint64, bool) {
		w.mu.RLock()
		t, hot := w.targets[a]
		archive := w.cold.archive
		maybe := !hot && archive != nil && w.cold.filter.has(a)
		w.mu.RUnlock()
		if hot {
			return t.ID, t.Since, true
		}
		if !maybe {
			return "", 0, false
		}
		to := chain.Destination(a.Hex())
		_, ok := archive.Owner(to)
		return to, 0, ok
	}
}
