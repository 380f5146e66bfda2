package bitcoin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

func mustHash(t testing.TB, id chain.TxID) chainhash.Hash {
	t.Helper()
	hash, err := chainhash.NewHashFromStr(string(id))
	if err != nil {
		t.Fatal(err)
	}
	return *hash
}

// TestAskServers: what nobody watches is asked of the server: any transaction,
// mined or not, and any address where the server has an index of them. What is
// not there is said to be not there.
func TestAskServers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) (chaintest.Harness, *shop){
		"core":     func(t *testing.T) (chaintest.Harness, *shop) { s := &coreShop{newShop(t)}; return s, s.shop },
		"esplora":  func(t *testing.T) (chaintest.Harness, *shop) { s := newEsploraShop(t, false); return s, s.shop },
		"electrum": func(t *testing.T) (chaintest.Harness, *shop) { s := newElectrumShop(t); return s, s.shop },
		"auto":     func(t *testing.T) (chaintest.Harness, *shop) { s, _ := newAuto(t); return s, s.shop },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, s := start(t)
			l := chaintest.NewLedger(t, Simnet)
			mine, other := s.Fresh(t), s.Fresh(t)
			archive := chaintest.Shown{"sale 1": mine}
			mined := s.Pay(t, mine, chain.Bitcoin, chain.Units(30_000))
			s.Mine(t, 2)
			w := chaintest.BeginWith(t, h, l, archive)
			w.Ready(t, h, l)
			waits := s.Pay(t, other, chain.Bitcoin, chain.Units(40_000))
			l.Wait(t, "the server", func() bool { _, err := w.Watcher.Lookup(t.Context(), chain.Ref{TxID: mined}); return err == nil })
			ask := func(ref chain.Ref) chain.Found {
				t.Helper()
				found, err := w.Watcher.Lookup(t.Context(), ref)
				if err != nil {
					t.Errorf("%+v: %v", ref, err)
				}
				return found
			}
			if f := ask(chain.Ref{TxID: mined}); !f.Known || f.Block.Height != s.Height(t)-1 || f.Block.Hash != s.Hash(t, f.Block.Height) || f.Block.Time.IsZero() {
				t.Errorf("the mined transaction: %+v", f)
			} else if name != "auto" && (len(f.Payments) != 1 || f.Payments[0].Target != mine || f.Payments[0].Amount != chain.Units(30_000) || f.Payments[0].Kind != chain.Included) {
				t.Errorf("what it pays to an address of the till: %+v", f.Payments)
			}
			l.Wait(t, "the server to have what waits", func() bool { return ask(chain.Ref{TxID: waits}).Known })
			if f := ask(chain.Ref{TxID: waits}); !f.Block.IsZero() || len(f.Payments) != 0 {
				t.Errorf("the waiting transaction: %+v", f)
			}
			if f := ask(chain.Ref{TxID: chain.TxID(strings.Repeat("ab", 32))}); f.Known {
				t.Errorf("a transaction that there is not: %+v", f)
			}
			if name == "core" {
				if _, err := w.Watcher.Lookup(t.Context(), chain.Ref{Destination: mine}); !errors.Is(err, chain.ErrCannot) || w.Watcher.Capabilities().LookupAddr {
					t.Errorf("a node has no index of addresses: %v", err)
				}
				return
			}
			if !w.Watcher.Capabilities().LookupAddr {
				t.Error("it does not say that it can be asked for addresses")
			}
			if f := ask(chain.Ref{Destination: mine}); !f.Known || len(f.Payments) != 1 || f.Payments[0].Key.TxID != mined || f.Payments[0].Kind != chain.Included {
				t.Errorf("the address of a sale: %+v", f)
			}
			if f := ask(chain.Ref{Destination: other}); !f.Known || len(f.Payments) != 1 || f.Payments[0].Kind != chain.Seen || f.Payments[0].Amount != chain.Units(40_000) {
				t.Errorf("the other address: %+v", f)
			}
			if f := ask(chain.Ref{Destination: s.Fresh(t)}); f.Known {
				t.Errorf("an address that nobody paid: %+v", f)
			}
		})
	}
}

// TestFeesAtEsplora: how long a payment will wait is known where the server
// knows fees, and is told again when they change.
func TestFeesAtEsplora(t *testing.T) {
	t.Parallel()
	s := newEsploraShop(t, false)
	var answer atomic.Pointer[string]
	say := func(text string) { answer.Store(&text) }
	say("{}")
	s.server.Filter = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/fee-estimates") {
			return false
		}
		_, _ = w.Write([]byte(*answer.Load()))
		return true
	}
	w := s.Watcher(t).(*Watcher)
	w.tune.fees = 100 * time.Millisecond
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: s.Fresh(t)}
	chaintest.BeginReady(t, &given{s.shop, w}, l, to)
	s.Pay(t, to.ID, chain.Bitcoin, chain.Units(30_000))
	now := func() chain.Proof {
		if p := l.At(to.ID); len(p) == 1 {
			return p[0].Proof
		}
		return chain.Proof{}
	}
	l.Wait(t, "the fee rate", func() bool { return now().FeeRate > 0 })
	if p := now(); p.Within != 0 {
		t.Errorf("a server without estimates expects something: %+v", p)
	}
	rate := float64(now().FeeRate) / 1000
	for _, step := range []struct {
		say  string
		want int
	}{
		{fmt.Sprintf(`{"1": %.14f, "3": %.2f, "144": 0.5}`, 2*rate, rate/2), 3},
		{fmt.Sprintf(`{"1": %f}`, rate/3), 1},
		{fmt.Sprintf(`{"1": %f, "144": %f}`, 9*rate, 2*rate), beyondADay},
	} {
		say(step.say)
		l.Wait(t, "what to expect of "+step.say, func() bool { return now().Within == step.want })
	}
}

func TestFeeNumbers(t *testing.T) {
	for text, want := range map[string]uint64{"87.88200000000001": 87_882, "1": 1_000, "0.0015": 1, "2.5e-1": 250, "0": 0, "-1": 0, "": 0, "x": 0, "1e99": 0} {
		if got, ok := milli(json.Number(text), 0); got != want && ok || ok != (want > 0) {
			t.Errorf("%q sat/vB is %d, %v; want %d", text, got, ok, want)
		}
	}
	for text, want := range map[string]uint64{"0.00001": 1_000, "0.00012345": 12_345, "1.2e-05": 1_200, "-1": 0} {
		if got, ok := perThousand(json.Number(text)); got != want && ok || ok != (want > 0) {
			t.Errorf("%q BTC/kvB is %d, %v; want %d", text, got, ok, want)
		}
	}
	s := &served{}
	if s.within(5_000) != 0 {
		t.Error("without estimates something is expected")
	}
	s.fees = feeSteps(map[int]uint64{1: 20_000, 3: 10_000, 144: 1_000, 0: 5, 5_000: 7, 6: 0})
	for rate, want := range map[uint64]int{0: 0, 20_000: 1, 19_999: 3, 9_999: 144, 999: beyondADay} {
		if got := s.within(rate); got != want {
			t.Errorf("%d is mined within %d, want %d", rate, got, want)
		}
	}
}
