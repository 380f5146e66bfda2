package bitcoin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// A person asks about any transaction and any address: what a server says then
// is shown as its word, and no sale changes by it.

// maxFound bounds what a look-up of an address lists: what came last.
const maxFound = 50

// sought is a transaction that a server knows, and where it has it.
type sought struct {
	tx     *wire.MsgTx
	height uint64 // of its block, 0 = not known or in none …
	block  string // … and its hash, where the server says it
	mined  bool
}

// seeker is a backend that can be asked about what nobody watches.
type seeker interface {
	// transaction is nil where the server knows none; [chain.ErrCannot] where it
	// has no index of them.
	transaction(ctx context.Context, txid chainhash.Hash) (*sought, error)
	// received lists what paid a script, at most maxFound, or ErrCannot.
	received(ctx context.Context, to chain.Destination, script string) ([]sought, error)
}

var (
	_ seeker = (*core)(nil)
	_ seeker = (*esplora)(nil)
	_ seeker = (*electrum)(nil)
)

// seek is Lookup at a server, for what the watcher itself does not know.
func (w *Watcher) seek(ctx context.Context, ref chain.Ref) (chain.Found, error) {
	w.mu.Lock()
	live := w.live
	w.mu.Unlock()
	if live == nil {
		return chain.Found{}, errors.New("the Bitcoin watcher does not run at present")
	}
	s, ok := live.client.(*served)
	if !ok {
		return chain.Found{}, chain.ErrCannot
	}
	server, ok := s.b.(seeker)
	if !ok {
		return chain.Found{}, fmt.Errorf("%s has no index: %w", s.b.name(), chain.ErrCannot)
	}
	if n, _ := s.peers(); n == 0 {
		return chain.Found{}, fmt.Errorf("%s does not answer at present", s.b.name())
	}
	ctx, cancel := context.WithTimeout(ctx, w.tune.query)
	defer cancel()
	if ref.TxID != "" {
		txid, err := chainhash.NewHashFromStr(string(ref.TxID))
		if err != nil {
			return chain.Found{}, err
		}
		one, err := server.transaction(ctx, *txid)
		if err != nil || one == nil {
			return chain.Found{}, err
		}
		block, err := s.whereIs(one)
		if err != nil {
			return chain.Found{}, err
		}
		return chain.Found{Known: true, Block: block, Payments: w.paidBy(one.tx, block, live.archive)}, nil
	}
	script, err := scriptOf(ref.Destination, &w.params)
	if err != nil {
		return chain.Found{}, err
	}
	list, err := server.received(ctx, ref.Destination, script)
	if err != nil {
		return chain.Found{}, err
	}
	var found chain.Found
	for i := range list {
		block, err := s.whereIs(&list[i])
		if err != nil {
			return chain.Found{}, err
		}
		outputs := pays(list[i].tx, map[string]target{script: {to: ref.Destination}}, 0)
		found.Payments = append(found.Payments, w.eventsOf(list[i].tx, outputs, block)...)
	}
	found.Known = len(found.Payments) > 0
	return found, nil
}

// whereIs is the block of a transaction, zero for none. A height must be one of
// the chain that is known here.
func (s *served) whereIs(one *sought) (chain.BlockRef, error) {
	if !one.mined {
		return chain.BlockRef{}, nil
	}
	if one.height == 0 {
		hash, err := decodeHash(one.block)
		if err != nil {
			return chain.BlockRef{}, err
		}
		if h, height, ok := s.place(hash); ok {
			return chain.BlockRef{Height: height, Hash: one.block, Time: h.header.Timestamp}, nil
		}
		return chain.BlockRef{}, fmt.Errorf("%s has it in block %s, whose height it does not say: %w", s.b.name(), one.block, chain.ErrCannot)
	}
	h, err := s.at(one.height)
	if err != nil {
		return chain.BlockRef{}, err
	}
	if one.block != "" && one.block != h.hash.String() {
		return chain.BlockRef{}, fmt.Errorf("%s has it in a block that is not in its chain", s.b.name())
	}
	return chain.BlockRef{Height: one.height, Hash: h.hash.String(), Time: h.header.Timestamp}, nil
}

// paidBy lists what a transaction pays to addresses of this till, also to those
// that are no longer watched.
func (w *Watcher) paidBy(tx *wire.MsgTx, block chain.BlockRef, archive chain.Archive) []chain.Event {
	outputs := w.targets.matchTx(tx)
	if archive != nil {
		for i, out := range tx.TxOut {
			to, ok := w.addressOf(out.PkScript)
			if !ok || out.Value <= 0 || slices.ContainsFunc(outputs, func(o output) bool { return o.index == uint32(i) }) {
				continue
			}
			if _, ours := archive.Owner(to); ours {
				outputs = append(outputs, output{index: uint32(i), to: to, amount: uint64(out.Value)})
			}
		}
	}
	return w.eventsOf(tx, outputs, block)
}

func (w *Watcher) eventsOf(tx *wire.MsgTx, outputs []output, block chain.BlockRef) []chain.Event {
	kind := chain.Seen
	if !block.IsZero() {
		kind = chain.Included
	}
	rec := &record{txid: tx.TxHash(), tx: tx, outputs: outputs}
	return rec.events(kind, w.cfg.Network, block, "")
}

// addressOf is the address that a script pays, in its canonical text.
func (w *Watcher) addressOf(script []byte) (chain.Destination, bool) {
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(script, &w.params)
	if err != nil || len(addrs) != 1 {
		return "", false
	}
	return chain.Destination(addrs[0].EncodeAddress()), true
}

// transaction asks the node, which knows all that waits, and with an index
// (txindex=1) what is in blocks.
func (c *core) transaction(ctx context.Context, txid chainhash.Hash) (*sought, error) {
	var answer struct {
		Hex       string `json:"hex"`
		BlockHash string `json:"blockhash"`
	}
	err := c.rpc.ask(ctx, &answer, "getrawtransaction", txid.String(), 1)
	var no *rpcError
	switch {
	case errors.As(err, &no) && strings.Contains(no.Message, "txindex"):
		return nil, fmt.Errorf("your node has no index of transactions; txindex=1 makes one: %w", chain.ErrCannot)
	case isRPC(err, rpcNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	tx, err := decodeTxHex(answer.Hex)
	if err != nil || tx.TxHash() != txid {
		return nil, fmt.Errorf("%s answers with another transaction than was asked for", c.label)
	}
	one := &sought{tx: tx, block: answer.BlockHash, mined: answer.BlockHash != ""}
	if one.mined {
		var header struct {
			Height uint64 `json:"height"`
		}
		if err := c.rpc.ask(ctx, &header, "getblockheader", answer.BlockHash, true); err != nil {
			return nil, err
		}
		one.height = header.Height
	}
	return one, nil
}

// received is beyond a node without a wallet: it would read all coins there are.
func (c *core) received(context.Context, chain.Destination, string) ([]sought, error) {
	return nil, fmt.Errorf("a node has no index of addresses: %w", chain.ErrCannot)
}

func (e *esplora) transaction(ctx context.Context, txid chainhash.Hash) (*sought, error) {
	at, err := e.find(ctx, txid)
	if err != nil || !at.waiting && !at.mined {
		return nil, err
	}
	tx, err := e.tx(ctx, txid)
	if err != nil {
		return nil, err
	}
	return &sought{tx: tx, height: at.height, block: at.block, mined: at.mined}, nil
}

func (e *esplora) received(ctx context.Context, to chain.Destination, script string) ([]sought, error) {
	type place struct {
		Script string `json:"scriptpubkey"`
	}
	var list []struct {
		TxID   string  `json:"txid"`
		Status status  `json:"status"`
		Vout   []place `json:"vout"`
	}
	if err := e.decode(ctx, &list, "address", to, "txs"); err != nil {
		if errors.Is(err, errNotThere) {
			err = nil
		}
		return nil, err
	}
	wanted := hex.EncodeToString([]byte(script))
	var found []sought
	for _, one := range list[:min(len(list), maxFound)] {
		if !slices.Contains(one.Vout, place{wanted}) {
			continue // it spends from there
		}
		txid, err := decodeHash(one.TxID)
		if err != nil {
			return nil, err
		}
		tx, err := e.tx(ctx, txid)
		if err != nil {
			return nil, err
		}
		found = append(found, sought{tx: tx, height: one.Status.Height, block: one.Status.Hash, mined: one.Status.Confirmed})
	}
	return found, nil
}

// transaction is found with the server's histories, which say in which block it
// is: the protocol has no question for that.
func (e *electrum) transaction(ctx context.Context, txid chainhash.Hash) (*sought, error) {
	tx, err := e.tx(ctx, txid)
	var no *electrumRefusal
	if errors.As(err, &no) {
		return nil, nil
	}
	if err != nil || len(tx.TxOut) == 0 {
		return nil, err
	}
	history, err := e.ask(ctx, scriptHash(string(tx.TxOut[0].PkScript)))
	if err != nil {
		return nil, err
	}
	item, ok := history[txid]
	if !ok {
		return nil, fmt.Errorf("%s has it and does not say where: %w", e.name(), chain.ErrCannot)
	}
	return &sought{tx: tx, height: uint64(max(item.height, 0)), mined: item.height > 0}, nil
}

func (e *electrum) received(ctx context.Context, _ chain.Destination, script string) ([]sought, error) {
	history, err := e.ask(ctx, scriptHash(script))
	if err != nil {
		return nil, err
	}
	list := make([]chainhash.Hash, 0, len(history))
	for txid := range history {
		list = append(list, txid)
	}
	slices.SortFunc(list, func(a, b chainhash.Hash) int {
		if d := history[b].order() - history[a].order(); d != 0 {
			return d
		}
		return slices.Compare(a[:], b[:])
	})
	var found []sought
	for _, txid := range list[:min(len(list), maxFound)] {
		tx, err := e.tx(ctx, txid)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(tx.TxOut, func(out *wire.TxOut) bool { return string(out.PkScript) == script }) {
			continue // it spends from there
		}
		found = append(found, sought{tx: tx, height: uint64(max(history[txid].height, 0)), mined: history[txid].height > 0})
	}
	return found, nil
}
