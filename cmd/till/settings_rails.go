package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

func (r *reader) readBitcoin(c configFile) error {
	b := c.Bitcoin
	if b == nil {
		return nil
	}
	out := &bitcoinSettings{peers: b.Peers}
	name := b.Network
	if name == "" {
		name = "mainnet"
	}
	if !slices.Contains(bitcoinNetworks, name) {
		return r.wrong("bitcoin.network", "till knows no Bitcoin network %q; choose %s", shown(name, 20), strings.Join(bitcoinNetworks, ", "))
	}
	out.network = chain.Network("bitcoin:" + name)
	script, err := xpub.ParseScript(b.Script)
	if err != nil {
		return r.wrong("bitcoin.script", "%w", err)
	}
	if out.key, err = xpub.ParseBitcoin(b.Key, out.network, script); err != nil {
		return r.wrong("bitcoin.key", "%w", err)
	}
	if err := r.readIndices(b, out); err != nil {
		return err
	}
	if err := r.readWatch(b, out); err != nil {
		return err
	}
	for i, peer := range b.Peers {
		if !hostPort(peer) || xpub.LooksPrivate(peer) {
			return r.wrong(fmt.Sprintf("bitcoin.peers.%d", i), `%q is not an address of a node; write it like "10.0.0.5:8333"`, shown(peer, 60))
		}
	}
	if (name == "regtest" || name == "simnet") && len(b.Peers) == 0 && out.light() {
		return r.wrong("bitcoin.peers", `%s has no public nodes; name yours, like peers = ["127.0.0.1:18444"]`, name)
	}
	if d := b.Birthday; d != nil {
		out.birthday = d.AsTime(time.UTC)
	}
	if h := b.Headers; h != nil {
		if h.Blocks == "" || h.Filters == "" {
			return r.wrong("bitcoin.headers", `headers are two files or URLs: headers = { blocks = "…", filters = "…" }`)
		}
		out.blockHeaders, out.filterHeaders = h.Blocks, h.Filters
	}
	if err := r.readWay(c, out); err != nil {
		return err
	}
	r.out.bitcoin = out
	tiers, err := r.tiers("bitcoin.confirmations", b.Confirmations, []pos.Tier{{Need: 1}}, false)
	if err != nil {
		return err
	}
	r.setPolicy(string(out.network), pos.RailPolicy{Tiers: tiers, Grace: time.Hour, Final: 6, FeeFloor: bitcoinFeeFloor})
	return nil
}

var bitcoinNetworks = []string{"mainnet", "testnet4", "signet", "regtest", "simnet"}

// hostPort accepts a host or address, with or without a port.
func hostPort(peer string) bool {
	host, port, err := net.SplitHostPort(peer)
	if err != nil {
		host, port = peer, "1"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return false
	}
	if net.ParseIP(host) != nil {
		return true
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 { // RFC 1035
			return false
		}
	}
	return len(host) <= 253 && strings.IndexFunc(host, func(c rune) bool {
		return !(c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}) < 0
}

func (r *reader) setPolicy(rail string, p pos.RailPolicy) {
	if r.out.policy.Rails == nil {
		r.out.policy.Rails = make(map[string]pos.RailPolicy)
	}
	r.out.policy.Rails[rail] = p
}

func (r *reader) readEVM(c configFile) error {
	for i, e := range c.EVM {
		at := fmt.Sprintf("evm.%d", i)
		out, err := r.readChain(at, e)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(r.out.evm, func(o evmSettings) bool { return o.chain.id == out.chain.id }) {
			return r.wrong(at+".chain", "chain %d stands there twice; put all its coins into one table", out.chain.id)
		}
		r.out.evm = append(r.out.evm, out)
		fallback := []pos.Tier{{Need: 1}}
		if out.chain.block >= 5*time.Second {
			fallback = []pos.Tier{{Need: 2}}
		}
		tiers, err := r.tiers(at+".confirmations", e.Confirmations, fallback, true)
		if err != nil {
			return err
		}
		r.setPolicy(fmt.Sprintf("eip155:%d", out.chain.id), pos.RailPolicy{Tiers: tiers, Grace: 2 * time.Minute})
	}
	return nil
}

func (r *reader) readChain(at string, e evmFile) (evmSettings, error) {
	var out evmSettings
	if e.Chain < 1 {
		return out, r.wrong(at+".chain", "say which chain it is by its number: 1 is Ethereum, 8453 Base, 42161 Arbitrum")
	}
	var known bool
	out.chain, known = chainByID(uint64(e.Chain))
	for _, f := range []struct {
		key, text string
		most      int
		into      *string
	}{{"name", e.Name, 20, &out.chain.name}, {"symbol", e.Symbol, 11, &out.chain.symbol}} {
		if f.text == "" {
			continue
		}
		if pos.CleanText(f.text, f.most) != f.text {
			return out, r.wrong(at+"."+f.key, "use plain text of at most %d characters", f.most)
		}
		*f.into = f.text
	}
	switch {
	case e.Symbol == "ETH" && !known:
		out.chain.coin, out.chain.price = "Ether", "ETH"
	case e.Symbol != "" && e.Symbol != "ETH":
		out.chain.coin, out.chain.price = e.Symbol, ""
	}
	if e.Block != "" {
		d, err := time.ParseDuration(e.Block)
		if err != nil || d <= 0 || d > time.Hour {
			return out, r.wrong(at+".block", `%q is not a time between blocks; write it like "2s"`, shown(e.Block, 20))
		}
		out.chain.block = d
	}
	if err := r.readEVMKey(at, e, &out); err != nil {
		return out, err
	}
	if err := r.readEndpoints(at, e, &out); err != nil {
		return out, err
	}
	return out, r.readAccept(at, e, &out)
}

func (r *reader) readEVMKey(at string, e evmFile, out *evmSettings) (err error) {
	switch {
	case e.Key != "" && len(e.Addresses) > 0:
		return r.wrong(at+".addresses", "give a key or addresses, not both")
	case e.Key == "" && len(e.Addresses) == 0:
		return r.wrong(at, `it needs the account's public key, key = "xpub…", or addresses = ["0x…"] of the shop's own wallet`)
	}
	rest, never := 24*time.Hour, e.Reuse == "never" || e.Reuse == "" && e.Key != ""
	if !never && e.Reuse != "" {
		if rest, err = time.ParseDuration(e.Reuse); err != nil || rest < time.Minute {
			return r.wrong(at+".reuse", `%q is no time; write how long an address rests after its sale before it serves again, like "24h", or "never"`, shown(e.Reuse, 20))
		}
	}
	if e.Key != "" {
		if out.key, err = xpub.ParseEVM(e.Key); err != nil {
			return r.wrong(at+".key", "%w", err)
		}
		if !never {
			out.key = out.key.Reuse(rest)
		}
		// Chains with one key count its addresses together.
		for _, other := range r.out.evm {
			if a := other.key.Account(); a.ID == out.key.Account().ID && a.Cooldown != out.key.Account().Cooldown {
				return r.wrong(at+".reuse", "%s has the same key; write the same reuse at both", other.chain.name)
			}
		}
		return nil
	}
	if never {
		// A list runs out; never again means after a time that never comes.
		rest = 100 * 365 * 24 * time.Hour
	}
	if out.key, err = xpub.ParseAddresses(e.Addresses, rest); err != nil {
		return r.wrong(at+".addresses", "%w", err)
	}
	return nil
}

func (r *reader) readEndpoints(at string, e evmFile, out *evmSettings) error {
	all := slices.Clone(e.Endpoints)
	switch {
	case e.Public && len(out.chain.public) == 0:
		return r.wrong(at+".public", "till knows no public endpoints of %s; name the nodes to ask in endpoints", out.chain.name)
	case e.Public:
		for _, text := range out.chain.public {
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	case len(all) == 0 && len(out.chain.public) > 0:
		return r.wrong(at+".endpoints", `name at least one node to ask, like endpoints = ["wss://…"]; or agree to public ones with public = true. %s`, publicConsent)
	case len(all) == 0:
		return r.wrong(at+".endpoints", `name at least one node to ask, like endpoints = ["wss://…"]`)
	}
	for i, text := range e.Endpoints {
		if err := checkEndpoint(text); err != nil {
			return r.wrong(fmt.Sprintf("%s.endpoints.%d", at, i), "%w", err)
		}
		if slices.Contains(e.Endpoints[:i], text) {
			return r.wrong(fmt.Sprintf("%s.endpoints.%d", at, i), "the same endpoint stands there twice")
		}
	}
	if e.Quorum < 0 || e.Quorum > int64(len(all)) {
		return r.wrong(at+".quorum", "of %d endpoints, between 1 and %d can have to agree", len(all), len(all))
	}
	out.endpoints, out.quorum, out.lean = all, int(e.Quorum), e.Lean
	return nil
}

// errEndpoint never repeats the text: it may hold a password or an API key.
var errEndpoint = errors.New("this is not an endpoint; write wss://…, https://…, ws://…, http://… or the path of an IPC socket")

func checkEndpoint(text string) error {
	if strings.HasPrefix(text, "/") {
		return nil // a socket in the file system
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"ws", "wss", "http", "https"}, u.Scheme) {
		return errEndpoint
	}
	return nil
}

func (r *reader) readAccept(at string, e evmFile, out *evmSettings) error {
	accept := e.Accept
	if len(accept) == 0 {
		accept = []any{"native"}
	}
	for i, v := range accept {
		key := fmt.Sprintf("%s.accept.%d", at, i)
		t, bad, wrong := tokenOf(v)
		if wrong != "" {
			if bad != "" {
				key += "." + shown(bad, 30)
			}
			return r.wrong(key, "%s", wrong)
		}
		asset, err := r.token(key, t, out.chain)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(out.assets, func(a chain.Asset) bool { return a.ID == asset.ID }) {
			return r.wrong(key, "%s stands there twice", asset.Symbol)
		}
		out.assets = append(out.assets, asset)
	}
	for _, name := range out.chain.accepts() {
		asset := out.chain.native()
		if name != "native" {
			asset, _ = out.chain.token(name)
		}
		if !slices.ContainsFunc(out.assets, func(a chain.Asset) bool { return a.ID == asset.ID }) {
			out.known = append(out.known, asset)
		}
	}
	return nil
}

func (r *reader) token(key string, t tokenFile, c evmChain) (chain.Asset, error) {
	if t.ref != "" {
		if strings.EqualFold(t.ref, "native") || strings.EqualFold(t.ref, c.symbol) {
			return c.native(), nil
		}
		if a, ok := c.token(t.ref); ok {
			return a, nil
		}
		return chain.Asset{}, r.wrong(key, `till does not know %q on %s; it knows %s. Describe another token in full: { contract = "0x…", decimals = 6, symbol = "ABC" }`,
			shown(t.ref, 20), c.name, strings.Join(c.accepts(), ", "))
	}
	contract, err := xpub.ParseAddress(t.contract, chain.Network(fmt.Sprintf("eip155:%d", c.id)))
	if err != nil {
		return chain.Asset{}, r.wrong(key+".contract", "%w", err)
	}
	if t.decimals < 0 || t.decimals > 36 {
		return chain.Asset{}, r.wrong(key+".decimals", "say how many decimals the token has, between 0 and 36; USDC has 6, most have 18")
	}
	if !plainSymbol(t.symbol) {
		return chain.Asset{}, r.wrong(key+".symbol", "give the token a symbol of 1 to 11 letters and digits, like USDC")
	}
	name := t.name
	if name == "" {
		name = t.symbol + " on " + c.name
	} else if pos.CleanText(name, 40) != name {
		return chain.Asset{}, r.wrong(key+".name", "use plain text of at most 40 characters")
	}
	if t.par != "" {
		if _, err := money.Lookup(t.par); err != nil {
			return chain.Asset{}, r.wrong(key+".par", "%q is no currency in use", shown(t.par, 12))
		}
	}
	return chain.Asset{
		ID: chain.TokenAsset(c.id, string(contract)), Symbol: t.symbol, Name: name, Decimals: uint8(t.decimals),
		Par: strings.ToUpper(t.par), Price: strings.ToUpper(t.price), Block: c.block,
	}, nil
}

func plainSymbol(s string) bool {
	return s != "" && len(s) <= 11 && strings.IndexFunc(s, func(c rune) bool {
		return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-')
	}) < 0
}
