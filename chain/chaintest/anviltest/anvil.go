// Package anviltest starts anvil, another implementation of an Ethereum node,
// for tests. It comes from npm, once, into the user's cache folder.
//
// What may not enter: anything that a program needs; only tests import this.
package anviltest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// version of anvil that the tests were written against.
const version = "1.7.1"

// Anvil is a running node. It mines when it is told to.
type Anvil struct {
	addr string
	cmd  *exec.Cmd
}

// Options of a node; the zero value is chain 31337, mining only on Mine.
type Options struct {
	ChainID    uint64
	BlockEvery time.Duration // at least a second; 0 = only on Mine
}

// Binary finds anvil, installing it where it is not there yet. Without npm or
// its registry the test is skipped, or fails where TILL_FULL=1 asks for all.
func Binary(t testing.TB) string {
	t.Helper()
	missing := func(format string, args ...any) string {
		t.Helper()
		text := fmt.Sprintf(format, args...) + "; this test needs node's npm and its registry (npm install @foundry-rs/anvil@" + version + ")"
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
		return ""
	}
	arch := map[string]string{"amd64": "amd64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" || runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return missing("there is no anvil for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	home, why := install("anvil-"+version, filepath.Join("@foundry-rs", "anvil-"+runtime.GOOS+"-"+arch, "bin", "anvil"), "@foundry-rs/anvil@"+version)
	if why != nil {
		return missing("anvil is not to be had: %v", why)
	}
	return filepath.Join(home, "node_modules", "@foundry-rs", "anvil-"+runtime.GOOS+"-"+arch, "bin", "anvil")
}

// install puts npm packages into a folder of the user's cache, once, and
// returns the folder. Proof is a file that is there when they are.
func install(name, proof string, packages ...string) (home string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	home = filepath.Join(cache, "till-test", name)
	proof = filepath.Join(home, "node_modules", proof)
	if _, err := os.Stat(proof); err == nil {
		return home, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed")
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o700); err != nil {
		return "", err
	}
	// Installed beside and renamed, so that tests that start together don't
	// see half of it.
	fresh, err := os.MkdirTemp(filepath.Dir(home), "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	args := append([]string{"install", "--prefix", fresh, "--no-save", "--no-audit", "--no-fund"}, packages...)
	if out, err := exec.CommandContext(ctx, npm, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm could not install it: %w: %.300s", err, out)
	}
	if err := os.Rename(fresh, home); err != nil {
		if _, there := os.Stat(proof); there != nil {
			return "", err
		}
	}
	return home, nil
}

var listening = regexp.MustCompile(`Listening on (127\.0\.0\.1:\d+)`)

// Start runs a node on a free port of this machine until the test ends.
func Start(t testing.TB, o Options) *Anvil {
	t.Helper()
	binary := Binary(t)
	if o.ChainID == 0 {
		o.ChainID = 31337
	}
	args := []string{"--host", "127.0.0.1", "--port", "0", "--chain-id", strconv.FormatUint(o.ChainID, 10), "--order", "fifo"}
	if o.BlockEvery > 0 {
		args = append(args, "--block-time", strconv.Itoa(max(1, int(o.BlockEvery/time.Second))))
	} else {
		args = append(args, "--no-mining")
	}
	a := &Anvil{cmd: exec.Command(binary, args...)}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatalf("anvil did not start: %v", err)
	}
	found := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() {
		_ = a.cmd.Process.Signal(syscall.SIGCONT)
		_ = a.cmd.Process.Kill()
		<-read
		_ = a.cmd.Wait()
	})
	select {
	case a.addr = <-found:
	case <-read:
		t.Fatal("anvil ended by itself")
	case <-time.After(60 * time.Second):
		t.Fatal("anvil does not listen after a minute")
	}
	return a
}

// Endpoint is the node's websocket URL.
func (a *Anvil) Endpoint() string { return "ws://" + a.addr }

// EndpointHTTP is the node's http URL.
func (a *Anvil) EndpointHTTP() string { return "http://" + a.addr }

// Freeze makes the node hang: connections stay open and nothing answers.
func (a *Anvil) Freeze(t testing.TB) { a.signal(t, syscall.SIGSTOP) }

// Thaw ends Freeze.
func (a *Anvil) Thaw(t testing.TB) { a.signal(t, syscall.SIGCONT) }

func (a *Anvil) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := a.cmd.Process.Signal(s); err != nil {
		t.Fatalf("anvil could not be signalled: %v", err)
	}
}

// Call asks the node and decodes its answer into result, which may be nil.
func (a *Anvil) Call(t testing.TB, result any, method string, params ...any) {
	t.Helper()
	if err := a.call(result, method, params...); err != nil {
		t.Fatalf("anvil: %s: %v", method, err)
	}
}

func (a *Anvil) call(result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 60 * time.Second}
	res, err := client.Post(a.EndpointHTTP(), "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return fmt.Errorf("%s", answer.Error.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}
