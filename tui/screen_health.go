package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The health screen: what works, what does not, and what that means at the
// counter. It says only what the board says.

func (m *Model) drawHealth() {
	a := m.area(m.lay.body.inset(m.lay.margin, 0))
	if m.reg == nil {
		a.text(0, 0, theme.Dim, m.p.NotStarted)
		return
	}
	var rows []func(area, int)
	left := 17
	if m.lay.class <= classSmall {
		left = 0
	}
	line := func(name string, ns theme.Style, state string, ss theme.Style, fact string) {
		rows = append(rows, func(a area, y int) {
			a.fit(0, y, 16, ns, name)
			x := a.text(17, y, ss, pad(state, 11)) + 1
			a.fit(x, y, a.w()-x, theme.Text, fact)
		})
	}
	more := func(st theme.Style, text string) {
		if text == "" {
			return
		}
		for _, l := range strings.Split(ansi.Wrap(text, max(8, a.w()-left-1), " "), "\n") {
			rows = append(rows, func(a area, y int) { a.fit(left, y, a.w()-left, st, l) })
		}
	}
	if m.keysChanged() {
		more(theme.Bad, m.p.Changed)
		for _, l := range m.board.Changed {
			more(theme.Text, "· "+clean(l, mostChanged))
		}
		rows = append(rows, func(area, int) {})
	}
	for _, id := range sortedKeys(m.board.Health) {
		h := m.board.Health[id]
		if tip := m.board.Tips[id].Block; tip.Height > h.Height {
			h.Height, h.TipAt = tip.Height, tip.Time // newer than the watcher's last word on its health
		}
		state, fact, effect := m.w.Health(h, m.now)
		fact, links, _ := strings.Cut(fact, "   ")
		style := theme.Text
		switch {
		case !h.Usable():
			style = theme.Bad
		case h.State == chain.Degraded:
			style = theme.Strong
		}
		if left == 0 {
			line(words.RailOf(m.shop, id), theme.Strong, state, style, "")
			more(theme.Text, fact)
		} else {
			line(words.RailOf(m.shop, id), theme.Strong, state, style, fact)
		}
		more(style, effect)
		if h.Trust != chain.TrustUnknown {
			links = strings.TrimPrefix(links+" · "+m.p.TrustWord+" "+m.w.Trust(h.Trust), " · ")
		}
		more(theme.Dim, links)
		rows = append(rows, func(area, int) {})
	}
	ids := make([]chain.AssetID, 0, len(m.board.Rates))
	for _, asset := range m.shop.Assets {
		if _, ok := m.board.Rates[asset.ID]; ok {
			ids = append(ids, asset.ID)
		}
	}
	name := m.p.Prices
	var sources []string
	if len(ids) == 0 {
		line(name, theme.Strong, m.p.NoPrices, theme.Bad, "")
		more(theme.Bad, m.p.NoPricesDo)
	}
	for _, id := range ids {
		r := m.board.Rates[id]
		style := theme.Text
		if r.State == pos.RateStale || r.IsZero() {
			style = theme.Bad
		}
		fact := m.f.Find(id).Symbol
		if r.IsZero() {
			fact += " " + m.p.NoRate
		} else {
			fact = pad(fact, 6) + m.shopRate(r)
			switch {
			case r.State == pos.RateManual:
				fact += ", " + byHand(r)
			case !r.At.IsZero() && r.State != pos.RateFixed && r.State != pos.RatePar:
				fact += ", " + m.w.Ago(m.now.Sub(r.At))
			}
		}
		switch {
		case left > 0:
			line(name, theme.Strong, m.w.Rate(r.State), style, fact)
		default: // one column: the price has the row for itself
			if name != "" {
				more(theme.Strong, name)
			}
			more(style, pad(m.w.Rate(r.State), 7)+fact)
		}
		name = ""
		if text := clean(strings.Join(r.Sources, ", "), 200); text != "" && !slices.Contains(sources, text) {
			sources = append(sources, text)
		}
	}
	gap := func() { rows = append(rows, func(area, int) {}) }
	g := gauge{m: m, line: line, more: more, width: a.w() - 29}
	if len(m.gauges.is.Prices) > 0 {
		g.sayQuotes()
	} else {
		for _, text := range sources {
			more(theme.Dim, text)
		}
	}
	gap()
	g.sayRefused()
	g.sayStore()
	g.sayGaps()
	g.sayClock()
	if n := m.gauges.is.Screens; n > 0 {
		line(m.p.ScreensName, theme.Strong, fmt.Sprint(n), theme.Text, "")
	}
	line(m.p.OpenSales, theme.Strong, fmt.Sprint(m.board.Open), theme.Text, "")

	m.scroll = max(0, min(m.scroll, len(rows)-a.h()))
	m.more = len(rows)-m.scroll > a.h()
	for i, r := range rows[m.scroll:] {
		if i >= a.h() {
			break
		}
		r(a, i)
	}
}

// shopRate is a rate in the shop's own currency.
func (m *Model) shopRate(r pos.RateInfo) string {
	if len(m.shop.Currencies) == 0 {
		return r.Rate.String()
	}
	return m.f.Locale.Rate(r.Rate, m.shop.Currencies[0])
}

// ratesText is the header's rates: coins whose price moves, and the age of the
// oldest of them.
func (m *Model) rates() (parts []string, age string, worst pos.RateState) {
	var oldest time.Time
	seen := make(map[string]bool)
	for _, asset := range m.shop.Assets {
		r, ok := m.board.Rates[asset.ID]
		if !ok || r.IsZero() || r.State == pos.RatePar || asset.Par != "" || seen[asset.Price] {
			continue
		}
		seen[asset.Price] = true
		parts = append(parts, clean(asset.Symbol, 11)+" "+m.shopRate(r))
		if r.State == pos.RateFixed || r.State == pos.RateManual {
			if worst != pos.RateManual { // a price by hand must be seen before all else
				worst = r.State
			}
			continue
		}
		if (r.State == pos.RateStale && worst != pos.RateManual) || worst == "" {
			worst = r.State
		}
		if oldest.IsZero() || r.At.Before(oldest) {
			oldest = r.At
		}
	}
	if !oldest.IsZero() {
		age = m.w.Span(m.now.Sub(oldest))
	}
	return parts, age, worst
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
