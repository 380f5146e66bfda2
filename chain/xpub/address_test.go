package xpub

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chaincfg"

	"github.com/cointill/till/chain"
)

// TestNetworkTable compares our table with btcd's.
func TestNetworkTable(t *testing.T) {
	for net, p := range map[chain.Network]*chaincfg.Params{
		Mainnet: &chaincfg.MainNetParams, Testnet4: &chaincfg.TestNet4Params, Signet: &chaincfg.SigNetParams,
		Regtest: &chaincfg.RegressionNetParams, Simnet: &chaincfg.SimNetParams,
	} {
		own, known := networks[net]
		if !known || own.hrp != p.Bech32HRPSegwit || own.pubKeyHash != p.PubKeyHashAddrID || own.scriptHash != p.ScriptHashAddrID {
			t.Errorf("%s: %+v", net, own)
		}
		if plainVersion[own.families[0]] != p.HDPublicKeyID || !versions[p.HDPrivateKeyID].private || versions[p.HDPrivateKeyID].family != own.families[0] {
			t.Errorf("%s: key versions", net)
		}
	}
	if len(networks) != 5 {
		t.Errorf("%d networks", len(networks))
	}
}

func TestParseAddress(t *testing.T) {
	const p2sh, test = "37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf", "2Mww8dCYPUpKHofjgcXcBCEGmniw9CoaiD2"
	for _, c := range []struct {
		text string
		net  chain.Network
		want chain.Destination
		err  error
	}{
		{"BC1QCR8TE4KR609GCAWUTMRZA0J4XV80JY8Z306FYU", Mainnet, "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", nil},
		{p2sh, Mainnet, p2sh, nil},
		{test, Testnet4, test, nil},
		{test, Regtest, test, nil},
		{test, Mainnet, "", ErrWrongNetwork},
		{test, Simnet, "", ErrWrongNetwork},
		{p2sh, Signet, "", ErrWrongNetwork},
		{p2sh, "eip155:1", "", ErrWrongNetwork},
		{eip55[0], Mainnet, "", ErrWrongNetwork},
		{eip55[0], "eip155:8453", chain.Destination(eip55[0]), nil},
		{"0x0000000000000000000000000000000000000000", "eip155:1", "", ErrZeroAddress},
		{p2sh[:33], Mainnet, "", ErrAddress},
		{p2sh[:33] + "g", Mainnet, "", ErrAddress},
		{"Bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", Mainnet, "", ErrAddress},
		{"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyv", Mainnet, "", ErrAddress},
		{"LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1", Mainnet, "", ErrAddress}, // Litecoin
		{zpub, Mainnet, "", ErrAddress},
		{"", Mainnet, "", ErrAddress},
		{"", "eip155:1", "", ErrAddress},
		{eip55[0], "eip155:", "", ErrNetwork},
		{eip55[0], "eip155:0", "", ErrNetwork},
		{eip55[0], "eip155:01", "", ErrNetwork},
		{eip55[0], "eip155:-1", "", ErrNetwork},
		{eip55[0], "eip155:18446744073709551616", "", ErrNetwork},
		{eip55[0], "solana:1", "", ErrNetwork},
	} {
		got, err := ParseAddress(c.text, c.net)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s on %s: %q, %v", c.text, c.net, got, err)
		}
	}
}
