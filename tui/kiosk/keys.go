package kiosk

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	gossh "golang.org/x/crypto/ssh"
)

// Terminal is what somebody sees who comes in: a screen with a name and a role.
type Terminal struct {
	Name string
	Role tui.Role
	// Follow is the terminal whose sale a display shows.
	Follow string
}

// Roles are those that a key can open.
var Roles = []tui.Role{tui.Cashier, tui.Supervisor, tui.Kiosk, tui.Display, tui.Board}

// Key is a public key and the terminal that it opens.
type Key struct {
	Terminal
	Comment string // whose or which machine's; may be empty
	public  gossh.PublicKey
}

// Keys are all keys that open something.
type Keys []Key

const (
	mostName    = 32      // bytes of a terminal's name
	mostComment = 100     // bytes
	mostLine    = 8 << 10 // bytes of a key's line; RSA with 16,384 bits has 2.8 kB
	mostKeys    = 1000
	leastRSA    = 2048 // bits
)

// ErrPrivateKey says that somebody gave a private key where a public one belongs.
var ErrPrivateKey = errors.New("this is a private key: it stays on its own machine, and whoever has seen it can use it. Give the public one, from the file beside it that ends in .pub")

// ReadKey reads one public key as ssh-keygen writes it: a type, the key and
// perhaps a comment. Errors repeat nothing of the text.
func ReadKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(text, "PRIVATE KEY"):
		return Key{}, ErrPrivateKey
	case text == "":
		return Key{}, errors.New("there is no key: give a line like the one in ~/.ssh/id_ed25519.pub")
	case len(text) > mostLine:
		return Key{}, errors.New("this is too long for a public key")
	case strings.ContainsAny(text, "\r\n"):
		return Key{}, errors.New("one key at a time, on one line")
	}
	public, comment, options, _, err := gossh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return Key{}, errors.New("this is no public SSH key: give a line like the one in ~/.ssh/id_ed25519.pub")
	}
	if len(options) > 0 {
		return Key{}, errors.New("this line has options in front of the key; give the key alone")
	}
	k := Key{public: public, Comment: pos.CleanText(comment, mostComment)}
	return k, k.checkKind()
}

// checkKind refuses keys that are no good.
func (k Key) checkKind() error {
	switch kind := k.public.Type(); kind {
	case gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521, gossh.KeyAlgoSKECDSA256:
		return nil
	case gossh.KeyAlgoRSA:
		if c, ok := k.public.(gossh.CryptoPublicKey); ok {
			if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() >= leastRSA {
				return nil
			}
		}
		return fmt.Errorf("this RSA key has less than %d bits; make another one with: ssh-keygen -t ed25519", leastRSA)
	}
	return errors.New("keys of this kind are not taken; make another one with: ssh-keygen -t ed25519")
}

// Check says what is wrong with a terminal.
func (t Terminal) Check() error {
	switch {
	case !plainName(t.Name):
		return fmt.Errorf("a terminal's name is plain text of at most %d characters, without quotes", mostName)
	case !slices.Contains(Roles, t.Role):
		return fmt.Errorf("a terminal is one of: %s", roleNames())
	case t.Role == tui.Display && !plainName(t.Follow):
		return errors.New("a display follows a terminal: say which")
	case t.Role == tui.Display && t.Follow == t.Name:
		return errors.New("a display cannot follow itself")
	case t.Role != tui.Display && t.Follow != "":
		return errors.New("only a display follows a terminal")
	}
	return nil
}

func plainName(name string) bool {
	return name != "" && name == pos.CleanText(name, mostName) && !strings.ContainsAny(name, "\"\\") && name[0] != '-'
}

func roleNames() string {
	names := make([]string, len(Roles))
	for i, r := range Roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// Fingerprint names a key: "SHA256:…".
func (k Key) Fingerprint() string { return gossh.FingerprintSHA256(k.public) }

// Kind is the key's type, like "ssh-ed25519".
func (k Key) Kind() string { return k.public.Type() }

// ParseKeys reads a file of keys, strictly. A line has the format of OpenSSH's
// authorized_keys (sshd(8)) with options of till's own:
//
//	role="display",terminal="display 1",follow="till 1" ssh-ed25519 AAAA… comment
//
// Empty lines and those that begin with # are skipped. Errors say the line and
// repeat nothing of it.
func ParseKeys(text []byte) (Keys, error) {
	var keys Keys
	n := 0
	for line := range bytes.Lines(text) {
		n++
		s := strings.TrimSpace(string(line))
		if s == "" || s[0] == '#' {
			continue
		}
		k, err := parseLine(s)
		if err == nil {
			keys, err = keys.With(k)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return keys, nil
}

func parseLine(line string) (Key, error) {
	if len(line) > mostLine {
		return Key{}, errors.New("it is too long for a key")
	}
	if strings.Contains(line, "PRIVATE KEY") {
		return Key{}, ErrPrivateKey
	}
	public, comment, options, rest, err := gossh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(rest) > 0 {
		return Key{}, errors.New(`it is no key: role="…",terminal="…" and a public SSH key were expected`)
	}
	k := Key{public: public, Comment: pos.CleanText(comment, mostComment)}
	for i, option := range options {
		name, value, ok := strings.Cut(option, "=")
		if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' || !ok {
			return Key{}, errors.New(`an option has the form name="value"`)
		}
		value = value[1 : len(value)-1]
		into := map[string]func(string){
			"role":     func(v string) { k.Role = tui.Role(v) },
			"terminal": func(v string) { k.Name = v },
			"follow":   func(v string) { k.Follow = v },
		}[name]
		if into == nil {
			return Key{}, errors.New("till knows the options role, terminal and follow, and no others")
		}
		for _, before := range options[:i] {
			if strings.HasPrefix(before, name+"=") {
				return Key{}, fmt.Errorf("%s stands there twice", name)
			}
		}
		into(value)
	}
	if err := k.Check(); err != nil {
		return Key{}, err
	}
	return k, k.checkKind()
}

// With adds a key that is not there yet.
func (ks Keys) With(k Key) (Keys, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	if has, ok := ks.find(k.public); ok {
		return nil, fmt.Errorf("this key opens %q already; remove it there first", has.Name)
	}
	if len(ks) >= mostKeys {
		return nil, fmt.Errorf("there are %d keys already; remove those that nobody uses", mostKeys)
	}
	for _, other := range ks {
		if other.Name == k.Name && other.Terminal != k.Terminal {
			return nil, fmt.Errorf("%q is a %s already; use another name", k.Name, other.Role)
		}
	}
	return append(slices.Clip(ks), k), nil
}

// Without takes away the keys of a terminal, or the one with that fingerprint.
func (ks Keys) Without(name string) (left, gone Keys) {
	for _, k := range ks {
		if k.Name == name || k.Fingerprint() == name {
			gone = append(gone, k)
		} else {
			left = append(left, k)
		}
	}
	return left, gone
}

func (ks Keys) find(public gossh.PublicKey) (Key, bool) {
	if public == nil {
		return Key{}, false
	}
	have := public.Marshal()
	for _, k := range ks {
		if bytes.Equal(k.public.Marshal(), have) {
			return k, true
		}
	}
	return Key{}, false
}

// Text is the file that ParseKeys reads.
func (ks Keys) Text() []byte {
	var b bytes.Buffer
	b.WriteString("# Who may open a screen of this till over SSH. Change it with: till keys add, till keys remove\n")
	for _, k := range ks {
		fmt.Fprintf(&b, "role=%q,terminal=\"%s\"", string(k.Role), k.Name)
		if k.Follow != "" {
			fmt.Fprintf(&b, ",follow=\"%s\"", k.Follow)
		}
		b.WriteByte(' ')
		b.Write(bytes.TrimSpace(gossh.MarshalAuthorizedKey(k.public)))
		if k.Comment != "" {
			b.WriteString(" " + k.Comment)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}
