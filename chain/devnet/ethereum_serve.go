package devnet

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// ethServer is the network's JSON-RPC server: websocket and http on one port.
type ethServer struct {
	sync.Mutex
	addr string // host:port, kept over Disconnect and Connect
	rpc  *rpc.Server
	http *http.Server
}

// rpcServer offers what a node offers to the public: no admin, debug or miner
// methods.
func (e *Ethereum) rpcServer() (*rpc.Server, error) {
	s := rpc.NewServer()
	for _, api := range e.apis {
		switch api.Namespace {
		case "eth", "net", "web3", "txpool":
			if err := s.RegisterName(api.Namespace, api.Service); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// Connect opens the node's port. The first time it is any free one, later it
// is the same again, as after a node's restart.
func (e *Ethereum) Connect() error {
	e.serve.Lock()
	defer e.serve.Unlock()
	if e.serve.http != nil {
		return nil
	}
	addr := e.serve.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("the Ethereum devnet can't listen on %s: %w", addr, err)
	}
	server, err := e.rpcServer()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	ws := server.WebsocketHandler([]string{"localhost", "127.0.0.1"})
	e.serve.addr, e.serve.rpc = listener.Addr().String(), server
	e.serve.http = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
				ws.ServeHTTP(w, r)
				return
			}
			// A page in a browser on this machine has no business here.
			if r.Header.Get("Origin") != "" {
				http.Error(w, "not for browsers", http.StatusForbidden)
				return
			}
			server.ServeHTTP(w, r)
		}),
	}
	e.worker.Add(1)
	go func(s *http.Server) {
		defer e.worker.Done()
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			e.opts.Logger.Warn("The devnet's node stopped listening", "cause", err)
		}
	}(e.serve.http)
	return nil
}

// Disconnect closes the port and every connection; the chain lives on.
func (e *Ethereum) Disconnect() {
	e.serve.Lock()
	defer e.serve.Unlock()
	if e.serve.http == nil {
		return
	}
	_ = e.serve.http.Close()
	e.serve.rpc.Stop()
	e.serve.http, e.serve.rpc = nil, nil
}

// Endpoint is the node's websocket URL.
func (e *Ethereum) Endpoint() string {
	e.serve.Lock()
	defer e.serve.Unlock()
	return "ws://" + e.serve.addr
}

// EndpointHTTP is the node's http URL.
func (e *Ethereum) EndpointHTTP() string {
	e.serve.Lock()
	defer e.serve.Unlock()
	return "http://" + e.serve.addr
}
