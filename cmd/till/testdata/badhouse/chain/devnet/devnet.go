// Package devnet may sign, and may not use peer.
package devnet

import (
	_ "github.com/btcsuite/btcd/btcec/v2"
	_ "github.com/btcsuite/btcd/peer"
	_ "github.com/ethereum/go-ethereum/crypto"
)
