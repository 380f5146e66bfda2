package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

// answers is what set-up wants to know, from flags or from the form. Texts of
// keys are dropped as soon as they were understood.
type answers struct {
	name     string
	currency string
	bitcoin  *bitcoinAnswer
	servers  serverAnswers // to watch Bitcoin through
	chains   []chainAnswer
	today    time.Time
}

type bitcoinAnswer struct {
	network string
	peers   []string
	key     *xpub.Key
}

type chainAnswer struct {
	id        uint64
	key       *xpub.Key
	addresses []string // where key is a list
	endpoints []string
	public    bool     // the owner agrees to public endpoints
	accept    []string // empty = the coin, and USDC where there is some
}

// proof is one account with the addresses that the owner compares.
type proof struct {
	title    string
	warnings []xpub.Warning
	first    []chain.Destination
}

// compared is how many addresses are compared.
const compared = 5

// proofs lists the accounts in use, each once.
func (a answers) proofs() []proof {
	var list []proof
	if b := a.bitcoin; b != nil {
		list = append(list, proof{
			title:    fmt.Sprintf("Bitcoin (%s), %s, key %s", b.network, kindNames[b.key.Kind()], b.key.Account().Fingerprint),
			warnings: b.key.Warnings, first: b.key.First(compared),
		})
	}
	seen := make(map[string]int)
	for _, c := range a.chains {
		if c.key == nil {
			continue // not asked for yet
		}
		ch, _ := chainByID(c.id)
		if at, ok := seen[c.key.Account().ID]; ok {
			list[at].title = strings.Replace(list[at].title, ", key ", ", "+ch.name+", key ", 1)
			continue
		}
		seen[c.key.Account().ID] = len(list)
		list = append(list, proof{
			title: fmt.Sprintf("%s, key %s", ch.name, c.key.Account().Fingerprint), warnings: c.key.Warnings, first: c.key.First(compared),
		})
	}
	return list
}

var kindNames = map[xpub.Kind]string{
	xpub.KindPKH: "addresses in 1…", xpub.KindSHWPKH: "addresses in 3…", xpub.KindWPKH: "addresses in bc1q…", xpub.KindTR: "addresses in bc1p…",
}

// show writes an account's addresses, in groups for eyes or whole for machines.
func (p proof) show(groups bool) string {
	var b strings.Builder
	for _, w := range p.warnings {
		fmt.Fprintf(&b, "  ! %s\n", w.Text())
	}
	for i, to := range p.first {
		text := string(to)
		if groups {
			text = words.Groups(text)
		}
		fmt.Fprintf(&b, "  %d  %s\n", i+1, text)
	}
	return b.String()
}

// compareTitle is what the owner is asked to do.
func (p proof) compareTitle() string {
	if len(p.first) < compared {
		return "Compare with your wallet. All must be the same, in this order."
	}
	return "Compare with your wallet. All five must be the same, in this order."
}

// readBitcoinKey understands a key that may stand on any Bitcoin network.
func readBitcoinKey(text, network, script string) (*xpub.Key, error) {
	hint, err := xpub.ParseScript(script)
	if err != nil {
		return nil, err
	}
	return xpub.ParseBitcoin(text, chain.Network("bitcoin:"+network), hint)
}

// reuseInList is how long an address of a list rests after its sale.
const reuseInList = 24 * time.Hour

// readEVMKey understands an account's key, or addresses separated by commas or
// spaces.
func readEVMKey(text string) (key *xpub.Key, addresses []string, err error) {
	key, err = xpub.ParseEVM(text)
	if err == nil || !errors.Is(err, xpub.ErrIsAddress) && !strings.HasPrefix(strings.TrimSpace(text), "0x") || errors.Is(err, xpub.ErrPrivateKey) {
		return key, nil, err
	}
	for _, f := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' }) {
		to, err := xpub.ParseAddress(f, "eip155:1")
		if err != nil {
			return nil, nil, err
		}
		addresses = append(addresses, string(to))
	}
	key, err = xpub.ParseAddresses(addresses, reuseInList)
	return key, addresses, err
}

// config writes the answers as a configuration with a comment on everything
// that the owner may want to change.
func (a answers) config() ([]byte, error) {
	currency, err := money.Lookup(a.currency)
	if err != nil {
		return nil, usage("%q is no currency in use; take its three letters, such as EUR, USD or CHF", clip(a.currency))
	}
	view := map[string]any{
		"Name": pos.CleanText(a.name, 40), "Currency": string(currency),
		"Small": money.Of(50*hundred(currency)/100, currency).Decimal(), "Medium": money.Of(500*hundred(currency)/100, currency).Decimal(),
		"Tiny": money.Of(10*hundred(currency)/100, currency).Decimal(), "Cap": money.Of(hundred(currency), currency).Decimal(),
		"Cents": money.Of(hundred(currency)*5/10000, currency).Decimal(),
		"Today": a.today.UTC().Format(time.DateOnly),
	}
	if b := a.bitcoin; b != nil {
		view["Bitcoin"] = map[string]any{"Key": b.key.Export(), "Network": b.network, "Peers": b.peers, "Watch": a.servers.watch(), "Servers": a.servers}
	}
	var chains []map[string]any
	for _, c := range a.chains {
		ch, known := chainByID(c.id)
		accept := c.accept
		if len(accept) == 0 {
			accept = ch.usual()
		}
		chains = append(chains, map[string]any{
			"ID": c.id, "Name": ch.name, "Key": c.key.Export(), "Addresses": c.addresses, "Endpoints": c.endpoints, "Public": c.public,
			"Accept": accept, "Known": known, "Slow": ch.block >= 5*time.Second, "Accepts": strings.Join(ch.accepts(), ", "),
		})
	}
	view["Chains"] = chains
	var out bytes.Buffer
	if err := configTemplate.Execute(&out, view); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// hundred is 100 whole units of a currency in its minor units; where it has no
// minor units they are worth little, and it is 10,000.
func hundred(c money.Currency) int64 {
	n := int64(10_000)
	for range c.Digits() - 2 {
		n *= 10
	}
	return n
}

// tomlText quotes clean text for TOML.
func tomlText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func tomlList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = tomlText(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

var configTemplate = template.Must(template.New("config").Funcs(template.FuncMap{"text": tomlText, "list": tomlList}).Parse(
	`# The configuration of till. "till doctor" checks it; an unknown key is an error.
# It holds public keys: nobody can spend with them, but who reads them sees all
# takings. Keep it to yourself.

name = {{text .Name}}
currency = {{text .Currency}}
# currencies = ["{{.Currency}}", "CHF"]      # others that may be chosen at the counter
# default_asset = "bitcoin/btc"      # what enter charges; the first below otherwise
{{with .Bitcoin}}
[bitcoin]
key = {{text .Key}}
network = {{text .Network}}
{{if .Watch}}watch = {{list .Watch}}
{{end}}# From this day on the light client looks for payments.
birthday = {{$.Today}}
{{if .Peers}}peers = {{list .Peers}}
{{else}}# peers = ["10.0.0.5:8333"]        # your own node; without it peers are found by DNS
{{end}}# How many blocks a payment needs, by amount. A first entry { up_to = "{{$.Tiny}}", need = 0 }
# would hand over small things before a block, if enough peers have seen the payment.
confirmations = [ { up_to = "{{$.Medium}}", need = 1 }, { need = 3 } ]
{{with .Servers}}{{if .Core}}
[bitcoin.core]
url = {{text .Core}}
{{if .Cookie}}cookie = {{text .Cookie}}
{{end}}{{if .ZMQ}}zmq = {{list .ZMQ}}
{{end}}{{end}}{{if .Esplora}}
[bitcoin.esplora]
url = {{text .Esplora}}
{{if .Consent}}consent = true                     # it learns the addresses that are shown
{{end}}{{end}}{{if .Electrum}}
[bitcoin.electrum]
servers = {{list .Electrum}}
{{if .Consent}}consent = true                     # they learn the addresses that are shown
{{end}}{{end}}{{end}}{{end}}{{range .Chains}}
[[evm]] # {{.Name}}
chain = {{.ID}}
{{if .Addresses}}# Without an account key an address serves again after it has rested.
addresses = {{list .Addresses}}
reuse = "24h"
{{else}}key = {{text .Key}}
# reuse = "24h"      # an address serves again once its sale has been closed so long; payers
#                    # then pay less for gas where a chain charges for new addresses
{{end}}# Two endpoints of different companies stand in for each other; of three two have to agree.
endpoints = {{list .Endpoints}}
{{if .Public}}# You agreed to public endpoints, run by others. They see this machine's internet
# address and the addresses of open sales in the chain's own coin; with false they
# are not asked.
public = true
{{end}}# lean = true        # spares a metered endpoint: while no sale is open only heads are read
accept = {{list .Accept}}{{if .Known}}      # known here: {{.Accepts}}{{end}}
{{if not .Known}}# symbol = "ETH"      # what its own coin is called: without that it has no price
confirmations = [ { need = 1 } ]
{{else if .Slow}}confirmations = [ { up_to = "{{$.Small}}", need = 1 }, { up_to = "{{$.Medium}}", need = 2 }, { need = "safe" } ]
{{else}}confirmations = [ { up_to = "{{$.Medium}}", need = 1 }, { need = "safe" } ]
{{end}}{{end}}
[rates]
sources = ["kraken", "coinbase", "bitstamp"]
# spread = "0.5"                     # percent that the customer pays more
# jump = "10"                        # percent; a price that jumps further must be said twice
# depeg = "1"                        # percent; a stablecoin further from its currency is not priced

[sale]
expires = "15m"                      # how long a price holds
tolerance = { units = "1", percent = "0.1", fiat = "{{.Cents}}" }  # what may be missing
# unconfirmed_per_hour = "{{.Cap}}"  # most that need = 0 hands over in an hour

# [callback]
# url = "https://shop.example/till"    # each change is posted there, signed; see till events --help

# [receipt]
# print = "lp -d till"               # takes a receipt on its input; or file = "/dev/usb/lp0"
# width = 32                         # characters on a line: 32, 42, 48

[screen]
# language = "de"                    # en, de; a region, de-AT, says how numbers are written
# theme = "auto"                     # dark, light, contrast, plain
`))
