package ethereum_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/ethereum"
)

// field is a network on which the cases of an EVM chain are played.
type field interface {
	chaintest.Harness
	settings() *ethereum.Config
	// send is any transaction of the customer's.
	send(t testing.TB, to chain.Destination, wei int64, data []byte) chain.TxID
	// deploy puts a contract on the chain, in a block of its own.
	deploy(t testing.TB, code string) chain.Destination
	head(t testing.TB) string // hash of the last block
	logsCoins() bool          // EIP-7708
}

// everyField plays a case on go-ethereum with today's rules and with
// Amsterdam's, and on anvil.
func everyField(t *testing.T, play func(t *testing.T, f field)) {
	t.Helper()
	t.Run("Osaka", func(t *testing.T) { play(t, newOnDevnet(t, nil)) })
	t.Run("Amsterdam", func(t *testing.T) { play(t, newOnAmsterdam(t)) })
	t.Run("Anvil", func(t *testing.T) { play(t, newOnAnvil(t, false)) })
}

// newOnAmsterdam is the in-process network with the fork after today's.
func newOnAmsterdam(t testing.TB) *onDevnet {
	h := newOnDevnet(t, nil)
	h.net, h.amsterdam = startNet(t, devnet.EthereumOptions{Amsterdam: true}), true
	h.config.Endpoints = []string{h.net.Endpoint()}
	return h
}

func (h *onDevnet) settings() *ethereum.Config  { return &h.config }
func (h *onDevnet) head(testing.TB) string      { return h.net.Head().Hash }
func (h *onDevnet) logsCoins() bool             { return h.amsterdam }
func (h *onAnvil) settings() *ethereum.Config   { return &h.config }
func (h *onAnvil) logsCoins() bool              { return false }
func (h *onAnvil) head(t testing.TB) (s string) { return h.node.Head(t) }

func (h *onDevnet) send(t testing.TB, to chain.Destination, wei int64, data []byte) chain.TxID {
	t.Helper()
	return must[chain.TxID](t)(h.net.Customer().Send(t.Context(), to, big.NewInt(wei), data, 3_000_000))
}

func (h *onDevnet) deploy(t testing.TB, code string) chain.Destination {
	t.Helper()
	to, _, err := h.net.Customer().Deploy(t.Context(), common.FromHex(strings.TrimSpace(code)))
	if err != nil {
		t.Fatal(err)
	}
	h.Mine(t, 1)
	return to
}

func (h *onAnvil) send(t testing.TB, to chain.Destination, wei int64, data []byte) chain.TxID {
	t.Helper()
	return h.node.Send(t, map[string]any{"to": to, "value": fmt.Sprintf("0x%x", wei), "data": fmt.Sprintf("0x%x", data), "gas": "0x2dc6c0"})
}

func (h *onAnvil) deploy(t testing.TB, code string) chain.Destination {
	t.Helper()
	tx := h.node.Send(t, map[string]any{"data": "0x" + strings.TrimSpace(code), "gas": "0x2dc6c0"})
	h.Mine(t, 1)
	var receipt struct {
		Contract string `json:"contractAddress"`
	}
	h.node.Call(t, &receipt, "eth_getTransactionReceipt", tx)
	return chain.Destination(common.HexToAddress(receipt.Contract).Hex())
}

// calling writes a contract call; arguments are addresses and whole numbers.
func calling(signature string, args ...any) []byte {
	data := crypto.Keccak256([]byte(signature))[:4]
	for _, arg := range args {
		switch v := arg.(type) {
		case chain.Destination:
			data = append(data, common.LeftPadBytes(common.HexToAddress(string(v)).Bytes(), 32)...)
		case int:
			data = append(data, common.LeftPadBytes(big.NewInt(int64(v)).Bytes(), 32)...)
		}
	}
	return data
}
