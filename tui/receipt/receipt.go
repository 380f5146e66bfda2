package receipt

import (
	"strconv"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// Widths are those that paper has, in characters of a printer's usual font: 58
// mm, 80 mm, and 80 mm with a narrow one. Narrowest and Widest are the limits of
// Options.Width.
var Widths = []int{32, 42, 48}

// The limits of a width.
const (
	Narrowest = 24
	Widest    = 132
)

// Options say how a receipt is written.
type Options struct {
	Words  words.Words
	Format words.Format
	Shop   pos.Shop // its name, what it calls its networks, and whether it is a demo
	Width  int      // characters on a line; 0 = 32
	// Copy says that it was printed before.
	Copy bool
	// Testnet says that the network is one to try things on, whose money is as
	// worthless as a demo's.
	Testnet bool
}

// Text writes a sale as it is now, in lines of at most o.Width cells that end in
// a newline.
func Text(v pos.View, o Options) string {
	if o.Width == 0 {
		o.Width = Widths[0]
	}
	w := &writer{page: page{width: min(max(o.Width, Narrowest), Widest)}, o: o, p: o.Words.Phrases(), v: v}
	w.head()
	w.lines()
	w.coins()
	w.outcome()
	w.payments()
	w.whereTo()
	w.marks()
	if v.Sale.Outcome.Status.Settled() {
		w.space()
		w.center(w.p.PaperThanks)
	}
	return w.b.String()
}

type writer struct {
	page
	o Options
	p *words.Phrases
	v pos.View
}

// marks stand at the top and again at the bottom: paper is torn.
func (w *writer) marks() {
	w.space()
	for _, m := range []struct {
		on   bool
		text string
	}{{w.o.Copy, w.p.PaperCopy}, {w.o.Shop.Training, w.p.Training}, {w.o.Testnet && !w.o.Shop.Training, w.p.Testnet}} {
		if m.on {
			w.center("* * " + m.text + " * *")
		}
	}
	if w.o.Shop.Training || w.o.Testnet {
		w.center(w.p.PaperNoMoney)
	}
	w.space()
}

func (w *writer) head() {
	s := w.v.Sale
	if name := clean(w.o.Shop.Name); name != "" {
		w.center(name)
	}
	w.marks()
	w.pair(w.p.Paper+" "+words.Number4(s.Number), clean(s.Code))
	w.pair(w.o.Format.Date(s.CreatedAt)+" "+w.o.Format.Clock(s.CreatedAt), clean(s.Terminal))
	if who := clean(s.Cashier); who != "" {
		w.pair(w.p.PaperCashier, who)
	}
	if ref := clean(s.Reference); ref != "" {
		w.pair(w.p.Reference, ref)
	}
	if note := clean(s.Note); note != "" {
		w.say(note)
	}
}

// lines are what was rung up, and what it costs together.
func (w *writer) lines() {
	s := w.v.Sale
	w.rule()
	for _, l := range s.Lines {
		total, err := l.Each.Mul(l.Count)
		if err != nil {
			total = l.Each // more than there is money: it was never rung up
		}
		name := clean(l.Name)
		if l.Count != 1 {
			name = strings.TrimSpace(strconv.FormatInt(l.Count, 10) + " × " + w.o.Format.Locale.Number(l.Each) + "  " + name)
		}
		w.pair(name, w.o.Format.Locale.Number(total))
	}
	if len(s.Lines) > 0 {
		w.rule()
	}
	total := w.p.AnyAmount
	switch s.Price.Kind {
	case pos.PriceFiat:
		total = w.o.Format.Locale.Fiat(s.Price.Fiat)
	case pos.PriceAsset:
		total = w.coin(s.Price.Amount, s.Price.Asset)
	}
	w.pair(w.p.PaperTotal, total)
	for _, a := range s.Acts {
		if a.Kind == pos.ActCash && !a.Cash.IsZero() {
			w.pair(w.p.PaperCash, w.o.Format.Locale.Fiat(a.Cash))
		}
	}
}

// coins are the amount in the coin, and the rate that it was found at.
func (w *writer) coins() {
	o := w.v.Sale.Outcome
	q, ok := w.quote()
	if !ok {
		return
	}
	w.space()
	asset := w.asset(q.Asset)
	due := q.Due
	if due.IsZero() {
		due = o.Received
	}
	if !due.IsZero() {
		w.pair(clean(asset.Name), w.o.Format.Coin(due, asset))
		if asset.ID == chain.Bitcoin {
			w.pair("", w.o.Format.Whole(due, asset))
		}
	}
	if q.Rate.IsZero() || q.Rate.State == pos.RatePar {
		return
	}
	w.pair(w.p.PaperRate+" "+clean(asset.Symbol), w.o.Format.Locale.Rate(q.Rate.Rate, q.Currency))
	if state := q.Rate.State; state == pos.RateManual || state == pos.RateFixed {
		w.say(w.o.Words.Rate(state))
	}
	if from := clean(strings.Join(q.Rate.Sources, ", ")); from != "" {
		w.say(from)
	}
}

// quote is the one that judges the sale, or else its newest.
func (w *writer) quote() (pos.Quote, bool) {
	s := w.v.Sale
	if i := s.Outcome.Quote; !s.Outcome.Received.IsZero() && i >= 0 && i < len(s.Quotes) {
		return s.Quotes[i], true
	}
	return s.Quote()
}

// outcome is what the sale is now: on paper it stays what it was when printed.
func (w *writer) outcome() {
	o := w.v.Sale.Outcome
	w.space()
	w.center("*** " + w.o.Words.Status(o) + " ***")
	if !o.Status.Settled() && o.Verdict != pos.HandOver && o.Status != pos.RefundDue && o.Status != pos.Refunded {
		w.center(w.p.PaperUnpaid)
	}
	asset := w.asset(o.Asset)
	switch {
	case o.Reason.Code == pos.WhyConfirmed:
		o.Reason.Block = chain.BlockRef{} // the payments below name theirs
		w.say(w.o.Words.Reason(o.Reason, asset))
	case o.Status.Closed() || o.Verdict == pos.AskSupervisor || o.Status == pos.Partial:
		// What is waited for, and the shop's limits, are no customer's business.
		w.say(w.o.Words.Reason(o.Reason, asset))
	}
	for _, n := range o.Notes {
		if n.Code == pos.WhyCash {
			continue // it stands under the total
		}
		w.say(w.o.Words.Reason(n, asset))
	}
	w.say(w.o.Format.Date(o.At) + " " + w.o.Format.Clock(o.At))
}

// payments are what stands on a chain for it, and went back.
func (w *writer) payments() {
	for _, pay := range w.v.Payments {
		w.space()
		text := w.o.Words.Payment(pay)
		if pay.Refund {
			text = w.p.WentBack + ": " + text
		}
		w.say(text)
		name := w.p.Tx
		if pay.Key.InBlock() {
			name = w.p.TxInBlock
		}
		w.say(name)
		w.say(clean(string(pay.Key.TxID)))
	}
}

// whereTo is the address, and where the owner's wallet finds it.
func (w *writer) whereTo() {
	q, ok := w.quote()
	for _, a := range w.v.Sale.Addresses {
		if ok && a.To != q.To {
			continue
		}
		w.space()
		w.say(w.p.Address + " (" + clean(words.RailOf(w.o.Shop, q.Rail)) + ")")
		w.say(words.Groups(clean(string(a.To))))
		if a.Path != "" {
			w.pair(w.p.Path, clean(a.Path))
		}
	}
}

func (w *writer) asset(id chain.AssetID) chain.Asset {
	if w.v.Asset.ID == id && id != "" {
		return w.v.Asset
	}
	return w.o.Format.Find(id)
}

func (w *writer) coin(a chain.Amount, id chain.AssetID) string {
	return w.o.Format.Coin(a, w.asset(id))
}
