package bitcoin

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/chainhash"

	"github.com/cointill/till/chain"
)

// Lookup implements chain.Watcher. A block is answered from the headers; a
// transaction only when it pays a watched address and waits or is in one of the
// last blocks: a light client has no index of the chain. A server is asked for
// what is not known here.
func (w *Watcher) Lookup(ctx context.Context, ref chain.Ref) (chain.Found, error) {
	switch {
	case ref.TxID != "":
		found, err := w.lookupTx(ref.TxID)
		if errors.Is(err, chain.ErrCannot) && w.backend != nil {
			return w.seek(ctx, ref)
		}
		return found, err
	case ref.Destination != "" && w.backend != nil:
		return w.seek(ctx, ref)
	case ref.Destination != "":
		return chain.Found{}, fmt.Errorf("a light client has no index of addresses: %w", chain.ErrCannot)
	case ref.Block != 0:
		w.mu.Lock()
		live := w.live
		w.mu.Unlock()
		if live == nil {
			return chain.Found{}, errors.New("the Bitcoin watcher does not run at present")
		}
		tip, err := live.client.tip()
		if err != nil {
			return chain.Found{}, err
		}
		if ref.Block > tip {
			return chain.Found{}, nil
		}
		block, err := live.client.header(ref.Block)
		if err != nil {
			return chain.Found{}, fmt.Errorf("block %d: %w", ref.Block, err)
		}
		return chain.Found{Block: block, Known: true}, nil
	}
	return chain.Found{}, errors.New("a look-up needs a transaction, a block or an address")
}

func (w *Watcher) lookupTx(id chain.TxID) (chain.Found, error) {
	txid, err := chainhash.NewHashFromStr(string(id))
	if err != nil || len(id) != chainhash.MaxHashStringSize {
		return chain.Found{}, fmt.Errorf("%.80q is not a Bitcoin transaction's id", id)
	}
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	r := w.book.txs[*txid]
	if r == nil {
		return chain.Found{}, fmt.Errorf("transaction %s pays no address that is watched, or is older than the last blocks: %w", id, chain.ErrCannot)
	}
	kind := chain.Included
	switch {
	case r.gone:
		kind = chain.Gone
	case r.block.IsZero():
		kind = chain.Seen
	}
	return chain.Found{Block: r.block, Known: true, Payments: r.events(kind, w.cfg.Network, r.block, "")}, nil
}
