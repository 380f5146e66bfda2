package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

// findMost is how many sales are told of at once.
const findMost = 20

// findFlags are the flags of `till find`.
type findFlags struct {
	json, ask bool
	wait      time.Duration
}

func findCommand(at *places) *cobra.Command {
	var f findFlags
	cmd := &cobra.Command{
		Use:   "find TXID|ADDRESS|NUMBER|CODE|AMOUNT",
		Short: "Where is my money: find sales by what somebody has of them",
		Long: `Finds sales by a transaction, an address, a payment link, a receipt number, a
code, a reference, or, where none of these fits, an amount: 4.50, 4.50EUR,
21000sat or 0.01ETH, as the price, as what was asked or as what came. The
beginning of a transaction, an address, a code or a reference is enough, from
four characters on. It says in plain words what became of each, newest first,
at most ` + strconv.Itoa(findMost) + ` of them.

It reads what is stored, also while a register is open. Where nothing is stored
of a whole transaction or address, the open register asks the networks: whether
it was ever sent, waits for a block, or is in one, and whom it pays. With --ask
they are asked while no register is open, too.

With --json it prints the objects of "till sales --json", or one for each network
that was asked. The exit code is 1 where nothing is found.`,
		Example: `  till find 9f1c04ab
  till find bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu
  till find 4.50EUR`,
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, " ")) == "" {
				return usage("say what to look for: a transaction, an address, a number, a code or an amount")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return findSales(cmd, at.fill(), strings.TrimSpace(strings.Join(args, " ")), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.json, "json", false, "one JSON object per sale or network")
	flags.BoolVar(&f.ask, "ask", false, "ask the networks, also while no register is open")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long networks may take to connect")
	return cmd
}

func findSales(cmd *cobra.Command, at places, typed string, f findFlags) error {
	if len(typed) > payuri.MaxLength {
		return usage("%d characters are too many for anything that till knows; say a transaction, an address, a number, a code or an amount", len(typed))
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	text := searched(typed)
	found, err := findText(cmd.Context(), books, text)
	if err != nil {
		return err
	}
	amount, isAmount := at.amount(text)
	if len(found) == 0 && isAmount {
		if found, err = findAmount(cmd.Context(), books, amount, at.assets()); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		none := notFound(cmd.Context(), books, text, isAmount)
		if onChain(text) {
			return askNetworks(cmd, at, f, books, text, none)
		}
		return none
	}
	more := len(found) > findMost
	found = found[:min(len(found), findMost)]
	out := cmd.OutOrStdout()
	if f.json {
		return writeJSON(out, found, at.assets())
	}
	speech, format := at.speech()
	for i, r := range found {
		if i > 0 {
			fmt.Fprintln(out)
		}
		tell(out, r, text, speech, format)
	}
	if more {
		fmt.Fprintf(out, "\nonly the newest %d are shown; say more of what to look for\n", findMost)
	}
	if cur := found[0].Sale.Price.Fiat.Currency; cur != "" && len(found) == 1 && isAmount && amount.unit == "" && isNumber(found[0], text) {
		fmt.Fprintf(out, "\nto find it as an amount: till find %s%s\n", text, cur)
	}
	return nil
}

func isNumber(r pos.Record, text string) bool {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 10, 64)
	return err == nil && n == r.Sale.Number
}

// searched is what is looked for in what people paste: the address in a payment
// link, the transaction in an explorer's link or before an output's number.
func searched(typed string) string {
	if r, err := payuri.Scan(typed); err == nil {
		return string(r.To)
	}
	if u, err := url.Parse(typed); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		where := strings.TrimRight(u.Path, "/")
		if last := where[strings.LastIndex(where, "/")+1:]; strings.TrimSpace(last) != "" {
			typed = last
		}
	}
	if id, output, ok := strings.Cut(typed, ":"); ok && isHash(id) && output != "" {
		return id
	}
	return typed
}

// findText finds sales by what the store has an index of. A receipt number that
// there is stands for itself alone.
func findText(ctx context.Context, books pos.Store, text string) ([]pos.Record, error) {
	spellings := []string{text}
	if isHash(text) { // people copy it with 0x and without
		if bare, ok := strings.CutPrefix(text, "0x"); ok {
			spellings = append(spellings, bare)
		} else {
			spellings = append(spellings, "0x"+text)
		}
	}
	number, numeric := strconv.ParseUint(strings.TrimPrefix(text, "#"), 10, 63)
	if numeric == nil && number > 0 && number < 1<<62 {
		// Asked by its place, for others may fit the text and come before it.
		one, err := books.Sales(ctx, pos.Query{Before: number + 1, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(one) == 1 && one[0].Sale.Number == number {
			return one, nil
		}
	}
	for _, spelling := range spellings {
		found, err := books.Sales(ctx, pos.Query{Text: spelling, Limit: findMost + 1})
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// amountSought is an amount to look for: a number, and what it is of where that
// was said: a currency, sat or a coin's symbol.
type amountSought struct {
	number string
	unit   string
}

// amount reads an amount. Its unit must be known, so that no code or word is
// taken for one.
func (p places) amount(text string) (amountSought, bool) {
	number, unit := money.SplitUnit(text)
	if _, err := money.ParseAmount(number, 36); err != nil {
		return amountSought{}, false
	}
	if unit == "" || isSat(unit) || p.knowsSymbol(unit) {
		return amountSought{number, unit}, true
	}
	_, err := money.Lookup(strings.ToUpper(unit))
	return amountSought{number, unit}, err == nil
}

func (p places) knowsSymbol(symbol string) bool {
	if s, err := p.load(); err == nil {
		if slices.ContainsFunc(s.shop.Assets, func(a chain.Asset) bool { return strings.EqualFold(a.Symbol, symbol) }) {
			return true
		}
	}
	return strings.EqualFold(symbol, bitcoinAsset.Symbol) || slices.ContainsFunc(evmChains, func(c evmChain) bool {
		_, token := c.token(symbol)
		return token || strings.EqualFold(c.symbol, symbol)
	})
}

// findAmount looks at every sale, for there is no index of amounts.
func findAmount(ctx context.Context, books pos.Store, a amountSought, find assetFinder) ([]pos.Record, error) {
	var found []pos.Record
	for r, err := range eachSale(ctx, books, time.Time{}, time.Time{}, time.Time{}) {
		if err != nil {
			return nil, err
		}
		if a.fits(r, find) {
			if found = append(found, r); len(found) > findMost {
				break
			}
		}
	}
	return found, nil
}

// fits tells whether a sale's price, what was asked, or what came is the amount.
func (a amountSought) fits(r pos.Record, find assetFinder) bool {
	s := r.Sale
	if s.Price.Kind == pos.PriceFiat && a.isFiat(s.Price.Fiat) || s.Price.Kind == pos.PriceAsset && a.is(s, s.Price.Asset, s.Price.Amount, find) ||
		a.is(s, s.Outcome.Asset, s.Outcome.Received, find) {
		return true
	}
	return slices.ContainsFunc(s.Quotes, func(q pos.Quote) bool { return a.isFiat(q.Value) || a.is(s, q.Asset, q.Due, find) }) ||
		slices.ContainsFunc(r.Payments, func(p pos.Payment) bool { return a.is(s, p.Asset, p.Amount, find) })
}

func (a amountSought) isFiat(f money.Fiat) bool {
	if f.IsZero() || a.unit != "" && !strings.EqualFold(a.unit, string(f.Currency)) {
		return false
	}
	is, err := money.ParseFiat(a.number, f.Currency)
	return err == nil && is == f
}

// is compares with an amount of a coin. Without a unit it may be whole coins or
// smallest units.
func (a amountSought) is(s pos.Sale, id chain.AssetID, amount chain.Amount, find assetFinder) bool {
	if amount.IsZero() {
		return false
	}
	asset, known := find(id)
	for _, q := range s.Quotes {
		if q.Asset == id {
			asset.Decimals, known = q.Decimals, true
		}
	}
	sat := isSat(a.unit)
	if a.unit == "" || sat && id == chain.Bitcoin {
		if units, err := money.ParseAmount(a.number, 0); err == nil && units == amount {
			return true
		}
	}
	if !known || sat || a.unit != "" && !strings.EqualFold(a.unit, asset.Symbol) {
		return false
	}
	whole, err := money.ParseAmount(a.number, asset.Decimals)
	return err == nil && whole == amount
}

// notFound says where it was looked.
func notFound(ctx context.Context, books *store.SQLite, text string, isAmount bool) error {
	held, err := books.Contents(ctx)
	if err != nil {
		return err
	}
	if held.Sales == 0 {
		return errors.New("nothing was found: there is no sale in this data folder yet")
	}
	also := ""
	switch {
	case isHash(text):
		also = "; a transaction that paid to no address of this till is not among them"
	case isAmount:
		also = ", nor is it a price, an amount asked or an amount that came"
	}
	what := "that"
	if short := clip(text); short != hidden {
		what = strconv.Quote(short)
	}
	return fmt.Errorf("nothing was found: none of the %s here has %s as its number, code, reference, address or transaction%s",
		counted(held.Sales, "sale"), what, also)
}

// tell says in plain words what became of a sale.
func tell(out io.Writer, r pos.Record, text string, speech words.Words, format words.Format) {
	o := r.Sale.Outcome
	asset := format.Find(o.Asset)
	fmt.Fprintf(out, "sale %s  %s  rung up %s  code %s\n", words.Number4(r.Sale.Number), priceText(r.Sale.Price, format),
		r.Sale.CreatedAt.Local().Format(time.DateTime), r.Sale.Code)
	status := []string{speech.Status(o)}
	for _, more := range []string{speech.Verdict(o.Verdict), speech.Reason(o.Reason, asset)} {
		if more != "" {
			status = append(status, more)
		}
	}
	fmt.Fprintf(out, "status    %s\n", strings.Join(status, "  "))
	if o.Asset != "" {
		fmt.Fprintf(out, "money     %s\n", moneyText(o, asset, format))
	}
	for _, p := range r.Payments {
		label := "payment"
		if sameStart(string(p.Key.TxID), text) {
			label = "found"
		}
		fmt.Fprintf(out, "%-9s %s  first seen %s  %s\n", label, speech.Payment(p), p.FirstAt.Local().Format(time.DateTime), p.Key.TxID)
	}
	for _, a := range r.Sale.Addresses {
		fmt.Fprintf(out, "address   %s  %s\n", a.To, a.Path)
	}
	if r.Sale.Reference != "" {
		fmt.Fprintf(out, "reference %s\n", pos.CleanText(r.Sale.Reference, 200))
	}
}

// moneyText says what came and what is missing.
func moneyText(o pos.Outcome, asset chain.Asset, format words.Format) string {
	came := format.Coin(o.Received, asset)
	switch {
	case o.Received.IsZero() && o.Due.IsZero():
		return fmt.Sprintf("nothing of %s came; any amount was asked for", asset.Name)
	case o.Received.IsZero():
		return fmt.Sprintf("nothing of %s came; %s was asked for", asset.Name, format.Coin(o.Due, asset))
	case !o.Missing.IsZero():
		return fmt.Sprintf("%s of %s came; %s of %s is missing", came, asset.Name, format.Coin(o.Missing, asset), format.Coin(o.Due, asset))
	case !o.Over.IsZero():
		return fmt.Sprintf("%s of %s came, %s more than was asked for", came, asset.Name, format.Coin(o.Over, asset))
	}
	return fmt.Sprintf("%s of %s came; nothing is missing", came, asset.Name)
}

// sameStart tells whether an id begins with a text as people copy it.
func sameStart(id, text string) bool {
	bare := func(s string) string { return strings.TrimPrefix(strings.ToLower(s), "0x") }
	return len(bare(text)) >= 4 && strings.HasPrefix(bare(id), bare(text))
}
