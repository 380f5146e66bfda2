// Command till plays outside of the demo.
package main

import (
	_ "github.com/cointill/till/chain/bitcoin"
	_ "github.com/cointill/till/chain/devnet"
	_ "github.com/cointill/till/pos/store"
	_ "github.com/cointill/till/tui"
	_ "golang.org/x/crypto/ssh"
)

func main() {}
