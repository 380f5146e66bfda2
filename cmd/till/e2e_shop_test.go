package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/tui/tuitest"
)

// shopUnderTest is a configured shop in a folder of its own, and all that its
// tills ever sent to a terminal or a pipe.
type shopUnderTest struct {
	t      *testing.T
	dir    string
	config string
	data   string
	stream string // file: every byte of every terminal
	panes  int
	env    []string
}

// newTestShop writes a configuration, and looks through everything that the
// shop's tills showed and stored once the test has ended.
func newTestShop(t *testing.T, toml string) *shopUnderTest {
	t.Helper()
	dir := t.TempDir()
	s := &shopUnderTest{
		t: t, dir: dir, config: filepath.Join(dir, "till.toml"), data: filepath.Join(dir, "data"), stream: filepath.Join(dir, "stream"),
		env: []string{
			runAsTill + "=1", "HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir, "TZ=UTC", "LANG=en_US.UTF-8", "LC_ALL=en_US.UTF-8",
			"TILL_TERMINAL=till 1", "NO_COLOR=", "TILL_CONFIG=", "TILL_DATA=", "GORACE=exitcode=0 log_path=" + filepath.Join(dir, "race"),
		},
	}
	if toml != "" {
		s.configure(toml)
	}
	t.Cleanup(s.inspect)
	return s
}

func (s *shopUnderTest) configure(toml string) {
	s.t.Helper()
	if err := os.WriteFile(s.config, []byte(toml), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// open opens the register on a terminal.
func (s *shopUnderTest) open(cols, rows int, args ...string) *tuitest.Pane {
	s.t.Helper()
	return s.run(cols, rows, append([]string{"--config", s.config, "--data", s.data}, args...)...)
}

// run runs till with any arguments on a terminal that is recorded from its
// first byte on.
func (s *shopUnderTest) run(cols, rows int, args ...string) *tuitest.Pane {
	s.t.Helper()
	s.panes++
	gate := filepath.Join(s.dir, fmt.Sprintf("gate%d", s.panes))
	command := []string{"sh", "-c", `until [ -e "$0" ]; do sleep 0.01; done; exec env "$@"`, gate}
	command = append(append(append(command, s.env...), os.Args[0]), args...)
	pane := tuitest.Tmux(s.t, cols, rows, nil, command...)
	if err := pane.Record(s.stream); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return pane
}

// crash ends a till as a power cut does.
func (s *shopUnderTest) crash(pane *tuitest.Pane) {
	s.t.Helper()
	pid, err := pane.PID()
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	pane.End()
}

// leave ends a till by its keys.
func (s *shopUnderTest) leave(pane *tuitest.Pane) {
	s.t.Helper()
	pane.Press("ctrl+c", "ctrl+c")
	if how := pane.End(); how != "" {
		s.t.Errorf("till left with %s:\n%s", how, pane.Screen.Screen())
	}
}

// ended is how a command without a terminal ended.
type ended struct {
	code     int
	out, err string
}

// script makes a command of a shop that a script runs.
func (s *shopUnderTest) script(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"--config", s.config, "--data", s.data}, args...)...)
	cmd.Env = append(os.Environ(), s.env...)
	return cmd
}

// do runs a command and waits for its end.
func (s *shopUnderTest) do(stdin string, args ...string) ended {
	s.t.Helper()
	cmd := s.script(args...)
	cmd.Stdin = strings.NewReader(stdin)
	return s.finish(cmd)
}

func (s *shopUnderTest) finish(cmd *exec.Cmd) ended {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := runFor(cmd, 2*time.Minute)
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		s.t.Fatalf("%v: %v\n%s%s", cmd.Args[1:], err, &out, &errs)
	}
	s.keep(out.Bytes(), errs.Bytes())
	return ended{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// runFor is cmd.Run with an end.
func runFor(cmd *exec.Cmd, most time.Duration) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			_ = cmd.Process.Kill()
		}
	}()
	err := cmd.Wait()
	cancel()
	<-killed
	return err
}

// keep adds what a command wrote to what is looked through at the end.
func (s *shopUnderTest) keep(parts ...[]byte) {
	s.t.Helper()
	f, err := os.OpenFile(s.stream, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(bytes.Join(parts, nil))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// goTalk is what people never may see: a stack trace, a Go type, a verb of fmt
// that went wrong.
var goTalk = regexp.MustCompile(`(?i)panic:|goroutine \d+ \[|runtime error|nil pointer|%!\w?\(|\*(?:pos|chain|rate|store|bitcoin|ethereum|tui|errors|fs|net|exec|toml)\.\w|<nil>|0xc000[0-9a-f]{6}|invalid memory|\w+\.go:\d+`)

// inspect looks through what the shop's tills showed and logged.
func (s *shopUnderTest) inspect() {
	for _, name := range []string{s.stream, filepath.Join(s.data, logName)} {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Error(err)
		}
		for _, at := range goTalk.FindAllIndex(text, 3) {
			s.t.Errorf("%s speaks Go: …%q…", filepath.Base(name), text[max(0, at[0]-200):min(len(text), at[1]+200)])
		}
	}
	races, _ := filepath.Glob(filepath.Join(s.dir, "race.*"))
	for _, name := range races {
		text, _ := os.ReadFile(name)
		// Bubble Tea closes its input behind a reader that has just ended,
		// without telling the race detector so.
		if bytes.Count(text, []byte("WARNING: DATA RACE")) == bytes.Count(text, []byte("cancelreader.(*epollCancelReader).Close")) {
			continue
		}
		s.t.Errorf("a data race in till:\n%s", text)
	}
	if s.t.Failed() {
		if text, err := os.ReadFile(filepath.Join(s.data, logName)); err == nil {
			s.t.Logf("the shop's log ends:\n%s", text[max(0, len(text)-4000):])
		}
	}
}

// holding lists the files of the shop's folders, the stream of its terminals
// among them, that hold any of some secrets, in plain or hidden in UTF-16.
func (s *shopUnderTest) holding(secrets ...string) (files []string) {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, wide(secret)) {
				files = append(files, path)
				break
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// wide is text in UTF-16.
func wide(text string) []byte {
	var b []byte
	for i := range len(text) {
		b = append(b, text[i], 0)
	}
	return b
}

// patiently waits for something that may take longer than tuitest waits.
func patiently(t *testing.T, what string, most time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(most); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, most)
		}
	}
}

// shopKeys are public account keys whose private ones nobody has.
func shopKeys(t *testing.T) (bitcoin, evm string) {
	t.Helper()
	bitcoin, evm, err := devnet.ShopKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return bitcoin, evm
}
