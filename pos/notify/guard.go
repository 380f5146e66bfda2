package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Guard says where posts may go: by https to public addresses, and in any way to
// what the shop allows. Whoever may ring up a sale with a callback of its own
// could otherwise make the till knock at doors inside of the shop's network.
type Guard struct {
	hosts    map[string]bool // names whose addresses are not looked at
	prefixes []netip.Prefix
	public   *ssrf.Guardian // public addresses and what is allowed
	allowed  *ssrf.Guardian // only what is allowed
}

// NewGuard makes a guard that allows, beside public addresses, a list of
// networks ("10.0.0.0/8"), addresses ("192.168.1.20") and host names
// ("shop.local"). The error says what is wrong with the entry Entry.
func NewGuard(allow []string) (*Guard, error) {
	g := &Guard{hosts: make(map[string]bool)}
	var v4, v6 []netip.Prefix
	for i, text := range allow {
		prefix, name, err := parseAllowed(text)
		if err != nil {
			return nil, &AllowError{Entry: i, Err: err}
		}
		switch {
		case name != "":
			g.hosts[name] = true
			continue
		case prefix.Addr().Is4():
			v4 = append(v4, prefix)
		default:
			v6 = append(v6, prefix)
		}
		g.prefixes = append(g.prefixes, prefix)
	}
	options := []ssrf.Option{ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...)}
	g.public = ssrf.New(options...)
	g.allowed = ssrf.New(append(options,
		ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("0.0.0.0/0")), ssrf.WithDeniedV6Prefixes(netip.MustParsePrefix("::/0")))...)
	return g, nil
}

// AllowError says which entry of an allow list is wrong, and how.
type AllowError struct {
	Entry int // from 0
	Err   error
}

func (e *AllowError) Error() string { return e.Err.Error() }
func (e *AllowError) Unwrap() error { return e.Err }

// parseAllowed reads an entry: a network, an address, or a name in lower case.
func parseAllowed(text string) (prefix netip.Prefix, name string, err error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr = addr.Unmap(); addr.Zone() != "" {
			return prefix, "", errors.New("an address is allowed without its zone")
		}
		return netip.PrefixFrom(addr, addr.BitLen()), "", nil
	}
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		switch {
		case err != nil || prefix.Addr().Is4In6():
			return prefix, "", errors.New(`a network is written like "10.0.0.0/8" or "fd00::/8"; a host stands there without https:// and path`)
		case prefix != prefix.Masked():
			return prefix, "", fmt.Errorf("that network begins at %s", prefix.Masked())
		}
		return prefix, "", nil
	}
	name = hostName(text)
	if !isHostName(name) {
		return prefix, "", errors.New(`it takes networks like "10.0.0.0/8", addresses and host names like "shop.local", without a port`)
	}
	return prefix, name, nil
}

// hostName is how a name is compared.
func hostName(text string) string { return strings.TrimSuffix(strings.ToLower(text), ".") }

// isHostName tells whether a lower-case text may be a host's name (RFC 1123,
// and the underscore that some networks use).
func isHostName(text string) bool {
	if text == "" || len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// mostURL is far more than any callback needs, in bytes.
const mostURL = 2048

// Check says what is wrong with a callback's URL, as far as it can be said
// without looking its host's name up.
func (g *Guard) Check(text string) error {
	if len(text) > mostURL {
		return fmt.Errorf("a callback's URL has at most %d bytes", mostURL)
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("a callback takes a URL that begins with https://")
	}
	host := hostName(u.Hostname())
	if g.hosts[host] {
		return nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil { // a name
		if u.Scheme == "http" && len(g.prefixes) == 0 {
			return errors.New("a callback without TLS (http://) goes to hosts that allow in [callback] names, and to no others")
		}
		return nil
	}
	return g.judge(u.Scheme, netip.AddrPortFrom(addr.Unmap(), 0))
}

// judge says whether an address may be connected to.
func (g *Guard) judge(scheme string, to netip.AddrPort) error {
	guardian := g.public
	if scheme != "https" {
		guardian = g.allowed
	}
	if guardian.SafeAddrPort(to) == nil {
		return nil
	}
	return &refusedError{addr: to.Addr(), plain: scheme != "https" && g.public.SafeAddrPort(to) == nil}
}

// refusedError says that an address may not be connected to.
type refusedError struct {
	addr  netip.Addr
	plain bool // only because there is no TLS
}

func (e *refusedError) Error() string {
	if e.plain {
		return fmt.Sprintf("refused: a callback without TLS (http://) goes to what allow in [callback] names, and %s is not among it", e.addr)
	}
	return fmt.Sprintf("refused: %s is not a public address, and allow in [callback] does not name it", e.addr)
}

const (
	dialFor     = 10 * time.Second
	idleFor     = 30 * time.Second
	mostHeaders = 32 << 10 // bytes of an answer's
)

// Client makes an HTTP client that keeps to the guard: it follows no redirect,
// uses no proxy, and reads headers of at most 32 KiB. Resolver may be nil.
func (g *Guard) Client(resolver *net.Resolver) *http.Client {
	return newClient(g.dialer("https", resolver), g.dialer("http", resolver))
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialer connects for URLs of one scheme.
func (g *Guard) dialer(scheme string, resolver *net.Resolver) dialFunc {
	free := &net.Dialer{Timeout: dialFor, Resolver: resolver}
	guarded := &net.Dialer{Timeout: dialFor, Resolver: resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return g.judge(scheme, to)
	}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err == nil && g.hosts[hostName(host)] {
			return free.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
}

func newClient(secure, plain dialFunc) *http.Client {
	return &http.Client{
		Transport:     &transport{secure: newTransport(secure), plain: newTransport(plain)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport(dial dialFunc) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		DialContext:            dial,
		Protocols:              &http1,
		TLSHandshakeTimeout:    dialFor,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    perHost,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: mostHeaders,
	}
}

// transport is one for each scheme: what may be connected to depends on it.
type transport struct{ secure, plain *http.Transport }

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "https" {
		return t.secure.RoundTrip(req)
	}
	return t.plain.RoundTrip(req)
}

// CloseIdleConnections is what http.Client looks for.
func (t *transport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	t.plain.CloseIdleConnections()
}
