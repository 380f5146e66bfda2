// Package ethereum watches Ethereum and every other EVM chain for payments: the
// chain's own coin and the ERC-20 tokens of an allow-list.
//
// The truth is read by block hash: the full block, its receipts, and the check
// that the receipts hash to the root in the header. A receipt decides for coins
// as for tokens. Subscriptions only say that it is time to look.
//
// A payment's index within its transaction ([chain.PaymentKey]) is 0 for the
// coin that the transaction itself carries, and n for its n-th ERC-20 Transfer
// log, counted over all contracts. It depends neither on which tokens are
// listed nor on who is watched, and it stays when the transaction is mined again.
//
// Coins that a contract sends (internal transfers) are not seen yet. The seam
// for them is match: a further source of hits for a block, with indices from
// internalIndex on.
//
// What may not enter: keys and signing, policy (how many confirmations are
// enough), a sale, a clock of its own. No go-ethereum type leaves this package.
// Whatever an endpoint says is length-checked before it is believed, and what
// is secret in an endpoint's URL is in no log, error or health.
package ethereum
