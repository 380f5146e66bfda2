package tui

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// The shop of the tests.
var (
	noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

	btc  = chain.Asset{ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Key: "b", Price: "BTC", Block: 10 * time.Minute}
	eth  = chain.Asset{ID: chain.NativeAsset(1), Symbol: "ETH", Name: "Ether", Decimals: 18, Key: "e", Price: "ETH", Block: 12 * time.Second}
	usdc = chain.Asset{
		ID: chain.TokenAsset(8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"), Symbol: "USDC", Name: "USDC on Base",
		Decimals: 6, Key: "u", Par: "USD", Block: 2 * time.Second,
	}

	rates = map[chain.AssetID]money.Rate{
		btc.ID:  {Num: 6241050, Scale: 2},
		eth.ID:  {Num: 231807, Scale: 2},
		usdc.ID: {Num: 9214, Scale: 4},
	}
)

const (
	btcAddress = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	ethAddress = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
)

// clock is moved by hand.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	waits   []wait
	instant bool // After fires at once
}

type wait struct {
	at time.Time
	ch chan time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := wait{c.now.Add(d), make(chan time.Time, 1)}
	if c.instant {
		w.ch <- w.at
		return w.ch, func() {}
	}
	c.waits = append(c.waits, w)
	return w.ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waits = slices.DeleteFunc(c.waits, func(x wait) bool { return x.ch == w.ch })
	}
}

// move lets time pass.
func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = slices.DeleteFunc(c.waits, func(w wait) bool {
		if w.at.After(c.now) {
			return false
		}
		w.ch <- c.now
		return true
	})
}

// shopFake is a register that does what the test says.
type shopFake struct {
	mu     sync.Mutex
	clock  *clock
	shop   pos.Shop
	sales  []pos.View // in the order rung up
	boxes  []*pos.Mailbox
	shut   bool // mailboxes are shut from the start
	health map[string]chain.Health

	fail     error         // of the next Open
	gate     chan struct{} // Open waits for it, if set
	refuse   map[chain.AssetID]error
	noQR     error
	opened   []pos.Draft
	deeds    []pos.Deed
	staff    []pos.Member
	wrong    int // PINs in a row
	away     *pos.Away
	changed  []string
	byHand   map[chain.AssetID]pos.RateInfo
	sights   map[string][]pos.Sighting
	asked    []string // of Lookup
	journal  map[string][]pos.Entry
	requests []pos.Query
}

func newShop(c *clock) *shopFake {
	return &shopFake{
		clock: c,
		shop: pos.Shop{
			Name: "Café Linde", Currencies: []money.Currency{"EUR", "CHF"}, Default: usdc.ID,
			Assets: []chain.Asset{usdc, btc, eth}, Fingerprint: "8c1f a2d0",
		},
		health: map[string]chain.Health{
			"bitcoin:mainnet": {
				State: chain.Ready, Height: 975113, TipAt: noon.Add(-4 * time.Minute), Unconfirmed: true,
				Trust: chain.TrustOwnClient, Peers: 2, Relays: 8, Of: 2,
			},
			"eip155:1": {State: chain.Ready, Height: 21884019, TipAt: noon.Add(-9 * time.Second), Unconfirmed: true, Trust: chain.TrustQuorum, Peers: 2, Of: 2},
			"eip155:8453": {
				State: chain.Down, Code: chain.HealthStale, Detail: "base.example", Height: 9000000, TipAt: noon.Add(-41 * time.Second),
				Trust: chain.TrustOneServer, Of: 1,
			},
		},
		refuse: map[chain.AssetID]error{},
	}
}

func (s *shopFake) Shop() pos.Shop { return s.shop }

func (s *shopFake) Board() pos.Board {
	b := pos.Board{At: s.clock.Now(), Rates: map[chain.AssetID]pos.RateInfo{}, Health: s.health, Tips: map[string]chain.TipState{}}
	for id, r := range rates {
		b.Rates[id] = rateInfo(id, r, noon.Add(-4*time.Second))
	}
	for _, v := range s.sales {
		if !v.Sale.Outcome.Status.Closed() {
			b.Open++
		}
	}
	for id, r := range s.byHand {
		b.Rates[id] = r
	}
	b.Away, b.Changed = s.away, s.changed
	b.Tips["bitcoin:mainnet"] = chain.TipState{Block: chain.BlockRef{Height: 975113, Hash: "00", Time: noon.Add(-2 * time.Minute)}}
	return b
}

func rateInfo(id chain.AssetID, r money.Rate, at time.Time) pos.RateInfo {
	info := pos.RateInfo{Rate: r, State: pos.RateLive, At: at, Sources: []string{"kraken", "coinbase", "bitstamp"}}
	if id == usdc.ID {
		info.State = pos.RatePar
	}
	return info
}

func assetOf(id chain.AssetID) chain.Asset {
	for _, a := range []chain.Asset{usdc, btc, eth} {
		if a.ID == id {
			return a
		}
	}
	return chain.Asset{}
}

func railOf(id chain.AssetID) string {
	switch id {
	case btc.ID:
		return "bitcoin:mainnet"
	case eth.ID:
		return "eip155:1"
	}
	return "eip155:8453"
}

func due(p pos.Price, a chain.Asset) chain.Amount {
	switch p.Kind {
	case pos.PriceFiat:
		amount, err := money.Due(p.Fiat, rates[a.ID], a.Decimals)
		if err != nil {
			panic(err)
		}
		if a.Decimals > 8 {
			amount = money.Ceil(amount, a.Decimals, 6)
		}
		return amount
	case pos.PriceAsset:
		return p.Amount
	}
	return chain.Amount{}
}

func (s *shopFake) Choices(d pos.Draft) []pos.Choice {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []pos.Choice
	for _, a := range s.shop.Assets {
		c := pos.Choice{Asset: a, Rail: railOf(a.ID), Rate: rateInfo(a.ID, rates[a.ID], noon), Refusal: s.refuse[a.ID]}
		if r, ok := s.byHand[a.ID]; ok {
			c.Rate = r
		}
		if len(s.changed) > 0 {
			c.Refusal = pos.ErrKeysChanged
		}
		switch {
		case d.Kind == pos.PriceAsset && d.Price.Asset != a.ID:
			c.Refusal = pos.ErrNoAsset
		case a.ID == btc.ID && d.Price.Fiat.Currency == "CHF":
			c.Rate.Rate = money.Rate{Num: 5835382, Scale: 2}
			c.Due = due(d.Price, a)
		default:
			c.Due = due(d.Price, a)
		}
		list = append(list, c)
	}
	return list
}

func (s *shopFake) Open(ctx context.Context, d pos.Draft, asset chain.AssetID) (pos.View, error) {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return pos.View{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.sales {
		if v.Sale.ID == d.ID {
			return v, nil
		}
	}
	if err := s.fail; err != nil {
		s.fail = nil
		return pos.View{}, err
	}
	s.opened = append(s.opened, d)
	now := s.clock.Now()
	v := pos.View{Record: pos.Record{Sale: pos.Sale{
		ID: d.ID, Number: uint64(231 + len(s.sales)), Code: "7K3M9QXT", CreatedAt: now,
		Terminal: d.By.Terminal, Cashier: d.By.Name, Price: d.Price, Lines: d.Lines, Expires: 15 * time.Minute,
	}}}
	s.quote(&v, asset)
	s.sales = append(s.sales, v)
	return v, nil
}

// quote asks for a sale in an asset.
func (s *shopFake) quote(v *pos.View, id chain.AssetID) {
	a, now := assetOf(id), s.clock.Now()
	q := pos.Quote{
		Asset: id, Rail: railOf(id), To: btcAddress, Due: due(v.Sale.Price, a), Decimals: a.Decimals,
		Rate: rateInfo(id, rates[id], now), Currency: "EUR", At: now, Deadline: now.Add(15 * time.Minute),
	}
	if id != btc.ID {
		q.To = ethAddress
	}
	if r, ok := s.byHand[id]; ok {
		q.Rate = r
	}
	v.Sale.Quotes = append(slices.Clone(v.Sale.Quotes), q)
	v.Sale.Addresses = []pos.Address{{Account: "a", Index: 7, Path: "m/84'/0'/0'/0/7", To: q.To}}
	v.Asset = a
	v.Trust = s.health[q.Rail].Trust
	v.Pay = pos.Request{Quote: q, Asset: a, Amount: q.Due, Refusal: s.noQR}
	if s.noQR == nil {
		v.Pay.Forms = forms(q, q.Due)
	}
	v.Sale.Outcome = pos.Outcome{
		Status: pos.Awaiting, Verdict: pos.Wait, Reason: pos.Reason{Code: pos.WhyNothing}, Asset: id,
		Quote: len(v.Sale.Quotes) - 1, Due: q.Due, Missing: q.Due, Needed: 1, At: now, Next: q.Deadline,
	}
}

func forms(q pos.Quote, amount chain.Amount) []chain.Form {
	address := chain.Form{Kind: chain.FormAddress, Text: string(q.To)}
	switch q.Asset {
	case btc.ID:
		return []chain.Form{{Kind: chain.FormURI, Text: "bitcoin:" + string(q.To) + "?amount=" + money.FormatAmount(amount, 8)}, address}
	case eth.ID:
		return []chain.Form{{Kind: chain.FormURI, Text: "ethereum:" + string(q.To) + "@1?value=" + amount.String()}, address}
	}
	return []chain.Form{{Kind: chain.FormURI, Text: "ethereum:" + usdc.ID.Contract() + "@8453/transfer?address=" + string(q.To) + "&uint256=" + amount.String()}, address}
}

func (s *shopFake) Offer(_ context.Context, id string, asset chain.AssetID, _ pos.Actor) (pos.View, error) {
	return s.edit(id, func(v *pos.View) error {
		if !untouched(*v) {
			return pos.ErrNotNow
		}
		s.quote(v, asset)
		return nil
	})
}

func (s *shopFake) Cancel(_ context.Context, id string, by pos.Actor) (pos.View, error) {
	return s.edit(id, func(v *pos.View) error {
		if !untouched(*v) {
			return pos.ErrNotNow
		}
		v.Sale.Acts = []pos.Act{{Kind: pos.ActCancel, At: s.clock.Now(), Actor: by}}
		v.Sale.ClosedAt = s.clock.Now()
		v.Sale.Outcome.Status, v.Sale.Outcome.Verdict = pos.Cancelled, pos.NoVerdict
		v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyCancelled}
		v.Pay = pos.Request{}
		return nil
	})
}

// edit changes a stored sale.
func (s *shopFake) edit(id string, f func(*pos.View) error) (pos.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.sales {
		if s.sales[i].Sale.ID != id {
			continue
		}
		v := s.sales[i]
		if err := f(&v); err != nil {
			return pos.View{}, err
		}
		v.Sale.Outcome.At = s.clock.Now()
		s.sales[i] = v
		return v, nil
	}
	return pos.View{}, pos.ErrNoSale
}

func (s *shopFake) View(_ context.Context, id string) (pos.View, error) {
	return s.edit(id, func(*pos.View) error { return nil })
}

func (s *shopFake) Views(_ context.Context, q pos.Query) ([]pos.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, q)
	var list []pos.View
	for _, v := range slices.Backward(s.sales) {
		if (q.Before > 0 && v.Sale.Number >= q.Before) || len(list) == q.Limit {
			continue
		}
		if !q.From.IsZero() && (v.Sale.CreatedAt.Before(q.From) || !v.Sale.CreatedAt.Before(q.Until)) {
			continue
		}
		if q.Status != "" && v.Sale.Outcome.Status != q.Status {
			continue
		}
		known := fmt.Sprint(v.Sale.Number, v.Sale.Reference)
		for _, p := range v.Payments {
			known += " " + string(p.Key.TxID)
		}
		if a := v.Sale.Addresses; len(a) > 0 {
			known += " " + string(a[0].To)
		}
		if q.Text != "" && !strings.Contains(known, q.Text) {
			continue
		}
		list = append(list, v)
	}
	return list, nil
}

func (s *shopFake) Subscribe() *pos.Mailbox {
	box := pos.NewMailbox()
	if s.shut {
		box.Shut()
		return box
	}
	s.boxes = append(s.boxes, box)
	return box
}

// change edits a sale and tells every screen.
func (s *shopFake) change(t testing.TB, number uint64, f func(v *pos.View)) pos.View {
	t.Helper()
	s.mu.Lock()
	id := ""
	for _, v := range s.sales {
		if v.Sale.Number == number {
			id = v.Sale.ID
		}
	}
	s.mu.Unlock()
	v, err := s.edit(id, func(v *pos.View) error { f(v); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, box := range s.boxes {
		box.Post(s.Board(), v)
	}
	return v
}

// What may happen to a sale.

func came(v *pos.View, amount chain.Amount, at time.Time) {
	q, _ := v.Sale.Quote()
	v.Payments = append(slices.Clone(v.Payments), pos.Payment{
		Key: chain.PaymentKey{Network: chain.Network(q.Rail), TxID: "9f1c04ab55d1c0ffee00112233445566778899aabbccddeeff0011223344e07a"},
		To:  q.To, Asset: q.Asset, Amount: amount, State: pos.Unconfirmed, FirstAt: at, FirstSeen: true,
		Proof: chain.Proof{Announcers: 8, Of: 8, Groups: 8, Standard: true},
	})
	o := &v.Sale.Outcome
	o.Received, _ = o.Received.Add(amount)
	o.Missing = o.Due.Sub(o.Received)
}

func seen(v *pos.View) {
	q, _ := v.Sale.Quote()
	came(v, q.Due, noon.Add(-12*time.Second))
	v.Pay.Forms = nil
	o := &v.Sale.Outcome
	o.Status = pos.Seen
	o.Reason = pos.Reason{Code: pos.WhyAboveLimit, N: 1, Fiat: money.Of(1000, "EUR")}
}

func handOver(v *pos.View) {
	seen(v)
	v.Sale.Outcome.Verdict = pos.HandOver
	v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyUnconfirmed, N: 8, M: 8}
}

// mayBe lets a person do something with a sale, as the register would.
func mayBe(v *pos.View, kinds ...pos.ActKind) {
	v.Acts, v.RestInCash, v.Refunds = kinds, money.Fiat{}, nil
	if slices.Contains(kinds, pos.ActCash) {
		v.RestInCash = money.Of(v.Sale.Price.Fiat.Minor/5, v.Sale.Price.Fiat.Currency)
	}
	if slices.Contains(kinds, pos.ActRefundDue) {
		v.Refunds = []pos.RefundChoice{{Basis: pos.RefundPaid, Amount: v.Sale.Outcome.Received}, {Basis: pos.RefundPart}}
	}
}

func partial(v *pos.View) {
	defer mayBe(v, pos.ActTakeOver, pos.ActCash)
	q, _ := v.Sale.Quote()
	n, _ := q.Due.Uint64()
	came(v, chain.Units(n/5*4), noon)
	o := &v.Sale.Outcome
	o.Status = pos.Partial
	o.Reason = pos.Reason{Code: pos.WhyMissing, Amount: o.Missing, Asset: q.Asset}
	v.Pay.Amount = o.Missing
	v.Pay.Forms = forms(q, o.Missing)
}

func confirming(n, of int) func(v *pos.View) {
	return func(v *pos.View) {
		if len(v.Payments) == 0 {
			seen(v)
		}
		v.Payments = slices.Clone(v.Payments)
		v.Payments[0].State = pos.Included
		v.Payments[0].Block = chain.BlockRef{Height: 975113, Hash: "00", Time: noon}
		o := &v.Sale.Outcome
		o.Status, o.Verdict, o.Confirmations, o.Needed = pos.Confirming, pos.Wait, n, of
		o.Reason = pos.Reason{Code: pos.WhyConfirmations, N: n, M: of}
	}
}

func paid(v *pos.View) {
	confirming(1, 1)(v)
	o := &v.Sale.Outcome
	o.Status, o.Verdict = pos.Paid, pos.HandOver
	o.Reason = pos.Reason{Code: pos.WhyConfirmed, N: 1, Block: chain.BlockRef{Height: 975113, Hash: "00"}}
	v.Sale.ClosedAt = noon
	v.Pay = pos.Request{Quote: v.Pay.Quote, Asset: v.Asset}
	mayBe(v, pos.ActRefundDue)
}

func underpaid(v *pos.View) {
	partial(v)
	o := &v.Sale.Outcome
	o.Status, o.Verdict = pos.Underpaid, pos.AskSupervisor
	o.Reason = pos.Reason{Code: pos.WhyShort, Amount: o.Missing, Asset: o.Asset}
	mayBe(v, pos.ActTakeOver, pos.ActCash, pos.ActAccept, pos.ActRefundDue)
}

func late(v *pos.View) {
	q, _ := v.Sale.Quote()
	came(v, q.Due, noon)
	o := &v.Sale.Outcome
	o.Status, o.Verdict = pos.Late, pos.AskSupervisor
	o.Reason = pos.Reason{Code: pos.WhyLate, Amount: q.Due, Asset: q.Asset}
	mayBe(v, pos.ActTakeOver, pos.ActReprice, pos.ActAccept, pos.ActRefundDue)
	v.Pay = pos.Request{Quote: q, Asset: v.Asset}
}

func disputed(v *pos.View) {
	paid(v)
	v.Payments[0].State, v.Payments[0].By = pos.Gone, "77aa04ab55d1c0ffee00112233445566778899aabbccddeeff0011223344bb11"
	o := &v.Sale.Outcome
	o.Status, o.Verdict, o.Received = pos.Disputed, pos.AskSupervisor, chain.Amount{}
	o.Reason = pos.Reason{Code: pos.WhyConflict, By: v.Payments[0].By}
	mayBe(v, pos.ActTakeOver, pos.ActAccept)
	v.Sale.ClosedAt = time.Time{}
}

func expired(v *pos.View) {
	o := &v.Sale.Outcome
	o.Status, o.Verdict = pos.Expired, pos.NoVerdict
	o.Reason = pos.Reason{Code: pos.WhyExpired}
	v.Pay = pos.Request{Quote: v.Pay.Quote, Asset: v.Asset}
}

// stand is a model with its shop, driven without a program: its clock fires at
// once, its mailbox is shut, and what those two would say is said by hand.
type stand struct {
	t     testing.TB
	m     *Model
	shop  *shopFake
	clock *clock
	bells int
	copy  []string
	quit  bool
	hold  bool // keep commands instead of running them
	held  []tea.Cmd
}

func newStand(t testing.TB, w, h int, change ...func(*Config, *shopFake)) *stand {
	t.Helper()
	c := &clock{now: noon, instant: true}
	shop := newShop(c)
	shop.shut = true
	cfg := Config{
		Register: shop, Clock: c, Actor: pos.Actor{Name: "Ana", Terminal: "till 1"},
		Locale: money.LocaleFor("en-IE"), Random: &counting{}, Theme: "dark",
	}
	for _, f := range change {
		f(&cfg, shop)
	}
	s := &stand{t: t, m: New(cfg), shop: shop, clock: c}
	s.run(s.m.Init())
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	return s
}

// counting is randomness that is always the same.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	c.n++
	for i := range p {
		p[i] = c.n + byte(i)
	}
	return len(p), nil
}

func (s *stand) send(msg tea.Msg) {
	s.t.Helper()
	_, cmd := s.m.Update(msg)
	if s.hold {
		s.held = append(s.held, cmd)
		return
	}
	s.run(cmd)
}

// release runs what was held back.
func (s *stand) release() {
	s.t.Helper()
	s.hold = false
	held := s.held
	s.held = nil
	for _, cmd := range held {
		s.run(cmd)
	}
}

func (s *stand) run(cmd tea.Cmd) {
	s.t.Helper()
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil, ticked:
	case heard:
		if msg.err == nil {
			s.t.Error("the mailbox of a stand said something")
		}
	case tea.BatchMsg:
		for _, c := range msg {
			s.run(c)
		}
	case tea.RawMsg:
		if msg.Msg == "\a" {
			s.bells++
		}
	case tea.QuitMsg:
		s.quit = true
	default:
		if reflect.TypeOf(msg).Name() == "setClipboardMsg" {
			s.copy = append(s.copy, fmt.Sprint(msg))
			return
		}
		s.send(msg)
	}
}

// key is a key press by name, as a terminal sends it.
func keyMsg(name string) tea.KeyPressMsg {
	codes := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "backspace": tea.KeyBackspace, "space": tea.KeySpace,
		"up": tea.KeyUp, "down": tea.KeyDown, "f2": tea.KeyF2, "f4": tea.KeyF4, "f3": tea.KeyF3, "f5": tea.KeyF5, "f6": tea.KeyF6, "f7": tea.KeyF7, "f8": tea.KeyF8, "f10": tea.KeyF10, "left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "f9": tea.KeyF9,
	}
	if code, ok := codes[name]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// press presses keys by name; keys writes characters.
func (s *stand) press(names ...string) *stand {
	s.t.Helper()
	for _, name := range names {
		s.send(keyMsg(name))
	}
	return s
}

func (s *stand) keys(text string) *stand {
	s.t.Helper()
	for _, r := range text {
		s.press(string(r))
	}
	return s
}

// happens changes a sale and lets the screen hear of it.
func (s *stand) happens(number uint64, f func(*pos.View)) *stand {
	s.t.Helper()
	v := s.shop.change(s.t, number, f)
	s.send(heard{update: pos.Update{Changed: []pos.View{v}, Board: s.shop.Board()}})
	return s
}

func (s *stand) tick(d time.Duration) *stand {
	s.t.Helper()
	s.clock.move(d)
	s.send(ticked(s.clock.Now()))
	return s
}

// screen is the frame as plain text.
func (s *stand) screen() string { return ansi.Strip(s.m.View().Content) }

func (s *stand) see(texts ...string) *stand {
	s.t.Helper()
	frame := s.screen()
	for _, text := range texts {
		if !strings.Contains(frame, text) {
			s.t.Fatalf("%q is not on the screen:\n%s", text, frame)
		}
	}
	return s
}

func (s *stand) gone(texts ...string) *stand {
	s.t.Helper()
	frame := s.screen()
	for _, text := range texts {
		if strings.Contains(frame, text) {
			s.t.Fatalf("%q is on the screen:\n%s", text, frame)
		}
	}
	return s
}

// stageFake notes what the demo was asked to do.
type stageFake struct {
	calls []string
}

func (s *stageFake) Pay(_ context.Context, v pos.View) error {
	s.calls = append(s.calls, fmt.Sprintf("pay %d", v.Sale.Number))
	return nil
}

func (s *stageFake) Scenes(v pos.View) []Scene {
	if v.Sale.ID == "" {
		return []Scene{{"down", "the Bitcoin node goes away for a minute"}}
	}
	return []Scene{
		{"exact", "the customer pays exactly"},
		{"short", "the customer pays 80 %"},
		{"over", "the customer pays twice"},
		{"late", "the customer pays after the price ran out"},
		{"replace", "the customer takes the money back before a block"},
	}
}

func (s *stageFake) Play(_ context.Context, id string, v pos.View) error {
	s.calls = append(s.calls, "play "+id)
	return nil
}

func (s *stageFake) Mine(context.Context, pos.View) error {
	s.calls = append(s.calls, "mine")
	return nil
}

// typed checks the large amount, which has no letters to search for.
func (s *stand) typed(want string) *stand {
	s.t.Helper()
	if got, _ := s.m.amountText(s.m.draft); got != want || s.m.here() != onAmount {
		s.t.Fatalf("%s is typed on screen %d, want %s:\n%s", got, s.m.here(), want, s.screen())
	}
	return s
}
