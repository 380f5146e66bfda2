package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// maxAnswer is the largest answer that is read from an endpoint, in bytes. The
// blocks and receipts of the busiest chains stay well below.
const maxAnswer = 64 << 20

// endpoint is a node's address. Its name is all that people and logs see of it.
type endpoint struct {
	url     string
	name    string   // host (and port), or the file's name
	pushes  bool     // websocket or IPC
	secrets []string // parts of the URL that must not be repeated
}

// parseEndpoint reads a URL or an IPC path. Its errors hold no part of a URL
// but the scheme and the host.
func parseEndpoint(text string) (endpoint, error) {
	if !strings.Contains(text, "://") {
		if text == "" || !filepath.IsAbs(text) && !strings.HasPrefix(text, `\\.\pipe\`) {
			return endpoint{}, errors.New("an endpoint is a URL (wss://…, https://…) or the absolute path of a node's IPC socket")
		}
		return endpoint{url: text, name: filepath.Base(text), pushes: true}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return endpoint{}, errors.New("an endpoint's URL can't be read: it should look like wss://node.example/path")
	}
	e := endpoint{url: text, name: u.Host}
	switch u.Scheme {
	case "http", "https":
	case "ws", "wss":
		e.pushes = true
	default:
		return endpoint{}, fmt.Errorf("endpoint %s: %q is not spoken, use http, https, ws or wss", e.name, u.Scheme)
	}
	e.secrets = append(e.secrets, text)
	if u.User != nil {
		e.secrets = append(e.secrets, u.User.String(), u.User.Username())
		if p, ok := u.User.Password(); ok {
			e.secrets = append(e.secrets, p)
		}
	}
	for _, part := range append([]string{u.RequestURI(), u.Path, u.RawQuery, u.Fragment}, strings.FieldsFunc(u.Path+"/"+u.RawQuery, func(r rune) bool {
		return strings.ContainsRune("/=&?", r)
	})...) {
		if len(part) > 3 {
			e.secrets = append(e.secrets, part)
		}
	}
	return e, nil
}

// clean makes an error from outside fit for logs and people: without the URL's
// secrets, printable, short.
func (e endpoint) clean(err error) string {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // the outer one repeats the whole URL
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return e.cleanText(err.Error())
}

func (e endpoint) cleanText(text string) string {
	for _, s := range e.secrets {
		if s != "" && s != "/" {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r > 0x7e && r != '…' {
			return ' '
		}
		return r
	}, text)
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "")
	}
	return text
}

// Errors that tell the kinds of failure apart.
var (
	errLost     = errors.New("the connection is lost")
	errSilent   = fmt.Errorf("%w: no answer in time", errLost)
	errMissing  = errors.New("the node does not have it")
	errNoMethod = errors.New("the node does not know the method")
	errLimited  = errors.New("the node asks to be asked less")
	errLying    = errors.New("the node's answers contradict each other")
	errNetwork  = errors.New("the node is on another chain")
	errRefused  = errors.New("the node refuses")
	errBehind   = errors.New("the node is behind what was read before")
)

// conn is a connection to an endpoint.
type conn struct {
	endpoint
	client  *rpc.Client
	timeout time.Duration
	limits  *limits
	after   *atomic.Int64 // what the last refusal said of how long, in nanoseconds

	noReceipts atomic.Bool // eth_getBlockReceipts is not there
	noBatch    atomic.Bool // several questions in one message are refused
	noTags     bool        // "safe" and "finalized" are not there
	noState    bool        // balances at a block are not there
	noHolds    bool        // contracts can't be asked about a block
	unproved   atomic.Bool // what a block did was read, and could not be held against it
}

// dial connects. Errors are clean.
func (e endpoint) dial(ctx context.Context, timeout time.Duration, l *limits) (*conn, error) {
	after := new(atomic.Int64)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := rpc.DialOptions(ctx, e.url,
		rpc.WithHTTPClient(&http.Client{Transport: bounded{http.DefaultTransport, after}, CheckRedirect: noRedirect}),
		rpc.WithWebsocketMessageSizeLimit(maxAnswer))
	if err != nil {
		kind := errLost
		if strings.Contains(err.Error(), "HTTP status 429") { // of a websocket's handshake
			kind = errLimited
			l.hit(e.url, 0)
		}
		return nil, fmt.Errorf("%s: %w: %s", e.name, kind, e.clean(err))
	}
	return &conn{endpoint: e, client: client, timeout: timeout, limits: l, after: after}, nil
}

// noRedirect keeps a key in a URL from being sent on to another host.
func noRedirect(*http.Request, []*http.Request) error {
	return errors.New("the endpoint redirects to another address; write that one into the configuration")
}

// bounded cuts answers off that are larger than any block, and keeps what a
// refusal says of how long to stay away.
type bounded struct {
	http.RoundTripper
	after *atomic.Int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
			b.after.Store(int64(retryAfter(res.Header, time.Now())))
		}
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

func (c *conn) close() { c.client.Close() }

// call asks one question. A null answer is errMissing.
func (c *conn) call(ctx context.Context, method string, args ...any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var raw json.RawMessage
	err := c.client.CallContext(ctx, &raw, method, args...)
	return c.judge(ctx, method, raw, err)
}

// question is one part of a batch.
type question struct {
	method string
	args   []any
}

type answer struct {
	raw json.RawMessage
	err error
}

// batchSize is how many questions go into one message; providers allow few.
const batchSize = 20

// batch asks several questions, in messages that one and the same node behind a
// load balancer answers; one by one where an endpoint takes no batches.
func (c *conn) batch(ctx context.Context, questions ...question) ([]answer, error) {
	answers := make([]answer, 0, len(questions))
	for part := range slices.Chunk(questions, batchSize) {
		if !c.noBatch.Load() {
			list, err := c.batchOnce(ctx, part)
			if err == nil {
				answers = append(answers, list...)
				continue
			}
			if ctx.Err() != nil || errors.Is(err, errLimited) || errors.Is(err, errSilent) {
				return nil, err
			}
		}
		for _, q := range part {
			raw, err := c.call(ctx, q.method, q.args...)
			if errors.Is(err, errLost) || errors.Is(err, errLimited) {
				return nil, err
			}
			answers = append(answers, answer{raw, err})
		}
		c.noBatch.Store(true) // it answers, but not to many questions at once
	}
	return answers, nil
}

func (c *conn) batchOnce(ctx context.Context, questions []question) ([]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	elems := make([]rpc.BatchElem, len(questions))
	raws := make([]json.RawMessage, len(questions))
	for i, q := range questions {
		elems[i] = rpc.BatchElem{Method: q.method, Args: q.args, Result: &raws[i]}
	}
	if err := c.client.BatchCallContext(ctx, elems); err != nil {
		_, err = c.judge(ctx, "batch", nil, err)
		return nil, err
	}
	answers := make([]answer, len(questions))
	for i := range elems {
		answers[i].raw, answers[i].err = c.judge(ctx, elems[i].Method, raws[i], elems[i].Error)
		if errors.Is(answers[i].err, errLimited) {
			return nil, answers[i].err
		}
	}
	return answers, nil
}

// judge sorts a failure into one of the kinds above.
func (c *conn) judge(ctx context.Context, method string, raw json.RawMessage, err error) (json.RawMessage, error) {
	if err == nil {
		if len(raw) == 0 || string(raw) == "null" {
			return nil, fmt.Errorf("%s: %s: %w", c.name, method, errMissing)
		}
		return raw, nil
	}
	kind := errLost
	var coded rpc.Error
	var status rpc.HTTPError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %s: %w", c.name, method, errSilent)
	case errors.As(err, &coded):
		if kind = kindOf(method, coded.ErrorCode(), coded.Error()); kind == errLimited { //nolint:errorlint // one of the kinds itself
			c.limits.hit(c.url, time.Duration(c.after.Swap(0)))
		}
	case errors.As(err, &status):
		after := time.Duration(c.after.Swap(0))
		if status.StatusCode == http.StatusTooManyRequests || status.StatusCode == http.StatusServiceUnavailable && after > 0 {
			kind = errLimited
			c.limits.hit(c.url, after)
		}
		return nil, fmt.Errorf("%s: %s: %w: HTTP status %d", c.name, method, kind, status.StatusCode)
	}
	return nil, fmt.Errorf("%s: %s: %w: %s", c.name, method, kind, c.clean(err))
}

// kindOf reads a JSON-RPC error; providers differ in codes and words.
func kindOf(method string, code int, words string) error {
	words = strings.ToLower(words)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(words, p) {
				return true
			}
		}
		return false
	}
	switch {
	case code == -32601 || has("method not found", "not supported", "does not exist/is not available", "unsupported method"):
		return errNoMethod
	case method == "eth_getLogs" && has("range", "result", "blocks", "size", "too large", "limited to"):
		return errRefused // too much at once, whatever the code says
	case code == 429 || code == -32005 || has("rate limit", "too many requests", "exceeded"):
		return errLimited
	case has("not found", "unknown block", "missing", "header for hash"):
		return errMissing
	}
	return errRefused
}
