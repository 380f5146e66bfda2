package bitcoin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// EsploraConfig is for a watcher that asks an Esplora server or mempool.space.
type EsploraConfig struct {
	Server
	// URL is the base of its API, "https://mempool.space/api".
	URL string
	// Assist makes a watcher that stands beside a better one (see Multi): of
	// blocks it reads only the headers and the payments that it saw waiting.
	Assist bool
	// Poll is the pause between two looks; 0 means 5 s.
	Poll time.Duration
	// Proxy is the host:port of a SOCKS5 proxy that resolves the server's name, too.
	Proxy string
	HTTP  *http.Client
}

// NewEsplora makes a watcher that asks one server. Blocks are read whole and
// checked against their header, so it can hide or delay a payment but not invent
// a mined one without the work. The addresses that were shown last it is asked
// for one by one: it learns them.
func NewEsplora(cfg EsploraConfig) (*Watcher, error) {
	u, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New(`this is not the address of an Esplora server; write it like "https://esplora.example/api"`)
	}
	if cfg.Poll == 0 {
		cfg.Poll = 5 * time.Second
	}
	via := http.ProxyFromEnvironment
	if cfg.Proxy != "" {
		via = http.ProxyURL(&url.URL{Scheme: "socks5", Host: cfg.Proxy})
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, Proxy: via},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	b := &esplora{network: cfg.Network, base: u, http: cfg.HTTP, via: via, assist: cfg.Assist, poll: cfg.Poll}
	w, err := newServer(cfg.Server, b)
	if err != nil {
		return nil, err
	}
	b.w = w
	return w, nil
}

const (
	freshTargets = 32 // addresses shown last, which are asked for often
	asksPerLook  = 10 // addresses and payments that one look asks for
	restOfRest   = 10 * time.Minute
	maxText      = 4 << 20 // any answer but a block
)

// esplora speaks Esplora's HTTP API
// (github.com/Blockstream/esplora/blob/master/API.md).
type esplora struct {
	w       *Watcher
	network chain.Network
	base    *url.URL
	http    *http.Client
	via     func(*http.Request) (*url.URL, error)
	assist  bool
	poll    time.Duration

	// The session's own.
	asked  map[chain.Destination]time.Time
	seen   map[chainhash.Hash]time.Time // payments that were asked for
	tipAt  uint64
	tipOf  chainhash.Hash
	mu     sync.Mutex
	urgent map[chain.Destination]bool  // the websocket named them
	took   map[uint64][]chainhash.Hash // by height: they took a payment's coins
}

func (e *esplora) name() string { return e.base.Host }

func (e *esplora) traits() traits {
	return traits{trust: chain.TrustOneServer, lookupAddr: true, whole: !e.assist, poll: e.poll}
}

var errNotThere = errors.New("the server does not know it")

// get fetches one path.
func (e *esplora) get(ctx context.Context, most int64, path ...any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, e.w.tune.patience)
	defer cancel()
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = fmt.Sprint(p)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base.JoinPath(parts...).String(), nil)
	if err != nil {
		return nil, errors.New("the server's address cannot be used")
	}
	resp, err := e.http.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, plain(err)
	case int64(len(raw)) > most:
		return nil, errors.New("the server's answer is too long")
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusBadRequest:
		return nil, errNotThere
	case resp.StatusCode == http.StatusTooManyRequests:
		return nil, &serverError{chain.HealthLimited, fmt.Errorf("%s asks till to come less often", e.name())}
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %d", e.name(), resp.StatusCode)
	}
	return raw, nil
}

func (e *esplora) text(ctx context.Context, path ...any) (string, error) {
	raw, err := e.get(ctx, maxText, path...)
	return strings.TrimSpace(string(raw)), err
}

func (e *esplora) decode(ctx context.Context, into any, path ...any) error {
	raw, err := e.get(ctx, maxText, path...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s's answer is not of Esplora's shape", e.name())
	}
	return nil
}

func (e *esplora) connect(ctx context.Context, s *served) error {
	genesis, err := e.text(ctx, "block-height", 0)
	if err != nil {
		return err
	}
	if genesis != e.w.params.GenesisHash.String() {
		return wrongNetwork(e.name(), e.network)
	}
	e.asked, e.seen, e.tipOf = map[chain.Destination]time.Time{}, map[chainhash.Hash]time.Time{}, chainhash.Hash{}
	e.w.recent.ring(s.wakeUp)
	return nil
}

// summary is a block as Esplora's JSON has it.
type summary struct {
	ID        string `json:"id"`
	Height    uint64 `json:"height"`
	Version   int32  `json:"version"`
	Timestamp int64  `json:"timestamp"`
	Bits      uint32 `json:"bits"`
	Nonce     uint32 `json:"nonce"`
	Merkle    string `json:"merkle_root"`
	Previous  string `json:"previousblockhash"`
}

// header rebuilds the header, which must have the hash that it is listed under.
func (b *summary) header() (wire.BlockHeader, error) {
	var header wire.BlockHeader
	id, err := decodeHash(b.ID)
	if err != nil {
		return header, err
	}
	merkle, err := decodeHash(b.Merkle)
	if err != nil {
		return header, err
	}
	var previous chainhash.Hash
	if b.Previous != "" {
		if previous, err = decodeHash(b.Previous); err != nil {
			return header, err
		}
	}
	if b.Timestamp < 0 || b.Timestamp > 1<<32-1 {
		return header, errors.New("a block's time does not fit its header")
	}
	header = wire.BlockHeader{
		Version: b.Version, PrevBlock: previous, MerkleRoot: merkle, Timestamp: time.Unix(b.Timestamp, 0), Bits: b.Bits, Nonce: b.Nonce,
	}
	if header.BlockHash() != id {
		return header, errors.New("a block does not have its hash")
	}
	return header, nil
}

func (e *esplora) tip(ctx context.Context) (uint64, chainhash.Hash, error) {
	text, err := e.text(ctx, "blocks", "tip", "hash")
	if err != nil {
		return 0, chainhash.Hash{}, err
	}
	hash, err := decodeHash(text)
	if err != nil {
		return 0, hash, err
	}
	if hash != e.tipOf {
		var b summary
		if err := e.decode(ctx, &b, "block", text); err != nil {
			return 0, hash, err
		}
		e.tipAt, e.tipOf = b.Height, hash
	}
	return e.tipAt, hash, nil
}

// headers come ten or more at a time, the highest first.
func (e *esplora) headers(ctx context.Context, height uint64, n int) ([]wire.BlockHeader, error) {
	var list []summary
	if err := e.decode(ctx, &list, "blocks", height+uint64(min(n, 10))-1); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b summary) int { return int(int64(a.Height) - int64(b.Height)) })
	var headers []wire.BlockHeader
	for _, b := range list {
		if b.Height != height+uint64(len(headers)) || len(headers) == n {
			continue
		}
		header, err := b.header()
		if err != nil {
			return nil, lying("%s: %w", e.name(), err)
		}
		headers = append(headers, header)
	}
	return headers, nil
}

func (e *esplora) touches(context.Context, uint64, [][]byte) (bool, error) { return !e.assist, nil }

func (e *esplora) block(ctx context.Context, header *wire.BlockHeader, height uint64) (*wire.MsgBlock, error) {
	if !e.assist {
		raw, err := e.get(ctx, maxAnswer, "block", header.BlockHash(), "raw")
		if err != nil {
			return nil, err
		}
		return decodeRawBlock(raw)
	}
	block := wire.NewMsgBlock(header)
	wanted := e.spentIn(height)
	for _, r := range waitingIn(e.w.book) {
		at, err := e.find(ctx, r.txid)
		if err != nil {
			return nil, err
		}
		if at.mined && at.block == header.BlockHash().String() {
			wanted = append(wanted, r.txid)
		}
	}
	for _, txid := range wanted {
		tx, err := e.proven(ctx, txid, height, header)
		if err != nil {
			return nil, err
		}
		block.Transactions = append(block.Transactions, tx)
	}
	return block, nil
}

// proven is a transaction that the server shows to be in a block.
func (e *esplora) proven(ctx context.Context, txid chainhash.Hash, height uint64, header *wire.BlockHeader) (*wire.MsgTx, error) {
	tx, err := e.tx(ctx, txid)
	if err != nil {
		return nil, err
	}
	var proof merkleProof
	if err := e.decode(ctx, &proof, "tx", txid, "merkle-proof"); err != nil {
		return nil, err
	}
	if !proof.proves(tx, height, header) {
		return nil, fmt.Errorf("%s does not prove that %s is in block %d", e.name(), txid, height)
	}
	return tx, nil
}

func (e *esplora) tx(ctx context.Context, txid chainhash.Hash) (*wire.MsgTx, error) {
	text, err := e.text(ctx, "tx", txid, "hex")
	if err != nil {
		return nil, err
	}
	tx, err := decodeTxHex(text)
	if err == nil && tx.TxHash() != txid {
		err = lying("%s answers with another transaction than was asked for", e.name())
	}
	return tx, err
}

// spentIn lists the transactions in a block that took a payment's coins.
func (e *esplora) spentIn(height uint64) []chainhash.Hash {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.took[height]
}

// merkleProof is that of Electrum's protocol, which Esplora took over.
type merkleProof struct {
	Height uint64   `json:"block_height"`
	Branch []string `json:"merkle"`
	Pos    uint64   `json:"pos"`
}

// proves tells whether the proof shows that tx is in the header's block. A
// transaction of 64 bytes could be a node of the tree.
func (p *merkleProof) proves(tx *wire.MsgTx, height uint64, header *wire.BlockHeader) bool {
	if p.Height != height || len(p.Branch) > 32 || tx.SerializeSizeStripped() == 64 {
		return false
	}
	branch := make([]chainhash.Hash, len(p.Branch))
	for i, text := range p.Branch {
		var err error
		if branch[i], err = decodeHash(text); err != nil {
			return false
		}
	}
	return inBlock(tx.TxHash(), branch, p.Pos, header)
}

// unconfirmed asks for the addresses that were shown last, and by and by for
// the others; and after the payments that wait.
func (e *esplora) unconfirmed(ctx context.Context, s *served) error {
	now := e.w.cfg.Now()
	list, _ := e.w.recent.list()
	asks := 0
	e.mu.Lock()
	urgent := e.urgent
	e.urgent = nil
	e.mu.Unlock()
	for i, to := range list {
		rest := restOfRest
		if i < freshTargets {
			rest = e.poll * 9 / 10
		}
		if at, ok := e.asked[to]; ok && now.Sub(at) < rest && !urgent[to] {
			continue
		}
		if asks++; asks > asksPerLook && i >= freshTargets {
			break
		}
		if err := e.look(ctx, s, to); err != nil {
			return err
		}
		e.asked[to] = now
	}
	if len(e.asked) > 2*len(list)+1000 {
		e.asked = map[chain.Destination]time.Time{}
	}
	open := s.waiting(func(a, b *record) int { return e.seen[a.txid].Compare(e.seen[b.txid]) })
	for _, r := range open[:min(len(open), asksPerLook)] {
		if now.Sub(e.seen[r.txid]) < e.poll*9/10 {
			break
		}
		e.seen[r.txid] = now
		if err := s.check(ctx, r); err != nil {
			return err
		}
	}
	if len(e.seen) > 2*maxOpen {
		e.seen = map[chainhash.Hash]time.Time{}
	}
	return nil
}

// waitingTx is as much of Esplora's transaction as is needed.
type waitingTx struct {
	TxID   string `json:"txid"`
	Fee    uint64 `json:"fee"`
	Weight uint64 `json:"weight"`
	Status status `json:"status"`
}

type status struct {
	Confirmed bool   `json:"confirmed"`
	Height    uint64 `json:"block_height"`
	Hash      string `json:"block_hash"`
}

func (t *waitingTx) entry() entry {
	return entry{fee: t.Fee, vsize: (t.Weight + 3) / 4}
}

// look asks what waits for one address.
func (e *esplora) look(ctx context.Context, s *served, to chain.Destination) error {
	var list []waitingTx
	if err := e.decode(ctx, &list, "address", to, "txs", "mempool"); err != nil {
		return err
	}
	for _, one := range list[:min(len(list), maxOpenPerTarget)] {
		txid, err := decodeHash(one.TxID)
		if err != nil {
			return err
		}
		if one.Status.Confirmed || s.knows(txid) {
			continue
		}
		tx, err := e.tx(ctx, txid)
		if errors.Is(err, errNotThere) {
			continue // it went meanwhile
		} else if err != nil {
			return err
		}
		s.offer(tx, one.entry())
	}
	return nil
}

func (e *esplora) find(ctx context.Context, txid chainhash.Hash) (whereabouts, error) {
	var tx waitingTx
	err := e.decode(ctx, &tx, "tx", txid)
	switch {
	case errors.Is(err, errNotThere):
		return whereabouts{}, nil
	case err != nil:
		return whereabouts{}, err
	}
	return whereabouts{waiting: !tx.Status.Confirmed, mined: tx.Status.Confirmed, block: tx.Status.Hash, height: tx.Status.Height, entry: tx.entry()}, nil
}

func (e *esplora) spender(ctx context.Context, out wire.OutPoint) (by chainhash.Hash, height uint64, err error) {
	var spend struct {
		Spent  bool   `json:"spent"`
		TxID   string `json:"txid"`
		Status status `json:"status"`
	}
	err = e.decode(ctx, &spend, "tx", out.Hash, "outspend", strconv.FormatUint(uint64(out.Index), 10))
	switch {
	case errors.Is(err, errNotThere):
		return by, 0, nil
	case err != nil:
		return by, 0, err
	case !spend.Spent || spend.TxID == "":
		return by, 0, nil
	}
	if by, err = decodeHash(spend.TxID); err != nil || !e.assist || !spend.Status.Confirmed {
		return by, spend.Status.Height, err
	}
	at := spend.Status.Height
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.took == nil || len(e.took) > maxOpen {
		e.took = map[uint64][]chainhash.Hash{}
	}
	if !slices.Contains(e.took[at], by) {
		e.took[at] = append(e.took[at], by)
	}
	return by, at, nil
}
