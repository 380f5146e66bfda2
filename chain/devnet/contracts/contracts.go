// Package contracts holds the run-time code of the contracts that a test or
// demo network has from its first block on. It holds nothing else.
//
// The code was made from the .sol files beside it by solc 0.8.37 (optimizer 200
// runs, evmVersion paris, no metadata); a test of the devnet compares the two
// where solc can be had.
package contracts

import (
	_ "embed" // the code
	"strings"
)

//go:embed Coin.run.hex
var coin string

//go:embed Desk.run.hex
var desk string

// Coin is an ERC-20 token with six decimals, as hexadecimal digits. Balances
// are a mapping in slot 0, so they can be set from outside.
func Coin() string { return strings.TrimSpace(coin) }

// Desk pays many recipients in one transaction, as hexadecimal digits.
func Desk() string { return strings.TrimSpace(desk) }
