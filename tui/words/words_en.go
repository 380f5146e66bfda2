package words

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// english is the language that the others are translated from.
type english struct{ Format }

func (english) Tag() string { return "en" }

func (english) Phrases() *Phrases { return &englishPhrases }

func (english) Key(name string) (short, long string) {
	k := englishKeys[name]
	return k[0], k[1]
}

func (english) Label(key string) string { return key }

func (english) Status(o pos.Outcome) string {
	if o.Status == pos.Confirming && o.Tag == "" && o.Needed > 0 {
		return fmt.Sprintf("%s %d/%d", o.Status, o.Confirmations, o.Needed)
	}
	return string(o.Status)
}

func (english) StatusShort(o pos.Outcome) string {
	switch o.Status {
	case pos.Confirming:
		if o.Tag != "" || o.Needed == 0 {
			return "CONF " + strconv.Itoa(o.Confirmations)
		}
		return fmt.Sprintf("CONF %d/%d", o.Confirmations, o.Needed)
	case pos.RefundDue:
		return "REFUND"
	}
	return string(o.Status)
}

func (english) Verdict(v pos.Verdict) string { return string(v) }

func (e english) Reason(r pos.Reason, asset chain.Asset) string {
	asked := asset
	if r.Asset != "" && r.Asset != asset.ID {
		asset = e.Find(r.Asset)
	}
	amount := e.Coin(r.Amount, asset)
	//exhaustive:enforce
	switch r.Code {
	case pos.WhyNothing:
		return "nothing seen yet"
	case pos.WhyMissing:
		return amount + " is still missing; the QR code asks for exactly that"
	case pos.WhyNoBlock:
		return e.blocks(r, asset)
	case pos.WhyAboveLimit:
		return e.blocks(r, asset) + "; above your " + e.Locale.Fiat(r.Fiat) + " limit for goods without a block"
	case pos.WhySettling:
		return fmt.Sprintf("looking out for a second spend for another %d s", r.N)
	case pos.WhyFewPeers:
		return fmt.Sprintf("only %d of %d peers have it so far; wait for a block", r.N, r.M)
	case pos.WhyAncestors:
		return fmt.Sprintf("it hangs on %s that %s not in a block either; wait for a block", count(r.N, "transaction"), isAre(r.N))
	case pos.WhyNonStandard:
		return "it is of a form that not every node passes on; wait for a block"
	case pos.WhyLowFee:
		return "its fee is low: " + e.blocks(r, asset)
	case pos.WhyFeeUnknown:
		return e.blocks(r, asset) + "; nobody here knows its fee, so without a block only up to " + e.Locale.Fiat(r.Fiat)
	case pos.WhyHourlyCap:
		return "your limit of " + e.Locale.Fiat(r.Fiat) + " an hour for goods without a block is used up; wait for a block"
	case pos.WhyUnconfirmed:
		return fmt.Sprintf("seen by %d of %d peers; your limit allows it without a block", r.N, r.M)
	case pos.WhyConfirmations:
		return fmt.Sprintf("%d of %s, %s each", r.N, count(r.M, "confirmation"), e.Usual(asset.Block, 1))
	case pos.WhyTag:
		return "in a block; paid once the network calls it " + tag(r.Text)
	case pos.WhyConfirmed:
		if r.Block.Height == 0 {
			return count(r.N, "confirmation")
		}
		return fmt.Sprintf("in block %s, %s", e.Height(r.Block.Height), count(r.N, "confirmation"))
	case pos.WhyOver:
		return amount + " more than asked came"
	case pos.WhyShort:
		return "the price ran out with " + amount + " still missing"
	case pos.WhyExpired:
		return "the price ran out and nothing came; the address stays watched"
	case pos.WhyLate:
		return amount + " came after the price had run out"
	case pos.WhyLateCancelled:
		return amount + " came after the sale was cancelled"
	case pos.WhyCancelled:
		return "cancelled; the address stays watched"
	case pos.WhyConflict:
		if r.By == "" {
			return "another transaction spends the same money"
		}
		return "another transaction spends the same money: " + Short(string(r.By))
	case pos.WhyVanished:
		return amount + " that had counted went away again"
	case pos.WhyDropped:
		return amount + " that was seen went away again"
	case pos.WhyReorganised:
		return "the block that held the payment left the chain; it may come back in another"
	case pos.WhyReversed:
		return "the money went elsewhere, and that is final"
	case pos.WhyOtherAsset:
		switch {
		case asked.ID == "" || asked.ID == asset.ID:
			return amount + " came, which is not what was asked for"
		case asset.Symbol == asked.Symbol:
			return amount + " came as " + clean(asset.Name) + ", " + clean(asked.Name) + " was asked for"
		}
		return amount + " came, " + clean(asked.Symbol) + " was asked for"
	case pos.WhyAccepted:
		return "accepted as it is" + by(r.Text)
	case pos.WhyFailed:
		return "a transfer was mined and moved nothing"
	case pos.WhyCash:
		return e.Locale.Fiat(r.Fiat) + " of it taken in cash" + by(r.Text)
	case pos.WhyRefundDue:
		return amount + " are to go back; the shop's wallet has to pay them"
	case pos.WhyRefundSeen:
		return fmt.Sprintf("%s are on their way back, %d of %s", amount, r.N, count(r.M, "confirmation"))
	case pos.WhyRefunded:
		return amount + " went back"
	case pos.WhyRefundedMore:
		return amount + " more went back than was recorded"
	case pos.WhyRefundedByOwn:
		if r.Text == "" {
			return amount + " went back in another way"
		}
		return amount + " went back in another way, says " + clean(r.Text)
	}
	return clean(string(r.Code))
}

// blocks says what is waited for before it is paid.
func (e english) blocks(r pos.Reason, asset chain.Asset) string {
	if r.Text != "" {
		return "paid once the network calls it " + tag(r.Text)
	}
	n := max(1, r.N)
	s := "paid after " + count(n, "block")
	if r.M > aDay {
		return s + ", at its fee more than a day from now"
	}
	switch {
	case r.M == 1:
		s += ", its fee is good for the next block"
	case r.M > 1:
		s += fmt.Sprintf(", the first in about %d blocks at its fee", r.M)
		n += r.M - 1
	}
	if usual := e.Usual(asset.Block, n); usual != "" {
		s += ", " + usual
	}
	return s
}

// aDay is how many blocks Bitcoin has in a day.
const aDay = 144

// by names who did something, where that is known.
func by(name string) string {
	if name = clean(name); name == "" {
		return ""
	}
	return " by " + name
}

func tag(s string) string {
	if s == "finalized" {
		return "final"
	}
	return clean(s)
}

func (english) Customer(o pos.Outcome) string {
	switch o.Status {
	case pos.Awaiting:
		return "Please scan and pay."
	case pos.Partial:
		return "Thank you. A part is still missing: please pay the rest."
	case pos.Seen, pos.Confirming:
		if o.Verdict == pos.HandOver {
			return "Thank you. Here you are."
		}
		return "Seen, thank you. One moment please."
	case pos.Paid, pos.Overpaid, pos.Accepted:
		return "Paid. Thank you."
	case pos.Expired:
		return "The price has run out. Please do not pay any more."
	case pos.Cancelled:
		return "This sale was cancelled. Please do not pay any more."
	case pos.RefundDue:
		return "Your money is on its way back to you."
	case pos.Refunded:
		return "Your money was sent back."
	}
	return "Please speak to us."
}

func (e english) Usual(block time.Duration, n int) string {
	usual, sometimes := e.usual(block, n)
	switch {
	case usual == "":
		return ""
	case sometimes == "":
		return "usually " + usual
	}
	return "usually " + usual + ", sometimes " + sometimes
}

func (english) Trust(t chain.Trust) string {
	//exhaustive:enforce
	switch t {
	case chain.TrustOwnNode:
		return "own node"
	case chain.TrustOwnClient:
		return "own light client"
	case chain.TrustQuorum:
		return "several endpoints agree"
	case chain.TrustOneServer:
		return "one server's word"
	case chain.TrustUnknown:
	}
	return "not known"
}

func (e english) Health(h chain.Health, now time.Time) (state, fact, effect string) {
	state = map[chain.HealthState]string{
		chain.Connecting: "connecting", chain.Syncing: "catching up", chain.Ready: "ready",
		chain.Degraded: "weak", chain.Down: "down",
	}[h.State]
	fact = e.healthFact(h, now)
	effect = e.healthCode(h)
	switch {
	case !h.Usable():
		effect += " No new sales meanwhile; money for old ones is found later."
	case !h.Unconfirmed:
		effect += " Payments show only once they are in a block."
	}
	return state, fact, strings.TrimSpace(effect)
}

func (e english) healthFact(h chain.Health, now time.Time) string {
	var parts []string
	switch {
	case h.State == chain.Syncing && h.Goal > h.Height:
		text := fmt.Sprintf("block %s of %s", e.Height(h.Height), e.Height(h.Goal))
		if h.Left > 0 {
			text += ", about " + e.Span(h.Left) + " left"
		}
		parts = append(parts, text)
	case h.Height > 0 && !h.TipAt.IsZero():
		parts = append(parts, "block "+e.Height(h.Height)+", "+e.Ago(now.Sub(h.TipAt)))
	case h.Height > 0:
		parts = append(parts, "block "+e.Height(h.Height))
	}
	switch {
	case h.Relays > 0:
		parts = append(parts, count(h.Relays, "relay peer")+", "+count(h.Peers, "filter peer"))
	case h.Of > 0:
		parts = append(parts, fmt.Sprintf("%d of %d connections", h.Peers, h.Of))
	case h.Peers > 0:
		parts = append(parts, count(h.Peers, "connection"))
	}
	return strings.Join(parts, "   ")
}

func (english) healthCode(h chain.Health) string {
	who := clean(h.Detail)
	if who != "" {
		who = " (" + who + ")"
	}
	//exhaustive:enforce
	switch h.Code {
	case chain.HealthOK:
		return ""
	case chain.HealthNoPeers:
		if who != "" { // nodes that the shop chose
			return "Nobody to talk to" + who + "; trying on. Does it run, and is it on this network?"
		}
		return "Nobody to talk to; trying on. Is the internet there?"
	case chain.HealthNoRelay:
		return "No peer passes on payments" + who + "; looking for one."
	case chain.HealthNoFilters:
		return "No peer serves block filters" + who + "; looking for one."
	case chain.HealthImport:
		return "Importing block headers" + who + "."
	case chain.HealthNoImport:
		return "Block headers could not be imported" + who + "; peers send them, which takes longer."
	case chain.HealthStale:
		return "No new block for too long" + who + "; trying others."
	case chain.HealthBehind:
		return "Others know newer blocks" + who + "; catching up."
	case chain.HealthUnreachable:
		return "It does not answer" + who + "; trying on."
	case chain.HealthWrongNetwork:
		return "It is on another network" + who + ": correct the configuration."
	case chain.HealthLying:
		return "Its answers contradict each other" + who + "; it is not believed any more."
	case chain.HealthLimited:
		return "It asked us to slow down" + who + "; going on slower."
	case chain.HealthWrongToken:
		return "A token's decimals differ from the configuration" + who + ": correct it."
	case chain.HealthStore:
		return "What happened cannot be stored" + who + ": is the disk full?"
	case chain.HealthOneEndpoint:
		return "A second endpoint would be safer" + who + "."
	case chain.HealthUnproved:
		return "What it tells of a block cannot be checked against the block" + who + ": with three endpoints two have to agree."
	case chain.HealthNoBalances:
		return "It tells no balances of a block" + who + ": coins that a contract sends, as from an exchange, are not seen. Add another endpoint."
	case chain.HealthInternal:
		return "A fault of till itself" + who + "; it goes on. Please report it."
	}
	return string(h.Code) + who
}

func (english) Rate(s pos.RateState) string {
	//exhaustive:enforce
	switch s {
	case pos.RateLive:
		return "live"
	case pos.RateAging:
		return "aging"
	case pos.RateStale:
		return "stale"
	case pos.RateFixed:
		return "FIXED RATE"
	case pos.RatePar:
		return "at par"
	case pos.RateManual:
		return "MANUAL RATE"
	}
	return string(s)
}

// sentences of the errors that a counter meets, most particular first.
var englishErrors = []struct {
	err  error
	text string
}{
	{pos.ErrStaleRate, "the price is too old; a new one is being fetched"},
	{pos.ErrConnecting, "not connected to its network yet"},
	{pos.ErrNoAddress, "every address is waiting for a payment; close or wait for an open sale"},
	{pos.ErrTooSmall, "too small an amount to be paid in this coin"},
	{pos.ErrNoAsset, "this shop does not take that"},
	{pos.ErrNotNow, "that is not possible any more: money was seen, or the sale has ended"},
	{pos.ErrNoSale, "there is no such sale"},
	{pos.ErrClosed, "the register was closed"},
	{pos.ErrKeysChanged, "the shop's keys or rules were changed: a supervisor has to agree first"},
	{pos.ErrNoSupervisor, "nobody has a supervisor's PIN yet: the owner gives one with till staff add"},
	{pos.ErrFarRate, "this price is far from the last one"},
	{pos.ErrWeakPIN, "a PIN is 4 to 12 digits, a supervisor's at least 6"},
	{pos.ErrPINTaken, "somebody else has this PIN: choose another"},
	{pos.ErrLocked, "another till is using this shop's folder"},
	{pos.ErrDamaged, "the shop's records are damaged; run: till doctor"},
	{pos.ErrTooNew, "the shop's records were written by a newer till; update this one"},
	{money.ErrNoRate, "there is no price for it yet"},
	{money.ErrRange, "that amount is too large"},
	{money.ErrCurrency, "that currency is not known"},
	{chain.ErrNoSuchIndex, "the key has no more addresses; add another one"},
	{context.DeadlineExceeded, "it took too long; nothing was lost, try again"},
	{context.Canceled, "it was interrupted; nothing was lost"},
}

func (e english) Error(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, money.ErrOffPar) {
		return clean(err.Error()) // it says which coin, and what it is worth
	}
	if text := e.actError(err); text != "" {
		return text
	}
	for _, known := range englishErrors {
		if errors.Is(err, known.err) {
			if who, ok := strings.CutPrefix(err.Error(), pos.ErrLocked.Error()+": "); ok && errors.Is(known.err, pos.ErrLocked) {
				return known.text + ": " + clean(who)
			}
			return known.text
		}
	}
	return clean(err.Error())
}

// actError is a sentence for what a person's act ran into, "" for anything else.
func (e english) actError(err error) string {
	var wrong *pos.WrongPINError
	var locked *pos.LockedPINError
	switch {
	case errors.As(err, &wrong) && wrong.Left > 0:
		return "wrong PIN; " + count(wrong.Left, "more try", "more tries") + " before PINs are locked for a while"
	case errors.As(err, &wrong):
		return "wrong PIN; another wrong one locks PINs for a while"
	case errors.As(err, &locked):
		return "too many wrong PINs: none is taken until " + e.Seconds(locked.Until)
	case errors.Is(err, pos.ErrPIN):
		return "wrong PIN"
	case errors.Is(err, pos.ErrPINLocked):
		return "too many wrong PINs: none is taken for a while"
	case errors.Is(err, pos.ErrAddress):
		return strings.TrimSuffix("nothing can be paid to that: "+detail(err, pos.ErrAddress), ": ")
	case errors.Is(err, pos.ErrDraft):
		return detail(err, pos.ErrDraft)
	case errors.Is(err, pos.ErrStaff):
		return detail(err, pos.ErrStaff)
	}
	return ""
}

// detail is what an error says beyond the one that it wraps.
func detail(err, kind error) string {
	text := err.Error()
	if _, more, ok := strings.Cut(text, kind.Error()+": "); ok {
		text = more
	} else if text == kind.Error() {
		return ""
	}
	return clean(text)
}

func (e english) Payment(p pos.Payment) string {
	amount := e.Coin(p.Amount, e.Find(p.Asset))
	//exhaustive:enforce
	switch p.State {
	case pos.Unconfirmed:
		return amount + " seen, in no block yet"
	case pos.Included:
		return amount + " in block " + e.Height(p.Block.Height)
	case pos.Failed:
		return amount + " failed: it was mined and moved nothing"
	case pos.Gone:
		if p.By != "" {
			return amount + " gone, replaced by " + Short(string(p.By))
		}
		return amount + " gone"
	}
	return amount
}

func (english) Proof(p chain.Proof) string {
	switch {
	case p.Conflicted:
		return "another transaction spends the same money"
	case p.OwnNode:
		return "in your own node"
	case p.Of > 0:
		return fmt.Sprintf("%d of %d peers", p.Announcers, p.Of)
	}
	return ""
}

func (english) Scene(_, title string) string { return title }

func (e english) Ago(d time.Duration) string {
	if d < time.Second {
		return "now"
	}
	return e.Span(d) + " ago"
}

func (english) Span(d time.Duration) string {
	if d < 48*time.Hour {
		return shortSpan(d)
	}
	return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + " days"
}

func (e english) Day(t, now time.Time) string {
	a := e.local(t)
	switch e.near(t, now) {
	case sameDay:
		return englishPhrases.Today
	case sameWeek:
		return a.Format("Monday")
	case sameYear:
		return a.Format("2 January")
	}
	return a.Format("2 January 2006")
}

// count says "1 block", "3 blocks"; many is the plural that is not made with s.
func count(n int, thing string, many ...string) string {
	if n == 1 {
		return "1 " + thing
	}
	if len(many) > 0 {
		return strconv.Itoa(n) + " " + many[0]
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func clean(s string) string { return pos.CleanText(s, 200) }
