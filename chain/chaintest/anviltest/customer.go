package anviltest

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet/contracts"
)

// Payer is the node's first account: it has 10,000 ether and, after DeployCoin,
// tokens. The node signs for it.
const Payer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"

// coinAddress and deskAddress are where DeployCoin puts the contracts.
const (
	coinAddress = "0x7111000000000000000000000000000000000C01"
	deskAddress = "0x7111000000000000000000000000000000000De5"
)

// DeployCoin puts the devnet's six-decimal token on the chain, with a thousand
// million units of it for the payer, and returns its contract.
func (a *Anvil) DeployCoin(t testing.TB) string {
	t.Helper()
	a.Call(t, nil, "anvil_setCode", coinAddress, "0x"+contracts.Coin())
	a.Call(t, nil, "anvil_setCode", deskAddress, "0x"+contracts.Desk())
	for _, owner := range []string{Payer, deskAddress} {
		a.Call(t, nil, "anvil_dealERC20", owner, coinAddress, "0x38d7ea4c68000")
	}
	return coinAddress
}

// Height is the number of the last block.
func (a *Anvil) Height(t testing.TB) uint64 {
	t.Helper()
	var text string
	a.Call(t, &text, "eth_blockNumber")
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Head is the hash of the last block.
func (a *Anvil) Head(t testing.TB) string {
	t.Helper()
	var block struct {
		Hash string `json:"hash"`
	}
	a.Call(t, &block, "eth_getBlockByNumber", "latest", false)
	return block.Hash
}

// Mine adds n blocks; the first takes what waits.
func (a *Anvil) Mine(t testing.TB, n int) {
	t.Helper()
	for range n {
		a.Call(t, nil, "evm_mine")
	}
}

// Rewind takes the last depth blocks away and puts none in their place.
func (a *Anvil) Rewind(t testing.TB, depth int) {
	t.Helper()
	a.Call(t, nil, "anvil_rollback", depth)
}

// Raw lists the signed transactions of the last depth blocks.
func (a *Anvil) Raw(t testing.TB, depth int) (list []string) {
	t.Helper()
	height := a.Height(t)
	for n := height - uint64(depth) + 1; n <= height; n++ {
		var block struct {
			Transactions []string `json:"transactions"`
		}
		a.Call(t, &block, "eth_getBlockByNumber", fmt.Sprintf("0x%x", n), false)
		for _, hash := range block.Transactions {
			var raw string
			a.Call(t, &raw, "eth_getRawTransactionByHash", hash)
			list = append(list, raw)
		}
	}
	return list
}

// Desk is the contract that pays many at once.
func (a *Anvil) Desk() chain.Destination { return deskAddress }

// Reorg replaces the last depth blocks by depth+1 others. With keep their
// transactions are mined again in the first of them; otherwise they are lost.
func (a *Anvil) Reorg(t testing.TB, depth int, keep bool) {
	t.Helper()
	again := [][]any{}
	if keep {
		for _, raw := range a.Raw(t, depth) {
			again = append(again, []any{raw, 0})
		}
	}
	a.Call(t, nil, "anvil_reorg", depth, again)
	a.Mine(t, 1)
}

// PayNative sends wei from the payer's account.
func (a *Anvil) PayNative(t testing.TB, to chain.Destination, wei *big.Int) chain.TxID {
	t.Helper()
	return a.Send(t, map[string]any{"to": to, "value": fmt.Sprintf("0x%x", wei), "gas": "0x30d40"})
}

// PayToken sends units of the token from the payer's account.
func (a *Anvil) PayToken(t testing.TB, to chain.Destination, units *big.Int) chain.TxID {
	t.Helper()
	return a.Send(t, map[string]any{"to": coinAddress, "data": transferCall(to, units), "gas": "0x30d40"})
}

// PayTokenInVain sends a token transfer with too little gas: it is mined as failed.
func (a *Anvil) PayTokenInVain(t testing.TB, to chain.Destination, units *big.Int) chain.TxID {
	t.Helper()
	return a.Send(t, map[string]any{"to": coinAddress, "data": transferCall(to, units), "gas": "0x7530"})
}

// PayInside sends wei through a contract: no transaction names the recipient.
func (a *Anvil) PayInside(t testing.TB, to chain.Destination, wei *big.Int) chain.TxID {
	t.Helper()
	// coins(address[],uint256[]) with one of each.
	data := fmt.Sprintf("0x7cbbaa54%064x%064x%064x%064s%064x%064x", 64, 128, 1, strings.ToLower(string(to)[2:]), 1, wei)
	return a.Send(t, map[string]any{"to": deskAddress, "value": fmt.Sprintf("0x%x", wei), "data": data, "gas": "0x30d40"})
}

// Replace takes a waiting transaction back: the same nonce pays the payer
// itself, for a much higher fee.
func (a *Anvil) Replace(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	var old struct {
		Nonce string `json:"nonce"`
	}
	a.Call(t, &old, "eth_getTransactionByHash", tx)
	return a.Send(t, map[string]any{
		"to": Payer, "value": "0x0", "nonce": old.Nonce, "gas": "0x30d40",
		"maxFeePerGas": "0x2540be4000", "maxPriorityFeePerGas": "0x12a05f2000",
	})
}

// SpeedUp sends a waiting transaction again for a much higher fee.
func (a *Anvil) SpeedUp(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	var old struct{ Nonce, To, Value, Input string }
	a.Call(t, &old, "eth_getTransactionByHash", tx)
	return a.Send(t, map[string]any{
		"to": old.To, "value": old.Value, "data": old.Input, "nonce": old.Nonce, "gas": "0x30d40",
		"maxFeePerGas": "0x2540be4000", "maxPriorityFeePerGas": "0x12a05f2000",
	})
}

// Send gives a transaction of the payer's to the node and returns its id.
func (a *Anvil) Send(t testing.TB, fields map[string]any) chain.TxID {
	t.Helper()
	body := map[string]any{"from": Payer, "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x3b9aca00"}
	for k, v := range fields {
		body[k] = v
	}
	var hash chain.TxID
	a.Call(t, &hash, "eth_sendTransaction", body)
	return hash
}

func transferCall(to chain.Destination, units *big.Int) string {
	return fmt.Sprintf("0xa9059cbb%064s%064x", strings.ToLower(string(to)[2:]), units)
}
