// Package kiosk shows the register's screens over SSH: to tills, kiosks, displays
// and boards elsewhere in the shop, and to a till on the same machine.
//
//	kiosk.go    the server: what it is made of, starting and stopping it
//	conn.go     a connection: how many there may be, and when one is dead
//	channel.go  what a client may ask of its one channel
//	session.go  a screen for somebody: one tui.Model, one program
//	keys.go     authorised keys, and what each of them opens
//	hostkey.go  the key by which clients know the server
//	floor.go    which sale each terminal shows
//	attach.go   the client's half, for a till on the same machine
//
// All screens share one register in this process, and each learns of changes from
// a mailbox of its own, so that a client which reads nothing slows nobody. There is
// no shell, no command, no forwarding, no file and no agent, and of a client's
// environment only how many colours it has.
//
// What may not enter: what a screen shows (tui), configuration, the data folder
// and its files (cmd), chains and stores. No type of an SSH library leaves it.
package kiosk
