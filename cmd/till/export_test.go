package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// soldAt is when the first sale of bookFolder was rung up; the others follow an
// hour apart.
var soldAt = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const etherID = chain.AssetID("eip155:1/native")

// bookSale is sale n of bookFolder: every third in ether, every fifth not paid,
// every seventh paid in the wrong coin as well.
func bookSale(n int) (pos.Sale, []pos.Payment) {
	at := soldAt.Add(time.Duration(n-1) * time.Hour)
	asset, decimals, due := chain.Bitcoin, uint8(8), chain.Units(uint64(1000+n))
	to, network := chain.Destination(fmt.Sprintf("bc1qbook%032d", n)), chain.Network("bitcoin:mainnet")
	if n%3 == 0 {
		asset, decimals = etherID, 18
		due, _ = chain.ParseAmount(fmt.Sprintf("%d000000000000000001", n))
		to, network = chain.Destination(fmt.Sprintf("0x%040d", n)), "eip155:1"
	}
	price := money.Of(int64(100+n), "EUR")
	s := pos.Sale{
		ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Number: uint64(n), Code: fmt.Sprintf("B%07d", n), CreatedAt: at,
		Terminal: "till 1", Cashier: "Ana, the \"first\"", Price: pos.Price{Kind: pos.PriceFiat, Fiat: price},
		Reference: fmt.Sprintf("=cmd|' /C calc'!A%d", n), Note: "two\r\nlines\t\x1b[2J\u202e",
		Addresses: []pos.Address{{Account: string(network), Index: uint32(n), Path: fmt.Sprintf("m/84'/0'/0'/0/%d", n), To: to}},
		Quotes: []pos.Quote{{
			Asset: asset, Rail: string(network), To: to, Due: due, At: at, Deadline: at.Add(15 * time.Minute), Decimals: decimals, Currency: "EUR", Value: price,
			Rate: pos.RateInfo{Rate: money.Rate{Num: 6241050, Scale: 2}, At: at, Sources: []string{"kraken", "coinbase"}},
		}},
	}
	if n%5 == 0 {
		s.Outcome = pos.Outcome{Status: pos.Expired, Reason: pos.Reason{Code: pos.WhyExpired}, Asset: asset, Due: due, Missing: due, At: at}
		s.ClosedAt = at
		return s, nil
	}
	s.Outcome = pos.Outcome{
		Status: pos.Paid, Verdict: pos.HandOver, Reason: pos.Reason{Code: pos.WhyConfirmed, N: 2}, Asset: asset, Due: due, Received: due, Confirmations: 2, Needed: 1, At: at,
	}
	s.ClosedAt = at
	payment := pos.Payment{
		Key: chain.PaymentKey{Network: network, TxID: chain.TxID(fmt.Sprintf("%064x", n))}, Rev: 1, SaleID: s.ID, To: to, Asset: asset, Amount: due,
		State: pos.Included, FirstAt: at, Block: chain.BlockRef{Height: 900000, Hash: strings.Repeat("00", 32), Time: at},
	}
	payments := []pos.Payment{payment}
	if n%7 == 0 {
		payment.Key.Index, payment.Asset, payment.Amount = 1, "eip155:1/erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7", chain.Units(5)
		payments = append(payments, payment)
		payment.Key.TxID, payment.State = chain.TxID(fmt.Sprintf("%064x", 1<<32+n)), pos.Gone
		payments = append(payments, payment)
	}
	if n%11 == 0 {
		refund := pos.Refund{Asset: asset, Rail: string(network), To: "customer", Amount: chain.Units(7), Basis: pos.RefundOver}
		wrong := refund
		wrong.Amount = chain.Units(900)
		s.Quotes[0].Rate.State, s.Quotes[0].Rate.Sources = pos.RateManual, []string{"manual: Maria"}
		s.Acts = []pos.Act{
			{Kind: pos.ActCash, At: at, Actor: pos.Actor{Name: "Jo", Terminal: "till 1"}, Cash: money.Of(50, "EUR")},
			{Kind: pos.ActRefundDue, At: at, Actor: pos.Actor{Name: "Jo"}, Approved: "Maria", Refund: &wrong},
			{Kind: pos.ActRefundVoid, At: at, Actor: pos.Actor{Name: "Jo"}, Approved: "Maria", Why: "=HYPERLINK(1)"},
			{Kind: pos.ActRefundDue, At: at, Actor: pos.Actor{Name: "Jo"}, Approved: "Maria", Refund: &refund},
		}
		back := payments[0]
		back.Key.TxID, back.To, back.Amount, back.Refund = chain.TxID(fmt.Sprintf("%064x", 1<<33+n)), "customer", chain.Units(6), true
		payments = append(payments, back)
	}
	return s, payments
}

// bookFolder makes a data folder with n sales.
func bookFolder(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	books, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for next := 1; next <= n; {
		err := books.Write(t.Context(), func(tx pos.Tx) error {
			for end := min(next+1000, n+1); next < end; next++ {
				if _, err := tx.NextNumber(); err != nil {
					return err
				}
				s, payments := bookSale(next)
				if err := tx.PutSale(s); err != nil {
					return err
				}
				for _, p := range payments {
					if err := tx.PutPayment(p); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := books.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exported reads a CSV as a list of rows by column.
func exported(t *testing.T, text string) []map[string]string {
	t.Helper()
	if strings.Count(text, "\r\n") != strings.Count(text, "\n") {
		t.Error("not every line ends with CR LF")
	}
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v in %.200q", err, text)
	}
	var rows []map[string]string
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// added adds a column up exactly.
func added(t *testing.T, rows []map[string]string, column, where, is string) string {
	t.Helper()
	sum := new(big.Rat)
	for _, row := range rows {
		if row[where] != is {
			continue
		}
		v, ok := new(big.Rat).SetString(row[column])
		if !ok {
			t.Fatalf("%s is %q", column, row[column])
		}
		sum.Add(sum, v)
	}
	return sum.FloatString(18)
}

// TestExportSums adds the columns up and compares with what was rung up.
func TestExportSums(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	const n = 2*salePage + 3
	dir := bookFolder(t, n)
	out, err := till(t, "sales", "export", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := exported(t, out)
	if len(rows) != n {
		t.Fatalf("%d rows, want %d", len(rows), n)
	}
	units := map[chain.AssetID]map[string]*big.Int{}
	fiat, cash, back, went := int64(0), int64(0), int64(0), int64(0)
	for i := 1; i <= n; i++ {
		s, _ := bookSale(i)
		fiat += s.Price.Fiat.Minor
		o := s.Outcome
		if units[o.Asset] == nil {
			units[o.Asset] = map[string]*big.Int{}
		}
		for name, a := range map[string]chain.Amount{"due": o.Due, "received": o.Received, "missing": o.Missing, "over": o.Over} {
			if units[o.Asset][name] == nil {
				units[o.Asset][name] = new(big.Int)
			}
			units[o.Asset][name].Add(units[o.Asset][name], a.Big())
		}
		if i%11 == 0 && i%5 != 0 {
			cash, back, went = cash+50, back+7, went+6
		}
		if row := rows[n-i]; row["number"] != fmt.Sprint(i) || row["id"] != s.ID || row["index"] != fmt.Sprint(i) || row["path"] != s.Addresses[0].Path || row["address"] != string(s.Addresses[0].To) {
			t.Fatalf("row %d is %v", n-i, row)
		}
	}
	if got, want := added(t, rows, "fiat", "currency", "EUR"), new(big.Rat).SetFrac64(fiat, 100).FloatString(18); got != want {
		t.Errorf("fiat adds up to %s, want %s", got, want)
	}
	for asset, decimals := range map[chain.AssetID]int64{chain.Bitcoin: 8, etherID: 18} {
		whole := new(big.Int).Exp(big.NewInt(10), big.NewInt(decimals), nil)
		for name, sum := range units[asset] {
			if got, want := added(t, rows, name+"_units", "asset", string(asset)), new(big.Rat).SetInt(sum).FloatString(18); got != want {
				t.Errorf("%s_units of %s adds up to %s, want %s", name, asset, got, want)
			}
			if got, want := added(t, rows, name, "asset", string(asset)), new(big.Rat).SetFrac(sum, whole).FloatString(18); got != want {
				t.Errorf("%s of %s adds up to %s, want %s", name, asset, got, want)
			}
		}
	}
	if got, want := added(t, rows, "cash", "cash_currency", "EUR"), new(big.Rat).SetFrac64(cash, 100).FloatString(18); got != want {
		t.Errorf("cash adds up to %s, want %s", got, want)
	}
	for name, want := range map[string]int64{"refund_units": back, "refunded_units": went} {
		sum := new(big.Rat)
		for _, asset := range []chain.AssetID{chain.Bitcoin, etherID} {
			part, _ := new(big.Rat).SetString(added(t, rows, name, "refund_asset", string(asset)))
			sum.Add(sum, part)
		}
		if sum.Cmp(new(big.Rat).SetInt64(want)) != 0 {
			t.Errorf("%s adds up to %s, want %d", name, sum, want)
		}
	}
	acted := rows[n-11]
	for name, want := range map[string]string{
		"rate_state": "manual", "sources": "manual: Maria", "cash": "0.50", "cash_currency": "EUR", "refund_units": "7", "refunded_units": "6",
		"refund": "0.00000007", "refunded": "0.00000006", "refund_to": "customer", "refund_txids": fmt.Sprintf("%064x", 1<<33+11), "txids": fmt.Sprintf("%064x", 11),
		"acts": "2026-11-01T10:00:00Z cash by Jo; 2026-11-01T10:00:00Z refund-due by Jo allowed by Maria; " +
			"2026-11-01T10:00:00Z refund-void by Jo allowed by Maria (=HYPERLINK(1)); 2026-11-01T10:00:00Z refund-due by Jo allowed by Maria",
	} {
		if acted[name] != want {
			t.Errorf("%s is %q, want %q", name, acted[name], want)
		}
	}
	row := rows[n-7]
	for name, want := range map[string]string{
		"status": "PAID", "fiat": "1.07", "currency": "EUR", "asset": "bitcoin/btc", "symbol": "BTC", "due": "0.00001007", "rate": "62410.5", "rate_currency": "EUR",
		"sources": "kraken coinbase", "txids": fmt.Sprintf("%064x", 7), "other_payments": "5 eip155:1/erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7",
		"created_utc": "2026-11-01T06:00:00Z", "created_local": soldAt.Add(6 * time.Hour).Local().Format(time.DateTime), "confirmations": "2",
		"terminal": "till 1", "cashier": `Ana, the "first"`, "reference": "'=cmd|' /C calc'!A7", "note": "two lines [2J",
	} {
		if row[name] != want {
			t.Errorf("%s is %q, want %q", name, row[name], want)
		}
	}

	// JSON lines say the same.
	out, err = till(t, "sales", "export", "--json", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != n {
		t.Fatalf("%d lines, want %d", len(lines), n)
	}
	for i, line := range lines {
		var j soldJSON
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			t.Fatal(err)
		}
		for _, c := range columns {
			want := c.cell(j)
			if !c.number {
				want = harmless(want)
			}
			if rows[i][c.name] != want {
				t.Fatalf("%s of sale %d is %q as CSV and %q as JSON", c.name, j.Number, rows[i][c.name], want)
			}
		}
	}
}

func TestExportRange(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("east", 2*60*60)
	dir := bookFolder(t, 72) // three days of UTC
	for _, c := range []struct {
		args        []string
		first, last int // none if 0
	}{
		{nil, 1, 72},
		{[]string{"--from", "2026-11-02"}, 23, 72}, // from 22:00 of the day before in UTC
		{[]string{"--until", "2026-11-01"}, 1, 22},
		{[]string{"--from", "2026-11-02", "--until", "2026-11-02"}, 23, 46},
		{[]string{"--from", "2026-11-01T05:00:00Z", "--until", "2026-11-01T06:00:00Z"}, 6, 6},
		{[]string{"--from", "2026-11-01T05:00:00+00:00"}, 6, 72},
		{[]string{"--from", "0001-01-01"}, 1, 72},
		{[]string{"--from", "1999-01-01", "--until", "9999-12-31"}, 1, 72},
		{[]string{"--from", "9000-01-01"}, 0, 0},
		{[]string{"--until", "2000-01-01"}, 0, 0},
	} {
		out, err := till(t, append([]string{"sales", "export", "--data", dir}, c.args...)...)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		var got []string
		for _, row := range exported(t, out) {
			got = append(got, row["number"])
		}
		var want []string
		for n := c.last; n >= c.first && n > 0; n-- {
			want = append(want, fmt.Sprint(n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", c.args, got, want)
		}
	}
	for _, args := range [][]string{
		{"--from", "yesterday"},
		{"--until", "2026-13-01"},
		{"--from", "2026-11-02", "--until", "2026-11-01"},
		{"--format", "xlsx"},
		{"--format", "csv", "--json"},
		{"--from", "\x1b[2J"},
		{"extra"},
	} {
		if _, err := till(t, append([]string{"sales", "export", "--data", dir}, args...)...); codeOf(err) != exitUsage || strings.Contains(oneLine(err), "\x1b") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := till(t, "sales", "export", "--data", t.TempDir()); codeOf(err) != exitError {
		t.Errorf("without a store: %v", err)
	}
}

// TestExportFile writes whole files only, and leaves nothing else behind.
func TestExportFile(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir, to := bookFolder(t, 3), t.TempDir()
	file := filepath.Join(to, "november.csv")
	for range 2 { // the second time it replaces
		out, err := till(t, "sales", "export", "--out", file, "--data", dir)
		if err != nil || !strings.Contains(out, "3 sales written to "+file) {
			t.Fatalf("%q, %v", out, err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || len(exported(t, string(text))) != 3 {
		t.Errorf("%v, %q", err, text)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, bad := range []string{to, filepath.Join(to, "none", "a.csv"), filepath.Join(file, "a.csv"), os.DevNull} {
		if _, err := till(t, "sales", "export", "--out", bad, "--data", dir); codeOf(err) != exitError || strings.Contains(err.Error(), "open ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	// A damaged store leaves the last file as it was.
	db := filepath.Join(dir, store.FileName)
	damage(t, db, "2026-11-01T01:00:00", "2026-11-01T02:00:00")
	if _, err := till(t, "sales", "export", "--out", file, "--data", dir); codeOf(err) != exitError || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("of a damaged store: %v", err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(text) {
		t.Errorf("%v, %q", err, now)
	}
	left, err := os.ReadDir(to)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// damage changes a text in a file that nobody has open.
func damage(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%q is not in the file, %v", from, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNoFormula(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"order-17", "order-17"},
		{"=1", "'=1"},
		{"+1", "'+1"},
		{"-1", "'-1"},
		{"@a", "'@a"},
		{"\ta", "'\ta"},
		{"\ra", "'\ra"},
		{"＝1", "'＝1"},
		{"'=1", "'=1"},
		{"a=1", "a=1"},
	} {
		if got := noFormula(c.text); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}

// FuzzHarmless: whatever is in a sale, a cell is one line that begins no formula.
func FuzzHarmless(f *testing.F) {
	for _, text := range []string{"=1+1", " =1", "\u200b=1", "\ufeff@x", "\x00-2", "a\r\n=b", "＝1", "'", "é"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := harmless(text)
		if got == "" {
			return
		}
		if strings.ContainsAny(got, "\r\n\t\x1b\x00") || strings.ContainsAny(string([]rune(got)[0]), "=+-@＝＋－＠") {
			t.Fatalf("%q is %q", text, got)
		}
	})
}
