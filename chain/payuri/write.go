package payuri

import (
	"strconv"
	"strings"

	"github.com/cointill/till/chain"
)

// btcDecimals: one bitcoin is 10^8 satoshi.
const btcDecimals = 8

// Bitcoin writes bitcoin:ADDRESS?amount=BTC (BIP 21). The amount, in satoshi, is
// written in BTC without trailing zeros; an amount of zero is left out. There is
// never a label: it costs QR modules and ends up in the payer's wallet.
func Bitcoin(to chain.Destination, amount chain.Amount) string {
	uri := "bitcoin:" + string(to)
	if amount.IsZero() {
		return uri
	}
	return uri + "?amount=" + decimal(amount, btcDecimals)
}

// Ethereum writes ethereum:ADDRESS@CHAIN?value=WEI (EIP-681) for a chain's own
// coin. The chain is always named, wei is a plain integer, and an amount of zero
// is left out.
func Ethereum(chainID uint64, to chain.Destination, amount chain.Amount) string {
	uri := "ethereum:" + string(to) + "@" + strconv.FormatUint(chainID, 10)
	if amount.IsZero() {
		return uri
	}
	return uri + "?value=" + amount.String()
}

// Token writes ethereum:CONTRACT@CHAIN/transfer?address=ADDRESS&uint256=UNITS
// (EIP-681) for an ERC-20 token, in the token's smallest units. An amount of
// zero is left out.
func Token(chainID uint64, contract, to chain.Destination, amount chain.Amount) string {
	uri := "ethereum:" + string(contract) + "@" + strconv.FormatUint(chainID, 10) + "/transfer?address=" + string(to)
	if amount.IsZero() {
		return uri
	}
	return uri + "&uint256=" + amount.String()
}

// decimal writes units with so many decimals, without trailing zeros or point.
func decimal(units chain.Amount, decimals int) string {
	text := units.String()
	if len(text) <= decimals {
		text = strings.Repeat("0", decimals+1-len(text)) + text
	}
	whole, part := text[:len(text)-decimals], strings.TrimRight(text[len(text)-decimals:], "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}
