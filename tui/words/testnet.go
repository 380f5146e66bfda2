package words

import "strings"

// Testnet tells whether a rail's network is one whose money is worthless.
// A chain that is not known is believed to be worth something.
func Testnet(rail string) bool {
	if network, ok := strings.CutPrefix(rail, "bitcoin:"); ok {
		return network != "mainnet"
	}
	switch rail {
	case "eip155:11155111", "eip155:17000", "eip155:560048", // Sepolia, Holesky, Hoodi
		"eip155:84532", "eip155:421614", "eip155:11155420", "eip155:80002", // of Base, Arbitrum, OP, Polygon
		"eip155:1337", "eip155:31337": // private networks of developers
		return true
	}
	return false
}
