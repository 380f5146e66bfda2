package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cointill/till/tui/tuitest"
)

// service is `till serve` as a process, with a key that opens "till 2".
type service struct {
	*shopUnderTest
	port string
	cmd  *exec.Cmd
	out  string // file: what it said
}

func newService(t *testing.T) *service {
	t.Helper()
	for _, tool := range []string{"ssh", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("TILL_FULL") == "1" {
				t.Fatal("OpenSSH's client is missing: install the Debian package openssh-client")
			}
			t.Skip("needs the Debian package openssh-client")
		}
	}
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	bitcoin, _ := shopKeys(t)
	s := &service{shopUnderTest: newTestShop(t, bitcoinShop(bitcoin, "127.0.0.1:9", "15m")+"[ssh]\nlisten = \"127.0.0.1:"+port+"\"\n"), port: port}
	s.out = filepath.Join(s.dir, "said")
	s.key("till 2", "ana")
	t.Cleanup(s.stop)
	return s
}

// freeAddress is one that nobody listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// key makes a key and lets it open a terminal.
func (s *service) key(terminal, file string, flags ...string) {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file, "-f", path).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		s.t.Fatal(err)
	}
	if e := s.do(string(public), append([]string{"keys", "add", terminal}, flags...)...); e.code != 0 {
		s.t.Fatalf("keys add: %+v", e)
	}
}

// start starts the service and waits until it takes connections.
func (s *service) start() {
	s.t.Helper()
	f, err := os.OpenFile(s.out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	s.cmd = s.script("serve")
	s.cmd.Stdout, s.cmd.Stderr = f, f
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	patiently(s.t, "the service", 20*time.Second, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// signal ends the service and returns how long that took.
func (s *service) signal(sig syscall.Signal) time.Duration {
	s.t.Helper()
	begin := time.Now()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait()
	s.cmd = nil
	return time.Since(begin)
}

func (s *service) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

func (s *service) said() string {
	text, _ := os.ReadFile(s.out)
	return string(text)
}

// line is how OpenSSH's client is called.
func (s *service) line(key string, more ...string) []string {
	return append([]string{
		"ssh", "-F", "none", "-o", "UserKnownHostsFile=" + filepath.Join(s.dir, "known"), "-o", "StrictHostKeyChecking=accept-new",
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
		"-i", filepath.Join(s.dir, key), "-p", s.port,
	}, more...)
}

// ssh opens a screen over SSH.
func (s *service) ssh(key string) *tuitest.Pane {
	s.t.Helper()
	return tuitest.Tmux(s.t, 80, 24, nil, s.line(key, "till@127.0.0.1")...)
}

// call runs the client without a terminal, and returns what it said and its status.
func (s *service) call(key string, more ...string) (string, int) {
	s.t.Helper()
	args := s.line(key, more...)
	cmd := exec.Command(args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = runFor(cmd, 30*time.Second)
	return out.String(), cmd.ProcessState.ExitCode()
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.start()
	far := s.ssh("ana")
	far.See("Café Linde", "till 2")
	near := s.open(80, 24) // attached: the service holds the folder
	near.See("Café Linde", "till 1")

	// A screen and nothing else.
	for what, args := range map[string][]string{
		"a command":            {"till@127.0.0.1", "id"},
		"a command with a tty": {"-tt", "till@127.0.0.1", "rm -rf /"},
	} {
		if out, code := s.call("ana", args...); code != 1 || !strings.Contains(out, "there are no commands here") {
			t.Errorf("%s: %d, %q", what, code, out)
		}
	}
	if out, code := s.call("ana", "-T", "till@127.0.0.1"); code != 1 || !strings.Contains(out, "needs a terminal") {
		t.Errorf("without a terminal: %d, %q", code, out)
	}
	if out, code := s.call("ana", "-s", "till@127.0.0.1", "sftp"); code == 0 || !strings.Contains(out, "subsystem request failed") {
		t.Errorf("sftp: %d, %q", code, out)
	}
	if out, code := s.call("ana", "-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9", "till@127.0.0.1"); code != 255 || !strings.Contains(out, "remote port forwarding failed") {
		t.Errorf("forwarding back: %d, %q", code, out)
	}
	if out, code := s.call("ana", "-W", "127.0.0.1:"+s.port, "till@127.0.0.1"); code == 0 || !strings.Contains(out, "stdio forwarding failed") {
		t.Errorf("forwarding: %d, %q", code, out)
	}
	s.key("till 3", "eve")
	eve := s.ssh("eve")
	eve.See("till 3") // at once, while it runs
	if e := s.do("", "keys", "remove", "till 3"); e.code != 0 || !strings.Contains(e.out, "1 screen ended") {
		t.Errorf("removing a key: %+v", e)
	}
	if how := eve.End(); how == "" || !strings.Contains(eve.Screen.Screen(), "this key opens no screen here any more") {
		t.Errorf("a removed key: %q\n%s", how, eve.Screen.Screen())
	}
	if out, code := s.call("eve", "till@127.0.0.1"); code != 255 || !strings.Contains(out, "Permission denied (publickey)") {
		t.Errorf("a removed key again: %d, %q", code, out)
	}

	// Both go on meanwhile; one who leaves has left.
	near.Resize(60, 22).See("Café Linde").Press("f4").See("Bitcoin").Press("esc")
	far.Press("ctrl+c", "ctrl+c")
	if how := far.End(); how != "" {
		t.Errorf("left over SSH with %q", how)
	}
	// A service that is killed says nothing; the till on this machine does.
	s.signal(syscall.SIGKILL)
	if how := near.End(); how != "exit status 1" && how != "1" || !strings.Contains(near.Screen.Screen(), "the till service is gone") {
		t.Errorf("a killed service: %q\n%s", how, near.Screen.Screen())
	}
}

func TestServeStopsWithScreensOpen(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.start()
	var panes []*tuitest.Pane
	for range 10 {
		panes = append(panes, s.ssh("ana"))
	}
	for _, p := range panes {
		p.See("till 2")
	}
	took := s.signal(syscall.SIGTERM)
	t.Log("stopping with 10 screens open took", took)
	if took > screensEnd {
		t.Errorf("stopping took %s, the screens have %s", took, screensEnd)
	}
	for _, p := range panes {
		if how := p.End(); how == "" || !strings.Contains(p.Screen.Screen(), "the service is being stopped") {
			t.Errorf("a screen of a service that stops: %q\n%s", how, p.Screen.Screen())
		}
	}
	if said := s.said(); !strings.Contains(said, "stopping (screens 10)") || strings.Contains(said, "goroutine") {
		t.Errorf("it said:\n%s", said)
	}
}

// TestServeReturns: a kiosk's loop, as the README has it, shows its screen again
// soon after the service does.
func TestServeReturns(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.key("door", "door", "--role", "kiosk")
	s.start()
	loop := fmt.Sprintf("export TERM=linux; while :; do %s; tput reset; sleep 1; done",
		strings.Join(s.line("door", "-o", "ConnectTimeout=2", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=2", "till@127.0.0.1"), " "))
	pane := tuitest.Tmux(t, 80, 24, nil, "sh", "-c", loop)
	shown := func(f string) bool { return strings.Contains(strings.ReplaceAll(f, " ", ""), "CaféLinde") }
	pane.Until("the kiosk", shown)
	// Nothing answers for longer than the client waits, as if a cable was pulled.
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	pane.Until("an empty screen", func(f string) bool { return !shown(f) })
	time.Sleep(3 * time.Second)
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	pane.Until("the kiosk after silence", shown)
	t.Log("after silence back in", time.Since(begin))
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		s.signal(sig)
		pane.Until("an empty screen", func(f string) bool { return !shown(f) })
		s.start()
		begin := time.Now()
		pane.Until("the kiosk again", shown)
		took := time.Since(begin)
		t.Log("after", sig, "back in", took)
		if took > 10*time.Second { // 3 s on a machine with nothing else to do
			t.Errorf("back after %s", took)
		}
	}
}
