package bitcoin

import (
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// electrumShop is a shop that asks an Electrum server over btcd's data.
type electrumShop struct {
	*shop
	server *btcdtest.Electrum
}

func newElectrumShop(t testing.TB) *electrumShop {
	s := &electrumShop{shop: newShop(t)}
	s.server = btcdtest.NewElectrum(t, s.Node)
	return s
}

func (s *electrumShop) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	w, err := NewElectrum(ElectrumConfig{Server: Server{Network: Simnet, Dir: s.dir, Logger: testLog()}, Address: "tcp://" + s.server.Addr})
	if err != nil {
		t.Fatal(err)
	}
	quick(w)
	return w
}

// TestElectrum plays the suite of all watchers on an Electrum server.
func TestElectrum(t *testing.T) {
	t.Parallel()
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { return newElectrumShop(t) })
}
