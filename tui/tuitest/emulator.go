package tuitest

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Option changes how New runs a program.
type Option func(*setup)

type setup struct {
	env     []string
	light   bool
	program []tea.ProgramOption
}

// Env sets variables of the program's terminal, "NO_COLOR=1" or "TERM=dumb".
// Nothing is taken over from the test's own environment.
func Env(vars ...string) Option {
	return func(s *setup) { s.env = append(s.env, vars...) }
}

// Light makes the terminal black on white. The program learns it by asking.
func Light() Option { return func(s *setup) { s.light = true } }

// With passes options on to the tea.Program.
func With(options ...tea.ProgramOption) Option {
	return func(s *setup) { s.program = append(s.program, options...) }
}

// Emulated is a Screen whose program runs inside the test.
type Emulated struct {
	*Screen
	*emulator
}

// emulator is a tea.Program on x/vt. The emulator library is not safe for
// several goroutines, so the mutex is around every call of it; only its Read,
// which waits, is outside.
type emulator struct {
	mu     sync.Mutex
	vt     *vt.Emulator
	raw    bytes.Buffer // all that the program wrote
	notify chan struct{}
	input  *feed
	paper  color.Color

	program *tea.Program
	done    chan struct{} // closed once the program has ended
	model   tea.Model     // after done
	err     error         // after done
}

// New runs model in a terminal of cols by rows cells with 256 colours, white on
// black. The program is ended with the test at the latest.
func New(t testing.TB, model tea.Model, cols, rows int, options ...Option) *Emulated {
	t.Helper()
	s := setup{env: []string{"TERM=xterm-256color"}}
	for _, option := range options {
		option(&s)
	}
	e := &emulator{
		vt: vt.NewEmulator(cols, rows), paper: color.Black,
		input: newFeed(), notify: make(chan struct{}), done: make(chan struct{}),
	}
	if s.light {
		e.paper = color.White
		e.vt.SetDefaultBackgroundColor(color.White)
		e.vt.SetDefaultForegroundColor(color.Black)
	}
	// The terminal's answers to the program's questions come in like keys. The
	// writer that the library answers through has to be drained at all times.
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = io.Copy(e.input, readerOf(e.vt))
	}()

	ctx, cancel := context.WithCancel(context.Background())
	e.program = tea.NewProgram(model, append([]tea.ProgramOption{
		tea.WithContext(ctx), tea.WithoutSignalHandler(),
		tea.WithInput(e.input), tea.WithOutput(e), tea.WithWindowSize(cols, rows),
		// The profile from the environment alone: the output is no tty.
		tea.WithEnvironment(s.env), tea.WithColorProfile(colorprofile.Env(s.env)),
		tea.WithFilter(e.unplug),
	}, s.program...)...)
	go func() {
		e.model, e.err = e.program.Run()
		close(e.done)
		e.mu.Lock()
		e.wake()
		e.mu.Unlock()
	}()
	t.Cleanup(func() {
		_ = e.input.Close()
		cancel()
		select {
		case <-e.done:
		case <-time.After(Patience):
			t.Errorf("the program does not end within %s", Patience)
		}
		if pipe, ok := e.vt.InputPipe().(io.Closer); ok {
			_ = pipe.Close()
		}
		<-answered
	})
	return &Emulated{Screen: &Screen{t: t, term: e}, emulator: e}
}

// unplug ends the program's input once it quits: it would wait half a second
// for its reader, which cannot be interrupted.
func (e *emulator) unplug(_ tea.Model, msg tea.Msg) tea.Msg {
	if _, quits := msg.(tea.QuitMsg); quits {
		_ = e.input.Close()
	}
	return msg
}

// readerOf hides everything but Read, so that io.Copy reads each answer whole.
func readerOf(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

// Write takes what the program draws. It is for the program.
func (e *emulator) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.raw.Write(p)
	// The program writes bare line feeds when it is not on a tty, whose driver
	// would add the carriage return.
	if _, err := e.vt.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	e.wake()
	return len(p), nil
}

// wake tells everybody who waits that there is something new. Call with the
// mutex held.
func (e *emulator) wake() {
	close(e.notify)
	e.notify = make(chan struct{})
}

func (e *emulator) changed() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.notify
}

func (e *emulator) frame() ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rows := make([]string, e.vt.Height())
	for y := range rows {
		var row strings.Builder
		for x := 0; x < e.vt.Width(); {
			cell := e.vt.CellAt(x, y)
			if cell == nil || cell.Content == "" {
				row.WriteByte(' ')
				x++
				continue
			}
			row.WriteString(cell.Content)
			x += max(1, cell.Width)
		}
		rows[y] = strings.TrimRight(row.String(), " ")
	}
	return rows, nil
}

func (e *emulator) keys(keys []key) error {
	for _, k := range keys {
		e.send(k.bytes)
	}
	return nil
}

// send gives bytes to the program. A program that has ended takes no more keys,
// which is no fault of the terminal.
func (e *emulator) send(text string) { _, _ = io.WriteString(e.input, text) }

func (e *emulator) paste(text string) error {
	e.send(ansi.BracketedPasteStart + text + ansi.BracketedPasteEnd)
	return nil
}

func (e *emulator) resize(cols, rows int) error {
	e.mu.Lock()
	e.vt.Resize(cols, rows)
	e.wake()
	e.mu.Unlock()
	e.program.Send(tea.WindowSizeMsg{Width: cols, Height: rows})
	return nil
}

func (e *emulator) ended() (string, bool) {
	select {
	case <-e.done:
	default:
		return "", false
	}
	if e.err != nil && !errors.Is(e.err, tea.ErrProgramKilled) {
		return e.err.Error(), true
	}
	if e.err != nil {
		return "killed: " + e.err.Error(), true
	}
	return "", true
}

// Send gives the program a message, for what does not come from a keyboard.
func (e *emulator) Send(msg tea.Msg) { e.program.Send(msg) }

// Model is the program's last model; call it after End.
func (e *emulator) Model() tea.Model {
	<-e.done
	return e.model
}

// Bytes is a copy of everything that the program has sent to the terminal.
func (e *emulator) Bytes() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return bytes.Clone(e.raw.Bytes())
}

// Styled is the screen with its attributes as escape sequences.
func (e *emulator) Styled() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.vt.Render()
}
