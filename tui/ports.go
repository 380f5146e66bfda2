package tui

import (
	"context"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// Register is the register as a screen needs it; *pos.Register is one. Shop,
// Board, Choices and Subscribe answer at once from memory; the rest may wait
// for a disk or a network and is only called from a tea.Cmd.
type Register interface {
	Shop() pos.Shop
	Board() pos.Board
	// Choices says what a draft would cost in each asset.
	Choices(d pos.Draft) []pos.Choice
	// Open rings up a draft and asks for it in asset. It returns once the sale
	// is durable and its address is watched; a second call with the same
	// draft ID returns the same sale.
	Open(ctx context.Context, d pos.Draft, asset chain.AssetID) (pos.View, error)
	// Offer asks for an open sale in another asset, or at a new price in the
	// same one. Only while nothing was seen: pos.ErrNotNow.
	Offer(ctx context.Context, saleID string, asset chain.AssetID, by pos.Actor) (pos.View, error)
	// Cancel ends an open sale. Only while nothing was seen: pos.ErrNotNow.
	Cancel(ctx context.Context, saleID string, by pos.Actor) (pos.View, error)
	View(ctx context.Context, saleID string) (pos.View, error)
	Views(ctx context.Context, q pos.Query) ([]pos.View, error)
	Subscribe() *pos.Mailbox

	// Act does what a person asks for with a sale. Where a PIN is needed it
	// fails with *pos.WrongPINError, *pos.LockedPINError or pos.ErrNoSupervisor.
	Act(ctx context.Context, saleID string, d pos.Deed) (pos.View, error)
	// History is a sale's part of the journal, oldest first.
	History(ctx context.Context, saleID string) ([]pos.Entry, error)
	// Lookup asks every rail whose form the text has: a transaction or an address.
	Lookup(ctx context.Context, text string) []pos.Sighting
	// Back acknowledges Board.Away.
	Back(ctx context.Context, by pos.Actor) error
	// Agree agrees to Board.Changed. Without any supervisor no PIN is asked for.
	Agree(ctx context.Context, by pos.Actor, pin string) error
	// SetRate sells an asset at a price by hand; pos.ErrFarRate asks for sure.
	SetRate(ctx context.Context, asset chain.AssetID, rate money.Rate, by pos.Actor, pin string, sure bool) error
	// Identify tells whose PIN it is.
	Identify(ctx context.Context, pin string) (pos.Member, error)
	// Staff lists who has a PIN, without the PINs.
	Staff(ctx context.Context) ([]pos.Member, error)
}

// AddressReader is a Register that can tell what is wrong with an address before
// anything is done with it. It answers at once; the error wraps pos.ErrAddress.
type AddressReader interface {
	ReadAddress(rail, text string) error
}

// Stage plays the customer and the chain in the demo. There is none outside it.
type Stage interface {
	// Pay sends what v asks for; of a refund that is due, what goes back.
	Pay(ctx context.Context, v pos.View) error
	// Scenes lists what can be played with v, the plain payment first.
	Scenes(v pos.View) []Scene
	Play(ctx context.Context, id string, v pos.View) error
	// Mine adds a block to the chain that v is paid on, or to every chain if v
	// has no quote.
	Mine(ctx context.Context, v pos.View) error
}

// Scene is something that happens at a counter.
type Scene struct{ ID, Title string }

// Ready is a message for the program: the register is there. Stage and
// Instruments may be nil.
type Ready struct {
	Register Register
	Stage    Stage
	// Instruments is Config.Instruments; nil = none.
	Instruments func(context.Context) (Instruments, error)
}

// Failed is a message for the program: the register could not start.
type Failed struct{ Err error }
