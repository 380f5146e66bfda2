// Package bitcoin knows its register, its sibling and how to sign.
package bitcoin

import (
	_ "github.com/btcsuite/btcd/btcec/v2/ecdsa"
	_ "github.com/btcsuite/btcd/wire"
	_ "github.com/cointill/till/chain"
	_ "github.com/cointill/till/chain/bitcoin/inside"
	_ "github.com/cointill/till/chain/chaintest"
	_ "github.com/cointill/till/pos/money"
	_ "github.com/ethereum/go-ethereum/common"
)
