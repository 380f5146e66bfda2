package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// one of everything: what a table can hold is in its rows, so that no column is
// always zero or always NULL.
func oneOfEverything(t *testing.T, s *SQLite) {
	t.Helper()
	at := time.Date(2026, 11, 20, 9, 0, 0, 7, time.UTC)
	account, pool := chain.Account{ID: "bip84 account"}, chain.Account{ID: "pool of addresses", Cooldown: time.Minute}
	for n := uint64(1); n <= 3; n++ {
		at := at.Add(time.Duration(n) * time.Hour)
		if err := s.Write(context.Background(), func(tx pos.Tx) error {
			i, err1 := tx.NextIndex(account, at)
			k, err2 := tx.NextIndex(pool, at) // the same one again
			sale := pos.Sale{
				ID: fmt.Sprint("sale-of-number-", n), Number: n, Code: fmt.Sprint("KCODE00", n), Reference: fmt.Sprint("Table ", n), CreatedAt: at,
				Addresses: []pos.Address{
					{Account: account.ID, Index: i, To: chain.Destination(fmt.Sprint("bcrt1qfirst", n))},
					{Account: pool.ID, Index: k, To: "bcrt1qpooled"},
				},
				Quotes: []pos.Quote{{To: chain.Destination(fmt.Sprint("bcrt1qfirst", n)), Since: 800 + n}},
			}
			err3 := tx.PutSale(sale)
			if n < 3 {
				sale.Outcome.Status, sale.ClosedAt = pos.Paid, at
			}
			if n == 1 {
				sale.Addresses = sale.Addresses[1:] // named no more, and known all the same
			}
			err4 := tx.PutSale(sale)
			p := pos.Payment{
				Key:    chain.PaymentKey{Network: "bitcoin:regtest", TxID: chain.TxID(fmt.Sprint("txid-of-payment-", n)), Index: uint32(n)},
				SaleID: sale.ID, To: sale.Addresses[0].To, FirstAt: at,
			}
			if n == 2 {
				p.SaleID = ""
			}
			seq, err5 := tx.AppendOutbox(pos.Change{At: at, SaleID: sale.ID, Number: n})
			_, err6 := tx.AppendJournal(pos.Entry{At: at, Kind: pos.EntrySale, Sale: sale.ID, Body: []byte(fmt.Sprintf(`{"body of":%d}`, n))})
			_, err7 := tx.AppendJournal(pos.Entry{At: at, Kind: pos.EntryShop, Body: []byte("{}")})
			d := pos.Delivery{Seq: seq, SaleID: sale.ID, URL: "https://shop.example/", State: pos.DeliveryWaiting, Next: at}
			last := d
			last.Seq += 10
			if n == 2 {
				d.State = pos.DeliveryDone
			}
			_, err8 := tx.NextIndex(chain.Account{ID: "no sale took it"}, at)
			return errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, tx.PutPayment(p), tx.PutDelivery(d), tx.PutDelivery(last),
				tx.PutMeta(fmt.Sprint("meta ", n), fmt.Sprint("value ", n)), tx.PutCursor(fmt.Sprint("rail ", n), chain.Cursor{Seq: n}))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write(context.Background(), func(tx pos.Tx) error { _, err := tx.NextNumber(); return err }); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// table is one table as it stands in the file.
type table struct {
	name    string
	columns []string
	key     []int // columns of the primary key
	rows    [][]any
}

func tables(t *testing.T, s *session) (all []table) {
	t.Helper()
	ctx := context.Background()
	if err := s.each(ctx, func(scan func(...any) error) error {
		all = append(all, table{})
		return scan(&all[len(all)-1].name)
	}, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		tab := &all[i]
		if err := s.each(ctx, func(scan func(...any) error) error {
			var name string
			var key int
			err := scan(&name, &key)
			if key > 0 {
				tab.key = append(tab.key, len(tab.columns))
			}
			tab.columns = append(tab.columns, name)
			return err
		}, "SELECT name, pk FROM pragma_table_info(?)", tab.name); err != nil {
			t.Fatal(err)
		}
		if err := s.each(ctx, func(scan func(...any) error) error {
			row, dest := make([]any, len(tab.columns)), make([]any, len(tab.columns))
			for k := range row {
				dest[k] = &row[k]
			}
			tab.rows = append(tab.rows, row)
			return scan(dest...)
		}, "SELECT * FROM "+tab.name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (tab table) of(row []any, column string) any { return row[slices.Index(tab.columns, column)] }

// named is how an error may name a row.
func (tab table) named(row []any, accounts map[int64]string) []string {
	of := func(column string) any { return tab.of(row, column) }
	account := func() string {
		if id, ok := accounts[of("account").(int64)]; ok {
			return fmt.Sprintf("%.100q", id)
		}
		return fmt.Sprint(of("account"))
	}
	switch tab.name {
	case "accounts":
		return []string{fmt.Sprintf("account %.100q", of("id"))}
	case "addresses":
		return []string{fmt.Sprintf("address %d of %s", of("idx"), account()), fmt.Sprintf("the address %.100q", of("destination")), fmt.Sprintf("shown for sale %d,", of("number"))}
	case "counters":
		return []string{fmt.Sprintf("counter %q", of("name"))}
	case "cursors":
		return []string{fmt.Sprintf("cursor of %q", of("rail"))}
	case "deliveries":
		return []string{fmt.Sprintf("delivery %d ", of("seq"))}
	case "frees":
		return []string{fmt.Sprintf("block %d of level %d of the free addresses of account %d ", of("pos"), of("level"), of("account"))}
	case "indices":
		return []string{fmt.Sprintf("index %d of %s", of("idx"), account())}
	case "journal":
		return []string{fmt.Sprintf("entry %d of its journal", of("seq")), fmt.Sprintf("entry %d stands", of("seq"))}
	case "meta":
		return []string{fmt.Sprintf("value %q", of("name"))}
	case "outbox":
		return []string{fmt.Sprintf("change %d ", of("seq"))}
	case "payments":
		return []string{fmt.Sprintf("payment %.200q", chain.PaymentKey{
			Network: chain.Network(of("network").(string)), TxID: chain.TxID(of("txid").(string)), Index: uint32(of("idx").(int64)),
		})}
	case "sales":
		return []string{fmt.Sprintf("sale %d ", of("number"))}
	}
	return nil
}

// flips are values that a damaged byte may make of one.
func flips(v any) (all []any) {
	text := func(b []byte, back func([]byte) any) {
		for at, bit := range map[int]byte{0: 0x20, len(b) / 2: 1, len(b) - 1: 0x80} {
			bad := bytes.Clone(b)
			bad[at] ^= bit
			all = append(all, back(bad))
		}
	}
	switch v := v.(type) {
	case nil:
		return []any{int64(0), int64(1)}
	case int64:
		return []any{v ^ 1, v ^ 1<<8, v ^ 1<<40, ^v, nil} // a row's header says which columns are NULL, or 0, or 1
	case string:
		if v == "" {
			return []any{"x"} // as if its length were another
		}
		text([]byte(v), func(b []byte) any { return string(b) })
	case []byte:
		text(v, func(b []byte) any { return b })
	}
	return all
}

// TestEveryColumn changes every column of every row of every table, as a damaged
// byte would. Check finds each and names the row, by what it was or by what it
// became.
func TestEveryColumn(t *testing.T) {
	ctx := context.Background()
	s := openHere(t)
	oneOfEverything(t, s)
	if err := s.writer.script("PRAGMA foreign_keys = 0; PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	accounts := map[int64]string{}
	all := tables(t, s.writer)
	for _, row := range all[slices.IndexFunc(all, func(tab table) bool { return tab.name == "accounts" })].rows {
		accounts[row[0].(int64)] = row[1].(string)
	}
	done := 0
	for _, tab := range all {
		if len(tab.rows) == 0 || tab.named(tab.rows[0], accounts) == nil {
			t.Errorf("the table %s has no row, or none that can be named", tab.name)
		}
		for i, row := range tab.rows {
			if UnderRace && i > 0 {
				break
			}
			for c, column := range tab.columns {
				some := false
				for _, to := range flips(row[c]) {
					bad := slices.Clone(row)
					bad[c] = to
					if tab.update(s.writer, c, row, to) != nil {
						continue // another row has that key, or the column takes no NULL
					}
					some = true
					err := s.Check(ctx)
					if !errors.Is(err, pos.ErrDamaged) || !slices.ContainsFunc(append(tab.named(row, accounts), tab.named(bad, accounts)...),
						func(name string) bool { return strings.Contains(err.Error(), name) }) {
						t.Errorf("%s.%s of %v became %v: %v", tab.name, column, row, to, err)
					}
					if err := tab.update(s.writer, c, bad, row[c]); err != nil {
						t.Fatal(err)
					}
					done++
				}
				if !some {
					t.Errorf("%s.%s of %v cannot be changed", tab.name, column, row)
				}
			}
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d changes were found", done)
}

// update changes one column of a row.
func (tab table) update(s *session, c int, row []any, to any) error {
	q, args := "UPDATE "+tab.name+" SET "+tab.columns[c]+" = ? WHERE true", []any{to}
	for _, k := range tab.key {
		q, args = q+" AND "+tab.columns[k]+" = ?", append(args, row[k])
	}
	return s.exec(q, args...)
}

// TestEveryTextInTheFile flips a byte of every text and hash where it stands in
// the file, also where it stands in an index.
func TestEveryTextInTheFile(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	oneOfEverything(t, s)
	all := tables(t, s.writer)
	if err := errors.Join(s.writer.script("VACUUM"), s.Close()); err != nil { // no old rows in free pages
		t.Fatal(err)
	}
	path := filepath.Join(dir, FileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	places := map[int]string{}
	for _, tab := range all {
		for _, row := range tab.rows {
			if tab.name == "counters" {
				continue // their names are words of the schema, which left copies in free space
			}
			for c, v := range row {
				text, ok := v.([]byte)
				if v, is := v.(string); is {
					text, ok = []byte(v), true
				}
				if !ok || len(text) < 6 { // shorter ones stand everywhere
					continue
				}
				found := 0
				for from := 0; ; found++ {
					at := bytes.Index(whole[from:], text)
					if at < 0 {
						break
					}
					places[from+at+len(text)/2] = tab.name + "." + tab.columns[c]
					from += at + len(text)
				}
				if found == 0 {
					t.Errorf("%s.%s of %v is not in the file", tab.name, tab.columns[c], row)
				}
			}
		}
	}
	for at, where := range places {
		bad := bytes.Clone(whole)
		bad[at] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(ctx, dir, Options{})
		if err == nil {
			err = errors.Join(s.Check(ctx), s.Close())
		}
		if !errors.Is(err, pos.ErrDamaged) {
			t.Errorf("byte %d, of %s: %v", at, where, err)
		}
	}
	t.Logf("%d places", len(places))
}
