// Package store keeps what must survive: sales, payments, cursors, the counters
// of addresses and receipts, the outbox with its deliveries, and the journal.
// There are two stores, SQLite (the
// default, one file in the data folder) and Memory (demo, training, tests).
// The suite in pos/store/storetest holds both to the rules at [pos.Store].
//
// Every sale and payment is one JSON document under a check sum, with the
// columns that are searched beside it. The columns are derived from the
// document by codec.go and by nothing else, so Check can derive them again and
// compare. Entries of the journal are under the hashes that chain them, and
// every other row under a check sum of its columns (sums.go), so that Check
// names the row of any byte that was damaged.
//
// What may not enter: what a status or a verdict means beyond [pos.Status]'s own
// Closed, rates, rails, and wall-clock time. Times come with the values.
package store
