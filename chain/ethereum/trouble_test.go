package ethereum_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/ethereum"
)

// A node that was restored from a backup is waited for, on quick chains too:
// what was read from it before is not taken back.
func TestNodeRestoredFromBackup(t *testing.T) {
	h, f := newOnFake(t, func(c *ethereum.Config, _ *fakeNode) {
		c.BlockTime, c.Stale = 10*time.Millisecond, time.Hour
	})
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	h.Mine(t, 5)
	s := chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5_000))
	h.Mine(t, 2)
	waitKind(t, l, to.ID, chain.Included)
	waitTip(t, l, h)
	var old json.RawMessage
	if err := f.real.Call(&old, "eth_getBlockByNumber", "0x3", false); err != nil {
		t.Fatal(err)
	}
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		switch {
		case method == "eth_getBlockByNumber" && params[0] == "latest":
			return old, nil
		case method == "eth_getBlockByHash":
			return json.RawMessage("null"), nil
		}
		return answer, nil
	})
	asked := f.calls("eth_getBlockByNumber")
	l.Wait(t, "it to be asked often", func() bool { return f.calls("eth_getBlockByNumber") > asked+60 })
	if s.Watcher.Health().Code != chain.HealthBehind {
		l.Wait(t, "it to be found behind", func() bool { return s.Watcher.Health().Code == chain.HealthBehind })
	}
	f.meddle(nil)
	h.Mine(t, 1)
	waitTip(t, l, h)
	if l.At(to.ID)[0].Had(chain.Retracted) {
		t.Errorf("a node from a backup had a payment retracted\n%s", l)
	}
}

// Behind a load balancer a block may be missing for a moment, also while till
// looks back.
func TestLookBackOverAGap(t *testing.T) {
	h, f := newOnFake(t, nil)
	l := chaintest.NewLedger(t, h.Network())
	h.Mine(t, 1)
	to := target(t, h)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 5)
	s := chaintest.BeginReady(t, h, l)
	var mu sync.Mutex
	gaps := 3
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		mu.Lock()
		defer mu.Unlock()
		if method == "eth_getBlockByNumber" && params[0] == "0x2" && gaps > 0 {
			gaps--
			return json.RawMessage("null"), nil
		}
		return answer, nil
	})
	to.Since = 1
	if err := s.Watcher.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	waitKind(t, l, to.ID, chain.Included)
}

// Only what the quorum agrees on is safe or final.
func TestFinalNeedsTheQuorum(t *testing.T) {
	h, one, two, three := newQuorum(t)
	l := chaintest.NewLedger(t, h.Network())
	for _, f := range []*fakeNode{two, three} {
		f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
			if method == "eth_chainId" {
				return json.RawMessage(`"0x7"`), nil
			}
			return answer, nil
		})
	}
	one.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBlockByNumber" && (params[0] == "safe" || params[0] == "finalized") {
			err := one.real.Call(&answer, method, "latest", false)
			return answer, err
		}
		return answer, nil
	})
	chaintest.Begin(t, h, l)
	h.Mine(t, 3)
	waitTip(t, l, h)
	if tip := l.Tip(); tip.Agreed != 0 || tip.Safe != 0 || tip.Final != 0 {
		t.Errorf("one node of three makes blocks final: %+v", tip)
	}
}

// tap passes what a watcher says on to a node, until it is shut.
type tap struct {
	mu   sync.Mutex
	shut bool
	late bytes.Buffer // what came after
	to   io.Writer
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return p.late.Write(b)
	}
	return p.to.Write(b)
}

// The process dies after the state file was written and before the batch that it
// was written for is stored, at a reorganisation: the file still holds what was in
// the lost blocks, and they are taken back although no node remembers them.
func TestKilledBetweenFileAndBatch(t *testing.T) {
	h, f := newOnFake(t, nil)
	native := h.settings().Native.ID
	safe := h.deploy(t, safeCode)
	l := chaintest.NewLedger(t, h.Network())
	lost, moved, inside := awaiting(t, h), awaiting(t, h), awaiting(t, h)
	kill := false
	l.Decide = func(_ int, events []chain.Event) chaintest.Fate {
		if kill && slices.ContainsFunc(events, func(e chain.Event) bool { return e.Kind == chain.Retracted }) {
			kill = false
			return chaintest.KillBefore
		}
		return chaintest.Commit
	}
	s := chaintest.BeginReady(t, h, l, lost, moved, inside)
	h.Pay(t, lost.ID, native, chain.Units(much))
	h.send(t, safe, much, calling("pay(address)", inside.ID))
	h.Mine(t, 1)
	waitTotal(t, l, h, lost.ID, much)
	waitTotal(t, l, h, inside.ID, much)
	old := h.net.Head()
	kill = true
	h.Reorg(t, 1, false)
	h.Pay(t, moved.ID, native, chain.Units(much))
	h.Mine(t, 1)
	s.Wait(t)
	if kind := kindAt(l, lost.ID); kind != chain.Included {
		t.Fatalf("the payment is %s before the batch is stored", kind)
	}
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBlockByHash" && params[0] == old.Hash {
			return json.RawMessage("null"), nil
		}
		return answer, nil
	})
	s = chaintest.BeginReady(t, h, l, lost, moved, inside)
	waitTotal(t, l, h, moved.ID, much)
	waitTotal(t, l, h, lost.ID, 0)
	waitTotal(t, l, h, inside.ID, 0)
	h.send(t, safe, much/2, calling("pay(address)", inside.ID))
	h.Mine(t, 1)
	waitTotal(t, l, h, inside.ID, much/2)
	s.End(t)
}

// Run ends with its context although the node no longer answers: it does not
// wait for a leave-taking.
func TestEndsOnADeadConnection(t *testing.T) {
	h, f := newOnFake(t, nil)
	path := filepath.Join(t.TempDir(), "node.ipc")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	pipe := &tap{}
	go func() {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		near, far := net.Pipe()
		go func() { _ = f.server.ServeListener(&oneConn{conn: far}) }()
		pipe.to = near
		go func() { _, _ = io.Copy(from, near) }()
		_, _ = io.Copy(pipe, from)
		near.Close()
	}()
	h.config.Endpoints = []string{path}
	w := h.Watcher(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() {
		ended <- w.Run(ctx, chain.Cursor{}, nil, func(context.Context, []chain.Event, chain.Cursor) error { return nil })
	}()
	for end := time.Now().Add(30 * time.Second); !w.Health().Unconfirmed; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("health is %+v", w.Health())
		}
	}
	pipe.mu.Lock()
	pipe.shut = true
	pipe.mu.Unlock()
	stop()
	<-ended
	pipe.mu.Lock()
	defer pipe.mu.Unlock()
	if strings.Contains(pipe.late.String(), "unsubscribe") {
		t.Error("it took leave of a node that no longer listens, and waited for the answer")
	}
}

// oneConn is a listener that has one connection to give.
type oneConn struct {
	conn net.Conn
	once sync.Once
}

func (l *oneConn) Accept() (c net.Conn, err error) {
	err = net.ErrClosed
	l.once.Do(func() { c, err = l.conn, nil })
	return c, err
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }

// When the store comes back the health is what it is by now, not what it was
// before: a watcher that lost its node is not usable.
func TestHealthAfterTheStoreComesBack(t *testing.T) {
	h, f := newOnFake(t, nil)
	w := h.Watcher(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	var mu sync.Mutex
	full, told := false, chain.Health{}
	go func() {
		ended <- w.Run(ctx, chain.Cursor{}, nil, func(_ context.Context, events []chain.Event, _ chain.Cursor) error {
			mu.Lock()
			defer mu.Unlock()
			if full {
				return io.ErrShortWrite
			}
			for _, e := range events {
				if e.Kind == chain.HealthChanged {
					told = e.Health
				}
			}
			if told.State == chain.Down && w.Health().Code == chain.HealthStore {
				stop() // nothing that comes later may hide what is said now
			}
			return nil
		})
	}()
	wait := func(what string, ok func(now chain.Health) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(w.Health()); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s: %+v", what, w.Health())
			}
		}
	}
	wait("start", func(now chain.Health) bool { return now.State == chain.Ready })
	mu.Lock()
	full = true
	mu.Unlock()
	f.meddle(func(string, []any, json.RawMessage) (json.RawMessage, error) {
		return nil, coded{-32000, "out of order"}
	})
	wait("full store", func(now chain.Health) bool { return now.Code == chain.HealthStore })
	if now := w.Health(); now.Usable() {
		t.Errorf("without node and store it is %+v", now)
	}
	mu.Lock()
	full = false
	mu.Unlock()
	<-ended
	if now := w.Health(); now.Usable() {
		t.Errorf("told %+v, but Health is %+v", told, now)
	}
}

// A node says that it feeds a moment before it does: what is sent in between is
// seen all the same.
func TestSentBeforeTheFeedBegins(t *testing.T) {
	h, f := newOnFake(t, func(_ *ethereum.Config, f *fakeNode) { f.mute = true })
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	var once sync.Once
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBlockByNumber" && params[0] == "pending" {
			once.Do(func() { h.Pay(t, to.ID, h.assets[0], chain.Units(5)) })
		}
		return answer, nil
	})
	chaintest.BeginReady(t, h, l, to)
	waitKind(t, l, to.ID, chain.Seen)
}
