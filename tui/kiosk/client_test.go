package kiosk

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
	gossh "golang.org/x/crypto/ssh"
)

// service is a server on a free port.
type service struct {
	*Server
	addr string

	mu   sync.Mutex
	keys Keys
	err  error
	log  bytes.Buffer
}

func (s *service) setKeys(keys Keys, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.err = keys, err
}

func (s *service) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func serve(t testing.TB, screen func(Terminal) tui.Config, keys Keys, change ...func(*Config)) *service {
	t.Helper()
	pem, err := NewHostKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ReadHostKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	svc := &service{keys: keys}
	cfg := Config{
		Host: host, Screen: screen, Words: words.For("en", words.Format{}), Log: slog.New(slog.NewTextHandler(svc, nil)),
		Keys: func() (Keys, error) {
			svc.mu.Lock()
			defer svc.mu.Unlock()
			return svc.keys, svc.err
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	if svc.Server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	svc.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- svc.Serve(smallBuffers{l}) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := svc.Close(ctx); err != nil {
			t.Error("closing:", err)
		}
		if err := <-served; err != nil {
			t.Error("serving:", err)
		}
	})
	return svc
}

// smallBuffers lets a client that reads nothing be felt soon.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		_ = c.(*net.TCPConn).SetWriteBuffer(4096)
	}
	return c, err
}

// person has a private key.
func person(t testing.TB) gossh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opens(s gossh.Signer, t Terminal) Key { return Key{Terminal: t, public: s.PublicKey()} }

func dial(t testing.TB, addr, user string, keys ...gossh.Signer) (*gossh.Client, error) {
	t.Helper()
	c, err := gossh.Dial("tcp", addr, &gossh.ClientConfig{
		User: user, Auth: []gossh.AuthMethod{gossh.PublicKeys(keys...)},
		HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second,
	})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// screen is a client with a terminal.
type screen struct {
	t      testing.TB
	client *gossh.Client
	sess   *gossh.Session
	in     io.WriteCloser
	ended  chan struct{}
	err    error // of the session, once ended

	mu    sync.Mutex
	vt    *vt.Emulator
	bytes int
	said  bytes.Buffer // on standard error
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += len(p)
	return s.vt.Write(p)
}

// errors is the session's standard error.
type errorsOf struct{ s *screen }

func (e errorsOf) Write(p []byte) (int, error) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	return e.s.said.Write(p)
}

// open asks for a screen.
func open(t testing.TB, client *gossh.Client, cols, rows int) *screen {
	t.Helper()
	sess, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, client: client, sess: sess, vt: vt.NewEmulator(min(max(cols, 1), 300), min(max(rows, 1), 100)), ended: make(chan struct{})}
	sess.Stdout, sess.Stderr = s, errorsOf{s}
	if s.in, err = sess.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	go func() { // answers of the terminal to questions of the program
		b := make([]byte, 4096)
		for {
			n, err := s.vt.Read(b)
			if err != nil {
				return
			}
			_, _ = s.in.Write(b[:n])
		}
	}()
	if err := sess.RequestPty("xterm-256color", rows, cols, gossh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	if err := sess.Shell(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = sess.Wait()
		hangUp(s.vt)
		close(s.ended)
	}()
	return s
}

// hangUp ends an emulator's Read; its own Close must not run beside that.
func hangUp(e *vt.Emulator) {
	if pipe, ok := e.InputPipe().(io.Closer); ok {
		_ = pipe.Close()
	}
}

func (s *screen) frame() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vt.String()
}

func (s *screen) until(what string, ok func(string) bool) *screen {
	s.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		f := s.frame()
		if ok(f) {
			return s
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not to be seen:\n%s", what, f)
		}
	}
}

func (s *screen) see(texts ...string) *screen {
	s.t.Helper()
	for _, text := range texts {
		s.until(text, func(f string) bool { return strings.Contains(f, text) })
	}
	return s
}

func (s *screen) typed(keys string) *screen {
	s.t.Helper()
	if _, err := io.WriteString(s.in, keys); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// end waits until the session ends, and returns what it said at last and its exit
// code; -1 where the line was cut.
func (s *screen) end() (said string, code int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("the session does not end:\n%s", s.frame())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch err := s.err.(type) {
	case nil:
	case *gossh.ExitError:
		code = err.ExitStatus()
	default:
		code = -1
	}
	return strings.Join(strings.Fields(s.vt.String()+" "+s.said.String()), " "), code
}

// nothingLeft waits until there are no more goroutines than before.
func nothingLeft(t testing.TB, before int) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
		if time.Now().After(deadline) {
			b := make([]byte, 1<<20)
			stacks := b[:runtime.Stack(b, true)]
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks)
		}
	}
}
