package tui

import (
	"context"
	"crypto/rand"
	"io"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/qr"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
	"github.com/google/uuid"
)

// Config is what a screen needs. Only Clock is required.
type Config struct {
	// Register and Stage may come later, as the message Ready; until then the
	// screen takes amounts and keeps what is typed.
	Register Register
	Stage    Stage

	Clock pos.Clock
	// Actor is who stands at this screen, and where.
	Actor pos.Actor

	Language string // of tui/words; "" = English
	Locale   money.Locale
	Zone     *time.Location // nil = UTC

	// Theme is "auto", "dark", "light", "contrast" or "plain"; "" = auto, which
	// asks the terminal for its background.
	Theme    string
	NoColour bool // NO_COLOR: attributes only, whatever Theme says
	Dumb     bool // a terminal without attributes

	// Shop is shown until the register is there: its name and currencies.
	Shop pos.Shop
	Hint string // shown under the amount until a first sale: how the demo starts

	// Role is what this screen is for; "" = Cashier.
	Role Role
	// Items have keys of their own on the amount screen.
	Items []Item
	Kiosk KioskConfig
	// Floor is told what this screen shows; a Display follows the terminal Follow
	// on it. nil = there is one screen only.
	Floor  Floor
	Follow string
	// Printer prints receipts; nil = no key for it.
	Printer Printer

	// IdleLock is after how long without a key the till locks itself; 0 = never.
	IdleLock time.Duration

	// Context ends whatever the model's commands wait for. nil = never.
	Context context.Context
	// Random makes the ids of sales; nil = crypto/rand.
	Random io.Reader
	// Instruments reads what the health screen shows beside the board; nil = it
	// shows the board only.
	Instruments func(context.Context) (Instruments, error)
	// ShowTotals keeps what was taken today on the amount screen.
	ShowTotals bool
	// Quiet leaves the bell out.
	Quiet bool
}

// Model is the register on screen. Make it with New and run it with
// tea.NewProgram(m, tea.WithoutSignalHandler(), tea.WithContext(ctx)).
type Model struct {
	cfg Config
	ctx context.Context
	w   words.Words
	p   *words.Phrases
	f   words.Format
	th  theme.Theme
	// basic: the terminal has 16 colours.
	basic bool

	width, height int
	lay           layout
	frame         canvas

	reg      Register
	stage    Stage
	startErr error
	box      *pos.Mailbox
	shop     pos.Shop
	assets   map[chain.AssetID]chain.Asset
	board    pos.Board
	now      time.Time
	closed   bool // the register ended
	met      bool // its first news were heard: what is open anyway

	at      place // onAmount, onSale (whatever the sale is), onSales, onDetail, onHealth, onAway
	over    overlay
	draft   draft
	parked  *draft  // typed ahead of a draft that came back
	held    []draft // came back, and something else was typed since
	choices []pos.Choice
	pick    chain.AssetID
	openErr error // why the draft could not be charged

	// While a command is under way, keys wait here and are played afterwards.
	busy    busy
	opening draft // what is being rung up
	queue   []string

	sale     string // id of the sale on screen
	before   string // the sale that esc goes back to, after a look at the news
	customer bool
	flip     bool                // small screens: the facts instead of the code
	rest     bool                // a sale that has ended, shown again with the code for what is missing
	qr       int                 // which of a request's forms is shown
	known    map[string]pos.View // sales heard of
	open     []string            // ids of open ones, oldest first
	code     qr.Code
	codeKey  codeKey

	form             *form    // what is asked before an act
	away             absence  // what came while nobody looked
	day              daySheet // the day screen\'s
	lock             lock
	keyAt            time.Time // when a key was last pressed
	idleAt           time.Time // since when nobody has touched the till
	news             []string  // ids of sales with something new, oldest first
	list             saleList
	scroll           int  // of the help, the health and the detail screen
	more             bool // they go on below the last row
	scene            int
	hits             []hit // what a click means, as last drawn
	kiosk            kioskState
	guest            guestState
	today            totals
	gauges           instruments
	read             func(context.Context) (Instruments, error)
	papers, printing map[string]bool // sales whose receipt was printed, is being printed

	sure  chain.AssetID // what a far amount would be charged in
	rung  string        // the sale that was rung up here last
	shown string        // what the floor was told

	alarmed int // how many alarms there are that were said
	notice  string
	noteBad bool
	noteFor int // ticks that it stays
	warmFor int // ticks that warming goes on
	quitFor int // ticks in which another Ctrl+C leaves
}

// overlay is what lies over a screen and takes its keys.
type overlay uint8

const (
	overNone overlay = iota
	overHelp
	overCancel
	overScenes
	overForm
	overSure // an amount far above anything usual
)

// busy is a command whose answer decides what the next key means.
type busy uint8

const (
	idle    busy = iota
	warming      // the register is there, but has no price or no connection yet
	opening
	acting
)

// New makes the model. It does no work that depends on how much was ever sold.
func New(cfg Config) *Model {
	m := &Model{
		cfg: cfg, ctx: cfg.Context, at: onAmount, list: saleList{field: newField()},
		known: make(map[string]pos.View), assets: make(map[chain.AssetID]chain.Asset),
		now: cfg.Clock.Now(),
	}
	if m.ctx == nil {
		m.ctx = context.Background()
	}
	if m.cfg.Random == nil {
		m.cfg.Random = rand.Reader
	}
	m.f = words.Format{Locale: cfg.Locale, Zone: cfg.Zone, Asset: func(id chain.AssetID) (chain.Asset, bool) {
		a, ok := m.assets[id]
		return a, ok
	}}
	m.w = words.For(cfg.Language, m.f)
	m.p = m.w.Phrases()
	m.read = cfg.Instruments
	m.dress(true)
	m.meet(cfg.Shop)
	m.resize(80, 24)
	if cfg.Register != nil {
		m.begin(cfg.Register, cfg.Stage)
	}
	return m
}

// meet takes over what is known of the shop.
func (m *Model) meet(shop pos.Shop) {
	m.shop = shop
	for _, a := range slices.Concat(shop.Known, shop.Assets) {
		m.assets[a.ID] = a
	}
	if m.draft.unit == (unit{}) {
		m.draft.unit = m.firstUnit()
	}
}

// firstUnit is the shop's own currency; the zero unit while it is not known.
func (m *Model) firstUnit() unit {
	if list := units(m.shop); len(list) > 0 {
		return list[0]
	}
	return unit{}
}

// begin takes over the register.
func (m *Model) begin(reg Register, stage Stage) {
	if m.box != nil {
		m.box.Close()
	}
	m.reg, m.stage, m.startErr, m.closed, m.met = reg, stage, nil, false, false
	m.meet(reg.Shop())
	m.board = reg.Board()
	m.pick = m.shop.Default
	m.box = reg.Subscribe()
	m.price()
}

// dress chooses the theme for a background.
func (m *Model) dress(dark bool) {
	m.th = theme.For(dark)
	if th, ok := theme.ByName(m.cfg.Theme, dark); ok {
		m.th = th
	}
	if m.cfg.NoColour || m.cfg.Dumb {
		m.th = theme.Plain(dark)
	}
	if m.basic {
		m.th = m.th.Basic()
	}
}

// Init starts the clock, asks the terminal for its background and, if the
// register is there, listens to it.
func (m *Model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.tick(), tea.RequestBackgroundColor}
	if m.reg != nil {
		cmds = append(cmds, m.listen(), m.load(), m.heed())
	}
	cmds = append(cmds, m.follow())
	return tea.Batch(cmds...)
}

// newID makes a version 4 UUID.
func (m *Model) newID() string {
	id, err := uuid.NewRandomFromReader(m.cfg.Random)
	if err != nil {
		return "" // the register makes one
	}
	return id.String()
}

// view is the sale on screen.
func (m *Model) view() (pos.View, bool) {
	v, ok := m.known[m.sale]
	return v, ok && m.sale != ""
}

// here is where the person is, as far as keys go.
func (m *Model) here() place {
	if !m.counter() {
		return m.rolePlace()
	}
	if m.at != onSale {
		return m.at
	}
	v, ok := m.view()
	switch {
	case !ok:
		return onPay
	case m.customer:
		return onCustomer
	case pending(v.Sale.Outcome.Status), m.rest && len(v.Pay.Forms) > 0:
		return onPay
	}
	return onOutcome
}

// pending tells whether a sale waits for money or for blocks.
func pending(s pos.Status) bool {
	return s == pos.Awaiting || s == pos.Partial || s == pos.Seen || s == pos.Confirming
}

// trouble tells whether a person has to decide something.
func trouble(s pos.Status) bool {
	return conflicted(s) || s == pos.Underpaid || s == pos.Late || s == pos.RefundDue
}

// conflicted tells whether money that goods were handed over for is in doubt.
func conflicted(s pos.Status) bool { return s == pos.Disputed || s == pos.Reversed }
