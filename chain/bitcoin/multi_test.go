package bitcoin

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// ways is a shop that watches in several ways at once.
type ways struct {
	*shop
	make  func(t testing.TB) []Way
	hurry bool // decide about a lead at once
}

func (s *ways) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	m, err := NewMulti(MultiConfig{Network: Simnet, File: filepath.Join(s.dir, "ways.json"), Ways: s.make(t), Logger: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	m.tick, m.settle = 100*time.Millisecond, time.Second
	if s.hurry {
		m.grace = 0
	}
	return m
}

func (s *ways) dirOf(name string) string { return filepath.Join(s.dir, name) }

func made(t testing.TB, w *Watcher, err error) *Watcher {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	quick(w)
	return w
}

func (s *ways) p2p(t testing.TB) Way {
	prepare(t, s.dirOf("p2p"))
	w, err := New(Config{Network: Simnet, Dir: s.dirOf("p2p"), Peers: []string{s.P2P()}, Logger: testLog()})
	return Way{Name: "p2p", Watcher: likeMainnet(made(t, w, err)), Cold: true}
}

func (s *ways) core(t testing.TB) Way {
	w, err := NewCore(CoreConfig{Server: Server{Network: Simnet, Dir: s.dirOf("core"), Logger: testLog()}, URL: "http://" + s.RPC(), User: "u", Password: "p"})
	return Way{Name: "core", Watcher: made(t, w, err), Cold: true}
}

func (s *ways) esplora(t testing.TB, at *btcdtest.Esplora, assist bool) Way {
	w, err := NewEsplora(EsploraConfig{Server: Server{Network: Simnet, Dir: s.dirOf("esplora"), Logger: testLog()}, URL: at.URL, Assist: assist, Poll: 200 * time.Millisecond})
	return Way{Name: "esplora", Watcher: made(t, w, err), Helper: assist, Cold: !assist}
}

func (s *ways) electrum(t testing.TB, at *btcdtest.Electrum, name string) Way {
	w, err := NewElectrum(ElectrumConfig{Server: Server{Network: Simnet, Dir: s.dirOf(name), Logger: testLog()}, Address: "tcp://" + at.Addr})
	return Way{Name: name, Watcher: made(t, w, err), Cold: true}
}

// newAuto is the light client with an Esplora that helps.
func newAuto(t testing.TB) (*ways, *btcdtest.Esplora) {
	s := &ways{shop: newShop(t)}
	server := btcdtest.NewEsplora(t, s.Node)
	s.make = func(t testing.TB) []Way { return []Way{s.p2p(t), s.esplora(t, server, true)} }
	return s, server
}

// TestAuto plays the suite of all watchers on the light client with a helper.
func TestAuto(t *testing.T) {
	t.Parallel()
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { s, _ := newAuto(t); return s })
}

// TestMulti plays it on an own node and two Electrum servers.
func TestMulti(t *testing.T) {
	t.Parallel()
	chaintest.Run(t, func(t *testing.T) chaintest.Harness {
		s := &ways{shop: newShop(t)}
		a, b := btcdtest.NewElectrum(t, s.Node), btcdtest.NewElectrum(t, s.Node)
		s.make = func(t testing.TB) []Way {
			return []Way{s.core(t), s.electrum(t, a, "first"), s.electrum(t, b, "second")}
		}
		return s
	})
}

// TestAutoBackfill: what was sent while till was down is seen through the
// helper, and confirmed by the light client alone.
func TestAutoBackfill(t *testing.T) {
	t.Parallel()
	s, server := newAuto(t)
	var down atomic.Bool
	server.Filter = func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			http.Error(w, "too many", http.StatusTooManyRequests)
		}
		return down.Load()
	}
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t)}
	chaintest.BeginReady(t, s, l, to).End(t)
	s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
	session := chaintest.BeginReady(t, s, l, to)
	l.Wait(t, "Seen", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Seen })
	l.Wait(t, "the fee rate, which the helper knows", func() bool { return l.At(to.ID)[0].Proof.FeeRate > 0 })
	down.Store(true)
	s.Mine(t, 1)
	l.Wait(t, "Included without the helper", func() bool { return l.At(to.ID)[0].Kind() == chain.Included })
	if h := session.Watcher.Health(); h.Trust != chain.TrustOwnClient {
		t.Errorf("confirmations stand on %v", h.Trust)
	}
}

// TestLeadLost: the node that blocks are read from goes away, the next way takes
// over, and later gives back.
func TestLeadLost(t *testing.T) {
	t.Parallel()
	s := &ways{shop: newShop(t), hurry: true}
	other := btcdtest.Start(t, btcdtest.Options{Blocks: -1})
	s.CopyTo(t, other)
	electrum := btcdtest.NewElectrum(t, other)
	s.make = func(t testing.TB) []Way { return []Way{s.core(t), s.electrum(t, electrum, "electrum")} }
	l := chaintest.NewLedger(t, Simnet)
	to := []chain.Target{{ID: s.Fresh(t)}, {ID: s.Fresh(t)}}
	session := chaintest.BeginReady(t, s, l, to...)
	if h := session.Watcher.Health(); h.Trust != chain.TrustOwnNode {
		t.Errorf("with its own node it trusts %v", h.Trust)
	}
	s.Stop(t)
	other.Pay(t, string(to[0].ID), 40_000)
	other.Mine(t, 2)
	l.Wait(t, "Included in the other way", func() bool { p := l.At(to[0].ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	l.Wait(t, "Health to name who is gone", func() bool {
		h := session.Watcher.Health()
		return h.State == chain.Degraded && h.Code == chain.HealthUnreachable && h.Detail == "core" && h.Trust == chain.TrustOneServer
	})
	s.Start(t)
	// The lost node comes back with less, and on another branch that then wins.
	s.Node.Pay(t, string(to[1].ID), 50_000)
	s.Mine(t, 4)
	l.Wait(t, "the node to lead again", func() bool { p := l.At(to[1].ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	l.Wait(t, "what only the other chain held to be Retracted", func() bool { return l.At(to[0].ID)[0].Had(chain.Retracted) })
	l.Wait(t, "Health to name the server on another chain", func() bool {
		h := session.Watcher.Health()
		return h.State == chain.Degraded && h.Code == chain.HealthLying && h.Detail == "electrum"
	})
	if tip := l.Tip(); tip.Agreed != 600 {
		t.Errorf("blocks up to %d count as agreed on, the ways part after 600", tip.Agreed)
	}
	s.CopyTo(t, other)
	l.Wait(t, "everybody to agree", func() bool {
		tip := l.Tip()
		return tip.Agreed == tip.Block.Height && session.Watcher.Health().State == chain.Ready
	})
}

// TestInvented: a helper invents a payment. It is shown as what one server says,
// and never confirmed.
func TestInvented(t *testing.T) {
	t.Parallel()
	s, server := newAuto(t)
	to := chain.Target{ID: s.Fresh(t)}
	tx := s.Build(t, btcdOutput(to.ID, 70_000)) // known to nobody else
	txid := tx.TxHash().String()
	server.Filter = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, string(to.ID)+"/txs/mempool"):
			_, _ = w.Write([]byte(`[{"txid":"` + txid + `","fee":500,"weight":561,"status":{"confirmed":false}}]`))
		case strings.HasSuffix(r.URL.Path, txid+"/hex"):
			_, _ = w.Write([]byte(btcdtest.Hex(tx)))
		case strings.HasSuffix(r.URL.Path, txid):
			_, _ = w.Write([]byte(`{"txid":"` + txid + `","fee":500,"weight":561,"status":{"confirmed":true,"block_height":601,"block_hash":"` + s.Hash(t, s.Height(t)) + `"}}`))
		case strings.HasSuffix(r.URL.Path, txid+"/merkle-proof"):
			_, _ = w.Write([]byte(`{"block_height":601,"merkle":[],"pos":0}`))
		default:
			return false
		}
		return true
	}
	l := chaintest.NewLedger(t, Simnet)
	chaintest.BeginReady(t, s, l, to)
	l.Wait(t, "Seen", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Seen })
	if p := l.At(to.ID)[0].Proof; p.Announcers > 1 || p.OwnNode {
		t.Errorf("one server's word counts as more: %+v", p)
	}
	s.Mine(t, 3)
	l.Wait(t, "the tip", func() bool { return l.Tip().Block.Height == s.Height(t) })
	if p := l.At(to.ID)[0]; p.Had(chain.Included) {
		t.Errorf("an invented payment was confirmed: %+v", p.History)
	}
}
