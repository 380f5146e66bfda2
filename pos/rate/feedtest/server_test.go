package feedtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/pos/money"
)

func ask(t *testing.T, s *Server, path string) (int, map[string]any) {
	t.Helper()
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	var body map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v in %q", path, err, rec.Body)
	}
	return rec.Code, body
}

// The exchanges' shapes, as their documentation has them.
func TestShapes(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s, err := New(Options{Still: true, Now: func() time.Time { return now }, Prices: map[string]string{"BTC/EUR": "50000", "BTC/CHF": "47000.00", "USDC/EUR": "0.92"}})
	if err != nil {
		t.Fatal(err)
	}
	for path, key := range map[string]string{"XBTEUR": "XXBTZEUR", "XBTCHF": "XBTCHF", "USDCEUR": "USDCEUR"} {
		code, body := ask(t, s, "/kraken/0/public/Ticker?pair="+path)
		ticker, ok := body["result"].(map[string]any)[key].(map[string]any)
		if code != http.StatusOK || !ok {
			t.Errorf("%s: %d, %v", path, code, body)
			continue
		}
		if path == "XBTEUR" && (ticker["a"].([]any)[0] != "50003.00" || ticker["b"].([]any)[0] != "49997.00") {
			t.Errorf("%v", ticker)
		}
	}
	if code, body := ask(t, s, "/kraken/0/public/Ticker?pair=XBTISK"); code != http.StatusOK || body["error"].([]any)[0] != "EQuery:Unknown asset pair" {
		t.Errorf("%d, %v", code, body)
	}
	if code, body := ask(t, s, "/coinbase/products/BTC-EUR/ticker"); code != http.StatusOK || body["bid"] != "50004.50" || body["ask"] != "50010.50" || body["time"] != "2026-11-20T12:00:00.000000Z" {
		t.Errorf("%d, %v", code, body)
	}
	if code, body := ask(t, s, "/coinbase/products/BTC-ISK/ticker"); code != http.StatusNotFound || body["message"] != "NotFound" {
		t.Errorf("%d, %v", code, body)
	}
	if code, body := ask(t, s, "/bitstamp/api/v2/ticker/usdceur/"); code != http.StatusOK || body["pair"] != "USDC/EUR" || body["timestamp"] != "1795176000" {
		t.Errorf("%d, %v", code, body)
	}
	if code, body := ask(t, s, "/bitstamp/api/v2/ticker/x/"); code != http.StatusNotFound || body["status"] != "error" {
		t.Errorf("%d, %v", code, body)
	}
}

func TestWalk(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	a, err := New(Options{Seed: 7, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{Seed: 7, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[money.Rate]bool)
	low, high := money.Rate{Num: 61162}, money.Rate{Num: 63659} // 2 % around 62410.50
	for range 5000 {
		now = now.Add(5 * time.Second)
		p, ok := a.price("BTC/EUR")
		q, _ := b.price("BTC/EUR")
		if !ok || p != q {
			t.Fatalf("the same seed gave %s and %s", p, q)
		}
		if p.Cmp(low) < 0 || p.Cmp(high) > 0 {
			t.Fatalf("the price walked to %s", p)
		}
		seen[p] = true
	}
	if len(seen) < 1000 {
		t.Errorf("only %d different prices", len(seen))
	}
	now = now.Add(10 * 365 * 24 * time.Hour)
	if p, ok := a.price("BTC/EUR"); !ok || p.Cmp(low) < 0 || p.Cmp(high) > 0 {
		t.Errorf("after ten years the price is %s", p)
	}
	if err := a.Set("BTC/EUR", "70000"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		now = now.Add(time.Minute)
		if p, ok := a.price("BTC/EUR"); !ok || p.String() != "70000" {
			t.Fatalf("a pinned price became %s", p)
		}
	}
}

func TestPriceFunction(t *testing.T) {
	s, err := New(Options{Price: func(pair string, _ time.Time) string {
		if pair == "ETH/EUR" {
			return "2000"
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	if code, body := ask(t, s, "/coinbase/products/ETH-EUR/ticker"); code != http.StatusOK || !strings.HasPrefix(body["price"].(string), "2000") {
		t.Errorf("%d, %v", code, body)
	}
	if code, _ := ask(t, s, "/coinbase/products/BTC-EUR/ticker"); code != http.StatusNotFound {
		t.Errorf("a price of nothing came with %d", code)
	}
}

func TestBadPrices(t *testing.T) {
	for _, p := range []string{"", "0", "-1", "x", "1000000000000000000"} {
		if _, err := New(Options{Prices: map[string]string{"BTC/EUR": p}}); err == nil {
			t.Errorf("%q was taken for a price", p)
		}
	}
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set("BTC/EUR", "1e5"); !errors.Is(err, money.ErrSyntax) {
		t.Error(err)
	}
}

// Closing frees whoever waits for a silent exchange.
func TestClose(t *testing.T) {
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Latency(Coinbase, time.Millisecond)
	res, err := http.Get(s.URL(Coinbase) + "/products/BTC-EUR/ticker")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !json.Valid(body) {
		t.Errorf("%d, %q, %v", res.StatusCode, body, err)
	}
	_ = res.Body.Close()
	s.Fault(Kraken, Silent)
	done := make(chan error, 1)
	go func() {
		res, err := http.Get(s.URL(Kraken) + "/0/public/Ticker?pair=XBTEUR")
		if err == nil {
			_ = res.Body.Close()
		}
		done <- err
	}()
	deadline := time.Now().Add(30 * time.Second)
	for s.Requests(Kraken) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the request never came")
		}
		time.Sleep(time.Millisecond)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err == nil {
		t.Error("a silent exchange answered")
	}
}
