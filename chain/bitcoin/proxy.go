package bitcoin

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/connmgr"
	"golang.org/x/net/proxy"
)

// tunnel reaches peers through a SOCKS5 proxy (RFC 1928) and asks no name
// server of its own: names of chosen peers, onion names among them, go to the
// proxy as they are, and DNS seeds are resolved by Tor's extension of SOCKS,
// which other proxies do not have.
type tunnel struct {
	proxy  string
	random func(int64) int64
	names  map[string]string // stand-in address -> name
	stands map[string]net.IP // and back
}

// newTunnel prepares cfg for its proxy, where it has one and nobody injected
// another way to dial.
func newTunnel(cfg *Config) error {
	if cfg.Proxy == "" {
		for _, peer := range cfg.Peers {
			if host, _ := splitPeer(peer, ""); cfg.Dial == nil && isOnion(host) {
				return fmt.Errorf("the Bitcoin peer %.80s is an onion service: name a SOCKS5 proxy too, such as Tor's 127.0.0.1:9050", host)
			}
		}
		return nil
	}
	host, port, err := net.SplitHostPort(cfg.Proxy)
	if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n == 0 || host == "" {
		return fmt.Errorf("the proxy %.80q is not host:port; Tor's is 127.0.0.1:9050", cfg.Proxy)
	}
	t := &tunnel{proxy: cfg.Proxy, random: cfg.Random, names: map[string]string{}, stands: map[string]net.IP{}}
	for _, peer := range cfg.Peers {
		if host, _ := splitPeer(peer, ""); net.ParseIP(host) == nil && !isOnion(host) {
			t.standIn(host)
		}
	}
	if cfg.Dial == nil {
		cfg.Dial = t.dial
	}
	if cfg.Resolve == nil {
		cfg.Resolve = t.resolve
	}
	return nil
}

func isOnion(host string) bool { return strings.HasSuffix(host, ".onion") }

// standIn gives a name an address that nobody has (240.0.0.0/4, RFC 1112), for
// a light client that knows peers by address only. Dial turns it back.
func (t *tunnel) standIn(name string) {
	if t.stands[name] == nil {
		n := len(t.stands) + 1
		ip := net.IPv4(240, 0, byte(n>>8), byte(n))
		t.stands[name], t.names[ip.String()] = ip, name
	}
}

// dial connects through the proxy. Every connection has credentials of its own,
// which Tor takes as the wish for a way of its own: peers that all came through
// one exit would be one witness.
func (t *tunnel) dial(ctx context.Context, addr net.Addr) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	if name, ok := t.names[host]; ok {
		host = name
	}
	auth := &proxy.Auth{User: strconv.FormatInt(t.random(1<<62), 36), Password: "till"}
	dialer, err := proxy.SOCKS5("tcp", t.proxy, auth, &net.Dialer{})
	if err != nil {
		return nil, err
	}
	return dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}

func (t *tunnel) resolve(host string) ([]net.IP, error) {
	if ip := net.ParseIP(host); ip != nil {
		return []net.IP{ip}, nil
	}
	if ip, ok := t.stands[host]; ok {
		return []net.IP{ip}, nil
	}
	if len(host) > 255 {
		return nil, fmt.Errorf("%.40q… is too long for a name", host)
	}
	ips, err := connmgr.TorLookupIP(host, t.proxy)
	if err != nil {
		return nil, fmt.Errorf("the proxy does not resolve names as Tor does, so Bitcoin peers have to be named: %w", err)
	}
	return ips, nil
}
