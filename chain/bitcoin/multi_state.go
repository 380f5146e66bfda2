package bitcoin

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/cointill/till/chain"
)

// multiState is what Multi must know after a restart: what was delivered up to
// Seq, and how far each way had reported by then, in its own count. The file
// holds two of them, because it is written before the register has the batch.
type multiState struct {
	Seq  uint64            `json:"seq"`
	Ways map[string]uint64 `json:"ways"`
	Pays []multiPay        `json:"pays"`
}

type multiPay struct {
	TxID   chain.TxID        `json:"txid"`
	Index  uint32            `json:"index"`
	Kind   chain.Kind        `json:"kind"`
	To     chain.Destination `json:"to"`
	Amount chain.Amount      `json:"amount"`
	Block  chain.BlockRef    `json:"block"`
	At     time.Time         `json:"at"`
}

type multiFile struct {
	States []multiState `json:"states"` // newest first
}

// loadMulti reads the state that a register at seq has, and forgets one that the
// register never got. Without any it is empty.
func loadMulti(file string, seq uint64) (multiState, error) {
	var f multiFile
	raw, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return multiState{}, nil
	case err != nil:
		return multiState{}, err
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return multiState{}, err
	}
	for i, s := range f.States {
		if s.Seq > seq {
			continue
		}
		if i > 0 {
			err = writeMulti(file, s)
		}
		return s, err
	}
	if len(f.States) > 0 {
		err = writeMulti(file)
	}
	return multiState{}, err
}

func writeMulti(file string, states ...multiState) error {
	raw, err := json.Marshal(multiFile{States: states})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// seqOf is where a way goes on; one that is new begins like one that ran alone.
func (s multiState) seqOf(name string, alone uint64) uint64 {
	if n, ok := s.Ways[name]; ok {
		return n
	}
	return alone
}

func (s multiState) payments(network chain.Network) map[chain.PaymentKey]*handed {
	pays := make(map[chain.PaymentKey]*handed, len(s.Pays))
	for _, p := range s.Pays {
		key := chain.PaymentKey{Network: network, TxID: p.TxID, Index: p.Index}
		pays[key] = &handed{fought: map[string]bool{}, last: chain.Event{
			Kind: p.Kind, Key: key, Target: p.To, Asset: chain.Bitcoin, Amount: p.Amount, Block: p.Block, At: p.At,
		}}
	}
	return pays
}

// save writes the state that holds once the waiting batch is stored, and keeps
// the one before it. Batches of tips and health change nothing that matters.
func (m *Multi) save() error {
	matters := false
	for _, e := range m.waiting {
		matters = matters || e.Kind != chain.Tip && e.Kind != chain.HealthChanged
	}
	if !matters {
		return nil
	}
	s := multiState{Seq: m.seq, Ways: map[string]uint64{}}
	for _, v := range m.views {
		s.Ways[v.name] = v.seq
	}
	for _, p := range m.sorted(func(*handed) bool { return true }) {
		e := p.last
		s.Pays = append(s.Pays, multiPay{e.Key.TxID, e.Key.Index, e.Kind, e.Target, e.Amount, e.Block, e.At})
	}
	m.saved = &s
	return writeMulti(m.cfg.File, s, m.stored)
}
