// Package chain knows too much.
package chain

import (
	_ "fmt"
	_ "net/http"

	_ "github.com/cointill/till/pos"
	_ "github.com/holiman/uint256"
)
