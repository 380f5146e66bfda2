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
// Coins that a contract sends (internal transfers: smart wallets, exchanges that
// pay many at once) stand in no transaction's value. Where the chain logs them
// (EIP-7708, noticed by itself) match counts the logs, with indices from
// internalIndex on. Elsewhere a purse is kept of what each address holds: at
// every block for those at which somebody waits ([chain.Target].Until), in turn
// for the others. What a purse holds more than was matched is a payment. Its
// transaction is the one that names the address in its call data; where none
// does or several do, the key names the block ([chain.NoTx]). Each is counted
// once, whichever way it is seen. What the address itself sends meanwhile is
// counted against that. Limits: such coins are never seen unconfirmed; what a
// contract that is an address of the shop's sends, as a wallet that is one does, is
// taken for coins that did not come; and a node without balances of recent blocks
// leaves only the logs ([chain.HealthNoBalances]).
//
// A token's log says how much its contract claims to have moved. The payee's
// balance before and after the block says how much came; less of the two counts.
//
// One endpoint is believed in what it shows of a block, as far as that hangs
// together. Where several vouch ([Config].Quorum), each compares every block that
// was read and asks for every payment again; blocks that only one of them has are
// read again from another.
//
// A lean watcher ([Config].Lean) reads heads alone while nobody waits, and
// audits what it skipped when somebody does, or ten minutes later.
//
// What may not enter: keys and signing, policy (how many confirmations are
// enough), a sale, a clock of its own. No go-ethereum type leaves this package.
// Whatever an endpoint says is length-checked before it is believed, and what
// is secret in an endpoint's URL is in no log, error or health.
package ethereum
