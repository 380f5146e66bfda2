package bitcoin

import (
	"context"
	"time"

	"github.com/cointill/till/chain"
)

// Eight relay peers send about half a gigabyte a day. A shop on a metered line
// has them only while somebody may pay: from the moment an address is shown,
// which waits for them, until Config.RelayWarm after the last one, and while a
// payment waits for its block.

// attend notes that addresses were just shown: targets with a Since, as against
// those that are watched ahead. It tells whether there are such.
func (w *Watcher) attend(list []chain.Target) bool {
	if w.cfg.RelayWarm == 0 {
		return false
	}
	for _, one := range list {
		if one.Since > 0 {
			w.warm()
			return true
		}
	}
	return false
}

// warm has relay peers for the next while.
func (w *Watcher) warm() {
	until := w.cfg.Now().Add(w.cfg.RelayWarm)
	w.warmUntil.Store(&until)
	w.hub.rouse()
}

// relayWanted tells whether relay peers should be connected.
func (w *Watcher) relayWanted() bool {
	if w.cfg.RelayWarm == 0 || w.book.waiting() > 0 {
		return true
	}
	until := w.warmUntil.Load()
	return until != nil && w.cfg.Now().Before(*until)
}

// standing waits until the relay peers that are wanted are there again, as long
// as a start does. Once they were, or were waited for, it does not wait.
func (w *Watcher) standing(ctx context.Context) error {
	w.hub.mu.Lock()
	roused := w.hub.roused
	w.hub.mu.Unlock()
	for w.hub.count() < w.relayNeed(w.cfg.Now().Sub(roused)) {
		pause(ctx, min(w.tune.tick/4, 50*time.Millisecond))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// relayNeed is how many relay peers are waited for after so long: every one that
// there should be, then as many as evidence takes, then none. A peer that never
// comes must not close the shop.
func (w *Watcher) relayNeed(waited time.Duration) int {
	need := w.cfg.RelayPeers
	switch {
	case waited >= w.tune.relaySome:
		return 0
	case waited >= w.tune.relayAll && len(w.cfg.Peers) > 0:
		return min(need, 1)
	case waited >= w.tune.relayAll:
		return min(need, 3)
	}
	return need
}

// rouse ends the sleep of the relay, where it sleeps.
func (h *hub) rouse() {
	h.mu.Lock()
	slept := h.asleep
	if slept {
		h.asleep, h.roused = false, h.w.cfg.Now()
	}
	h.mu.Unlock()
	if slept {
		h.hurry()
	}
}

// doze lets the relay sleep when nobody needs it, and wakes it when somebody
// does.
func (h *hub) doze() {
	if h.w.relayWanted() {
		h.rouse()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asleep = true
	for l := range h.links {
		l.close()
	}
}

// sleeps tells whether the relay is off because nobody needs it, or was until a
// moment ago.
func (h *hub) sleeps() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asleep || !h.roused.IsZero() && h.w.cfg.Now().Sub(h.roused) < h.w.tune.relaySome
}

func (h *hub) off() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asleep
}
