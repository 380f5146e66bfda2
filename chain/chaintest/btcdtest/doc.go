// Package btcdtest runs a real btcd for tests: start, stop and restart, mine,
// pay, replace, double-spend and reorganise. Its wallet has throw-away keys for
// a private network.
//
// What may not enter: anything a program may import. It signs and it runs a
// node, so only _test files use it.
package btcdtest
