package ethereum_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/cointill/till/chain/devnet"
)

// fakeNode stands between a watcher and a devnet and changes answers. It is a
// real JSON-RPC server, over websocket and http.
type fakeNode struct {
	real *rpc.Client
	http *httptest.Server

	mu     sync.Mutex
	change func(method string, params []any, answer json.RawMessage) (json.RawMessage, error)
	// pending is how newPendingTransactions behaves: "full", "hashes" whatever
	// is asked, or "refuse" the form with an argument.
	pending string
	asked   map[string]int
	heads   func(json.RawMessage) []json.RawMessage // what the feed of heads makes of one
	mute    bool                                    // subscriptions are taken and never speak
	server  *rpc.Server
}

// coded is a JSON-RPC error.
type coded struct {
	code int
	text string
}

func (e coded) Error() string  { return e.text }
func (e coded) ErrorCode() int { return e.code }

func newFakeNode(t testing.TB, behind *devnet.Ethereum) *fakeNode {
	t.Helper()
	client, err := rpc.Dial(behind.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeNode{real: client, pending: "full", asked: map[string]int{}}
	server := rpc.NewServer()
	if err := server.RegisterName("eth", &fakeEth{f}); err != nil {
		t.Fatal(err)
	}
	f.server = server
	ws := server.WebsocketHandler(nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.http = &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			ws.ServeHTTP(w, r)
			return
		}
		server.ServeHTTP(w, r)
	})}}
	f.http.Start()
	t.Cleanup(func() {
		server.Stop()
		f.http.CloseClientConnections()
		f.http.Close()
		client.Close()
	})
	return f
}

func (f *fakeNode) ws() string  { return "ws://" + strings.TrimPrefix(f.http.URL, "http://") }
func (f *fakeNode) url() string { return f.http.URL }

// meddle sets how answers are changed; nil leaves them alone.
func (f *fakeNode) meddle(change func(method string, params []any, answer json.RawMessage) (json.RawMessage, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change = change
}

// calls counts the questions of a kind.
func (f *fakeNode) calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[method]
}

func (f *fakeNode) pass(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	f.mu.Lock()
	f.asked[method]++
	change := f.change
	f.mu.Unlock()
	var answer json.RawMessage
	err := f.real.CallContext(ctx, &answer, method, params...)
	if err != nil {
		return nil, err
	}
	if change != nil {
		return change(method, params, answer)
	}
	return answer, nil
}

// fakeEth is the server's eth namespace.
type fakeEth struct{ f *fakeNode }

func (e *fakeEth) ChainId(ctx context.Context) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_chainId")
}

func (e *fakeEth) GetBlockByNumber(ctx context.Context, n string, full bool) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getBlockByNumber", n, full)
}

func (e *fakeEth) GetBlockByHash(ctx context.Context, h string, full bool) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getBlockByHash", h, full)
}

func (e *fakeEth) GetBlockReceipts(ctx context.Context, h string) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getBlockReceipts", h)
}

func (e *fakeEth) GetTransactionReceipt(ctx context.Context, h string) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getTransactionReceipt", h)
}

func (e *fakeEth) GetTransactionByHash(ctx context.Context, h string) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getTransactionByHash", h)
}

func (e *fakeEth) GetTransactionCount(ctx context.Context, a, n string) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getTransactionCount", a, n)
}

func (e *fakeEth) GetLogs(ctx context.Context, q map[string]any) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getLogs", q)
}

func (e *fakeEth) Call(ctx context.Context, tx map[string]any, n any) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_call", tx, n)
}

// NewHeads is a subscription.
func (e *fakeEth) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	return e.forward(ctx, "newHeads")
}

// NewPendingTransactions is a subscription.
func (e *fakeEth) NewPendingTransactions(ctx context.Context, full *bool) (*rpc.Subscription, error) {
	switch {
	case e.f.pending == "full" && full != nil && *full:
		return e.forward(ctx, "newPendingTransactions", true)
	case e.f.pending == "refuse" && full != nil:
		return nil, coded{-32602, "expected no argument"}
	}
	return e.forward(ctx, "newPendingTransactions")
}

func (e *fakeEth) forward(ctx context.Context, args ...any) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	e.f.mu.Lock()
	mute := e.f.mute
	e.f.asked[args[0].(string)]++
	e.f.mu.Unlock()
	feed := make(chan json.RawMessage, 64)
	from, err := e.f.real.EthSubscribe(context.Background(), feed, args...)
	if err != nil {
		return nil, err
	}
	to := notifier.CreateSubscription()
	go func() {
		defer from.Unsubscribe()
		for {
			select {
			case raw := <-feed:
				if mute {
					continue
				}
				list := []json.RawMessage{raw}
				e.f.mu.Lock()
				if e.f.heads != nil && args[0] == "newHeads" {
					list = e.f.heads(raw)
				}
				e.f.mu.Unlock()
				for _, raw := range list {
					_ = notifier.Notify(to.ID, raw)
				}
			case <-to.Err():
				return
			case <-from.Err():
				return
			}
		}
	}()
	return to, nil
}

func (e *fakeEth) GetBalance(ctx context.Context, a string, at any) (json.RawMessage, error) {
	return e.f.pass(ctx, "eth_getBalance", a, at)
}
