package main

import (
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/chain/xpub"
)

// bitcoinAsset is bitcoin on any of its networks.
var bitcoinAsset = chain.Asset{
	ID: chain.Bitcoin, Symbol: "BTC", Name: "Bitcoin", Decimals: 8, Key: "b", Price: "BTC",
	// Nodes relay no output below 546 satoshi, whatever its script (Bitcoin
	// Core's dust limit for the most expensive standard output).
	Dust: chain.Units(546), Block: 10 * time.Minute,
}

// bitcoinFeeFloor is the fee rate below which a payment is not handed over for
// before a block: 1 satoshi per virtual byte, which nodes relay and few miners
// are quick to take.
const bitcoinFeeFloor = 1000

// bitcoinRail is Bitcoin as a way to be paid: an account key and a watcher.
type bitcoinRail struct {
	network chain.Network
	key     *xpub.Key
	watcher chain.Watcher
}

func (r *bitcoinRail) ID() string             { return string(r.network) }
func (r *bitcoinRail) Network() chain.Network { return r.network }
func (r *bitcoinRail) Account() chain.Account { return r.key.Account() }
func (r *bitcoinRail) Assets() []chain.Asset  { return []chain.Asset{bitcoinAsset} }
func (r *bitcoinRail) Watcher() chain.Watcher { return r.watcher }

func (r *bitcoinRail) Destination(index uint32) (chain.Destination, error) {
	return r.key.Destination(index)
}

// Read implements chain.Rail.
func (r *bitcoinRail) Read(text string) (chain.Destination, error) {
	return readAddress(text, r.network)
}

// Forms prefers BIP 21: wallets then fill in the amount.
func (r *bitcoinRail) Forms(to chain.Destination, _ chain.AssetID, amount chain.Amount) ([]chain.Form, error) {
	return []chain.Form{
		{Kind: chain.FormURI, Text: payuri.Bitcoin(to, amount)},
		{Kind: chain.FormAddress, Text: string(to)},
	}, nil
}
