package tuitest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Patience is how long a verb waits for what it expects. It is generous
// because a loaded machine is slow and a failure is not urgent.
const Patience = 30 * time.Second

// Screen is a terminal with a program in it. Its verbs end the test when what
// they expect does not come; they return the Screen for the next verb. They are
// for one goroutine, the test's.
type Screen struct {
	t    testing.TB
	term terminal
}

// terminal is what New and Tmux have in common.
type terminal interface {
	// keys presses keys; each is a key of the table in keys.go.
	keys(keys []key) error
	paste(text string) error
	resize(cols, rows int) error
	// frame is what is on the screen now, one string per row, trailing spaces cut.
	frame() ([]string, error)
	// changed returns a channel that gets something once frame may return
	// something else, or the program may have ended. Call it before frame.
	changed() <-chan struct{}
	// readQR reads the QR code on the screen.
	readQR() (string, error)
	// ended tells whether the program has ended, and how.
	ended() (how string, yes bool)
}

// Press presses keys by their names: "enter", "esc", "tab", "backspace",
// "space", "up", "f2", "ctrl+c", or one character.
func (s *Screen) Press(names ...string) *Screen {
	s.t.Helper()
	keys := make([]key, len(names))
	for i, name := range names {
		k, ok := named(name)
		if !ok {
			s.t.Fatalf("no key is called %q", name)
		}
		keys[i] = k
	}
	s.must(s.term.keys(keys))
	return s
}

// Type presses the key of every character of text.
func (s *Screen) Type(text string) *Screen {
	s.t.Helper()
	keys := make([]key, 0, len(text))
	for _, r := range text {
		keys = append(keys, literal(r))
	}
	s.must(s.term.keys(keys))
	return s
}

// Click clicks or touches the first place where a text is on the screen, if the
// program asked for clicks; else a terminal keeps them to itself.
func (s *Screen) Click(text string) *Screen {
	s.t.Helper()
	s.See(text)
	rows, err := s.term.frame()
	s.must(err)
	for y, row := range rows {
		if at := strings.Index(row, text); at >= 0 {
			x := ansi.StringWidth(row[:at]) + 1 // SGR coordinates begin at 1
			s.must(s.term.keys([]key{{bytes: fmt.Sprintf("\x1b[<0;%d;%dM\x1b[<0;%d;%dm", x, y+1, x, y+1)}}))
			return s
		}
	}
	return s
}

// Paste pastes text as a terminal does, in brackets where the program asked
// for them.
func (s *Screen) Paste(text string) *Screen {
	s.t.Helper()
	s.must(s.term.paste(text))
	return s
}

// Resize makes the terminal another size.
func (s *Screen) Resize(cols, rows int) *Screen {
	s.t.Helper()
	s.must(s.term.resize(cols, rows))
	return s
}

// See waits until all texts are on the screen at once. A text does not span
// rows.
func (s *Screen) See(texts ...string) *Screen {
	s.t.Helper()
	return s.Until("see "+quoted(texts), func(frame string) bool {
		for _, text := range texts {
			if !strings.Contains(frame, text) {
				return false
			}
		}
		return true
	})
}

// Gone waits until none of the texts is on the screen.
func (s *Screen) Gone(texts ...string) *Screen {
	s.t.Helper()
	return s.Until("no longer see "+quoted(texts), func(frame string) bool {
		for _, text := range texts {
			if strings.Contains(frame, text) {
				return false
			}
		}
		return true
	})
}

// Until waits until ok of the whole screen's text; what completes the sentence
// "expected to …".
func (s *Screen) Until(what string, ok func(frame string) bool) *Screen {
	s.t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		changed := s.term.changed()
		how, ended := s.term.ended() // before the frame, so that the last frame counts
		frame := s.Screen()
		if ok(frame) {
			return s
		}
		if ended {
			s.t.Fatalf("expected to %s, but the program ended (%s). The screen:\n%s", what, how, framed(frame))
		}
		select {
		case <-changed:
		case <-deadline.C:
			s.t.Fatalf("expected to %s within %s. The screen:\n%s", what, Patience, framed(frame))
		}
	}
}

// Screen is the text on the screen now, rows joined by newlines, trailing
// spaces and trailing empty rows cut.
func (s *Screen) Screen() string {
	s.t.Helper()
	rows, err := s.term.frame()
	s.must(err)
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// End waits until the program has ended, and returns how: "" for a good end,
// else its error or exit status in words.
func (s *Screen) End() string {
	s.t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		changed := s.term.changed()
		if how, yes := s.term.ended(); yes {
			return how
		}
		select {
		case <-changed:
		case <-deadline.C:
			s.t.Fatalf("expected the program to end within %s. The screen:\n%s", Patience, framed(s.Screen()))
		}
	}
}

func (s *Screen) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("the terminal failed: %v", err)
	}
}

func quoted(texts []string) string {
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteString(" and ")
		}
		fmt.Fprintf(&b, "%q", text)
	}
	return b.String()
}

// framed puts a border around a frame, so that a failure shows its spaces.
func framed(frame string) string {
	return "  | " + strings.ReplaceAll(frame, "\n", "\n  | ")
}
