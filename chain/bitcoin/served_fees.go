package bitcoin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// estimator is a backend that knows which fee is enough for which wait.
type estimator interface {
	// fees has, for numbers of blocks, the fee rate with which a transaction is
	// mined within so many, in thousandths of a satoshi per virtual byte.
	fees(ctx context.Context) (map[int]uint64, error)
}

var (
	_ estimator = (*core)(nil)
	_ estimator = (*esplora)(nil)
	_ estimator = (*electrum)(nil)
)

// feeTargets are the waits that estimates are asked for: from the next block to
// a day.
var feeTargets = []int{1, 3, 6, 12, 24, 72, 144}

// beyondADay stands for a wait that no estimate reaches.
const beyondADay = 1_000

// feeStep is what is paid for a wait.
type feeStep struct {
	blocks int
	rate   uint64
}

// expect learns now and then how long payments will wait at their fees, while
// there are such. That a server does not know is no fault of it.
func (s *served) expect(ctx context.Context) error {
	e, ok := s.b.(estimator)
	if !ok || len(waitingIn(s.w.book)) == 0 {
		return nil
	}
	now := s.w.cfg.Now()
	s.mu.Lock()
	fresh := !s.feesAt.IsZero() && now.Sub(s.feesAt) < s.w.tune.fees
	s.mu.Unlock()
	if !fresh {
		list, err := e.fees(ctx)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		s.mu.Lock()
		s.fees, s.feesAt = feeSteps(list), now
		s.mu.Unlock()
	}
	h, b := s.w.hub, s.w.book
	h.mu.Lock()
	defer h.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.txs {
		if within := s.within(r.proof.FeeRate); r.open() && within != r.proof.Within {
			h.notes = append(h.notes, note{grown: r})
			h.wake()
		}
	}
	return nil
}

func feeSteps(list map[int]uint64) []feeStep {
	var steps []feeStep
	for blocks, rate := range list {
		if blocks > 0 && blocks <= beyondADay && rate > 0 {
			steps = append(steps, feeStep{blocks, rate})
		}
	}
	slices.SortFunc(steps, func(a, b feeStep) int { return a.blocks - b.blocks })
	return steps
}

// within is in how many blocks a transaction with a fee rate should be mined,
// 0 = not known.
func (s *served) within(rate uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fees) == 0 || rate == 0 {
		return 0
	}
	for _, step := range s.fees {
		if rate >= step.rate {
			return step.blocks
		}
	}
	return beyondADay
}

// milli reads a decimal number as thousandths of a 10^shift-th of it, and drops
// what is finer: an estimate need not be exact, and a server may write 17 digits.
func milli(n json.Number, shift int) (uint64, bool) {
	whole, part, _ := strings.Cut(string(n), ".")
	if strings.ContainsAny(string(n), "eE-") {
		f, err := n.Float64() // "1.2e-05": for comparison only, no money
		if err != nil || f <= 0 || f > 1e6 {
			return 0, false
		}
		whole, part, _ = strings.Cut(strconv.FormatFloat(f, 'f', 12, 64), ".")
	}
	part = (part + strings.Repeat("0", shift+3))[:shift+3]
	v, err := strconv.ParseUint(whole+part, 10, 63)
	return v, err == nil && v > 0
}

// fees asks Bitcoin Core, whose estimates are in coins per 1,000 virtual bytes.
// It knows none for the next block alone: the cautious one for two is taken.
func (c *core) fees(ctx context.Context) (map[int]uint64, error) {
	calls := make([]*call, len(feeTargets))
	for i, blocks := range feeTargets {
		calls[i] = &call{method: "estimatesmartfee", params: []any{blocks}}
		if blocks == 1 {
			calls[i].params = []any{blocks, "conservative"}
		}
	}
	if err := c.rpc.batch(ctx, calls); err != nil {
		return nil, err
	}
	list := map[int]uint64{}
	for i, one := range calls {
		var answer struct {
			FeeRate json.Number `json:"feerate"`
		}
		if one.err != nil || json.Unmarshal(one.result, &answer) != nil || answer.FeeRate == "" {
			continue
		}
		if rate, ok := perThousand(answer.FeeRate); ok {
			list[feeTargets[i]] = rate
		}
	}
	return list, nil
}

// perThousand reads coins per 1,000 virtual bytes: a satoshi of that is a
// thousandth of a satoshi per virtual byte.
func perThousand(n json.Number) (uint64, bool) { return milli(n, 5) }

// fees asks Esplora, which answers in satoshi per virtual byte.
func (e *esplora) fees(ctx context.Context) (map[int]uint64, error) {
	var answer map[string]json.Number
	if err := e.decode(ctx, &answer, "fee-estimates"); err != nil {
		return nil, err
	}
	list := map[int]uint64{}
	for _, blocks := range feeTargets {
		if rate, ok := milli(answer[strconv.Itoa(blocks)], 0); ok {
			list[blocks] = rate
		}
	}
	return list, nil
}

// fees asks an Electrum server, which passes its node's estimates on.
func (e *electrum) fees(ctx context.Context) (map[int]uint64, error) {
	list := map[int]uint64{}
	for _, blocks := range feeTargets {
		var n json.Number
		err := e.link().call(ctx, &n, "blockchain.estimatefee", blocks)
		var no *electrumRefusal
		switch {
		case errors.As(err, &no):
			continue
		case err != nil:
			return nil, fmt.Errorf("%s's estimates of fees: %w", e.name(), err)
		}
		if rate, ok := perThousand(n); ok { // -1 = it has none
			list[blocks] = rate
		}
	}
	return list, nil
}
