package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// demoInLines plays a demo through a pipe, to its end.
func demoInLines(t *testing.T, input string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "demo", "--speed", "10")
	cmd.Env = append(append(os.Environ(), runAsTill+"=1", "TZ=UTC"), env...)
	cmd.Stdin = strings.NewReader(input)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	if err := cmd.Run(); err != nil || wrong.Len() > 0 {
		t.Fatalf("%v\n%s\n%s", err, &wrong, &out)
	}
	return out.String()
}

// TestDemoInLines makes a whole sale through a pipe and follows it to its end, in
// both languages.
func TestDemoInLines(t *testing.T) {
	t.Parallel()
	for _, it := range []struct {
		locale, input string
		in            []string // this order
	}{
		{"C.UTF-8", "4.50\nether\np\n", []string{"TRAINING", "Amount in EUR?", "€4.50: in which coin?", "Sale 0001, €4.50", "To pay in Ether:", "0x", "Payment link: ethereum:0x", "AWAITING: nothing seen yet", "PAID, HAND OVER: in block"}},
		{"de_DE.UTF-8", "2*3,10+1 b\np\nm\nm\nverkäufe\n", []string{"ÜBUNG", "Betrag in EUR?", "Verkauf 0001, 7,20 €", "Zu zahlen in Bitcoin:", "Zahlungslink: bitcoin:bcrt1", "ERWARTET: noch nichts zu sehen", "BEZAHLT, WARE GEBEN: in Block"}},
	} {
		text := demoInLines(t, it.input, "LC_ALL="+it.locale)
		rest := text
		for _, want := range it.in {
			i := strings.Index(rest, want)
			if i < 0 {
				t.Fatalf("%q does not come in its turn:\n%s", want, text)
			}
			rest = rest[i+len(want):]
		}
		if strings.ContainsAny(text, "\x1b\a\r\b") {
			t.Errorf("something is drawn:\n%q", text)
		}
	}
}

// TestShopInLines: a register of a configuration opens without a terminal, says
// in words what it cannot do, and ends with its input.
func TestShopInLines(t *testing.T) {
	t.Parallel()
	_, key := shopKeys(t)
	s := newTestShop(t, ethereumShop(evmNet{id: 1337, endpoint: "ws://127.0.0.1:1", token: "0x7111000000000000000000000000000000000C01"}, key)+"\n[receipt]\nprint = \"cat\"\n")
	res := s.do("health\nsales\nfind 77\nlock\n")
	if res.code != 0 || res.err != "" {
		t.Fatalf("%+v", res)
	}
	for _, want := range []string{"Amount in USD?", "Devnet: ", "No new sales meanwhile", "no sales yet", "No sale of this shop", "nobody has a PIN: the owner gives one"} {
		if !strings.Contains(res.out, want) {
			t.Errorf("%q is not said:\n%s", want, res.out)
		}
	}
}

func TestWhoGetsLines(t *testing.T) {
	pipe := func(args ...string) *cobra.Command {
		cmd := demoCommand()
		if err := cmd.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	t.Setenv("ACCESSIBLE", "")
	t.Setenv("TERM", "xterm")
	if cmd := pipe(); !wantsLines(withStreams(cmd)) {
		t.Error("a pipe gets a screen")
	}
	for _, it := range []struct{ accessible, term, flag string }{{"1", "xterm", "--plain=false"}, {"", "dumb", "--plain=false"}, {"0", "xterm", "--plain"}} {
		t.Setenv("ACCESSIBLE", it.accessible)
		t.Setenv("TERM", it.term)
		if !wantsLines(pipe(it.flag)) {
			t.Errorf("%+v: a screen is drawn", it)
		}
	}
}

func withStreams(cmd *cobra.Command) *cobra.Command {
	cmd.SetIn(strings.NewReader(""))
	cmd.SetOut(new(bytes.Buffer))
	return cmd
}
