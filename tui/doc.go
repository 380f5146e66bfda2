// Package tui is the register on screen: one tea.Model for a person at a till.
//
//	model.go, update.go   the state, and what changes it
//	screen_*.go           one file per screen: draws, and takes its keys
//	layout.go             every rectangle of every screen, in one place
//	keymap.go             every key: the footer, the help and the README's list come from it
//	calc.go               what is typed before a sale exists
//	form.go               what is asked before an act that is journaled
//	canvas.go, big.go     cells and large letters
//
// The model knows its shop through the interfaces [Register] and [Stage] and
// learns of changes from one mailbox, by a command that waits; it never polls.
// Update does no I/O: whatever may wait is a tea.Cmd. Sentences come from
// tui/words, styles from tui/theme, codes from tui/qr.
//
// What may not enter: chain/… and pos/… rooms beside pos and pos/money, a
// sentence in any language, a colour, and wall-clock time other than through
// pos.Clock.
package tui
