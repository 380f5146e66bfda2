package bitcoin

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lightninglabs/neutrino/banman"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// named is a light client whose one peer is chosen by its name.
func named(t *testing.T, s *shop) *Watcher {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.P2P())
	w, err := New(Config{
		Network: Simnet, Dir: s.dir, Peers: []string{"node.example:" + port}, Logger: testLog(),
		Resolve: func(host string) ([]net.IP, error) {
			if host != "node.example" {
				return nil, errors.New("no such name")
			}
			return []net.IP{net.IPv4(127, 0, 0, 1)}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestBanOfAName: a node that the shop chose by name was banned, as when it
// served no filters at first. The next start tries it again.
func TestBanOfAName(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	st, err := openStore(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	bans, err := banman.NewStore(st.db)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := banman.ParseIPNet("127.0.0.1:1", nil)
	if err := bans.BanIPNet(whole, banman.NoCompactFilters, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
	chaintest.BeginReady(t, &given{s, named(t, s)}, chaintest.NewLedger(t, Simnet))
}

// TestNoFiltersOfAName: a node without filters is named as the reason, also when
// it was chosen by name.
func TestNoFiltersOfAName(t *testing.T) {
	t.Parallel()
	s := &shop{Node: btcdtest.Start(t, btcdtest.Options{Blocks: 10, Args: []string{"--nocfilters"}}), dir: t.TempDir()}
	l := chaintest.NewLedger(t, Simnet)
	session := chaintest.Begin(t, &given{s, named(t, s)}, l)
	l.Wait(t, "the reason", func() bool {
		h := session.Watcher.Health()
		return h.Code == chain.HealthNoFilters && h.State == chain.Down
	})
}

// muted is a connection on which nothing is heard any more once a message of one
// kind was begun.
type muted struct {
	net.Conn
	command []byte
	hushed  *atomic.Bool
	closed  chan struct{}
}

func (m *muted) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if m.hushed.Load() || bytes.Contains(p[:n], m.command) {
		m.hushed.Store(true)
		<-m.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (m *muted) Close() error {
	select {
	case <-m.closed:
	default:
		close(m.closed)
	}
	return m.Conn.Close()
}

// TestLeavingDoesNotWaitForPeers: neutrino waits ten seconds for each question
// that a peer leaves open, and the till does not.
func TestLeavingDoesNotWaitForPeers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	hushed := new(atomic.Bool)
	w, err := New(Config{
		Network: Simnet, Dir: s.dir, Peers: []string{s.P2P()}, RelayPeers: -1, Logger: testLog(),
		Dial: func(ctx context.Context, addr net.Addr) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
			if err != nil {
				return nil, err
			}
			return &muted{Conn: conn, command: []byte("cfheaders"), hushed: hushed, closed: make(chan struct{})}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.tune.parting = time.Second
	l := chaintest.NewLedger(t, Simnet)
	session := chaintest.Begin(t, &given{s, w}, l)
	l.Wait(t, "the peer to fall silent", hushed.Load)
	time.Sleep(200 * time.Millisecond) // let it be asked for more
	began := time.Now()
	session.End(t)
	if d := time.Since(began); d > 6*time.Second {
		t.Errorf("leaving took %v", d)
	}
	// Whoever was left behind ends as well, and the folder is free again.
	w.cfg.Dial = func(ctx context.Context, addr net.Addr) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if st, err := openStore(s.dir); err == nil {
			_ = st.close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("the folder stays in use")
		}
	}
	chaintest.BeginReady(t, &given{s, w}, l)
}
