package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/tui/tuitest"
)

// demo is `till demo` on a terminal, with a folder for its temporary files.
type demo struct {
	*shopUnderTest
	*tuitest.Pane
	tmp string
}

func openDemo(t *testing.T, cols, rows int, env ...string) *demo {
	t.Helper()
	s := newTestShop(t, "")
	d := &demo{shopUnderTest: s, tmp: filepath.Join(s.dir, "tmp")}
	if err := os.Mkdir(d.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	s.env = append(append(s.env, "TMPDIR="+d.tmp), env...)
	d.Pane = s.run(cols, rows, "demo")
	return d
}

// gone checks that the demo has left nothing behind.
func (d *demo) gone() {
	d.t.Helper()
	if left, err := os.ReadDir(d.tmp); err != nil || len(left) != 0 {
		d.t.Errorf("the demo left behind %v (%v)", left, err)
	}
	for _, dir := range []string{filepath.Join(d.dir, "till"), d.data, d.config} {
		if _, err := os.Stat(dir); err == nil {
			d.t.Errorf("the demo made %s", dir)
		}
	}
}

// copied is the text that the terminal was last told to put on its clipboard.
var clipboard = regexp.MustCompile(`\x1b\]52;c;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)`)

func (d *demo) copied() string {
	d.t.Helper()
	stream, err := os.ReadFile(d.stream)
	if err != nil {
		d.t.Fatal(err)
	}
	all := clipboard.FindAllSubmatch(stream, -1)
	if len(all) == 0 {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(string(all[len(all)-1][1]))
	if err != nil {
		d.t.Errorf("the clipboard got %q: %v", all[len(all)-1][1], err)
	}
	return string(text)
}

// charge rings up an amount, cents first, with the key of a coin.
func (d *demo) charge(digits, key string) {
	d.t.Helper()
	d.See("enter", "Bitcoin").Type(digits).Press(key).See("AWAITING").QR()
}

// scene plays what may happen at a counter, by its title.
func (d *demo) scene(title string) {
	d.t.Helper()
	d.Press("P").See("Scenes:", title)
	row := regexp.MustCompile(`(?m)^\W*([1-9a-z])\W+` + regexp.QuoteMeta(title)).FindStringSubmatch(d.Screen.Screen())
	if row == nil {
		d.t.Fatalf("no key plays %q:\n%s", title, d.Screen.Screen())
	}
	d.Press(row[1]).Gone("Scenes:")
}

// TestDemo is what somebody does who just got till.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := openDemo(t, 80, 24)
	d.See("TRAINING", "type 450, then enter, then p")

	// Bitcoin; blocks come by themselves while the next customers are served.
	d.charge("450", "enter")
	code := d.QR()
	if r, err := payuri.Parse(code); err != nil || r.Scheme != payuri.SchemeBitcoin || !r.HasAmount {
		t.Errorf("the code holds %q: %v", code, err)
	}
	d.Press("u").Until("copy what the code holds", func(string) bool { return d.copied() == code })
	to := code[len("bitcoin:"):strings.Index(code, "?")]
	d.Press("y").Until("copy the address", func(string) bool { return d.copied() == to })
	d.Press("p").See("SEEN", "WAIT")

	// Ether, whose code is read at every size.
	d.Press("n")
	d.charge("725", "e")
	code = d.QR()
	if r, err := payuri.Parse(code); err != nil || r.Scheme != payuri.SchemeEthereum || !r.HasAmount {
		t.Errorf("the code holds %q: %v", code, err)
	}
	// On a small screen is room for the address alone.
	d.Press("y").Until("copy the address", func(string) bool { return strings.HasPrefix(d.copied(), "0x") })
	to = d.copied()
	for _, size := range [][2]int{{40, 20}, {200, 60}, {80, 24}} {
		want := code
		if size[0] == 40 {
			want = to
		}
		d.Resize(size[0], size[1]).Until(fmt.Sprintf("see a code of %s at %dx%d", want, size[0], size[1]), func(frame string) bool {
			return d.HasQR() && d.QR() == want && widest(frame) <= size[0]
		})
	}
	d.Press("p").See("PAID", "HAND OVER")

	// The token: the address alone, or where there is room the request.
	d.Press("enter")
	d.charge("300", "u")
	to = d.QR()
	d.Press("y").Until("copy the address", func(string) bool { return d.copied() == to })
	d.Resize(200, 60).Press("v").Until("see the request", func(string) bool { return d.HasQR() && strings.HasPrefix(d.QR(), "ethereum:") })
	code = d.QR()
	d.Press("u").Until("copy what the code holds", func(string) bool { return d.copied() == code })
	if r, err := payuri.Parse(code); err != nil || string(r.To) != to || r.Contract == "" {
		t.Errorf("the token's request is %q: %v", code, err)
	}
	d.Resize(80, 24).Press("p").See("PAID", "HAND OVER")

	// What may go wrong at a counter.
	d.Press("enter")
	d.charge("500", "enter")
	d.scene("pays only half")
	d.See("PARTIAL", "MISSING")
	d.Press("p").See("SEEN")
	d.Press("n")
	d.charge("600", "enter")
	d.scene("pays a tenth too much")
	d.See("SEEN").Press("n")
	d.charge("700", "e")
	d.scene("pays twice")
	d.See("OVERPAID").Press("enter")
	d.charge("800", "e")
	d.Press("esc").See("Cancel sale 0007").Press("esc").Gone("Cancel sale").Press("esc").See("Cancel sale 0007").Press("y").See("CANCELLED")

	// The news of the first sale, which nobody has looked at since.
	d.Press("enter").See("tab look")
	if testing.Short() {
		d.Press("m", "m")
	}
	d.Press("f2")
	want := []string{"PAID", "PAID", "PAID", "PAID", "OVERPAID", "OVERPAID", "CANCELLED"}
	patiently(t, "every sale ends by itself", 2*time.Minute, func() bool { return fits(d.Screen.Screen(), want) })

	for _, size := range [][2]int{{40, 20}, {200, 60}, {80, 24}} {
		d.Resize(size[0], size[1]).Until(fmt.Sprintf("see something at %dx%d", size[0], size[1]), func(frame string) bool {
			return frame != "" && widest(frame) <= size[0]
		})
	}
	d.Press("f4").See("ready").Press("esc").Press("?").See("type the amount").Press("esc")
	d.leave(d.Pane)
	d.gone()
}

// fits tells whether the list on the screen has these statuses, oldest first.
func fits(frame string, want []string) bool {
	for i, status := range want {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^ [> ] %04d .*\b%s\b`, i+1, status)).MatchString(frame) {
			return false
		}
	}
	return true
}

// widest is the length of a frame's longest row.
func widest(frame string) int {
	n := 0
	for line := range strings.Lines(frame) {
		n = max(n, len([]rune(strings.TrimSuffix(line, "\n"))))
	}
	return n
}

// TestDemoTypedAhead: nobody waits for a program to start. What is typed
// before the register is there counts once it is.
func TestDemoTypedAhead(t *testing.T) {
	t.Parallel()
	d := openDemo(t, 80, 24)
	d.Type("450").Press("enter").See("Sale 0001", "€4.50", "AWAITING")
	d.QR()
	d.leave(d.Pane)
	d.gone()
}

// TestDemoEnds: whoever ends the demo by a signal leaves nothing behind either.
func TestDemoEnds(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		d := openDemo(t, 80, 24)
		d.See("type 450")
		if sig == syscall.SIGTERM { // in the middle of a sale; the others while it starts
			d.charge("450", "enter")
		}
		pid, err := d.PID()
		if err == nil {
			err = syscall.Kill(pid, sig)
		}
		if err != nil {
			t.Fatal(err)
		}
		d.End()
		d.gone()
	}
}

// attributes finds SGR sequences; colour is the part of one that sets a colour:
// 30–38, 40–48, 90–97, 100–107, of which 38 and 48 take one beyond the first 16.
var (
	attributes = regexp.MustCompile(`\x1b\[([0-9;:]+)m`)
	colour     = regexp.MustCompile(`(?:^|;)((?:[34]8[;:][0-9;:]+)|3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;|$)`)
)

// colours lists the colours that the terminal was told to use.
func (d *demo) colours() (all []string) {
	d.t.Helper()
	stream, err := os.ReadFile(d.stream)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, m := range attributes.FindAllSubmatch(stream, -1) {
		if c := colour.FindSubmatch(m[1]); c != nil {
			all = append(all, string(c[1]))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestDemoPlainTerminals: the code is read, and the whole sale understood,
// where there are no colours or few.
func TestDemoPlainTerminals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  []string
		may  func(colour string) bool
		name string
	}{
		{[]string{"NO_COLOR=1"}, func(string) bool { return false }, "none"},
		// The program must not know that this console is tmux, which has more.
		{[]string{"TERM=linux", "TMUX=", "TERM_PROGRAM=", "COLORTERM="}, func(c string) bool { return !strings.Contains(c, "8;") }, "the 16 of the console"},
	} {
		d := openDemo(t, 80, 24, c.env...)
		d.charge("450", "enter")
		if code := d.QR(); !strings.HasPrefix(code, "bitcoin:") {
			t.Errorf("%q: the code holds %q", c.env, code)
		}
		d.Press("p").See("SEEN", "WAIT").Press("m", "m").See("PAID", "HAND OVER")
		d.leave(d.Pane)
		d.gone()
		for _, colour := range d.colours() {
			if !c.may(colour) {
				t.Errorf("%q: colour %q on a terminal with %s", c.env, colour, c.name)
			}
		}
	}
}
