package main

import (
	"strings"
	"testing"

	"github.com/cointill/till/pos"
)

// homeOnRegtest is a customer's address on the demo's network.
const homeOnRegtest = "bcrt1qr23clxd5mzfsh79vn6pg0kaytjeq8w4u3tztf5"

// TestDemoDecides is what a cashier and a supervisor do where something went
// wrong, on the real register: cash for the rest, late money, a refund, the day.
func TestDemoDecides(t *testing.T) {
	t.Parallel()
	d := openDemo(t, 80, 24)
	d.See("TRAINING", "type 450")

	// Half comes in coin, the rest in cash.
	d.charge("1620", "enter")
	d.scene("pays only half")
	d.See("PARTIAL", "k cash").Press("k").See("Take €8.1", "in cash").Type("coins").Press("enter").See("of it taken in cash by Ana")
	d.Press("m").Press("m").Press("m").See("ACCEPTED", "HAND OVER")

	// Late money counts once a supervisor says so; a wrong PIN does nothing.
	d.Press("n")
	d.charge("450", "enter")
	d.Press("esc").See("Cancel sale 0002").Press("y").See("CANCELLED").Press("f2").See("> 0002").Press("enter").See("CANCELLED").Press("enter").Gone("What happened")
	d.scene("pays what the QR asks for")
	d.See("LATE", "count late money at the present price").Press("r").See("PIN").Type("999999").Press("enter").See("Wrong PIN; 4 more tries")
	d.Type(pos.TrainingPIN).Press("enter").Gone("LATE")
	d.Press("m").Press("m").Press("m").See("PAID", "HAND OVER")

	// All of it goes back: the shop's wallet pays, and it is seen.
	d.Press("g").See("How much goes back?", "all that came").Press("enter").Type(homeOnRegtest[:20] + "x").Press("enter")
	d.See("Nothing can be paid to that").Press("ctrl+u").Type(homeOnRegtest).Press("enter").Press("enter").Type(pos.TrainingPIN).Press("enter")
	d.See("REFUND: pay this from the shop's", "REFUND DUE")
	if code := d.QR(); !strings.HasPrefix(code, "bitcoin:"+homeOnRegtest+"?amount=") {
		t.Errorf("the shop's wallet is asked for %q", code)
	}
	d.Press("p").See("on their way back").Gone("pay this").Press("m").Press("m").Press("m").See("REFUNDED", "went back")

	// All of it is written down, and found by what a customer has in hand.
	d.Press("d").See("late money counted at the present price by Ana at till 1, allowed").Press("esc").Press("w").See("Where is my money").Type("4.50").See("> 0002", "REFUNDED")
	d.Press("esc").Press("f3").See("sales 2: paid 1", "of it in cash", "Went back")

	// The next cashier.
	d.Press("f10").See("PIN").Gone("€8.10").Type(pos.TrainingPIN).Press("enter").See("Eva is at the till")
	d.Press("ctrl+c").Press("ctrl+c").End()
	d.gone()
}
