// Package chaintest is the one suite that every watcher passes, on every
// backend: [Run] plays the days of a shop (payments, blocks, reorganisations,
// crashes, lost nodes) on a network that a [Harness] controls, and a [Ledger]
// applies the events as the register does and holds each batch against the
// delivery rules written at [chain.Watcher].
//
// What may not enter: anything that knows one chain. Cases that only one chain
// has live in that chain's own tests; what not every harness can do is an
// optional interface beside Harness.
package chaintest
