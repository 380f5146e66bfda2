package anviltest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

// wallet is a wallet that shares nothing with till: eth-url-parser reads the
// request and ethers signs for the node's first account and sends. It refuses
// what a careful wallet would: another chain, no amount, an unknown function.
const wallet = `
const { JsonRpcProvider, HDNodeWallet, Contract } = require('ethers');
const { parse } = require('eth-url-parser');
(async () => {
  const [url, uri] = process.argv.slice(1);
  const node = new JsonRpcProvider(url, undefined, { staticNetwork: false });
  const payer = HDNodeWallet.fromPhrase('test '.repeat(11) + 'junk').connect(node);
  const ask = parse(uri);
  const { chainId } = await node.getNetwork();
  if (BigInt(ask.chain_id) !== chainId) throw new Error('the request is for chain ' + ask.chain_id);
  const p = ask.parameters;
  let sent;
  if (ask.function_name === undefined) {
    if (!p || !p.value) throw new Error('no amount');
    sent = await payer.sendTransaction({ to: ask.target_address, value: BigInt(p.value) });
  } else if (ask.function_name === 'transfer') {
    if (!p || !p.uint256 || !p.address) throw new Error('no amount or recipient');
    const token = new Contract(ask.target_address, ['function transfer(address,uint256) returns (bool)'], payer);
    sent = await token.transfer(p.address, BigInt(p.uint256));
  } else throw new Error('unknown function ' + ask.function_name);
  console.log(JSON.stringify({ hash: sent.hash, to: p.address || ask.target_address, amount: p.uint256 || p.value }));
  node.destroy();
})().catch(e => { console.error(e.message); process.exit(1); });`

// Paid is what the wallet understood and did.
type Paid struct {
	Hash   chain.TxID        `json:"hash"`
	To     chain.Destination `json:"to"`
	Amount string            `json:"amount"` // smallest units
}

// WalletPays lets the wallet pay a payment request (EIP-681). Without npm or its
// registry the test is skipped, or fails where TILL_FULL=1 asks for all.
func (a *Anvil) WalletPays(t testing.TB, uri string) Paid {
	t.Helper()
	home, err := install("wallet-ethers-6.17.0", filepath.Join("eth-url-parser", "package.json"), "ethers@6.17.0", "eth-url-parser@1.0.4")
	if err != nil {
		text := "the wallet is not to be had: " + err.Error() + "; this test needs node's npm and its registry"
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "-e", wallet, a.EndpointHTTP(), uri)
	cmd.Dir = home
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("the wallet does not pay %s: %s", uri, failed.Stderr)
		}
		t.Fatalf("the wallet does not pay %s: %v", uri, err)
	}
	var paid Paid
	if err := json.Unmarshal(out, &paid); err != nil {
		t.Fatalf("the wallet says %q: %v", out, err)
	}
	return paid
}
