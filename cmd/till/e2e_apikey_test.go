package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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
	var rude atomic.Int32 // which rudeness, 0 = none
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(node); r.Out.URL.Path = "/" }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.String(), secret) {
			select {
			case asked <- struct{}{}:
			default:
			}
		}
		says := "the key " + secret + " of " + r.URL.String() + " has used up its quota"
		reply := func(body string) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,`+body+"}")
		}
		switch rude.Load() {
		case 0:
			forward.ServeHTTP(w, r)
		case 1:
			http.Error(w, says, http.StatusUnauthorized)
		case 2:
			http.Error(w, says, http.StatusTooManyRequests)
		case 3:
			http.Redirect(w, r, "http://127.0.0.1:1/other/"+secret, http.StatusTemporaryRedirect)
		case 4:
			reply(`"error":{"code":-32000,"message":"` + says + `"}`)
		case 5:
			reply(`"result":"` + secret + `"`)
		case 6:
			reply(`"result":{"number":"` + secret + `","hash":"` + secret + `","` + secret + `":1}`)
		case 7:
			_, _ = io.WriteString(w, says)
		}
	}))
	t.Cleanup(front.Close)
	// What is posted to the shop's own service is looked through too.
	var posted bytes.Buffer
	var posting sync.Mutex
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		posting.Lock()
		defer posting.Unlock()
		_ = r.Write(&posted)
	}))
	t.Cleanup(service.Close)
	_, key := shopKeys(t)
	n.endpoint = front.URL + "/v3/" + secret + "?apikey=" + secret
	shop := ethereumShop(n, key) + fmt.Sprintf("[callback]\nurl = %q\nallow = [\"127.0.0.0/8\"]\n", service.URL)
	c := &counter{shopUnderTest: newTestShop(t, shop), price: "2,000.00"}
	c.start()
	to, wei := c.ring("450", "e", "AWAITING")
	n.payNative(t, to, wei)
	n.mine(t, 2)
	c.See("PAID")
	<-asked // it was really used
	c.next()
	c.Press("f4").See("Devnet").Press("esc")
	rude.Store(1)
	front.CloseClientConnections()
	c.Press("f4").See("does not answer").Press("esc")
	// Whatever they say is kept in the stream.
	for _, args := range [][]string{{"sales", "show", "1"}, {"sales", "export"}, {"events", "--json"}, {"events", "deliveries"}, {"find", to}, {"keys"}} {
		c.do("", args...)
	}
	c.leave(c.Pane)
	for kind := range int32(7) {
		rude.Store(kind + 1)
		for _, args := range [][]string{{"doctor"}, {"sweep-list"}, {"sale", "1.00", "--asset", "ETH", "--expires", "1m"}} {
			cmd := c.script(args...)
			if args[0] == "sale" {
				time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Signal(os.Interrupt) })
			}
			c.finish(cmd)
		}
	}
	posting.Lock()
	c.keep(posted.Bytes())
	posting.Unlock()
	if posted.Len() == 0 {
		t.Error("nothing was posted, so nothing was looked through")
	}
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
