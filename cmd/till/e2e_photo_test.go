package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestPhoto opens the demo in xterm, rings up a sale in each coin, takes a
// picture of the screen and lets zbar read it, as a phone in front of the
// counter does. What it reads is exactly what till says that it shows.
func TestPhoto(t *testing.T) {
	t.Parallel()
	const packages = "the Debian packages xvfb, xterm, xdotool, fonts-dejavu-core, imagemagick and zbar-tools"
	for _, tool := range []string{"Xvfb", "xterm", "xdotool", "import", "zbarimg", "script"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("TILL_FULL") == "1" {
				t.Fatalf("%s is missing: install %s", tool, packages)
			}
			t.Skipf("%s is missing: needs %s", tool, packages)
		}
	}
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			x := openXterm(t, size[0], size[1])
			x.until("see the first frame", "TRAINING")
			for _, c := range []struct{ key, begins string }{
				{"Return", "bitcoin:"}, {"e", "ethereum:"}, {"u", "0x"},
			} {
				x.keys("4", "5", "0", c.key)
				x.until("see the sale in the window's title", "AWAITING")
				copies := "u"
				if c.key == "u" {
					copies = "y" // a token's code holds the address alone
				}
				if read := x.photo(); !strings.HasPrefix(read, c.begins) || read != x.copied(copies) {
					t.Errorf("zbar reads %q, till shows %q", read, x.copied(copies))
				}
				if c.key == "u" && size[0] == 200 {
					x.keys("v")
					var read string
					patiently(t, "see the request", 30*time.Second, func() bool { read = x.photo(); return strings.HasPrefix(read, "ethereum:") })
					if read != x.copied("u") {
						t.Errorf("zbar reads %q, till shows %q", read, x.copied("u"))
					}
				}
				x.keys("n")
				x.until("see another title", "\x1b]2;")
			}
			x.keys("ctrl+c", "ctrl+c")
			patiently(t, "till leaves", 30*time.Second, func() bool { return x.over() })
			x.gone()
		})
	}
}

// xterm is a real terminal with the demo in it.
type xterm struct {
	demo
	display []string // environment
	term    *exec.Cmd
	done    chan struct{}
	seen    int // bytes of the stream that until has looked at
}

func openXterm(t *testing.T, cols, rows int) *xterm {
	t.Helper()
	s := newTestShop(t, "")
	x := &xterm{demo: demo{shopUnderTest: s, tmp: filepath.Join(s.dir, "tmp")}, done: make(chan struct{})}
	if err := os.Mkdir(x.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	// A number of its own: servers that look for a free one by themselves
	// (-displayfd) take each other's when two start at once.
	number := 31000 + (os.Getpid()*8+int(displays.Add(1)))%20000
	server := exec.Command("Xvfb", fmt.Sprintf(":%d", number), "-screen", "0", "2000x1400x24", "-nolisten", "tcp", "-noreset")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	until(t, "the X server", func() bool {
		_, err := os.Stat(fmt.Sprintf("/tmp/.X11-unix/X%d", number))
		return err == nil
	})
	x.display = append(os.Environ(), fmt.Sprintf("DISPLAY=:%d", number), "LC_ALL=C.UTF-8")
	pidFile := filepath.Join(s.dir, "pid")
	command := fmt.Sprintf("echo $$ >'%s'; exec '%s' demo", pidFile, os.Args[0])
	x.term = exec.Command("xterm", "-u8", "-fa", "DejaVu Sans Mono", "-fs", "10", "-bg", "black", "-fg", "white",
		"-geometry", fmt.Sprintf("%dx%d+0+0", cols, rows), "-e", "script", "-qefc", command, s.stream)
	x.term.Env = append(append(x.display, s.env...), "TMPDIR="+x.tmp, "LC_ALL=C.UTF-8")
	var complaint bytes.Buffer
	x.term.Stdout, x.term.Stderr = &complaint, &complaint
	if err := x.term.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = x.term.Wait()
		close(x.done)
	}()
	t.Cleanup(func() {
		// A terminal that is killed would leave its program behind.
		var pid int
		if text, err := os.ReadFile(pidFile); err == nil {
			if _, err := fmt.Sscan(string(text), &pid); err == nil && pid > 1 && !x.over() {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		select {
		case <-x.done:
		case <-time.After(20 * time.Second):
			_ = x.term.Process.Kill()
			<-x.done
		}
		if t.Failed() {
			t.Logf("xterm said: %s", &complaint)
		}
	})
	return x
}

func (x *xterm) over() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// until waits until the program has written a text since the last until.
func (x *xterm) until(what, text string) {
	x.t.Helper()
	var stream []byte
	defer func() {
		if x.t.Failed() {
			x.t.Logf("the terminal was sent, at last: %q", stream[max(0, len(stream)-1000):])
		}
	}()
	patiently(x.t, what, 60*time.Second, func() bool {
		stream, _ = os.ReadFile(x.stream)
		at := bytes.Index(stream[min(x.seen, len(stream)):], []byte(text))
		if at >= 0 {
			x.seen += at + len(text)
		}
		return at >= 0
	})
}

// keys presses keys; without a window manager they go where the pointer is.
func (x *xterm) keys(names ...string) {
	x.t.Helper()
	cmd := exec.Command("xdotool", append([]string{"mousemove", "3", "3", "key", "--delay", "60"}, names...)...)
	cmd.Env = x.display
	if out, err := cmd.CombinedOutput(); err != nil {
		x.t.Fatalf("xdotool: %v: %s", err, out)
	}
}

// copied presses a key that copies something, and returns what.
func (x *xterm) copied(key string) string {
	x.t.Helper()
	stream, _ := os.ReadFile(x.stream)
	before := len(clipboard.FindAll(stream, -1))
	x.keys(key)
	patiently(x.t, "till copies something", 30*time.Second, func() bool {
		stream, _ = os.ReadFile(x.stream)
		return len(clipboard.FindAll(stream, -1)) > before
	})
	return x.demo.copied()
}

// photo is what zbar reads off a picture of the screen.
func (x *xterm) photo() (read string) {
	x.t.Helper()
	shot := filepath.Join(x.dir, "shot.png")
	patiently(x.t, "zbar finds a code on the screen", 60*time.Second, func() bool {
		take := exec.Command("import", "-window", "root", shot)
		take.Env = x.display
		if out, err := take.CombinedOutput(); err != nil {
			x.t.Fatalf("no screenshot: %v: %s", err, out)
		}
		out, err := exec.Command("zbarimg", "--raw", "-q", "-Sdisable", "-Sqrcode.enable", shot).Output()
		read = strings.TrimSuffix(string(out), "\n")
		return err == nil && read != ""
	})
	return read
}

// displays counts the X servers of this process.
var displays atomic.Int32
