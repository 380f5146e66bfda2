// Package words knows the screen.
package words

import (
	_ "github.com/cointill/till/pos"
	_ "github.com/cointill/till/tui"
)
