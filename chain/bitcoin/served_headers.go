package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// What a server says about the chain is checked here: each header for its work
// and its parent, each block and each proof against its header.

// extend fetches headers until they reach from the known ones, or from keepHeads
// below, to the server's tip.
func (s *served) extend(ctx context.Context, base uint64, heads []head, height uint64, hash chainhash.Hash) (uint64, []head, error) {
	lowest := height - min(height, keepHeads-1)
	back := uint64(1)
	for {
		// The known headers are kept up to from.
		from := lowest
		if n := uint64(len(heads)); n > 0 && base+n > back {
			from = max(lowest, min(base+n-back+1, height))
		}
		fresh, err := s.fetch(ctx, from, int(height-from)+1)
		if err != nil {
			return 0, nil, err
		}
		if len(fresh) == 0 || fresh[len(fresh)-1].hash != hash {
			return 0, nil, fmt.Errorf("%s's chain changed while it was read", s.b.name())
		}
		if at := int64(from) - int64(base); at > 0 && at <= int64(len(heads)) && fresh[0].header.PrevBlock == heads[at-1].hash {
			if err := s.retargeted(&heads[at-1], &fresh[0], from); err != nil {
				return 0, nil, err
			}
			all := append(slices.Clone(heads[:at]), fresh...)
			cut := max(0, len(all)-keepHeads)
			return base + uint64(cut), all[cut:], nil
		}
		if from == lowest {
			return from, fresh, nil
		}
		back *= 4
	}
}

// fetch asks for n headers in a row and checks them.
func (s *served) fetch(ctx context.Context, from uint64, n int) ([]head, error) {
	var all []head
	for len(all) < n {
		list, err := s.b.headers(ctx, from+uint64(len(all)), n-len(all))
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || len(list) > n-len(all) {
			return nil, fmt.Errorf("%s has no block %d", s.b.name(), from+uint64(len(all)))
		}
		for i := range list {
			h := head{hash: list[i].BlockHash(), header: list[i]}
			if err := s.worked(&h, from+uint64(len(all))); err != nil {
				return nil, err
			}
			if len(all) > 0 {
				parent := &all[len(all)-1]
				if h.header.PrevBlock != parent.hash {
					return nil, fmt.Errorf("%s's blocks do not follow each other", s.b.name())
				}
				if err := s.retargeted(parent, &h, from+uint64(len(all))); err != nil {
					return nil, err
				}
			}
			all = append(all, h)
		}
	}
	return all, nil
}

// knownHeight and easiest keep a server from beginning with a chain of its own:
// block 840,000 of the main network (April 2024) has the bits 0x17034219, and
// later ones have at least a sixteenth of its work.
const knownHeight = 840_000

var easiest = new(big.Int).Lsh(blockchain.CompactToBig(0x17034219), 4)

// worked checks that a header has the work that it claims, and that the network
// allows so little.
func (s *served) worked(h *head, height uint64) error {
	if height == 0 {
		if h.hash != *s.w.params.GenesisHash {
			return wrongNetwork(s.b.name(), s.w.cfg.Network)
		}
		return nil
	}
	target := blockchain.CompactToBig(h.header.Bits)
	if s.w.params.Net == chaincfg.MainNetParams.Net && height > knownHeight && target.Cmp(easiest) > 0 {
		return lying("%s's block %d is easier to make than Bitcoin's have been for years", s.b.name(), height)
	}
	if target.Sign() <= 0 || target.Cmp(s.w.params.PowLimit) > 0 || blockchain.HashToBig(&h.hash).Cmp(target) > 0 {
		return lying("%s's block %d lacks its proof of work", s.b.name(), height)
	}
	return nil
}

// retargeted checks that the difficulty changes only where it may, and falls to
// a quarter at most. The test networks have other rules.
func (s *served) retargeted(parent, h *head, height uint64) error {
	if s.w.params.Net != chaincfg.MainNetParams.Net || h.header.Bits == parent.header.Bits {
		return nil
	}
	most := new(big.Int).Lsh(blockchain.CompactToBig(parent.header.Bits), 2)
	if height%2016 != 0 || blockchain.CompactToBig(h.header.Bits).Cmp(most) > 0 {
		return lying("%s's block %d is easier to make than Bitcoin allows", s.b.name(), height)
	}
	return nil
}

// at returns a header of the best chain; older ones are asked for, hundreds at
// a time.
func (s *served) at(height uint64) (*head, error) {
	s.mu.Lock()
	n, base, ctx := uint64(len(s.heads)), s.base, s.ctx
	var found *head
	switch {
	case n == 0:
		s.mu.Unlock()
		return nil, errNoServer
	case height >= base+n:
		s.mu.Unlock()
		return nil, fmt.Errorf("there is no block %d yet", height)
	case height >= base:
		found = &s.heads[height-base]
	case height >= s.old.from && height-s.old.from < uint64(len(s.old.heads)):
		found = &s.old.heads[height-s.old.from]
	}
	s.mu.Unlock()
	if found != nil {
		return found, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.w.tune.query)
	defer cancel()
	heads, err := s.fetch(ctx, height, int(min(base-height, 500)))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.old = segment{from: height, heads: heads}
	s.mu.Unlock()
	return &heads[0], nil
}

// place finds a block of the last ones by its hash.
func (s *served) place(hash chainhash.Hash) (*head, uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.heads) - 1; i >= 0; i-- {
		if s.heads[i].hash == hash {
			return &s.heads[i], s.base + uint64(i), true
		}
	}
	for i := range s.old.heads {
		if s.old.heads[i].hash == hash {
			return &s.old.heads[i], s.old.from + uint64(i), true
		}
	}
	return nil, 0, false
}

func (s *served) has(hash chainhash.Hash) bool {
	_, _, ok := s.place(hash)
	return ok
}

// wholeBlock checks that a block is the header's and has all its transactions.
func wholeBlock(block *wire.MsgBlock, header *wire.BlockHeader) error {
	if block.Header.BlockHash() != header.BlockHash() {
		return errors.New("it is another block than was asked for")
	}
	txs := make([]*btcutil.Tx, len(block.Transactions))
	for i, tx := range block.Transactions {
		txs[i] = btcutil.NewTx(tx)
	}
	if len(txs) == 0 || blockchain.CalcMerkleRoot(txs, false) != header.MerkleRoot {
		return errors.New("its transactions are not those that its header commits to")
	}
	return nil
}

// inBlock checks a merkle branch (the hashes beside the way from a transaction
// to the root, lowest first) against a header.
func inBlock(txid chainhash.Hash, branch []chainhash.Hash, pos uint64, header *wire.BlockHeader) bool {
	if len(branch) > 32 || len(branch) < 64 && pos>>len(branch) != 0 {
		return false
	}
	node := txid
	for _, beside := range branch {
		if pos&1 == 1 {
			node = blockchain.HashMerkleBranches(&beside, &node)
		} else {
			node = blockchain.HashMerkleBranches(&node, &beside)
		}
		pos >>= 1
	}
	return node == header.MerkleRoot
}
