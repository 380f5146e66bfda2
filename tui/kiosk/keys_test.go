package kiosk

import (
	"crypto/dsa" //nolint:staticcheck // a kind of key that has to be refused
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"github.com/cointill/till/tui"
	gossh "golang.org/x/crypto/ssh"
)

func public(t testing.TB, key any) string {
	t.Helper()
	p, err := gossh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(p)))
}

func line(s gossh.Signer) string {
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(s.PublicKey())))
}

func TestReadKey(t *testing.T) {
	ana := line(person(t))
	k, err := ReadKey("  " + ana + " ana@\x1b[2Jpc\n")
	if err != nil || strings.ContainsAny(k.Comment, "\x1b\n") || k.Kind() != "ssh-ed25519" || !strings.HasPrefix(k.Fingerprint(), "SHA256:") {
		t.Fatalf("%+v, %v", k, err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it has to be refused
	if err != nil {
		t.Skip("this Go makes no weak keys:", err)
	}
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(public(t, &strong.PublicKey)); err != nil {
		t.Error("RSA with 2,048 bits:", err)
	}
	old := new(dsa.PrivateKey)
	if err := dsa.GenerateParameters(&old.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(old, rand.Reader); err != nil {
		t.Fatal(err)
	}
	cert := &gossh.Certificate{Key: person(t).PublicKey(), CertType: gossh.UserCert}
	if err := cert.SignCert(rand.Reader, person(t)); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"nothing":        " \n",
		"words":          "my key",
		"two":            ana + "\n" + ana,
		"with options":   `command="sh" ` + ana,
		"weak RSA":       public(t, &weak.PublicKey),
		"DSA":            public(t, &old.PublicKey),
		"a certificate":  strings.TrimSpace(string(gossh.MarshalAuthorizedKey(cert))),
		"half of one":    ana[:40],
		"far too long":   ana + strings.Repeat("x", mostLine),
		"a private key":  "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----",
		"an RSA private": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n",
	} {
		_, err := ReadKey(text)
		if err == nil {
			t.Errorf("%s was taken", what)
			continue
		}
		for _, word := range strings.Fields(text) {
			if len(word) > 15 && strings.Contains(err.Error(), word) {
				t.Errorf("%s is repeated: %v", what, err)
			}
		}
		if strings.Contains(text, "PRIVATE") && !errors.Is(err, ErrPrivateKey) {
			t.Errorf("%s is not recognised: %v", what, err)
		}
	}
}

func TestKeysFile(t *testing.T) {
	ana, bob, eve := person(t), person(t), person(t)
	var keys Keys
	for _, k := range []Key{
		{Terminal: Terminal{"till 2", tui.Cashier, ""}, Comment: "ana@pc", public: ana.PublicKey()},
		{Terminal: Terminal{"Küche, links", tui.Board, ""}, public: bob.PublicKey()},
		{Terminal: Terminal{"d=1", tui.Display, "Küche, links"}, public: eve.PublicKey()},
	} {
		var err error
		if keys, err = keys.With(k); err != nil {
			t.Fatal(err)
		}
	}
	again, err := ParseKeys(keys.Text())
	if err != nil {
		t.Fatalf("%v\n%s", err, keys.Text())
	}
	if len(again) != 3 || string(again.Text()) != string(keys.Text()) {
		t.Errorf("written\n%s\nread\n%s", keys.Text(), again.Text())
	}
	if k, ok := again.find(eve.PublicKey()); !ok || k.Follow != "Küche, links" || k.Role != tui.Display {
		t.Errorf("the display is %+v", k)
	}
	if _, err := keys.With(Key{Terminal: till("till 9"), public: ana.PublicKey()}); err == nil {
		t.Error("one key opens two terminals")
	}
	if _, err := keys.With(Key{Terminal: Terminal{"till 2", tui.Board, ""}, public: person(t).PublicKey()}); err == nil {
		t.Error("one terminal has two roles")
	}
	left, gone := keys.Without("till 2")
	if len(left) != 2 || len(gone) != 1 {
		t.Errorf("left %d, gone %d", len(left), len(gone))
	}
	if _, gone = keys.Without(keys[1].Fingerprint()); len(gone) != 1 || gone[0].Name != "Küche, links" {
		t.Errorf("gone %+v", gone)
	}

	key := line(ana)
	for _, bad := range []string{
		key,
		`role="boss",terminal="x" ` + key,
		`role="cashier" ` + key,
		`role="cashier",terminal="" ` + key,
		`role="cashier",terminal="x",follow="y" ` + key,
		`role="display",terminal="x" ` + key,
		`role="display",terminal="x",follow="x" ` + key,
		`role="cashier",role="board",terminal="x" ` + key,
		`role="cashier",terminal="x",command="sh" ` + key,
		`role="cashier",terminal="x",no-pty ` + key,
		`role="cashier",terminal=x ` + key,
		`role="cashier",terminal="-x" ` + key,
		`role="cashier",terminal="x\"y" ` + key,
		"role=\"cashier\",terminal=\"x\x1b[2J\" " + key,
		`role="customer",terminal="x" ` + key,
		`role="cashier",terminal="x" `,
		`role="cashier",terminal="x" ssh-ed25519 AAAA`,
		`role="cashier",terminal="` + strings.Repeat("x", 33) + `" ` + key,
		`role="cashier",terminal="x" ` + key + "\n" + `role="cashier",terminal="x" ` + key,
		"-----BEGIN OPENSSH PRIVATE KEY-----",
	} {
		if keys, err := ParseKeys([]byte("# keys\n\n" + bad + "\n")); err == nil {
			t.Errorf("%q was taken as %+v", bad, keys)
		} else if !strings.HasPrefix(err.Error(), "line 3: ") && !strings.HasPrefix(err.Error(), "line 4: ") {
			t.Errorf("no line in %v", err)
		}
	}
}

func FuzzKeys(f *testing.F) {
	key := line(person(f))
	f.Add(`role="display",terminal="x",follow="y" ` + key + " c")
	f.Add(`role="cashier",terminal="a,b" ` + key)
	f.Add("# \n" + key)
	f.Add("role=\"cashier\",terminal=\"x\" ssh-rsa AAAAB3NzaC1yc2E=")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ReadKey(text)
		keys, err := ParseKeys([]byte(text))
		if err != nil {
			return
		}
		again, err := ParseKeys(keys.Text())
		if err != nil || string(again.Text()) != string(keys.Text()) {
			t.Fatalf("%v\n%s\n%s", err, keys.Text(), again.Text())
		}
	})
}
