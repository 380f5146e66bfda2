package payuri_test

import (
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

const (
	segwit  chain.Destination = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	person  chain.Destination = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
	token   chain.Destination = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
	largest                   = "115792089237316195423570985008687907853269984665640564039457584007913129639935"
)

func amount(t testing.TB, text string) chain.Amount {
	t.Helper()
	a, err := chain.ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestBitcoin(t *testing.T) {
	for satoshi, want := range map[string]string{
		"0":                "",
		"1":                "?amount=0.00000001",
		"10":               "?amount=0.0000001",
		"25958":            "?amount=0.00025958",
		"100000":           "?amount=0.001",
		"99999999":         "?amount=0.99999999",
		"100000000":        "?amount=1",
		"2030000000":       "?amount=20.3",
		"5000000000":       "?amount=50",
		"2099999997690000": "?amount=20999999.9769",
	} {
		if got := payuri.Bitcoin(segwit, amount(t, satoshi)); got != "bitcoin:"+string(segwit)+want {
			t.Errorf("%s satoshi: %s", satoshi, got)
		}
	}
}

func TestEthereum(t *testing.T) {
	for wei, want := range map[string]string{
		"0":                   "",
		"1":                   "?value=1",
		"2014000000000000000": "?value=2014000000000000000",
		largest:               "?value=" + largest,
	} {
		if got := payuri.Ethereum(1, person, amount(t, wei)); got != "ethereum:"+string(person)+"@1"+want {
			t.Errorf("%s wei: %s", wei, got)
		}
	}
}

func TestToken(t *testing.T) {
	begin := "ethereum:" + string(token) + "@8453/transfer?address=" + string(person)
	if got := payuri.Token(8453, token, person, chain.Units(12_340_000)); got != begin+"&uint256=12340000" {
		t.Error(got)
	}
	if got := payuri.Token(8453, token, person, chain.Amount{}); got != begin {
		t.Error(got)
	}
}
