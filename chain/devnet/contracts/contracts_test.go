package contracts_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/chain/devnet/contracts"
)

// compile is what the code is made with.
const compile = `
const solc = require('solc'), fs = require('fs');
const [name, file] = process.argv.slice(1);
const out = JSON.parse(solc.compile(JSON.stringify({
  language: 'Solidity', sources: {[name]: {content: fs.readFileSync(file, 'utf8')}},
  settings: {evmVersion: 'paris', optimizer: {enabled: true, runs: 200}, metadata: {appendCBOR: false, bytecodeHash: 'none'},
    outputSelection: {'*': {'*': ['evm.bytecode.object', 'evm.deployedBytecode.object']}}}})));
if (!out.contracts) throw new Error(JSON.stringify(out.errors));
const evm = out.contracts[name][name].evm;
console.log(JSON.stringify({make: evm.bytecode.object, run: evm.deployedBytecode.object}));`

// The committed code is what solc makes of the committed sources.
func TestCodeIsMadeFromTheSources(t *testing.T) {
	missing := func(what string, err error) {
		t.Helper()
		text := what + ": this test needs node and npm (npm install solc@0.8.37): " + err.Error()
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	home := filepath.Join(cache, "till-test", "solc-0.8.37")
	if _, err := os.Stat(filepath.Join(home, "node_modules", "solc")); err != nil {
		if os.Getenv("TILL_FULL") != "1" {
			missing("solc is not in the cache", err)
		}
		if err := os.MkdirAll(home, 0o700); err != nil {
			missing("no cache folder", err)
		}
		if err := exec.CommandContext(t.Context(), "npm", "install", "--prefix", home, "--no-save", "--no-audit", "--no-fund", "solc@0.8.37").Run(); err != nil {
			missing("npm could not install solc", err)
		}
	}
	testdata := filepath.Join("..", "..", "ethereum", "testdata")
	committed := func(name string) string {
		t.Helper()
		code, err := os.ReadFile(filepath.Join(testdata, name+".new.hex"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(code))
	}
	for _, c := range []struct{ name, file, run, make string }{
		{"Coin", "Coin.sol", contracts.Coin(), ""},
		{"Desk", "Desk.sol", contracts.Desk(), ""},
		{"Odd", filepath.Join(testdata, "Odd.sol"), "", committed("Odd")},
		{"Printer", filepath.Join(testdata, "Printer.sol"), "", committed("Printer")},
		{"Safe", filepath.Join(testdata, "Safe.sol"), "", committed("Safe")},
	} {
		file, err := filepath.Abs(c.file)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "node", "-e", compile, c.name, file)
		cmd.Dir = home
		out, err := cmd.Output()
		if err != nil {
			missing("node could not compile "+c.name, err)
		}
		var got struct{ Make, Run string }
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v: %.200s", c.name, err, out)
		}
		if c.run != "" && got.Run != c.run || c.make != "" && got.Make != c.make {
			t.Errorf("%s: the committed code is not what solc makes of the source", c.name)
		}
	}
}
