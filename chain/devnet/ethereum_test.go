package devnet_test

import (
	"context"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/payuri"
)

func startEthereum(t testing.TB, o devnet.EthereumOptions) *devnet.Ethereum {
	t.Helper()
	if o.Rand == nil {
		o.Rand = rand.NewChaCha8([32]byte{1})
	}
	began := time.Now()
	net, err := devnet.StartEthereum(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	return net
}

const ethShop chain.Destination = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"

func ethBalance(t testing.TB, net *devnet.Ethereum, asset chain.AssetID) *big.Int {
	t.Helper()
	n, err := net.Balance(t.Context(), ethShop, asset)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ethReceipt(t testing.TB, net *devnet.Ethereum, tx chain.TxID) *types.Receipt {
	t.Helper()
	client, err := ethclient.DialContext(t.Context(), net.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r, err := client.TransactionReceipt(t.Context(), common.HexToHash(string(tx)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEthereumCustomerPays(t *testing.T) {
	net := startEthereum(t, devnet.EthereumOptions{ChainID: 31338})
	ctx := context.Background()
	if _, err := net.Customer().PayNative(ctx, ethShop, big.NewInt(12345)); err != nil {
		t.Fatal(err)
	}
	tx, err := net.Customer().PayToken(ctx, ethShop, big.NewInt(4_500_000))
	if err != nil {
		t.Fatal(err)
	}
	many, err := net.Customer().PayTokens(ctx,
		devnet.EthPayment{To: ethShop, Amount: big.NewInt(1)}, devnet.EthPayment{To: ethShop, Amount: big.NewInt(2)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Customer().PayInternally(ctx, devnet.EthPayment{To: ethShop, Amount: big.NewInt(5)}); err != nil {
		t.Fatal(err)
	}
	if err := net.Mine(1); err != nil {
		t.Fatal(err)
	}
	if got := ethBalance(t, net, net.Native().ID); got.Int64() != 12350 {
		t.Errorf("the shop has %s wei, want 12350", got)
	}
	if got := ethBalance(t, net, net.Token().ID); got.Int64() != 4_500_003 {
		t.Errorf("the shop has %s units, want 4500003", got)
	}
	if r := ethReceipt(t, net, tx); r.GasUsed > 60_000 {
		t.Errorf("a token transfer cost %d gas, on a chain like today's about 54,000", r.GasUsed)
	}
	if r := ethReceipt(t, net, many); r.Status != 1 || len(r.Logs) != 2 {
		t.Errorf("the batch has status %d and %d logs, want 1 and 2", r.Status, len(r.Logs))
	}
}

func TestEthereumReorg(t *testing.T) {
	for _, keep := range []bool{true, false} {
		net := startEthereum(t, devnet.EthereumOptions{})
		for range 3 {
			if _, err := net.Customer().PayNative(t.Context(), ethShop, big.NewInt(1)); err != nil {
				t.Fatal(err)
			}
			if err := net.Mine(1); err != nil {
				t.Fatal(err)
			}
		}
		was := net.Head()
		if err := net.Reorg(2, keep); err != nil {
			t.Fatal(err)
		}
		if now := net.Head(); now.Height != was.Height+1 || now.Hash == was.Hash {
			t.Errorf("head %v after %v, want one block higher", now, was)
		}
		want := int64(1)
		if keep {
			want = 3
		}
		if got := ethBalance(t, net, net.Native().ID); got.Int64() != want {
			t.Errorf("keep %v: the shop has %s wei, want %d", keep, got, want)
		}
		// The wallet goes on after it.
		if _, err := net.Customer().PayNative(t.Context(), ethShop, big.NewInt(7)); err != nil {
			t.Fatal(err)
		}
		if err := net.Mine(1); err != nil {
			t.Fatal(err)
		}
		if got := ethBalance(t, net, net.Native().ID); got.Int64() != want+7 {
			t.Errorf("keep %v: the shop has %s wei, want %d", keep, got, want+7)
		}
	}
}

func TestEthereumReplaceAndRewind(t *testing.T) {
	net := startEthereum(t, devnet.EthereumOptions{})
	tx, err := net.Customer().PayNative(t.Context(), ethShop, big.NewInt(9))
	if err != nil {
		t.Fatal(err)
	}
	by, err := net.Customer().Replace(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := net.Mine(2); err != nil {
		t.Fatal(err)
	}
	if r := ethReceipt(t, net, by); r.Status != 1 {
		t.Errorf("the replacement has status %d", r.Status)
	}
	if got := ethBalance(t, net, net.Native().ID); got.Sign() != 0 {
		t.Errorf("the shop has %s wei, the payment was taken back", got)
	}
	if err := net.Rewind(1, true); err != nil {
		t.Fatal(err)
	}
	if h := net.Head().Height; h != 1 {
		t.Errorf("height %d after going back one from 2", h)
	}
	if err := net.Rewind(5, true); err == nil {
		t.Error("five blocks were taken back of one")
	}
}

func TestEthereumFailures(t *testing.T) {
	net := startEthereum(t, devnet.EthereumOptions{Amsterdam: true})
	poor, err := net.Customer().PayNativeWithGas(t.Context(), ethShop, big.NewInt(9), 21_000)
	if err != nil {
		t.Fatal(err)
	}
	refused, err := net.Customer().PayNative(t.Context(), net.Refuser(), big.NewInt(9))
	if err != nil {
		t.Fatal(err)
	}
	fine, err := net.Customer().PayNative(t.Context(), ethShop, big.NewInt(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := net.Mine(1); err != nil {
		t.Fatal(err)
	}
	for tx, want := range map[chain.TxID]uint64{poor: 0, refused: 0, fine: 1} {
		if r := ethReceipt(t, net, tx); r.Status != want {
			t.Errorf("%s has status %d, want %d", tx, r.Status, want)
		}
	}
	if got := ethBalance(t, net, net.Native().ID); got.Int64() != 5 {
		t.Errorf("the shop has %s wei, want 5", got)
	}
}

func TestEthereumServesAgainOnTheSamePort(t *testing.T) {
	net := startEthereum(t, devnet.EthereumOptions{BlockEvery: 20 * time.Millisecond})
	was := net.Endpoint()
	net.Disconnect()
	if _, err := ethclient.DialContext(t.Context(), was); err == nil {
		t.Error("a closed port answers")
	}
	if err := net.Connect(); err != nil {
		t.Fatal(err)
	}
	if net.Endpoint() != was {
		t.Errorf("the endpoint moved from %s to %s", was, net.Endpoint())
	}
	for _, url := range []string{net.Endpoint(), net.EndpointHTTP()} {
		client, err := ethclient.DialContext(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		id, err := client.ChainID(t.Context())
		if err != nil || id.Uint64() != net.ChainID() {
			t.Errorf("%s says chain %v (%v), want %d", url, id, err, net.ChainID())
		}
		client.Close()
	}
	for deadline := time.Now().Add(30 * time.Second); net.Head().Height < 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no blocks by the clock")
		}
	}
}

func TestEthereumNeedsRandomness(t *testing.T) {
	if _, err := devnet.StartEthereum(t.Context(), devnet.EthereumOptions{}); err == nil {
		t.Error("keys were made out of nothing")
	}
}

func TestEthereumCustomerReadsRequests(t *testing.T) {
	net := startEthereum(t, devnet.EthereumOptions{ChainID: 31338})
	token := chain.Destination(net.Token().ID.Contract())
	for _, c := range []struct {
		uri string
		ok  bool
	}{
		{payuri.Ethereum(31338, ethShop, chain.Units(1000)), true},
		{payuri.Token(31338, token, ethShop, chain.Units(2000)), true},
		{payuri.Ethereum(1, ethShop, chain.Units(1000)), false},
		{payuri.Ethereum(31338, ethShop, chain.Amount{}), false},
		{payuri.Token(31338, ethShop, ethShop, chain.Units(2000)), false},
		{"bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=1", false},
		{"ethereum:nonsense", false},
	} {
		if _, err := net.Customer().Pay(t.Context(), c.uri); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.uri, err)
		}
	}
	if err := net.Mine(1); err != nil {
		t.Fatal(err)
	}
	if got := ethBalance(t, net, net.Native().ID); got.Int64() != 1000 {
		t.Errorf("the shop has %s wei, want 1000", got)
	}
	if got := ethBalance(t, net, net.Token().ID); got.Int64() != 2000 {
		t.Errorf("the shop has %s units, want 2000", got)
	}
}

func TestEthereumCustomerIsQuick(t *testing.T) {
	net := startEthereum(t, devnet.EthereumOptions{})
	for range 200 {
		if _, err := net.Customer().PayNative(t.Context(), ethShop, big.NewInt(1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := net.Mine(1); err != nil {
		t.Fatal(err)
	}
	if got := ethBalance(t, net, net.Native().ID); got.Int64() != 200 {
		t.Errorf("the shop has %s wei, want 200", got)
	}
}
