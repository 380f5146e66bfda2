package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/qr"
	"github.com/cointill/till/tui/words"
)

// The exit codes by which a script learns how a sale ended.
const (
	exitExpired   = 3 // EXPIRED, LATE
	exitUnderpaid = 4
	exitCancelled = 5
	exitDisputed  = 6 // DISPUTED, REVERSED
)

// patience is how long `till sale` waits for a network before it gives up: a
// light client's first start takes some minutes.
const patience = 15 * time.Minute

func saleCommand(at *places) *cobra.Command {
	var f saleFlags
	cmd := &cobra.Command{
		Use:   "sale AMOUNT",
		Short: "Ring up one sale from a script: print its QR code and follow it",
		Long: `Rings up one sale, prints its QR code and follows it to its end.

AMOUNT is fiat (4.50, 4.50USD), an asset (21000sat, 0.01ETH) or open.

Exit codes: 0 PAID, OVERPAID or ACCEPTED; 1 an error, or interrupted with money
seen (the sale stays open); 2 wrong usage; 3 EXPIRED or LATE; 4 UNDERPAID;
5 CANCELLED (Ctrl+C with nothing seen cancels); 6 DISPUTED or REVERSED.

With --json it prints one object per change; amounts of assets are decimal
strings of smallest units.`,
		Example: `  till sale 4.50
  till sale 21000sat --json --reference order-17
  till sale open --asset eip155:1/native`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say one amount, like: till sale 4.50")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runSale(cmd, *at, f, args[0]) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.asset, "asset", "", "what to pay with, `ID` or symbol (bitcoin/btc, ETH)")
	flags.BoolVar(&f.json, "json", false, "one JSON object per change")
	flags.StringVar(&f.reference, "reference", "", "your own number of the order")
	flags.StringVar(&f.note, "note", "", "a note for people")
	flags.StringVar(&f.metadata, "metadata", "", "`JSON` that stays with the sale")
	flags.IntVar(&f.confirmations, "confirmations", 0, "ask for at least so many confirmations")
	flags.StringVar(&f.expires, "expires", "", "how long the price holds, like 15m")
	flags.StringVar(&f.callback, "callback", "", "`URL` that each change is posted to instead of the shop's; see till events --help")
	return cmd
}

func runSale(cmd *cobra.Command, at places, f saleFlags, amount string) error {
	s, err := at.load()
	if err != nil {
		return err
	}
	draft, asset, err := f.draft(s, amount)
	if err != nil {
		return err
	}
	log, done := logOrNothing(s.data)
	defer done()
	session, err := startShop(cmd.Context(), s, log)
	if err != nil {
		return err
	}
	if wrong := session.setBack(cmd.Context()); wrong != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "till: %s\n", wrong)
	}
	f2 := follower{
		register: session.Register, asset: asset, currency: s.own(), json: f.json, tongue: tongueOf(s), testnet: s.shop.Testnet,
		out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr(),
	}
	err = f2.run(cmd.Context(), draft)
	return errors.Join(err, session.close())
}

// register is what following a sale needs of *pos.Register.
type register interface {
	Choices(d pos.Draft) []pos.Choice
	Open(ctx context.Context, d pos.Draft, asset chain.AssetID) (pos.View, error)
	Cancel(ctx context.Context, saleID string, by pos.Actor) (pos.View, error)
	View(ctx context.Context, saleID string) (pos.View, error)
	Subscribe() *pos.Mailbox
}

// follower rings up one sale and tells what becomes of it.
type follower struct {
	register register
	asset    chain.Asset
	currency money.Currency
	tongue   tongue
	testnet  bool // the money may be worthless
	json     bool
	out      io.Writer // the sale
	notes    io.Writer // what is waited for

	last string // what was printed last
}

// run ends with the sale: with an exit that has its code, or an error.
func (f *follower) run(ctx context.Context, d pos.Draft) error {
	box := f.register.Subscribe()
	defer box.Close()
	if err := f.untilUsable(ctx, box, d); err != nil {
		return err
	}
	v, err := f.register.Open(ctx, d, f.asset.ID)
	if err != nil && (v.Sale.ID == "" || !errors.Is(err, pos.ErrConnecting)) {
		return err
	}
	shown := false
	for {
		if !shown && len(v.Pay.Forms) > 0 {
			shown = true
			f.request(v)
		}
		f.change(v)
		if code, over := exitOf(v.Sale.Outcome.Status); over {
			if code == exitOK {
				return nil
			}
			return &exit{code: code}
		}
		update, err := box.Next(ctx)
		if err != nil {
			return f.interrupted(ctx, v, d.By)
		}
		for _, changed := range update.Changed {
			if changed.Sale.ID == v.Sale.ID {
				v = changed
			}
		}
	}
}

// exitOf is the exit code of a status in which there is nothing to wait for.
func exitOf(s pos.Status) (code int, over bool) {
	switch s {
	case pos.Paid, pos.Overpaid, pos.Accepted:
		return exitOK, true
	case pos.Expired, pos.Late:
		return exitExpired, true
	case pos.Underpaid:
		return exitUnderpaid, true
	case pos.Cancelled:
		return exitCancelled, true
	case pos.Disputed, pos.Reversed:
		return exitDisputed, true
	case pos.RefundDue, pos.Refunded:
		return exitError, true
	}
	return 0, false
}

// untilUsable waits until the asset can be sold, and says what it waits for.
func (f *follower) untilUsable(ctx context.Context, box *pos.Mailbox, d pos.Draft) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	said := ""
	for {
		var choice pos.Choice
		for _, c := range f.register.Choices(d) {
			if c.Asset.ID == f.asset.ID {
				choice = c
			}
		}
		waits := errors.Is(choice.Refusal, pos.ErrConnecting) ||
			errors.Is(choice.Refusal, money.ErrNoRate) && !errors.Is(choice.Refusal, money.ErrOffPar)
		if !waits {
			return choice.Refusal
		}
		text := fmt.Sprintf("waiting for a price of %s", f.asset.Name)
		if errors.Is(choice.Refusal, pos.ErrConnecting) {
			text = fmt.Sprintf("waiting for %s: %s", words.Rail(choice.Rail), choice.Health.State)
		}
		if text != said {
			said = text
			fmt.Fprintf(f.notes, "till: %s\n", text)
		}
		if _, err := box.Next(ctx); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return choice.Refusal
			}
			return &exit{code: exitError}
		}
	}
}

// interrupted ends a sale that was waited for no longer: with nothing seen it
// is cancelled, else it stays open.
func (f *follower) interrupted(ctx context.Context, v pos.View, by pos.Actor) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if now, err := f.register.View(ctx, v.Sale.ID); err == nil {
		v = now
	}
	if v.Sale.Outcome.Status == pos.Awaiting {
		cancelled, err := f.register.Cancel(ctx, v.Sale.ID, by)
		if err == nil {
			f.change(cancelled)
			return &exit{code: exitCancelled}
		}
		if !errors.Is(err, pos.ErrNotNow) {
			return err
		}
		if now, err := f.register.View(ctx, v.Sale.ID); err == nil {
			v = now // something came at the last moment
		}
	}
	f.change(v)
	if code, over := exitOf(v.Sale.Outcome.Status); over && code != exitOK {
		return &exit{code: code}
	} else if over {
		return nil
	}
	return fmt.Errorf("interrupted: sale %s stays open and goes on being watched; `till sales show %d` tells what became of it",
		words.Number4(v.Sale.Number), v.Sale.Number)
}

// request prints what the customer needs.
func (f *follower) request(v pos.View) {
	if f.json {
		return
	}
	cols, rows, mode := f.place()
	if code, ok := qr.Fit(v.Pay.Forms, cols, rows, mode); ok {
		fmt.Fprintln(f.out, code)
	}
	speech, format := f.tongue.words(f.find)
	if f.testnet {
		fmt.Fprintf(f.out, "%s  ", speech.Phrases().Testnet)
	}
	fmt.Fprintf(f.out, "sale %s", words.Number4(v.Sale.Number))
	if v.Sale.Price.Kind == pos.PriceFiat {
		fmt.Fprintf(f.out, ", %s", v.Sale.Price.Fiat)
	}
	fmt.Fprintln(f.out)
	if v.Pay.Amount.IsZero() {
		fmt.Fprintf(f.out, "any amount of %s\n", v.Pay.Asset.Name)
	} else {
		fmt.Fprintf(f.out, "%s (%s) of %s\n", format.Coin(v.Pay.Amount, v.Pay.Asset), format.Whole(v.Pay.Amount, v.Pay.Asset), v.Pay.Asset.Name)
	}
	fmt.Fprintf(f.out, "to %s\n", v.Pay.Quote.To)
	for _, form := range v.Pay.Forms {
		if form.Kind == chain.FormURI {
			fmt.Fprintln(f.out, form.Text)
		}
	}
	fmt.Fprintf(f.out, "the price holds until %s\n", format.Seconds(v.Pay.Quote.Deadline))
}

// change prints a sale's state, unless it is what was printed last.
func (f *follower) change(v pos.View) {
	if f.json {
		j := newSaleJSON(v, v.Sale.Outcome.At)
		same := j
		same.Time = time.Time{}
		key, _ := json.Marshal(same)
		if string(key) == f.last {
			return
		}
		f.last = string(key)
		line, _ := json.Marshal(j) // of plain values: it cannot fail
		fmt.Fprintf(f.out, "%s\n", line)
		return
	}
	speech, format := f.tongue.words(f.find)
	o := v.Sale.Outcome
	line := speech.Status(o)
	if o.Verdict != pos.NoVerdict {
		line += "  " + speech.Verdict(o.Verdict)
	}
	if why := speech.Reason(o.Reason, v.Asset); why != "" {
		line += "  " + why
	}
	if line == f.last {
		return
	}
	f.last = line
	fmt.Fprintf(f.out, "%s  %s\n", format.Seconds(o.At), line)
}

// find describes an asset as the register knows it.
func (f *follower) find(id chain.AssetID) (chain.Asset, bool) {
	for _, c := range f.register.Choices(pos.Draft{Price: pos.Price{Kind: pos.PriceOpen}}) {
		if c.Asset.ID == id {
			return c.Asset, true
		}
	}
	return shippedAsset(id)
}

// place is where a QR code can be drawn: the terminal, less the lines of text
// below it, or a usual page where the output is no terminal.
func (f *follower) place() (cols, rows int, mode qr.Mode) {
	tty, isFile := f.out.(*os.File)
	isTerminal := isFile && term.IsTerminal(tty.Fd())
	mode = qr.ModeFor(!isTerminal || os.Getenv("TERM") == "dumb", os.Getenv("NO_COLOR") != "", true)
	cols, rows = 80, 40
	if isTerminal {
		if w, h, err := term.GetSize(tty.Fd()); err == nil && w > 0 && h > 0 {
			cols, rows = w, h
		}
	}
	return cols, rows, mode
}
