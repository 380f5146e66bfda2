package btcdtest

import (
	"testing"
	"time"
)

// TestNode plays everything the harness offers once.
func TestNode(t *testing.T) {
	n := Start(t, Options{})
	heard := make(chan string, 100)
	Bare(t, n.P2P(), n.Params, func(kind, hash string, _ time.Time) { heard <- kind + hash })
	want := func(what string) {
		t.Helper()
		deadline := time.After(patience)
		for {
			select {
			case got := <-heard:
				if got == what {
					return
				}
			case <-deadline:
				t.Fatalf("nobody heard of %s", what)
			}
		}
	}
	has := func(height int, txid string) bool {
		for _, tx := range n.block(t, height).Transactions {
			if tx.TxHash().String() == txid {
				return true
			}
		}
		return false
	}
	tx := n.Pay(t, n.Fresh(), 5_000)
	want("tx" + tx)
	n.Mine(t, 1)
	want("block" + n.Hash(t, n.Height(t)))
	tip := int(n.Height(t))
	if !has(tip, tx) {
		t.Fatal("a payment was not mined")
	}
	n.Reorg(t, 1, true)
	if !has(tip, tx) {
		t.Error("a reorganisation lost what it should keep")
	}
	n.Reorg(t, 2, false)
	if has(tip, tx) {
		t.Error("a reorganisation kept what it should lose")
	}
	by := n.Replace(t, n.Pay(t, n.Fresh(), 6_000))
	n.Mine(t, 1)
	if !has(int(n.Height(t)), by) {
		t.Error("a replacement was not mined")
	}
	by = n.DoubleSpend(t, n.Pay(t, n.Fresh(), 7_000))
	if !has(int(n.Height(t)), by) {
		t.Error("a double spend was not mined")
	}
	height := n.Height(t)
	n.Stop(t)
	n.Start(t)
	if got := n.Height(t); got != height {
		t.Errorf("after a restart btcd is at %d, was at %d", got, height)
	}
}
