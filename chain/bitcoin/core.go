package bitcoin

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// CoreConfig is for a watcher that asks the shop's own Bitcoin Core.
type CoreConfig struct {
	Server
	// URL is the node's RPC, "http://127.0.0.1:8332". It may hold user and
	// password; Cookie, the path of the node's .cookie, counts more.
	URL            string
	User, Password string
	Cookie         string
	// ZMQ are the node's publishers, "tcp://127.0.0.1:28332", of its topics
	// rawtx and hashblock. Without them the node is asked each second, and what
	// waits is seen a little later.
	ZMQ  []string
	HTTP *http.Client
}

// NewCore makes a watcher that asks a full node which the shop trusts. Blocks
// are read whole, so the node learns no address, and its work does not grow
// with them.
func NewCore(cfg CoreConfig) (*Watcher, error) {
	client, err := newRPC(cfg.URL, cfg.User, cfg.Password, cfg.Cookie, cfg.HTTP, 30*time.Second)
	if err != nil {
		return nil, err
	}
	b := &core{rpc: client, network: cfg.Network, label: hostOf(client.url), bell: map[string]bool{}}
	for _, address := range cfg.ZMQ {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "tcp" || u.Port() == "" {
			return nil, fmt.Errorf(`%.80q is not a ZMQ publisher; write it like "tcp://127.0.0.1:28332"`, address)
		}
		b.zmq = append(b.zmq, u.Host)
	}
	w, err := newServer(cfg.Server, b)
	if err != nil {
		return nil, err
	}
	b.w = w
	return w, nil
}

func hostOf(text string) string {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return u.Host
	}
	return "the server"
}

const (
	rpcChunk    = 100   // questions in one request
	scanPerLook = 2_000 // transactions fetched before the tip is looked at again
	// scanPause is between two lists of all that waits when the node tells of
	// every transaction by itself.
	scanPause = 30 * time.Second
)

// core speaks to Bitcoin Core, and to btcd as far as that does the same.
type core struct {
	w       *Watcher
	rpc     *rpc
	network chain.Network
	label   string
	zmq     []string

	mu   sync.Mutex
	bell map[string]bool // publishers that are connected
	wake func()          // of the session
	late bool            // an address is watched that may have been paid before

	// Below is the session's own.
	looked  map[uint64]bool // transactions of the mempool that were looked at, by 8 bytes of their id
	scanned time.Time
	took    time.Duration
	scanTip chainhash.Hash
}

func (c *core) name() string { return c.label }

func (c *core) traits() traits {
	return traits{trust: chain.TrustOwnNode, ownNode: true, whole: true, poll: time.Second}
}

func (c *core) connect(ctx context.Context, s *served) error {
	var genesis string
	if err := c.rpc.ask(ctx, &genesis, "getblockhash", 0); err != nil {
		if isRPC(err, rpcWarmUp) {
			return &serverError{chain.HealthBehind, errors.New("the node is starting")}
		}
		return err
	}
	if genesis != c.w.params.GenesisHash.String() {
		return wrongNetwork(c.label, c.network)
	}
	c.looked, c.scanned = nil, time.Time{}
	c.mu.Lock()
	c.wake = s.wakeUp
	c.mu.Unlock()
	return nil
}

// reopen has all that waits looked at again, for an address that is watched late.
func (c *core) reopen() {
	c.mu.Lock()
	wake := c.wake
	c.late = true
	c.mu.Unlock()
	if wake != nil {
		wake()
	}
}

func (c *core) tip(ctx context.Context) (uint64, chainhash.Hash, error) {
	var info struct {
		Blocks               uint64 `json:"blocks"`
		Headers              uint64 `json:"headers"`
		BestBlockHash        string `json:"bestblockhash"`
		InitialBlockDownload bool   `json:"initialblockdownload"`
	}
	if err := c.rpc.ask(ctx, &info, "getblockchaininfo"); err != nil {
		return 0, chainhash.Hash{}, err
	}
	if info.InitialBlockDownload && !isDev(c.w.params.Net) {
		return 0, chainhash.Hash{}, &serverError{chain.HealthBehind, fmt.Errorf("the node is still fetching the chain: block %d of %d", info.Blocks, info.Headers)}
	}
	hash, err := decodeHash(info.BestBlockHash)
	return info.Blocks, hash, err
}

func (c *core) headers(ctx context.Context, height uint64, n int) ([]wire.BlockHeader, error) {
	n = min(n, rpcChunk)
	hashes, err := c.many(ctx, n, func(i int) *call { return &call{method: "getblockhash", params: []any{height + uint64(i)}} })
	if err != nil {
		return nil, err
	}
	texts, err := c.many(ctx, n, func(i int) *call { return &call{method: "getblockheader", params: []any{hashes[i], false}} })
	if err != nil {
		return nil, err
	}
	headers := make([]wire.BlockHeader, n)
	for i, text := range texts {
		if headers[i], err = decodeHeaderHex(text); err != nil {
			return nil, err
		}
	}
	return headers, nil
}

// many puts questions whose answers are texts, and wants all of them.
func (c *core) many(ctx context.Context, n int, question func(int) *call) ([]string, error) {
	calls := make([]*call, n)
	for i := range calls {
		calls[i] = question(i)
	}
	if err := c.rpc.batch(ctx, calls); err != nil {
		return nil, err
	}
	texts := make([]string, n)
	for i, one := range calls {
		if one.err != nil {
			return nil, one.err
		}
		if err := json.Unmarshal(one.result, &texts[i]); err != nil {
			return nil, fmt.Errorf("the answer to %s is not of the shape that Bitcoin Core documents", one.method)
		}
	}
	return texts, nil
}

func (c *core) block(ctx context.Context, header *wire.BlockHeader, _ uint64) (*wire.MsgBlock, error) {
	var text string
	if err := c.rpc.ask(ctx, &text, "getblock", header.BlockHash().String(), 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("a block is not hexadecimal")
	}
	return decodeRawBlock(raw)
}

// touches is true: the node hands out whole blocks for little.
func (c *core) touches(context.Context, uint64, [][]byte) (bool, error) { return true, nil }

// unconfirmed looks at what has come into the mempool since the last look, and
// after each payment that is no longer in it.
func (c *core) unconfirmed(ctx context.Context, s *served) error {
	c.mu.Lock()
	late := c.late
	c.late = false
	c.mu.Unlock()
	if late {
		c.looked, c.scanned = nil, time.Time{}
	}
	tip := s.tipHash()
	// The list of all that waits is long on a busy network: at most a twentieth
	// of the time goes into it.
	rest := max(c.w.tune.tick/2, 20*c.took)
	if c.told() {
		rest = max(rest, scanPause)
	}
	due := c.w.cfg.Now().Sub(c.scanned) >= rest || tip != c.scanTip
	for _, r := range s.waiting(nil) {
		if !due && c.told() {
			// The node says what comes, not what goes.
			if err := s.check(ctx, r); err != nil {
				return err
			}
		}
	}
	if !due {
		return nil
	}
	began := c.w.cfg.Now()
	var texts []string
	if err := c.rpc.ask(ctx, &texts, "getrawmempool"); err != nil {
		return err
	}
	c.took = c.w.cfg.Now().Sub(began)
	here := make(map[uint64]bool, len(texts))
	var fresh []string
	for _, text := range texts {
		txid, err := decodeHash(text)
		if err != nil {
			return err
		}
		key := short(txid)
		switch {
		case c.looked[key]:
			here[key] = true
		case len(fresh) < scanPerLook:
			here[key] = true
			fresh = append(fresh, text)
		}
	}
	for _, r := range s.waiting(nil) {
		if !here[short(r.txid)] {
			if err := s.check(ctx, r); err != nil {
				return err
			}
		}
	}
	if err := c.fetch(ctx, s, fresh); err != nil {
		return err
	}
	c.looked = here
	if len(fresh) == scanPerLook {
		s.wakeUp()
		return nil
	}
	c.scanned, c.scanTip = c.w.cfg.Now(), tip
	return nil
}

// short is enough of a transaction's id to tell those of one mempool apart.
func short(txid chainhash.Hash) uint64 { return binary.LittleEndian.Uint64(txid[8:]) }

// fetch reads transactions and offers those that concern us.
func (c *core) fetch(ctx context.Context, s *served, txids []string) error {
	for len(txids) > 0 {
		part := txids[:min(len(txids), rpcChunk)]
		txids = txids[len(part):]
		calls := make([]*call, len(part))
		for i, txid := range part {
			calls[i] = &call{method: "getrawtransaction", params: []any{txid}}
		}
		if err := c.rpc.batch(ctx, calls); err != nil {
			return err
		}
		for _, one := range calls {
			var text string
			if one.err != nil || json.Unmarshal(one.result, &text) != nil {
				continue // it left meanwhile
			}
			tx, err := decodeTxHex(text)
			if err != nil {
				return err
			}
			if err := c.hint(ctx, s, tx); err != nil {
				return err
			}
		}
	}
	return nil
}

// hint takes a transaction that is said to wait. Only what the node itself says
// when asked counts.
func (c *core) hint(ctx context.Context, s *served, tx *wire.MsgTx) error {
	if !s.concerns(tx) {
		return nil
	}
	at, err := c.find(ctx, tx.TxHash())
	if err == nil && at.waiting {
		s.offer(tx, at.entry)
	}
	return err
}

func (c *core) find(ctx context.Context, txid chainhash.Hash) (whereabouts, error) {
	var e struct {
		VSize         uint64 `json:"vsize"`
		AncestorCount int    `json:"ancestorcount"`
		Fees          struct {
			Base json.Number `json:"base"`
		} `json:"fees"`
	}
	err := c.rpc.ask(ctx, &e, "getmempoolentry", txid.String())
	switch {
	case err == nil:
		at := whereabouts{waiting: true, entry: entry{vsize: e.VSize, ancestors: max(e.AncestorCount-1, 0)}}
		at.entry.fee, _ = satoshi(e.Fees.Base)
		return at, nil
	case isRPC(err, rpcNotFound):
		return whereabouts{}, nil
	case !isRPC(err, rpcNoMethod, rpcMisc):
		return whereabouts{}, err
	}
	// btcd: of a transaction in a block it speaks only with its index.
	var tx struct {
		BlockHash string `json:"blockhash"`
	}
	err = c.rpc.ask(ctx, &tx, "getrawtransaction", txid.String(), 1)
	switch {
	case isRPC(err, rpcNotFound):
		return whereabouts{}, nil
	case err != nil:
		return whereabouts{}, err
	}
	return whereabouts{waiting: tx.BlockHash == "", mined: tx.BlockHash != "", block: tx.BlockHash}, nil
}

func (c *core) spender(ctx context.Context, out wire.OutPoint) (by chainhash.Hash, height uint64, err error) {
	var list []struct {
		SpendingTxID string `json:"spendingtxid"`
	}
	err = c.rpc.ask(ctx, &list, "gettxspendingprevout", []any{map[string]any{"txid": out.Hash.String(), "vout": out.Index}})
	switch {
	case isRPC(err, rpcNoMethod, rpcMisc):
		return by, 0, nil // Bitcoin Core before 24
	case err != nil:
		return by, 0, err
	case len(list) != 1 || list[0].SpendingTxID == "":
		return by, 0, nil
	}
	by, err = decodeHash(list[0].SpendingTxID)
	return by, 0, err
}

// told tells whether the node says by itself what comes into its mempool.
func (c *core) told() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.zmq) > 0 && len(c.bell) == len(c.zmq)
}

// listen follows the node's publishers, each for itself. That they are gone
// costs time and nothing else.
func (c *core) listen(ctx context.Context, s *served) error {
	var wg sync.WaitGroup
	for _, address := range c.zmq {
		wg.Go(func() { c.subscribe(ctx, s, address) })
	}
	<-ctx.Done()
	wg.Wait()
	return ctx.Err()
}

func (c *core) subscribe(ctx context.Context, s *served, address string) {
	wait := c.w.tune.redialMin
	for ctx.Err() == nil {
		err := subscribeZMQ(ctx, address, []string{"rawtx", "hashblock"}, func(on bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.bell, address)
			if on {
				c.bell[address] = true
				wait = c.w.tune.redialMin
			}
		}, func(topic string, body []byte) error { return c.news(ctx, s, topic, body) })
		if ctx.Err() == nil {
			c.w.log.Debug("The node's ZMQ publisher was lost; the node is asked more often meanwhile", "publisher", address, "reason", err)
		}
		pause(ctx, wait/2+time.Duration(c.w.cfg.Random(int64(wait))))
		wait = min(2*wait, c.w.tune.redialMax)
	}
}

// news takes one message of a publisher.
func (c *core) news(ctx context.Context, s *served, topic string, body []byte) error {
	if topic == "hashblock" {
		s.wakeUp()
		return nil
	}
	tx, err := decodeRawTx(body)
	if err != nil {
		return err
	}
	return c.hint(ctx, s, tx)
}
