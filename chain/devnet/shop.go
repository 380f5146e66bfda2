package devnet

import (
	"fmt"
	"io"

	"github.com/btcsuite/btcd/btcutil/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg"
)

// ShopKeys makes the public account keys of a demo's shop: BIP 84 in test form
// (tpub) and BIP 44 for EVM chains (xpub). The private keys above them are
// forgotten here, so that the demo's register holds what any shop's register
// holds, and money paid to it is nobody's.
func ShopKeys(random io.Reader) (bitcoin, evm string, err error) {
	account := func(params *chaincfg.Params, purpose, coin uint32) (string, error) {
		var seed [hdkeychain.RecommendedSeedLen]byte
		if _, err := io.ReadFull(random, seed[:]); err != nil {
			return "", fmt.Errorf("no random numbers for the demo's keys: %w", err)
		}
		key, err := hdkeychain.NewMaster(seed[:], params)
		for _, n := range []uint32{purpose, coin, 0} {
			if err != nil {
				return "", err
			}
			key, err = key.Derive(hdkeychain.HardenedKeyStart + n)
		}
		if err != nil {
			return "", err
		}
		public, err := key.Neuter()
		if err != nil {
			return "", err
		}
		return public.String(), nil
	}
	if bitcoin, err = account(&chaincfg.RegressionNetParams, 84, 1); err != nil {
		return "", "", err
	}
	evm, err = account(&chaincfg.MainNetParams, 44, 60)
	return bitcoin, evm, err
}
