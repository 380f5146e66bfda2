package qr

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

// TestOnRealScreens shows codes in xterm, takes a picture of the screen and
// lets zbar read it. It is the only proof that the cells of a real terminal
// with a real type face leave no gaps.
func TestOnRealScreens(t *testing.T) {
	if os.Getenv("TILL_FULL") != "1" {
		t.Skip("run with TILL_FULL=1; needs the Debian packages xvfb, xterm, fonts-dejavu-core, imagemagick and zbar-tools")
	}
	for _, tool := range []string{"Xvfb", "xterm", "import", "zbarimg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: install the Debian packages xvfb, xterm, fonts-dejavu-core, imagemagick and zbar-tools", tool)
		}
	}
	display := startX(t)
	for _, c := range []struct {
		name       string
		forms      []chain.Form
		cols, rows int
	}{
		{"bitcoin", []chain.Form{uri(payBTC), address(segwit)}, 40, 20},
		{"token", []chain.Form{uri(payUSDC), address(wallet)}, 40, 20},
		{"bitcoin", []chain.Form{uri(payBTC)}, 80, 24},
		{"token", []chain.Form{uri(payUSDC)}, 80, 24},
		{"token", []chain.Form{uri(payUSDC)}, 200, 60},
	} {
		for _, background := range []string{"black", "white", "#002b36"} {
			for _, mode := range []Mode{Colour, ReverseOnDark, ReverseOnLight} {
				if mode != Colour && (background == "#002b36" || onDark(mode) != (background == "black")) {
					continue // reverse video has the contrast of the theme
				}
				name := fmt.Sprintf("%s/%dx%d/%s/mode%d", c.name, c.cols, c.rows, strings.Trim(background, "#"), mode)
				t.Run(name, func(t *testing.T) {
					code, ok := Fit(c.forms, c.cols, c.rows, mode)
					if !ok {
						t.Fatal("nothing fits")
					}
					shown := showInXterm(t, display, code, c.cols, c.rows, background)
					if shown != code.Text {
						t.Errorf("zbar read %q, want %q", shown, code.Text)
					}
				})
			}
		}
	}
}

// startX starts an X server on a free display for as long as the test runs.
func startX(t *testing.T) string {
	t.Helper()
	// A number of its own: servers that look for a free one by themselves
	// (-displayfd) take each other's when two start at once.
	number := 1000 + os.Getpid()%30000
	server := exec.Command("Xvfb", fmt.Sprintf(":%d", number), "-screen", "0", "2000x1400x24", "-nolisten", "tcp", "-noreset")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(server) })
	socket := fmt.Sprintf("/tmp/.X11-unix/X%d", number)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return fmt.Sprintf(":%d", number)
		}
		if time.Now().After(deadline) {
			t.Fatal("the X server does not start")
		}
	}
}

// showInXterm returns what zbar reads from a window that shows the code; it
// looks again until there is something to read.
func showInXterm(t *testing.T, display string, code Code, cols, rows int, background string) string {
	t.Helper()
	dir := t.TempDir()
	file, shot := filepath.Join(dir, "code"), filepath.Join(dir, "shot.png")
	if err := os.WriteFile(file, []byte(code.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	foreground := "white"
	if background == "white" {
		foreground = "black"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	env := append(os.Environ(), "DISPLAY="+display, "LC_ALL=C.UTF-8")
	term := exec.Command("xterm", "-u8", "-fa", "DejaVu Sans Mono", "-fs", "10", "-bg", background, "-fg", foreground,
		"-geometry", fmt.Sprintf("%dx%d+0+0", cols, rows), "-e", "sh", "-c", `cat "$1"; exec sleep 60`, "sh", file)
	term.Env = env
	if err := term.Start(); err != nil {
		t.Fatal(err)
	}
	defer end(term)
	for ctx.Err() == nil {
		take := exec.CommandContext(ctx, "import", "-window", "root", shot)
		take.Env = env
		if out, err := take.CombinedOutput(); err != nil {
			t.Fatalf("no screenshot: %v: %s", err, out)
		}
		read, err := exec.CommandContext(ctx, "zbarimg", "--raw", "-q", "-Sdisable", "-Sqrcode.enable", shot).Output()
		if err == nil && len(read) > 0 {
			return string(bytes.TrimSuffix(read, []byte("\n")))
		}
	}
	t.Fatal("zbar finds no code on the screen")
	return ""
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
