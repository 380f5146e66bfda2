package notify

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cointill/till/pos"
)

func guard(t testing.TB, allow ...string) *Guard {
	t.Helper()
	g, err := NewGuard(allow)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAllow(t *testing.T) {
	for _, text := range []string{
		"", "10.0.0.0/33", "10.0.0.1/8", "https://shop.local", "shop.local:8080", "shop local", "*.local", "fe80::1%eth0", "::ffff:10.0.0.0/104", "a..b", "-\x1b",
		strings.Repeat("a", 64), "shop.local/hook",
	} {
		_, err := NewGuard([]string{"10.0.0.0/8", text})
		var which *AllowError
		if !errors.As(err, &which) || which.Entry != 1 {
			t.Errorf("%q is allowed: %v", text, err)
		}
	}
	guard(t, "10.0.0.0/8", "fd00::/8", "::1", "192.168.1.20", "::ffff:192.168.1.21", "Shop.Local.", "localhost", "my_shop")
}

// TestCheck says of URLs what can be said without a look at the network.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		allow []string
		url   string
		ok    bool
	}{
		{nil, "https://shop.example/hook?a=b", true},
		{nil, "https://shop.example:8443", true},
		{nil, "HTTPS://shop.example", true},
		{nil, "https://93.184.216.34/", true},
		{nil, "https://[2606:4700::1111]/", true},
		{nil, "", false},
		{nil, "shop.example", false},
		{nil, "/hook", false},
		{nil, "ftp://shop.example/", false},
		{nil, "file:///etc/passwd", false},
		{nil, "https:shop.example", false},
		{nil, "https://", false},
		{nil, "https://:443/", false},
		{nil, "https://shop.example/\x00", false},
		{nil, "https://shop.example/" + strings.Repeat("a", 3000), false},
		{nil, "http://shop.example/", false},
		{nil, "http://93.184.216.34/", false},
		{nil, "https://127.0.0.1/", false},
		{nil, "https://[::1]/", false},
		{nil, "https://[::ffff:10.0.0.1]/", false},
		{nil, "https://[64:ff9b::7f00:1]/", false},
		{nil, "https://[2002:7f00:1::]/", false},
		{nil, "https://[fe80::1%25eth0]/", false},
		{nil, "https://10.1.2.3/", false},
		{nil, "https://100.64.0.1/", false},
		{nil, "https://169.254.169.254/latest/meta-data", false},
		{nil, "https://192.168.0.1/", false},
		{nil, "https://0.0.0.0/", false},
		{nil, "https://255.255.255.255/", false},
		{nil, "https://224.0.0.1/", false},
		{[]string{"10.0.0.0/8"}, "http://10.1.2.3:8080/", true},
		{[]string{"10.0.0.0/8"}, "https://10.1.2.3/", true},
		{[]string{"10.0.0.0/8"}, "http://11.1.2.3/", false},
		{[]string{"10.0.0.0/8"}, "https://11.1.2.3/", true},
		{[]string{"10.0.0.0/8"}, "http://shop.example/", true}, // its address decides
		{[]string{"shop.local"}, "http://SHOP.local.:8080/", true},
		{[]string{"shop.local"}, "http://other.local/", false},
		{[]string{"fd00::/8"}, "http://[fd00::1]/", true},
		{[]string{"::1"}, "http://[::1]:8080/", true},
		{[]string{"::1"}, "http://127.0.0.1:8080/", false},
	} {
		if err := guard(t, c.allow...).Check(c.url); (err == nil) != c.ok {
			t.Errorf("%q with %q allowed: %v", c.url, c.allow, err)
		}
	}
}

// names answers DNS queries for any name with addresses in turn, the last one
// for ever.
func names(t *testing.T, addrs ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		query := make([]byte, 512)
		for n := 0; ; {
			size, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			end := 12
			for end < size && query[end] != 0 {
				end += int(query[end]) + 1
			}
			end += 5
			if end > size {
				continue
			}
			answer := append([]byte{}, query[:end]...)
			copy(answer[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if binary.BigEndian.Uint16(query[end-4:]) == 1 { // A
				addr := netip.MustParseAddr(addrs[min(n, len(addrs)-1)]).As4()
				n++
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, addr[:]...)
			}
			_, _ = conn.WriteTo(answer, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// inside is a server that nobody outside should reach, and how often it was.
func inside(t *testing.T, handler http.HandlerFunc) (port string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		hits.Add(1)
		if handler != nil {
			handler(w, req)
		}
	})}}
	server.Start()
	t.Cleanup(server.Close)
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port, hits
}

// tried posts once, over real connections.
func tried(t *testing.T, g *Guard, resolver *net.Resolver, url string) pos.Delivery {
	t.Helper()
	client := g.Client(resolver)
	defer client.CloseIdleConnections()
	s := New(config(t, newBook(), client))
	d := pos.Delivery{Seq: 1, SaleID: "a", URL: url}
	return s.after(d, s.try(t.Context(), d), time.Now())
}

// TestRefused: no way of writing an address gets a post to a place inside.
func TestRefused(t *testing.T) {
	port, hits := inside(t, nil)
	for _, c := range []struct {
		allow []string
		url   string
	}{
		{nil, "https://127.0.0.1:"},
		{nil, "http://127.0.0.1:"},
		{nil, "https://localhost:"},
		{nil, "http://localhost:"},
		{nil, "http://[::1]:"},
		{nil, "https://[::ffff:127.0.0.1]:"},
		{nil, "http://0.0.0.0:"},
		{nil, "https://0.0.0.0:"},
		{[]string{"10.0.0.0/8", "shop.local"}, "http://localhost:"},
		{[]string{"10.0.0.0/8", "fd00::/8"}, "https://localhost:"},
		{[]string{"127.0.0.2"}, "http://127.0.0.1:"},
		{[]string{"localhost"}, "http://127.0.0.1:"},
	} {
		d := tried(t, guard(t, c.allow...), nil, c.url+port+"/")
		if hits.Load() != 0 || !strings.HasPrefix(d.Error, "refused: ") || d.Code != 0 || d.State != pos.DeliveryWaiting {
			t.Errorf("%s with %q allowed: %+v, %d hits", c.url, c.allow, d, hits.Load())
		}
	}
	for _, c := range []struct {
		allow []string
		url   string
	}{
		{[]string{"127.0.0.0/8"}, "http://127.0.0.1:"}, {[]string{"localhost"}, "http://LocalHost:"}, {[]string{"127.0.0.0/8", "::1"}, "http://localhost:"},
	} {
		before := hits.Load()
		if d := tried(t, guard(t, c.allow...), nil, c.url+port+"/"); hits.Load() != before+1 || d.State != pos.DeliveryDone {
			t.Errorf("%s with %q allowed: %+v, %d hits", c.url, c.allow, d, hits.Load()-before)
		}
	}
}

// TestRebinding: a name that leads to an allowed address first and to another
// then is refused then.
func TestRebinding(t *testing.T) {
	port, hits := inside(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	g := guard(t, "127.0.0.2")
	resolver := names(t, "127.0.0.2", "127.0.0.1")
	client := g.Client(resolver)
	defer client.CloseIdleConnections()
	s := New(config(t, newBook(), client))
	d := pos.Delivery{Seq: 1, SaleID: "a", URL: "http://rebind.example:" + port + "/"}
	if got := s.after(d, s.try(t.Context(), d), time.Now()); got.State != pos.DeliveryDone || hits.Load() != 1 {
		t.Fatalf("at first %+v, %d hits", got, hits.Load())
	}
	got := s.after(d, s.try(t.Context(), d), time.Now())
	if hits.Load() != 1 || got.Error != "refused: 127.0.0.1 is not a public address, and allow in [callback] does not name it" {
		t.Errorf("then %+v, %d hits", got, hits.Load())
	}
}

// TestRedirect: a receiver cannot send a post on, inside or anywhere.
func TestRedirect(t *testing.T) {
	elsewhere, reached := inside(t, nil)
	for _, to := range []string{"http://169.254.169.254/latest/meta-data", "http://127.0.0.1:" + elsewhere + "/", "/other", ""} {
		port, hits := inside(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusPermanentRedirect)
		})
		d := tried(t, guard(t, "127.0.0.0/8"), nil, "http://127.0.0.1:"+port+"/")
		if hits.Load() != 1 || reached.Load() != 0 || d.Code != 308 || !strings.Contains(d.Error, "redirects are not followed") {
			t.Errorf("to %q: %+v, %d and %d hits", to, d, hits.Load(), reached.Load())
		}
	}
}

// TestNoProxy: a proxy would connect where the guard cannot look.
func TestNoProxy(t *testing.T) {
	proxy, hits := inside(t, nil)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:"+proxy)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:"+proxy)
	tried(t, guard(t), names(t, "10.0.0.1"), "https://shop.example/")
	tried(t, guard(t), names(t, "10.0.0.1"), "http://shop.example/")
	if hits.Load() != 0 {
		t.Errorf("%d hits", hits.Load())
	}
}

// TestTLS: a certificate has to be valid, and a server without TLS is told from
// one that is not there.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	server.Config.ErrorLog = discarded
	server.StartTLS()
	defer server.Close()
	g := guard(t, "127.0.0.0/8")
	if d := tried(t, g, nil, server.URL); !strings.Contains(d.Error, "certificate") {
		t.Errorf("%+v", d)
	}
	port, _ := inside(t, nil)
	if d := tried(t, g, nil, "https://127.0.0.1:"+port); !strings.Contains(d.Error, "TLS") {
		t.Errorf("%+v", d)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	if d := tried(t, g, nil, "http://"+free.Addr().String()); d.Error != "nobody listens at the receiver" {
		t.Errorf("%+v", d)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("https://shop.example/", "10.0.0.0/8")
	f.Add("http://[fe80::1%25eth0]/", "shop.local")
	f.Fuzz(func(t *testing.T, url, allow string) {
		for _, list := range [][]string{nil, {allow}} {
			g, err := NewGuard(list)
			if err != nil {
				continue
			}
			if g.Check(url) == nil && len(url) > mostURL {
				t.Errorf("%d bytes", len(url))
			}
		}
	})
}
