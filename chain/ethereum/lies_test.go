package ethereum_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/trie"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

type lie = func(method string, params []any, answer json.RawMessage) (json.RawMessage, error)

// The endpoint in use lies from some moment on, and goes on lying. No lie makes
// depth count, and what was really paid is found at the others.
func TestOneOfThreeLies(t *testing.T) {
	const units = 0x3b9aca07
	onlyReceipts := func(change func(json.RawMessage) json.RawMessage) func(*testing.T, *onDevnet, *fakeNode, chain.Destination) lie {
		return func(*testing.T, *onDevnet, *fakeNode, chain.Destination) lie {
			return func(m string, _ []any, a json.RawMessage) (json.RawMessage, error) {
				if m == "eth_getBlockReceipts" || m == "eth_getTransactionReceipt" {
					return change(a), nil
				}
				return a, nil
			}
		}
	}
	for name, begin := range map[string]func(*testing.T, *onDevnet, *fakeNode, chain.Destination) lie{
		"altered receipt": onlyReceipts(func(a json.RawMessage) json.RawMessage { return edit(a, "3b9aca07", "7b9aca07") }),
		"missing log": onlyReceipts(func(a json.RawMessage) json.RawMessage {
			var list []map[string]any
			if json.Unmarshal(a, &list) != nil {
				return a
			}
			for _, r := range list {
				r["logs"] = []any{}
			}
			raw, err := json.Marshal(list)
			if err != nil {
				return a
			}
			return raw
		}),
		"wrong chain id": func(_ *testing.T, _ *onDevnet, f *fakeNode, _ chain.Destination) lie {
			time.AfterFunc(10*time.Millisecond, f.http.CloseClientConnections)
			return func(m string, _ []any, a json.RawMessage) (json.RawMessage, error) {
				if m == "eth_chainId" {
					return json.RawMessage(`"0x7"`), nil
				}
				return a, nil
			}
		},
		"frozen head": func(t *testing.T, _ *onDevnet, f *fakeNode, _ chain.Destination) lie {
			f.mu.Lock()
			f.heads = func(json.RawMessage) []json.RawMessage { return nil }
			f.mu.Unlock()
			var old json.RawMessage
			if err := f.real.Call(&old, "eth_getBlockByNumber", "latest", false); err != nil {
				t.Fatal(err)
			}
			return func(m string, p []any, a json.RawMessage) (json.RawMessage, error) {
				if m == "eth_getBlockByNumber" && p[0] == "latest" {
					return old, nil
				}
				return a, nil
			}
		},
		"invented block":                      invented,
		"missing log, with a root of its own": rerooted(func(r *types.Receipt) { r.Logs, r.Bloom = nil, types.Bloom{} }),
		"altered receipt, with a root of its own": rerooted(func(r *types.Receipt) {
			for _, l := range r.Logs {
				l.Data = common.LeftPadBytes([]byte{0x7b, 0x9a, 0xca, 0x07}, 32)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			h, one, _, _ := newQuorum(t)
			l := chaintest.NewLedger(t, h.Network())
			real, invented := target(t, h), target(t, h)
			h.Mine(t, 3)
			s := chaintest.BeginReady(t, h, l, real, invented)
			l.Wait(t, "the agreement", func() bool { return l.Tip().Agreed == 3 && s.Watcher.Health().State == chain.Ready })
			one.meddle(begin(t, h, one, invented.ID))
			h.Pay(t, real.ID, h.assets[1], chain.Units(units))
			h.Mine(t, 2)
			began := time.Now()
			l.Wait(t, "the real payment, agreed on", func() bool {
				for _, p := range l.At(invented.ID) {
					if p.Kind() == chain.Included && l.Tip().Agreed >= p.Event.Block.Height {
						t.Errorf("an invented payment is agreed on: %+v", p.Event)
					}
				}
				p := l.At(real.ID)
				return len(p) == 1 && p[0].Kind() == chain.Included && l.Tip().Agreed >= p[0].Event.Block.Height
			})
			if p := l.At(real.ID)[0]; p.Event.Amount != chain.Units(units) {
				t.Errorf("%s were paid, %s counts", chain.Units(units), p.Event.Amount)
			}
			if name == "invented block" && len(l.At(invented.ID)) != 1 {
				t.Error("the invented block was never taken, so nothing was shown")
			}
			l.Wait(t, "the invented payment to be gone", func() bool { _, n := total(l, invented.ID); return n == 0 })
			t.Logf("found after %v", time.Since(began).Round(time.Millisecond))
		})
	}
}

// The connection to the endpoint that lied ends before the others have spoken: what
// it said of blocks is taken back all the same, by the next one's word.
func TestLiarLeavesFirst(t *testing.T) {
	h, one, two, three := newQuorum(t)
	l := chaintest.NewLedger(t, h.Network())
	real := target(t, h)
	h.Mine(t, 3)
	s := chaintest.BeginReady(t, h, l, real)
	l.Wait(t, "the agreement", func() bool { return l.Tip().Agreed == 3 && s.Watcher.Health().State == chain.Ready })
	lie := rerooted(func(r *types.Receipt) { r.Logs, r.Bloom = nil, types.Bloom{} })(t, h, one, real.ID)
	one.meddle(lie)
	// The others stand still for a moment.
	for _, f := range []*fakeNode{two, three} {
		var old json.RawMessage
		if err := f.real.Call(&old, "eth_getBlockByNumber", "latest", false); err != nil {
			t.Fatal(err)
		}
		f.meddle(func(m string, p []any, a json.RawMessage) (json.RawMessage, error) {
			if m == "eth_getBlockByNumber" && p[0] == "latest" {
				return old, nil
			}
			return a, nil
		})
	}
	h.Pay(t, real.ID, h.assets[1], chain.Units(500))
	h.Mine(t, 2)
	waitTip(t, l, h)
	one.meddle(func(string, []any, json.RawMessage) (json.RawMessage, error) {
		return nil, coded{-32000, "out of order"}
	})
	one.http.CloseClientConnections()
	two.meddle(nil)
	three.meddle(nil)
	l.Wait(t, "the payment, agreed on", func() bool {
		return kindAt(l, real.ID) == chain.Included && l.Tip().Agreed >= l.At(real.ID)[0].Event.Block.Height
	})
}

// rerooted changes the receipts of every block from now on, and gives its header
// the root that they then have.
func rerooted(change func(*types.Receipt)) func(*testing.T, *onDevnet, *fakeNode, chain.Destination) lie {
	return func(t *testing.T, _ *onDevnet, f *fakeNode, _ chain.Destination) lie {
		f.mu.Lock()
		f.heads = func(json.RawMessage) []json.RawMessage { return nil }
		f.mu.Unlock()
		changed := func(hash any) (types.Receipts, error) {
			var list types.Receipts
			if err := f.real.Call(&list, "eth_getBlockReceipts", hash); err != nil {
				return nil, err
			}
			for _, r := range list {
				change(r)
			}
			return list, nil
		}
		return func(m string, p []any, a json.RawMessage) (json.RawMessage, error) {
			switch m {
			case "eth_getBlockReceipts":
				list, err := changed(p[0])
				if err != nil {
					return nil, err
				}
				return json.Marshal(list)
			case "eth_getBlockByHash", "eth_getBlockByNumber":
				var head struct{ Hash, ReceiptsRoot string }
				if err := json.Unmarshal(a, &head); err != nil || head.Hash == "" {
					return a, err
				}
				list, err := changed(head.Hash)
				if err != nil {
					return nil, err
				}
				return edit(a, head.ReceiptsRoot, types.DeriveSha(list, trie.NewStackTrie(nil)).Hex()), nil
			}
			return a, nil
		}
	}
}

// invented is a block on top of the real head in which somebody pays a target,
// with roots that fit, and everything that hangs on it.
func invented(t *testing.T, h *onDevnet, f *fakeNode, to chain.Destination) lie {
	var head map[string]any
	if err := f.real.Call(&head, "eth_getBlockByNumber", "latest", false); err != nil {
		t.Fatal(err)
	}
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	id := new(big.Int).SetUint64(h.net.ChainID())
	dest := common.HexToAddress(string(to))
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, To: &dest, Value: big.NewInt(1e18), Gas: 21_000, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1e9),
	})
	if err != nil {
		t.Fatal(err)
	}
	receipt := &types.Receipt{Type: tx.Type(), Status: 1, CumulativeGasUsed: 21_000}
	hash, number := "0x"+strings.Repeat("1e", 32), fmt.Sprintf("0x%x", h.Height(t)+1)
	head["parentHash"], head["hash"], head["number"] = head["hash"], hash, number
	head["receiptsRoot"] = types.DeriveSha(types.Receipts{receipt}, trie.NewStackTrie(nil))
	head["transactionsRoot"] = types.DeriveSha(types.Transactions{tx}, trie.NewStackTrie(nil))
	head["timestamp"] = fmt.Sprintf("0x%x", time.Now().Unix()+1)
	must := func(v any) json.RawMessage {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var full map[string]any
	if err := json.Unmarshal(must(tx), &full); err != nil {
		t.Fatal(err)
	}
	full["from"], full["blockHash"], full["blockNumber"] = crypto.PubkeyToAddress(key.PublicKey), hash, number
	head["transactions"] = []any{}
	light := must(head)
	head["transactions"] = []any{full}
	whole := must(head)
	receipts := must([]any{map[string]any{
		"transactionHash": tx.Hash(), "blockHash": hash, "type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x5208", "gasUsed": "0x5208",
		"logsBloom": types.Bloom{}, "logs": []any{}, "from": full["from"], "to": dest,
	}})
	f.mu.Lock()
	f.heads = func(json.RawMessage) []json.RawMessage { return []json.RawMessage{light} }
	f.mu.Unlock()
	return func(m string, p []any, a json.RawMessage) (json.RawMessage, error) {
		switch {
		case m == "eth_getBlockByNumber" && (p[0] == "latest" || p[0] == number):
			return light, nil
		case m == "eth_getBlockByHash" && p[0] == hash && p[1] == true:
			return whole, nil
		case m == "eth_getBlockByHash" && p[0] == hash:
			return light, nil
		case m == "eth_getBlockReceipts" && p[0] == hash:
			return receipts, nil
		}
		return a, nil
	}
}
