package bitcoin

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// fakePeer is a peer that says what a test tells it. It listens on a loopback
// address of its own, because neutrino bans by IP address.
type fakePeer struct {
	t      *testing.T
	addr   string
	height int32
	serve  func(chainhash.Hash) *wire.MsgTx // nil answer: notfound
	silent bool                             // never answers getdata

	mu     sync.Mutex
	relays map[net.Conn]bool // connections that want transactions
	dialed int               // how many of them there ever were
	asked  []chainhash.Hash
}

// listenOn serves connections at a loopback address until the test ends.
func listenOn(t testing.TB, ip string, talk func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	}
	var wg sync.WaitGroup
	var all sync.Map
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Store(conn, true)
			wg.Go(func() {
				defer conn.Close()
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Range(func(conn, _ any) bool { _ = conn.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return l.Addr().String()
}

func newFakePeer(t *testing.T, ip string, setup func(*fakePeer)) *fakePeer {
	t.Helper()
	f := &fakePeer{t: t, relays: map[net.Conn]bool{}}
	if setup != nil {
		setup(f)
	}
	f.addr = listenOn(t, ip, f.talk)
	return f
}

var fakeNet = chaincfg.SimNetParams.Net

func (f *fakePeer) put(conn net.Conn, msg wire.Message) error {
	_, err := wire.WriteMessageWithEncodingN(conn, msg, wire.AddrV2Version, fakeNet, wire.WitnessEncoding)
	return err
}

func (f *fakePeer) talk(conn net.Conn) {
	defer func() {
		f.mu.Lock()
		delete(f.relays, conn)
		f.mu.Unlock()
	}()
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(conn, wire.AddrV2Version, fakeNet, wire.WitnessEncoding)
		if err != nil {
			return
		}
		switch msg := msg.(type) {
		case *wire.MsgVersion:
			none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
			mine := wire.NewMsgVersion(none, none, uint64(time.Now().UnixNano()), f.height)
			mine.UserAgent = "/Satoshi:29.0.0/"
			mine.Services = wire.SFNodeNetwork | wire.SFNodeWitness
			mine.ProtocolVersion = int32(wire.AddrV2Version)
			if f.put(conn, mine) != nil || f.put(conn, wire.NewMsgVerAck()) != nil {
				return
			}
			if !msg.DisableRelayTx {
				f.mu.Lock()
				f.relays[conn] = true
				f.dialed++
				f.mu.Unlock()
			}
		case *wire.MsgPing:
			_ = f.put(conn, wire.NewMsgPong(msg.Nonce))
		case *wire.MsgGetData:
			for _, iv := range msg.InvList {
				f.mu.Lock()
				f.asked = append(f.asked, iv.Hash)
				f.mu.Unlock()
				if f.silent {
					continue
				}
				var tx *wire.MsgTx
				if f.serve != nil {
					tx = f.serve(iv.Hash)
				}
				if tx != nil {
					_ = f.put(conn, tx)
				} else {
					missing := wire.NewMsgNotFound()
					_ = missing.AddInvVect(iv)
					_ = f.put(conn, missing)
				}
			}
		}
	}
}

// connected counts the till's relay connections; dials counts all there were.
func (f *fakePeer) connected() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.relays)
}

func (f *fakePeer) dials() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dialed
}

func (f *fakePeer) wasAsked(txid chainhash.Hash) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, hash := range f.asked {
		if hash == txid {
			return true
		}
	}
	return false
}

// say sends messages on every relay connection.
func (f *fakePeer) say(msgs ...wire.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.relays {
		for _, msg := range msgs {
			_ = f.put(conn, msg)
		}
	}
}

// shout sends bytes as they are.
func (f *fakePeer) shout(raw []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.relays {
		_, _ = conn.Write(raw)
	}
}

func announce(txids ...chainhash.Hash) *wire.MsgInv {
	inv := wire.NewMsgInv()
	for i := range txids {
		_ = inv.AddInvVect(wire.NewInvVect(wire.InvTypeTx, &txids[i]))
	}
	return inv
}

// mixed is a shop whose watcher also talks to fake peers.
type mixed struct {
	*shop
	fakes  []*fakePeer
	change func(*Watcher)
}

func (m *mixed) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	cfg := Config{Network: Simnet, Dir: m.dir, Peers: []string{m.P2P()}, Logger: testLog()}
	for _, f := range m.fakes {
		cfg.Peers = append(cfg.Peers, f.addr)
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.tune.request = 300 * time.Millisecond
	w.tune.evidence = 50 * time.Millisecond
	if m.change != nil {
		m.change(w)
	}
	return w
}

// begin starts a session whose relay is connected to everybody.
func (m *mixed) begin(t *testing.T, l *chaintest.Ledger, targets ...chain.Target) *chaintest.Session {
	t.Helper()
	s := chaintest.BeginReady(t, m, l, targets...)
	l.Wait(t, "the relay to be complete", func() bool { return s.Watcher.Health().Relays == 1+len(m.fakes) })
	return s
}
