package payuri_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

// The addresses of the standards' own examples.
const (
	bip21                = "175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W"
	bip321               = "bc1qufgy354j3kmvuch987xe4s40836x3h0lg8f5n2"
	eip681               = "0xfb6916095ca1df60bb79Ce92ce3ea74c37c5d359"
	unicorn, beneficiary = "0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7", "0x8e23ee67d1332ad560396262c48ffbb01f93d052"
)

func TestParseBitcoin(t *testing.T) {
	for _, c := range []struct {
		uri            string
		to             chain.Destination
		satoshi        uint64
		label, message string
	}{
		// BIP 21 and BIP 321.
		{uri: "bitcoin:" + bip21, to: bip21},
		{uri: "bitcoin:" + bip21 + "?label=Luke-Jr", to: bip21, label: "Luke-Jr"},
		{uri: "bitcoin:" + bip21 + "?amount=20.3&label=Luke-Jr", to: bip21, satoshi: 20_30000000, label: "Luke-Jr"},
		{uri: "bitcoin:" + bip21 + "?amount=50&label=Luke-Jr&message=Donation%20for%20project%20xyz", to: bip21, satoshi: 50_00000000, label: "Luke-Jr", message: "Donation for project xyz"},
		{uri: "bitcoin:" + bip21 + "?lightning=lnbc420bogusinvoice", to: bip21},
		{uri: "bitcoin:" + bip21 + "?sp=sp1qsilentpayment", to: bip21},
		{uri: "bitcoin:" + bip21 + "?somethingyoudontunderstand=50&somethingelseyoudontget=999", to: bip21},
		{uri: "bitcoin:?bc=" + bip321 + "&bc=bc1p5swkugezn97763tl0yty6556856uug0q6jflljvep9m4p7339x5qzyrh4g", to: bip321},
		{uri: "BITCOIN:BC1QUFGY354J3KMVUCH987XE4S40836X3H0LG8F5N2?BC=BC1P5SWKUGEZN97763TL0YTY6556856UUG0Q6JFLLJVEP9M4P7339X5QZYRH4G", to: bip321},
		{uri: "BITCOIN:?BC=BC1QUFGY354J3KMVUCH987XE4S40836X3H0LG8F5N2&BC=BC1P5SWKUGEZN97763TL0YTY6556856UUG0Q6JFLLJVEP9M4P7339X5QZYRH4G", to: bip321},
		{uri: "bitcoin:?tb=tb1qghfhmd4zh7ncpmxl3qzhmq566jk8ckq4gafnmg", to: "tb1qghfhmd4zh7ncpmxl3qzhmq566jk8ckq4gafnmg"},
		{uri: "bitcoin:" + bip21 + "?pop=initiatingapp%3a", to: bip21},
		// The grammar's corners.
		{uri: "BitCoin:" + bip321 + "?AMOUNT=0.1", to: bip321, satoshi: 10000000},
		{uri: "bitcoin:" + bip21 + "?amount=50.", to: bip21, satoshi: 50_00000000},
		{uri: "bitcoin:" + bip21 + "?amount=.5", to: bip21, satoshi: 50000000},
		{uri: "bitcoin:" + bip21 + "?amount=0.00000001", to: bip21, satoshi: 1},
		{uri: "bitcoin:" + bip21 + "?amount=000021000000.00000000", to: bip21, satoshi: 21_000_000_00000000},
		{uri: "bitcoin:" + bip21 + "?amount=0.00", to: bip21},
		{uri: "bitcoin:" + bip21 + "?%61mount=1", to: bip21, satoshi: 1_00000000},
		{uri: "bitcoin:" + bip21 + "?", to: bip21},
		{uri: "bitcoin:" + bip21 + "?&label&&", to: bip21},
		{uri: "bitcoin:" + bip21 + "?label=a+b%26c%3Dd", to: bip21, label: "a+b&c=d"},
		{uri: "bitcoin:" + bip21 + "?label=Caf%C3%A9", to: bip21, label: "Café"},
		{uri: "bitcoin:" + bip21 + "?label=a%1B%5B2Jb%E2%80%AEc%0Ad", to: bip21, label: "a[2Jbcd"},
		{uri: "bitcoin:bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx?amount=1", to: "bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx", satoshi: 1_00000000},
	} {
		got, err := payuri.Parse(c.uri)
		want := payuri.Request{
			Scheme: payuri.SchemeBitcoin, To: c.to, Amount: chain.Units(c.satoshi), HasAmount: c.satoshi > 0,
			Label: c.label, Message: c.message,
		}
		if err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.uri, got, err, want)
		}
	}
}

func TestParseEthereum(t *testing.T) {
	for _, c := range []struct {
		uri          string
		chain        uint64
		to, contract chain.Destination
		units        string
	}{
		// EIP-681.
		{uri: "ethereum:" + eip681 + "?value=2.014e18", to: eip681, units: "2014000000000000000"},
		{uri: "ethereum:" + unicorn + "/transfer?address=" + beneficiary + "&uint256=1", to: beneficiary, contract: unicorn, units: "1"},
		// The grammar's corners.
		{uri: "ethereum:" + eip681, to: eip681, units: "0"},
		{uri: "ethereum:pay-" + eip681 + "@1?value=1", chain: 1, to: eip681, units: "1"},
		{uri: "Ethereum:" + eip681 + "@0000010?value=10", chain: 10, to: eip681, units: "10"},
		{uri: "ethereum:" + eip681 + "@18446744073709551615", chain: 1<<64 - 1, to: eip681, units: "0"},
		{uri: "ethereum:" + eip681 + "@1?gas=21000&gasLimit=1e5&gasPrice=2e9&value=+1e16", chain: 1, to: eip681, units: "10000000000000000"},
		{uri: "ethereum:" + eip681 + "?value=.5E1", to: eip681, units: "5"},
		{uri: "ethereum:" + eip681 + "?value=5e", to: eip681, units: "5"},
		{uri: "ethereum:" + eip681 + "?value=0.0e99", to: eip681, units: "0"},
		{uri: "ethereum:" + eip681 + "?value=" + largest, to: eip681, units: largest},
		{uri: "ethereum:" + eip681 + "?somethingelse=5&value=5", to: eip681, units: "5"},
		{uri: "ethereum:" + unicorn + "@137/transfer?uint256=2.5e6&address=" + beneficiary, chain: 137, to: beneficiary, contract: unicorn, units: "2500000"},
		{uri: "ethereum:pay-" + unicorn + "@1/transfer?address=" + beneficiary, chain: 1, to: beneficiary, contract: unicorn, units: "0"},
		{uri: "ethereum:" + unicorn + "@1/transfer?address=" + beneficiary + "&uint256=1&value=0", chain: 1, to: beneficiary, contract: unicorn, units: "1"},
	} {
		got, err := payuri.Parse(c.uri)
		want := payuri.Request{
			Scheme: payuri.SchemeEthereum, ChainID: c.chain, To: c.to, Contract: c.contract,
			Amount: amount(t, c.units), HasAmount: c.units != "0",
		}
		if err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.uri, got, err, want)
		}
	}
	got, err := payuri.Parse("ethereum:" + eip681 + "@1?value=1&label=Caf%C3%A9&message=two%20teas")
	if err != nil || got.Label != "Café" || got.Message != "two teas" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	bitcoin, ether := "bitcoin:"+bip21, "ethereum:"+eip681
	transfer := "ethereum:" + unicorn + "@1/transfer?address=" + beneficiary
	for uri, want := range map[string]payuri.Problem{
		"":                                       payuri.ErrScheme,
		bip21:                                    payuri.ErrScheme,
		"litecoin:" + bip21:                      payuri.ErrScheme,
		" " + bitcoin:                            payuri.ErrScheme,
		"bitcoin:":                               payuri.ErrNoAddress,
		"bitcoin:?amount=1":                      payuri.ErrNoAddress,
		"bitcoin:?lightning=lnbc420bogusinvoice": payuri.ErrNoAddress,
		"bitcoin:?lno=lno1bogusoffer":            payuri.ErrNoAddress,
		"bitcoin:?lno=lno1bogusoffer&sp=sp1qsilentpayment":                             payuri.ErrNoAddress,
		"bitcoin:?sp=sp1qsilentpayment":                                                payuri.ErrNoAddress,
		"bitcoin://" + bip21:                                                           payuri.ErrAddress,
		"bitcoin:" + bip21 + "/":                                                       payuri.ErrAddress,
		"bitcoin:bc1":                                                                  payuri.ErrAddress,
		"bitcoin:bc1QUFGY354j3kmvuch987xe4s40836x3h0lg8f5n2":                           payuri.ErrAddress,
		"bitcoin:?bc=tb1qghfhmd4zh7ncpmxl3qzhmq566jk8ckq4gafnmg":                       payuri.ErrAddress,
		bitcoin + "?label=Luke-Jr&label=Matt":                                          payuri.ErrTwice,
		bitcoin + "?amount=42&amount=10":                                               payuri.ErrTwice,
		bitcoin + "?amount=42&amount=42":                                               payuri.ErrTwice,
		bitcoin + "?message=a&MESSAGE=b":                                               payuri.ErrTwice,
		bitcoin + "?pop=callback%3a&pop=callback%3a":                                   payuri.ErrTwice,
		bitcoin + "?pop=callback%3a&req-pop=callback%3a":                               payuri.ErrRequired,
		bitcoin + "?req-pop=https%3aevilwebsite.com":                                   payuri.ErrRequired,
		bitcoin + "?req-somethingyoudontunderstand=50&req-somethingelseyoudontget=999": payuri.ErrRequired,
		bitcoin + "?REQ-x":                                                             payuri.ErrRequired,
		bitcoin + "?req%2Dx=1":                                                         payuri.ErrRequired,
		bitcoin + "?amount=":                                                           payuri.ErrAmount,
		bitcoin + "?amount=.":                                                          payuri.ErrAmount,
		bitcoin + "?amount=-1":                                                         payuri.ErrAmount,
		bitcoin + "?amount=+1":                                                         payuri.ErrAmount,
		bitcoin + "?amount=1e2":                                                        payuri.ErrAmount,
		bitcoin + "?amount=0x10":                                                       payuri.ErrAmount,
		bitcoin + "?amount=50,000.00":                                                  payuri.ErrAmount,
		bitcoin + "?amount=1.2.3":                                                      payuri.ErrAmount,
		bitcoin + "?amount=0.000000001":                                                payuri.ErrAmount,
		bitcoin + "?amount=0.100000000":                                                payuri.ErrAmount,
		bitcoin + "?amount=21000000.00000001":                                          payuri.ErrAmount,
		bitcoin + "?amount=" + largest:                                                 payuri.ErrAmount,
		bitcoin + "?amount=%D9%A1":                                                     payuri.ErrAmount, // an Arabic digit
		bitcoin + "?label=%":                                                           payuri.ErrSyntax,
		bitcoin + "?label=%zz":                                                         payuri.ErrSyntax,
		bitcoin + "?label=%ff":                                                         payuri.ErrSyntax,
		bitcoin + "?label=a b":                                                         payuri.ErrSyntax,
		bitcoin + "?label=Café":                                                        payuri.ErrSyntax,
		bitcoin + "?label=a\x1b[2J":                                                    payuri.ErrSyntax,
		bitcoin + "?=1":                                                                payuri.ErrSyntax,
		bitcoin + "?label=a#b":                                                         payuri.ErrSyntax,

		"ethereum:":                payuri.ErrAddress,
		"ethereum:0x":              payuri.ErrAddress,
		"ethereum:" + eip681[:41]:  payuri.ErrAddress,
		"ethereum:" + eip681 + "0": payuri.ErrAddress,
		"ethereum:0x\x10b6916095ca1df60bb79Ce92ce3ea74c37c5d359": payuri.ErrAddress,
		"ethereum:PAY-" + eip681:                                 payuri.ErrAddress,
		"ethereum:foo-" + eip681:                                 payuri.ErrAddress,
		"ethereum:vitalik.eth?value=1":                           payuri.ErrName,
		"ethereum:pay-shop.eth@1":                                payuri.ErrName,
		ether + "@":                                              payuri.ErrChain,
		ether + "@0":                                             payuri.ErrChain,
		ether + "@0x1":                                           payuri.ErrChain,
		ether + "@-1":                                            payuri.ErrChain,
		ether + "@1@2":                                           payuri.ErrChain,
		ether + "@18446744073709551616":                          payuri.ErrChain,
		ether + "?value=":                                        payuri.ErrAmount,
		ether + "?value=-1":                                      payuri.ErrAmount,
		ether + "?value=0x1":                                     payuri.ErrAmount,
		ether + "?value=1.5":                                     payuri.ErrAmount,
		ether + "?value=2.014e2":                                 payuri.ErrAmount,
		ether + "?value=1e-1":                                    payuri.ErrAmount,
		ether + "?value=1e+1":                                    payuri.ErrAmount,
		ether + "?value=1.e5":                                    payuri.ErrAmount,
		ether + "?value=e18":                                     payuri.ErrAmount,
		ether + "?value=1e78":                                    payuri.ErrAmount,
		ether + "?value=1e999999999999":                          payuri.ErrAmount,
		ether + "?value=" + largest[:77] + "6":                   payuri.ErrAmount,
		ether + "?gas=x&value=1":                                 payuri.ErrAmount,
		ether + "?value=1&value=1":                               payuri.ErrTwice,
		ether + "?req-x=1":                                       payuri.ErrRequired,
		ether + "?address=" + beneficiary + "&uint256=1":         payuri.ErrFunction,
		ether + "?uint256=1":                                     payuri.ErrFunction,
		ether + "/approve?address=" + beneficiary + "&uint256=1": payuri.ErrFunction,
		ether + "/transfer":                                            payuri.ErrFunction,
		ether + "/transfer?uint256=1":                                  payuri.ErrFunction,
		ether + "/?address=" + beneficiary:                             payuri.ErrFunction,
		ether + "/transfer/x?address=" + beneficiary:                   payuri.ErrFunction,
		transfer + "&uint256=1&value=1":                                payuri.ErrFunction,
		transfer + "&uint256=1&bytes32=1":                              payuri.ErrFunction,
		transfer + "&uint=1":                                           payuri.ErrFunction,
		transfer + "&uint256%5B%5D=1":                                  payuri.ErrFunction,
		transfer + "&uint256=1&uint256=1":                              payuri.ErrTwice,
		transfer + "&address=" + beneficiary:                           payuri.ErrTwice,
		"ethereum:" + unicorn + "/transfer?address=shop.eth&uint256=1": payuri.ErrName,
		"ethereum:" + unicorn + "/transfer?address=0x1&uint256=1":      payuri.ErrAddress,

		bitcoin + "?label=" + strings.Repeat("a", payuri.MaxLength): payuri.ErrTooLong,
	} {
		got, err := payuri.Parse(uri)
		if !errors.Is(err, want) || got != (payuri.Request{}) {
			t.Errorf("%.90q: got %+v, %v, want %s", uri, got, err, string(want))
		}
		if want.Error() == payuri.Problem("").Error() {
			t.Errorf("%s has no sentence of its own", string(want))
		}
	}
}

func TestScan(t *testing.T) {
	for text, want := range map[string]payuri.Request{
		" BC1QUFGY354J3KMVUCH987XE4S40836X3H0LG8F5N2\n": {Scheme: payuri.SchemeBitcoin, To: bip321},
		bip21:                               {Scheme: payuri.SchemeBitcoin, To: bip21},
		eip681:                              {Scheme: payuri.SchemeEthereum, To: eip681},
		"ethereum:" + eip681 + "@1?value=5": {Scheme: payuri.SchemeEthereum, ChainID: 1, To: eip681, Amount: chain.Units(5), HasAmount: true},
	} {
		if got, err := payuri.Scan(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "hello", "https://example.com", "0x1234", strings.Repeat("a", 91), strings.Repeat("a", 5000)} {
		if got, err := payuri.Scan(text); err == nil {
			t.Errorf("%.50q: %+v", text, got)
		}
	}
}
