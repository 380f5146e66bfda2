package bitcoin

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// socksServer is a SOCKS5 proxy (RFC 1928, RFC 1929) with Tor's RESOLVE. It
// knows names that no name server knows.
type socksServer struct {
	addr  string
	names map[string]string // name -> host:port to connect to, or an IP to resolve to

	mu       sync.Mutex
	asked    []string // what was asked for, "connect name:port" or "resolve name"
	users    []string
	refusing bool
}

func startSocks(t *testing.T, names map[string]string) *socksServer {
	t.Helper()
	s := &socksServer{names: names}
	s.addr = listenOn(t, "127.0.0.1", s.serve)
	return s
}

func (s *socksServer) serve(conn net.Conn) {
	take := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			return nil
		}
		return b
	}
	head := take(2)
	if head == nil || head[0] != 5 {
		return
	}
	methods := take(int(head[1]))
	if slices.Contains(methods, 2) { // as Tor does, where credentials are offered
		_, _ = conn.Write([]byte{5, 2})
		user := take(2)
		if user == nil {
			return
		}
		name := take(int(user[1]))
		secret := take(1)
		if secret == nil || take(int(secret[0])) == nil {
			return
		}
		s.mu.Lock()
		s.users = append(s.users, string(name))
		s.mu.Unlock()
		_, _ = conn.Write([]byte{1, 0})
	} else {
		_, _ = conn.Write([]byte{5, 0})
	}
	req := take(4)
	if req == nil {
		return
	}
	var host string
	switch req[3] {
	case 1:
		host = net.IP(take(4)).String()
	case 3:
		host = string(take(int(take(1)[0])))
	case 4:
		host = net.IP(take(16)).String()
	}
	port := binary.BigEndian.Uint16(take(2))
	full := net.JoinHostPort(host, strconv.Itoa(int(port)))
	s.mu.Lock()
	what, to := "connect "+full, s.names[full]
	if req[1] == 0xf0 {
		what, to = "resolve "+host, s.names[host]
	}
	s.asked = append(s.asked, what)
	refusing := s.refusing
	s.mu.Unlock()
	if to == "" || refusing {
		_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	if req[1] == 0xf0 {
		_, _ = conn.Write(append(append([]byte{5, 0, 0, 1}, net.ParseIP(to).To4()...), 0, 0))
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		_, _ = conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	defer far.Close()
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() {
		_, _ = io.Copy(far, conn)
		_ = far.Close()
	}()
	_, _ = io.Copy(conn, far)
}

func (s *socksServer) was(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.asked, what)
}

// TestProxy: peers are reached through a SOCKS5 proxy by names that only the
// proxy can resolve, an onion name among them, blocks and relay alike; no name
// server is asked, and every connection has credentials of its own.
func TestProxy(t *testing.T) {
	t.Parallel()
	for name, peer := range map[string]string{
		"onion": "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion:8333",
		"name":  "node.till.invalid:18555",
		"ip":    "203.0.113.7:18555",
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			socks := startSocks(t, map[string]string{peer: s.P2P()})
			w, err := New(Config{Network: Simnet, Dir: s.dir, Peers: []string{peer}, Proxy: socks.addr, Logger: testLog()})
			if err != nil {
				t.Fatal(err)
			}
			l := chaintest.NewLedger(t, Simnet)
			to := chain.Target{ID: s.Fresh(t)}
			chaintest.BeginReady(t, &given{s, w}, l, to)
			s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
			l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
			s.Mine(t, 1)
			l.Wait(t, "Included", func() bool { return l.At(to.ID)[0].Kind() == chain.Included })
			if !socks.was("connect " + peer) {
				t.Errorf("the proxy was asked for %v", socks.asked)
			}
			socks.mu.Lock()
			defer socks.mu.Unlock()
			users := slices.Clone(socks.users)
			slices.Sort(users)
			if len(users) < 2 || len(slices.Compact(slices.Clone(users))) != len(users) {
				t.Errorf("connections share credentials, and so a way through Tor: %v", users)
			}
		})
	}
}

// TestSeedsThroughProxy: names of DNS seeds go to the proxy too.
func TestSeedsThroughProxy(t *testing.T) {
	f := newFakePeer(t, "127.0.0.2", nil)
	socks := startSocks(t, map[string]string{"seed.till.invalid": "11.9.0.1", "11.9.0.1:18555": f.addr})
	w, err := New(Config{Network: Simnet, Dir: t.TempDir(), Peers: []string{"127.0.0.1:1"}, Proxy: socks.addr})
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.Peers, w.cfg.RelayPeers = nil, 1
	w.params.DNSSeeds = []chaincfg.DNSSeed{{Host: "seed.till.invalid"}}
	w.tune.redialMin, w.tune.redialMax = 10*time.Millisecond, 50*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.hub.run(ctx) })
	defer wg.Wait()
	defer cancel()
	for end := time.Now().Add(30 * time.Second); w.hub.count() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no relay peer; the proxy was asked for %v", socks.asked)
		}
	}
	socks.mu.Lock()
	socks.refusing = true
	socks.mu.Unlock()
	if ips, err := w.cfg.Resolve("seed.till.invalid"); err == nil {
		t.Errorf("where the proxy resolves nothing a name is %v", ips)
	}
}
