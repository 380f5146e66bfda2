package payuri_test

import (
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

// readers are the parsers that wallets are built with, at pinned versions.
var readers = []string{"eth-url-parser@1.0.4", "bip21@3.0.0"}

// readersDir returns a folder that holds the readers, installed on demand where
// everything must run.
func readersDir(t *testing.T) string {
	t.Helper()
	const how = "needs eth-url-parser and bip21 from npm: run with TILL_FULL=1, node and npm to install them"
	full := os.Getenv("TILL_FULL") == "1"
	missing := func() {
		t.Helper()
		if full {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	if testing.Short() {
		t.Skip("starts another program: run without -short")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing()
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		missing()
	}
	dir := filepath.Join(cache, "till-test", "payuri-1")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "bip21", "package.json")); err == nil {
		return dir
	}
	if !full {
		missing()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save"}, readers...)
	if out, err := exec.CommandContext(t.Context(), "npm", args...).CombinedOutput(); err != nil {
		t.Fatalf("npm: %v\n%s", err, out)
	}
	return dir
}

// TestOthersRead: the parsers that wallets use read from our requests what we
// meant.
func TestOthersRead(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "node", "-e", `
const eth = require("eth-url-parser"), bip21 = require("bip21");
const uris = JSON.parse(process.argv[1]);
console.log(JSON.stringify(uris.map(u => u.startsWith("bitcoin:") ? bip21.decode(u) : eth.parse(u))));`)
	cmd.Dir = readersDir(t)
	big := amount(t, largest)
	uris, err := json.Marshal([]string{
		payuri.Bitcoin(segwit, chain.Units(25958)),
		payuri.Bitcoin(segwit, chain.Amount{}),
		payuri.Ethereum(1, person, chain.Units(2_014_000_000_000_000_000)),
		payuri.Ethereum(8453, person, chain.Amount{}),
		payuri.Token(8453, token, person, chain.Units(12_340_000)),
		payuri.Token(1, token, person, big),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, string(uris))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	type read struct {
		// bip21
		Address string
		Options struct{ Amount json.Number }
		// eth-url-parser
		Target     string            `json:"target_address"`
		Chain      string            `json:"chain_id"`
		Function   string            `json:"function_name"`
		Parameters map[string]string `json:"parameters"`
	}
	var got []read
	if err := json.Unmarshal(out, &got); err != nil || len(got) != 6 {
		t.Fatalf("%v in %s", err, out)
	}
	if got[0].Address != string(segwit) || got[0].Options.Amount != "0.00025958" || got[1].Address != string(segwit) || got[1].Options.Amount != "" {
		t.Errorf("bitcoin: %s", out)
	}
	for i, want := range []read{
		2: {Target: string(person), Chain: "1", Parameters: map[string]string{"value": "2014000000000000000"}},
		3: {Target: string(person), Chain: "8453"},
		4: {Target: string(token), Chain: "8453", Function: "transfer", Parameters: map[string]string{"address": string(person), "uint256": "12340000"}},
		5: {Target: string(token), Chain: "1", Function: "transfer", Parameters: map[string]string{"address": string(person), "uint256": largest}},
	} {
		if i < 2 {
			continue
		}
		if got[i].Target != want.Target || got[i].Chain != want.Chain || got[i].Function != want.Function || len(got[i].Parameters) != len(want.Parameters) {
			t.Errorf("%d: %+v, want %+v", i, got[i], want)
		}
		for key, value := range want.Parameters {
			if read := got[i].Parameters[key]; read != value && !sameNumber(read, value) {
				t.Errorf("%d: %s is %s, want %s", i, key, got[i].Parameters[key], value)
			}
		}
	}
}

// sameNumber compares exactly: one reader writes large numbers as 1.15e+77.
func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, also := new(big.Rat).SetString(b)
	return ok && also && x.Cmp(y) == 0
}
