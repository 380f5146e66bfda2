package bitcoin

import (
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// TestRelayWhileOpen: with a warm time the relay is there at the start, goes when
// nobody can pay, and is back before Watch of a shown address returns. A payment
// that waits keeps it.
func TestRelayWhileOpen(t *testing.T) {
	t.Parallel()
	const warm = 500 * time.Millisecond
	m := &mixed{shop: newShop(t), change: func(w *Watcher) { w.cfg.RelayWarm = warm; w.tune.tick = 50 * time.Millisecond }}
	m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", nil)}
	l := chaintest.NewLedger(t, Simnet)
	s := chaintest.BeginReady(t, m, l, chain.Target{ID: m.Fresh(t)})
	gone := func() bool { return m.fakes[0].connected() == 0 && s.Watcher.(*Watcher).hub.count() == 0 }
	l.Wait(t, "the relay to go", gone)
	time.Sleep(200 * time.Millisecond)
	if h := s.Watcher.Health(); h.State != chain.Ready || !h.Unconfirmed || h.Relays != 0 {
		t.Errorf("with nothing to wait for health is %+v", h)
	}
	if err := s.Watcher.Watch(t.Context(), chain.Target{ID: m.Fresh(t)}); err != nil || !gone() {
		t.Errorf("an address that nobody was shown brings the relay back (%v)", err)
	}
	to := chain.Target{ID: m.Fresh(t), Since: m.Height(t)}
	if err := s.Watcher.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if n := s.Watcher.(*Watcher).hub.count(); n != 2 {
		t.Errorf("Watch returned with %d relay peers, want 2", n)
	}
	m.Pay(t, to.ID, chain.Bitcoin, chain.Units(70_000))
	l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
	time.Sleep(3 * warm)
	if gone() {
		t.Error("the relay went while a payment waits")
	}
	m.Mine(t, 1)
	l.Wait(t, "the relay to go again", gone)
}
