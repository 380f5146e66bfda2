package bitcoin

import (
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// TestBloom: what was put in is found, and little else.
func TestBloom(t *testing.T) {
	const n = 20_000
	b := newBloom(n)
	for i := range uint64(n) {
		b.add(string(numberedScript(i)))
	}
	false1 := 0
	for i := range uint64(10 * n) {
		has := b.has(string(numberedScript(i)))
		if i < n && !has {
			t.Fatalf("script %d is not found", i)
		}
		if i >= n && has {
			false1++
		}
	}
	if false1 > 9*n/2_000 {
		t.Errorf("%d of %d strangers are taken for ours", false1, 9*n)
	}
}

// TestColdAtOnce: a server that hands out whole blocks is not asked for old ones
// again: money to an address of long ago is reported with its block, also when
// the address became cold a moment ago.
func TestColdAtOnce(t *testing.T) {
	t.Parallel()
	s := &coreShop{newShop(t)}
	old, hot := s.Fresh(t), s.Fresh(t)
	archive := chaintest.Shown{"sale 1": old, "sale 2": hot}
	l := chaintest.NewLedger(t, Simnet)
	session := chaintest.BeginWith(t, s, l, archive, chain.Target{ID: hot})
	session.Ready(t, s, l)
	r := session.Watcher.(*Watcher).live
	l.Wait(t, "the set of old addresses", func() bool { return r.cold.Load() != nil })
	session.Watcher.Unwatch(hot)
	for _, to := range []chain.Destination{old, hot} {
		began := time.Now()
		tx := s.Pay(t, to, chain.Bitcoin, chain.Units(30_000))
		s.Mine(t, 1)
		l.Wait(t, "Included", func() bool { p := l.At(to); return len(p) == 1 && p[0].Kind() == chain.Included })
		if p := l.At(to)[0]; p.Event.Key.TxID != tx || p.Event.Amount != chain.Units(30_000) {
			t.Errorf("it is reported as %+v", p.Event)
		}
		t.Logf("after %v", time.Since(began))
	}
	// It is not lost when its block is, and a restart reports nothing twice.
	s.Reorg(t, 1, true)
	l.Wait(t, "Included again", func() bool { p := l.At(hot)[0]; return p.Had(chain.Retracted) && p.Kind() == chain.Included })
	session.End(t)
	s.Mine(t, 2)
	session = chaintest.BeginWith(t, s, l, archive)
	session.Ready(t, s, l)
	if n := l.Payments(); n != 2 {
		t.Errorf("%d payments, two were made", n)
	}
}

// BenchmarkMatchCold is what old addresses cost in a block of 6,000 transactions,
// beside one's own look at the watched ones.
func BenchmarkMatchCold(b *testing.B) {
	block := bigBlock(6_000)
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("addresses=%d", n), func(b *testing.B) {
			c := &coldSet{w: &Watcher{targets: newTargets(&chaincfg.SimNetParams), params: chaincfg.SimNetParams}, archive: chaintest.Nobody{}, filter: newBloom(n)}
			for i := range n {
				c.filter.add(string(numberedScript(uint64(i))))
			}
			for b.Loop() {
				if found := c.match(block); len(found) != 0 {
					b.Fatalf("%d payments, none is there", len(found))
				}
			}
		})
	}
}

// TestLateWatchAtNode: an address that is watched only after its payment was
// looked at in the node's mempool.
func TestLateWatchAtNode(t *testing.T) {
	t.Parallel()
	s := &coreShop{newShop(t)}
	l := chaintest.NewLedger(t, Simnet)
	session := chaintest.BeginReady(t, s, l, chain.Target{ID: s.Fresh(t)})
	to := s.Fresh(t)
	tx := s.Pay(t, to, chain.Bitcoin, chain.Units(30_000))
	b := session.Watcher.(*Watcher).backend.(*core)
	asked := func() bool { // the mempool was listed with it
		at, err := b.find(t.Context(), mustHash(t, tx))
		return err == nil && at.waiting
	}
	l.Wait(t, "the node to have it", asked)
	time.Sleep(3 * time.Second)
	if err := session.Watcher.Watch(t.Context(), chain.Target{ID: to, Since: s.Height(t) - 5}); err != nil {
		t.Fatal(err)
	}
	l.Wait(t, "Seen", func() bool { p := l.At(to); return len(p) == 1 && p[0].Kind() == chain.Seen })
}
