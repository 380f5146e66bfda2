package tui

import (
	"strconv"
	"strings"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// calc is what is typed before a sale exists: lines already added, and the
// entry. Digits shift in from the right as on any register; a typed decimal
// separator turns the entry into an ordinary decimal number.
//
// calc is a value: a copy is the state at that moment.
type calc struct {
	lines    []line
	times    int64  // what × turned into a count; 0 = none
	digits   string // without leading zeros
	point    bool   // a separator was typed
	fraction string // digits after it
	name     string // what it is for, where somebody has typed that
}

// line is count times each, in minor units.
type line struct {
	count, each int64
	name        string
	item        bool // it came from an item's key
}

// mostMinor keeps every amount that can be typed far inside an int64, also
// after adding lines: ten billion in a currency with two decimals.
const (
	mostMinor = 1_000_000_000_000
	mostCount = 9_999
	mostLines = 99
)

func (c calc) empty() bool { return len(c.lines) == 0 && c.blank() }

// blank tells whether the entry is empty.
func (c calc) blank() bool { return c.times == 0 && c.digits == "" && !c.point }

// each is the value of the entry alone, without its count, in minor units.
func (c calc) each(decimals int) int64 {
	if !c.point {
		return number(c.digits)
	}
	f := c.fraction
	for len(f) < decimals {
		f += "0"
	}
	return number(c.digits + f)
}

// number reads digits that the calc let in; it is 0 for none.
func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c calc) count() int64 { return max(c.times, 1) }

// total is the sum of all lines and the entry, in minor units.
func (c calc) total(decimals int) int64 {
	sum := c.count() * c.each(decimals)
	for _, l := range c.lines {
		sum += l.count * l.each
	}
	return sum
}

// all returns the lines with the entry as the last one.
func (c calc) all(decimals int) []line {
	if each := c.each(decimals); each > 0 {
		return append(c.lines[:len(c.lines):len(c.lines)], line{count: c.count(), each: each, name: c.name})
	}
	return c.lines
}

// digit types one digit. It returns false where there is no room for it.
func (c *calc) digit(d byte, decimals int) bool {
	next := *c
	if next.point {
		if len(next.fraction) >= decimals {
			return false
		}
		next.fraction += string(d)
	} else {
		next.digits = strings.TrimLeft(next.digits+string(d), "0")
	}
	return c.take(next, decimals)
}

// take replaces c by next if that is an amount of which there is such a thing.
func (c *calc) take(next calc, decimals int) bool {
	if len(next.digits)+len(next.fraction) > 15 || next.each(decimals) > mostMinor {
		return false
	}
	if next.each(decimals) > mostMinor/next.count() || next.total(decimals) > mostMinor {
		return false
	}
	*c = next
	return true
}

// separator types the decimal separator: what was typed are whole units.
func (c *calc) separator(decimals int) bool {
	if c.point || decimals == 0 {
		return false
	}
	next := *c
	next.point = true
	return c.take(next, decimals)
}

// multiply turns what was typed into a count.
func (c *calc) multiply() bool {
	n := number(c.digits)
	if c.point || c.times > 0 || n < 1 || n > mostCount {
		return false
	}
	c.times, c.digits = n, ""
	return true
}

// add ends the entry as a line.
func (c *calc) add(decimals int) bool {
	each := c.each(decimals)
	if each == 0 || len(c.lines) >= mostLines {
		return false
	}
	*c = calc{lines: append(c.lines[:len(c.lines):len(c.lines)], line{count: c.count(), each: each, name: c.name})}
	return true
}

// item adds an item, or, where it is what was added last, one more of it. A count
// that was typed before it counts.
func (c *calc) item(name string, each int64, decimals int) bool {
	n := c.count()
	next := calc{lines: c.lines}
	if c.each(decimals) > 0 {
		n, next = 1, *c
		if !next.add(decimals) {
			return false
		}
	}
	lines := append([]line(nil), next.lines...)
	if at := len(lines) - 1; at >= 0 && lines[at].item && lines[at].name == name && lines[at].each == each {
		lines[at].count += n
		n = lines[at].count
	} else {
		lines = append(lines, line{count: n, each: each, name: name, item: true})
	}
	next.lines = lines
	if n > mostCount || len(lines) > mostLines || each > mostMinor/n || next.total(decimals) > mostMinor {
		return false
	}
	*c = next
	return true
}

// called names the entry, or the last line where there is no entry.
func (c *calc) called(name string) bool {
	if !c.blank() {
		c.name = name
		return true
	}
	if len(c.lines) == 0 {
		return false
	}
	c.lines = append([]line(nil), c.lines...)
	last := &c.lines[len(c.lines)-1]
	last.name, last.item = name, false
	return true
}

// lastName is what called would replace.
func (c calc) lastName() string {
	if c.blank() && len(c.lines) > 0 {
		return c.lines[len(c.lines)-1].name
	}
	return c.name
}

// back takes back what was typed last; on an empty entry, the last line comes
// back to be changed, and of an item there is one less.
func (c *calc) back() bool {
	switch {
	case c.fraction != "":
		c.fraction = c.fraction[:len(c.fraction)-1]
	case c.point:
		c.point = false
	case c.digits != "":
		c.digits = c.digits[:len(c.digits)-1]
	case c.times > 0:
		c.digits, c.times = strconv.FormatInt(c.times, 10), 0
	case len(c.lines) > 0:
		last := c.lines[len(c.lines)-1]
		if last.item {
			c.lines = append([]line(nil), c.lines...)
			if c.lines[len(c.lines)-1].count--; last.count == 1 {
				c.lines = c.lines[:len(c.lines)-1]
			}
			break
		}
		*c = calc{lines: c.lines[:len(c.lines)-1], name: last.name, digits: strconv.FormatInt(last.each, 10)}
		if last.count > 1 {
			c.times = last.count
		}
	default:
		return false
	}
	return true
}

// clear empties the entry, and all of it if the entry is empty already.
func (c *calc) clear() {
	if c.blank() {
		*c = calc{}
		return
	}
	*c = calc{lines: c.lines}
}

// receipt is the lines as a sale has them; one plain amount needs none.
func (c calc) receipt(currency money.Currency, decimals int) []pos.Line {
	all := c.all(decimals)
	if len(all) < 2 && (len(all) == 0 || all[0].count == 1 && all[0].name == "") {
		return nil
	}
	lines := make([]pos.Line, len(all))
	for i, l := range all {
		lines[i] = pos.Line{Name: l.name, Count: l.count, Each: money.Fiat{Minor: l.each, Currency: currency}}
	}
	return lines
}
