package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/cointill/till/chain"
)

// evmChain is what till knows about an EVM chain without being told.
type evmChain struct {
	id     uint64
	name   string // as it stands behind a token's name: "USDC on Base"
	coin   string // the native coin's name
	symbol string
	price  string // under which the price feed knows the coin, "" = it has no market price
	block  time.Duration
	tokens []evmToken
	test   bool // its money is worthless
	// public are endpoints that anybody may ask without a key, each of another
	// operator. They are used only after consent (publicConsent).
	public []string
}

// publicConsent says what is agreed to with public endpoints.
const publicConsent = "Public endpoints belong to others, who then see this machine's internet address, when the till is open, and the addresses of open sales in the chain's own coin. They cannot touch money, but they can be slow, or withhold news: two of three have to agree before a sale is PAID."

// evmToken is a token as its issuer names it on a chain: no bridged copies, which
// look the same and are not. (Tether's on Arbitrum is USDT0 by now; wallets call
// it USDT.) Contracts are in EIP-55 form; the watcher asks the chain for the
// decimals again before it believes them.
type evmToken struct {
	symbol   string
	contract string
	decimals uint8
	par      string
}

// evmChains is the shipped table. Other chains and tokens are written into the
// configuration in full.
var evmChains = []evmChain{
	{
		id: 1, name: "Ethereum", coin: "Ether", symbol: "ETH", price: "ETH", block: 12 * time.Second,
		tokens: []evmToken{
			{"USDC", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6, "USD"},
			{"USDT", "0xdAC17F958D2ee523a2206206994597C13D831ec7", 6, "USD"},
			{"DAI", "0x6B175474E89094C44Da98b954EedeAC495271d0F", 18, "USD"},
			{"0xBTC", "0xB6eD7644C69416d67B522e20bC294A9a9B405B31", 8, ""},
		},
		public: []string{"wss://ethereum-rpc.publicnode.com", "https://eth.drpc.org", "https://1rpc.io/eth"},
	},
	{
		id: 8453, name: "Base", coin: "Ether", symbol: "ETH", price: "ETH", block: 2 * time.Second,
		tokens: []evmToken{
			{"USDC", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 6, "USD"},
		},
		public: []string{"wss://base-rpc.publicnode.com", "https://mainnet.base.org", "https://base.drpc.org"},
	},
	{
		id: 42161, name: "Arbitrum", coin: "Ether", symbol: "ETH", price: "ETH", block: 250 * time.Millisecond,
		tokens: []evmToken{
			{"USDC", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", 6, "USD"},
			{"USDT", "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9", 6, "USD"},
		},
		public: []string{"wss://arbitrum-one-rpc.publicnode.com", "https://arb1.arbitrum.io/rpc", "https://arbitrum.drpc.org"},
	},
	{
		id: 11155111, name: "Sepolia", coin: "Sepolia Ether", symbol: "ETH", price: "ETH", block: 12 * time.Second, test: true,
		tokens: []evmToken{
			{"USDC", "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", 6, "USD"},
		},
		public: []string{"wss://ethereum-sepolia-rpc.publicnode.com", "https://sepolia.drpc.org", "https://1rpc.io/sepolia"},
	},
	{
		id: 84532, name: "Base Sepolia", coin: "Ether", symbol: "ETH", price: "ETH", block: 2 * time.Second, test: true,
		tokens: []evmToken{
			{"USDC", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", 6, "USD"},
		},
		public: []string{"wss://base-sepolia-rpc.publicnode.com", "https://sepolia.base.org", "https://base-sepolia.drpc.org"},
	},
}

// chainByID finds a chain of the table, or makes one up for an id that is not
// in it: a private network, or a chain that came after this version. What its
// coin is called, and so what it is worth, the configuration has to say: to take
// another chain's coin for ether would be to give the goods away.
func chainByID(id uint64) (evmChain, bool) {
	for _, c := range evmChains {
		if c.id == id {
			return c, true
		}
	}
	return evmChain{
		id: id, name: namelessChain(id), coin: "Coin", symbol: "COIN", block: 12 * time.Second,
	}, false
}

func namelessChain(id uint64) string { return fmt.Sprintf("chain %d", id) }

// native describes the chain's own coin. On Ethereum it is plain "Ether", on
// every other chain the chain is part of the name.
func (c evmChain) native() chain.Asset {
	name := c.coin + " on " + c.name
	if c.id == 1 || strings.Contains(c.coin, c.name) {
		name = c.coin
	}
	return chain.Asset{ID: chain.NativeAsset(c.id), Symbol: c.symbol, Name: name, Decimals: 18, Price: c.price, Block: c.block}
}

// token finds a token by its symbol in any case.
func (c evmChain) token(symbol string) (chain.Asset, bool) {
	for _, t := range c.tokens {
		if strings.EqualFold(t.symbol, symbol) {
			return chain.Asset{
				ID: chain.TokenAsset(c.id, t.contract), Symbol: t.symbol, Name: t.symbol + " on " + c.name,
				Decimals: t.decimals, Par: t.par, Block: c.block,
			}, true
		}
	}
	return chain.Asset{}, false
}

// usual is what a shop accepts on the chain unless it says more.
func (c evmChain) usual() []string {
	if _, ok := c.token("USDC"); ok {
		return []string{"native", "USDC"}
	}
	return []string{"native"}
}

// accepts lists what can be named in an accept list of the chain.
func (c evmChain) accepts() []string {
	names := []string{"native"}
	for _, t := range c.tokens {
		names = append(names, t.symbol)
	}
	return names
}
