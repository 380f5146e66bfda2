package xpub

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/hdkeychain"
	"github.com/btcsuite/btcd/txscript"

	"github.com/cointill/till/chain"
)

// maxText bounds a key or descriptor: a descriptor with a long origin has about
// 200 characters.
const maxText = 1024

// ParseBitcoin reads an account's public key for a Bitcoin network: xpub, ypub,
// zpub (mainnet), tpub, upub, vpub (test networks; simnet also takes spub), the
// descriptors pkh, wpkh, sh(wpkh) and tr with one key, or [origin]key.
//
// A key at depth 3 is the account, whose branch 0 receives; one at depth 4 is
// that branch itself. Other depths are taken as accounts with [WarnDepth]. Where
// neither the key's version, nor a descriptor, nor hint, nor the origin's path
// says which addresses to make, it fails with [ErrAmbiguous].
//
// Errors are a [Problem], never with any part of text. [ErrPrivateKey] comes
// before every other judgement.
func ParseBitcoin(text string, net chain.Network, hint Script) (*Key, error) {
	text, err := prepare(text)
	if err != nil {
		return nil, err
	}
	params, ok := networks[net]
	if !ok {
		return nil, ErrNetwork
	}
	if _, err := params.decode(text); err == nil || errors.Is(err, ErrWrongNetwork) {
		return nil, ErrIsAddress
	}
	if _, err := parseEVMAddress(text); err == nil {
		return nil, ErrIsAddress
	}
	e, err := parseExpression(text)
	if err != nil {
		return nil, err
	}
	x := e.key
	if x.multi {
		return nil, ErrMultisig
	}
	if !params.takes(x.family) {
		return nil, ErrWrongNetwork
	}
	script, err := e.chooseScript(hint)
	if err != nil {
		return nil, err
	}
	if err := e.placeBranch(); err != nil {
		return nil, err
	}
	coin := uint32(0)
	if net != Mainnet {
		coin = 1
	}
	if x.family == simFamily {
		coin = 115 // btcd's simnet
	}
	branch, err := x.derive(e.steps)
	if err != nil {
		return nil, err
	}
	kind := Kind(script.String())
	account, err := e.account(kind, branch, script.purpose(), coin)
	if err != nil {
		return nil, err
	}
	expression := e.text()
	return &Key{
		Warnings: e.doubts(script.purpose()),
		kind:     kind,
		account:  account,
		at:       bitcoinAt(branch, script, params),
		export: func() string {
			body := script.wrap(expression)
			sum, _ := checksum(body) // of our own characters
			return body + "#" + sum
		},
	}, nil
}

// prepare refuses what is private, then what cannot be a key at all.
func prepare(text string) (string, error) {
	if looksPrivate(text) {
		return "", ErrPrivateKey
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", ErrEmpty
	case len(text) > maxText:
		return "", ErrTooLong
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return "", ErrSyntax
		}
	}
	return text, nil
}

// chooseScript decides which addresses to make. What the text says outright
// counts over the hint, the hint over the origin's path.
func (e *expression) chooseScript(hint Script) (Script, error) {
	if hint > P2TR {
		return 0, ErrScript
	}
	said := e.key.script
	switch {
	case e.script != ScriptUnknown:
		// A zpub inside wpkh() is common; anything else contradicts itself.
		if said != ScriptUnknown && said != e.script {
			return 0, ErrContradiction
		}
		return e.script, nil
	case said != ScriptUnknown:
		return said, nil
	case hint != ScriptUnknown:
		return hint, nil
	}
	if e.origin != nil && len(e.origin.path) > 0 && e.origin.path[0] >= hardened {
		if s := scriptOfPurpose(e.origin.path[0] &^ hardened); s != ScriptUnknown {
			return s, nil
		}
	}
	return 0, ErrAmbiguous
}

// placeBranch finds the receiving branch of a bare key.
func (e *expression) placeBranch() error {
	if !e.bare {
		return nil
	}
	if e.key.depth != 4 {
		e.steps = []uint32{0}
		return nil
	}
	if e.key.child >= hardened { // m/48'/0'/0'/2': an account of a shared wallet
		return ErrDepth
	}
	e.steps = nil
	return nil
}

// doubts collects what is odd about a key that derives all the same.
func (e *expression) doubts(purpose uint32) []Warning {
	var all []Warning
	x := e.key
	if int(x.depth)+len(e.steps) != 4 {
		all = append(all, WarnDepth)
	}
	last := x.child
	if n := len(e.steps); n > 0 {
		last = e.steps[n-1]
	}
	if last != 0 {
		all = append(all, WarnBranch)
	}
	if e.origin == nil {
		return sorted(all)
	}
	path := e.origin.path
	if len(path) != int(x.depth) || len(path) > 0 && path[len(path)-1] != x.child {
		all = append(all, WarnOrigin)
	}
	if len(path) > 0 && path[0] != purpose|hardened {
		all = append(all, WarnPurpose)
	}
	return sorted(all)
}

// account describes the key. Its path is what the origin says, else what the
// depth proves, else at depth 3 the usual path; what is not known is "...".
func (e *expression) account(kind Kind, branch *hdkeychain.ExtendedKey, purpose, coin uint32) (chain.Account, error) {
	x := e.key
	pub, err := serialized(x.key)
	if err != nil {
		return chain.Account{}, err
	}
	mark := fingerprint(pub)
	if len(e.steps) == 0 && x.depth > 0 {
		mark = x.parent // the branch's key was given, so the account's is its parent
	}
	base := "..."
	switch {
	case e.origin != nil:
		base = pathText("m", e.origin.path...)
	case x.depth == 0:
		base = "m"
	case x.depth == 1:
		base = pathText("m", x.child)
	case x.depth == 3 && x.child >= hardened:
		base = pathText("m", purpose|hardened, coin|hardened, x.child)
	case len(e.steps) == 0:
		base = pathText("...", x.child)
	}
	branchPub, err := serialized(branch)
	if err != nil {
		return chain.Account{}, err
	}
	return chain.Account{
		ID:          accountID(kind, branchPub, branch.ChainCode()),
		Fingerprint: hex.EncodeToString(mark[:]),
		Path:        pathText(base, e.steps...),
	}, nil
}

// text writes the key expression in full, so that it needs no hint.
func (e *expression) text() string {
	from := ""
	if e.origin != nil {
		from = "[" + pathText(e.origin.fingerprint, e.origin.path...) + "]"
	}
	return from + pathText(e.key.key.String(), e.steps...) + "/*"
}

// bitcoinAt derives addresses from a branch's public key, which public
// derivation never changes, so that it serves any number of goroutines.
func bitcoinAt(branch *hdkeychain.ExtendedKey, script Script, p params) func(uint32) (chain.Destination, error) {
	return func(index uint32) (chain.Destination, error) {
		child, err := branch.Derive(index)
		if err != nil { // hardened, or the 2^-127 case
			return "", noIndex(index)
		}
		pub, err := child.ECPubKey()
		if err != nil {
			return "", noIndex(index)
		}
		switch script {
		case P2PKH:
			return p.base58(p.pubKeyHash, btcutil.Hash160(pub.SerializeCompressed())), nil
		case P2SHP2WPKH:
			redeem := append([]byte{0, 20}, btcutil.Hash160(pub.SerializeCompressed())...)
			return p.base58(p.scriptHash, btcutil.Hash160(redeem)), nil
		case P2WPKH:
			return p.segwit(0, btcutil.Hash160(pub.SerializeCompressed()))
		default:
			output := txscript.ComputeTaprootKeyNoScript(pub)
			return p.segwit(1, output.SerializeCompressed()[1:])
		}
	}
}
