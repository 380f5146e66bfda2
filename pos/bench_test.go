package pos_test

import (
	"fmt"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// openMany makes a register with n open sales, the first paid of which have a
// part of their money in a block. Somebody subscribed and reads nothing.
func openMany(b *testing.B, n, paid int) (*shop, []pos.View) {
	b.Helper()
	s := openShop(b, nil, newRail(btc, "A"))
	b.Cleanup(s.stop)
	s.Subscribe()
	r := s.rails[0]
	r.emit(b, tip(100))
	views := make([]pos.View, n)
	for i := range views {
		views[i] = s.ring(b, chain.Bitcoin)
	}
	for i := range paid {
		e := r.payment(chain.Included, views[i].Pay.Quote.To, 10_000, 101)
		e.Key.TxID = chain.TxID(fmt.Sprint("tx", i))
		r.emit(b, e)
	}
	return s, views
}

// BenchmarkApply: one payment event, applied and stored, costs the same however
// many sales are open.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("open=%d", n), func(b *testing.B) {
			s, views := openMany(b, n, 0)
			r := s.rails[0]
			seen := r.payment(chain.Seen, views[n/2].Pay.Quote.To, 4_000, 0)
			r.emit(b, seen)
			seen.Kind = chain.Evidence
			b.ReportAllocs()
			for b.Loop() {
				seen.Evidence.Announcers++
				r.emit(b, seen)
			}
		})
	}
}

// BenchmarkTip: a block without a payment costs by the sales that wait for
// confirmations, not by those that are open.
func BenchmarkTip(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("open=%d,paid=10", n), func(b *testing.B) {
			s, _ := openMany(b, n, 10)
			r := s.rails[0]
			b.ReportAllocs()
			for b.Loop() {
				// The quorum agrees on nothing new: they go on waiting.
				e := tip(102)
				e.Tip.Agreed = 101
				r.emit(b, e)
			}
		})
	}
}
