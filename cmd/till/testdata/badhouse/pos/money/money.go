// Package money knows a sale.
package money

import (
	_ "github.com/cointill/till/chain"
	_ "github.com/cointill/till/pos"
)
