package words

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

var (
	now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	btc = chain.Asset{ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Block: 10 * time.Minute}
	eth = chain.Asset{ID: chain.NativeAsset(1), Symbol: "ETH", Name: "Ether", Decimals: 18, Block: 12 * time.Second}
	en  = For("en", Format{Locale: money.LocaleFor("en-IE"), Asset: func(id chain.AssetID) (chain.Asset, bool) {
		return map[chain.AssetID]chain.Asset{btc.ID: btc, eth.ID: eth}[id], id == btc.ID || id == eth.ID
	}})
	de = For("de", Format{Locale: money.LocaleFor("de"), Asset: en.(english).Asset})
)

func TestReasons(t *testing.T) {
	for _, it := range []struct {
		r    pos.Reason
		in   chain.Asset
		want string
	}{
		{pos.Reason{Code: pos.WhyNoBlock, N: 1}, btc, "paid after 1 block, usually 10 min, sometimes 40"},
		{pos.Reason{Code: pos.WhyNoBlock, N: 3}, btc, "paid after 3 blocks, usually 30 min, sometimes 60"},
		{pos.Reason{Code: pos.WhyNoBlock, N: 1}, eth, "paid after 1 block, usually 20 s"},
		{pos.Reason{Code: pos.WhyNoBlock, Text: "finalized"}, eth, "paid once the network calls it final"},
		{pos.Reason{Code: pos.WhyAboveLimit, N: 1, Fiat: money.Of(1000, "EUR")}, eth, "paid after 1 block, usually 20 s; above your €10.00 limit for goods without a block"},
		{pos.Reason{Code: pos.WhyNoBlock, N: 1, M: 1}, btc, "paid after 1 block, its fee is good for the next block, usually 10 min, sometimes 40"},
		{pos.Reason{Code: pos.WhyNoBlock, N: 1, M: 3}, btc, "paid after 1 block, the first in about 3 blocks at its fee, usually 30 min, sometimes 60"},
		{pos.Reason{Code: pos.WhyNoBlock, N: 2, M: 1000}, btc, "paid after 2 blocks, at its fee more than a day from now"},
		{pos.Reason{Code: pos.WhyLowFee, N: 1, M: 1000}, btc, "its fee is low: paid after 1 block, at its fee more than a day from now"},
		{pos.Reason{Code: pos.WhyFeeUnknown, N: 1, Fiat: money.Of(500, "EUR")}, btc, "paid after 1 block, usually 10 min, sometimes 40; nobody here knows its fee, so without a block only up to €5.00"},
		{pos.Reason{Code: pos.WhyConfirmed, N: 1, Block: chain.BlockRef{Height: 975113}}, btc, "in block 975,113, 1 confirmation"},
		{pos.Reason{Code: pos.WhyOtherAsset, Amount: chain.Units(5), Asset: btc.ID}, eth, "5 sat came, ETH was asked for"},
		{pos.Reason{Code: pos.WhyOtherAsset, Amount: chain.Units(5), Asset: "eip155:1/erc20:0xdead"}, eth, "5 eip155:1/erc20:0xdead came, ETH was asked for"},
		{pos.Reason{Code: pos.WhyOtherAsset, Amount: chain.Units(5), Asset: btc.ID}, chain.Asset{ID: "eip155:1/native", Symbol: "BTC", Name: "BTC on chain 7"}, "5 sat came as Bitcoin, BTC on chain 7 was asked for"},
		{pos.Reason{Code: pos.WhyAccepted, Text: "Bob\x1b[31m"}, btc, "accepted as it is by Bob[31m"},
		{pos.Reason{Code: "something-new"}, btc, "something-new"},
	} {
		if got := en.Reason(it.r, it.in); got != it.want {
			t.Errorf("%s:\n got %q\nwant %q", it.r.Code, got, it.want)
		}
	}
}

func TestNoTimeIsPromised(t *testing.T) {
	for block, want := range map[time.Duration]string{
		0: "", 2 * time.Second: "usually 5 s", 12 * time.Second: "usually 20 s", 10 * time.Minute: "usually 10 min, sometimes 40",
	} {
		if got := en.Usual(block, 1); got != want {
			t.Errorf("Usual(%s) = %q, want %q", block, got, want)
		}
	}
	if got := en.Usual(10*time.Minute, 6); got != "usually 60 min, sometimes 2 h" {
		t.Errorf("six blocks: %q", got)
	}
}

func TestStatusesFitTheirPlaces(t *testing.T) {
	for _, s := range []pos.Status{
		pos.Awaiting, pos.Partial, pos.Seen, pos.Confirming, pos.Paid, pos.Overpaid, pos.Underpaid, pos.Expired, pos.Late,
		pos.Cancelled, pos.Disputed, pos.Reversed, pos.Accepted, pos.RefundDue, pos.Refunded,
	} {
		o := pos.Outcome{Status: s, Verdict: pos.Wait, Confirmations: 1, Needed: 3}
		if short := en.StatusShort(o); short == "" || len(short) > 9 {
			t.Errorf("%s is %q in a list", s, short)
		}
		if en.Status(o) == "" || en.Customer(o) == "" {
			t.Errorf("%s has no words", s)
		}
	}
	if got := en.Status(pos.Outcome{Status: pos.Confirming, Confirmations: 1, Needed: 3}); got != "CONFIRMING 1/3" {
		t.Error(got)
	}
	if got := en.Status(pos.Outcome{Status: pos.Confirming, Confirmations: 1, Needed: 3, Tag: "safe"}); got != "CONFIRMING" {
		t.Error(got)
	}
}

func TestEveryHealthCodeIsASentence(t *testing.T) {
	for _, code := range []chain.HealthCode{
		chain.HealthNoPeers, chain.HealthNoRelay, chain.HealthNoFilters, chain.HealthStale, chain.HealthBehind, chain.HealthUnreachable,
		chain.HealthWrongNetwork, chain.HealthLying, chain.HealthLimited, chain.HealthWrongToken, chain.HealthStore,
		chain.HealthOneEndpoint, chain.HealthUnproved, chain.HealthNoBalances, chain.HealthInternal, chain.HealthImport, chain.HealthNoImport,
	} {
		state, _, effect := en.Health(chain.Health{State: chain.Down, Code: code, Detail: "node\x1b[0m.example", Of: 2}, now)
		if state != "down" || !strings.Contains(effect, "No new sales") || !strings.Contains(effect, "(node[0m.example)") || strings.HasPrefix(effect, string(code)) {
			t.Errorf("%s: %q, %q", code, state, effect)
		}
		h := chain.Health{State: chain.Ready, Code: code, Detail: "node\x1b[0m.example", Unconfirmed: true}
		_, _, effect = en.Health(h, now)
		_, _, other := de.Health(h, now)
		if other == effect || !strings.Contains(other, "(node[0m.example)") || strings.HasPrefix(other, string(code)) {
			t.Errorf("%s in German: %q", code, other)
		}
	}
	state, fact, effect := en.Health(chain.Health{State: chain.Ready, Height: 975113, TipAt: now.Add(-4 * time.Minute), Unconfirmed: true, Relays: 8, Peers: 2}, now)
	if state != "ready" || fact != "block 975,113, 4 min ago   8 relay peers, 2 filter peers" || effect != "" {
		t.Errorf("%q, %q, %q", state, fact, effect)
	}
	if _, fact, _ = en.Health(chain.Health{State: chain.Syncing, Height: 10, Goal: 2000}, now); fact != "block 10 of 2,000" {
		t.Errorf("syncing: %q", fact)
	}
	if _, fact, _ = en.Health(chain.Health{State: chain.Syncing, Height: 10, Goal: 2000, Left: 150 * time.Second}, now); fact != "block 10 of 2,000, about 2 min left" {
		t.Errorf("syncing with an end in sight: %q", fact)
	}
	for s := chain.Connecting; s <= chain.Down; s++ {
		if state, _, _ := en.Health(chain.Health{State: s}, now); state == "" {
			t.Errorf("state %s has no word", s)
		}
	}
}

func TestErrorsAreSentences(t *testing.T) {
	if got := en.Error(errors.New("disk\x1b[2J full\n")); got != "disk[2J full" {
		t.Errorf("an unknown error is shown as %q", got)
	}
	offPar := errors.Join(money.ErrNoRate, fmt.Errorf("%w: USDT trades at 0.95 USD\x07", money.ErrOffPar))
	if got := en.Error(offPar); !strings.HasSuffix(got, "USDT trades at 0.95 USD") {
		t.Errorf("a coin off its par is shown as %q", got)
	}
	if en.Error(nil) != "" {
		t.Error("nil has words")
	}
}

func TestAddressesAndTimes(t *testing.T) {
	if got := Groups("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"); got != "bc1q cr8t e4kr 609g cawu tmrz a0j4 xv80 jy8z 306f yu" {
		t.Error(got)
	}
	if got := Groups("0x5aAeb605"); got != "0x 5aAe b605" {
		t.Error(got)
	}
	for index, want := range map[uint32]string{0: "tx 9f1c 04ab … e07a", chain.NoTx | 5: "tx unknown, in block 9f1c 04ab … e07a"} {
		key := chain.PaymentKey{Network: "eip155:1", TxID: "0x9f1c04ab55d1c0ffee00112233e07a", Index: index}
		if got := en.Phrases().Transaction(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := Short("0x9f1c04ab55d1c0ffee00112233e07a"); got != "9f1c 04ab … e07a" {
		t.Error(got)
	}
	if got := Number4(7) + Number4(12345); got != "000712345" {
		t.Error(got)
	}
	for d, want := range map[time.Duration]string{
		15 * time.Minute: "15:00", 892 * time.Second: "14:52", 891500 * time.Millisecond: "14:52", 0: "0:00", -time.Minute: "0:00",
		25 * time.Hour: "25:00:00", 500 * time.Millisecond: "0:01",
	} {
		if got := Left(d); got != want {
			t.Errorf("Left(%s) = %s, want %s", d, got, want)
		}
	}
	for at, want := range map[time.Time]string{
		now.Add(-time.Hour): "today", now.AddDate(0, 0, -1): "Thursday", now.AddDate(0, 0, -20): "31 October", now.AddDate(-1, 0, 0): "20 November 2025",
	} {
		if got := en.Day(at, now); got != want {
			t.Errorf("Day(%s) = %q, want %q", at, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 12 * time.Second: "12 s ago", 4 * time.Minute: "4 min ago", 3 * time.Hour: "3 h ago", 72 * time.Hour: "3 days ago"} {
		if got := en.Ago(d); got != want {
			t.Errorf("Ago(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	f := Format{Locale: money.LocaleFor("de-DE")}
	if got := f.Coin(chain.Units(25958), btc); got != "25.958 sat" {
		t.Error(got)
	}
	if got := f.Whole(chain.Units(25958), btc); got != "0,00025958 BTC" {
		t.Error(got)
	}
	usdc := chain.Asset{ID: "eip155:1/erc20:0x0", Symbol: "USDC", Decimals: 6, Par: "USD"}
	if got := f.Coin(chain.Units(18_800_000), usdc); got != "18,80 USDC" {
		t.Error(got)
	}
	if f.Number(chain.Units(25958), btc)+"|"+f.Unit(btc) != "25.958|sat" {
		t.Error(f.Number(chain.Units(25958), btc))
	}
	if shop := (pos.Shop{Rails: map[string]string{"eip155:424242": "Devnet"}}); RailOf(shop, "eip155:424242") != "Devnet" || RailOf(shop, "eip155:8453") != "Base" {
		t.Error("a rail is not called what the shop calls it")
	}
	if Rail("eip155:8453") != "Base" || Rail("eip155:424242") != "EVM chain 424242" || Rail("moon") != "moon" {
		t.Error("rails have the wrong names")
	}
}

func TestGerman(t *testing.T) {
	for want, got := range map[string]string{
		"meist 10 min, manchmal 40":       de.Usual(10*time.Minute, 1),
		"meist 5 s":                       de.Usual(2*time.Second, 1),
		"heute":                           de.Day(now, now),
		"Donnerstag":                      de.Day(now.AddDate(0, 0, -1), now),
		"31. Oktober":                     de.Day(now.AddDate(0, 0, -20), now),
		"20. November 2025":               de.Day(now.AddDate(-1, 0, 0), now),
		"jetzt":                           de.Ago(0),
		"vor 4 min":                       de.Ago(4 * time.Minute),
		"vor 3 Tagen":                     de.Ago(72 * time.Hour),
		"3 Tage":                          de.Span(72 * time.Hour),
		"BESTÄTIGUNG 1/3":                 de.Status(pos.Outcome{Status: pos.Confirming, Confirmations: 1, Needed: 3}),
		"BEST. 1/3":                       de.StatusShort(pos.Outcome{Status: pos.Confirming, Confirmations: 1, Needed: 3}),
		"B. 10/12":                        de.StatusShort(pos.Outcome{Status: pos.Confirming, Confirmations: 10, Needed: 12}),
		"in Block 975.113, 1 Bestätigung": de.Reason(pos.Reason{Code: pos.WhyConfirmed, N: 1, Block: chain.BlockRef{Height: 975113}}, btc),
		"bezahlt nach 3 Blöcken, meist 30 min, manchmal 60; über Ihrem Limit von 10,00 € für Ware ohne Block": de.Reason(pos.Reason{Code: pos.WhyAboveLimit, N: 3, Fiat: money.Of(1000, "EUR")}, btc),
		"falsche PIN; noch 1 Versuch, dann sind PINs eine Weile gesperrt":                                     de.Error(&pos.WrongPINError{Left: 1}),
		"dorthin kann nichts gezahlt werden: es ist eine Adresse des Ladens selbst":                           de.Error(fmt.Errorf("%w: it is one of the shop's own addresses", pos.ErrAddress)),
		"dorthin kann nichts gezahlt werden: something else[2J":                                               de.Error(fmt.Errorf("%w: something else\x1b[2J", pos.ErrAddress)),
		"niemand heißt Eve": de.Error(fmt.Errorf("%w: nobody is called Eve", pos.ErrStaff)),
		"USDT wird zu 0.95 USD gehandelt, nicht zum Nennwert; nehmen Sie solange einen anderen Coin": de.Error(errors.Join(money.ErrNoRate, fmt.Errorf("%w: USDT trades at 0.95 USD\x07 and not at 1", money.ErrOffPar))),
		"ein Stablecoin ist seinen Nennwert nicht wert; nehmen Sie solange einen anderen Coin":       de.Error(money.ErrOffPar),
	} {
		if got != want {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	}
}

func TestTagsFindTheirLanguage(t *testing.T) {
	for tag, want := range map[string]string{
		"": "en", "C": "en", "POSIX": "en", "en-IE": "en", "de": "de", "DE": "de", "de-AT": "de", "de_AT.UTF-8": "de", "de.UTF-8": "de", "de@euro": "de",
		"fr-FR": "en", "den": "en", "-": "en",
	} {
		if got := For(tag, Format{}).Tag(); got != want {
			t.Errorf("%q is spoken as %s, want %s", tag, got, want)
		}
	}
	if Speaks("fr") || !Speaks("de_CH") || !Speaks("en") {
		t.Error("till does not know which languages it speaks")
	}
}

// TestDetailsInGermanAreStillSaid looks that what German replaces is still what
// the register says.
func TestDetailsInGermanAreStillSaid(t *testing.T) {
	var source strings.Builder
	for _, pattern := range []string{"../../pos/*.go", "../../chain/xpub/*.go", "../../cmd/till/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", pattern, err)
		}
		for _, name := range files {
			if text, err := os.ReadFile(name); err != nil {
				t.Fatal(err)
			} else if !strings.HasSuffix(name, "_test.go") {
				source.Write(text)
			}
		}
	}
	for english := range germanDetails {
		if !strings.Contains(source.String(), english) {
			t.Errorf("nobody says %q any more", english)
		}
	}
}
