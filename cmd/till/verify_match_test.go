package main

import (
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// TestMatches: a network may know more of a payment than the store, and of a token
// that keeps a part of each transfer its log says more; nothing else may differ.
func TestMatches(t *testing.T) {
	const token = "eip155:1/erc20:0x7111000000000000000000000000000000000C01"
	block := chain.BlockRef{Height: 5, Hash: "h"}
	for name, c := range map[string]struct {
		asset        chain.AssetID
		stored, told uint64
		fits         bool
	}{
		"the same":             {chain.Bitcoin, 100, 100, true},
		"a token kept a part":  {token, 99, 100, true},
		"more than was logged": {token, 101, 100, false},
		"a coin keeps nothing": {chain.Bitcoin, 99, 100, false},
		"a coin made up":       {"eip155:1/native", 101, 100, false},
	} {
		p := pos.Payment{To: "to", Asset: c.asset, Amount: chain.Units(c.stored), State: pos.Included, Block: block}
		e := chain.Event{Target: "to", Asset: c.asset, Amount: chain.Units(c.told)}
		fits, why := matches(p, chain.Found{Known: true, Block: block, Payments: []chain.Event{e}}, true)
		if fits != c.fits || !fits && !strings.Contains(why, "says that it paid 100") {
			t.Errorf("%s: %v, %s", name, fits, why)
		}
	}
}
