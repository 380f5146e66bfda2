// Package tui knows a store, a rail and the kiosk.
package tui

import (
	_ "charm.land/bubbletea/v2"
	_ "github.com/cointill/till/chain/devnet"
	_ "github.com/cointill/till/pos/store"
	_ "github.com/cointill/till/tui/kiosk"
	_ "github.com/cointill/till/tui/words"
	_ "github.com/mdp/qrterminal/v3"
)
