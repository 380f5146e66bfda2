package ethereum

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/cointill/till/chain"
)

// BenchmarkMatchBlock looks through a block of 2,500 transactions, half of them
// token transfers, of which one in a hundred pays a target. Its cost grows with
// the block and not with the number of targets.
func BenchmarkMatchBlock(b *testing.B) {
	for _, targets := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			w := fuzzWatcher(b)
			for i := range targets {
				a := nth(i)
				w.targets[a] = chain.Target{ID: chain.Destination(a.Hex())}
			}
			token := common.HexToAddress("0x2222222222222222222222222222222222222222")
			blk := &block{header: header{number: 7}}
			var receipts []*receipt
			for i := range 2_500 {
				to := nth(1_000_000 + i)
				if i%100 == 0 {
					to = nth(i % targets)
				}
				t, r := tx{hash: common.Hash{byte(i), byte(i >> 8)}, to: &to, value: chain.Units(5)}, &receipt{ok: true}
				if i%2 == 1 {
					t.to, t.value = &token, chain.Amount{}
					r.logs = []entry{{address: token, topics: []common.Hash{transferTopic, {}, common.BytesToHash(to[:])}, data: make([]byte, 32)}}
					r.logs[0].data[31] = 5
				}
				blk.list, receipts = append(blk.list, t), append(receipts, r)
			}
			hits := 0
			for b.Loop() {
				hits = len(w.match(blk, receipts, w.aim()))
			}
			if hits != 25 {
				b.Errorf("%d payments were found, 25 are there", hits)
			}
		})
	}
}

// nth is an address that looks like any other.
func nth(n int) common.Address {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n))
	return common.BytesToAddress(crypto.Keccak256(seed[:]))
}
