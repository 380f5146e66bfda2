package words

import (
	"encoding/json"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// Entry is what an entry of a sale's journal says, "" where there is nothing to
// tell.
func (e english) Entry(entry pos.Entry, sale pos.Sale) string {
	asset := e.Find(sale.Outcome.Asset)
	switch entry.Kind {
	case pos.EntrySale:
		return "rung up"
	case pos.EntrySnapshot:
		return "taken over into the journal"
	case pos.EntryQuote:
		var q pos.Quoted
		if json.Unmarshal(entry.Body, &q) != nil {
			return ""
		}
		return "asked for " + e.Coin(q.Quote.Due, e.Find(q.Quote.Asset)) + ", until " + e.Seconds(q.Quote.Deadline)
	case pos.EntryEvent:
		var event chain.Event
		if json.Unmarshal(entry.Body, &event) != nil {
			return ""
		}
		return e.Event(event)
	case pos.EntryAct:
		var a pos.Act
		if json.Unmarshal(entry.Body, &a) != nil {
			return ""
		}
		return e.Act(a)
	case pos.EntryOutcome:
		var o pos.Outcome
		if json.Unmarshal(entry.Body, &o) != nil {
			return ""
		}
		text := e.Status(o)
		if why := e.Reason(o.Reason, asset); why != "" {
			text += "  " + why
		}
		return text
	case pos.EntryIncident:
		var i pos.Incident
		if json.Unmarshal(entry.Body, &i) != nil {
			return ""
		}
		return "INCIDENT  after HAND OVER: " + e.Reason(i.Reason, asset)
	case pos.EntryAgain, pos.EntryShop:
	}
	return ""
}

// Event is what was seen on a chain.
func (e english) Event(event chain.Event) string {
	amount := e.Coin(event.Amount, e.Find(event.Asset))
	if event.Amount.IsZero() {
		amount = "the payment"
	}
	amount += " (" + Short(string(event.Key.TxID)) + ")"
	switch event.Kind {
	case chain.Seen:
		return amount + " seen, in no block yet"
	case chain.Included:
		return amount + " in block " + group(event.Block.Height)
	case chain.Retracted:
		return amount + " out of its block again, which left the chain"
	case chain.Failed:
		return amount + " failed: mined, and moved nothing"
	case chain.Conflict:
		return amount + ": another transaction spends the same money, " + Short(string(event.By))
	case chain.Gone:
		return amount + " gone"
	case chain.Evidence, chain.Tip, chain.HealthChanged:
	}
	return ""
}
