// Package chain is the vocabulary in which till speaks about every way to be
// paid: networks, assets, amounts, rails, and what a watcher reports.
//
// It is the contract between the register (package pos) and the backends
// (chain/bitcoin, chain/ethereum, …): a new way to be paid is a new Rail, and
// nothing else changes. One suite, chain/chaintest, holds every backend to the
// delivery rules written at [Watcher].
//
// What may not enter: anything but the standard library, any type of a node's
// or a wallet's library, any private key, and any policy. How many
// confirmations are enough, what a sale is worth, when a price runs out and how
// much may be missing is the business of pos, never of a chain.
package chain
