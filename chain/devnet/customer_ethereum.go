package devnet

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

// EthereumCustomer is somebody with a wallet: a throw-away key, much ether and
// many tokens of the devnet. It signs and sends real transactions, which wait
// in the node's pool until a block is mined.
type EthereumCustomer struct {
	net  *Ethereum
	key  *ecdsa.PrivateKey
	addr common.Address
	sign types.Signer

	mu   sync.Mutex // one nonce after the other
	sent map[common.Hash]*types.Transaction
}

// Gas limits that are enough on every fork, also for a fresh address after
// Amsterdam.
const (
	ethNativeGas = 400_000
	ethTokenGas  = 600_000
)

func newEthereumCustomer(e *Ethereum, key *ecdsa.PrivateKey) *EthereumCustomer {
	return &EthereumCustomer{
		net: e, key: key, addr: crypto.PubkeyToAddress(key.PublicKey),
		sign: types.LatestSignerForChainID(e.id), sent: map[common.Hash]*types.Transaction{},
	}
}

// ethKey makes a key from r: nearly every 32 bytes are one.
func ethKey(r io.Reader) (*ecdsa.PrivateKey, error) {
	for {
		var b [32]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, err
		}
		if key, err := crypto.ToECDSA(b[:]); err == nil {
			return key, nil
		}
	}
}

// Address is where the customer's own money is.
func (c *EthereumCustomer) Address() chain.Destination { return chain.Destination(c.addr.Hex()) }

// Pay pays what an EIP-681 payment request asks for. A request without an
// amount, for another chain or for another token is refused, as a careful
// wallet would.
func (c *EthereumCustomer) Pay(ctx context.Context, uri string) (chain.TxID, error) {
	ask, err := payuri.Parse(uri)
	if err != nil {
		return "", fmt.Errorf("the customer's wallet can't read the request: %w", err)
	}
	switch {
	case ask.Scheme != payuri.SchemeEthereum:
		return "", errors.New("the customer's wallet has no coins for this request, only this chain's")
	case ask.ChainID != 0 && ask.ChainID != c.net.ChainID():
		return "", fmt.Errorf("the request is for chain %d, the customer's wallet is on chain %d", ask.ChainID, c.net.ChainID())
	case !ask.HasAmount:
		return "", errors.New("the request names no amount")
	case ask.Contract == "":
		return c.PayNative(ctx, ask.To, ask.Amount.Big())
	}
	if token, err := ethAddress(string(ask.Contract)); err != nil || token != c.net.token {
		return "", fmt.Errorf("the customer has no tokens of %s", ask.Contract)
	}
	return c.PayToken(ctx, ask.To, ask.Amount.Big())
}

// PayNative sends wei to an address.
func (c *EthereumCustomer) PayNative(ctx context.Context, to chain.Destination, wei *big.Int) (chain.TxID, error) {
	return c.send(ctx, string(to), wei, nil, ethNativeGas)
}

// PayNativeWithGas is PayNative with a gas limit of the caller's choice: after
// Amsterdam the usual 21,000 are too few for a fresh address, and the payment
// is mined as failed.
func (c *EthereumCustomer) PayNativeWithGas(ctx context.Context, to chain.Destination, wei *big.Int, gas uint64) (chain.TxID, error) {
	return c.send(ctx, string(to), wei, nil, gas)
}

// PayNativeWithData is PayNative with call data, as some wallets attach notes.
func (c *EthereumCustomer) PayNativeWithData(ctx context.Context, to chain.Destination, wei *big.Int, data []byte) (chain.TxID, error) {
	return c.send(ctx, string(to), wei, data, ethNativeGas)
}

// PayToken sends units (millionths) of the devnet's token to an address.
func (c *EthereumCustomer) PayToken(ctx context.Context, to chain.Destination, units *big.Int) (chain.TxID, error) {
	return c.PayTokenWithGas(ctx, to, units, ethTokenGas)
}

// PayTokenWithGas is PayToken with a gas limit of the caller's choice: with too
// little the transfer is mined and moves nothing.
func (c *EthereumCustomer) PayTokenWithGas(ctx context.Context, to chain.Destination, units *big.Int, gas uint64) (chain.TxID, error) {
	dest, err := ethAddress(string(to))
	if err != nil {
		return "", err
	}
	return c.send(ctx, c.net.token.Hex(), nil, ethCall("transfer(address,uint256)", dest, units), gas)
}

// EthPayment is one of several payments in one transaction.
type EthPayment struct {
	To     chain.Destination
	Amount *big.Int // wei, or units of the token
}

// PayTokens pays several in one transaction, through a contract, as exchanges do.
func (c *EthereumCustomer) PayTokens(ctx context.Context, payments ...EthPayment) (chain.TxID, error) {
	to, amounts, _, err := ethLists(payments)
	if err != nil {
		return "", err
	}
	gas := uint64(200_000 + 400_000*len(to))
	return c.send(ctx, ethDeskAddress.Hex(), nil, ethCall("tokens(address,address[],uint256[])", c.net.token, to, amounts), gas)
}

// PayInternally sends coins to several addresses through a contract: no
// transaction names them as its recipient.
func (c *EthereumCustomer) PayInternally(ctx context.Context, payments ...EthPayment) (chain.TxID, error) {
	to, amounts, sum, err := ethLists(payments)
	if err != nil {
		return "", err
	}
	gas := uint64(200_000 + 400_000*len(to))
	return c.send(ctx, ethDeskAddress.Hex(), sum, ethCall("coins(address[],uint256[])", to, amounts), gas)
}

// Deploy puts a contract on the chain once its transaction is mined.
func (c *EthereumCustomer) Deploy(ctx context.Context, code []byte) (chain.Destination, chain.TxID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	nonce, err := c.net.local.PendingNonceAt(ctx, c.addr)
	if err != nil {
		return "", "", err
	}
	tx, err := c.submit(ctx, &types.DynamicFeeTx{Nonce: nonce, Data: code, Gas: 8_000_000, Value: new(big.Int)})
	return chain.Destination(crypto.CreateAddress(c.addr, nonce).Hex()), tx, err
}

// Call sends a call of any contract method, signature in the ABI's words;
// arguments are chain.Destination and *big.Int. Gas 0 means plenty.
func (c *EthereumCustomer) Call(ctx context.Context, contract chain.Destination, signature string, args ...any) (chain.TxID, error) {
	words := make([]any, len(args))
	for i, arg := range args {
		words[i] = arg
		if to, ok := arg.(chain.Destination); ok {
			addr, err := ethAddress(string(to))
			if err != nil {
				return "", err
			}
			words[i] = addr
		}
	}
	return c.send(ctx, string(contract), nil, ethCall(signature, words...), ethTokenGas)
}

// Send sends any transaction: a call of a contract with coins, say.
func (c *EthereumCustomer) Send(ctx context.Context, to chain.Destination, wei *big.Int, data []byte, gas uint64) (chain.TxID, error) {
	return c.send(ctx, string(to), wei, data, gas)
}

// Replace takes a waiting payment back: the same nonce pays the customer
// itself, for twice the fee. It returns the replacing transaction.
func (c *EthereumCustomer) Replace(ctx context.Context, tx chain.TxID) (chain.TxID, error) {
	return c.again(ctx, tx, func(next *types.DynamicFeeTx) {
		next.To, next.Value, next.Data = &c.addr, new(big.Int), nil
	})
}

// SpeedUp sends a waiting payment again for twice the fee: another transaction
// that pays the same.
func (c *EthereumCustomer) SpeedUp(ctx context.Context, tx chain.TxID) (chain.TxID, error) {
	return c.again(ctx, tx, func(*types.DynamicFeeTx) {})
}

func (c *EthereumCustomer) again(ctx context.Context, tx chain.TxID, change func(*types.DynamicFeeTx)) (chain.TxID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.sent[common.HexToHash(string(tx))]
	if old == nil {
		return "", fmt.Errorf("the customer sent no transaction %s", tx)
	}
	next := &types.DynamicFeeTx{
		Nonce: old.Nonce(), To: old.To(), Value: old.Value(), Data: old.Data(), Gas: old.Gas(),
		GasTipCap: new(big.Int).Lsh(old.GasTipCap(), 1), GasFeeCap: new(big.Int).Lsh(old.GasFeeCap(), 1),
	}
	change(next)
	return c.submit(ctx, next)
}

func (c *EthereumCustomer) send(ctx context.Context, to string, wei *big.Int, data []byte, gas uint64) (chain.TxID, error) {
	dest, err := ethAddress(to)
	if err != nil {
		return "", err
	}
	if wei == nil {
		wei = new(big.Int)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	nonce, err := c.net.local.PendingNonceAt(ctx, c.addr)
	if err != nil {
		return "", fmt.Errorf("the devnet does not answer the customer: %w", err)
	}
	return c.submit(ctx, &types.DynamicFeeTx{Nonce: nonce, To: &dest, Value: wei, Data: data, Gas: gas})
}

// submit signs and sends; fees that are not set are generous.
func (c *EthereumCustomer) submit(ctx context.Context, body *types.DynamicFeeTx) (chain.TxID, error) {
	body.ChainID = c.net.id
	if body.GasTipCap == nil {
		body.GasTipCap, body.GasFeeCap = big.NewInt(1e9), big.NewInt(100e9)
	}
	tx, err := types.SignNewTx(c.key, c.sign, body)
	if err != nil {
		return "", fmt.Errorf("the customer's payment can't be signed: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// Waiting until the pool has sorted it in keeps the next nonce right; the
	// node's eth_sendRawTransaction does the same without waiting.
	if err := c.net.node.TxPool().Add([]*types.Transaction{tx}, true)[0]; err != nil {
		return "", fmt.Errorf("the node refused the customer's payment: %w", err)
	}
	c.sent[tx.Hash()] = tx
	return chain.TxID(tx.Hash().Hex()), nil
}

// Holds is the customer's balance of an asset at the head of the chain.
func (c *EthereumCustomer) Holds(ctx context.Context, asset chain.AssetID) (*big.Int, error) {
	return c.net.Balance(ctx, c.Address(), asset)
}

func ethLists(payments []EthPayment) (to []common.Address, amounts []*big.Int, sum *big.Int, err error) {
	if len(payments) == 0 || len(payments) > 100 {
		return nil, nil, nil, errors.New("a batch pays 1 to 100 recipients")
	}
	sum = new(big.Int)
	for _, p := range payments {
		addr, err := ethAddress(string(p.To))
		if err != nil {
			return nil, nil, nil, err
		}
		to, amounts = append(to, addr), append(amounts, p.Amount)
		sum.Add(sum, p.Amount)
	}
	return to, amounts, sum, nil
}

func ethAddress(text string) (common.Address, error) {
	if len(text) != 42 || !common.IsHexAddress(text) {
		return common.Address{}, fmt.Errorf("%.60q is no Ethereum address", text)
	}
	return common.HexToAddress(text), nil
}
