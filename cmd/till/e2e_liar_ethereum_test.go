package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/trie"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/ethereum"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// lyingEndpoint stands before a node and changes what it says, once it is told to.
type lyingEndpoint struct {
	node string
	*httptest.Server

	mu  sync.Mutex
	lie func(method string, params []any, answer json.RawMessage) json.RawMessage
}

func startLyingEndpoint(t *testing.T, node string) *lyingEndpoint {
	l := &lyingEndpoint{node: node}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		var batch []json.RawMessage
		if json.Unmarshal(body, &batch) != nil {
			_, _ = w.Write(l.answer(t, body))
			return
		}
		answers := make([]json.RawMessage, len(batch))
		for i, one := range batch {
			answers[i] = l.answer(t, one)
		}
		_ = json.NewEncoder(w).Encode(answers)
	}))
	t.Cleanup(l.Close)
	return l
}

// ask puts a question to the node itself.
func (l *lyingEndpoint) ask(t *testing.T, into any, method string, params ...any) {
	t.Helper()
	question, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(l.node, "application/json", bytes.NewReader(question))
	if err != nil {
		return // the test is over
	}
	defer res.Body.Close()
	answer := struct{ Result any }{into}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Error(err)
	}
}

func (l *lyingEndpoint) answer(t *testing.T, question json.RawMessage) json.RawMessage {
	res, err := http.Post(l.node, "application/json", bytes.NewReader(question))
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	lie := l.lie
	l.mu.Unlock()
	var q struct {
		Method string
		Params []any
	}
	var a map[string]json.RawMessage
	if lie == nil || json.Unmarshal(question, &q) != nil || json.Unmarshal(raw, &a) != nil || a["result"] == nil {
		return raw
	}
	a["result"] = lie(q.Method, q.Params, a["result"])
	raw, err = json.Marshal(a)
	if err != nil {
		t.Error(err)
	}
	return raw
}

func (l *lyingEndpoint) begin(lie func(string, []any, json.RawMessage) json.RawMessage) {
	l.mu.Lock()
	l.lie = lie
	l.mu.Unlock()
}

func replaced(a json.RawMessage, old, by string) json.RawMessage {
	return json.RawMessage(strings.ReplaceAll(string(a), old, by))
}

// rooted changes the receipts of each block and gives it the root that they have.
func (l *lyingEndpoint) rooted(t *testing.T, change func(*types.Receipt)) func(string, []any, json.RawMessage) json.RawMessage {
	receipts := func(block any) types.Receipts {
		var list types.Receipts
		l.ask(t, &list, "eth_getBlockReceipts", block)
		for _, r := range list {
			change(r)
		}
		return list
	}
	return func(method string, params []any, answer json.RawMessage) json.RawMessage {
		var head struct{ Hash, ReceiptsRoot string }
		switch {
		case method == "eth_getBlockReceipts":
			raw, err := json.Marshal(receipts(params[0]))
			if err != nil {
				t.Error(err)
			}
			return raw
		case strings.HasPrefix(method, "eth_getBlockBy") && json.Unmarshal(answer, &head) == nil && head.Hash != "":
			return replaced(answer, head.ReceiptsRoot, types.DeriveSha(receipts(head.Hash), trie.NewStackTrie(nil)).Hex())
		}
		return answer
	}
}

// invents makes up a block on top of the head that pays an address, with roots
// that fit.
func (l *lyingEndpoint) invents(t *testing.T, id uint64, to chain.Destination, wei *big.Int) func(string, []any, json.RawMessage) json.RawMessage {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	payee := common.HexToAddress(string(to))
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(new(big.Int).SetUint64(id)), &types.LegacyTx{To: &payee, Value: wei, Gas: 21_000, GasPrice: big.NewInt(1e9)})
	if err != nil {
		t.Fatal(err)
	}
	text := func(v any) json.RawMessage {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var full, head map[string]any
	if err := json.Unmarshal(text(tx), &full); err != nil {
		t.Fatal(err)
	}
	l.ask(t, &head, "eth_getBlockByNumber", "latest", false)
	var height uint64
	if _, err := fmt.Sscanf(fmt.Sprint(head["number"]), "0x%x", &height); err != nil {
		t.Fatal(err)
	}
	hash, number := "0x"+strings.Repeat("1e", 32), fmt.Sprintf("0x%x", height+1)
	full["from"], full["blockHash"], full["blockNumber"] = crypto.PubkeyToAddress(key.PublicKey), hash, number
	done := &types.Receipt{Status: 1, CumulativeGasUsed: 21_000, GasUsed: 21_000, TxHash: tx.Hash(), BlockHash: common.HexToHash(hash), BlockNumber: new(big.Int).SetUint64(height + 1), Logs: []*types.Log{}}
	head["parentHash"], head["hash"], head["number"], head["timestamp"] = head["hash"], hash, number, fmt.Sprintf("0x%x", time.Now().Unix()+1)
	head["receiptsRoot"], head["transactionsRoot"] = types.DeriveSha(types.Receipts{done}, trie.NewStackTrie(nil)), types.DeriveSha(types.Transactions{tx}, trie.NewStackTrie(nil))
	head["transactions"] = []any{}
	light := text(head)
	head["transactions"] = []any{full}
	whole, receipts := text(head), text([]any{done})
	return func(method string, params []any, answer json.RawMessage) json.RawMessage {
		switch {
		case method == "eth_getBlockByNumber" && (params[0] == "latest" || params[0] == number), method == "eth_getBlockByHash" && params[0] == hash && params[1] == false:
			return light
		case method == "eth_getBlockByHash" && params[0] == hash:
			return whole
		case method == "eth_getBlockReceipts" && params[0] == hash:
			return receipts
		}
		return answer
	}
}

// lieShop is a shop on three endpoints, the first of which lies when it is told to.
func lieShop(t *testing.T) (s *session, net *devnet.Ethereum, l *lyingEndpoint) {
	t.Helper()
	net, err := devnet.StartEthereum(t.Context(), devnet.EthereumOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	l = startLyingEndpoint(t, net.EndpointHTTP())
	_, text := shopKeys(t)
	key, err := xpub.ParseEVM(text)
	if err != nil {
		t.Fatal(err)
	}
	rail := &evmRail{chainID: net.ChainID(), network: net.Network(), key: key, assets: []chain.Asset{net.Native(), net.Token()}}
	rail.watcher, err = ethereum.New(ethereum.Config{
		ChainID: net.ChainID(), Endpoints: []string{l.URL, net.EndpointHTTP(), net.Endpoint()}, Native: net.Native(), Tokens: []chain.Asset{net.Token()},
		BlockTime: 200 * time.Millisecond, Poll: 50 * time.Millisecond, Stale: -1, State: filepath.Join(t.TempDir(), "recent.json"),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err = parts{
		shop: pos.Shop{Name: "Café Linde", Currencies: []money.Currency{"USD"}, Assets: rail.assets},
		policy: pos.Policy{
			Expires: 15 * time.Minute, Rails: map[string]pos.RailPolicy{rail.ID(): {Tiers: []pos.Tier{{Need: 1}}, Grace: 2 * time.Minute}},
		},
		rails: []chain.Rail{rail}, store: store.NewMemory(), log: slog.New(slog.DiscardHandler), rates: fixedFeed{},
	}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	if err := net.Mine(3); err != nil {
		t.Fatal(err)
	}
	patiently(t, "the agreement of all", time.Minute, func() bool {
		h := s.Board().Health[rail.ID()]
		return h.State == chain.Ready && h.Peers == 3 && s.Board().Tips[rail.ID()].Agreed == 3
	})
	return s, net, l
}

// TestLyingEndpoint is a whole register above three endpoints, the one in use
// lying from some moment on and for good. A sale that nobody pays is never PAID
// and never hands anything over; one that is paid is PAID in the end, with what
// was really sent.
func TestLyingEndpoint(t *testing.T) {
	t.Parallel()
	const units = 4_500_000 // 0x44aa20 of the token
	for name, begin := range map[string]func(*testing.T, *devnet.Ethereum, *lyingEndpoint, chain.Destination){
		"altered receipt": func(_ *testing.T, _ *devnet.Ethereum, l *lyingEndpoint, _ chain.Destination) {
			l.begin(func(method string, _ []any, a json.RawMessage) json.RawMessage {
				if method == "eth_getBlockReceipts" || method == "eth_getTransactionReceipt" {
					return replaced(a, "44aa20", "f4aa20")
				}
				return a
			})
		},
		"altered receipt with a fitting root": func(t *testing.T, _ *devnet.Ethereum, l *lyingEndpoint, _ chain.Destination) {
			l.begin(l.rooted(t, func(r *types.Receipt) {
				for _, log := range r.Logs {
					log.Data = common.LeftPadBytes(big.NewInt(units/3).Bytes(), 32)
				}
			}))
		},
		"missing log": func(_ *testing.T, _ *devnet.Ethereum, l *lyingEndpoint, _ chain.Destination) {
			l.begin(func(method string, _ []any, a json.RawMessage) json.RawMessage {
				if method == "eth_getBlockReceipts" {
					return json.RawMessage("[]")
				}
				return a
			})
		},
		"missing log with a fitting root": func(t *testing.T, _ *devnet.Ethereum, l *lyingEndpoint, _ chain.Destination) {
			l.begin(l.rooted(t, func(r *types.Receipt) { r.Logs, r.Bloom = []*types.Log{}, types.Bloom{} }))
		},
		"invented block": func(t *testing.T, net *devnet.Ethereum, l *lyingEndpoint, to chain.Destination) {
			l.begin(l.invents(t, net.ChainID(), to, new(big.Int).SetUint64(1e18)))
		},
		"wrong chain id": func(_ *testing.T, _ *devnet.Ethereum, l *lyingEndpoint, _ chain.Destination) {
			l.begin(func(method string, _ []any, a json.RawMessage) json.RawMessage {
				if method == "eth_chainId" {
					return json.RawMessage(`"0x7"`)
				}
				return a
			})
			l.CloseClientConnections()
		},
		"frozen head": func(t *testing.T, _ *devnet.Ethereum, l *lyingEndpoint, _ chain.Destination) {
			var old json.RawMessage
			l.ask(t, &old, "eth_getBlockByNumber", "latest", false)
			l.begin(func(method string, params []any, a json.RawMessage) json.RawMessage {
				if method == "eth_getBlockByNumber" && params[0] == "latest" {
					return old
				}
				return a
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, net, l := lieShop(t)
			open := func(asset chain.Asset, amount chain.Amount) pos.View {
				t.Helper()
				v, err := s.Open(t.Context(), pos.Draft{Price: pos.Price{Kind: pos.PriceAsset, Asset: asset.ID, Amount: amount}}, asset.ID)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			unpaid, paid := open(net.Native(), chain.Units(1e18)), open(net.Token(), chain.Units(units))
			ctx := t.Context()
			begin(t, net, l, unpaid.Pay.Quote.To)
			if _, err := net.Customer().PayToken(ctx, paid.Pay.Quote.To, big.NewInt(units)); err != nil {
				t.Fatal(err)
			}
			if err := net.Mine(1); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			heard, of, settled := map[pos.Status]bool{}, pos.Outcome{}, time.Time{}
			for settled.IsZero() || time.Since(settled) < time.Second {
				if time.Since(began) > time.Minute {
					t.Fatalf("the payment is not PAID but %+v; of the other %v was heard, health %+v", of, heard, s.Board().Health)
				}
				if err := net.Mine(1); err != nil { // time goes on
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
				for _, id := range []string{unpaid.Sale.ID, paid.Sale.ID} {
					v, err := s.View(ctx, id)
					if err != nil {
						t.Fatal(err)
					}
					o := v.Sale.Outcome
					if id == paid.Sale.ID {
						of = o
					}
					switch {
					case id == unpaid.Sale.ID:
						heard[o.Status] = true
						if o.Status == pos.Paid || o.Status == pos.Overpaid || o.Verdict == pos.HandOver {
							t.Fatalf("a sale that nobody paid is %s, %s", o.Status, o.Verdict)
						}
					case o.Status == pos.Overpaid:
						t.Fatalf("%d were paid, and it is %s by %s", units, o.Status, o.Over)
					case o.Status == pos.Paid && settled.IsZero():
						settled = time.Now()
						t.Logf("PAID after %v", settled.Sub(began).Round(time.Millisecond))
					case o.Status != pos.Paid && !settled.IsZero():
						t.Fatalf("what was PAID is %s", o.Status)
					}
				}
			}
			if name == "invented block" && !heard[pos.Confirming] && !heard[pos.Seen] {
				t.Errorf("the invented block was never taken, so nothing was shown: %v", heard)
			}
		})
	}
}
