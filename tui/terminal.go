package tui

import (
	"context"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// Role is what a screen is for, and so what can be reached from it.
type Role string

// The roles. A role takes screens and keys away; it never gives a right that a
// PIN guards.
const (
	Cashier    Role = "cashier"    // everything at the counter
	Supervisor Role = "supervisor" // a cashier's, with the day's totals shown
	Kiosk      Role = "kiosk"      // customers serve themselves: no totals, no other sales, no way out
	Display    Role = "display"    // the customer's view of the sale that another terminal shows
	Board      Role = "board"      // numbers in progress and ready, for a TV
	Customer   Role = "customer"   // the demo's audience: the number of a sale, enter pays
)

// Item is something sold so often that it has a key of its own.
type Item struct {
	Key   string // as the key map says it: "f5"
	Name  string
	Price money.Fiat
}

// KioskConfig is how a kiosk asks for an amount.
type KioskConfig struct {
	// Amounts are the only ones there are to choose from; none = a keypad.
	Amounts []money.Fiat
}

// Floor knows which sale each terminal of the shop shows; displays follow it. Its
// methods answer at once and are safe for concurrent use.
type Floor interface {
	// Show tells which sale a terminal shows from now on, "" = none.
	Show(terminal, saleID string)
	// Follow returns the sale that a terminal shows, and a channel that is closed
	// when it shows another.
	Follow(terminal string) (saleID string, changed <-chan struct{})
}

// Printer puts a receipt on paper or into a file.
type Printer interface {
	// Print waits until the receipt was taken; again says that it is a copy.
	Print(ctx context.Context, v pos.View, again bool) error
}
