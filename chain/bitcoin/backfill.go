package bitcoin

import (
	"time"

	"github.com/btcsuite/btcd/wire"
)

// Nodes announce a transaction once, when it reaches them: who connects later
// hears of it with its block. A node that serves bloom filters (NODE_BLOOM in
// its version message) answers the mempool message of BIP 35 with all that
// waits; any other one ends the connection for it, so no other one is asked.
//
// Only peers that the shop chose are asked. A mainnet mempool is 300 MB, and a
// stranger could make us fetch as much of his own making; one's own node is
// near. Of its answer we fetch what comes first, which is what pays best with
// Bitcoin Core: what pays less waits for hours and is found in its block. No
// bloom filter is sent: it would tell the peer which addresses are the shop's.
const (
	maxBackfill = 10_000 // of one announcement, about 5 MB
	// Nodes relay up to some dozens at a time. What stands behind them in one
	// announcement is old, and must not keep a new payment waiting.
	maxFreshPerInv = 50
	maxOldInflight = 300
)

// askMempool asks l for what waits, now or when it is time again: btcd bans
// who asks often. The caller holds mu.
func (h *hub) askMempool(l *link) {
	if !l.bloom {
		return
	}
	now := h.w.cfg.Now()
	if l.wants = now.Sub(l.polled) < h.w.tune.backfill; l.wants {
		return
	}
	if l.send(wire.NewMsgMemPool()) {
		l.polled = now
	}
}

// reopen looks again at what waits, for targets that may have been paid before
// they were watched.
func (h *hub) reopen() {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := false
	for l := range h.links {
		if l.bloom {
			h.askMempool(l)
			asked = true
		}
	}
	if !asked {
		return
	}
	for _, s := range h.known {
		s.again = s.have && s.record == nil && len(s.rivalOf) == 0
		if s.again {
			s.next = 0
		}
	}
}

// busy tells whether l has enough to do before it is asked for one more
// transaction. For old ones half of what it may send in a while is kept free:
// asking an honest node for too much must not make it look like a flood.
func (l *link) busy(old bool) bool {
	if old {
		return l.inflight >= maxOldInflight || l.spare.Load() < bytesPerSpan/2
	}
	return l.inflight >= maxInflight
}

// answers tells whether any connected peer says what waited before we came.
func (h *hub) answers() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.links {
		if l.bloom {
			return true
		}
	}
	return false
}

// hurry makes the pauses between dialling end, when the network is back.
func (h *hub) hurry() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.rush)
	h.rush = make(chan struct{})
}

// rest waits before the next dial, at most for d.
func (h *hub) rest(done <-chan struct{}, d time.Duration) {
	h.mu.Lock()
	rush := h.rush
	h.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-rush:
	case <-timer.C:
	}
}
