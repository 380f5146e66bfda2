package main

import (
	"strings"
	"testing"
)

// TestActs: what the screen does with a sale a command does too, with the open
// register and without one.
func TestActs(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	s := newTestShop(t, ethereumShop(n, key))
	ok := func(stdin, says string, args ...string) {
		t.Helper()
		if res := s.do(stdin, args...); res.code != 0 || !strings.Contains(res.out, says) {
			t.Errorf("%q: %+v, want %q", args, res, says)
		}
	}
	no := func(code int, stdin, says string, args ...string) {
		t.Helper()
		if res := s.do(stdin, args...); res.code != code || !strings.Contains(res.err, says) || strings.Count(res.err, "\n") != 1 {
			t.Errorf("%q: %+v, want %d %q", args, res, code, says)
		}
	}
	ok("271828\n", "Maria", "staff", "add", "Maria", "--role", "supervisor", "--pin-stdin")

	// At the open register: the rest in cash.
	f := s.sale("4.50", "--asset", "ETH")
	n.payNative(t, f.see("AWAITING")["address"].(string), 2_000_000_000_000_000)
	f.see("PARTIAL")
	no(exitError, "", "not possible", "sales", "act", "1", "cancel")
	no(exitUsage, "", "--pin-stdin", "sales", "act", "1", "accept")
	ok("", "SEEN", "sales", "act", "1", "cash", "--why", "no signal")
	n.mine(t, 2)
	f.see("ACCEPTED")
	f.exit(0)

	// Nobody is open: a refund of what was paid, a mistake, and done by hand.
	const customer = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
	no(exitError, "111111\n", "no supervisor's PIN", "sales", "act", "1", "refund-due", "--refund", "paid", "--to", customer, "--pin-stdin")
	no(exitError, "271828\n", "address", "sales", "act", "1", "refund-due", "--refund", "paid", "--to", "nonsense", "--pin-stdin")
	ok("271828\n", "REFUND DUE", "sales", "act", "1", "refund-due", "--refund", "paid", "--to", customer, "--pin-stdin")
	ok("271828\n", "ACCEPTED", "sales", "act", "1", "refund-void", "--why", "wrong sale", "--pin-stdin")
	ok("271828\n", "REFUND DUE", "sales", "act", "1", "refund-due", "--refund", "part", "--part", "1.00", "--to", "ethereum:"+customer, "--pin-stdin")
	ok("271828\n", "REFUNDED", "sales", "act", "1", "refund-done", "--pin-stdin")
	ok("", "no signal", "sales", "show", "1")
	for _, says := range []string{"what happened", "rung up", "seen", "in block", "refund    0.0005 ETH"} {
		ok("", says, "sales", "show", "1")
	}
	ok("", "REFUNDED", "sales", "export")
	for _, wrong := range [][]string{
		{"1"},
		{"1", "sell"},
		{"1", "cancel", "--to", customer},
		{"1", "refund-due", "--to", customer},
		{"1", "refund-due", "--refund", "paid"},
		{"1", "refund-due", "--refund", "part", "--to", customer},
		{"1", "cash", "--cash", "x"},
		{"1", "cash", "--cash", "0"},
	} {
		if res := s.do("", append([]string{"sales", "act"}, wrong...)...); res.code != exitUsage || strings.Count(res.err, "\n") != 1 {
			t.Errorf("%q: %+v", wrong, res)
		}
	}
	no(exitError, "", "there is no sale", "sales", "act", "99", "cancel")
	ok("", "all that was checked is as it was written", "verify")
}
