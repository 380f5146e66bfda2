package ethereum

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// memory is what the state file holds: the payments in the last blocks, by
// block hash, for retracting them, and what awaited addresses held before.
type memory struct {
	Chain  uint64                   `json:"chain"`
	Blocks map[string][]hit         `json:"blocks"`
	Spent  map[string]outlays       `json:"spent,omitempty"`
	Purses map[common.Address]purse `json:"purses,omitempty"`
	// Skipped is the first of the blocks that were not looked into (Config.Lean).
	Skipped uint64 `json:"skipped,omitempty"`
}

// maxState bounds what is read from a state file, in bytes.
const maxState = 16 << 20

// load fills in what is remembered of the ring's blocks from the state file. A
// missing or damaged file is no reason to stop: nodes usually remember lost blocks
// too.
func (r *run) load(ring []chain.BlockRef) {
	w := r.w
	r.hits, r.spent, r.purses = map[string][]hit{}, map[string]outlays{}, purses{}
	if w.cfg.State == "" || len(ring) == 0 {
		return
	}
	m, err := readState(w.cfg.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		w.cfg.Logger.Warn("The watcher's memory of recent payments can't be read and begins anew", "chain", w.network, "cause", err)
		return
	case m.Chain != w.cfg.ChainID:
		w.cfg.Logger.Warn("The watcher's memory is of another chain and begins anew", "chain", w.network, "was", m.Chain)
		return
	}
	// It is written whenever there is a payment, so blocks that are not in it
	// have none.
	for _, b := range ring {
		r.hits[b.Hash] = m.Blocks[b.Hash]
		if went := m.Spent[b.Hash]; len(went) > 0 {
			r.spent[b.Hash] = went
		}
	}
	r.purses, r.skipped = w.recallPurses(m, ring), m.Skipped
}

func readState(path string) (m memory, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return m, err
	}
	if info.Size() > maxState {
		return m, fmt.Errorf("%d bytes are more than it ever holds", info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(raw, &m)
}

// save writes the state file before the batch with the same payments is given
// out, so that what the register knows is never unknown here.
func (r *run) save(hits map[string][]hit, spent map[string]outlays) {
	w, held := r.w, r.purses
	if w.cfg.State == "" {
		return
	}
	kept := map[common.Address]purse{}
	for addr, p := range held {
		if p.Awaited || w.cfg.Lean {
			kept[addr] = purse{Awaited: p.Awaited, Coins: p.expects(), At: r.cursor.Head()}
			if r.skipped != 0 { // what was expected says nothing of blocks that were not read
				kept[addr] = purse{Awaited: p.Awaited, Coins: p.Coins, At: p.At}
			}
		}
	}
	err := writeState(w.cfg.State, memory{Chain: w.cfg.ChainID, Blocks: hits, Spent: spent, Purses: kept, Skipped: r.skipped})
	if err != nil {
		w.cfg.Logger.Warn("The watcher's memory of recent payments can't be written", "chain", w.network, "cause", err)
	}
}

func writeState(path string, m memory) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
