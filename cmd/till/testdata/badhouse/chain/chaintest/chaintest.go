// Package chaintest may sign, and play on the in-process network.
package chaintest

import (
	_ "github.com/btcsuite/btcd/btcec/v2"
	_ "github.com/cointill/till/chain"
	_ "github.com/cointill/till/chain/devnet"
)
