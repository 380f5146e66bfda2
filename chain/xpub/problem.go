package xpub

import "fmt"

// Problem is why a text was refused. It is a code that a translation can look
// up, and as an error it is one English sentence that holds no part of the
// input. Compare with errors.Is.
type Problem string

// Why a text is refused.
const (
	ErrPrivateKey      Problem = "private-key"
	ErrEmpty           Problem = "empty"
	ErrTooLong         Problem = "too-long"
	ErrSyntax          Problem = "syntax"
	ErrDamaged         Problem = "damaged-key"
	ErrInvalidKey      Problem = "invalid-key"
	ErrChecksum        Problem = "descriptor-checksum"
	ErrAmbiguous       Problem = "ambiguous"
	ErrContradiction   Problem = "contradiction"
	ErrScript          Problem = "unknown-script"
	ErrNetwork         Problem = "unknown-network"
	ErrWrongNetwork    Problem = "wrong-network"
	ErrMultisig        Problem = "multisig"
	ErrUnsupported     Problem = "unsupported"
	ErrFixedKey        Problem = "fixed-key"
	ErrHardened        Problem = "hardened"
	ErrDepth           Problem = "depth"
	ErrNotEVM          Problem = "not-evm"
	ErrIsAddress       Problem = "is-address"
	ErrAddress         Problem = "invalid-address"
	ErrAddressChecksum Problem = "address-checksum"
	ErrZeroAddress     Problem = "zero-address"
	ErrDuplicate       Problem = "duplicate-address"
	ErrNoAddresses     Problem = "no-addresses"
	ErrTooMany         Problem = "too-many-addresses"
	ErrCooldown        Problem = "cooldown"
)

var sentences = map[Problem]string{
	ErrPrivateKey:      "that is a PRIVATE key or a recovery phrase, and it was not kept. Whoever has seen it can take the money, so consider it spent if others could look on. till needs the PUBLIC account key only: look for xpub, zpub or descriptor in the wallet",
	ErrEmpty:           "no key was given. Paste the account's public key (xpub, zpub) or a descriptor",
	ErrTooLong:         "the text is too long to be an account key or a descriptor. Paste the key alone",
	ErrSyntax:          "this cannot be read as an account key or a descriptor. Paste it exactly as the wallet shows it",
	ErrDamaged:         "the key is mistyped or was cut off: its built-in checksum does not fit. Copy it again, whole",
	ErrInvalidKey:      "this is not a valid extended public key (BIP 32). Export it again from the wallet",
	ErrChecksum:        "the descriptor's checksum (behind the #) does not fit, so it is mistyped or was cut off. Copy it again, whole",
	ErrAmbiguous:       "an xpub or tpub alone does not say which kind of address the wallet uses. Say which (wpkh, sh-wpkh, tr or pkh), or paste the wallet's descriptor",
	ErrContradiction:   "the descriptor says one kind of address and the key inside it says another. Export the descriptor again from the wallet",
	ErrScript:          "this is not a kind of address that till knows. Choose wpkh, sh-wpkh, tr or pkh",
	ErrNetwork:         "till does not know this network. Choose bitcoin:mainnet, testnet4, signet, regtest or simnet, or eip155: and a chain's number",
	ErrWrongNetwork:    "this belongs to another network than the one that was chosen. Choose its network, or take the key or address of a wallet on the right one",
	ErrMultisig:        "this is the key of a shared (multi-signature) wallet, which till cannot derive addresses for. Use an account with a single key",
	ErrUnsupported:     "till reads the descriptors pkh, wpkh, sh(wpkh) and tr with one key, not this kind. Export one of these from the wallet",
	ErrFixedKey:        "this describes one single address, but every sale needs a fresh one. Use the account's key, or a descriptor that ends in /<0;1>/* or /0/*",
	ErrHardened:        "this asks for hardened steps below the key, which need the private key. Export the account's own public key, from below the hardened steps",
	ErrDepth:           "the key stands at the wrong place in its wallet. Export the account's public key (depth 3, such as m/44'/60'/0') or that of its external branch (depth 4)",
	ErrNotEVM:          "ypub, zpub, tpub and their kin are for Bitcoin addresses. For an EVM chain take the xpub of m/44'/60'/0'",
	ErrIsAddress:       "this is a single address, but every sale needs a fresh one. Paste the account's public key (xpub, zpub) or a descriptor",
	ErrAddress:         "this is not a valid address. Copy it again, whole",
	ErrAddressChecksum: "the address is mistyped: the pattern of its capital letters does not fit (EIP-55). Copy it again, whole",
	ErrZeroAddress:     "the zero address belongs to nobody: money sent there is lost. Use an address of the shop's own wallet",
	ErrDuplicate:       "an address stands in the list twice. Each address may stand there once",
	ErrNoAddresses:     "the list of addresses is empty. Give at least one address of the shop's own wallet",
	ErrTooMany:         "the list of addresses is too long",
	ErrCooldown:        "the cool-down of a list of addresses must be longer than nothing, because its addresses serve again",
}

func (p Problem) Error() string {
	if s, ok := sentences[p]; ok {
		return s
	}
	return "the key was refused"
}

// inList adds where in a list a problem is, counted from 1.
func inList(position int, problem error) error {
	return fmt.Errorf("address %d of the list: %w", position, problem)
}

// Warning is a doubt about a key that was accepted: the owner should compare
// the first addresses with the wallet's. It is a code; Text is its sentence.
type Warning string

// What may be odd about an accepted key.
const (
	// WarnDepth: the key does not stand where account keys stand (depth 3).
	WarnDepth Warning = "depth"
	// WarnBranch: addresses do not come from branch 0, the receiving one.
	WarnBranch Warning = "branch"
	// WarnPurpose: the path says another kind of address or another coin.
	WarnPurpose Warning = "purpose"
	// WarnOrigin: the [origin] in front of the key contradicts the key itself.
	WarnOrigin Warning = "origin"
)

var doubts = map[Warning]string{
	WarnDepth:   "the key does not stand at the usual place of an account in its wallet. Compare the first addresses with the wallet's own",
	WarnBranch:  "addresses would not come from the wallet's receiving branch (0). Compare the first addresses with the wallet's own",
	WarnPurpose: "the key's path is the usual one for another kind of address. Compare the first addresses with the wallet's own",
	WarnOrigin:  "what stands in brackets before the key does not fit the key. Compare the first addresses with the wallet's own",
}

// Text is the warning as an English sentence.
func (w Warning) Text() string {
	if s, ok := doubts[w]; ok {
		return s
	}
	return "compare the first addresses with the wallet's own"
}
