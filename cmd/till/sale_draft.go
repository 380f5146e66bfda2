package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// saleFlags are the flags of `till sale`.
type saleFlags struct {
	asset, reference, note, metadata, callback, expires string
	confirmations                                       int
	json                                                bool
}

// draft reads what is to be rung up, and in which asset it is to be paid.
func (f saleFlags) draft(s *settings, amount string) (pos.Draft, chain.Asset, error) {
	d := pos.Draft{
		Reference: f.reference, Note: f.note, Callback: f.callback, Confirmations: f.confirmations,
		By: pos.Actor{Terminal: s.terminalName()},
	}
	var asset chain.Asset
	if f.asset == "" {
		asset, _ = s.asset(string(s.shop.Default))
	} else {
		var ok bool
		if asset, ok = s.asset(f.asset); !ok {
			return d, asset, usage("--asset: %q is not accepted here; choose %s", clip(f.asset), s.assetNames())
		}
	}
	priced, err := s.price(amount, f.asset, &asset)
	if err != nil {
		return d, asset, err
	}
	if _, fixed := s.rates.fixed[asset.ID]; priced.Kind == pos.PriceFiat && asset.Price == "" && asset.Par == "" && !fixed {
		return d, asset, usage(`%s has no market price; say how much of it is asked for, like "2.5 %s"`, asset.Symbol, asset.Symbol)
	}
	d.Price = priced
	if f.metadata != "" {
		if !json.Valid([]byte(f.metadata)) {
			return d, asset, usage(`--metadata is not JSON; write it like '{"table": 4}'`)
		}
		d.Metadata = []byte(f.metadata)
	}
	if f.expires != "" {
		if d.Expires, err = time.ParseDuration(f.expires); err != nil || d.Expires < leastExpires || d.Expires > mostExpires {
			return d, asset, usage(`--expires takes a time between 1 minute and 7 days, like 15m`)
		}
	}
	if f.callback != "" {
		if err := s.hooks.guard.Check(f.callback); err != nil {
			return d, asset, usage("--callback: %w", err)
		}
	}
	if f.confirmations < 0 || f.confirmations > 1000 {
		return d, asset, usage("--confirmations takes a number between 0 and 1000")
	}
	return d, asset, nil
}

// price reads AMOUNT: fiat ("4.50", "4.50USD"), an asset ("21000sat",
// "0.01ETH") or "open". An amount of an asset decides which asset is paid;
// chosen is what --asset said.
func (s *settings) price(text, chosen string, asset *chain.Asset) (pos.Price, error) {
	if strings.EqualFold(text, "open") {
		return pos.Price{Kind: pos.PriceOpen}, nil
	}
	number, unit := money.SplitUnit(text)
	if number == "" {
		return pos.Price{}, usage("%q is not an amount; write 4.50, 4.50%s, 21000sat, 0.01ETH or open", clip(text), s.own())
	}
	currency := s.own()
	for _, c := range s.shop.Currencies {
		if strings.EqualFold(unit, string(c)) {
			currency, unit = c, ""
		}
	}
	if unit == "" {
		fiat, err := money.ParseFiat(number, currency)
		switch {
		case errors.Is(err, money.ErrRange):
			return pos.Price{}, usage("%q is too large an amount", clip(text))
		case err != nil:
			return pos.Price{}, usage("%q is not an amount in %s; write it like %s", clip(text), currency, money.Of(450, currency).Decimal())
		case fiat.Minor <= 0:
			return pos.Price{}, usage("the amount is zero; ring up something, or take any amount with open")
		}
		return pos.Price{Kind: pos.PriceFiat, Fiat: fiat}, nil
	}
	if _, err := money.Lookup(unit); err == nil {
		if _, isAsset := s.asset(unit); !isAsset {
			return pos.Price{}, usage("this shop does not price in %s; it prices in %s", strings.ToUpper(clip(unit)), s.currencyNames())
		}
	}
	priced := *asset
	if chosen == "" || !s.isUnit(unit, priced) {
		var ok bool
		if priced, ok = s.asset(unitAsset(unit)); !ok {
			return pos.Price{}, usage("%q is no unit of this shop, or stands for several coins; choose the coin with --asset %s", clip(unit), s.assetNames())
		}
		if chosen != "" && priced.ID != asset.ID {
			return pos.Price{}, usage("the amount is in %s and --asset says %s; choose one", priced.Symbol, asset.Symbol)
		}
	}
	decimals := priced.Decimals
	if isSat(unit) {
		decimals = 0
	}
	units, err := money.ParseAmount(number, decimals)
	if err != nil {
		return pos.Price{}, usage("%q is not an amount of %s, which has %d decimals", clip(text), clip(unit), decimals)
	}
	if units.IsZero() {
		return pos.Price{}, usage("the amount is zero; ring up something, or take any amount with open")
	}
	*asset = priced
	return pos.Price{Kind: pos.PriceAsset, Asset: priced.ID, Amount: units}, nil
}

func isSat(unit string) bool {
	return strings.EqualFold(unit, "sat") || strings.EqualFold(unit, "sats")
}

func unitAsset(unit string) string {
	if isSat(unit) {
		return string(chain.Bitcoin)
	}
	return unit
}

func (s *settings) isUnit(unit string, a chain.Asset) bool {
	return strings.EqualFold(unit, a.Symbol) || isSat(unit) && a.ID == chain.Bitcoin
}

func (s *settings) currencyNames() string {
	names := make([]string, len(s.shop.Currencies))
	for i, c := range s.shop.Currencies {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}

// terminalName is this terminal's name on sales.
func (s *settings) terminalName() string {
	if s.terminal != "" {
		return s.terminal
	}
	return terminalName()
}
