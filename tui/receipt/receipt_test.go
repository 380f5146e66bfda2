package receipt

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden receipts anew")

var (
	noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	btc  = chain.Asset{ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Block: 10 * time.Minute}
	usdc = chain.Asset{ID: chain.TokenAsset(8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"), Symbol: "USDC", Name: "USDC on Base", Decimals: 6, Par: "USD"}
)

const (
	tx1 = "9f1c04ab55d1c0ffee00112233445566778899aabbccddeeff00112233e07a12"
	tx2 = "77aa04ab55d1c0ffee00112233445566778899aabbccddeeff0011223344bb11"
)

func options(language string, width int) Options {
	f := words.Format{Locale: money.LocaleFor(language), Asset: func(id chain.AssetID) (chain.Asset, bool) {
		for _, a := range []chain.Asset{btc, usdc} {
			if a.ID == id {
				return a, true
			}
		}
		return chain.Asset{}, false
	}}
	return Options{Words: words.For(language, f), Format: f, Shop: pos.Shop{Name: "Café Linde"}, Width: width}
}

// coffee is a sale in Bitcoin that is paid.
func coffee() pos.View {
	v := pos.View{Asset: btc}
	v.Sale = pos.Sale{
		Number: 231, Code: "7K3M9QXT", CreatedAt: noon.Add(-11 * time.Minute), Terminal: "till 1", Cashier: "Ana", Reference: "table 5",
		Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(1620, "EUR")},
		Lines: []pos.Line{{Count: 4, Each: money.Of(310, "EUR"), Name: "Espresso"}, {Count: 1, Each: money.Of(380, "EUR")}},
		Addresses: []pos.Address{
			{To: "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", Path: "m/84'/0'/0'/0/7"},
		},
		Quotes: []pos.Quote{{
			Asset: btc.ID, Rail: "bitcoin:mainnet", To: "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", Due: chain.Units(25958), Decimals: 8, Currency: "EUR",
			Rate: pos.RateInfo{Rate: money.Rate{Num: 6241050, Scale: 2}, State: pos.RateLive, Sources: []string{"kraken", "coinbase", "bitstamp"}},
		}},
		Outcome: pos.Outcome{
			Status: pos.Paid, Verdict: pos.HandOver, Asset: btc.ID, Due: chain.Units(25958), Received: chain.Units(25958), At: noon, Confirmations: 1, Needed: 1,
			Reason: pos.Reason{Code: pos.WhyConfirmed, N: 1, Block: chain.BlockRef{Height: 975113, Hash: "00"}},
		},
		ClosedAt: noon,
	}
	v.Payments = []pos.Payment{{Key: chain.PaymentKey{TxID: tx1}, Asset: btc.ID, Amount: chain.Units(25958), State: pos.Included, Block: chain.BlockRef{Height: 975113, Hash: "00"}}}
	return v
}

// receipts are what a customer may be handed.
var receipts = []struct {
	name   string
	change func(*pos.View, *Options)
}{
	{"paid", func(*pos.View, *Options) {}},
	{"copy-training", func(_ *pos.View, o *Options) { o.Copy, o.Shop.Training = true, true }},
	{"testnet-waiting", func(v *pos.View, o *Options) {
		o.Testnet = true
		v.Sale.Quotes[0].Rail = "bitcoin:signet"
		v.Payments = nil
		v.Sale.Outcome = pos.Outcome{Status: pos.Awaiting, Verdict: pos.Wait, At: noon, Reason: pos.Reason{Code: pos.WhyNothing}}
	}},
	{"confirming", func(v *pos.View, _ *Options) {
		v.Sale.Outcome.Status, v.Sale.Outcome.Verdict, v.Sale.Outcome.Needed = pos.Confirming, pos.Wait, 3
		v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyConfirmations, N: 1, M: 3}
	}},
	{"before-a-block", func(v *pos.View, _ *Options) {
		v.Payments[0].State = pos.Unconfirmed
		v.Sale.Outcome.Status, v.Sale.Outcome.Verdict = pos.Seen, pos.HandOver
		v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyUnconfirmed, N: 8, M: 8}
	}},
	{"cash-and-over", func(v *pos.View, _ *Options) {
		v.Sale.Acts = []pos.Act{{Kind: pos.ActCash, Cash: money.Of(324, "EUR")}}
		v.Sale.Outcome.Status = pos.Overpaid
		v.Sale.Outcome.Notes = []pos.Reason{
			{Code: pos.WhyCash, Fiat: money.Of(324, "EUR"), Text: "Ana"},
			{Code: pos.WhyOver, Amount: chain.Units(1000), Asset: btc.ID},
		}
	}},
	{"refunded", func(v *pos.View, _ *Options) {
		o := &v.Sale.Outcome
		o.Status, o.Verdict = pos.Refunded, pos.NoVerdict
		o.Reason = pos.Reason{Code: pos.WhyRefunded, Amount: chain.Units(25958), Asset: btc.ID}
		back := v.Payments[0]
		back.Refund, back.Key.TxID = true, tx2
		v.Payments = append(v.Payments, back)
	}},
	{"token", func(v *pos.View, _ *Options) {
		v.Asset = usdc
		to := chain.Destination("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
		v.Sale.Quotes[0] = pos.Quote{Asset: usdc.ID, Rail: "eip155:8453", To: to, Due: chain.Units(17581941), Decimals: 6, Rate: pos.RateInfo{Rate: money.Rate{Num: 9214, Scale: 4}, State: pos.RateManual, Sources: []string{"manual: Bob"}}, Currency: "EUR"}
		v.Sale.Addresses = []pos.Address{{To: to, Path: "m/44'/60'/0'/0/7"}}
		v.Sale.Outcome.Asset, v.Sale.Outcome.Due, v.Sale.Outcome.Received = usdc.ID, chain.Units(17581941), chain.Units(17581941)
		v.Payments[0].Asset, v.Payments[0].Amount = usdc.ID, chain.Units(17581941)
		v.Payments[0].Key = chain.PaymentKey{TxID: "0x" + tx1, Index: chain.NoTx | 1}
	}},
	{"donation", func(v *pos.View, _ *Options) {
		v.Sale.Price, v.Sale.Lines, v.Sale.Quotes[0].Due = pos.Price{Kind: pos.PriceOpen}, nil, chain.Amount{}
		v.Sale.Outcome.Due = chain.Amount{}
	}},
	{"hostile", func(v *pos.View, o *Options) {
		o.Shop.Name = "喫茶店リンデ\x1b[2J\x1b]0;rm\x07"
		v.Sale.Cashier, v.Sale.Note = "\x1b[31mアナ\u202e", "e\u0301\u0301\u0301\u0301\u0301\u0301 note\r\n\x1b@"
		v.Sale.Lines[0].Name = "コーヒー 大きい カップ とても長い名前の飲み物"
		v.Sale.Terminal = "till\x9b1m"
	}},
}

func TestReceipts(t *testing.T) {
	for _, it := range receipts {
		for _, language := range words.Languages() {
			for _, width := range Widths {
				if language != "en" && width == 48 {
					continue // moderate
				}
				t.Run(fmt.Sprintf("%s/%s/%d", it.name, language, width), func(t *testing.T) {
					v, o := coffee(), options(language, width)
					it.change(&v, &o)
					got := Text(v, o)
					check(t, got, width)
					golden(t, filepath.Join(language, fmt.Sprintf("%s-%d.txt", it.name, width)), got)
				})
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden receipt (run: go test ./tui/receipt -update): %v", err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test ./tui/receipt -update writes it anew):\n%s", name, got)
	}
}

// check wants text that no printer can misread.
func check(t interface{ Errorf(string, ...any) }, text string, width int) {
	if !strings.HasSuffix(text, "\n") || strings.HasPrefix(text, "\n") || strings.Contains(text, "\n\n\n") {
		t.Errorf("the paper begins, ends or gapes oddly: %q", text)
	}
	for _, l := range strings.Split(text, "\n") {
		if w := ansi.StringWidth(l); w > width {
			t.Errorf("a line of %d cells on %d: %q", w, width, l)
		}
		if strings.HasSuffix(l, " ") {
			t.Errorf("blanks at the end of %q", l)
		}
		for _, r := range l {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%U stands in %q", r, l)
			}
		}
	}
}

func TestMarksStandAtBothEnds(t *testing.T) {
	v, o := coffee(), options("en", 32)
	o.Copy, o.Shop.Training = true, true
	text := Text(v, o)
	for _, mark := range []string{"COPY", "TRAINING", "no real money"} {
		if strings.Count(text, mark) != 2 {
			t.Errorf("%s stands %d times on a receipt, not at its top and its bottom:\n%s", mark, strings.Count(text, mark), text)
		}
	}
	o = options("en", 32)
	if text = Text(v, o); strings.Contains(text, "* *") || strings.Contains(text, "no real money") {
		t.Errorf("a first receipt for real money has a mark:\n%s", text)
	}
}

// TestOnlyPaidLooksPaid: paper outlives the screen, so that whatever is not paid
// says so.
func TestOnlyPaidLooksPaid(t *testing.T) {
	for _, s := range []pos.Status{
		pos.Awaiting, pos.Partial, pos.Seen, pos.Confirming, pos.Paid, pos.Overpaid, pos.Underpaid, pos.Expired, pos.Late, pos.Cancelled,
		pos.Disputed, pos.Reversed, pos.Accepted, pos.RefundDue, pos.Refunded,
	} {
		v := coffee()
		v.Sale.Outcome.Status, v.Sale.Outcome.Verdict = s, pos.Wait
		text := Text(v, options("en", 32))
		if got := strings.Contains(text, "NOT PAID"); got == (s.Settled() || s == pos.RefundDue || s == pos.Refunded) {
			t.Errorf("%s: NOT PAID stands there: %t", s, got)
		}
		if got := strings.Contains(text, "Thank you"); got != s.Settled() {
			t.Errorf("%s: thanks stand there: %t", s, got)
		}
	}
}

// TestAnyTextIsHarmless prints whatever people may type at any width.
func TestAnyTextIsHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.M, unicode.Cc, unicode.Cf, unicode.Zs, unicode.So, unicode.Han), 0, 60, -1)
		v, o := coffee(), options(rapid.SampledFrom(words.Languages()).Draw(t, "language"), rapid.IntRange(1, 200).Draw(t, "width"))
		o.Shop.Name = text.Draw(t, "shop")
		s := &v.Sale
		s.Terminal, s.Cashier, s.Reference, s.Note = text.Draw(t, "terminal"), text.Draw(t, "cashier"), text.Draw(t, "reference"), text.Draw(t, "note")
		s.Lines[0].Name, s.Code = text.Draw(t, "line"), text.Draw(t, "code")
		s.Lines[0].Count = rapid.Int64().Draw(t, "count")
		s.Lines[0].Each = money.Of(rapid.Int64().Draw(t, "each"), "EUR")
		s.Quotes[0].Rate.Sources = []string{text.Draw(t, "source")}
		v.Payments[0].Key.TxID = chain.TxID(text.Draw(t, "tx"))
		check(t, Text(v, o), min(max(o.Width, Narrowest), Widest))
	})
}
