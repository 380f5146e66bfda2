package main

import (
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
)

// settings is a configuration that was understood: every value checked, in the
// types that the rooms take.
type settings struct {
	file string // "" = none was read
	data string // the data folder

	terminal string // "" = the host's name
	shop     pos.Shop
	policy   pos.Policy
	bitcoin  *bitcoinSettings // nil = not taken
	evm      []evmSettings
	rates    rateSettings
	screen   screenSettings
	receipt  receiptSettings
	callback string // the shop's URL for changes, "" = none
	hooks    hookSettings
	ssh      sshSettings
}

type bitcoinSettings struct {
	network       chain.Network
	key           *xpub.Key
	ways          []waySettings // the most trusted first
	peers         []string
	birthday      time.Time
	blockHeaders  string
	filterHeaders string
	proxy         string
	// relayWhileOpen has relay peers only while somebody may pay.
	relayWhileOpen bool
}

type evmSettings struct {
	chain     evmChain
	key       *xpub.Key
	assets    []chain.Asset
	known     []chain.Asset // sent by mistake they are seen, too
	endpoints []string
	quorum    int // 0 = as many as there are endpoints allow
	lean      *bool
}

type rateSettings struct {
	sources []string
	fixed   map[chain.AssetID]money.Rate
	spread  int // hundredths of a percent
	jump    int // tenths of a percent, 0 = the feed's own
	depeg   int // tenths of a percent, 0 = the feed's own
}

type screenSettings struct {
	language, theme string

	showTotals bool
	kiosk      tui.KioskConfig
	items      []tui.Item
}

// reader walks a configFile and keeps the first thing that is wrong.
type reader struct {
	name  string // of the file, for errors
	lines map[string]int
	out   *settings
}

// wrong makes the error of a key; nearest known line above it if the key itself
// is not in the file.
func (r *reader) wrong(key, format string, args ...any) error {
	line := 0
	for k := key; k != ""; {
		if n, ok := r.lines[k]; ok {
			line = n
			break
		}
		dot := strings.LastIndexByte(k, '.')
		if dot < 0 {
			break
		}
		k = k[:dot]
	}
	cause := fmt.Errorf(format, args...)
	return &configError{file: r.name, line: line, text: spoken(key) + ": " + cause.Error(), cause: cause}
}

// spoken writes a key as people count: "evm.0.chain" is "evm 1, chain".
func spoken(key string) string {
	var b strings.Builder
	for i, part := range strings.Split(key, ".") {
		switch n, err := strconv.Atoi(part); {
		case err == nil:
			fmt.Fprintf(&b, " %d,", n+1)
		case i > 0 && strings.HasSuffix(b.String(), ","):
			b.WriteString(" " + part)
		case i > 0:
			b.WriteString("." + part)
		default:
			b.WriteString(part)
		}
	}
	return strings.TrimSuffix(b.String(), ",")
}

// understand checks every value of a configuration. Name and text are the
// file's, for errors.
func understand(config configFile, name string, text []byte, data string) (*settings, error) {
	r := &reader{name: filepath.Base(name), lines: linesOf(text), out: &settings{file: name, data: data}}
	for _, step := range []func(configFile) error{r.readShop, r.readBitcoin, r.readEVM, r.readAssets, r.readRates, r.readSale, r.readScreen, r.readItems, r.readCallback, r.readReceipt, r.readSSH} {
		if err := step(config); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func (r *reader) readShop(c configFile) error {
	name := pos.CleanText(c.Name, 40)
	if c.Name != "" && name != c.Name {
		return r.wrong("name", "use plain text of at most 40 characters, without line breaks and control characters")
	}
	r.out.shop.Name = name
	if r.out.terminal = pos.CleanText(c.Terminal, 32); r.out.terminal != c.Terminal {
		return r.wrong("terminal", "use plain text of at most 32 characters, without line breaks and control characters")
	}
	if c.Currency == "" && len(c.Currencies) == 0 {
		return r.wrong("currency", `say in which currency the shop has its prices, as in currency = "EUR"`)
	}
	codes := []string{c.Currency}
	if c.Currency == "" {
		codes = nil
	}
	for i, code := range c.Currencies {
		if i > 0 && slices.Contains(c.Currencies[:i], code) {
			return r.wrong("currencies", "%s stands there twice", shown(code, 8))
		}
		if code != c.Currency {
			codes = append(codes, code)
		}
	}
	for _, code := range codes {
		currency, err := money.Lookup(code)
		if err != nil {
			key := "currencies"
			if code == c.Currency {
				key = "currency"
			}
			return r.wrong(key, "%q is no currency in use; take its three letters, such as EUR, USD or CHF", shown(code, 12))
		}
		r.out.shop.Currencies = append(r.out.shop.Currencies, currency)
	}
	return nil
}

// own is the shop's own currency.
func (s *settings) own() money.Currency { return s.shop.Currencies[0] }

// testnet tells whether any of the shop's networks has worthless money.
func (s *settings) testnet() bool {
	return s.bitcoin != nil && s.bitcoin.network != bitcoin.Mainnet ||
		slices.ContainsFunc(s.evm, func(e evmSettings) bool { return e.chain.test })
}

// readAssets gathers what can be paid with, gives every asset its letter, and
// finds the default.
func (r *reader) readAssets(c configFile) error {
	s := r.out
	if s.bitcoin != nil {
		s.shop.Assets = append(s.shop.Assets, bitcoinAsset)
	}
	for _, e := range s.evm {
		s.shop.Assets = append(s.shop.Assets, e.assets...)
		s.shop.Known = append(s.shop.Known, e.known...)
		if s.shop.Rails == nil {
			s.shop.Rails = make(map[string]string)
		}
		if e.chain.name != namelessChain(e.chain.id) {
			s.shop.Rails[fmt.Sprintf("eip155:%d", e.chain.id)] = e.chain.name
		}
	}
	if len(s.shop.Assets) == 0 {
		return r.wrong("bitcoin", "nothing can be paid with yet: add a [bitcoin] or an [[evm]] table, or run `till init`")
	}
	assignKeys(s.shop.Assets)
	for i := range s.evm {
		for j, a := range s.evm[i].assets {
			at := slices.IndexFunc(s.shop.Assets, func(b chain.Asset) bool { return a.ID == b.ID })
			s.evm[i].assets[j] = s.shop.Assets[at]
		}
	}
	s.shop.Fingerprint, s.shop.Testnet = s.fingerprint(), s.testnet()
	s.shop.Default = s.shop.Assets[0].ID
	if c.DefaultAsset == "" {
		return nil
	}
	asset, ok := s.asset(c.DefaultAsset)
	if !ok {
		return r.wrong("default_asset", "%q is not accepted here; choose %s", shown(c.DefaultAsset, 80), s.assetNames())
	}
	s.shop.Default = asset.ID
	return nil
}

// asset finds an accepted asset by its id, or by its symbol where only one has it.
func (s *settings) asset(text string) (chain.Asset, bool) {
	var found []chain.Asset
	for _, a := range s.shop.Assets {
		if strings.EqualFold(string(a.ID), text) {
			return a, true
		}
		if strings.EqualFold(a.Symbol, text) || (a.ID == chain.Bitcoin && strings.EqualFold(text, "sat")) {
			found = append(found, a)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return chain.Asset{}, false
}

// find describes an accepted asset, or one that till knows by itself.
func (s *settings) find(id chain.AssetID) (chain.Asset, bool) {
	for _, a := range s.shop.Assets {
		if a.ID == id {
			return a, true
		}
	}
	return shippedAsset(id)
}

func (s *settings) assetNames() string {
	names := make([]string, len(s.shop.Assets))
	for i, a := range s.shop.Assets {
		names[i] = strconv.Quote(string(a.ID))
	}
	return strings.Join(names, ", ")
}

// fingerprint is what stands on the idle screen: it changes when somebody
// exchanges a key. Accounts of a list have the fingerprint of their addresses.
func (s *settings) fingerprint() string {
	var prints []string
	add := func(k *xpub.Key) {
		if fp := k.Account().Fingerprint; !slices.Contains(prints, fp) {
			prints = append(prints, fp)
		}
	}
	if s.bitcoin != nil {
		add(s.bitcoin.key)
	}
	for _, e := range s.evm {
		add(e.key)
	}
	return strings.Join(prints, " ")
}

func (r *reader) readRates(c configFile) error {
	s := r.out
	known := rate.SourceNames()
	s.rates.sources = c.Rates.Sources
	if len(s.rates.sources) == 0 {
		s.rates.sources = slices.Clone(known)
	}
	fixedOnly := slices.Equal(s.rates.sources, []string{"fixed"})
	for i, name := range s.rates.sources {
		key := fmt.Sprintf("rates.sources.%d", i)
		switch {
		case fixedOnly:
		case name == "fixed":
			return r.wrong(key, `"fixed" stands alone; a fixed rate beside live ones goes into rates.fixed only`)
		case !slices.Contains(known, name):
			return r.wrong(key, "till knows no price source %q; it knows %s", shown(name, 30), strings.Join(known, ", "))
		case slices.Contains(s.rates.sources[:i], name):
			return r.wrong(key, "%s stands there twice", name)
		}
	}
	s.rates.fixed = make(map[chain.AssetID]money.Rate)
	for id, text := range c.Rates.Fixed {
		asset, ok := s.asset(id)
		if !ok {
			return r.wrong("rates.fixed", "%q is not accepted here; choose from %s", shown(id, 80), s.assetNames())
		}
		price, err := money.ParseRate(text)
		if err != nil {
			return r.wrong("rates.fixed."+id, `%q is not a price; write the price of one coin in %s, like "50000.00"`, shown(text, 30), s.own())
		}
		s.rates.fixed[asset.ID] = price
	}
	if fixedOnly {
		s.rates.sources = nil
		for _, a := range s.shop.Assets {
			if _, ok := s.rates.fixed[a.ID]; !ok && a.Price != "" {
				return r.wrong("rates.fixed", `sources = ["fixed"] needs a price of %s, like fixed = { %q = "50000.00" }`, a.Name, a.ID)
			}
		}
	}
	if c.Rates.Spread != "" {
		n, ok := percent(c.Rates.Spread, 2)
		if !ok || n > 2000 {
			return r.wrong("rates.spread", `%q is not a percentage between 0 and 20 with at most 2 decimals, like "0.5"`, shown(c.Rates.Spread, 20))
		}
		s.rates.spread = n
	}
	for _, guard := range []struct {
		key, text, usual string
		limit            int
		into             *int
	}{
		{"rates.jump", c.Rates.Jump, "10", 1000, &s.rates.jump},
		{"rates.depeg", c.Rates.Depeg, "1", 200, &s.rates.depeg},
	} {
		if guard.text == "" {
			continue
		}
		n, ok := percent(guard.text, 1)
		if !ok || n == 0 || n > guard.limit {
			return r.wrong(guard.key, `%q is not a percentage between 0.1 and %d with at most 1 decimal, like "%s"`, shown(guard.text, 20), guard.limit/10, guard.usual)
		}
		*guard.into = n
	}
	return nil
}

// percent reads a percentage exactly, in units of 10^-decimals percent.
func percent(text string, decimals uint8) (int, bool) {
	text = strings.TrimSpace(strings.TrimSuffix(text, "%"))
	n, err := money.ParseAmount(text, decimals)
	if err != nil {
		return 0, false
	}
	u, ok := n.Uint64()
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)+2), nil) // 100 %
	if !ok || u > limit.Uint64() {
		return 0, false
	}
	return int(u), true
}

func (r *reader) readScreen(c configFile) error {
	r.out.screen = screenSettings{language: c.Screen.Language, theme: c.Screen.Theme, showTotals: c.Screen.ShowTotals}
	if l := c.Screen.Language; l != "" && !words.Speaks(l) {
		return r.wrong("screen.language", "till does not speak %q; it speaks %s, and a region such as de-AT or en-IE says how numbers are written", shown(l, 20), strings.Join(words.Languages(), ", "))
	}
	if t := c.Screen.Theme; t != "" && !slices.Contains(themes, t) {
		return r.wrong("screen.theme", "till knows no theme %q; choose %s", shown(t, 20), strings.Join(themes, ", "))
	}
	return nil
}

// themes are the names that tui/theme is chosen by; "auto" asks the terminal.
var themes = []string{"auto", "dark", "light", "contrast", "plain"}
