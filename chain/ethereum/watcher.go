package ethereum

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// Watcher watches one EVM chain. It implements [chain.Watcher].
type Watcher struct {
	cfg     Config
	network chain.Network
	ends    []endpoint
	listed  map[common.Address]token
	running atomic.Bool
	limits  *limits

	mu      sync.RWMutex
	targets map[common.Address]chain.Target
	rota    rota       // whose balances are asked for
	cold    cold       // what was ever shown
	matched uint64     // the highest block that was looked at with the targets
	back    []lookBack // what is to be read again for late targets
	health  chain.Health
	conn    *conn                   // what Lookup asks, nil while there is none
	refused map[common.Address]bool // tokens whose contract contradicts the configuration

	wakeBack chan struct{}
}

var _ chain.Watcher = (*Watcher)(nil)

// New makes a watcher; nothing is connected before Run. It fails on a
// configuration that cannot work, in words for the person who wrote it.
func New(cfg Config) (*Watcher, error) {
	cfg, ends, listed, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Watcher{
		cfg: cfg, ends: ends, listed: listed,
		network:  chain.Network(fmt.Sprintf("eip155:%d", cfg.ChainID)),
		limits:   newLimits(),
		targets:  map[common.Address]chain.Target{},
		rota:     rota{waits: map[common.Address]time.Time{}},
		refused:  map[common.Address]bool{},
		health:   chain.Health{State: chain.Connecting, Of: len(ends)},
		wakeBack: make(chan struct{}, 1),
	}, nil
}

// parseDestination reads an EVM address: 0x and 40 hexadecimal digits, whose
// mixed case must be right (EIP-55).
func parseDestination(to chain.Destination) (common.Address, error) {
	s := string(to)
	if len(s) != 42 || s[:2] != "0x" {
		return common.Address{}, fmt.Errorf("%.60q is no address of an EVM chain", s)
	}
	var a common.Address
	if _, err := hex.Decode(a[:], []byte(s[2:])); err != nil {
		return a, fmt.Errorf("%.60q is no address of an EVM chain", s)
	}
	if digits := s[2:]; digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && a.Hex() != s {
		return a, fmt.Errorf("address %s has a typing error: its capitals don't fit (EIP-55)", s)
	}
	return a, nil
}

// Watch implements [chain.Watcher]. It is local and does not wait for a node.
// While Run runs, a target whose Since lies below the last block read makes
// the watcher read the blocks from there again. Before Run the cursor is
// believed: it covers the targets of the life before.
func (w *Watcher) Watch(_ context.Context, targets ...chain.Target) error {
	parsed := make(map[common.Address]chain.Target, len(targets))
	for _, t := range targets {
		addr, err := parseDestination(t.ID)
		if err != nil {
			return err
		}
		parsed[addr] = t
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	late := lookBack{targets: map[common.Address]chain.Target{}, to: w.matched, from: w.matched + 1}
	for addr, t := range parsed {
		was, known := w.targets[addr]
		w.targets[addr] = t
		w.rota.enter(addr, !known && w.takesCoins(addr), t.Until)
		if t.Since > 0 && t.Since < w.matched && (!known || t.Since < was.Since) {
			late.targets[addr] = t
			late.from = min(late.from, t.Since+1)
		}
	}
	if len(late.targets) > 0 {
		w.queueBack(late)
	}
	if w.cfg.Lean {
		w.wake() // it may have been idle
	}
	return nil
}

// queueBack is called with the lock held.
func (w *Watcher) queueBack(late lookBack) {
	if late.to-late.from >= w.cfg.LookBack {
		w.cfg.Logger.Warn("A target is older than till looks back", "chain", w.network, "since", late.from-1, "from", late.to+1-w.cfg.LookBack)
		late.from = late.to + 1 - w.cfg.LookBack
	}
	w.back = append(w.back, late)
	w.wake()
}

// wake lets a run that sleeps look at what there is to do.
func (w *Watcher) wake() {
	select {
	case w.wakeBack <- struct{}{}:
	default:
	}
}

// Unwatch implements [chain.Watcher].
func (w *Watcher) Unwatch(ids ...chain.Destination) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if addr, err := parseDestination(id); err == nil {
			delete(w.targets, addr)
			if w.cold.filter != nil {
				w.cold.filter.add(addr)
			}
		}
	}
}

// Health implements [chain.Watcher].
func (w *Watcher) Health() chain.Health {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.health
}

// Capabilities implements [chain.Watcher]. Without an endpoint that pushes
// there are no unconfirmed payments. Destinations can't be looked up: nodes
// keep no index of who paid whom.
func (w *Watcher) Capabilities() chain.Capabilities {
	c := chain.Capabilities{FinalTags: true, LookupTx: true, LookupBlock: true}
	for _, e := range w.ends {
		c.Unconfirmed = c.Unconfirmed || e.pushes && !w.cfg.Lean
	}
	return c
}

// token finds a listed token that was not refused.
func (w *Watcher) token(addr common.Address) (token, bool) {
	t, ok := w.listed[addr]
	if !ok {
		return t, false
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	return t, !w.refused[addr]
}
