package xpub

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
)

// missing skips a test whose tool is not there, or fails where everything must
// run (TILL_FULL=1).
func missing(t *testing.T, how string) {
	t.Helper()
	if os.Getenv("TILL_FULL") == "1" {
		t.Fatal(how)
	}
	t.Skip(how)
}

// slow skips a test that starts other programs, in short mode.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts another wallet: run without -short")
	}
}

// run runs a program in dir and returns what it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_PATH=", "PYTHONDONTWRITEBYTECODE=1")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, complaint.String())
	}
	return string(out)
}

// addressList reads a JSON list of addresses.
func addressList(t *testing.T, text string) []chain.Destination {
	t.Helper()
	var list []chain.Destination
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return list
}

// TestElectrumAgrees: Electrum, restored from the same public keys, has the same
// receiving addresses.
func TestElectrumAgrees(t *testing.T) {
	slow(t)
	electrum, err := exec.LookPath("electrum")
	if err != nil {
		missing(t, "needs Electrum: apt-get install electrum")
	}
	for name, c := range map[string]struct {
		key  string
		flag string
		net  chain.Network
		hint Script
	}{
		"wpkh":         {zpub, "--offline", Mainnet, ScriptUnknown},
		"sh-wpkh":      {withVersion(t, zpub, [4]byte{0x04, 0x9d, 0x7c, 0xb2}), "--offline", Mainnet, ScriptUnknown},
		"pkh":          {withVersion(t, zpub, plainVersion[mainFamily]), "--offline", Mainnet, P2PKH},
		"wpkh regtest": {withVersion(t, zpub, [4]byte{0x04, 0x5f, 0x1c, 0xf6}), "--regtest", Regtest, ScriptUnknown},
		// Electrum's own segwit wallets keep their account at m/0', depth 1.
		"wpkh at m/0'": {electrumZpub(t), "--offline", Mainnet, ScriptUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			wallet := filepath.Join(dir, "wallet")
			flags := []string{"--offline", "-D", dir, "-w", wallet}
			if c.flag != "--offline" {
				flags = append(flags, c.flag)
			}
			run(t, dir, electrum, append(flags, "restore", c.key)...)
			theirs := addressList(t, run(t, dir, electrum, append(flags, "listaddresses", "--receiving")...))
			next := strings.TrimSpace(run(t, dir, electrum, append(flags, "createnewaddress")...))
			theirs = append(theirs, chain.Destination(next))
			ours := bitcoinKey(t, c.key, c.net, c.hint).First(len(theirs))
			if len(theirs) != 21 || !slices.Equal(ours, theirs) {
				t.Errorf("ours %v\ntheirs %v", ours, theirs)
			}
		})
	}
}

// electrumZpub is BIP 32's vector 1 at m/0', written as Electrum writes the key
// of its segwit wallets.
func electrumZpub(t *testing.T) string {
	t.Helper()
	const key = "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw"
	return withVersion(t, key, [4]byte{0x04, 0xb2, 0x47, 0x46})
}

// ethersVersion is pinned: the test must not change by itself.
const ethersVersion = "6.17.0"

// ethers returns a folder that holds ethers, installed on demand where
// everything must run.
func ethers(t *testing.T) string {
	t.Helper()
	how := "needs ethers from npm: run with TILL_FULL=1, node and npm to install it"
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, how)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(t, how)
	}
	dir := filepath.Join(cache, "till-test", "ethers-"+ethersVersion)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "ethers", "package.json")); err == nil {
		return dir
	}
	if os.Getenv("TILL_FULL") != "1" {
		t.Skip(how)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save", "ethers@"+ethersVersion)
	return dir
}

// TestEthersAgrees: ethers derives the same addresses and the account's same
// fingerprint from the account's key, and from the branch's.
func TestEthersAgrees(t *testing.T) {
	slow(t)
	dir := ethers(t)
	const script = `
const { HDNodeWallet } = require("ethers");
const node = HDNodeWallet.fromExtendedKey(process.argv[1]);
const branch = node.depth === 3 ? node.deriveChild(0) : node;
const list = [];
for (let i = 0; i < 50; i++) list.push(branch.deriveChild(i).address);
list.push(branch.deriveChild(2147483647).address);
list.push(node.depth === 3 ? node.fingerprint : node.parentFingerprint);
console.log(JSON.stringify(list));`
	for _, text := range []string{xpubEVM, branchOf(t, xpubEVM, 0), withVersion(t, zpub, plainVersion[mainFamily])} {
		theirs := addressList(t, run(t, dir, "node", "-e", script, text))
		key := evmKey(t, text)
		last, err := key.Destination(hardened - 1)
		if err != nil {
			t.Fatal(err)
		}
		mark := chain.Destination("0x" + key.Fingerprint())
		if ours := append(key.First(50), last, mark); !slices.Equal(ours, theirs) {
			t.Errorf("ours %v\ntheirs %v", ours, theirs)
		}
	}
}
