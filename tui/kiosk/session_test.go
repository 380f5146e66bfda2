package kiosk

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	gossh "golang.org/x/crypto/ssh"
)

func till(name string) Terminal { return Terminal{Name: name, Role: tui.Cashier} }

func TestASaleOverSSH(t *testing.T) {
	reg, rail := shop(t)
	ana := person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 2"))})
	c, err := dial(t, svc.addr, "till", ana)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, c, 80, 24).see("Café Linde", "till 2").typed("450").see("9,000 sat").typed("\r").see("AWAITING", "bcrt 1qad")
	views, err := reg.Views(t.Context(), pos.Query{Limit: 1})
	if err != nil || len(views) != 1 || views[0].Sale.Terminal != "till 2" {
		t.Fatalf("rung up: %+v, %v", views, err)
	}
	rail.pay(t, views[0])
	s.see("SEEN")
	s.typed("\x03").see("ctrl+c again").typed("\x03")
	if said, code := s.end(); code != 0 || said != "" {
		t.Errorf("left with %d and %q", code, said)
	}
}

// A sale that was begun on one terminal goes on at another; a line that breaks
// changes nothing.
func TestTakingOverASale(t *testing.T) {
	reg, rail := shop(t)
	ana, bob := person(t), person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 1")), opens(bob, till("till 2"))})
	one, err := dial(t, svc.addr, "till", ana)
	if err != nil {
		t.Fatal(err)
	}
	two, err := dial(t, svc.addr, "till", bob)
	if err != nil {
		t.Fatal(err)
	}
	open(t, one, 80, 24).see("till 1").typed("450").see("9,000 sat").typed("\r").see("AWAITING")
	_ = one.Close() // the cable
	s := open(t, two, 80, 24).see("till 2", "OPEN", "0001").typed("\x1bOQ").see("Sales").typed("\r").see("What happened").typed("\r").see("price holds").typed("h")
	var v pos.View
	s.until("the new holder", func(string) bool {
		views, err := reg.Views(t.Context(), pos.Query{Limit: 1})
		if err != nil || len(views) != 1 {
			return false
		}
		v = views[0]
		return v.Sale.Holder() == "till 2"
	})
	if v.Sale.Outcome.Status != pos.Awaiting || v.Sale.Terminal != "till 1" {
		t.Errorf("the sale is %s, begun on %q", v.Sale.Outcome.Status, v.Sale.Terminal)
	}
	rail.pay(t, v)
	s.see("SEEN")
}

func TestOnlyAScreen(t *testing.T) {
	reg, _ := shop(t)
	ana := person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 2"))})
	connect := func() *gossh.Client {
		c, err := dial(t, svc.addr, "till", ana)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, pty := range []bool{false, true} {
		for _, command := range []string{"id", `"`, "rm -rf /"} {
			sess, err := connect().NewSession()
			if err != nil {
				t.Fatal(err)
			}
			if pty {
				if err := sess.RequestPty("xterm", 24, 80, nil); err != nil {
					t.Fatal(err)
				}
			}
			out, err := sess.CombinedOutput(command)
			var exit *gossh.ExitError
			if !errors.As(err, &exit) || exit.ExitStatus() != 1 || !strings.HasPrefix(string(out), "till: there are no commands here") {
				t.Errorf("%q: %v, %q", command, err, out)
			}
		}
	}
	sess, err := connect().NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := sess.StdoutPipe(); sess.Shell() != nil {
		t.Error("a shell without a terminal gets no answer")
	} else if err := sess.Wait(); err == nil {
		t.Error("a screen without a terminal", out)
	}

	c := connect()
	for what, err := range map[string]error{
		"sftp":  subsystem(t, connect(), "sftp"),
		"agent": request(t, connect(), "auth-agent-req@openssh.com"),
		"x11":   request(t, connect(), "x11-req"),
	} {
		if err == nil {
			t.Errorf("%s was allowed", what)
		}
	}
	if _, err := c.Dial("tcp", svc.addr); err == nil {
		t.Error("a connection was forwarded")
	}
	if l, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
		t.Error("a port was opened for a client")
	}
	open(t, c, 80, 24).see("till 2")
	if _, err := c.NewSession(); err == nil {
		t.Error("a second screen on one connection")
	}
}

func subsystem(t *testing.T, c *gossh.Client, name string) error {
	sess, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return sess.RequestSubsystem(name)
}

func request(t *testing.T, c *gossh.Client, name string) error {
	sess, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	ok, err := sess.SendRequest(name, true, nil)
	if err == nil && !ok {
		err = errors.New("refused")
	}
	return err
}

func TestWhoComesIn(t *testing.T) {
	reg, _ := shop(t)
	ana, eve := person(t), person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 2"))})
	if _, err := dial(t, svc.addr, "till", eve); err == nil {
		t.Error("a strange key came in")
	}
	if _, err := dial(t, svc.addr, "till"); err == nil {
		t.Error("nobody's key came in")
	}
	for _, auth := range []gossh.AuthMethod{
		gossh.Password(""),
		gossh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil }),
	} {
		_, err := gossh.Dial("tcp", svc.addr, &gossh.ClientConfig{User: "till", Auth: []gossh.AuthMethod{auth}, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
		if err == nil {
			t.Error("came in without a key")
		}
	}
	if !strings.Contains(svc.logged(), gossh.FingerprintSHA256(eve.PublicKey())) {
		t.Error("the log does not say which key opens nothing:", svc.logged())
	}
	// Offering a key that opens something is no proof of having it.
	if _, err := dial(t, svc.addr, "till", liar{eve, ana.PublicKey()}); err == nil {
		t.Error("came in with somebody else's key")
	}
	// The strange one first, as an agent does.
	c, err := dial(t, svc.addr, "till", eve, ana)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, c, 80, 24).see("till 2")

	svc.setKeys(nil, errors.New("the file cannot be read"))
	if n := svc.Recheck(); n != 0 {
		t.Errorf("%d screens were ended because the file cannot be read", n)
	}
	if _, err := dial(t, svc.addr, "till", ana); err == nil {
		t.Error("somebody came in while the keys cannot be read")
	}
	svc.setKeys(Keys{opens(eve, till("till 3"))}, nil)
	if n := svc.Recheck(); n != 1 {
		t.Errorf("%d screens were ended, want 1", n)
	}
	if said, code := s.end(); code != 1 || !strings.Contains(said, "this key opens no screen here any more") {
		t.Errorf("told %q, exit %d", said, code)
	}
	if _, err := dial(t, svc.addr, "till", ana); err == nil {
		t.Error("a removed key came in")
	}
}

// liar offers one key and signs with another.
type liar struct {
	gossh.Signer
	public gossh.PublicKey
}

func (l liar) PublicKey() gossh.PublicKey { return l.public }

func TestLimits(t *testing.T) {
	reg, _ := shop(t)
	ana := person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 2"))}, func(c *Config) { c.Sessions = 2 })
	for range 2 {
		c, err := dial(t, svc.addr, "till", ana)
		if err != nil {
			t.Fatal(err)
		}
		open(t, c, 80, 24).see("till 2")
	}
	c, err := dial(t, svc.addr, "till", ana)
	if err != nil {
		t.Fatal(err)
	}
	if said, code := open(t, c, 80, 24).end(); code != 1 || !strings.Contains(said, "all 2 screens") {
		t.Errorf("the third was told %q, exit %d", said, code)
	}
	// Whoever knocks and knocks is not answered any more, and then again.
	refused := 0
	for range 200 {
		if c, err := net.Dial("tcp", svc.addr); err == nil {
			b := make([]byte, 1)
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := c.Read(b); err != nil {
				refused++
			}
			c.Close()
		}
	}
	if refused < 100 {
		t.Errorf("of 200 connections in a row %d were refused", refused)
	}
	time.Sleep(time.Second)
	if _, err := dial(t, svc.addr, "till", ana); err != nil {
		t.Error("a second later:", err)
	}
}

func TestSizes(t *testing.T) {
	reg, _ := shop(t)
	ana := person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 2"))})
	for _, size := range []struct{ cols, rows int }{{0, 0}, {10000, 10000}, {1, 1}, {80, 24}} {
		c, err := dial(t, svc.addr, "till", ana)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, c, size.cols, size.rows)
		s.until("something", func(f string) bool { return strings.TrimSpace(f) != "" || size.cols < 2 })
		_ = s.sess.WindowChange(10000, 10000)
		_ = s.sess.WindowChange(0, 0)
		s.mu.Lock()
		s.vt.Resize(80, 24)
		s.mu.Unlock()
		_ = s.sess.WindowChange(24, 80)
		s.see("Café Linde", "till 2")
		_ = c.Close()
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 200<<20 {
		t.Errorf("%d MB are in use", m.HeapAlloc>>20)
	}
}

// A stranger, a client that reads nothing, one that sends rubbish and one that is
// gone: the cashier beside them notices nothing.
func TestNobodyElseNotices(t *testing.T) {
	reg, rail := shop(t)
	ana, bob := person(t), person(t)
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 1")), opens(bob, till("till 2"))})
	before := runtime.NumGoroutine()

	rubbish, err := net.Dial("tcp", svc.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer rubbish.Close()
	_, _ = rubbish.Write([]byte(strings.Repeat("\x00\xff\x1b[2J", 1000)))

	var odd []*gossh.Client
	stranger := func() *gossh.Client {
		c, err := dial(t, svc.addr, "till", bob)
		if err != nil {
			t.Fatal(err)
		}
		odd = append(odd, c)
		return c
	}
	// Reads nothing: no window is ever granted after the first.
	deaf, reqs, err := stranger().OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go gossh.DiscardRequests(reqs)
	if ok, err := deaf.SendRequest("pty-req", true, gossh.Marshal(ptyRequest{Term: "xterm", Cols: 300, Rows: 100})); !ok || err != nil {
		t.Fatal("no terminal:", err)
	}
	if ok, err := deaf.SendRequest("shell", true, nil); !ok || err != nil {
		t.Fatal("no screen:", err)
	}
	// Types rubbish, and odd requests.
	noisy := open(t, stranger(), 80, 24)
	go func() {
		for range 200 {
			if _, err := noisy.in.Write([]byte("\x1b[<0;10;10M\x1b[200~\x1b]0;x\x07\x00\xff\xfe12345*x\r\x1b\x1b[999999999C" + strings.Repeat("9", 500))); err != nil {
				return
			}
			_, _ = noisy.sess.SendRequest("window-change", false, []byte{1, 2, 3})
			_, _ = noisy.sess.SendRequest("env", true, gossh.Marshal(struct{ A, B string }{"LD_PRELOAD", "/tmp/x"}))
			_, _ = noisy.sess.SendRequest("signal", false, gossh.Marshal(struct{ A string }{"KILL"}))
			_, _ = noisy.sess.SendRequest("break", false, nil)
			_ = noisy.sess.WindowChange(100, 300)
		}
	}()
	// Closes its channel and keeps the line.
	closed := open(t, stranger(), 80, 24).see("till 2")
	_ = closed.sess.Close()

	c, err := dial(t, svc.addr, "till", ana)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, c, 80, 24).see("Café Linde", "till 1")
	for i := range 20 {
		begin := time.Now()
		s.typed("450").see("9,000 sat").typed("\r").see("AWAITING")
		views, err := reg.Views(t.Context(), pos.Query{Status: pos.Awaiting, Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range views {
			if v.Sale.Terminal == "till 1" && v.Sale.Outcome.Status == pos.Awaiting {
				rail.pay(t, v)
			}
		}
		s.see("SEEN").typed("n").until("the amount", func(f string) bool { return !strings.Contains(f, "SEEN  ") || strings.Contains(f, "OPEN") })
		if took := time.Since(begin); took > 10*time.Second {
			t.Fatalf("sale %d took %s", i, took)
		}
	}
	for _, o := range odd {
		_ = o.Close()
	}
	_ = c.Close()
	_ = rubbish.Close()
	for deadline := time.Now().Add(15 * time.Second); len(svc.Open()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d screens are still open", len(svc.Open()))
		}
	}
	nothingLeft(t, before+2)
}

// A fault in one screen ends that screen.
func TestAFaultInOneScreen(t *testing.T) {
	reg, _ := shop(t)
	ana, bob := person(t), person(t)
	good := screens(reg)
	svc := serve(t, func(term Terminal) tui.Config {
		cfg := good(term)
		if term.Name == "broken" {
			cfg.Register = faulty2{reg}
		}
		if term.Name == "never" {
			panic("no screen")
		}
		return cfg
	}, Keys{opens(ana, till("till 1")), opens(bob, till("broken"))})
	c, err := dial(t, svc.addr, "till", ana)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, c, 80, 24).see("till 1")
	b, err := dial(t, svc.addr, "till", bob)
	if err != nil {
		t.Fatal(err)
	}
	if said, code := open(t, b, 80, 24).end(); code != 1 || !strings.Contains(said, "a fault of till itself") || strings.Contains(said, "goroutine") {
		t.Errorf("told %q, exit %d", said, code)
	}
	svc.setKeys(Keys{opens(ana, till("till 1")), opens(bob, till("never"))}, nil)
	if b, err = dial(t, svc.addr, "till", bob); err != nil {
		t.Fatal(err)
	}
	if said, code := open(t, b, 80, 24).end(); code != 1 || !strings.Contains(said, "a fault of till itself") {
		t.Errorf("told %q, exit %d", said, code)
	}
	s.typed("450").see("9,000 sat")
}

// faulty2 panics on the goroutine of a command.
type faulty2 struct{ *pos.Register }

func (faulty2) Views(context.Context, pos.Query) ([]pos.View, error) { panic("a fault") }

func TestStoppingWithScreensOpen(t *testing.T) {
	reg, _ := shop(t)
	ana := person(t)
	before := runtime.NumGoroutine()
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 1"))})
	var list []*screen
	for range 10 {
		c, err := dial(t, svc.addr, "till", ana)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, open(t, c, 80, 24).see("till 1"))
	}
	if c, err := net.Dial("tcp", svc.addr); err == nil {
		defer c.Close() // somebody who says nothing
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := svc.Close(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	} else {
		t.Log("stopping took", took)
	}
	for _, s := range list {
		if said, code := s.end(); code != 1 || !strings.Contains(said, "the service is being stopped") {
			t.Errorf("told %q, exit %d", said, code)
		}
		_ = s.client.Close()
	}
	if _, err := dial(t, svc.addr, "till", ana); err == nil {
		t.Error("somebody came in afterwards")
	}
	nothingLeft(t, before+2)
}

// A client that reads nothing cannot keep the service from stopping.
func TestStoppingWithADeafClient(t *testing.T) {
	reg, _ := shop(t)
	ana := person(t)
	before := runtime.NumGoroutine()
	svc := serve(t, screens(reg), Keys{opens(ana, till("till 1"))})
	line, err := net.Dial("tcp", svc.addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = line.(*net.TCPConn).SetReadBuffer(4096)
	ear := &deaf{Conn: line, gone: make(chan struct{})}
	conn, chans, reqs, err := gossh.NewClientConn(ear, svc.addr, &gossh.ClientConfig{
		User: "till", Auth: []gossh.AuthMethod{gossh.PublicKeys(ana)}, HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, gossh.NewClient(conn, chans, reqs), 300, 100).see("till 1")
	ear.deaf.Store(true)
	// Until nothing goes through: the server's buffers are full, too.
	full := make(chan struct{})
	go func() {
		defer close(full)
		for i := range 400 {
			if _, err := s.in.Write([]byte("?")); err != nil {
				return
			}
			_ = s.sess.WindowChange(60+i%40, 300)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	<-full
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	_ = svc.Close(ctx)
	took := time.Since(begin)
	t.Log("stopping took", took)
	if took < quitTime || took > 6*time.Second {
		t.Errorf("stopping took %s; the client was not deaf, or it was waited for", took)
	}
	_ = ear.Close()
	nothingLeft(t, before+2)
}

// deaf is a line that is not read any more, at a word.
type deaf struct {
	net.Conn
	deaf atomic.Bool
	once sync.Once
	gone chan struct{}
}

func (d *deaf) Read(p []byte) (int, error) {
	if d.deaf.Load() {
		<-d.gone
		return 0, net.ErrClosed
	}
	return d.Conn.Read(p)
}

func (d *deaf) Close() error {
	d.once.Do(func() { close(d.gone) })
	return d.Conn.Close()
}
