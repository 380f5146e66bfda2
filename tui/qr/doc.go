// Package qr chooses which QR code fits a place on the screen, and draws it so
// that a phone reads it.
//
//	Fit    the ladder: payload, error correction, quiet zone, block size
//	Mode   how dark and light are told apart on this terminal
//	Code   the drawn lines, with what they hold
//
// github.com/mdp/qrterminal/v3 lays the modules out; this package encodes first
// (qrterminal panics on a text that is too long), decides the size, and turns
// the layout into cells.
//
// What may not enter: anything that reads or writes a terminal, a screen, and a
// payment: a form's text goes in as it is and comes out as a picture.
package qr
