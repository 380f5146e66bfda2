package plain

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

// errAgain says that an answer was no answer, and that this was said.
var errAgain = errors.New("asked again")

// question is one line that is asked for before something is done.
type question struct {
	ask string
	// take reads the answer; what is wrong with it is said and asked again.
	take func(ctx context.Context, text string) error
	pin  bool // it must not be seen
	free bool // it may stay empty
}

// queue asks some questions; the last one's take does what they are for.
func (t *till) queue(list ...question) {
	t.questions = list
	t.asked()
}

func (t *till) asked() {
	t.echo(len(t.questions) == 0 || !t.questions[0].pin)
	t.prompt()
}

// answered takes an answer. The word for back leaves the questions alone.
func (t *till) answered(ctx context.Context, line string) {
	q := t.questions[0]
	short, _ := t.w.Key("shut")
	if lower := strings.ToLower(line); line == "" && !q.free || lower == "back" || lower == strings.ToLower(short) {
		t.questions = nil
		t.echo(true)
		t.prompt()
		return
	}
	rest := t.questions[1:]
	t.questions = nil // an act may ask anew
	if err := q.take(ctx, line); err != nil {
		if !errors.Is(err, errAgain) {
			t.wrong(err)
		}
		t.questions = append([]question{q}, rest...)
		t.asked()
		return
	}
	if t.part.ask != "" {
		rest, t.part = append([]question{t.part}, rest...), question{}
	}
	if len(rest) > 0 {
		t.questions = rest
	}
	switch {
	case len(t.questions) > 0:
		t.asked()
	default:
		t.echo(true)
		if t.sale == "" {
			t.prompt()
		}
	}
}

// yes tells whether an answer is the word for yes.
func (t *till) yes(text string) bool {
	for _, y := range []string{"y", "yes", t.p.LineYes, t.p.LineYes[:1]} {
		if strings.EqualFold(text, y) {
			return true
		}
	}
	return false
}

func (t *till) askCancel(_ context.Context, _ string) {
	v := t.known[t.sale]
	t.queue(question{
		ask: fill(t.p.CancelAsk, words.Number4(v.Sale.Number), t.price(v.Sale.Price)) + " " + t.p.LineYes + ", " + t.p.LineNo,
		take: func(ctx context.Context, text string) error {
			if t.yes(text) {
				t.changed(within(ctx, patience, func(ctx context.Context) (pos.View, error) { return t.reg.Cancel(ctx, v.Sale.ID, t.o.Actor) }))
			}
			return nil
		},
	})
}

// askOffer asks for another coin.
func (t *till) askOffer(_ context.Context, _ string) {
	v := t.known[t.sale]
	choices := t.reg.Choices(pos.Draft{Price: v.Sale.Price})
	for _, c := range choices {
		t.say(t.coinLine(c))
	}
	t.queue(question{
		ask: t.p.FieldAsset,
		take: func(ctx context.Context, text string) error {
			found := coinsLike(choices, text)
			if len(found) != 1 {
				t.say(fill(t.p.LineNoCoin, pos.CleanText(text, 40)))
				return errAgain
			}
			t.changed(within(ctx, patience, func(ctx context.Context) (pos.View, error) {
				return t.reg.Offer(ctx, v.Sale.ID, found[0].Asset.ID, t.o.Actor)
			}))
			return nil
		},
	})
}

func (t *till) askAgree(_ context.Context, _ string) {
	t.queue(question{ask: t.p.FieldPIN + "?", pin: true, free: true, take: func(ctx context.Context, pin string) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err := t.reg.Agree(ctx, t.o.Actor, pin)
		if err == nil {
			t.board.Changed = nil
			t.say(t.p.Agreed)
		}
		return err
	}})
}

// ask asks what an act needs, and does it.
func ask(kind pos.ActKind) func(*till, context.Context, string) {
	return func(t *till, ctx context.Context, _ string) { t.askAct(ctx, kind) }
}

func (t *till) askAct(ctx context.Context, kind pos.ActKind) {
	v := t.known[t.sale]
	deed := &pos.Deed{Kind: kind, By: t.o.Actor}
	do := func(ctx context.Context) error {
		after, err := within(ctx, patience, func(ctx context.Context) (pos.View, error) { return t.reg.Act(ctx, v.Sale.ID, *deed) })
		if err == nil {
			t.changed(after, nil)
		}
		return err
	}
	var list []question
	number, price := words.Number4(v.Sale.Number), t.price(v.Sale.Price)
	if kind == pos.ActRefundDue {
		list = append(list, t.askAmount(v, deed), question{ask: t.p.FieldTo, take: func(_ context.Context, text string) error {
			deed.To = text
			return nil
		}})
		t.say(t.p.LeadRefund)
	}
	if kind.NeedsPIN() {
		list = append(list, question{ask: t.p.FieldWhy + "? (" + t.p.Optional + ")", free: true, take: func(_ context.Context, text string) error {
			deed.Why = text
			return nil
		}}, question{ask: t.p.SupervisorMark + ": " + t.p.FieldPIN + "?", pin: true, take: func(ctx context.Context, pin string) error {
			deed.PIN = pin
			return do(ctx)
		}})
		t.queue(list...)
		return
	}
	if kind == pos.ActCash {
		t.queue(question{
			ask: fill(t.p.LeadCash, t.f.Locale.Fiat(v.RestInCash), number, price) + " " + t.p.LineYes + ", " + t.p.LineNo,
			take: func(ctx context.Context, text string) error {
				if t.yes(text) {
					return do(ctx)
				}
				return nil
			},
		})
		return
	}
	t.wrong(do(ctx))
}

// askAmount asks which amount goes back.
func (t *till) askAmount(v pos.View, deed *pos.Deed) question {
	text := t.p.FieldRefund
	for i, c := range v.Refunds {
		text += " " + strconv.Itoa(i+1) + ": " + t.w.Basis(c.Basis)
		if !c.Amount.IsZero() {
			text += " (" + t.f.Coin(c.Amount, v.Asset) + ")"
		}
	}
	return question{ask: text, take: func(_ context.Context, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > len(v.Refunds) {
			t.say(fill(t.p.LineUnknown, pos.CleanText(text, 40)))
			return errAgain
		}
		if deed.Basis = v.Refunds[n-1].Basis; deed.Basis != pos.RefundPart {
			return nil
		}
		// How large a part is asked next, before what there was to ask.
		t.part = question{ask: t.p.FieldPart + "?", take: func(_ context.Context, text string) error {
			deed.Fiat, err = money.ParseFiat(text, v.Sale.Price.Fiat.Currency)
			return err
		}}
		return nil
	}}
}
