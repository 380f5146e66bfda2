package tui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// golden compares a frame with the stored one.
func golden(t *testing.T, name, frame string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(frame+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden frame (run: go test ./tui -update): %v", err)
	}
	if strings.TrimSuffix(string(want), "\n") != frame {
		t.Errorf("%s differs (go test ./tui -update writes it anew):\n%s", name, frame)
	}
}

// situation is what a screen is drawn for.
type situation struct {
	name  string
	setup []func(*Config, *shopFake)
	play  func(s *stand)
}

// situations are what a cashier meets, in the order of a day.
var situations = append([]situation{
	{name: "amount-first", setup: []func(*Config, *shopFake){demo}, play: func(*stand) {}},
	{name: "amount-typed", play: func(s *stand) {
		s.keys("1620").press("enter", "n").happens(231, seen)
		s.keys("3800b").press("n").happens(232, confirming(1, 2))
		s.m.news = nil
		s.m.layout()
		s.keys("4*310+380")
	}},
	{name: "amount-refused", play: func(s *stand) {
		s.shop.refuse[btc.ID] = fmt.Errorf("bitcoin: %w", pos.ErrConnecting)
		s.shop.refuse[eth.ID] = pos.ErrStaleRate
		s.keys("450")
	}},
	{name: "amount-asset", play: func(s *stand) { s.press("/", "/", "/").keys("21000") }},
	{name: "amount-items", setup: []func(*Config, *shopFake){bakery}, play: func(s *stand) { s.press("f5", "f5", "f7").keys("3*j250") }},
	{name: "amount-name", setup: []func(*Config, *shopFake){bakery}, play: func(s *stand) { s.press("f5").keys("250l").keys("Sugar") }},
	{name: "pay-awaiting", play: func(s *stand) { s.keys("1620b").tick(8e9) }},
	{name: "pay-token", play: func(s *stand) { s.keys("1620").press("enter").tick(8e9) }},
	{name: "pay-noqr", play: func(s *stand) { s.shop.noQR = pos.ErrConnecting; s.keys("1620b") }},
	{name: "pay-cancel", play: func(s *stand) { s.keys("1620b").press("esc") }},
	{name: "pay-partial", play: func(s *stand) { s.keys("1620b").happens(231, partial) }},
	{name: "pay-seen", play: func(s *stand) { s.keys("1620b").happens(231, seen) }},
	{name: "pay-handover", play: func(s *stand) { s.keys("450b").happens(231, handOver) }},
	{name: "pay-confirming", play: func(s *stand) { s.keys("1620b").happens(231, confirming(1, 3)) }},
	{name: "customer", play: func(s *stand) { s.keys("1620b").press("f") }},
	{name: "customer-seen", play: func(s *stand) { s.keys("1620b").press("f").happens(231, seen) }},
	{name: "outcome-paid", play: func(s *stand) { s.keys("1620b").happens(231, paid) }},
	{name: "outcome-paper", setup: []func(*Config, *shopFake){func(c *Config, _ *shopFake) { c.Printer = &paperFake{} }}, play: func(s *stand) { s.keys("1620b").happens(231, paid) }},
	{name: "outcome-underpaid", play: func(s *stand) { s.keys("1620b").happens(231, underpaid) }},
	{name: "outcome-disputed", play: func(s *stand) { s.keys("1620b").happens(231, disputed) }},
	{name: "outcome-expired", play: func(s *stand) { s.keys("1620b").happens(231, expired) }},
	{name: "sales", play: func(s *stand) { day(s); s.press("f2") }},
	{name: "detail", play: func(s *stand) { day(s); s.press("f2", "down", "down", "enter") }},
	{name: "health", play: func(s *stand) { s.press("f4") }},
	{name: "health-whole", setup: []func(*Config, *shopFake){gauged}, play: func(s *stand) { s.press("f4") }},
	{name: "health-end", setup: []func(*Config, *shopFake){gauged}, play: func(s *stand) {
		s.press("f4")
		for range 40 {
			s.press("down")
		}
	}},
	{name: "health-trouble", setup: []func(*Config, *shopFake){gauged, troubled}, play: func(s *stand) {
		s.send(heard{update: pos.Update{Board: s.m.board}})
		s.press("f4")
		s.m.board.Store, s.m.board.Behind = pos.ErrDamaged, 3*time.Minute
		for range 40 {
			s.press("down")
		}
	}},
	{name: "help", play: func(s *stand) { s.keys("1620b").press("?") }},
	{name: "help-token", play: func(s *stand) { s.keys("450u").press("?") }},
	{name: "scenes", setup: []func(*Config, *shopFake){demo}, play: func(s *stand) { s.keys("450").press("enter").press("P") }},
	{name: "news", play: func(s *stand) {
		s.keys("1620").press("enter", "n").keys("450b")
		s.press("n").happens(231, paid).happens(232, late)
	}},
}, append(deciding(), playing()...)...)

// deciding is what a cashier and a supervisor meet when something went wrong.
func deciding() []situation {
	bob := []func(*Config, *shopFake){withBob}
	toRefund := func(s *stand) {
		s.keys("1620b").happens(231, underpaid)
		s.press("g", "1")
		s.send(tea.PasteMsg{Content: homeAddress})
	}
	return []situation{
		{name: "outcome-late", play: func(s *stand) { s.keys("1620b").happens(231, late) }},
		{name: "form-accept", setup: bob, play: func(s *stand) { s.keys("1620b").happens(231, underpaid).press("a").keys("2468") }},
		{name: "form-wrong", setup: bob, play: func(s *stand) {
			s.keys("1620b").happens(231, late).press("r", "tab").keys("he waited").press("enter").keys("111111").press("enter")
		}},
		{name: "form-nobody", play: func(s *stand) { s.keys("1620b").happens(231, late).press("a") }},
		{name: "form-cash", play: func(s *stand) { s.keys("1620b").happens(231, partial).press("k") }},
		{name: "refund-amount", setup: bob, play: func(s *stand) { s.keys("1620b").happens(231, underpaid).press("g", "down") }},
		{name: "refund-part", setup: bob, play: func(s *stand) { s.keys("1620b").happens(231, underpaid).press("g", "2").keys("324") }},
		{name: "refund-address", setup: bob, play: toRefund},
		{name: "refund-pin", setup: bob, play: func(s *stand) { toRefund(s); s.press("enter").keys("24") }},
		{name: "payout", setup: bob, play: func(s *stand) { toRefund(s); s.press("enter").keys(bobsPIN).press("enter").tick(7e9) }},
		{name: "payout-seen", setup: bob, play: func(s *stand) {
			toRefund(s)
			s.press("enter").keys(bobsPIN).press("enter").happens(231, onItsWay(0, 1)).tick(7e9)
		}},
		{name: "outcome-refunded", setup: bob, play: func(s *stand) {
			toRefund(s)
			s.press("enter").keys(bobsPIN).press("enter").happens(231, onItsWay(1, 1)).happens(231, refunded).tick(7e9)
		}},
		{name: "away", play: backFromTheWeekend},
		{name: "away-news", play: func(s *stand) { backFromTheWeekend(s); s.press("esc").keys("45") }},
		{name: "news-late", play: lateOnMonday},
		{name: "find-asked", play: func(s *stand) {
			s.shop.sights = map[string][]pos.Sighting{nobodysTx: {
				{Rail: "bitcoin:mainnet", Asset: btc, Found: chain.Found{Known: true, Block: chain.BlockRef{Height: 975110, Hash: "00", Time: noon.Add(-time.Hour)}}},
				{Rail: "eip155:1", Asset: eth},
				{Rail: "eip155:8453", Asset: eth, Err: chain.ErrCannot},
			}}
			s.press("w")
			s.send(tea.PasteMsg{Content: nobodysTx})
		}},
		{name: "find-sale", play: func(s *stand) { day(s); s.press("w").keys("9f1c04ab") }},
		{name: "detail-whole", setup: bob, play: func(s *stand) { wholeStory(s); s.press("d") }},
		{name: "changed", setup: bob, play: func(s *stand) { keysChanged(s) }},
		{name: "changed-agree", setup: bob, play: func(s *stand) { keysChanged(s).press("f8").keys("24") }},
		{name: "day", setup: bob, play: func(s *stand) { day(s); s.press("k", "enter", "f3") }},
		{name: "locked", setup: bob, play: func(s *stand) { day(s); s.press("f10").keys("1111").press("enter").keys("24") }},
		{name: "amount-stale", setup: bob, play: func(s *stand) { stale(s).keys("450") }},
		{name: "rate-form", setup: bob, play: func(s *stand) { stale(s).press("f9", "enter").keys("62410.50") }},
		{name: "rate-far", setup: bob, play: func(s *stand) {
			stale(s).press("f9", "enter").keys("624").press("enter").keys(bobsPIN).press("enter")
		}},
		{name: "rate-manual", setup: bob, play: func(s *stand) {
			stale(s).press("f9", "enter").keys("62000").press("enter").keys(bobsPIN).press("enter").tick(7e9)
		}},
	}
}

const nobodysTx = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"

// backFromTheWeekend is a till that was closed from Friday to Monday.
func backFromTheWeekend(s *stand) {
	s.keys("1620").press("enter").press("n").keys("450b").press("n").keys("3800b").press("n")
	s.shop.change(s.t, 231, paid)
	s.shop.change(s.t, 232, late)
	s.shop.change(s.t, 233, underpaid)
	s.clock.move(68 * time.Hour)
	s.send(ticked(s.clock.Now()))
	s.shop.away = &pos.Away{From: noon.Add(6 * time.Hour), Until: s.clock.Now().Add(-time.Minute)}
	for _, v := range s.shop.sales {
		s.shop.away.Sales = append(s.shop.away.Sales, v.Sale.ID)
	}
	s.send(heard{update: pos.Update{Board: s.shop.Board()}})
}

// lateOnMonday is money for a sale of Friday, while another is being typed.
func lateOnMonday(s *stand) {
	s.keys("1100b").press("n").happens(231, expired)
	s.tick(70*time.Hour).keys("45").happens(231, func(v *pos.View) {
		late(v)
		v.Payments[0].FirstAt = s.clock.Now()
	})
}

// wholeStory is a sale on which everything was tried.
func wholeStory(s *stand) {
	s.keys("1620b").happens(231, disputed)
	v := s.shop.sales[0]
	id, at := v.Sale.ID, noon
	rung := v.Sale
	rung.Outcome = pos.Outcome{}
	key := v.Payments[0].Key
	block := chain.BlockRef{Height: 975113, Hash: "00", Time: noon}
	s.shop.wrote(id, at, pos.EntrySale, rung)
	s.shop.wrote(id, at.Add(8*time.Second), pos.EntryEvent, chain.Event{Kind: chain.Seen, Key: key, Asset: btc.ID, Amount: chain.Units(25958), Evidence: chain.Proof{Announcers: 8, Of: 8}})
	s.shop.wrote(id, at.Add(8*time.Second), pos.EntryOutcome, pos.Outcome{Status: pos.Seen, Verdict: pos.Wait, Asset: btc.ID, Reason: pos.Reason{Code: pos.WhyNoBlock, N: 1}})
	s.shop.wrote(id, at.Add(9*time.Minute), pos.EntryEvent, chain.Event{Kind: chain.Included, Key: key, Asset: btc.ID, Amount: chain.Units(25958), Block: block})
	s.shop.wrote(id, at.Add(9*time.Minute), pos.EntryOutcome, pos.Outcome{Status: pos.Paid, Verdict: pos.HandOver, Asset: btc.ID, Reason: pos.Reason{Code: pos.WhyConfirmed, N: 1, Block: block}})
	s.shop.wrote(id, at.Add(20*time.Minute), pos.EntryEvent, chain.Event{Kind: chain.Retracted, Key: key, Block: block})
	s.shop.wrote(id, at.Add(21*time.Minute), pos.EntryEvent, chain.Event{Kind: chain.Conflict, Key: key, By: v.Payments[0].By})
	s.shop.wrote(id, at.Add(21*time.Minute), pos.EntryOutcome, v.Sale.Outcome)
	s.shop.wrote(id, at.Add(21*time.Minute), pos.EntryIncident, pos.Incident{Was: pos.Paid, Is: pos.Disputed, Reason: v.Sale.Outcome.Reason, Cashier: "Ana", Terminal: "till 1"})
	s.shop.wrote(id, at.Add(30*time.Minute), pos.EntryAct, pos.Act{Kind: pos.ActAccept, Actor: pos.Actor{Name: "Ana", Terminal: "till 1"}, Approved: "Bob", Why: "a regular"})
	s.clock.move(31 * time.Minute)
	s.send(ticked(s.clock.Now()))
}

func keysChanged(s *stand) *stand {
	s.shop.changed = []string{"bitcoin key: 8c1fa2d0 > 11aa22bb", "tolerance: 0.1 % > 5 %"}
	s.keys("450")
	s.send(heard{update: pos.Update{Board: s.shop.Board()}})
	return s
}

// stale is a shop whose exchanges do not answer any more.
func stale(s *stand) *stand {
	s.shop.refuse[btc.ID], s.shop.refuse[eth.ID] = pos.ErrStaleRate, pos.ErrStaleRate
	s.shop.byHand = map[chain.AssetID]pos.RateInfo{
		btc.ID: {Rate: rates[btc.ID], State: pos.RateStale, At: noon.Add(-7 * time.Minute)},
		eth.ID: {Rate: rates[eth.ID], State: pos.RateStale, At: noon.Add(-6 * time.Minute)},
	}
	s.send(heard{update: pos.Update{Board: s.shop.Board()}})
	return s
}

// day is a few sales in different states.
func day(s *stand) {
	s.keys("1620").press("enter").happens(231, paid).press("enter")
	s.keys("450b").happens(232, underpaid).press("n")
	s.keys("3800b").happens(233, confirming(1, 3)).press("n")
	s.keys("2*310+120e").press("n")
}

func bakery(cfg *Config, _ *shopFake) {
	cfg.Items = []Item{
		{"f5", "Coffee", money.Of(450, "EUR")}, {"f6", "Cake", money.Of(380, "EUR")}, {"f7", "抹茶ラテ", money.Of(520, "EUR")}, {"j", "Loaf of rye bread", money.Of(1090, "EUR")},
	}
}

// gauged is a till whose instruments are read.
func gauged(cfg *Config, _ *shopFake) {
	cfg.Instruments = func(context.Context) (Instruments, error) {
		quote := func(source string, num uint64, used bool) Quote {
			return Quote{Source: source, Price: money.Rate{Num: num, Scale: 2}, Age: 3 * time.Second, Used: used}
		}
		return Instruments{
			Prices: []Price{
				{Symbol: "BTC", Currency: "EUR", Quotes: []Quote{quote("kraken", 6241100, true), quote("coinbase", 6240900, true), quote("bitstamp", 6241200, true)}, Apart: 48},
				{Symbol: "ETH", Currency: "EUR", Quotes: []Quote{quote("kraken", 231807, true), {Source: "coinbase"}, quote("bitstamp", 281807, false)}},
			},
			Gaps:  []Gap{{"Bitcoin", 12, 20}, {"Ethereum, Base", 3, 20}},
			Store: StoreState{Sales: 31204, Backup: noon.Add(-6 * time.Hour), Keep: true}, Screens: 3,
		}, nil
	}
}

// troubled is a till of which a person has to look at everything.
func troubled(cfg *Config, shop *shopFake) {
	whole := cfg.Instruments
	cfg.Instruments = func(ctx context.Context) (Instruments, error) {
		is, err := whole(ctx)
		is.Gaps[0].Unused, is.Store.Checking, is.Store.Backup = 17, true, time.Time{}
		is.Prices[0].Alarm = fmt.Errorf("USD/EUR: %w", money.ErrOffPar)
		return is, err
	}
	shop.refuse[usdc.ID] = fmt.Errorf("eip155:8453: %w", pos.ErrConnecting)
	shop.byHand = map[chain.AssetID]pos.RateInfo{btc.ID: {Rate: rates[btc.ID], State: pos.RateStale, At: noon.Add(-7 * time.Minute)}}
}

func demo(cfg *Config, shop *shopFake) {
	cfg.Hint = words.For(cfg.Language, words.Format{}).Phrases().HintDemo
	cfg.Stage = &stageFake{}
	shop.shop.Training = true
}

var sizes = []struct{ w, h int }{{40, 20}, {80, 24}, {200, 60}}

func TestFrames(t *testing.T) {
	for _, size := range sizes {
		for _, it := range situations {
			t.Run(fmt.Sprintf("%dx%d/%s", size.w, size.h, it.name), func(t *testing.T) {
				s := newStand(t, size.w, size.h, it.setup...)
				it.play(s)
				golden(t, fmt.Sprintf("%dx%d/%s", size.w, size.h, it.name), s.screen())
			})
		}
	}
}

// inGerman are the frames that are kept in German too: of every screen the one
// with most to say.
var inGerman = []string{
	"amount-first", "amount-typed", "amount-refused", "amount-stale", "pay-awaiting", "pay-token", "pay-cancel", "pay-partial", "pay-seen",
	"pay-handover", "pay-confirming", "customer", "customer-seen", "outcome-paid", "outcome-underpaid", "outcome-late", "outcome-disputed", "outcome-expired", "form-accept",
	"refund-amount", "payout", "away", "news-late", "find-asked", "sales", "detail-whole", "day", "locked", "changed", "health", "health-end", "help", "scenes", "kiosk-typed", "kiosk-going", "kiosk-paid", "board", "guest", "guest-sent", "sure", "amount-items",
}

func TestGermanFrames(t *testing.T) {
	found := 0
	for _, it := range situations {
		if !slices.Contains(inGerman, it.name) {
			continue
		}
		found++
		for _, size := range sizes {
			name := fmt.Sprintf("de/%dx%d/%s", size.w, size.h, it.name)
			t.Run(name, func(t *testing.T) {
				s := newStand(t, size.w, size.h, append([]func(*Config, *shopFake){german}, it.setup...)...)
				it.play(s)
				golden(t, name, s.screen())
				for _, line := range strings.Split(s.screen(), "\n") {
					if cut := cutOff.FindString(line); cut != "" && !slices.ContainsFunc(mayBeCut, func(ok string) bool { return strings.Contains(line, ok) }) {
						t.Errorf("%q is cut: %q", cut, line)
					}
				}
			})
		}
	}
	if found != len(inGerman) {
		t.Errorf("%d of %d situations are there", found, len(inGerman))
	}
}

// cutOff is text that had no room.
var cutOff = regexp.MustCompile(`\S+…`)

// mayBeCut are texts whose end says nothing that is needed.
var mayBeCut = []string{"noch nicht verb", "Kurs ist zu", "suchen / Nummer", "suchen …", "the customer"}

func german(c *Config, _ *shopFake) {
	c.Language, c.Locale = "de-DE", money.LocaleFor("de-DE")
}

// inEveryTheme are those in which a colour could say what no word does.
var inEveryTheme = []string{"kiosk-amounts", "board", "outcome-disputed", "health-trouble"}

func TestThemes(t *testing.T) {
	for _, name := range []string{"dark", "light", "contrast", "plain"} {
		s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Theme = name })
		s.keys("1620b").happens(231, handOver)
		golden(t, "theme/"+name, s.m.View().Content)
		for _, it := range situations {
			if !slices.Contains(inEveryTheme, it.name) {
				continue
			}
			s := newStand(t, 80, 24, append(slices.Clone(it.setup), func(c *Config, _ *shopFake) { c.Theme = name })...)
			it.play(s)
			golden(t, "theme/"+name+"-"+it.name, s.m.View().Content)
		}
	}
}

// TestWideNamesFit draws names of wide and combining letters, of which no screen
// of ours has any, at every width.
func TestWideNamesFit(t *testing.T) {
	wide := func(c *Config, f *shopFake) {
		f.shop.Name = "喫茶店リンデ 한국어 e\u0301\u0301\u0301\u0301\u0301\u0301"
		f.shop.Assets[0].Name, c.Actor.Name = "コイン on 鎖", "アナ"
	}
	for w := range 130 {
		s := newStand(t, w, 24, wide)
		s.keys("1620").press("enter", "n").press("f2")
		for range 3 {
			for y, l := range strings.Split(s.m.View().Content, "\n") {
				if got := ansi.StringWidth(l); got > w {
					t.Fatalf("%d columns: line %d is %d wide: %q", w, y, got, ansi.Strip(l))
				}
			}
			s.press("enter")
		}
	}
}

// TestEveryFrameFits draws every situation at every odd size.
func TestEveryFrameFits(t *testing.T) {
	for _, size := range []struct{ w, h int }{
		{1, 1},
		{0, 0},
		{5, 3},
		{12, 2},
		{28, 10},
		{27, 30},
		{40, 20},
		{59, 40},
		{60, 22},
		{60, 21},
		{80, 24},
		{90, 23},
		{119, 60},
		{120, 39},
		{120, 40},
		{200, 60},
		{399, 149},
		{10000, 10000},
		{10000, 5},
		{-3, -3},
	} {
		for _, it := range situations {
			s := newStand(t, size.w, size.h, it.setup...)
			it.play(s)
			lines := strings.Split(s.m.View().Content, "\n")
			w, h := min(max(size.w, 0), mostCols), min(max(size.h, 0), mostRows)
			if len(lines) > max(h, 1) {
				t.Errorf("%s at %dx%d has %d lines", it.name, size.w, size.h, len(lines))
			}
			for y, l := range lines {
				if got := ansi.StringWidth(l); got > w {
					t.Errorf("%s at %dx%d: line %d is %d wide: %q", it.name, size.w, size.h, y, got, ansi.Strip(l))
				}
			}
		}
	}
}
