package bitcoin

import (
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// esploraShop is a shop that asks an Esplora server over btcd's data.
type esploraShop struct {
	*shop
	server *btcdtest.Esplora
	poll   time.Duration
}

func newEsploraShop(t testing.TB, sockets bool) *esploraShop {
	s := &esploraShop{shop: newShop(t), poll: 200 * time.Millisecond}
	s.server = btcdtest.NewEsplora(t, s.Node)
	s.server.Sockets = sockets
	return s
}

func (s *esploraShop) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	w, err := NewEsplora(EsploraConfig{Server: Server{Network: Simnet, Dir: s.dir, Logger: testLog()}, URL: s.server.URL, Poll: s.poll})
	if err != nil {
		t.Fatal(err)
	}
	quick(w)
	return w
}

// TestEsplora plays the suite of all watchers on an Esplora server.
func TestEsplora(t *testing.T) {
	t.Parallel()
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { return newEsploraShop(t, false) })
}

// TestEsploraSocket: with mempool.space's websocket a payment and a block are
// known at once, however rarely the server is polled.
func TestEsploraSocket(t *testing.T) {
	t.Parallel()
	s := newEsploraShop(t, true)
	s.poll = time.Hour
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t)}
	chaintest.BeginReady(t, s, l, to)
	s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
	l.Wait(t, "Seen", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Seen })
	if p := l.At(to.ID)[0]; p.Proof.FeeRate == 0 {
		t.Errorf("the fee rate is not known: %+v", p.Proof)
	}
	s.Mine(t, 1)
	l.Wait(t, "Included", func() bool { return l.At(to.ID)[0].Kind() == chain.Included })
}
