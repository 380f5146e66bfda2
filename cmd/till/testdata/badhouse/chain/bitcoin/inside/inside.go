// Package inside is a part of its room, under the same rules.
package inside

import (
	_ "github.com/btcsuite/btcd/wire"
	_ "github.com/cointill/till/tui"
)
