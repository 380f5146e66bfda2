package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// fakeRegister answers requests from memory, and can be slow or broken.
type fakeRegister struct {
	mu    sync.Mutex
	staff []pos.Member // PIN as typed
	deeds []pos.Deed
	seqs  []uint64
	hold  chan struct{} // where not nil, Lookup waits for it
}

func (f *fakeRegister) Staff(context.Context) ([]pos.Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]pos.Member(nil), f.staff...), nil
}

func (f *fakeRegister) Identify(_ context.Context, pin string) (pos.Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.staff {
		if m.PIN == pin {
			return m, nil
		}
	}
	if pin == "000000" {
		return pos.Member{}, &pos.LockedPINError{Until: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	}
	return pos.Member{}, &pos.WrongPINError{Left: 3}
}

func (f *fakeRegister) Hire(_ context.Context, _ pos.Actor, m pos.Member, pin string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(pin) < 4 {
		return pos.ErrWeakPIN
	}
	m.PIN = pin
	f.staff = append(f.staff, m)
	return nil
}

func (f *fakeRegister) Dismiss(_ context.Context, by pos.Actor, name string) error {
	return fmt.Errorf("%w: %s may not remove %s", pos.ErrStaff, by.Name, name)
}

func (f *fakeRegister) Board() pos.Board { return pos.Board{Changed: []string{"spread: 0 > 1"}} }

func (f *fakeRegister) Agree(context.Context, pos.Actor, string) error { return pos.ErrNoSupervisor }

func (f *fakeRegister) Lookup(ctx context.Context, text string) []pos.Sighting {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
		}
	}
	if text == "panic" {
		panic("a fault")
	}
	return []pos.Sighting{
		{Rail: "bitcoin:mainnet", Asset: bitcoinAsset, Err: fmt.Errorf("no index of %s: %w", text, chain.ErrCannot)},
		{Rail: "eip155:1", Found: chain.Found{Known: true, Payments: []chain.Event{{Kind: chain.Seen}}}},
	}
}

func (f *fakeRegister) Redeliver(_ context.Context, seq uint64) error {
	f.seqs = append(f.seqs, seq)
	return nil
}

func (f *fakeRegister) Act(_ context.Context, id string, d pos.Deed) (pos.View, error) {
	f.deeds = append(f.deeds, d)
	if id == "none" {
		return pos.View{}, fmt.Errorf("%w: none", pos.ErrNoSale)
	}
	return pos.View{Record: pos.Record{Sale: pos.Sale{ID: id, Number: 7}}}, nil
}

// listening is a data folder whose holder answers commands.
func listening(t *testing.T, dir string, f *fakeRegister) *bytes.Buffer {
	t.Helper()
	var log bytes.Buffer
	s, err := listenSock(dir, clerk{register: f, holder: holderJSON{PID: 7, Terminal: "till 1"}}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return &log
}

func TestSock(t *testing.T) {
	dir, f := t.TempDir(), &fakeRegister{}
	log := listening(t, dir, f)
	ctx := t.Context()
	if info, err := os.Lstat(filepath.Join(dir, sockName)); err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != fs.ModeSocket {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	a, err := askHolder(ctx, dir, request{Do: askHello})
	if err != nil || a.Holder == nil || a.Holder.PID != 7 || a.Holder.Terminal != "till 1" {
		t.Errorf("%+v, %v", a, err)
	}
	// The first supervisor is free, the next person is not.
	if _, err := askHolder(ctx, dir, request{Do: askHire, Name: "Maria", Role: pos.Supervisor, NewPIN: "271828"}); err != nil {
		t.Error(err)
	}
	for pin, check := range map[secret]func(error) bool{
		"":       func(err error) bool { var e *pos.WrongPINError; return errors.As(err, &e) && e.Left == 3 },
		"111111": func(err error) bool { return errors.Is(err, pos.ErrPIN) },
		"000000": func(err error) bool {
			var e *pos.LockedPINError
			return errors.As(err, &e) && e.Until.Year() == 2026 && errors.Is(err, pos.ErrPINLocked)
		},
		secret(strings.Repeat("1", 500)): func(err error) bool { return errors.Is(err, pos.ErrPIN) },
	} {
		if _, err := askHolder(ctx, dir, request{Do: askHire, Name: "Jo", Role: pos.Cashier, NewPIN: "1234", PIN: pin}); err == nil || !check(err) {
			t.Errorf("with the PIN %q: %v", string(pin), err)
		}
	}
	if _, err := askHolder(ctx, dir, request{Do: askHire, Name: "Jo", Role: pos.Cashier, NewPIN: "1234", PIN: "271828"}); err != nil {
		t.Error(err)
	}
	if _, err := askHolder(ctx, dir, request{Do: askHire, Name: "Al", Role: pos.Cashier, NewPIN: "1", PIN: "271828"}); !errors.Is(err, pos.ErrWeakPIN) {
		t.Error(err)
	}
	// A cashier's PIN is none to hire with.
	if _, err := askHolder(ctx, dir, request{Do: askDismiss, Name: "Jo", PIN: "1234"}); !errors.Is(err, pos.ErrPIN) || !strings.Contains(err.Error(), "cashier") {
		t.Error(err)
	}
	if _, err := askHolder(ctx, dir, request{Do: askDismiss, Name: "Jo", PIN: "271828"}); !errors.Is(err, pos.ErrStaff) || !strings.Contains(err.Error(), "Maria may not remove Jo") {
		t.Error(err)
	}
	a, err = askHolder(ctx, dir, request{Do: askStaff})
	if err != nil || len(a.Staff) != 2 || a.Staff[0].Name != "Maria" || a.Staff[0].PIN != "" || a.Staff[1].PIN != "" {
		t.Errorf("%+v, %v", a.Staff, err)
	}
	a, err = askHolder(ctx, dir, request{Do: askLookup, Text: "abc"})
	if err != nil || len(a.Sightings) != 2 || !errors.Is(a.Sightings[0].sighting().Err, chain.ErrCannot) || a.Sightings[1].sighting().Err != nil || !a.Sightings[1].Found.Known {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := askHolder(ctx, dir, request{Do: askRedeliver, Seq: 118}); err != nil || len(f.seqs) != 1 || f.seqs[0] != 118 {
		t.Errorf("%v, %v", f.seqs, err)
	}
	deed := deedJSON{Kind: pos.ActCash, Cash: money.Of(120, "EUR"), Why: "short\x1b[2J"}
	a, err = askHolder(ctx, dir, request{Do: askAct, Sale: "one", Deed: &deed, PIN: "271828", By: pos.Actor{Name: "Jo", Terminal: "till 2"}})
	if err != nil || a.Record.Sale.Number != 7 || f.deeds[0].Cash != deed.Cash || f.deeds[0].PIN != "271828" || f.deeds[0].By.Name != "Jo" || f.deeds[0].Why != "short[2J" {
		t.Errorf("%+v, %+v, %v", a, f.deeds, err)
	}
	if _, err := askHolder(ctx, dir, request{Do: askAct, Sale: "none", Deed: &deed}); !errors.Is(err, pos.ErrNoSale) {
		t.Error(err)
	}
	for _, q := range []request{{}, {Do: "sell"}, {Do: askAct}, {Do: askLookup}, {Do: askLookup, Text: strings.Repeat("a", mostLooked+1)}, {Do: askHire, Name: "\x1b[2J"}, {Do: askDismiss, Name: "1234"}} {
		if _, err := askHolder(ctx, dir, q); err == nil {
			t.Errorf("%+v was answered", q)
		}
	}
	if _, err := askHolder(ctx, dir, request{Do: askLookup, Text: strings.Repeat("a", mostRequest)}); err == nil {
		t.Error("too much was asked")
	}
	if strings.Contains(log.String(), "271828") || strings.Contains(log.String(), "1234") {
		t.Errorf("a PIN is in the log:\n%s", log)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", request{PIN: "271828"}, request{PIN: "271828"}, request{PIN: "271828"}, secret("271828")); strings.Contains(text, "271828") {
		t.Error(text)
	}
}

// TestSockHostile: whatever is sent, the next command is answered.
func TestSockHostile(t *testing.T) {
	dir, f := t.TempDir(), &fakeRegister{}
	log := listening(t, dir, f)
	path := filepath.Join(dir, sockName)
	send := func(text string) string {
		t.Helper()
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = conn.Write([]byte(text))
		line, _ := readLine(conn, mostAnswer)
		return string(line)
	}
	for _, c := range []struct{ text, says string }{
		{"\n", "no request"},
		{"{}\n", "another version"},
		{`{"v":2,"do":"hello"}` + "\n", "another version"},
		{`{"v":1,"do":"hello","extra":1}` + "\n", "no request that this till knows"},
		{`{"v":1,"do":"hello"} {"v":1,"do":"hello"}` + "\n", "no request"},
		{`{"v":1,"do":7}` + "\n", "no request that this till knows"},
		{`{"v":1,"do":"` + strings.Repeat("x", 2*mostRequest) + `"}` + "\n", "too long"},
		{strings.Repeat("[", mostRequest) + "\n", "no request"},
		{"\x00\xff\xfe\x1b]0;title\x07\n", "no request"},
		{"GET / HTTP/1.1\r\nHost: till\r\n\r\n", "no request"},
		{`{"v":1,"do":"\u001b[2J"}` + "\n", "does not know how to"},
		{`{"v":1,"do":"redeliver","seq":-1}` + "\n", "no request that this till knows"},
		{`{"v":1,"do":"lookup","text":"panic"}` + "\n", "the register goes on"},
	} {
		got := send(c.text)
		var a answer
		if err := json.Unmarshal([]byte(got), &a); err != nil || a.Error == nil || !strings.Contains(a.Error.Text, c.says) || strings.Contains(got, "\x1b") {
			t.Errorf("%.60q is answered with %q", c.text, got)
		}
	}
	if !strings.Contains(log.String(), "a fault of till itself") {
		t.Errorf("the fault is not in the log:\n%s", log)
	}
	// Connections that say nothing, or half a line, do not keep others away for
	// long, and not at all while there is a place.
	for range sockAtOnce - 1 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(`{"v":1,"do":"hel`))
	}
	patiently(t, "one place is left", sockRead/2, func() bool {
		_, err := askHolder(t.Context(), dir, request{Do: askHello})
		return err == nil
	})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	patiently(t, "the busy register says so", 10*time.Second, func() bool {
		_, err := askHolder(t.Context(), dir, request{Do: askHello})
		return errors.Is(err, errBusy)
	})
	patiently(t, "the silent ones are let go", 2*sockRead+10*time.Second, func() bool {
		_, err := askHolder(t.Context(), dir, request{Do: askHello})
		return err == nil
	})
	// Hundreds at once, some of which hang up.
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			conn, err := net.Dial("unix", path)
			if err != nil {
				return
			}
			if i%3 == 0 {
				_, _ = conn.Write([]byte("{\"v\":1,\"do\":\"hello\"}\n"))
			}
			_ = conn.Close()
		})
	}
	all.Wait()
	patiently(t, "it answers again", 10*time.Second, func() bool {
		_, err := askHolder(t.Context(), dir, request{Do: askHello})
		return err == nil
	})
}

// TestSockPlaces: what may stand where the socket belongs.
func TestSockPlaces(t *testing.T) {
	ctx := t.Context()
	c := clerk{register: &fakeRegister{}, holder: holderJSON{PID: 7}}
	log := slog.New(slog.DiscardHandler)
	hello := request{Do: askHello}
	t.Run("nothing", func(t *testing.T) {
		dir := t.TempDir()
		for _, where := range []string{dir, filepath.Join(dir, "none"), filepath.Join(dir, strings.Repeat("x", 120))} {
			if _, err := askHolder(ctx, where, hello); !errors.Is(err, errNoHolder) {
				t.Errorf("%s: %v", where, err)
			}
		}
	})
	t.Run("left behind", func(t *testing.T) {
		dir := t.TempDir()
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, sockName), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
		if _, err := askHolder(ctx, dir, hello); !errors.Is(err, errNoHolder) {
			t.Error(err)
		}
		s, err := listenSock(dir, c, log)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := askHolder(ctx, dir, hello); err != nil {
			t.Error(err)
		}
		s.close()
		if _, err := os.Lstat(filepath.Join(dir, sockName)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, sockName)
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := listenSock(dir, c, log); err == nil || !strings.Contains(err.Error(), "left alone") {
			s.close()
			t.Error(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
			t.Errorf("%q, %v", text, err)
		}
		if _, err := askHolder(ctx, dir, hello); !errors.Is(err, errNoHolder) {
			t.Error(err)
		}
	})
	t.Run("a long path", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), strings.Repeat("a", 90), strings.Repeat("b", 90))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		s, err := listenSock(dir, c, log)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(filepath.Join(dir, sockName)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		if a, err := askHolder(ctx, dir, hello); err != nil || a.Holder.PID != 7 {
			t.Errorf("%+v, %v", a, err)
		}
		s.close()
		if _, err := os.Lstat(filepath.Join(dir, sockName)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	t.Run("somebody who says nothing", func(t *testing.T) {
		dir := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(dir, sockName))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := askHolder(short, dir, hello); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("somebody who talks nonsense", func(t *testing.T) {
		dir := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(dir, sockName))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write(bytes.Repeat([]byte("\x1b[2J"), mostAnswer/4+10))
				_ = conn.Close()
			}
		}()
		if _, err := askHolder(ctx, dir, hello); err == nil || !strings.Contains(err.Error(), "broke off") {
			t.Error(err)
		}
	})
}

// TestSockEnds: closing does not wait for networks.
func TestSockEnds(t *testing.T) {
	f := &fakeRegister{hold: make(chan struct{})}
	dir := t.TempDir()
	s, err := listenSock(dir, clerk{register: f}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := askHolder(t.Context(), dir, request{Do: askLookup, Text: "abc"})
		asked <- err
	}()
	patiently(t, "the question arrives", 10*time.Second, func() bool { return len(s.places) == 1 })
	s.close()
	<-asked
}

// FuzzRequest: whatever is asked is understood or refused.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{`{"v":1,"do":"hello"}`, `{"v":1,"do":"act","sale":"x","deed":{"kind":"cash","cash":{}}}`, `{"v":1}{`, "null", `{"v":1,"pin":"1","by":{"name":"\u202e"}}`} {
		f.Add([]byte(text))
	}
	c := clerk{register: &fakeRegister{}}
	f.Fuzz(func(t *testing.T, line []byte) {
		q, err := readRequest(line)
		if err != nil || q.Do == askLookup && q.Text == "panic" {
			return
		}
		a, err := c.ask(t.Context(), q)
		if err != nil {
			a = answer{Error: newSockError(err)}
		}
		text, err := json.Marshal(a)
		if err != nil || bytes.ContainsAny(text, "\n\x1b") {
			t.Fatalf("%q is answered with %q, %v", line, text, err)
		}
	})
}
