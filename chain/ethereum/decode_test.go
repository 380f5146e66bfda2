package ethereum

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/trie"
	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
)

func TestSelectors(t *testing.T) {
	for sel, signature := range map[string]string{
		selTransfer: "transfer(address,uint256)", selTransferFrom: "transferFrom(address,address,uint256)", selDecimals: "decimals()", selBalanceOf: "balanceOf(address)",
	} {
		if got := fmt.Sprintf("0x%x", crypto.Keccak256([]byte(signature))[:4]); got != sel {
			t.Errorf("%s is %s, want %s", signature, got, sel)
		}
	}
	if got := crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)")); got != transferTopic {
		t.Errorf("the topic is %s", got)
	}
}

func TestTransferCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		to := common.BytesToAddress(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "to"))
		amount := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "amount"))
		tail := strings.Repeat("00", rapid.IntRange(0, 40).Draw(t, "tail"))
		plain := fmt.Sprintf("%s%064x%064x%s", selTransfer, to.Big(), amount, tail)
		from := fmt.Sprintf("%s%064x%064x%064x%s", selTransferFrom, 7, to.Big(), amount, tail)
		for _, input := range []string{plain, from} {
			gotTo, got, ok := transferCall(input)
			if !ok || gotTo != to || got.Big().Cmp(amount) != 0 {
				t.Fatalf("%s: %s %s %v", input, gotTo, got, ok)
			}
			for _, short := range []string{input[:len(input)-len(tail)-1], input[:10], strings.Replace(input, "0x", "", 1)} {
				if _, _, ok := transferCall(short); ok {
					t.Fatalf("%s was taken", short)
				}
			}
		}
	})
	dirty := fmt.Sprintf("%sff%062x%064x", selTransfer, 5, 5)
	if _, _, ok := transferCall(dirty); ok {
		t.Error("an address with something before it was taken")
	}
}

func TestAsTransfer(t *testing.T) {
	to := common.HexToAddress("0x00000000000000000000000000000000000000aa")
	good := entry{address: common.Address{1}, topics: []common.Hash{transferTopic, {}, common.BytesToHash(to[:])}, data: make([]byte, 32)}
	good.data[31] = 7
	if got, amount, ok := good.asTransfer(); !ok || got != to || amount != chain.Units(7) {
		t.Errorf("%s %s %v", got, amount, ok)
	}
	for name, spoil := range map[string]func(*entry){
		"an NFT":           func(e *entry) { e.topics = append(e.topics, common.Hash{1}) },
		"two topics":       func(e *entry) { e.topics = e.topics[:2] },
		"another event":    func(e *entry) { e.topics[0] = common.Hash{1} },
		"short data":       func(e *entry) { e.data = e.data[:31] },
		"long data":        func(e *entry) { e.data = append(e.data, 0) },
		"a dirty address":  func(e *entry) { e.topics[2][3] = 1 },
		"the chain's coin": func(e *entry) { e.address = coinLogs },
	} {
		e := good
		e.topics = append([]common.Hash{}, good.topics...)
		e.data = append([]byte{}, good.data...)
		spoil(&e)
		if _, _, ok := e.asTransfer(); ok {
			t.Errorf("%s was taken for a transfer", name)
		}
	}
}

// The root of any receipts is what go-ethereum makes of them.
func TestReceiptRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var theirs types.Receipts
		var list []json.RawMessage
		b := &block{header: header{number: 7, hash: common.Hash{9}}}
		for i := range rapid.IntRange(0, 20).Draw(t, "receipts") {
			r := &types.Receipt{
				Type:   uint8(rapid.IntRange(0, 4).Draw(t, "type")),
				Status: uint64(rapid.IntRange(0, 1).Draw(t, "status")), CumulativeGasUsed: rapid.Uint64().Draw(t, "gas"),
				TxHash: common.BigToHash(big.NewInt(int64(i + 1))), BlockHash: b.hash, BlockNumber: big.NewInt(7),
				Logs: []*types.Log{},
			}
			for range rapid.IntRange(0, 4).Draw(t, "logs") {
				topics := make([]common.Hash, rapid.IntRange(0, 4).Draw(t, "topics"))
				for j := range topics {
					topics[j] = common.BytesToHash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "topic"))
				}
				r.Logs = append(r.Logs, &types.Log{
					Address: common.Address{byte(i)}, Topics: topics, TxHash: r.TxHash,
					Data: rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "data"),
				})
			}
			r.Bloom = types.CreateBloom(r)
			theirs = append(theirs, r)
			raw, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, raw)
			b.list = append(b.list, tx{hash: r.TxHash, kind: r.Type})
		}
		b.receipts = types.DeriveSha(theirs, trie.NewStackTrie(nil))
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if list == nil {
			raw = []byte("[]")
		}
		ours, err := decodeReceipts(raw)
		if err != nil {
			t.Fatal(err)
		}
		if whole, err := checkReceipts(b, ours, true); err != nil || !whole {
			t.Fatal(err)
		}
		if len(ours) > 0 {
			ours[len(ours)-1].ok = !ours[len(ours)-1].ok
			if _, err := checkReceipts(b, ours, true); err == nil {
				t.Fatal("a changed status keeps the root")
			}
		}
	})
}

// Polygon's nodes list one transaction of their own after the others; it is
// outside the root.
func TestReceiptRootWithoutTheNodesOwn(t *testing.T) {
	b := &block{header: header{hash: common.Hash{9}}, list: []tx{{hash: common.Hash{1}}, {hash: common.Hash{2}}}}
	receipts := []receipt{{tx: common.Hash{1}, blockHash: b.hash, ok: true}, {tx: common.Hash{2}, blockHash: b.hash, ok: true, plain: true}}
	b.receipts = types.DeriveSha(receiptList(receipts[:1]), trie.NewStackTrie(nil))
	if _, err := checkReceipts(b, receipts, true); err != nil {
		t.Error(err)
	}
	receipts[1].plain = false
	if _, err := checkReceipts(b, receipts, true); err == nil {
		t.Error("a receipt beyond the root was taken")
	}
}

// An OP-stack deposit's receipt hashes its two further fields.
func TestDepositReceipt(t *testing.T) {
	nonce, version := uint64(5), uint64(1)
	with := receiptList{{kind: opDeposit, ok: true, deposit: &nonce, depositV: &version}}
	without := receiptList{{kind: opDeposit, ok: true}}
	other := receiptList{{kind: 2, ok: true, deposit: &nonce, depositV: &version}}
	plain := receiptList{{kind: 2, ok: true}}
	root := func(l receiptList) common.Hash { return types.DeriveSha(l, trie.NewStackTrie(nil)) }
	if root(with) == root(without) || root(other) != root(plain) {
		t.Error("the deposit fields count for deposits, and for nothing else")
	}
	// Before Canyon a node told the nonce, and hashed without it.
	regolith := receiptList{{kind: opDeposit, ok: true, deposit: &nonce}}
	if root(regolith) != root(without) {
		t.Error("a deposit's nonce is hashed without its version")
	}
}

func TestParseNumbers(t *testing.T) {
	for text, want := range map[string]uint64{"0x0": 0, "0x10": 16, "0x00ff": 255, "0xffffffffffffffff": 1<<64 - 1} {
		if got, err := parseNumber(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0x", "0", "10", "0xg", "0x-1", "0x10000000000000000", "0X1", "1e9", "0x" + strings.Repeat("0", 65), "0x1 "} {
		if n, err := parseNumber(text); err == nil {
			t.Errorf("%q was read as %d", text, n)
		}
	}
}

func TestCleanKeepsSecrets(t *testing.T) {
	e, err := parseEndpoint("wss://me:pass-word@node.example:8443/v3/0123456789abcdef?apikey=zyxwvut#frag")
	if err != nil {
		t.Fatal(err)
	}
	if e.name != "node.example:8443" || !e.pushes {
		t.Errorf("%+v", e)
	}
	dirty := fmt.Errorf("dial %s: GET /v3/0123456789abcdef?apikey=zyxwvut for me with pass-word: zyxwvut\x1b[31m\n", e.url)
	clean := e.clean(dirty)
	for _, secret := range []string{"0123456789abcdef", "zyxwvut", "pass-word", "\x1b", "\n"} {
		if strings.Contains(clean, secret) {
			t.Errorf("%q is in %q", secret, clean)
		}
	}
	if len(e.cleanText(strings.Repeat("x", 5000))) > 160 {
		t.Error("a long text stays long")
	}
}

// A type of receipt that nobody here knows proves something only where it hashes
// like the others, and is no lie where it does not; it has to be its
// transaction's type.
func TestUnknownReceiptTypes(t *testing.T) {
	for _, c := range []struct {
		kind, of  byte
		rooted    bool // the header names the root that the receipts have
		lie, sure bool
	}{
		{kind: 0, rooted: true, sure: true},
		{kind: 4, of: 4, rooted: true, sure: true},
		{kind: 4, of: 4, lie: true},
		{kind: opDeposit, of: opDeposit, lie: true},
		{kind: 5, of: 5},
		{kind: 0x6a, of: 0x6a, rooted: true, sure: true},
		{kind: 0x6a, of: 0x6a},
		{kind: 0x6a, of: 2, lie: true},
	} {
		b := &block{header: header{hash: common.Hash{9}}, list: []tx{{hash: common.Hash{1}, kind: c.of}}}
		receipts := []receipt{{tx: common.Hash{1}, blockHash: b.hash, ok: true, kind: c.kind}}
		if c.rooted {
			b.receipts = types.DeriveSha(receiptList(receipts), trie.NewStackTrie(nil))
		}
		if sure, err := checkReceipts(b, receipts, true); sure != c.sure || errors.Is(err, errLying) != c.lie {
			t.Errorf("%+v: sure %v, %v", c, sure, err)
		}
	}
}

// What a transaction cost its sender counts where it is known what it is in.
func TestCost(t *testing.T) {
	for _, c := range []struct {
		kind                             byte
		used, price, blobs, blobFee, lay string
		want                             uint64
	}{
		{2, "0x5208", "0x3b9aca00", "", "", "", 21_000_000_000_000},
		{3, "0x5208", "0x1", "0x20000", "0x2", "", 21_000 + 262_144},
		{2, "0x5208", "0x1", "", "", "0x64", 21_100},
		{0x7e, "0x5208", "0x1", "", "", "0x64", 0},
		{0x7b, "0x5208", "0x1", "", "", "", 0}, // Celo: gas in a token
		{2, "", "0x1", "", "", "0x64", 100},
		{2, "0x5208", "", "", "", "", 0},
		{2, "0x-1", "0x1", "", "", "", 0},
		{2, "0x" + strings.Repeat("f", 64), "0x" + strings.Repeat("f", 64), "", "", "0x1", 1},
	} {
		if got := cost(c.kind, c.used, c.price, c.blobs, c.blobFee, c.lay); got != chain.Units(c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
