package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos/rate/feedtest"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/tuitest"
)

// examine runs the doctor on a configuration and returns what it says.
func examine(t *testing.T, config string, exchange func(string) string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	at := places{config: filepath.Join(dir, "till.toml"), data: filepath.Join(dir, "data")}
	if err := os.WriteFile(at.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	books, err := store.Open(t.Context(), at.data, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d := doctor{out: &out, wait: tuitest.Patience, exchange: exchange}
	err = d.run(t.Context(), at)
	return out.String(), err
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// TestDoctorOnAHealthyShop examines a shop on real protocols: a Bitcoin and an
// Ethereum network and three exchanges, all in this process.
func TestDoctorOnAHealthyShop(t *testing.T) {
	btc, err := devnet.StartBitcoin(t.Context(), devnet.BitcoinOptions{Nodes: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer btc.Close()
	eth, err := devnet.StartEthereum(t.Context(), devnet.EthereumOptions{Rand: rand.Reader, BlockEvery: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer eth.Close()
	prices, err := feedtest.Start(feedtest.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer prices.Close()
	token := eth.Token()
	config := fmt.Sprintf(`currency = "EUR"
[bitcoin]
key = "%s"
network = "regtest"
peers = %s
[[evm]]
chain = %d
block = "1s"
key = "%s"
endpoints = ["%s"]
accept = ["native", { contract = "%s", decimals = %d, symbol = "%s" }]
`, testVpub, tomlList(btc.Peers()), eth.ChainID(), testEVMKey, eth.Endpoint(), token.ID.Contract(), token.Decimals, token.Symbol)

	text, err := examine(t, config, prices.URL)
	if err != nil || strings.Contains(text, "PROBLEM") {
		t.Errorf("%v:\n%s", err, text)
	}
	wants(t, text, "ok       config", "ok       Bitcoin", "your 2 nodes: ", "answers, block ", "ok       store       intact", "ok       prices      kraken: BTC/EUR ",
		"ok       clock       within", "note     chain 1337  one endpoint has to be believed", "MB free")

	// The same shop with a token that is something else, on the wrong chain.
	text, err = examine(t, strings.Replace(config, fmt.Sprintf("decimals = %d", token.Decimals), "decimals = 11", 1), prices.URL)
	if codeOf(err) != 1 {
		t.Errorf("exit code %d", codeOf(err))
	}
	wants(t, text, "PROBLEM  chain 1337", "check its contract and decimals")
	text, err = examine(t, strings.Replace(config, fmt.Sprintf("chain = %d", eth.ChainID()), "chain = 4242", 1), prices.URL)
	if codeOf(err) != 1 {
		t.Errorf("exit code %d", codeOf(err))
	}
	wants(t, text, "PROBLEM  chain 4242", "is on another chain than 4242; check the URL")

	// A stablecoin that is worth less than its dollar, and a shop with a spread.
	if err := prices.Set("USDT/USD", "0.95"); err != nil {
		t.Fatal(err)
	}
	fallen := strings.Replace(config, `accept = ["native", {`, `accept = ["native", { par = "USD", price = "USDT",`, 1) + "[rates]\nspread = \"0.5\"\n"
	text, err = examine(t, fallen, prices.URL)
	if codeOf(err) != 1 || strings.Count(text, "PROBLEM") != 1 {
		t.Errorf("exit code %d:\n%s", codeOf(err), text)
	}
	wants(t, text, "PROBLEM  prices      USDT trades at 0.95 USD and not at 1; take another coin", "note     prices      the customer pays 0.5 % more")
}

// TestDoctorOnASickShop: what does not answer is named without its secrets.
func TestDoctorOnASickShop(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := dead.Addr().String()
	dead.Close()
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer late.Close()
	config := fmt.Sprintf(`currency = "EUR"
[bitcoin]
key = "%s"
network = "regtest"
peers = ["%s"]
[[evm]]
chain = 1
key = "%s"
endpoints = ["http://user:hunter2@%s/v3/hunter3?key=hunter4", "ws://%s"]
`, testVpub, nowhere, testEVMKey, nowhere, nowhere)
	dir := t.TempDir()
	at := places{config: filepath.Join(dir, "till.toml"), data: filepath.Join(dir, "data")}
	if err := os.WriteFile(at.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(at.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at.data, store.FileName), []byte("this is no store"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d := doctor{out: &out, wait: 5 * time.Second, exchange: func(string) string { return late.URL }}
	err = d.run(context.Background(), at)
	text := out.String()
	if codeOf(err) != 1 {
		t.Errorf("exit code %d", codeOf(err))
	}
	wants(t, text, "others on this machine can read it", "others can look into", "PROBLEM  store", " does not answer as a regtest node",
		"PROBLEM  Ethereum    http://"+nowhere+"/… does not answer", "PROBLEM  Ethereum    ws://"+nowhere+" does not answer", "PROBLEM  prices", "PROBLEM  clock")
	if strings.Contains(text, "hunter") {
		t.Errorf("it tells secrets:\n%s", text)
	}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if !strings.HasPrefix(line, "ok ") && !strings.HasPrefix(line, "note ") && !strings.HasPrefix(line, "PROBLEM ") {
			t.Errorf("a line of another form: %q", line)
		}
	}
}

func TestDoctorWithoutConfig(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	d := doctor{out: &out, offline: true}
	none := filepath.Join(dir, "none.toml")
	if err := d.run(t.Context(), places{config: none, data: filepath.Join(dir, "data")}); codeOf(err) != 1 {
		t.Errorf("exit code %d", codeOf(err))
	}
	wants(t, out.String(), "PROBLEM  config      there is no configuration at "+none+" yet: run `till init`", "does not exist yet")
}

func TestLocale(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want bool
	}{
		{nil, false},
		{[]string{"LANG=C"}, false},
		{[]string{"LANG=en_IE.UTF-8"}, true},
		{[]string{"LANG=en_IE.UTF-8", "LC_ALL=C"}, false},
		{[]string{"LC_CTYPE=C.utf8"}, true},
	} {
		if got := utf8Locale(c.env); got != c.want {
			t.Errorf("%q: %v", c.env, got)
		}
	}
}
