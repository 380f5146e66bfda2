package plain

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// listSize is how many sales are listed: more would be read aloud for minutes.
const listSize = 20

// saleLine is a sale in one line.
func (t *till) saleLine(v pos.View) string {
	now := t.o.Clock.Now()
	parts := []string{words.Number4(v.Sale.Number), t.w.Day(v.Sale.CreatedAt, now) + " " + t.f.Clock(v.Sale.CreatedAt), t.price(v.Sale.Price), t.w.Status(v.Sale.Outcome)}
	if verdict := t.w.Verdict(v.Sale.Outcome.Verdict); verdict != "" && v.Sale.Outcome.Status != pos.Awaiting {
		parts = append(parts, verdict)
	}
	if v.Asset.ID != "" {
		parts = append(parts, v.Asset.Name)
	}
	if who := strings.Trim(v.Sale.Cashier+", "+v.Sale.Terminal, ", "); who != "" {
		parts = append(parts, who)
	}
	return strings.Join(parts, ", ")
}

func (t *till) sales(ctx context.Context, text string) {
	views, err := within(ctx, patience, func(ctx context.Context) ([]pos.View, error) {
		return t.reg.Views(ctx, pos.Query{Text: text, Limit: listSize})
	})
	if err != nil {
		t.wrong(err)
		return
	}
	switch {
	case len(views) == 0 && text != "":
		t.say(t.p.NoMatch)
	case len(views) == 0:
		t.say(t.p.NoSales)
	}
	for _, v := range views {
		t.say(t.saleLine(v))
	}
}

// showNumber follows another sale.
func (t *till) showNumber(ctx context.Context, text string) {
	number, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 10, 64)
	var views []pos.View
	if err == nil {
		views, err = within(ctx, patience, func(ctx context.Context) ([]pos.View, error) {
			return t.reg.Views(ctx, pos.Query{Text: strconv.FormatUint(number, 10), Limit: listSize})
		})
		if err != nil {
			t.wrong(err)
			return
		}
	}
	i := slices.IndexFunc(views, func(v pos.View) bool { return v.Sale.Number == number })
	if i < 0 {
		t.say(t.w.Error(pos.ErrNoSale))
		return
	}
	t.draft, t.sale = nil, views[i].Sale.ID
	t.show(views[i])
}

// detail tells everything that happened to the sale that is followed.
func (t *till) detail(ctx context.Context, _ string) {
	v := t.known[t.sale]
	t.say(t.saleLine(v))
	t.say(t.w.Became(v, t.o.Clock.Now()))
	for _, fact := range [][2]string{{t.p.Code, v.Sale.Code}, {t.p.Reference, v.Sale.Reference}, {t.p.Note, v.Sale.Note}} {
		if fact[1] != "" {
			t.say(fact[0] + ": " + fact[1])
		}
	}
	for _, a := range v.Sale.Addresses {
		t.say(t.p.Address + ": " + string(a.To))
		if a.Path != "" {
			t.say(t.p.Path + ": " + a.Path)
		}
	}
	entries, err := within(ctx, patience, func(ctx context.Context) ([]pos.Entry, error) { return t.reg.History(ctx, v.Sale.ID) })
	if err != nil {
		t.wrong(err)
		return
	}
	t.say(t.p.Timeline)
	for _, e := range entries {
		if text := t.w.Entry(e, v.Sale); text != "" {
			t.say(t.f.Date(e.At) + " " + t.f.Seconds(e.At) + " " + text)
		}
	}
}

// find answers where somebody's money is: from the records, and else from the
// networks.
func (t *till) find(ctx context.Context, text string) {
	if text == "" {
		t.queue(question{ask: t.p.Money + "? " + t.p.SearchHint, take: func(ctx context.Context, text string) error {
			t.find(ctx, text)
			return nil
		}})
		return
	}
	views, err := within(ctx, patience, func(ctx context.Context) ([]pos.View, error) {
		return t.reg.Views(ctx, pos.Query{Text: text, Limit: listSize})
	})
	if err != nil {
		t.wrong(err)
		return
	}
	for _, v := range views {
		t.say(t.saleLine(v))
		t.say(t.w.Became(v, t.o.Clock.Now()))
	}
	if len(views) > 0 {
		return
	}
	t.say(t.p.NotOurs)
	if len(text) < leastOnChain || strings.Contains(text, " ") {
		return
	}
	t.say(t.p.Asking)
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	sightings := t.reg.Lookup(ctx, text)
	if len(sightings) == 0 {
		t.say(t.p.NoNetwork)
	}
	bare := strings.TrimPrefix(strings.ToLower(text), "0x")
	tx := len(bare) == 64 && strings.Trim(bare, "0123456789abcdef") == ""
	for _, s := range sightings {
		var numbers []uint64
		for _, e := range s.Found.Payments {
			if paid, err := t.reg.Views(ctx, pos.Query{Text: string(e.Target), Limit: 1}); err == nil && len(paid) > 0 {
				numbers = append(numbers, paid[0].Sale.Number)
			}
		}
		t.say(t.w.Sighting(s, tx, numbers, t.o.Clock.Now()))
	}
}

// leastOnChain is the shortest text that may be an address.
const leastOnChain = 26

// health says what works and what does not.
func (t *till) health() {
	t.board = t.reg.Board()
	now := t.o.Clock.Now()
	for _, id := range slices.Sorted(maps.Keys(t.board.Health)) {
		h := t.board.Health[id]
		state, fact, effect := t.w.Health(h, now)
		text := words.RailOf(t.shop, id) + ": " + state
		for _, more := range []string{strings.ReplaceAll(fact, "   ", ", "), effect} {
			if more != "" {
				text += ". " + more
			}
		}
		if h.Trust != chain.TrustUnknown {
			text = strings.TrimSuffix(text, ".") + ". " + t.p.TrustWord + " " + t.w.Trust(h.Trust)
		}
		t.say(sentence(text))
	}
	if len(t.board.Rates) == 0 {
		t.say(t.p.Prices + ": " + t.p.NoPrices + ". " + t.p.NoPricesDo)
	}
	for _, a := range t.shop.Assets {
		if r, ok := t.board.Rates[a.ID]; ok {
			text := t.p.Prices + ": " + a.Name + " " + t.f.Locale.Rate(r.Rate, t.shop.Currencies[0]) + ", " + t.w.Rate(r.State)
			if !r.At.IsZero() {
				text += ", " + t.w.Ago(now.Sub(r.At))
			}
			if len(r.Sources) > 0 {
				text += ", " + strings.Join(r.Sources, ", ")
			}
			t.say(text)
		}
	}
	t.say(t.p.OpenSales + ": " + strconv.Itoa(t.board.Open))
}
