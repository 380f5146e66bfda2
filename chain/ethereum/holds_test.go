package ethereum_test

import (
	"encoding/json"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// listOdd puts the token with habits on the chain and on the list.
func listOdd(t *testing.T, f field) (at chain.Destination, asset chain.AssetID) {
	t.Helper()
	at = f.deploy(t, oddCode)
	asset = chain.TokenAsset(f.settings().ChainID, string(at))
	f.settings().Tokens = append(f.settings().Tokens, chain.Asset{ID: asset, Symbol: "ODD", Decimals: 6})
	return at, asset
}

// What a listed token logs is held against what its payee has: what never
// happened has failed, what was taken without a word did not come, and what grows
// by itself is no payment.
func TestLogWithoutBalance(t *testing.T) {
	everyField(t, func(t *testing.T, f field) {
		odd, _ := listOdd(t, f)
		l := chaintest.NewLedger(t, f.Network())
		lied, quiet, mixed, grown, fine := target(t, f), target(t, f), target(t, f), target(t, f), target(t, f)
		chaintest.BeginReady(t, f, l, lied, quiet, mixed, grown, fine)
		f.send(t, odd, 0, calling("lie(address,uint256)", lied.ID, 1_000_000))
		f.send(t, odd, 0, calling("quiet(address,uint256)", quiet.ID, 10_000))
		f.send(t, odd, 0, calling("transfer(address,uint256)", mixed.ID, 10_000))
		f.send(t, odd, 0, calling("lie(address,uint256)", mixed.ID, 77))
		f.send(t, odd, 0, calling("transfer(address,uint256)", grown.ID, 10_000))
		f.send(t, odd, 0, calling("grow(address,uint256)", grown.ID, 5_000))
		f.Pay(t, fine.ID, f.settings().Tokens[0].ID, chain.Units(500))
		f.Mine(t, 1)
		settled(t, l, f)
		waitKind(t, l, lied.ID, chain.Failed)
		for to, want := range map[chain.Destination]uint64{quiet.ID: 9_000, mixed.ID: 9_900, grown.ID: 9_900, fine.ID: 500, lied.ID: 0} {
			if sum, _ := total(l, to); sum != chain.Units(want) {
				t.Errorf("%s counts, %d came\n%s", sum, want, l)
			}
		}
		// The same again in another block.
		f.Reorg(t, 1, true)
		settled(t, l, f)
		for to, want := range map[chain.Destination]uint64{quiet.ID: 9_000, mixed.ID: 9_900, grown.ID: 9_900, fine.ID: 500, lied.ID: 0} {
			if sum, _ := total(l, to); sum != chain.Units(want) {
				t.Errorf("after a reorganisation %s counts, %d came\n%s", sum, want, l)
			}
		}
	})
}

// Endpoints that stand in for a quorum ask the contract too: what did not arrive
// is agreed on by all of them.
func TestQuorumHoldsTokensToTheirBalance(t *testing.T) {
	h, _, _, _ := newQuorum(t)
	odd, _ := listOdd(t, h)
	l := chaintest.NewLedger(t, h.Network())
	lied, quiet := target(t, h), target(t, h)
	chaintest.BeginReady(t, h, l, lied, quiet)
	h.send(t, odd, 0, calling("lie(address,uint256)", lied.ID, 1_000_000))
	h.send(t, odd, 0, calling("quiet(address,uint256)", quiet.ID, 10_000))
	h.Mine(t, 1)
	l.Wait(t, "the agreement", func() bool { return l.Tip().Agreed == h.Height(t) })
	if sum, _ := total(l, quiet.ID); sum != chain.Units(9_000) || kindAt(l, lied.ID) != chain.Failed {
		t.Errorf("agreed on\n%s", l)
	}
}

// A node that cannot say what a contract held at a block stops nothing, and
// Health says that logs are believed as they are.
func TestContractsCannotBeAsked(t *testing.T) {
	h, f := newOnFake(t, nil)
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_call" {
			if _, ofBlock := params[1].(map[string]any); ofBlock {
				return nil, coded{-32000, "missing trie node"}
			}
		}
		return answer, nil
	})
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[1], chain.Units(500))
	h.Mine(t, 1)
	waitKind(t, l, to.ID, chain.Included)
	l.Wait(t, "it to be said", func() bool { return s.Watcher.Health().Code == chain.HealthUnproved })
	if !s.Watcher.Health().Usable() {
		t.Errorf("health is %+v", s.Watcher.Health())
	}
}
