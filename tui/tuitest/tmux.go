package tuitest

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Pane is a Screen whose program is a process of its own in a private tmux
// server.
type Pane struct {
	*Screen
	*tmux
}

type tmux struct {
	dir    string // holds the server's socket
	socket string
}

// keeper runs the program, notes its process id and its exit status, and keeps
// the terminal after it: tmux would drop the last output of a program that ends,
// and sometimes its status. An interrupt typed at the terminal is for the program.
// The terminal's answer to a question proves that it has shown all that came
// before it.
const keeper = `dir=$1; shift; trap : INT QUIT
sh -c 'echo $$ >"$0/pid"; exec "$@"' "$dir" "$@"
status=$?; stty -icanon -echo; printf '\033[5n'; dd bs=1 count=4 >/dev/null 2>&1
echo $status >"$dir/exit.new"; mv "$dir/exit.new" "$dir/exit"
exec sleep 100000`

var servers atomic.Int64

// Tmux runs a command in a terminal of cols by rows cells. Env adds variables
// to the test's own environment. The server, and with it the program, is ended
// with the test at the latest. Without tmux the test is skipped, or fails where
// TILL_FULL=1.
func Tmux(t testing.TB, cols, rows int, env []string, command ...string) *Pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal("tmux is missing: install the Debian package tmux")
		}
		t.Skip("needs the Debian package tmux")
	}
	// Not t.TempDir, whose path may be longer than a socket's may be.
	dir, err := os.MkdirTemp("", "tuitest")
	if err != nil {
		t.Fatal(err)
	}
	m := &tmux{dir: dir, socket: fmt.Sprintf("till-%d-%d", os.Getpid(), servers.Add(1))}
	t.Cleanup(func() {
		_, _ = m.run("kill-server")
		_ = os.RemoveAll(dir)
	})
	conf := fmt.Sprintf(`set -g status off
set -s escape-time 0
set -g default-size %dx%d
set -g default-terminal tmux-256color
set -g history-limit 20000
`, cols, rows)
	if err := os.WriteFile(m.conf(), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"new-session", "-d", "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows)}
	for _, v := range env {
		args = append(args, "-e", v)
	}
	args = append(append(args, "--", "sh", "-c", keeper, "sh", dir), command...)
	if _, err := m.run(args...); err != nil {
		t.Fatal(err)
	}
	return &Pane{Screen: &Screen{t: t, term: m}, tmux: m}
}

func (m *tmux) conf() string { return filepath.Join(m.dir, "conf") }

func (m *tmux) run(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-L", m.socket, "-f", m.conf(), "-u"}, args...)...)
	cmd.Env = append(os.Environ(), "TMUX_TMPDIR="+m.dir, "TMUX=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, bytes.TrimSpace(errs.Bytes()))
	}
	return string(out), nil
}

func (m *tmux) keys(keys []key) error {
	for _, k := range keys {
		args := []string{"send-keys", "--", k.tmux}
		if k.tmux == "" {
			args = []string{"send-keys", "-l", "--", k.bytes}
			if k.bytes == ";" { // tmux's own separator
				args[3] = "\\;"
			}
		}
		if _, err := m.run(args...); err != nil {
			return err
		}
		if k.tmux == "Escape" {
			// A terminal sends a lone escape; what follows at once would be
			// read as one key with it.
			time.Sleep(150 * time.Millisecond)
		}
	}
	return nil
}

func (m *tmux) paste(text string) error {
	if _, err := m.run("set-buffer", "--", text); err != nil {
		return err
	}
	_, err := m.run("paste-buffer", "-p", "-d")
	return err
}

func (m *tmux) resize(cols, rows int) error {
	_, err := m.run("resize-window", "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows))
	return err
}

func (m *tmux) frame() ([]string, error) {
	out, err := m.run("capture-pane", "-p")
	if err != nil {
		return nil, err
	}
	rows := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i, row := range rows {
		rows[i] = strings.TrimRight(row, " ")
	}
	return rows, nil
}

// readQR shows what tmux shows on an emulator, and reads it there.
func (m *tmux) readQR() (string, error) {
	size, err := m.run("display-message", "-p", "#{pane_width} #{pane_height}")
	if err != nil {
		return "", err
	}
	var cols, rows int
	if _, err := fmt.Sscan(size, &cols, &rows); err != nil {
		return "", err
	}
	out, err := m.run("capture-pane", "-p", "-e", "-N")
	if err != nil {
		return "", err
	}
	out = strings.TrimSuffix(out, "\n")
	text, err := shown(out, cols, rows)
	if err == nil {
		return text, nil
	}
	// Before 3.4 tmux does not tell the background of cells at a row's end that
	// were erased and not written. The light rows above and below a code are
	// such cells.
	lines := strings.Split(out, "\n")
	for i, line := range lines {
		if missing := cols - ansi.StringWidth(line); missing > 0 {
			lines[i] += "\x1b[30;107m" + strings.Repeat(" ", missing) + ansi.ResetStyle
		}
	}
	return shown(strings.Join(lines, "\n"), cols, rows)
}

// shown reads a QR code off captured lines.
func shown(captured string, cols, rows int) (string, error) {
	screen := vt.NewEmulator(cols, rows)
	if _, err := screen.WriteString(strings.ReplaceAll(captured, "\n", "\r\n")); err != nil {
		return "", err
	}
	return photograph(screen, color.Black).read()
}

// changed looks again after a moment: tmux tells nobody.
func (m *tmux) changed() <-chan struct{} {
	c := make(chan struct{}, 1)
	time.AfterFunc(50*time.Millisecond, func() { c <- struct{}{} })
	return c
}

func (m *tmux) ended() (string, bool) {
	status, err := os.ReadFile(filepath.Join(m.dir, "exit"))
	if err != nil {
		return "", false
	}
	if how := strings.TrimSpace(string(status)); how != "0" {
		return "exit status " + how, true
	}
	return "", true
}

// PID is the process id of the pane's program.
func (m *tmux) PID() (int, error) {
	out, err := os.ReadFile(filepath.Join(m.dir, "pid"))
	if err != nil {
		return 0, fmt.Errorf("the pane's program has not started: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// History is the screen with all that scrolled out of it, with attributes as
// escape sequences where styled.
func (m *tmux) History(styled bool) (string, error) {
	args := []string{"capture-pane", "-p", "-S", "-"}
	if styled {
		args = append(args, "-e")
	}
	return m.run(args...)
}
