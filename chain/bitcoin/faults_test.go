package bitcoin

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// fault is what a bad network does to one connection. What comes from the peer
// is taken apart into messages, so that one can be lost or come later than the
// one after it, as where a peer itself drops or reorders what it sends.
type fault struct {
	name    string
	delay   time.Duration // each message waits up to so long
	lose    int           // of 100 messages after the handshake
	swap    int           // of 100
	resetAt int           // message in the middle of which the connection is reset
	deafAt  int           // message after which nothing comes, and nothing is sent
	drip    time.Duration // between two pieces of a message
}

// faults are drawn from for every connection; every third one is sound, or
// nothing could ever be found.
var faults = []fault{
	{name: "delay", delay: 120 * time.Millisecond},
	{name: "loss", lose: 20},
	{name: "reordering", swap: 40, delay: 10 * time.Millisecond},
	{name: "reset", resetAt: 12},
	{name: "reset in the handshake", resetAt: 1},
	{name: "half-open", deafAt: 9},
	{name: "half-open from the start", deafAt: 1},
	{name: "slow", drip: 30 * time.Millisecond},
}

// badNetwork gives every connection a fault that follows from the seed and the
// connection's number alone.
type badNetwork struct {
	seed  uint64
	only  string // one sort of fault, "" = any
	way   string // core, esplora, electrum, "" = the light client
	mu    sync.Mutex
	count uint64
	log   []string
}

func (n *badNetwork) dial(ctx context.Context, addr net.Addr) (net.Conn, error) {
	return n.dialText(ctx, "tcp", addr.String())
}

func (n *badNetwork) dialText(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count++
	random := rand.New(rand.NewPCG(n.seed, n.count))
	f := faults[random.IntN(len(faults))]
	if n.only != "" {
		for _, one := range faults {
			if one.name == n.only {
				f = one
			}
		}
	}
	if f.resetAt > 1 {
		f.resetAt += random.IntN(20)
	}
	if f.deafAt > 1 {
		f.deafAt += random.IntN(20)
	}
	if n.count%3 == 0 {
		f = fault{name: "none"}
	}
	n.log = append(n.log, fmt.Sprintf("%d: %s", n.count, f.name))
	c := &badConn{Conn: conn, fault: f, random: random, cut: message, quit: make(chan struct{})}
	switch n.way {
	case "electrum":
		in := bufio.NewReader(conn)
		c.cut = func(io.Reader) ([]byte, error) { return in.ReadBytes('\n') }
	case "core", "esplora":
		c.cut = piece
	}
	c.out, c.in = io.Pipe()
	go c.pump()
	return c, nil
}

// badConn is a connection with a fault.
type badConn struct {
	net.Conn
	fault  fault
	random *rand.Rand
	cut    func(io.Reader) ([]byte, error) // takes one message off what comes
	out    *io.PipeReader
	in     *io.PipeWriter
	quit   chan struct{}
	once   sync.Once

	mu       sync.Mutex
	deaf     bool
	deadline *time.Timer
}

// pump hands messages on in the way of the fault.
func (c *badConn) pump() {
	var held []byte
	for n := 1; ; n++ {
		msg, err := c.cut(c.Conn)
		if err != nil {
			_ = c.in.CloseWithError(err)
			return
		}
		sound := n <= 4 // the handshake itself, or hardly any connection would stand
		if c.fault.delay > 0 {
			c.sleep(time.Duration(c.random.Int64N(int64(c.fault.delay))))
		}
		switch {
		case c.fault.deafAt > 0 && n > c.fault.deafAt:
			c.mu.Lock()
			c.deaf = true
			c.mu.Unlock()
			continue
		case c.fault.resetAt > 0 && n >= c.fault.resetAt:
			_, _ = c.in.Write(msg[:len(msg)/2])
			if tcp, ok := c.Conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
			return
		case !sound && c.random.IntN(100) < c.fault.lose:
			continue
		case !sound && held == nil && c.random.IntN(100) < c.fault.swap:
			held = msg
			continue
		}
		if !c.hand(msg) || held != nil && !c.hand(held) {
			return
		}
		held = nil
	}
}

func (c *badConn) hand(msg []byte) bool {
	if c.fault.drip == 0 {
		_, err := c.in.Write(msg)
		return err == nil
	}
	for len(msg) > 0 {
		piece := min(len(msg), 1+c.random.IntN(max(1, len(msg)/3+50)))
		if _, err := c.in.Write(msg[:piece]); err != nil {
			return false
		}
		msg = msg[piece:]
		c.sleep(c.fault.drip)
	}
	return true
}

// message reads one message of the peer protocol as it is.
func message(r io.Reader) ([]byte, error) {
	head := make([]byte, 24)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head[16:])
	if length > 32<<20 {
		return nil, errors.New("a message without end")
	}
	msg := append(head, make([]byte, length)...)
	_, err := io.ReadFull(r, msg[24:])
	return msg, err
}

// piece reads what comes next of a stream without messages.
func piece(r io.Reader) ([]byte, error) {
	p := make([]byte, 2_000)
	n, err := r.Read(p)
	return p[:n], err
}

func (c *badConn) sleep(d time.Duration) {
	select {
	case <-c.quit:
	case <-time.After(d):
	}
}

func (c *badConn) Read(p []byte) (int, error) { return c.out.Read(p) }

// Write loses everything on a connection that is half open, as the kernel does
// until it gives up.
func (c *badConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	deaf := c.deaf
	c.mu.Unlock()
	if deaf {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// SetReadDeadline ends reads as a socket does, though for good.
func (c *badConn) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline != nil {
		c.deadline.Stop()
		c.deadline = nil
	}
	if !at.IsZero() {
		c.deadline = time.AfterFunc(time.Until(at), func() { _ = c.out.CloseWithError(os.ErrDeadlineExceeded) })
	}
	return nil
}

func (c *badConn) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.Conn.SetWriteDeadline(at))
}

func (c *badConn) Close() error {
	c.once.Do(func() { close(c.quit) })
	_ = c.out.CloseWithError(net.ErrClosed)
	_ = c.in.CloseWithError(net.ErrClosed)
	return c.Conn.Close()
}

// TestBadNetwork: whatever the network between till and its node does, every
// payment is found, at most late; nothing is counted twice or made up. A failing
// run is played again by its seed, with TILL_SEED.
func TestBadNetwork(t *testing.T) {
	full := os.Getenv("TILL_FULL") != ""
	runs := []*badNetwork{{seed: 1}}
	for seed := range uint64(6) {
		if full {
			runs = append(runs, &badNetwork{seed: 2 + seed})
		}
	}
	for _, f := range faults {
		if full || f.name == "reset" || f.name == "half-open" {
			runs = append(runs, &badNetwork{seed: 7, only: f.name})
		}
	}
	for _, way := range []string{"core", "esplora", "electrum"} {
		runs = append(runs, &badNetwork{seed: 1, way: way})
		if full {
			runs = append(runs, &badNetwork{seed: 2, way: way})
		}
	}
	if text := os.Getenv("TILL_SEED"); text != "" {
		n := &badNetwork{way: os.Getenv("TILL_WAY")}
		if _, err := fmt.Sscan(text, &n.seed); err != nil {
			t.Fatal(err)
		}
		runs = []*badNetwork{n}
	}
	for _, n := range runs {
		name := n.only
		if name == "" {
			name = "any"
		}
		t.Run(strings.TrimPrefix(fmt.Sprintf("%s/%s/seed=%d", n.way, name, n.seed), "/"), func(t *testing.T) {
			t.Parallel()
			defer func() {
				if t.Failed() {
					n.mu.Lock()
					defer n.mu.Unlock()
					t.Logf("connections: %v", n.log)
				}
			}()
			throughFaults(t, n)
		})
	}
}

// watcher is one whose connections are bad.
func (n *badNetwork) watcher(t *testing.T, s *shop) (w *Watcher) {
	t.Helper()
	var err error
	server := Server{Network: Simnet, Dir: s.dir, Logger: testLog()}
	client := &http.Client{Transport: &http.Transport{DialContext: n.dialText, IdleConnTimeout: time.Minute}}
	switch n.way {
	case "core":
		if w, err = NewCore(CoreConfig{Server: server, URL: "http://u:p@" + s.RPC(), HTTP: client}); err == nil {
			w.backend.(*core).rpc.patience = 1500 * time.Millisecond
		}
	case "esplora":
		w, err = NewEsplora(EsploraConfig{Server: server, URL: btcdtest.NewEsplora(t, s.Node).URL, Poll: 200 * time.Millisecond, HTTP: client})
	case "electrum":
		w, err = NewElectrum(ElectrumConfig{Server: server, Address: "tcp://" + btcdtest.NewElectrum(t, s.Node).Addr, Dial: n.dialText})
	default:
		w, err = New(Config{Network: Simnet, Dir: s.dir, Peers: []string{s.P2P()}, Dial: n.dial, Logger: testLog()})
	}
	if err != nil {
		t.Fatal(err)
	}
	w.tune.patience = 1500 * time.Millisecond
	return likeMainnet(w)
}

func throughFaults(t *testing.T, n *badNetwork) {
	s := newShop(t)
	w := n.watcher(t, s)
	w.tune.redialMin, w.tune.redialMax = 20*time.Millisecond, 200*time.Millisecond
	w.tune.request, w.tune.query, w.tune.behind = 200*time.Millisecond, 3*time.Second, 1500*time.Millisecond
	w.tune.ping, w.tune.handshake = 300*time.Millisecond, 2*time.Second
	l := chaintest.NewLedger(t, Simnet)
	var targets []chain.Target
	for range 8 {
		targets = append(targets, chain.Target{ID: s.Fresh(t)})
	}
	session := chaintest.Begin(t, &given{s, w}, l, targets...)
	l.Wait(t, "the first headers", func() bool { return l.Tip().Block.Height > 0 })
	for i, to := range targets {
		s.Pay(t, to.ID, chain.Bitcoin, chain.Units(uint64(20_000+i)))
		time.Sleep(100 * time.Millisecond)
		s.Mine(t, 1+i%2)
		if i == 5 {
			s.Reorg(t, 2, true)
		}
	}
	seen := 0
	for i, to := range targets {
		// A block now and then, as in life: somebody announces it.
		last := time.Now()
		l.Wait(t, fmt.Sprintf("payment %d", i+1), func() bool {
			if time.Since(last) > 5*time.Second {
				last = time.Now()
				s.Mine(t, 1)
			}
			p := l.At(to.ID)
			return len(p) == 1 && p[0].Kind() == chain.Included
		})
		p := l.At(to.ID)[0]
		if p.Event.Amount != chain.Units(uint64(20_000+i)) {
			t.Errorf("payment %d is of %s", i+1, p.Event.Amount)
		}
		if p.Had(chain.Seen) {
			seen++
		}
	}
	if l.Payments() != len(targets) {
		t.Errorf("%d payments were reported, %d were made", l.Payments(), len(targets))
	}
	n.mu.Lock()
	t.Logf("%d of %d were seen before their block, over %d connections", seen, len(targets), n.count)
	n.mu.Unlock()
	session.End(t)
}
