package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// View draws the frame: exactly as large as the window, or as the largest frame
// there is.
func (m *Model) View() tea.View {
	m.frame.resize(m.lay.frame.W, m.lay.frame.H)
	m.hits = m.hits[:0]
	m.draw()
	m.mark()
	v := tea.NewView(m.frame.String(&m.th))
	v.AltScreen = true
	v.WindowTitle = m.title()
	v.ProgressBar = m.progress()
	v.MouseMode = m.mouse()
	return v
}

// area is a part of the frame to draw on.
func (m *Model) area(r rect) area { return area{&m.frame, r.cut(m.lay.frame)} }

func (m *Model) draw() {
	v, shown := m.view()
	here := m.here()
	m.more = false
	switch {
	case !m.counter():
		m.drawRole()
		return
	case m.lock.on:
		m.drawLock()
		return
	case m.lay.class == classTiny:
		m.drawTiny()
		return
	case m.startErr != nil:
		m.drawFailed()
		return
	case m.over == overHelp:
		m.drawHelp()
	case m.over == overScenes:
		m.drawScenes()
	case here == onCustomer:
		m.drawCustomer(v)
		return
	case (m.over == overCancel || m.over == overForm) && m.lay.solo:
	case here == onPay && shown:
		m.drawPay(v)
		if m.lay.solo && !m.code.IsZero() && !m.flip && m.over == overNone {
			return // the code stands alone
		}
	case here == onOutcome && shown:
		m.drawOutcome(v)
		if m.lay.solo && v.Payout != nil && !m.code.IsZero() && !m.flip && m.over == overNone {
			return
		}
	case here == onAway:
		m.drawAway()
	case here == onDay:
		m.drawDay()
	case here == onSales:
		m.drawSales()
	case here == onDetail:
		m.drawDetail()
	case here == onHealth:
		m.drawHealth()
	default:
		m.drawAmount()
	}
	if m.over == overCancel || m.over == overForm || m.over == overSure {
		m.hits = m.hits[:0] // what lies under it cannot be clicked
	}
	switch {
	case m.over == overCancel && shown:
		m.drawCancel(v)
	case m.over == overForm:
		m.drawForm(here)
	case m.over == overSure:
		m.drawSure()
	}
	m.drawHeader(here)
	m.drawNews()
	m.drawFooter(here)
}

// drawHeader is the first row: where one is, and what the whole register must
// know.
func (m *Model) drawHeader(here place) {
	a := m.area(m.lay.header)
	x, end := m.lay.margin, a.w()-m.lay.margin
	if text := m.badge(); text != "" {
		x = a.badge(x-1, 0, theme.Badge, text) + 1
	}
	x = m.drawAlarms(a, x)
	if v, ok := m.view(); ok && here&(onPay|onOutcome) != 0 && m.over != overHelp {
		m.headSale(a, x, end, v)
		return
	}
	title := map[place]string{onSales: m.p.Sales, onDetail: m.p.Detail, onHealth: m.p.Health, onAway: m.p.Away, onDay: m.p.DayTitle}[here]
	switch {
	case here == onSales && m.list.money:
		title = m.p.Money
	case m.over == overHelp:
		title = m.p.Help
	case m.over == overScenes:
		title = m.p.Scenes
	}
	if title != "" {
		a.text(x, 0, theme.Strong, title)
		return
	}
	parts, age, worst := m.rates()
	room := end - x - 24
	shown := ""
	switch worst {
	case pos.RateManual:
		age = m.manualBy()
	case pos.RateFixed:
		age = m.w.Rate(worst)
	case pos.RateStale:
		age = strings.ToUpper(m.w.Rate(worst)) + " " + age
	}
	for len(parts) > 0 {
		shown = strings.Join(parts, "   ")
		if age != "" {
			shown += "   " + age
		}
		if ansi.StringWidth(shown) <= room {
			break
		}
		parts, shown = parts[:len(parts)-1], ""
	}
	if shown != "" {
		style := theme.Dim
		switch worst {
		case pos.RateStale:
			style = theme.Bad
		case pos.RateManual:
			style = theme.Strong
		}
		end = a.right(end, 0, style, shown) - 2
	}
	who := []string{clean(m.shop.Name, 40)}
	for _, s := range []string{m.cfg.Actor.Terminal, m.cfg.Actor.Name} {
		if s = clean(s, 20); s != "" {
			who = append(who, s)
		}
	}
	a.fit(x, 0, end-x, theme.Strong, strings.Join(who, " · "))
}

// headSale is the header of a sale: its number, its price, and how long that
// holds.
func (m *Model) headSale(a area, x, end int, v pos.View) {
	if m.openPrice(v) {
		left := m.left(v)
		text, style := m.p.PriceHolds+" "+words.Left(left), theme.Text
		if left <= 0 {
			text, style = m.p.PriceOver, theme.Dim
		}
		if w := ansi.StringWidth(text); end-w > x+22 {
			end = a.right(end, 0, style, text) - 2
		}
	}
	if m.here() == onOutcome {
		// In words too: large letters can be neither searched nor read aloud.
		end = a.right(end, 0, m.styleOf(v.Sale.Outcome), m.banner(v.Sale.Outcome)) - 2
	}
	text := m.p.Sale + " " + words.Number4(v.Sale.Number) + " · " + m.priceText(v, true)
	if ansi.StringWidth(text) > end-x {
		text = m.priceText(v, true) // a price that is cut would be another one
	}
	a.fit(x, 0, end-x, theme.Strong, text)
}

// openPrice tells whether a countdown says something: money is still asked for.
func (m *Model) openPrice(v pos.View) bool {
	s := v.Sale.Outcome.Status
	return (s == pos.Awaiting || s == pos.Partial) && m.left(v) != 0
}

// drawFooter is the last row: a notice while there is one, else the keys that
// work now.
func (m *Model) drawFooter(here place) {
	a := m.area(m.lay.footer)
	x, end := m.lay.margin, a.w()-m.lay.margin
	if m.notice != "" {
		m.drawNotice(a)
		return
	}
	if here&onSale != 0 && !m.draft.empty() && m.over == overNone {
		text := m.p.Next + " " + m.draftText(m.draft)
		if w := ansi.StringWidth(text); w+30 < end-x {
			end = a.right(end, 0, theme.Accent, text) - 3
		}
	}
	for _, item := range m.footKeys(here) {
		w := ansi.StringWidth(item.label) + 1 + ansi.StringWidth(item.text)
		if x+w > end {
			continue
		}
		m.touch(a, x, 0, w, 1, item.key)
		x = a.text(x, 0, theme.Key, item.label)
		x = a.text(x+1, 0, theme.Dim, item.text) + 3
	}
}

// drawNotice writes the notice in the last row of whatever is shown.
func (m *Model) drawNotice(a area) {
	style := theme.Text
	if m.noteBad {
		style = theme.Bad
	}
	a.fit(m.lay.margin, 0, a.w()-2*m.lay.margin, style, m.notice)
}

// footKey is one key in the last row: as it is written, what it does, and what a
// click presses.
type footKey struct{ label, text, key string }

// foot is a key that is written as it is called.
func (m *Model) foot(key, text string) footKey { return footKey{m.w.Label(key), text, key} }

// footKeys lists the keys that work now, as many as fit: the help always does.
func (m *Model) footKeys(here place) []footKey {
	switch m.over {
	case overHelp:
		return m.withMore(m.foot("esc", m.p.HelpShut))
	case overScenes:
		if len(m.scenes()) == 0 {
			return []footKey{m.foot("esc", m.p.HelpShut)}
		}
		return []footKey{m.foot("enter", m.p.ScenePlay), m.foot("esc", m.p.HelpShut)}
	case overCancel:
		return []footKey{m.foot("y", m.p.CancelYes), m.foot("esc", m.p.CancelNo)}
	case overForm:
		return m.formKeys()
	case overSure:
		return []footKey{m.foot("y", m.p.SureYes), m.foot("esc", m.p.SureNo)}
	}
	if here == onSales && m.list.typing() {
		if text := sought(m.list.field.Value()); m.list.money && onChain(text) && len(m.list.ids) == 0 && m.list.sought != text {
			return []footKey{m.foot("enter", m.p.AskKey), m.foot("esc", m.p.SearchClear)}
		}
		return []footKey{m.foot("enter", m.p.SearchDone), m.foot("esc", m.p.SearchClear)}
	}
	var keys []footKey
	room := m.lay.footer.W - 2*m.lay.margin
	help := m.foot("?", m.shortOf(actHelp))
	room -= ansi.StringWidth(help.label) + 1 + ansi.StringWidth(help.text)
	for i := range bindings {
		b := &bindings[i]
		if b.foot&here == 0 || b.act == actHelp || (b.demo && m.stage == nil) ||
			(b.now != nil && !b.now(m)) || (b.hint != nil && !b.hint(m)) {
			continue
		}
		key := footKey{m.labelOf(b), m.shortOf(b.act), ""}
		if len(b.keys) > 0 {
			key.key = b.keys[0]
		}
		w := ansi.StringWidth(key.label) + 1 + ansi.StringWidth(key.text) + 3
		if key.label == "" || w > room {
			continue
		}
		room -= w
		keys = append(keys, key)
	}
	return append(keys, help)
}

// withMore puts the way to the rows below before a key, where there are such.
func (m *Model) withMore(key footKey) []footKey {
	if !m.more {
		return []footKey{key}
	}
	return []footKey{{m.labelFor(actDown), m.shortOf(actDown), "down"}, key}
}

// longer tells whether the screen goes on below its last row.
func (m *Model) longer() bool { return m.more }

func (m *Model) shortOf(act action) string {
	short, _ := m.w.Key(string(act))
	return short
}

// labelOf is how a row of the key map is written here: the assets' letters are
// this shop's.
func (m *Model) labelOf(b *binding) string {
	if b.act != actAsset {
		return m.w.Label(b.label)
	}
	var letters []string
	for _, asset := range m.shop.Assets {
		if key := clean(asset.Key, 1); key != "" && len(letters) < 4 {
			letters = append(letters, key)
		}
	}
	if len(letters) < 2 {
		return ""
	}
	return strings.Join(letters, " ")
}

func (m *Model) labelFor(act action) string {
	for i := range bindings {
		if bindings[i].act == act {
			return m.w.Label(bindings[i].label)
		}
	}
	return ""
}

// title is the window's: a till behind other windows still says what happened.
func (m *Model) title() string {
	title := clean(m.shop.Name, 40)
	if m.lock.on || !m.counter() {
		return title
	}
	if v, ok := m.view(); ok && m.at == onSale {
		title = strings.TrimSpace(m.priceText(v, true) + " " + m.w.Status(v.Sale.Outcome) + " · " + title)
	} else if len(m.news) > 0 {
		title = fmt.Sprintf("(%d) %s", len(m.news), title)
	}
	return title
}

// progress shows confirmations where the terminal has a bar for it.
func (m *Model) progress() *tea.ProgressBar {
	v, ok := m.view()
	if !ok || m.at != onSale || m.lock.on || !m.counter() {
		return nil
	}
	switch o := v.Sale.Outcome; {
	case trouble(o.Status):
		return tea.NewProgressBar(tea.ProgressBarError, 100)
	case o.Status == pos.Confirming && o.Needed > 0:
		return tea.NewProgressBar(tea.ProgressBarDefault, min(100, 100*o.Confirmations/o.Needed))
	case o.Status == pos.Seen:
		return tea.NewProgressBar(tea.ProgressBarIndeterminate, 0)
	}
	return nil
}

// sprintf fills a phrase; a phrase that a translator left without its mark
// shows nothing odd.
func sprintf(phrase string, args ...any) string {
	if n := strings.Count(phrase, "%"); n < len(args) {
		args = args[:n]
	}
	return fmt.Sprintf(phrase, args...)
}
