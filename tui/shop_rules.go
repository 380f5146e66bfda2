package tui

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
)

// What stops all selling, and what a supervisor may do about it: keys or rules
// that were changed, and prices that are too old.

// keysChanged tells whether nothing may be rung up until a supervisor agrees.
func (m *Model) keysChanged() bool { return m.reg != nil && len(m.board.Changed) > 0 }

// noPrice tells whether a price is what is missing.
func noPrice(err error) bool {
	return errors.Is(err, pos.ErrStaleRate) || errors.Is(err, money.ErrNoRate)
}

// needsRate tells whether a coin cannot be sold for want of a price.
func (m *Model) needsRate() bool {
	return slices.ContainsFunc(m.choices, func(c pos.Choice) bool { return noPrice(c.Refusal) })
}

// canSetRate tells whether a price by hand has a meaning: where there is none,
// and where there is one by hand already.
func (m *Model) canSetRate() bool {
	if m.reg == nil || m.keysChanged() {
		return false
	}
	return m.needsRate() || m.manual()
}

// manual tells whether anything is sold at a price by hand.
func (m *Model) manual() bool {
	for _, r := range m.board.Rates {
		if r.State == pos.RateManual {
			return true
		}
	}
	return false
}

// priced lists the assets that a price by hand has a meaning for: not a stablecoin
// whose peg is known in the shop's currency.
func (m *Model) priced() []chain.Asset {
	return slices.DeleteFunc(slices.Clone(m.shop.Assets), func(a chain.Asset) bool {
		return a.Par != "" && !m.lacksPrice(a.ID) && m.board.Rates[a.ID].State != pos.RateManual
	})
}

func (m *Model) lacksPrice(id chain.AssetID) bool {
	return slices.ContainsFunc(m.choices, func(c pos.Choice) bool { return c.Asset.ID == id && noPrice(c.Refusal) })
}

// own is the shop's own currency, in which prices by hand are.
func (m *Model) own() money.Currency {
	if len(m.shop.Currencies) == 0 {
		return ""
	}
	return m.shop.Currencies[0]
}

// lastRate is the price that was last heard of what a form is about.
func (m *Model) lastRate(f *form) (pos.RateInfo, bool) {
	if f.pick >= len(f.assets) {
		return pos.RateInfo{}, false
	}
	r, ok := m.board.Rates[f.assets[f.pick].ID]
	return r, ok && !r.IsZero() && !r.At.IsZero()
}

// byHand says whose price it is.
func byHand(r pos.RateInfo) string {
	for _, s := range r.Sources {
		if name, ok := strings.CutPrefix(s, "manual: "); ok {
			return clean(name, 20)
		}
	}
	return ""
}

// manualText is "MANUAL RATE" and by whom.
func (m *Model) manualText(r pos.RateInfo) string {
	return strings.TrimSpace(m.w.Rate(pos.RateManual) + " " + byHand(r))
}

// manualBy is manualText of whichever price is by hand, for the header.
func (m *Model) manualBy() string {
	for _, id := range sortedKeys(m.board.Rates) {
		if r := m.board.Rates[id]; r.State == pos.RateManual {
			return m.manualText(r)
		}
	}
	return ""
}

// drawChanged stands where the coins do while nothing may be rung up.
func (m *Model) drawChanged(a area) {
	c := &column{a: a}
	c.say(theme.Bad, m.p.Changed)
	do := sprintf(m.p.ChangedDo, m.labelFor(actAgree))
	m.sayChanged(c, 2+strings.Count(ansi.Wrap(do, max(8, a.w()-1), " "), "\n"))
	c.gap()
	c.say(theme.Text, do)
}

// whyNoPrice says since when a price is missing and what can be done, "" where
// none is.
func (m *Model) whyNoPrice() string {
	var names []string
	var oldest time.Time
	for _, c := range m.choices {
		if !noPrice(c.Refusal) {
			continue
		}
		names = append(names, clean(c.Asset.Symbol, 11))
		if r := m.board.Rates[c.Asset.ID]; !r.At.IsZero() && (oldest.IsZero() || r.At.Before(oldest)) {
			oldest = r.At
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	list := strings.Join(slices.Compact(names), ", ")
	if oldest.IsZero() {
		return sprintf(m.p.NeverPriced, list, m.labelFor(actRate))
	}
	return sprintf(m.p.PriceOld, list, m.w.Ago(m.now.Sub(oldest)), m.labelFor(actRate))
}
