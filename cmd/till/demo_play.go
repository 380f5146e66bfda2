package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
)

// showTime is when every show begins: what its screens say is the same each time.
var showTime = time.Date(2026, 11, 20, 14, 2, 0, 0, time.UTC)

// seeded is randomness that is the same for the same seed and purpose.
type seeded struct {
	mu sync.Mutex
	r  *rand.ChaCha8
}

func (s *seeded) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(p)
}

func seededFor(seed uint64) func(what string) io.Reader {
	return func(what string) io.Reader {
		return &seeded{r: rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "till demo %d %s", seed, what)))}
	}
}

// player plays a show to a screen: it stands between the program and the model.
type player struct {
	show  *show
	world world
	speed int
	live  bool // on a terminal, where people watch
	inner tea.Model
	stage *prompter
	send  func(tea.Msg)
	take  func(name, text string) error // gets the shots

	ready chan struct{} // closed when the register is there
	mu    sync.Mutex
	frame string
	news  chan struct{} // closed when there is another frame
	over  atomic.Bool   // the show has ended: keys are people's again
	err   error
}

// cue is a key that the show presses.
type cue struct{ tea.KeyPressMsg }

func (p *player) Init() tea.Cmd { return p.inner.Init() }

func (p *player) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case cue:
		msg = m.KeyPressMsg
	case tea.KeyPressMsg:
		if !p.over.Load() && m.String() != "ctrl+c" {
			return p, nil // the stage is not the audience's
		}
	case tui.Ready:
		p.stage = newPrompter(m.Stage)
		m.Stage = p.stage
		msg = m
		defer close(p.ready)
	}
	var cmd tea.Cmd
	p.inner, cmd = p.inner.Update(msg)
	return p, cmd
}

func (p *player) View() tea.View {
	v := p.inner.View()
	p.mu.Lock()
	defer p.mu.Unlock()
	if text := plainText(v.Content); text != p.frame {
		p.frame = text
		close(p.news)
		p.news = make(chan struct{})
	}
	return v
}

// plainText is a frame without colours and without blanks at its end.
func plainText(frame string) string {
	lines := strings.Split(ansi.Strip(frame), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// prompter is a stage that tells the player what was offered and done on it.
type prompter struct {
	tui.Stage
	asked chan []tui.Scene
	done  chan error
}

func newPrompter(st tui.Stage) *prompter {
	return &prompter{Stage: st, asked: make(chan []tui.Scene, 1), done: make(chan error, 1)}
}

// Scenes implements tui.Stage.
func (p *prompter) Scenes(v pos.View) []tui.Scene {
	list := p.Stage.Scenes(v)
	newest(p.asked, list)
	return list
}

// Pay implements tui.Stage.
func (p *prompter) Pay(ctx context.Context, v pos.View) error { return p.did(p.Stage.Pay(ctx, v)) }

// Play implements tui.Stage.
func (p *prompter) Play(ctx context.Context, id string, v pos.View) error {
	return p.did(p.Stage.Play(ctx, id, v))
}

// Mine implements tui.Stage.
func (p *prompter) Mine(ctx context.Context, v pos.View) error { return p.did(p.Stage.Mine(ctx, v)) }

func (p *prompter) did(err error) error {
	newest(p.done, err)
	return err
}

// newest puts a value into a channel for one, in the place of what is there.
func newest[T any](ch chan T, v T) {
	select {
	case <-ch:
	default:
	}
	select {
	case ch <- v:
	default: // somebody else's is as new
	}
}

// mostPatience is how long a show waits for what it expects.
const mostPatience = 30 * time.Second

// play plays every step.
func (p *player) play(ctx context.Context) error {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, s := range p.show.steps {
		if s.verb == "quit" {
			return nil
		}
		if err := p.step(ctx, s); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%s, line %d: %w", p.show.name, s.line, err)
		}
	}
	return nil
}

func (p *player) step(ctx context.Context, s step) error {
	switch s.verb {
	case "type", "press":
		p.press(s.keys...)
	case "pay":
		return p.ask(ctx, named("p"), "nobody can pay here now")
	case "mine":
		for range s.n {
			if err := p.ask(ctx, named("m"), "no block can be mined here now"); err != nil {
				return err
			}
		}
	case "scene":
		return p.scene(ctx, s.text)
	case "wait":
		return p.wait(ctx, s.wait)
	case "size":
		if !p.live {
			p.send(tea.WindowSizeMsg{Width: s.n, Height: s.rows})
		}
	case "expect", "gone":
		if !p.until(ctx, func(frame string) bool { return strings.Contains(frame, s.text) == (s.verb == "expect") }) {
			return p.stuck("%s %q waited %s in vain", s.verb, clip(s.text), mostPatience)
		}
	case "shot":
		return p.take(s.text, p.settled(ctx))
	}
	return nil
}

// stuckError is a show that does not go on, with the screen that it is stuck at.
type stuckError struct{ what, frame string }

func (e *stuckError) Error() string { return e.what }

func (p *player) stuck(format string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &stuckError{fmt.Sprintf(format, args...), p.frame}
}

func named(name string) tea.KeyPressMsg { key, _ := keyNamed(name); return key }

func (p *player) press(keys ...tea.KeyPressMsg) {
	for _, key := range keys {
		p.send(cue{key})
	}
}

// ask presses a key that makes the stage do something, and waits until it has.
func (p *player) ask(ctx context.Context, key tea.KeyPressMsg, otherwise string) error {
	select {
	case <-p.stage.done:
	default:
	}
	p.press(key)
	select {
	case err := <-p.stage.done:
		return err
	case <-time.After(mostPatience):
		return p.stuck("%s", otherwise)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scene opens the menu and chooses.
func (p *player) scene(ctx context.Context, id string) error {
	select {
	case <-p.stage.asked:
	default:
	}
	p.press(named("P"))
	select {
	case list := <-p.stage.asked:
		i := slices.IndexFunc(list, func(s tui.Scene) bool { return s.ID == id })
		if i >= 0 {
			return p.ask(ctx, named(tui.SceneKey(i)), "the scene is not played")
		}
		var now []string
		for _, s := range list {
			now = append(now, s.ID)
		}
		return p.stuck("the scene %s cannot be played now; there are %s", id, strings.Join(now, ", "))
	case <-time.After(mostPatience):
		return p.stuck("the menu of scenes does not open here")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait lets time pass. Where nobody watches it takes no time.
func (p *player) wait(ctx context.Context, d time.Duration) error {
	clock := p.world.clock
	until := clock.Now().Add(d)
	if p.live {
		clock.RunUntil(p.speed, until)
		if !clock.wait(ctx, until) {
			return ctx.Err()
		}
		clock.Run(0)
		return nil
	}
	// The last seconds one by one: notices count them.
	const slowly = 10
	clock.Jump(max(0, d-slowly*time.Second))
	for left := min(d, slowly*time.Second); left > 0; left -= time.Second {
		clock.Jump(min(left, time.Second))
		if !rest(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// rest waits in the machine's time.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// until waits for a frame.
func (p *player) until(ctx context.Context, good func(frame string) bool) bool {
	late := time.After(mostPatience)
	for {
		p.mu.Lock()
		frame, news := p.frame, p.news
		p.mu.Unlock()
		if good(frame) {
			return true
		}
		select {
		case <-news:
		case <-late:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// settled is the frame after nothing has changed for a moment.
func (p *player) settled(ctx context.Context) string {
	for {
		p.mu.Lock()
		frame, news := p.frame, p.news
		p.mu.Unlock()
		select {
		case <-news:
		case <-time.After(300 * time.Millisecond):
			return frame
		case <-ctx.Done():
			return frame
		}
	}
}

// runShow plays the show of a file: on this terminal, or where there is none
// just for its shots.
func runShow(cmd *cobra.Command, file, shots string, speed int) error {
	in := cmd.InOrStdin()
	name := "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("the show %s cannot be read: %s", file, plainCause(err))
		}
		defer func() { _ = f.Close() }()
		in, name = f, file
	}
	s, err := parseShow(name, in)
	if err != nil {
		return err
	}
	live := onTerminal(cmd.InOrStdin()) && onTerminal(cmd.OutOrStdout())
	take := func(string, string) error { return nil }
	switch out := cmd.OutOrStdout(); {
	case shots != "":
		if err := os.MkdirAll(shots, 0o755); err != nil {
			return fmt.Errorf("the folder %s cannot be made: %s", shots, plainCause(err))
		}
		take = func(name, text string) error {
			return os.WriteFile(filepath.Join(shots, name+".txt"), []byte(text+"\n"), 0o644)
		}
	case !live:
		take = func(name, text string) error { _, err := fmt.Fprintf(out, "--- %s\n%s\n", name, text); return err }
	}
	err = s.play(cmd.Context(), live, speed, take)
	if stuck := new(stuckError); errors.As(err, &stuck) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s\n", stuck.frame)
	}
	return err
}

// play runs the program with the show in it. Take gets the shots.
func (s *show) play(ctx context.Context, live bool, speed int, take func(name, text string) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	random := seededFor(s.seed)
	p := &player{
		show: s, speed: speed, live: live, take: take, ready: make(chan struct{}), news: make(chan struct{}),
		world: world{clock: newWarp(showTime, 0), random: random, blocks: new(atomic.Bool)},
	}
	cfg := screenConfig(demoShop, "till 1", tongue{s.language, money.LocaleFor(s.language)})
	cfg.Actor.Name, cfg.Hint, cfg.Clock = "Ana", words.For(s.language, words.Format{}).Phrases().HintDemo, paced{p.world.clock}
	cfg.Zone, cfg.Random = time.UTC, random("screen")
	cfg.Context = ctx
	var options []tea.ProgramOption
	if !live {
		cfg.Dumb, cfg.Quiet = true, true
		options = append(options, tea.WithInput(nil), tea.WithOutput(io.Discard), tea.WithWindowSize(s.cols, s.rows))
	}
	p.inner = tui.New(cfg)
	program := newProgram(p, options...)
	p.send = program.Send
	done := make(chan struct{})
	go func() {
		defer close(done)
		if p.err = p.play(ctx); p.err != nil || !live || s.quits() {
			program.Quit()
			return
		}
		p.over.Store(true)
		p.world.blocks.Store(true)
		p.world.clock.Run(speed)
	}()
	err := runProgram(ctx, program, p.world.start)
	stop()
	<-done
	if errors.Is(p.err, context.Canceled) {
		p.err = nil // somebody left
	}
	return errors.Join(err, p.err)
}

func (s *show) quits() bool { return s.steps[len(s.steps)-1].verb == "quit" }
