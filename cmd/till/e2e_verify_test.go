package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/cointill/till/chain/chaintest/btcdtest"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// TestVerify: an honest folder stands up to it, with its networks asked by the
// open register or by itself, and whatever somebody changes behind the till's
// back is named.
func TestVerify(t *testing.T) {
	t.Parallel()
	node, n := btcdtest.Start(t, btcdtest.Options{Blocks: 300}), simulatedNet(t)
	s := newTestShop(t, bothShop(t, node.P2P(), n))
	if res := s.do("", "verify"); res.code != exitError || !strings.Contains(res.err, "there are no sales") {
		t.Errorf("without a folder: %+v", res)
	}
	if res := s.do("271828\n", "staff", "add", "Maria", "--role", "supervisor", "--pin-stdin"); res.code != 0 {
		t.Fatalf("%+v", res)
	}

	f := s.sale("4.50", "--asset", "bitcoin/btc")
	node.Pay(t, f.see("AWAITING")["address"].(string), 9000)
	f.see("SEEN")
	node.Mine(t, 2)
	f.see("PAID")
	f.exit(0)
	f = s.sale("0.01ETH")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	n.mine(t, 2)
	f.see("PAID")
	f.exit(0)
	// The folder is held: the register is asked, at its socket.
	f = s.sale("1.00", "--asset", "ETH")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	f.see("SEEN")
	ok := func(res ended, wants ...string) {
		t.Helper()
		if res.code != 0 || res.err != "" {
			t.Errorf("%d %q\n%s", res.code, res.err, res.out)
		}
		for _, want := range wants {
			if !strings.Contains(res.out, want) {
				t.Errorf("%q is missing in\n%s", want, res.out)
			}
		}
	}
	ok(s.do("", "verify"), "3 sales", "3 addresses derived again", "3 payments, 3 of them confirmed")
	if res := s.do("1234\n271828\n", "staff", "add", "Jo", "--pin-stdin"); res.code != 0 {
		t.Errorf("%+v", res)
	}
	if res := s.do("", "staff"); res.code != 0 || !strings.Contains(res.out, "Maria") || !strings.Contains(res.out, "Jo") {
		t.Errorf("%+v", res)
	}
	// An unknown transaction, an address that is nobody's, and what was sent to
	// others: what each network says of it.
	never := strings.Repeat("ab", 32)
	if res := s.do("", "find", never); res.code != exitError || !strings.Contains(res.out, "does not know it") || !strings.Contains(res.out, "Bitcoin simnet: this way of watching has no index") || !strings.Contains(res.err, "nothing was found") {
		t.Errorf("%+v", res)
	}
	f.interrupt()
	f.exit(exitError)

	if res := s.do("", "find", never); res.code != exitError || !strings.Contains(res.err, "--ask asks them") {
		t.Errorf("%+v", res)
	}
	if res := s.do("", "find", "--ask", never); res.code != exitError || !strings.Contains(res.out, "does not know it") {
		t.Errorf("%+v", res)
	}
	// Nobody holds it: the networks are connected, and what the light client has
	// no index of is found at its address.
	ok(s.do("", "verify"), "3 payments, 3 of them confirmed", "all that was checked is as it was written", "\nhead     ")
	res := s.do("", "verify", "--offline", "--json")
	var v verdict
	if err := json.Unmarshal([]byte(res.out), &v); err != nil || res.code != 0 || !v.OK || v.Sales != 3 || v.Payments != 3 || v.Asked != 0 {
		t.Errorf("%+v", res)
	}
	ok(s.do("", "verify", "--offline", "--anchor", v.Head))
	for _, bad := range []string{"", "1", "x:y", "0:abc", v.Head + "0"} {
		if res := s.do("", "verify", "--anchor", bad); res.code != exitUsage {
			t.Errorf("the anchor %q: %+v", bad, res)
		}
	}

	s.tampered(v.Head)

	// The network forgot the block of a payment that is PAID here.
	n.reorg(t, 2, false)
	n.mine(t, 1)
	if res := s.do("", "verify"); res.code != exitError || !regexp.MustCompile(`PROBLEM  payment .* of sale 2: .*does not know that transaction|has it in no block`).MatchString(res.out) {
		t.Errorf("%+v", res)
	}
}

// tampered changes copies of the shop's folder, each in one way, and wants it
// named by `till verify --offline`.
func (s *shopUnderTest) tampered(head string) {
	t := s.t
	whole, err := os.ReadFile(filepath.Join(s.data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	sum := func(doc string) int64 {
		return int64(crc32.Checksum([]byte(doc), crc32.MakeTable(crc32.Castagnoli)))
	}
	// edit changes the document of a row, with its check sum, as somebody would
	// who knows how till stores.
	edit := func(table, where, old, now string) func(*testing.T, *sql.DB) {
		return func(t *testing.T, db *sql.DB) {
			var doc string
			if err := db.QueryRow("SELECT json FROM " + table + " WHERE " + where).Scan(&doc); err != nil {
				t.Fatal(err)
			}
			changed := strings.ReplaceAll(doc, old, now)
			if changed == doc {
				t.Fatalf("%q is not in %s", old, doc)
			}
			if _, err := db.Exec("UPDATE "+table+" SET json = ?, sum = ? WHERE "+where, changed, sum(changed)); err != nil {
				t.Fatal(err)
			}
		}
	}
	do := func(queries ...string) func(*testing.T, *sql.DB) {
		return func(t *testing.T, db *sql.DB) {
			for _, q := range queries {
				res, err := db.Exec(q)
				if err != nil {
					t.Fatalf("%s: %v", q, err)
				}
				if n, err := res.RowsAffected(); err != nil || n == 0 {
					t.Fatalf("%s changed nothing", q)
				}
			}
		}
	}
	for _, c := range []struct {
		name, says string
		change     func(*testing.T, *sql.DB)
	}{
		{"an amount that came", `PROBLEM  sale .* sale 1 is not what the journal says: Payments 1\.amount is "8999" and not "9000"`, edit("payments", "rowid = 1", `"9000"`, `"8999"`)},
		{"a status", `PROBLEM  sale .* sale 2 is not what the journal says: Sale\.outcome\.confirmations`, edit("sales", "number = 2", `"confirmations":2`, `"confirmations":9`)},
		{"a byte of a sale", `PROBLEM  store .* sale 2`, do("UPDATE sales SET json = replace(json, 'PAID', 'PAIE') WHERE number = 2")},
		{"a byte of a payment", `PROBLEM  store .* payment `, do("UPDATE payments SET json = replace(json, '9000', '9001') WHERE rowid = 1")},
		{"a byte of the outbox", `PROBLEM  store .* change 2`, do("UPDATE outbox SET json = replace(json, '0', '1') WHERE seq = 2")},
		{"a byte of the journal", `PROBLEM  \S+ .* entry 5 of (its|the) journal is not what was written`, do("UPDATE journal SET body = replace(body, '0', '1') WHERE seq = 5")},
		{"a time of the journal", `PROBLEM  \S+ .* entry 5 of (its|the) journal`, do("UPDATE journal SET at = at + 1 WHERE seq = 5")},
		{"a hash of the journal", `PROBLEM  \S+ .* entry 4 of (its|the) journal`, do("UPDATE journal SET hash = zeroblob(32) WHERE seq = 4")},
		{"an entry taken out", `PROBLEM  \S+ .* entry [56] of (its|the) journal`, do("DELETE FROM journal WHERE seq = 5")},
		{"a payment taken out", `PROBLEM  sale .* sale 1 is not what the journal says: Payments`, do("DELETE FROM payments WHERE rowid = 1")},
		{"a journal cut short", `PROBLEM  anchor .* the journal ends with entry \d+, and entry \d+ was noted down`, do(
			"DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)",
			"UPDATE counters SET value = (SELECT max(seq) FROM journal), guard = ~(SELECT max(seq) FROM journal) WHERE name = 'journal'")},
		{"a journal written again", `PROBLEM  anchor .* entry \d+ of the journal is not the one that was noted down`, rewrite},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, store.FileName)
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			c.change(t, db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			res := s.do("", "verify", "--offline", "--anchor", head, "--data", dir)
			if res.code != exitError || !regexp.MustCompile(c.says).MatchString(res.out) || !strings.Contains(res.out, "NOT as it was written") {
				t.Errorf("%d %q, want %s in\n%s", res.code, res.err, c.says, res.out)
			}
		})
	}
	// Another key in the configuration derives other addresses.
	t.Run("another key", func(t *testing.T) {
		text, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		_, other := shopKeys(t)
		config := filepath.Join(t.TempDir(), "till.toml")
		changed := regexp.MustCompile(`key = "xpub[^"]*"`).ReplaceAllString(string(text), fmt.Sprintf("key = %q", other))
		if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		res := s.do("", "verify", "--offline", "--config", config)
		if !strings.Contains(res.out, "whose key is not in the configuration any more") {
			t.Errorf("%+v", res)
		}
	})
}

// rewrite makes a whole new journal that fits, as somebody would who knows how
// it is made: an act of somebody else.
func rewrite(t *testing.T, db *sql.DB) {
	rows, err := db.Query("SELECT seq, at, kind, sale, body FROM journal ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	var chain pos.Chain
	hashes := make(map[uint64]pos.Hash)
	bodies := make(map[uint64]string)
	for rows.Next() {
		var seq, at int64
		var kind, sale, body string
		if err := rows.Scan(&seq, &at, &kind, &sale, &body); err != nil {
			t.Fatal(err)
		}
		body = strings.ReplaceAll(body, "Maria", "Mario")
		e := entryAt(uint64(seq), at, kind, sale, body)
		chain.Seq, chain.Hash = e.Seq, e.Sum(chain.Hash)
		hashes[e.Seq], bodies[e.Seq] = chain.Hash, body
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	for seq, hash := range hashes {
		if _, err := db.Exec("UPDATE journal SET body = ?, hash = ? WHERE seq = ?", bodies[seq], hash[:], int64(seq)); err != nil {
			t.Fatal(err)
		}
	}
}

func entryAt(seq uint64, at int64, kind, sale, body string) pos.Entry {
	return pos.Entry{Seq: seq, At: time.Unix(0, at), Kind: pos.EntryKind(kind), Sale: sale, Body: json.RawMessage(body)}
}
