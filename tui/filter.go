package tui

import (
	"context"
	"strings"
	"time"

	"github.com/cointill/till/pos"
)

// What can be asked of the list of sales in words: a status, a day, an amount, or
// several of them: "late", "tuesday 16.20", "2026-11-20 underpaid".

// filter is a search that was understood word for word.
type filter struct {
	status      pos.Status
	from, until time.Time
	number      string // an amount, with a decimal point
}

// statuses in the order in which a beginning of a word is tried.
var statuses = []pos.Status{
	pos.Awaiting, pos.Partial, pos.Seen, pos.Confirming, pos.Paid, pos.Overpaid, pos.Underpaid, pos.Expired, pos.Late,
	pos.Cancelled, pos.Disputed, pos.Reversed, pos.Accepted, pos.RefundDue, pos.Refunded,
}

// leastWord is how much of a status' word has to be typed.
const leastWord = 3

// filterOf reads a search, and false where a word of it is none of these: then the
// text is a number, a code, a reference, an address or a transaction.
func (m *Model) filterOf(text string) (f filter, ok bool) {
	for _, word := range strings.Fields(text) {
		status, isStatus := m.statusOf(word)
		back, isDay := m.dayOfWord(word)
		number, isNumber := m.amountOfWord(word)
		switch {
		case isStatus && f.status == "":
			f.status = status
		case isDay && f.from.IsZero():
			f.from, f.until = m.dayOf(back)
		case isNumber && f.number == "":
			f.number = number
		default:
			return filter{}, false
		}
		ok = true
	}
	return f, ok
}

func (m *Model) statusOf(word string) (pos.Status, bool) {
	if len([]rune(word)) < leastWord {
		return "", false
	}
	word = strings.ToUpper(word)
	for _, whole := range []bool{true, false} {
		for _, s := range statuses {
			for _, name := range []string{m.w.Status(pos.Outcome{Status: s}), string(s)} {
				if name == word || !whole && strings.HasPrefix(name, word) {
					return s, true
				}
			}
		}
	}
	return "", false
}

// dayOfWord is how many days ago a day was: as people say it near now, or a date.
func (m *Model) dayOfWord(word string) (back int, ok bool) {
	today, _ := m.dayOf(0)
	if strings.EqualFold(word, m.p.Yesterday) {
		return 1, true
	}
	for back := range 7 {
		at, _ := m.dayOf(back)
		if strings.EqualFold(word, m.w.Day(at.Add(12*time.Hour), m.now)) {
			return back, true
		}
	}
	for _, form := range []string{"2006-1-2", "2.1.2006", "2.1."} {
		at, err := time.ParseInLocation(form, word, today.Location())
		if err != nil {
			continue
		}
		if at.Year() == 0 {
			if at = time.Date(today.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location()); at.After(today) {
				at = at.AddDate(-1, 0, 0)
			}
		}
		// Half a day more, because days of a change of clocks are shorter or longer.
		days := int(today.Sub(at).Hours()+12) / 24
		return days, days >= 0
	}
	return 0, false
}

// amountOfWord is a number with decimals.
func (m *Model) amountOfWord(word string) (string, bool) {
	word = strings.Trim(word, "€$£")
	number := plainNumber(word, m.f.Locale)
	return number, strings.ContainsAny(word, ".,") && number != "" && number != "." && strings.Trim(number, "0123456789.") == ""
}

// sift asks for the sales that a filter lets through.
func sift(ctx context.Context, reg Register, q pos.Query, f filter) ([]pos.View, bool, error) {
	q.Text, q.Status, q.From, q.Until = "", f.status, f.from, f.until
	if f.number != "" {
		q.Limit = mostSummed // an amount has no index
	}
	views, err := reg.Views(ctx, q)
	full := len(views) == q.Limit
	if f.number == "" || err != nil {
		return views, full, err
	}
	var found []pos.View
	for _, v := range views {
		if fits(v, f.number) {
			found = append(found, v)
		}
	}
	return found, false, nil
}
