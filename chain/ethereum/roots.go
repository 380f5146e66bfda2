package ethereum

import (
	"bytes"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
)

// sealed is a receipt as it is hashed (EIP-658, EIP-2718). The deposit fields
// are the OP stack's, for its own transaction type alone.
type sealed struct {
	Status   []byte
	Gas      uint64
	Bloom    types.Bloom
	Logs     []sealedLog
	Deposit  *uint64 `rlp:"optional"`
	DepositV *uint64 `rlp:"optional"`
}

type sealedLog struct {
	Address common.Address
	Topics  []common.Hash
	Data    []byte
}

// opDeposit is the OP stack's transaction type for deposits from layer 1.
const opDeposit = 0x7e

type receiptList []receipt

func (l receiptList) Len() int { return len(l) }

// EncodeIndex writes receipt i: its type, then its fields.
func (l receiptList) EncodeIndex(i int, w *bytes.Buffer) {
	r := l[i]
	s := sealed{Gas: r.gas, Bloom: r.bloom, Logs: make([]sealedLog, len(r.logs))}
	switch {
	case r.state != nil:
		s.Status = r.state
	case r.ok:
		s.Status = []byte{1}
	}
	if r.kind == opDeposit && r.depositV != nil { // before Canyon the nonce was told, not hashed
		s.Deposit, s.DepositV = r.deposit, r.depositV
	}
	for j, e := range r.logs {
		s.Logs[j] = sealedLog{e.address, e.topics, e.data}
	}
	if r.kind != 0 {
		w.WriteByte(r.kind)
	}
	// Encoding plain values into a buffer has no way to fail.
	_ = rlp.Encode(w, s)
}

// hashable tells whether it is known how every receipt is hashed. Chains have
// types of their own (Arbitrum, zkSync, Celo), and forks bring new ones: where
// they are not hashed like the others they prove nothing, and must not stop the
// till on the day of the fork.
func hashable(receipts []receipt) bool {
	for i := range receipts {
		if k := receipts[i].kind; k > types.SetCodeTxType && k != opDeposit {
			return false
		}
	}
	return true
}

// checkReceipts holds receipts against the block: one per transaction, in its
// order, of this block, and, where roots is set, with the root that the header
// names. Whole says that the root was the header's.
func checkReceipts(b *block, receipts []receipt, roots bool) (whole bool, err error) {
	if len(receipts) != len(b.list) {
		return false, fmt.Errorf("%w: block %d has %d transactions and %d receipts", errLying, b.number, len(b.list), len(receipts))
	}
	for i := range receipts {
		if receipts[i].tx != b.list[i].hash || receipts[i].blockHash != b.hash {
			return false, fmt.Errorf("%w: receipt %d of block %d belongs to something else", errLying, i, b.number)
		}
		if !hashable(receipts[i:i+1]) && receipts[i].kind != b.list[i].kind {
			return false, fmt.Errorf("%w: receipt %d of block %d is of another type than its transaction", errLying, i, b.number)
		}
	}
	if !roots {
		return false, nil
	}
	if types.DeriveSha(receiptList(receipts), trie.NewStackTrie(nil)) == b.receipts {
		return true, nil
	}
	// Polygon's nodes list a transaction of their own last, outside the root.
	if n := len(receipts); n > 0 && receipts[n-1].plain &&
		types.DeriveSha(receiptList(receipts[:n-1]), trie.NewStackTrie(nil)) == b.receipts {
		return true, nil
	}
	if !hashable(receipts) {
		return false, nil
	}
	return false, fmt.Errorf("%w: the receipts of block %d do not have the root that its header names", errLying, b.number)
}

// checkTransactions holds the transactions against the header's root, where all
// of them are of types that are known here; others prove nothing either way.
func checkTransactions(b *block) error {
	list := make(types.Transactions, len(b.raw))
	for i, raw := range b.raw {
		list[i] = new(types.Transaction)
		if err := list[i].UnmarshalJSON(raw); err != nil {
			return nil //nolint:nilerr // a type of transaction that is not known here
		}
		if list[i].Hash() != b.list[i].hash {
			return fmt.Errorf("%w: transaction %d of block %d is named wrongly", errLying, i, b.number)
		}
	}
	if types.DeriveSha(list, trie.NewStackTrie(nil)) != b.txs {
		return fmt.Errorf("%w: the transactions of block %d do not have the root that its header names", errLying, b.number)
	}
	return nil
}
