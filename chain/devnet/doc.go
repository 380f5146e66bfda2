// Package devnet runs a Bitcoin and an Ethereum network inside this process.
// Both speak their real protocols on 127.0.0.1, with real blocks, real
// signatures and real rules, so that a watcher can't tell them from networks of
// other people's nodes. The demo, the training mode and the tests live on them.
//
// The customer in front of the counter lives here too: a wallet with throw-away
// keys, made from injected randomness and worth nothing outside its own chain.
// It is the only place besides tests where till signs anything.
//
// What may not enter: btcd's peer package, whose check against connecting to
// oneself is global to a process and would refuse the very watcher under test;
// a key, an address or a port of a real network; any shortcut by which a
// watcher could learn something that a stranger's node would not tell it. No
// type of a node's or a wallet's library appears in the exported API.
package devnet
