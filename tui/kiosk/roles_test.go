package kiosk

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	gossh "golang.org/x/crypto/ssh"
)

func TestFloor(t *testing.T) {
	var f Floor
	id, changed := f.Follow("till 1")
	if id != "" {
		t.Fatalf("an empty floor shows %q", id)
	}
	f.Show("till 2", "b")
	f.Show("till 1", "")
	select {
	case <-changed:
		t.Fatal("nothing has changed")
	default:
	}
	f.Show("till 1", "a")
	<-changed
	if id, changed = f.Follow("till 1"); id != "a" {
		t.Fatalf("it shows %q", id)
	}
	f.Show("till 1", "a")
	select {
	case <-changed:
		t.Fatal("it is the same sale")
	default:
	}
}

// A key opens one role: the display follows its cashier live, the board shows
// numbers, the kiosk has no way out.
func TestRolesByKey(t *testing.T) {
	reg, rail := shop(t)
	ana, dis, boa, kio := person(t), person(t), person(t), person(t)
	svc := serve(t, screens(reg), Keys{
		opens(ana, till("till 1")),
		opens(dis, Terminal{"display 1", tui.Display, "till 1"}),
		opens(boa, Terminal{"board", tui.Board, ""}),
		opens(kio, Terminal{"kiosk", tui.Kiosk, ""}),
	})
	show := func(key gossh.Signer) *screen {
		c, err := dial(t, svc.addr, "till", key)
		if err != nil {
			t.Fatal(err)
		}
		return open(t, c, 80, 24)
	}
	display, board, kiosk := show(dis), show(boa), show(kio)
	display.until("its shop", func(f string) bool { return strings.TrimSpace(f) != "" })
	cashier := show(ana).see("till 1")
	cashier.typed("450").see("9,000 sat").typed("\r").see("AWAITING")
	display.see("4.50", "scan and pay")
	views, err := reg.Views(t.Context(), pos.Query{Limit: 1})
	if err != nil || len(views) != 1 {
		t.Fatal(views, err)
	}
	rail.pay(t, views[0])
	display.see("thank you")
	board.until("a number", func(f string) bool { return strings.Count(f, "██") > 3 })
	// The cashier's line breaks: the customer still sees the sale.
	_ = cashier.client.Close()
	time.Sleep(300 * time.Millisecond)
	display.see("thank you")
	// Nobody leaves a kiosk, and no key of a till does anything there.
	kiosk.until("something", func(f string) bool { return strings.TrimSpace(f) != "" })
	kiosk.typed("\x03").typed("\x03").typed("\x1bOQ\x1bOR").typed("\x03")
	display.typed("\x03").typed("\x03")
	time.Sleep(500 * time.Millisecond)
	for what, s := range map[string]*screen{"kiosk": kiosk, "display": display} {
		select {
		case <-s.ended:
			t.Errorf("somebody left the %s", what)
		default:
		}
	}
	if f := kiosk.frame(); strings.Contains(f, "Sales") || strings.Contains(f, "0001") {
		t.Errorf("the kiosk shows the shop's sales:\n%s", f)
	}
}

// Without a key a guest sees what guests see, and nothing else.
func TestGuests(t *testing.T) {
	reg, _ := shop(t)
	svc := serve(t, screens(reg), nil, func(c *Config) {
		c.Guest = func(user string) (Terminal, bool) {
			return Terminal{Name: "pay", Role: tui.Customer}, user == "pay"
		}
	})
	guest := func(user string) (*gossh.Client, error) {
		c, err := gossh.Dial("tcp", svc.addr, &gossh.ClientConfig{User: user, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
		return c, err
	}
	c, err := guest("pay")
	if err != nil {
		t.Fatal(err)
	}
	open(t, c, 10000, 10000).until("something", func(f string) bool { return strings.TrimSpace(f) != "" })
	for _, name := range []string{"till", "root", "", "PAY"} {
		if _, err := guest(name); err == nil {
			t.Errorf("%q came in", name)
		}
	}
}

// What a till on the same machine shows is the service's screen; when the service
// goes away it says so.
func TestAttach(t *testing.T) {
	reg, _ := shop(t)
	before := runtime.NumGoroutine()
	svc := serve(t, screens(reg), nil)
	sock := filepath.Join(t.TempDir(), "ssh.sock")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- svc.ServeLocal(l) }()

	attach := func(host HostKey) (*here, chan int, chan error) {
		conn, err := net.Dial("unix", sock)
		if err != nil {
			t.Fatal(err)
		}
		in, keys := io.Pipe()
		t.Cleanup(func() { _ = keys.Close() })
		h := &here{screen: screen{t: t, vt: vt.NewEmulator(80, 24)}, keys: keys}
		go func() { _, _ = io.Copy(io.Discard, h.vt) }()
		codes, errs := make(chan int, 1), make(chan error, 1)
		sizes := make(chan [2]int, 1)
		h.sizes = sizes
		go func() {
			code, err := Attach(context.Background(), Here{
				Conn: conn, Host: host, Name: "counter", Term: "xterm-256color", Env: []string{"COLORTERM=truecolor", "LANG=x"},
				Cols: 80, Rows: 24, Sizes: sizes, In: in, Out: &h.screen, Err: &h.screen,
			})
			hangUp(h.vt)
			codes <- code
			errs <- err
		}()
		return h, codes, errs
	}
	h, codes, errs := attach(svc.cfg.Host)
	h.see("Café Linde", "counter")
	h.mu.Lock()
	h.vt.Resize(40, 20)
	h.mu.Unlock()
	h.sizes <- [2]int{40, 20}
	h.until("forty columns", func(f string) bool { return strings.Contains(f, "Café Linde") && !strings.Contains(f, "?  help") })
	_, _ = io.WriteString(h.keys, "\x03")
	h.see("ctrl+c again")
	_, _ = io.WriteString(h.keys, "\x03")
	if code, err := <-codes, <-errs; code != 0 || err != nil {
		t.Errorf("left with %d, %v", code, err)
	}

	h, codes, errs = attach(svc.cfg.Host)
	h.see("counter")
	for _, st := range svc.all() {
		_ = st.conn.Close() // as if the process had been killed
	}
	if _, err := <-codes, <-errs; err != ErrLost {
		t.Errorf("lost with %v", err)
	}

	other, err := NewHostKey(randomness{})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := ReadHostKey(other)
	if err != nil {
		t.Fatal(err)
	}
	_, codes, errs = attach(wrong)
	if _, err := <-codes, <-errs; err == nil {
		t.Error("a service with another key was believed")
	}

	h, codes, errs = attach(svc.cfg.Host)
	h.see("counter")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := svc.Close(ctx); err != nil {
		t.Error(err)
	}
	if code, err := <-codes, <-errs; code != 1 || err != nil {
		t.Errorf("stopped with %d, %v", code, err)
	}
	h.see("the service is being stopped")
	if err := <-served; err != nil {
		t.Error(err)
	}
	nothingLeft(t, before+8) // the terminals' own
}

type here struct {
	screen
	keys  io.Writer
	sizes chan<- [2]int
}

type randomness struct{}

func (randomness) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i) * 7
	}
	return len(p), nil
}
