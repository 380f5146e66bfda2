package plain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// Register is the register as this room needs it; *pos.Register is one.
type Register interface {
	Shop() pos.Shop
	Board() pos.Board
	Choices(d pos.Draft) []pos.Choice
	Open(ctx context.Context, d pos.Draft, asset chain.AssetID) (pos.View, error)
	Offer(ctx context.Context, saleID string, asset chain.AssetID, by pos.Actor) (pos.View, error)
	Cancel(ctx context.Context, saleID string, by pos.Actor) (pos.View, error)
	View(ctx context.Context, saleID string) (pos.View, error)
	Views(ctx context.Context, q pos.Query) ([]pos.View, error)
	Subscribe() *pos.Mailbox
	Act(ctx context.Context, saleID string, d pos.Deed) (pos.View, error)
	History(ctx context.Context, saleID string) ([]pos.Entry, error)
	Lookup(ctx context.Context, text string) []pos.Sighting
	Back(ctx context.Context, by pos.Actor) error
	Agree(ctx context.Context, by pos.Actor, pin string) error
	Identify(ctx context.Context, pin string) (pos.Member, error)
	Staff(ctx context.Context) ([]pos.Member, error)
}

// Stage plays the customer and the chain in the demo. There is none outside it.
type Stage interface {
	Pay(ctx context.Context, v pos.View) error
	Mine(ctx context.Context, v pos.View) error
}

// Options are what a terminal has of its own.
type Options struct {
	Actor  pos.Actor
	Words  words.Words
	Format words.Format
	Clock  pos.Clock
	Stage  Stage // nil outside the demo
	// Printer prints receipts; nil = no word for it.
	Printer interface {
		Print(ctx context.Context, v pos.View, again bool) error
	}
	// Code draws a QR code of a sale as lines; nil = there is none.
	Code func(forms []chain.Form) (string, bool)
	In   io.Reader
	Out  io.Writer
	// Person says that somebody types and listens. A pipe has no ears: what it
	// cannot have yet is waited for, and at its end the sale is followed to its own.
	Person bool
	// Echo turns the terminal's echo off and on again around a PIN; nil = there is
	// none.
	Echo func(on bool)
}

// How long an answer of the register, and one of the networks, may take.
const (
	patience = 20 * time.Second
	askFor   = 40 * time.Second
)

// longestLine bounds what is read as one line.
const longestLine = 4096

// till is one terminal.
type till struct {
	o   Options
	reg Register
	w   words.Words
	f   words.Format
	p   *words.Phrases

	shop  pos.Shop
	board pos.Board
	sale  string            // id of the sale that is followed, "" = none
	said  map[string]string // what was last said of each sale
	known map[string]pos.View

	draft     *pos.Draft    // an amount that waits for its coin
	wants     chain.AssetID // the coin that it waits to be charged in
	questions []question    // what is asked, the first now
	part      question      // what an answer makes necessary to ask next
	locked    bool
	printed   map[string]bool
	away      int // sales of an absence that were told
	gone      bool
}

// Run shows a register until the input ends, somebody leaves, or ctx is done.
func Run(ctx context.Context, reg Register, o Options) error {
	t := &till{
		o: o, reg: reg, w: o.Words, f: o.Format, p: o.Words.Phrases(), shop: reg.Shop(), board: reg.Board(),
		said: make(map[string]string), known: make(map[string]pos.View), printed: make(map[string]bool),
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	box := reg.Subscribe()
	defer box.Close()
	updates := make(chan pos.Update)
	go func() {
		defer close(updates)
		for {
			u, err := box.Next(ctx)
			if err != nil {
				return
			}
			select {
			case updates <- u:
			case <-ctx.Done():
				return
			}
		}
	}()
	lines := make(chan string)
	go t.read(ctx, lines)

	t.hello()
	return t.loop(ctx, lines, updates)
}

// loop answers lines and changes, one at a time. A pipe's lines wait while
// something that they are about is not there yet.
func (t *till) loop(ctx context.Context, lines <-chan string, updates <-chan pos.Update) error {
	first := true
	for {
		from := lines
		switch {
		case t.waiting() || first: // what runs already is known before the first line
			from = nil
		case lines == nil && (t.o.Person || t.over()):
			t.bye()
			return nil
		}
		select {
		case <-ctx.Done():
			t.bye()
			return nil
		case u, ok := <-updates:
			if !ok {
				if ctx.Err() != nil {
					continue
				}
				return pos.ErrClosed
			}
			t.heed(ctx, u, first)
			if first {
				t.prompt()
			}
			first = false
		case line, ok := <-from:
			if !ok {
				lines = nil
				continue
			}
			if t.answer(ctx, line); t.gone {
				t.bye()
				return nil
			}
		}
	}
}

// read hands out lines, until the input ends.
func (t *till) read(ctx context.Context, lines chan<- string) {
	defer close(lines)
	in := bufio.NewReaderSize(t.o.In, longestLine)
	for {
		line, more, err := in.ReadLine()
		for more && err == nil { // the rest of a line that is too long
			_, more, err = in.ReadLine()
		}
		if err != nil {
			return
		}
		select {
		case lines <- pos.CleanText(string(line), longestLine):
		case <-ctx.Done():
			return
		}
	}
}

// say writes one line.
func (t *till) say(text string) {
	if text = pos.CleanText(text, 1000); text != "" {
		fmt.Fprintln(t.o.Out, text)
	}
}

// wrong writes what did not work.
func (t *till) wrong(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		t.say(sentence(t.w.Error(err)))
	}
}

// fill fills a phrase.
func fill(phrase string, args ...any) string { return fmt.Sprintf(phrase, args...) }

// sentence makes a sentence of a phrase that has none of its own marks.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, ":") {
		return s
	}
	return s + "."
}

// within runs a call to the register with a deadline.
func within[T any](ctx context.Context, d time.Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// hello says where one is.
func (t *till) hello() {
	text := t.shop.Name
	for _, s := range []string{t.o.Actor.Terminal, t.o.Actor.Name} {
		if s != "" {
			text += ", " + s
		}
	}
	t.say(text)
	if t.shop.Training {
		t.say(t.p.Training + ", " + t.p.PaperNoMoney)
	}
	if t.board.Open > 0 {
		t.say(t.p.OpenSales + ": " + strconv.Itoa(t.board.Open))
	}
}

func (t *till) bye() {
	t.echo(true)
	if n := t.reg.Board().Open; n > 0 {
		t.say(fill(t.p.LeaveOpen, n))
	}
}

// prompt asks for what can be typed now.
func (t *till) prompt() {
	switch {
	case t.locked:
		t.say(t.p.LineLocked)
	case len(t.questions) > 0:
		t.say(t.questions[0].ask)
	case t.draft != nil:
		t.askCoin()
	case t.sale == "" && len(t.board.Changed) > 0:
		t.say(t.p.Changed)
		for _, c := range t.board.Changed {
			t.say("- " + c)
		}
		t.say(fill(t.p.ChangedDo, t.name("agree")))
	case t.sale == "":
		t.say(fill(t.p.LineAmount, t.shop.Currencies[0]))
	}
}

// answer does what a line says.
func (t *till) answer(ctx context.Context, line string) {
	line = strings.TrimSpace(line)
	switch {
	case t.locked:
		t.unlock(ctx, line)
	case len(t.questions) > 0:
		t.answered(ctx, line)
	case t.draft != nil && line == "":
		t.choose(ctx, line)
	case line == "":
		t.prompt()
	case t.do(ctx, line):
	case t.draft != nil:
		t.choose(ctx, line)
	default:
		t.typed(ctx, line)
	}
}
