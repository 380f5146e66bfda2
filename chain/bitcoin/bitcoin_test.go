package bitcoin

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// TestLostWhileDown: a payment was seen, the till went down, and a block made
// the payment impossible meanwhile.
func TestLostWhileDown(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t)}
	session := chaintest.BeginReady(t, s, l, to)
	tx := s.Pay(t, to.ID, chain.Bitcoin, chain.Units(40_000))
	l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
	session.End(t)
	by := s.DoubleSpend(t, tx)
	s.Mine(t, 3)
	chaintest.BeginReady(t, s, l, to)
	l.Wait(t, "Gone", func() bool { return l.At(to.ID)[0].Kind() == chain.Gone })
	p := l.At(to.ID)[0]
	if !p.Fought || p.Event.By != by {
		t.Errorf("it went away by %s, want %s after a Conflict: %+v", p.Event.By, by, p.History)
	}
}

// TestDeepReorg: a branch that forks below the cursor's ring.
func TestDeepReorg(t *testing.T) {
	t.Parallel()
	const depth = chain.RingSize + 12
	s := newShop(t)
	l := chaintest.NewLedger(t, Simnet)
	targets := []chain.Target{{ID: s.Fresh(t)}, {ID: s.Fresh(t)}}
	session := chaintest.BeginReady(t, s, l, targets...)
	s.Mine(t, depth-1)
	s.Pay(t, targets[0].ID, chain.Bitcoin, chain.Units(40_000))
	s.Mine(t, 1)
	l.Wait(t, "Included", func() bool { p := l.At(targets[0].ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	branch := s.Branch(t, s.Height(t)-depth, depth+1)
	session.End(t)
	s.Submit(t, branch...)
	chaintest.BeginReady(t, s, l, targets...)
	l.Wait(t, "Retracted", func() bool { return l.At(targets[0].ID)[0].Had(chain.Retracted) })
	s.Pay(t, targets[1].ID, chain.Bitcoin, chain.Units(50_000))
	s.Mine(t, 1)
	l.Wait(t, "life to go on", func() bool { p := l.At(targets[1].ID); return len(p) == 1 && p[0].Kind() == chain.Included })
}

// pair is a till with two nodes.
type pair struct {
	*shop
	other *btcdtest.Node
}

func (p *pair) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	w, err := New(Config{Network: Simnet, Dir: p.dir, Peers: []string{p.P2P(), p.other.P2P()}, Logger: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	w.tune.behind = 2 * time.Second
	return likeMainnet(w)
}

// TestLessWork: the node that is left has less work at first, and another
// branch. Neutrino alone then waits for ever.
func TestLessWork(t *testing.T) {
	t.Parallel()
	p := &pair{shop: newShop(t), other: btcdtest.Start(t, btcdtest.Options{Blocks: -1})}
	p.CopyTo(t, p.other)
	p.Mine(t, 8)
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: p.Fresh(t)}
	session := chaintest.BeginReady(t, p, l, to)
	top := p.Height(t)
	p.Stop(t)
	p.other.Mine(t, 3)
	l.Wait(t, "the one relay peer that is left", func() bool { return session.Watcher.Health().Relays == 1 })
	if h := l.Tip().Block.Height; h != top {
		t.Errorf("a branch with less work moved the tip from %d to %d", top, h)
	}
	p.other.Pay(t, string(to.ID), 60_000)
	p.other.Mine(t, 8)
	l.Wait(t, "the longer branch", func() bool { return l.Tip().Block.Height == p.other.Height(t) })
	l.Wait(t, "Included", func() bool { list := l.At(to.ID); return len(list) == 1 && list[0].Kind() == chain.Included })
	l.Wait(t, "Ready", func() bool { return session.Watcher.Health().Usable() })
}

// TestBirthday: a zero cursor starts at the birthday and finds what was paid
// since, also for a target whose Since lies before.
func TestBirthday(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*Config, uint64){
		"height": func(c *Config, h uint64) { c.BirthdayHeight = h },
		"time":   func(c *Config, _ uint64) { c.Birthday = time.Now().Add(-time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			to := s.Fresh(t)
			birthday := s.Height(t)
			s.Pay(t, to, chain.Bitcoin, chain.Units(30_000))
			s.Mine(t, 5)
			l := chaintest.NewLedger(t, Simnet)
			cfg := Config{Network: Simnet, Dir: s.dir, Peers: []string{s.P2P()}}
			set(&cfg, birthday)
			w, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			chaintest.BeginReady(t, &given{s, w}, l, chain.Target{ID: to})
			l.Wait(t, "Included", func() bool { p := l.At(to); return len(p) == 1 && p[0].Kind() == chain.Included })
		})
	}
}

// given is a shop with a watcher of the test's own.
type given struct {
	*shop
	w *Watcher
}

func (g *given) Watcher(testing.TB) chain.Watcher { return g.w }

// TestNoFilters: a node without compact filters is named as the reason.
func TestNoFilters(t *testing.T) {
	t.Parallel()
	s := &shop{Node: btcdtest.Start(t, btcdtest.Options{Blocks: 10, Args: []string{"--nocfilters"}}), dir: t.TempDir()}
	l := chaintest.NewLedger(t, Simnet)
	session := chaintest.Begin(t, s, l)
	l.Wait(t, "the reason", func() bool {
		h := session.Watcher.Health()
		return h.Code == chain.HealthNoFilters && h.State == chain.Down
	})
	l.Wait(t, "HealthChanged", func() bool {
		list := l.Healths()
		return len(list) > 0 && list[len(list)-1].Code == chain.HealthNoFilters
	})
}

// TestNoRelay: without relay peers the watcher works, and says what it lacks.
func TestNoRelay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	w, err := New(Config{Network: Simnet, Dir: s.dir, Peers: []string{s.P2P()}, RelayPeers: -1})
	if err != nil {
		t.Fatal(err)
	}
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t)}
	chaintest.BeginReady(t, &given{s, w}, l, to)
	if w.Health().Unconfirmed || w.Capabilities().Unconfirmed {
		t.Error("it claims to see unconfirmed payments")
	}
	s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
	s.Mine(t, 1)
	l.Wait(t, "Included", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	if l.At(to.ID)[0].Had(chain.Seen) {
		t.Error("it saw an unconfirmed payment")
	}
}

// TestFolderInUse: two tills on one folder get a sentence, not damaged files.
func TestFolderInUse(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := chaintest.NewLedger(t, Simnet)
	chaintest.BeginReady(t, s, l)
	other := s.Watcher(t)
	err := other.Run(t.Context(), chain.Cursor{}, chaintest.Nobody{}, func(context.Context, []chain.Event, chain.Cursor) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the second till on the folder says %v", err)
	}
}

// TestManyLives: Run ends with its context at any moment and starts again on
// the same watcher, without losing a target.
func TestManyLives(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	to := chain.Target{ID: s.Fresh(t)}
	w := s.Watcher(t)
	if err := w.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	for _, life := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), life)
		err := w.Run(ctx, chain.Cursor{}, chaintest.Nobody{}, func(context.Context, []chain.Event, chain.Cursor) error { return nil })
		cancel()
		if err == nil || ctx.Err() == nil {
			t.Fatalf("a life of %v ended with %v", life, err)
		}
	}
	l := chaintest.NewLedger(t, Simnet)
	chaintest.BeginReady(t, &given{s, w.(*Watcher)}, l)
	s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
	l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
}

// TestConfig: what cannot work is refused before anything is opened.
func TestConfig(t *testing.T) {
	dir := t.TempDir()
	good := map[string]Config{
		"mainnet":  {Network: Mainnet, Dir: dir},
		"testnet4": {Network: Testnet4, Dir: dir},
		"signet":   {Network: Signet, Dir: dir},
		"regtest":  {Network: Regtest, Dir: dir, Peers: []string{"127.0.0.1:1"}},
		"onion":    {Network: Mainnet, Dir: dir, Peers: []string{"abcdefghijklmnop.onion"}, Proxy: "127.0.0.1:9050"},
	}
	bad := map[string]Config{
		"network":    {Network: "bitcoin:testnet3", Dir: dir},
		"ethereum":   {Network: "eip155:1", Dir: dir},
		"no folder":  {Network: Mainnet},
		"no peers":   {Network: Regtest, Dir: dir},
		"empty peer": {Network: Mainnet, Dir: dir, Peers: []string{":8333"}},
		"one import": {Network: Mainnet, Dir: dir, BlockHeaders: "headers.bin"},
		"onion":      {Network: Mainnet, Dir: dir, Peers: []string{"abcdefghijklmnop.onion"}},
		"proxy":      {Network: Mainnet, Dir: dir, Proxy: "localhost"},
	}
	for name, cfg := range good {
		if _, err := New(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, cfg := range bad {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	w, err := New(Config{Network: Mainnet, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []chain.Destination{
		"", "bc1", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "sb1qw508d6qejxtdg4y5r3zarvary0c5xw7k", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "0x52908400098527886E0F7030069857D2E4169EE7", chain.Destination(strings.Repeat("1", 500)),
	} {
		if err := w.Watch(t.Context(), chain.Target{ID: to}); err == nil {
			t.Errorf("%.50q is watched on mainnet", to)
		}
	}
	for _, to := range []chain.Destination{
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
	} {
		if err := w.Watch(t.Context(), chain.Target{ID: to}); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestFault: a fault inside a run, here one that the sink causes, ends nothing:
// the watcher begins again from what is stored.
func TestFault(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t)}
	faults := 0
	l.Decide = func(_ int, events []chain.Event) chaintest.Fate {
		for _, e := range events {
			if e.Kind == chain.Included && faults < 2 {
				faults++
				panic("the test's fault")
			}
		}
		return chaintest.Commit
	}
	session := chaintest.BeginReady(t, s, l, to)
	s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
	s.Mine(t, 1)
	l.Wait(t, "Included after two faults", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	l.Wait(t, "Ready", func() bool { return session.Watcher.Health().Usable() })
	if faults != 2 {
		t.Errorf("%d faults were caused", faults)
	}
}

// TestPaidAfterReorg: an address is shown, the chain goes back below that
// height, the till stops there, and the payment is mined at a height that the
// address's Since already names.
func TestPaidAfterReorg(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t), Since: s.Height(t)}
	session := chaintest.BeginReady(t, s, l, to)
	session.End(t)
	tx := s.Build(t, btcdOutput(to.ID, 30_000))
	s.ReorgWith(t, 3, tx)
	chaintest.BeginReady(t, s, l, to)
	l.Wait(t, "Included", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	if at := l.At(to.ID)[0].Event.Block.Height; at > to.Since {
		t.Fatalf("the payment is in %d, the test wants it at most at %d", at, to.Since)
	}
}

// TestOffline: without any network the watcher waits, says why, and ends at once
// when it is told to.
func TestOffline(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("no network")
	for _, peers := range [][]string{nil, {"node.example:8333"}} {
		w, err := New(Config{
			Network: Mainnet, Dir: t.TempDir(), Peers: peers,
			Dial:    func(context.Context, net.Addr) (net.Conn, error) { return nil, unreachable },
			Resolve: func(string) ([]net.IP, error) { return nil, unreachable },
		})
		if err != nil {
			t.Fatal(err)
		}
		l := chaintest.NewLedger(t, Mainnet)
		session := chaintest.Begin(t, &given{&shop{}, w}, l, chain.Target{ID: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"})
		l.Wait(t, "the reason", func() bool {
			h := l.Healths()
			return len(h) > 0 && h[0].State == chain.Connecting && h[0].Code == chain.HealthNoPeers
		})
		if found, err := w.Lookup(t.Context(), chain.Ref{Block: 1}); err == nil && found.Known {
			t.Errorf("it knows block 1: %+v", found)
		}
		session.End(t)
	}
}
