package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/ethereum"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// sweepFlags are the flags of `till sweep-list`.
type sweepFlags struct {
	chain     uint64
	ahead     uint32
	json, csv bool
}

func sweepCommand(at *places) *cobra.Command {
	var f sweepFlags
	cmd := &cobra.Command{
		Use:   "sweep-list",
		Short: "List which addresses of the EVM chains hold money, for the owner's wallet",
		Long: `Asks the configured nodes what the addresses of the shop hold now: every address
of the account that was used, the next ones, and what was shown with an earlier
key. Path, address, coin and amount are what a wallet with the keys needs to
bring the money together. till has no keys and moves nothing.

A token can only be moved with some of the chain's own coin at the same address.
Bitcoin is not listed: a wallet finds it by itself.`,
		Example: `  till sweep-list
  till sweep-list --chain 8453 --csv > base.csv`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSweep(cmd, at.fill(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Uint64Var(&f.chain, "chain", 0, "only this EVM chain, by its `number`")
	flags.Uint32Var(&f.ahead, "ahead", 20, "how many addresses after the last used one are looked at")
	flags.BoolVar(&f.json, "json", false, "one JSON object per line")
	flags.BoolVar(&f.csv, "csv", false, "CSV with a first row of names")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return cmd
}

// held is one line of the list. Units counts the asset's smallest units.
type held struct {
	Chain   uint64            `json:"chain"`
	Name    string            `json:"name"`
	Path    string            `json:"path"`
	Address chain.Destination `json:"address"`
	Symbol  string            `json:"symbol"`
	Asset   chain.AssetID     `json:"asset"`
	Amount  string            `json:"amount"`
	Units   chain.Amount      `json:"units"`
	Block   uint64            `json:"block"`
}

func runSweep(cmd *cobra.Command, at places, f sweepFlags) error {
	s, err := at.load()
	if err != nil {
		return err
	}
	if len(s.evm) == 0 {
		return usage("this shop takes nothing on an EVM chain, and a Bitcoin wallet finds its money by itself")
	}
	if f.ahead > 10_000 {
		return usage("--ahead takes a number of at most 10000")
	}
	chains := s.evm
	if f.chain != 0 {
		i := slices.IndexFunc(chains, func(e evmSettings) bool { return e.chain.id == f.chain })
		if i < 0 {
			return usage("--chain: %d is not in the configuration", f.chain)
		}
		chains = chains[i : i+1]
	}
	var all []held
	var failed error
	for _, e := range chains {
		list, err := sweepChain(cmd.Context(), e, s.data, f.ahead)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			// One line each; what the others hold is worth having meanwhile.
			fmt.Fprintf(cmd.ErrOrStderr(), "till: %s: %s\n", e.chain.name, oneLine(err))
			failed = &exit{code: exitError}
		}
		all = append(all, list...)
	}
	if err := f.write(cmd.OutOrStdout(), all); err != nil {
		return err
	}
	return failed
}

// sweepChain asks what the addresses of one chain hold.
func sweepChain(ctx context.Context, e evmSettings, data string, ahead uint32) ([]held, error) {
	paths, order, err := sweepAddresses(ctx, e, data, ahead)
	if err != nil {
		return nil, err
	}
	// Also what the shop does not take, as far as till knows it: somebody may
	// have sent it all the same.
	assets := map[chain.AssetID]chain.Asset{e.chain.native().ID: e.chain.native()}
	for _, name := range e.chain.accepts()[1:] {
		if a, ok := e.chain.token(name); ok {
			assets[a.ID] = a
		}
	}
	for _, a := range e.assets {
		assets[a.ID] = a
	}
	watcher, err := ethereum.New(ethereum.Config{
		ChainID: e.chain.id, Endpoints: e.endpoints, Native: e.chain.native(), Tokens: tokensOf(slices.Collect(maps.Values(assets))),
		BlockTime: e.chain.block, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	block, holdings, err := watcher.Holdings(ctx, order)
	if err != nil {
		return nil, err
	}
	list := make([]held, 0, len(holdings))
	for _, h := range holdings {
		a := assets[h.Asset]
		list = append(list, held{
			Chain: e.chain.id, Name: e.chain.name, Path: paths[h.To], Address: h.To, Symbol: a.Symbol, Asset: a.ID,
			Amount: money.FormatAmount(h.Amount, a.Decimals), Units: h.Amount, Block: block.Height,
		})
	}
	return list, nil
}

// sweepAddresses lists the addresses of a chain in the order of the account,
// and then those that are in the books and of no key in use.
func sweepAddresses(ctx context.Context, e evmSettings, data string, ahead uint32) (map[chain.Destination]string, []chain.Destination, error) {
	account := e.key.Account()
	var books *store.SQLite
	var next uint32
	if _, err := os.Stat(filepath.Join(data, store.FileName)); err == nil {
		if books, err = store.OpenReadOnly(ctx, data); err != nil {
			return nil, nil, err
		}
		defer func() { _ = books.Close() }()
		if next, err = books.Next(ctx, account.ID); err != nil {
			return nil, nil, err
		}
	}
	end := next + ahead
	if account.Size > 0 {
		end = account.Size
	}
	paths := make(map[chain.Destination]string)
	var order []chain.Destination
	for i := range end {
		to, err := e.key.Destination(i)
		if errors.Is(err, chain.ErrNoSuchIndex) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if account.Path != "" {
			paths[to] = fmt.Sprintf("%s/%d", account.Path, i)
		}
		order = append(order, to)
	}
	if books == nil {
		return paths, order, nil
	}
	known := make(map[chain.Destination]bool, len(order))
	for _, to := range order {
		known[to] = true
	}
	for k, err := range books.Destinations(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if known[k.To] || len(k.To) != 42 || k.To[:2] != "0x" {
			continue // of another chain
		}
		known[k.To] = true
		order = append(order, k.To)
		r, err := books.Sale(ctx, k.SaleID)
		if err != nil {
			return nil, nil, err
		}
		if a, ok := r.Sale.Address(k.Account); ok {
			paths[k.To] = a.Path
		}
	}
	return paths, order, nil
}

func (f sweepFlags) write(out io.Writer, all []held) error {
	switch {
	case f.json:
		enc := json.NewEncoder(out)
		for _, h := range all {
			if err := enc.Encode(h); err != nil {
				return err
			}
		}
		return nil
	case f.csv:
		table := csv.NewWriter(out)
		_ = table.Write([]string{"chain", "name", "path", "address", "symbol", "asset", "amount", "units", "block"})
		for _, h := range all {
			_ = table.Write([]string{fmt.Sprint(h.Chain), h.Name, h.Path, string(h.Address), h.Symbol, string(h.Asset), h.Amount, h.Units.String(), fmt.Sprint(h.Block)})
		}
		table.Flush()
		return table.Error()
	}
	if len(all) == 0 {
		fmt.Fprintln(out, "no address holds anything")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHAIN\tPATH\tADDRESS\tAMOUNT\tCOIN")
	for _, h := range all {
		path := h.Path
		if path == "" {
			path = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", h.Name, path, h.Address, h.Amount, h.Symbol)
	}
	return table.Flush()
}
