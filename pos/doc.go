// Package pos is the register: what a sale is, when it is paid, and the one
// writer that applies what happened.
//
//	Sale, Quote, Payment   what was rung up, asked and received
//	Assess                 the pure function from those to an Outcome
//	Register               applies events and acts, stores, then tells everybody
//	Store, Rates, Clock    what the register needs from outside (ports.go)
//
// What may not enter: I/O of any kind, a chain's or a node's library, a screen,
// a language, and wall-clock time other than through Clock. Amounts decide in an
// asset's smallest unit; fiat is a record and never the judge.
package pos
