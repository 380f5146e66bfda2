// Package receipt writes a sale as plain text of a fixed width: what goes on
// paper, into a file or to a pipe.
//
//	receipt.go  what a receipt says, from top to bottom
//	page.go     its lines: centred, left and right, wrapped
//
// It is a room of the screens and not of the register because every word on
// paper is one of tui/words, in the shop's language; how bytes reach a printer
// is the command's business, and a printer's own language would be a later
// room's, which takes this text.
//
// Whatever people typed (names, notes, references) is cleaned before it is
// laid out, so that it can neither move a printer's head nor break a column;
// wide letters count as the two columns that they take.
//
// What may not enter: I/O, time other than a sale's own, a sentence in any
// language, and the rooms below chain and pos.
package receipt
