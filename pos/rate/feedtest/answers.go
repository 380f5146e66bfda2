package feedtest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/pos/money"
)

// Fault is a way in which an exchange fails.
type Fault string

// The faults.
const (
	None        Fault = ""
	TooMany     Fault = "429"          // with Retry-After: 120
	Unavailable Fault = "503"          // with Retry-After: 30
	Broken      Fault = "500"          //
	Forbidden   Fault = "403"          //
	HTML        Fault = "html"         // a captive portal's page, with status 200
	Truncated   Fault = "truncated"    // JSON that ends in the middle
	Garbage     Fault = "garbage"      // JSON of another shape
	ErrorIn200  Fault = "error-in-200" // the exchange's own error, with status 200
	Swapped     Fault = "swapped"      // bid and ask exchanged
	Wide        Fault = "wide"         // 5 % between bid and ask
	Zero        Fault = "zero"         // a price of 0
	Negative    Fault = "negative"     //
	Times100    Fault = "times-100"    // a decimal point in the wrong place
	Float       Fault = "float"        // 6.24105e4
	WrongPair   Fault = "wrong-pair"   // names another pair, where the exchange names it at all
	Frozen      Fault = "frozen"       // the time stamp stands still from when the fault was set
	Future      Fault = "future"       // a time stamp an hour ahead
	Huge        Fault = "huge"         // a body of 1 MiB
	Elsewhere   Fault = "elsewhere"    // a redirect to another host
	Silent      Fault = "silent"       // no answer at all
	Stalled     Fault = "stalled"      // half an answer, and then nothing
)

// Faults lists every fault.
func Faults() []Fault {
	return []Fault{
		TooMany, Unavailable, Broken, Forbidden, HTML, Truncated, Garbage, ErrorIn200, Swapped, Wide, Zero, Negative,
		Times100, Float, WrongPair, Frozen, Future, Huge, Elsewhere, Silent, Stalled,
	}
}

// The exchanges differ a little from each other, Kraken being in the middle.
var offsets = map[string]int64{Kraken: 0, Coinbase: 150, Bitstamp: -120}

// halfSpread is how far bid and ask are from the price, in millionths.
const halfSpread = 60

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /kraken/0/public/Ticker", s.exchange(Kraken, s.kraken))
	mux.Handle("GET /coinbase/products/{id}/ticker", s.exchange(Coinbase, s.coinbase))
	mux.Handle("GET /bitstamp/api/v2/ticker/{pair}/", s.exchange(Bitstamp, s.bitstamp))
	return mux
}

// ServeHTTP answers as the exchange whose name begins the path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// exchange answers for one exchange, with its fault, if it has one.
func (s *Server) exchange(name string, answer func(*http.Request, Fault) (int, any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[name]++
		fault, latency := s.faults[name], s.latency[name]
		s.mu.Unlock()
		if fault == Silent {
			s.hold(r.Context(), 0)
			panic(http.ErrAbortHandler) // hang up without a word
		}
		if latency > 0 && !s.hold(r.Context(), latency) {
			panic(http.ErrAbortHandler)
		}
		if transport(w, fault) {
			return
		}
		code, body := answer(r, fault)
		text, err := json.Marshal(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if fault == Truncated {
			text = text[:len(text)/2]
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		if fault == Stalled {
			_, _ = w.Write(text[:len(text)/2])
			_ = http.NewResponseController(w).Flush()
			s.hold(r.Context(), 0)
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(text)
	})
}

// hold waits for so long, or for ever; false means that nobody waits any more.
func (s *Server) hold(ctx context.Context, d time.Duration) bool {
	var done <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		done = t.C
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-s.closed:
	}
	return false
}

// transport writes those faults that need no price.
func transport(w http.ResponseWriter, fault Fault) bool {
	page := "<!DOCTYPE html><html><title>Guest network</title><p>Please accept our terms.</html>"
	switch fault {
	case TooMany:
		w.Header().Set("Retry-After", "120")
		http.Error(w, `{"message":"Public rate limit exceeded"}`, http.StatusTooManyRequests)
	case Unavailable:
		w.Header().Set("Retry-After", "30")
		http.Error(w, page, http.StatusServiceUnavailable)
	case Broken:
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	case Forbidden:
		http.Error(w, page, http.StatusForbidden)
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	case Garbage:
		_, _ = io.WriteString(w, `["prices","are","elsewhere",{"bid":[]}]`)
	case Huge:
		_, _ = io.WriteString(w, `{"bid":"1","ask":"1","x":"`+strings.Repeat("x", 1<<20)+`"}`)
	case Elsewhere:
		w.Header().Set("Location", "http://portal.invalid/login")
		w.WriteHeader(http.StatusFound)
	default:
		return false
	}
	return true
}

// offer is bid and ask of a pair at an exchange, with the fault in them.
func (s *Server) offer(source, pair string, fault Fault) (bid, ask string, ok bool) {
	price, ok := s.price(pair)
	if !ok {
		return "", "", false
	}
	price = nudged(price, offsets[source])
	half := int64(halfSpread)
	if fault == Wide {
		half = 25_000
	}
	if fault == Times100 {
		price.Num *= 100
	}
	d := price.Num - nudged(price, -half).Num
	low, high := price, price
	low.Num -= d
	high.Num += d
	bid, ask = text(low), text(high)
	switch fault {
	case Swapped:
		bid, ask = ask, bid
	case Zero:
		bid, ask = "0.00", "0.00"
	case Negative:
		bid = "-" + bid
	case Float:
		bid, ask = "6.24105e4", "6.24105e4"
	}
	return bid, ask, true
}

// text writes a price with at least two decimals, as exchanges do.
func text(r money.Rate) string {
	s := r.String()
	_, frac, _ := strings.Cut(s, ".")
	switch len(frac) {
	case 0:
		return s + ".00"
	case 1:
		return s + "0"
	}
	return s
}

// now is the exchange's time, with the fault in it.
func (s *Server) now(source string, fault Fault) time.Time {
	switch fault {
	case Frozen:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.frozen[source]
	case Future:
		return s.opts.Now().Add(time.Hour)
	}
	return s.opts.Now()
}

func (s *Server) kraken(r *http.Request, fault Fault) (int, any) {
	fail := func(text string) (int, any) {
		return http.StatusOK, map[string]any{"error": []string{text}, "result": map[string]any{}}
	}
	if fault == ErrorIn200 {
		return fail("EAPI:Rate limit exceeded")
	}
	base, cur := halves(strings.Replace(r.URL.Query().Get("pair"), "XBT", "BTC", 1))
	bid, ask, ok := s.offer(Kraken, base+"/"+cur, fault)
	if !ok {
		return fail("EQuery:Unknown asset pair")
	}
	if fault == WrongPair {
		base = "XDG"
	}
	lots := func(price string) []string { return []string{price, "1", "1.000"} }
	day := func(price string) []string { return []string{price, price} }
	return http.StatusOK, map[string]any{"error": []string{}, "result": map[string]any{krakenKey(base, cur): map[string]any{
		"a": lots(ask), "b": lots(bid), "c": day(bid), "v": day("1843.1"), "p": day(bid), "t": []int{30211, 48112},
		"l": day(bid), "h": day(ask), "o": bid,
	}}}
}

// krakenKey is Kraken's own name of a pair: the old ones have an X before the
// coin and a Z before the currency, the newer ones have neither.
func krakenKey(base, cur string) string {
	old := map[string]string{"BTC": "XXBT", "ETH": "XETH", "EUR": "ZEUR"}
	oldCur := map[string]bool{"EUR": true, "USD": true, "GBP": true, "JPY": true, "CAD": true}
	name, isOld := old[base]
	if isOld && oldCur[cur] {
		return name + "Z" + cur
	}
	if base == "BTC" {
		base = "XBT"
	}
	return base + cur
}

func (s *Server) coinbase(r *http.Request, fault Fault) (int, any) {
	if fault == ErrorIn200 {
		return http.StatusOK, map[string]string{"message": "Trading is temporarily suspended"}
	}
	pair := strings.Replace(r.PathValue("id"), "-", "/", 1)
	bid, ask, ok := s.offer(Coinbase, pair, fault)
	if !ok {
		return http.StatusNotFound, map[string]string{"message": "NotFound"}
	}
	return http.StatusOK, map[string]any{
		"trade_id": 731190821, "price": bid, "size": "0.00120000", "volume": "9311.40018331",
		"time": s.now(Coinbase, fault).UTC().Format("2006-01-02T15:04:05.000000Z"), "bid": bid, "ask": ask,
	}
}

func (s *Server) bitstamp(r *http.Request, fault Fault) (int, any) {
	if fault == ErrorIn200 {
		return http.StatusOK, map[string]string{"status": "error", "reason": "Maintenance", "code": "API0000"}
	}
	base, cur := halves(strings.ToUpper(r.PathValue("pair")))
	bid, ask, ok := s.offer(Bitstamp, base+"/"+cur, fault)
	if !ok {
		return http.StatusNotFound, map[string]string{"status": "error", "reason": "Not found.", "code": "404.002"}
	}
	if fault == WrongPair {
		base = "DOGE"
	}
	return http.StatusOK, map[string]any{
		"timestamp": strconv.FormatInt(s.now(Bitstamp, fault).Unix(), 10), "open": bid, "high": ask, "low": bid, "last": bid, "volume": "1129.50871204",
		"vwap": bid, "bid": bid, "ask": ask, "side": "0", "open_24": bid, "percent_change_24": "0.42", "pair": base + "/" + cur,
	}
}

// halves cuts a pair's name before its last three letters, the currency.
func halves(name string) (base, cur string) {
	at := max(0, len(name)-3)
	return name[:at], name[at:]
}
