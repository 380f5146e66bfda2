package xpub

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil/hdkeychain"
	"golang.org/x/crypto/sha3"

	"github.com/cointill/till/chain"
)

const (
	evmPurpose = 44
	evmCoin    = 60
	// maxList bounds a list of addresses.
	maxList = 10_000
)

// ParseEVM reads the public key of an EVM account (depth 3, m/44'/60'/0') or of
// its external branch (depth 4, m/44'/60'/0'/0), bare or as [origin]key/0/*.
// Every EVM chain has the same addresses. Errors are a [Problem], never with any
// part of text; [ErrPrivateKey] comes before every other judgement.
func ParseEVM(text string) (*Key, error) {
	text, err := prepare(text)
	if err != nil {
		return nil, err
	}
	if _, err := parseEVMAddress(text); err == nil {
		return nil, ErrIsAddress
	}
	e, err := parseExpression(text)
	if err != nil {
		return nil, err
	}
	x := e.key
	switch {
	case x.multi:
		return nil, ErrMultisig
	case e.script != ScriptUnknown, x.family != mainFamily, x.script != ScriptUnknown:
		return nil, ErrNotEVM
	case x.depth != 3 && x.depth != 4:
		return nil, ErrDepth
	}
	if err := e.placeBranch(); err != nil {
		return nil, err
	}
	branch, err := x.derive(e.steps)
	if err != nil {
		return nil, err
	}
	account, err := e.account(KindEVM, branch, evmPurpose, evmCoin)
	if err != nil {
		return nil, err
	}
	doubts := e.doubts(evmPurpose)
	if e.origin != nil && len(e.origin.path) > 1 && e.origin.path[1] != evmCoin|hardened {
		doubts = sorted(append(doubts, WarnPurpose))
	}
	return &Key{
		Warnings: doubts,
		kind:     KindEVM,
		account:  account,
		at:       evmAt(branch),
		export:   e.text,
	}, nil
}

// evmAt derives addresses from a branch's public key.
func evmAt(branch *hdkeychain.ExtendedKey) func(uint32) (chain.Destination, error) {
	return func(index uint32) (chain.Destination, error) {
		child, err := branch.Derive(index)
		if err != nil { // hardened, or the 2^-127 case
			return "", noIndex(index)
		}
		pub, err := child.ECPubKey()
		if err != nil {
			return "", noIndex(index)
		}
		hash := keccak(pub.SerializeUncompressed()[1:])
		return checksummed([20]byte(hash[12:])), nil
	}
}

// ParseAddresses makes a key of a fixed list of the shop's own EVM addresses,
// for wallets that give no xpub. An index serves again once its last sale has
// been closed for cooldown, which must be positive. Addresses in mixed case
// must fit EIP-55; each may stand in the list once.
//
// The account's counter goes by the first address, so that addresses may be
// appended later. A list in another order, or with one taken out, is to begin
// with another address.
func ParseAddresses(list []string, cooldown time.Duration) (*Key, error) {
	switch {
	case len(list) == 0:
		return nil, ErrNoAddresses
	case len(list) > maxList:
		return nil, ErrTooMany
	case cooldown <= 0:
		return nil, ErrCooldown
	}
	for _, text := range list { // loudest first: before any other fault is named
		if looksPrivate(text) {
			return nil, ErrPrivateKey
		}
	}
	if isPhrase(strings.Join(list, " ")) {
		return nil, ErrPrivateKey
	}
	all := make([]chain.Destination, 0, len(list))
	seen := make(map[chain.Destination]bool, len(list))
	for i, text := range list {
		to, err := parseEVMAddress(strings.TrimSpace(text))
		if err != nil {
			return nil, inList(i+1, err)
		}
		if seen[to] {
			return nil, inList(i+1, ErrDuplicate)
		}
		seen[to] = true
		all = append(all, to)
	}
	id := accountID(KindList, []byte(all[0]))
	return &Key{
		kind: KindList,
		account: chain.Account{
			ID:          id,
			Fingerprint: id[len(id)-8:],
			Size:        uint32(len(all)),
			Cooldown:    cooldown,
		},
		at: func(index uint32) (chain.Destination, error) {
			if uint64(index) >= uint64(len(all)) {
				return "", noIndex(index)
			}
			return all[index], nil
		},
		export: func() string { return "" },
	}, nil
}

// parseEVMAddress reads 0x and 40 hex digits. Mixed case must fit EIP-55.
func parseEVMAddress(text string) (chain.Destination, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || len(digits) != 40 || !isHex(digits) {
		return "", ErrAddress
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return "", ErrAddress
	}
	address := [20]byte(raw)
	if address == ([20]byte{}) {
		return "", ErrZeroAddress
	}
	to := checksummed(address)
	mixed := digits != strings.ToLower(digits) && digits != strings.ToUpper(digits)
	if mixed && string(to) != text {
		return "", ErrAddressChecksum
	}
	return to, nil
}

// checksummed writes an address in EIP-55 case.
func checksummed(address [20]byte) chain.Destination {
	var out [42]byte
	copy(out[:], "0x")
	digits := out[2:]
	hex.Encode(digits, address[:])
	hash := keccak(digits)
	for i, c := range digits {
		nibble := hash[i/2] >> (4 * (1 - i%2)) & 15
		if c >= 'a' && nibble >= 8 {
			digits[i] = c - 'a' + 'A'
		}
	}
	return chain.Destination(out[:])
}

func keccak(data []byte) (sum [32]byte) {
	h := sha3.NewLegacyKeccak256()
	h.Write(data)
	h.Sum(sum[:0])
	return sum
}
