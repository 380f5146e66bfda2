package ethereum

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/cointill/till/chain"
)

// header is what is used of a block's header.
type header struct {
	number       uint64
	hash, parent common.Hash
	time         uint64 // Unix seconds
	receipts     common.Hash
	txs          common.Hash
	// bloom tells which logs the block cannot hold; bloomed, whether it was told.
	bloom   types.Bloom
	bloomed bool
}

// fits compares what two answers said of one block. Feeds of heads may leave the
// bloom out.
func (h header) fits(o header) bool {
	if !h.bloomed || !o.bloomed {
		h.bloom, h.bloomed, o.bloom, o.bloomed = types.Bloom{}, false, types.Bloom{}, false
	}
	return h == o
}

func (h header) ref() chain.BlockRef {
	return chain.BlockRef{Height: h.number, Hash: h.hash.Hex(), Time: time.Unix(int64(h.time), 0).UTC()}
}

// tx is what is used of a transaction.
type tx struct {
	hash    common.Hash
	from    common.Address
	to      *common.Address // nil makes a contract
	value   chain.Amount    // wei
	nonce   uint64
	kind    byte   // 0xff where it is beyond what is known
	fee     uint64 // wei per gas, at most; saturates
	input   string // 0x and hexadecimal digits, not checked
	inBlock bool
}

// block is a header with its full transactions.
type block struct {
	header
	list []tx
	raw  []json.RawMessage // the transactions as they came
}

// entry is one log of a receipt.
type entry struct {
	address common.Address
	topics  []common.Hash
	data    []byte
	index   uint64 // within the block
}

// receipt is what a transaction did.
type receipt struct {
	tx        common.Hash
	kind      byte
	ok        bool
	gas       uint64 // cumulative
	bloom     types.Bloom
	logs      []entry
	plain     bool    // sent from nobody to nobody without using gas (bor's own)
	deposit   *uint64 // OP stack: part of what is hashed
	depositV  *uint64
	state     []byte // before Byzantium: the state root in place of the status
	blockHash common.Hash
	cost      chain.Amount // wei that the sender paid for its being mined; 0 where that is not told
}

// maxSeconds is a time stamp in the year 9999; later ones are lies.
const maxSeconds = 253402300799

func parseHash(s string) (h common.Hash, err error) {
	if len(s) != 66 || s[:2] != "0x" {
		return h, fmt.Errorf("a hash of %d characters", len(s))
	}
	_, err = hex.Decode(h[:], []byte(s[2:]))
	return h, err
}

func parseAddress(s string) (a common.Address, err error) {
	if len(s) != 42 || s[:2] != "0x" {
		return a, fmt.Errorf("an address of %d characters", len(s))
	}
	_, err = hex.Decode(a[:], []byte(s[2:]))
	return a, err
}

// parseWide reads a number of up to 256 bits: 0x and digits, with or without
// leading zeros.
func parseWide(s string) (chain.Amount, error) {
	if len(s) < 3 || len(s) > 66 || s[:2] != "0x" {
		return chain.Amount{}, fmt.Errorf("a number of %d characters", len(s))
	}
	var word [32]byte
	digits := strings.Repeat("0", 66-len(s)) + s[2:]
	if _, err := hex.Decode(word[:], []byte(digits)); err != nil {
		return chain.Amount{}, err
	}
	return chain.AmountFromBytes(word), nil
}

func parseNumber(s string) (uint64, error) {
	wide, err := parseWide(s)
	if err != nil {
		return 0, err
	}
	n, ok := wide.Uint64()
	if !ok {
		return 0, errors.New("a number beyond 64 bits")
	}
	return n, nil
}

func parseBloom(s string) (b types.Bloom, err error) {
	if len(s) != 2+2*types.BloomByteLength || s[:2] != "0x" {
		return b, fmt.Errorf("a bloom of %d characters", len(s))
	}
	_, err = hex.Decode(b[:], []byte(s[2:]))
	return b, err
}

type rawHeader struct {
	Number           string `json:"number"`
	Hash             string `json:"hash"`
	ParentHash       string `json:"parentHash"`
	Timestamp        string `json:"timestamp"`
	ReceiptsRoot     string `json:"receiptsRoot"`
	TransactionsRoot string `json:"transactionsRoot"`
	Bloom            string `json:"logsBloom"`
}

func (r rawHeader) read() (h header, err error) {
	var errs [6]error
	h.number, errs[0] = parseNumber(r.Number)
	h.hash, errs[1] = parseHash(r.Hash)
	h.parent, errs[2] = parseHash(r.ParentHash)
	h.time, errs[3] = parseNumber(r.Timestamp)
	h.receipts, errs[4] = parseHash(r.ReceiptsRoot)
	h.txs, errs[5] = parseHash(r.TransactionsRoot)
	if err := errors.Join(errs[:]...); err != nil {
		return h, fmt.Errorf("a block header can't be read: %w", err)
	}
	if h.time > maxSeconds || h.number > 1<<62 {
		return h, errors.New("a block header has an impossible time or height")
	}
	if r.Bloom != "" {
		if h.bloom, err = parseBloom(r.Bloom); err != nil {
			return h, fmt.Errorf("a block header can't be read: %w", err)
		}
		h.bloomed = true
	}
	return h, nil
}

func decodeHeader(raw json.RawMessage) (header, error) {
	var r rawHeader
	if err := json.Unmarshal(raw, &r); err != nil {
		return header{}, fmt.Errorf("a block header can't be read: %w", err)
	}
	return r.read()
}

func decodeBlock(raw json.RawMessage) (*block, error) {
	var r struct {
		rawHeader
		Transactions []json.RawMessage `json:"transactions"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("a block can't be read: %w", err)
	}
	h, err := r.read()
	if err != nil {
		return nil, err
	}
	b := &block{header: h, list: make([]tx, len(r.Transactions)), raw: r.Transactions}
	for i, t := range r.Transactions {
		if b.list[i], err = decodeTx(t); err != nil {
			return nil, fmt.Errorf("block %d, transaction %d: %w", h.number, i, err)
		}
	}
	return b, nil
}

func decodeTx(raw json.RawMessage) (t tx, err error) {
	var r struct {
		Hash      string  `json:"hash"`
		From      string  `json:"from"`
		To        *string `json:"to"`
		Value     string  `json:"value"`
		Nonce     string  `json:"nonce"`
		Input     string  `json:"input"`
		Type      string  `json:"type"`
		GasPrice  string  `json:"gasPrice"`
		MaxFee    string  `json:"maxFeePerGas"`
		BlockHash string  `json:"blockHash"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return t, fmt.Errorf("a transaction can't be read: %w", err)
	}
	var errs [4]error
	t.hash, errs[0] = parseHash(r.Hash)
	t.from, errs[1] = parseAddress(r.From)
	t.value, errs[2] = parseWide(r.Value)
	t.nonce, errs[3] = parseNumber(r.Nonce)
	if err := errors.Join(errs[:]...); err != nil {
		return t, fmt.Errorf("a transaction can't be read: %w", err)
	}
	if r.To != nil && *r.To != "" {
		to, err := parseAddress(*r.To)
		if err != nil {
			return t, fmt.Errorf("a transaction's recipient can't be read: %w", err)
		}
		t.to = &to
	}
	if r.MaxFee == "" {
		r.MaxFee = r.GasPrice
	}
	if fee, err := parseNumber(r.MaxFee); err == nil {
		t.fee = fee
	}
	if r.Type != "" {
		t.kind = 0xff
		if n, err := parseNumber(r.Type); err == nil && n < 0xff {
			t.kind = byte(n)
		}
	}
	t.input, t.inBlock = r.Input, r.BlockHash != ""
	return t, nil
}

func decodeReceipts(raw json.RawMessage) ([]receipt, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("receipts can't be read: %w", err)
	}
	receipts := make([]receipt, len(list))
	for i, r := range list {
		var err error
		if receipts[i], err = decodeReceipt(r); err != nil {
			return nil, fmt.Errorf("receipt %d: %w", i, err)
		}
	}
	return receipts, nil
}

func decodeReceipt(raw json.RawMessage) (r receipt, err error) {
	var j struct {
		Tx       string            `json:"transactionHash"`
		Block    string            `json:"blockHash"`
		Type     string            `json:"type"`
		Status   string            `json:"status"`
		Root     string            `json:"root"`
		Gas      string            `json:"cumulativeGasUsed"`
		Used     string            `json:"gasUsed"`
		Price    string            `json:"effectiveGasPrice"`
		L1       string            `json:"l1Fee"`
		Blob     string            `json:"blobGasUsed"`
		BlobFee  string            `json:"blobGasPrice"`
		From     string            `json:"from"`
		To       string            `json:"to"`
		Bloom    string            `json:"logsBloom"`
		Logs     []json.RawMessage `json:"logs"`
		Deposit  string            `json:"depositNonce"`
		DepositV string            `json:"depositReceiptVersion"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return r, fmt.Errorf("a receipt can't be read: %w", err)
	}
	var errs [4]error
	var kind, status uint64
	r.tx, errs[0] = parseHash(j.Tx)
	r.blockHash, errs[1] = parseHash(j.Block)
	r.gas, errs[2] = parseNumber(j.Gas)
	if j.Type != "" {
		kind, errs[3] = parseNumber(j.Type)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return r, fmt.Errorf("a receipt can't be read: %w", err)
	}
	if kind > 0xff {
		return r, errors.New("a receipt's type is beyond 255")
	}
	r.kind = byte(kind)
	switch {
	case j.Status != "":
		if status, err = parseNumber(j.Status); err != nil || status > 1 {
			return r, errors.New("a receipt's status is neither 0 nor 1")
		}
		r.ok = status == 1
	case j.Root != "": // before Byzantium nobody wrote down whether it worked
		root, err := parseHash(j.Root)
		if err != nil {
			return r, err
		}
		r.state, r.ok = root[:], true
	default:
		return r, errors.New("a receipt has no status")
	}
	if r.bloom, err = parseBloom(j.Bloom); err != nil {
		return r, fmt.Errorf("a receipt can't be read: %w", err)
	}
	r.cost = cost(r.kind, j.Used, j.Price, j.Blob, j.BlobFee, j.L1)
	for _, field := range []struct {
		text string
		into **uint64
	}{{j.Deposit, &r.deposit}, {j.DepositV, &r.depositV}} {
		if field.text == "" {
			continue
		}
		n, err := parseNumber(field.text)
		if err != nil {
			return r, err
		}
		*field.into = &n
	}
	const nobody = "0x0000000000000000000000000000000000000000"
	r.plain = j.From == nobody && j.To == nobody && j.Used == "0x0"
	r.logs = make([]entry, len(j.Logs))
	for i, l := range j.Logs {
		if r.logs[i], _, err = decodeLog(l); err != nil {
			return r, fmt.Errorf("log %d: %w", i, err)
		}
	}
	return r, nil
}

func decodeLog(raw json.RawMessage) (e entry, in common.Hash, err error) {
	var j struct {
		Address string   `json:"address"`
		Topics  []string `json:"topics"`
		Data    string   `json:"data"`
		Index   string   `json:"logIndex"`
		Tx      string   `json:"transactionHash"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return e, in, fmt.Errorf("a log can't be read: %w", err)
	}
	if len(j.Topics) > 4 {
		return e, in, fmt.Errorf("a log has %d topics, at most 4 are possible", len(j.Topics))
	}
	if e.address, err = parseAddress(j.Address); err != nil {
		return e, in, err
	}
	e.topics = make([]common.Hash, len(j.Topics))
	for i, t := range j.Topics {
		if e.topics[i], err = parseHash(t); err != nil {
			return e, in, err
		}
	}
	if len(j.Data) >= 2 && j.Data[:2] == "0x" {
		j.Data = j.Data[2:]
	}
	if e.data, err = hex.DecodeString(j.Data); err != nil {
		return e, in, fmt.Errorf("a log's data: %w", err)
	}
	if j.Index != "" {
		if e.index, err = parseNumber(j.Index); err != nil {
			return e, in, err
		}
	}
	in, err = parseHash(j.Tx)
	return e, in, err
}

// cost is what mining a transaction took from its sender. Kinds that other
// networks made up may be paid for by somebody else, or in another coin: these
// count nothing, as does what is not told. Too little is found to have come then,
// never too much.
func cost(kind byte, used, price, blobUsed, blobPrice, layer1 string) (sum chain.Amount) {
	if kind > types.SetCodeTxType {
		return sum
	}
	for _, part := range [][2]string{{used, price}, {blobUsed, blobPrice}, {layer1, "0x1"}} {
		a, errA := parseWide(part[0])
		b, errB := parseWide(part[1])
		if errA != nil || errB != nil {
			continue
		}
		product, err := chain.AmountFromBig(new(big.Int).Mul(a.Big(), b.Big()))
		if err != nil {
			continue
		}
		sum, _ = sum.Add(product)
	}
	return sum
}
