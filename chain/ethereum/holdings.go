package ethereum

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// Holding is money at an address.
type Holding struct {
	To     chain.Destination
	Asset  chain.AssetID
	Amount chain.Amount
}

// Holdings asks what addresses hold now of the chain's own coin and of the
// listed tokens, in the order of the addresses, without what is zero. It asks
// the endpoints one after the other until one answers everything, and needs no
// Run. The block is the head at the beginning.
func (w *Watcher) Holdings(ctx context.Context, addresses []chain.Destination) (chain.BlockRef, []Holding, error) {
	addrs := make([]common.Address, len(addresses))
	for i, to := range addresses {
		var err error
		if addrs[i], err = parseDestination(to); err != nil {
			return chain.BlockRef{}, nil, err
		}
	}
	var errs []error
	for _, end := range w.ends {
		head, list, err := w.holdings(ctx, end, addresses, addrs)
		if err == nil || ctx.Err() != nil {
			return head, list, err
		}
		errs = append(errs, err)
	}
	return chain.BlockRef{}, nil, errors.Join(errs...)
}

func (w *Watcher) holdings(ctx context.Context, end endpoint, to []chain.Destination, addrs []common.Address) (chain.BlockRef, []Holding, error) {
	c, err := end.dial(ctx, w.cfg.CallTimeout, w.limits)
	if err != nil {
		return chain.BlockRef{}, nil, err
	}
	defer c.close()
	if err := w.introduce(ctx, c); err != nil {
		return chain.BlockRef{}, nil, err
	}
	head, err := c.head(ctx)
	if err != nil {
		return chain.BlockRef{}, nil, err
	}
	// In the order of their ids, so that two lists can be compared.
	var tokens []token
	for addr := range w.listed {
		if t, ok := w.token(addr); ok {
			tokens = append(tokens, t)
		}
	}
	slices.SortFunc(tokens, func(a, b token) int { return a.addr.Cmp(b.addr) })
	ask := func(i int) (questions []question) {
		questions = append(questions, question{"eth_getBalance", []any{addrs[i], "latest"}})
		for _, t := range tokens {
			questions = append(questions, question{"eth_call", []any{balanceOf(t.addr, addrs[i]), "latest"}})
		}
		return questions
	}
	assets := []chain.AssetID{w.cfg.Native.ID}
	for _, t := range tokens {
		assets = append(assets, t.asset.ID)
	}
	var list []Holding
	for from := 0; from < len(addrs); from += batchSize {
		var questions []question
		for i := from; i < min(from+batchSize, len(addrs)); i++ {
			questions = append(questions, ask(i)...)
		}
		answers, err := c.patient(ctx, questions)
		if err != nil {
			return chain.BlockRef{}, nil, err
		}
		for n, a := range answers {
			owner, asset := to[from+n/len(assets)], assets[n%len(assets)]
			amount, err := chain.Amount{}, a.err
			if err == nil {
				amount, err = decodeBalance(a)
			}
			if err != nil {
				return chain.BlockRef{}, nil, fmt.Errorf("%s: what %s holds of %s can't be read: %w", c.name, owner, asset, err)
			}
			if !amount.IsZero() {
				list = append(list, Holding{To: owner, Asset: asset, Amount: amount})
			}
		}
	}
	return head.ref(), list, nil
}

// patient asks questions, and again after the rest that an endpoint wants.
func (c *conn) patient(ctx context.Context, questions []question) ([]answer, error) {
	for tries := 0; ; tries++ {
		answers, err := c.batch(ctx, questions...)
		if !errors.Is(err, errLimited) || tries == 5 {
			return answers, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(c.limits.wait(c.url)):
		}
	}
}
