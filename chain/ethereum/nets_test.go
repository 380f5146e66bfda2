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
	// sendWithGas is send with a gas limit of one's own.
	sendWithGas(t testing.TB, to chain.Destination, wei int64, data []byte, gas uint64) chain.TxID
	// speedUp sends a waiting transaction again for more.
	speedUp(t testing.TB, tx chain.TxID) chain.TxID
	// rewind takes blocks away and puts none in their place.
	rewind(t testing.TB, depth int, keep bool)
	// forget drops what waits.
	forget(t testing.TB)
	// deploy puts a contract on the chain, in a block of its own.
	deploy(t testing.TB, code string) chain.Destination
	head(t testing.TB) string // hash of the last block
	logsCoins() bool          // EIP-7708
	desk() chain.Destination  // a contract that has tokens
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
	return h.sendWithGas(t, to, wei, data, 3_000_000)
}

func (h *onDevnet) sendWithGas(t testing.TB, to chain.Destination, wei int64, data []byte, gas uint64) chain.TxID {
	t.Helper()
	return must[chain.TxID](t)(h.net.Customer().Send(t.Context(), to, big.NewInt(wei), data, gas))
}

func (h *onDevnet) speedUp(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	return must[chain.TxID](t)(h.net.Customer().SpeedUp(t.Context(), tx))
}

func (h *onDevnet) rewind(t testing.TB, depth int, keep bool) {
	t.Helper()
	if err := h.net.Rewind(depth, keep); err != nil {
		t.Fatal(err)
	}
}

func (h *onDevnet) forget(testing.TB) { h.net.Forget() }

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
	return h.sendWithGas(t, to, wei, data, 3_000_000)
}

func (h *onAnvil) sendWithGas(t testing.TB, to chain.Destination, wei int64, data []byte, gas uint64) chain.TxID {
	t.Helper()
	return h.node.Send(t, map[string]any{"to": to, "value": fmt.Sprintf("0x%x", wei), "data": fmt.Sprintf("0x%x", data), "gas": fmt.Sprintf("0x%x", gas)})
}

func (h *onAnvil) speedUp(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	return h.node.SpeedUp(t, tx)
}
func (h *onAnvil) forget(t testing.TB) { h.node.Call(t, nil, "anvil_dropAllTransactions") }

func (h *onAnvil) rewind(t testing.TB, depth int, keep bool) {
	t.Helper()
	again := h.node.Raw(t, depth)
	h.node.Rewind(t, depth)
	if !keep {
		h.forget(t)
		return
	}
	for _, raw := range again {
		h.node.Call(t, nil, "eth_sendRawTransaction", raw)
	}
}

// payMany pays several in one transaction of tokens.
func payMany(t testing.TB, f field, outputs ...chaintest.Output) chain.TxID {
	t.Helper()
	return f.send(t, f.desk(), 0, tokens(f.settings().Tokens[0].ID.Contract(), outputs))
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

// refuser is a contract that takes no coins.
const refuser = "6005600c60003960056000f360006000fd"

func (h *onDevnet) desk() chain.Destination { return h.net.Desk() }
func (h *onAnvil) desk() chain.Destination  { return h.node.Desk() }

// tokens calls the desk's tokens(address,address[],uint256[]).
func tokens(token string, outputs []chaintest.Output) []byte {
	n := len(outputs)
	to, values := []any{n}, []any{n}
	for _, o := range outputs {
		amount, _ := o.Amount.Uint64()
		to, values = append(to, o.To), append(values, int(amount))
	}
	args := append([]any{chain.Destination(token), 96, 96 + 32*(n+1)}, to...)
	return calling("tokens(address,address[],uint256[])", append(args, values...)...)
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
