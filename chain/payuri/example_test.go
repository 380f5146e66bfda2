package payuri_test

import (
	"fmt"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/payuri"
)

func ExampleToken() {
	fmt.Println(payuri.Token(8453, token, person, chain.Units(4_500_000)))
	// Output:
	// ethereum:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913@8453/transfer?address=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266&uint256=4500000
}

func ExampleParse() {
	r, err := payuri.Parse("BITCOIN:BC1QCR8TE4KR609GCAWUTMRZA0J4XV80JY8Z306FYU?amount=0.00025958")
	fmt.Println(r.To, r.Amount, r.HasAmount, err)
	// Output:
	// bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu 25958 true <nil>
}
