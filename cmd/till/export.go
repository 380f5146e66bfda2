package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// exportFlags are the flags of `till sales export`.
type exportFlags struct {
	format, from, until, out string
}

func exportCommand(at *places, all *salesFlags) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all sales as CSV or as JSON lines, for books and spreadsheets",
		Long: `Writes one row per sale, newest first, also while a register is open.

CSV is as in RFC 4180, with a first row of names. Every column of amounts holds
plain numbers of one meaning, with a point and without units, so that it can be
added up for each currency or asset; due_units and the like count smallest
units, due and the like whole coins, exactly. fiat is the price, or, where a coin
was the price, its worth at the time. txids are the payments that stand;
other_payments those of them in another coin than the sale's, which received
leaves out. rate_state is "manual" where a supervisor set the price, who is in
sources. cash is what was taken in cash for the rest, refund what is to go back
and refunded what of it went back; acts is what people did, when and why. Texts
that a spreadsheet would take for a formula begin with '.

JSON lines hold the objects of "till sale --json" with the further columns of
the CSV and every payment.

A file is written under another name first, and takes its name when it is whole.`,
		Example: `  till sales export --from 2026-11-01 --until 2026-11-30 --out november.csv
  till sales export --format jsonl | jq .status`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all.json {
				if cmd.Flags().Changed("format") && f.format != "jsonl" {
					return usage("--json and --format %s do not go together; leave one out", clip(f.format))
				}
				f.format = "jsonl"
			}
			return exportSales(cmd, at.fill(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.format, "format", "csv", "csv or jsonl")
	flags.StringVar(&f.from, "from", "", "only sales rung up at or after this `date`, 2026-11-20 or 2026-11-20T15:04:05+01:00")
	flags.StringVar(&f.until, "until", "", "only sales rung up up to and with this `date`, or before this time")
	flags.StringVar(&f.out, "out", "", "write to a `file`, replacing it; without it to standard output")
	return cmd
}

func exportSales(cmd *cobra.Command, at places, f exportFlags) error {
	from, err1 := exportDate("--from", f.from, 0)
	until, err2 := exportDate("--until", f.until, 1)
	switch {
	case err1 != nil || err2 != nil:
		return errors.Join(err1, err2)
	case !from.IsZero() && !until.IsZero() && !from.Before(until):
		return usage("--until is before --from, so no sale can be between them")
	case f.format != "csv" && f.format != "jsonl":
		return usage("--format takes csv or jsonl, not %q", clip(f.format))
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	wrote := 0
	write := func(out io.Writer) error {
		row, flush := rowWriter(out, f.format)
		find := at.assets()
		for r, err := range eachSale(cmd.Context(), books, from, until, time.Now()) {
			if err != nil {
				return err
			}
			if err := row(newSoldJSON(r, find)); err != nil {
				return err
			}
			wrote++
		}
		return flush()
	}
	if f.out == "" {
		return write(cmd.OutOrStdout())
	}
	if err := writeWhole(f.out, write); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d sales written to %s\n", wrote, f.out)
	return nil
}

// exportDate reads a date in local time, or a time. An end that is a date is
// the end of that day: days is added to it.
func exportDate(name, text string, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t.AddDate(0, 0, days), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, usage("%s takes a date like 2026-11-20 or a time like 2026-11-20T15:04:05+01:00, not %q", name, clip(text))
}

// salePage is how many sales are in memory at a time.
const salePage = 500

// eachSale yields every sale rung up at or after from and before until (zero is
// no limit), newest first. Between pages nothing of the store is held.
func eachSale(ctx context.Context, books pos.Store, from, until, now time.Time) iter.Seq2[pos.Record, error] {
	return func(yield func(pos.Record, error) bool) {
		for _, q := range exportQueries(from, until, now) {
			for {
				page, err := books.Sales(ctx, q)
				if err != nil {
					yield(pos.Record{}, err)
					return
				}
				for _, r := range page {
					q.Before = r.Sale.Number
					if (until.IsZero() || r.Sale.CreatedAt.Before(until)) && !yield(r, nil) {
						return
					}
				}
				if len(page) < q.Limit {
					break
				}
			}
		}
	}
}

// exportQueries are the queries for a range of time, newest first. Numbers are
// read backwards at no cost; by time the store sorts all that it finds for every
// page, so it is asked for pieces of time.
func exportQueries(from, until, now time.Time) []pos.Query {
	if from.IsZero() {
		return []pos.Query{{Limit: salePage}}
	}
	// Nothing was rung up before there was a coin, whatever the clock said.
	first := time.Date(2009, 1, 3, 0, 0, 0, 0, time.UTC)
	last := now
	if !until.IsZero() && until.Before(now) {
		last = until
	}
	var all []pos.Query
	piece := max(24*time.Hour, last.Sub(from)/400)
	if from.Before(first) {
		piece = max(24*time.Hour, last.Sub(first)/400)
	}
	for at := from; ; {
		next := at.Add(piece)
		if next.Before(first) {
			next = first
		}
		if !next.Before(last) {
			all = append(all, pos.Query{From: at, Until: until, Limit: salePage})
			break
		}
		all = append(all, pos.Query{From: at, Until: next, Limit: salePage})
		at = next
	}
	slices.Reverse(all)
	return all
}

// soldJSON is a sale for books: that of `till sale --json` with what only the
// store knows. Amounts in Coins are whole coins, exactly.
type soldJSON struct {
	saleJSON
	Created  time.Time      `json:"created"`
	Terminal string         `json:"terminal,omitempty"`
	Cashier  string         `json:"cashier,omitempty"`
	Symbol   string         `json:"symbol,omitempty"`
	Coins    *coinsJSON     `json:"coins,omitempty"` // nil where the decimals are not known
	Currency money.Currency `json:"rate_currency,omitempty"`
	Sources  []string       `json:"sources,omitempty"`
	Account  string         `json:"account,omitempty"`
	Path     string         `json:"path,omitempty"`
	Index    *uint32        `json:"index,omitempty"`
	TxIDs    []chain.TxID   `json:"txids"`
	Other    []otherJSON    `json:"other_payments,omitempty"`
	State    pos.RateState  `json:"rate_state,omitempty"`
	Acts     []actJSON      `json:"acts,omitempty"`
	Cash     *fiatJSON      `json:"cash,omitempty"`
	Back     *backJSON      `json:"refund,omitempty"`
}

type coinsJSON struct {
	Due      string `json:"due"`
	Received string `json:"received"`
	Missing  string `json:"missing"`
	Over     string `json:"over"`
}

// otherJSON is money in another coin than the sale's.
type otherJSON struct {
	Asset  chain.AssetID `json:"asset"`
	Amount string        `json:"amount"`
}

func newSoldJSON(r pos.Record, find assetFinder) soldJSON {
	v := pos.View{Record: r}
	o := r.Sale.Outcome
	q, quoted := judging(v)
	id := o.Asset
	if id == "" && quoted {
		id = q.Asset
	}
	asset, known := find(id)
	if quoted && q.Asset == id { // counts more than what is configured today
		asset.ID, asset.Decimals, known = id, q.Decimals, true
	}
	if known {
		v.Asset = asset
	}
	j := soldJSON{
		saleJSON: newSaleJSON(v, o.At), Created: r.Sale.CreatedAt.UTC(),
		Terminal: r.Sale.Terminal, Cashier: r.Sale.Cashier, Symbol: asset.Symbol, TxIDs: []chain.TxID{},
	}
	due := o.Due
	if quoted {
		due = q.Due
		j.Currency, j.Sources, j.State = q.Currency, q.Rate.Sources, q.Rate.State
	}
	var whole func(chain.Amount) string
	if known {
		whole = func(a chain.Amount) string { return money.FormatAmount(a, asset.Decimals) }
		j.Coins = &coinsJSON{whole(due), whole(o.Received), whole(o.Missing), whole(o.Over)}
	}
	for _, a := range r.Sale.Addresses {
		if j.Address == "" { // no quote says which
			j.Address = string(a.To)
		}
		if string(a.To) == j.Address {
			j.Account, j.Path, j.Index = a.Account, a.Path, &a.Index
			break
		}
	}
	for _, p := range r.Payments {
		if !p.Live() || p.Refund {
			continue
		}
		if !slices.Contains(j.TxIDs, p.Key.TxID) {
			j.TxIDs = append(j.TxIDs, p.Key.TxID)
		}
		if p.Asset != id {
			j.Other = append(j.Other, otherJSON{p.Asset, p.Amount.String()})
		}
	}
	for _, a := range r.Sale.Acts {
		j.Acts = append(j.Acts, newActJSON(a))
	}
	if cash := cashTaken(r.Sale); !cash.IsZero() {
		j.Cash = &fiatJSON{cash.Decimal(), cash.Currency}
	}
	j.Back = newBackJSON(r, whole)
	return j
}

// rowWriter writes sales in a format.
func rowWriter(to io.Writer, format string) (row func(soldJSON) error, flush func() error) {
	out := bufio.NewWriterSize(to, 64<<10)
	if format == "jsonl" {
		encoder := json.NewEncoder(out)
		return func(j soldJSON) error { return encoder.Encode(j) }, out.Flush
	}
	table := csv.NewWriter(out)
	table.UseCRLF = true
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	first := table.Write(names)
	cells := make([]string, len(columns))
	row = func(j soldJSON) error {
		for i, c := range columns {
			if cells[i] = c.cell(j); !c.number {
				cells[i] = harmless(cells[i])
			}
		}
		return errors.Join(first, table.Write(cells))
	}
	return row, func() error {
		table.Flush()
		return errors.Join(first, table.Error(), out.Flush())
	}
}

// columns are those of the CSV. New ones are added at the end: people's
// spreadsheets know them by their place.
var columns = []struct {
	name   string
	number bool // made here of digits: no text from outside
	cell   func(soldJSON) string
}{
	{"number", true, func(j soldJSON) string { return strconv.FormatUint(j.Number, 10) }},
	{"id", false, func(j soldJSON) string { return j.ID }},
	{"code", false, func(j soldJSON) string { return j.Code }},
	{"created_utc", true, func(j soldJSON) string { return j.Created.Format(time.RFC3339) }},
	{"created_local", true, func(j soldJSON) string { return j.Created.Local().Format(time.DateTime) }},
	{"status", false, func(j soldJSON) string { return string(j.Status) }},
	{"fiat", true, fiatCell(func(f *fiatJSON) string { return f.Amount })},
	{"currency", false, fiatCell(func(f *fiatJSON) string { return string(f.Currency) })},
	{"asset", false, func(j soldJSON) string { return string(j.Asset) }},
	{"symbol", false, func(j soldJSON) string { return j.Symbol }},
	{"due_units", true, func(j soldJSON) string { return j.Due }},
	{"received_units", true, func(j soldJSON) string { return j.Received }},
	{"missing_units", true, func(j soldJSON) string { return j.Missing }},
	{"over_units", true, func(j soldJSON) string { return j.Over }},
	{"due", true, coinCell(func(c *coinsJSON) string { return c.Due })},
	{"received", true, coinCell(func(c *coinsJSON) string { return c.Received })},
	{"missing", true, coinCell(func(c *coinsJSON) string { return c.Missing })},
	{"over", true, coinCell(func(c *coinsJSON) string { return c.Over })},
	{"rate", true, func(j soldJSON) string { return j.Rate }},
	{"rate_currency", false, func(j soldJSON) string { return string(j.Currency) }},
	{"sources", false, func(j soldJSON) string { return strings.Join(j.Sources, " ") }},
	{"address", false, func(j soldJSON) string { return j.Address }},
	{"path", false, func(j soldJSON) string { return j.Path }},
	{"index", true, func(j soldJSON) string {
		if j.Index == nil {
			return ""
		}
		return strconv.FormatUint(uint64(*j.Index), 10)
	}},
	{"txids", false, func(j soldJSON) string { return joined(j.TxIDs, " ", func(id chain.TxID) string { return string(id) }) }},
	{"other_payments", false, func(j soldJSON) string {
		return joined(j.Other, "; ", func(o otherJSON) string { return o.Amount + " " + string(o.Asset) })
	}},
	{"confirmations", true, func(j soldJSON) string { return strconv.Itoa(j.Confirmations) }},
	{"terminal", false, func(j soldJSON) string { return j.Terminal }},
	{"cashier", false, func(j soldJSON) string { return j.Cashier }},
	{"reference", false, func(j soldJSON) string { return j.Reference }},
	{"note", false, func(j soldJSON) string { return j.Note }},
	{"rate_state", false, func(j soldJSON) string { return string(j.State) }},
	{"cash", true, func(j soldJSON) string {
		if j.Cash == nil {
			return ""
		}
		return j.Cash.Amount
	}},
	{"cash_currency", false, func(j soldJSON) string {
		if j.Cash == nil {
			return ""
		}
		return string(j.Cash.Currency)
	}},
	{"refund_units", true, backCell(func(b *backJSON) string { return b.Due })},
	{"refunded_units", true, backCell(func(b *backJSON) string { return b.Went })},
	{"refund", true, backCell(func(b *backJSON) string { return b.coins().Due })},
	{"refunded", true, backCell(func(b *backJSON) string { return b.coins().Went })},
	{"refund_asset", false, backCell(func(b *backJSON) string { return string(b.Asset) })},
	{"refund_to", false, backCell(func(b *backJSON) string { return string(b.To) })},
	{"refund_txids", false, backCell(func(b *backJSON) string {
		return joined(b.TxIDs, " ", func(id chain.TxID) string { return string(id) })
	})},
	{"acts", false, func(j soldJSON) string { return joined(j.Acts, "; ", actJSON.String) }},
}

func backCell(cell func(*backJSON) string) func(soldJSON) string {
	return func(j soldJSON) string {
		if j.Back == nil {
			return ""
		}
		return cell(j.Back)
	}
}

func fiatCell(cell func(*fiatJSON) string) func(soldJSON) string {
	return func(j soldJSON) string {
		if j.Fiat == nil {
			return ""
		}
		return cell(j.Fiat)
	}
}

func coinCell(cell func(*coinsJSON) string) func(soldJSON) string {
	return func(j soldJSON) string {
		if j.Coins == nil {
			return ""
		}
		return cell(j.Coins)
	}
}

func joined[T any](all []T, by string, text func(T) string) string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = text(v)
	}
	return strings.Join(texts, by)
}

// harmless makes a text safe in a spreadsheet: clean, and never a formula
// (OWASP, "CSV injection"). The wide forms are formulas in East Asian settings.
func harmless(text string) string { return noFormula(pos.CleanText(text, 10_000)) }

func noFormula(text string) string {
	for _, begin := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(text, begin) {
			return "'" + text
		}
	}
	return text
}

// writeWhole writes a file that only its owner can read, under another name
// first: under its own it is whole and on disk, or what it was.
func writeWhole(path string, write func(io.Writer) error) error {
	cannot := func(err error) error {
		return fmt.Errorf("%s cannot be written: %s; choose another place", path, plainCause(err))
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file that can be replaced; choose another name", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return cannot(err)
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".till-*")
	if err != nil {
		return cannot(err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone where it was renamed
	if err := write(f); err != nil {
		_ = f.Close()
		var disk *fs.PathError
		if errors.As(err, &disk) {
			return cannot(err)
		}
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return cannot(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return cannot(err)
	}
	return syncDir(dir)
}

// syncDir makes a new name in a folder durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // a folder that may be written and not read: the file itself is on disk
	}
	_ = d.Sync()
	return d.Close()
}
