package bitcoin

import (
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// coreShop is a shop that asks its own node by RPC. Btcd speaks as much of it
// as till needs, but has no ZMQ.
type coreShop struct{ *shop }

func (s *coreShop) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	w, err := NewCore(CoreConfig{
		Server: Server{Network: Simnet, Dir: s.dir, Logger: testLog()},
		URL:    "http://" + s.RPC(), User: "u", Password: "p",
	})
	if err != nil {
		t.Fatal(err)
	}
	quick(w)
	return w
}

// quick shortens what a test would wait for.
func quick(w *Watcher) {
	w.tune.redialMin, w.tune.redialMax = w.tune.redialMin/10, w.tune.redialMax/10
}

// TestCore plays the suite of all watchers on btcd's RPC.
func TestCore(t *testing.T) {
	t.Parallel()
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { return &coreShop{newShop(t)} })
}
