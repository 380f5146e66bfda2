package main

import (
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui"
)

// The account of the test mnemonic of BIP 84, and the account xpub of the
// Ethereum path of the same mnemonic.
const (
	testZpub     = "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs"
	testFirst    = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	testEVMKey   = "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5GFZaM6si3yZdUsT8ddYM3PwnATt"
	testEVMFirst = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
	testVpub     = "vpub5Y6cjg78GGuNLsaPhmYsiw4gYX3HoQiRBiSwDaBXKUafCt9bNwWQiitDk5VZ5BVxYnQdwoTyXSs2JHRPAgjAvtbBrf8ZhDYe2jWAqvZVnsc"
	testZprv     = "zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1yYNZKEm7z6qUWCroSQnE"
)

const smallConfig = `currency = "EUR"

[bitcoin]
key = "` + testZpub + `"
`

func parseConfig(t testing.TB, text string) (*settings, error) {
	t.Helper()
	config, err := decodeConfig("till.toml", []byte(text))
	if err != nil {
		return nil, err
	}
	return understand(config, "/home/ana/till.toml", []byte(text), "/data")
}

// TestWholeConfig reads everything that there is to say.
func TestWholeConfig(t *testing.T) {
	s, err := parseConfig(t, `
name = "Café Linde"
terminal = "till 1"
currency = "EUR"
currencies = ["EUR", "CHF"]
default_asset = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
[bitcoin]
key = "`+testZpub+`"
network = "mainnet"
watch = "auto"
peers = ["10.0.0.5:8333", "node.example", "[::1]:8333"]
birthday = 2026-11-20
headers = { blocks = "/a", filters = "https://b.example/c" }
proxy = "127.0.0.1:9050"
relay = "while-open"
confirmations = [ { up_to = "10.00", need = 0 }, { up_to = "500.00", need = 1 }, { need = 3 } ]
[[evm]]
chain = 1
key = "`+testEVMKey+`"
endpoints = ["wss://a.example/v3/secret", "/run/geth.ipc"]
quorum = 2
lean = true
accept = ["native", "USDC", { contract = "0xdAC17F958D2ee523a2206206994597C13D831ec7", decimals = 6, symbol = "USDT", par = "USD" }]
confirmations = [ { up_to = "50.00", need = 1 }, { need = "safe" } ]
[[evm]]
chain = 8453
addresses = ["`+testEVMFirst+`"]
reuse = "48h"
endpoints = ["https://base.example"]
accept = ["usdc"]
[rates]
sources = ["kraken", "coinbase"]
fixed = { "eip155:1/native" = "2000.00" }
spread = "0.5"
jump = "7.5"
depeg = "2"
[sale]
expires = "10m"
tolerance = { units = "2", percent = "0.1", fiat = "0.05" }
unconfirmed_per_hour = "100.00"
settle = "12s"
[screen]
language = "en-IE"
theme = "light"
show_totals = true
kiosk = { amounts = ["5.00", "10"] }
[[item]]
key = "F5"
name = "Coffee"
price = "4.50"
[[item]]
key = "j"
name = "抹茶"
price = "3"
[callback]
url = "http://shop.local:8080/till"
secret = "`+testHookSecret+`"
allow = ["10.0.0.0/8", "fd00::1", "Shop.local"]
`)
	if err != nil {
		t.Fatal(err)
	}
	if s.shop.Name != "Café Linde" || s.terminal != "till 1" || !reflect.DeepEqual(s.shop.Currencies, []money.Currency{"EUR", "CHF"}) {
		t.Errorf("shop %+v", s.shop)
	}
	var names, keys []string
	for _, a := range s.shop.Assets {
		names, keys = append(names, a.Name), append(keys, a.Key)
	}
	if want := []string{"Bitcoin", "Ether", "USDC on Ethereum", "USDT on Ethereum", "USDC on Base"}; !reflect.DeepEqual(names, want) {
		t.Errorf("assets %q, want %q", names, want)
	}
	if keys[0] != "b" || keys[1] != "e" || keys[2] != "u" {
		t.Errorf("letters %q", keys)
	}
	if s.shop.Default != "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" {
		t.Errorf("default %s", s.shop.Default)
	}
	want := pos.Policy{
		Expires: 10 * time.Minute, Settle: 12 * time.Second,
		Tolerance:          pos.Tolerance{Units: chain.Units(2), PPM: 1000, MaxFiat: 5},
		UnconfirmedPerHour: money.Of(10000, "EUR"),
		Rails: map[string]pos.RailPolicy{
			"bitcoin:mainnet": {
				Tiers: []pos.Tier{{UpTo: money.Of(1000, "EUR")}, {UpTo: money.Of(50000, "EUR"), Need: 1}, {Need: 3}},
				Grace: time.Hour, Final: 6, FeeFloor: 1000,
			},
			"eip155:1":    {Tiers: []pos.Tier{{UpTo: money.Of(5000, "EUR"), Need: 1}, {Tag: "safe"}}, Grace: 2 * time.Minute},
			"eip155:8453": {Tiers: []pos.Tier{{Need: 1}}, Grace: 2 * time.Minute},
		},
	}
	if !reflect.DeepEqual(s.policy, want) {
		t.Errorf("policy\n%+v, want\n%+v", s.policy, want)
	}
	b := s.bitcoin
	if b.network != "bitcoin:mainnet" || len(b.peers) != 3 || b.birthday != time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) || b.blockHeaders != "/a" || b.filterHeaders != "https://b.example/c" {
		t.Errorf("bitcoin %+v", b)
	}
	if cfg := s.lightClient("/data", nil); cfg.Proxy != "127.0.0.1:9050" || cfg.RelayWarm != 25*time.Minute || cfg.FilterHeaders != b.filterHeaders || cfg.Birthday != b.birthday {
		t.Errorf("light client %+v", cfg)
	}
	if first := b.key.First(1); first[0] != testFirst {
		t.Errorf("first address %s", first[0])
	}
	if first := s.evm[0].key.First(1); first[0] != testEVMFirst {
		t.Errorf("first EVM address %s", first[0])
	}
	if a := s.evm[1].key.Account(); a.Cooldown != 48*time.Hour || a.Size != 1 {
		t.Errorf("address list %+v", a)
	}
	if s.evm[0].quorum != 2 || s.evm[0].lean == nil || !*s.evm[0].lean || s.evm[0].assets[1].Key != "u" {
		t.Errorf("evm %+v", s.evm[0])
	}
	if rate, ok := s.rates.fixed["eip155:1/native"]; !ok || rate.String() != "2000" && rate.String() != "2000.00" || s.rates.spread != 50 || s.rates.jump != 75 || s.rates.depeg != 20 {
		t.Errorf("rates %+v", s.rates)
	}
	if c := s.hooks; s.callback != "http://shop.local:8080/till" || c.secret.Text() != testHookSecret ||
		c.guard.Check("http://10.1.2.3/") != nil || c.guard.Check("http://[fd00::1]/") != nil || c.guard.Check("http://[fd00::2]/") == nil {
		t.Errorf("callback %+v", c)
	}
	if sc := s.screen; !sc.showTotals || !reflect.DeepEqual(sc.kiosk.Amounts, []money.Fiat{money.Of(500, "EUR"), money.Of(1000, "EUR")}) ||
		!reflect.DeepEqual(sc.items, []tui.Item{{Key: "f5", Name: "Coffee", Price: money.Of(450, "EUR")}, {Key: "j", Name: "抹茶", Price: money.Of(300, "EUR")}}) {
		t.Errorf("screen %+v", sc)
	}
	if s.shop.Fingerprint == "" || strings.Contains(s.shop.Fingerprint, "pub") {
		t.Errorf("fingerprint %q", s.shop.Fingerprint)
	}
}

func TestSmallConfigHasDefaults(t *testing.T) {
	s, err := parseConfig(t, smallConfig)
	if err != nil {
		t.Fatal(err)
	}
	if s.callback != "" || !s.hooks.secret.IsZero() || s.hooks.guard.Check("https://shop.example/") != nil || s.hooks.guard.Check("https://10.0.0.1/") == nil {
		t.Errorf("callback %+v", s.callback)
	}
	if s.bitcoin.network != "bitcoin:mainnet" || s.policy.Expires != 15*time.Minute || s.shop.Default != chain.Bitcoin || len(s.rates.sources) == 0 {
		t.Errorf("%+v", s)
	}
	for _, tier := range s.policy.Rails["bitcoin:mainnet"].Tiers {
		if tier.Need == 0 {
			t.Error("a payment without a block is accepted although nobody asked for it")
		}
	}
}

// TestWrongConfigs: every mistake is one sentence with its line, and says what
// to do.
func TestWrongConfigs(t *testing.T) {
	evm := "currency = \"EUR\"\n[[evm]]\nchain = 1\nendpoints = [\"wss://a.example\"]\n"
	for _, c := range []struct {
		name, text string
		line       int
		says       []string
	}{
		{"unknown key", "currency = \"EUR\"\n\ncolour = \"red\"\n", 3, []string{`unknown key "colour"`}},
		{"misspelt key", "curency = \"EUR\"\n", 1, []string{`unknown key "curency"; did you mean "currency"?`}},
		{"misspelt in a table", "currency = \"EUR\"\n[bitcoin]\nntework = \"mainnet\"\n", 3, []string{`unknown key "ntework" in [bitcoin]; did you mean "network"?`}},
		{"proxy without a port", "currency = \"EUR\"\n[bitcoin]\nkey = \"" + testZpub + "\"\nproxy = \"localhost\"\n", 4, []string{"localhost", "127.0.0.1:9050"}},
		{"onion without a proxy", "currency = \"EUR\"\n[bitcoin]\nkey = \"" + testZpub + "\"\npeers = [\"abcdefghijklmnop.onion:8333\"]\n", 4, []string{"onion", "proxy ="}},
		{"relay", "currency = \"EUR\"\n[bitcoin]\nkey = \"" + testZpub + "\"\nrelay = \"sometimes\"\n", 4, []string{"sometimes", "while-open"}},
		{"misspelt in a list", evm + "endpoint = \"x\"\n", 5, []string{`unknown key "endpoint" in [evm]; did you mean "endpoints"?`}},
		{"key in the wrong table", "[screen]\ncurrency = \"EUR\"\n", 2, []string{`"currency"`, "the top of the file"}},
		{"key of another table", "currency = \"EUR\"\n[screen]\nexpires = \"5m\"\n", 3, []string{"it belongs into [sale]"}},
		{"unknown table", "currency = \"EUR\"\n[bitcoins]\nkey = \"x\"\n", 0, []string{`did you mean "bitcoin"?`}},
		{"unknown key in a token", evm + "key = \"" + testEVMKey + "\"\naccept = [ { contract = \"0x00\", decimal = 6 } ]\n", 6, []string{"accept 1, decimal: unknown key; did you mean decimals?"}},
		{"not TOML", "currency = EUR\n", 1, []string{"a text stands in quotes"}},
		{"number for a text", "currency = \"EUR\"\n[sale]\nunconfirmed_per_hour = 4.50\n", 3, []string{`sale.unconfirmed_per_hour should be a text in quotes, like "4.50"`}},
		{"text for a number", "currency = \"EUR\"\n[[evm]]\nchain = \"1\"\n", 3, []string{"evm.chain should be a whole number"}},
		{"text for a table", "currency = \"EUR\"\nbitcoin = \"" + testZpub + "\"\n", 2, []string{"bitcoin should be a table"}},
		{"no currency", "name = \"x\"\n", 0, []string{"currency = \"EUR\""}},
		{"no such currency", "currency = \"EUX\"\n", 1, []string{`"EUX" is no currency in use`}},
		{"nothing to pay with", "currency = \"EUR\"\n", 0, []string{"nothing can be paid with yet"}},
		{"control characters", "currency = \"EUR\"\nname = \"a\\u001b[31m\"\n", 2, []string{"plain text"}},
		{"wrong network", "currency = \"EUR\"\n[bitcoin]\nnetwork = \"signet\"\nkey = \"" + testZpub + "\"\n", 4, []string{"bitcoin.key: this belongs to another network"}},
		{"no such network", "currency = \"EUR\"\n[bitcoin]\nnetwork = \"testnet3\"\nkey = \"x\"\n", 3, []string{"testnet4"}},
		{"private key", "currency = \"EUR\"\n[bitcoin]\nkey = \"" + testZprv + "\"\n", 3, []string{"PRIVATE"}},
		{"bad peer", smallConfig + "peers = [\"10.0.0.5:99999\"]\n", 5, []string{"is not an address of a node"}},
		{"regtest without peers", "currency = \"EUR\"\n[bitcoin]\nnetwork = \"regtest\"\nkey = \"" + testVpub + "\"\n", 2, []string{"name yours"}},
		{"tier without need", smallConfig + "confirmations = [ { up_to = \"10.00\" }, { need = 3 } ]\n", 5, []string{"confirmations 1: say how many"}},
		{"tiers out of order", smallConfig + "confirmations = [\n{ up_to = \"10.00\", need = 1 },\n{ up_to = \"5.00\", need = 1 },\n{ need = 3 } ]\n", 7, []string{"higher up_to"}},
		{"last tier with a limit", smallConfig + "confirmations = [ { up_to = \"10.00\", need = 1 } ]\n", 5, []string{"has no up_to"}},
		{"tag on Bitcoin", smallConfig + "confirmations = [ { need = \"safe\" } ]\n", 5, []string{"it takes a number"}},
		{"evm without key", evm, 2, []string{"evm 1: it needs the account's public key"}},
		{"evm without endpoint", "currency = \"EUR\"\n[[evm]]\nchain = 1\nkey = \"" + testEVMKey + "\"\n", 2, []string{"name at least one node"}},
		{"endpoint with a secret", "currency = \"EUR\"\n[[evm]]\nchain = 1\nkey = \"" + testEVMKey + "\"\nendpoints = [\"ftp://hidden\"]\n", 5, []string{"this is not an endpoint"}},
		{"chain twice", evm + "key = \"" + testEVMKey + "\"\n[[evm]]\nchain = 1\nkey = \"" + testEVMKey + "\"\nendpoints = [\"wss://b.example\"]\n", 7, []string{"twice"}},
		{"unknown token", evm + "key = \"" + testEVMKey + "\"\naccept = [\"native\", \"PEPE\"]\n", 6, []string{`does not know "PEPE" on Ethereum`, "USDC"}},
		{"token's address mistyped", evm + "key = \"" + testEVMKey + "\"\naccept = [ { contract = \"0xdAC17F958D2ee523a2206206994597C13D831eC7\", decimals = 6, symbol = \"T\" } ]\n", 6, []string{"EIP-55"}},
		{"quorum too high", evm + "key = \"" + testEVMKey + "\"\nquorum = 3\n", 6, []string{"of 1 endpoints"}},
		{"unknown default", "default_asset = \"eip155:1/native\"\n" + smallConfig, 1, []string{"is not accepted here", "bitcoin/btc"}},
		{"unknown source", smallConfig + "[rates]\nsources = [\"kraken\", \"mtgox\"]\n", 6, []string{`no price source "mtgox"`, "bitstamp"}},
		{"fixed without a rate", smallConfig + "[rates]\nsources = [\"fixed\"]\n", 5, []string{"needs a price of Bitcoin"}},
		{"no jump", smallConfig + "[rates]\njump = \"0\"\n", 6, []string{"between 0.1 and 100", `like "10"`}},
		{"depeg too far", smallConfig + "[rates]\ndepeg = \"20.1\"\n", 6, []string{"between 0.1 and 20", `like "1"`}},
		{"fixed rubbish", smallConfig + "[rates]\nsources = [\"fixed\"]\nfixed = { \"bitcoin/btc\" = \"lots\" }\n", 7, []string{"is not a price"}},
		{"expires rubbish", smallConfig + "[sale]\nexpires = \"soon\"\n", 6, []string{`like "15m"`}},
		{"tolerance rubbish", smallConfig + "[sale]\ntolerance = { percent = \"50\" }\n", 6, []string{"between 0 and 10"}},
		{"language", smallConfig + "[screen]\nlanguage = \"fr\"\n", 6, []string{"does not speak", "de, en"}},
		{"receipt to two places", smallConfig + "[receipt]\nprint = \"lp\"\nfile = \"x\"\n", 7, []string{"a command or to a file"}},
		{"receipt command", smallConfig + "[receipt]\nprint = \"lp '-d\"\n", 6, []string{"a quote is not closed"}},
		{"receipt width", smallConfig + "[receipt]\nwidth = 5000\n", 6, []string{"24 to 132", "32, 42 or 48"}},
		{"theme", smallConfig + "[screen]\ntheme = \"pink\"\n", 6, []string{"dark, light"}},
		{"callback without TLS", smallConfig + "[callback]\nurl = \"http://shop.example/\"\n", 6, []string{"callback.url:", "without TLS"}},
		{"callback inside", smallConfig + "[callback]\nurl = \"https://192.168.1.5/hook\"\n", 6, []string{"callback.url:", "192.168.1.5 is not a public address"}},
		{"callback elsewhere inside", smallConfig + "[callback]\nallow = [\"10.0.0.0/8\"]\nurl = \"https://192.168.1.5/hook\"\n", 7, []string{"192.168.1.5"}},
		{"callback to nowhere", smallConfig + "[callback]\nurl = \"shop.example\"\n", 6, []string{"begins with https://"}},
		{"callback's secret", smallConfig + "[callback]\nsecret = \"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", 6, []string{"callback.secret:", "whsec_", "till events secret"}},
		{"callback allowed by URL", smallConfig + "[callback]\nallow = [\n\"10.0.0.0/8\",\n\"https://shop.local\"]\n", 6, []string{"callback.allow 2:", "without https://"}},
		{"callback allowed from the middle", smallConfig + "[callback]\nallow = [\"10.0.0.1/8\"]\n", 6, []string{"begins at 10.0.0.0/8"}},
		{"callback misspelt", smallConfig + "[callback]\nallowed = []\n", 6, []string{`did you mean "allow"?`}},
		{"callback's key elsewhere", smallConfig + "[sale]\nsecret = \"x\"\n", 6, []string{"it belongs into [callback]"}},
		{"item on a key in use", smallConfig + "[[item]]\nkey = \"F4\"\nname = \"Tea\"\nprice = \"3\"\n", 6, []string{"item 1, key:", "free are F5"}},
		{"item on a coin's letter", smallConfig + "[[item]]\nkey = \"B\"\nname = \"Bread\"\nprice = \"3\"\n", 6, []string{"b charges in Bitcoin"}},
		{"items on one key", smallConfig + "[[item]]\nkey = \"F5\"\nname = \"Tea\"\nprice = \"3\"\n[[item]]\nkey = \"f5\"\nname = \"Cake\"\nprice = \"3\"\n", 10, []string{"item 2, key:", "another item"}},
		{"item without a name", smallConfig + "[[item]]\nkey = \"F5\"\nprice = \"3\"\n", 5, []string{"item 1, name:"}},
		{"item with an escape", smallConfig + "[[item]]\nkey = \"F5\"\nname = \"a\\u001b[2J\"\nprice = \"3\"\n", 7, []string{"plain text"}},
		{"item for nothing", smallConfig + "[[item]]\nkey = \"F5\"\nname = \"Tea\"\nprice = \"0.00\"\n", 8, []string{"is not an amount in EUR"}},
		{"item with a fraction of a cent", smallConfig + "[[item]]\nkey = \"F5\"\nname = \"Tea\"\nprice = \"4.505\"\n", 8, []string{"is not an amount in EUR"}},
		{"kiosk's amount", smallConfig + "[screen]\nkiosk = { amounts = [\"5.00\", \"five\"] }\n", 6, []string{"screen.kiosk.amounts 2:", `"five"`}},
		{"kiosk's amounts twice", smallConfig + "[screen]\nkiosk = { amounts = [\"5.00\", \"5\"] }\n", 6, []string{"twice"}},
		{"kiosk misspelt", smallConfig + "[screen]\nkiosk = { amount = [\"5.00\"] }\n", 6, []string{`unknown key "amount" in [screen]`}},
		{"too long", strings.Repeat("#", maxConfig+1), 0, []string{"too long"}},
	} {
		_, err := parseConfig(t, c.text)
		var bad *configError
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.line != 0 && bad.line != c.line {
			t.Errorf("%s: line %d, want %d: %v", c.name, bad.line, c.line, err)
		}
		for _, want := range c.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, err, want)
			}
		}
		for _, never := range []string{"MfKQ", "struct", "main.", " toml: ", "zprv", testZprv[10:30], "hidden", "\n"} {
			if strings.Contains(err.Error(), never) {
				t.Errorf("%s: %q says %q", c.name, err, never)
			}
		}
	}
}

func TestPrivateKeyIsRecognised(t *testing.T) {
	_, err := parseConfig(t, "currency = \"EUR\"\n[bitcoin]\nkey = \""+testZprv+"\"\n")
	if !errors.Is(err, xpub.ErrPrivateKey) {
		t.Errorf("%v", err)
	}
}

func TestEnvironmentCountsMore(t *testing.T) {
	config, err := decodeConfig("till.toml", []byte(smallConfig))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{
		"TILL_CURRENCY=chf", "TILL_BITCOIN_PEERS=10.0.0.1, 10.0.0.2:8333", "TILL_SCREEN_THEME=dark",
		"TILL_CALLBACK_URL=https://shop.example/hook", "TILL_CALLBACK_SECRET=" + testHookSecret, "TILL_CALLBACK_ALLOW=10.0.0.0/8,shop.local",
		"TILL_EVM_8453_KEY=" + testEVMKey, "TILL_EVM_8453_ENDPOINTS=https://b.example", "TILL_DATA=/x", "TILL_NONSENSE=1", "TILL_NAME=", "HOME=/root",
	}
	if err := overlay(&config, env); err != nil {
		t.Fatal(err)
	}
	s, err := understand(config, "till.toml", []byte(smallConfig), "/data")
	if err != nil {
		t.Fatal(err)
	}
	if s.own() != "CHF" || len(s.bitcoin.peers) != 2 || s.screen.theme != "dark" || len(s.evm) != 1 || s.evm[0].chain.name != "Base" ||
		s.callback != "https://shop.example/hook" || s.hooks.secret.Text() != testHookSecret || s.hooks.guard.Check("http://shop.local/") != nil {
		t.Errorf("%+v", s)
	}
	if got := unknownEnv(env); !reflect.DeepEqual(got, []string{"TILL_NONSENSE"}) {
		t.Errorf("unknown %q", got)
	}
}

// TestShippedTable: contracts are in EIP-55 form, nothing stands there twice.
func TestShippedTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range evmChains {
		for _, tok := range c.tokens {
			to, err := xpub.ParseAddress(tok.contract, chain.Network("eip155:1"))
			if err != nil || string(to) != tok.contract {
				t.Errorf("%s on %s: %v", tok.symbol, c.name, err)
			}
			if !plainSymbol(tok.symbol) || seen[tok.contract] {
				t.Errorf("%s on %s", tok.symbol, c.name)
			}
			seen[tok.contract] = true
		}
	}
}

// Public endpoints are asked only where the shop agreed to them.
func TestPublicEndpointsNeedConsent(t *testing.T) {
	for _, c := range evmChains {
		hosts := make(map[string]bool)
		for _, text := range c.public {
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "wss" && u.Scheme != "https" || u.RawQuery != "" || hosts[u.Host] {
				t.Errorf("%s: %s", c.name, text)
			}
			hosts[u.Host] = true
		}
		if len(hosts) < 3 {
			t.Errorf("%s has %d public endpoints, so two of three cannot agree", c.name, len(hosts))
		}
	}
	table := "currency = \"EUR\"\n[[evm]]\nkey = \"" + testEVMKey + "\"\n"
	s, err := parseConfig(t, table+"chain = 8453\nendpoints = [\"wss://a.example\"]\n")
	if err != nil || !slices.Equal(s.evm[0].endpoints, []string{"wss://a.example"}) {
		t.Errorf("without consent: %v, %v", s, err)
	}
	s, err = parseConfig(t, table+"chain = 8453\npublic = true\nendpoints = [\"wss://a.example\"]\n")
	if err != nil || len(s.evm[0].endpoints) != 4 || s.evm[0].endpoints[0] != "wss://a.example" {
		t.Errorf("with consent: %v, %v", s, err)
	}
	if _, err = parseConfig(t, table+"chain = 8453\n"); err == nil || !strings.Contains(err.Error(), "internet address") {
		t.Errorf("without endpoints: %v", err)
	}
	if _, err = parseConfig(t, table+"chain = 56\npublic = true\n"); err == nil {
		t.Error("a chain that till does not know has public endpoints")
	}
}

// Addresses of a key serve once, or again after a rest; a list rests by itself.
func TestReuseOfAddresses(t *testing.T) {
	table := func(chainID, more string) string {
		return "[[evm]]\nchain = " + chainID + "\nendpoints = [\"wss://a.example\"]\n" + more + "\n"
	}
	key, list := "key = \""+testEVMKey+"\"", "addresses = [\""+testEVMFirst+"\"]"
	for more, want := range map[string]time.Duration{
		key: 0, key + "\nreuse = \"never\"": 0, key + "\nreuse = \"24h\"": 24 * time.Hour,
		list: 24 * time.Hour, list + "\nreuse = \"2h\"": 2 * time.Hour, list + "\nreuse = \"never\"": 100 * 365 * 24 * time.Hour,
	} {
		s, err := parseConfig(t, "currency = \"EUR\"\n"+table("1", more))
		if err != nil || s.evm[0].key.Account().Cooldown != want {
			t.Errorf("%s: %v", more, err)
		}
	}
	for _, bad := range []string{
		table("1", key+"\nreuse = \"soon\""), table("1", key+"\nreuse = \"-1h\""),
		table("1", key+"\nreuse = \"24h\"") + table("8453", key),
	} {
		if _, err := parseConfig(t, "currency = \"EUR\"\n"+bad); err == nil || !strings.Contains(err.Error(), "reuse") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Another chain's coin is never priced as ether unless the shop says that it is.
func TestCoinOfAnUnknownChain(t *testing.T) {
	for symbol, want := range map[string]chain.Asset{
		"":                   {Symbol: "COIN", Name: "Coin on chain 56"},
		"symbol = \"ETH\"\n": {Symbol: "ETH", Name: "Ether on chain 56", Price: "ETH"},
		"symbol = \"BNB\"\n": {Symbol: "BNB", Name: "BNB on chain 56"},
	} {
		s, err := parseConfig(t, "currency = \"EUR\"\n[[evm]]\nchain = 56\n"+symbol+"key = \""+testEVMKey+"\"\nendpoints = [\"wss://a.example\"]\n")
		if err != nil {
			t.Fatal(err)
		}
		got := s.evm[0].assets[0]
		if got.Symbol != want.Symbol || got.Name != want.Name || got.Price != want.Price {
			t.Errorf("%q gives %+v", symbol, got)
		}
	}
}

func TestAssetLettersAreFree(t *testing.T) {
	assets := []chain.Asset{bitcoinAsset}
	for _, c := range evmChains {
		assets = append(assets, c.native())
		for _, name := range c.accepts()[1:] {
			a, ok := c.token(name)
			if !ok {
				t.Fatal(name)
			}
			assets = append(assets, a)
		}
	}
	assignKeys(assets)
	taken := make(map[string]bool)
	for _, a := range assets {
		if a.Key == "" || taken[a.Key] || tui.Reserved(a.Key) {
			t.Errorf("%s has the letter %q", a.Name, a.Key)
		}
		taken[a.Key] = true
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"kye", "key", 1}, {"key", "key", 0}, {"endpoint", "endpoints", 1}, {"ä", "a", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// FuzzConfig: no text makes the reader panic or break out of one line.
func FuzzConfig(f *testing.F) {
	f.Add(smallConfig)
	f.Add("[[evm]]\nchain = 1\naccept = [\"native\", {contract=\"0x\"}]\n")
	f.Add("a = [[[{b={c=1}}]]]\n[bitcoin.x]\n[[a.b]]\n[a.b.c]")
	f.Add("\"\\u0000\" = 1\n[\"\"]\n''=1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseConfig(t, text)
		if err == nil && (s == nil || len(s.shop.Currencies) == 0 || len(s.shop.Assets) == 0) {
			t.Fatalf("accepted without a currency or an asset: %q", text)
		}
		if err != nil && strings.ContainsAny(oneLine(err), "\n\r\x1b") {
			t.Fatalf("%q", err)
		}
	})
}

// TestRulesNameWhoIsBelieved: whoever watches, and whoever may be called back, is
// part of what a supervisor agrees to.
func TestRulesNameWhoIsBelieved(t *testing.T) {
	key, _ := shopKeys(t)
	text := strings.Replace(bitcoinShop(key, "10.0.0.5:8333", "30m"), "peers = ", "watch = [\"p2p\", \"electrum\", \"core\"]\npeers = ", 1) +
		"[bitcoin.electrum]\nservers = [\"tcp://10.0.0.7:50001\"]\n" +
		"[bitcoin.core]\nurl = \"http://10.0.0.8:8332\"\nuser = \"u\"\npassword = \"secret\"\n" +
		"[callback]\nurl = \"http://10.1.2.3/paid\"\nallow = [\"10.1.2.0/24\"]\n"
	config, err := decodeConfig("till.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	set, err := understand(config, "till.toml", []byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rules := strings.Join(set.rules(), "\n")
	for _, want := range []string{
		"Bitcoin watched by: p2p, electrum 10.0.0.7:50001, core http://10.0.0.8:8332",
		"private addresses for callbacks: 10.1.2.0/24",
	} {
		if !strings.Contains(rules, want) {
			t.Errorf("%q is missing in\n%s", want, rules)
		}
	}
	if strings.Contains(rules, "secret") {
		t.Error("the rules hold a password")
	}
}
