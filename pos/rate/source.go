package rate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/holiman/uint256"

	"github.com/cointill/till/pos/money"
)

// Pair is what is priced and in what: {"BTC", "EUR"}.
type Pair struct {
	Base  string // a coin's symbol, or a currency
	Quote money.Currency
}

func (p Pair) String() string { return p.Base + "/" + string(p.Quote) }

// Quote is what an exchange offers for a pair.
type Quote struct {
	Bid, Ask money.Rate
	Price    money.Rate // the exact middle
	// At is the time that the exchange put on it; zero where it puts none.
	At time.Time
}

// Source asks one exchange. Its errors are *Problem.
type Source interface {
	Name() string
	Quote(ctx context.Context, pair Pair) (Quote, error)
}

// maxSpread is how far apart bid and ask may be, in thousandths of the middle.
const maxSpread = 20

// makeQuote checks what was decoded.
func makeQuote(bid, ask string, at time.Time) (Quote, error) {
	b, err := money.ParseRate(bid)
	if err != nil {
		return Quote{}, &Problem{Code: NoPrice, Cause: err}
	}
	a, err := money.ParseRate(ask)
	if err != nil {
		return Quote{}, &Problem{Code: NoPrice, Cause: err}
	}
	if b.Cmp(a) > 0 {
		return Quote{}, &Problem{Code: Crossed}
	}
	price, err := b.Mid(a)
	if err != nil {
		return Quote{}, &Problem{Code: NoPrice, Cause: err}
	}
	if !near(a, b, price, maxSpread) {
		return Quote{}, &Problem{Code: Wide}
	}
	return Quote{Bid: b, Ask: a, Price: price, At: at}, nil
}

// near tells whether a and b are at most perMill thousandths of base apart.
func near(a, b, base money.Rate, perMill int64) bool {
	diff, unit := difference(a, b, base)
	return diff.Mul(&diff, uint256.NewInt(1000)).Cmp(unit.Mul(&unit, uint256.NewInt(uint64(perMill)))) <= 0
}

// apart is the difference between a and b in millionths of base, rounded up.
func apart(a, b, base money.Rate) int64 {
	diff, unit := difference(a, b, base)
	if unit.IsZero() {
		return 0
	}
	diff.Mul(&diff, uint256.NewInt(1_000_000)).Add(&diff, &unit).SubUint64(&diff, 1).Div(&diff, &unit)
	if !diff.IsUint64() || diff.Uint64() > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(diff.Uint64())
}

// difference is how far a and b are from each other, and base beside it at the
// same scale. With 18 decimals and 64 bits both are below 2^124, which leaves
// room for any factor.
func difference(a, b, base money.Rate) (diff, unit uint256.Int) {
	scale := max(a.Scale, b.Scale, base.Scale)
	x, y := widen(a, scale), widen(b, scale)
	if x.Lt(&y) {
		x, y = y, x
	}
	return *diff.Sub(&x, &y), widen(base, scale)
}

func widen(r money.Rate, scale uint8) (n uint256.Int) {
	n.Exp(uint256.NewInt(10), uint256.NewInt(uint64(scale-r.Scale)))
	return *n.Mul(&n, uint256.NewInt(r.Num))
}

// exchange is a Source over HTTP.
type exchange struct {
	name   string
	base   string
	client *http.Client
	api    api
}

// api is what makes exchanges different.
type api struct {
	base   string // where it is on the internet
	path   func(Pair) string
	decode func(body []byte, pair Pair) (Quote, error)
	// lag is how far behind now an exchange's time stamp usually is, because
	// it is that of the last trade and not of the quote.
	lag time.Duration
}

var apis = map[string]api{
	"kraken":   {"https://api.kraken.com", krakenPath, decodeKraken, 0},
	"coinbase": {"https://api.exchange.coinbase.com", coinbasePath, decodeCoinbase, 5 * time.Minute},
	"bitstamp": {"https://www.bitstamp.net", bitstampPath, decodeBitstamp, 0},
}

// SourceNames lists the exchanges that NewSource knows.
func SourceNames() []string {
	names := make([]string, 0, len(apis))
	for name := range apis {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// NewSource makes the source of an exchange by its name. An empty base is the
// exchange's own address; another, without a path of the API in it, is for
// mirrors, tests and demonstrations. The client brings proxy and TLS settings,
// nil is http.DefaultClient; its redirect policy is not used.
func NewSource(name, base string, client *http.Client) (Source, error) {
	a, ok := apis[name]
	if !ok {
		return nil, fmt.Errorf("%.20q is no price source that till knows; there are %s", name, strings.Join(SourceNames(), ", "))
	}
	if base == "" {
		base = a.base
	}
	if client == nil {
		client = http.DefaultClient
	}
	own := *client
	own.CheckRedirect = sameHost
	return &exchange{name, strings.TrimRight(base, "/"), &own, a}, nil
}

func (e *exchange) Name() string { return e.name }

func (e *exchange) Quote(ctx context.Context, pair Pair) (Quote, error) {
	body, err := get(ctx, e.client, e.base+e.api.path(pair))
	if err == nil {
		var q Quote
		if q, err = e.api.decode(body, pair); err == nil {
			if !q.At.IsZero() {
				q.At = q.At.Add(e.api.lag)
			}
			return q, nil
		}
	}
	p, ok := errors.AsType[*Problem](err)
	if !ok {
		p = &Problem{Code: Nonsense, Cause: err}
	}
	p.Source, p.Pair = e.name, pair
	return Quote{}, p
}
