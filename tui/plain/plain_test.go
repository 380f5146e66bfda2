package plain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

var (
	noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	btc  = chain.Asset{ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Key: "b", Block: 10 * time.Minute}
	eth  = chain.Asset{ID: chain.NativeAsset(1), Symbol: "ETH", Name: "Ether", Decimals: 18, Key: "e", Block: 12 * time.Second}
)

const address = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"

// shop is a register whose sales the test changes.
type shop struct {
	mu      sync.Mutex
	box     *pos.Mailbox
	sales   []pos.View
	refusal error // of Open
	acts    []pos.Deed
	board   pos.Board
	seenBy  string
	asked   []string
	nobody  bool // has a PIN
}

func newShop() *shop { return &shop{box: pos.NewMailbox()} }

func (s *shop) Shop() pos.Shop {
	return pos.Shop{Name: "Café Linde", Currencies: []money.Currency{"EUR", "USD"}, Default: btc.ID, Assets: []chain.Asset{btc, eth}}
}

func (s *shop) Board() pos.Board {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.board.Open = 0
	for _, v := range s.sales {
		if !v.Sale.Outcome.Status.Closed() {
			s.board.Open++
		}
	}
	return s.board
}

func (s *shop) Choices(pos.Draft) []pos.Choice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []pos.Choice{
		{Asset: btc, Due: chain.Units(25958), Refusal: s.refusal},
		{Asset: eth, Due: chain.Units(6989000000000000)},
	}
}

func (s *shop) Open(_ context.Context, d pos.Draft, id chain.AssetID) (pos.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal != nil && id == btc.ID {
		return pos.View{}, fmt.Errorf("bitcoin: %w", s.refusal)
	}
	asset, due := btc, chain.Units(25958)
	if id == eth.ID {
		asset, due = eth, chain.Units(6989000000000000)
	}
	n := uint64(len(s.sales) + 1)
	quote := pos.Quote{Asset: id, Rail: "bitcoin:mainnet", To: address, Due: due, At: noon, Deadline: noon.Add(15 * time.Minute), Decimals: asset.Decimals, Currency: "EUR", Rate: pos.RateInfo{Rate: money.Rate{Num: 6241050, Scale: 2}}}
	v := pos.View{Asset: asset, Pay: pos.Request{Quote: quote, Asset: asset, Amount: due, Forms: []chain.Form{{Kind: chain.FormURI, Text: "bitcoin:" + address}, {Kind: chain.FormAddress, Text: address}}}}
	v.Sale = pos.Sale{
		ID: fmt.Sprint("sale-", n), Number: n, Code: "7K3M9QXT", CreatedAt: noon, Terminal: d.By.Terminal, Cashier: d.By.Name, Price: d.Price, Lines: d.Lines, Quotes: []pos.Quote{quote},
		Addresses: []pos.Address{{To: address, Path: "m/84'/0'/0'/0/7"}},
		Outcome:   pos.Outcome{Status: pos.Awaiting, Verdict: pos.Wait, Asset: id, Due: due, At: noon, Reason: pos.Reason{Code: pos.WhyNothing}},
	}
	s.sales = append(s.sales, v)
	return v, nil
}

// change makes something happen to a sale, and tells it.
func (s *shop) change(number int, f func(*pos.View)) {
	s.mu.Lock()
	v := s.sales[number-1]
	f(&v)
	s.sales[number-1] = v
	board := s.board
	s.mu.Unlock()
	s.box.Post(board, v)
}

func (s *shop) tell() { s.box.Post(s.Board()) }

func (s *shop) Offer(ctx context.Context, id string, asset chain.AssetID, by pos.Actor) (pos.View, error) {
	s.mu.Lock()
	s.sales[0].Pay.Quote.At = s.sales[0].Pay.Quote.At.Add(time.Minute)
	s.sales[0].Pay.Quote.Asset, s.sales[0].Pay.Asset = asset, btc
	s.mu.Unlock()
	return s.View(ctx, id)
}

func (s *shop) Cancel(ctx context.Context, id string, _ pos.Actor) (pos.View, error) {
	s.mu.Lock()
	o := &s.sales[0].Sale.Outcome
	o.Status, o.Verdict, o.Reason = pos.Cancelled, pos.NoVerdict, pos.Reason{Code: pos.WhyCancelled}
	s.sales[0].Pay.Forms = nil
	s.mu.Unlock()
	return s.View(ctx, id)
}

func (s *shop) View(_ context.Context, id string) (pos.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.sales {
		if v.Sale.ID == id {
			return v, nil
		}
	}
	return pos.View{}, pos.ErrNoSale
}

func (s *shop) Views(_ context.Context, q pos.Query) ([]pos.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []pos.View
	for _, v := range slices.Backward(s.sales) {
		if q.Text == "" || q.Text == fmt.Sprint(v.Sale.Number) || q.Text == v.Sale.Code {
			out = append(out, v)
		}
	}
	return out, nil
}

func (s *shop) Subscribe() *pos.Mailbox { s.tell(); return s.box }

func (s *shop) Act(ctx context.Context, id string, d pos.Deed) (pos.View, error) {
	if d.Kind.NeedsPIN() && d.PIN != "246813" {
		return pos.View{}, &pos.WrongPINError{Left: 4}
	}
	s.mu.Lock()
	s.acts = append(s.acts, d)
	o := &s.sales[0].Sale.Outcome
	o.Status, o.Verdict, o.Reason = pos.Accepted, pos.HandOver, pos.Reason{Code: pos.WhyAccepted, Text: "Bob"}
	s.sales[0].Acts = nil
	s.mu.Unlock()
	return s.View(ctx, id)
}

func (s *shop) History(context.Context, string) ([]pos.Entry, error) {
	return []pos.Entry{{Seq: 1, At: noon, Kind: pos.EntrySale, Body: []byte(`{"cashier":"Ana","price":{"kind":"fiat","fiat":{"minor":1620,"currency":"EUR"}}}`)}}, nil
}

func (s *shop) Lookup(_ context.Context, text string) []pos.Sighting {
	s.asked = append(s.asked, text)
	return []pos.Sighting{{Rail: "bitcoin:mainnet", Asset: btc}}
}

func (s *shop) Back(_ context.Context, by pos.Actor) error { s.seenBy = by.Name; return nil }

func (s *shop) Agree(_ context.Context, _ pos.Actor, pin string) error {
	if pin != "246813" {
		return &pos.WrongPINError{Left: 4}
	}
	s.board.Changed = nil
	return nil
}

func (s *shop) Identify(_ context.Context, pin string) (pos.Member, error) {
	if pin == "1234" {
		return pos.Member{Name: "Jo"}, nil
	}
	return pos.Member{}, &pos.WrongPINError{Left: 4}
}

func (s *shop) Staff(context.Context) ([]pos.Member, error) {
	if s.nobody {
		return nil, nil
	}
	return []pos.Member{{Name: "Jo"}}, nil
}

type stopped struct{}

func (stopped) Now() time.Time                                 { return noon }
func (stopped) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

// stand is somebody at a till in lines.
type stand struct {
	t    *testing.T
	shop *shop
	in   *io.PipeWriter
	mu   sync.Mutex
	out  bytes.Buffer
	at   int // up to where it was read
	done chan error
	echo []bool
}

func (s *stand) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func sit(t *testing.T, s *shop, change ...func(*Options)) *stand {
	t.Helper()
	r, w := io.Pipe()
	st := &stand{t: t, shop: s, in: w, done: make(chan error, 1)}
	f := words.Format{Locale: money.LocaleFor("en-IE"), Asset: func(id chain.AssetID) (chain.Asset, bool) {
		return map[chain.AssetID]chain.Asset{btc.ID: btc, eth.ID: eth}[id], id == btc.ID || id == eth.ID
	}}
	o := Options{
		Actor: pos.Actor{Name: "Ana", Terminal: "till 1"}, Words: words.For("en", f), Format: f, Clock: stopped{}, In: r, Out: st, Person: true,
		Echo: func(on bool) { st.mu.Lock(); st.echo = append(st.echo, on); st.mu.Unlock() },
	}
	for _, c := range change {
		c(&o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { st.done <- Run(ctx, s, o) }()
	t.Cleanup(func() {
		cancel()
		_ = w.Close()
	})
	return st
}

// type_ types a line.
func (s *stand) line(text string) *stand {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text+"\n"); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// see waits for texts behind what was seen last, in their order.
func (s *stand) see(texts ...string) *stand {
	s.t.Helper()
	for _, text := range texts {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			s.mu.Lock()
			all := s.out.String()
			i := strings.Index(all[s.at:], text)
			if i >= 0 {
				s.at += i + len(text)
			}
			s.mu.Unlock()
			if i >= 0 {
				break
			}
			if time.Now().After(end) {
				s.t.Fatalf("%q does not come:\n%s", text, all)
			}
		}
	}
	return s
}

func (s *stand) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// ended waits for the end.
func (s *stand) ended() string {
	s.t.Helper()
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Error(err)
		}
	case <-time.After(10 * time.Second):
		s.t.Fatalf("it does not end:\n%s", s.all())
	}
	return s.all()
}

func paid(v *pos.View) {
	o := &v.Sale.Outcome
	o.Status, o.Verdict, o.Received, o.At = pos.Paid, pos.HandOver, o.Due, noon.Add(time.Minute)
	o.Reason = pos.Reason{Code: pos.WhyConfirmed, N: 1, Block: chain.BlockRef{Height: 975113, Hash: "00"}}
	v.Payments = []pos.Payment{{Key: chain.PaymentKey{TxID: "9f"}, Asset: o.Asset, Amount: o.Due, State: pos.Included, FirstAt: noon}}
	v.Pay.Forms = nil
}

func seen(v *pos.View) {
	paid(v)
	v.Sale.Outcome.Status, v.Sale.Outcome.Verdict = pos.Seen, pos.Wait
	v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyNoBlock, N: 1}
}

func underpaid(v *pos.View) {
	seen(v)
	o := &v.Sale.Outcome
	o.Status, o.Verdict = pos.Underpaid, pos.AskSupervisor
	o.Reason = pos.Reason{Code: pos.WhyShort, Amount: chain.Units(958), Asset: btc.ID}
	v.Acts = []pos.ActKind{pos.ActCash, pos.ActAccept, pos.ActRefundDue}
	v.RestInCash = money.Of(60, "EUR")
	v.Refunds = []pos.RefundChoice{{Basis: pos.RefundPaid, Amount: chain.Units(25000)}, {Basis: pos.RefundPart}}
}

func TestAWholeSale(t *testing.T) {
	s := sit(t, newShop()).see("Café Linde, till 1, Ana", "Amount in EUR?")
	s.line("4*3.10+3.80").see("b, Bitcoin: 25,958 sat, usually 10 min, sometimes 40", "e, Ether: 0.006989 ETH", "€16.20: in which coin? An empty line is Bitcoin.")
	s.line("dogecoin").see(`"dogecoin" is no coin of this shop`, "in which coin?")
	s.line("").see("Sale 0001, €16.20", "To pay in Bitcoin: 25,958 sat, 0.00025958 BTC", "address (Bitcoin): "+address, "Payment link: bitcoin:"+address, "holds until 12:15", "12:00:00 AWAITING: nothing seen yet")
	if lines := s.shop.sales[0].Sale.Lines; len(lines) != 2 || lines[0].Count != 4 {
		t.Errorf("rung up: %+v", lines)
	}
	s.shop.change(1, seen)
	s.see("12:01:00 SEEN, WAIT: paid after 1 block, usually 10 min, sometimes 40\n")
	s.shop.change(1, seen) // nothing new
	s.shop.change(1, paid)
	s.see("12:01:00 PAID, HAND OVER: in block 975,113, 1 confirmation\n\a\a")
	s.line("detail").see("0001, today", "m/84'/0'/0'/0/7", "What happened", "rung up by Ana")
	s.line("next").see("Amount in EUR?").line("sales").see("0001, today 12:00, €16.20, PAID, HAND OVER, Bitcoin, Ana, till 1")
	s.line("quit")
	if text := s.ended(); strings.Count(text, "SEEN, WAIT") != 1 {
		t.Errorf("what did not change was said again:\n%s", text)
	}
}

func TestWordsAndLetters(t *testing.T) {
	s := sit(t, newShop()).see("Amount")
	s.line("nonsense").see(`"nonsense" is no amount, and no word that means something now`)
	s.line("help").see("What can be typed now:", "open, o: any amount", "sales: list of sales", "quit, q: leave")
	if text := s.all(); strings.Contains(text, "cancel") || strings.Contains(text, "customer pays") {
		t.Errorf("words that mean nothing now are offered:\n%s", text)
	}
	s.line("4.50 b").see("Sale 0001", "AWAITING").line("new price").see("To pay in Bitcoin").line("r").see("To pay in Bitcoin")
	s.line("coin").see("Which coin?").line("what").see("no coin of this shop", "Which coin?").line("ether").see("To pay in")
	s.line("x").see("Cancel sale 0001 of €4.50?").line("no").line("cancel").see("Cancel sale").line("yes").see("CANCELLED: cancelled; the address stays watched")
	s.line("5,00").see("€5.00: in which coin?").line("back").see("Amount in EUR?")
	s.line("open").see("any amount: in which coin?").line("e").see("Sale 0002, any amount")
	s.line("21000 sat").see("Sale 0003, 21,000 sat")
	s.line("show 1").see("Sale 0001, €4.50").line("show 77").see("there is no such sale")
	s.line("find 7K3M9QXT").see("0003", "0001").line("find "+strings.Repeat("ab", 32)).see("No sale of this shop", "asking the networks", "Bitcoin: not known to any node asked")
	s.line("health").see("Open sales: 2")
	s.in.Close()
	if text := s.ended(); !strings.Contains(text, "2 open: what comes is found at the next start.") {
		t.Errorf("leaving says nothing of what is open:\n%s", text)
	}
}

func TestGermanWords(t *testing.T) {
	s := sit(t, newShop(), func(o *Options) {
		f := o.Format
		f.Locale = money.LocaleFor("de")
		o.Words, o.Format = words.For("de", f), f
	})
	s.see("Betrag in EUR?").line("4,50").see("4,50 €: in welchem Coin?").line("zurück").see("Betrag in EUR?").line("hilfe").see("Was jetzt getippt werden kann:", "beenden, q:")
	s.line("4,50 bitcoin").see("Verkauf 0001, 4,50 €", "Zu zahlen in Bitcoin: 25.958 sat", "ERWARTET: noch nichts zu sehen")
	s.line("storno").see("stornieren?", "ja, nein").line("ja").see("STORNIERT")
	s.line("cancel").see("kein Betrag") // it is cancelled already
	s.line("beenden")
	s.ended()
}

// TestActsAskForAPIN: what gives away goods needs a supervisor, unseen.
func TestActsAskForAPIN(t *testing.T) {
	s := sit(t, newShop()).see("Amount").line("16.20 b").see("AWAITING")
	s.shop.change(1, underpaid)
	s.see("UNDERPAID, ASK SUPERVISOR: the price ran out with 958 sat still missing\n\a", "cash, k: take the rest in cash", "accept, a: accept it as it is")
	s.line("accept").see("Why? (if you like)").line("a regular").see("SUPERVISOR: PIN?").line("111111").see("wrong PIN; 4 more tries", "SUPERVISOR: PIN?").line("246813")
	s.see("ACCEPTED, HAND OVER: accepted as it is by Bob")
	if a := s.shop.acts; len(a) != 1 || a[0].Kind != pos.ActAccept || a[0].Why != "a regular" || a[0].By.Name != "Ana" {
		t.Errorf("what was done: %+v", a)
	}
	if !slices.Contains(s.echo, false) || s.echo[len(s.echo)-1] != true {
		t.Errorf("the PIN was shown, or nothing is any more: %v", s.echo)
	}
	if strings.Contains(s.all(), "246813") {
		t.Error("the PIN stands in the output")
	}
	s.shop.change(1, underpaid)
	s.see("UNDERPAID").line("refund").see("sends nothing", "How much goes back? 1: all that came (25,000 sat) 2: a part of the price").line("9").see("How much goes back?")
	s.line("2").see("Amount?").line("5.00").see("To which address").line("bc1qhome").see("Why?").line("").see("PIN?").line("246813").see("ACCEPTED")
	if a := s.shop.acts[1]; a.Kind != pos.ActRefundDue || a.Basis != pos.RefundPart || a.Fiat != money.Of(500, "EUR") || a.To != "bc1qhome" {
		t.Errorf("what goes back: %+v", a)
	}
	s.shop.change(1, underpaid)
	s.see("UNDERPAID").line("cash").see("Take €0.60 in cash").line("yes").see("ACCEPTED")
}

func TestLockHidesWhatHappens(t *testing.T) {
	s := sit(t, newShop()).see("Amount").line("16.20 b").see("AWAITING").line("lock").see("Locked. Type a PIN.")
	s.shop.change(1, paid)
	s.line("sales").see("wrong PIN").line("9999").see("wrong PIN")
	if strings.Contains(s.all(), "PAID") || strings.Contains(s.all(), "0001, today") {
		t.Errorf("a locked till tells of its sales:\n%s", s.all())
	}
	s.line("1234").see("Jo is at the till", "PAID, HAND OVER").line("3.00 b").see("Sale 0002")
	if who := s.shop.sales[1].Sale.Cashier; who != "Jo" {
		t.Errorf("rung up by %q", who)
	}
}

func TestNobodyLocksOutEverybody(t *testing.T) {
	shop := newShop()
	shop.nobody = true
	sit(t, shop).see("Amount").line("lock").see("nobody has a PIN").line("4.50 b").see("Sale 0001")
}

// TestNewsOfOtherSales: late money stands on a line of its own, whatever one does.
func TestNewsOfOtherSales(t *testing.T) {
	s := sit(t, newShop()).see("Amount").line("16.20 b").see("AWAITING").line("next").see("Amount").line("4.50")
	s.see("in which coin?")
	s.shop.change(1, func(v *pos.View) {
		paid(v)
		v.Sale.Outcome.Status, v.Sale.Outcome.Verdict, v.Sale.Outcome.Reason = pos.Late, pos.AskSupervisor, pos.Reason{Code: pos.WhyLate}
	})
	s.see("Sale 0001, €16.20, LATE, ASK SUPERVISOR: came at 12:00", "- show 0001")
	s.line("show 1").see("Sale 0001, €16.20", "LATE")

	shop := newShop()
	_, _ = shop.Open(t.Context(), pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}}, btc.ID)
	paid(&shop.sales[0])
	shop.board.Away = &pos.Away{From: noon.Add(-time.Hour), Until: noon, Sales: []string{"sale-1"}}
	shop.board.Changed = []string{"bitcoin key: a > b"}
	s = sit(t, shop).see("While you were away", "Sale 0001", "paid at 12:00", "seen", "Nothing is rung up", "- bitcoin key: a > b", "agrees with agree")
	s.line("seen").line("agree").see("PIN?").line("").line("agree").see("PIN?").line("246813").see("agreed")
	if shop.seenBy != "Ana" {
		t.Errorf("acknowledged by %q", shop.seenBy)
	}
}

// TestAPipeWaits: what a pipe cannot have yet is waited for, and at its end the
// sale is followed to its own; a person is told at once.
func TestAPipeWaits(t *testing.T) {
	shop := newShop()
	shop.refusal = pos.ErrConnecting
	s := sit(t, shop, func(o *Options) { o.Person = false }).line("16.20").line("bitcoin")
	s.in.Close()
	s.see("Waiting: not connected to its network yet.")
	shop.mu.Lock()
	shop.refusal = nil
	shop.mu.Unlock()
	shop.tell()
	s.see("Sale 0001", "AWAITING")
	shop.change(1, seen)
	s.see("SEEN, WAIT")
	shop.change(1, paid)
	if text := s.ended(); !strings.Contains(text, "PAID, HAND OVER") || strings.Contains(text, "\a") {
		t.Errorf("followed to:\n%q", text)
	}

	shop = newShop()
	shop.refusal = pos.ErrConnecting
	sit(t, shop).see("Amount").line("16.20 b").see("not connected to its network yet", "b, Bitcoin: not connected", "An empty line is Ether.").line("").see("Sale 0001")
}

// TestHarmlessLines types whatever a keyboard, a scanner or a stranger's paste
// may send: nothing of it reaches the terminal, and nothing breaks.
func TestHarmlessLines(t *testing.T) {
	s := sit(t, newShop()).see("Amount")
	for _, evil := range []string{"\x1b[2J", "4.50 \x1b]0;x\x07", strings.Repeat("9", 5000), "*", "+", "1+", "x3", "0*4", "99999*99999999999999", "4.50 EUR+1 USD", "\u202e4.50", "show", "show x", "\xff\xfe", "sales \x1b[31m", "💥", "4.505"} {
		s.line(evil)
	}
	s.line("quit")
	for _, r := range s.ended() {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) {
			t.Fatalf("%U is written to the terminal", r)
		}
	}
}

func TestAmounts(t *testing.T) {
	sh := newShop().Shop()
	for text, want := range map[string]pos.Price{
		"4.50": fiat(450), "4,50": fiat(450), "450": fiat(45000), ".5": fiat(50), "2*3.10": fiat(620), "2x3,10 + 1": fiat(720), "2 × 3.10": fiat(620),
		"4.50 EUR": fiat(450), "4.50€": fiat(450), "1usd": {Kind: pos.PriceFiat, Fiat: money.Of(100, "USD")},
		"21000 sat": {Kind: pos.PriceAsset, Asset: btc.ID, Amount: chain.Units(21000)}, "0.01 ETH": {Kind: pos.PriceAsset, Asset: eth.ID, Amount: chain.Units(10000000000000000)},
	} {
		if got, _, err := parsePrice(text, sh); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "4.505", "four", "1 XYZ", "0 sat", "1.5 sat", "2*1 ETH", "1+1 ETH", "1 EUR+1 USD", "0*4", "*4", "4*", "10000*1"} {
		if got, _, err := parsePrice(text, sh); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
	if _, _, err := parsePrice("99999999999999999999", sh); !errors.Is(err, money.ErrRange) {
		t.Errorf("too much is %v", err)
	}
}

func fiat(minor int64) pos.Price { return pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(minor, "EUR")} }

func FuzzLine(f *testing.F) {
	for _, text := range []string{"4.50", "2*3.10+1 b", "21000 sat", "\x1b[2J"} {
		f.Add(text)
	}
	sh := newShop().Shop()
	f.Fuzz(func(t *testing.T, text string) {
		p, lines, err := parsePrice(text, sh)
		if err != nil {
			return
		}
		sum := int64(0)
		for _, l := range lines {
			sum += l.Count * l.Each.Minor
		}
		if p.Kind == pos.PriceFiat && p.Fiat.Minor <= 0 || p.Kind == pos.PriceAsset && p.Amount.IsZero() || len(lines) > 0 && sum != p.Fiat.Minor {
			t.Errorf("%q is %+v of %+v", text, p, lines)
		}
	})
}
