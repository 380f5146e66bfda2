package tuitest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/tui/qr"
	"github.com/cointill/till/tui/tuitest"
)

// notebook is a small program that shows all it is told.
type notebook struct {
	keys       []string
	pasted     string
	cols, rows int
	light      bool
	ticks      int
	mode       qr.Mode
	showQR     bool
}

type tick struct{}

func (n notebook) Init() tea.Cmd { return tea.RequestBackgroundColor }

func (n notebook) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		n.cols, n.rows = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		n.light = !msg.IsDark()
	case tea.PasteMsg:
		n.pasted = msg.Content
	case tick:
		n.ticks++
	case tea.KeyPressMsg:
		switch msg.String() {
		case "Q":
			n.showQR = !n.showQR
			return n, nil
		case "ctrl+c":
			return n, tea.Quit
		case "ctrl+d":
			return n, tea.Sequence(tea.Println("bye"), func() tea.Msg { panic("broken on purpose") })
		}
		n.keys = append(n.keys, msg.String())
	}
	return n, nil
}

func (n notebook) View() tea.View {
	content := fmt.Sprintf("%dx%d light=%v ticks=%d\nkeys: %s\npasted: %s", n.cols, n.rows, n.light, n.ticks, strings.Join(n.keys, " "), n.pasted)
	if n.showQR {
		mode := n.mode
		if mode != qr.Colour && n.light {
			mode++
		}
		if code, ok := qr.Fit([]chain.Form{{Kind: chain.FormURI, Text: "bitcoin:till?amount=1"}}, n.cols, n.rows-3, mode); ok {
			content += "\n" + code.String()
		}
	}
	v := tea.NewView(content)
	v.AltScreen = true
	return v
}

func TestKeysArrive(t *testing.T) {
	s := tuitest.New(t, notebook{}, 80, 24)
	s.See("80x24", "light=false")
	s.Type("4.5b").Press("esc", "x", "enter", "tab", "backspace", "f2", "f10", "up", "space", "ü")
	s.See("keys: 4 . 5 b esc x enter tab backspace f2 f10 up space ü")
	s.Paste("bc1q 1\n2").See("pasted: bc1q 1")
	s.Gone("nonsense")
	s.Send(tick{})
	s.See("ticks=1")
	s.Resize(40, 20).See("40x20")
	s.Press("ctrl+c")
	if how := s.End(); how != "" {
		t.Errorf("ended with %q", how)
	}
	if n, ok := s.Model().(notebook); !ok || n.ticks != 1 {
		t.Errorf("last model %+v", s.Model())
	}
	if raw := string(s.Bytes()); !strings.Contains(raw, "\x1b[?1049h") {
		t.Error("the stream has no alternate screen")
	}
}

func TestLightTerminalAnswers(t *testing.T) {
	s := tuitest.New(t, notebook{}, 80, 24, tuitest.Light())
	s.See("light=true")
}

// TestReadsQR reads codes in every mode off the emulated screen, also after
// they were hidden and drawn again by differences.
func TestReadsQR(t *testing.T) {
	for _, c := range []struct {
		name    string
		mode    qr.Mode
		options []tuitest.Option
	}{
		{"colour", qr.Colour, nil},
		{"colour on white", qr.Colour, []tuitest.Option{tuitest.Light()}},
		{"no colour", qr.ReverseOnDark, []tuitest.Option{tuitest.Env("NO_COLOR=1")}},
		{"no colour on white", qr.ReverseOnDark, []tuitest.Option{tuitest.Env("NO_COLOR=1"), tuitest.Light()}},
		{"dumb", qr.GlyphsOnDark, []tuitest.Option{tuitest.Env("TERM=dumb")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range [][2]int{{40, 20}, {80, 24}, {200, 60}} {
				s := tuitest.New(t, notebook{mode: c.mode}, size[0], size[1], c.options...)
				s.See("keys:")
				if c.name != "dumb" {
					s.See(fmt.Sprintf("light=%v", strings.HasSuffix(c.name, "white")))
				}
				if s.HasQR() {
					t.Error("a code before there is one")
				}
				for range 2 {
					if got := s.Press("Q").QR(); got != "bitcoin:till?amount=1" {
						t.Errorf("%v: read %q", size, got)
					}
					s.Press("Q").Until("hide the code", func(string) bool { return !s.HasQR() })
				}
			}
		})
	}
}

// recorder is a testing.TB that keeps what a failing verb says.
type recorder struct {
	testing.TB
	said string
}

var errStop = errors.New("stop")

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	panic(errStop)
}

func TestFailuresSayWhy(t *testing.T) {
	r := &recorder{TB: t}
	s := tuitest.New(r, notebook{}, 80, 24)
	s.See("80x24")
	s.Press("ctrl+c").End()
	func() {
		defer func() {
			if recover() != errStop {
				t.Error("See of what cannot come goes on")
			}
		}()
		s.See("never")
	}()
	if !strings.Contains(r.said, `expected to see "never", but the program ended`) {
		t.Errorf("it says %q", r.said)
	}
	func() {
		defer func() { _ = recover() }()
		s.Press("no such key")
	}()
	if !strings.Contains(r.said, `no key is called "no such key"`) {
		t.Errorf("it says %q", r.said)
	}
}

func TestTmuxShowsQR(t *testing.T) {
	code, ok := qr.Fit([]chain.Form{{Text: "bitcoin:till?amount=2"}}, 60, 22, qr.Colour)
	if !ok {
		t.Fatal("does not fit")
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, []byte(code.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := tuitest.Tmux(t, 60, 24, nil, "cat", file)
	if got := s.QR(); got != code.Text {
		t.Errorf("read %q", got)
	}
}

func TestTmux(t *testing.T) {
	s := tuitest.Tmux(t, 60, 12, []string{"GREETING=hello; you"}, "sh", "-c",
		`echo "$GREETING"; stty size; read line; echo "got <$line>"; read line; echo "got <$line>"; stty size; exit 3`)
	s.See("hello; you", "12 60")
	s.Type("a;b").Press("space", "c", "enter").See("got <a;b c>")
	s.Resize(50, 10)
	s.Paste("pasted").See("pasted")
	s.Press("enter").See("got <pasted>", "10 50")
	if how := s.End(); how != "exit status 3" {
		t.Errorf("ended with %q", how)
	}
	if h, err := s.History(false); err != nil || !strings.Contains(h, "hello; you") {
		t.Errorf("history %q, %v", h, err)
	}
}
