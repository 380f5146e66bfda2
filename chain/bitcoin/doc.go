// Package bitcoin watches Bitcoin addresses by itself: an embedded light client
// (neutrino: block headers with their proof of work, BIP 157/158 filters) for
// what is in blocks, and a relay listener of its own on separate connections
// for what is not yet. It needs no account, no server and no key.
//
// The light client is only asked for headers, filters and blocks. Which blocks
// to read, matching, reorganisations and restarts are decided here: one loop
// (follow.go) compares the cursor's ring with the best chain and walks from one
// to the other, so a lost notification can delay it but never mislead it.
// Who vouches for an unconfirmed payment is reported, never decided
// ([chain.Proof]).
//
// A start is not usable before the relay stands, and asks the shop's own nodes
// for what waits in their mempools (backfill.go). Headers may be imported
// (headers.go), everything may go through a SOCKS5 proxy (proxy.go), and relay
// peers may be connected only while somebody may pay (attention.go).
//
// The same loop can read from a server instead ([NewCore], [NewEsplora],
// [NewElectrum]): a backend decodes its protocol, served.go checks what it says
// (work, links, merkle roots and branches), and nothing else differs. A server's
// notifications only wake; what counts is asked for by hash. [NewMulti] joins
// several ways.
//
// What may not enter: private keys, signing, any btcd type in an exported name,
// and any policy about how much evidence is enough.
package bitcoin
