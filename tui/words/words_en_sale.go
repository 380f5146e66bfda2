package words

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// What became of a sale, what people did with it and what was written down, in
// English.

func (e english) Act(a pos.Act) string {
	what := e.act(a)
	if by := e.actor(a.Actor); by != "" {
		what += " by " + by
	}
	if a.Approved != "" && a.Approved != a.Actor.Name {
		what += ", allowed by " + clean(a.Approved)
	}
	if a.Why != "" {
		what += ": " + clean(a.Why)
	}
	return what
}

func (e english) act(a pos.Act) string {
	//exhaustive:enforce
	switch a.Kind {
	case pos.ActCancel:
		return "cancelled"
	case pos.ActRequote:
		return "asked for at a new price"
	case pos.ActAccept:
		return "accepted as it is"
	case pos.ActCash:
		return e.Locale.Fiat(a.Cash) + " of it taken in cash"
	case pos.ActReprice:
		return "late money counted at the present price"
	case pos.ActRefundDue:
		if a.Refund == nil {
			return "a refund recorded"
		}
		return fmt.Sprintf("a refund recorded, %s to %s, %s", e.Coin(a.Refund.Amount, e.Find(a.Refund.Asset)), Ends(string(a.Refund.To)), e.Basis(a.Refund.Basis))
	case pos.ActRefundDone:
		return "said to have gone back in another way"
	case pos.ActRefundVoid:
		return "the refund struck out as a mistake"
	case pos.ActTakeOver:
		return "taken over"
	}
	return clean(string(a.Kind))
}

func (english) actor(a pos.Actor) string {
	who := clean(a.Name)
	if t := clean(a.Terminal); t != "" {
		who = strings.TrimPrefix(who+" at "+t, " at ")
	}
	return who
}

func (english) Basis(b pos.RefundBasis) string {
	//exhaustive:enforce
	switch b {
	case pos.RefundPaid:
		return "all that came"
	case pos.RefundOver:
		return "what came too much"
	case pos.RefundPrice:
		return "the price"
	case pos.RefundPart:
		return "a part of the price"
	}
	return clean(string(b))
}

// price is what a sale costs.
func (e english) price(p pos.Price) string {
	switch p.Kind {
	case pos.PriceFiat:
		return e.Locale.Fiat(p.Fiat)
	case pos.PriceAsset:
		return e.Coin(p.Amount, e.Find(p.Asset))
	}
	return englishPhrases.AnyAmount
}

func (e english) quote(q pos.Quote) string {
	asset := e.Find(q.Asset)
	due := englishPhrases.AnyAmount + " of " + clean(asset.Name)
	if !q.Due.IsZero() {
		due = e.Coin(q.Due, asset)
	}
	text := fmt.Sprintf("asked for %s, until %s", due, e.Clock(q.Deadline))
	if !q.Rate.IsZero() && q.Rate.State != pos.RatePar {
		text += ", at " + e.Locale.Rate(q.Rate.Rate, q.Currency)
	}
	if q.Rate.State == pos.RateManual {
		text += ", a price set by hand"
	}
	return text
}

func (e english) Entry(entry pos.Entry, sale pos.Sale) string {
	text, err := e.entry(entry, sale)
	if err != nil {
		return "an entry (" + clean(string(entry.Kind)) + ") that this till cannot read; run: till verify"
	}
	return text
}

// entryBody reads what an entry holds.
func entryBody[T any](entry pos.Entry) (body T, err error) {
	err = json.Unmarshal(entry.Body, &body)
	return body, err
}

func (e english) entry(entry pos.Entry, sale pos.Sale) (string, error) {
	//exhaustive:enforce
	switch entry.Kind {
	case pos.EntrySale:
		s, err := entryBody[pos.Sale](entry)
		text := "rung up"
		if by := e.actor(pos.Actor{Name: s.Cashier, Terminal: s.Terminal}); by != "" {
			text += " by " + by
		}
		text += ": " + e.price(s.Price)
		if q, ok := s.Quote(); ok {
			text += ", " + e.quote(q)
		}
		return text, err
	case pos.EntryQuote:
		q, err := entryBody[pos.Quoted](entry)
		return e.quote(q.Quote), err
	case pos.EntryEvent:
		ev, err := entryBody[chain.Event](entry)
		text := e.Event(ev)
		if text != "" && goesBack(sale, ev) {
			text = "going back: " + text
		}
		return text, err
	case pos.EntryAct:
		a, err := entryBody[pos.Act](entry)
		return e.Act(a), err
	case pos.EntryOutcome:
		o, err := entryBody[pos.Outcome](entry)
		if untold(o) {
			return "", err
		}
		return e.outcome(o), err
	case pos.EntryAgain:
		return "", nil
	case pos.EntryIncident:
		i, err := entryBody[pos.Incident](entry)
		return e.incident(i), err
	case pos.EntryShop:
		a, err := entryBody[pos.ShopAct](entry)
		return e.ShopAct(a), err
	case pos.EntrySnapshot:
		r, err := entryBody[pos.Record](entry)
		return "kept from before there was a journal: " + e.outcome(r.Sale.Outcome), err
	}
	return clean(string(entry.Kind)), nil
}

func (e english) outcome(o pos.Outcome) string {
	text := e.Status(o)
	if v := e.Verdict(o.Verdict); v != "" {
		text += ", " + v
	}
	if why := e.Reason(o.Reason, e.Find(o.Asset)); why != "" {
		text += ": " + why
	}
	return clean(text)
}

func (e english) incident(i pos.Incident) string {
	text := fmt.Sprintf("INCIDENT: it was %s and is %s: %s", clean(string(i.Was)), clean(string(i.Is)), e.Reason(i.Reason, e.Find(i.Reason.Asset)))
	if who := e.actor(pos.Actor{Name: i.Cashier, Terminal: i.Terminal}); who != "" {
		text += "; at the till: " + who
	}
	return text
}

func (e english) Event(ev chain.Event) string {
	amount := e.Coin(ev.Amount, e.Find(ev.Asset))
	tx := ", " + englishTx(ev.Key)
	//exhaustive:enforce
	switch ev.Kind {
	case chain.Seen:
		if proof := e.Proof(ev.Evidence); proof != "" {
			tx += ", " + proof
		}
		return amount + " seen, in no block yet" + tx
	case chain.Evidence:
		if ev.Evidence.Conflicted {
			return "another transaction spends the same money" + tx
		}
		return ""
	case chain.Conflict:
		text := "another transaction spends the same money"
		if ev.By != "" {
			text += ": " + Short(string(ev.By))
		}
		if !ev.Block.IsZero() {
			text += ", in block " + e.Height(ev.Block.Height)
		}
		return text
	case chain.Included:
		return amount + " in block " + e.Height(ev.Block.Height) + tx
	case chain.Retracted:
		return "block " + e.Height(ev.Block.Height) + " left the chain, and with it " + englishTx(ev.Key)
	case chain.Failed:
		return "a transfer was mined and moved nothing" + tx
	case chain.Gone:
		if ev.By != "" {
			return englishTx(ev.Key) + " was replaced by " + Short(string(ev.By))
		}
		return englishTx(ev.Key) + " went away"
	case chain.Tip, chain.HealthChanged:
		return ""
	}
	return clean(ev.Kind.String())
}

// englishTx names a payment's transaction.
func englishTx(key chain.PaymentKey) string { return englishPhrases.Transaction(key) }

func (e english) ShopAct(a pos.ShopAct) string {
	what := clean(string(a.Kind))
	//exhaustive:enforce
	switch a.Kind {
	case pos.ShopBegun:
		what = "the shop's first start, with its keys and rules"
	case pos.ShopAgreed:
		what = "other keys or rules were agreed to"
	case pos.ShopRate:
		what = "a price was set by hand"
	case pos.ShopHired:
		what = "somebody got a PIN"
	case pos.ShopFired:
		what = "somebody lost their PIN"
	case pos.ShopLockout:
		what = "too many wrong PINs"
	}
	if by := e.actor(a.Actor); by != "" {
		what += ", by " + by
	}
	if a.Approved != "" && a.Approved != a.Actor.Name {
		what += ", allowed by " + clean(a.Approved)
	}
	if len(a.Text) > 0 {
		what += ": " + clean(strings.Join(a.Text, "; "))
	}
	return what
}

func (e english) Became(v pos.View, now time.Time) string {
	o, asset := v.Sale.Outcome, e.Find(v.Sale.Outcome.Asset)
	if v.Asset.ID != "" {
		asset = v.Asset
	}
	came, when := e.Coin(o.Received, asset), e.cameAt(v, now)
	if !o.Due.IsZero() && !o.Missing.IsZero() {
		came = e.Number(o.Received, asset) + " of " + e.Coin(o.Due, asset)
		if rest, price := v.RestInCash, v.Sale.Price.Fiat; !rest.IsZero() && rest.Currency == price.Currency {
			came = e.Locale.Fiat(money.Of(price.Minor-rest.Minor, price.Currency)) + " of " + e.Locale.Fiat(price)
		}
	}
	//exhaustive:enforce
	switch o.Status {
	case pos.Awaiting:
		return e.Reason(o.Reason, asset)
	case pos.Partial:
		return came + " came" + when + "; the rest is waited for"
	case pos.Seen:
		return "came" + when + "; in no block yet"
	case pos.Confirming:
		return fmt.Sprintf("came%s; %d of %s so far", when, o.Confirmations, count(max(1, o.Needed), "confirmation"))
	case pos.Paid:
		return "paid" + when
	case pos.Overpaid:
		return "paid" + when + ", and " + e.Coin(o.Over, asset) + " too much"
	case pos.Underpaid:
		return came + " came, the price ran out"
	case pos.Expired:
		return "the price ran out and nothing came"
	case pos.Late:
		return "came" + when + e.lateBy(v)
	case pos.Cancelled:
		return "cancelled, and nothing came"
	case pos.Disputed:
		return "it was paid, and then: " + e.Reason(o.Reason, asset)
	case pos.Reversed:
		return "it was paid, and then the money went elsewhere for good"
	case pos.Accepted, pos.RefundDue, pos.Refunded:
		return e.Reason(o.Reason, asset)
	}
	return clean(string(o.Status))
}

// cameAt is when the last of the money came: " at 14:03", " on Sunday".
func (e english) cameAt(v pos.View, now time.Time) string {
	p, ok := lastLive(v)
	if !ok {
		return ""
	}
	if day := e.Day(p.When(), now); day != englishPhrases.Today {
		return " on " + day
	}
	return " at " + e.Clock(p.When())
}

// lateBy is how long after the end the last of the money came.
func (e english) lateBy(v pos.View) string {
	if v.Sale.Outcome.Reason.Code == pos.WhyLateCancelled {
		return ", after it was cancelled"
	}
	d, known := pastDeadline(v)
	switch {
	case !known:
		return ""
	case d <= 0:
		return ", after its price ran out"
	}
	return ", " + e.Span(d) + " after its price ran out"
}

func (e english) Sighting(s pos.Sighting, tx bool, sales []uint64, now time.Time) string {
	where := Rail(s.Rail) + ": "
	switch {
	case errors.Is(s.Err, chain.ErrCannot):
		return where + "this way of watching cannot look that up; a block explorer can"
	case s.Err != nil:
		return where + "it could not be asked: " + clean(s.Err.Error())
	case !s.Found.Known && len(s.Found.Payments) == 0 && tx:
		return where + "not known to any node asked; was it sent, and on this network?"
	case !s.Found.Known && len(s.Found.Payments) == 0:
		return where + "as far as the nodes asked can see, nothing has come to this address"
	}
	text := where
	switch b := s.Found.Block; {
	case !tx:
		text += count(len(s.Found.Payments), "payment") + " came to this address"
	case b.IsZero():
		text += "sent, and in no block yet"
	default:
		text += "in block " + e.Height(b.Height)
		if !b.Time.IsZero() {
			text += ", " + e.Ago(now.Sub(b.Time))
		}
	}
	if len(s.Found.Payments) == 0 {
		return text + "; it pays none of our addresses"
	}
	var paid []string
	for i, ev := range s.Found.Payments {
		part := e.Coin(ev.Amount, e.Find(ev.Asset))
		if i < len(sales) {
			part += " for sale " + Number4(sales[i])
		}
		paid = append(paid, part)
	}
	return text + "; " + strings.Join(paid, ", ")
}
