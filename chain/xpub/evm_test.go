package xpub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
)

// eip55 are the addresses of EIP-55's test cases.
var eip55 = []string{
	"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
	"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
	"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
	"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
}

func TestEIP55(t *testing.T) {
	for _, want := range eip55 {
		for _, text := range []string{want, "0x" + strings.ToLower(want[2:]), "0x" + strings.ToUpper(want[2:]), " " + want + "\n"} {
			if got, err := ParseAddress(text, "eip155:1"); err != nil || string(got) != want {
				t.Errorf("%s: %s, %v", text, got, err)
			}
		}
	}
	// One letter in the wrong case.
	for _, want := range eip55[4:] {
		for i, c := range want[2:] {
			if c < 'A' {
				continue
			}
			text := []byte(want)
			text[2+i] ^= 0x20
			if _, err := ParseAddress(string(text), "eip155:1"); !errors.Is(err, ErrAddressChecksum) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestParseEVM(t *testing.T) {
	want := []chain.Destination{
		"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
		"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
	}
	account := evmKey(t, xpubEVM)
	if account.Account().Path != "m/44'/60'/0'/0" || account.Kind() != KindEVM {
		t.Errorf("%+v", account.Account())
	}
	for _, text := range []string{
		xpubEVM, branchOf(t, xpubEVM, 0), xpubEVM + "/0/*", xpubEVM + "/<0;1>/*", branchOf(t, xpubEVM, 0) + "/*",
		"[00000000/44'/60'/0']" + xpubEVM, "[00000000/44h/60h/0h]" + xpubEVM + "/0/*",
	} {
		key := evmKey(t, text)
		if !slices.Equal(key.First(4), want) || key.Account().ID != account.Account().ID || key.Fingerprint() != account.Fingerprint() || !key.Usual() {
			t.Errorf("%s: %v, %+v, %v", text, key.First(4), key.Account(), key.Warnings)
		}
		if again := evmKey(t, key.Export()); again.Account().ID != account.Account().ID {
			t.Errorf("%s: exported %s", text, key.Export())
		}
	}
	if key := evmKey(t, "[73c5da0a/44'/0'/0']"+xpubEVM); !slices.Equal(key.Warnings, []Warning{WarnPurpose}) {
		t.Errorf("bitcoin's path: %v", key.Warnings)
	}
	if key := evmKey(t, xpubEVM+"/1/*"); !slices.Equal(key.Warnings, []Warning{WarnBranch}) {
		t.Errorf("change branch: %v", key.Warnings)
	}
}

func TestParseEVMRefuses(t *testing.T) {
	x, err := parseExtended(xpubEVM)
	if err != nil {
		t.Fatal(err)
	}
	deep, err := x.derive([]uint32{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Problem{
		"":      ErrEmpty,
		"hello": ErrSyntax,
		zpub:    ErrNotEVM,
		upub:    ErrNotEVM,
		withVersion(t, xpubEVM, plainVersion[testFamily]):        ErrNotEVM,
		withVersion(t, xpubEVM, [4]byte{0x02, 0xaa, 0x7e, 0xd3}): ErrMultisig,
		"wpkh(" + xpubEVM + "/0/*)":                              ErrNotEVM,
		deep.String():                                            ErrDepth,
		"xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8": ErrDepth,
		xpubEVM + "/0'/*": ErrHardened,
		xpubEVM + "/0":    ErrFixedKey,
		xpubEVM[:109]:     ErrDamaged,
		eip55[0]:          ErrIsAddress,
		"0x1234567890":    ErrSyntax,
	} {
		key, err := ParseEVM(text)
		if !errors.Is(err, want) || key != nil {
			t.Errorf("%s: %v, %v, want %q", text, key, err, string(want))
		}
	}
}

func TestParseAddresses(t *testing.T) {
	key, err := ParseAddresses([]string{" " + eip55[4], strings.ToLower(eip55[5]), eip55[6]}, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	a := key.Account()
	if key.Kind() != KindList || a.Size != 3 || a.Cooldown != 24*time.Hour || len(key.Fingerprint()) != 8 || key.Export() != "" {
		t.Errorf("%+v", a)
	}
	for i, want := range eip55[4:7] {
		if to, err := key.Destination(uint32(i)); err != nil || string(to) != want {
			t.Errorf("%d: %s, %v", i, to, err)
		}
	}
	for _, index := range []uint32{3, 4, hardened, 1<<32 - 1} {
		if to, err := key.Destination(index); !errors.Is(err, chain.ErrNoSuchIndex) {
			t.Errorf("%d: %s, %v", index, to, err)
		}
	}
	if got := key.First(10); len(got) != 3 {
		t.Errorf("%v", got)
	}
	longer, err := ParseAddresses(eip55[4:], time.Hour)
	if err != nil || longer.Account().ID != a.ID {
		t.Errorf("an appended address made another account: %v, %v", longer, err)
	}
	other, err := ParseAddresses(eip55[:3], time.Hour)
	if err != nil || other.Account().ID == a.ID {
		t.Errorf("two lists share an account: %v, %v", other, err)
	}
}

func TestParseAddressesRefuses(t *testing.T) {
	many := make([]string, maxList+1)
	for i := range many {
		many[i] = fmt.Sprintf("0x%040x", i+1)
	}
	if key, err := ParseAddresses(many[:maxList], time.Hour); err != nil || key.Account().Size != maxList {
		t.Errorf("%v, %v", key, err)
	}
	for _, c := range []struct {
		list     []string
		cooldown time.Duration
		want     Problem
	}{
		{nil, time.Hour, ErrNoAddresses},
		{many, time.Hour, ErrTooMany},
		{eip55, 0, ErrCooldown},
		{eip55, -time.Hour, ErrCooldown},
		{[]string{eip55[0], ""}, time.Hour, ErrAddress},
		{[]string{eip55[0], eip55[1][:41]}, time.Hour, ErrAddress},
		{[]string{eip55[0], eip55[1][2:]}, time.Hour, ErrAddress},
		{[]string{eip55[0], "0X" + eip55[1][2:]}, time.Hour, ErrAddress},
		{[]string{eip55[0], "0x\x10" + eip55[1][3:]}, time.Hour, ErrAddress},
		{[]string{eip55[0], "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"}, time.Hour, ErrAddress},
		{[]string{eip55[0], eip55[1], strings.ToLower(eip55[0])}, time.Hour, ErrDuplicate},
		{[]string{eip55[0], strings.Replace(eip55[4], "aA", "Aa", 1)}, time.Hour, ErrAddressChecksum},
		{[]string{eip55[0], "0x0000000000000000000000000000000000000000"}, time.Hour, ErrZeroAddress},
	} {
		key, err := ParseAddresses(c.list, c.cooldown)
		if !errors.Is(err, c.want) || key != nil {
			t.Errorf("%.3q: %v, %v, want %q", c.list, key, err, string(c.want))
		}
	}
	_, err := ParseAddresses([]string{eip55[0], "rubbish"}, time.Hour)
	if err == nil || !strings.HasPrefix(err.Error(), "address 2 of the list: ") {
		t.Errorf("%v", err)
	}
}
