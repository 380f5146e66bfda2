package main

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAPIKeysStayInTheConfiguration: a provider's key stands in an endpoint's
// URL. A day with it, with answers that repeat it and with the node gone, leaves
// no part of it on a screen, in a log, in the books or in anything printed.
func TestAPIKeysStayInTheConfiguration(t *testing.T) {
	t.Parallel()
	const secret = "k3yOfTheProv1der7741"
	n := simulatedNet(t)
	node, err := url.Parse(strings.Replace(n.endpoint, "ws://", "http://", 1))
	if err != nil {
		t.Fatal(err)
	}
	// The provider: a front for the node, which grows rude after a while.
	asked := make(chan struct{}, 1)
	rude := make(chan struct{})
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(node); r.Out.URL.Path = "/" }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.String(), secret) {
			select {
			case asked <- struct{}{}:
			default:
			}
		}
		select {
		case <-rude:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "the key "+secret+" of "+r.URL.String()+" has used up its quota")
		default:
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	_, key := shopKeys(t)
	n.endpoint = front.URL + "/v3/" + secret + "?apikey=" + secret
	c := &counter{shopUnderTest: newTestShop(t, ethereumShop(n, key)), price: "2,000.00"}
	c.start()
	to, wei := c.ring("450", "e", "AWAITING")
	n.payNative(t, to, wei)
	n.mine(t, 2)
	c.See("PAID")
	<-asked // it was really used
	c.next()
	c.Press("f4").See("Devnet").Press("esc")
	close(rude)
	front.CloseClientConnections()
	c.Press("f4").See("does not answer")
	for _, args := range [][]string{{"doctor"}, {"sweep-list"}, {"sales", "show", "1"}, {"events"}} {
		c.do("", args...) // whatever it says is kept in the stream
	}
	c.Press("esc")
	c.leave(c.Pane)
	looked := 0
	err = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeType != 0 || path == c.config {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		for _, part := range []string{secret, secret[:10], secret[10:], "apikey"} {
			if strings.Contains(string(data), part) {
				t.Errorf("%s holds %q", path, part)
			}
		}
		return nil
	})
	if err != nil || looked < 3 {
		t.Errorf("%d files were looked through: %v", looked, err)
	}
}
