package bitcoin

import (
	"slices"
	"sync"

	"github.com/cointill/till/chain"
)

// recent keeps the watched addresses in the order in which Watch last named
// them, for servers that are asked address by address: what was shown last is
// what somebody is about to pay. Only a watcher with a backend uses it.
type recent struct {
	mu     sync.Mutex
	on     bool
	n      uint64
	when   map[chain.Destination]uint64
	sorted []chain.Destination // newest first; nil = to be sorted again
	change uint64              // grows with every change
	bell   func()              // called after a change
}

// start switches it on; before a watcher is used.
func (r *recent) start() { r.on, r.when = true, map[chain.Destination]uint64{} }

func (r *recent) watch(list []chain.Target) {
	r.alter(func() {
		for _, one := range list {
			r.n++
			r.when[one.ID] = r.n
		}
	})
}

func (r *recent) unwatch(ids []chain.Destination) {
	r.alter(func() {
		for _, id := range ids {
			delete(r.when, id)
		}
	})
}

func (r *recent) alter(do func()) {
	if !r.on {
		return
	}
	r.mu.Lock()
	do()
	r.sorted = nil
	r.change++
	bell := r.bell
	r.mu.Unlock()
	if bell != nil {
		bell()
	}
}

// ring sets who is told of a change.
func (r *recent) ring(bell func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bell = bell
}

// list is every watched address, the one that was named last first, and a
// number that changes with it. The slice must not be changed.
func (r *recent) list() ([]chain.Destination, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sorted == nil {
		r.sorted = make([]chain.Destination, 0, len(r.when))
		for to := range r.when {
			r.sorted = append(r.sorted, to)
		}
		slices.SortFunc(r.sorted, func(a, b chain.Destination) int {
			if r.when[a] > r.when[b] {
				return -1
			}
			return 1
		})
	}
	return r.sorted, r.change
}
