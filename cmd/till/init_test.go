package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/tui/tuitest"
)

func onDay() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// TestFormFromNothing answers every question for Bitcoin and one EVM chain, and
// gets a configuration that is understood.
func TestFormFromNothing(t *testing.T) {
	w := newSetUp(answers{today: onDay()})
	s := tuitest.New(t, w, 80, 24)
	s.See("In which currency", "such as EUR").Gone("esc back").Press("enter").See("type the currency's three letters")
	s.Type("eux").Press("enter").See("no currency in use")
	s.Press("backspace", "backspace", "backspace").Type("chf").Press("enter")
	s.See("What is the shop called").Type("Café Linde").Press("enter")
	s.See("What do you accept").Press("down", "down", "space").See("[•] Base").Press("enter")
	s.See("Which Bitcoin network").Press("enter")
	s.See("a Bitcoin node of your own").Type("not a node!").Press("enter").See("not the address of a node")
	for range "not a node!" {
		s.Press("backspace")
	}
	s.Gone("node!").Type("10.0.0.5:8333").Press("enter")
	s.See("public key for Bitcoin").Press("enter").See("no key was given")
	s.Paste(testZpub[:60]).Press("enter").See("mistyped or was cut off")
	s.Paste(testZpub).Press("enter")
	s.See("All five must be the same", "1   bc1q cr8t e4kr", "5   bc1q")
	s.Press("enter", "space", "right", "x").See("All five must be the same") // only y and n answer
	s.Press("n").See("public key for Bitcoin", "not the key of that account")
	s.Paste(testZpub).Press("enter").See("All five").Press("y")
	s.See("public key for Ethereum").Paste(testZpub).Press("enter").See("for Bitcoin addresses")
	s.Paste(testEVMKey).Press("enter").See("Base, key", "1   0x 9858 EfFD").Press("y")
	s.See("Which node tells till about Base").Type("base.example").Press("enter").See("this is not an endpoint")
	for range "base.example" {
		s.Press("backspace")
	}
	s.Gone("base.example").Type("https://base.example/k wss://other.example").Press("enter")
	s.See("Write the configuration?").Press("y")
	if how := s.End(); how != "" || !w.done {
		t.Fatalf("ended with %q, done %v", how, w.done)
	}
	text, err := w.answers.config()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseConfig(t, string(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got.own() != "CHF" || got.shop.Name != "Café Linde" || len(got.bitcoin.peers) != 1 || got.bitcoin.key.First(1)[0] != testFirst ||
		len(got.evm) != 1 || got.evm[0].chain.name != "Base" || len(got.evm[0].endpoints) != 2 || len(got.shop.Assets) != 3 {
		t.Errorf("it means %+v", got)
	}
	if strings.Contains(string(s.Bytes()), testZpub[10:40]) || strings.Contains(string(s.Bytes()), testEVMKey[10:40]) {
		t.Error("a key was shown while it was typed")
	}
}

// TestFormGoesBack: esc goes back with the answer still there; a change of
// network asks for the key again.
func TestFormGoesBack(t *testing.T) {
	w := newSetUp(answers{currency: "EUR", today: onDay()})
	s := tuitest.New(t, w, 80, 24)
	s.See("In which currency").Press("esc").See("In which currency").Press("enter")
	s.See("What is the shop called").Type("Linde").Press("enter").See("What do you accept")
	s.Press("esc").See("What is the shop called", "Linde").Press("enter", "enter")
	s.See("Which Bitcoin network").Press("enter", "enter").See("public key for Bitcoin").Paste(testVpub).Press("enter").See("another network")
	s.Press("esc").See("a Bitcoin node").Press("esc").See("Which Bitcoin network")
	s.Press("down").Press("enter").See("a Bitcoin node").Press("enter").See("public key for Bitcoin")
	s.Paste(testVpub).Press("enter").See("Bitcoin (testnet4)", "1   tb1q").Press("y")
	s.See("Write the configuration?").Press("n").See("What do you accept").Press("enter")
	s.See("Which Bitcoin network").Press("up").Press("enter").See("a Bitcoin node").Press("enter")
	s.See("public key for Bitcoin").Paste(testZpub).Press("enter").See("Bitcoin (mainnet)").Press("y")
	s.See("Write the configuration?").Press("ctrl+c").End()
	if w.done || !w.left {
		t.Error("leaving counts as done")
	}
}

// TestAddressCheckCannotBeSkipped: keys that came as flags are compared too, and
// an exchanged key is compared again.
func TestAddressCheckCannotBeSkipped(t *testing.T) {
	a, err := initFlags{
		currency: "EUR", network: "mainnet", bitcoin: testZpub, evm: testEVMKey, endpoints: []string{"https://a.example"},
	}.answers(strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	w := newSetUp(a)
	s := tuitest.New(t, w, 80, 24)
	s.See("In which currency").Press("enter").See("shop called").Press("enter").See("accept").Press("enter").See("network").Press("enter").See("of your own").Press("enter")
	s.See("1   bc1q cr8t").Press("y").See("1   0x 9858").Press("n").See("public key for Ethereum")
	s.Paste(testEVMFirst+", 0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0").Press("enter").See("All must be the same", "2   0x 6Fac").Gone("3   0x")
	s.Press("y").See("Which node", "https://a.example").Press("enter").See("Write").Press("y")
	if how := s.End(); how != "" || !w.done {
		t.Fatalf("ended with %q, done %v", how, w.done)
	}
	text, err := w.answers.config()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseConfig(t, string(text)); err != nil || got.evm[0].key.Account().Size != 2 {
		t.Errorf("%v in\n%s", err, text)
	}
}

// TestFormOnSmallScreens: every question can be read and answered at 40x20, and
// a resize in the middle does no harm.
func TestFormOnSmallScreens(t *testing.T) {
	s := tuitest.New(t, newSetUp(answers{currency: "EUR", today: onDay()}), 40, 20)
	toBitcoinKey(s.Screen)
	s.Paste(testZpub).Press("enter").See("bc1q cr8t", "y/n", "5   bc1q")
	s.Resize(80, 24).See("5   bc1q", "ctrl+c leave").Resize(30, 12).See("Compare with your").Resize(80, 24)
	s.Press("y").See("Write the configuration?")
	for _, line := range strings.Split(s.Screen.Screen(), "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("a line of %d cells: %q", len([]rune(line)), line)
		}
	}
}

// TestWrittenConfigs: whatever the answers, what is written is understood, in
// every currency.
func TestWrittenConfigs(t *testing.T) {
	for _, currency := range []string{"EUR", "JPY", "KWD", "HUF", "CHF", "IDR"} {
		for _, name := range []string{"", `Joe's "Café" \ Bar`, "日本"} {
			a, err := initFlags{
				name: name, currency: currency, network: "testnet4", bitcoin: testVpub, evm: testEVMKey,
				chains: []string{"1", "8453", "42161", "11155111", "31337"}, accept: []string{"native"},
				endpoints: []string{"1=https://a.example", "8453=https://a.example", "42161=https://a.example", "11155111=https://a.example", "31337=/run/geth.ipc"},
			}.answers(strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			text, err := a.config()
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseConfig(t, string(text))
			if err != nil {
				t.Errorf("%s %q: %v in\n%s", currency, name, err, text)
				continue
			}
			if got.shop.Name != name || fmt.Sprint(got.own()) != currency || len(got.evm) != 5 {
				t.Errorf("%s %q became %+v", currency, name, got.shop)
			}
			for rail, p := range got.policy.Rails {
				for _, tier := range p.Tiers {
					if tier.Need == 0 && tier.Tag == "" {
						t.Errorf("%s accepts without a block", rail)
					}
				}
			}
		}
	}
}

func TestKeysFromStandardInput(t *testing.T) {
	f := initFlags{currency: "EUR", network: "mainnet", bitcoin: "-", evm: "-", endpoints: []string{"https://a.example"}}
	a, err := f.answers(strings.NewReader("  " + testZpub + " \r\n" + testEVMKey))
	if err != nil || a.bitcoin.key.First(1)[0] != testFirst || a.chains[0].key.First(1)[0] != testEVMFirst {
		t.Errorf("%+v, %v", a, err)
	}
	for _, in := range []string{"", "\n", testZpub + "\n"} {
		if _, err := f.answers(strings.NewReader(in)); codeOf(err) != exitUsage {
			t.Errorf("%q: %v", in, err)
		}
	}
}
