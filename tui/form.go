package tui

import (
	"context"
	"errors"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// A form is what is asked before something is done that cannot be taken back:
// how much, to where, why, and, where goods or money are given away, the PIN of
// a supervisor. It is the one way to every act that is journaled.

// form is one that is open.
type form struct {
	act    action
	kind   pos.ActKind // of an act on a sale, else ""
	sale   string
	fields []field
	at     int // the field that has the keys
	err    error
	staff  staffing
	pick   int // of a list: which refund, which asset
	assets []chain.Asset
	seen   pos.View   // the sale as it stood when the form was opened
	part   draft      // fieldPart
	far    money.Rate // a price that was refused as far off, to be typed once more
}

// field is one line of a form.
type field struct {
	name     fieldName
	text     textinput.Model
	optional bool
}

type fieldName uint8

const (
	fieldRefund fieldName = iota // which of View.Refunds
	fieldPart                    // a part of the price, in its currency
	fieldTo                      // the customer's address
	fieldAsset                   // whose price is set by hand
	fieldRate
	fieldWhy
	fieldPIN
	fieldLine // of a line
)

// staffing tells whether there is a supervisor who could be asked.
type staffing uint8

const (
	staffUnknown staffing = iota
	staffNone
	staffThere
)

// What fits a field.
const (
	mostPIN     = 12
	mostWhy     = 120
	mostAddress = 500 // a payment link
	mostRate    = 24
	mostName    = 40
)

// acts are the acts of a person on a sale, by the key that asks for them, in
// the order in which a choice between them is safest.
var acts = []struct {
	act  action
	kind pos.ActKind
}{
	{actTakeOver, pos.ActTakeOver},
	{actCash, pos.ActCash},
	{actReprice, pos.ActReprice},
	{actAccept, pos.ActAccept},
	{actGiveBack, pos.ActRefundDue},
	{actGaveBack, pos.ActRefundDone},
	{actMistake, pos.ActRefundVoid},
}

func kindOf(act action) pos.ActKind {
	for _, a := range acts {
		if a.act == act {
			return a.kind
		}
	}
	return ""
}

// can makes the condition of a key: the register says what is possible.
func can(kind pos.ActKind) func(*Model) bool {
	return func(m *Model) bool {
		v, ok := m.view()
		return ok && m.mayAct(v, kind)
	}
}

func (m *Model) mayAct(v pos.View, kind pos.ActKind) bool {
	if kind == pos.ActTakeOver && v.Sale.Holder() == m.cfg.Actor.Terminal {
		return false
	}
	return slices.Contains(v.Acts, kind)
}

// prompt opens the form of an act on a sale.
func (m *Model) prompt(act action, v pos.View) tea.Cmd {
	f := &form{act: act, kind: kindOf(act), sale: v.Sale.ID, seen: v}
	switch f.kind {
	case pos.ActTakeOver:
		m.busy = acting
		return m.deed(act, v.Sale.ID, pos.Deed{Kind: f.kind, By: m.cfg.Actor})
	case pos.ActRefundDue:
		f.part = draft{unit: unit{currency: v.Sale.Price.Fiat.Currency}}
		f.add(fieldRefund, 0)
		if slices.ContainsFunc(v.Refunds, func(c pos.RefundChoice) bool { return c.Basis == pos.RefundPart }) {
			f.add(fieldPart, 0)
		}
		f.add(fieldTo, mostAddress)
	}
	return m.openForm(f)
}

// askAgree opens the form in which a supervisor agrees to changed keys.
func (m *Model) askAgree() tea.Cmd { return m.openForm(&form{act: actAgree}) }

// askRate opens the form of a price by hand.
func (m *Model) askRate() tea.Cmd {
	f := &form{act: actRate, assets: m.priced()}
	if len(f.assets) == 0 {
		return nil
	}
	if len(f.assets) > 1 {
		f.add(fieldAsset, 0)
		// The first one that cannot be sold is the one that it is about.
		f.pick = max(0, slices.IndexFunc(f.assets, func(a chain.Asset) bool { return m.lacksPrice(a.ID) }))
	}
	f.add(fieldRate, mostRate)
	return m.openForm(f)
}

// openForm shows a form, and asks whether there is anybody whose PIN it could take.
func (m *Model) openForm(f *form) tea.Cmd {
	pin := f.kind.NeedsPIN() || f.kind == ""
	if f.kind != "" {
		f.add(fieldWhy, mostWhy)
		f.fields[len(f.fields)-1].optional = true
	}
	if pin {
		f.add(fieldPIN, mostPIN)
	}
	m.form, m.over = f, overForm
	f.at = f.nextRequired(-1)
	if f.at < 0 {
		f.at = len(f.fields) - 1
	}
	if !pin {
		return nil
	}
	reg := m.reg
	return m.ask(func(ctx context.Context) tea.Msg {
		list, err := reg.Staff(ctx)
		return staffed{f, list, err}
	})
}

func (f *form) add(name fieldName, most int) {
	text := newField()
	text.CharLimit = most
	text.Focus()
	f.fields = append(f.fields, field{name: name, text: text})
}

// staffed tells a form who has a PIN.
type staffed struct {
	form *form
	list []pos.Member
	err  error
}

func (m *Model) staffed(msg staffed) {
	f := msg.form
	switch {
	case m.form != f:
	case msg.err != nil:
		f.err = msg.err
	case slices.ContainsFunc(msg.list, func(s pos.Member) bool { return s.Role == pos.Supervisor }):
		f.staff = staffThere
	default:
		f.staff = staffNone
		if f.act == actAgree { // nobody could: then the person at the till may
			f.fields = nil
		}
	}
}

// blocked tells whether the form can lead nowhere: it needs a supervisor, and
// there is none.
func (f *form) blocked() bool { return f.staff == staffNone && f.act != actAgree }

func (f *form) has(name fieldName) int {
	return slices.IndexFunc(f.fields, func(x field) bool { return x.name == name })
}

func (f *form) value(name fieldName) string {
	if i := f.has(name); i >= 0 {
		return f.fields[i].text.Value()
	}
	return ""
}

func (f *form) set(name fieldName, text string) {
	if i := f.has(name); i >= 0 {
		f.fields[i].text.SetValue(text)
	}
}

// goTo gives a field the keys.
func (f *form) goTo(name fieldName) {
	if i := f.has(name); i >= 0 {
		f.at = i
	}
}

// partWanted tells whether the part of the price is to be typed.
func (m *Model) partWanted(f *form) bool {
	return f.pick < len(f.seen.Refunds) && f.seen.Refunds[f.pick].Basis == pos.RefundPart
}

// nextRequired is the field after at that has to be filled, -1 if none is left.
func (f *form) nextRequired(at int) int {
	for i := at + 1; i < len(f.fields); i++ {
		if !f.fields[i].optional {
			return i
		}
	}
	return -1
}

// stale tells whether a sale is no longer what stood there when the form was
// opened: whoever decides has to look again.
func (m *Model) stale(f *form, v pos.View) bool {
	was, is := f.seen.Sale.Outcome, v.Sale.Outcome
	return !m.mayAct(v, f.kind) || was.Status != is.Status || was.Received != is.Received || was.Due != is.Due ||
		f.seen.RestInCash != v.RestInCash || !slices.Equal(f.seen.Refunds, v.Refunds)
}

// shutForm leaves a form; nothing was done.
func (m *Model) shutForm() {
	m.form = nil
	if m.over == overForm {
		m.over = overNone
	}
}

// pressForm takes the keys of a form.
func (m *Model) pressForm(key string) tea.Cmd {
	f := m.form
	if f == nil {
		m.over = overNone
		return nil
	}
	switch key {
	case "esc":
		m.shutForm()
		return nil
	case "enter":
		return m.enterForm()
	}
	if f.blocked() || len(f.fields) == 0 {
		return nil
	}
	here := &f.fields[f.at]
	if isDigit(key) || key == "backspace" || len(key) == 1 {
		f.err = nil // something else is being typed now
	}
	listed := here.name == fieldRefund || here.name == fieldAsset
	switch {
	case key == "tab", key == "down" && !listed:
		f.at = m.step(f, 1)
	case key == "shift+tab", key == "up" && !listed:
		f.at = m.step(f, -1)
	case listed:
		m.pickField(f, here.name, key)
	case here.name == fieldPart:
		f.part.typed(key)
	case here.name == fieldPIN:
		if isDigit(key) || key == "backspace" || key == "ctrl+u" {
			edit(&here.text, key)
		}
	default:
		edit(&here.text, key)
	}
	return nil
}

// step is the next field in a direction, around the ends.
func (m *Model) step(f *form, by int) int {
	at := f.at
	for range f.fields {
		at = (at + by + len(f.fields)) % len(f.fields)
		if f.fields[at].name != fieldPart || m.partWanted(f) {
			return at
		}
	}
	return f.at
}

// pickField moves in a list, or takes a row of it by its number.
func (m *Model) pickField(f *form, name fieldName, key string) {
	n := len(f.seen.Refunds)
	if name == fieldAsset {
		n = len(f.assets)
	}
	switch {
	case n == 0:
	case key == "down":
		f.pick = (f.pick + 1) % n
	case key == "up":
		f.pick = (f.pick + n - 1) % n
	case isDigit(key) && key[0] > '0' && int(key[0]-'0') <= n:
		f.pick = int(key[0] - '1')
		f.at = m.after(f)
	}
}

// after is the field that enter goes to, or the one that has the keys at the end.
func (m *Model) after(f *form) int {
	at := f.nextRequired(f.at)
	if at >= 0 && f.fields[at].name == fieldPart && !m.partWanted(f) {
		at = f.nextRequired(at)
	}
	if at < 0 {
		return f.at
	}
	return at
}

// filled tells whether a field holds something.
func (m *Model) filled(f *form, x *field) bool {
	switch {
	case x.optional, x.name == fieldRefund, x.name == fieldAsset:
		return true
	case x.name == fieldPart:
		_, ok := f.part.price()
		return ok || !m.partWanted(f)
	}
	return strings.TrimSpace(x.text.Value()) != ""
}

// enterForm goes on to the next field, and does what the form is for once
// nothing is missing.
func (m *Model) enterForm() tea.Cmd {
	f := m.form
	if f.blocked() {
		m.shutForm()
		return nil
	}
	if len(f.fields) > 0 {
		if !m.filled(f, &f.fields[f.at]) {
			return nil
		}
		f.err = nil
		if f.fields[f.at].name == fieldTo {
			if f.err = m.badAddress(f); f.err != nil {
				return m.ring(1)
			}
		}
		if at := m.after(f); at != f.at {
			f.at = at
			return nil
		}
		for i := range f.fields {
			if !m.filled(f, &f.fields[i]) {
				f.at = i
				return nil
			}
		}
	}
	return m.submit()
}

// submit asks the register to do it.
func (m *Model) submit() tea.Cmd {
	f, by, reg := m.form, m.cfg.Actor, m.reg
	pin := f.value(fieldPIN)
	f.err = nil
	switch f.act {
	case actName:
		m.nameLine(f.value(fieldLine))
		m.shutForm()
		return nil
	case actAgree:
		m.busy = acting
		return m.ask(func(ctx context.Context) tea.Msg { return done{actAgree, reg.Agree(ctx, by, pin)} })
	case actRate:
		rate, err := money.ParseRate(plainNumber(f.value(fieldRate), m.f.Locale))
		if err != nil || f.pick >= len(f.assets) || rate.IsZero() {
			f.err = errRate
			f.goTo(fieldRate)
			return nil
		}
		sure := !f.far.IsZero() && f.far.Cmp(rate) == 0
		f.far = rate // what the answer, if it is that it is far, will be about
		m.busy = acting
		asset := f.assets[f.pick].ID
		return m.ask(func(ctx context.Context) tea.Msg {
			return done{actRate, reg.SetRate(ctx, asset, rate, by, pin, sure)}
		})
	}
	v := f.seen
	d := pos.Deed{Kind: f.kind, By: by, PIN: pin, Why: strings.TrimSpace(f.value(fieldWhy))}
	switch f.kind {
	case pos.ActCash:
		d.Cash = v.RestInCash // as it stood on the screen, not as it is by then
	case pos.ActRefundDue:
		if f.pick >= len(v.Refunds) {
			return nil
		}
		d.Basis, d.To = v.Refunds[f.pick].Basis, strings.TrimSpace(f.value(fieldTo))
		if d.Basis == pos.RefundPart {
			price, _ := f.part.price()
			d.Fiat = price.Fiat
		}
	}
	m.busy = acting
	return m.deed(f.act, f.sale, d)
}

// errRate is what is wrong with a typed price; its words are a phrase.
var errRate = errors.New("no price")

// plainNumber is a typed number with a decimal point: a locale's own decimals
// and marks between thousands are read as they are written.
func plainNumber(text string, l money.Locale) string {
	text = strings.NewReplacer(" ", "", "'", "", "’", "", "\u00a0", "", "\u202f", "").Replace(text)
	if l.Decimal() == ',' {
		if strings.Contains(text, ",") {
			text = strings.ReplaceAll(text, ".", "")
		}
		return strings.Replace(text, ",", ".", 1)
	}
	if strings.Contains(text, ".") || strings.Count(text, ",") > 1 {
		return strings.ReplaceAll(text, ",", "")
	}
	return text
}

// done is the answer to what was asked of the whole shop.
type done struct {
	what action
	err  error
}

func (m *Model) done(msg done) tea.Cmd {
	m.busy, m.now = idle, m.cfg.Clock.Now()
	if msg.err != nil {
		return m.refused(msg.err)
	}
	m.shutForm()
	m.board = m.reg.Board()
	switch msg.what {
	case actAgree:
		m.say(false, m.p.Agreed)
	case actRate:
		m.say(false, m.p.RateSet)
	case actSeen:
		m.awayGone()
	}
	m.price()
	return m.replay(true)
}

// refused keeps a form open with what is wrong, at the field that it is about.
// What was typed behind the last enter is dropped: it may be a PIN, and belongs
// to no amount.
func (m *Model) refused(err error) tea.Cmd {
	f := m.form
	m.queue = nil
	if f == nil {
		m.say(true, m.w.Error(err))
		return nil
	}
	f.err = err
	switch {
	case errors.Is(err, pos.ErrFarRate):
		f.set(fieldRate, "")
		f.goTo(fieldRate)
	case errors.Is(err, pos.ErrAddress):
		f.set(fieldPIN, "")
		f.goTo(fieldTo)
	case errors.Is(err, pos.ErrNoSupervisor):
		f.staff = staffNone
	case errors.Is(err, pos.ErrPIN), errors.Is(err, pos.ErrPINLocked):
		f.set(fieldPIN, "")
		f.goTo(fieldPIN)
	}
	return m.ring(1)
}

// pasteForm puts pasted text into the field that has the keys, where that takes
// text. A PIN is typed.
func (m *Model) pasteForm(text string) {
	f := m.form
	if f == nil || f.blocked() || len(f.fields) == 0 {
		return
	}
	here := &f.fields[f.at]
	switch here.name {
	case fieldTo, fieldWhy, fieldRate, fieldLine:
		here.text.SetValue(clean(here.text.Value()+strings.TrimSpace(text), here.text.CharLimit))
		here.text.CursorEnd()
	default:
		m.say(false, m.p.NoPaste)
	}
}
