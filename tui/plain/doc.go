// Package plain is the register in lines: for people who have the screen read to
// them, for pipes, and for terminals that can do nothing but print.
//
//	plain.go     the loop: a line that was typed, or a change, is answered in lines
//	amount.go    what is typed before a sale exists
//	sale.go      ringing up a sale and telling what becomes of it
//	verbs.go     the words that can be typed, and what they do
//	questions.go what is asked before an act: an amount, an address, a PIN
//	lists.go     sales, one sale's story, where money is, health
//
// Nothing moves, nothing is coloured and nothing is drawn over: a line that was
// written stays true of its moment. Every sentence is one of tui/words, so this
// room speaks the languages that the screens speak; words of the key map can be
// typed as they stand there, and English ones always.
//
// What may not enter: chain/… and pos/… rooms beside pos and pos/money, screens
// and styles, an escape sequence, and wall-clock time other than through
// pos.Clock.
package plain
