package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
	"github.com/cointill/till/chain/ethereum"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/rate"
)

// emptyArchive is for watchers that only look around.
type emptyArchive struct{}

func (emptyArchive) Owner(chain.Destination) (string, bool) { return "", false }
func (emptyArchive) All() iter.Seq2[string, chain.Destination] {
	return func(func(string, chain.Destination) bool) {}
}

// glance runs a watcher until enough of its health or until ctx ends, and
// returns its last health.
func glance(ctx context.Context, w chain.Watcher, enough func(chain.Health) bool) chain.Health {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx, chain.Cursor{}, emptyArchive{}, func(context.Context, []chain.Event, chain.Cursor) error { return nil })
	}()
	ticks := time.NewTicker(100 * time.Millisecond)
	defer ticks.Stop()
	health := w.Health()
	for !enough(health) {
		select {
		case <-ticks.C:
			health = w.Health()
			continue
		case <-done:
		case <-ctx.Done():
		}
		break
	}
	health = w.Health()
	cancel()
	<-done
	return health
}

// checkBitcoin connects with a light client of its own in a temporary folder:
// the real one belongs to the register.
func checkBitcoin(ctx context.Context, s *settings) []finding {
	dir, err := os.MkdirTemp("", "till-doctor-")
	if err != nil {
		return []finding{noted("Bitcoin", "no temporary folder, so the nodes were not asked; set TMPDIR")}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := bitcoin.New(bitcoin.Config{
		Network: s.bitcoin.network, Dir: dir, Peers: s.bitcoin.peers, Proxy: s.bitcoin.proxy, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return []finding{faulty("Bitcoin", "%s", err)}
	}
	own := filepath.Join(s.data, "bitcoin")
	before, _ := bitcoin.Headers(own)
	began := time.Now()
	h := glance(ctx, w, func(h chain.Health) bool {
		return h.Peers > 0 && (h.Relays > 0 || len(s.bitcoin.peers) > 0 && h.Usable())
	})
	whom, serve := "the nodes found by DNS", "serve"
	switch n := len(s.bitcoin.peers); {
	case n == 1:
		whom, serve = "your node", "serves"
	case n > 1:
		whom = "your " + counted(n, "node")
	}
	switch {
	case h.Peers == 0 && h.Code == chain.HealthNoFilters:
		return []finding{faulty("Bitcoin", "%s %s no compact filters (BIP 157); switch them on there (blockfilterindex=1, peerblockfilters=1) or name another node", whom, serve)}
	case h.Peers == 0:
		answers := "none of " + whom + " answers"
		if len(s.bitcoin.peers) == 1 {
			answers = s.bitcoin.peers[0] + " does not answer"
		}
		return []finding{faulty("Bitcoin", "%s as a %s node; check the address, the network and the firewall", answers, strings.TrimPrefix(string(s.bitcoin.network), "bitcoin:"))}
	case h.Relays == 0:
		return append([]finding{noted("Bitcoin", "%s: connected, but none passes on unconfirmed payments; they will be seen with their first block", whom)},
			checkHeaders(own, before, time.Since(began), h.Goal)...)
	}
	return append([]finding{good("Bitcoin", "%s: %s for blocks, %d for unconfirmed payments", whom, counted(h.Peers, "peer"), h.Relays)},
		checkHeaders(own, before, time.Since(began), h.Goal)...)
}

// checkEVM looks at one endpoint: does it answer, on which chain, and are the
// tokens what the configuration says.
func checkEVM(ctx context.Context, e evmSettings, endpoint string) []finding {
	what, name := e.chain.name, publicEndpoint(endpoint)
	w, err := ethereum.New(ethereum.Config{
		ChainID: e.chain.id, Endpoints: []string{endpoint}, Native: e.chain.native(), Tokens: tokensOf(e.assets),
		BlockTime: e.chain.block, Lean: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return []finding{faulty(what, "%s", err)}
	}
	settled := func(h chain.Health) bool {
		switch h.Code {
		case chain.HealthWrongNetwork, chain.HealthWrongToken, chain.HealthUnreachable, chain.HealthLimited:
			return true
		}
		return h.Usable() && h.Code != chain.HealthStale
	}
	h := glance(ctx, w, settled)
	switch h.Code {
	case chain.HealthWrongNetwork:
		return []finding{faulty(what, "%s is on another chain than %d; check the URL", name, e.chain.id)}
	case chain.HealthWrongToken:
		return []finding{faulty(what, "%s: a token there is not what the configuration says (%s); check its contract and decimals", name, h.Detail)}
	case chain.HealthLimited:
		return []finding{faulty(what, "%s asks till to come less often; take a larger plan or another endpoint", name)}
	case chain.HealthStale:
		return []finding{faulty(what, "%s answers, but its last block is old; take another endpoint", name)}
	}
	if !h.Usable() || h.Code == chain.HealthUnreachable {
		return []finding{faulty(what, "%s does not answer; check the URL, its key and the firewall", name)}
	}
	return []finding{good(what, "%s answers, block %d", name, h.Height)}
}

// dates collects what servers say the time is.
type dates struct {
	http.RoundTripper
	mu   sync.Mutex
	best time.Duration // smallest difference to this clock, either way
	any  bool
}

func (d *dates) RoundTrip(r *http.Request) (*http.Response, error) {
	before := time.Now()
	resp, err := d.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The header has whole seconds; the middle of the exchange is the
		// fairest moment to compare with.
		off := before.Add(time.Since(before) / 2).Sub(t.Add(500 * time.Millisecond))
		d.mu.Lock()
		if !d.any || off.Abs() < d.best.Abs() {
			d.best, d.any = off, true
		}
		d.mu.Unlock()
	}
	return resp, nil
}

func (d *doctor) checkRates(ctx context.Context, s *settings) []finding {
	if len(s.rates.sources) == 0 {
		return []finding{noted("prices", "FIXED RATE: prices come from the configuration and from nowhere else")}
	}
	clock := &dates{RoundTripper: http.DefaultTransport}
	client := *exchanges
	client.Transport = clock
	found := d.askSources(ctx, s, &client)
	switch {
	case !clock.any:
		found = append(found, noted("clock", "nobody answered, so this clock could not be compared"))
	case clock.best.Abs() > time.Minute:
		found = append(found, faulty("clock", "this machine's clock is %s off the exchanges'; switch on time synchronisation (NTP)", clock.best.Abs().Round(time.Second)))
	case clock.best.Abs() > 5*time.Second:
		found = append(found, noted("clock", "this machine's clock is %s off the exchanges'; switch on time synchronisation (NTP)", clock.best.Abs().Round(time.Second)))
	default:
		found = append(found, good("clock", "within %s of the exchanges'", max(time.Second, clock.best.Abs().Round(time.Second))))
	}
	return found
}

// askSources asks every exchange once and reports each on a line.
func (d *doctor) askSources(ctx context.Context, s *settings, client *http.Client) []finding {
	var sources []rate.Source
	for _, name := range s.rates.sources {
		at := ""
		if d.exchange != nil {
			at = d.exchange(name)
		}
		source, err := rate.NewSource(name, at, client)
		if err != nil {
			return []finding{faulty("prices", "%s", err)}
		}
		sources = append(sources, source)
	}
	feed := rate.New(rate.Config{Sources: sources, Assets: s.shop.Assets, Currencies: s.shop.Currencies[:1], Fixed: s.rates.fixed, Depeg: s.rates.depeg})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = feed.Run(ctx)
	}()
	for !allAnswered(feed.Status()) {
		select {
		case <-feed.Changes():
			continue
		case <-time.After(200 * time.Millisecond):
			continue
		case <-ctx.Done():
		}
		break
	}
	status := feed.Status()
	cancel()
	<-done
	var found []finding
	for _, st := range status {
		var prices []string
		for _, q := range st.Quotes {
			if !q.Price.IsZero() {
				prices = append(prices, fmt.Sprintf("%s %s", q.Pair, q.Price))
			}
		}
		switch {
		case st.Err != nil:
			found = append(found, faulty("prices", "%s", st.Err))
		case len(prices) == 0:
			found = append(found, faulty("prices", "%s did not answer in time; check the internet connection", st.Name))
		default:
			found = append(found, good("prices", "%s: %s", st.Name, strings.Join(prices, ", ")))
		}
	}
	for _, q := range status[0].Quotes { // an alarm is the same at every source
		if q.Alarm != nil {
			found = append(found, faulty("prices", "%s", q.Alarm))
		}
	}
	if s.rates.spread > 0 {
		found = append(found, noted("prices", "the customer pays %s %% more than these prices (rates.spread)", money.Rate{Num: uint64(s.rates.spread), Scale: 2}))
	}
	return found
}

func allAnswered(status []rate.SourceStatus) bool {
	for _, st := range status {
		for _, q := range st.Quotes {
			if q.Price.IsZero() && q.Err == nil {
				return false
			}
		}
	}
	return true
}
