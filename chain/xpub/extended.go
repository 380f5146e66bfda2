package xpub

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/base58"
	"github.com/btcsuite/btcd/btcutil/hdkeychain"
)

const (
	// extendedLen is a serialised extended key (BIP 32) with its checksum.
	extendedLen = 78 + 4
	// hardened is the first hardened index: public keys derive below it.
	hardened = hdkeychain.HardenedKeyStart
)

// family says on which networks a version of extended keys is used.
type family uint8

const (
	mainFamily family = iota
	testFamily        // wallets use it on every test network alike
	simFamily         // btcd's simnet
)

// version is what the first four bytes of an extended key say.
type version struct {
	family  family
	script  Script // ScriptUnknown where the version leaves it open
	private bool
	multi   bool // of a multi-signature wallet
}

// versions is the table of BIP 32, SLIP-132 and btcd's simnet.
var versions = map[[4]byte]version{
	{0x04, 0x88, 0xb2, 0x1e}: {family: mainFamily},                     // xpub
	{0x04, 0x9d, 0x7c, 0xb2}: {family: mainFamily, script: P2SHP2WPKH}, // ypub
	{0x04, 0xb2, 0x47, 0x46}: {family: mainFamily, script: P2WPKH},     // zpub
	{0x02, 0x95, 0xb4, 0x3f}: {family: mainFamily, multi: true},        // Ypub
	{0x02, 0xaa, 0x7e, 0xd3}: {family: mainFamily, multi: true},        // Zpub
	{0x04, 0x35, 0x87, 0xcf}: {family: testFamily},                     // tpub
	{0x04, 0x4a, 0x52, 0x62}: {family: testFamily, script: P2SHP2WPKH}, // upub
	{0x04, 0x5f, 0x1c, 0xf6}: {family: testFamily, script: P2WPKH},     // vpub
	{0x02, 0x42, 0x89, 0xef}: {family: testFamily, multi: true},        // Upub
	{0x02, 0x57, 0x54, 0x83}: {family: testFamily, multi: true},        // Vpub
	{0x04, 0x20, 0xbd, 0x3a}: {family: simFamily},                      // spub
	{0x04, 0x88, 0xad, 0xe4}: {family: mainFamily, private: true},      // xprv
	{0x04, 0x9d, 0x78, 0x78}: {family: mainFamily, private: true},      // yprv
	{0x04, 0xb2, 0x43, 0x0c}: {family: mainFamily, private: true},      // zprv
	{0x02, 0x95, 0xb0, 0x05}: {family: mainFamily, private: true},      // Yprv
	{0x02, 0xaa, 0x7a, 0x99}: {family: mainFamily, private: true},      // Zprv
	{0x04, 0x35, 0x83, 0x94}: {family: testFamily, private: true},      // tprv
	{0x04, 0x4a, 0x4e, 0x28}: {family: testFamily, private: true},      // uprv
	{0x04, 0x5f, 0x18, 0xbc}: {family: testFamily, private: true},      // vprv
	{0x02, 0x42, 0x85, 0xb5}: {family: testFamily, private: true},      // Uprv
	{0x02, 0x57, 0x50, 0x48}: {family: testFamily, private: true},      // Vprv
	{0x04, 0x20, 0xb9, 0x00}: {family: simFamily, private: true},       // sprv
}

// plainVersion is a family's version of a key that says nothing else: xpub,
// tpub or spub.
var plainVersion = [...][4]byte{
	mainFamily: {0x04, 0x88, 0xb2, 0x1e},
	testFamily: {0x04, 0x35, 0x87, 0xcf},
	simFamily:  {0x04, 0x20, 0xbd, 0x3a},
}

// extended is an extended public key that passed every rule.
type extended struct {
	version
	depth  uint8
	parent [4]byte // fingerprint of the parent, zero at depth 0
	child  uint32  // the key's own index, with the hardened bit
	key    *hdkeychain.ExtendedKey
}

// parseExtended reads one extended public key by the rules of BIP 32, of which
// hdkeychain checks only some: known version, public version with a public key,
// prefix 02 or 03, a point of the curve, depth 0 without parent and index.
func parseExtended(text string) (extended, error) {
	if len(text) < 4 || !strings.EqualFold(text[1:4], "pub") && len(text) < 100 {
		return extended{}, ErrSyntax
	}
	if len(text) < 100 || len(text) > 120 || !isBase58(text) {
		return extended{}, ErrDamaged
	}
	raw := base58.Decode(text)
	if len(raw) != extendedLen {
		return extended{}, ErrDamaged
	}
	version, known := versions[[4]byte(raw)]
	if known && version.private || raw[45] == 0 {
		clear(raw)
		return extended{}, ErrPrivateKey
	}
	first := sha256.Sum256(raw[:78])
	sum := sha256.Sum256(first[:])
	if !bytes.Equal(sum[:4], raw[78:]) {
		return extended{}, ErrDamaged
	}
	if !known {
		return extended{}, ErrInvalidKey
	}
	x := extended{
		version: version,
		depth:   raw[4],
		parent:  [4]byte(raw[5:9]),
		child:   binary.BigEndian.Uint32(raw[9:13]),
	}
	if raw[45] != 2 && raw[45] != 3 {
		return extended{}, ErrInvalidKey
	}
	if x.depth == 0 && (x.parent != [4]byte{} || x.child != 0) {
		return extended{}, ErrInvalidKey
	}
	plain := plainVersion[x.family]
	x.key = hdkeychain.NewExtendedKey(plain[:], slices.Clone(raw[45:78]), slices.Clone(raw[13:45]),
		slices.Clone(raw[5:9]), x.depth, x.child, false)
	if _, err := x.key.ECPubKey(); err != nil {
		return extended{}, ErrInvalidKey
	}
	return x, nil
}

// derive walks unhardened steps down from x.
func (x extended) derive(steps []uint32) (*hdkeychain.ExtendedKey, error) {
	key := x.key
	for _, step := range steps {
		if step >= hardened {
			return nil, ErrHardened
		}
		child, err := key.Derive(step)
		if err != nil { // depth 255, or the 2^-127 case
			return nil, ErrInvalidKey
		}
		key = child
	}
	return key, nil
}

// serialized returns the compressed public key of k.
func serialized(k *hdkeychain.ExtendedKey) ([]byte, error) {
	pub, err := k.ECPubKey()
	if err != nil {
		return nil, ErrInvalidKey
	}
	return pub.SerializeCompressed(), nil
}

// fingerprint is BIP 32's: the first four bytes of HASH160 of the public key.
func fingerprint(pub []byte) [4]byte { return [4]byte(btcutil.Hash160(pub)) }
