package bitcoin

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// TestWatchedAfterItWasSent: a payment waits, and was looked at without its
// target; the target comes with a Since that lies before.
func TestWatchedAfterItWasSent(t *testing.T) {
	t.Parallel()
	m := &mixed{shop: newShop(t), change: func(w *Watcher) { w.tune.backfill = 100 * time.Millisecond }}
	l := chaintest.NewLedger(t, Simnet)
	s := chaintest.BeginReady(t, m, l)
	to := chain.Target{ID: m.Fresh(t), Since: m.Height(t) - 3}
	id := m.Pay(t, to.ID, chain.Bitcoin, chain.Units(70_000))
	hash, err := chainhash.NewHashFromStr(string(id))
	if err != nil {
		t.Fatal(err)
	}
	hub := s.Watcher.(*Watcher).hub
	l.Wait(t, "the relay to bring it", func() bool {
		hub.mu.Lock()
		defer hub.mu.Unlock()
		s := hub.known[*hash]
		return s != nil && s.have
	})
	if err := s.Watcher.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	l.Wait(t, "Seen", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Seen })
}

// TestOnlyWhoAnswersIsAsked: a node without bloom filters ends the connection
// for the mempool message, and strangers could send us anything.
func TestOnlyWhoAnswersIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		bloom bool
		want  int
	}{"bloom": {true, 1}, "no bloom": {false, 0}} {
		w, l := relayed(t)
		w.hub.leave(l)
		l.bloom = c.bloom
		for range 3 {
			w.hub.join(l) // btcd bans who asks often
			w.hub.expire()
			w.hub.reopen()
		}
		if n := len(l.out); n != c.want {
			t.Errorf("%s: asked %d times, want %d", name, n, c.want)
		}
	}
}

// TestLargeMempool: a mempool of any size is fetched in bounds, and beside it a
// new payment is asked for at once.
func TestLargeMempool(t *testing.T) {
	w, l := relayed(t)
	l.spare.Store(bytesPerSpan)
	var many []chainhash.Hash
	for i := range wire.MaxInvPerMsg - 1 {
		many = append(many, chainhash.Hash{byte(i), byte(i >> 8), 1})
	}
	w.hub.inv(l, announce(many...))
	if n := len(w.hub.known); n != maxBackfill {
		t.Errorf("%d transactions of one announcement are remembered, want %d", n, maxBackfill)
	}
	asked := len(l.out)
	if asked > maxOldInflight+maxFreshPerInv {
		t.Errorf("%d are asked for at once, at most %d may be", asked, maxOldInflight)
	}
	w.hub.inv(l, announce(chainhash.Hash{9, 9, 9}))
	if len(l.out) != asked+1 {
		t.Error("a new payment waits behind the mempool")
	}
	l.spare.Store(bytesPerSpan / 3)
	for range asked + 1 {
		msg := (<-l.out).(*wire.MsgGetData)
		missing := wire.NewMsgNotFound()
		_ = missing.AddInvVect(msg.InvList[0])
		w.hub.notFound(l, missing)
	}
	w.hub.expire()
	if len(l.out) != 0 || len(w.hub.later) == 0 {
		t.Errorf("a peer that has sent much is asked for %d more, %d wait", len(l.out), len(w.hub.later))
	}
	l.spare.Store(bytesPerSpan)
	if w.hub.expire(); len(l.out) == 0 {
		t.Error("it is not asked again later")
	}
}

// TestUsableOnceTheRelayStands: no QR before unconfirmed payments can be seen,
// and none is withheld for ever where nobody relays.
func TestUsableOnceTheRelayStands(t *testing.T) {
	w, _ := relayed(t)
	now := time.Now()
	w.cfg.Now = func() time.Time { return now }
	for name, c := range map[string]struct {
		chosen         []string
		wanted, relays int
		waited         time.Duration
		usableIf       bool
		thenCode       chain.HealthCode
	}{
		"one of one":       {[]string{"a"}, 1, 1, 0, true, chain.HealthOK},
		"none of one":      {[]string{"a"}, 1, 0, w.tune.relayAll, false, chain.HealthNoRelay},
		"one of two":       {[]string{"a", "b"}, 2, 1, 0, false, chain.HealthNoRelay},
		"one of two later": {[]string{"a", "b"}, 2, 1, w.tune.relayAll, true, chain.HealthOK},
		"nobody comes":     {[]string{"a"}, 1, 0, w.tune.relaySome, true, chain.HealthNoRelay},
		"seven of eight":   {nil, 8, 7, 0, false, chain.HealthNoRelay},
		"two later":        {nil, 8, 2, w.tune.relayAll, false, chain.HealthNoRelay},
		"three later":      {nil, 8, 3, w.tune.relayAll, true, chain.HealthOK},
		"not wanted":       {[]string{"a"}, 0, 0, 0, true, chain.HealthOK},
	} {
		w.cfg.Peers, w.cfg.RelayPeers = c.chosen, c.wanted
		r := &run{w: w, caught: true, growing: map[*record]bool{}, client: newClient(w, nil)}
		r.looks = newLooker(r, 0)
		r.state = watchdog{peers: 1, relays: c.relays, since: now.Add(-c.waited)}
		r.state.heard = r.listening(now)
		h := r.assess(now, chain.BlockRef{Height: 1, Hash: "x", Time: now})
		if h.Usable() != c.usableIf || h.Code != c.thenCode {
			t.Errorf("%s: %s %s, usable should be %v and the code %q", name, h.State, h.Code, c.usableIf, c.thenCode)
		}
	}
}
