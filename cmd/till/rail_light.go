package main

import (
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cointill/till/chain/bitcoin"
)

// lightClient is the configuration of a light client over a folder.
func (s *settings) lightClient(dir string, log *slog.Logger) bitcoin.Config {
	b := s.bitcoin
	cfg := bitcoin.Config{
		Network: b.network, Dir: dir, Peers: b.peers, Proxy: b.proxy, Birthday: b.birthday,
		BlockHeaders: b.blockHeaders, FilterHeaders: b.filterHeaders, Logger: log,
	}
	if b.relayWhileOpen {
		cfg.RelayWarm = s.policy.Expires + keepWarm
	}
	return cfg
}

// keepWarm is how long relay peers stay when no quote runs any more: a customer
// who is late is seen, and the next one need not wait.
const keepWarm = 15 * time.Minute

// readWay reads how peers are reached.
func (r *reader) readWay(c configFile, out *bitcoinSettings) error {
	b := c.Bitcoin
	if b.Proxy != "" {
		if host, port, err := net.SplitHostPort(b.Proxy); err != nil || host == "" || port == "" || !hostPort(b.Proxy) {
			return r.wrong("bitcoin.proxy", `%q is not the address of a SOCKS5 proxy; Tor's is "127.0.0.1:9050"`, shown(b.Proxy, 60))
		}
		out.proxy = b.Proxy
	} else if slices.ContainsFunc(b.Peers, func(peer string) bool {
		host, _, err := net.SplitHostPort(peer)
		return strings.HasSuffix(host, ".onion") || err != nil && strings.HasSuffix(peer, ".onion")
	}) {
		return r.wrong("bitcoin.peers", `an onion peer is reached through a proxy; name Tor's too: proxy = "127.0.0.1:9050"`)
	}
	switch b.Relay {
	case "", "always":
	case "while-open":
		out.relayWhileOpen = true
	default:
		return r.wrong("bitcoin.relay", `%q is no way to listen for payments; write "always", or "while-open" to save traffic between sales`, shown(b.Relay, 20))
	}
	return nil
}
