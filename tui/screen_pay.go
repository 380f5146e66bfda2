package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/qr"
	"github.com/cointill/till/tui/theme"
	"github.com/cointill/till/tui/words"
)

// The pay screen: the code at the left, the verdict and the facts at the right.

func (m *Model) drawPay(v pos.View) {
	code, row := m.lay.pay()
	if over := code.H - m.code.Rows; !m.lay.solo && over > 0 && over%2 == 1 {
		code.Y, code.H = code.Y+1, code.H-1 // the odd row parts the code from the header
	}
	if m.lay.solo {
		if m.code.IsZero() || m.flip {
			m.drawPayText(v)
			return
		}
		m.drawCode(m.area(code), v)
		m.drawPayRow(m.area(row), v)
		return
	}
	m.drawCode(m.area(code), v)
	m.drawFacts(m.area(m.factsRoom()), v)
}

// factsRoom is where the facts stand beside a code.
func (m *Model) factsRoom() rect {
	_, facts := m.lay.pay()
	down := min(1, max(0, facts.H-20))
	if m.lay.class == classLarge {
		facts = facts.inset(2, 0)
		down = max(1, (facts.H-26)/3)
	}
	return rect{facts.X, facts.Y + down, facts.W, facts.H - down}
}

// sayFlip names the key that turns to the facts, where there is room from x on.
func (m *Model) sayFlip(a area, x int) {
	label, text := m.labelFor(actFlip), m.shortOf(actFlip)
	if from := a.w() - m.lay.margin - ansi.StringWidth(label+" "+text); from >= x {
		a.text(a.text(from, 0, theme.Key, label)+1, 0, theme.Dim, text)
	}
}

// drawCode shows the code in the middle of its room, or why there is none.
func (m *Model) drawCode(a area, v pos.View) {
	if !m.code.IsZero() {
		at := rect{0, 0, a.w(), a.h()}.middle(m.code.Cols, m.code.Rows)
		for i, l := range m.code.Lines {
			a.block(at.X, at.Y+i, m.code.Cols, l)
		}
		return
	}
	why := m.noCode(v)
	if why == "" {
		m.drawWord(a, v)
		return
	}
	box := a.sub(3, a.h()/2-4, a.w()-6, 9)
	box.text(0, 1, theme.Strong, m.p.NoQR)
	box.wrap(0, 3, box.w(), 4, theme.Text, why)
}

// drawWord fills the place of the code, once nothing is to be paid any more,
// with what a cashier has to know from two steps away.
func (m *Model) drawWord(a area, v pos.View) {
	o := v.Sale.Outcome
	word := m.w.Verdict(o.Verdict)
	if word == "" {
		word = m.w.Status(o)
	}
	at := m.drawLarge(a, m.styleOf(o), word)
	if y := at.Y + at.H + 2; o.Status == pos.Confirming && o.Tag == "" {
		m.drawBar(a.sub(at.X, y, a.w()-2*at.X, 1), o)
	}
}

// drawLarge draws words as large as there is room for, and returns where.
func (m *Model) drawLarge(a area, st theme.Style, word string) rect {
	var rows []string
	// Words one below the other are larger, where there are rows for it.
	parts := strings.Fields(word)
	per := (a.h() - len(parts) + 1) / max(1, len(parts))
	if len(parts) > 1 && per < hugeHeight && enlarge(word, a.w()-4, a.h()) != nil {
		parts, per = []string{word}, a.h()
	}
	for i, part := range parts {
		lines := enlarge(part, a.w()-4, per)
		if lines == nil {
			lines = []string{ansi.Truncate(strings.Join(strings.Split(part, ""), " "), a.w(), "")}
		}
		if i > 0 {
			rows = append(rows, "")
		}
		rows = append(rows, lines...)
	}
	wide := 0
	for _, r := range rows {
		wide = max(wide, ansi.StringWidth(r))
	}
	at := rect{0, 0, a.w(), a.h()}.middle(wide, len(rows))
	for i, r := range rows {
		a.blocks(at.X, at.Y+i, st, r)
	}
	return rect{at.X, at.Y, wide, len(rows)}
}

// drawBar shows confirmations as a bar.
func (m *Model) drawBar(a area, o pos.Outcome) {
	label := fmt.Sprintf(" %d/%d", o.Confirmations, o.Needed)
	w := a.w() - len(label)
	if w < 4 || o.Needed < 1 {
		return
	}
	done := min(w, w*o.Confirmations/o.Needed)
	a.text(a.text(0, 0, m.styleOf(o), strings.Repeat("█", done)), 0, theme.Rule, strings.Repeat("░", w-done))
	a.text(w, 0, theme.Strong, label)
}

// column writes facts downwards.
type column struct {
	a area
	y int
}

func (c *column) gap() {
	if c.y > 0 {
		c.y++
	}
}

func (c *column) say(st theme.Style, s string) {
	if s != "" {
		c.y += c.a.wrap(0, c.y, c.a.w()-1, max(0, c.a.h()-c.y), st, s)
	}
}

// pair puts one text at the left and one at the right of a row.
func (c *column) pair(ls theme.Style, l string, rs theme.Style, r string) {
	end := c.a.w() - 1
	if c.a.w() > 60 {
		end = 60
	}
	if r != "" && ansi.StringWidth(l)+2+ansi.StringWidth(r) > end {
		c.say(ls, l) // an amount that is cut would be another one
		c.a.fit(0, c.y, end, rs, r)
		c.y++
		return
	}
	if r != "" {
		c.a.right(end, c.y, rs, r)
	}
	c.a.fit(0, c.y, end, ls, l)
	c.y++
}

// drawFacts writes the facts of a sale and returns how many rows they took.
func (m *Model) drawFacts(a area, v pos.View) int {
	o := v.Sale.Outcome
	c := &column{a: a}
	m.sayVerdict(c, v)
	c.gap()
	m.sayAmount(c, v)
	c.gap()
	m.sayWhere(c, v)
	if o.Status != pos.Awaiting && v.Trust != chain.TrustUnknown {
		c.say(theme.Dim, m.p.TrustWord+" "+m.w.Trust(v.Trust))
	}
	return c.y
}

// sayVerdict writes the verdict and why.
func (m *Model) sayVerdict(c *column, v pos.View) {
	o := v.Sale.Outcome
	switch {
	case o.Status == pos.Awaiting && o.Reason.Code == pos.WhyNothing:
		if text, symbol := m.amountOf(v); c.a.h() > 16 {
			room := c.a.sub(0, c.y, c.a.w(), hugeHeightIf(c.a.w() >= 50))
			if n := m.largeAmount(room, theme.Accent, text, symbol, m.symbolSide(v)); n > 0 {
				c.y += n
				c.gap()
			}
		}
		c.say(theme.Strong, m.w.Status(o))
		if len(o.Notes) == 0 { // else something was, and the note says what
			c.say(theme.Dim, m.w.Reason(o.Reason, v.Asset))
		}
	case o.Status == pos.Partial:
		c.pair(theme.Strong, m.w.Status(o), theme.Strong, m.missingText(v)+" "+m.p.MissingWord)
		c.say(theme.Text, m.w.Reason(o.Reason, v.Asset))
	default:
		word := m.w.Verdict(o.Verdict)
		switch {
		case word != "":
			end := c.a.badge(0, c.y, m.badgeOf(o), word)
			c.a.fit(end+2, c.y, c.a.w()-end-2, theme.Strong, m.w.Status(o))
			c.y += 2
		default:
			c.a.badge(0, c.y, m.badgeOf(o), m.w.Status(o))
			c.y += 2
		}
		c.say(theme.Text, m.w.Reason(o.Reason, v.Asset))
		if s := m.evidence(v); s != "" {
			c.say(theme.Dim, s)
		}
	}
	if o.Status == pos.Confirming && o.Tag == "" && !m.code.IsZero() {
		m.drawBar(c.a.sub(0, c.y, min(c.a.w()-1, 34), 1), o)
		c.y++
	}
	if !m.lay.solo && (o.Status == pos.Seen || o.Status == pos.Confirming) { // else the verdict needs the room
		c.say(theme.Dim, m.lastBlock(v))
	}
	for _, note := range o.Notes {
		c.say(theme.Bad, m.w.Reason(note, v.Asset))
	}
}

// badgeOf is styleOf for what has to be read from two steps away.
func (m *Model) badgeOf(o pos.Outcome) theme.Style {
	switch m.styleOf(o) {
	case theme.Good:
		return theme.GoodBadge
	case theme.Bad:
		return theme.BadBadge
	}
	return theme.Badge
}

func hugeHeightIf(large bool) int {
	if large {
		return hugeHeight
	}
	return midHeight
}

// evidence says how well a payment that is in no block yet is known.
func (m *Model) evidence(v pos.View) string {
	if v.Sale.Outcome.Status != pos.Seen || len(v.Payments) == 0 {
		return ""
	}
	p := v.Payments[len(v.Payments)-1]
	text := m.w.Proof(p.Proof)
	if text == "" || p.FirstAt.IsZero() {
		return text
	}
	return text + ", " + m.w.Ago(m.now.Sub(p.FirstAt))
}

// amountOf is a sale's price as a number and its unit.
func (m *Model) amountOf(v pos.View) (number, symbol string) {
	switch v.Sale.Price.Kind {
	case pos.PriceFiat:
		return m.f.Locale.Number(v.Sale.Price.Fiat), m.f.Locale.Symbol(v.Sale.Price.Fiat.Currency)
	case pos.PriceAsset:
		asset := m.f.Find(v.Sale.Price.Asset)
		return m.f.Number(v.Sale.Price.Amount, asset), m.f.Unit(asset)
	}
	return m.p.AnyAmount, ""
}

// missingText is what is still missing, in money where the sale has a price in
// money: that is what people speak of.
func (m *Model) missingText(v pos.View) string {
	if !v.RestInCash.IsZero() {
		return m.f.Locale.Fiat(v.RestInCash) // rounded up: one number for the code and for the cash
	}
	if worth := m.worth(v, v.Sale.Outcome.Missing); worth != "" {
		return worth
	}
	return m.f.Coin(v.Sale.Outcome.Missing, m.asset(v))
}

// worth is an amount in the sale's own currency at its own rate, "" where it has
// none of its own or the amount is worth less than its smallest unit.
func (m *Model) worth(v pos.View, amount chain.Amount) string {
	q, ok := judged(v)
	if !ok || v.Sale.Price.Kind != pos.PriceFiat || q.Rate.IsZero() || q.Currency != v.Sale.Price.Fiat.Currency {
		return ""
	}
	worth, err := money.Worth(amount, q.Rate.Rate, q.Decimals, q.Currency)
	if err != nil || worth.Minor <= 0 {
		return ""
	}
	return m.f.Locale.Fiat(worth)
}

// sayAmount writes what is asked, or what of it came.
func (m *Model) sayAmount(c *column, v pos.View) {
	o, asset := v.Sale.Outcome, m.asset(v)
	name := strings.ToUpper(clean(asset.Name, 22))
	quote, _ := judged(v)
	due := o.Due
	if o.Status == pos.Awaiting {
		due = v.Pay.Amount
		if due.IsZero() {
			due = quote.Due
		}
	}
	switch {
	case due.IsZero() && o.Received.IsZero():
		c.pair(theme.Strong, m.p.AnyAmount, theme.Strong, name)
	case due.IsZero():
		c.pair(theme.Strong, m.f.Coin(o.Received, asset), theme.Strong, name)
	case o.Received.IsZero():
		c.pair(theme.Strong, m.f.Coin(due, asset), theme.Strong, name)
		if asset.ID == chain.Bitcoin {
			c.say(theme.Dim, m.f.Whole(due, asset))
		}
	default:
		c.pair(theme.Strong, fmt.Sprintf(m.p.Of, m.f.Number(o.Received, asset), m.f.Coin(due, asset)), theme.Strong, name)
	}
	if !quote.Rate.IsZero() && quote.Rate.State != pos.RatePar {
		text := m.p.At + " " + m.f.Locale.Rate(quote.Rate.Rate, quote.Currency)
		switch n := len(quote.Rate.Sources); {
		case quote.Rate.State == pos.RateManual:
			text += ", " + m.manualText(quote.Rate)
		case quote.Rate.State == pos.RateFixed:
			text += ", " + m.w.Rate(pos.RateFixed)
		case n == 1:
			text += ", " + clean(quote.Rate.Sources[0], 16)
		case n > 1:
			text += ", " + fmt.Sprintf(m.p.Sources, n)
		}
		c.say(theme.Dim, text)
	}
}

func (m *Model) asset(v pos.View) chain.Asset {
	if v.Asset.ID != "" {
		return v.Asset
	}
	return v.Pay.Asset
}

// sayWhere writes the address as long as something is to be paid, and the
// transactions once something came.
func (m *Model) sayWhere(c *column, v pos.View) {
	if len(v.Pay.Forms) > 0 {
		for _, l := range groupLines(string(v.Pay.Quote.To), c.a.w()-1) {
			c.say(theme.Text, l)
		}
		if m.code.Kind == chain.FormAddress && !v.Pay.Amount.IsZero() {
			c.say(theme.Text, m.p.FormAddress)
		}
	}
	for i, p := range slices.Backward(v.Payments) {
		if len(v.Payments)-i > 3 {
			break
		}
		text := m.p.Transaction(p.Key)
		if !p.Live() {
			text += "  " + m.w.Payment(p)
		}
		c.say(theme.Dim, text)
	}
}

// groupLines writes an address in groups of four on rows of w cells, each row
// with as many groups as the others.
func groupLines(to string, w int) []string {
	groups := strings.Fields(words.Groups(to))
	per := max(1, (w+1)/5)
	if rows := (len(groups) + per - 1) / per; rows > 0 {
		per = (len(groups) + rows - 1) / rows
	}
	var lines []string
	for len(groups) > 0 {
		n := min(per, len(groups))
		lines = append(lines, strings.Join(groups[:n], " "))
		groups = groups[n:]
	}
	return lines
}

// drawPayRow is the one row under the code of a small screen.
func (m *Model) drawPayRow(a area, v pos.View) {
	gap := 2
	if badge := m.badge(); badge != "" {
		w := ansi.StringWidth(badge) + 2
		a.badge(a.w()-w, 0, theme.Badge, badge)
		a, gap = a.sub(0, 0, a.w()-w, 1), 1
	}
	if m.notice != "" {
		m.drawNotice(a)
		return
	}
	o := v.Sale.Outcome
	x := a.text(0, 0, m.styleOf(o), m.w.Status(o)) + gap
	if o.Status == pos.Awaiting && o.Reason.Code == pos.WhyNothing {
		x = a.text(x, 0, theme.Text, words.Left(m.left(v))) + gap
		due := m.f.Coin(v.Pay.Amount, m.asset(v))
		switch {
		case v.Pay.Amount.IsZero():
			due = m.p.AnyAmount
		case m.code.Kind == chain.FormAddress:
			due = sprintf(m.p.TypeIn, due) // the code does not say it
		}
		m.sayFlip(a, a.fit(x, 0, a.w()-x, theme.Strong, due)+3)
		return
	}
	if o.Status == pos.Partial {
		text := m.missingText(v) + " " + m.p.MissingWord
		if m.code.Kind == chain.FormAddress {
			text = sprintf(m.p.TypeIn, m.f.Coin(v.Pay.Amount, m.asset(v)))
		}
		a.fit(x, 0, a.w()-x, theme.Strong, text)
		return
	}
	if word := m.w.Verdict(o.Verdict); word != "" {
		x = a.badge(x, 0, theme.Badge, word) + 1
	}
	a.fit(x, 0, a.w()-x, theme.Dim, m.w.Usual(v.Asset.Block, max(1, o.Needed-o.Confirmations)))
}

// drawPayText is a small screen's other side: the facts.
func (m *Model) drawPayText(v pos.View) {
	a := m.area(m.lay.body.inset(1, 0))
	y := 0
	if len(v.Pay.Forms) > 0 && m.code.IsZero() && a.h() < 14 {
		m.drawPayBare(a, v)
		return
	}
	if why := m.noCode(v); why != "" {
		a.text(0, 0, theme.Strong, m.p.NoQR)
		y = 2 + a.wrap(0, 1, a.w(), 3, theme.Text, why)
	}
	y += m.drawFacts(a.sub(0, y, a.w(), a.h()-y), v) + 1
	if len(v.Pay.Forms) == 0 && v.Pay.Refusal == nil && a.h()-y >= midHeight {
		m.drawWord(a.sub(0, y, a.w(), a.h()-y), v)
	}
}

// drawPayBare is what a window shows that is too small for a code: what to pay
// and where to, before anything else.
func (m *Model) drawPayBare(a area, v pos.View) {
	c, asset := &column{a: a}, m.asset(v)
	due := m.p.AnyAmount
	if !v.Pay.Amount.IsZero() {
		due = m.f.Coin(v.Pay.Amount, asset)
	}
	c.say(theme.Strong, due)
	for _, l := range groupLines(string(v.Pay.Quote.To), a.w()) {
		c.say(theme.Text, l)
	}
	c.pair(m.styleOf(v.Sale.Outcome), m.w.Status(v.Sale.Outcome), theme.Dim, words.Left(m.left(v)))
	c.say(theme.Dim, m.noCode(v))
}

// noCode says why there is no code although something is to be paid, "" if
// there is one.
func (m *Model) noCode(v pos.View) string {
	switch {
	case !m.code.IsZero() || !pending(v.Sale.Outcome.Status):
		return ""
	case len(v.Pay.Forms) > 0:
		cols, rows := qr.Smallest(v.Pay.Forms)
		return fmt.Sprintf(m.p.Enlarge, max(cols, smallCols), max(rows+1, smallRows))
	case v.Pay.Refusal != nil:
		return m.w.Error(v.Pay.Refusal)
	}
	return ""
}
