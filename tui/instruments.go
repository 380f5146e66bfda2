package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// Instruments is what the health screen shows beside the board: only whoever has
// wired the register knows it.
type Instruments struct {
	Prices []Price
	Gaps   []Gap
	Store  StoreState
	// Screens is how many terminals are attached; 0 = not known.
	Screens int
}

// Price is how one price came about.
type Price struct {
	Symbol   string // of what is priced
	Currency money.Currency
	Quotes   []Quote
	Apart    int64 // how far the quotes that count are from each other, in millionths
	Alarm    error // what exchanges agree on and the till does not act upon
}

// Quote is what one exchange says. A zero price is none.
type Quote struct {
	Source string
	Price  money.Rate
	Age    time.Duration
	Used   bool
}

// Gap is how many addresses in a row of one key were shown and never paid: a
// wallet looks only so far ahead.
type Gap struct {
	Name          string
	Unused, Limit int
}

// StoreState is how the store is doing.
type StoreState struct {
	Sales  uint64    // the newest sale's number
	Backup time.Time // zero = none is known of
	// Keep is false where nothing is to be kept, as in the demo.
	Keep bool
	// Checking: it is being looked through since the start.
	Checking bool
}

// instrumentsEvery is how often they are read while the health screen is shown.
const instrumentsEvery = 5 * time.Second

// instruments is what the health screen knows.
type instruments struct {
	is    Instruments
	done  bool
	asked bool
	next  time.Time
	err   error
}

type measured struct {
	is  Instruments
	err error
}

// measure reads the instruments, while somebody looks at them.
func (m *Model) measure() tea.Cmd {
	i := &m.gauges
	if m.read == nil || m.here() != onHealth || i.asked || m.now.Before(i.next) {
		return nil
	}
	i.asked, i.next = true, m.now.Add(instrumentsEvery)
	read := m.read
	return m.ask(func(ctx context.Context) tea.Msg {
		is, err := read(ctx)
		return measured{is, err}
	})
}

func (m *Model) measured(msg measured) {
	m.gauges.asked, m.gauges.err = false, msg.err
	if msg.err == nil {
		m.gauges.is, m.gauges.done = msg.is, true
	}
}

// gauge writes the rows of the health screen that follow the watchers.
type gauge struct {
	m     *Model
	line  func(name string, ns theme.Style, state string, ss theme.Style, fact string)
	more  func(st theme.Style, text string)
	width int // for a fact behind a name and a state
}

func (g gauge) fact(name, state string, st theme.Style, text string) {
	if ansi.StringWidth(text) <= g.width {
		g.line(name, theme.Strong, state, st, text)
		return
	}
	if name != "" || st == theme.Bad {
		g.line(name, theme.Strong, state, st, "")
	}
	if st != theme.Bad {
		st = theme.Text
	}
	g.more(st, text)
}

// sayQuotes says what each exchange says about a price.
func (g gauge) sayQuotes() {
	m := g.m
	for _, p := range m.gauges.is.Prices {
		if own := m.own(); own != "" && p.Currency != own {
			continue // other currencies come from the same exchanges
		}
		var parts []string
		for _, q := range p.Quotes {
			text := "–"
			if !q.Price.IsZero() {
				text = m.f.Locale.Rate(q.Price, p.Currency)
			}
			mark := ""
			if !q.Used && !q.Price.IsZero() {
				mark = " (" + m.p.NotCounted + ")"
			}
			parts = append(parts, clean(q.Source, 16)+" "+text+mark)
		}
		text := clean(p.Symbol, 11) + "  " + strings.Join(parts, "  ")
		if p.Apart > 0 {
			text += "  " + sprintf(m.p.Apart, m.percent(p.Apart))
		}
		g.more(theme.Dim, text)
		if p.Alarm != nil {
			g.more(theme.Bad, sentence(m.w.Error(p.Alarm)))
		}
	}
}

// percent is a share in millionths, to a thousandth of a percent.
func (m *Model) percent(millionths int64) string {
	n := millionths / 10
	if millionths > 0 && n == 0 {
		n = 1
	}
	frac := words.Number4(uint64(n % 1000)) //nolint:gosec // below 1000
	return m.f.Height(uint64(n/1000)) + string(m.f.Locale.Decimal()) + frac[1:]
}

// sayStore says whether what is sold is kept, and how safely.
func (g gauge) sayStore() {
	m := g.m
	switch i := m.gauges; {
	case m.board.Store != nil:
		g.fact(m.p.StoreName, m.p.StoreDown, theme.Bad, sentence(m.w.Error(m.board.Store))+" "+m.p.StoreDo)
	case i.err != nil:
		g.fact(m.p.StoreName, m.p.StoreDown, theme.Bad, sentence(m.w.Error(i.err)))
	case i.done:
		parts := []string{sprintf(m.p.StoreSales, m.f.Height(i.is.Store.Sales))}
		switch {
		case !i.is.Store.Keep:
			parts = append(parts, m.p.StoreForgets)
		case i.is.Store.Backup.IsZero():
			parts = append(parts, m.p.NoBackup)
		default:
			parts = append(parts, sprintf(m.p.BackupAgo, m.w.Ago(m.now.Sub(i.is.Store.Backup))))
		}
		switch {
		case i.is.Store.Checking:
			parts = append(parts, m.p.StoreChecking)
		case i.is.Store.Keep:
			parts = append(parts, m.p.StoreIntact)
		}
		g.fact(m.p.StoreName, m.p.GaugeFine, theme.Text, strings.Join(parts, ", "))
	}
}

// sayGaps says how far each wallet has to look to find the next payment.
func (g gauge) sayGaps() {
	m := g.m
	name := m.p.GapName
	for _, gap := range m.gauges.is.Gaps {
		text, st, state := sprintf(m.p.GapCount, clean(gap.Name, 40), gap.Unused, gap.Limit), theme.Text, m.p.GaugeFine
		if gap.Unused > gap.Limit*3/4 {
			st, state = theme.Bad, m.p.GaugeLook
			text += ". " + sprintf(m.p.GapDo, gap.Unused+gap.Limit)
		}
		g.fact(name, state, st, text)
		name = ""
	}
}

// sayClock sets this machine's clock beside what it can be compared with.
func (g gauge) sayClock() {
	m := g.m
	if behind := m.board.Behind; behind > 0 {
		g.fact(m.p.ClockName, m.p.GaugeLook, theme.Bad, sprintf(m.p.ClockBack, m.w.Span(behind)))
		return
	}
	newest := ""
	for _, id := range sortedKeys(m.board.Tips) {
		if t := m.board.Tips[id].Block; !t.IsZero() && (newest == "" || t.Time.After(m.board.Tips[newest].Block.Time)) {
			newest = id
		}
	}
	text := m.f.Seconds(m.now)
	if newest != "" {
		text += ", " + sprintf(m.p.ClockBlock, words.RailOf(m.shop, newest), m.f.Seconds(m.board.Tips[newest].Block.Time))
	}
	g.fact(m.p.ClockName, m.p.GaugeFine, theme.Text, text)
}

// sayRefused says what cannot be sold now, and why.
func (g gauge) sayRefused() {
	m := g.m
	name := m.p.RefusedName
	for _, c := range m.reg.Choices(pos.Draft{Price: pos.Price{Kind: pos.PriceOpen}, By: m.cfg.Actor}) {
		err := c.Refusal
		if err == nil && c.Asset.Price != "" {
			if r, ok := m.board.Rates[c.Asset.ID]; ok && r.State == pos.RateStale {
				err = pos.ErrStaleRate
			}
		}
		if err != nil {
			g.fact(name, clean(c.Asset.Symbol, 11), theme.Bad, sentence(m.w.Error(err)))
			name = ""
		}
	}
	if name != "" {
		g.fact(name, m.p.GaugeFine, theme.Text, m.p.RefusedNone)
	}
}

// lastBlock says how old the last block of a sale's network is, "" where that is
// not known: a screen that waits for a block shows that something is alive.
func (m *Model) lastBlock(v pos.View) string {
	q, ok := judged(v)
	if !ok {
		return ""
	}
	tip := m.board.Tips[q.Rail].Block
	if h := m.board.Health[q.Rail]; h.Height > tip.Height {
		tip = chain.BlockRef{Height: h.Height, Time: h.TipAt}
	}
	if tip.Time.IsZero() {
		return ""
	}
	return sprintf(m.p.LastBlock, m.f.Height(tip.Height), m.w.Ago(m.now.Sub(tip.Time)))
}
