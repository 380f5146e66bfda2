package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

// actFlags are the flags of `till sales act`.
type actFlags struct {
	why, cash, asset, basis, part, to string
	lines                             bool
}

// acts are what can be done with a sale by a command.
var acts = []pos.ActKind{
	pos.ActCancel, pos.ActRequote, pos.ActCash, pos.ActTakeOver, pos.ActAccept, pos.ActReprice, pos.ActRefundDue, pos.ActRefundDone, pos.ActRefundVoid,
}

func actCommand(at *places) *cobra.Command {
	var f actFlags
	cmd := &cobra.Command{
		Use:   "act SALE ACT",
		Short: "Do with a sale what the screen can do: cancel, cash, accept, refund-due …",
		Long: `Does something with one sale, at the register that is open or without one. ACT is

  cancel        only while nothing was seen
  requote       ask at the present price, or with --asset in another coin
  cash          the rest was taken in cash
  take-over     the sale belongs to this terminal now
  accept        too little, late or disputed money is enough        supervisor
  reprice       late money counts at the present price              supervisor
  refund-due    money is to go back: --refund and --to              supervisor
  refund-done   it went back in a way that no network shows         supervisor
  refund-void   the last refund was recorded by mistake             supervisor

Where it says supervisor, a supervisor's PIN is asked for. till sends nothing: a
refund is paid by the owner's wallet, and the till sees it.`,
		Example: `  till sales act 17 accept --why "regular customer"
  till sales act 17 refund-due --refund over --to bc1q…`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("say which sale, and what to do with it")
			}
			if !slices.Contains(acts, pos.ActKind(args[1])) {
				return usage("there is no act %q; choose %s", clip(args[1]), joined(acts, ", ", func(k pos.ActKind) string { return string(k) }))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return doAct(cmd, at.fill(), f, args[0], pos.ActKind(args[1]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.why, "why", "", "why, in a few words")
	flags.StringVar(&f.asset, "asset", "", "for requote: another coin, by its `ID`")
	flags.StringVar(&f.cash, "cash", "", "for cash: the `amount`; without it, all that is missing")
	flags.StringVar(&f.basis, "refund", "", "for refund-due: `paid`, over, price or part")
	flags.StringVar(&f.part, "part", "", "for refund-due part: the `amount` in the sale's currency")
	flags.StringVar(&f.to, "to", "", "for refund-due: the customer's `address` or payment link")
	flags.BoolVar(&f.lines, "pin-stdin", false, pinStdin+"a supervisor's")
	return cmd
}

func doAct(cmd *cobra.Command, at places, f actFlags, text string, kind pos.ActKind) error {
	ctx := cmd.Context()
	books, err := readStore(ctx, at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	r, err := findSale(ctx, books, text)
	if err != nil {
		return err
	}
	deed, err := f.deed(kind, r.Sale)
	if err != nil {
		return err
	}
	return withOffice(ctx, at, func(o office) error {
		q := request{Do: askAct, By: at.actor(), Sale: r.Sale.ID, Deed: deed}
		if kind.NeedsPIN() {
			pins, err := pinFrom(cmd, f.lines)
			if err != nil {
				return err
			}
			if q.PIN, err = pins.ask(ctx, supervisorsPIN); err != nil {
				return err
			}
		}
		a, err := o.ask(ctx, q)
		if err != nil {
			return pinTrouble(err)
		}
		if a.Record == nil {
			return fmt.Errorf("the register did not say what became of sale %d; look with `till sales show %d`", r.Sale.Number, r.Sale.Number)
		}
		speech, format := at.speech()
		outcome := a.Record.Sale.Outcome
		fmt.Fprintln(cmd.OutOrStdout(), pos.CleanText(strings.TrimSpace(fmt.Sprintf("sale %s  %s  %s", words.Number4(r.Sale.Number), speech.Status(outcome),
			speech.Reason(outcome.Reason, format.Find(outcome.Asset)))), 300))
		return nil
	})
}

// deed reads what the flags say, each where it belongs.
func (f actFlags) deed(kind pos.ActKind, s pos.Sale) (*deedJSON, error) {
	for _, one := range []struct {
		name, text string
		kind       pos.ActKind
	}{
		{"--asset", f.asset, pos.ActRequote},
		{"--cash", f.cash, pos.ActCash},
		{"--refund", f.basis, pos.ActRefundDue},
		{"--part", f.part, pos.ActRefundDue},
		{"--to", f.to, pos.ActRefundDue},
	} {
		if one.text != "" && one.kind != kind {
			return nil, usage("%s is for %s", one.name, one.kind)
		}
	}
	d := &deedJSON{Kind: kind, Why: f.why, To: f.to, Asset: chain.AssetID(f.asset), Basis: pos.RefundBasis(f.basis)}
	if q, ok := s.Quote(); ok && kind == pos.ActRequote && f.asset == "" {
		d.Asset = q.Asset
	}
	if kind == pos.ActRefundDue {
		switch {
		case !slices.Contains([]pos.RefundBasis{pos.RefundPaid, pos.RefundOver, pos.RefundPrice, pos.RefundPart}, d.Basis):
			return nil, usage("say how much goes back, with --refund paid, over, price or part")
		case f.to == "":
			return nil, usage("say where to, with --to and the customer's address")
		case (d.Basis == pos.RefundPart) != (f.part != ""):
			return nil, usage("--refund part and --part go together")
		}
	}
	for _, one := range []struct {
		name, text string
		into       *money.Fiat
	}{{"--cash", f.cash, &d.Cash}, {"--part", f.part, &d.Fiat}} {
		if one.text == "" {
			continue
		}
		amount, err := money.ParseFiat(one.text, s.Price.Fiat.Currency)
		if err != nil || amount.IsZero() {
			return nil, usage("%s takes an amount in the sale's currency, like 4.50, not %q", one.name, clip(one.text))
		}
		*one.into = amount
	}
	return d, nil
}
