package devnet

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/cointill/till/chain"
)

// EthereumOptions says what an Ethereum devnet is like.
type EthereumOptions struct {
	// ChainID is the chain's EIP-155 id; 0 means 1337.
	ChainID uint64
	// Rand makes the customer's keys. It must be set; a fixed stream gives the
	// same keys, and so the same addresses, each time.
	Rand io.Reader
	// BlockEvery is the time between blocks; 0 mines only on Mine.
	BlockEvery time.Duration
	// Amsterdam starts the chain on the fork after Osaka, on which paying a
	// fresh address costs ten times the gas (EIP-8037) and plain 21,000 fails.
	Amsterdam bool
	// Logger gets what goes wrong behind the scenes; nil is silent.
	Logger *slog.Logger
}

// Ethereum is one Ethereum network in this process: go-ethereum's own chain,
// pool and JSON-RPC server on a loopback port. Nothing touches the disk. What
// connects to it can't tell it from any other node.
//
// Block time stamps are the wall clock's, but at least one second apart, so
// quick mining runs ahead of the clock.
type Ethereum struct {
	opts  EthereumOptions
	id    *big.Int
	stack *node.Node
	node  *eth.Ethereum
	apis  []rpc.API
	local *ethclient.Client

	customer *EthereumCustomer
	token    common.Address

	mine   sync.Mutex // guards beacon and the chain's shape
	beacon *catalyst.SimulatedBeacon

	serve  ethServer
	pace   chan time.Duration
	quit   chan struct{}
	worker sync.WaitGroup
	once   sync.Once
}

// ethTokenAddress is where the devnet's token lives from its first block on.
var ethTokenAddress = common.HexToAddress("0x7111000000000000000000000000000000000c01")

// ethDeskAddress is a contract that pays many at once.
var ethDeskAddress = common.HexToAddress("0x7111000000000000000000000000000000000de5")

// ethRefuserAddress is a contract that takes no coins: paying it fails.
var ethRefuserAddress = common.HexToAddress("0x71110000000000000000000000000000000000f0")

// StartEthereum starts a chain and serves it on loopback until Close, or until
// ctx ends. It takes some tens of milliseconds.
func StartEthereum(ctx context.Context, o EthereumOptions) (*Ethereum, error) {
	if o.Rand == nil {
		return nil, errors.New("the Ethereum devnet needs a source of randomness for its customer's keys")
	}
	if o.ChainID == 0 {
		o.ChainID = 1337
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	key, err := ethKey(o.Rand)
	if err != nil {
		return nil, fmt.Errorf("the devnet customer's key could not be made: %w", err)
	}
	e := &Ethereum{
		opts: o, id: new(big.Int).SetUint64(o.ChainID), token: ethTokenAddress,
		pace: make(chan time.Duration, 1), quit: make(chan struct{}),
	}
	if err := e.startNode(key); err != nil {
		_ = e.Close()
		return nil, fmt.Errorf("the Ethereum devnet did not start: %w", err)
	}
	e.customer = newEthereumCustomer(e, key)
	if err := e.Connect(); err != nil {
		_ = e.Close()
		return nil, err
	}
	e.worker.Add(1)
	go e.mineByClock(ctx)
	return e, nil
}

// startNode puts go-ethereum's parts together: chain, pool, and a stand-in for
// the beacon chain that seals when it is told to.
func (e *Ethereum) startNode(key *ecdsa.PrivateKey) error {
	conf := node.DefaultConfig
	conf.DataDir = ""
	conf.P2P = p2p.Config{NoDiscovery: true, NoDial: true}
	stack, err := node.New(&conf)
	if err != nil {
		return err
	}
	e.stack = stack
	// It makes a folder for keys in any case. Nothing is ever in it, and whoever
	// is killed could not remove it.
	if err := os.RemoveAll(stack.KeyStoreDir()); err != nil {
		return err
	}

	cfg := ethconfig.Defaults
	cfg.Genesis = e.genesis(crypto.PubkeyToAddress(key.PublicKey))
	cfg.SyncMode = ethconfig.FullSync
	cfg.LogNoHistory = true
	cfg.TxPool.NoLocals = true
	cfg.TxPool.AccountSlots, cfg.TxPool.AccountQueue = 8192, 8192
	cfg.TxPool.GlobalSlots, cfg.TxPool.GlobalQueue = 16384, 16384
	if e.node, err = eth.New(stack, &cfg); err != nil {
		return err
	}
	feed := filters.NewFilterAPI(filters.NewFilterSystem(e.node.APIBackend, filters.Config{}))
	e.apis = append(e.node.APIs(), rpc.API{Namespace: "eth", Service: feed})
	if err := stack.Start(); err != nil {
		return err
	}
	if e.beacon, err = catalyst.NewSimulatedBeacon(0, common.Address{}, e.node); err != nil {
		return err
	}
	// The pool refuses transactions until it has been told of a head.
	if _, err := e.node.BlockChain().SetCanonical(e.node.BlockChain().GetBlockByNumber(0)); err != nil {
		return err
	}
	e.node.SetSynced()
	inside, err := e.rpcServer()
	if err != nil {
		return err
	}
	e.local = ethclient.NewClient(rpc.DialInProc(inside))
	return nil
}

// genesis has the contracts and the customer's money in it, so that nothing has
// to be deployed while somebody waits for the first frame.
func (e *Ethereum) genesis(customer common.Address) *core.Genesis {
	fork := *params.AllDevChainProtocolChanges
	fork.ChainID = e.id
	// The package's own dev chain skips a fork and is like no chain there is.
	fork.BogotaTime, fork.AmsterdamTime = nil, nil
	if e.opts.Amsterdam {
		fork.AmsterdamTime = new(uint64)
	}

	alloc := core.SystemContractAllocs()
	alloc[customer] = types.Account{Balance: ethWei(1_000_000)}
	alloc[e.token] = types.Account{Balance: new(big.Int), Code: ethCoinCode(), Storage: map[common.Hash]common.Hash{
		ethBalanceSlot(customer):       common.BigToHash(big.NewInt(ethSupplyUnits - ethDeskUnits)),
		ethBalanceSlot(ethDeskAddress): common.BigToHash(big.NewInt(ethDeskUnits)),
	}}
	alloc[ethDeskAddress] = types.Account{Balance: new(big.Int), Code: ethDeskCode()}
	alloc[ethRefuserAddress] = types.Account{Balance: new(big.Int), Code: ethRefuserCode}
	return &core.Genesis{Config: &fork, GasLimit: 60_000_000, BaseFee: big.NewInt(params.InitialBaseFee), Difficulty: new(big.Int), Alloc: alloc}
}

// Customer is the person on the other side of the counter.
func (e *Ethereum) Customer() *EthereumCustomer { return e.customer }

// ChainID is the chain's EIP-155 id.
func (e *Ethereum) ChainID() uint64 { return e.opts.ChainID }

// Network is the chain's name in payment keys.
func (e *Ethereum) Network() chain.Network {
	return chain.Network(fmt.Sprintf("eip155:%d", e.opts.ChainID))
}

// Native is the chain's own coin, with 18 decimals.
func (e *Ethereum) Native() chain.Asset {
	return chain.Asset{
		ID: chain.NativeAsset(e.opts.ChainID), Symbol: "ETH", Name: "Ether", Decimals: 18,
		Key: "e", Price: "ETH", Block: e.opts.BlockEvery,
	}
}

// Token is the chain's stablecoin, with 6 decimals.
func (e *Ethereum) Token() chain.Asset {
	return chain.Asset{
		ID: chain.TokenAsset(e.opts.ChainID, e.token.Hex()), Symbol: "USDC", Name: "USDC", Decimals: 6,
		Key: "u", Par: "USD", Block: e.opts.BlockEvery,
	}
}

// Refuser is an address that takes no coins: a payment to it is mined as failed.
func (e *Ethereum) Refuser() chain.Destination { return chain.Destination(ethRefuserAddress.Hex()) }

// Desk is a contract that has tokens and pays many at once.
func (e *Ethereum) Desk() chain.Destination { return chain.Destination(ethDeskAddress.Hex()) }

// Head is the last block.
func (e *Ethereum) Head() chain.BlockRef {
	b := e.node.BlockChain().CurrentBlock()
	return chain.BlockRef{
		Height: b.Number.Uint64(), Hash: b.Hash().Hex(), Time: time.Unix(int64(b.Time), 0),
	}
}

// Close ends the network and everything that it started.
func (e *Ethereum) Close() error {
	var err error
	e.once.Do(func() {
		close(e.quit)
		e.Disconnect()
		e.worker.Wait()
		if e.local != nil {
			e.local.Close()
		}
		if e.beacon != nil {
			err = e.beacon.Stop()
		}
		if e.stack != nil {
			err = errors.Join(err, e.stack.Close())
		}
	})
	return err
}
