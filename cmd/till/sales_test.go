package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// till runs a command of the root in this process.
func till(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

// soldFolder makes a data folder with two sales, one of them hostile.
func soldFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	books, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	paid := pos.Sale{
		ID: "8a5f4c1e-0000-4000-8000-000000000001", Number: 1, Code: "7K3QM9XA", CreatedAt: at, Terminal: "till 1",
		Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(1620, "EUR")}, Reference: "order-17", Metadata: json.RawMessage(`{"table":4}`),
		Addresses: []pos.Address{{Account: "a", Index: 0, Path: "m/84'/0'/0'/0/0", To: testFirst}},
		Quotes: []pos.Quote{{
			Asset: chain.Bitcoin, Rail: "bitcoin:mainnet", To: testFirst, Due: chain.Units(25958), At: at, Deadline: at.Add(15 * time.Minute), Decimals: 8,
		}},
		Outcome:  pos.Outcome{Status: pos.Paid, Verdict: pos.HandOver, Reason: pos.Reason{Code: pos.WhyConfirmed, N: 1}, Asset: chain.Bitcoin, Due: chain.Units(25958), Received: chain.Units(25958), Confirmations: 1, Needed: 1, At: at},
		ClosedAt: at,
	}
	open := pos.Sale{
		ID: "8a5f4c1e-0000-4000-8000-000000000002", Number: 2, Code: "AAAA2222", CreatedAt: at.Add(time.Hour),
		Price: pos.Price{Kind: pos.PriceOpen}, Reference: "\x1b[2Jevil\u202e", Note: "tip\x07",
		Outcome: pos.Outcome{Status: pos.Awaiting, Verdict: pos.Wait, Quote: -1, At: at},
	}
	payment := pos.Payment{
		Key: chain.PaymentKey{Network: "bitcoin:mainnet", TxID: chain.TxID(strings.Repeat("9f", 32)), Index: 1}, Rev: 1, SaleID: paid.ID, To: testFirst,
		Asset: chain.Bitcoin, Amount: chain.Units(25958), State: pos.Included, FirstAt: at, FirstSeen: true,
		Block: chain.BlockRef{Height: 975113, Hash: strings.Repeat("00", 32), Time: at},
	}
	err = books.Write(t.Context(), func(tx pos.Tx) error {
		for _, s := range []pos.Sale{paid, open} {
			if err := tx.PutSale(s); err != nil {
				return err
			}
		}
		return tx.PutPayment(payment)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSales(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir := soldFolder(t)
	for _, c := range []struct {
		args  []string
		wants []string
		never []string
	}{
		{[]string{"sales"}, []string{"NUMBER", "0002", "0001", "7K3QM9XA", "16.20 EUR", "Bitcoin", "PAID", "order-17", "open", "AWAITING"}, []string{"\x1b", "\u202e"}},
		{[]string{"sales", "list", "--limit", "1"}, []string{"0002"}, []string{"0001"}},
		{[]string{"sales", "list", "order-17"}, []string{"0001"}, []string{"0002"}},
		{[]string{"sales", "list", "--status", "PAID"}, []string{"0001"}, []string{"0002"}},
		{[]string{"sales", "list", testFirst}, []string{"0001"}, []string{"0002"}},
		{[]string{"sales", "list", "nothing like it"}, []string{"no sales"}, []string{"0001"}},
		{[]string{"sales", "show", "1"}, []string{"sale 0001", "16.20 EUR", "HAND OVER", testFirst, "m/84'/0'/0'/0/0", "25,958 sat in block 975,113", strings.Repeat("9f", 32), "order-17"}, nil},
		{[]string{"sales", "show", "7K3QM9XA"}, []string{"sale 0001"}, nil},
		{[]string{"sales", "show", "8a5f4c1e-0000-4000-8000-000000000002"}, []string{"sale 0002", "open", "tip"}, []string{"\x1b", "\x07", "\u202e"}},
	} {
		out, err := till(t, append(c.args, "--data", dir)...)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		for _, want := range c.wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q: %q is missing in\n%s", c.args, want, out)
			}
		}
		for _, never := range c.never {
			if strings.Contains(out, never) {
				t.Errorf("%q: %q stands in\n%q", c.args, never, out)
			}
		}
	}
	out, err := till(t, "sales", "--json", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d objects:\n%s", len(lines), out)
	}
	var j struct {
		Number   uint64
		Status   string
		Address  string
		Due      string
		Decimals int
		Metadata map[string]int
		Payments []struct {
			Amount string
			Block  uint64
		}
	}
	if err := json.Unmarshal([]byte(lines[1]), &j); err != nil {
		t.Fatal(err)
	}
	if j.Number != 1 || j.Status != "PAID" || j.Address != testFirst || j.Due != "25958" || j.Decimals != 8 || j.Metadata["table"] != 4 || len(j.Payments) != 1 || j.Payments[0].Block != 975113 {
		t.Errorf("%+v", j)
	}
	for _, args := range [][]string{{"sales", "show", "99"}, {"sales", "show", "nonsense"}} {
		if _, err := till(t, append(args, "--data", dir)...); codeOf(err) != 1 || !strings.Contains(err.Error(), "there is no sale") {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{{"sales", "show"}, {"sales", "list", "a", "b"}, {"sales", "--limit", "0"}} {
		if _, err := till(t, append(args, "--data", dir)...); codeOf(err) != 2 {
			t.Errorf("%q: %v", args, err)
		}
	}
}
