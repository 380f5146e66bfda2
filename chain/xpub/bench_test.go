package xpub

import "testing"

// BenchmarkDerive is one fresh address, as every sale needs one.
func BenchmarkDerive(b *testing.B) {
	for _, c := range []struct {
		name string
		key  *Key
	}{
		{"p2wpkh", bitcoinKey(b, zpub, Mainnet, ScriptUnknown)},
		{"p2tr", bitcoinKey(b, xpub86, Mainnet, P2TR)},
		{"evm", evmKey(b, xpubEVM)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			index := uint32(0)
			for b.Loop() {
				if _, err := c.key.Destination(index); err != nil {
					b.Fatal(err)
				}
				index++
			}
		})
	}
}
