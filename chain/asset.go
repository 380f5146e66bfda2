package chain

import (
	"fmt"
	"strings"
	"time"
)

// Network names one chain on one network: "bitcoin:mainnet", "bitcoin:regtest",
// "eip155:1". It is the first part of every payment key and the usual Rail id.
type Network string

// AssetID names what can be paid with, in the manner of CAIP-19:
// "bitcoin/btc", "eip155:1/native", "eip155:8453/erc20:0x8335…" (EIP-55 case).
// It is the coin's id on whichever network the shop runs; the network itself
// stands in [Rail.ID] and in the payment key.
type AssetID string

// Bitcoin is the id of bitcoin on every Bitcoin network.
const Bitcoin AssetID = "bitcoin/btc"

// NativeAsset is the id of an EVM chain's own coin.
func NativeAsset(chainID uint64) AssetID {
	return AssetID(fmt.Sprintf("eip155:%d/native", chainID))
}

// TokenAsset is the id of an ERC-20 token; contract is in EIP-55 form.
func TokenAsset(chainID uint64, contract string) AssetID {
	return AssetID(fmt.Sprintf("eip155:%d/erc20:%s", chainID, contract))
}

// Contract is the token contract's address in id, or "" for a native coin.
func (id AssetID) Contract() string {
	_, contract, _ := strings.Cut(string(id), "/erc20:")
	return contract
}

// Asset is a coin or token that a rail takes.
type Asset struct {
	ID       AssetID
	Symbol   string        // "BTC", "ETH", "USDC"; printable ASCII, at most 11 characters
	Name     string        // "Bitcoin", "Ether", "USDC on Base": the chain is part of a token's name
	Decimals uint8         // smallest units per whole coin = 10^Decimals, at most 36
	Key      string        // the letter that chooses it on the amount screen: "b", "e", "u"
	Par      string        // currency code to which a stablecoin is pegged ("USD"), or ""
	Price    string        // symbol under which the price feed knows it ("BTC", "ETH"); "" where it has no market price
	Dust     Amount        // payments below this are not relayed by the network, or not worth their fee
	Block    time.Duration // usual time between blocks, for words like "usually 10 min"
}

// Destination is where money is sent, in the one canonical text of its chain:
// a Bitcoin address (bech32 in lower case), an EVM address in EIP-55 form.
type Destination string

// TxID is a transaction's id in its chain's own usual text: 64 hex characters
// in display order for Bitcoin, 0x and 64 hex characters for an EVM chain.
type TxID string

// PaymentKey identifies one payment for ever: one output (Bitcoin) or one
// transfer (EVM: its ordinal within the transaction, which, unlike the log
// index, survives being mined again in another block).
type PaymentKey struct {
	Network Network
	TxID    TxID
	Index   uint32
}

// NoTx is set in a PaymentKey's Index where the money is known and its
// transaction is not, as of coins that a contract sent: TxID is then the block's
// hash, and the rest of Index comes from the address.
const NoTx uint32 = 1 << 31

// InBlock tells whether TxID names a block and no transaction (NoTx).
func (k PaymentKey) InBlock() bool {
	return k.Index&NoTx != 0 && strings.HasPrefix(string(k.Network), "eip155:")
}

func (k PaymentKey) String() string {
	return fmt.Sprintf("%s/%s/%d", k.Network, k.TxID, k.Index)
}

// BlockRef is a block: its height, its hash in the chain's usual text and its
// own time stamp. The zero BlockRef is "in no block".
type BlockRef struct {
	Height uint64
	Hash   string
	Time   time.Time
}

// IsZero tells whether b stands for no block.
func (b BlockRef) IsZero() bool { return b.Hash == "" }
