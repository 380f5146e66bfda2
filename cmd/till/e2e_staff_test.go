package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/tui/tuitest"
)

// TestStaffAtATerminal: PINs are asked for unseen, twice, by the open register
// and without one, and stand nowhere afterwards.
func TestStaffAtATerminal(t *testing.T) {
	t.Parallel()
	_, key := shopKeys(t)
	s := newTestShop(t, strings.Replace(ethereumShop(evmNet{id: 1337, endpoint: "ws://127.0.0.1:1", token: "0x7111000000000000000000000000000000000C01"}, key), "need = 2", "need = 1", 1))

	sh := s.shell(80, 24)
	sh.Type("staff add Maria --role supervisor").Press("enter")
	sh.See("the new PIN of Maria:").Type("27182").Press("enter").See("a supervisor's at least 6", "choose another one").Gone("again:")
	sh.Type("271828").Press("enter").See("again:").Type("271829").Press("enter").See("two different PINs", "nothing was changed")
	sh.Type("clear").Press("enter").Gone("two different")
	sh.Type("staff add Maria --role supervisor").Press("enter").See("the new PIN of Maria:").Type("271828").Press("enter")
	sh.See("again:").Type("271828").Press("enter").See("Maria is a supervisor now")

	c := &counter{shopUnderTest: s}
	c.start()
	c.See("Ether", "not connected")
	sh.Type("clear").Press("enter").Gone("Maria is a supervisor")
	sh.Type("staff add Jo").Press("enter")
	sh.See("a supervisor's PIN:").Type("111111").Press("enter").See("the new PIN of Jo:").Type("314159").Press("enter").See("again:").Type("314159").Press("enter")
	sh.See("this is no supervisor's PIN", "left before the till takes none")
	sh.Type("clear").Press("enter").Gone("left before")
	sh.Type("staff add Jo").Press("enter")
	sh.See("a supervisor's PIN:").Type("271828").Press("enter").See("the new PIN of Jo:").Type("271828").Press("enter").See("again:").Type("271828").Press("enter")
	sh.See("somebody else has this PIN").Type("314159").Press("enter").Until("ask again", asks("again:", 2)).Type("314159").Press("enter").See("Jo is a cashier now")

	// Left at the prompt, the terminal is as it was.
	sh.Type("clear").Press("enter").Gone("Jo is a cashier")
	sh.Type("staff remove Jo").Press("enter").See("a supervisor's PIN:").Type("2718").Press("ctrl+c")
	sh.Until("see the prompt", func(frame string) bool { return strings.HasSuffix(strings.TrimSpace(frame), "\n>") })
	sh.Type("echo this is seen").See("echo this is seen").Press("enter")
	if res := s.do("", "staff", "list"); res.code != 0 || !strings.Contains(res.out, "Jo     cashier") || !strings.Contains(res.out, "Maria  supervisor") {
		t.Errorf("%+v", res)
	}
	for _, c := range []struct {
		stdin, says string
		code        int
		args        []string
	}{
		{"314159\n", "it is Jo's, who is a cashier", exitError, []string{"remove", "Maria", "--pin-stdin"}},
		{"", "no line 1", exitUsage, []string{"remove", "Maria", "--pin-stdin"}},
		{"", "--pin-stdin", exitUsage, []string{"remove", "Maria"}},
		{"271828\n", "nobody here is called", exitError, []string{"remove", "Al", "--pin-stdin"}},
		{strings.Repeat("1", 100) + "\n", "longer than any PIN", exitUsage, []string{"add", "Al", "--pin-stdin"}},
		{"1234\n271828\n", "no number", exitUsage, []string{"add", "1234", "--pin-stdin"}},
		{"1234\n271828\n", "plain text", exitUsage, []string{"add", "Al\x1b[2J", "--pin-stdin"}},
		{"1234\n271828\n", "one name", exitUsage, []string{"add", "Al", "5678", "--pin-stdin"}},
		{"1234\n271828\n", "cashier or supervisor", exitUsage, []string{"add", "Al", "--role", "boss", "--pin-stdin"}},
		{"12a4\n271828\n", "4 to 12 digits", exitError, []string{"add", "Al", "--pin-stdin"}},
	} {
		res := s.do(c.stdin, append([]string{"staff"}, c.args...)...)
		if res.code != c.code || !strings.Contains(res.err, c.says) || strings.Count(res.err, "\n") != 1 || res.out != "" {
			t.Errorf("staff %q: %+v, want %d %q", c.args, res, c.code, c.says)
		}
	}
	if res := s.do("271828\n", "staff", "remove", "Jo", "--pin-stdin"); res.code != 0 {
		t.Errorf("%+v", res)
	}
	c.leave(c.Pane)
	if res := s.do("", "staff"); res.code != 0 || strings.Contains(res.out, "Jo") {
		t.Errorf("%+v", res)
	}
	if files := s.holding("271828", "314159", "27182"); len(files) > 0 {
		t.Errorf("a PIN stands in %s", files)
	}
	// Five wrong ones are enough, also over restarts of the command.
	for range 5 {
		s.do("000000\n", "staff", "remove", "Maria", "--pin-stdin")
	}
	if res := s.do("000000\n", "staff", "remove", "Maria", "--pin-stdin"); !strings.Contains(res.err, "takes none until") {
		t.Errorf("%+v", res)
	}
	if res := s.do("271828\n", "staff", "remove", "Maria", "--pin-stdin"); res.code != exitError || !strings.Contains(res.err, "takes none until") {
		t.Errorf("the right PIN while none is taken: %+v", res)
	}
}

// asks tells whether a screen holds a text so many times.
func asks(text string, n int) func(string) bool {
	return func(frame string) bool { return strings.Count(frame, text) == n }
}

// shell is a terminal with a shell that has the shop's commands: staff add …
func (s *shopUnderTest) shell(cols, rows int) *tuitest.Pane {
	s.t.Helper()
	rc := filepath.Join(s.dir, "rc")
	text := fmt.Sprintf("staff() { '%s' staff \"$@\"; }\nPS1='> '\n", os.Args[0])
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	command := append(append([]string{"env"}, s.env...), "TILL_CONFIG="+s.config, "TILL_DATA="+s.data, "ENV="+rc, "sh", "-i")
	pane := tuitest.Tmux(s.t, cols, rows, nil, command...)
	if err := pane.Record(s.stream); err != nil {
		s.t.Fatal(err)
	}
	pane.See(">")
	return pane
}
