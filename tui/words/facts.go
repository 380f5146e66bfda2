package words

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// What every language finds out in the same way before it says it.

// goesBack tells whether an event is of a refund's payment.
func goesBack(sale pos.Sale, ev chain.Event) bool {
	return slices.ContainsFunc(sale.Acts, func(a pos.Act) bool { return a.Refund != nil && a.Refund.To == ev.Target })
}

// untold tells whether an outcome is the one of every sale that is rung up.
func untold(o pos.Outcome) bool {
	return o.Status == pos.Awaiting && o.Reason.Code == pos.WhyNothing && len(o.Notes) == 0
}

// lastLive is the last payment of a sale that is money for it.
func lastLive(v pos.View) (pos.Payment, bool) {
	for _, p := range slices.Backward(v.Payments) {
		if p.Live() && !p.Refund {
			return p, true
		}
	}
	return pos.Payment{}, false
}

// pastDeadline is how long after its quote's end the last money came, 0 where
// none came after it. It is not known where there is no quote.
func pastDeadline(v pos.View) (d time.Duration, known bool) {
	o := v.Sale.Outcome
	if o.Quote < 0 || o.Quote >= len(v.Sale.Quotes) {
		return 0, false
	}
	end := v.Sale.Quotes[o.Quote].Deadline
	for _, p := range slices.Backward(v.Payments) {
		if d := p.When().Sub(end); p.Live() && !p.Refund && d > 0 {
			return d, true
		}
	}
	return 0, true
}

// How far a day is from now.
const (
	sameDay = iota
	sameWeek
	sameYear
	longAgo
)

// near tells how people here speak of the day of t.
func (f Format) near(t, now time.Time) int {
	a, b := f.local(t), f.local(now)
	days := int(b.Truncate(0).Sub(a) / (24 * time.Hour))
	switch {
	case a.YearDay() == b.YearDay() && a.Year() == b.Year():
		return sameDay
	case days < 6 && days >= 0:
		return sameWeek
	case a.Year() == b.Year():
		return sameYear
	}
	return longAgo
}

// usual is how long n blocks usually take, and sometimes; "" where that is not
// known, or blocks come by the clock.
func (f Format) usual(block time.Duration, n int) (usual, sometimes string) {
	n = max(n, 1)
	switch {
	case block <= 0:
		return "", ""
	case block < time.Minute:
		// Blocks come by the clock: wait for the one under way and the ones after.
		d := time.Duration(n)*block*3/2 + 2*time.Second
		if over := d % (5 * time.Second); over > 0 {
			d += 5*time.Second - over
		}
		return shortSpan(d), ""
	}
	// Blocks come by chance: 1 in 50 single ones takes four times as long.
	long := time.Duration(n+3) * block
	if n > 3 {
		long = time.Duration(2*n) * block
	}
	usual, sometimes = shortSpan(time.Duration(n)*block), shortSpan(long)
	if strings.HasSuffix(usual, " min") && strings.HasSuffix(sometimes, " min") {
		sometimes = strings.TrimSuffix(sometimes, " min")
	}
	return usual, sometimes
}

// shortSpan writes a time in the units that every language has.
func shortSpan(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.FormatInt(int64(max(d, 0)/time.Second), 10) + " s"
	case d < 2*time.Hour:
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min"
	}
	return strconv.FormatInt(int64(d/time.Hour), 10) + " h"
}
