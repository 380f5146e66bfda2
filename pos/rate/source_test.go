package rate

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate/feedtest"
)

var btc = Pair{"BTC", "EUR"}

// Answers in the shape that the exchanges send, trimmed.
const (
	krakenOld    = `{"error":[],"result":{"XXBTZEUR":{"a":["62411.00000","1","1.000"],"b":["62410.00000","3","3.000"],"c":["62410.5","0.1"],"v":["1","2"],"p":["1","2"],"t":[1,2],"l":["1","2"],"h":["1","2"],"o":"62000.1"}}}`
	krakenNew    = `{"error":[],"result":{"XBTCHF":{"a":["58421.0","1","1.000"],"b":["58419.0","1","1.000"]}}}`
	coinbaseText = `{"trade_id":86326522,"price":"62410.5","size":"0.00698254","time":"2026-11-20T12:00:00.961102Z","bid":"62410","ask":"62411","volume":"9313.4"}`
	bitstampText = `{"timestamp":"1795176000","open":"62000","high":"63000","low":"61000","last":"62410.5","volume":"1813.2","vwap":"62000","bid":"62410","ask":"62411","side":"0","pair":"BTC/EUR"}`
	bitstampOld  = `{"timestamp":"1795176000","bid":"62410","ask":"62411"}`
)

func TestDecoders(t *testing.T) {
	chf := Pair{"BTC", "CHF"}
	for _, c := range []struct {
		name   string
		decode func([]byte, Pair) (Quote, error)
		pair   Pair
		text   string
		price  string
		at     string
		code   Code
	}{
		{name: "kraken, old name", decode: decodeKraken, pair: btc, text: krakenOld, price: "62410.5"},
		{name: "kraken, new name", decode: decodeKraken, pair: chf, text: krakenNew, price: "58420"},
		{name: "kraken, numbers", decode: decodeKraken, pair: btc, text: `{"error":[],"result":{"XBTEUR":{"a":[62411.25],"b":[62410.10]}}}`, price: "62410.675"},
		{name: "kraken, other pair", decode: decodeKraken, pair: chf, text: krakenOld, code: WrongPair},
		{name: "kraken, other coin", decode: decodeKraken, pair: Pair{"ETH", "EUR"}, text: krakenOld, code: WrongPair},
		{name: "kraken, two tickers", decode: decodeKraken, pair: btc, text: strings.Replace(krakenOld, `"result":{`, `"result":{"XETHZEUR":{},`, 1), code: Nonsense},
		{name: "kraken, none", decode: decodeKraken, pair: btc, text: `{"error":[],"result":{}}`, code: Nonsense},
		{name: "kraken, no result", decode: decodeKraken, pair: btc, text: `{}`, code: Nonsense},
		{name: "kraken, empty lists", decode: decodeKraken, pair: btc, text: `{"error":[],"result":{"XXBTZEUR":{"a":[],"b":[]}}}`, code: Nonsense},
		{name: "kraken, unknown pair", decode: decodeKraken, pair: btc, text: `{"error":["EQuery:Unknown asset pair"]}`, code: NotOffered},
		{name: "kraken, too fast", decode: decodeKraken, pair: btc, text: `{"error":["EAPI:Rate limit exceeded"]}`, code: Limited},
		{name: "kraken, down", decode: decodeKraken, pair: btc, text: `{"error":["EService:Unavailable"]}`, code: Unavailable},
		{name: "kraken, other error", decode: decodeKraken, pair: btc, text: `{"error":["EGeneral:Internal error"]}`, code: Nonsense},
		{name: "coinbase", decode: decodeCoinbase, pair: btc, text: coinbaseText, price: "62410.5", at: "2026-11-20T12:00:00.961102Z"},
		{name: "coinbase, message", decode: decodeCoinbase, pair: btc, text: `{"message":"NotFound"}`, code: Nonsense},
		{name: "coinbase, no time", decode: decodeCoinbase, pair: btc, text: `{"bid":"1","ask":"1"}`, code: Nonsense},
		{name: "coinbase, no bid", decode: decodeCoinbase, pair: btc, text: `{"time":"2026-11-20T12:00:00Z","ask":"1"}`, code: NoPrice},
		{name: "bitstamp", decode: decodeBitstamp, pair: btc, text: bitstampText, price: "62410.5", at: "2026-11-20T12:00:00Z"},
		{name: "bitstamp, no pair", decode: decodeBitstamp, pair: btc, text: bitstampOld, price: "62410.5", at: "2026-11-20T12:00:00Z"},
		{name: "bitstamp, other pair", decode: decodeBitstamp, pair: chf, text: bitstampText, code: WrongPair},
		{name: "bitstamp, error", decode: decodeBitstamp, pair: btc, text: `{"status":"error","reason":{"__all__":["Invalid"]}}`, code: Nonsense},
		{name: "bitstamp, no time", decode: decodeBitstamp, pair: btc, text: `{"bid":"1","ask":"1"}`, code: Nonsense},
		{name: "bitstamp, huge time", decode: decodeBitstamp, pair: btc, text: `{"bid":"1","ask":"1","timestamp":"9223372036854775807"}`, code: Nonsense},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := c.decode([]byte(c.text), c.pair)
			if c.code != "" {
				if got := code(asProblem(err, "x", c.pair)); got != c.code && !(c.code == Nonsense && err != nil && !isProblem(err)) {
					t.Fatalf("got %+v, %v; want the problem %q", q, err, c.code)
				}
				if q != (Quote{}) {
					t.Fatalf("a quote came with an error: %+v", q)
				}
				return
			}
			if err != nil || q.Price.String() != c.price {
				t.Fatalf("the price is %s, %v; want %s", q.Price, err, c.price)
			}
			at := ""
			if !q.At.IsZero() {
				at = q.At.UTC().Format(time.RFC3339Nano)
			}
			if at != c.at {
				t.Errorf("it was true at %q, want %q", at, c.at)
			}
		})
	}
}

func isProblem(err error) bool { return code(err) != "" }

func TestMakeQuote(t *testing.T) {
	for _, c := range []struct {
		bid, ask, price string
		code            Code
	}{
		{"100", "101", "100.5", ""},
		{"100", "100", "100", ""},
		{"99", "101", "100", ""}, // just 2 %
		{"98.99", "101.01", "", Wide},
		{"101", "100", "", Crossed},
		{"0", "1", "", NoPrice},
		{"1", "0.0", "", NoPrice},
		{"-1", "1", "", NoPrice},
		{"", "1", "", NoPrice},
		{"1e2", "1e2", "", NoPrice},
		{"NaN", "NaN", "", NoPrice},
		{"1", "99999999999999999999999", "", NoPrice},
		{"0.000000000000000001", "0.000000000000000002", "", NoPrice}, // the middle needs 19 decimals
	} {
		q, err := makeQuote(c.bid, c.ask, time.Time{})
		if got := code(err); got != c.code || c.code == "" && q.Price.String() != c.price {
			t.Errorf("%s / %s: price %s, %v; want %s, %q", c.bid, c.ask, q.Price, err, c.price, c.code)
		}
	}
}

// Every fault of every exchange, over real HTTP, becomes the right problem.
func TestFaults(t *testing.T) {
	s, err := feedtest.Start(feedtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Set("BTC/EUR", "62410.50"); err != nil {
		t.Fatal(err)
	}
	want := map[feedtest.Fault]Code{
		feedtest.TooMany: Limited, feedtest.Unavailable: Unavailable, feedtest.Broken: Unavailable, feedtest.Forbidden: Refused,
		feedtest.HTML: WebPage, feedtest.Truncated: Nonsense, feedtest.Garbage: Nonsense, feedtest.ErrorIn200: Nonsense,
		feedtest.Swapped: Crossed, feedtest.Wide: Wide, feedtest.Zero: NoPrice, feedtest.Negative: NoPrice, feedtest.Float: NoPrice,
		feedtest.WrongPair: WrongPair, feedtest.Huge: TooLong, feedtest.Elsewhere: Redirected, feedtest.Silent: TimedOut, feedtest.Stalled: TimedOut,
		// What one answer cannot show: the feed's age limit and median are there for these.
		feedtest.Times100: "", feedtest.Frozen: "", feedtest.Future: "",
	}
	for _, name := range SourceNames() {
		src, err := NewSource(name, s.URL(name), nil)
		if err != nil || src.Name() != name {
			t.Fatal(src, err)
		}
		for _, fault := range append(feedtest.Faults(), feedtest.None) {
			t.Run(name+"/"+string(fault), func(t *testing.T) {
				s.Fault(name, fault)
				timeout := 30 * time.Second
				if fault == feedtest.Silent || fault == feedtest.Stalled {
					timeout = 50 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				q, err := src.Quote(ctx, btc)
				code, wanted := code(err), want[fault]
				switch {
				case name == "kraken" && fault == feedtest.ErrorIn200:
					wanted = Limited
				case name == "coinbase" && fault == feedtest.WrongPair:
					wanted = "" // it does not name the pair
				}
				if code != wanted {
					t.Fatalf("got %+v, %v; want the problem %q", q, err, wanted)
				}
				if err == nil {
					if q.Bid.Cmp(q.Price) >= 0 || q.Ask.Cmp(q.Price) <= 0 {
						t.Errorf("the price of %+v is not between bid and ask", q)
					}
					return
				}
				if !strings.Contains(err.Error(), name) || !strings.HasPrefix(err.Error(), "BTC/EUR: ") || strings.Contains(err.Error(), "%!") {
					t.Errorf("not a sentence about %s: %q", name, err)
				}
				p := err.(*Problem)
				if wait := map[feedtest.Fault]time.Duration{feedtest.TooMany: 2 * time.Minute, feedtest.Unavailable: 30 * time.Second}[fault]; wait != 0 && p.After != wait {
					t.Errorf("told to wait %s, want %s", p.After, wait)
				}
			})
		}
		t.Run(name+"/not offered", func(t *testing.T) {
			s.Fault(name, feedtest.None)
			if _, err := src.Quote(t.Context(), Pair{"BTC", "ISK"}); code(err) != NotOffered {
				t.Error(err)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	s, err := feedtest.Start(feedtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base := s.URL("kraken")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	src, err := NewSource("kraken", base+"/", &http.Client{Transport: &http.Transport{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Quote(t.Context(), btc); code(err) != Unreachable {
		t.Error(err)
	}
}

func TestSomebodyElsesCertificate(t *testing.T) {
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Config.ErrorLog = log.New(io.Discard, "", 0) // it would say that we hung up
	other.StartTLS()
	defer other.Close()
	src, err := NewSource("bitstamp", other.URL, nil) // a client that does not know it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Quote(t.Context(), btc); code(err) != Certificate {
		t.Error(err)
	}
}

func TestRedirectsStayAtHome(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/products/BTC-EUR/ticker", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/v2/ticker", http.StatusFound) })
	mux.HandleFunc("/v2/ticker", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(coinbaseText)) })
	mux.HandleFunc("/products/ETH-EUR/ticker", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	home := httptest.NewServer(mux)
	defer home.Close()
	src, err := NewSource("coinbase", home.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if q, err := src.Quote(t.Context(), btc); err != nil || q.Price.String() != "62410.5" {
		t.Error(q, err)
	}
	if _, err := src.Quote(t.Context(), Pair{"ETH", "EUR"}); code(err) != Redirected {
		t.Error("round in circles:", err)
	}
}

func TestUnknownSource(t *testing.T) {
	if src, err := NewSource("mtgox", "", nil); err == nil || !strings.Contains(err.Error(), "bitstamp, coinbase, kraken") {
		t.Error(src, err)
	}
}

func TestRetryAfter(t *testing.T) {
	date := "Fri, 20 Nov 2026 12:00:00 GMT"
	for _, c := range []struct {
		header, date string
		want         time.Duration
	}{
		{"", date, 0},
		{"7", "", 7 * time.Second},
		{"99999", "", time.Hour},
		{"-5", date, 0},
		{"soon", date, 0},
		{"99999999999999999999", "", 0},
		{"Fri, 20 Nov 2026 12:00:30 GMT", date, 30 * time.Second},
		{"Fri, 20 Nov 2026 11:00:00 GMT", date, 0},
		{"Fri, 20 Nov 2026 12:00:30 GMT", "", 0},
	} {
		h := http.Header{}
		h.Set("Retry-After", c.header)
		h.Set("Date", c.date)
		if got := retryAfter(h); got != c.want {
			t.Errorf("%q at %q: %s, want %s", c.header, c.date, got, c.want)
		}
	}
}

func TestEveryCodeHasASentence(t *testing.T) {
	for _, c := range []Code{Unreachable, TimedOut, Limited, Unavailable, Refused, Certificate, Redirected, WebPage, TooLong, Nonsense, WrongPair, NotOffered, Crossed, Wide, NoPrice, TooOld, Ahead, Astray} {
		text := (&Problem{Code: c, Source: "kraken", Pair: btc, Detail: "so"}).Error()
		if !strings.Contains(text, "kraken") || !strings.HasSuffix(text, " (so)") || strings.Contains(text, "%!") {
			t.Errorf("%s: %q", c, text)
		}
	}
	if len(sentences) != 18 {
		t.Errorf("%d sentences", len(sentences))
	}
}

// Whatever comes, a decoder returns a checked quote or an error, and does not panic.
func FuzzDecoders(f *testing.F) {
	for _, s := range []string{
		krakenOld, krakenNew, coinbaseText, bitstampText, bitstampOld, `{"error":["EAPI:Rate limit exceeded"]}`, `{"message":"x"}`,
		`{"status":"error","reason":"\u001b[2J"}`, `{"result":{"XXBTZEUR":{"a":["1e400"],"b":["-0"]}}}`, `[]`, `null`, `"`, "\x00", `{"bid":1E5,"ask":1E5,"timestamp":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, decode := range []func([]byte, Pair) (Quote, error){decodeKraken, decodeCoinbase, decodeBitstamp} {
			q, err := decode(body, btc)
			if err != nil {
				if q != (Quote{}) {
					t.Fatalf("%+v came with %v", q, err)
				}
				var p *Problem
				if errors.As(err, &p) {
					p.Source = "x"
					for _, r := range p.Error() {
						if r < ' ' || r >= 0x7f && r < 0xa0 {
							t.Fatalf("an exchange wrote %U into %q", r, p.Error())
						}
					}
				}
				continue
			}
			if q.Price.IsZero() || q.Bid.Cmp(q.Price) > 0 || q.Ask.Cmp(q.Price) < 0 {
				t.Fatalf("%q became %+v", body, q)
			}
			if b, err := money.ParseRate(q.Price.String()); err != nil || b != q.Price {
				t.Fatalf("the price %+v does not survive", q.Price)
			}
		}
	})
}
