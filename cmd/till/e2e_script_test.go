package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cointill/till/chain/chaintest/btcdtest"
	"github.com/cointill/till/chain/payuri"
)

// bothShop takes Bitcoin and, on an Ethereum network, its coin and a token.
func bothShop(t *testing.T, peer string, n evmNet) string {
	t.Helper()
	bitcoin, evm := shopKeys(t)
	return fmt.Sprintf(`name = "Both"
currency = "USD"
`+evmTable+`
[bitcoin]
key = %[5]q
script = "wpkh"
network = "simnet"
peers = [%[6]q]
confirmations = [ { need = 2 } ]
[rates]
sources = ["fixed"]
fixed = { "bitcoin/btc" = "50000.00", "eip155:%[1]d/native" = "2000.00" }
`, n.id, evm, n.endpoint, n.token, bitcoin, peer)
}

// following is a `till sale --json` that runs.
type following struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan map[string]any
	errs  *bytes.Buffer
	read  chan struct{}
	last  map[string]any
}

// sale rings up a sale from a script.
func (s *shopUnderTest) sale(args ...string) *following {
	s.t.Helper()
	f := &following{t: s.t, cmd: s.script(append([]string{"sale", "--json"}, args...)...), lines: make(chan map[string]any, 1000), errs: new(bytes.Buffer), read: make(chan struct{})}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	f.cmd.Stderr = f.errs
	if err := f.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = f.cmd.Process.Kill(); <-f.read; _ = f.cmd.Wait() })
	go func() {
		defer close(f.read)
		defer close(f.lines)
		var all bytes.Buffer
		in := bufio.NewScanner(io.TeeReader(out, &all))
		for in.Scan() {
			var object map[string]any
			decoder := json.NewDecoder(bytes.NewReader(in.Bytes()))
			decoder.UseNumber()
			if err := decoder.Decode(&object); err != nil {
				s.t.Errorf("not an object: %q: %v", in.Text(), err)
				continue
			}
			f.lines <- object
		}
		s.keep(all.Bytes())
	}()
	return f
}

// see waits for an object with a status and returns it.
func (f *following) see(status string) map[string]any {
	f.t.Helper()
	timer := time.NewTimer(2 * time.Minute)
	defer timer.Stop()
	for {
		select {
		case object, ok := <-f.lines:
			if !ok {
				f.t.Fatalf("till sale ended before %s; last %v; it said: %s", status, f.last, f.errs)
			}
			f.check(object)
			f.last = object
			if object["status"] == status {
				return object
			}
		case <-timer.C:
			f.t.Fatalf("till sale does not reach %s; last %v", status, f.last)
		}
	}
}

var (
	unitsText = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	fiatText  = regexp.MustCompile(`^[0-9]+\.[0-9]{2}$`)
	rateText  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	uuidText  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// check holds an object to what scripts rely on: exact amounts as decimal
// strings, never numbers that a reader would round.
func (f *following) check(object map[string]any) {
	f.t.Helper()
	text := func(from map[string]any, key string, like *regexp.Regexp) {
		f.t.Helper()
		if s, ok := from[key].(string); !ok || !like.MatchString(s) {
			f.t.Errorf("%q is %v in %v", key, from[key], object)
		}
	}
	text(object, "id", uuidText)
	for _, key := range []string{"due", "received", "missing", "over"} {
		text(object, key, unitsText)
	}
	if _, there := object["rate"]; there {
		text(object, "rate", rateText)
	}
	if fiat, there := object["fiat"].(map[string]any); there {
		text(fiat, "amount", fiatText)
	}
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(object["time"])); err != nil {
		f.t.Errorf("time: %v", err)
	}
	payments, ok := object["payments"].([]any)
	if !ok {
		f.t.Errorf("payments is no list in %v", object)
	}
	for _, p := range payments {
		payment, _ := p.(map[string]any)
		text(payment, "amount", unitsText)
	}
	for _, key := range []string{"number", "confirmations", "needed"} {
		if n, ok := object[key].(json.Number); !ok || strings.ContainsAny(n.String(), ".eE") {
			f.t.Errorf("%q is %v in %v", key, object[key], object)
		}
	}
}

// exit waits for the end and compares the exit code.
func (f *following) exit(want int) {
	f.t.Helper()
	for object := range f.lines {
		f.check(object)
		f.last = object
	}
	<-f.read
	_ = f.cmd.Wait()
	if got := f.cmd.ProcessState.ExitCode(); got != want {
		f.t.Errorf("exit code %d, want %d; last %v; it said: %s", got, want, f.last, f.errs)
	}
}

// TestSaleFromScript rings up sales as a script does, on two networks at once.
func TestSaleFromScript(t *testing.T) {
	t.Parallel()
	node, n := btcdtest.Start(t, btcdtest.Options{Blocks: 300}), simulatedNet(t)
	s := newTestShop(t, bothShop(t, node.P2P(), n))

	// A price that runs out takes a minute; two shops wait for it meanwhile.
	var expired, underpaid *following
	if !testing.Short() {
		expired = newTestShop(t, bothShop(t, node.P2P(), n)).sale("1.00", "--asset", "bitcoin/btc", "--expires", "1m")
		expired.see("AWAITING")
		underpaid = newTestShop(t, bothShop(t, node.P2P(), n)).sale("1.00", "--asset", "ETH", "--expires", "1m")
		n.payNative(t, underpaid.see("AWAITING")["address"].(string), 1e14)
		underpaid.see("PARTIAL")
		n.mine(t, 1)
	}

	// Bitcoin, with all that a script may say about a sale.
	f := s.sale("4.50", "--asset", "bitcoin/btc", "--reference", "order-17", "--note", "table 4", "--metadata", `{"table":4.0,"big":12345678901234567890}`)
	first := f.see("AWAITING")
	for key, want := range map[string]string{"asset": "bitcoin/btc", "due": "9000", "received": "0", "reference": "order-17", "note": "table 4", "number": "1", "rate": "50000"} {
		if got := fmt.Sprint(first[key]); got != want && !(key == "rate" && strings.HasPrefix(got, want+".")) {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if fiat := fmt.Sprint(first["fiat"]); fiat != "map[amount:4.50 currency:USD]" {
		t.Errorf("fiat is %s", fiat)
	}
	if meta := fmt.Sprint(first["metadata"]); meta != "map[big:12345678901234567890 table:4.0]" {
		t.Errorf("metadata came back as %s", meta)
	}
	request, err := payuri.Parse(fmt.Sprint(first["uri"]))
	if err != nil || string(request.To) != first["address"] || request.Amount.String() != "9000" {
		t.Errorf("uri is %v: %v", first["uri"], err)
	}
	// Meanwhile the folder is this one's; another till says so and changes nothing.
	if other := s.do("", "sale", "1.00"); other.code != exitError || !strings.Contains(other.err, fmt.Sprint(f.cmd.Process.Pid)) || strings.Count(other.err, "\n") != 1 {
		t.Errorf("on a folder in use: %d %q, want the holder %d in one line", other.code, other.err, f.cmd.Process.Pid)
	}
	txid := node.Pay(t, string(request.To), 9000)
	f.see("SEEN")
	node.Mine(t, 1)
	f.see("CONFIRMING")
	node.Mine(t, 1)
	paid := f.see("PAID")
	f.exit(0)
	if p := fmt.Sprint(paid["payments"]); !strings.Contains(p, txid) || !strings.Contains(p, "amount:9000") {
		t.Errorf("the payment %s is not in %s", txid, p)
	}

	// Ether as the amount's own unit, the token, more than asked, anything.
	f = s.sale("0.01ETH")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	n.mine(t, 1)
	f.see("CONFIRMING")
	n.mine(t, 1)
	f.see("PAID")
	f.exit(0)
	f = s.sale("4.50", "--asset", "usdc", "--confirmations", "3")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	n.mine(t, 3)
	f.see("PAID")
	f.exit(0)
	f = s.sale("21000sat")
	node.Pay(t, f.see("AWAITING")["address"].(string), 42000)
	node.Mine(t, 2)
	f.see("OVERPAID")
	f.exit(0)
	f = s.sale("open", "--asset", "bitcoin/btc")
	node.Pay(t, f.see("AWAITING")["address"].(string), 1234)
	node.Mine(t, 2)
	if got := f.see("PAID")["received"]; got != "1234" {
		t.Errorf("an open sale received %v", got)
	}
	f.exit(0)

	// Interrupted: with nothing seen it is cancelled, else it stays open.
	f = s.sale("1.00", "--asset", "bitcoin/btc")
	f.see("AWAITING")
	f.interrupt()
	f.see("CANCELLED")
	f.exit(exitCancelled)
	f = s.sale("1.00", "--asset", "bitcoin/btc")
	node.Pay(t, f.see("AWAITING")["address"].(string), 2000)
	f.see("SEEN")
	f.interrupt()
	f.exit(exitError)
	if !strings.Contains(f.errs.String(), "stays open") {
		t.Errorf("interrupted with money seen it said %q", f.errs)
	}
	node.Mine(t, 2)

	s.stored([]string{"PAID", "PAID", "PAID", "OVERPAID", "PAID", "CANCELLED", "SEEN"})
	// What came after the interruption is found by whoever opens the folder next.
	f = s.sale("1.00", "--asset", "bitcoin/btc")
	f.see("AWAITING")
	f.interrupt()
	f.exit(exitCancelled)
	patiently(t, "sale 7 was paid while nobody looked", 30*time.Second, func() bool {
		return strings.Contains(s.do("", "sales", "show", "7").out, "PAID")
	})
	if expired != nil {
		expired.see("EXPIRED")
		expired.exit(exitExpired)
		underpaid.see("UNDERPAID")
		underpaid.exit(exitUnderpaid)
	}
}

func (f *following) interrupt() {
	f.t.Helper()
	if err := f.cmd.Process.Signal(syscall.SIGINT); err != nil {
		f.t.Fatal(err)
	}
}

// TestSaleWrongUsage: whatever is typed wrong is said in one line that names what
// to write, with exit code 2, and no sale is rung up.
func TestSaleWrongUsage(t *testing.T) {
	t.Parallel()
	bitcoin, evm := shopKeys(t)
	s := newTestShop(t, fmt.Sprintf(`currency = "USD"
[bitcoin]
key = %q
script = "wpkh"
network = "simnet"
peers = ["127.0.0.1:1"]
%s[rates]
sources = ["fixed"]
fixed = { "bitcoin/btc" = "50000.00", "eip155:1337/native" = "2000.00" }
`, bitcoin, fmt.Sprintf(evmTable, 1337, evm, "ws://127.0.0.1:1", "0x7111000000000000000000000000000000000C01")))
	for _, args := range [][]string{
		{},
		{"4.50", "5.50"},
		{""},
		{" "},
		{"abc"},
		{"-1"},
		{"--", "-1"},
		{"0"},
		{"0.00"},
		{"0sat"},
		{"1e5"},
		{"NaN"},
		{"Inf"},
		{"0x10"},
		{"1.0.0"},
		{"4.505"},
		{"4,50,0"},
		{"1 000"},
		{"٤٥"},
		{"4.50€€"},
		{"4.50JPY"},
		{"1.5sat"},
		{"0.000000001BTC"},
		{"0.0000000000000000001ETH"},
		{"4.50DOGE"},
		{strings.Repeat("9", 30)},
		{strings.Repeat("9", 5000)},
		{"21000sat", "--asset", "ETH"},
		{"4.50", "--asset", "doge"},
		{"4.50", "--metadata", "{"},
		{"4.50", "--expires", "soon"},
		{"4.50", "--expires", "1s"},
		{"4.50", "--expires", "-15m"},
		{"4.50", "--confirmations", "-1"},
		{"4.50", "--confirmations", "x"},
		{"4.50", "--confirmations", "99999999999999999999"},
		{"4.50", "--callback", "javascript:alert(1)"},
		{"4.50", "--nonsense"},
		{"\x1b[31m4.50"},
		{"4.50\u202e"},
	} {
		res := s.do("", append([]string{"sale"}, args...)...)
		if res.code != exitUsage || res.out != "" || strings.Count(res.err, "\n") != 1 || !strings.HasPrefix(res.err, "till: ") || len(res.err) > 700 {
			t.Errorf("till sale %.40q: exit %d, out %q, err %q", args, res.code, res.out, res.err)
		}
		if strings.ContainsAny(strings.TrimSuffix(res.err, "\n"), "\x1b\n\u202e") {
			t.Errorf("till sale %.40q passes control characters on: %q", args, res.err)
		}
	}
	for _, args := range [][]string{{"nonsense"}, {"sael"}, {"--nonsense"}, {"version", "x"}, {"demo", "x"}} {
		if res := s.do("", args...); res.code != exitUsage || strings.Count(res.err, "\n") != 1 {
			t.Errorf("till %q: exit %d, err %q", args, res.code, res.err)
		}
	}
	if res := s.do("", "version"); res.code != 0 || !strings.HasPrefix(res.out, "till ") {
		t.Errorf("till version: exit %d, out %q, err %q", res.code, res.out, res.err)
	}
	if _, err := os.Stat(s.data); err == nil {
		if res := s.do("", "sales"); !strings.Contains(res.out, "no sales") {
			t.Errorf("wrong usage rang something up: %q", res.out)
		}
	}
}
