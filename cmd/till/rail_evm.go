package main

import (
	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
	"github.com/cointill/till/chain/xpub"
)

// evmRail is one EVM chain as a way to be paid: an account key or a list of
// addresses, the chain's own coin and some tokens, and a watcher.
type evmRail struct {
	chainID uint64
	network chain.Network
	key     *xpub.Key
	assets  []chain.Asset // the native coin first, if it is taken
	watcher chain.Watcher
}

func (r *evmRail) ID() string             { return string(r.network) }
func (r *evmRail) Network() chain.Network { return r.network }
func (r *evmRail) Account() chain.Account { return r.key.Account() }
func (r *evmRail) Assets() []chain.Asset  { return r.assets }
func (r *evmRail) Watcher() chain.Watcher { return r.watcher }

func (r *evmRail) Destination(index uint32) (chain.Destination, error) {
	return r.key.Destination(index)
}

// Read implements chain.Rail.
func (r *evmRail) Read(text string) (chain.Destination, error) { return readAddress(text, r.network) }

// Forms prefers EIP-681 for the chain's own coin and the plain address for
// tokens: a wallet that ignores the /transfer part of a token's URI would send
// the money to the token's contract, where it is lost.
func (r *evmRail) Forms(to chain.Destination, asset chain.AssetID, amount chain.Amount) ([]chain.Form, error) {
	address := chain.Form{Kind: chain.FormAddress, Text: string(to)}
	if contract := asset.Contract(); contract != "" {
		return []chain.Form{address, {Kind: chain.FormURI, Text: payuri.Token(r.chainID, chain.Destination(contract), to, amount)}}, nil
	}
	return []chain.Form{{Kind: chain.FormURI, Text: payuri.Ethereum(r.chainID, to, amount)}, address}, nil
}
