package plain

import (
	"context"
	"slices"
	"strings"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// verb is a word that can be typed.
type verb struct {
	// name is always understood; so are the letter, and what the key map calls the
	// key in the till's language.
	name, letter, key string
	// text takes what stands behind the word.
	text bool
	// now tells whether it can be done now; nil = always.
	now func(*till) bool
	do  func(t *till, ctx context.Context, text string)
	// long is its line in the help where the key map has none.
	long func(*words.Phrases) string
}

// verbs are all words, in the order of the help. Where two share a name or a
// letter, only one of them can be meant at a time.
var verbs []verb

func init() { // the help is one of them, and lists them
	verbs = []verb{
		{name: "open", letter: "o", key: "open", now: idle, do: func(t *till, _ context.Context, _ string) { t.openAmount() }},
		{name: "pay", letter: "p", key: "demo-pay", now: (*till).payable, do: (*till).pay},
		{name: "mine", letter: "m", key: "demo-mine", now: func(t *till) bool { return t.o.Stage != nil }, do: (*till).mine},
		{name: "next", letter: "n", key: "next", now: selling, do: (*till).next},
		{name: "qr", letter: "v", now: (*till).asks, do: func(t *till, _ context.Context, _ string) { t.code() }, long: func(p *words.Phrases) string { return p.LineQR }},
		{name: "price", letter: "r", key: "quote", now: (*till).untouched, do: (*till).requote},
		{name: "coin", letter: "c", key: "coin", now: (*till).untouched, do: (*till).askOffer},
		{name: "cancel", letter: "x", key: "cancel", now: (*till).untouched, do: (*till).askCancel},
		{name: "cash", letter: "k", key: "cash", now: may(pos.ActCash), do: ask(pos.ActCash)},
		{name: "accept", letter: "a", key: "accept", now: may(pos.ActAccept), do: ask(pos.ActAccept)},
		{name: "reprice", letter: "r", key: "reprice", now: may(pos.ActReprice), do: ask(pos.ActReprice)},
		{name: "refund", letter: "g", key: "give-back", now: may(pos.ActRefundDue), do: ask(pos.ActRefundDue)},
		{name: "refunded", letter: "o", key: "gave-back", now: may(pos.ActRefundDone), do: ask(pos.ActRefundDone)},
		{name: "mistake", letter: "z", key: "mistake", now: may(pos.ActRefundVoid), do: ask(pos.ActRefundVoid)},
		{name: "take", letter: "h", key: "take-over", now: may(pos.ActTakeOver), do: ask(pos.ActTakeOver)},
		{name: "print", letter: "t", now: func(t *till) bool { return t.o.Printer != nil && selling(t) }, do: (*till).paper, long: func(p *words.Phrases) string { return p.LinePrint }},
		{name: "detail", letter: "d", key: "detail", now: selling, do: (*till).detail},
		{name: "show", text: true, key: "show", do: (*till).showNumber},
		{name: "sales", text: true, key: "sales", do: (*till).sales},
		{name: "find", letter: "w", text: true, key: "find", do: (*till).find},
		{name: "seen", letter: "s", key: "seen", now: func(t *till) bool { return t.board.Away != nil }, do: (*till).seen},
		{name: "health", key: "health", do: func(t *till, _ context.Context, _ string) { t.health() }},
		{name: "agree", key: "agree", now: func(t *till) bool { return len(t.board.Changed) > 0 }, do: (*till).askAgree},
		{name: "lock", key: "lock", do: (*till).lock},
		{name: "back", key: "shut", now: func(t *till) bool { return t.draft != nil }, do: (*till).leaveDraft},
		{name: "help", letter: "?", key: "help", do: func(t *till, _ context.Context, _ string) { t.help() }},
		{name: "quit", letter: "q", key: "quit", do: func(t *till, _ context.Context, _ string) { t.gone = true }},
	}
}

func idle(t *till) bool    { return t.sale == "" && t.draft == nil }
func selling(t *till) bool { return t.sale != "" }

// do does what a line's first words are the name of.
func (t *till) do(ctx context.Context, line string) bool {
	lower := strings.ToLower(line)
	for i := range verbs {
		v := &verbs[i]
		if v.now != nil && !v.now(t) {
			continue
		}
		for _, name := range t.names(v) {
			text, ok := "", lower == name
			if !ok && v.text && strings.HasPrefix(lower, name+" ") {
				text, ok = strings.TrimSpace(line[len(name):]), true
			}
			// A letter alone may be a coin's: while one is asked for it is.
			if ok && !(t.draft != nil && len(line) == 1 && len(coinsLike(t.reg.Choices(*t.draft), line)) > 0) {
				v.do(t, ctx, text)
				return true
			}
		}
	}
	return false
}

// names are what a verb is understood by, in small letters.
func (t *till) names(v *verb) []string {
	names := []string{v.name}
	if v.letter != "" {
		names = append(names, v.letter)
	}
	if short, _ := t.w.Key(v.key); short != "" && v.name != "show" { // "open" is an amount
		names = append(names, strings.ToLower(short))
	}
	return names
}

// name is a verb as people here should type it: in their language.
func (t *till) name(verbName string) string {
	for i := range verbs {
		if v := &verbs[i]; v.name == verbName {
			if short, _ := t.w.Key(v.key); short != "" && t.w.Tag() != "en" && v.name != "show" {
				return strings.ToLower(short)
			}
			return v.name
		}
	}
	return verbName
}

// help lists the words that can be typed now.
func (t *till) help() {
	t.say(t.p.LineWords)
	for i := range verbs {
		v := &verbs[i]
		if v.now != nil && !v.now(t) {
			continue
		}
		_, long := t.w.Key(v.key)
		if v.long != nil {
			long = v.long(t.p)
		}
		name := t.name(v.name)
		if v.letter != "" {
			name += ", " + v.letter
		}
		t.say("- " + name + ": " + long)
	}
}

// untouched tells whether nothing was seen for the sale yet.
func (t *till) untouched() bool {
	v, ok := t.known[t.sale]
	return ok && v.Sale.Outcome.Status == pos.Awaiting && len(v.Payments) == 0
}

// asks tells whether there is a code to be paid.
func (t *till) asks() bool {
	v := t.known[t.sale]
	return t.sale != "" && (len(v.Pay.Forms) > 0 || v.Payout != nil)
}

func (t *till) payable() bool { return t.o.Stage != nil && t.asks() }

func (t *till) pay(ctx context.Context, _ string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t.wrong(t.o.Stage.Pay(ctx, t.known[t.sale]))
}

func (t *till) mine(ctx context.Context, _ string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t.wrong(t.o.Stage.Mine(ctx, t.known[t.sale]))
}

func (t *till) next(_ context.Context, _ string) {
	t.sale, t.draft = "", nil
	t.prompt()
}

func (t *till) leaveDraft(_ context.Context, _ string) {
	t.draft = nil
	t.prompt()
}

// changed takes what an act made of the sale.
func (t *till) changed(v pos.View, err error) {
	if err != nil {
		t.wrong(err)
		return
	}
	was := t.known[v.Sale.ID]
	t.known[v.Sale.ID] = v
	if v.Sale.ID != t.sale {
		return
	}
	if v.Pay.Quote.At != was.Pay.Quote.At || was.Payout == nil && v.Payout != nil {
		t.askFor(v)
	}
	t.tell(v, false)
}

func (t *till) requote(ctx context.Context, _ string) {
	v := t.known[t.sale]
	t.changed(within(ctx, patience, func(ctx context.Context) (pos.View, error) {
		return t.reg.Offer(ctx, v.Sale.ID, v.Pay.Quote.Asset, t.o.Actor)
	}))
}

func (t *till) paper(ctx context.Context, _ string) {
	v := t.known[t.sale]
	again := t.printed[v.Sale.ID]
	if err := t.o.Printer.Print(ctx, v, again); err != nil {
		t.wrong(err)
		return
	}
	t.printed[v.Sale.ID] = true
	t.say(t.p.LinePrinted)
}

func (t *till) lock(ctx context.Context, _ string) {
	staff, err := within(ctx, patience, t.reg.Staff)
	if err != nil {
		t.wrong(err)
		return
	}
	if len(staff) == 0 { // nobody could open it again
		t.say(t.p.LockNobody)
		return
	}
	t.locked, t.draft, t.questions = true, nil, nil
	t.echo(false)
	t.prompt()
}

// unlock takes a PIN: whose it is stands at the till from now on.
func (t *till) unlock(ctx context.Context, pin string) {
	who, err := within(ctx, patience, func(ctx context.Context) (pos.Member, error) { return t.reg.Identify(ctx, pin) })
	if err != nil {
		t.wrong(err)
		return
	}
	t.locked, t.o.Actor.Name = false, who.Name
	t.echo(true)
	t.say(fill(t.p.LockHello, who.Name))
	if v, ok := t.known[t.sale]; ok {
		t.tell(v, true)
		return
	}
	t.prompt()
}

// echo lets the terminal show what is typed, or hides it.
func (t *till) echo(on bool) {
	if t.o.Echo != nil {
		t.o.Echo(on)
	}
}

func (t *till) seen(ctx context.Context, _ string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t.wrong(t.reg.Back(ctx, t.o.Actor))
}

// may tells whether an act is possible on the sale that is followed.
func may(kind pos.ActKind) func(*till) bool {
	return func(t *till) bool { return t.sale != "" && slices.Contains(t.known[t.sale].Acts, kind) }
}
