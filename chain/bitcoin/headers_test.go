package bitcoin

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lightninglabs/neutrino/headerfs"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// starting is a watcher on a synthetic chain, and what it said of its health.
func starting(t *testing.T, cfg Config, tune func(*Watcher)) (*Watcher, *chaintest.Ledger, *chaintest.Session) {
	t.Helper()
	cfg.Network, cfg.Logger = Regtest, testLog()
	if cfg.Dir == "" {
		cfg.Dir = prepare(t, t.TempDir())
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	likeMainnet(w)
	w.tune.progress = 10 * time.Millisecond
	w.tune.tick = 50 * time.Millisecond
	if tune != nil {
		tune(w)
	}
	l := chaintest.NewLedger(t, Regtest)
	return w, l, chaintest.Begin(t, &given{&shop{}, w}, l)
}

// TestImport: headers come from files or servers, in either form, and the watcher
// goes on from there; what is wrong with them costs time and nothing else.
func TestImport(t *testing.T) {
	const n = 5000
	s := newSynthetic(t, n)
	peer := s.serve(t, "127.0.0.1")
	blocks, filters := s.export(t)
	prefixed := func(path string, kind headerfs.HeaderType, spoil func([]byte)) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{w: &Watcher{cfg: Config{Network: Regtest}, params: *s.params}}
		prefix, _ := c.headerPrefix(kind)
		raw = append(prefix, raw...)
		if spoil != nil {
			spoil(raw)
		}
		out := filepath.Join(t.TempDir(), "headers")
		if err := os.WriteFile(out, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return out
	}
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(blocks))))
	defer server.Close()
	noise := filepath.Join(t.TempDir(), "noise")
	if err := os.WriteFile(noise, bytes.Repeat([]byte("not headers "), 500), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ blocks, filters, why string }{
		"another till's files": {blocks, filters, ""},
		"files with a prefix":  {prefixed(blocks, headerfs.Block, nil), prefixed(filters, headerfs.RegularFilter, nil), ""},
		"a server":             {server.URL + "/block_headers.bin", server.URL + "/reg_filter_headers.bin", ""},
		"not there":            {server.URL + "/nothing", server.URL + "/nothing", "404"},
		"no file":              {filepath.Join(t.TempDir(), "none"), filters, "no such file"},
		"a folder":             {t.TempDir(), filters, "not a file"},
		"noise":                {noise, filters, "no block headers of bitcoin:regtest"},
		"swapped":              {filters, blocks, "no block headers"},
		"no work": {prefixed(blocks, headerfs.Block, func(b []byte) {
			b[10+80*3000+40] ^= 1 // its merkle root, and so everything after it
		}), filters, "validat"},
		"cut off": {prefixed(blocks, headerfs.Block, nil), prefixed(filters, headerfs.RegularFilter, func(b []byte) { clear(b[4:6]) }), "no filter headers"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.given.Load()
			w, l, session := starting(t, Config{Peers: []string{peer}, BlockHeaders: c.blocks, FilterHeaders: c.filters}, nil)
			l.Wait(t, "the whole chain", func() bool { h := w.Health(); return h.Usable() && h.Height == n })
			session.End(t)
			given := s.given.Load() - before
			refused := false
			for _, h := range l.Healths() {
				if h.Code == chain.HealthNoImport {
					refused = true
					if !strings.Contains(h.Detail, c.why) {
						t.Errorf("the reason is %q, want something of %q", h.Detail, c.why)
					}
				}
			}
			if (c.why != "") != refused {
				t.Errorf("the import was refused: %v", refused)
			}
			if imported := given < n; imported == refused {
				t.Errorf("refused: %v, but peers gave %d headers", refused, given)
			}
			if left, _ := filepath.Glob(filepath.Join(w.cfg.Dir, "import-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestImportSurvivesItsEnd: a till that is ended in the middle of an import goes
// on with it at its next start.
func TestImportSurvivesItsEnd(t *testing.T) {
	const n = 40_000
	s := newSynthetic(t, n)
	blocks, filters := s.export(t)
	peer := s.serve(t, "127.0.0.1")
	dir := t.TempDir()
	gate := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-gate // one that hangs
		http.Error(w, "gone", http.StatusGone)
	}))
	defer server.Close()
	defer close(gate)
	w, l, session := starting(t, Config{Dir: dir, Peers: []string{peer}, BlockHeaders: server.URL, FilterHeaders: server.URL}, nil)
	l.Wait(t, "the import to be told of", func() bool { return w.Health().Code == chain.HealthImport })
	if err := w.Watch(t.Context(), chain.Target{ID: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"}); err != nil {
		t.Errorf("Watch while importing: %v", err)
	}
	session.End(t)
	for _, after := range []time.Duration{20 * time.Millisecond, 300 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		w, err := New(Config{Network: Regtest, Dir: dir, Peers: []string{peer}, BlockHeaders: blocks, FilterHeaders: filters})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Run(ctx, chain.Cursor{}, chaintest.Nobody{}, func(context.Context, []chain.Event, chain.Cursor) error { return nil })
		cancel()
		if err == nil || ctx.Err() == nil {
			t.Fatalf("it ended with %v", err)
		}
	}
	w, l, _ = starting(t, Config{Dir: dir, Peers: []string{peer}, BlockHeaders: blocks, FilterHeaders: filters}, nil)
	l.Wait(t, "the whole chain", func() bool { h := w.Health(); return h.Usable() && h.Height == n })
}

// TestFirstSyncSaysHowFar: without an import the health counts headers and says
// how long it will take.
func TestFirstSyncSaysHowFar(t *testing.T) {
	const n = 30_000
	s := newSynthetic(t, n)
	w, l, _ := starting(t, Config{Peers: []string{s.serve(t, "127.0.0.1")}}, nil)
	l.Wait(t, "the whole chain", func() bool { h := w.Health(); return h.Usable() && h.Height == n })
	last, steps := uint64(0), 0
	for _, h := range l.Healths() {
		if h.State != chain.Syncing || h.Goal != n {
			continue
		}
		if h.Height < last {
			t.Errorf("it goes back from %d to %d", last, h.Height)
		}
		if h.Height > last {
			steps++
		}
		last = h.Height
	}
	if steps < 3 {
		t.Errorf("%d steps were told of", steps)
	}
}

// TestSlowFirstSync: headers that take long to come are no reason to set the
// light client up again.
func TestSlowFirstSync(t *testing.T) {
	t.Parallel()
	const n = 24_000
	s := newSynthetic(t, n)
	s.slow = 200 * time.Millisecond
	w, l, _ := starting(t, Config{Peers: []string{s.serve(t, "127.0.0.1")}}, func(w *Watcher) { w.tune.behind = 2 * time.Second })
	l.Wait(t, "the whole chain", func() bool { h := w.Health(); return h.Usable() && h.Height == n })
	for _, h := range l.Healths() {
		if h.Code == chain.HealthBehind {
			t.Fatalf("it counts as stuck: %+v", h)
		}
	}
}

// TestWrongFilterHeaders: imported filter headers that no peer agrees with are
// fetched anew, and not for ever an obstacle.
func TestWrongFilterHeaders(t *testing.T) {
	t.Parallel()
	const n = 2400
	s := newSynthetic(t, n)
	_, filters := s.lying(2100).export(t)
	blocks, _ := s.export(t)
	if err := os.Truncate(blocks, 2201*rawHeader); err != nil {
		t.Fatal(err)
	}
	peers := []string{s.serve(t, "127.0.0.1"), s.serve(t, "127.0.0.2")}
	w, l, _ := starting(t, Config{Peers: peers, BlockHeaders: blocks, FilterHeaders: filters}, func(w *Watcher) { w.tune.behind = 300 * time.Millisecond })
	l.Wait(t, "the whole chain", func() bool { h := w.Health(); return h.Usable() && h.Height == n })
	w.mu.Lock()
	cs := w.live.client.(*client).service()
	w.mu.Unlock()
	if hash, err := cs.RegFilterHeaders.FetchHeaderByHeight(n); err != nil || *hash != *s.filterHeader(n) {
		t.Errorf("the filter header of the last block is %v, %v", hash, err)
	}
}

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(0, 0)
	if left := p.left(now, "a", 0, 1000); left != 0 {
		t.Errorf("after nothing: %v", left)
	}
	for i := range uint64(20) {
		now = now.Add(time.Second)
		p.left(now, "a", 10*(i+1), 1000)
	}
	if left := p.left(now, "a", 200, 1000); left != 80*time.Second {
		t.Errorf("at 10 a second 800 take %v", left)
	}
	if left := p.left(now, "b", 5, 1000); left != 0 {
		t.Errorf("another stage begins anew: %v", left)
	}
	if left := p.left(now, "b", 4, 3); left != 0 {
		t.Errorf("past the goal: %v", left)
	}
}

// TestLyingFilterPeer: a peer whose filter headers contradict the others' is
// found out by the block itself, banned, and does not keep the chain from being
// read, whether it lies about the past or about the newest block.
func TestLyingFilterPeer(t *testing.T) {
	const n = 2500
	s := newSynthetic(t, n)
	for name, at := range map[string]int32{"past": 700, "newest": n} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			liar := s.lying(at)
			peers := []string{liar.serve(t, "127.0.0.3"), s.serve(t, "127.0.0.1"), s.serve(t, "127.0.0.2")} // bans are by address
			w, l, _ := starting(t, Config{Peers: peers, BirthdayHeight: 1}, nil)
			l.Wait(t, "the whole chain", func() bool { h := w.Health(); return h.Usable() && h.Height == n })
			w.mu.Lock()
			cs := w.live.client.(*client).service()
			w.mu.Unlock()
			if hash, err := cs.RegFilterHeaders.FetchHeaderByHeight(n); err != nil || *hash != *s.filterHeader(n) {
				t.Errorf("the liar's filter header is believed: %v, %v", hash, err)
			}
			if !cs.IsBanned(peers[0]) || cs.IsBanned(peers[1]) || cs.IsBanned(peers[2]) {
				t.Errorf("banned: the liar %v, the others %v and %v", cs.IsBanned(peers[0]), cs.IsBanned(peers[1]), cs.IsBanned(peers[2]))
			}
		})
	}
}
