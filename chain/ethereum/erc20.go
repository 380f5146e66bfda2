package ethereum

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// The few pieces of ERC-20 that are needed, written by hand (ERC-20, EIP-7708).
const (
	selTransfer     = "0xa9059cbb" // transfer(address,uint256)
	selTransferFrom = "0x23b872dd" // transferFrom(address,address,uint256)
	selDecimals     = "0x313ce567" // decimals()
	selBalanceOf    = "0x70a08231" // balanceOf(address)
)

var (
	// transferTopic is keccak("Transfer(address,address,uint256)").
	transferTopic = common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
	// coinLogs is where Transfer logs of the chain's own coin come from since
	// EIP-7708. They are no token's and don't count in a transaction's order.
	coinLogs = common.HexToAddress("0xfffffffffffffffffffffffffffffffffffffffe")
)

// asTransfer reads an ERC-20 Transfer log: three topics and one word of data.
// NFTs have four topics.
func (e entry) asTransfer() (to common.Address, amount chain.Amount, ok bool) {
	if e.address == coinLogs {
		return to, amount, false
	}
	_, to, amount, ok = e.moved()
	return to, amount, ok
}

// asCoins reads the chain's own log of coins that moved, which it writes since
// EIP-7708 for transactions, calls and selfdestructs alike.
func (e entry) asCoins() (from, to common.Address, amount chain.Amount, ok bool) {
	if e.address != coinLogs {
		return from, to, amount, false
	}
	return e.moved()
}

func (e entry) moved() (from, to common.Address, amount chain.Amount, ok bool) {
	if len(e.topics) != 3 || e.topics[0] != transferTopic || len(e.data) != 32 {
		return from, to, amount, false
	}
	// A topic with something before the address is no address.
	for _, topic := range e.topics[1:] {
		for _, b := range topic[:12] {
			if b != 0 {
				return from, to, amount, false
			}
		}
	}
	return common.Address(e.topics[1][12:]), common.Address(e.topics[2][12:]), chain.AmountFromBytes([32]byte(e.data)), true
}

// transferCall reads a call of transfer or transferFrom. The amount is what was
// asked for; what arrives is in the log.
func transferCall(input string) (to common.Address, amount chain.Amount, ok bool) {
	var skip int
	switch {
	case strings.HasPrefix(input, selTransfer):
	case strings.HasPrefix(input, selTransferFrom):
		skip = 64
	default:
		return to, amount, false
	}
	words := input[len(selTransfer):]
	if len(words) < skip+128 {
		return to, amount, false
	}
	var b [64]byte
	if _, err := hex.Decode(b[:], []byte(words[skip:skip+128])); err != nil {
		return to, amount, false
	}
	for _, c := range b[:12] {
		if c != 0 {
			return to, amount, false
		}
	}
	return common.Address(b[12:32]), chain.AmountFromBytes([32]byte(b[32:])), true
}

// decodeDecimals reads the answer to decimals(): one word, a small number.
func decodeDecimals(raw json.RawMessage) (uint8, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil || len(text) != 66 {
		return 0, false
	}
	n, err := parseNumber(text)
	if err != nil || n > 255 {
		return 0, false
	}
	return uint8(n), true
}
