package xpub_test

import (
	"errors"
	"fmt"

	"github.com/cointill/till/chain/xpub"
)

// The set-up form asks which addresses an xpub stands for, shows the first ones
// and stores a text that needs no answer any more.
func ExampleParseBitcoin() {
	const pasted = "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ"
	_, err := xpub.ParseBitcoin(pasted, xpub.Mainnet, xpub.ScriptUnknown)
	fmt.Println(errors.Is(err, xpub.ErrAmbiguous))

	key, err := xpub.ParseBitcoin(pasted, xpub.Mainnet, xpub.P2TR)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key)
	fmt.Println(key.First(1)[0])
	stored, err := xpub.ParseBitcoin(key.Export(), xpub.Mainnet, xpub.ScriptUnknown)
	fmt.Println(stored, err)
	// Output:
	// true
	// tr key a7bea80d m/86'/0'/0'/0
	// bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr
	// tr key a7bea80d m/86'/0'/0'/0 <nil>
}
