package plain

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

// typed takes a line that is no word of the key map: an amount, with its coin
// behind it if somebody likes. On a sale that is followed it begins the next.
func (t *till) typed(ctx context.Context, line string) {
	price, lines, err := parsePrice(line, t.shop)
	coin := ""
	if i := strings.LastIndex(line, " "); err != nil && i > 0 {
		if p, l, err2 := parsePrice(line[:i], t.shop); err2 == nil {
			price, lines, coin, err = p, l, line[i+1:], nil
		}
	}
	switch {
	case errors.Is(err, money.ErrRange):
		t.wrong(err)
		return
	case err != nil:
		t.say(fill(t.p.LineUnknown, pos.CleanText(line, 60)))
		return
	}
	t.sale = ""
	t.draft = &pos.Draft{Price: price, Lines: lines, By: t.o.Actor}
	switch {
	case price.Kind == pos.PriceAsset:
		t.charge(ctx, price.Asset)
	case coin != "":
		t.choose(ctx, coin)
	default:
		t.prompt()
	}
}

func (t *till) openAmount() {
	t.sale, t.draft = "", &pos.Draft{Price: pos.Price{Kind: pos.PriceOpen}, By: t.o.Actor}
	t.prompt()
}

// price is a sale's price.
func (t *till) price(p pos.Price) string {
	switch p.Kind {
	case pos.PriceFiat:
		return t.f.Locale.Fiat(p.Fiat)
	case pos.PriceAsset:
		return t.f.Coin(p.Amount, t.f.Find(p.Asset))
	}
	return t.p.AnyAmount
}

// askCoin lists the coins that a draft can be charged in.
func (t *till) askCoin() {
	for _, c := range t.reg.Choices(*t.draft) {
		t.say(t.coinLine(c))
	}
	t.say(fill(t.p.LineCoin, t.price(t.draft.Price), t.defaultCoin().Asset.Name))
}

func (t *till) coinLine(c pos.Choice) string {
	text := c.Asset.Name
	if c.Asset.Key != "" {
		text = c.Asset.Key + ", " + text
	}
	if c.Refusal != nil {
		return text + ": " + t.w.Error(c.Refusal)
	}
	if !c.Due.IsZero() {
		text += ": " + t.f.Coin(c.Due, c.Asset)
	}
	if usual := t.w.Usual(c.Asset.Block, 1); usual != "" {
		text += ", " + usual
	}
	return text
}

// defaultCoin is what a line without a word means: the shop's own choice, or the
// first that can be had.
func (t *till) defaultCoin() pos.Choice {
	choices := t.reg.Choices(*t.draft)
	if i := slices.IndexFunc(choices, func(c pos.Choice) bool { return c.Asset.ID == t.shop.Default }); i >= 0 && (choices[i].Refusal == nil || !t.o.Person) {
		return choices[i]
	}
	if i := slices.IndexFunc(choices, func(c pos.Choice) bool { return c.Refusal == nil }); i >= 0 {
		return choices[i]
	}
	if len(choices) == 0 {
		return pos.Choice{}
	}
	return choices[0]
}

// choose charges the draft in the coin that a text means.
func (t *till) choose(ctx context.Context, text string) {
	if text == "" {
		t.charge(ctx, t.defaultCoin().Asset.ID)
		return
	}
	switch found := coinsLike(t.reg.Choices(*t.draft), text); {
	case len(found) != 1 && isPrice(text, t.shop): // another amount instead
		t.typed(ctx, text)
	case len(found) != 1:
		t.say(fill(t.p.LineNoCoin, pos.CleanText(text, 40)))
		t.prompt()
	default:
		t.charge(ctx, found[0].Asset.ID)
	}
}

// charge rings up the draft. A person is told what is in the way; a pipe waits
// until it no longer is.
func (t *till) charge(ctx context.Context, asset chain.AssetID) {
	if len(t.board.Changed) > 0 {
		t.wrong(pos.ErrKeysChanged)
		t.draft = nil
		t.prompt()
		return
	}
	v, err := within(ctx, patience, func(ctx context.Context) (pos.View, error) { return t.reg.Open(ctx, *t.draft, asset) })
	switch {
	case err == nil, v.Sale.ID != "": // without a code yet it comes later
		t.draft, t.wants = nil, ""
		t.sale = v.Sale.ID
		t.show(v)
		return
	case !t.o.Person && passing(err):
		if t.wants == "" {
			t.say(fill(t.p.LineWaiting, t.w.Error(err)))
		}
		t.wants = asset
		return
	}
	t.wants = ""
	t.wrong(err)
	t.prompt()
}

// passing tells whether an error is one that time mends.
func passing(err error) bool {
	return errors.Is(err, pos.ErrConnecting) || errors.Is(err, pos.ErrStaleRate) || errors.Is(err, money.ErrNoRate)
}

// waiting tells whether lines have to wait.
func (t *till) waiting() bool { return t.wants != "" }

// over tells whether there is nothing more to follow once the input has ended.
func (t *till) over() bool {
	v, ok := t.known[t.sale]
	return !ok || v.Sale.Outcome.Status.Closed() || undecided(v)
}

// undecided tells whether a person has to do something about a sale.
func undecided(v pos.View) bool { return v.Sale.Outcome.Verdict == pos.AskSupervisor }

// show tells all that is to be known of a sale that is paid now.
func (t *till) show(v pos.View) {
	t.known[v.Sale.ID] = v
	t.say(t.p.Sale + " " + words.Number4(v.Sale.Number) + ", " + t.price(v.Sale.Price))
	t.askFor(v)
	t.tell(v, true)
}

// askFor says what is to be paid, and where.
func (t *till) askFor(v pos.View) {
	r := v.Pay
	if p := v.Payout; p != nil {
		t.say(t.p.PayoutBand)
		r = pos.Request{Quote: pos.Quote{To: p.Refund.To, Rail: p.Refund.Rail}, Asset: p.Asset, Amount: p.Rest, Forms: p.Forms}
	}
	if len(r.Forms) == 0 {
		if r.Refusal != nil {
			t.say(t.p.NoQR + ": " + t.w.Error(r.Refusal))
		}
		return
	}
	amount := t.p.AnyAmount
	if !r.Amount.IsZero() {
		amount = t.f.Coin(r.Amount, r.Asset)
		if r.Asset.ID == chain.Bitcoin {
			amount += ", " + t.f.Whole(r.Amount, r.Asset)
		}
	}
	t.say(fill(t.p.LinePay, r.Asset.Name, amount))
	t.say(t.p.Address + " (" + words.RailOf(t.shop, r.Quote.Rail) + "): " + string(r.Quote.To))
	for _, f := range r.Forms {
		if f.Kind == chain.FormURI {
			t.say(t.p.LineLink + ": " + f.Text)
		}
	}
	if v.Payout == nil && !r.Quote.Deadline.IsZero() {
		t.say(fill(t.p.LineUntil, t.f.Clock(r.Quote.Deadline)))
	}
}

// code writes the QR code of the sale that is followed.
func (t *till) code() {
	v := t.known[t.sale]
	forms := v.Pay.Forms
	if v.Payout != nil {
		forms = v.Payout.Forms
	}
	text, ok := "", false
	if t.o.Code != nil && len(forms) > 0 {
		text, ok = t.o.Code(forms)
	}
	if !ok {
		t.say(t.p.NoQR)
		return
	}
	for _, l := range strings.Split(text, "\n") {
		_, _ = t.o.Out.Write([]byte(l + "\n"))
	}
}

// heed takes what the register tells. First says that it is what there is
// already, of which the open sales are not news.
func (t *till) heed(ctx context.Context, u pos.Update, first bool) {
	changed := len(t.board.Changed)
	t.board = u.Board
	for _, v := range u.Changed {
		was, seen := t.known[v.Sale.ID]
		if seen && older(v, was) {
			continue
		}
		t.known[v.Sale.ID] = v
		switch {
		case t.locked:
		case v.Sale.ID == t.sale:
			if len(was.Pay.Forms) == 0 && len(v.Pay.Forms) > 0 || was.Payout == nil && v.Payout != nil {
				t.askFor(v) // there is a code at last
			}
			t.tell(v, false)
		case first, !seen && v.Sale.Outcome.Status == pos.Awaiting, was.Sale.Outcome.Status == v.Sale.Outcome.Status:
		case v.Sale.Outcome.Status.Settled() || undecided(v):
			t.news(v)
		}
	}
	if !t.locked {
		t.tellAway(ctx)
		if n := len(t.board.Changed); n != changed && !first && t.sale == "" {
			t.prompt()
		}
	}
	if t.wants != "" && t.draft != nil {
		t.charge(ctx, t.wants)
	}
}

// older tells whether a view was on its way when what is known of the sale was
// answered: that has a code, and the view none yet.
func older(v, known pos.View) bool {
	return v.Sale.Outcome.At.Before(known.Sale.Outcome.At) ||
		len(known.Pay.Forms) > 0 && len(v.Pay.Forms) == 0 && errors.Is(v.Pay.Refusal, pos.ErrConnecting) && len(v.Payments) == len(known.Payments)
}

// tell writes how a sale stands, unless that was said last.
func (t *till) tell(v pos.View, again bool) {
	o := v.Sale.Outcome
	text := t.w.Status(o)
	if verdict := t.w.Verdict(o.Verdict); verdict != "" && o.Status != pos.Awaiting {
		text += ", " + verdict
	}
	why := t.w.Reason(o.Reason, v.Asset)
	if o.Reason.Code == pos.WhySettling {
		why = "" // it counts seconds
	}
	if why != "" {
		text += ": " + why
	}
	for _, n := range o.Notes {
		text += "; " + t.w.Reason(n, v.Asset)
	}
	if text == t.said[v.Sale.ID] && !again {
		return
	}
	t.said[v.Sale.ID] = text
	bell := ""
	if t.o.Person && !again {
		switch {
		case undecided(v):
			bell = "\a"
		case o.Status.Settled():
			bell = "\a\a"
		}
	}
	t.say(t.f.Seconds(o.At) + " " + text)
	_, _ = t.o.Out.Write([]byte(bell))
	if len(v.Acts) > 0 && undecided(v) {
		t.help()
	}
}

// news writes a line about another sale, the late money's the loudest.
func (t *till) news(v pos.View) {
	o := v.Sale.Outcome
	text := t.p.Sale + " " + words.Number4(v.Sale.Number) + ", " + t.price(v.Sale.Price) + ", " + t.w.Status(o)
	if verdict := t.w.Verdict(o.Verdict); verdict != "" {
		text += ", " + verdict
	}
	t.say(text + ": " + t.w.Became(v, t.o.Clock.Now()))
	if undecided(v) {
		t.say("- " + t.name("show") + " " + words.Number4(v.Sale.Number))
	}
	t.said[v.Sale.ID] = ""
}

// tellAway writes what came while nobody looked.
func (t *till) tellAway(ctx context.Context) {
	away := t.board.Away
	if away == nil || away.Until.IsZero() || len(away.Sales) == t.away {
		if away == nil {
			t.away = 0
		}
		return
	}
	t.away = len(away.Sales)
	t.say(t.p.Away)
	for _, id := range away.Sales {
		v, ok := t.known[id]
		if !ok {
			var err error
			if v, err = within(ctx, patience, func(ctx context.Context) (pos.View, error) { return t.reg.View(ctx, id) }); err != nil {
				t.wrong(err)
				continue
			}
			t.known[id] = v
		}
		t.news(v)
	}
	t.say("- " + t.name("seen"))
}
