package ethereum

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

const (
	seedHash   = `"0x1111111111111111111111111111111111111111111111111111111111111111"`
	seedHeader = `{"number":"0x10","hash":` + seedHash + `,"parentHash":` + seedHash + `,"timestamp":"0x6565","receiptsRoot":` + seedHash + `,"transactionsRoot":` + seedHash
	seedTx     = `{"hash":` + seedHash + `,"from":"0x1111111111111111111111111111111111111111","to":"0x2222222222222222222222222222222222222222","value":"0x5","nonce":"0x1","gasPrice":"0x1","input":"0xa9059cbb00000000000000000000000033333333333333333333333333333333333333330000000000000000000000000000000000000000000000000000000000000005"}`
)

var seedReceipt = `{"transactionHash":` + seedHash + `,"blockHash":` + seedHash + `,"type":"0x2","status":"0x1","cumulativeGasUsed":"0x5208","gasUsed":"0x5208","logsBloom":"0x` +
	strings.Repeat("00", 256) + `","logs":[{"address":"0x2222222222222222222222222222222222222222","topics":["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",` +
	seedHash + `,"0x0000000000000000000000003333333333333333333333333333333333333333"],"data":"0x` + strings.Repeat("0", 63) + `5","logIndex":"0x0","transactionHash":` + seedHash + `}]}`

func fuzzWatcher(t testing.TB) *Watcher {
	w, err := New(Config{
		ChainID: 1, Endpoints: []string{"http://127.0.0.1:1"}, Native: chain.Asset{ID: chain.NativeAsset(1)},
		Tokens: []chain.Asset{{ID: chain.TokenAsset(1, common.HexToAddress("0x2222222222222222222222222222222222222222").Hex())}},
		Dust:   map[chain.AssetID]chain.Amount{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// everybody is paid by anything.
func everybody(a common.Address) (chain.Destination, uint64, bool) {
	return chain.Destination(a.Hex()), 0, true
}

func FuzzBlock(f *testing.F) {
	for _, s := range []string{"null", "{}", "[]", seedHeader + "}", seedHeader + `,"transactions":[]}`, seedHeader + `,"transactions":[` + seedTx + "," + seedTx + "]}", seedHeader + `,"transactions":[null]}`} {
		f.Add([]byte(s), []byte("["+seedReceipt+"]"))
	}
	w := fuzzWatcher(f)
	f.Fuzz(func(t *testing.T, rawBlock, rawReceipts []byte) {
		b, err := decodeBlock(rawBlock)
		if err != nil {
			return
		}
		touches(b, everybody)
		_ = checkTransactions(b)
		receipts, err := decodeReceipts(rawReceipts)
		if err != nil {
			return
		}
		_, _ = checkReceipts(b, receipts, true)
		list := make([]*receipt, len(receipts))
		for i := range receipts {
			list[i] = &receipts[i]
		}
		for _, h := range w.match(b, list, everybody) {
			if h.Event.Amount.IsZero() || h.Event.Key.Index >= internalIndex || h.Event.Block.Height != b.number {
				t.Errorf("a hit of nothing: %+v", h.Event)
			}
		}
	})
}

func FuzzPending(f *testing.F) {
	for _, s := range []string{"null", "{}", seedHash, seedTx, `"0x"`, `{"hash":null}`, strings.Replace(seedTx, "0x5\"", "0x"+strings.Repeat("f", 64)+`"`, 1)} {
		f.Add([]byte(s))
	}
	w := fuzzWatcher(f)
	w.targets[common.HexToAddress("0x3333333333333333333333333333333333333333")] = chain.Target{ID: "0x3333333333333333333333333333333333333333"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &run{w: w, mined: map[common.Hash]bool{}, pool: newPool()}
		feeds := &feeds{hashes: make(chan common.Hash, 1)}
		for _, e := range r.pending(feeds, json.RawMessage(raw)) {
			if e.Amount.IsZero() || e.Target == "" {
				t.Errorf("nothing was seen: %+v", e)
			}
		}
	})
}

func FuzzLog(f *testing.F) {
	f.Add([]byte(`{"address":"0x2222222222222222222222222222222222222222","topics":[],"data":"0x","transactionHash":` + seedHash + `}`))
	f.Add([]byte(`{"topics":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, _, err := decodeLog(raw)
		if err != nil {
			return
		}
		if _, _, ok := e.asTransfer(); ok && (len(e.topics) != 3 || len(e.data) != 32) {
			t.Errorf("%s was taken for a transfer", raw)
		}
	})
}

func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"wss://node.example/key", "http://u:p@h:1/?k=v", "/run/geth.ipc", "", "://", "ws://[::1]:8546/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseEndpoint(text)
		if err != nil {
			return
		}
		e.clean(errLost)
		if e.name == "" {
			t.Errorf("%q has no name", text)
		}
	})
}
