package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/chain/chaintest/btcdtest"
	"github.com/cointill/till/pos/store"
)

// TestNodeAway: the node is not there when till starts, and goes away again
// later. Nobody gets a code then, it is said why, and all goes on by itself.
func TestNodeAway(t *testing.T) {
	t.Parallel()
	node := btcdtest.Start(t, btcdtest.Options{Blocks: 300})
	node.Stop(t)
	key, _ := shopKeys(t)
	c := &counter{shopUnderTest: newTestShop(t, bitcoinShop(key, node.P2P(), "30m")), price: "50,000.00"}
	c.start()
	c.See("enter", "Bitcoin", "not connected").Type("450").See("█").Press("enter").See("not charged", "not connected")
	if c.HasQR() {
		t.Errorf("a code without a node:\n%s", c.Screen.Screen())
	}
	c.Press("f4").See("Bitcoin simnet", "No new sales").Press("esc")
	node.Start(t)
	c.See("9,000 sat").Press("esc", "esc")
	to, sat := c.ring("500", "", "AWAITING")
	node.Pay(t, to, sat)
	c.See("SEEN")
	// It goes away with money on the way, which is found in its block later.
	node.Stop(t)
	c.Press("n")
	c.See("not connected")
	c.Type("600").See("█").Press("enter").See("not charged")
	node.Start(t)
	node.Mine(t, 1)
	node.Pay(t, to, sat) // the mempool did not survive
	node.Mine(t, 2)
	c.See("[x] 0001", "PAID")
	c.leave(c.Pane)
	c.stored([]string{"PAID"})
}

// TestWrongNetwork: the configuration and the node disagree.
func TestWrongNetwork(t *testing.T) {
	t.Parallel()
	node, n := btcdtest.Start(t, btcdtest.Options{Blocks: 10}), simulatedNet(t)
	key, evm := shopKeys(t)
	t.Run("Bitcoin", func(t *testing.T) {
		c := &counter{shopUnderTest: newTestShop(t, strings.Replace(bitcoinShop(key, node.P2P(), "30m"), "simnet", "regtest", 1))}
		c.start()
		c.See("Bitcoin", "not connected").Type("450").See("█").Press("enter").See("not charged")
		c.Press("f4").See("Bitcoin regtest", "is it on this network", "No new sales")
		c.leave(c.Pane)
	})
	n.id++
	t.Run("Ethereum", func(t *testing.T) {
		c := &counter{shopUnderTest: newTestShop(t, ethereumShop(n, evm))}
		c.start()
		c.See("Ether", "not connected").Type("450").See("█").Press("enter").See("not charged")
		c.Press("f4").See("It is on another network", "correct the")
		c.leave(c.Pane)
	})
	n.id--
	t.Run("token", func(t *testing.T) {
		toml := strings.Replace(ethereumShop(n, evm), "decimals = 6", "decimals = 18", 1)
		c := &counter{shopUnderTest: newTestShop(t, toml)}
		c.start()
		c.See("Ether").Press("f4").See("decimals differ", "correct it")
		c.leave(c.Pane)
	})
}

// TestDamagedFolder: whatever is wrong with the data folder is said in one line
// that names it, and nothing is written over.
func TestDamagedFolder(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	toml := ethereumShop(n, key)
	// A shop with a sale, cancelled, whose folder each case damages.
	good := newTestShop(t, toml)
	f := good.sale("1.00", "--asset", "ETH")
	f.see("AWAITING")
	f.interrupt()
	f.exit(exitCancelled)
	db, err := os.ReadFile(filepath.Join(good.data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if len(db) < 20_000 {
		t.Fatalf("the store has only %d bytes", len(db))
	}
	damage := func(change func(db []byte) []byte) []byte { return change(bytes.Clone(db)) }
	for _, c := range []struct {
		name, says string
		file       []byte
	}{
		{"too new", "newer till", damage(func(db []byte) []byte {
			// SQLite's header holds the user version at byte 60.
			binary.BigEndian.PutUint32(db[60:], binary.BigEndian.Uint32(db[60:])+1000)
			return db
		})},
		{"text", "damaged", []byte(strings.Repeat("not a database\n", 2000))},
		{"header", "damaged", damage(func(db []byte) []byte { copy(db, make([]byte, 100)); return db })},
		{"cut", "damaged", damage(func(db []byte) []byte { return db[:len(db)/2] })},
		{"pages", "damaged", damage(func(db []byte) []byte {
			for i := 4096; i < len(db); i++ {
				db[i] ^= 0x55
			}
			return db
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestShop(t, toml)
			if err := os.MkdirAll(s.data, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.data, store.FileName)
			if err := os.WriteFile(path, c.file, 0o600); err != nil {
				t.Fatal(err)
			}
			res := s.do("", "sale", "1.00", "--asset", "ETH")
			if res.code != exitError || res.out != "" || strings.Count(res.err, "\n") != 1 || !strings.Contains(res.err, c.says) {
				t.Errorf("till sale: %d, out %q, err %q", res.code, res.out, res.err)
			}
			pane := s.open(80, 24)
			pane.See("could not start", c.says, "ctrl+c")
			pane.Press("ctrl+c", "ctrl+c").End()
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, c.file) {
				t.Errorf("the damaged store was written to (%v)", err)
			}
		})
	}
	for name, path := range map[string]string{"a file": good.config, "below a file": filepath.Join(good.config, "data"), "not writable": "/proc/till"} {
		s := newTestShop(t, toml)
		s.data = path
		if res := s.do("", "sale", "1.00", "--asset", "ETH"); res.code != exitError || strings.Count(res.err, "\n") != 1 || !strings.Contains(res.err, path) {
			t.Errorf("%s as data folder: %d %q", name, res.code, res.err)
		}
		s.data = s.dir
	}
}

// TestTwoTills: the second till on a folder names the first and leaves; the
// first one serves on, and its sales can be read meanwhile.
func TestTwoTills(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	c := &counter{shopUnderTest: newTestShop(t, ethereumShop(n, key)), price: "2,000.00"}
	c.start()
	c.ring("450", "e", "AWAITING")
	uri := c.QR()
	pid, err := c.PID()
	if err != nil {
		t.Fatal(err)
	}
	second := c.open(80, 24)
	second.See("could not start", fmt.Sprint(pid))
	second.Press("ctrl+c", "ctrl+c").End()
	c.stored([]string{"AWAITING"})
	n.pay(t, uri)
	n.mine(t, 2)
	c.See("PAID", "HAND OVER")
	c.leave(c.Pane)
	c.stored([]string{"PAID"})
}

// TestKeyboardNonsense: a child at the keyboard, a scanner and a paste of half
// the internet do no harm, and ring nothing up.
func TestKeyboardNonsense(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	c := &counter{shopUnderTest: newTestShop(t, ethereumShop(n, key)), price: "2,000.00"}
	c.start()
	c.ready()
	// The strokes change the unit, of three: nine of them change nothing.
	for _, nonsense := range []string{
		strings.Repeat("9", 60), "..,,..", "4.505.3", "****", "+++x++", "9999999999*9999999999*999", "0+0*0", "-5", "1#9", "٤٥", "ñß漢字", "/////", "0000000",
		"////1.23456789012345678901234567890", "o0o0o", "99999999999999999+99999999999999999",
	} {
		c.Type(nonsense).Press("backspace", "esc", "esc", "esc")
	}
	c.Paste("4.50\n\n\x1b[31mred\x1b]0;title\x07"+strings.Repeat("9", 500)+"\r\r\n").Press("esc", "esc")
	for _, key := range []string{"tab", "shift+tab", "home", "end", "pgup", "pgdown", "delete", "f5", "f6", "f7", "f8", "f9", "f10", "left", "right", "ctrl+d", "ctrl+l", "ctrl+z"} {
		c.Press(key)
	}
	c.Press("f2", "w").Type("%' OR 1=1 --\\x00ñ漢").Press("enter", "esc", "esc", "esc").Press("f4", "esc", "?", "esc")
	c.Resize(2, 2).Resize(10, 3).Resize(300, 100).Resize(80, 24)
	c.See("enter", "2,000.00").Press("esc", "esc", "esc")
	c.ring("450", "e", "AWAITING")
	n.pay(t, c.QR())
	n.mine(t, 2)
	c.See("PAID", "HAND OVER")
	c.leave(c.Pane)
	c.stored([]string{"PAID"})
}
