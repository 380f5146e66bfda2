package tui

import (
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// unit is what an amount is typed in: a currency of the shop, or an asset.
type unit struct {
	currency money.Currency
	asset    chain.Asset // set if currency is ""
}

// decimals of what is typed. Bitcoin is typed in satoshi.
func (u unit) decimals() int {
	switch {
	case u.currency != "":
		return u.currency.Digits()
	case u.asset.ID == chain.Bitcoin:
		return 0
	}
	return int(u.asset.Decimals)
}

// units lists what a shop's amounts can be typed in, its own currency first.
func units(shop pos.Shop) []unit {
	list := make([]unit, 0, len(shop.Currencies)+len(shop.Assets))
	for _, c := range shop.Currencies {
		list = append(list, unit{currency: c})
	}
	for _, a := range shop.Assets {
		list = append(list, unit{asset: a})
	}
	return list
}

// draft is a sale being typed.
type draft struct {
	// id becomes the sale's when it is first charged, so that charging twice
	// makes one sale. Whatever changes the draft takes it away again.
	id   string
	unit unit
	calc calc   // an amount in a currency
	coin string // an amount of an asset, as typed
	open bool   // any amount: tips, donations
}

// mostCoin is how many characters of an asset's amount can be typed.
const mostCoin = 24

func (d draft) empty() bool { return d.calc.empty() && d.coin == "" && !d.open }

// price is what is asked, and false where that is nothing yet.
func (d draft) price() (pos.Price, bool) {
	switch {
	case d.open:
		return pos.Price{Kind: pos.PriceOpen}, true
	case d.unit.currency != "":
		total := d.calc.total(d.unit.decimals())
		return pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(total, d.unit.currency)}, total > 0
	case d.unit.asset.ID == "":
		return pos.Price{}, false
	}
	amount, err := money.ParseAmount(d.coin, uint8(d.unit.decimals()))
	return pos.Price{Kind: pos.PriceAsset, Asset: d.unit.asset.ID, Amount: amount}, err == nil && !amount.IsZero()
}

// sale is the draft as the register takes it.
func (d draft) sale(by pos.Actor) pos.Draft {
	price, _ := d.price()
	out := pos.Draft{ID: d.id, Price: price, By: by}
	if price.Kind == pos.PriceFiat {
		out.Lines = d.calc.receipt(d.unit.currency, d.unit.decimals())
	}
	return out
}

// typed puts one key of an amount into the draft. It returns false for a key
// that there is no room or no meaning for now.
func (d *draft) typed(key string) bool {
	if len(key) == 1 && key[0] >= '0' && key[0] <= '9' {
		return d.digit(key[0])
	}
	switch key {
	case ".", ",":
		return d.change(func(n *draft) bool {
			if n.unit.currency != "" {
				return n.calc.separator(n.unit.decimals())
			}
			if strings.Contains(n.coin, ".") || n.unit.decimals() == 0 {
				return false
			}
			if n.coin == "" {
				n.coin = "0"
			}
			n.coin += "."
			return true
		})
	case "+":
		return d.fiatOnly(func(c *calc) bool { return c.add(d.unit.decimals()) })
	case "*", "x", "X", "×":
		return d.fiatOnly((*calc).multiply)
	case "backspace":
		return d.change(func(n *draft) bool {
			switch {
			case n.open:
				n.open = false
			case n.unit.currency != "":
				return n.calc.back()
			case n.coin != "":
				n.coin = n.coin[:len(n.coin)-1]
			default:
				return false
			}
			return true
		})
	case "esc":
		return d.change(func(n *draft) bool {
			n.calc.clear()
			n.coin, n.open = "", false
			return true
		})
	}
	return false
}

func (d *draft) digit(b byte) bool {
	return d.change(func(n *draft) bool {
		n.open = false
		if n.unit.currency != "" {
			return n.calc.digit(b, n.unit.decimals())
		}
		whole, fraction, point := strings.Cut(n.coin, ".")
		if len(n.coin) >= mostCoin || (point && len(fraction) >= n.unit.decimals()) {
			return false
		}
		if !point && whole == "0" {
			n.coin = ""
		}
		n.coin += string(b)
		_, err := money.ParseAmount(n.coin, uint8(n.unit.decimals()))
		return err == nil || strings.HasSuffix(n.coin, ".")
	})
}

func (d *draft) fiatOnly(f func(*calc) bool) bool {
	return d.change(func(n *draft) bool { return n.unit.currency != "" && f(&n.calc) })
}

// change applies f to a copy and keeps it, as a new draft, if f says so.
func (d *draft) change(f func(*draft) bool) bool {
	next := *d
	if !f(&next) {
		return false
	}
	next.id = ""
	*d = next
	return true
}

// turn changes the unit to the next one of a list. What was typed stays where
// the other unit can hold it: digits in another currency with as many decimals.
func (d *draft) turn(list []unit) {
	if len(list) < 2 {
		return
	}
	at := 0
	for i, u := range list {
		if u.currency == d.unit.currency && u.asset.ID == d.unit.asset.ID {
			at = i + 1
		}
	}
	next := list[at%len(list)]
	keep := next.currency != "" && d.unit.currency != "" && next.decimals() == d.unit.decimals()
	was := *d
	*d = draft{unit: next}
	if keep {
		d.calc = was.calc
	}
}
