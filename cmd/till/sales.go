package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

// salesFlags are the flags of `till sales`.
type salesFlags struct {
	json   bool
	limit  int
	status string
}

func salesCommand(at *places) *cobra.Command {
	var f salesFlags
	cmd := &cobra.Command{
		Use:   "sales",
		Short: "List the sales, or show one; also while a register is open",
		Long: `Reads the sales of the data folder, also while a register is open on it. What it
shows is what was stored last; the time alone may have changed a sale since.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listSales(cmd, at.fill(), f, "") },
	}
	cmd.PersistentFlags().BoolVar(&f.json, "json", false, "one JSON object per sale")
	list := &cobra.Command{
		Use:   "list [TEXT]",
		Short: "List sales, newest first; TEXT is a number, code, reference, address or transaction",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("say one thing to look for, in quotes if it has spaces")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text := ""
			if len(args) == 1 {
				text = args[0]
			}
			return listSales(cmd, at.fill(), f, text)
		},
	}
	for _, c := range []*cobra.Command{cmd, list} {
		c.Flags().IntVar(&f.limit, "limit", 100, "at most so many")
		c.Flags().StringVar(&f.status, "status", "", "only these, such as PAID")
	}
	show := &cobra.Command{
		Use:   "show SALE",
		Short: "Show one sale with its payments and all that happened to it; SALE is its number, code or id",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say which sale, by its number, code or id")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return showSale(cmd, at.fill(), f, args[0]) },
	}
	cmd.AddCommand(list, show, actCommand(at), exportCommand(at, &f), printCommand(at))
	return cmd
}

// noBooksError says that no register was ever opened on a data folder.
type noBooksError struct{ data string }

func (e *noBooksError) Error() string {
	return fmt.Sprintf("there are no sales in %s yet; is it the right data folder?", e.data)
}

// readStore opens the data folder for looking.
func readStore(ctx context.Context, data string) (*store.SQLite, error) {
	if _, err := os.Stat(filepath.Join(data, store.FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil, &noBooksError{data}
	} else if err != nil {
		return nil, fmt.Errorf("the sales in %s cannot be read: %s", data, plainCause(err))
	}
	return store.OpenReadOnly(ctx, data)
}

func listSales(cmd *cobra.Command, at places, f salesFlags, text string) error {
	if f.limit < 1 || f.limit > 100_000 {
		return usage("--limit takes a number between 1 and 100000")
	}
	books, err := readStore(cmd.Context(), at.data)
	if none := new(noBooksError); errors.As(err, &none) {
		// Before the first sale the list is as good as any: it is empty.
		fmt.Fprintf(cmd.ErrOrStderr(), "%s\n", none)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	records, err := books.Sales(cmd.Context(), pos.Query{Text: text, Status: pos.Status(f.status), Limit: f.limit})
	if err != nil {
		return err
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), records, at.assets())
	}
	if len(records) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "no sales")
		return nil
	}
	speech, format := at.speech()
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tCODE\tTIME\tPRICE\tPAID WITH\tSTATUS\tRUNG UP BY\tREFERENCE")
	for _, r := range records {
		o := r.Sale.Outcome
		with := ""
		if a := o.Asset; a != "" {
			with = format.Find(a).Name
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", words.Number4(r.Sale.Number), r.Sale.Code,
			r.Sale.CreatedAt.Local().Format("2006-01-02 15:04"), priceText(r.Sale.Price, format), with, speech.Status(o), by(r.Sale), pos.CleanText(r.Sale.Reference, 40))
	}
	return table.Flush()
}

// by is who rang a sale up, and where.
func by(s pos.Sale) string {
	return strings.Trim(pos.CleanText(s.Cashier, 32)+", "+pos.CleanText(s.Terminal, 32), ", ")
}

// assetFinder describes assets by their ids.
type assetFinder = func(chain.AssetID) (chain.Asset, bool)

// assets finds what the configuration accepts, if there is one that can be
// read, and what till knows by itself.
func (p places) assets() assetFinder {
	s, err := p.load()
	if err != nil {
		return shippedAsset
	}
	return s.find
}

// shippedAsset describes an asset without a configuration.
func shippedAsset(id chain.AssetID) (chain.Asset, bool) {
	if id == chain.Bitcoin {
		return bitcoinAsset, true
	}
	for _, c := range evmChains {
		if id == chain.NativeAsset(c.id) {
			return c.native(), true
		}
		for _, t := range c.tokens {
			if a, _ := c.token(t.symbol); a.ID == id {
				return a, true
			}
		}
	}
	return chain.Asset{}, false
}

func priceText(p pos.Price, f words.Format) string {
	switch p.Kind {
	case pos.PriceFiat:
		return p.Fiat.String()
	case pos.PriceAsset:
		return f.Coin(p.Amount, f.Find(p.Asset))
	}
	return "open"
}

// writeJSON writes sales as `till sale --json` does, without what only a running
// register knows (the payment URI).
func writeJSON(out io.Writer, records []pos.Record, find assetFinder) error {
	encoder := json.NewEncoder(out)
	for _, r := range records {
		v := pos.View{Record: r}
		v.Asset, _ = find(r.Sale.Outcome.Asset)
		if err := encoder.Encode(newSaleJSON(v, r.Sale.Outcome.At)); err != nil {
			return err
		}
	}
	return nil
}

// findSale finds one sale by its number, code or id.
func findSale(ctx context.Context, books pos.Store, text string) (pos.Record, error) {
	r, err := books.Sale(ctx, text)
	if err == nil || !errors.Is(err, pos.ErrNoSale) {
		return r, err
	}
	found, err := books.Sales(ctx, pos.Query{Text: text, Limit: 20})
	if err != nil {
		return pos.Record{}, err
	}
	number, numeric := strconv.ParseUint(text, 10, 64)
	for _, r := range found {
		if r.Sale.Code == text || numeric == nil && r.Sale.Number == number {
			return r, nil
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return pos.Record{}, fmt.Errorf("there is no sale %q in this data folder; `till sales list` shows them", clip(text))
}

// tellHistory writes what happened to a sale, as its journal has it.
func tellHistory(ctx context.Context, out io.Writer, books pos.Store, s pos.Sale, speech words.Words) error {
	entries, err := books.History(ctx, s.ID)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if i == 0 {
			fmt.Fprintln(out, "\nwhat happened")
		}
		if text := speech.Entry(e, s); text != "" {
			fmt.Fprintf(out, "%6d  %s  %s\n", e.Seq, e.At.Local().Format(time.DateTime), pos.CleanText(text, 300))
		}
	}
	return nil
}

func showSale(cmd *cobra.Command, at places, f salesFlags, text string) error {
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	r, err := findSale(cmd.Context(), books, text)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if f.json {
		return writeJSON(out, []pos.Record{r}, at.assets())
	}
	speech, format := at.speech()
	o := r.Sale.Outcome
	asset := format.Find(o.Asset)
	fmt.Fprintf(out, "sale %s  code %s  id %s\n", words.Number4(r.Sale.Number), r.Sale.Code, r.Sale.ID)
	fmt.Fprintf(out, "rung up   %s  %s\n", r.Sale.CreatedAt.Local().Format(time.DateTime), pos.CleanText(r.Sale.Terminal+" "+r.Sale.Cashier, 80))
	fmt.Fprintf(out, "price     %s\n", priceText(r.Sale.Price, format))
	fmt.Fprintf(out, "status    %s  %s  %s\n", speech.Status(o), speech.Verdict(o.Verdict), speech.Reason(o.Reason, asset))
	for _, line := range []struct{ name, text string }{{"reference", r.Sale.Reference}, {"note", r.Sale.Note}} {
		if line.text != "" {
			fmt.Fprintf(out, "%-9s %s\n", line.name, pos.CleanText(line.text, 200))
		}
	}
	for _, a := range r.Sale.Addresses {
		fmt.Fprintf(out, "address   %s  %s\n", a.To, a.Path)
	}
	for _, q := range r.Sale.Quotes {
		fmt.Fprintf(out, "quote     %s of %s until %s\n", format.Coin(q.Due, format.Find(q.Asset)), format.Find(q.Asset).Name, q.Deadline.Local().Format(time.DateTime))
	}
	for _, p := range r.Payments {
		what := "payment"
		if p.Refund {
			what = "went back"
		}
		fmt.Fprintf(out, "%-9s %s  %s\n", what, speech.Payment(p), p.Key.TxID)
	}
	if back := newBackJSON(r, nil); back != nil {
		a := format.Find(back.Asset)
		fmt.Fprintf(out, "refund    %s of %s to %s; %s of it went back\n", format.Coin(back.due, a), a.Name, pos.CleanText(string(back.To), 120), format.Coin(back.went, a))
	}
	return tellHistory(cmd.Context(), out, books, r.Sale, speech)
}
