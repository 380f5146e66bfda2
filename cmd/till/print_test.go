package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cointill/till/pos"
)

func TestSplitCommand(t *testing.T) {
	for text, want := range map[string][]string{
		`lp -d till`:                   {"lp", "-d", "till"},
		"  lp\t-d  till\n":             {"lp", "-d", "till"},
		`lp -d "the till's"`:           {"lp", "-d", "the till's"},
		`lp '-d "x" \'`:                {"lp", `-d "x" \`},
		`a\ b c`:                       {"a b", "c"},
		`a "" ''`:                      {"a", "", ""},
		`a "q\"q" "b\\b" "c\d" '\n'`:   {"a", `q"q`, `b\b`, `c\d`, `\n`},
		`sh -c 'cat > x; rm -rf $HOME`: nil,
		`a "b`:                         nil,
		`a \`:                          nil,
		``:                             nil,
		`  `:                           nil,
		`"" a`:                         nil,
		`lp; rm -rf $HOME | cat`:       {"lp;", "rm", "-rf", "$HOME", "|", "cat"}, // no shell: only words
	} {
		got, err := splitCommand(text)
		if (err != nil) != (want == nil) || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzSplitCommand(f *testing.F) {
	f.Add(`lp -d "a b" \' '\"'`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitCommand(text)
		if (err == nil) != (len(words) > 0) {
			t.Errorf("%q: %q, %v", text, words, err)
		}
		// What is quoted again is read as the same words.
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, `'`+strings.ReplaceAll(w, `'`, `'\''`)+`'`)
		}
		if again, err := splitCommand(strings.Join(quoted, " ")); len(words) > 0 && (err != nil || !slices.Equal(again, words)) {
			t.Errorf("%q: %q became %q, %v", text, words, again, err)
		}
	})
}

// onPaper is a printer of a shop that speaks a language.
func onPaper(language string, s receiptSettings) *printer {
	all := &settings{receipt: s, shop: pos.Shop{Name: "Café Linde"}}
	all.screen.language = language
	return newPrinter(all, shippedAsset)
}

func oneSale() pos.View {
	var v pos.View
	v.Sale.Number, v.Sale.Outcome.Status = 231, pos.Paid
	return v
}

func TestReceiptGoesToACommand(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "the receipt.txt")
	t.Setenv("TILL_CALLBACK_SECRET", "whsec_hidden")
	t.Setenv("OTHER", "stays")
	args, err := splitCommand(`sh -c 'cat > "$0"; env >> "$0"' "` + out + `"`)
	if err != nil {
		t.Fatal(err)
	}
	p := onPaper("en", receiptSettings{command: args, width: 32})
	if err := p.Print(t.Context(), oneSale(), true); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Café Linde", "RECEIPT 0231", "COPY", "*** PAID ***", paperFeed, "OTHER=stays"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q did not reach the command:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "whsec_hidden") {
		t.Error("a printing command is told the shop's secret")
	}
}

func TestReceiptGoesToTheEndOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "receipts.txt")
	p := onPaper("de", receiptSettings{file: file, width: 42})
	for range 2 {
		if err := p.Print(t.Context(), oneSale(), false); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), "BELEG 0231") != 2 || strings.Contains(string(text), "KOPIE") {
		t.Errorf("%v\n%s", err, text)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("receipts are readable by others: %v, %v", info.Mode(), err)
	}
}

// TestPaperTrouble: what is wrong with a printer is said in words, in the till's
// language.
func TestPaperTrouble(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, it := range []struct {
		language string
		s        receiptSettings
		want     string
	}{
		{"en", receiptSettings{command: []string{"sh", "-c", "echo 'out of \x1b[31mpaper' >&2; exit 3"}}, "not printed: sh: out of [31mpaper"},
		{"en", receiptSettings{command: []string{"sh", "-c", "exit 3"}}, "not printed: sh: exit status 3"},
		{"en", receiptSettings{command: []string{"till-has-no-such-command"}}, "not printed: there is no command till-has-no-such-command here"},
		{"de", receiptSettings{command: []string{"/nowhere/lp"}}, "nicht gedruckt: den Befehl /nowhere/lp gibt es hier nicht"},
		{"de", receiptSettings{command: []string{"sleep", "60"}}, "nicht gedruckt: sleep brauchte länger als 1 s"},
		{"en", receiptSettings{command: []string{"sh", "-c", "sleep 60 & sleep 60"}}, "not printed: sh took longer than 1 s"},
		{"en", receiptSettings{file: dir}, "not printed: " + dir + ": is a directory"},
		{"en", receiptSettings{file: filepath.Join(dir, "no", "such")}, "not printed: " + filepath.Join(dir, "no", "such") + ": it does not exist"},
		{"en", receiptSettings{file: pipe}, "not printed: " + pipe + " took longer than 1 s"},
	} {
		p := onPaper(it.language, it.s)
		p.wait = time.Second
		err := p.Print(t.Context(), oneSale(), false)
		if err == nil || err.Error() != it.want || p.speech.Error(err) != it.want {
			t.Errorf("%v:\n got %v\nwant %s", it.s, err, it.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := onPaper("en", receiptSettings{command: []string{"cat"}}).Print(ctx, oneSale(), false); !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who left is told %v", err)
	}
	if newPrinter(&settings{}, shippedAsset) != nil {
		t.Error("there is a printer where none is configured")
	}
}

func TestSalesPrint(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir := soldFolder(t)
	out, err := till(t, "--data", dir, "sales", "print", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"COPY", "RECEIPT 0001", "7K3QM9XA", "€16.20", "25,958 sat", "*** PAID ***", "m/84'/0'/0'/0/0"} {
		if !strings.Contains(out, want) {
			t.Errorf("the receipt has no %q:\n%s", want, out)
		}
	}
	file := filepath.Join(t.TempDir(), "paper.txt")
	if out, err = till(t, "--data", dir, "sales", "print", "2", "--width", "42", "--to", file); err != nil || out != "" {
		t.Fatalf("%q, %v", out, err)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "\x1b") || !strings.Contains(string(text), strings.Repeat("-", 42)+"\n") || !strings.Contains(string(text), "NOT PAID") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, args := range [][]string{{"sales", "print"}, {"sales", "print", "1", "--width", "10"}, {"sales", "print", "99"}, {"sales", "print", "1", "--to", t.TempDir()}} {
		if out, err := till(t, append([]string{"--data", dir}, args...)...); err == nil {
			t.Errorf("%q printed %q", args, out)
		}
	}
}

// TestSalesPrintUsesThePrinter: without --to the configuration's printer is used.
func TestSalesPrintUsesThePrinter(t *testing.T) {
	dir := soldFolder(t)
	config, paper := filepath.Join(t.TempDir(), "till.toml"), filepath.Join(t.TempDir(), "paper.txt")
	text := smallConfig + "[receipt]\nfile = \"" + paper + "\"\nwidth = 48\n[screen]\nlanguage = \"de\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := till(t, "--config", config, "--data", dir, "sales", "print", "1"); err != nil || out != "" {
		t.Fatalf("%q, %v", out, err)
	}
	got, err := os.ReadFile(paper)
	if err != nil || !strings.Contains(string(got), "KOPIE") || !strings.Contains(string(got), strings.Repeat("-", 48)+"\n") {
		t.Errorf("%v\n%s", err, got)
	}
	if out, err := till(t, "--config", config, "--data", dir, "sales", "print", "1", "--to", "-"); err != nil || !strings.Contains(out, "BELEG 0001") {
		t.Errorf("%q, %v", out, err)
	}
}

// TestDemoPrinter: a demo prints where the environment says, marked as training.
func TestDemoPrinter(t *testing.T) {
	p, err := demoPrinter([]string{"TILL_RECEIPT_PRINT=lp -d 'till 1'", "TILL_RECEIPT_WIDTH=42"})
	if err != nil || p == nil || len(p.command) != 3 || p.width != 42 {
		t.Fatalf("%+v, %v", p, err)
	}
	if text := p.text(oneSale(), false); strings.Count(text, p.speech.Phrases().Training) != 2 {
		t.Errorf("a demo's receipt looks like a real one:\n%s", text)
	}
	if p, err := demoPrinter(nil); p != nil || err != nil {
		t.Errorf("there is a printer without one: %+v, %v", p, err)
	}
	if _, err := demoPrinter([]string{"TILL_RECEIPT_WIDTH=7"}); err == nil {
		t.Error("an impossible width is taken")
	}
}

func TestReceiptsOfTestNetworksSaySo(t *testing.T) {
	for rail, want := range map[string]bool{
		"bitcoin:mainnet": false, "bitcoin:signet": true, "bitcoin:testnet4": true, "eip155:1": false, "eip155:8453": false, "eip155:11155111": true, "eip155:424242": false,
	} {
		v := oneSale()
		v.Sale.Quotes = []pos.Quote{{Rail: rail}}
		p := onPaper("en", receiptSettings{file: "x"})
		if got := strings.Contains(p.text(v, false), "TESTNET"); got != want {
			t.Errorf("%s: marked %t", rail, got)
		}
	}
}
