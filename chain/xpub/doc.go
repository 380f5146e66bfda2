// Package xpub turns what a shop owner pastes into addresses: account keys
// (xpub, ypub, zpub and their test-network kin), output descriptors, and fixed
// lists of EVM addresses.
//
// It derives from public keys only. Sources: BIP 32, 44, 49, 84, 86, 173, 350,
// 380, 381, 382, 386, 389, SLIP-132 and EIP-55. It is stricter than the library
// underneath (hdkeychain), which takes keys that BIP 32 calls invalid.
//
// Rules of the room:
//   - A private key or a recovery phrase is refused before anything else is
//     looked at ([ErrPrivateKey]), is never kept, and no part of any input ever
//     stands in an error: every sentence is one of the constants in problem.go,
//     at most with a number behind it.
//   - No formatting verb, log attribute or JSON of a [Key] shows the key. The
//     one way to see it is [Key.Export], for the owner's configuration.
//   - A key whose meaning is not clear is not guessed: [ErrAmbiguous].
//
// What may not enter: signing, private derivation, networks, files, and any
// type of btcd in a signature.
package xpub
