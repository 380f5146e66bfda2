package main

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest/anviltest"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/payuri"
)

// ethereumShop is a configuration for one chain with its coin and a token.
// 4.50 USD are 0.00225 ether or 4.50 of the token.
func ethereumShop(n evmNet, key string) string {
	return fmt.Sprintf(`name = "Café Linde"
currency = "USD"
`+evmTable+`
[rates]
sources = ["fixed"]
fixed = { "eip155:%[1]d/native" = "2000.00" }
`, n.id, key, n.endpoint, n.token)
}

const evmTable = `[[evm]]
chain = %[1]d
name = "Devnet"
symbol = "ETH"
key = %[2]q
endpoints = [%[3]q]
accept = ["native", { contract = %[4]q, decimals = 6, symbol = "USDC", par = "USD" }]
confirmations = [ { need = 2 } ]
`

// evmNet is an Ethereum network with a customer.
type evmNet struct {
	id              uint64
	endpoint, token string
	pay             func(t *testing.T, uri string) // what a wallet does with an EIP-681 request
	payNative       func(t *testing.T, to string, wei int64)
	payToken        func(t *testing.T, to string, units int64)
	payInside       func(t *testing.T, to string, wei int64) // through a contract
	mine            func(t *testing.T, n int)
	reorg           func(t *testing.T, depth int, keep bool)
}

// simulatedNet is go-ethereum in this process, over websocket.
func simulatedNet(t *testing.T) evmNet {
	t.Helper()
	e, err := devnet.StartEthereum(t.Context(), devnet.EthereumOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return evmNet{
		id: e.ChainID(), endpoint: e.Endpoint(), token: e.Token().ID.Contract(),
		pay: func(t *testing.T, uri string) {
			t.Helper()
			_, err := e.Customer().Pay(t.Context(), uri)
			must(t, err)
		},
		payNative: func(t *testing.T, to string, wei int64) {
			t.Helper()
			_, err := e.Customer().PayNative(t.Context(), chain.Destination(to), big.NewInt(wei))
			must(t, err)
		},
		payToken: func(t *testing.T, to string, units int64) {
			t.Helper()
			_, err := e.Customer().PayToken(t.Context(), chain.Destination(to), big.NewInt(units))
			must(t, err)
		},
		payInside: func(t *testing.T, to string, wei int64) {
			t.Helper()
			_, err := e.Customer().PayInternally(t.Context(), devnet.EthPayment{To: chain.Destination(to), Amount: big.NewInt(wei)})
			must(t, err)
		},
		mine:  func(t *testing.T, n int) { t.Helper(); must(t, e.Mine(n)) },
		reorg: func(t *testing.T, depth int, keep bool) { t.Helper(); must(t, e.Reorg(depth, keep)) },
	}
}

// anvilNet is Foundry's node, another implementation, over websocket.
func anvilNet(t *testing.T) evmNet {
	t.Helper()
	a := anviltest.Start(t, anviltest.Options{})
	n := evmNet{
		id: 31337, endpoint: a.Endpoint(), token: a.DeployCoin(t),
		payNative: func(t *testing.T, to string, wei int64) {
			t.Helper()
			a.PayNative(t, chain.Destination(to), big.NewInt(wei))
		},
		payToken: func(t *testing.T, to string, units int64) {
			t.Helper()
			a.PayToken(t, chain.Destination(to), big.NewInt(units))
		},
		payInside: func(t *testing.T, to string, wei int64) {
			t.Helper()
			a.PayInside(t, chain.Destination(to), big.NewInt(wei))
		},
		mine:  func(t *testing.T, n int) { t.Helper(); a.Mine(t, n) },
		reorg: func(t *testing.T, depth int, keep bool) { t.Helper(); a.Reorg(t, depth, keep) },
	}
	n.pay = func(t *testing.T, uri string) {
		t.Helper()
		r, err := payuri.Parse(uri)
		if err != nil || r.ChainID != n.id || !r.HasAmount {
			t.Fatalf("a wallet cannot pay %q: %v", uri, err)
		}
		if r.Contract != "" {
			a.PayToken(t, r.To, r.Amount.Big())
			return
		}
		a.PayNative(t, r.To, r.Amount.Big())
	}
	a.Mine(t, 3)
	return n
}

func TestEthereumShop(t *testing.T) {
	t.Parallel()
	ethereumDay(t, simulatedNet(t))
}

func TestEthereumShopOnAnvil(t *testing.T) {
	t.Parallel()
	ethereumDay(t, anvilNet(t))
}

// ethereumDay is a shop on an Ethereum node whose power fails after each step.
func ethereumDay(t *testing.T, n evmNet) {
	_, key := shopKeys(t)
	c := &counter{shopUnderTest: newTestShop(t, ethereumShop(n, key)), price: "2,000.00"}
	down := c.restartWith

	// Ether, as the wallet reads it from the code.
	c.start()
	_, wei := c.ring("450", "e", "AWAITING")
	if wei != 2_250_000_000_000_000 {
		t.Errorf("4.50 at 2,000.00 asks for %d wei", wei)
	}
	uri := c.QR()
	down(func() {})
	c.look(1, "AWAITING")
	if again := c.QR(); again != uri {
		t.Errorf("after a restart the code says %q, before %q", again, uri)
	}
	n.pay(t, uri)
	c.See("SEEN")
	down(func() { n.mine(t, 1) })
	c.look(1, "CONFIRMING 1/2")
	n.mine(t, 1)
	c.See("PAID", "HAND OVER")
	down(func() {})
	c.look(1, "PAID")

	// The token, in two parts, the second of them while till is down. The code
	// holds the address alone; where there is room v shows the request.
	c.next()
	to, _ := c.ring("450", "u", "AWAITING")
	if text := c.QR(); text != to {
		t.Errorf("the token's code holds %q, want the address %s", text, to)
	}
	c.Resize(200, 60).Press("v").Until("see the request", func(string) bool { return strings.HasPrefix(c.QR(), "ethereum:") })
	if r, err := payuri.Parse(c.QR()); err != nil || string(r.To) != to || !strings.EqualFold(string(r.Contract), n.token) || r.Amount != chain.Units(4_500_000) {
		t.Errorf("the token's request is %q", c.QR())
	}
	c.Resize(80, 24).Press("v").Until("see the address alone again", func(string) bool { return c.HasQR() && c.QR() == to })
	n.payToken(t, to, 2_000_000)
	n.mine(t, 1)
	c.See("PARTIAL", "MISSING")
	down(func() { n.payToken(t, to, 2_500_000); n.mine(t, 1) })
	c.look(2, "CONFIRMING 1/2")
	n.mine(t, 1)
	c.See("PAID", "HAND OVER")

	// Twice as much, never seen but in a block.
	c.next()
	to, wei = c.ring("600", "e", "AWAITING")
	down(func() { n.payNative(t, to, 2*wei); n.mine(t, 2) })
	c.look(3, "OVERPAID")

	// Out of the chain once it was paid, and paid again.
	c.next()
	n.mine(t, 3)
	to, wei = c.ring("700", "e", "AWAITING")
	n.payNative(t, to, wei)
	c.See("SEEN")
	n.mine(t, 2)
	c.See("PAID", "HAND OVER")
	n.reorg(t, 2, false)
	c.See("DISPUTED", "ASK SUPERVISOR")
	down(func() { n.payNative(t, to, wei); n.mine(t, 2) })
	c.look(4, "PAID")

	// The blocks change, the payment stays; till is down meanwhile.
	c.next()
	n.mine(t, 2)
	to, _ = c.ring("800", "u", "AWAITING")
	n.payToken(t, to, 8_000_000)
	n.mine(t, 2)
	c.See("PAID", "HAND OVER")
	down(func() { n.reorg(t, 1, true); n.mine(t, 2) })
	c.look(5, "PAID")

	// From an exchange or a wallet that is a contract: first seen in its block.
	c.next()
	to, wei = c.ring("650", "e", "AWAITING")
	n.payInside(t, to, wei)
	n.mine(t, 1)
	c.See("CONFIRMING 1/2")
	down(func() { n.mine(t, 1) })
	c.look(6, "PAID")

	// The wrong coin, and then the right one.
	c.next()
	to, _ = c.ring("550", "u", "AWAITING")
	n.payNative(t, to, 2_000_000_000_000_000)
	n.mine(t, 1)
	c.See("0.002 ETH came, USDC was asked for", "ASK SUPERVISOR")
	n.payToken(t, to, 5_500_000)
	n.mine(t, 2)
	c.See("PAID")

	c.next()
	c.ring("900", "e", "AWAITING")
	c.Press("esc").See("Cancel sale 0008").Press("y")
	c.See("CANCELLED")

	want := []string{"PAID", "PAID", "OVERPAID", "PAID", "PAID", "PAID", "PAID", "CANCELLED"}
	c.Press("f2").See("0001", "0008")
	c.listed(want)
	c.leave(c.Pane)
	c.stored(want)
}

// TestEthersPays: a wallet that shares nothing with till reads the requests on
// the screen and pays them, the coin and the token, to the last unit.
func TestEthersPays(t *testing.T) {
	t.Parallel()
	a := anviltest.Start(t, anviltest.Options{})
	token := a.DeployCoin(t)
	a.Mine(t, 3)
	_, key := shopKeys(t)
	c := &counter{shopUnderTest: newTestShop(t, ethereumShop(evmNet{id: 31337, endpoint: a.Endpoint(), token: token}, key)), price: "2,000.00"}
	c.start()

	to, wei := c.ring("1234", "e", "AWAITING")
	paid := a.WalletPays(t, c.QR())
	if string(paid.To) != to || paid.Amount != fmt.Sprint(wei) {
		t.Errorf("the wallet paid %+v, the screen says %d wei to %s", paid, wei, to)
	}
	c.See("SEEN")
	a.Mine(t, 2)
	c.See("PAID", "HAND OVER")

	c.next()
	to, _ = c.ring("1999", "u", "AWAITING")
	c.Resize(200, 60).Press("v").Until("see the request", func(string) bool { return strings.HasPrefix(c.QR(), "ethereum:") })
	paid = a.WalletPays(t, c.QR())
	if string(paid.To) != to || paid.Amount != "19990000" {
		t.Errorf("the wallet paid %+v, asked were 19.99 to %s", paid, to)
	}
	c.See("SEEN")
	a.Mine(t, 2)
	c.See("PAID", "HAND OVER")
	c.leave(c.Pane)
	c.stored([]string{"PAID", "PAID"})
}
