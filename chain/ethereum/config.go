package ethereum

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cointill/till/chain"
)

// Config says which chain to watch and through whom. ChainID, Endpoints and
// Native are needed; the zero value of the rest is a sensible choice.
type Config struct {
	// ChainID is the chain's EIP-155 id. An endpoint on another one is refused.
	ChainID uint64
	// Endpoints are nodes, the preferred one first: ws(s) and IPC paths push,
	// http(s) is polled. The path and query of a URL may be secret.
	Endpoints []string
	// Native is the chain's own coin; its id must be chain.NativeAsset(ChainID).
	Native chain.Asset
	// Tokens are the ERC-20 contracts that count; others pay nothing.
	Tokens []chain.Asset

	// BlockTime is the usual time between blocks; 0 means 12 s.
	BlockTime time.Duration
	// Poll is the time between two looks at the head; 0 means half a BlockTime,
	// at least 500 ms.
	Poll time.Duration
	// CallTimeout ends a call that hangs, as on a half-open connection; 0 means 10 s.
	CallTimeout time.Duration
	// Stale is the age at which a head is too old; 0 means three BlockTimes, at
	// least a minute; negative never, for chains that mine on demand.
	Stale time.Duration
	// Quorum is how many endpoints must agree on a block, and on each payment in
	// it, before depth counts from it; 0 means 2 where there are three endpoints or more, else 1: two
	// endpoints are rather meant to stand in for each other.
	Quorum int
	// Lean spares a metered endpoint: no pending feed; only heads while nobody
	// waits for money (chain.Target.Until), with an audit of the skipped blocks
	// afterwards and every ten minutes; and logs first, receipts and their root
	// only of blocks that pay somebody, or whose bloom does not rule out that
	// somebody who waits was paid a token. A log that is withheld from somebody for
	// whom nobody waits is noticed by nobody, and money to an address from long ago
	// not at all while only heads are read.
	Lean bool
	// Birthday is the first block that is read when there is no cursor; 0
	// starts at the head.
	Birthday uint64
	// LookBack is how many blocks at most are read again for a target that was
	// shown before it was watched; 0 means 20,000.
	LookBack uint64
	// Dust maps assets to the least amount that is reported. Nil means 10^9
	// wei, and a hundredth of a cent of a stablecoin. Zero is never reported.
	Dust map[chain.AssetID]chain.Amount
	// SkipRoots leaves out the check of roots, for a chain whose receipts have
	// a form of their own.
	SkipRoots bool
	// State is a file that remembers the payments in the cursor's last blocks,
	// so that one that is reorganised away while till is down is retracted even
	// if no node remembers the lost block. "" remembers in memory alone.
	State string

	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = silent
}

// token is a contract of the allow-list.
type token struct {
	asset chain.Asset
	addr  common.Address
}

// check refuses what cannot work and fills in the defaults.
func (c Config) check() (Config, []endpoint, map[common.Address]token, error) {
	fail := func(format string, args ...any) (Config, []endpoint, map[common.Address]token, error) {
		return c, nil, nil, fmt.Errorf(format, args...)
	}
	if c.ChainID == 0 {
		return fail("an EVM chain needs its chain id, such as 1 for Ethereum")
	}
	if c.Native.ID != chain.NativeAsset(c.ChainID) {
		return fail("chain %d: its own coin must have the id %s, not %.60q", c.ChainID, chain.NativeAsset(c.ChainID), c.Native.ID)
	}
	if len(c.Endpoints) == 0 {
		return fail("chain %d: name at least one endpoint, such as wss://node.example or http://127.0.0.1:8545", c.ChainID)
	}
	var ends []endpoint
	for _, text := range c.Endpoints {
		e, err := parseEndpoint(text)
		if err != nil {
			return fail("chain %d: %w", c.ChainID, err)
		}
		ends = append(ends, e)
	}
	tokens := make(map[common.Address]token, len(c.Tokens))
	for _, a := range c.Tokens {
		contract := a.ID.Contract()
		if !common.IsHexAddress(contract) || a.ID != chain.TokenAsset(c.ChainID, common.HexToAddress(contract).Hex()) {
			return fail("chain %d: %.80q is no token of this chain with its contract in EIP-55 form", c.ChainID, a.ID)
		}
		if a.Decimals > 36 {
			return fail("chain %d: %s: %d decimals are more than 36", c.ChainID, a.ID, a.Decimals)
		}
		addr := common.HexToAddress(contract)
		if _, twice := tokens[addr]; twice {
			return fail("chain %d: %s is listed twice", c.ChainID, a.ID)
		}
		tokens[addr] = token{asset: a, addr: addr}
	}
	if c.Quorum < 0 || c.Quorum > len(ends) {
		return fail("chain %d: a quorum of %d is impossible with %d endpoints", c.ChainID, c.Quorum, len(ends))
	}
	if c.Quorum == 0 {
		c.Quorum = 1
		if len(ends) > 2 {
			c.Quorum = 2
		}
	}
	c.defaults()
	return c, ends, tokens, nil
}

func (c *Config) defaults() {
	if c.BlockTime <= 0 {
		c.BlockTime = 12 * time.Second
	}
	if c.Poll <= 0 {
		c.Poll = max(c.BlockTime/2, 500*time.Millisecond)
	}
	if c.CallTimeout <= 0 {
		c.CallTimeout = 10 * time.Second
	}
	if c.Stale == 0 {
		c.Stale = max(3*c.BlockTime, time.Minute)
	}
	if c.LookBack == 0 {
		c.LookBack = 20_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Dust == nil {
		c.Dust = map[chain.AssetID]chain.Amount{c.Native.ID: chain.Units(1_000_000_000)}
		for _, a := range c.Tokens {
			// What has no peg may be worth much in its fourth decimal.
			if a.Par != "" && a.Decimals > 4 {
				hundredth, err := chain.ParseAmount("1" + strings.Repeat("0", int(a.Decimals)-4))
				if err == nil {
					c.Dust[a.ID] = hundredth
				}
			}
		}
	}
}

// dust tells whether an amount is too small to be reported.
func (c *Config) dust(asset chain.AssetID, amount chain.Amount) bool {
	return amount.IsZero() || amount.Cmp(c.Dust[asset]) < 0
}

var errTwice = errors.New("this watcher runs already")
