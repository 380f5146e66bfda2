package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// desk stands in for the register: it opens one sale and does to it what a
// test says.
type desk struct {
	mu      sync.Mutex
	box     *pos.Mailbox
	view    pos.View
	refusal error // of choosing the asset
	opened  pos.Draft
	opens   chan struct{}
	late    bool // money comes at the moment of cancelling
}

func newDesk() *desk {
	return &desk{box: pos.NewMailbox(), opens: make(chan struct{})}
}

func (d *desk) Choices(pos.Draft) []pos.Choice {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []pos.Choice{{Asset: bitcoinAsset, Rail: "bitcoin:mainnet", Health: chain.Health{State: chain.Syncing}, Refusal: d.refusal}}
}

func (d *desk) Open(_ context.Context, draft pos.Draft, _ chain.AssetID) (pos.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	quote := pos.Quote{
		Asset: chain.Bitcoin, Rail: "bitcoin:mainnet", To: testFirst, Due: chain.Units(25958), At: at, Deadline: at.Add(15 * time.Minute),
		Rate: pos.RateInfo{Rate: money.Rate{Num: 6241050, Scale: 2}}, Decimals: 8, Currency: "EUR",
	}
	d.opened = draft
	d.view = pos.View{
		Record: pos.Record{Sale: pos.Sale{
			ID: "8a5f4c1e-0000-4000-8000-000000000000", Number: 232, Code: "7K3QM9XA", Price: draft.Price, Quotes: []pos.Quote{quote},
			Outcome: pos.Outcome{Status: pos.Awaiting, Verdict: pos.Wait, Reason: pos.Reason{Code: pos.WhyNothing}, Asset: chain.Bitcoin, Due: quote.Due, Missing: quote.Due, At: at},
		}},
		Asset: bitcoinAsset,
		Pay: pos.Request{Quote: quote, Asset: bitcoinAsset, Amount: quote.Due, Forms: []chain.Form{
			{Kind: chain.FormURI, Text: payuri.Bitcoin(testFirst, quote.Due)}, {Kind: chain.FormAddress, Text: testFirst},
		}},
	}
	close(d.opens)
	return d.view, nil
}

func (d *desk) Cancel(_ context.Context, _ string, _ pos.Actor) (pos.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.late {
		d.view.Sale.Outcome.Status = pos.Seen
		return pos.View{}, pos.ErrNotNow
	}
	d.view.Sale.Outcome.Status, d.view.Sale.Outcome.Verdict = pos.Cancelled, pos.NoVerdict
	return d.view, nil
}

func (d *desk) View(context.Context, string) (pos.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view, nil
}

func (d *desk) Subscribe() *pos.Mailbox { return d.box }

// becomes changes the sale and tells the follower.
func (d *desk) becomes(status pos.Status, verdict pos.Verdict, confirmations int) {
	d.mu.Lock()
	d.view.Sale.Outcome.Status, d.view.Sale.Outcome.Verdict = status, verdict
	d.view.Sale.Outcome.Confirmations = confirmations
	if status != pos.Awaiting && status != pos.Expired {
		d.view.Sale.Outcome.Received, d.view.Sale.Outcome.Missing = d.view.Sale.Outcome.Due, chain.Amount{}
		d.view.Pay.Forms = nil
		d.view.Payments = []pos.Payment{{
			Key: chain.PaymentKey{Network: "bitcoin:mainnet", TxID: "9f1c", Index: 1}, To: testFirst, Asset: chain.Bitcoin,
			Amount: chain.Units(25958), State: pos.Unconfirmed, FirstAt: d.view.Sale.Outcome.At,
		}}
	}
	v := d.view
	d.mu.Unlock()
	d.box.Post(pos.Board{}, v)
}

// follow runs a follower to its end.
func follow(ctx context.Context, d *desk, asJSON bool) (out, notes *bytes.Buffer, done chan error) {
	out, notes, done = &bytes.Buffer{}, &bytes.Buffer{}, make(chan error, 1)
	f := follower{register: d, asset: bitcoinAsset, currency: "EUR", json: asJSON, out: out, notes: notes}
	draft := pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(1620, "EUR")}}
	go func() { done <- f.run(ctx, draft) }()
	return out, notes, done
}

func codeOf(err error) int {
	var e *exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.code
	}
	return 1
}

// TestExitCodes: every way in which a sale can end has its code.
func TestExitCodes(t *testing.T) {
	for status, want := range map[pos.Status]int{
		pos.Paid: 0, pos.Overpaid: 0, pos.Accepted: 0, pos.Expired: 3, pos.Late: 3, pos.Underpaid: 4, pos.Cancelled: 5, pos.Disputed: 6, pos.Reversed: 6,
		pos.RefundDue: 1, pos.Refunded: 1,
	} {
		d := newDesk()
		_, _, done := follow(t.Context(), d, true)
		<-d.opens
		d.becomes(pos.Seen, pos.Wait, 0)
		d.becomes(status, pos.NoVerdict, 0)
		if got := codeOf(<-done); got != want {
			t.Errorf("%s: exit code %d, want %d", status, got, want)
		}
	}
}

// TestJSONLines: one object per change, none twice, amounts as texts.
func TestJSONLines(t *testing.T) {
	d := newDesk()
	out, _, done := follow(t.Context(), d, true)
	<-d.opens
	d.becomes(pos.Awaiting, pos.Wait, 0) // no change
	d.becomes(pos.Paid, pos.HandOver, 1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	var objects []map[string]any
	for _, line := range lines {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		objects = append(objects, o)
	}
	if len(objects) != 2 {
		t.Fatalf("%d objects:\n%s", len(objects), out)
	}
	first, last := objects[0], objects[1]
	for key, want := range map[string]any{
		"number": 232.0, "code": "7K3QM9XA", "status": "AWAITING", "verdict": "WAIT", "asset": "bitcoin/btc", "address": testFirst,
		"uri": "bitcoin:" + testFirst + "?amount=0.00025958", "rate": "62410.5", "due": "25958", "received": "0", "missing": "25958",
		"expires": "2026-11-20T12:15:00Z", "time": "2026-11-20T12:00:00Z",
	} {
		if first[key] != want {
			t.Errorf("%s is %v, want %v", key, first[key], want)
		}
	}
	if fiat, ok := first["fiat"].(map[string]any); !ok || fiat["amount"] != "16.20" || fiat["currency"] != "EUR" {
		t.Errorf("fiat %v", first["fiat"])
	}
	if payments, ok := first["payments"].([]any); !ok || len(payments) != 0 {
		t.Errorf("payments %v", first["payments"])
	}
	if last["status"] != "PAID" || last["received"] != "25958" || last["missing"] != "0" || last["confirmations"] != 1.0 {
		t.Errorf("last %v", last)
	}
	if payments, ok := last["payments"].([]any); !ok || len(payments) != 1 {
		t.Errorf("payments %v", last["payments"])
	}
}

// TestTextOutput prints what a customer needs, once, and then what changes.
func TestTextOutput(t *testing.T) {
	d := newDesk()
	out, _, done := follow(t.Context(), d, false)
	<-d.opens
	d.becomes(pos.Seen, pos.Wait, 0)
	d.becomes(pos.Paid, pos.HandOver, 1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"sale 0232, 16.20 EUR", "25,958 sat", "0.00025958 BTC", "to " + testFirst, "bitcoin:" + testFirst + "?amount=0.00025958", "AWAITING", "PAID  HAND OVER", "█"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Count(text, "to "+testFirst) != 1 || strings.Contains(text, "\x1b") {
		t.Errorf("printed:\n%q", text)
	}
}

// TestInterrupted: with nothing seen Ctrl+C cancels; with money seen, or coming
// at the last moment, the sale stays open and the code says so.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*desk)
		want   int
		says   string
	}{
		{"nothing seen", func(*desk) {}, 5, ""},
		{"seen", func(d *desk) { d.becomes(pos.Seen, pos.Wait, 0) }, 1, "stays open"},
		{"partial", func(d *desk) { d.becomes(pos.Partial, pos.Wait, 0) }, 1, "stays open"},
		{"seen while cancelling", func(d *desk) { d.mu.Lock(); d.late = true; d.mu.Unlock() }, 1, "stays open"},
	} {
		d := newDesk()
		ctx, cancel := context.WithCancel(t.Context())
		_, _, done := follow(ctx, d, true)
		<-d.opens
		c.before(d)
		cancel()
		err := <-done
		if got := codeOf(err); got != c.want || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: exit code %d (%v), want %d", c.name, got, err, c.want)
		}
	}
}

// TestWaitsUntilUsable says what it waits for and then goes on by itself.
func TestWaitsUntilUsable(t *testing.T) {
	d := newDesk()
	d.refusal = pos.ErrConnecting
	_, notes, done := follow(t.Context(), d, true)
	d.box.Post(pos.Board{})
	d.mu.Lock()
	d.refusal = nil
	d.mu.Unlock()
	d.box.Post(pos.Board{})
	<-d.opens
	d.becomes(pos.Paid, pos.HandOver, 1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if text := notes.String(); text != "" && text != "till: waiting for Bitcoin: syncing\n" {
		t.Errorf("it says %q", text)
	}

	d = newDesk()
	d.refusal = pos.ErrStaleRate
	_, _, done = follow(t.Context(), d, true)
	if err := <-done; !errors.Is(err, pos.ErrStaleRate) || codeOf(err) != 1 {
		t.Errorf("with a stale rate: %v", err)
	}
}

func TestAmounts(t *testing.T) {
	s, err := parseConfig(t, `currency = "EUR"
currencies = ["EUR", "USD", "JPY"]
[bitcoin]
key = "`+testZpub+`"
[[evm]]
chain = 1
key = "`+testEVMKey+`"
endpoints = ["wss://a.example"]
accept = ["native", "USDC"]
[[evm]]
chain = 8453
key = "`+testEVMKey+`"
endpoints = ["wss://a.example"]
accept = ["USDC"]
`)
	if err != nil {
		t.Fatal(err)
	}
	usdc := "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
	for _, c := range []struct {
		text, asset string
		want        pos.Price
		pays        chain.AssetID
	}{
		{"4.50", "", pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}, chain.Bitcoin},
		{"4,50", "ETH", pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}, "eip155:1/native"},
		{"4.50USD", "", pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "USD")}, chain.Bitcoin},
		{"4.50 usd", "", pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "USD")}, chain.Bitcoin},
		{"450JPY", "", pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "JPY")}, chain.Bitcoin},
		{"21000sat", "", pos.Price{Kind: pos.PriceAsset, Asset: chain.Bitcoin, Amount: chain.Units(21000)}, chain.Bitcoin},
		{"0.00021btc", "", pos.Price{Kind: pos.PriceAsset, Asset: chain.Bitcoin, Amount: chain.Units(21000)}, chain.Bitcoin},
		{"0.01ETH", "", pos.Price{Kind: pos.PriceAsset, Asset: "eip155:1/native", Amount: chain.Units(1e16)}, "eip155:1/native"},
		{"2USDC", usdc, pos.Price{Kind: pos.PriceAsset, Asset: chain.AssetID(usdc), Amount: chain.Units(2_000_000)}, chain.AssetID(usdc)},
		{"open", "", pos.Price{Kind: pos.PriceOpen}, chain.Bitcoin},
		{"OPEN", "eth", pos.Price{Kind: pos.PriceOpen}, "eip155:1/native"},
	} {
		d, asset, err := saleFlags{asset: c.asset}.draft(s, c.text)
		if err != nil || d.Price != c.want || asset.ID != c.pays {
			t.Errorf("%q in %q: %+v in %s, %v", c.text, c.asset, d.Price, asset.ID, err)
		}
	}
	for _, text := range []string{
		"", "0", "-1", "+1", "1e5", "4.505", "1.5sat", "2USDC", "4.50GBP", "0ETH", "0sat", "ETH", "4.50 EUR EUR", "０４", "1\u202e2", strings.Repeat("9", 100),
		"0.0000000000000000001ETH", "abc", "infinity", "NaN", "0x10",
	} {
		if _, _, err := (saleFlags{}).draft(s, text); codeOf(err) != exitUsage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzAmount(f *testing.F) {
	s, err := parseConfig(f, smallConfig)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"4.50", "21000sat", "open", "1,5btc", "-0", "999999999999999999999999EUR"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, _, err := saleFlags{}.draft(s, text)
		if err != nil {
			if codeOf(err) != exitUsage || strings.ContainsAny(oneLine(err), "\n\x1b") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if d.Kind == pos.PriceFiat && d.Fiat.Minor <= 0 || d.Kind == pos.PriceAsset && d.Amount.IsZero() {
			t.Fatalf("%q is %+v", text, d.Price)
		}
	})
}
