package ethereum

import (
	"context"
	"fmt"
	"sort"

	"github.com/ethereum/go-ethereum/common"
)

// introduce makes sure that an endpoint is on the right chain and that the
// listed tokens have the decimals that the configuration says. A token that
// does not is refused, and named in Health; the others go on.
func (w *Watcher) introduce(ctx context.Context, c *conn) error {
	if err := w.sameChain(ctx, c); err != nil {
		return err
	}
	refused := map[common.Address]bool{}
	for addr, t := range w.listed {
		raw, err := c.call(ctx, "eth_call", map[string]any{"to": addr, "data": selDecimals}, "latest")
		// Only the contract's own word counts against it, not a node's trouble.
		if err != nil && !reverted(err) {
			return err
		}
		if n, ok := decodeDecimals(raw); err != nil || !ok || n != t.asset.Decimals {
			refused[addr] = true
			w.cfg.Logger.Error("A token's contract does not have the decimals of the configuration; it is not taken", "token", t.asset.ID, "configured", t.asset.Decimals, "contract", n, "answered", ok)
		}
	}
	w.mu.Lock()
	w.refused = refused
	w.mu.Unlock()
	return nil
}

// sameChain asks an endpoint for its chain id.
func (w *Watcher) sameChain(ctx context.Context, c *conn) error {
	raw, err := c.call(ctx, "eth_chainId")
	if err != nil {
		return err
	}
	var text string
	if err := unquote(raw, &text); err != nil {
		return fmt.Errorf("%s: %w: it names no chain id", c.name, errNetwork)
	}
	id, err := parseNumber(text)
	if err != nil || id != w.cfg.ChainID {
		return fmt.Errorf("%s: %w: it is on chain %.20q, the configuration says %d", c.name, errNetwork, c.cleanText(text), w.cfg.ChainID)
	}
	return nil
}

// wrongToken names the tokens that were refused, "" if none was.
func (w *Watcher) wrongToken() string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var names []string
	for addr := range w.refused {
		names = append(names, w.listed[addr].asset.Symbol)
	}
	if len(names) == 0 {
		return ""
	}
	sort.Strings(names)
	return fmt.Sprint(names)
}
