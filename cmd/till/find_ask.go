package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// leastAddress is how short an address may be: 26 characters (Base58Check).
const leastAddress = 26

// onChain tells whether a network could know a text: a transaction or an address.
func onChain(text string) bool {
	return isHash(text) || len(text) >= leastAddress && !strings.ContainsAny(text, " \t")
}

// seenJSON is what a network knows, for scripts.
type seenJSON struct {
	Rail   string       `json:"rail"`
	Known  *bool        `json:"known"` // null where the network could not be asked
	Error  string       `json:"error,omitempty"`
	Block  uint64       `json:"block,omitempty"`
	Sales  []uint64     `json:"sales,omitempty"`
	Amount []amountJSON `json:"payments,omitempty"`
}

type amountJSON struct {
	To     chain.Destination `json:"address"`
	Asset  chain.AssetID     `json:"asset"`
	Amount string            `json:"amount"`
}

// askNetworks looks for a text where the store knows nothing of it. None is what
// to say where no network knows it either.
func askNetworks(cmd *cobra.Command, at places, f findFlags, books *store.SQLite, text string, none error) (err error) {
	ctx := cmd.Context()
	a, err := askHolder(ctx, at.data, request{Do: askLookup, Text: text})
	var away []chain.Rail
	switch {
	case err == nil:
	case !errors.Is(err, errNoHolder):
		return fmt.Errorf("%w; and the networks were not asked: %w", none, err)
	case !f.ask:
		return fmt.Errorf("%w; no register is open that could ask the networks, --ask asks them", none)
	default:
		office, err := openOffice(ctx, at)
		if err != nil {
			return fmt.Errorf("%w; and the networks were not asked: %w", none, err)
		}
		defer func() { err = errors.Join(err, office.close()) }()
		if own, ok := office.(*ownOffice); ok {
			if away, err = own.connect(ctx, f.wait); err != nil {
				return err
			}
		}
		if a, err = office.ask(ctx, request{Do: askLookup, Text: text}); err != nil {
			return err
		}
	}
	known := false
	for _, j := range a.Sightings {
		s := j.sighting()
		if slices.ContainsFunc(away, func(r chain.Rail) bool { return r.ID() == s.Rail }) {
			s.Err = fmt.Errorf("it did not answer within %s", f.wait)
		}
		sales, err := salesPaid(ctx, books, s.Found)
		if err != nil {
			return err
		}
		known = known || s.Err == nil && (s.Found.Known || len(s.Found.Payments) > 0)
		if f.json {
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(newSeenJSON(s, sales)); err != nil {
				return err
			}
			continue
		}
		speech, _ := at.speech()
		fmt.Fprintln(cmd.OutOrStdout(), oneLine(errors.New(speech.Sighting(s, isHash(text), sales, time.Now()))))
	}
	switch {
	case len(a.Sightings) == 0:
		return fmt.Errorf("%w; and it is no transaction or address of a network that this shop takes", none)
	case !known:
		return none
	}
	return nil
}

// salesPaid are the numbers of the sales whose addresses were paid.
func salesPaid(ctx context.Context, books *store.SQLite, found chain.Found) (numbers []uint64, err error) {
	for _, e := range found.Payments {
		owner, ok, err := books.Owner(ctx, e.Target)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		r, err := books.Sale(ctx, owner.SaleID)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(numbers, r.Sale.Number) {
			numbers = append(numbers, r.Sale.Number)
		}
	}
	return numbers, nil
}

func newSeenJSON(s pos.Sighting, sales []uint64) seenJSON {
	j := seenJSON{Rail: s.Rail, Sales: sales, Block: s.Found.Block.Height}
	if s.Err != nil {
		j.Error = oneLine(s.Err)
		return j
	}
	j.Known = &s.Found.Known
	for _, e := range s.Found.Payments {
		j.Amount = append(j.Amount, amountJSON{e.Target, e.Asset, e.Amount.String()})
	}
	return j
}
