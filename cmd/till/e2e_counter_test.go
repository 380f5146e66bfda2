package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/tui/tuitest"
	"github.com/cointill/till/tui/words"
)

// counter is a shop with the terminal that is open now, and whoever stands
// before it.
type counter struct {
	*shopUnderTest
	*tuitest.Pane
	price string // that is on the amount screen once a sale can be rung up
}

func (c *counter) start() {
	c.t.Helper()
	c.Pane = c.open(80, 24)
}

// restartWith ends till as a power cut does, and starts it again after
// something happened.
func (c *counter) restartWith(meanwhile func()) {
	c.t.Helper()
	c.crash(c.Pane)
	meanwhile()
	c.start()
}

// shows tells whether a text is on the screen now.
func (c *counter) shows(text string) bool { return strings.Contains(c.Screen.Screen(), text) }

// ready waits until a sale can be rung up.
func (c *counter) ready() {
	c.t.Helper()
	c.See("enter", c.price).Gone("not connected", "catching up")
}

// request is what the QR on the screen asks for, in smallest units.
func (c *counter) request() (to string, units int64) {
	c.t.Helper()
	text := c.QR()
	got, err := payuri.Scan(text)
	if err != nil {
		c.t.Fatalf("the QR code holds %q: %v", text, err)
	}
	if got.HasAmount {
		units = got.Amount.Big().Int64()
	}
	return string(got.To), units
}

// ring rings up a sale by its digits and a letter, enter if it is empty, and
// returns what the customer scans.
func (c *counter) ring(digits, letter, status string) (to string, units int64) {
	c.t.Helper()
	c.ready()
	if letter == "" {
		letter = "enter"
	}
	c.Type(digits).Press(letter).See(status)
	to, units = c.request()
	// The address stands on the screen in groups, over several rows.
	shown := regexp.MustCompile(`\s+`).ReplaceAllString(rightHalf(c.Screen.Screen()), "")
	if !strings.Contains(shown, to) {
		c.t.Errorf("the screen does not show the address %s:\n%s", to, c.Screen.Screen())
	}
	return to, units
}

// rightHalf is a screen without the QR code at its left.
func rightHalf(screen string) string {
	var b strings.Builder
	for line := range strings.Lines(screen) {
		if r := []rune(line); len(r) > 40 {
			b.WriteString(string(r[40:]))
		}
	}
	return b.String()
}

// saleRow is a row of the list of sales.
var saleRow = regexp.MustCompile(`(?m)^ [> ] (\d{4}) `)

// look shows a sale by its number and waits for its status.
func (c *counter) look(number uint64, status string) {
	c.t.Helper()
	n := words.Number4(number)
	c.See("enter").Press("f2").See("> 0").Press("/").Type(n).Until("find only sale "+n, func(frame string) bool {
		rows := saleRow.FindAllStringSubmatch(frame, -1)
		return strings.Contains(frame, "find "+n) && len(rows) == 1 && rows[0][1] == n
	})
	c.Press("enter").Press("enter").See("What happened").Press("enter").Gone("What happened")
	c.See("Sale "+n, status)
}

// next goes back to the amount.
func (c *counter) next() {
	c.t.Helper()
	c.Press("n")
	c.ready()
}

// listed compares the statuses of the list of sales, oldest first.
func (c *counter) listed(want []string) {
	c.t.Helper()
	frame := c.Screen.Screen()
	for i, status := range want {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^ [> ] %s .*\b%s\b`, words.Number4(uint64(i+1)), regexp.QuoteMeta(status)))
		if !row.MatchString(frame) {
			c.t.Errorf("the list does not show sale %d as %s:\n%s", i+1, status, frame)
		}
	}
}

// stored compares the statuses of all sales on disk, oldest first.
func (s *shopUnderTest) stored(want []string) {
	s.t.Helper()
	res := s.do("", "sales", "--json")
	if res.code != 0 {
		s.t.Fatalf("till sales: %d %s", res.code, res.err)
	}
	got := make([]string, len(want))
	for line := range strings.Lines(res.out) {
		var r struct {
			Number int
			Status string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		if n := r.Number; n >= 1 && n <= len(got) {
			got[n-1] = r.Status
		} else {
			s.t.Errorf("sale %d is one too many", n)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("on disk are sales %q, want %q", got, want)
	}
}
