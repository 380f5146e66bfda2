package chain

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
)

// Amount counts an asset's smallest units (satoshi, wei, a token's base unit)
// as a 256-bit unsigned integer, least significant word first. It is
// comparable, so it can be a map key, and has the memory layout of
// holiman/uint256, so pos/money computes on it without copying.
type Amount [4]uint64

// ErrAmount says that a text or a sum does not fit an Amount.
var ErrAmount = errors.New("not a whole number of units between 0 and 2^256-1")

// Units makes an Amount of n smallest units.
func Units(n uint64) Amount { return Amount{n} }

// ParseAmount reads a decimal number of smallest units: digits only, no sign,
// no separators, at most 78 digits.
func ParseAmount(s string) (Amount, error) {
	if len(s) == 0 || len(s) > 78 {
		return Amount{}, fmt.Errorf("amount of %d characters: %w", len(s), ErrAmount)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return Amount{}, fmt.Errorf("amount %.80q: %w", s, ErrAmount)
		}
	}
	n, _ := new(big.Int).SetString(s, 10)
	return AmountFromBig(n)
}

// AmountFromBig converts n; it fails on negative numbers and beyond 256 bits.
func AmountFromBig(n *big.Int) (Amount, error) {
	if n == nil || n.Sign() < 0 || n.BitLen() > 256 {
		return Amount{}, ErrAmount
	}
	var b [32]byte
	n.FillBytes(b[:])
	return AmountFromBytes(b), nil
}

// AmountFromBytes reads 32 big-endian bytes, as the EVM writes a uint256.
func AmountFromBytes(b [32]byte) Amount {
	var a Amount
	for i, c := range b {
		word := (31 - i) / 8
		a[word] |= uint64(c) << (8 * ((31 - i) % 8))
	}
	return a
}

// Big returns the amount as a new big.Int.
func (a Amount) Big() *big.Int {
	var b [32]byte
	for i := range b {
		b[i] = byte(a[(31-i)/8] >> (8 * ((31 - i) % 8)))
	}
	return new(big.Int).SetBytes(b[:])
}

// String is the decimal number of smallest units.
func (a Amount) String() string {
	if a[1]|a[2]|a[3] == 0 {
		return fmt.Sprint(a[0])
	}
	return a.Big().String()
}

// IsZero tells whether there are no units.
func (a Amount) IsZero() bool { return a == Amount{} }

// Uint64 returns the amount, and false where it does not fit 64 bits.
func (a Amount) Uint64() (uint64, bool) { return a[0], a[1]|a[2]|a[3] == 0 }

// Cmp is -1, 0 or +1 as a is less than, equal to or more than b.
func (a Amount) Cmp(b Amount) int {
	for i := 3; i > 0; i-- {
		if c := cmp.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(a[0], b[0])
}

// Add returns a+b, and false where the sum does not fit 256 bits; the sum is
// then the largest amount there is, so that no caller can see money shrink.
func (a Amount) Add(b Amount) (Amount, bool) {
	var sum Amount
	var carry uint64
	for i := range sum {
		sum[i], carry = bits.Add64(a[i], b[i], carry)
	}
	if carry != 0 {
		return Amount{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}, false
	}
	return sum, true
}

// Sub returns a-b, and zero where b is more than a.
func (a Amount) Sub(b Amount) Amount {
	var diff Amount
	var borrow uint64
	for i := range diff {
		diff[i], borrow = bits.Sub64(a[i], b[i], borrow)
	}
	if borrow != 0 {
		return Amount{}
	}
	return diff
}

// MarshalText writes the decimal form, so that JSON holds a string and no
// reader squeezes wei through a float.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Amount) UnmarshalText(text []byte) error {
	v, err := ParseAmount(string(text))
	if err != nil {
		return err
	}
	*a = v
	return nil
}
