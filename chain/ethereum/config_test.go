package ethereum_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/chain/ethereum"
)

// A start without a cursor reads from the birthday on.
func TestBirthday(t *testing.T) {
	h := newOnDevnet(t, func(c *ethereum.Config, _ *devnet.Ethereum) { c.Birthday = 3 })
	l := chaintest.NewLedger(t, h.Network())
	before, after := target(t, h), target(t, h)
	h.Mine(t, 1)
	h.Pay(t, before.ID, h.assets[0], chain.Units(1))
	h.Mine(t, 1)
	h.Pay(t, after.ID, h.assets[0], chain.Units(2))
	h.Mine(t, 100)
	chaintest.BeginReady(t, h, l, before, after)
	waitKind(t, l, after.ID, chain.Included)
	waitTip(t, l, h)
	if n := len(l.At(before.ID)); n != 0 {
		t.Error("a payment from before the birthday was reported")
	}
}

// An endpoint on another chain is refused in words, and nothing is read from it.
func TestWrongChain(t *testing.T) {
	h := newOnDevnet(t, nil)
	h.config.ChainID = 4242
	h.config.Native.ID = chain.NativeAsset(4242)
	h.config.Tokens = nil
	l := chaintest.NewLedger(t, "eip155:4242")
	s := chaintest.Begin(t, h, l)
	l.Wait(t, "the wrong network to be noticed", func() bool {
		return s.Watcher.Health().Code == chain.HealthWrongNetwork && len(l.Healths()) > 0
	})
	if health := s.Watcher.Health(); health.Usable() {
		t.Errorf("usable on the wrong chain: %+v", health)
	}
	if !l.Tip().Block.IsZero() {
		t.Error("a block of the wrong chain was reported")
	}
}

// A token whose contract has other decimals is refused; the rest goes on.
func TestWrongDecimals(t *testing.T) {
	h := newOnDevnet(t, func(c *ethereum.Config, net *devnet.Ethereum) { c.Tokens[0].Decimals = 18 })
	l := chaintest.NewLedger(t, h.Network())
	to, other := target(t, h), target(t, h)
	s := chaintest.BeginReady(t, h, l, to, other)
	if health := s.Watcher.Health(); health.Code != chain.HealthWrongToken || !strings.Contains(health.Detail, "USDC") {
		t.Errorf("health is %+v", health)
	}
	h.Pay(t, to.ID, h.assets[1], chain.Units(1_000_000))
	h.Pay(t, other.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 1)
	waitKind(t, l, other.ID, chain.Included)
	if n := len(l.At(to.ID)); n != 0 {
		t.Error("a payment in the refused token was reported")
	}
}

// One endpoint works and is said to be one.
func TestOneEndpoint(t *testing.T) {
	h := newOnDevnet(t, nil)
	l := chaintest.NewLedger(t, h.Network())
	s := chaintest.BeginReady(t, h, l)
	want := chain.Health{State: chain.Ready, Code: chain.HealthOneEndpoint, Trust: chain.TrustOneServer}
	l.Wait(t, "ready", func() bool {
		got := s.Watcher.Health()
		return got.State == want.State && got.Code == want.Code && got.Trust == want.Trust
	})
	// The tags are asked for once a block time, so not at every quick block.
	for l.Tip().Safe == 0 {
		h.Mine(t, 1)
		waitTip(t, l, h)
		if tip := l.Tip(); tip.Agreed != tip.Block.Height {
			t.Fatalf("one endpoint does not agree with itself: %+v", tip)
		}
		if h.net.Head().Height > 5_000 {
			t.Fatal("the safe tag never comes")
		}
	}
}

// An old head is said to be old.
func TestStale(t *testing.T) {
	h := newOnDevnet(t, func(c *ethereum.Config, _ *devnet.Ethereum) { c.Stale = 1 })
	l := chaintest.NewLedger(t, h.Network())
	s := chaintest.Begin(t, h, l)
	l.Wait(t, "the old head to be noticed", func() bool {
		health := s.Watcher.Health()
		return health.State == chain.Degraded && health.Code == chain.HealthStale
	})
}

// Nothing of an endpoint's URL but its host is ever repeated.
func TestSecretsInURLs(t *testing.T) {
	var log bytes.Buffer
	net := startNet(t, devnet.EthereumOptions{})
	secret := "k3y0fTh3Shop"
	for _, url := range []string{
		strings.Replace(net.EndpointHTTP(), "http://", "http://user:"+secret+"@", 1) + "/v2/" + secret + "?key=" + secret,
		"ws://127.0.0.1:1/v2/" + secret,
		"http://127.0.0.1:1/" + secret,
		"https://127.0.0.1:1/?token=" + secret,
		strings.Replace(net.Endpoint(), "ws://", "wss://", 1) + "/" + secret,
		"http://no-such-host.invalid/" + secret,
	} {
		cfg := configFor(net, url)
		cfg.ChainID, cfg.Native.ID, cfg.Tokens = 99, chain.NativeAsset(99), nil
		cfg.Logger = logger(&log)
		w, err := ethereum.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		told := make(chan chain.Health, 64)
		go func() {
			done <- w.Run(ctx, chain.Cursor{}, nil, func(_ context.Context, events []chain.Event, _ chain.Cursor) error {
				for _, e := range events {
					told <- e.Health
				}
				return nil
			})
		}()
		for h := range told {
			if strings.Contains(h.Detail, secret) {
				t.Errorf("health names the key: %+v", h)
			}
			if h.State == chain.Down {
				break
			}
		}
		_, err = w.Lookup(ctx, chain.Ref{TxID: chain.TxID("0x" + strings.Repeat("1", 64))})
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("an error names the key: %v", err)
		}
		cancel()
		<-done
	}
	if _, err := ethereum.New(ethereum.Config{ChainID: 1, Native: chain.Asset{ID: chain.NativeAsset(1)}, Endpoints: []string{"ftp://host/" + secret}}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a bad URL: %v", err)
	}
	if log.Len() == 0 || strings.Contains(log.String(), secret) {
		t.Errorf("the log names the key, or is empty:\n%s", log.String())
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	good := func() ethereum.Config {
		return ethereum.Config{ChainID: 1, Native: chain.Asset{ID: chain.NativeAsset(1)}, Endpoints: []string{"https://node.example"}}
	}
	usdc := chain.TokenAsset(1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
	for name, spoil := range map[string]func(*ethereum.Config){
		"no chain":          func(c *ethereum.Config) { c.ChainID = 0 },
		"no endpoint":       func(c *ethereum.Config) { c.Endpoints = nil },
		"empty endpoint":    func(c *ethereum.Config) { c.Endpoints = []string{""} },
		"relative path":     func(c *ethereum.Config) { c.Endpoints = []string{"geth.ipc"} },
		"other scheme":      func(c *ethereum.Config) { c.Endpoints = []string{"gopher://node"} },
		"no host":           func(c *ethereum.Config) { c.Endpoints = []string{"wss:///x"} },
		"other native":      func(c *ethereum.Config) { c.Native.ID = chain.NativeAsset(2) },
		"other chain":       func(c *ethereum.Config) { c.Tokens = []chain.Asset{{ID: chain.TokenAsset(2, usdc.Contract())}} },
		"lower case":        func(c *ethereum.Config) { c.Tokens = []chain.Asset{{ID: chain.AssetID(strings.ToLower(string(usdc)))}} },
		"twice":             func(c *ethereum.Config) { c.Tokens = []chain.Asset{{ID: usdc}, {ID: usdc}} },
		"many decimals":     func(c *ethereum.Config) { c.Tokens = []chain.Asset{{ID: usdc, Decimals: 37}} },
		"large quorum":      func(c *ethereum.Config) { c.Quorum = 2 },
		"impossible quorum": func(c *ethereum.Config) { c.Quorum = -1 },
	} {
		c := good()
		spoil(&c)
		if _, err := ethereum.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c := good()
	c.Tokens = []chain.Asset{{ID: usdc, Decimals: 6}}
	w, err := ethereum.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []chain.Destination{
		"", "0x", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB4", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB480",
		"0xa0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "xxA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0xG0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
	} {
		if err := w.Watch(t.Context(), chain.Target{ID: to}); err == nil {
			t.Errorf("%q was taken as an address", to)
		}
	}
}
