package payuri_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

// FuzzParse: no text makes the parser panic, an error never repeats the text,
// and what was read is read again from what is written.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"bitcoin:" + bip21 + "?amount=20.3&label=Luke-Jr", "BITCOIN:?BC=" + strings.ToUpper(bip321),
		"bitcoin:" + bip21 + "?req-x=1", "bitcoin:" + bip21 + "?label=%E2%80%AE&message=%00",
		"ethereum:pay-" + eip681 + "@10?value=2.014e18&gas=1", "ethereum:shop.eth",
		"ethereum:" + unicorn + "@1/transfer?uint256=1e6&address=" + beneficiary, "ethereum:0x@/?=&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		r, err := payuri.Parse(uri)
		if err != nil {
			var problem payuri.Problem
			if !errors.As(err, &problem) || problem.Error() == payuri.Problem("").Error() {
				t.Fatalf("error without a sentence: %v", err)
			}
			return
		}
		if r.To == "" || r.HasAmount == r.Amount.IsZero() {
			t.Fatalf("%q: %+v", uri, r)
		}
		for _, text := range []string{string(r.To), string(r.Contract), r.Label, r.Message} {
			if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Fatalf("%q: %q is not printable", uri, text)
			}
		}
		r.Label, r.Message = "", ""
		again, err := payuri.Parse(r.URI())
		if err != nil || again != r {
			t.Fatalf("%q: %+v, written %s, read %+v, %v", uri, r, r.URI(), again, err)
		}
	})
}

// FuzzRoundTrip: every request that can be written is read as it was meant.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(1), []byte{1}, []byte{2}, []byte{3}, true)
	f.Add(uint64(8453), []byte("twenty bytes of addr"), []byte{}, []byte{0xff, 0xff}, false)
	f.Add(uint64(0), []byte{}, []byte{9}, []byte(strings.Repeat("\xff", 32)), true)
	f.Fuzz(func(t *testing.T, id uint64, to, contract, units []byte, token bool) {
		var wide [32]byte
		copy(wide[max(0, 32-len(units)):], units)
		amount := chain.AmountFromBytes(wide)
		id = max(id, 1)

		want := payuri.Request{Scheme: payuri.SchemeEthereum, ChainID: id, To: evmText(to), Amount: amount, HasAmount: !amount.IsZero()}
		uri := payuri.Ethereum(id, want.To, amount)
		if token {
			want.Contract = evmText(contract)
			uri = payuri.Token(id, want.Contract, want.To, amount)
		}
		if got, err := payuri.Parse(uri); err != nil || got != want || want.URI() != uri {
			t.Fatalf("%s: %+v, %v", uri, got, err)
		}

		satoshi := chain.Units(amount[0] % (21_000_000_00000000 + 1))
		want = payuri.Request{Scheme: payuri.SchemeBitcoin, To: segwit, Amount: satoshi, HasAmount: !satoshi.IsZero()}
		uri = payuri.Bitcoin(segwit, satoshi)
		if got, err := payuri.Parse(uri); err != nil || got != want || want.URI() != uri {
			t.Fatalf("%s: %+v, %v", uri, got, err)
		}
	})
}

// evmText makes some address of bytes.
func evmText(raw []byte) chain.Destination {
	var a [20]byte
	copy(a[:], raw)
	return chain.Destination("0x" + hex.EncodeToString(a[:]))
}
