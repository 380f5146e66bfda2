package tui

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

// quitTwice is within how many ticks the second Ctrl+C has to follow.
const quitTwice = 3

// noticeTicks is how long a notice stays, in seconds.
const noticeTicks = 6

// Update takes one message. Whatever may wait is in the returned command.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.update(msg)
	m.encode()
	m.tellFloor()
	return m, cmd
}

func (m *Model) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case tea.ColorProfileMsg:
		m.basic = msg.Profile == colorprofile.ANSI
		m.dress(m.th.Dark)
	case tea.BackgroundColorMsg:
		m.dress(msg.IsDark())
	case tea.KeyPressMsg:
		return m.press(keyName(msg))
	case tea.PasteMsg:
		return m.paste(msg.Content)
	case tea.MouseClickMsg:
		return m.click(msg.Mouse())
	case tea.MouseWheelMsg:
		return m.wheel(msg.Mouse())

	case Ready:
		m.begin(msg.Register, msg.Stage)
		if msg.Instruments != nil {
			m.read = msg.Instruments
		}
		m.busy, m.warmFor = warming, warmTicks
		return tea.Batch(m.listen(), m.load(), m.heed(), m.warm())
	case Failed:
		m.startErr = msg.Err
		m.busy, m.queue = idle, nil

	case ticked:
		return m.second(time.Time(msg))
	case heard:
		return m.hear(msg)
	case loaded:
		m.take(msg.err, msg.views...)
		for _, v := range msg.views {
			if m.counter() && trouble(v.Sale.Outcome.Status) && m.sale != v.Sale.ID {
				m.tell(v) // also where the register's first news have come before
			}
		}
		m.chooseAway()
	case opened:
		return m.opened(msg)
	case acted:
		return m.acted(msg)
	case done:
		return m.done(msg)
	case added:
		m.added(msg)
	case locked:
		return m.locked(msg)
	case unlocked:
		return m.unlocked(msg)
	case idled:
		return m.idled(msg)
	case staffed:
		m.staffed(msg)
	case told:
		m.told(msg)
	case sighted:
		m.sighted(msg)
	case fetched:
		m.take(msg.err, msg.view)
	case listed:
		return m.listed(msg)
	case played:
		if msg.err != nil {
			m.say(true, m.w.Error(msg.err))
		}
	case rung:
		return m.ring(msg.left)
	case followed:
		return m.followed(msg)
	case guestPaid:
		return m.guestPaid(msg)
	case summedUp:
		m.summedUp(msg)
	case printed:
		return m.printed(msg)
	case measured:
		m.measured(msg)
	}
	return nil
}

func (m *Model) resize(w, h int) {
	m.width, m.height = w, h
	m.layout()
}

func (m *Model) layout() { m.lay = lay(m.width, m.height, m.hasNews()) }

// second is once a second: the digits of clocks change, and nothing else.
func (m *Model) second(now time.Time) tea.Cmd {
	m.now = now
	if m.busy == acting && m.notice == "" {
		m.say(false, m.p.Waiting)
	}
	if m.noteFor > 0 {
		if m.noteFor--; m.noteFor == 0 {
			m.notice = ""
		}
	}
	m.warmFor--
	m.quitFor--
	m.kioskTick()
	return tea.Batch(m.tick(), m.warm(), m.lockIdle(now), m.sumUp(), m.measure())
}

// hear takes the register's news and waits for the next.
func (m *Model) hear(msg heard) tea.Cmd {
	if msg.err != nil {
		m.closed = true
		m.say(true, m.w.Error(msg.err))
		m.noteFor = -1 // for good: nothing on this screen is alive any more
		return nil
	}
	m.board = msg.update.Board
	bells, more := 0, []tea.Cmd{m.listen()}
	for _, v := range msg.update.Changed {
		bells = max(bells, m.changed(v))
		if m.at == onDetail && m.list.detail == v.Sale.ID {
			more = append(more, m.tellOf(v.Sale.ID))
		}
	}
	if !m.met {
		m.met, bells = true, min(bells, 2) // what is open anyway is no alarm
	}
	m.heedAlarms()
	m.price()
	return tea.Batch(append(more, m.heed(), m.ring(bells), m.warm())...)
}

// warmTicks is how long a charge that was typed before the register was there
// waits for a first price or connection, in seconds.
const warmTicks = 20

// warm plays the keys that were typed before the register was there, as soon as
// the first of them can do what it was typed for.
func (m *Model) warm() tea.Cmd {
	if m.busy != warming {
		return nil
	}
	if len(m.queue) > 0 && m.warmFor > 0 {
		asset := m.pick
		if c, ok := m.byLetter(m.queue[0]); ok {
			asset = c.Asset.ID
		}
		for _, c := range m.choices {
			if err := c.Refusal; c.Asset.ID == asset &&
				(errors.Is(err, money.ErrNoRate) || errors.Is(err, pos.ErrConnecting) || errors.Is(err, pos.ErrStaleRate)) {
				return nil
			}
		}
	}
	m.busy = idle
	return m.replay(true)
}

// changed takes one sale that changed and returns the bells that it deserves.
func (m *Model) changed(v pos.View) int {
	if m.blind(v) {
		return 0
	}
	was, known := m.known[v.Sale.ID]
	m.learn(v)
	m.list.arrived(m, v)
	if f := m.form; f != nil && f.sale == v.Sale.ID && m.busy != acting && m.stale(f, v) {
		m.shutForm()
		m.say(true, m.p.FormStale)
	}
	o, before := v.Sale.Outcome, was.Sale.Outcome
	if known && o.Status == before.Status && o.Verdict == before.Verdict {
		return 0
	}
	if m.kioskHears(v) {
		m.show(v.Sale.ID)
	}
	m.today.dirty = true
	shown := m.sale == v.Sale.ID && m.at == onSale
	if shown && m.over == overCancel && !untouched(v) {
		m.over = overNone // it is too late to cancel
	}
	if !m.mine(v) {
		return 0
	}
	if !shown && m.counter() {
		m.tell(v)
	}
	switch {
	case conflicted(o.Status) && !conflicted(before.Status):
		return alarm // goods may be out of the door
	case trouble(o.Status) && o.Status != before.Status, o.Verdict == pos.AskSupervisor && before.Verdict != pos.AskSupervisor:
		return 1
	case o.Status.Settled() && !before.Status.Settled(),
		o.Verdict == pos.HandOver && before.Verdict != pos.HandOver && !before.Status.Settled():
		return 2
	}
	return 0
}

// mine tells whether a change of v concerns this screen: its own sales, and
// trouble with anybody's.
func (m *Model) mine(v pos.View) bool {
	if !m.counter() {
		return m.cfg.Role == Kiosk && v.Sale.Holder() == m.cfg.Actor.Terminal
	}
	return trouble(v.Sale.Outcome.Status) || v.Sale.Holder() == m.cfg.Actor.Terminal
}

// learn keeps what is known of a sale.
func (m *Model) learn(v pos.View) {
	id := v.Sale.ID
	if id == "" {
		return
	}
	if _, ok := m.known[id]; !ok {
		m.forget()
	}
	m.known[id] = v
	// Numbers are unique and the list is sorted by them.
	at, found := slices.BinarySearchFunc(m.open, v.Sale.Number, func(have string, n uint64) int {
		return cmp.Compare(m.known[have].Sale.Number, n)
	})
	switch closed := v.Sale.Outcome.Status.Closed(); {
	case closed && found:
		m.open = slices.Delete(m.open, at, at+1)
	case !closed && !found:
		m.open = slices.Insert(m.open, at, id)
	}
}

// mostKnown is how many sales a screen keeps in memory.
const mostKnown = 2000

// forget makes room among the sales that nobody looks at.
func (m *Model) forget() {
	if len(m.known) < mostKnown+2*len(m.open) {
		return
	}
	keep := make(map[string]bool, len(m.open)+len(m.news)+len(m.list.ids))
	for _, ids := range [][]string{m.open, m.news, m.list.ids, m.away.sales(), {m.sale, m.list.detail}} {
		for _, id := range ids {
			keep[id] = true
		}
	}
	for id := range m.known {
		if !keep[id] {
			delete(m.known, id)
		}
	}
}

// take learns sales that were asked for. What the mailbox said meanwhile is
// newer and stays.
func (m *Model) take(err error, views ...pos.View) {
	if err != nil {
		m.say(true, m.w.Error(err))
		return
	}
	for _, v := range views {
		if have, ok := m.known[v.Sale.ID]; ok && have.Sale.Outcome.At.After(v.Sale.Outcome.At) {
			continue
		}
		m.learn(v)
	}
}

// opened shows the sale that was rung up, or gives the draft back.
func (m *Model) opened(msg opened) tea.Cmd {
	m.busy, m.now = idle, m.cfg.Clock.Now() // a price that holds 15:00 must not begin at 15:01
	if msg.err != nil && msg.view.Sale.ID == "" {
		m.openErr = msg.err
		if !m.draft.empty() {
			ahead := m.draft
			m.parked = &ahead
		}
		m.draft, m.at = msg.draft, onAmount
		m.price()
		return tea.Batch(m.replay(false), m.ring(1))
	}
	// A sale that is not watched yet exists too; its screen says so.
	m.openErr = nil
	m.take(nil, msg.view)
	m.rung = msg.view.Sale.ID
	m.show(msg.view.Sale.ID)
	return m.replay(true)
}

// acted shows what an act on a sale made of it.
func (m *Model) acted(msg acted) tea.Cmd {
	m.busy, m.now = idle, m.cfg.Clock.Now()
	switch {
	case msg.err != nil && msg.view.Sale.ID == "":
		if m.form != nil {
			return m.refused(msg.err)
		}
		m.say(true, m.w.Error(msg.err))
	default:
		m.take(nil, msg.view)
		m.shutForm()
		m.looked(msg.view.Sale.ID)
		m.rest = false
		if kindOf(msg.what) != "" {
			m.say(false, m.saidOf(msg.view))
		}
		m.qr = 0
		if msg.what == actCancel && m.sale == msg.view.Sale.ID {
			m.toAmount()
			m.say(false, m.saidOf(msg.view))
		}
	}
	return m.replay(true)
}

// saidOf is a sale and what it is now, for a notice.
func (m *Model) saidOf(v pos.View) string {
	return fmt.Sprintf("%s %s  %s", m.p.Sale, words.Number4(v.Sale.Number), m.w.Status(v.Sale.Outcome))
}

// show puts a sale on screen.
func (m *Model) show(id string) {
	if m.sale != id {
		m.qr, m.flip = 0, false
	}
	m.rest, m.before, m.away.from = false, "", false
	m.sale, m.at, m.over, m.customer = id, onSale, overNone, false
	m.looked(id)
}

// toAmount goes to the next sale: what was typed ahead is already there.
func (m *Model) toAmount() {
	m.at, m.over, m.customer, m.sale, m.before, m.form = onAmount, overNone, false, "", "", nil
	m.price()
}

// replay plays the keys that were typed while a command was under way. After a
// failure only amounts are played: an Enter typed for one state must not
// charge in another.
func (m *Model) replay(all bool) tea.Cmd {
	queue := m.queue
	m.queue = nil
	var cmds []tea.Cmd
	for i, key := range queue {
		if !all {
			m.ahead(key)
			continue
		}
		if m.busy != idle {
			m.queue = append(m.queue, queue[i:]...)
			break
		}
		cmds = append(cmds, m.press(key))
	}
	return tea.Batch(cmds...)
}

// ahead types into the sale after the one that came back.
func (m *Model) ahead(key string) {
	if key == "esc" || key == "backspace" && m.parked == nil {
		return
	}
	if _, letter := m.byLetter(key); letter || key == "enter" || key == "n" {
		// The next amount begins: this one would have been charged.
		if m.parked != nil && !m.parked.empty() {
			m.held = append(m.held, *m.parked)
		}
		m.parked = nil
		return
	}
	next := draft{unit: m.draft.unit}
	if m.parked != nil {
		next = *m.parked
	}
	if m.typeInto(&next, key) {
		m.parked = &next
	}
}

// price asks what the draft would cost. The register answers from memory.
func (m *Model) price() {
	if m.reg == nil {
		return
	}
	d := m.draft.sale(m.cfg.Actor)
	if _, ok := m.draft.price(); !ok {
		d.Price = pos.Price{Kind: pos.PriceOpen}
	}
	m.choices = m.reg.Choices(d)
	if cur := m.draft.unit.currency; d.Price.Kind == pos.PriceOpen && cur != "" {
		// Rates of an open price are in the shop's own currency.
		d.Price = pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(1, cur)}
		m.choices = slices.Clone(m.choices)
		for i, c := range m.reg.Choices(d) {
			m.choices[i].Rate = c.Rate
		}
	}
	if d.Price.Kind == pos.PriceAsset {
		m.choices = slices.DeleteFunc(slices.Clone(m.choices), func(c pos.Choice) bool { return c.Asset.ID != d.Price.Asset })
	}
	first := slices.IndexFunc(m.choices, func(c pos.Choice) bool { return c.Asset.ID == m.shop.Default })
	if first > 0 {
		c := m.choices[first]
		m.choices = slices.Insert(slices.Delete(slices.Clone(m.choices), first, first+1), 0, c)
	}
}

// say shows a notice for a while.
func (m *Model) say(bad bool, text string) {
	m.notice, m.noteBad, m.noteFor = clean(text, 200), bad, noticeTicks
}

// paste takes pasted text where there is a field for it, and nowhere else: a
// paste never triggers keys.
func (m *Model) paste(text string) tea.Cmd {
	if m.lock.on || !m.counter() {
		return nil
	}
	if m.over == overForm {
		m.pasteForm(text)
		return nil
	}
	if m.over == overNone && m.at == onSales && m.list.typing() {
		m.list.field.SetValue(clean(m.list.field.Value()+strings.TrimSpace(text), mostSearch))
		m.list.field.CursorEnd()
		m.list.want = true
		return m.find(false)
	}
	m.say(false, m.p.PasteHere)
	return nil
}

// leave is Ctrl+C: the second within a few seconds ends the program.
func (m *Model) leave() tea.Cmd {
	if m.noWayOut() {
		return nil
	}
	if m.quitFor > 0 {
		if m.box != nil {
			m.box.Close()
		}
		return tea.Quit
	}
	m.quitFor = quitTwice
	text := m.p.Leave
	if n := len(m.open); n > 0 && !m.shop.Training { // training leaves nothing behind
		text += " " + fmt.Sprintf(m.p.LeaveOpen, n)
	}
	m.say(false, text)
	return nil
}
