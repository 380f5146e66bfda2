package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// place is a screen as far as keys are concerned.
type place uint32

const (
	onAmount   place = 1 << iota
	onPay            // a sale that waits for money
	onOutcome        // a sale that has ended
	onCustomer       // the customer's view of a sale
	onSales
	onDetail
	onHealth
	onAway // what came while nobody looked
	onDay
	onKiosk    // a customer types an amount, at a kiosk
	onKioskPay // … and pays
	onKioskEnd // … and has paid, or not
	onDisplay  // the customer's view of another terminal's sale
	onBoard    // numbers for the pick-up
	onGuest    // the demo's audience pays

	anywhere = onAmount | onPay | onOutcome | onCustomer | onSales | onDetail | onHealth | onAway | onDay
	onSale   = onPay | onOutcome | onCustomer
)

// action is what a key does. Its name is looked up in tui/words.
type action string

// The actions.
const (
	actCharge    action = "charge"
	actAsset     action = "asset"
	actAdd       action = "add"
	actTimes     action = "times"
	actDigits    action = "digits"
	actPoint     action = "point"
	actBack      action = "back"
	actClear     action = "clear"
	actUp        action = "up"
	actDown      action = "down"
	actPickUp    action = "pick-up"
	actPickDown  action = "pick-down"
	actUnit      action = "unit"
	actOpen      action = "open"
	actAgain     action = "again"
	actNext      action = "next"
	actRest      action = "rest"
	actCoin      action = "coin"
	actForm      action = "form"
	actCustomer  action = "customer"
	actCopy      action = "copy"
	actCopyURI   action = "copyuri"
	actQuote     action = "quote"
	actFlip      action = "flip"
	actDetail    action = "detail"
	actCancel    action = "cancel"
	actLeaveIt   action = "leave-open"
	actFacts     action = "facts"
	actShow      action = "show"
	actSearch    action = "search"
	actShut      action = "shut"
	actHelp      action = "help"
	actNews      action = "news"
	actFind      action = "find"
	actSales     action = "sales"
	actHealth    action = "health"
	actRedraw    action = "redraw"
	actQuit      action = "quit"
	actCash      action = "cash"
	actAccept    action = "accept"
	actReprice   action = "reprice"
	actGiveBack  action = "give-back"
	actGaveBack  action = "gave-back"
	actMistake   action = "mistake"
	actTakeOver  action = "take-over"
	actAgree     action = "agree"
	actRate      action = "rate"
	actSeen      action = "seen"
	actLater     action = "later"
	actDay       action = "day"
	actDayBefore action = "day-before"
	actDayAfter  action = "day-after"
	actLock      action = "lock"
	actPay       action = "demo-pay"
	actScenes    action = "demo-scenes"
	actMine      action = "demo-mine"
	actName      action = "name"
	actReceipt   action = "receipt"
	actKioskPay  action = "kiosk-pay"
	actKioskBack action = "kiosk-back"
	actKioskNext action = "kiosk-next"
	actGuestPay  action = "guest-pay"
)

// binding is one row of the table: which keys do what, and where.
type binding struct {
	act   action
	keys  []string // as keyName says them
	label string   // how they are written on screen
	on    place
	foot  place // where the last row names it, if there is room
	demo  bool
	// now tells whether the key can work at this moment; nil = always. A key
	// that cannot is not in the last row and dim in the help.
	now func(m *Model) bool
	// hint tells whether the last row should name it now; nil = always.
	hint func(m *Model) bool
}

// bindings is every key there is, in the order in which a cashier needs them.
// The last row, the help and the README are made from it. Where a shop's
// letter for an asset is also here, the table wins; see [Reserved].
var bindings = []binding{
	{act: actCharge, keys: k("enter"), label: "enter", on: onAmount, foot: onAmount, now: (*Model).canCharge},
	{act: actAsset, label: "b e u …", on: onAmount, foot: onAmount, now: (*Model).canChoose},
	{act: actPickUp, keys: k("up", "pgup"), label: "up", on: onAmount},
	{act: actPickDown, keys: k("down", "pgdown"), label: "down", on: onAmount},
	{act: actDigits, keys: k("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"), label: "0-9", on: onAmount},
	{act: actAdd, keys: k("+"), label: "+", on: onAmount, foot: onAmount, hint: (*Model).typing},
	{act: actTimes, keys: k("*", "x", "X", "×"), label: "* x", on: onAmount, foot: onAmount, hint: (*Model).typing},
	{act: actPoint, keys: k(".", ","), label: ". ,", on: onAmount},
	{act: actBack, keys: k("backspace"), label: "backspace", on: onAmount},
	{act: actClear, keys: k("esc"), label: "esc", on: onAmount, foot: onAmount, hint: (*Model).clearable},
	{act: actName, keys: k("l"), label: "l", on: onAmount, now: (*Model).canName},
	{act: actUnit, keys: k("/"), label: "/", on: onAmount, foot: onAmount},
	{act: actOpen, keys: k("o"), label: "o", on: onAmount, foot: onAmount, now: (*Model).canOpen, hint: (*Model).blank},

	{act: actRate, keys: k("f9"), label: "F9", on: onAmount | onHealth, foot: onAmount, now: (*Model).canSetRate, hint: (*Model).needsRate},
	{act: actAgree, keys: k("f8"), label: "F8", on: onAmount | onHealth, foot: onAmount | onHealth, now: (*Model).keysChanged},

	{act: actPay, keys: k("p"), label: "p", on: onPay | onCustomer | onOutcome, foot: onPay | onOutcome, demo: true, now: (*Model).canPay},
	{act: actMine, keys: k("m"), label: "m", on: anywhere &^ onSales, foot: onPay, demo: true, hint: (*Model).touched},
	{act: actScenes, keys: k("P"), label: "P", on: anywhere &^ onSales, foot: onPay, demo: true},
	// What a person does with a sale: each key is one act wherever it is possible.
	{act: actRest, keys: k("enter"), label: "enter", on: onOutcome, foot: onOutcome, now: (*Model).hasRest},
	{act: actNext, keys: k("enter"), label: "enter", on: onOutcome, foot: onOutcome, now: (*Model).noRest},
	{act: actTakeOver, keys: k("h"), label: "h", on: onPay | onOutcome, now: can(pos.ActTakeOver)},
	{act: actCash, keys: k("k"), label: "k", on: onPay | onOutcome, foot: onPay, now: can(pos.ActCash)},
	{act: actReprice, keys: k("r"), label: "r", on: onPay | onOutcome, now: can(pos.ActReprice)},
	{act: actAccept, keys: k("a"), label: "a", on: onPay | onOutcome, foot: onPay, now: can(pos.ActAccept)},
	{act: actGiveBack, keys: k("g"), label: "g", on: onPay | onOutcome, now: can(pos.ActRefundDue)},
	{act: actGaveBack, keys: k("o"), label: "o", on: onPay | onOutcome, foot: onOutcome, now: can(pos.ActRefundDone)},
	{act: actMistake, keys: k("z"), label: "z", on: onPay | onOutcome, foot: onOutcome, now: can(pos.ActRefundVoid)},
	{act: actNext, keys: k("n"), label: "n", on: onSale, foot: onPay | onCustomer},
	{act: actCoin, keys: k("c"), label: "c", on: onPay | onCustomer, foot: onPay, now: (*Model).canOffer},
	{act: actForm, keys: k("v"), label: "v", on: onPay | onCustomer | onOutcome, foot: onPay, now: (*Model).hasForms},
	{act: actCustomer, keys: k("f"), label: "f", on: onPay | onOutcome, foot: onPay},
	{act: actFacts, keys: k("f", "esc"), label: "f", on: onCustomer, foot: onCustomer},
	{act: actFlip, keys: k("space"), label: "space", on: onPay | onOutcome, foot: onPay | onOutcome, now: (*Model).canFlip},
	{act: actCopy, keys: k("y"), label: "y", on: onSale, foot: onPay, now: (*Model).hasForm},
	{act: actCopyURI, keys: k("u"), label: "u", on: onSale, now: (*Model).hasForm},
	{act: actQuote, keys: k("r"), label: "r", on: onPay, now: (*Model).untouched},
	{act: actDetail, keys: k("d"), label: "d", on: onPay | onOutcome, foot: onOutcome},
	{act: actReceipt, keys: k("t"), label: "t", on: onOutcome | onDetail, foot: onOutcome | onDetail, now: (*Model).canPrint},
	{act: actAgain, keys: k("r"), label: "r", on: onOutcome, foot: onOutcome, now: (*Model).ended},
	{act: actCancel, keys: k("esc"), label: "esc", on: onPay, foot: onPay, now: (*Model).untouched},
	{act: actLeaveIt, keys: k("esc"), label: "esc", on: onPay | onOutcome, foot: onPay, now: (*Model).touched},

	{act: actSeen, keys: k("enter"), label: "enter", on: onAway, foot: onAway, now: (*Model).awayFine},
	{act: actUp, keys: k("up", "pgup"), label: "up", on: onSales | onDetail | onHealth | onAway},
	{act: actDown, keys: k("down", "pgdown"), label: "down", on: onSales | onDetail | onHealth | onAway, foot: onDetail | onHealth, hint: (*Model).longer},
	{act: actSearch, keys: k("/"), label: "/", on: onSales, foot: onSales},
	{act: actShow, keys: k("enter"), label: "enter", on: onSales | onDetail | onAway, foot: onSales | onDetail | onAway, now: (*Model).canShow},
	{act: actSeen, keys: k("s"), label: "s", on: onAway, foot: onAway},
	{act: actLater, keys: k("esc"), label: "esc", on: onAway, foot: onAway},
	{act: actDayBefore, keys: k("left", "up", "pgup"), label: "left", on: onDay, foot: onDay},
	{act: actDayAfter, keys: k("right", "down", "pgdown"), label: "right", on: onDay, foot: onDay, now: (*Model).notToday},
	{act: actShut, keys: k("esc"), label: "esc", on: onSales | onDetail | onHealth | onDay, foot: onSales | onDetail | onHealth | onDay},

	// The roles that face customers: whatever is not here cannot be reached there.
	{act: actKioskPay, keys: k("enter"), label: "enter", on: onKiosk, foot: onKiosk, now: (*Model).canCharge},
	{act: actPickUp, keys: k("up", "left", "pgup"), label: "up", on: onKiosk},
	{act: actPickDown, keys: k("down", "right", "pgdown"), label: "down", on: onKiosk, now: (*Model).canChoose},
	{act: actDigits, keys: k("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"), label: "0-9", on: onKiosk | onGuest},
	{act: actPoint, keys: k(".", ","), label: ". ,", on: onKiosk},
	{act: actBack, keys: k("backspace"), label: "backspace", on: onKiosk | onGuest},
	{act: actClear, keys: k("esc"), label: "esc", on: onKiosk | onGuest, foot: onKiosk | onGuest, hint: (*Model).clearable},
	{act: actCoin, keys: k("c"), label: "c", on: onKioskPay, foot: onKioskPay, now: (*Model).canOffer},
	{act: actForm, keys: k("v"), label: "v", on: onKioskPay, foot: onKioskPay, now: (*Model).hasForms},
	{act: actKioskBack, keys: k("esc"), label: "esc", on: onKioskPay, foot: onKioskPay, now: (*Model).untouched},
	{act: actKioskNext, keys: k("enter", "n"), label: "enter", on: onKioskPay, foot: onKioskPay, now: (*Model).kioskMayLeave},
	{act: actKioskNext, keys: k("enter", "esc", "space", "n"), label: "enter", on: onKioskEnd, foot: onKioskEnd},
	{act: actGuestPay, keys: k("enter"), label: "enter", on: onGuest, foot: onGuest, now: (*Model).canGuestPay},

	{act: actNews, keys: k("tab"), label: "tab", on: anywhere, now: (*Model).hasNews},
	{act: actFind, keys: k("w"), label: "w", on: anywhere},
	{act: actSales, keys: k("f2"), label: "F2", on: anywhere, foot: onAmount},
	{act: actDay, keys: k("f3"), label: "F3", on: anywhere},
	{act: actLock, keys: k("f10"), label: "F10", on: anywhere},
	{act: actHealth, keys: k("f4"), label: "F4", on: anywhere, foot: onAmount},
	{act: actHelp, keys: k("?", "f1"), label: "?", on: anywhere, foot: anywhere},
	{act: actRedraw, keys: k("ctrl+l"), label: "ctrl+l", on: anywhere},
	{act: actQuit, keys: k("ctrl+c"), label: "ctrl+c ctrl+c", on: anywhere},
}

func k(keys ...string) []string { return keys }

// does finds what a key does where the person is, "" if nothing.
func (m *Model) does(key string, at place) action {
	for i := range bindings {
		b := &bindings[i]
		if b.on&at == 0 || (b.demo && m.stage == nil) || (b.now != nil && !b.now(m)) {
			continue
		}
		for _, name := range b.keys {
			if name == key {
				return b.act
			}
		}
	}
	return ""
}

// Reserved tells whether a letter means something on the amount screen, so
// that it cannot be a shop's letter for an asset.
func Reserved(letter string) bool {
	for _, b := range bindings {
		if b.on&onAmount == 0 {
			continue
		}
		for _, name := range b.keys {
			if name == letter {
				return true
			}
		}
	}
	return false
}

// keyName is a key as the table says it: a letter or sign as typed, or a name.
// Keys of a keypad are the keys that they stand for.
func keyName(msg tea.KeyPressMsg) string {
	key := msg.Key()
	if name, ok := keypad[key.Code]; ok {
		return name
	}
	if key.Code == 'j' && key.Mod == tea.ModCtrl {
		return "enter" // pressed before the terminal was in raw mode, or by a scanner
	}
	if key.Mod&(tea.ModCtrl|tea.ModAlt|tea.ModMeta|tea.ModSuper|tea.ModHyper) != 0 {
		return key.Keystroke()
	}
	if key.Text != "" && key.Text != " " {
		return key.Text
	}
	return key.Keystroke()
}

var keypad = map[rune]string{
	tea.KeyKpEnter: "enter", tea.KeyKpMultiply: "*", tea.KeyKpPlus: "+", tea.KeyKpDecimal: ".",
	tea.KeyKpComma: ",", tea.KeyKpDivide: "/",
	tea.KeyKp0: "0", tea.KeyKp1: "1", tea.KeyKp2: "2", tea.KeyKp3: "3", tea.KeyKp4: "4",
	tea.KeyKp5: "5", tea.KeyKp6: "6", tea.KeyKp7: "7", tea.KeyKp8: "8", tea.KeyKp9: "9",
}

// KeyHelp is one key for a list in a manual.
type KeyHelp struct{ Keys, Does string }

// KeyGroup is the keys of one screen.
type KeyGroup struct {
	Title string
	Keys  []KeyHelp
}

// KeyGroups is the whole key map in words, for the README and the man page.
func KeyGroups(w words.Words) []KeyGroup {
	p := w.Phrases()
	var groups []KeyGroup
	for _, g := range []struct {
		title string
		on    place
	}{
		{p.KeysAmount, onAmount},
		{p.KeysPay, onPay},
		{p.KeysOutcome, onOutcome},
		{p.KeysCustomer, onCustomer},
		{p.KeysSales, onSales | onDetail},
		{p.KeysAway, onAway},
		{p.KeysDay, onDay},
		{p.KeysKiosk, onKiosk | onKioskPay | onKioskEnd},
		{p.KeysGuest, onGuest},
		{p.KeysAlways, anywhere},
	} {
		group := KeyGroup{Title: g.title}
		for _, b := range bindings {
			if b.demo || (b.on == anywhere) != (g.on == anywhere) || b.on&g.on == 0 {
				continue
			}
			group.add(b, w)
		}
		groups = append(groups, group)
	}
	demo := KeyGroup{Title: p.KeysDemo}
	for _, b := range bindings {
		if b.demo {
			demo.add(b, w)
		}
	}
	return append(groups, demo)
}

// add puts a row into the group; two rows of one action become one.
func (g *KeyGroup) add(b binding, w words.Words) {
	_, long := w.Key(string(b.act))
	label := w.Label(b.label)
	for i, have := range g.Keys {
		if have.Does == long {
			if !strings.Contains(have.Keys, label) {
				g.Keys[i].Keys += ", " + label
			}
			return
		}
	}
	g.Keys = append(g.Keys, KeyHelp{Keys: label, Does: long})
}

// canShow tells whether enter shows a row: on the list of what came, it
// acknowledges where there is nothing to decide.
func (m *Model) canShow() bool { return m.at != onAway || !m.awayFine() }
