package rate

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whatever a server, or somebody between us and it, answers: a source returns a
// checked quote or a problem that is a clean sentence about it, sends us away for
// an hour at most, and does not take us to another host.
func FuzzAnswer(f *testing.F) {
	date := "Fri, 20 Nov 2026 12:00:00 GMT"
	for i, body := range []string{
		krakenOld, coinbaseText, bitstampText, "", "\xef\xbb\xbf <html>", `{"error":["EGeneral:\u009b2J"]}`, `{"message":"\u202e\u0007"}`, `{"pair":"\u001b[31m","timestamp":1}`,
	} {
		for _, status := range []int{200, 204, 302, 304, 403, 404, 429, 503, 511, 999} {
			f.Add(uint8(i), status, []byte(body), "120", date, "http://elsewhere.test/")
		}
	}
	f.Add(uint8(1), 429, []byte{}, "Fri, 31 Dec 9999 23:59:59 GMT", date, "")
	f.Add(uint8(2), 503, []byte{}, "18446744073709551615", "\x00", "//\x1b")
	f.Fuzz(func(t *testing.T, which uint8, status int, body []byte, retry, date, location string) {
		if status < 200 || status > 999 {
			t.Skip("no answer of HTTP")
		}
		name := SourceNames()[int(which)%len(SourceNames())]
		client := &http.Client{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Host != "exchange.test" {
				t.Errorf("till went to %s", r.URL)
			}
			w.Header()["Retry-After"], w.Header()["Date"], w.Header()["Location"] = []string{retry}, []string{date}, []string{location}
			w.WriteHeader(status)
			_, _ = w.Write(body)
		})}}
		src, err := NewSource(name, "http://exchange.test", client)
		if err != nil {
			t.Fatal(err)
		}
		q, err := src.Quote(t.Context(), btc)
		if err == nil {
			if status != http.StatusOK || q.Price.IsZero() || q.Bid.Cmp(q.Price) > 0 || q.Ask.Cmp(q.Price) < 0 || !near(q.Ask, q.Bid, q.Price, maxSpread) {
				t.Fatalf("%d with %q became %+v", status, body, q)
			}
			return
		}
		p, ok := err.(*Problem)
		if !ok || q != (Quote{}) || p.Source != name || p.Pair != btc || p.After < 0 || p.After > time.Hour {
			t.Fatalf("%+v, %#v", q, err)
		}
		text := p.Error()
		if !strings.HasPrefix(text, "BTC/EUR: ") || !strings.Contains(text, name) || len(text) > 400 || !strconv.CanBackquote(strings.ReplaceAll(text, "`", "'")) {
			t.Fatalf("not a clean sentence: %q", text)
		}
		for _, r := range text {
			if r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("%U got into %q", r, text)
			}
		}
	})
}
