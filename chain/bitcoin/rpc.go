package bitcoin

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// maxAnswer bounds any server's answer: the txids of a full mempool are 25 MB,
// a block in hexadecimal is 8 MB at most.
const maxAnswer = 64 << 20

// rpc is a client of Bitcoin Core's JSON-RPC over HTTP, with batches.
type rpc struct {
	url            string // without user and password
	user, password string
	cookie         string // a file that the node rewrites at every start
	http           *http.Client
	patience       time.Duration

	mu   sync.Mutex
	auth string // user:password
}

// call is one question of a batch, with its answer.
type call struct {
	method string
	params []any
	result json.RawMessage
	err    *rpcError
}

// rpcError is the node's own word.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string {
	return fmt.Sprintf("the node says %.200q (%d)", e.Message, e.Code)
}

// Codes of Bitcoin Core's rpc/protocol.h.
const (
	rpcNoMethod = -32601
	rpcMisc     = -1  // btcd: not implemented
	rpcNotFound = -5  // no such transaction or block
	rpcNoBlock  = -8  // height beyond the tip
	rpcWarmUp   = -28 // it has just been started
)

func isRPC(err error, codes ...int) bool {
	var re *rpcError
	if !errors.As(err, &re) {
		return false
	}
	for _, c := range codes {
		if re.Code == c {
			return true
		}
	}
	return false
}

func newRPC(text, user, password, cookie string, client *http.Client, patience time.Duration) (*rpc, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New(`this is not the address of a node's RPC; write it like "http://127.0.0.1:8332"`)
	}
	if u.User != nil {
		if user == "" {
			user = u.User.Username()
			password, _ = u.User.Password()
		}
		u.User = nil
	}
	if client == nil {
		client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}}
	}
	return &rpc{url: u.String(), user: user, password: password, cookie: cookie, http: client, patience: patience}, nil
}

// credentials are what stands in the configuration, or in the cookie now.
func (c *rpc) credentials(fresh bool) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cookie == "" {
		return c.user + ":" + c.password, nil
	}
	if c.auth == "" || fresh {
		f, err := os.Open(c.cookie)
		if err != nil {
			return "", errors.New("the node's cookie file cannot be read; does the node run, and may this user read it?")
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, 4096))
		if err != nil {
			return "", errors.New("the node's cookie file cannot be read")
		}
		c.auth = strings.TrimSpace(string(text))
	}
	return c.auth, nil
}

// post sends one body. A refused cookie is read anew once: the node was restarted.
func (c *rpc) post(ctx context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for attempt := 0; ; attempt++ {
		auth, err := c.credentials(attempt > 0)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
		if err != nil {
			return nil, errors.New("the RPC's address cannot be used")
		}
		req.Header.Set("Content-Type", "application/json")
		user, password, _ := strings.Cut(auth, ":")
		req.SetBasicAuth(user, password)
		resp, err := c.http.Do(req)
		if err != nil {
			return nil, plain(err)
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		_ = resp.Body.Close()
		switch {
		case err != nil:
			return nil, plain(err)
		case len(raw) > maxAnswer:
			return nil, errors.New("the node's answer is too long")
		case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
			if c.cookie != "" && attempt == 0 {
				continue
			}
			return nil, errors.New("the node refuses the user and password")
		case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
			return nil, &serverError{chain.HealthLimited, errors.New("the node is asked too often")}
		}
		return raw, nil
	}
}

// plain strips a URL, which may hold a secret, from an HTTP error.
func plain(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

type rpcRequest struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

type rpcAnswer struct {
	ID     *int            `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
}

// batch puts questions in one request. Each call has its own error; the error
// returned is that of all.
func (c *rpc) batch(ctx context.Context, calls []*call) error {
	if len(calls) == 0 {
		return nil
	}
	list := make([]rpcRequest, len(calls))
	for i, one := range calls {
		list[i] = rpcRequest{"2.0", i, one.method, one.params}
		if one.params == nil {
			list[i].Params = []any{}
		}
		one.err = &rpcError{Message: "no answer"}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	raw, err := c.post(ctx, body)
	if err != nil {
		return err
	}
	var answers []rpcAnswer
	if err := json.Unmarshal(raw, &answers); err != nil {
		return errors.New("the answer is not that of a Bitcoin node's RPC")
	}
	for _, a := range answers {
		if a.ID == nil || *a.ID < 0 || *a.ID >= len(calls) {
			continue
		}
		calls[*a.ID].result, calls[*a.ID].err = a.Result, a.Error
	}
	return nil
}

// ask puts one question.
func (c *rpc) ask(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(rpcRequest{"1.0", 0, method, params})
	if err != nil {
		return err
	}
	raw, err := c.post(ctx, body)
	if err != nil {
		return err
	}
	var a rpcAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return errors.New("the answer is not that of a Bitcoin node's RPC")
	}
	if a.Error != nil {
		return a.Error
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return fmt.Errorf("the answer to %s is not of the shape that Bitcoin Core documents", method)
	}
	return nil
}

// The decoders below take a server's hexadecimal text.

func decodeTxHex(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("a transaction is not hexadecimal")
	}
	return decodeRawTx(raw)
}

func decodeRawTx(raw []byte) (*wire.MsgTx, error) {
	tx, r := new(wire.MsgTx), bytes.NewReader(raw)
	if err := tx.Deserialize(r); err != nil || r.Len() > 0 {
		return nil, errors.New("a transaction cannot be read")
	}
	return tx, nil
}

func decodeHeaderHex(text string) (header wire.BlockHeader, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != wire.MaxBlockHeaderPayload {
		return header, errors.New("a block header does not have 80 bytes")
	}
	return header, header.Deserialize(bytes.NewReader(raw))
}

func decodeRawBlock(raw []byte) (*wire.MsgBlock, error) {
	block, r := new(wire.MsgBlock), bytes.NewReader(raw)
	if err := block.Deserialize(r); err != nil || r.Len() > 0 {
		return nil, errors.New("a block cannot be read")
	}
	return block, nil
}

// decodeHash takes exactly 64 characters; chainhash would fill up shorter ones.
func decodeHash(text string) (chainhash.Hash, error) {
	if len(text) != chainhash.MaxHashStringSize {
		return chainhash.Hash{}, fmt.Errorf("%.20q is not a hash", text)
	}
	hash, err := chainhash.NewHashFromStr(text)
	if err != nil {
		return chainhash.Hash{}, fmt.Errorf("%.20q… is not a hash", text)
	}
	return *hash, nil
}

// satoshi reads an amount in whole coins with at most 8 decimals, as Bitcoin
// Core writes it in JSON, without a float.
func satoshi(n json.Number) (uint64, bool) {
	text := string(n)
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		if _, err := fmt.Sscanf(text[i+1:], "%d", &exponent); err != nil || exponent < -8 || exponent > 8 {
			return 0, false
		}
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	digits := whole + part
	if whole == "" || len(digits) > 30 {
		return 0, false
	}
	shift := 8 + exponent - len(part)
	for ; shift > 0; shift-- {
		digits += "0"
	}
	for ; shift < 0; shift++ {
		if len(digits) == 0 || digits[len(digits)-1] != '0' {
			return 0, false
		}
		digits = digits[:len(digits)-1]
	}
	amount, err := chain.ParseAmount(digits)
	if err != nil {
		return 0, false
	}
	return amount.Uint64()
}
