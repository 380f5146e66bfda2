package ethereum_test

import (
	_ "embed"
	"encoding/json"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

//go:embed testdata/Safe.new.hex
var safeCode string

// awaiting makes a fresh target at which somebody waits.
func awaiting(t testing.TB, f field) chain.Target {
	return chain.Target{ID: f.Fresh(t), Assets: f.Assets(), Until: time.Now().Add(time.Hour)}
}

// total is what the ledger counts as included for a target, and in how many
// payments.
func total(l *chaintest.Ledger, to chain.Destination) (sum chain.Amount, n int) {
	for _, p := range l.At(to) {
		if p.Kind() == chain.Included {
			sum, _ = sum.Add(p.Event.Amount)
			n++
		}
	}
	return sum, n
}

// settled waits until the ledger knows the chain's head.
func settled(t testing.TB, l *chaintest.Ledger, f field) {
	t.Helper()
	want := f.head(t)
	l.Wait(t, "the Tip", func() bool { return l.Tip().Block.Hash == want })
}

func waitTotal(t testing.TB, l *chaintest.Ledger, f field, to chain.Destination, want uint64) []chaintest.Payment {
	t.Helper()
	l.Wait(t, "the coins from inside", func() bool { sum, _ := total(l, to); return sum == chain.Units(want) })
	settled(t, l, f)
	if sum, _ := total(l, to); sum != chain.Units(want) {
		t.Errorf("%s in all are counted, %d came\n%s", sum, want, l)
	}
	return l.At(to)
}

const much = 4_000_000_000

// Coins that a contract sends are counted once, with or without logs of their
// own, and with their transaction where it can be told.
func TestCoinsFromContracts(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		safe := f.deploy(t, safeCode)
		l := chaintest.NewLedger(t, f.Network())
		paid, left, vain, one, other, stored := awaiting(t, f), awaiting(t, f), awaiting(t, f), awaiting(t, f), awaiting(t, f), awaiting(t, f)
		s := chaintest.BeginReady(t, f, l, paid, left, vain, one, other, stored)

		inside := f.send(t, safe, much, calling("pay(address)", paid.ID))
		will := f.send(t, safe, much, calling("leave(address)", left.ID))
		f.send(t, safe, much, calling("tryInVain(address)", vain.ID))
		both := f.send(t, safe, much, calling("split(address,address)", one.ID, other.ID))
		f.send(t, safe, 0, calling("remember(address)", stored.ID))
		f.Mine(t, 1)

		for _, c := range []struct {
			to  chain.Destination
			tx  chain.TxID
			sum uint64
		}{{paid.ID, inside, much}, {left.ID, will, much}, {one.ID, both, much / 4 * 3}, {other.ID, both, much / 4}} {
			for _, p := range waitTotal(t, l, f, c.to, c.sum) {
				if p.Event.Key.TxID != c.tx || p.Event.Key.InBlock() {
					t.Errorf("paid in %s, counted as %s", c.tx, p.Event.Key)
				}
			}
		}
		if n := len(l.At(vain.ID)); n != 0 {
			t.Errorf("an inner call that was taken back counts %d times\n%s", n, l)
		}

		// Nothing names the address: paid, by a transaction that is not known,
		// except where the chain logs it.
		unknown := f.send(t, safe, much, calling("payKnown()"))
		f.Mine(t, 1)
		for _, p := range waitTotal(t, l, f, stored.ID, much) {
			if f.logsCoins() != (p.Event.Key.TxID == unknown) || f.logsCoins() == p.Event.Key.InBlock() {
				t.Errorf("the key is %s, the transaction %s", p.Event.Key, unknown)
			}
			if p.Event.Key.InBlock() && string(p.Event.Key.TxID) != p.Event.Block.Hash {
				t.Errorf("the key %s does not name the block %s", p.Event.Key, p.Event.Block.Hash)
			}
		}

		// Plain and inside in one block: each once.
		f.Pay(t, paid.ID, f.settings().Native.ID, chain.Units(much/2))
		f.send(t, safe, much, calling("pay(address)", paid.ID))
		f.Mine(t, 1)
		waitTotal(t, l, f, paid.ID, 2*much+much/2)
		f.Mine(t, 2)
		settled(t, l, f)
		waitTotal(t, l, f, paid.ID, 2*much+much/2)
		s.End(t)
	})
}

// What a contract sent leaves with its block and comes back with the next one.
func TestCoinsFromContractsAreReorganised(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		safe := f.deploy(t, safeCode)
		l := chaintest.NewLedger(t, f.Network())
		paid, stored := awaiting(t, f), awaiting(t, f)
		f.send(t, safe, 0, calling("remember(address)", stored.ID))
		f.Mine(t, 3)
		chaintest.BeginReady(t, f, l, paid, stored)
		f.send(t, safe, much, calling("pay(address)", paid.ID))
		f.send(t, safe, much, calling("payKnown()"))
		f.Mine(t, 1)
		waitTotal(t, l, f, paid.ID, much)
		waitTotal(t, l, f, stored.ID, much)
		f.Reorg(t, 1, true)
		settled(t, l, f)
		waitTotal(t, l, f, paid.ID, much)
		waitTotal(t, l, f, stored.ID, much)
		f.Reorg(t, 2, false)
		settled(t, l, f)
		waitTotal(t, l, f, paid.ID, 0)
		waitTotal(t, l, f, stored.ID, 0)
		f.send(t, safe, much, calling("pay(address)", paid.ID))
		f.Mine(t, 1)
		waitTotal(t, l, f, paid.ID, much)
	})
}

// What came while till was down, and in the midst of many blocks, is found.
func TestCoinsFromContractsWhileDown(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		safe := f.deploy(t, safeCode)
		l := chaintest.NewLedger(t, f.Network())
		to := awaiting(t, f)
		f.Mine(t, 3)
		s := chaintest.BeginReady(t, f, l, to)
		f.Mine(t, 2)
		settled(t, l, f)
		s.End(t)
		f.Mine(t, 5)
		first := f.send(t, safe, much, calling("pay(address)", to.ID))
		f.Mine(t, 4)
		f.Pay(t, to.ID, f.settings().Native.ID, chain.Units(much))
		f.Mine(t, 3)
		second := f.send(t, safe, much/2, calling("pay(address)", to.ID))
		f.Mine(t, 20)
		s = chaintest.BeginReady(t, f, l, to)
		found := map[chain.TxID]bool{}
		for _, p := range waitTotal(t, l, f, to.ID, 2*much+much/2) {
			found[p.Event.Key.TxID] = true
		}
		if !found[first] || !found[second] || len(found) != 3 {
			t.Errorf("found %v, want %s and %s among three\n%s", found, first, second, l)
		}
		s.End(t)
		s = chaintest.BeginReady(t, f, l, to)
		f.Mine(t, 1)
		settled(t, l, f)
		waitTotal(t, l, f, to.ID, 2*much+much/2)
		s.End(t)
	})
}

// What was there before an address was shown is not what the sale is paid with.
func TestOldCoinsAreNotCounted(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		safe := f.deploy(t, safeCode)
		l := chaintest.NewLedger(t, f.Network())
		to := awaiting(t, f)
		f.Pay(t, to.ID, f.settings().Native.ID, chain.Units(much))
		f.send(t, safe, much, calling("pay(address)", to.ID))
		f.Mine(t, 2)
		to.Since = f.Height(t)
		s := chaintest.BeginReady(t, f, l)
		if err := s.Watcher.Watch(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		f.Mine(t, 1)
		settled(t, l, f)
		if n := len(l.At(to.ID)); n != 0 {
			t.Fatalf("%d old payments count\n%s", n, l)
		}
		f.send(t, safe, much/2, calling("pay(address)", to.ID))
		f.Mine(t, 1)
		waitTotal(t, l, f, to.ID, much/2)
	})
}

// An endpoint without balances, or with wrong ones, stops nothing else.
func TestNoBalances(t *testing.T) {
	h, f := newOnFake(t, nil)
	f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBalance" {
			return nil, coded{-32000, "missing trie node"}
		}
		return answer, nil
	})
	l := chaintest.NewLedger(t, h.Network())
	to := awaiting(t, h)
	chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(much))
	h.Mine(t, 1)
	waitTotal(t, l, h, to.ID, much)
}
