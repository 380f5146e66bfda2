package tui

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/theme"
)

// The day: how many sales, and what was taken, by currency, coin and cashier.
// No other screen adds anything up: the queue reads along.

// mostOfDay is how many sales of one day are added up.
const mostOfDay = 10_000

// daySheet is one day's sales added up.
type daySheet struct {
	back  int // days before today
	asked int // number of the last question
	done  bool

	sales, paid, waiting, decide int
	more                         bool // there are more than were added up
	fiat, cash                   map[money.Currency]int64
	coins, gone                  map[chain.AssetID]coinSum
	by                           map[string]int // settled sales by cashier
	at                           map[string]int // the same by terminal
}

// coinSum is what came in, or went back, in one coin.
type coinSum struct {
	amount chain.Amount
	sales  int
}

// added answers the question for a day.
type added struct {
	asked int
	sheet daySheet
	err   error
}

// dayOf is when a day begins and ends where the till stands.
func (m *Model) dayOf(back int) (from, until time.Time) {
	zone := m.cfg.Zone
	if zone == nil {
		zone = time.UTC
	}
	y, month, d := m.now.In(zone).Date()
	return time.Date(y, month, d-back, 0, 0, 0, 0, zone), time.Date(y, month, d-back+1, 0, 0, 0, 0, zone)
}

// toDay shows a day and adds it up.
func (m *Model) toDay(back int) tea.Cmd {
	m.remember()
	m.at, m.over, m.scroll = onDay, overNone, 0
	m.day = daySheet{back: max(0, back), asked: m.day.asked + 1}
	reg, asked := m.reg, m.day.asked
	from, until := m.dayOf(m.day.back)
	return m.ask(func(ctx context.Context) tea.Msg {
		sheet, err := addUp(ctx, reg, from, until)
		return added{asked, sheet, err}
	})
}

// addUp adds the sales of a span of time up.
func addUp(ctx context.Context, reg Register, from, until time.Time) (daySheet, error) {
	sheet := daySheet{}
	q := pos.Query{From: from, Until: until, Limit: 500}
	for {
		views, err := reg.Views(ctx, q)
		if err != nil {
			return sheet, err
		}
		for _, v := range views {
			sheet.add(v)
		}
		if len(views) < q.Limit {
			return sheet, nil
		}
		if sheet.sales >= mostOfDay {
			sheet.more = true
			return sheet, nil
		}
		q.Before = views[len(views)-1].Sale.Number
	}
}

func (m *Model) added(msg added) {
	if msg.asked != m.day.asked {
		return
	}
	if msg.err != nil {
		m.say(true, m.w.Error(msg.err))
		return
	}
	msg.sheet.back, msg.sheet.asked, msg.sheet.done = m.day.back, m.day.asked, true
	m.day = msg.sheet
}

// add adds one sale. Only what is the shop's for good counts as taken.
func (d *daySheet) add(v pos.View) {
	o := v.Sale.Outcome
	d.sales++
	for _, p := range v.Payments {
		if p.Refund && p.Live() {
			d.gone = plus(d.gone, p.Asset, p.Amount)
		}
	}
	// Where only a surplus or a part goes back the goods stay sold.
	kept := o.Verdict == pos.HandOver && (o.Status == pos.RefundDue || o.Status == pos.Refunded)
	switch {
	case o.Status.Settled() || kept:
		d.paid++
	case undecided(v):
		d.decide++
		return
	case pending(o.Status):
		d.waiting++
		return
	default:
		return
	}
	if d.by == nil {
		d.by, d.at, d.fiat, d.cash = make(map[string]int), make(map[string]int), make(map[money.Currency]int64), make(map[money.Currency]int64)
	}
	d.by[clean(v.Sale.Cashier, 20)]++
	d.at[clean(v.Sale.Terminal, 20)]++
	if p := v.Sale.Price; p.Kind == pos.PriceFiat {
		d.fiat[p.Fiat.Currency] += p.Fiat.Minor
	}
	for _, a := range v.Sale.Acts {
		if a.Kind == pos.ActCash {
			d.cash[a.Cash.Currency] += a.Cash.Minor
		}
	}
	if !o.Received.IsZero() {
		d.coins = plus(d.coins, o.Asset, o.Received)
	}
}

func plus(sums map[chain.AssetID]coinSum, id chain.AssetID, amount chain.Amount) map[chain.AssetID]coinSum {
	if sums == nil {
		sums = make(map[chain.AssetID]coinSum)
	}
	s := sums[id]
	s.amount, _ = s.amount.Add(amount)
	s.sales++
	sums[id] = s
	return sums
}

func (m *Model) doDay(act action) tea.Cmd {
	switch act {
	case actDayBefore:
		return m.toDay(m.day.back + 1)
	case actDayAfter:
		return m.toDay(m.day.back - 1)
	}
	return m.doList(act, onDay)
}

func (m *Model) notToday() bool { return m.day.back > 0 }

func (m *Model) drawDay() {
	a := m.area(m.lay.body.inset(m.lay.margin, 0))
	d := m.day
	from, _ := m.dayOf(d.back)
	c := &column{a: a}
	c.say(theme.Strong, sentenceCase(m.w.Day(from, m.now)))
	if !d.done {
		return
	}
	if d.sales == 0 {
		c.gap()
		c.say(theme.Dim, m.p.NoSales)
		return
	}
	c.say(theme.Text, sprintf(m.p.DayCount, d.sales, d.paid, d.waiting, d.decide, d.sales-d.paid-d.waiting-d.decide))
	if d.more {
		c.say(theme.Bad, sprintf(m.p.DayMore, mostOfDay))
	}
	var rows [][3]string
	for _, cur := range sortedKeys(d.fiat) {
		cash := ""
		if n := d.cash[cur]; n > 0 {
			cash = sprintf(m.p.DayCash, m.f.Locale.Fiat(money.Of(n, cur)))
		}
		rows = append(rows, [3]string{string(cur), m.f.Locale.Fiat(money.Of(d.fiat[cur], cur)), cash})
	}
	m.dayRows(c, m.p.DayTaken, rows)
	m.dayRows(c, m.p.DayCoins, m.coinRows(d.coins))
	m.dayRows(c, m.p.DayBack, m.coinRows(d.gone))
	c.gap()
	m.dayWho(c, m.p.DayBy, d.by)
	m.dayWho(c, m.p.DayAt, d.at)
}

// dayWho writes how many paid sales each name has.
func (m *Model) dayWho(c *column, title string, sales map[string]int) {
	var who []string
	for _, name := range sortedKeys(sales) {
		if name != "" {
			who = append(who, fmt.Sprintf("%s: %d", name, sales[name]))
		}
	}
	if len(who) > 0 {
		c.say(theme.Dim, title+" "+strings.Join(who, ", "))
	}
}

func (m *Model) coinRows(sums map[chain.AssetID]coinSum) (rows [][3]string) {
	for _, id := range sortedKeys(sums) {
		asset := m.f.Find(id)
		rows = append(rows, [3]string{clean(asset.Name, 24), m.f.Coin(sums[id].amount, asset), sprintf(m.p.DaySales, sums[id].sales)})
	}
	slices.SortFunc(rows, func(a, b [3]string) int { return cmp.Compare(a[0], b[0]) })
	return rows
}

// dayRows writes names, amounts in one column and a remark under a heading.
func (m *Model) dayRows(c *column, title string, rows [][3]string) {
	if len(rows) == 0 {
		return
	}
	c.gap()
	c.say(theme.Dim, title)
	name, amount := 0, 0
	for _, r := range rows {
		name, amount = max(name, ansi.StringWidth(r[0])), max(amount, ansi.StringWidth(r[1]))
	}
	for _, r := range rows {
		c.a.fit(2, c.y, name, theme.Text, r[0])
		end := 2 + name + 3 + amount
		c.a.right(end, c.y, theme.Strong, r[1])
		c.a.fit(end+3, c.y, c.a.w()-end-3, theme.Dim, r[2])
		c.y++
	}
}
