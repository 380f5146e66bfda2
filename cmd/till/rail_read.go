package main

import (
	"fmt"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/chain/xpub"
)

// readAddress finds the address in what somebody typed or scanned, and checks
// that it is one of a network.
func readAddress(text string, network chain.Network) (chain.Destination, error) {
	text = strings.TrimSpace(text)
	if len(text) > payuri.MaxLength {
		return "", fmt.Errorf("%d characters are too many for an address", len(text))
	}
	if r, err := payuri.Scan(text); err == nil {
		if other := chain.Network(fmt.Sprintf("eip155:%d", r.ChainID)); r.ChainID != 0 && other != network {
			return "", fmt.Errorf("the link is for another network, %s", other)
		}
		text = string(r.To)
	}
	return xpub.ParseAddress(text, network)
}
