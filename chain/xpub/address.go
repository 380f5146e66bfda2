package xpub

import (
	"errors"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcutil/base58"
	"github.com/btcsuite/btcd/btcutil/bech32"

	"github.com/cointill/till/chain"
)

// The Bitcoin networks.
const (
	Mainnet  chain.Network = "bitcoin:mainnet"
	Testnet4 chain.Network = "bitcoin:testnet4"
	Signet   chain.Network = "bitcoin:signet"
	Regtest  chain.Network = "bitcoin:regtest"
	Simnet   chain.Network = "bitcoin:simnet"
)

// params is how a network writes its addresses and keys.
type params struct {
	hrp        string // bech32 human-readable part
	pubKeyHash byte   // base58 version of P2PKH
	scriptHash byte   // base58 version of P2SH
	families   []family
}

var networks = map[chain.Network]params{
	Mainnet:  {hrp: "bc", pubKeyHash: 0x00, scriptHash: 0x05, families: []family{mainFamily}},
	Testnet4: {hrp: "tb", pubKeyHash: 0x6f, scriptHash: 0xc4, families: []family{testFamily}},
	Signet:   {hrp: "tb", pubKeyHash: 0x6f, scriptHash: 0xc4, families: []family{testFamily}},
	Regtest:  {hrp: "bcrt", pubKeyHash: 0x6f, scriptHash: 0xc4, families: []family{testFamily}},
	// Wallets have no keys of their own for simnet, so it takes both.
	Simnet: {hrp: "sb", pubKeyHash: 0x3f, scriptHash: 0x7b, families: []family{simFamily, testFamily}},
}

func (p params) takes(f family) bool {
	for _, own := range p.families {
		if own == f {
			return true
		}
	}
	return false
}

// base58 writes a P2PKH or P2SH address.
func (p params) base58(version byte, hash []byte) chain.Destination {
	return chain.Destination(base58.CheckEncode(hash, version))
}

// segwit writes a witness program as an address (BIP 173, BIP 350).
func (p params) segwit(version byte, program []byte) (chain.Destination, error) {
	groups, err := bech32.ConvertBits(program, 8, 5, true)
	if err != nil {
		return "", ErrAddress
	}
	encode := bech32.EncodeM
	if version == 0 {
		encode = bech32.Encode
	}
	text, err := encode(p.hrp, append([]byte{version}, groups...))
	if err != nil {
		return "", ErrAddress
	}
	return chain.Destination(text), nil
}

// decode verifies an address of the network and returns it in canonical form.
func (p params) decode(text string) (chain.Destination, error) {
	if len(text) > 90 {
		return "", ErrAddress
	}
	hrp, groups, variant, err := bech32.DecodeGeneric(text)
	if err == nil {
		return p.decodeSegwit(strings.ToLower(text), hrp, groups, variant)
	}
	if len(text) > 40 { // a base58 address has at most 35 characters
		return "", ErrAddress
	}
	hash, version, err := base58.CheckDecode(text)
	if err != nil || len(hash) != 20 {
		return "", ErrAddress
	}
	if version == p.pubKeyHash || version == p.scriptHash {
		return chain.Destination(text), nil
	}
	for _, other := range networks {
		if version == other.pubKeyHash || version == other.scriptHash {
			return "", ErrWrongNetwork
		}
	}
	return "", ErrAddress
}

// decodeSegwit judges a text whose bech32 checksum is right.
func (p params) decodeSegwit(text, hrp string, groups []byte, variant bech32.Version) (chain.Destination, error) {
	if hrp != p.hrp {
		for _, other := range networks {
			if hrp == other.hrp {
				return "", ErrWrongNetwork
			}
		}
		return "", ErrAddress
	}
	if len(groups) == 0 || groups[0] > 16 {
		return "", ErrAddress
	}
	if (groups[0] == 0) != (variant == bech32.Version0) {
		return "", ErrAddress // BIP 350: bech32 for version 0, bech32m above
	}
	program, err := bech32.ConvertBits(groups[1:], 5, 8, false)
	if err != nil || len(program) < 2 || len(program) > 40 {
		return "", ErrAddress
	}
	if groups[0] == 0 && len(program) != 20 && len(program) != 32 {
		return "", ErrAddress
	}
	return chain.Destination(text), nil
}

// ParseAddress verifies an address of a network and returns it in canonical
// form: bech32 in lower case, EVM addresses in EIP-55 case. The network is one
// of the Bitcoin networks or "eip155:" and a chain id. Errors are a [Problem].
func ParseAddress(text string, net chain.Network) (chain.Destination, error) {
	if looksPrivate(text) {
		return "", ErrPrivateKey
	}
	text = strings.TrimSpace(text)
	if p, ok := networks[net]; ok {
		to, err := p.decode(text)
		if errors.Is(err, ErrAddress) {
			if _, evm := parseEVMAddress(text); evm == nil {
				return "", ErrWrongNetwork
			}
		}
		return to, err
	}
	id, evm := strings.CutPrefix(string(net), "eip155:")
	if !evm || !isDigits(id) || id[0] == '0' {
		return "", ErrNetwork
	}
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return "", ErrNetwork
	}
	to, err := parseEVMAddress(text)
	if errors.Is(err, ErrAddress) {
		for _, p := range networks {
			if _, bitcoin := p.decode(text); bitcoin == nil {
				return "", ErrWrongNetwork
			}
		}
	}
	if err != nil {
		return "", err
	}
	return to, nil
}
