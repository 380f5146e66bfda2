package ethereum

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// pot is a token at an address.
type pot struct{ token, owner common.Address }

// checkTokens asks the contracts of a block's token payments what their payees
// hold more than at the block before. A log says what a contract claims to have
// done: one that takes a fee without a word, or logs what never happened, is
// found by that. What did not arrive is taken from the payments, which then carry
// the balances as their proof; where nothing arrived they have failed. More than
// was logged is no payment: balances of some tokens grow by themselves.
//
// A node without balances of the block is given a little time at the tip. Where
// they are not to be had the log is believed: its contract is one of the list,
// its root is the block's.
func (r *run) checkTokens(ctx context.Context, p pages, hits []hit, atTip bool) error {
	paid := map[pot]chain.Amount{}
	var pots []pot
	for _, h := range hits {
		if h.Event.Kind != chain.Included || h.Event.Asset.Contract() == "" {
			continue
		}
		in := pot{common.HexToAddress(h.Event.Asset.Contract()), addressOf(h)}
		if _, known := paid[in]; !known {
			pots = append(pots, in)
		}
		paid[in], _ = paid[in].Add(h.Event.Amount)
	}
	if len(pots) == 0 || r.conn.noHolds {
		return nil
	}
	before, err := r.conn.holds(ctx, pots, p.parent.Hex())
	if err != nil {
		return r.unheld(err, atTip)
	}
	after, err := r.conn.holds(ctx, pots, p.hash.Hex())
	if err != nil {
		return r.unheld(err, atTip)
	}
	r.noHolds = 0
	for _, in := range pots {
		if _, ok := after[in]; !ok {
			continue
		}
		had, _ := after[in].Add(sent(p, in))
		rest := had.Sub(before[in])
		if rest.Cmp(paid[in]) >= 0 {
			continue
		}
		r.w.cfg.Logger.Warn("A token's contract logged more than arrived; what arrived counts",
			"chain", r.w.network, "token", in.token, "address", in.owner, "block", p.number, "logged", paid[in], "arrived", rest)
		proof := &rise{Parent: p.parent.Hex(), Before: before[in], After: after[in]}
		for i := range hits {
			e := &hits[i].Event
			if e.Kind != chain.Included || addressOf(hits[i]) != in.owner || e.Asset.Contract() == "" || common.HexToAddress(e.Asset.Contract()) != in.token {
				continue
			}
			hits[i].Proof = proof
			arrived := e.Amount
			if arrived.Cmp(rest) > 0 {
				arrived = rest
			}
			rest = rest.Sub(arrived)
			if r.w.cfg.dust(e.Asset, arrived) {
				e.Kind = chain.Failed // with the amount that was promised, as of a call that failed
				continue
			}
			e.Amount = arrived
		}
	}
	return nil
}

// unheld decides on a failure to ask contracts for balances.
func (r *run) unheld(err error, atTip bool) error {
	if !noState(err) {
		return err
	}
	if !atTip {
		return nil // of an old block
	}
	if r.noHolds++; r.noHolds <= maxNoStates && isMissing(err) {
		return err
	}
	r.noHolds = 0
	r.conn.noHolds = true
	r.w.cfg.Logger.Warn("The endpoint does not tell what a token's contract says of a block; logs of tokens are believed as they are",
		"chain", r.w.network, "endpoint", r.conn.name, "cause", err)
	return nil
}

// sent is what the logs of a block say that left a pot.
func sent(p pages, in pot) (sum chain.Amount) {
	for _, r := range p.receipts {
		if r == nil {
			continue
		}
		for _, e := range r.logs {
			if from, _, amount, ok := e.moved(); ok && e.address == in.token && from == in.owner {
				sum, _ = sum.Add(amount)
			}
		}
	}
	return sum
}

// holds asks contracts what addresses have at the end of a block. Contracts that
// have no answer are left out.
func (c *conn) holds(ctx context.Context, pots []pot, block string) (map[pot]chain.Amount, error) {
	questions := make([]question, len(pots))
	for i, in := range pots {
		questions[i] = question{"eth_call", []any{balanceOf(in.token, in.owner), map[string]any{"blockHash": block}}} // EIP-1898
	}
	answers, err := c.batch(ctx, questions...)
	if err != nil {
		return nil, err
	}
	list := make(map[pot]chain.Amount, len(pots))
	for i, in := range pots {
		if err := answers[i].err; err != nil {
			if reverted(err) {
				continue
			}
			return nil, err
		}
		if amount, err := decodeBalance(answers[i]); err == nil {
			list[in] = amount
		}
	}
	return list, nil
}

// balanceOf is the call of that name.
func balanceOf(token, owner common.Address) map[string]any {
	return map[string]any{"to": token, "data": selBalanceOf + hex.EncodeToString(common.LeftPadBytes(owner[:], 32))}
}

// reverted tells a contract's own refusal from a node's trouble.
func reverted(err error) bool { return strings.Contains(strings.ToLower(err.Error()), "revert") }
