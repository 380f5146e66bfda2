package bitcoin

import (
	"log/slog"
	"os"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// shop is a chaintest.Harness on a real btcd.
type shop struct {
	*btcdtest.Node
	dir string
}

var (
	_ chaintest.Harness       = (*shop)(nil)
	_ chaintest.Batcher       = (*shop)(nil)
	_ chaintest.Replacer      = (*shop)(nil)
	_ chaintest.DoubleSpender = (*shop)(nil)
)

func newShop(t testing.TB) *shop {
	return &shop{Node: btcdtest.Start(t, btcdtest.Options{}), dir: prepare(t, t.TempDir())}
}

// testLog shows what the watcher says when TILL_LOG is set.
func testLog() *slog.Logger {
	if os.Getenv("TILL_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (s *shop) Network() chain.Network  { return Simnet }
func (s *shop) Assets() []chain.AssetID { return []chain.AssetID{chain.Bitcoin} }

func (s *shop) Watcher(t testing.TB) chain.Watcher {
	t.Helper()
	w, err := New(Config{Network: Simnet, Dir: s.dir, Peers: []string{s.P2P()}, Logger: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	return likeMainnet(w)
}

func (s *shop) Fresh(testing.TB) chain.Destination { return chain.Destination(s.Node.Fresh()) }

func (s *shop) Pay(t testing.TB, to chain.Destination, _ chain.AssetID, amount chain.Amount) chain.TxID {
	t.Helper()
	sat, _ := amount.Uint64()
	return chain.TxID(s.Node.Pay(t, string(to), int64(sat)))
}

func (s *shop) PayMany(t testing.TB, _ chain.AssetID, outputs ...chaintest.Output) chain.TxID {
	t.Helper()
	var list []btcdtest.Output
	for _, out := range outputs {
		sat, _ := out.Amount.Uint64()
		list = append(list, btcdtest.Output{Address: string(out.To), Sat: int64(sat)})
	}
	return chain.TxID(s.Send(t, list...))
}

func (s *shop) Replace(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	return chain.TxID(s.Node.Replace(t, string(tx)))
}

func (s *shop) DoubleSpend(t testing.TB, tx chain.TxID) chain.TxID {
	t.Helper()
	return chain.TxID(s.Node.DoubleSpend(t, string(tx)))
}

// TestWatcher plays the suite of all watchers against a real btcd.
func TestWatcher(t *testing.T) {
	t.Parallel()
	chaintest.Run(t, func(t *testing.T) chaintest.Harness { return newShop(t) })
}

func btcdOutput(to chain.Destination, sat int64) btcdtest.Output {
	return btcdtest.Output{Address: string(to), Sat: sat}
}
