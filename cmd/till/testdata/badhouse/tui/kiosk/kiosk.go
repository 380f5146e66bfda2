// Package kiosk knows the command.
package kiosk

import (
	_ "github.com/cointill/till/cmd/till"
	_ "github.com/cointill/till/tui"
	_ "pgregory.net/rapid"
)
