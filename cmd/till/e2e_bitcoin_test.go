package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/cointill/till/chain/chaintest/btcdtest"
	"github.com/cointill/till/tui/words"
)

// bitcoinShop is a configuration for one node on simnet, which keeps its chain
// over a restart. 4.50 EUR are 9,000 satoshi.
func bitcoinShop(key, peer, expires string) string {
	return fmt.Sprintf(`name = "Café Linde"
currency = "EUR"
[bitcoin]
key = %q
script = "wpkh"
network = "simnet"
peers = [%q]
confirmations = [ { need = 2 } ]
[rates]
sources = ["fixed"]
fixed = { "bitcoin/btc" = "50000.00" }
[sale]
expires = %q
`, key, peer, expires)
}

// TestBitcoinShop is a shop on a real btcd whose power fails after each step:
// nothing is lost, and what happens while till is down is found at its start.
func TestBitcoinShop(t *testing.T) {
	t.Parallel()
	node := btcdtest.Start(t, btcdtest.Options{})
	key, _ := shopKeys(t)
	c := &counter{shopUnderTest: newTestShop(t, bitcoinShop(key, node.P2P(), "30m")), price: "50,000.00"}

	// A second register of another shop waits meanwhile for a price to run out.
	var slow *counter
	var slowTo string
	if !testing.Short() {
		key, _ := shopKeys(t)
		slow = &counter{shopUnderTest: newTestShop(t, bitcoinShop(key, node.P2P(), "1m")), price: "50,000.00"}
		slow.start()
		slowTo, _ = slow.ring("100", "", "AWAITING")
	}
	pay := func(to string, sat int64) { node.Pay(t, to, sat) }
	down := c.restartWith
	restart := func() { t.Helper(); down(func() {}) }

	c.start()
	to, sat := c.ring("450", "", "AWAITING")
	if sat != 9000 {
		t.Errorf("4.50 at 50,000.00 asks for %d sat, want 9000", sat)
	}
	restart()
	c.look(1, "AWAITING")
	if again, _ := c.request(); again != to {
		t.Errorf("after a restart the address is %s, was %s", again, to)
	}
	pay(to, sat)
	c.See("SEEN")
	restart()
	c.look(1, "SEEN")
	down(func() { node.Mine(t, 1) })
	c.look(1, "CONFIRMING 1/2")
	node.Mine(t, 1)
	c.See("PAID", "HAND OVER")
	restart()
	c.look(1, "PAID")

	// In two parts, the second of them while till is down.
	c.next()
	to, sat = c.ring("500", "", "AWAITING")
	pay(to, 4000)
	c.See("PARTIAL", "MISSING")
	if rest, left := c.request(); rest != to || left != sat-4000 {
		t.Errorf("the rest of a part is asked as %d to %s, want %d to %s", left, rest, sat-4000, to)
	}
	restart()
	c.look(2, "PARTIAL")
	// btcd tells its mempool to whoever asks (BIP 35): a payment that was sent
	// while till was down is seen once it is back.
	down(func() { pay(to, sat-4000) })
	c.look(2, "SEEN")
	down(func() { node.Mine(t, 1) })
	c.look(2, "CONFIRMING 1/2")
	down(func() { node.Mine(t, 1) })
	c.look(2, "PAID")

	// Never seen but in blocks, and twice as much as asked.
	c.next()
	to, sat = c.ring("600", "", "AWAITING")
	down(func() { pay(to, 2*sat); node.Mine(t, 2) })
	c.look(3, "OVERPAID")

	c.next()
	c.ring("700", "", "AWAITING")
	c.Press("esc").See("Cancel sale 0004").Press("y")
	c.See("CANCELLED")
	restart()
	c.look(4, "CANCELLED")

	// Out of the chain before it was paid, and back.
	c.next()
	node.Mine(t, 3)
	to, sat = c.ring("800", "", "AWAITING")
	pay(to, sat)
	c.See("SEEN")
	node.Mine(t, 1)
	c.See("CONFIRMING 1/2")
	down(func() { node.Reorg(t, 1, false) })
	c.look(5, "SEEN")
	node.Mine(t, 2)
	c.See("PAID")

	// Out of the chain once it was paid, and back.
	c.next()
	node.Mine(t, 4)
	to, sat = c.ring("900", "", "AWAITING")
	pay(to, sat)
	c.See("SEEN")
	node.Mine(t, 2)
	c.See("PAID")
	node.Reorg(t, 3, false)
	c.See("DISPUTED", "ASK SUPERVISOR")
	restart()
	c.look(6, "DISPUTED")
	down(func() { node.Mine(t, 2) })
	c.look(6, "PAID")

	// The block changes, the payment stays.
	node.Reorg(t, 1, true)
	node.Mine(t, 1)
	restart()
	c.look(6, "PAID")

	want := []string{"PAID", "PAID", "OVERPAID", "CANCELLED", "PAID", "PAID"}
	c.Press("f2").See("0001", "0006")
	c.listed(want)
	c.leave(c.Pane)
	c.stored(want)

	if slow == nil {
		return
	}
	patiently(t, "the price runs out", 2*time.Minute, func() bool { return slow.shows("EXPIRED") })
	slow.restartWith(func() {})
	slow.look(1, "EXPIRED")
	slow.next()
	slow.ready()
	// Late money is told of on any screen.
	node.Pay(t, slowTo, 2000)
	slow.See("LATE  sale " + words.Number4(1))
	slow.restartWith(func() { node.Mine(t, 2) })
	slow.look(1, "LATE")
	slow.leave(slow.Pane)
	slow.stored([]string{"LATE"})
}
