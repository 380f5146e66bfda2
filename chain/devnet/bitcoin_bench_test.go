package devnet

import "testing"

// BenchmarkBitcoinStart is the time from nothing to a network that listens,
// with a customer who can pay.
func BenchmarkBitcoinStart(b *testing.B) {
	for b.Loop() {
		net, err := StartBitcoin(b.Context(), BitcoinOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := net.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBitcoinPay is one payment: coins chosen, signed, checked, accepted.
// A block is mined, outside of the measure, before the coins run out.
func BenchmarkBitcoinPay(b *testing.B) {
	net := btcStart(b, BitcoinOptions{})
	shop := btcShopAddress(b, 1).EncodeAddress()
	n := 0
	for b.Loop() {
		if n++; n%50 == 0 {
			b.StopTimer()
			btcMust[[]string](b)(net.Mine(1))
			b.StartTimer()
		}
		if _, err := net.Customer().PayAddress(shop, 10_000, BitcoinPayOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBitcoinMine is one block without payments.
func BenchmarkBitcoinMine(b *testing.B) {
	net := btcStart(b, BitcoinOptions{})
	for b.Loop() {
		if _, err := net.Mine(1); err != nil {
			b.Fatal(err)
		}
	}
}
