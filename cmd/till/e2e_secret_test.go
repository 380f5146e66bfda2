package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// privates are private keys in every form in which people have them at hand.
// They are published test vectors (BIP 32 vector 1, BIP 84's mnemonic, the key
// 1 in WIF) and nobody's.
var privates = []struct{ name, text string }{
	{"zprv", testZprv},
	{"xprv", "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"},
	{"descriptor", "wpkh(" + testZprv + "/0/*)"},
	{"descriptor with origin", "wpkh([73c5da0a/84h/0h/0h]" + testZprv + "/<0;1>/*)"},
	{"words", "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"},
	{"WIF", "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"},
	{"WIF, uncompressed", "5HpHagT65TZzG1PH3CSu63k8DbpvD8s5ip4nEB3kEsreAnchuDf"},
	{"hex", "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"},
	{"hex with 0x", "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"},
	{"xprv with a typing error", strings.Replace(testZprv, "L", "M", 3)},
	{"zprv with spaces", testZprv[:30] + " " + testZprv[30:]},
}

// partsOf cuts a secret into what must not be found anywhere: any 10 characters
// in a row beyond what all such keys begin with; of words, any two in a row.
func partsOf(secret string) (parts []string) {
	if words := strings.Fields(secret); len(words) > 3 {
		for i := range len(words) - 1 {
			parts = append(parts, words[i]+" "+words[i+1])
		}
		return parts
	}
	if at := strings.Index(secret, "prv"); at >= 0 {
		secret = secret[at+8:]
	}
	secret, _, _ = strings.Cut(secret, "/")
	for _, run := range strings.Fields(strings.TrimPrefix(secret, "0x")) {
		for i := 0; i+10 <= len(run); i++ {
			parts = append(parts, run[i:i+10])
		}
	}
	return parts
}

// allParts are the parts of all secrets.
func allParts() (parts []string) {
	for _, p := range privates {
		parts = append(parts, partsOf(p.text)...)
	}
	return parts
}

// foundIn is the first of some parts that is in a text.
func foundIn(text string, parts []string) string {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

// TestPrivateKeysByArgument offers private keys wherever a script can say
// something. They are refused, and nowhere afterwards: not in what was printed,
// not in the log, in no byte of any file.
func TestPrivateKeysByArgument(t *testing.T) {
	t.Parallel()
	s := newTestShop(t, "")
	env := s.env
	for _, p := range privates {
		for _, c := range []struct {
			how   string
			stdin string
			env   string
			args  []string
		}{
			{"--bitcoin", "", "", []string{"init", "--currency", "EUR", "--bitcoin", p.text, "--yes"}},
			{"--bitcoin - ", p.text + "\n", "", []string{"init", "--currency", "EUR", "--bitcoin", "-", "--yes"}},
			{"--evm", "", "", []string{"init", "--currency", "EUR", "--evm", p.text, "--endpoint", "ws://127.0.0.1:1", "--yes"}},
			{"--evm -", p.text + "\n", "", []string{"init", "--currency", "EUR", "--evm", "-", "--endpoint", "ws://127.0.0.1:1", "--yes"}},
			{"a simnet", "", "", []string{"init", "--currency", "EUR", "--network", "simnet", "--bitcoin", p.text, "--yes"}},
			{"an amount", "", "", []string{"sale", p.text}},
			{"an asset", "", "", []string{"sale", "1.00", "--asset", p.text}},
			{"a sale", "", "", []string{"sales", "show", p.text}},
			{"a command", "", "", []string{p.text}},
			{"a flag", "", "", []string{"--" + p.text}},
			{"a currency", "", "", []string{"init", "--currency", p.text, "--bitcoin", testZpub, "--yes"}},
			{"a network", "", "", []string{"init", "--currency", "EUR", "--network", p.text, "--yes"}},
			{"a peer", "", "", []string{"init", "--currency", "EUR", "--bitcoin", testZpub, "--peer", p.text, "--yes"}},
			{"an endpoint", "", "", []string{"init", "--currency", "EUR", "--evm", testEVMKey, "--endpoint", p.text, "--yes"}},
			{"a coin", "", "", []string{"init", "--currency", "EUR", "--evm", testEVMKey, "--endpoint", "ws://127.0.0.1:1", "--accept", p.text, "--yes"}},
			{"the environment", "", "TILL_BITCOIN_KEY=" + p.text, []string{"sale", "1.00"}},
		} {
			s.env = env
			if c.env != "" {
				s.env = append(append([]string{}, env...), c.env)
			}
			res := s.do(c.stdin, c.args...)
			if part := foundIn(res.out+res.err, allParts()); part != "" {
				t.Errorf("%s as %s: it says %q of it", p.name, c.how, part)
			}
			if res.code == 0 {
				t.Errorf("%s as %s is taken: %s", p.name, c.how, res.out)
			}
			if strings.HasPrefix(c.how, "--") && (res.code != exitError && res.code != exitUsage || !strings.Contains(strings.ToLower(res.err), "private") && p.name != "xprv with a typing error") {
				t.Errorf("%s as %s is not refused as a private key: %d %s", p.name, c.how, res.code, strings.NewReplacer(p.text, "[…]").Replace(res.err))
			}
			if os.Remove(s.config) == nil {
				t.Errorf("%s as %s wrote a configuration", p.name, c.how)
			}
		}
	}
	s.env = env
	if where := s.holding(allParts()...); len(where) > 0 {
		t.Errorf("parts of private keys are in %q", where)
	}
}

// TestPrivateKeysInConfiguration: a private key that somebody wrote into the
// configuration is refused with its line, by every command, and goes nowhere.
func TestPrivateKeysInConfiguration(t *testing.T) {
	t.Parallel()
	s := newTestShop(t, "")
	for _, p := range privates {
		for _, toml := range []string{
			"currency = \"EUR\"\n[bitcoin]\nkey = \"" + p.text + "\"\n",
			"currency = \"EUR\"\n[[evm]]\nchain = 1\nkey = \"" + p.text + "\"\nendpoints = [\"ws://127.0.0.1:1\"]\n",
			"currency = \"EUR\"\n[[evm]]\nchain = 1\naddresses = [\"" + p.text + "\"]\nendpoints = [\"ws://127.0.0.1:1\"]\n",
			"currency = \"EUR\"\nname = \"" + p.text + p.text + "\"\n",
			"currency = \"EUR\"\n\"" + p.text + "\" = 1\n",
			"currency = \"" + p.text + "\"\n",
			"currency = \"EUR\"\n" + p.text + "\n",
		} {
			s.configure(toml)
			for _, args := range [][]string{{"sale", "1.00"}, {"doctor", "--offline"}} {
				res := s.do("", args...)
				if part := foundIn(res.out+res.err, allParts()); part != "" {
					t.Errorf("till %s with %s in\n%.40s…\nsays %q of it", args[0], p.name, toml, part)
				}
				if res.code == 0 {
					t.Errorf("%s in\n%.60s…\nis no problem for till %s: %s", p.name, toml, args[0], res.out)
				}
			}
		}
	}
	if err := os.Remove(s.config); err != nil {
		t.Fatal(err)
	}
	if where := s.holding(allParts()...); len(where) > 0 {
		t.Errorf("parts of private keys are in %q", where)
	}
}

// TestPrivateKeysByForm offers private keys to the form and to the register's
// amount, and looks through every byte that the terminal was sent.
func TestPrivateKeysByForm(t *testing.T) {
	t.Parallel()
	s := newTestShop(t, "")
	pane := s.run(80, 24, "--config", s.config, "--data", s.data, "init", "--currency", "EUR")
	toBitcoinKey(pane.Screen)
	for _, p := range privates {
		pane.Paste(p.text).See("****").Press("enter").Gone("****")
		if !strings.Contains(pane.Screen.Screen(), "public key for") {
			t.Fatalf("%s is taken:\n%s", p.name, pane.Screen.Screen())
		}
	}
	pane.Paste(privates[0].text).See("****").Press("ctrl+c").End()
	if files, err := filepath.Glob(s.config + "*"); err != nil || len(files) > 0 {
		t.Errorf("a form that was left wrote %q", files)
	}

	// At an open register a paste is no key press, and is not kept.
	key, _ := shopKeys(t)
	s.configure(bitcoinShop(key, "127.0.0.1:1", "30m"))
	c := &counter{shopUnderTest: s}
	c.Pane = s.open(80, 24)
	c.See("enter", "Bitcoin")
	for _, p := range privates {
		c.Paste(p.text)
	}
	c.Type("450").See("€").Press("enter")
	c.leave(c.Pane)
	if where := s.holding(allParts()...); len(where) > 0 {
		t.Errorf("parts of private keys are in %q", where)
	}
}
