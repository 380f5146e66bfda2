// Package tuitest drives a program the way a person at a terminal does, so that
// tests read like a cashier's day:
//
//	till := tuitest.New(t, model, 80, 24)
//	till.Type("450").Press("enter").See("AWAITING")
//	if till.QR() != want { … }
//
// New runs a tea.Program on a terminal emulator inside the test; Tmux runs a
// whole program in a private tmux server. Both have the same verbs. Every verb
// that expects something waits for it, up to Patience; nothing sleeps a fixed
// time and hopes.
//
// What may not enter: knowledge of any screen, of a sale, and of the wall clock
// beyond waiting.
package tuitest
