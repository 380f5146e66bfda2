package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/kiosk"
)

// feed is a price feed that runs: rate.Feed.
type feed interface {
	pos.Rates
	Run(ctx context.Context) error
}

// parts is all that a register is opened with, whether it comes from a
// configuration or from the demo.
type parts struct {
	shop   pos.Shop
	policy pos.Policy
	rules  []string // whose change locks the till; nil = only a key's change does
	// callback is the shop's URL for changes, "" = none.
	callback string
	rails    []chain.Rail
	rates    feed
	store    pos.Store
	log      *slog.Logger
	clock    pos.Clock // nil = the machine's
	random   io.Reader // nil = crypto/rand
	// stage is the demo's customer, nil outside the demo.
	stage tui.Stage
	// poster posts changes to callbacks, nil in the demo.
	poster *poster
	// terminal is the name of this screen or command; data the folder in which
	// the register is listened for, "" = nowhere.
	terminal, data string
	// check looks through the whole store, behind the first frame; nil = not
	// needed.
	check func(context.Context) error
	// serves says that screens are shown at a socket in data.
	serves bool
	// after ends what only this register used: networks, temporary folders. It
	// is called last and may be nil.
	after func()
}

// session is a register that runs.
type session struct {
	*pos.Register
	parts
	since time.Time
	sock  *sockServer                  // nil where no command can be answered
	kiosk atomic.Pointer[kiosk.Server] // where screens are served
	stop  context.CancelFunc
	done  chan struct{} // nil where nothing runs
	// checking: the store is being looked through since the start.
	checking atomic.Bool
}

// open starts the register, its watchers and its price feed.
func (p parts) open(ctx context.Context) (*session, error) {
	s, err := p.still(ctx)
	if err != nil {
		return nil, err
	}
	s.run(ctx)
	if p.data != "" {
		s.listen(p.data)
	}
	return s, nil
}

// still makes the register without starting anything: it reads and writes its
// store, and asks no network.
func (p parts) still(ctx context.Context) (*session, error) {
	if p.clock == nil {
		p.clock = clock{}
	}
	if p.random == nil {
		p.random = rand.Reader
	}
	reg, err := pos.New(ctx, pos.Config{
		Shop: p.shop, Policy: p.policy, Rules: p.rules, Callback: p.callback, Rails: p.rails, Rates: p.rates,
		Store: p.store, Clock: p.clock, Random: p.random, Log: p.log,
	})
	if err != nil {
		_ = p.discard()
		return nil, err
	}
	return &session{Register: reg, parts: p, since: p.clock.Now(), stop: func() {}}, nil
}

func (s *session) run(ctx context.Context) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.done = stop, make(chan struct{})
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		if err := s.rates.Run(life); err != nil && life.Err() == nil {
			s.log.Error("the price feed ended", "err", err)
		}
	}()
	posted := s.poster.run(life, s.Register, s.parts)
	go func() {
		defer close(s.done)
		if err := s.Run(life); err != nil {
			s.log.Error("the register ended", "err", err)
		}
		<-fed
		<-posted
	}()
}

// untilConnected waits, at most for so long, until every coin can be charged.
// Whoever types meanwhile is charged then, and not told to try again.
func (s *session) untilConnected(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	box := s.Subscribe()
	defer box.Close()
	draft := pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(10_000, s.shop.Currencies[0])}}
	refused := func(c pos.Choice) bool { return c.Refusal != nil }
	for slices.ContainsFunc(s.Choices(draft), refused) {
		if _, err := box.Next(ctx); err != nil {
			return
		}
	}
}

// close ends the register; what was acknowledged is on disk already.
func (s *session) close() error {
	s.sock.close()
	if server := s.kiosk.Load(); server != nil {
		end, done := context.WithTimeout(context.Background(), screensEnd)
		if err := server.Close(end); err != nil {
			s.log.Error("the screens did not end in order", "err", err)
		}
		done()
	}
	s.stop()
	if s.done != nil {
		<-s.done
	}
	return s.parts.discard()
}

func (p parts) discard() error {
	err := p.store.Close()
	if p.after != nil {
		p.after()
	}
	return err
}

// clock is the machine's.
type clock struct{}

func (clock) Now() time.Time { return time.Now() }

func (clock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// runScreen shows the register in this terminal. The first frame does not wait
// for start: what is typed until the register is there is kept.
func runScreen(ctx context.Context, cfg tui.Config, start func(context.Context) (*session, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cfg.Context = ctx
	if cfg.Clock == nil {
		cfg.Clock = clock{}
	}
	return runProgram(ctx, newProgram(tui.New(cfg)), start)
}

// newProgram makes the program of a screen.
func newProgram(model tea.Model, also ...tea.ProgramOption) *tea.Program {
	// Half the frames of the default: nothing here is animated, and a renderer
	// that wakes 60 times a second is most of what an idle till uses.
	return tea.NewProgram(model, append(also, tea.WithoutSignalHandler(), tea.WithFPS(30))...)
}

// runProgram shows a screen, and opens its register meanwhile.
func runProgram(ctx context.Context, program *tea.Program, start func(context.Context) (*session, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Quit and not tea.WithContext: that one closes the input under its reader.
	defer context.AfterFunc(ctx, program.Quit)()

	type started struct {
		s   *session
		err error
	}
	opened := make(chan started, 1)
	go func() {
		s, err := start(ctx)
		opened <- started{s, err}
		if err != nil {
			program.Send(tui.Failed{Err: err})
			return
		}
		program.Send(tui.Ready{Register: s, Stage: s.stage, Instruments: s.instruments})
		if wrong := s.setBack(ctx); wrong != "" {
			s.log.Error(wrong)
		}
		if s.check == nil {
			return
		}
		s.checking.Store(true)
		err = s.check(ctx)
		s.checking.Store(false)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the store does not stand up to its check", "err", err)
			program.Send(tui.Failed{Err: err})
		}
	}()

	_, err := program.Run()
	cancel()
	res := <-opened
	if res.s != nil {
		err = errors.Join(err, res.s.close())
	}
	if res.err != nil && !errors.Is(res.err, context.Canceled) {
		err = errors.Join(err, res.err)
	}
	return err
}

// openRegister opens the register of a configuration; where there is none yet,
// it asks the questions of set-up first.
func openRegister(cmd *cobra.Command, at places) error {
	at = at.fill()
	if !wantsLines(cmd) && served(cmd.Context(), at.data) {
		return attach(cmd, at)
	}
	s, err := at.load()
	if none := new(noConfigError); errors.As(err, &none) {
		if err = runInit(cmd, at, initFlags{network: "mainnet"}); err == nil {
			s, err = at.load()
		}
	}
	if err != nil {
		return err
	}
	log, file, err := openLog(s.data)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	cfg := screenConfig(s.shop, s.terminal, tongueOf(s))
	cfg.Theme = s.screen.theme
	if p := newPrinter(s, s.find); p != nil {
		cfg.Printer = p
	}
	s.screen.dress(&cfg)
	start := func(ctx context.Context) (*session, error) { return startShop(ctx, s, log) }
	if wantsLines(cmd) {
		return runLines(cmd, cfg, start)
	}
	return runScreen(cmd.Context(), cfg, start)
}

// screenConfig is what every screen of this terminal has in common.
func screenConfig(shop pos.Shop, terminal string, t tongue) tui.Config {
	if terminal == "" {
		terminal = terminalName()
	}
	return tui.Config{
		Shop: shop, Actor: pos.Actor{Terminal: terminal}, Language: t.language, Locale: t.locale, Zone: time.Local,
		NoColour: os.Getenv("NO_COLOR") != "", Dumb: os.Getenv("TERM") == "dumb",
	}
}

// terminalName is this screen's name on sales: TILL_TERMINAL, or the host's name.
func terminalName() string {
	if name := os.Getenv("TILL_TERMINAL"); name != "" {
		return pos.CleanText(name, 32)
	}
	name, err := os.Hostname()
	if err != nil {
		return "till"
	}
	return pos.CleanText(name, 32)
}
