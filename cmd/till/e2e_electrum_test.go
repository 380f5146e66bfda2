package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// electrumWallet is Electrum, a wallet that shares nothing with till, in a
// folder of its own with an own key and one server.
type electrumWallet struct {
	t      *testing.T
	dir    string
	server string
}

// do runs one of its commands.
func (e *electrumWallet) do(args ...string) string {
	e.t.Helper()
	cmd := exec.Command("electrum", append([]string{"--simnet", "-D", e.dir}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := runFor(cmd, time.Minute); err != nil {
		e.t.Fatalf("electrum %s: %v\n%s%s", args[0], err, &out, &errs)
	}
	return strings.TrimSpace(out.String())
}

func newElectrumWallet(t *testing.T, server string) *electrumWallet {
	t.Helper()
	e := &electrumWallet{t: t, dir: t.TempDir(), server: server}
	e.do("create", "--offline")
	e.do("daemon", "-d", "--oneserver", "--server", server+":t")
	t.Cleanup(func() { e.do("stop") })
	e.do("load_wallet")
	return e
}

// pay does what a phone does with a QR code: Electrum itself reads what it
// holds, signs, and broadcasts through its server.
func (e *electrumWallet) pay(uri string) {
	e.t.Helper()
	const read = `import json, sys
from electrum import constants, util
constants.set_simnet()
print(json.dumps({k: str(v) for k, v in util.parse_URI(sys.argv[1]).items()}))`
	cmd := exec.Command("/usr/bin/python3", "-c", read, uri)
	out, err := cmd.Output()
	if err != nil {
		e.t.Fatalf("Electrum does not read %q: %v\n%s", uri, err, out)
	}
	var request struct {
		Address string `json:"address"`
		Amount  string `json:"amount"` // satoshi
	}
	if err := json.Unmarshal(out, &request); err != nil {
		e.t.Fatalf("%v: %s", err, out)
	}
	var sat int64
	if _, err := fmt.Sscan(request.Amount, &sat); err != nil {
		e.t.Fatalf("Electrum reads no amount from %q: %s", uri, out)
	}
	tx := e.do("payto", request.Address, fmt.Sprintf("%d.%08d", sat/1e8, sat%1e8))
	e.do("broadcast", tx)
}

// TestElectrumPays: an independent wallet pays what the QR code on the screen
// asks for, through an Electrum server in front of btcd, and a register that
// watches through another one sees it.
func TestElectrumPays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a wallet of its own: run without -short")
	}
	if _, err := exec.LookPath("electrum"); err != nil {
		const how = "needs Electrum: apt-get install electrum"
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	node := btcdtest.Start(t, btcdtest.Options{})
	wallets, registers := btcdtest.NewElectrum(t, node), btcdtest.NewElectrum(t, node)
	key, _ := shopKeys(t)
	config := strings.Replace(bitcoinShop(key, node.P2P(), "30m"), "peers = ", "watch = [\"electrum\"]\npeers = ", 1) +
		fmt.Sprintf("[bitcoin.electrum]\nservers = [\"tcp://%s\"]\n", registers.Addr)
	c := &counter{shopUnderTest: newTestShop(t, config), price: "50,000.00"}
	wallet := newElectrumWallet(t, wallets.Addr)
	node.Pay(t, wallet.do("getunusedaddress"), 1_000_000)
	node.Mine(t, 1)
	patiently(t, "the wallet has its money", time.Minute, func() bool { return strings.Contains(wallet.do("getbalance"), `"confirmed": "0.01"`) })

	c.start()
	_, sat := c.ring("450", "", "AWAITING")
	if sat != 9000 {
		t.Errorf("4.50 at 50,000.00 asks for %d sat, want 9000", sat)
	}
	wallet.pay(c.QR())
	c.See("SEEN")
	node.Mine(t, 1)
	c.See("CONFIRMING 1/2")
	c.restartWith(func() { node.Mine(t, 1) })
	c.look(1, "PAID")
	c.leave(c.Pane)
	c.stored([]string{"PAID"})
	if n := registers.Asked("blockchain.scripthash.subscribe"); n == 0 {
		t.Error("the register never asked its server for an address")
	}
}
