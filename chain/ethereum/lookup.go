package ethereum

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// Lookup implements [chain.Watcher]. A destination can't be looked up, nodes
// have no index for it: chain.ErrCannot.
func (w *Watcher) Lookup(ctx context.Context, ref chain.Ref) (chain.Found, error) {
	if ref.Destination != "" {
		return chain.Found{}, chain.ErrCannot
	}
	w.mu.RLock()
	c := w.conn
	w.mu.RUnlock()
	if c == nil {
		return chain.Found{}, errNotConnected
	}
	if ref.TxID == "" {
		h, err := c.at(ctx, ref.Block)
		if isMissing(err) {
			return chain.Found{}, nil
		}
		if err != nil {
			return chain.Found{}, err
		}
		return chain.Found{Block: h.ref(), Known: true}, nil
	}
	hash, err := parseHash(string(ref.TxID))
	if err != nil {
		return chain.Found{}, fmt.Errorf("%.80q is no transaction id of an EVM chain: 0x and 64 hexadecimal digits", ref.TxID)
	}
	return w.lookupTx(ctx, c, hash)
}

// mined reads a transaction and its receipt.
func (c *conn) mined(ctx context.Context, hash common.Hash) (tx, receipt, error) {
	t, err := c.byHash(ctx, hash)
	if err != nil {
		return tx{}, receipt{}, err
	}
	r, err := c.receipt(ctx, hash)
	return t, r, err
}

// byHash asks for a transaction.
func (c *conn) byHash(ctx context.Context, hash common.Hash) (tx, error) {
	raw, err := c.call(ctx, "eth_getTransactionByHash", hash)
	if err != nil {
		return tx{}, err
	}
	t, err := decodeTx(raw)
	if err == nil && t.hash != hash {
		err = fmt.Errorf("%s: %w: asked for %s, got %s", c.name, errLying, hash, t.hash)
	}
	return t, err
}

func (w *Watcher) lookupTx(ctx context.Context, c *conn, hash common.Hash) (found chain.Found, err error) {
	t, err := c.byHash(ctx, hash)
	if isMissing(err) {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	found.Known = true
	now := w.cfg.Now()
	collect := func(hits []hit) {
		for _, h := range hits {
			h.Event.At = now
			found.Payments = append(found.Payments, h.Event)
		}
	}
	r, err := c.receipt(ctx, hash)
	if isMissing(err) || err == nil && r.blockHash == (common.Hash{}) {
		collect(w.promised(&t, w.aim()))
		return found, nil
	}
	if err != nil {
		return found, err
	}
	h, err := c.header(ctx, r.blockHash)
	if err != nil {
		return found, err
	}
	found.Block = h.ref()
	collect(w.match(&block{header: h, list: []tx{t}}, []*receipt{&r}, w.aim()))
	return found, nil
}
