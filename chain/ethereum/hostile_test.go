package ethereum_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/ethereum"
)

// lockedWriter lets goroutines share a buffer.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

func logger(to io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(&lockedWriter{to: to}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func newOnFake(t testing.TB, change func(*ethereum.Config, *fakeNode)) (*onDevnet, *fakeNode) {
	h := newOnDevnet(t, nil)
	f := newFakeNode(t, h.net)
	h.config.Endpoints = []string{f.ws()}
	if change != nil {
		change(&h.config, f)
	}
	return h, f
}

// edit changes one field of a JSON object, wherever it stands.
func edit(raw json.RawMessage, from, to string) json.RawMessage {
	return json.RawMessage(strings.ReplaceAll(string(raw), from, to))
}

// Nodes differ in what they make of the pending feed; it is seen all the same.
func TestPendingFeeds(t *testing.T) {
	for _, kind := range []string{"full", "hashes", "refuse"} {
		t.Run(kind, func(t *testing.T) {
			h, _ := newOnFake(t, func(_ *ethereum.Config, f *fakeNode) { f.pending = kind })
			l := chaintest.NewLedger(t, h.Network())
			to := target(t, h)
			chaintest.BeginReady(t, h, l, to)
			h.Pay(t, to.ID, h.assets[1], chain.Units(5_000))
			waitKind(t, l, to.ID, chain.Seen)
			h.Mine(t, 1)
			waitKind(t, l, to.ID, chain.Included)
		})
	}
}

// Without eth_getBlockReceipts the logs and single receipts tell the same.
func TestNoBlockReceipts(t *testing.T) {
	h, f := newOnFake(t, nil)
	f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBlockReceipts" {
			return nil, coded{-32601, "the method eth_getBlockReceipts does not exist"}
		}
		return answer, nil
	})
	l := chaintest.NewLedger(t, h.Network())
	a, b, c := target(t, h), target(t, h), target(t, h)
	chaintest.BeginReady(t, h, l, a, b, c)
	h.Pay(t, a.ID, h.assets[0], chain.Units(1_000))
	h.Pay(t, b.ID, h.assets[1], chain.Units(2_000))
	tokenFirst{h}.PayMany(t, h.assets[1], chaintest.Output{To: address(1 << 40), Amount: chain.Units(1)}, chaintest.Output{To: c.ID, Amount: chain.Units(3_000)})
	h.Mine(t, 2)
	waitKind(t, l, a.ID, chain.Included)
	waitKind(t, l, b.ID, chain.Included)
	if p := waitKind(t, l, c.ID, chain.Included); p.Event.Key.Index != 2 {
		t.Errorf("the second transfer of the batch has the index %d", p.Event.Key.Index)
	}
	if n := f.calls("eth_getBlockReceipts"); n != 1 {
		t.Errorf("the missing method was asked for %d times", n)
	}
}

// A node that changes a receipt, a transaction or a block is caught by the
// roots, and nothing that it says is reported.
func TestLyingNode(t *testing.T) {
	amount := "3b9aca07" // of the payment below
	for name, lie := range map[string]func(method string, answer json.RawMessage) json.RawMessage{
		"a failed receipt is made good": func(m string, a json.RawMessage) json.RawMessage {
			if m == "eth_getBlockReceipts" {
				return edit(a, `"status":"0x0"`, `"status":"0x1"`)
			}
			return a
		},
		"a token amount is raised": func(m string, a json.RawMessage) json.RawMessage {
			if m == "eth_getBlockReceipts" {
				return edit(a, amount, "3b9aca08")
			}
			return a
		},
		"a coin amount is raised": func(m string, a json.RawMessage) json.RawMessage {
			if m == "eth_getBlockByHash" {
				return edit(a, `"value":"0x`+amount, `"value":"0x3b9aca08`)
			}
			return a
		},
		"a transaction is renamed": func(m string, a json.RawMessage) json.RawMessage {
			if m == "eth_getBlockReceipts" {
				return edit(a, `"transactionHash":"0x`, `"transactionHash":"0x0`)[:len(a)]
			}
			return a
		},
		"receipts are held back": func(m string, a json.RawMessage) json.RawMessage {
			if m == "eth_getBlockReceipts" {
				return json.RawMessage("[]")
			}
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, f := newOnFake(t, nil)
			l := chaintest.NewLedger(t, h.Network())
			coin, coins, vain := target(t, h), target(t, h), target(t, h)
			s := chaintest.BeginReady(t, h, l, coin, coins, vain)
			f.meddle(func(m string, _ []any, a json.RawMessage) (json.RawMessage, error) { return lie(m, a), nil })
			h.Pay(t, coins.ID, h.assets[0], chain.Units(0x3b9aca07))
			h.Pay(t, coin.ID, h.assets[1], chain.Units(0x3b9aca07))
			tokenFirst{h}.PayInVain(t, vain.ID, h.assets[1], chain.Units(5))
			h.Mine(t, 1)
			l.Wait(t, "the lie to be noticed", func() bool {
				health := s.Watcher.Health()
				return !health.Usable() && len(l.Healths()) > 1
			})
			if kindAt(l, coin.ID) == chain.Included || kindAt(l, coins.ID) == chain.Included || kindAt(l, vain.ID) == chain.Included {
				t.Errorf("a lie was reported\n%s", l)
			}
			f.meddle(nil)
			waitKind(t, l, coin.ID, chain.Included)
			waitKind(t, l, coins.ID, chain.Included)
			waitKind(t, l, vain.ID, chain.Failed)
		})
	}
}

// Garbage in every answer does no harm, and all is well once it stops.
func TestGarbage(t *testing.T) {
	h, f := newOnFake(t, nil)
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	chaintest.BeginReady(t, h, l, to)
	for _, rubbish := range []string{
		"{}", "[]", `"0x"`, "0", "true", "[null]", `{"number":null}`, `{"transactions":[null],"hash":5}`,
		`{"number":"0x` + strings.Repeat("f", 64) + `"}`, `[[[[[[]]]]]]`, `{"transactions":{}}`, "-1e999",
	} {
		f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
			if method == "eth_chainId" || method == "eth_call" {
				return answer, nil
			}
			return json.RawMessage(rubbish), nil
		})
		before := f.calls("eth_getBlockByNumber")
		h.Pay(t, to.ID, h.assets[0], chain.Units(10))
		h.Mine(t, 1)
		l.Wait(t, "the rubbish to be read", func() bool { return f.calls("eth_getBlockByNumber") > before })
	}
	f.meddle(nil)
	l.Wait(t, "all twelve payments", func() bool {
		n := 0
		for _, p := range l.At(to.ID) {
			if p.Kind() == chain.Included {
				n++
			}
		}
		return n == 12
	})
}

// Connections that break are made anew, and nothing is missed.
func TestDroppedConnections(t *testing.T) {
	h, f := newOnFake(t, nil)
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	chaintest.BeginReady(t, h, l, to)
	for range 3 {
		f.http.CloseClientConnections()
		h.Pay(t, to.ID, h.assets[0], chain.Units(10))
		h.Mine(t, 1)
		waitTip(t, l, h)
	}
	l.Wait(t, "three payments", func() bool {
		n := 0
		for _, p := range l.At(to.ID) {
			if p.Kind() == chain.Included {
				n++
			}
		}
		return n == 3
	})
}

// A node that is in trouble while a token is checked has not spoken against it.
func TestTroubleIsNoVerdictOnTokens(t *testing.T) {
	h, f := newOnFake(t, nil)
	f.meddle(func(method string, _ []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_call" {
			return nil, coded{-32000, "internal error"}
		}
		return answer, nil
	})
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	s := chaintest.Begin(t, h, l, to)
	l.Wait(t, "the trouble", func() bool { return f.calls("eth_call") > 2 })
	if h := s.Watcher.Health(); h.Usable() || h.Code == chain.HealthWrongToken {
		t.Errorf("health is %+v", h)
	}
	f.meddle(nil)
	s.Ready(t, h, l)
	h.Pay(t, to.ID, h.assets[1], chain.Units(1))
	h.Mine(t, 1)
	waitKind(t, l, to.ID, chain.Included)
}

// An endpoint that asks to be asked less is named so.
func TestRateLimit(t *testing.T) {
	h, f := newOnFake(t, func(c *ethereum.Config, f *fakeNode) { c.Endpoints = []string{f.url()} })
	l := chaintest.NewLedger(t, h.Network())
	s := chaintest.BeginReady(t, h, l)
	f.meddle(func(string, []any, json.RawMessage) (json.RawMessage, error) {
		return nil, coded{-32005, "daily request count exceeded, request rate limited"}
	})
	l.Wait(t, "the limit to be told", func() bool { return s.Watcher.Health().Code == chain.HealthLimited })
	f.meddle(nil)
	s.Ready(t, h, l)
}

// relay passes a question on to the node, and its answer back.
func (h *onDevnet) relay(w http.ResponseWriter, question io.Reader) {
	res, err := http.Post(h.net.EndpointHTTP(), "application/json", question)
	if err != nil {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.Copy(w, res.Body)
}

// An endpoint that takes no batches is asked one by one.
func TestNoBatches(t *testing.T) {
	h := newOnDevnet(t, nil)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) > 0 && body[0] == '[' {
			http.Error(w, "batches are for paying customers", http.StatusBadRequest)
			return
		}
		h.relay(w, bytes.NewReader(body))
	}))
	t.Cleanup(front.Close)
	h.config.Endpoints = []string{front.URL}
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	h.Mine(t, 40)
	chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 30)
	waitKind(t, l, to.ID, chain.Included)
}

// A subscription that died without a word is noticed by the blocks that it
// should have brought, and made anew.
func TestSilentFeed(t *testing.T) {
	h, f := newOnFake(t, func(_ *ethereum.Config, f *fakeNode) { f.mute = true })
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	chaintest.BeginReady(t, h, l, to)
	f.mu.Lock()
	f.mute = false
	f.mu.Unlock()
	h.Pay(t, to.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 1)
	waitKind(t, l, to.ID, chain.Included)
	l.Wait(t, "a new subscription", func() bool {
		h.Mine(t, 1)
		return f.calls("newHeads") > 1
	})
}

// A node's IPC socket serves like its websocket.
func TestIPC(t *testing.T) {
	h, f := newOnFake(t, nil)
	path := filepath.Join(t.TempDir(), "node.ipc")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { _ = f.server.ServeListener(listener) }()
	h.config.Endpoints = []string{path}
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[1], chain.Units(5))
	waitKind(t, l, to.ID, chain.Seen)
	h.Mine(t, 1)
	waitKind(t, l, to.ID, chain.Included)
}

// A node that has pruned its past can't be looked back in; life goes on.
func TestPrunedNode(t *testing.T) {
	h, f := newOnFake(t, nil)
	l := chaintest.NewLedger(t, h.Network())
	h.Mine(t, 100)
	s := chaintest.BeginReady(t, h, l)
	f.meddle(func(method string, params []any, answer json.RawMessage) (json.RawMessage, error) {
		if method == "eth_getBlockByNumber" && (params[0] == "0x2" || params[0] == "0x3") {
			return nil, coded{4444, "pruned history unavailable"}
		}
		return answer, nil
	})
	to := target(t, h)
	to.Since = 1
	if err := s.Watcher.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	h.Pay(t, to.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 1)
	waitKind(t, l, to.ID, chain.Included)
	l.Wait(t, "it to be ready", func() bool { return s.Watcher.Health().Usable() })
}

// An endpoint that answers 429 with Retry-After is not asked before that time.
func TestRetryAfterIsObeyed(t *testing.T) {
	h := newOnDevnet(t, nil)
	var mu sync.Mutex
	var refused time.Time
	var early []time.Duration
	const rest = 2 * time.Second
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		limited := refused.IsZero() && h.net.Head().Height > 0
		if limited {
			refused = time.Now()
		} else if since := time.Since(refused); since < rest {
			early = append(early, since)
		}
		mu.Unlock()
		if limited {
			w.Header().Set("Retry-After", "2")
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		h.relay(w, r.Body)
	}))
	t.Cleanup(front.Close)
	h.config.Endpoints = []string{front.URL}
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	h.Pay(t, to.ID, h.assets[0], chain.Units(5))
	h.Mine(t, 1)
	l.Wait(t, "the limit to be told", func() bool { return s.Watcher.Health().Code == chain.HealthLimited })
	waitKind(t, l, to.ID, chain.Included)
	mu.Lock()
	defer mu.Unlock()
	if len(early) > 0 {
		t.Errorf("it was asked %d times before the time that it had named, first after %v", len(early), early[0])
	}
}

// Heads that come twice, out of order, or in parts that no block ever has, as
// from a flashblocks endpoint, are only a reason to look.
func TestStrangeHeads(t *testing.T) {
	h, f := newOnFake(t, nil)
	second := newFakeNode(t, h.net)
	h.config.Endpoints, h.config.Quorum = []string{f.ws(), second.ws()}, 1
	var before json.RawMessage
	f.heads = func(raw json.RawMessage) (list []json.RawMessage) {
		var head map[string]any
		if json.Unmarshal(raw, &head) != nil {
			return nil
		}
		for i := range 10 {
			head["hash"] = "0x" + strings.Repeat(string("0123456789"[i]), 64)
			part, err := json.Marshal(head)
			if err != nil {
				return nil
			}
			list = append(list, part)
		}
		list = append(list, raw, raw)
		if before != nil {
			list = append(list, before)
		}
		before = raw
		return list
	}
	l := chaintest.NewLedger(t, h.Network())
	to := target(t, h)
	s := chaintest.BeginReady(t, h, l, to)
	for range 20 {
		h.Pay(t, to.ID, h.assets[1], chain.Units(5))
		h.Mine(t, 1)
	}
	l.Wait(t, "all twenty", func() bool { _, n := total(l, to.ID); return n == 20 })
	waitTip(t, l, h)
	for _, p := range l.At(to.ID) {
		if p.Had(chain.Retracted) {
			t.Errorf("a head that never was took a payment back: %+v", p.Event)
		}
	}
	if detail := s.Watcher.Health().Detail; detail != strings.TrimPrefix(f.ws(), "ws://") {
		t.Errorf("it went over to %s", detail)
	}
}
