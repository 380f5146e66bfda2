package tui

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"pgregory.net/rapid"
)

// allKeys is every key of the table and some that mean nothing.
func allKeys() []string {
	seen := make(map[string]bool)
	var keys []string
	add := func(names ...string) {
		for _, k := range names {
			if !seen[k] && k != "ctrl+c" {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	for _, b := range bindings {
		add(b.keys...)
	}
	add("b", "e", "u", "q", "Z", "ü", "界", "left", "home", "alt+x", "f10", "~", "-", "shift+tab")
	return keys
}

// TestRandomKeysNeverBreakAFrame presses anything while anything happens.
func TestRandomKeysNeverBreakAFrame(t *testing.T) {
	keys := allKeys()
	fates := []func(*pos.View){seen, partial, confirming(1, 3), paid, underpaid, late, disputed, expired, handOver, toBePaidBack, refunded}
	rapid.Check(t, func(rt *rapid.T) {
		setup := []func(*Config, *shopFake){}
		if rapid.Bool().Draw(rt, "demo") {
			setup = append(setup, demo)
		}
		if rapid.Bool().Draw(rt, "staff") {
			setup = append(setup, withBob)
		}
		s := newStand(t, 80, 24, setup...)
		board := func() {
			s.clock.move(time.Duration(rapid.IntRange(0, 20).Draw(rt, "pause")) * time.Second)
			s.shop.changed = rapid.SampledFrom([][]string{nil, nil, {"tolerance: 1 > 2"}}).Draw(rt, "changed")
			s.shop.refuse[btc.ID] = rapid.SampledFrom([]error{nil, pos.ErrStaleRate}).Draw(rt, "refusal")
			s.shop.away = nil
			if n := len(s.shop.sales); n > 0 && rapid.Bool().Draw(rt, "away") {
				s.shop.away = &pos.Away{From: noon, Until: s.clock.Now(), Sales: []string{s.shop.sales[n-1].Sale.ID}}
			}
			s.send(heard{update: pos.Update{Board: s.shop.Board()}})
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				if n := len(s.shop.sales); n > 0 {
					i := rapid.IntRange(0, n-1).Draw(rt, "sale")
					s.happens(s.shop.sales[i].Sale.Number, fates[rapid.IntRange(0, len(fates)-1).Draw(rt, "fate")])
				}
			case 1:
				s.send(tea.WindowSizeMsg{Width: rapid.IntRange(0, 220).Draw(rt, "w"), Height: rapid.IntRange(0, 70).Draw(rt, "h")})
			case 2:
				board()
			case 3:
				s.send(tea.PasteMsg{Content: rapid.String().Draw(rt, "paste")})
			default:
				s.press(rapid.SampledFrom(keys).Draw(rt, "key"))
			}
			lines := strings.Split(s.m.View().Content, "\n")
			if len(lines) > max(1, s.m.lay.frame.H) {
				rt.Fatalf("%d lines in a window of %d", len(lines), s.m.lay.frame.H)
			}
			for _, l := range lines {
				if ansi.StringWidth(l) > s.m.lay.frame.W {
					rt.Fatalf("a line of %d cells in a window of %d", ansi.StringWidth(l), s.m.lay.frame.W)
				}
			}
		}
	})
}

// TestTypedDigitsAreNeverLost types amounts ahead of a register that answers
// when it likes, or fails. Every digit has to end up in a sale, in the order
// typed, or stand on the screen.
func TestTypedDigitsAreNeverLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStand(t, 80, 24)
		var typed []string // amounts, as a person meant them
		failed := false
		var now strings.Builder
		answer := func() {
			held := s.held
			s.held = nil
			for _, cmd := range held {
				s.hold = true
				s.run(cmd)
			}
		}
		s.hold = true
		for range rapid.IntRange(1, 4).Draw(rt, "sales") {
			now.Reset()
			now.WriteString(rapid.StringMatching(`[1-9][0-9]{1,2}`).Draw(rt, "amount"))
			typed = append(typed, now.String())
			for _, r := range now.String() {
				s.press(string(r))
				if rapid.IntRange(0, 4).Draw(rt, "answer") == 0 {
					answer()
				}
			}
			s.press("enter")
			if rapid.IntRange(0, 5).Draw(rt, "fails") == 0 {
				s.shop.fail, failed = pos.ErrStaleRate, true
			}
			if rapid.Bool().Draw(rt, "answer") {
				answer()
			}
			s.press("n")
		}
		for len(s.held) > 0 {
			answer()
		}
		var have []int64
		for _, d := range s.shop.opened {
			have = append(have, d.Fiat.Minor)
		}
		left := append(s.m.held, s.m.draft)
		if s.m.parked != nil {
			left = append(left, *s.m.parked)
		}
		for _, d := range left {
			if !d.empty() {
				have = append(have, d.calc.total(2))
			}
		}
		var want []int64
		for _, text := range typed {
			want = append(want, number(text))
		}
		slices.Sort(have)
		slices.Sort(want)
		// Somebody who does not look while charging fails may type two amounts
		// into one, large on the screen; but no digit goes away.
		same := slices.Equal(have, want)
		if failed {
			same = digits(have) == digits(want)
		}
		if !same || len(s.m.queue) != 0 {
			rt.Fatalf("typed %v, rung up or on screen %v, %v waiting", typed, have, s.m.queue)
		}
	})
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// TestHostileNamesCannotLeaveTheirCells puts any text wherever text comes from
// outside, and looks for anything that a terminal would obey.
func TestHostileNamesCannotLeaveTheirCells(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		evil := func(name string) string {
			return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
				"\x1b[2J", "\x1b]0;x\a", "\u009b31m", "\u202eabc", "a\u0300\u0300\u0300\u0300\u0300\u0300\u0300", "\xff\xfe", "👩‍👩‍👧‍👦", "\r\n\t", "ﷺ", "\U000e0041",
			})).Draw(rt, name)
		}
		w, h := rapid.IntRange(20, 130).Draw(rt, "w"), rapid.IntRange(8, 45).Draw(rt, "h")
		s := newStand(t, w, h, func(c *Config, f *shopFake) {
			f.shop.Name, f.shop.Fingerprint, c.Hint = evil("shop"), evil("fingerprint"), evil("hint")
			c.Actor = pos.Actor{Name: evil("name"), Terminal: evil("terminal")}
			f.shop.Assets = append([]chain.Asset(nil), f.shop.Assets...)
			f.shop.Assets[0].Symbol, f.shop.Assets[0].Name, f.shop.Assets[0].Key = evil("symbol"), evil("asset"), evil("key")
			health := f.health["eip155:8453"]
			health.Detail = evil("detail")
			f.health["eip155:8453"] = health
		})
		look := func() {
			v := s.m.View()
			rest := sgr.ReplaceAllString(v.Content, "") + v.WindowTitle // anything else that begins with an escape stays
			for _, r := range rest {
				if r != '\n' && (r < 0x20 || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)) {
					rt.Fatalf("%q reached the terminal in %q", r, rest)
				}
			}
			for _, l := range strings.Split(v.Content, "\n") {
				if ansi.StringWidth(l) > w {
					rt.Fatalf("%q is wider than %d", l, w)
				}
			}
		}
		look()
		s.keys("450").press("enter").happens(231, func(v *pos.View) {
			handOver(v)
			v.Asset.Symbol, v.Asset.Name = evil("symbol"), evil("asset")
			v.Sale.Reference, v.Sale.Note, v.Sale.Cashier, v.Sale.Code = evil("reference"), evil("note"), evil("cashier"), evil("code")
			v.Sale.Lines = []pos.Line{{Name: evil("line"), Count: 2}}
			v.Sale.Acts = []pos.Act{{Kind: pos.ActKind(evil("act")), Why: evil("why")}}
			v.Payments[0].Key.TxID, v.Payments[0].By = chain.TxID(evil("tx")), chain.TxID(evil("by"))
			v.Sale.Outcome.Notes = []pos.Reason{{Code: pos.Code(evil("code")), Text: evil("text")}}
			v.Sale.Quotes[0].Rate.Sources = []string{"manual: " + evil("source")}
			v.Sale.Quotes[0].Rate.State = pos.RateManual
		})
		id := s.shop.sales[0].Sale.ID
		by := pos.Actor{Name: evil("actor"), Terminal: evil("till")}
		s.shop.wrote(id, noon, pos.EntryAct, pos.Act{Kind: pos.ActAccept, Actor: by, Approved: evil("approved"), Why: evil("reason")})
		s.shop.wrote(id, noon, pos.EntryIncident, pos.Incident{Was: pos.Status(evil("was")), Cashier: evil("cashier"), Reason: pos.Reason{Code: pos.Code(evil("code"))}})
		s.shop.wrote(id, noon, pos.EntryKind(evil("kind")), evil("body"))
		s.shop.wrote(id, noon, pos.EntryEvent, chain.Event{Kind: chain.Seen, Key: chain.PaymentKey{TxID: chain.TxID(evil("tx"))}, Asset: chain.AssetID(evil("asset"))})
		s.shop.changed = []string{evil("rule")}
		s.shop.byHand = map[chain.AssetID]pos.RateInfo{btc.ID: {State: pos.RateManual, Rate: rates[btc.ID], Sources: []string{"manual: " + evil("who")}}}
		s.send(heard{update: pos.Update{Board: s.shop.Board()}})
		s.shop.sights = map[string][]pos.Sighting{nobodysTx: {{Rail: evil("rail"), Err: errors.New(evil("error"))}}}
		for _, key := range []string{"f", "f", "d", "esc", "n", "f2", "enter", "esc", "esc", "f4", "esc", "w"} {
			look()
			s.press(key)
		}
		s.send(tea.PasteMsg{Content: evil("paste")})
		look()
		s.press("esc", "esc", "w")
		s.send(tea.PasteMsg{Content: nobodysTx})
		look()
		s.press("esc", "esc", "esc").happens(231, toBePaidBack).happens(231, func(v *pos.View) {
			v.Payout.Asset.Name, v.Payout.Refund.To, v.Payout.Refund.Basis = evil("asset"), chain.Destination(evil("to")), pos.RefundBasis(evil("basis"))
		})
		s.press("tab")
		look()
		for _, key := range []string{"o", "tab"} {
			s.press(key)
			s.send(tea.PasteMsg{Content: evil("why")})
			look()
		}
	})
}

// digits is all digits of some amounts in order of size, without zeros, which
// do not count at the left of a number.
func digits(amounts []int64) string {
	var all []byte
	for _, n := range amounts {
		all = append(all, strings.ReplaceAll(fmt.Sprint(n), "0", "")...)
	}
	slices.Sort(all)
	return string(all)
}
