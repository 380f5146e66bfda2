package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// rules are what a shop's money depends on, a line "name: value" each: where it
// goes, whom is believed, and when goods are handed over. When one of them
// changes, a supervisor has to agree before anything is rung up.
func (s *settings) rules() []string {
	var lines []string
	add := func(name, format string, args ...any) {
		lines = append(lines, name+": "+pos.CleanText(fmt.Sprintf(format, args...), 500))
	}
	add("currency", "%s", joined(s.shop.Currencies, ", ", func(c money.Currency) string { return string(c) }))
	if b := s.bitcoin; b != nil {
		add("Bitcoin network", "%s", strings.TrimPrefix(string(b.network), "bitcoin:"))
		add("Bitcoin key", "%s", keyRule(b.key))
		nodes := "found by DNS"
		if len(b.peers) > 0 {
			nodes = strings.Join(b.peers, ", ")
		}
		if b.proxy != "" {
			nodes += " through " + b.proxy
		}
		add("Bitcoin watched by", "%s", joined(b.ways, ", ", wayRule))
		add("Bitcoin nodes", "%s", nodes)
		add("Bitcoin confirmations", "%s", s.tierRule(string(b.network)))
	}
	for _, e := range s.evm {
		name := fmt.Sprintf("chain %d ", e.chain.id)
		add(name+"key", "%s", keyRule(e.key))
		add(name+"coins", "%s", joined(e.assets, ", ", coinRule))
		add(name+"endpoints", "%s", joined(e.endpoints, ", ", hostRule))
		if e.quorum > 0 {
			add(name+"quorum", "%d of %d endpoints", e.quorum, len(e.endpoints))
		}
		add(name+"confirmations", "%s", s.tierRule(fmt.Sprintf("eip155:%d", e.chain.id)))
	}
	add("price sources", "%s", orNone(strings.Join(s.rates.sources, ", ")))
	for _, id := range slices.Sorted(maps.Keys(s.rates.fixed)) {
		add("fixed price of "+string(id), "%s %s", s.rates.fixed[id], s.own())
	}
	add("spread", "%s %%", money.Rate{Num: uint64(s.rates.spread), Scale: 2}) //nolint:gosec // at most 2000
	if s.rates.jump > 0 {
		add("price jump", "%s %%", money.Rate{Num: uint64(s.rates.jump), Scale: 1}) //nolint:gosec // at most 1000
	}
	if s.rates.depeg > 0 {
		add("depeg", "%s %%", money.Rate{Num: uint64(s.rates.depeg), Scale: 1}) //nolint:gosec // at most 200
	}
	t := s.policy.Tolerance
	most := "without a limit"
	if t.MaxFiat > 0 {
		most = "at most " + money.Of(t.MaxFiat, s.own()).String()
	}
	add("tolerance", "%s smallest units, or %s %%, %s", t.Units, money.Rate{Num: uint64(t.PPM), Scale: 4}, most) //nolint:gosec // at most 100,000
	add("before a block", "at most %s an hour, after %s", s.policy.UnconfirmedPerHour, s.policy.Settle)
	add("callback", "%s", callbackRule(s.callback))
	add("private addresses for callbacks", "%s", orNone(strings.Join(s.hooks.allow, ", ")))
	return lines
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// keyRule is an account as people know it: its fingerprint, and where a wallet
// finds it.
func keyRule(k *xpub.Key) string {
	return strings.TrimSpace(k.Account().Fingerprint + " " + k.Account().Path)
}

func coinRule(a chain.Asset) string {
	if contract := a.ID.Contract(); contract != "" {
		return fmt.Sprintf("%s (%s, %d decimals)", a.Symbol, contract, a.Decimals)
	}
	return a.Symbol
}

// hostRule is an endpoint without what may be secret in it.
func hostRule(endpoint string) string {
	return strings.TrimSuffix(publicEndpoint(endpoint), "/…")
}

// wayRule is a way to watch Bitcoin and whom it asks, without what may be secret.
func wayRule(w waySettings) string {
	switch {
	case w.core.URL != "":
		return w.kind + " " + hostRule(w.core.URL)
	case w.kind != w.name:
		return w.kind + " " + w.name
	}
	return w.kind
}

// callbackRule names a callback without what may be secret in it, so that it is
// noticed all the same when that changes.
func callbackRule(url string) string {
	if url == "" {
		return "none"
	}
	sum := sha256.Sum256([]byte(url))
	return fmt.Sprintf("%s (%x)", publicURL(url), sum[:4])
}

// tierRule says how many confirmations amounts need.
func (s *settings) tierRule(rail string) string {
	return joined(s.policy.Rails[rail].Tiers, ", ", func(t pos.Tier) string {
		need := t.Tag
		if need == "" {
			need = strconv.Itoa(t.Need)
		}
		switch {
		case len(s.policy.Rails[rail].Tiers) == 1:
			return need
		case t.UpTo.IsZero():
			return "above " + need
		}
		return fmt.Sprintf("up to %s %s", t.UpTo, need)
	})
}
