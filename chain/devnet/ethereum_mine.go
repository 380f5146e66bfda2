package devnet

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
)

// Mine seals n blocks; the first takes what waits in the pool.
func (e *Ethereum) Mine(n int) error {
	e.mine.Lock()
	defer e.mine.Unlock()
	return e.mineLocked(n)
}

func (e *Ethereum) mineLocked(n int) error {
	for range n {
		was := e.node.BlockChain().CurrentBlock().Hash()
		if e.beacon.Commit() == was {
			return fmt.Errorf("the Ethereum devnet could not seal a block after %s", was.Hex())
		}
	}
	return nil
}

// Reorg takes the last depth blocks out of the chain and mines one more than
// that in their place. Where keep is set their transactions are mined again, in
// the first new block; otherwise they are forgotten, together with whatever
// else waits in the pool.
func (e *Ethereum) Reorg(depth int, keep bool) error {
	e.mine.Lock()
	defer e.mine.Unlock()
	if err := e.rewindLocked(depth, keep); err != nil {
		return err
	}
	return e.mineLocked(depth + 1)
}

// Rewind takes the last depth blocks out of the chain and mines nothing: the
// head moves back to a block that everybody knows. Keep is as for Reorg.
func (e *Ethereum) Rewind(depth int, keep bool) error {
	e.mine.Lock()
	defer e.mine.Unlock()
	return e.rewindLocked(depth, keep)
}

func (e *Ethereum) rewindLocked(depth int, keep bool) error {
	chain := e.node.BlockChain()
	head := chain.CurrentBlock().Number.Uint64()
	if depth < 1 || uint64(depth) > head {
		return fmt.Errorf("the Ethereum devnet has %d blocks; it can't take %d back", head, depth)
	}
	// The pool takes in again by itself what a reorganisation throws out. What
	// of that comes from accounts with further transactions it may lose, so
	// the transactions are put back by hand; those it has already are refused.
	var lost types.Transactions
	for n := head - uint64(depth) + 1; n <= head; n++ {
		lost = append(lost, chain.GetBlockByNumber(n).Transactions()...)
	}
	if _, err := chain.SetCanonical(chain.GetBlockByNumber(head - uint64(depth))); err != nil {
		return fmt.Errorf("the Ethereum devnet could not go back %d blocks: %w", depth, err)
	}
	if err := e.node.TxPool().Sync(); err != nil {
		return err
	}
	if !keep {
		e.Forget()
		return nil
	}
	for _, err := range e.node.TxPool().Add(lost, true) {
		if err != nil {
			e.opts.Logger.Debug("A transaction was not put back into the devnet's pool", "cause", err)
		}
	}
	return nil
}

// Forget drops every transaction that waits to be mined.
func (e *Ethereum) Forget() { e.node.TxPool().Clear() }

// SetBlockEvery changes the time between blocks; 0 stops mining by the clock.
func (e *Ethereum) SetBlockEvery(d time.Duration) {
	for {
		select {
		case e.pace <- d:
			return
		case <-e.pace: // the newest pace counts
		case <-e.quit:
			return
		}
	}
}

// mineByClock seals blocks at the pace that is set, until the network ends.
func (e *Ethereum) mineByClock(ctx context.Context) {
	defer e.worker.Done()
	stop := context.AfterFunc(ctx, func() { _ = e.Close() })
	defer stop()
	var tick <-chan time.Time
	clock := time.NewTicker(time.Hour)
	defer clock.Stop()
	set := func(d time.Duration) {
		tick = nil
		if d > 0 {
			clock.Reset(d)
			tick = clock.C
		}
	}
	set(e.opts.BlockEvery)
	for {
		select {
		case <-e.quit:
			return
		case d := <-e.pace:
			set(d)
		case <-tick:
			if err := e.Mine(1); err != nil {
				e.opts.Logger.Warn("The devnet sealed no block", "cause", err)
			}
		}
	}
}
