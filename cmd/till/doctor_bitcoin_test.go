package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// TestUsedElsewhere: a key that a wallet used before is found out from the
// chain, beyond a gap too, and the doctor says where it is free.
func TestUsedElsewhere(t *testing.T) {
	btc, err := devnet.StartBitcoin(t.Context(), devnet.BitcoinOptions{Nodes: 1, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer btc.Close()
	key, _ := shopKeys(t)
	data := filepath.Join(t.TempDir(), "data")
	var s *settings
	read := func(more string) {
		t.Helper()
		text := fmt.Sprintf("currency = \"EUR\"\n[bitcoin]\n%s\nkey = %q\nscript = \"wpkh\"\nnetwork = \"regtest\"\npeers = [%q]\n[rates]\nsources = [\"fixed\"]\nfixed = { \"bitcoin/btc\" = \"50000\" }\n", more, key, btc.Peers()[0])
		config, err := decodeConfig("till.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if s, err = understand(config, "till.toml", []byte(text), data); err != nil {
			t.Fatal(err)
		}
	}
	read("")
	since := time.Now().AddDate(0, 0, -7)
	ask := func(want string) {
		t.Helper()
		var tell bytes.Buffer
		found := checkUsed(t.Context(), s, since, &tell)
		if len(found) != 1 || !strings.Contains(found[0].String(), want) {
			t.Errorf("%v, want %q", found, want)
		}
	}
	ask("none of the Bitcoin key was used")
	for _, index := range []uint32{3, 37, 990} {
		to, err := s.bitcoin.key.Destination(index)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := btc.Customer().Send([]devnet.BitcoinOutput{{Address: string(to), Sat: 20_000}}, devnet.BitcoinPayOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := btc.Mine(1); err != nil {
			t.Fatal(err)
		}
	}
	ask("PROBLEM  addresses   the first unused index of the Bitcoin key is 991")
	read("first = 991")
	ask("used up to index 990 since")
	if account := s.bitcoin.key.Account(); account.First != 991 {
		t.Errorf("the key begins at %d", account.First)
	}
	read("")

	// Indices that the register itself has passed are nobody else's fault.
	books, err := store.Open(t.Context(), s.data, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = books.Write(t.Context(), func(tx pos.Tx) error {
		for range 1000 {
			if _, err := tx.NextIndex(s.bitcoin.key.Account(), time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Close(); err != nil {
		t.Fatal(err)
	}
	ask("up to index 990")
}

// numbered is a rail whose addresses say their index.
type numbered struct {
	chain.Rail
	account chain.Account
}

func (n numbered) Account() chain.Account { return n.account }
func (n numbered) Destination(i uint32) (chain.Destination, error) {
	return chain.Destination(fmt.Sprintf("address %d", i)), nil
}

// TestGap: shown and never paid, in a row, as a wallet counts them. What came in
// another coin pays no address of the key.
func TestGap(t *testing.T) {
	account := chain.Account{ID: "key", First: 7}
	books := store.NewMemory()
	number := uint64(0)
	ring := func(n int, paid bool) {
		t.Helper()
		for range n {
			number++
			err := books.Write(t.Context(), func(tx pos.Tx) error {
				index, err := tx.NextIndex(account, time.Now())
				if err != nil {
					return err
				}
				to := chain.Destination(fmt.Sprintf("address %d", index))
				sale := pos.Sale{
					ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", number), Number: number, Code: fmt.Sprintf("%08d", number), CreatedAt: time.Now(),
					Addresses: []pos.Address{{Account: account.ID, Index: index, To: to}},
				}
				if err := tx.PutSale(sale); err != nil {
					return err
				}
				if !paid {
					to = "address in another coin"
				}
				return tx.PutPayment(pos.Payment{Key: chain.PaymentKey{Network: "n", TxID: chain.TxID(fmt.Sprint(number))}, SaleID: sale.ID, To: to, State: pos.Unconfirmed})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		unpaid int
		paid   int
		want   string
	}{
		{3, 0, "ok       addresses   3 unpaid in a row"},
		{12, 0, "note     addresses   the last 15"},
		{150, 0, "note     addresses   the last 165 of the Bitcoin key were never paid: a wallet that looks 20 ahead misses what comes next; raise its gap limit to 185"},
		{0, 1, "ok       addresses   0 unpaid in a row"},
		{14, 0, "ok       addresses   14 unpaid in a row"},
	} {
		ring(step.unpaid, false)
		ring(step.paid, true)
		if found := checkGap(t.Context(), books, numbered{account: account}); len(found) != 1 || !strings.HasPrefix(found[0].String(), step.want) {
			t.Errorf("%v, want %q", found, step.want)
		}
	}
}

// TestHeadersSoFar: how far the register's light client is, and how long it
// will take.
func TestHeadersSoFar(t *testing.T) {
	dir := t.TempDir()
	write := func(blocks, filters int) {
		t.Helper()
		for name, n := range map[string]int{"block_headers.bin": 80 * (blocks + 1), "reg_filter_headers.bin": 32 * (filters + 1)} {
			if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	say := func(before uint64, ago time.Duration, goal uint64) string {
		return fmt.Sprint(checkHeaders(dir, before, ago, goal))
	}
	wants(t, say(0, 0, 1000), "none yet", "1000 blocks")
	write(500, 500)
	wants(t, say(500, time.Second, 1000), "500 of 1000 blocks", "the register fetches the others")
	wants(t, say(400, 10*time.Second, 1000), "500 of 1000 blocks", "about 50 s left")
	write(1000, 1000)
	wants(t, say(0, 0, 1000), "complete up to block 1000")
	if text := say(0, 0, 0); text != "[]" {
		t.Errorf("nobody said how many there are: %s", text)
	}
}
