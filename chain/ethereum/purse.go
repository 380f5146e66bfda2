package ethereum

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// purse is what an address was known to hold. Coins that a contract sends stand
// in no transaction's value and, before EIP-7708, in no log: they are found by
// what a purse holds more than what was matched explains.
type purse struct {
	Awaited bool         // somebody waited for money here when it was asked for
	Coins   chain.Amount // held at the block At
	At      chain.BlockRef
	Came    chain.Amount `json:"-"` // matched payments in later blocks that were read
	Went    chain.Amount `json:"-"` // what its own transactions there took
}

// expects is what it should hold after the blocks that were read.
func (p *purse) expects() chain.Amount {
	sum, _ := p.Coins.Add(p.Came)
	return sum.Sub(p.Went)
}

// purses are by address; they are valid at the cursor's head.
type purses map[common.Address]*purse

// rise is how balances prove a payment: what was held at the end of the block
// before, and at the end of its own.
type rise struct {
	Parent        string
	Before, After chain.Amount
}

// others is how many addresses for which nobody waits are asked about at once,
// and how often at most.
const (
	others      = 8
	othersEvery = 12 * time.Second
)

// maxAwaited bounds what is asked at every block.
const maxAwaited = 500

// rota says whose balances are asked for. It is guarded by the watcher's lock.
type rota struct {
	waits map[common.Address]time.Time // at which somebody waits, until when
	turn  []common.Address             // all that take coins, asked in turn
	next  int
}

// enter is called with the watcher's lock held.
func (o *rota) enter(addr common.Address, coins bool, until time.Time) {
	if coins {
		o.turn = append(o.turn, addr)
	}
	if !until.IsZero() {
		o.waits[addr] = until
	}
}

// waited forgets waits that are over and lists the others. It is called with the
// lock held.
func (w *Watcher) waited() []common.Address {
	now := w.cfg.Now()
	var list []common.Address
	for addr, until := range w.rota.waits {
		if _, hot := w.targets[addr]; !hot || !now.Before(until) {
			delete(w.rota.waits, addr)
			continue
		}
		list = append(list, addr)
	}
	return list
}

// takesCoins is called with the lock held.
func (w *Watcher) takesCoins(addr common.Address) bool {
	return slices.Contains(w.targets[addr].Assets, w.cfg.Native.ID)
}

// anyCoins tells whether the chain's own coin is taken anywhere.
func (w *Watcher) anyCoins() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return len(w.rota.turn) > 0
}

// curious lists whose balances the next block is asked for: all addresses at
// which somebody waits for the chain's own coin, and now and then a few others.
func (r *run) curious() []common.Address {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	o := &w.rota
	r.awaited = map[common.Address]bool{}
	for _, addr := range w.waited() {
		if w.takesCoins(addr) && len(r.awaited) < maxAwaited {
			r.awaited[addr] = true
		}
	}
	list := slices.Collect(maps.Keys(r.awaited))
	if w.cfg.Lean || time.Since(r.othersAt) < othersEvery {
		return list
	}
	r.othersAt = time.Now()
	for range min(others, len(o.turn)) {
		if len(o.turn) == 0 {
			break
		}
		o.next %= len(o.turn)
		addr := o.turn[o.next]
		if _, hot := w.targets[addr]; !hot {
			o.turn[o.next] = o.turn[len(o.turn)-1]
			o.turn = o.turn[:len(o.turn)-1]
			continue
		}
		o.next++
		if !r.awaited[addr] {
			list = append(list, addr)
		}
	}
	return list
}

// balances asks for the coins of addresses at the end of a block.
func (c *conn) balances(ctx context.Context, addrs []common.Address, block string) (map[common.Address]chain.Amount, error) {
	questions := make([]question, len(addrs))
	for i, a := range addrs {
		questions[i] = question{"eth_getBalance", []any{a, map[string]any{"blockHash": block}}} // EIP-1898
	}
	answers, err := c.batch(ctx, questions...)
	if err != nil {
		return nil, err
	}
	list := make(map[common.Address]chain.Amount, len(addrs))
	for i, a := range addrs {
		if answers[i].err != nil {
			return nil, answers[i].err
		}
		if list[a], err = decodeBalance(answers[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func decodeBalance(a answer) (chain.Amount, error) {
	var text string
	if err := unquote(a.raw, &text); err != nil {
		return chain.Amount{}, err
	}
	return parseWide(text)
}

// drawer is the purses with what a batch changes in them before it is stored.
type drawer struct {
	base purses
	over purses // nil entries are forgotten
}

// get is a purse that may be changed, nil where there is none.
func (d drawer) get(addr common.Address) *purse {
	if p, ok := d.over[addr]; ok {
		return p
	}
	p := d.base[addr]
	if p == nil {
		return nil
	}
	held := *p
	d.over[addr] = &held
	return &held
}

// explain notes the payments of a block that were matched, and what addresses
// spent in it.
func (d drawer) explain(native chain.AssetID, hits []hit, went outlays) {
	for addr, sum := range went {
		if p := d.get(addr); p != nil {
			p.Went, _ = p.Went.Add(sum)
		}
	}
	for _, h := range hits {
		if !isCoins(h, native) {
			continue
		}
		if p := d.get(addressOf(h)); p != nil {
			p.Came, _ = p.Came.Add(h.Event.Amount)
		}
	}
}

// keep makes the changes of a batch that was stored.
func (r *run) keep(d drawer) {
	for addr, p := range d.over {
		if p == nil {
			delete(r.purses, addr)
		} else {
			r.purses[addr] = p
		}
	}
	r.w.mu.RLock()
	defer r.w.mu.RUnlock()
	if len(r.purses) < 2*len(r.w.targets)+1_000 {
		return
	}
	for addr := range r.purses {
		if _, hot := r.w.targets[addr]; !hot {
			delete(r.purses, addr)
		}
	}
}

func isCoins(h hit, native chain.AssetID) bool {
	return h.Event.Kind == chain.Included && h.Event.Asset == native
}

// came is how many coins the hits of blocks brought to an address.
func (r *run) came(addr common.Address, hits ...[]hit) (sum chain.Amount) {
	for _, block := range hits {
		for _, h := range block {
			if isCoins(h, r.w.cfg.Native.ID) && addressOf(h) == addr {
				sum, _ = sum.Add(h.Event.Amount)
			}
		}
	}
	return sum
}

func addressOf(h hit) common.Address { return common.HexToAddress(string(h.Event.Target)) }

// recallPurses reads purses of an earlier life: those of blocks that are on the
// chain still, with what was matched after them.
func (w *Watcher) recallPurses(m memory, ring []chain.BlockRef) purses {
	held := purses{}
	onChain := func(b chain.BlockRef) bool {
		return b.Height < ring[0].Height || slices.ContainsFunc(ring, func(r chain.BlockRef) bool { return r.Hash == b.Hash })
	}
	for addr, p := range m.Purses {
		if !p.At.IsZero() && onChain(p.At) {
			held[addr] = &purse{Awaited: p.Awaited, Coins: p.Coins, At: p.At}
		}
	}
	for _, b := range ring {
		for addr, sum := range m.Spent[b.Hash] {
			if p := held[addr]; p != nil && b.Height > p.At.Height {
				p.Went, _ = p.Went.Add(sum)
			}
		}
	}
	for _, list := range m.Blocks {
		for _, h := range list {
			p := held[addressOf(h)]
			if p != nil && isCoins(h, w.cfg.Native.ID) && h.Event.Block.Height > p.At.Height && onChain(h.Event.Block) {
				p.Came, _ = p.Came.Add(h.Event.Amount)
			}
		}
	}
	return held
}

// rose asks another endpoint whether an address holds more since a block. One
// that has forgotten is asked whether the money is there now.
func (c *conn) rose(ctx context.Context, ref chain.BlockRef, h hit) (bool, error) {
	ask := question{"eth_getBalance", []any{addressOf(h), nil}}
	if contract := h.Event.Asset.Contract(); contract != "" {
		ask = question{"eth_call", []any{balanceOf(common.HexToAddress(contract), addressOf(h)), nil}}
	}
	holds := func(at any) (chain.Amount, error) {
		raw, err := c.call(ctx, ask.method, ask.args[0], at)
		if err != nil {
			return chain.Amount{}, err
		}
		return decodeBalance(answer{raw: raw})
	}
	at := func(block string) any { return map[string]any{"blockHash": block} }
	if h.Proof.Parent != "" {
		after, err := holds(at(ref.Hash))
		if err == nil {
			var before chain.Amount
			if before, err = holds(at(h.Proof.Parent)); err == nil {
				return after == h.Proof.After && before == h.Proof.Before, nil
			}
		}
		if !noState(err) {
			return false, err
		}
	}
	if h.Event.Kind == chain.Failed {
		return true, nil // nothing came by it either way
	}
	now, err := holds("latest")
	if err != nil {
		return false, err
	}
	if now.Cmp(h.Event.Amount) < 0 {
		return false, errMissing // spent meanwhile, or not there yet
	}
	return true, nil
}
