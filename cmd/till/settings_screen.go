package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui"
)

// What a shop says about its screens: items on keys, and what a kiosk asks for.

// How many there may be: what one screen can show.
const (
	mostItems   = 24
	mostAmounts = 9
)

// dress gives a screen what the configuration says about screens.
func (s screenSettings) dress(cfg *tui.Config) {
	cfg.Theme, cfg.ShowTotals, cfg.Items, cfg.Kiosk = s.theme, s.showTotals, s.items, s.kiosk
}

// price reads an amount that is sold for.
func (r *reader) price(key, text string) (money.Fiat, error) {
	price, err := money.ParseFiat(text, r.out.own())
	if err != nil || price.Minor <= 0 {
		return price, r.wrong(key, `%q is not an amount in %s; write it like "4.50"`, shown(text, 20), r.out.own())
	}
	return price, nil
}

func (r *reader) readItems(c configFile) error {
	s := r.out
	if k := c.Screen.Kiosk; k != nil {
		if len(k.Amounts) > mostAmounts {
			return r.wrong("screen.kiosk.amounts", "a kiosk has a key for each amount, so there are at most %d", mostAmounts)
		}
		for i, text := range k.Amounts {
			price, err := r.price(fmt.Sprintf("screen.kiosk.amounts.%d", i), text)
			if err != nil {
				return err
			}
			if slices.Contains(s.screen.kiosk.Amounts, price) {
				return r.wrong(fmt.Sprintf("screen.kiosk.amounts.%d", i), "%s stands there twice", shown(text, 20))
			}
			s.screen.kiosk.Amounts = append(s.screen.kiosk.Amounts, price)
		}
	}
	if len(c.Item) > mostItems {
		return r.wrong("item", "there are keys for at most %d items", mostItems)
	}
	free := tui.FreeKeys()
	for i, it := range c.Item {
		at := func(key string) string { return fmt.Sprintf("item.%d.%s", i, key) }
		key := strings.ToLower(it.Key)
		if !slices.ContainsFunc(free, func(f string) bool { return strings.EqualFold(f, key) }) {
			return r.wrong(at("key"), "%q is no key that an item can have; free are %s", shown(it.Key, 20), strings.Join(free, ", "))
		}
		if at2 := slices.IndexFunc(s.shop.Assets, func(a chain.Asset) bool { return a.Key == key }); at2 >= 0 {
			return r.wrong(at("key"), "%s charges in %s; take another key for this item", key, s.shop.Assets[at2].Name)
		}
		if slices.ContainsFunc(s.screen.items, func(have tui.Item) bool { return have.Key == key }) {
			return r.wrong(at("key"), "%s is the key of another item already", shown(it.Key, 20))
		}
		if it.Name == "" || it.Name != pos.CleanText(it.Name, tui.MostName) {
			return r.wrong(at("name"), "say what it is in plain text of at most %d characters, without line breaks and control characters", tui.MostName)
		}
		price, err := r.price(at("price"), it.Price)
		if err != nil {
			return err
		}
		s.screen.items = append(s.screen.items, tui.Item{Key: key, Name: it.Name, Price: price})
	}
	return nil
}
