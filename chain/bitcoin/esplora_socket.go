package bitcoin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cointill/till/chain"
)

// mempool.space tells of blocks and of a few addresses over a websocket
// (mempool.space/docs/api/websocket). All it does is wake the session: what it
// says is asked for again. Servers without one are polled.
const (
	maxTracked    = 10 // public servers limit how many addresses one may track
	socketRest    = 10 * time.Minute
	socketMessage = 8 << 20
)

func (e *esplora) listen(ctx context.Context, s *served) error {
	for ctx.Err() == nil {
		began := e.w.cfg.Now()
		err := e.socket(ctx, s)
		if ctx.Err() != nil {
			break
		}
		e.w.log.Debug("No news from the server's websocket; it is polled", "server", e.name(), "reason", err)
		if rest := socketRest; e.w.cfg.Now().Sub(began) < 10*time.Second {
			pause(ctx, rest) // it has none
		} else {
			pause(ctx, e.w.tune.redialMax)
		}
	}
	return ctx.Err()
}

// socketURL is beside the API: https://host/api -> wss://host/api/v1/ws.
func (e *esplora) socketURL() string {
	u := *e.base
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	return u.JoinPath("v1", "ws").String()
}

func (e *esplora) socket(ctx context.Context, s *served) error {
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Proxy: e.via}
	conn, resp, err := dialer.DialContext(ctx, e.socketURL(), nil)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return plain(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	conn.SetReadLimit(socketMessage)
	done := make(chan struct{})
	defer close(done)
	go e.order(ctx, conn, done)
	const silence = 2 * time.Minute
	_ = conn.SetReadDeadline(time.Now().Add(silence))
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(silence)) })
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		if e.heard(raw) {
			s.wakeUp()
		}
	}
}

// heard reads one message, and tells whether there is something to look at.
func (e *esplora) heard(raw []byte) bool {
	var news struct {
		Block     json.RawMessage            `json:"block"`
		Addresses map[string]json.RawMessage `json:"multi-address-transactions"`
	}
	if json.Unmarshal(raw, &news) != nil {
		return false
	}
	if len(news.Addresses) > 0 {
		e.mu.Lock()
		if e.urgent == nil {
			e.urgent = map[chain.Destination]bool{}
		}
		for to := range news.Addresses {
			if len(e.urgent) < 2*maxTracked {
				e.urgent[chain.Destination(to)] = true
			}
		}
		e.mu.Unlock()
	}
	return len(news.Addresses) > 0 || len(news.Block) > 0
}

// order says what to tell of, again when other addresses are the last.
func (e *esplora) order(ctx context.Context, conn *websocket.Conn, done <-chan struct{}) {
	say := func(message any) bool {
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		return conn.WriteJSON(message) == nil
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	pings := time.NewTicker(30 * time.Second)
	defer pings.Stop()
	if !say(map[string]any{"action": "want", "data": []string{"blocks"}}) {
		return
	}
	var told uint64
	for {
		if list, change := e.w.recent.list(); change != told {
			told = change
			if !say(map[string]any{"track-addresses": list[:min(len(list), maxTracked)]}) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-done:
			return
		case <-pings.C:
			if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(10*time.Second)) != nil {
				return
			}
		case <-ticker.C:
		}
	}
}
