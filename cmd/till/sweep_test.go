package main

import (
	"bytes"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/xpub"
)

// TestSweepList lists what the addresses of an account hold, with their paths,
// in every form, and names the chain that does not answer.
func TestSweepList(t *testing.T) {
	t.Parallel()
	net, err := devnet.StartEthereum(t.Context(), devnet.EthereumOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	key, err := xpub.ParseEVM(testEVMKey)
	if err != nil {
		t.Fatal(err)
	}
	first := key.First(25)
	ctx, customer := t.Context(), net.Customer()
	pay := func(tx chain.TxID, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	pay(customer.PayNative(ctx, first[0], big.NewInt(1_500_000_000_000_000_000)))
	pay(customer.PayToken(ctx, first[0], big.NewInt(2_500_000)))
	pay(customer.PayToken(ctx, first[7], big.NewInt(1)))
	pay(customer.PayToken(ctx, first[24], big.NewInt(5)))
	if err := net.Mine(1); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(args ...string) (out, problems string, err error) {
		root := rootCommand()
		var o, e bytes.Buffer
		root.SetOut(&o)
		root.SetErr(&e)
		root.SetArgs(append(args, "--config", filepath.Join(dir, "till.toml"), "--data", filepath.Join(dir, "data")))
		err = root.ExecuteContext(ctx)
		return o.String(), e.String(), err
	}
	write := func(more string) {
		t.Helper()
		prices := `"eip155:1337/native" = "2000.00"`
		if more != "" {
			prices += `, "eip155:1/native" = "2000.00"`
		}
		text := "currency = \"USD\"\n" + fmt.Sprintf(evmTable, net.ChainID(), testEVMKey, net.Endpoint(), net.Token().ID.Contract()) + more +
			"[rates]\nsources = [\"fixed\"]\nfixed = { " + prices + " }\n"
		if err := os.WriteFile(filepath.Join(dir, "till.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	out, problems, err := run("sweep-list")
	if err != nil || problems != "" {
		t.Fatalf("%v: %s", err, problems)
	}
	for _, want := range []string{
		"m/44'/60'/0'/0/0  " + string(first[0]) + "  1.5       ETH", "m/44'/60'/0'/0/0  " + string(first[0]) + "  2.5 ", "m/44'/60'/0'/0/7  " + string(first[7]) + "  0.000001",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not there: %q\n%s", want, out)
		}
	}
	if strings.Contains(out, string(first[24])) || strings.Count(out, "\n") != 4 {
		t.Errorf("listed:\n%s", out)
	}
	if out, _, err = run("sweep-list", "--ahead", "25", "--csv"); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 5 || rows[4][3] != string(first[24]) || rows[4][7] != "5" || rows[0][3] != "address" {
		t.Errorf("%v: %q", err, rows)
	}
	if out, _, err = run("sweep-list", "--json"); err != nil {
		t.Fatal(err)
	}
	var one held
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&one); err != nil || one.Units != chain.Units(1_500_000_000_000_000_000) || one.Address != first[0] || one.Block != 1 {
		t.Errorf("%v: %+v", err, one)
	}
	// A chain that does not answer hides nothing of the others, nor any secret.
	write("[[evm]]\nchain = 1\nkey = \"" + testEVMKey + "\"\nendpoints = [\"http://127.0.0.1:1/v3/0123secret\"]\n")
	out, problems, err = run("sweep-list")
	if err == nil || !strings.Contains(problems, "Ethereum: ") || strings.Contains(problems, "0123secret") || strings.Count(out, "\n") != 4 {
		t.Errorf("%v, %q\n%s", err, problems, out)
	}
	if _, _, err = run("sweep-list", "--chain", "10"); err == nil || !strings.Contains(err.Error(), "10 is not in the configuration") {
		t.Error(err)
	}
}
