package plain

import (
	"errors"
	"strconv"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// errAmount says that a text is no amount.
var errAmount = errors.New("no amount")

// mostCount bounds a count, as on the screens' calculator.
const mostCount = 9_999

// parsePrice reads an amount as people type it: "4.50", "2*3.10+1.20",
// "4.50 USD", "21000 sat", "0.01 ETH". Decimals are typed out: there is no
// key by key here, and so no cents first.
func parsePrice(text string, shop pos.Shop) (pos.Price, []pos.Line, error) {
	var lines []pos.Line
	var total money.Fiat
	terms := strings.Split(text, "+")
	for i, term := range terms {
		count := int64(1)
		if n, each, ok := cutTimes(term); ok {
			c, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			if err != nil || c < 1 || c > mostCount {
				return pos.Price{}, nil, errAmount
			}
			count, term = c, each
		}
		number, unit := money.SplitUnit(strings.TrimSpace(term))
		currency, priced := shop.Currencies[0], true
		if unit != "" {
			currency, priced = currencyOf(shop, unit)
		}
		if !priced {
			if len(terms) > 1 || count > 1 {
				return pos.Price{}, nil, errAmount
			}
			p, err := inCoin(shop, number, unit)
			return p, nil, err
		}
		each, err := money.ParseFiat(number, currency)
		if err != nil || each.Minor <= 0 || i > 0 && each.Currency != total.Currency {
			return pos.Price{}, nil, errors.Join(errAmount, err)
		}
		sum, err := each.Mul(count)
		if err == nil && i > 0 {
			sum, err = total.Add(sum)
		}
		if err != nil {
			return pos.Price{}, nil, err
		}
		total = sum
		lines = append(lines, pos.Line{Count: count, Each: each})
	}
	if len(lines) == 1 && lines[0].Count == 1 {
		lines = nil
	}
	return pos.Price{Kind: pos.PriceFiat, Fiat: total}, lines, nil
}

func isPrice(text string, shop pos.Shop) bool {
	_, _, err := parsePrice(text, shop)
	return err == nil
}

// cutTimes splits a count from what it counts.
func cutTimes(term string) (count, each string, ok bool) {
	i := strings.IndexAny(term, "*xX×")
	if i < 0 {
		return "", term, false
	}
	return term[:i], strings.TrimLeft(term[i:], "*xX×"), true
}

func currencyOf(shop pos.Shop, unit string) (money.Currency, bool) {
	for _, c := range shop.Currencies {
		if strings.EqualFold(unit, string(c)) || unit == c.Symbol() {
			return c, true
		}
	}
	return "", false
}

// inCoin is an amount of a coin itself.
func inCoin(shop pos.Shop, number, unit string) (pos.Price, error) {
	sat := strings.EqualFold(unit, "sat") || strings.EqualFold(unit, "sats")
	var asset chain.Asset
	for _, a := range shop.Assets {
		if sat && a.ID != chain.Bitcoin || !sat && !strings.EqualFold(a.Symbol, unit) {
			continue
		}
		if asset.ID != "" {
			return pos.Price{}, errAmount // it stands for several
		}
		asset = a
	}
	decimals := asset.Decimals
	if sat {
		decimals = 0
	}
	amount, err := money.ParseAmount(number, decimals)
	if err != nil || asset.ID == "" || amount.IsZero() {
		return pos.Price{}, errAmount
	}
	return pos.Price{Kind: pos.PriceAsset, Asset: asset.ID, Amount: amount}, nil
}

// coinsLike are the choices that a text may mean: the letter, the symbol, the
// name or its beginning, the id. Whatever fits better leaves out the rest.
func coinsLike(choices []pos.Choice, text string) []pos.Choice {
	for _, fits := range []func(chain.Asset) bool{
		func(a chain.Asset) bool { return strings.EqualFold(a.Name, text) || string(a.ID) == text },
		func(a chain.Asset) bool { return a.Key != "" && strings.EqualFold(a.Key, text) },
		func(a chain.Asset) bool { return strings.EqualFold(a.Symbol, text) },
		func(a chain.Asset) bool {
			return len(text) > 1 && len(text) <= len(a.Name) && strings.EqualFold(a.Name[:len(text)], text)
		},
	} {
		var found []pos.Choice
		for _, c := range choices {
			if fits(c.Asset) {
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
