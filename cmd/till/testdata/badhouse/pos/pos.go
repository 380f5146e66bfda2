package pos

import (
	_ "os"

	_ "github.com/btcsuite/btcd/chaincfg"
	_ "github.com/cointill/till/chain"
	_ "github.com/cointill/till/pos/money"
	_ "github.com/cointill/till/pos/store"
)
