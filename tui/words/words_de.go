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

type german struct{ Format }

func (german) Tag() string { return "de" }

func (german) Phrases() *Phrases { return &germanPhrases }

func (german) Key(name string) (short, long string) {
	k := germanKeys[name]
	return k[0], k[1]
}

func (german) Label(key string) string { return germanLabels.Replace(key) }

// germanStatus are words of at most 9 letters, so that lists and headings use
// the same ones.
var germanStatus = map[pos.Status]string{
	pos.Awaiting:   "ERWARTET",
	pos.Partial:    "TEILWEISE",
	pos.Seen:       "GESEHEN",
	pos.Confirming: "BESTÄTIGUNG",
	pos.Paid:       "BEZAHLT",
	pos.Overpaid:   "ÜBERZAHLT",
	pos.Underpaid:  "ZU WENIG",
	pos.Expired:    "VERFALLEN",
	pos.Late:       "ZU SPÄT",
	pos.Cancelled:  "STORNIERT",
	pos.Disputed:   "STRITTIG",
	pos.Reversed:   "GEPLATZT",
	pos.Accepted:   "ANERKANNT",
	pos.RefundDue:  "AUSZAHLEN",
	pos.Refunded:   "ERSTATTET",
}

// status is the word of a bare status.
func (german) status(s pos.Status) string {
	if word, ok := germanStatus[s]; ok {
		return word
	}
	return string(s)
}

func (g german) Status(o pos.Outcome) string {
	if o.Status == pos.Confirming && o.Tag == "" && o.Needed > 0 {
		return fmt.Sprintf("%s %d/%d", g.status(o.Status), o.Confirmations, o.Needed)
	}
	return g.status(o.Status)
}

func (g german) StatusShort(o pos.Outcome) string {
	if o.Status != pos.Confirming {
		return g.status(o.Status)
	}
	text := strconv.Itoa(o.Confirmations)
	if o.Tag == "" && o.Needed > 0 {
		text += "/" + strconv.Itoa(o.Needed)
	}
	for _, word := range []string{"BEST. ", "BEST ", "B. "} {
		if len(word)+len(text) <= 9 {
			return word + text
		}
	}
	return text
}

func (german) Verdict(v pos.Verdict) string {
	//exhaustive:enforce
	switch v {
	case pos.Wait:
		return "WARTEN"
	case pos.HandOver:
		return "WARE GEBEN"
	case pos.AskSupervisor:
		return "LEITUNG FRAGEN"
	case pos.NoVerdict:
	}
	return string(v)
}

func (g german) Reason(r pos.Reason, asset chain.Asset) string {
	asked := asset
	if r.Asset != "" && r.Asset != asset.ID {
		asset = g.Find(r.Asset)
	}
	amount := g.Coin(r.Amount, asset)
	//exhaustive:enforce
	switch r.Code {
	case pos.WhyNothing:
		return "noch nichts zu sehen"
	case pos.WhyMissing:
		return "es fehlen noch " + amount + "; der QR-Code verlangt genau das"
	case pos.WhyNoBlock:
		return g.blocks(r, asset)
	case pos.WhyAboveLimit:
		return g.blocks(r, asset) + "; über Ihrem Limit von " + g.Locale.Fiat(r.Fiat) + " für Ware ohne Block"
	case pos.WhySettling:
		return fmt.Sprintf("noch %d s wird geprüft, ob dasselbe Geld ein zweites Mal ausgegeben wird", r.N)
	case pos.WhyFewPeers:
		return fmt.Sprintf("erst %d von %d Knoten kennen die Zahlung; auf einen Block warten", r.N, r.M)
	case pos.WhyAncestors:
		return "hängt an " + germanCount(r.N, "Transaktion, die selbst in keinem Block steht", "Transaktionen, die selbst in keinem Block stehen") + "; auf einen Block warten"
	case pos.WhyNonStandard:
		return "von einer Form, die nicht jeder Knoten weitergibt; auf einen Block warten"
	case pos.WhyLowFee:
		return "die Gebühr ist niedrig: " + g.blocks(r, asset)
	case pos.WhyFeeUnknown:
		return g.blocks(r, asset) + "; niemand hier kennt die Gebühr, ohne Block daher nur bis " + g.Locale.Fiat(r.Fiat)
	case pos.WhyHourlyCap:
		return "Ihr Limit von " + g.Locale.Fiat(r.Fiat) + " je Stunde für Ware ohne Block ist ausgeschöpft; auf einen Block warten"
	case pos.WhyUnconfirmed:
		return fmt.Sprintf("von %d der %d Knoten gesehen; Ihr Limit erlaubt es ohne Block", r.N, r.M)
	case pos.WhyConfirmations:
		return fmt.Sprintf("%d von %s, jede %s", r.N, germanConfirmations(r.M), g.Usual(asset.Block, 1))
	case pos.WhyTag:
		return "in einem Block; bezahlt, sobald das Netz ihn " + germanTag(r.Text) + " nennt"
	case pos.WhyConfirmed:
		if r.Block.Height == 0 {
			return germanConfirmations(r.N)
		}
		return "in Block " + g.Height(r.Block.Height) + ", " + germanConfirmations(r.N)
	case pos.WhyOver:
		return amount + " mehr als verlangt kamen an"
	case pos.WhyShort:
		return "Frist vorbei, " + amount + " fehlen noch"
	case pos.WhyExpired:
		return "die Frist ist abgelaufen, und nichts kam; die Adresse bleibt unter Beobachtung"
	case pos.WhyLate:
		return amount + " kamen nach Ablauf der Frist"
	case pos.WhyLateCancelled:
		return amount + " kamen nach dem Storno"
	case pos.WhyCancelled:
		return "storniert; die Adresse bleibt unter Beobachtung"
	case pos.WhyConflict:
		if r.By == "" {
			return germanConflict
		}
		return germanConflict + ": " + Short(string(r.By))
	case pos.WhyVanished:
		return amount + ", die schon zählten, sind wieder weg"
	case pos.WhyDropped:
		return amount + ", die zu sehen waren, sind wieder weg"
	case pos.WhyReorganised:
		return "der Block mit der Zahlung gehört nicht mehr zur Kette; sie kann in einem anderen wiederkommen"
	case pos.WhyReversed:
		return "das Geld ging woandershin, und das ist endgültig"
	case pos.WhyOtherAsset:
		switch {
		case asked.ID == "" || asked.ID == asset.ID:
			return amount + " kamen, und das war nicht verlangt"
		case asset.Symbol == asked.Symbol:
			return amount + " kamen als " + clean(asset.Name) + ", verlangt war " + clean(asked.Name)
		}
		return amount + " kamen, verlangt war " + clean(asked.Symbol)
	case pos.WhyAccepted:
		return "anerkannt, wie es ist" + germanBy(r.Text)
	case pos.WhyFailed:
		return "eine Überweisung steht in einem Block, hat aber nichts bewegt"
	case pos.WhyCash:
		return "davon " + g.Locale.Fiat(r.Fiat) + " bar genommen" + germanBy(r.Text)
	case pos.WhyRefundDue:
		return amount + " sind zurückzugeben; die Wallet des Ladens muss sie zahlen"
	case pos.WhyRefundSeen:
		return fmt.Sprintf("%s sind auf dem Rückweg, %d von %s", amount, r.N, germanConfirmations(r.M))
	case pos.WhyRefunded:
		return amount + " gingen zurück"
	case pos.WhyRefundedMore:
		return amount + " mehr gingen zurück als vermerkt"
	case pos.WhyRefundedByOwn:
		if r.Text == "" {
			return amount + " gingen auf anderem Weg zurück"
		}
		return amount + " gingen auf anderem Weg zurück, sagt " + clean(r.Text)
	}
	return clean(string(r.Code))
}

const germanConflict = "eine andere Transaktion gibt dasselbe Geld aus"

// blocks says what is waited for before it is paid.
func (g german) blocks(r pos.Reason, asset chain.Asset) string {
	if r.Text != "" {
		return "bezahlt, sobald das Netz es " + germanTag(r.Text) + " nennt"
	}
	n := max(1, r.N)
	s := "bezahlt nach " + germanCount(n, "Block", "Blöcken")
	if usual := g.Usual(asset.Block, n); usual != "" {
		s += ", " + usual
	}
	return s
}

func germanBy(name string) string {
	if name = clean(name); name == "" {
		return ""
	}
	return " (" + name + ")"
}

func germanTag(s string) string {
	switch s {
	case "finalized":
		return "endgültig"
	case "safe":
		return "sicher"
	}
	return clean(s)
}

func (german) Customer(o pos.Outcome) string {
	switch o.Status {
	case pos.Awaiting:
		return "Bitte scannen und bezahlen."
	case pos.Partial:
		return "Danke. Ein Teil fehlt noch: bitte zahlen Sie den Rest."
	case pos.Seen, pos.Confirming:
		if o.Verdict == pos.HandOver {
			return "Danke. Bitte sehr."
		}
		return "Gesehen, danke. Einen Moment bitte."
	case pos.Paid, pos.Overpaid, pos.Accepted:
		return "Bezahlt. Vielen Dank."
	case pos.Expired:
		return "Die Frist ist abgelaufen. Bitte nicht mehr bezahlen."
	case pos.Cancelled:
		return "Dieser Verkauf wurde storniert. Bitte nicht mehr bezahlen."
	case pos.RefundDue:
		return "Ihr Geld ist auf dem Weg zurück zu Ihnen."
	case pos.Refunded:
		return "Ihr Geld wurde zurückgeschickt."
	}
	return "Bitte sprechen Sie uns an."
}

func (g german) Usual(block time.Duration, n int) string {
	usual, sometimes := g.usual(block, n)
	switch {
	case usual == "":
		return ""
	case sometimes == "":
		return "meist " + usual
	}
	return "meist " + usual + ", manchmal " + sometimes
}

func (german) Trust(t chain.Trust) string {
	//exhaustive:enforce
	switch t {
	case chain.TrustOwnNode:
		return "eigener Knoten"
	case chain.TrustOwnClient:
		return "eigener Light Client"
	case chain.TrustQuorum:
		return "mehrere Server sind sich einig"
	case chain.TrustOneServer:
		return "das Wort eines einzigen Servers"
	case chain.TrustUnknown:
	}
	return "nicht bekannt"
}

func (g german) Health(h chain.Health, now time.Time) (state, fact, effect string) {
	state = map[chain.HealthState]string{
		chain.Connecting: "verbindet", chain.Syncing: "holt auf", chain.Ready: "bereit",
		chain.Degraded: "schwach", chain.Down: "Ausfall",
	}[h.State]
	fact = g.healthFact(h, now)
	effect = g.healthCode(h)
	switch {
	case !h.Usable():
		effect += " Solange keine neuen Verkäufe; Geld für alte wird später gefunden."
	case !h.Unconfirmed:
		effect += " Zahlungen sind erst zu sehen, wenn sie in einem Block stehen."
	}
	return state, fact, strings.TrimSpace(effect)
}

func (g german) healthFact(h chain.Health, now time.Time) string {
	var parts []string
	switch {
	case h.State == chain.Syncing && h.Goal > h.Height:
		text := "Block " + g.Height(h.Height) + " von " + g.Height(h.Goal)
		if h.Left > 0 {
			text += ", noch etwa " + g.Span(h.Left)
		}
		parts = append(parts, text)
	case h.Height > 0 && !h.TipAt.IsZero():
		parts = append(parts, "Block "+g.Height(h.Height)+", "+g.Ago(now.Sub(h.TipAt)))
	case h.Height > 0:
		parts = append(parts, "Block "+g.Height(h.Height))
	}
	switch {
	case h.Relays > 0:
		parts = append(parts, germanCount(h.Relays, "Relais-Knoten", "Relais-Knoten")+", "+germanCount(h.Peers, "Filter-Knoten", "Filter-Knoten"))
	case h.Of > 0:
		parts = append(parts, fmt.Sprintf("%d von %d Verbindungen", h.Peers, h.Of))
	case h.Peers > 0:
		parts = append(parts, germanCount(h.Peers, "Verbindung", "Verbindungen"))
	}
	return strings.Join(parts, "   ")
}

func (german) healthCode(h chain.Health) string {
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
			return "Kein Gesprächspartner" + who + "; wird weiter versucht. Läuft der Knoten, und in diesem Netz?"
		}
		return "Kein Gesprächspartner; wird weiter versucht. Ist das Internet da?"
	case chain.HealthNoRelay:
		return "Kein Knoten gibt Zahlungen weiter" + who + "; einer wird gesucht."
	case chain.HealthNoFilters:
		return "Kein Knoten liefert Blockfilter" + who + "; einer wird gesucht."
	case chain.HealthImport:
		return "Blockköpfe werden eingelesen" + who + "."
	case chain.HealthNoImport:
		return "Blockköpfe waren nicht einzulesen" + who + "; Knoten schicken sie, das dauert länger."
	case chain.HealthStale:
		return "Zu lange kein neuer Block" + who + "; andere werden versucht."
	case chain.HealthBehind:
		return "Andere kennen neuere Blöcke" + who + "; holt auf."
	case chain.HealthUnreachable:
		return "Keine Antwort" + who + "; wird weiter versucht."
	case chain.HealthWrongNetwork:
		return "Er ist in einem anderen Netz" + who + ": berichtigen Sie die Konfiguration."
	case chain.HealthLying:
		return "Seine Antworten widersprechen sich" + who + "; ihm wird nicht mehr geglaubt."
	case chain.HealthLimited:
		return "Wir sollen langsamer fragen" + who + "; es geht langsamer weiter."
	case chain.HealthWrongToken:
		return "Die Nachkommastellen eines Tokens sind andere als in der Konfiguration" + who + ": berichtigen Sie sie."
	case chain.HealthStore:
		return "Was geschah, lässt sich nicht speichern" + who + ": ist der Datenträger voll?"
	case chain.HealthOneEndpoint:
		return "Ein zweiter Server wäre sicherer" + who + "."
	case chain.HealthUnproved:
		return "Was er über einen Block sagt, lässt sich nicht am Block prüfen" + who + ": bei drei Servern müssen zwei einig sein."
	case chain.HealthNoBalances:
		return "Er nennt keine Guthaben eines Blocks" + who + ": Coins, die ein Vertrag sendet, etwa von einer Börse, sind nicht zu sehen. Fügen Sie einen weiteren Server hinzu."
	case chain.HealthInternal:
		return "Ein Fehler von till selbst" + who + "; es läuft weiter. Bitte melden Sie ihn."
	}
	return string(h.Code) + who
}

func (german) Rate(s pos.RateState) string {
	//exhaustive:enforce
	switch s {
	case pos.RateLive:
		return "aktuell"
	case pos.RateAging:
		return "älter"
	case pos.RateStale:
		return "veraltet"
	case pos.RateFixed:
		return "FESTER KURS"
	case pos.RatePar:
		return "pari"
	case pos.RateManual:
		return "KURS VON HAND"
	}
	return string(s)
}

// germanErrors are in the order of englishErrors.
var germanErrors = []struct {
	err  error
	text string
}{
	{pos.ErrStaleRate, "der Kurs ist zu alt; ein neuer wird geholt"},
	{pos.ErrConnecting, "noch nicht verbunden mit seinem Netz"},
	{pos.ErrNoAddress, "jede Adresse wartet auf eine Zahlung; schließen Sie einen offenen Verkauf, oder warten Sie ihn ab"},
	{pos.ErrTooSmall, "der Betrag ist zu klein für diesen Coin"},
	{pos.ErrNoAsset, "das nimmt dieser Laden nicht"},
	{pos.ErrNotNow, "das geht nicht mehr: es war schon Geld zu sehen, oder der Verkauf ist zu Ende"},
	{pos.ErrNoSale, "diesen Verkauf gibt es nicht"},
	{pos.ErrClosed, "die Kasse wurde geschlossen"},
	{pos.ErrKeysChanged, "Schlüssel oder Regeln des Ladens wurden geändert: zuerst muss die Leitung zustimmen"},
	{pos.ErrNoSupervisor, "noch hat niemand eine Leitungs-PIN: der Inhaber vergibt sie mit till staff add"},
	{pos.ErrFarRate, "dieser Kurs liegt weit vom letzten"},
	{pos.ErrWeakPIN, "eine PIN hat 4 bis 12 Ziffern, die der Leitung mindestens 6"},
	{pos.ErrPINTaken, "diese PIN hat schon jemand: wählen Sie eine andere"},
	{pos.ErrLocked, "eine andere Kasse benutzt den Ordner dieses Ladens"},
	{pos.ErrDamaged, "die Aufzeichnungen des Ladens sind beschädigt; starten Sie: till doctor"},
	{pos.ErrTooNew, "die Aufzeichnungen des Ladens stammen von einem neueren till; aktualisieren Sie dieses"},
	{money.ErrNoRate, "dafür gibt es noch keinen Kurs"},
	{money.ErrRange, "der Betrag ist zu groß"},
	{money.ErrCurrency, "diese Währung ist nicht bekannt"},
	{chain.ErrNoSuchIndex, "der Schlüssel hat keine Adressen mehr; fügen Sie einen weiteren hinzu"},
	{context.DeadlineExceeded, "es hat zu lange gedauert; nichts ging verloren, versuchen Sie es noch einmal"},
	{context.Canceled, "es wurde unterbrochen; nichts ging verloren"},
}

func (g german) Error(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, money.ErrOffPar) {
		return germanOffPar(clean(err.Error()))
	}
	if text := g.actError(err); text != "" {
		return text
	}
	for _, known := range germanErrors {
		if errors.Is(err, known.err) {
			if who, ok := strings.CutPrefix(err.Error(), pos.ErrLocked.Error()+": "); ok && errors.Is(known.err, pos.ErrLocked) {
				return known.text + ": " + clean(who)
			}
			return known.text
		}
	}
	return clean(err.Error())
}

func (g german) actError(err error) string {
	var wrong *pos.WrongPINError
	var locked *pos.LockedPINError
	switch {
	case errors.As(err, &wrong) && wrong.Left > 0:
		return "falsche PIN; noch " + germanCount(wrong.Left, "Versuch", "Versuche") + ", dann sind PINs eine Weile gesperrt"
	case errors.As(err, &wrong):
		return "falsche PIN; noch eine falsche sperrt PINs eine Weile"
	case errors.As(err, &locked):
		return "zu viele falsche PINs: bis " + g.Seconds(locked.Until) + " wird keine angenommen"
	case errors.Is(err, pos.ErrPIN):
		return "falsche PIN"
	case errors.Is(err, pos.ErrPINLocked):
		return "zu viele falsche PINs: eine Weile wird keine angenommen"
	case errors.Is(err, pos.ErrAddress):
		return strings.TrimSuffix("dorthin kann nichts gezahlt werden: "+germanDetail(err, pos.ErrAddress), ": ")
	case errors.Is(err, pos.ErrDraft):
		return germanDetail(err, pos.ErrDraft)
	case errors.Is(err, pos.ErrStaff):
		return germanDetail(err, pos.ErrStaff)
	}
	return ""
}

// germanDetails are what the register's errors say beyond their codes, in
// German; what is not here stays as it was said.
var germanDetails = map[string]string{
	"it is one of the shop's own addresses": "es ist eine Adresse des Ladens selbst",
	"this is not a valid address":           "das ist keine gültige Adresse. Kopieren Sie sie noch einmal, ganz",
	"the address is mistyped":               "die Adresse ist vertippt: das Muster ihrer Großbuchstaben passt nicht (EIP-55). Kopieren Sie sie noch einmal, ganz",
	"this belongs to another network":       "das gehört zu einem anderen Netz",
	"the zero address belongs to nobody":    "die Null-Adresse gehört niemandem: Geld dorthin ist verloren",
	"the link is for another network":       "der Link ist für ein anderes Netz",
	"the price is zero":                     "der Preis ist null",
	"it has no price":                       "es hat keinen Preis",
	"that is more than came, or nothing":    "das ist mehr, als kam, oder nichts",
	"the part must be between nothing and":  "der Teil muss größer als nichts sein und höchstens der Preis",
	"somebody needs a name":                 "es fehlt ein Name",
	"the role is cashier or supervisor":     "die Rolle ist cashier oder supervisor",
}

func germanDetail(err, kind error) string {
	text := detail(err, kind)
	for english, german := range germanDetails {
		if strings.HasPrefix(text, english) {
			return german
		}
	}
	if who, ok := strings.CutPrefix(text, "nobody is called "); ok {
		return "niemand heißt " + who
	}
	return text
}

// germanOffPar says of which coin it is, from the feed's sentence.
func germanOffPar(text string) string {
	_, about, ok := strings.Cut(text, money.ErrOffPar.Error()+": ")
	if !ok {
		about = text
	}
	coin, worth, ok := strings.Cut(about, " trades at ")
	if words := strings.Fields(worth); ok && len(words) >= 2 && !strings.Contains(coin, ":") {
		return strings.TrimSpace(coin) + " wird zu " + words[0] + " " + words[1] + " gehandelt, nicht zum Nennwert; nehmen Sie solange einen anderen Coin"
	}
	return "ein Stablecoin ist seinen Nennwert nicht wert; nehmen Sie solange einen anderen Coin"
}

func (g german) Payment(p pos.Payment) string {
	amount := g.Coin(p.Amount, g.Find(p.Asset))
	//exhaustive:enforce
	switch p.State {
	case pos.Unconfirmed:
		return amount + " gesehen, noch in keinem Block"
	case pos.Included:
		return amount + " in Block " + g.Height(p.Block.Height)
	case pos.Failed:
		return amount + " gescheitert: in einem Block, aber nichts bewegt"
	case pos.Gone:
		if p.By != "" {
			return amount + " weg, ersetzt durch " + Short(string(p.By))
		}
		return amount + " weg"
	}
	return amount
}

func (german) Proof(p chain.Proof) string {
	switch {
	case p.Conflicted:
		return germanConflict
	case p.OwnNode:
		return "im eigenen Knoten"
	case p.Of > 0:
		return fmt.Sprintf("%d von %d Knoten", p.Announcers, p.Of)
	}
	return ""
}

func (german) Scene(id, title string) string {
	if text, ok := germanScenes[id]; ok {
		return text
	}
	return title
}

func (g german) Ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "jetzt"
	case d >= 48*time.Hour:
		return "vor " + strconv.FormatInt(int64(d/(24*time.Hour)), 10) + " Tagen"
	}
	return "vor " + g.Span(d)
}

func (german) Span(d time.Duration) string {
	if days := int64(d / (24 * time.Hour)); d >= 48*time.Hour {
		return strconv.FormatInt(days, 10) + " Tage"
	}
	return shortSpan(d)
}

var (
	germanDays   = [...]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"}
	germanMonths = [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
)

func (g german) Day(t, now time.Time) string {
	a := g.local(t)
	date := strconv.Itoa(a.Day()) + ". " + germanMonths[a.Month()-1]
	switch g.near(t, now) {
	case sameDay:
		return germanPhrases.Today
	case sameWeek:
		return germanDays[a.Weekday()]
	case sameYear:
		return date
	}
	return date + " " + strconv.Itoa(a.Year())
}

// germanCount says "1 Block", "3 Blöcke".
func germanCount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// germanConfirmations is how many there have to be.
func germanConfirmations(n int) string { return germanCount(n, "Bestätigung", "Bestätigungen") }
