package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// The networks that a watcher knows.
const (
	Mainnet  chain.Network = "bitcoin:mainnet"
	Testnet4 chain.Network = "bitcoin:testnet4" // BIP 94
	Signet   chain.Network = "bitcoin:signet"   // BIP 325
	Regtest  chain.Network = "bitcoin:regtest"
	Simnet   chain.Network = "bitcoin:simnet" // btcd's own
)

// Config says what to watch, through whom and where to keep the headers.
type Config struct {
	Network chain.Network
	// Dir is the folder of the light client: headers (about 110 MB on
	// mainnet) and what it needs to survive a restart. One till at a time.
	Dir string
	// Peers are "host:port" or "host", and then nobody else is asked. Empty
	// means that peers are found by the network's DNS seeds.
	Peers []string
	// Birthday is when the shop was opened: a zero cursor starts there instead
	// of at the tip. BirthdayHeight, where known, is the last block before it
	// and counts more.
	Birthday       time.Time
	BirthdayHeight uint64
	// BlockHeaders and FilterHeaders are files or http(s) URLs to import headers
	// from on the first start, both or none: in neutrino's import format, or the
	// block_headers.bin and reg_filter_headers.bin of another till's folder.
	BlockHeaders, FilterHeaders string
	// Proxy is the host:port of a SOCKS5 proxy through which everything goes
	// that Dial and Resolve do not do themselves.
	Proxy string
	// RelayPeers is how many peers are listened to for unconfirmed payments,
	// 8 unless given; with Peers at most as many as there are. -1 is none.
	RelayPeers int
	// RelayWarm, where positive, has relay peers only from when an address is
	// shown until so long after, and while a payment waits; 0 has them always.
	RelayWarm time.Duration
	// StaleAfter is the age at which the tip counts as stale; 0 means 90
	// minutes, and never on regtest and simnet.
	StaleAfter time.Duration

	// What comes from outside; each has a working default.
	Dial    func(ctx context.Context, addr net.Addr) (net.Conn, error)
	Resolve func(host string) ([]net.IP, error)
	Now     func() time.Time
	Random  func(n int64) int64 // uniform in [0, n), for jitter
	Logger  *slog.Logger
}

// Watcher watches one Bitcoin network. It implements chain.Watcher.
type Watcher struct {
	cfg     Config
	params  chaincfg.Params
	log     *slog.Logger
	targets *targets
	book    *book
	hub     *hub
	health  atomic.Pointer[chain.Health]
	running atomic.Bool
	tune    tuning
	backend backend // a server to ask instead of the light client, or nil
	recent  recent  // targets by when they were watched, for a backend

	warmUntil atomic.Pointer[time.Time] // see attend

	mu   sync.Mutex
	live *run // while Run runs
}

var _ chain.Watcher = (*Watcher)(nil)

// tuning holds the intervals that tests shorten.
type tuning struct {
	tick        time.Duration // fallback look at everything
	catchUp     time.Duration // between cursors while catching up
	evidence    time.Duration // between two Evidence of a payment
	request     time.Duration // until a transaction is asked of the next announcer
	behind      time.Duration // peers ahead for so long: reconnect
	query       time.Duration // for one filter or block
	redialMin   time.Duration
	redialMax   time.Duration
	handshake   time.Duration
	idle        time.Duration // a filter peer says nothing
	ping        time.Duration
	progress    time.Duration // between two HealthChanged that differ in numbers only
	audit       time.Duration // between looks at the archive's addresses
	forgetAfter time.Duration // an unconfirmed payment that nobody mined
	doubtAfter  time.Duration // one that most relay peers never announced
	backfill    time.Duration // between two questions for a peer's mempool
	patience    time.Duration // for a server's answer
	fees        time.Duration // between two questions for estimates of fees
	parting     time.Duration // for the light client to end
	relayAll    time.Duration // how long a start waits for every relay peer …
	relaySome   time.Duration // … and for as many as evidence takes
}

func defaultTuning() tuning {
	return tuning{
		tick: time.Second, catchUp: time.Second, evidence: 500 * time.Millisecond,
		request: 5 * time.Second, behind: 45 * time.Second, query: 45 * time.Second,
		redialMin: 500 * time.Millisecond, redialMax: 15 * time.Second,
		handshake: 15 * time.Second, idle: 150 * time.Second, ping: 30 * time.Second, progress: 5 * time.Second, audit: 24 * time.Hour,
		forgetAfter: 14 * 24 * time.Hour, doubtAfter: 24 * time.Hour,
		backfill: 45 * time.Second, patience: 20 * time.Second, fees: time.Minute, parting: 5 * time.Second, relayAll: 5 * time.Second, relaySome: 20 * time.Second,
	}
}

// New checks cfg and makes a watcher; nothing is opened or dialled before Run.
func New(cfg Config) (*Watcher, error) {
	params, err := paramsOf(cfg.Network)
	if err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, errors.New("the Bitcoin light client needs a folder for its headers: name one")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the Bitcoin light client's folder cannot be made: %w", err)
	}
	if (cfg.BlockHeaders == "") != (cfg.FilterHeaders == "") {
		return nil, errors.New("importing Bitcoin headers needs two files, block headers and filter headers: name both or none")
	}
	for _, peer := range cfg.Peers {
		if host, _ := splitPeer(peer, params.DefaultPort); host == "" {
			return nil, fmt.Errorf("the Bitcoin peer %.80q is not host:port", peer)
		}
	}
	if isDev(params.Net) && len(cfg.Peers) == 0 {
		return nil, fmt.Errorf("%s has no public peers: name at least one", cfg.Network)
	}
	switch {
	case cfg.RelayPeers < 0:
		cfg.RelayPeers = 0
	case cfg.RelayPeers == 0:
		cfg.RelayPeers = 8
	}
	cfg.RelayPeers = min(cfg.RelayPeers, 32)
	if len(cfg.Peers) > 0 {
		cfg.RelayPeers = min(cfg.RelayPeers, len(cfg.Peers))
		params.DNSSeeds = nil // chosen peers are the only ones to be asked
	}
	if cfg.StaleAfter == 0 && !isDev(params.Net) {
		cfg.StaleAfter = 90 * time.Minute
	}
	if cfg.Random == nil {
		cfg.Random = rand.Int64N
	}
	if err := newTunnel(&cfg); err != nil {
		return nil, err
	}
	if cfg.Dial == nil {
		dialer := &net.Dialer{Timeout: 10 * time.Second}
		cfg.Dial = func(ctx context.Context, addr net.Addr) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", addr.String())
		}
	}
	if cfg.Resolve == nil {
		cfg.Resolve = net.LookupIP
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{cfg: cfg, params: params, log: cfg.Logger, tune: defaultTuning()}
	w.targets = newTargets(&w.params)
	w.book = newBook()
	w.hub = newHub(w)
	w.health.Store(&chain.Health{State: chain.Connecting, Code: chain.HealthNoPeers, Trust: chain.TrustOwnClient, Of: w.wanted()})
	return w, nil
}

// paramsOf returns btcd's parameters for a network, as a copy.
func paramsOf(network chain.Network) (chaincfg.Params, error) {
	switch network {
	case Mainnet:
		return chaincfg.MainNetParams, nil
	case Testnet4:
		return chaincfg.TestNet4Params, nil
	case Signet:
		return chaincfg.SigNetParams, nil
	case Regtest:
		return chaincfg.RegressionNetParams, nil
	case Simnet:
		return chaincfg.SimNetParams, nil
	}
	return chaincfg.Params{}, fmt.Errorf("%.40q is not a Bitcoin network that till knows: use %s, %s, %s, %s or %s", network, Mainnet, Testnet4, Signet, Regtest, Simnet)
}

// isDev tells the private networks, which have no seeds and no steady blocks.
func isDev(net wire.BitcoinNet) bool {
	return net == chaincfg.RegressionNetParams.Net || net == chaincfg.SimNetParams.Net
}

// splitPeer separates "host:port", filling in the network's port.
func splitPeer(peer, port string) (host, p string) {
	host, p, err := net.SplitHostPort(peer)
	if err != nil {
		return peer, port
	}
	return host, p
}

// Health implements chain.Watcher.
func (w *Watcher) Health() chain.Health { return *w.health.Load() }

// Capabilities implements chain.Watcher.
func (w *Watcher) Capabilities() chain.Capabilities {
	if w.backend != nil {
		return w.servedCapabilities()
	}
	relay := w.cfg.RelayPeers > 0
	return chain.Capabilities{Unconfirmed: relay, Evidence: relay, Backfill: relay && w.hub.answers(), LookupTx: true, LookupBlock: true}
}
