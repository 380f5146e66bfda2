package devnet

import (
	"encoding/hex"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/cointill/till/chain/devnet/contracts"
)

const (
	ethSupplyUnits = 1_000_000_000_000_000 // a thousand million of the token, as in Coin.sol
	ethDeskUnits   = 1_000_000_000_000
)

// ethRefuserCode reverts whatever comes: PUSH1 0, PUSH1 0, REVERT.
var ethRefuserCode = []byte{0x60, 0x00, 0x60, 0x00, 0xfd}

func ethCoinCode() []byte { return ethUnhex(contracts.Coin()) }
func ethDeskCode() []byte { return ethUnhex(contracts.Desk()) }

func ethUnhex(text string) []byte {
	code, err := hex.DecodeString(text)
	if err != nil {
		panic("devnet: embedded contract code is damaged: " + err.Error())
	}
	return code
}

// ethBalanceSlot is where Coin keeps an owner's balance: keccak(owner, slot 0).
func ethBalanceSlot(owner common.Address) common.Hash {
	return crypto.Keccak256Hash(common.LeftPadBytes(owner[:], 32), make([]byte, 32))
}

// ethWei is n ether in wei.
func ethWei(n int64) *big.Int {
	return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e18))
}

// ethCall writes a contract call: the selector of signature, then the words.
// Slices are (to, amount) lists in the ABI's form for dynamic arrays.
func ethCall(signature string, args ...any) []byte {
	head := make([]byte, 0, 32*len(args))
	var tail []byte
	for _, arg := range args {
		switch v := arg.(type) {
		case common.Address:
			head = append(head, common.LeftPadBytes(v[:], 32)...)
		case *big.Int:
			head = append(head, common.LeftPadBytes(v.Bytes(), 32)...)
		case []common.Address:
			head = append(head, ethWord(32*len(args)+len(tail))...)
			tail = append(tail, ethWord(len(v))...)
			for _, a := range v {
				tail = append(tail, common.LeftPadBytes(a[:], 32)...)
			}
		case []*big.Int:
			head = append(head, ethWord(32*len(args)+len(tail))...)
			tail = append(tail, ethWord(len(v))...)
			for _, n := range v {
				tail = append(tail, common.LeftPadBytes(n.Bytes(), 32)...)
			}
		}
	}
	return append(append(crypto.Keccak256([]byte(signature))[:4:4], head...), tail...)
}

func ethWord(n int) []byte { return common.LeftPadBytes(big.NewInt(int64(n)).Bytes(), 32) }
