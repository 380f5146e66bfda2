package btcdtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
)

// patience is how long a node may take for anything.
const patience = 60 * time.Second

// Options choose what differs from the usual node.
type Options struct {
	// Blocks are mined on start; 0 means 600, after which every script type is
	// active and hundreds of coins can be spent.
	Blocks int
	// Trickle is the pause between two announcements of transactions; 0 means
	// 50 ms (btcd's own is 10 s, Bitcoin Core's about 5 s).
	Trickle time.Duration
	// Args are further arguments of btcd.
	Args []string
}

// Node is one btcd on simnet, which, unlike regtest, keeps its chain over a
// restart. It ends with the test.
type Node struct {
	Params *chaincfg.Params

	t      testing.TB
	opts   Options
	dir    string
	p2p    string
	rpc    string
	cmd    *exec.Cmd
	exited chan struct{}
	*wallet
}

var executable = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "btcd").Output()
	if err != nil {
		return "", fmt.Errorf("btcd, a tool of this module, cannot be built: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Start starts a node and mines its first blocks.
func Start(t testing.TB, opts Options) *Node {
	t.Helper()
	if opts.Blocks == 0 {
		opts.Blocks = 600
	}
	if opts.Trickle == 0 {
		opts.Trickle = 50 * time.Millisecond
	}
	n := &Node{Params: &chaincfg.SimNetParams, t: t, opts: opts, dir: t.TempDir(), wallet: newWallet()}
	n.wallet.node = n
	t.Cleanup(func() { n.Stop(t) })
	n.Start(t)
	if opts.Blocks > 0 {
		n.Mine(t, opts.Blocks)
	}
	return n
}

// P2P is where the node listens for peers. It stays the same over restarts.
func (n *Node) P2P() string { return n.p2p }

// RPC is where the node's RPC listens. User and password are "u" and "p".
func (n *Node) RPC() string { return n.rpc }

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Start starts the process, after Stop with the chain that it had.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	path, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	for attempt := range 5 {
		if n.p2p == "" {
			if n.p2p, err = freePort(); err != nil {
				t.Fatal(err)
			}
			if n.rpc, err = freePort(); err != nil {
				t.Fatal(err)
			}
		}
		if err = n.launch(path); err == nil {
			return
		}
		t.Logf("btcd did not start (attempt %d): %v", attempt+1, err)
		if n.coins == 0 && n.mined == 0 {
			n.p2p = "" // somebody else took the port
		}
	}
	t.Fatalf("btcd does not start: %v", err)
}

func (n *Node) launch(path string) error {
	args := append([]string{
		"--simnet", "--datadir=" + n.dir, "--logdir=" + filepath.Join(n.dir, "log"), "--configfile=" + filepath.Join(n.dir, "none.conf"),
		"--listen=" + n.p2p, "--rpclisten=" + n.rpc, "--notls", "--rpcuser=u", "--rpcpass=p", "--nodnsseed", "--txindex",
		"--miningaddr=" + n.wallet.address(), "--trickleinterval=" + n.opts.Trickle.String(), "--debuglevel=warn",
	}, n.opts.Args...)
	cmd := exec.Command(path, args...)
	output := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		select {
		case <-exited:
			return fmt.Errorf("btcd ended at once: %s", output)
		default:
		}
		conn, err := net.DialTimeout("tcp", n.rpc, time.Second)
		if err == nil {
			_ = conn.Close()
			n.cmd, n.exited = cmd, exited
			if _, err := n.height(); err == nil {
				return nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	<-exited
	return errors.New("btcd does not answer")
}

// Stop ends the process and waits for it.
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Signal(os.Interrupt)
	select {
	case <-n.exited:
	case <-time.After(20 * time.Second):
		_ = n.cmd.Process.Signal(syscall.SIGKILL)
		<-n.exited
	}
	n.cmd = nil
}

// call puts one JSON-RPC request.
func (n *Node) call(result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+n.rpc, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth("u", "p")
	client := http.Client{Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("%s: %s: %.200s", method, resp.Status, raw)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", method, answer.Error.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

func (n *Node) must(t testing.TB, result any, method string, params ...any) {
	t.Helper()
	if err := n.call(result, method, params...); err != nil {
		t.Fatalf("btcd: %v", err)
	}
}

func (n *Node) height() (int, error) {
	var height int
	err := n.call(&height, "getblockcount")
	return height, err
}

// Height is the node's best height.
func (n *Node) Height(t testing.TB) uint64 {
	t.Helper()
	height, err := n.height()
	if err != nil {
		t.Fatalf("btcd: %v", err)
	}
	return uint64(height)
}

// Mine adds blocks with everything that waits.
func (n *Node) Mine(t testing.TB, blocks int) {
	t.Helper()
	n.must(t, nil, "generate", blocks)
	n.mined += blocks
}
