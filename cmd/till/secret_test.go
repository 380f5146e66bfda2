package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/tui/tuitest"
)

// leaked finds any 8 characters in a row of the test's private key, beyond the
// letters that every such key begins with.
func leaked(text string) string {
	secret := testZprv[8:]
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+8]) {
			return secret[i : i+8]
		}
	}
	return ""
}

// leakedInto looks through every byte below a folder.
func leakedInto(dir string) (where, part string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || part != "" || err == nil && d.IsDir() {
			return nil
		}
		if err == nil {
			var data []byte
			data, err = os.ReadFile(path)
			part = leaked(path + string(data))
		}
		if err != nil {
			part = "what cannot be read" // so it may hold anything
		}
		where = path
		return nil
	})
	return where, part
}

func TestLeakedFindsLeaks(t *testing.T) {
	if leaked("xx"+testZprv[40:60]) == "" || leaked(testZpub) != "" {
		t.Error("it would find nothing")
	}
}

// TestFormRefusesPrivateKey offers a private key to the form, by pasting and by
// typing, and looks for it in all that the terminal was ever sent and in all
// that was written.
func TestFormRefusesPrivateKey(t *testing.T) {
	for _, c := range []struct{ name, key string }{
		{"extended", testZprv},
		{"descriptor", "wpkh(" + testZprv + "/0/*)"},
		{"in two lines", testZprv[:50] + "\n" + testZprv[50:]},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSetUp(answers{currency: "EUR"})
			s := tuitest.New(t, w, 80, 24)
			toBitcoinKey(s.Screen)
			s.Paste(c.key).Press("enter").See("REFUSED", "PRIVATE key")
			s.Type(strings.ReplaceAll(c.key, "\n", " ")).See("****").Press("enter").See("REFUSED", "PRIVATE key").Gone("****")
			// The right key after it is taken as if nothing had been.
			s.Paste(testZpub).Press("enter").See("Compare with your wallet")
			s.Press("ctrl+c").End()
			if part := leaked(string(s.Bytes())); part != "" {
				t.Errorf("the terminal was sent %q of the private key", part)
			}
			if w.done || w.typed.bitcoin != "" || w.typed.ambiguous != "" {
				t.Errorf("kept: %+v", w.typed)
			}
		})
	}
}

// TestFormInTmux offers a private key to the whole program and looks through
// its screen, its log and its folders.
func TestFormInTmux(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := []string{
		runAsTill + "=1", "TILL_CONFIG=" + filepath.Join(dir, "config", "till.toml"), "TILL_DATA=" + filepath.Join(dir, "data"),
		"HOME=" + dir, "LC_ALL=C.UTF-8", "GORACE=exitcode=0",
	}
	s := tuitest.Tmux(t, 80, 24, env, self, "init", "--currency", "EUR")
	toBitcoinKey(s.Screen)
	s.Paste(testZprv).See("****").Press("enter").See("REFUSED")
	if part := leaked(s.Screen.Screen()); part != "" {
		t.Errorf("the screen shows %q of the private key", part)
	}
	s.Paste(testZpub).See("****").Press("enter").See("Compare with your wallet", "bc1q cr8t e4kr")
	s.Press("enter").See("Compare with your wallet") // enter is no answer
	s.Press("y").See("Write the configuration?").Press("y").See("Written to")
	if how := s.End(); how != "" {
		t.Errorf("ended with %s", how)
	}
	if history, err := s.History(false); err != nil || leaked(history) != "" {
		t.Errorf("the terminal's history holds a part of the private key (%v)", err)
	}
	if where, part := leakedInto(dir); part != "" {
		t.Errorf("%s holds %q of the private key", where, part)
	}
	settings, err := places{config: filepath.Join(dir, "config", "till.toml"), data: filepath.Join(dir, "data")}.load()
	if err != nil || settings.bitcoin.key.First(1)[0] != testFirst {
		t.Errorf("written: %v", err)
	}
}

// toBitcoinKey answers the questions before the key with what is there.
func toBitcoinKey(s *tuitest.Screen) {
	s.See("In which currency").Press("enter")
	s.See("What is the shop called").Press("enter")
	s.See("What do you accept").Press("enter")
	s.See("Which Bitcoin network").Press("enter")
	s.See("a Bitcoin node").Press("enter")
	s.See("public key for")
}

// TestLogHidesSecrets: whatever is logged, keys and the secrets of URLs are not.
func TestLogHidesSecrets(t *testing.T) {
	var out bytes.Buffer
	log := newLog(&out)
	log.Info("key "+testZprv, "err", errors.New("got "+testZpub), "url", "wss://user:pass@node.example/v3/0123secret?key=456",
		slog.Group("deep", "wif", "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn", "privkey", "0x"+strings.Repeat("ab", 32)))
	log.WarnContext(context.Background(), "txid "+strings.Repeat("cd", 32))
	text := out.String()
	for _, never := range []string{testZprv[8:30], testZpub[8:30], "pass@", "0123secret", "=456", "KwDiBf89", strings.Repeat("ab", 32), "\x1b"} {
		if strings.Contains(text, never) {
			t.Errorf("the log holds %q:\n%s", never, text)
		}
	}
	for _, still := range []string{"node.example", strings.Repeat("cd", 32)} {
		if !strings.Contains(text, still) {
			t.Errorf("the log has lost %q:\n%s", still, text)
		}
	}
}

func TestLogIsPrivateAndTurnsOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for range 2 {
		log, file, err := openLog(dir)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("hello")
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, logName), logMost+1); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{logName, logName + ".1", "."} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// TestCommandLineKeys: what has the form of a key is refused where a key may be
// meant, and nowhere else.
func TestCommandLineKeys(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct {
		args    string
		refused bool
	}{
		{"init --bitcoin " + testZprv, true},
		{"init --bitcoin=" + testZprv, true},
		{"--" + testZprv, true},
		{testZprv, true},
		{"sale 1 --note " + testZprv, true},
		{"init --evm " + hash, true},
		{"sale 1 --reference " + hash, false},
		{"sale 1 --metadata={\"hash\":\"" + testZprv + "\"}", true},
		{"sales list " + hash, false},
		{"init --bitcoin " + testZpub + " --evm " + testEVMKey, false},
		{"init --evm " + testEVMFirst, false},
		{"init --endpoint https://node.example/v3/" + hash, false},
		{"sale 4.50", false},
	} {
		if err := refuseKeys(strings.Fields(c.args)); (err != nil) != c.refused || err != nil && leaked(err.Error()) != "" {
			t.Errorf("%s: %v", c.args, err)
		}
	}
}
