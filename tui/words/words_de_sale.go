package words

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// What became of a sale, what people did with it and what was written down, in
// German.

func (g german) Act(a pos.Act) string {
	what := g.act(a)
	if by := g.actor(a.Actor); by != "" {
		what += ", von " + by
	}
	if a.Approved != "" && a.Approved != a.Actor.Name {
		what += ", erlaubt von " + clean(a.Approved)
	}
	if a.Why != "" {
		what += ": " + clean(a.Why)
	}
	return what
}

func (g german) act(a pos.Act) string {
	//exhaustive:enforce
	switch a.Kind {
	case pos.ActCancel:
		return "storniert"
	case pos.ActRequote:
		return "zu neuem Kurs verlangt"
	case pos.ActAccept:
		return "anerkannt, wie es ist"
	case pos.ActCash:
		return "davon " + g.Locale.Fiat(a.Cash) + " bar genommen"
	case pos.ActReprice:
		return "spätes Geld zum aktuellen Kurs gezählt"
	case pos.ActRefundDue:
		if a.Refund == nil {
			return "eine Erstattung vermerkt"
		}
		return fmt.Sprintf("eine Erstattung vermerkt, %s an %s, %s", g.Coin(a.Refund.Amount, g.Find(a.Refund.Asset)), Ends(string(a.Refund.To)), g.Basis(a.Refund.Basis))
	case pos.ActRefundDone:
		return "laut Aussage auf anderem Weg zurückgegeben"
	case pos.ActRefundVoid:
		return "die Erstattung als Versehen gestrichen"
	case pos.ActTakeOver:
		return "übernommen"
	}
	return clean(string(a.Kind))
}

func (german) actor(a pos.Actor) string {
	who := clean(a.Name)
	if t := clean(a.Terminal); t != "" {
		who = strings.TrimPrefix(who+" an "+t, " an ")
	}
	return who
}

func (german) Basis(b pos.RefundBasis) string {
	//exhaustive:enforce
	switch b {
	case pos.RefundPaid:
		return "alles, was kam"
	case pos.RefundOver:
		return "was zu viel kam"
	case pos.RefundPrice:
		return "der Preis"
	case pos.RefundPart:
		return "ein Teil des Preises"
	}
	return clean(string(b))
}

func (g german) price(p pos.Price) string {
	switch p.Kind {
	case pos.PriceFiat:
		return g.Locale.Fiat(p.Fiat)
	case pos.PriceAsset:
		return g.Coin(p.Amount, g.Find(p.Asset))
	}
	return germanPhrases.AnyAmount
}

func (g german) quote(q pos.Quote) string {
	asset := g.Find(q.Asset)
	due := germanPhrases.AnyAmount + " in " + clean(asset.Name)
	if !q.Due.IsZero() {
		due = g.Coin(q.Due, asset)
	}
	text := due + " verlangt, bis " + g.Clock(q.Deadline)
	if !q.Rate.IsZero() && q.Rate.State != pos.RatePar {
		text += ", zu " + g.Locale.Rate(q.Rate.Rate, q.Currency)
	}
	if q.Rate.State == pos.RateManual {
		text += ", Kurs von Hand"
	}
	return text
}

func (g german) Entry(entry pos.Entry, sale pos.Sale) string {
	text, err := g.entry(entry, sale)
	if err != nil {
		return "ein Eintrag (" + clean(string(entry.Kind)) + "), den dieses till nicht lesen kann; starten Sie: till verify"
	}
	return text
}

func (g german) entry(entry pos.Entry, sale pos.Sale) (string, error) {
	//exhaustive:enforce
	switch entry.Kind {
	case pos.EntrySale:
		s, err := entryBody[pos.Sale](entry)
		text := "kassiert"
		if by := g.actor(pos.Actor{Name: s.Cashier, Terminal: s.Terminal}); by != "" {
			text += " von " + by
		}
		text += ": " + g.price(s.Price)
		if q, ok := s.Quote(); ok {
			text += ", " + g.quote(q)
		}
		return text, err
	case pos.EntryQuote:
		q, err := entryBody[pos.Quoted](entry)
		return g.quote(q.Quote), err
	case pos.EntryEvent:
		ev, err := entryBody[chain.Event](entry)
		text := g.Event(ev)
		if text != "" && goesBack(sale, ev) {
			text = "Rückweg: " + text
		}
		return text, err
	case pos.EntryAct:
		a, err := entryBody[pos.Act](entry)
		return g.Act(a), err
	case pos.EntryOutcome:
		o, err := entryBody[pos.Outcome](entry)
		if untold(o) {
			return "", err
		}
		return g.outcome(o), err
	case pos.EntryAgain:
		return "", nil
	case pos.EntryIncident:
		i, err := entryBody[pos.Incident](entry)
		return g.incident(i), err
	case pos.EntryShop:
		a, err := entryBody[pos.ShopAct](entry)
		return g.ShopAct(a), err
	case pos.EntrySnapshot:
		r, err := entryBody[pos.Record](entry)
		return "übernommen aus der Zeit vor dem Journal: " + g.outcome(r.Sale.Outcome), err
	}
	return clean(string(entry.Kind)), nil
}

func (g german) outcome(o pos.Outcome) string {
	text := g.Status(o)
	if v := g.Verdict(o.Verdict); v != "" {
		text += ", " + v
	}
	if why := g.Reason(o.Reason, g.Find(o.Asset)); why != "" {
		text += ": " + why
	}
	return clean(text)
}

func (g german) incident(i pos.Incident) string {
	text := fmt.Sprintf("VORFALL: war %s und ist %s: %s", clean(g.status(i.Was)), clean(g.status(i.Is)), g.Reason(i.Reason, g.Find(i.Reason.Asset)))
	if who := g.actor(pos.Actor{Name: i.Cashier, Terminal: i.Terminal}); who != "" {
		text += "; an der Kasse: " + who
	}
	return text
}

func (g german) Event(ev chain.Event) string {
	amount := g.Coin(ev.Amount, g.Find(ev.Asset))
	name := germanPhrases.Transaction(ev.Key)
	tx := ", " + name
	//exhaustive:enforce
	switch ev.Kind {
	case chain.Seen:
		if proof := g.Proof(ev.Evidence); proof != "" {
			tx += ", " + proof
		}
		return amount + " gesehen, noch in keinem Block" + tx
	case chain.Evidence:
		if ev.Evidence.Conflicted {
			return germanConflict + tx
		}
		return ""
	case chain.Conflict:
		text := germanConflict
		if ev.By != "" {
			text += ": " + Short(string(ev.By))
		}
		if !ev.Block.IsZero() {
			text += ", in Block " + g.Height(ev.Block.Height)
		}
		return text
	case chain.Included:
		return amount + " in Block " + g.Height(ev.Block.Height) + tx
	case chain.Retracted:
		return "Block " + g.Height(ev.Block.Height) + " gehört nicht mehr zur Kette, und mit ihm " + name
	case chain.Failed:
		return "eine Überweisung steht in einem Block, hat aber nichts bewegt" + tx
	case chain.Gone:
		if ev.By != "" {
			return name + " wurde ersetzt durch " + Short(string(ev.By))
		}
		return name + " ist weg"
	case chain.Tip, chain.HealthChanged:
		return ""
	}
	return clean(ev.Kind.String())
}

func (g german) ShopAct(a pos.ShopAct) string {
	what := clean(string(a.Kind))
	//exhaustive:enforce
	switch a.Kind {
	case pos.ShopBegun:
		what = "erster Start des Ladens, mit seinen Schlüsseln und Regeln"
	case pos.ShopAgreed:
		what = "anderen Schlüsseln oder Regeln zugestimmt"
	case pos.ShopRate:
		what = "ein Kurs von Hand gesetzt"
	case pos.ShopHired:
		what = "jemand bekam eine PIN"
	case pos.ShopFired:
		what = "jemand verlor die PIN"
	case pos.ShopLockout:
		what = "zu viele falsche PINs"
	}
	if by := g.actor(a.Actor); by != "" {
		what += ", von " + by
	}
	if a.Approved != "" && a.Approved != a.Actor.Name {
		what += ", erlaubt von " + clean(a.Approved)
	}
	if len(a.Text) > 0 {
		what += ": " + clean(strings.Join(a.Text, "; "))
	}
	return what
}

func (g german) Became(v pos.View, now time.Time) string {
	o, asset := v.Sale.Outcome, g.Find(v.Sale.Outcome.Asset)
	if v.Asset.ID != "" {
		asset = v.Asset
	}
	came, when := g.Coin(o.Received, asset), g.cameAt(v, now)
	if !o.Due.IsZero() && !o.Missing.IsZero() {
		came = g.Number(o.Received, asset) + " von " + g.Coin(o.Due, asset)
		if rest, price := v.RestInCash, v.Sale.Price.Fiat; !rest.IsZero() && rest.Currency == price.Currency {
			came = g.Locale.Fiat(money.Of(price.Minor-rest.Minor, price.Currency)) + " von " + g.Locale.Fiat(price)
		}
	}
	//exhaustive:enforce
	switch o.Status {
	case pos.Awaiting:
		return g.Reason(o.Reason, asset)
	case pos.Partial:
		return came + when + " gekommen; der Rest wird erwartet"
	case pos.Seen:
		return strings.TrimSpace(when+" gekommen") + "; noch in keinem Block"
	case pos.Confirming:
		return fmt.Sprintf("%s; bisher %d von %s", strings.TrimSpace(when+" gekommen"), o.Confirmations, germanConfirmations(max(1, o.Needed)))
	case pos.Paid:
		return strings.TrimSpace(when + " bezahlt")
	case pos.Overpaid:
		return strings.TrimSpace(when+" bezahlt") + ", und " + g.Coin(o.Over, asset) + " zu viel"
	case pos.Underpaid:
		return came + " kamen, Frist vorbei"
	case pos.Expired:
		return "die Frist ist abgelaufen, und nichts kam"
	case pos.Late:
		return strings.TrimSpace(when+" gekommen") + g.lateBy(v)
	case pos.Cancelled:
		return "storniert, und nichts kam"
	case pos.Disputed:
		return "war bezahlt, und dann: " + g.Reason(o.Reason, asset)
	case pos.Reversed:
		return "war bezahlt, und dann ging das Geld endgültig woandershin"
	case pos.Accepted, pos.RefundDue, pos.Refunded:
		return g.Reason(o.Reason, asset)
	}
	return clean(string(o.Status))
}

// cameAt is when the last of the money came: " um 14:03", " am Sonntag".
func (g german) cameAt(v pos.View, now time.Time) string {
	p, ok := lastLive(v)
	if !ok {
		return ""
	}
	if day := g.Day(p.When(), now); day != germanPhrases.Today {
		return " am " + day
	}
	return " um " + g.Clock(p.When())
}

// lateBy is how long after the end the last of the money came.
func (g german) lateBy(v pos.View) string {
	if v.Sale.Outcome.Reason.Code == pos.WhyLateCancelled {
		return ", nach dem Storno"
	}
	d, known := pastDeadline(v)
	switch {
	case !known:
		return ""
	case d <= 0:
		return ", nach Fristende"
	}
	return ", " + g.Span(d) + " nach Fristende"
}

func (g german) Sighting(s pos.Sighting, tx bool, sales []uint64, now time.Time) string {
	where := Rail(s.Rail) + ": "
	switch {
	case errors.Is(s.Err, chain.ErrCannot):
		return where + "auf diesem Weg lässt sich das nicht nachsehen; ein Block-Explorer kann es"
	case s.Err != nil:
		return where + "ließ sich nicht fragen: " + clean(s.Err.Error())
	case !s.Found.Known && len(s.Found.Payments) == 0 && tx:
		return where + "kein gefragter Knoten kennt sie; wurde sie gesendet, und in diesem Netz?"
	case !s.Found.Known && len(s.Found.Payments) == 0:
		return where + "soweit die gefragten Knoten sehen, kam nichts an dieser Adresse an"
	}
	text := where
	switch b := s.Found.Block; {
	case !tx:
		text += germanCount(len(s.Found.Payments), "Zahlung kam", "Zahlungen kamen") + " an dieser Adresse an"
	case b.IsZero():
		text += "gesendet, und noch in keinem Block"
	default:
		text += "in Block " + g.Height(b.Height)
		if !b.Time.IsZero() {
			text += ", " + g.Ago(now.Sub(b.Time))
		}
	}
	if len(s.Found.Payments) == 0 {
		return text + "; sie zahlt an keine unserer Adressen"
	}
	var paid []string
	for i, ev := range s.Found.Payments {
		part := g.Coin(ev.Amount, g.Find(ev.Asset))
		if i < len(sales) {
			part += " für Verkauf " + Number4(sales[i])
		}
		paid = append(paid, part)
	}
	return text + "; " + strings.Join(paid, ", ")
}
