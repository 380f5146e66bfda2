package words

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// What the register may say is read from its source: a code that is added there
// without words here fails these tests.

// constants lists the values of a type's string constants in package pos.
func constants(t *testing.T, typ string) []string {
	t.Helper()
	var list []string
	eachDecl(t, token.CONST, func(v *ast.ValueSpec) {
		if id, ok := v.Type.(*ast.Ident); !ok || id.Name != typ {
			return
		}
		for _, x := range v.Values {
			text, err := strconv.Unquote(x.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, text)
		}
	})
	if len(list) < 2 {
		t.Fatalf("package pos has only %d constants of type %s: this test looks in the wrong place", len(list), typ)
	}
	return list
}

// eachDecl calls f for every constant or variable that package pos declares.
func eachDecl(t *testing.T, kind token.Token, f func(*ast.ValueSpec)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "pos", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of package pos: %v", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == kind {
				for _, s := range g.Specs {
					f(s.(*ast.ValueSpec))
				}
			}
		}
	}
}

// speakers are all languages, as their own people write numbers.
func speakers() map[string]Words {
	all := make(map[string]Words)
	for _, tag := range Languages() {
		f := en.(english).Format
		f.Locale = money.LocaleFor(tag)
		all[tag] = For(tag, f)
	}
	return all
}

// alike are texts that another language may have in common with English: names
// and words that both took from the same place.
var alike = []string{"PIN", "QR", "Code", "code", "Text", "text", "Tx", "tx", "Coin", "coin", "Block", "block", "OPEN", "%s", "/", "live"}

// translated looks that a text is not the English one.
func translated(t *testing.T, tag, what, text, english string) {
	t.Helper()
	if tag != "en" && text == english && !slices.Contains(alike, text) {
		t.Errorf("%s: %s is still in English: %q", tag, what, text)
	}
}

// eachIsSaid looks that every value of a type has words of its own, in every
// language.
func eachIsSaid(t *testing.T, typ string, say func(Words, string) string) {
	t.Helper()
	for tag, w := range speakers() {
		seen := make(map[string]string)
		for _, code := range constants(t, typ) {
			if code == "" {
				continue // nothing to say, such as no verdict
			}
			text := say(w, code)
			if text == "" || text == code && (tag != "en" || strings.ToUpper(code) != code) || strings.ContainsAny(text, "{}%!\n") {
				t.Errorf("%s: %s %s has no words: %q", tag, typ, code, text)
			}
			if was, ok := seen[text]; ok {
				t.Errorf("%s, %s: %s and %s read the same: %q", tag, typ, was, code, text)
			}
			seen[text] = code
			translated(t, tag, typ+" "+code, text, say(en, code))
		}
	}
}

func TestEveryReasonIsASentence(t *testing.T) {
	eachIsSaid(t, "Code", func(w Words, code string) string {
		return w.Reason(pos.Reason{Code: pos.Code(code), N: 2, M: 3, Amount: chain.Units(25958), Fiat: money.Of(1000, "EUR"), Text: "Bob"}, btc)
	})
}

func TestEveryActIsSaid(t *testing.T) {
	eachIsSaid(t, "ActKind", func(w Words, kind string) string {
		return w.Act(pos.Act{Kind: pos.ActKind(kind), Cash: money.Of(330, "EUR")})
	})
	eachIsSaid(t, "ShopActKind", func(w Words, kind string) string { return w.ShopAct(pos.ShopAct{Kind: pos.ShopActKind(kind)}) })
	eachIsSaid(t, "RefundBasis", func(w Words, kind string) string { return w.Basis(pos.RefundBasis(kind)) })
	a := pos.Act{Kind: pos.ActCash, Cash: money.Of(330, "EUR"), Actor: pos.Actor{Name: "Ana\x1b[31m", Terminal: "till 1"}, Approved: "Bob", Why: "coins\n"}
	if got := en.Act(a); got != "€3.30 of it taken in cash by Ana[31m at till 1, allowed by Bob: coins" {
		t.Error(got)
	}
	if got := de.Act(a); got != "davon 3,30 € bar genommen, von Ana[31m an till 1, erlaubt von Bob: coins" {
		t.Error(got)
	}
	if got := en.Act(pos.Act{Kind: pos.ActAccept, Actor: pos.Actor{Name: "Bob"}, Approved: "Bob"}); got != "accepted as it is by Bob" {
		t.Error(got)
	}
}

func TestEveryStatusAndVerdictHasAWord(t *testing.T) {
	eachIsSaid(t, "Status", func(w Words, s string) string { return w.Status(pos.Outcome{Status: pos.Status(s)}) })
	eachIsSaid(t, "Status", func(w Words, s string) string { return w.StatusShort(pos.Outcome{Status: pos.Status(s)}) })
	eachIsSaid(t, "Verdict", func(w Words, v string) string { return w.Verdict(pos.Verdict(v)) })
	for tag, w := range speakers() {
		for _, s := range constants(t, "Status") {
			for _, n := range []int{1, 6, 12} {
				o := pos.Outcome{Status: pos.Status(s), Confirmations: n, Needed: n}
				if got := w.StatusShort(o); got == "" || ansi.StringWidth(got) > 9 && n < 10 || ansi.StringWidth(got) > 10 {
					t.Errorf("%s: %s is %q in a list, of 9 cells at most", tag, s, got)
				}
				if w.Customer(o) == "" {
					t.Errorf("%s: %s tells a customer nothing", tag, s)
				}
				translated(t, tag, "what a customer reads of "+s, w.Customer(o), en.Customer(o))
			}
		}
	}
}

func TestEveryStateOfARateIsSaid(t *testing.T) {
	for tag, w := range speakers() {
		for _, state := range constants(t, "RateState") {
			got := w.Rate(pos.RateState(state))
			if got == "" {
				t.Errorf("%s: %s has no word", tag, state)
			}
			translated(t, tag, "the price's state "+state, got, en.Rate(pos.RateState(state)))
		}
	}
	if got := en.Rate(pos.RateManual); got != "MANUAL RATE" {
		t.Errorf("a price by hand is called %q", got)
	}
}

// TestPhrasesAndKeysAreWhole holds every language to English, string by string.
func TestPhrasesAndKeysAreWhole(t *testing.T) {
	english := reflect.ValueOf(englishPhrases)
	for tag, w := range speakers() {
		have := reflect.ValueOf(*w.Phrases())
		for i := range have.NumField() {
			name, text, model := have.Type().Field(i).Name, have.Field(i).String(), english.Field(i).String()
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", tag, name)
			}
			if marks.FindAllString(text, -1) == nil != (marks.FindAllString(model, -1) == nil) ||
				!slices.Equal(marks.FindAllString(text, -1), marks.FindAllString(model, -1)) {
				t.Errorf("%s: %s has other marks than in English: %q", tag, name, text)
			}
			translated(t, tag, name, text, model)
		}
		for key, model := range englishKeys {
			short, long := w.Key(key)
			if short == "" || long == "" {
				t.Errorf("%s: the key for %s has no words", tag, key)
			}
			if ansi.StringWidth(short) > 15 {
				t.Errorf("%s: %q is too long for the last row", tag, short)
			}
			translated(t, tag, "the key for "+key, short, model[0])
			translated(t, tag, "the key for "+key, long, model[1])
		}
	}
	for key := range germanKeys {
		if _, ok := englishKeys[key]; !ok {
			t.Errorf("there is no key %s any more", key)
		}
	}
}

var marks = regexp.MustCompile(`%[^ %]`)

// bodies is an entry of every kind that has something to say.
var bodies = map[string]string{
	"sale":     `{"number":17,"cashier":"Ana","price":{"kind":"fiat","fiat":{"minor":450,"currency":"EUR"}}}`,
	"quote":    `{"quote":{"asset":"bitcoin/btc"}}`,
	"event":    `{"kind":"seen","amount":"7"}`,
	"act":      `{"kind":"accept"}`,
	"outcome":  `{"status":"PAID"}`,
	"incident": `{"was":"PAID","is":"DISPUTED"}`,
	"shop":     `{"kind":"staff-add"}`,
	"snapshot": `{"Sale":{"outcome":{"status":"LATE"}}}`,
}

func TestEveryEntryIsSaid(t *testing.T) {
	for _, kind := range constants(t, "EntryKind") {
		e := pos.Entry{Kind: pos.EntryKind(kind), Body: []byte(bodies[kind])}
		text := en.Entry(e, pos.Sale{})
		if other := de.Entry(e, pos.Sale{}); (other == "") != (text == "") || other == text && text != "" {
			t.Errorf("an entry of kind %s is told as %q in German", kind, other)
		}
		if kind == string(pos.EntryAgain) {
			if text != "" {
				t.Errorf("the same outcome again is told as %q", text)
			}
			continue
		}
		if bodies[kind] == "" || text == "" || text == kind || strings.Contains(text, "cannot read") {
			t.Errorf("an entry of kind %s is told as %q", kind, text)
		}
		e.Body = []byte("\x00rubbish")
		if text := en.Entry(e, pos.Sale{}); !strings.Contains(text, "cannot read") {
			t.Errorf("a damaged entry of kind %s is told as %q", kind, text)
		}
	}
	back := pos.Sale{Acts: []pos.Act{{Refund: &pos.Refund{To: "home"}}}}
	if got := en.Entry(pos.Entry{Kind: pos.EntryEvent, Body: []byte(`{"kind":"seen","target":"home","amount":"7","asset":"bitcoin/btc"}`)}, back); !strings.HasPrefix(got, "going back: 7 sat seen") {
		t.Errorf("a refund is told as %q", got)
	}
}

func TestEveryEventIsSaid(t *testing.T) {
	key := chain.PaymentKey{TxID: "9f1c04ab55d1c0ffee00112233e07a"}
	for kind := chain.Seen; kind <= chain.HealthChanged; kind++ {
		ev := chain.Event{Kind: kind, Key: key, Asset: btc.ID, Amount: chain.Units(7), Block: chain.BlockRef{Height: 9, Hash: "00"}, Evidence: chain.Proof{Conflicted: kind == chain.Evidence}}
		text := en.Event(ev)
		if other := de.Event(ev); (other == "") != (text == "") || other == text && text != "" {
			t.Errorf("%s is told as %q in German", kind, other)
		}
		if silent := kind == chain.Tip || kind == chain.HealthChanged; silent != (text == "") || text == kind.String() {
			t.Errorf("%s is told as %q", kind, text)
		}
	}
}

// said is every error of package pos that may reach a person.
var said = map[string]error{
	"ErrNoSale": pos.ErrNoSale, "ErrNoAddress": pos.ErrNoAddress, "ErrDamaged": pos.ErrDamaged, "ErrTooNew": pos.ErrTooNew,
	"ErrLocked": pos.ErrLocked, "ErrNotNow": pos.ErrNotNow, "ErrConnecting": pos.ErrConnecting, "ErrStaleRate": pos.ErrStaleRate,
	"ErrNoAsset": pos.ErrNoAsset, "ErrTooSmall": pos.ErrTooSmall, "ErrClosed": pos.ErrClosed, "ErrNoSupervisor": pos.ErrNoSupervisor,
	"ErrPIN": pos.ErrPIN, "ErrPINLocked": pos.ErrPINLocked, "ErrFarRate": pos.ErrFarRate, "ErrKeysChanged": pos.ErrKeysChanged,
	"ErrWeakPIN": pos.ErrWeakPIN, "ErrPINTaken": pos.ErrPINTaken,
}

// particular are errors that say in their own words what is wrong.
var particular = []string{"ErrAddress", "ErrDraft", "ErrStaff"}

func TestEveryErrorIsASentence(t *testing.T) {
	eachDecl(t, token.VAR, func(v *ast.ValueSpec) {
		for _, id := range v.Names {
			if _, ok := said[id.Name]; strings.HasPrefix(id.Name, "Err") && !ok && !slices.Contains(particular, id.Name) {
				t.Errorf("pos.%s has no words", id.Name)
			}
		}
	})
	others := []error{money.ErrNoRate, money.ErrRange, chain.ErrNoSuchIndex}
	for _, err := range slices.Concat(slices.Collect(maps.Values(said)), others) {
		err = fmt.Errorf("wrapped in something: %w", err)
		for tag, w := range speakers() {
			got := w.Error(err)
			if got == "" || strings.Contains(got, "wrapped") {
				t.Errorf("%s: %v: %q", tag, err, got)
			}
			translated(t, tag, err.Error(), got, en.Error(err))
		}
	}
	for err, want := range map[error]string{
		fmt.Errorf("%w: its check sum is wrong\x1b[2J", pos.ErrAddress):         "nothing can be paid to that: its check sum is wrong[2J",
		fmt.Errorf("%w: nobody is called Eve", pos.ErrStaff):                    "nobody is called Eve",
		&pos.WrongPINError{Left: 1}:                                             "wrong PIN; 1 more try before PINs are locked for a while",
		&pos.WrongPINError{}:                                                    "wrong PIN; another wrong one locks PINs for a while",
		fmt.Errorf("act: %w", &pos.LockedPINError{Until: now.Add(time.Minute)}): "too many wrong PINs: none is taken until 12:01:00",
	} {
		if got := en.Error(err); got != want {
			t.Errorf("%v:\n got %q\nwant %q", err, got, want)
		}
	}
}

func TestWhatBecameOfASale(t *testing.T) {
	quote := pos.Quote{Asset: btc.ID, Deadline: now.AddDate(0, 0, -2), Rate: pos.RateInfo{Rate: money.Rate{Num: 6241050, Scale: 2}}, Currency: "EUR", Decimals: 8}
	came := pos.Payment{Asset: btc.ID, Amount: chain.Units(25958), State: pos.Included, FirstAt: now.AddDate(0, 0, -2).Add(2 * time.Hour), FirstSeen: true}
	v := pos.View{Record: pos.Record{Sale: pos.Sale{Quotes: []pos.Quote{quote}}, Payments: []pos.Payment{came}}, Asset: btc}
	seen := make(map[string]string)
	for _, status := range constants(t, "Status") {
		o := &v.Sale.Outcome
		*o = pos.Outcome{Status: pos.Status(status), Asset: btc.ID, Received: chain.Units(25958), Due: chain.Units(25958), Reason: pos.Reason{Code: pos.WhyConfirmed, N: 1, Text: status}}
		switch o.Status {
		case pos.Accepted:
			o.Reason.Code = pos.WhyAccepted
		case pos.RefundDue:
			o.Reason.Code = pos.WhyRefundDue
		case pos.Refunded:
			o.Reason.Code = pos.WhyRefunded
		case pos.Awaiting:
			o.Reason.Code = pos.WhyNothing
		}
		text := en.Became(v, now)
		if text == "" || text == status || strings.Contains(text, "%") {
			t.Errorf("%s: %q", status, text)
		}
		if was, ok := seen[text]; ok {
			t.Errorf("%s and %s read the same: %q", was, status, text)
		}
		seen[text] = status
		translated(t, "de", "what became of a sale that is "+status, de.Became(v, now), text)
	}
	v.Sale.Outcome = pos.Outcome{Status: pos.Late, Reason: pos.Reason{Code: pos.WhyLate}}
	if got := en.Became(v, now); got != "came on Wednesday, 2 h after its price ran out" {
		t.Error(got)
	}
	if got := de.Became(v, now); got != "am Mittwoch gekommen, 2 h nach Fristende" {
		t.Error(got)
	}
	v.Sale.Outcome.Reason.Code = pos.WhyLateCancelled
	if got := en.Became(v, now); got != "came on Wednesday, after it was cancelled" {
		t.Error(got)
	}
	v.Sale.Price = pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(1620, "EUR")}
	v.Sale.Outcome = pos.Outcome{Status: pos.Underpaid, Due: chain.Units(5), Missing: chain.Units(1)}
	v.RestInCash = money.Of(324, "EUR")
	if got := en.Became(v, now); got != "€12.96 of €16.20 came, the price ran out" {
		t.Error(got)
	}
}

func TestWhatANetworkSays(t *testing.T) {
	block := chain.BlockRef{Height: 975110, Hash: "00", Time: now.Add(-time.Hour)}
	paid := []chain.Event{{Asset: btc.ID, Amount: chain.Units(5000)}}
	for _, it := range []struct {
		s     pos.Sighting
		tx    bool
		sales []uint64
		want  string
	}{
		{pos.Sighting{Rail: "bitcoin:mainnet", Err: fmt.Errorf("filters: %w", chain.ErrCannot)}, true, nil, "Bitcoin: this way of watching cannot look that up; a block explorer can"},
		{pos.Sighting{Rail: "eip155:1", Err: errors.New("closed\x1b[0m")}, true, nil, "Ethereum: it could not be asked: closed[0m"},
		{pos.Sighting{Rail: "eip155:1"}, true, nil, "Ethereum: not known to any node asked; was it sent, and on this network?"},
		{pos.Sighting{Rail: "eip155:1"}, false, nil, "Ethereum: as far as the nodes asked can see, nothing has come to this address"},
		{pos.Sighting{Rail: "eip155:1", Found: chain.Found{Known: true}}, true, nil, "Ethereum: sent, and in no block yet; it pays none of our addresses"},
		{pos.Sighting{Rail: "bitcoin:mainnet", Found: chain.Found{Known: true, Block: block}}, true, nil, "Bitcoin: in block 975,110, 60 min ago; it pays none of our addresses"},
		{pos.Sighting{Rail: "bitcoin:mainnet", Found: chain.Found{Known: true, Block: block, Payments: paid}}, true, []uint64{17}, "Bitcoin: in block 975,110, 60 min ago; 5,000 sat for sale 0017"},
		{pos.Sighting{Rail: "bitcoin:mainnet", Found: chain.Found{Payments: paid}}, false, nil, "Bitcoin: 1 payment came to this address; 5,000 sat"},
	} {
		if got := en.Sighting(it.s, it.tx, it.sales, now); got != it.want {
			t.Errorf("\n got %q\nwant %q", got, it.want)
		}
		if got := de.Sighting(it.s, it.tx, it.sales, now); got == it.want || got == "" {
			t.Errorf("in German: %q", got)
		}
	}
}
