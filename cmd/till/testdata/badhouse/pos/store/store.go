// Package store knows a rail and its sibling.
package store

import (
	_ "github.com/cointill/till/chain/bitcoin"
	_ "github.com/cointill/till/pos"
	_ "github.com/cointill/till/pos/rate"
	_ "modernc.org/sqlite"
)
