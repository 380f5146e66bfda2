package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
)

// TestTokenInItsOwnUnit: a token that no price feed knows is sold by its own
// amount, also where its symbol begins like a number.
func TestTokenInItsOwnUnit(t *testing.T) {
	s, err := parseConfig(t, "currency = \"EUR\"\n[[evm]]\nchain = 1\nkey = \""+testEVMKey+"\"\nendpoints = [\"wss://a.example\"]\naccept = [\"native\", \"0xBTC\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]uint64{"2.5 0xBTC": 250_000_000, "2.5 0xbtc": 250_000_000, "7 0xBTC": 700_000_000} {
		asset := s.shop.Assets[0]
		p, err := s.price(text, "", &asset)
		if err != nil || p.Asset.Contract() != "0xB6eD7644C69416d67B522e20bC294A9a9B405B31" || p.Amount != chain.Units(want) {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	asset, _ := s.asset("0xBTC")
	if p, err := s.price("2.5 0xBTC", "0xBTC", &asset); err != nil || p.Amount != chain.Units(250_000_000) {
		t.Errorf("with --asset: %+v, %v", p, err)
	}
}

// TestTokenWithoutAPriceIsSold: on a real network, by its own amount from a
// script; for fiat it is refused in words.
func TestTokenWithoutAPriceIsSold(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	shop := newTestShop(t, strings.Replace(ethereumShop(n, key), `symbol = "USDC", par = "USD"`, `symbol = "0xBTC"`, 1))
	f := shop.sale("2.5 0xBTC")
	first := f.see("AWAITING")
	if first["due"] == nil || !strings.Contains(fmt.Sprint(first["due"]), "2500000") {
		t.Errorf("due is %v, want 2500000 units", first["due"])
	}
	n.pay(t, fmt.Sprint(first["uri"]))
	f.see("SEEN")
	n.mine(t, 2)
	f.see("PAID")
	out, err := shop.script("sale", "4.50", "--asset", "0xBTC").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "has no market price") {
		t.Errorf("4.50 in a token without a price: %v %s", err, out)
	}
}
