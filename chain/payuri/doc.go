// Package payuri writes and reads payment requests: BIP 21 (with what BIP 321
// made of it) for Bitcoin and EIP-681 for EVM chains.
//
// It writes what the most wallets read: lower case, plain decimal numbers, the
// chain always named, no label. It reads whatever the grammars allow and
// nothing else, because a wrong reading pays the wrong person: where a request
// asks for something that is not understood but required, it is refused.
//
// Addresses pass as text in their chain's canonical form. Whether one exists on
// a network, and the case of an EVM address (EIP-55), is checked by chain/xpub.
//
// What may not enter: anything but the standard library and package chain, and
// any decision about amounts, networks or tokens.
package payuri
