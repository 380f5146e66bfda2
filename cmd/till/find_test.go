package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// TestFind asks where the money is in every way that people ask.
func TestFind(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir := bookFolder(t, 30)
	books := openStore(t, dir) // a register holds it
	short, _ := bookSale(29)
	short.ID, short.Number, short.Code, short.Reference = "00000000-0000-4000-8000-0000000000ff", 31, "SHRT0031", "order-31"
	short.Addresses = nil
	short.Outcome = pos.Outcome{
		Status: pos.Underpaid, Verdict: pos.AskSupervisor, Reason: pos.Reason{Code: pos.WhyShort, Amount: chain.Units(400)}, Asset: chain.Bitcoin,
		Due: chain.Units(1029), Received: chain.Units(629), Missing: chain.Units(400),
	}
	if err := books.Write(t.Context(), func(tx pos.Tx) error { return tx.PutSale(short) }); err != nil {
		t.Fatal(err)
	}
	txid := fmt.Sprintf("%064x", 7)
	ether := fmt.Sprintf("0x%040d", 3)
	for _, c := range []struct {
		text  string
		wants []string
		never string
	}{
		{txid, []string{"sale 0007", "PAID  HAND OVER", "1,007 sat of Bitcoin came; nothing is missing", "found     1,007 sat in block 900,000  first seen 2026-11-01 ", txid}, "sale 0008"},
		{"0x" + txid, []string{"sale 0007"}, "sale 0008"},
		{strings.ToUpper(txid), []string{"sale 0007"}, "sale 0008"},
		{txid + ":1", []string{"sale 0007"}, "sale 0008"},
		{"https://explorer.example/tx/" + txid + "/?q=1#flow", []string{"sale 0007"}, "sale 0008"},
		{fmt.Sprintf("bc1qbook%032d", 5), []string{"sale 0005", "EXPIRED", "nothing of Bitcoin came; 1,005 sat was asked for"}, "sale 0006"},
		{ether, []string{"sale 0003", "3.000000000000000001 ETH of Ether came; nothing is missing"}, "sale 0004"},
		{"ethereum:" + ether + "@1?value=1", []string{"sale 0003"}, "sale 0004"},
		{"4", []string{"sale 0004", "to find it as an amount: till find 4EUR"}, "sale 0005"},
		{"#0004", []string{"sale 0004"}, "sale 0005"},
		{"B0000011", []string{"sale 0011"}, "sale 0012"},
		{"b-000 0011", []string{"sale 0011"}, "sale 0012"},
		{"order-31", []string{"sale 0031", "UNDERPAID  ASK SUPERVISOR", "629 sat of Bitcoin came; 400 sat of 1,029 sat is missing", "reference order-31"}, "sale 0029"},
		{"1.13", []string{"sale 0013"}, "sale 0014"},
		{"1,13 eur", []string{"sale 0013"}, "sale 0014"},
		{"1013sat", []string{"sale 0013"}, "sale 0014"},
		{"1013", []string{"sale 0013"}, "sale 0014"},
		{"0.00001013", []string{"sale 0013"}, "sale 0014"},
		{"0.00001013 btc", []string{"sale 0013"}, "sale 0014"},
		{"3.000000000000000001ETH", []string{"sale 0003"}, "sale 0006"},
		{"629 sats", []string{"sale 0031"}, "sale 0029"},
		{"0.000005USDT", []string{"sale 0007", "sale 0014", "sale 0021", "sale 0028"}, "sale 0022"},
	} {
		out, err := till(t, "find", c.text, "--data", dir)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		for _, want := range c.wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q: %q is missing in\n%s", c.text, want, out)
			}
		}
		if strings.Contains(out, c.never) {
			t.Errorf("%q: %q stands in\n%s", c.text, c.never, out)
		}
		if strings.ContainsAny(out, "\x1b\u202e\r") {
			t.Errorf("%q: control characters in %q", c.text, out)
		}
	}

	out, err := till(t, "find", "B000", "--data", dir)
	if err != nil || strings.Count(out, "code B0") != findMost || !strings.Contains(out, "only the newest 20 are shown") || !strings.HasPrefix(out, "sale 0030") {
		t.Errorf("%v,\n%s", err, out)
	}
	out, err = till(t, "find", "1.13EUR", "--json", "--data", dir)
	var j struct {
		Number   uint64
		Status   string
		Payments []struct{ Amount string }
	}
	if err != nil || json.Unmarshal([]byte(out), &j) != nil || j.Number != 13 || j.Status != "PAID" || len(j.Payments) != 1 || j.Payments[0].Amount != "1013" {
		t.Errorf("%v, %q", err, out)
	}

	for _, c := range []struct{ text, says string }{
		{strings.Repeat("ab", 32), "none of the 31 sales here has that as its number, code, reference, address or transaction"},
		{strings.Repeat("ab", 32), "a transaction that paid to no address of this till"},
		{"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", "nothing was found: none of the 31 sales here has that"},
		{"77.77", `has "77.77" as its number`},
		{"77.77", "nor is it a price, an amount asked or an amount that came"},
		{"1013USD", "nor is it a price"},
		{"0", "nothing was found"},
		{"7KZZZ", `has "7KZZZ" as its number`},
		{"\x1b[2J\u202e", "nothing was found"},
		{"%", "nothing was found"},
		{"' OR 1=1 --", "nothing was found"},
		{"\x00\xff\xfe", "nothing was found"},
		{"99999999999999999999999999", "nothing was found"},
		{"18446744073709551615", "nothing was found"},
		{"9223372036854775807", "nothing was found"},
		{"-", "nothing was found"},
		{"https://", "nothing was found"},
	} {
		out, err := till(t, "find", "--data", dir, "--", c.text)
		if codeOf(err) != exitError || out != "" || !strings.Contains(oneLine(err), c.says) || strings.ContainsAny(oneLine(err), "\x1b\u202e\n") {
			t.Errorf("%q: %q, %v", c.text, out, err)
		}
	}
	for _, args := range [][]string{{}, {""}, {" ", " "}, {strings.Repeat("a", 3000)}, {"--nonsense"}} {
		if _, err := till(t, append([]string{"find", "--data", dir}, args...)...); codeOf(err) != exitUsage {
			t.Errorf("%.40q: %v", args, err)
		}
	}
	if _, err := till(t, "find", "1", "--data", t.TempDir()); codeOf(err) != exitError || !strings.Contains(err.Error(), "there are no sales") {
		t.Errorf("without a store: %v", err)
	}
}

// FuzzSearched: whatever is pasted, looking for it is one short text.
func FuzzSearched(f *testing.F) {
	for _, text := range []string{"https://a/b/c", "bitcoin:bc1q?amount=1", "://", "ab:cd", "http://%zz", "\x00", strings.Repeat("a", 64) + ":0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := searched(text); strings.TrimSpace(text) != "" && strings.TrimSpace(got) == "" {
			t.Fatalf("%q becomes nothing, which finds everything", text)
		}
		if a, ok := (places{config: filepath.Join(t.TempDir(), "none.toml")}).amount(text); ok && a.number == "" {
			t.Fatalf("%q is an amount of nothing", text)
		}
	})
}
