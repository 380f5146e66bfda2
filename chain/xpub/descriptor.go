package xpub

import (
	"slices"
	"strconv"
	"strings"
)

const (
	// descriptorChars in BIP 380's order: position matters to the checksum.
	descriptorChars = "0123456789()[],'/*abcdefgh@:$%{}" +
		"IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
		"ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	checksumChars = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// checksum computes the eight characters of BIP 380 behind a descriptor's #.
// It fails where a character may not stand in a descriptor.
func checksum(descriptor string) (string, bool) {
	generator := [...]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}
	sum := uint64(1)
	feed := func(value uint64) {
		top := sum >> 35
		sum = (sum&0x7ffffffff)<<5 ^ value
		for i, g := range generator {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	group, inGroup := uint64(0), 0
	for i := range len(descriptor) {
		at := strings.IndexByte(descriptorChars, descriptor[i])
		if at < 0 {
			return "", false
		}
		feed(uint64(at) & 31)
		group = group*3 + uint64(at)>>5
		if inGroup++; inGroup == 3 {
			feed(group)
			group, inGroup = 0, 0
		}
	}
	if inGroup > 0 {
		feed(group)
	}
	for range 8 {
		feed(0)
	}
	sum ^= 1
	var out [8]byte
	for i := range out {
		out[i] = checksumChars[sum>>(5*(7-i))&31]
	}
	return string(out[:]), true
}

// uncheck takes the checksum off a descriptor, if there is one, and verifies it.
func uncheck(text string) (string, error) {
	body, sum, present := strings.Cut(text, "#")
	want, ok := checksum(body)
	if !ok {
		return "", ErrSyntax
	}
	if present && sum != want {
		return "", ErrChecksum
	}
	return body, nil
}

// expression is what a text says about its key.
type expression struct {
	script Script // ScriptUnknown for a bare key
	origin *origin
	key    extended
	// steps below the key to the branch; nil with bare where nothing was said.
	steps []uint32
	bare  bool
}

// origin is the [fingerprint/path] before a key (BIP 380).
type origin struct {
	fingerprint string // of the master key, 8 hex digits in lower case
	path        []uint32
}

// parseExpression reads a descriptor with one key or a bare key expression.
// Only the grammar is judged here, not the network.
func parseExpression(text string) (expression, error) {
	body, err := uncheck(text)
	if err != nil {
		return expression{}, err
	}
	name, inner, called := strings.Cut(body, "(")
	if !called {
		return parseKeyExpression(body)
	}
	if !isName(name) {
		return expression{}, ErrSyntax
	}
	if isMultisig(body) {
		return expression{}, ErrMultisig
	}
	inner, closed := strings.CutSuffix(inner, ")")
	if !closed {
		return expression{}, ErrSyntax
	}
	var script Script
	switch name {
	case "pkh":
		script = P2PKH
	case "wpkh":
		script = P2WPKH
	case "tr":
		script = P2TR
		if strings.ContainsAny(inner, ",{") { // a script tree: others could spend, too
			return expression{}, ErrUnsupported
		}
	case "sh":
		script = P2SHP2WPKH
		var ok bool
		if inner, ok = strings.CutPrefix(inner, "wpkh("); !ok {
			return expression{}, ErrUnsupported
		}
		if inner, ok = strings.CutSuffix(inner, ")"); !ok {
			return expression{}, ErrSyntax
		}
	default:
		return expression{}, ErrUnsupported
	}
	if strings.ContainsAny(inner, "(),{}") {
		return expression{}, ErrSyntax
	}
	e, err := parseKeyExpression(inner)
	if err != nil {
		return expression{}, err
	}
	if e.bare {
		return expression{}, ErrFixedKey
	}
	e.script = script
	return e, nil
}

func isName(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

// isMultisig tells whether a descriptor calls for several keys.
func isMultisig(body string) bool {
	return slices.ContainsFunc([]string{"multi(", "multi_a(", "wsh(", "musig("}, func(call string) bool {
		return strings.Contains(body, call)
	})
}

// parseKeyExpression reads [origin]KEY/path/* and its shorter forms.
func parseKeyExpression(text string) (expression, error) {
	var e expression
	if rest, ok := strings.CutPrefix(text, "["); ok {
		inside, after, ok := strings.Cut(rest, "]")
		if !ok {
			return e, ErrSyntax
		}
		o, err := parseOrigin(inside)
		if err != nil {
			return e, err
		}
		e.origin, text = &o, after
	}
	key, path, below := strings.Cut(text, "/")
	if strings.ContainsAny(key, "[]") || key == "" {
		return e, ErrSyntax
	}
	if n := len(key); isHex(key) && (n == 64 || n == 66 || n == 130) {
		return e, ErrFixedKey // a public key without a chain of children
	}
	var err error
	if e.key, err = parseExtended(key); err != nil {
		return e, err
	}
	if !below {
		e.bare = true
		return e, nil
	}
	e.steps, err = parseBranch(path)
	return e, err
}

// parseOrigin reads fingerprint/1h/2'/3.
func parseOrigin(text string) (origin, error) {
	mark, path, below := strings.Cut(text, "/")
	if len(mark) != 8 || !isHex(mark) {
		return origin{}, ErrSyntax
	}
	o := origin{fingerprint: strings.ToLower(mark)}
	if !below {
		return o, nil
	}
	for step := range strings.SplitSeq(path, "/") {
		number, hard := strings.CutSuffix(step, "h")
		if !hard {
			number, hard = strings.CutSuffix(step, "'")
		}
		n, err := parseStep(number)
		if err != nil {
			return origin{}, err
		}
		if hard {
			n |= hardened
		}
		o.path = append(o.path, n)
	}
	if len(o.path) > 255 {
		return origin{}, ErrSyntax
	}
	return o, nil
}

// parseBranch reads what stands between a key and its children: 0/*, <0;1>/*
// or *. Of alternatives (BIP 389) the first is taken: the receiving branch.
func parseBranch(text string) ([]uint32, error) {
	parts := strings.Split(text, "/")
	last := parts[len(parts)-1]
	if last == "*h" || last == "*'" {
		return nil, ErrHardened
	}
	steps := []uint32{}
	alternatives := false
	for i, part := range parts {
		if part == "*" && i == len(parts)-1 {
			return steps, nil
		}
		if strings.HasSuffix(part, "h") || strings.HasSuffix(part, "'") {
			return nil, ErrHardened
		}
		if inside, ok := strings.CutPrefix(part, "<"); ok {
			inside, closed := strings.CutSuffix(inside, ">")
			if !closed || alternatives {
				return nil, ErrSyntax
			}
			alternatives = true
			first, err := parseAlternatives(inside)
			if err != nil {
				return nil, err
			}
			steps = append(steps, first)
			continue
		}
		n, err := parseStep(part)
		if err != nil {
			return nil, err
		}
		steps = append(steps, n)
	}
	return nil, ErrFixedKey
}

// parseAlternatives reads 0;1 and returns the first number.
func parseAlternatives(text string) (uint32, error) {
	var all []uint32
	for part := range strings.SplitSeq(text, ";") {
		if strings.HasSuffix(part, "h") || strings.HasSuffix(part, "'") {
			return 0, ErrHardened
		}
		n, err := parseStep(part)
		if err != nil {
			return 0, err
		}
		if slices.Contains(all, n) {
			return 0, ErrSyntax
		}
		all = append(all, n)
	}
	if len(all) < 2 {
		return 0, ErrSyntax
	}
	return all[0], nil
}

// parseStep reads an index below the hardened ones, without leading zeros.
func parseStep(text string) (uint32, error) {
	if !isDigits(text) || len(text) > 10 || len(text) > 1 && text[0] == '0' {
		return 0, ErrSyntax
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n >= hardened {
		return 0, ErrSyntax
	}
	return uint32(n), nil
}

// pathText writes steps as a path below base, hardened ones with an apostrophe.
func pathText(base string, steps ...uint32) string {
	for _, s := range steps {
		base += "/" + strconv.FormatUint(uint64(s&^hardened), 10)
		if s >= hardened {
			base += "'"
		}
	}
	return base
}
