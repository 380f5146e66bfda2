package devnet

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"

	"github.com/cointill/till/chain"
)

// Balance is what an address holds of an asset at the head of the chain.
func (e *Ethereum) Balance(ctx context.Context, of chain.Destination, asset chain.AssetID) (*big.Int, error) {
	addr, err := ethAddress(string(of))
	if err != nil {
		return nil, err
	}
	if asset == e.Native().ID {
		return e.local.BalanceAt(ctx, addr, nil)
	}
	if asset.Contract() == "" {
		return nil, fmt.Errorf("the Ethereum devnet has no %s", asset)
	}
	token, err := ethAddress(asset.Contract())
	if err != nil {
		return nil, err
	}
	word, err := e.local.CallContract(ctx, ethereum.CallMsg{To: &token, Data: ethCall("balanceOf(address)", addr)}, nil)
	if err != nil || len(word) != 32 {
		return nil, fmt.Errorf("the token %s did not tell a balance: %w", token, err)
	}
	return new(big.Int).SetBytes(word), nil
}
