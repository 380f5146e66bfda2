// Package feedtest is three exchanges in this process: an HTTP server on the
// loopback that answers as Kraken, Coinbase Exchange and Bitstamp do, with
// prices that walk slowly or that a test sets, and with every fault that a
// price feed must survive. Tests and the demonstration use it.
//
// What may not enter: the feed itself, so that the two are written from the
// exchanges' documentation independently.
package feedtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cointill/till/pos/money"
)

// Options of a server. The zero value serves DefaultPrices, walking.
type Options struct {
	// Prices at the start by pair, "BTC/EUR": "62410.50". A pair that is not
	// in here is not offered.
	Prices map[string]string
	// Price, where set, gives every price instead, "" for not offered.
	Price func(pair string, at time.Time) string
	// Still prices do not walk.
	Still bool
	Seed  uint64
	// Step is the time between two steps of the walk, 5 s by default.
	Step time.Duration
	Now  func() time.Time // the computer's clock by default
}

var dollarCoins = []string{"USDC", "USDT", "DAI"}

// DefaultPrices returns plausible prices of BTC, ETH and three dollar coins in
// some currencies.
func DefaultPrices() map[string]string {
	prices := map[string]string{
		"BTC/USD": "67560.00", "BTC/EUR": "62410.50", "BTC/GBP": "52170.00", "BTC/CHF": "58420.00", "BTC/JPY": "10134000", "BTC/CAD": "93900.00", "BTC/AUD": "102300.00",
		"ETH/USD": "2509.30", "ETH/EUR": "2318.07", "ETH/GBP": "1937.70", "ETH/CHF": "2169.90", "ETH/JPY": "376400", "ETH/CAD": "3487.60", "ETH/AUD": "3799.50",
		"EUR/USD": "1.0825",
	}
	for _, coin := range dollarCoins {
		for cur, p := range map[string]string{"USD": "1.0000", "EUR": "0.92380", "GBP": "0.77220", "CHF": "0.86470", "JPY": "150.000", "CAD": "1.38990", "AUD": "1.51420"} {
			prices[coin+"/"+cur] = p
		}
	}
	return prices
}

// The exchanges' names.
const (
	Kraken   = "kraken"
	Coinbase = "coinbase"
	Bitstamp = "bitstamp"
)

// Server is the three exchanges. It is an http.Handler too, for tests without
// sockets.
type Server struct {
	opts   Options
	start  time.Time
	mux    *http.ServeMux
	http   *http.Server
	addr   string
	closed chan struct{}

	mu       sync.Mutex
	walks    map[string]*walk
	faults   map[string]Fault
	latency  map[string]time.Duration
	frozen   map[string]time.Time
	requests map[string]int
}

// New makes a server that listens nowhere. It fails on prices that cannot be
// read.
func New(opts Options) (*Server, error) {
	if opts.Prices == nil {
		opts.Prices = DefaultPrices()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Step <= 0 {
		opts.Step = 5 * time.Second
	}
	s := &Server{
		opts: opts, start: opts.Now(), closed: make(chan struct{}),
		walks: make(map[string]*walk), faults: make(map[string]Fault), latency: make(map[string]time.Duration),
		frozen: make(map[string]time.Time), requests: make(map[string]int),
	}
	for pair, price := range maps.All(opts.Prices) {
		coin, dollar := strings.CutSuffix(pair, "/USD")
		atPar := dollar && slices.Contains(dollarCoins, coin) // these do not wander off
		if err := s.put(pair, price, !opts.Still && !atPar); err != nil {
			return nil, err
		}
	}
	s.mux = s.routes()
	return s, nil
}

// Start makes a server and serves it on a free port of 127.0.0.1.
func Start(opts Options) (*Server, error) {
	s, err := New(opts)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the practice exchanges cannot listen: %w", err)
	}
	s.addr = l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }()
	return s, nil
}

// URL is the base address of an exchange.
func (s *Server) URL(source string) string { return "http://" + s.addr + "/" + source }

// Close ends the server and every request.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return nil
	default:
		close(s.closed)
	}
	if s.http == nil {
		return nil
	}
	return s.http.Close()
}

// Set pins a pair at a price. The feed's median of the three exchanges is then
// exactly this price.
func (s *Server) Set(pair, price string) error { return s.put(pair, price, false) }

func (s *Server) put(pair, price string, walks bool) error {
	r, err := money.ParseRate(price)
	if err != nil {
		return fmt.Errorf("the practice price of %s: %w", pair, err)
	}
	// Six digits, so that a small part of it is still a whole number.
	for r.Num < 1_000_000 && r.Scale < 17 {
		r.Num *= 10
		r.Scale++
	}
	if r.Num > 1e12 {
		return fmt.Errorf("the practice price of %s: %w", pair, money.ErrRange)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var seed uint64
	for _, c := range pair {
		seed = seed*131 + uint64(c)
	}
	s.walks[pair] = &walk{from: r, moves: walks, rand: rand.New(rand.NewPCG(s.opts.Seed, seed))}
	return nil
}

// Latency delays every answer of an exchange.
func (s *Server) Latency(source string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency[source] = d
}

// Fault makes an exchange fail in one way, or work again with None.
func (s *Server) Fault(source string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[source] = f
	s.frozen[source] = s.opts.Now()
}

// Requests counts what an exchange was asked so far.
func (s *Server) Requests(source string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[source]
}

// walk is a price that moves by small random steps and is drawn back to where
// it began, never more than two percent away from it. In millionths, so that
// no float is near a price.
type walk struct {
	from   money.Rate
	moves  bool
	rand   *rand.Rand
	steps  int64
	offset int64 // millionths of from
}

const (
	million   = 1_000_000
	stride    = 200    // millionths, the largest step
	leash     = 20_000 // millionths
	catchUpBy = 10_000 // steps that are walked at most at once
)

func (w *walk) at(steps int64) money.Rate {
	for w.steps = max(w.steps, steps-catchUpBy); w.moves && w.steps < steps; w.steps++ {
		w.offset += w.rand.Int64N(2*stride+1) - stride - w.offset/100
		w.offset = min(max(w.offset, -leash), leash)
	}
	return nudged(w.from, w.offset)
}

// nudged is a price changed by so many millionths, rounded down.
func nudged(r money.Rate, millionths int64) money.Rate {
	change := int64(r.Num) / million * millionths
	change += int64(r.Num) % million * millionths / million
	return money.Rate{Num: uint64(int64(r.Num) + change), Scale: r.Scale}
}

// price is what a pair costs now; false where it is not offered.
func (s *Server) price(pair string) (money.Rate, bool) {
	now := s.opts.Now()
	if s.opts.Price != nil {
		r, err := money.ParseRate(s.opts.Price(pair, now))
		return r, err == nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.walks[pair]
	if !ok {
		return money.Rate{}, false
	}
	return w.at(int64(now.Sub(s.start) / s.opts.Step)), true
}
