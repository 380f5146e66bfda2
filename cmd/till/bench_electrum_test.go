package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// BenchmarkOpenSaleElectrum is the same work as BenchmarkOpenSale by the daemon
// of Electrum, the wallet that small shops use: a fresh address of the key for an
// amount, on disk (its command add_request, without a network). Till's own figure
// stands beside it: Open alone, without a screen.
func BenchmarkOpenSaleElectrum(b *testing.B) {
	if _, err := exec.LookPath("electrum"); err != nil {
		b.Skip("needs Electrum: apt-get install electrum")
	}
	for _, open := range []int{0, 300} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			ask := electrumDaemon(b)
			s := quietScreen(b, filepath.Join(b.TempDir(), "data"))
			s.ready()
			draft := pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}}
			ring := func() time.Duration {
				at := time.Now()
				if _, err := s.session.Open(b.Context(), draft, chain.Bitcoin); err != nil {
					b.Fatal(err)
				}
				return time.Since(at)
			}
			for range open {
				ask()
			}
			var both sync.WaitGroup
			for range 16 {
				both.Go(func() {
					for range open / 16 {
						if _, err := s.session.Open(b.Context(), draft, chain.Bitcoin); err != nil {
							b.Error(err)
						}
					}
				})
			}
			both.Wait()
			var theirs, ours []time.Duration
			for b.Loop() {
				theirs, ours = append(theirs, ask()), append(ours, ring())
			}
			e, t := report(b, "electrum", theirs), report(b, "till", ours)
			b.ReportMetric(e/t, "times-faster")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// electrumDaemon starts it with a wallet of its own; what it returns asks for one
// more payment and says how long that took.
func electrumDaemon(b *testing.B) func() time.Duration {
	b.Helper()
	dir := b.TempDir()
	do := func(args ...string) {
		b.Helper()
		var out bytes.Buffer
		cmd := exec.Command("electrum", append([]string{"--simnet", "-D", dir}, args...)...)
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := runFor(cmd, time.Minute); err != nil {
			b.Fatalf("electrum %s: %v\n%s", args[0], err, &out)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		b.Fatal(err)
	}
	do("create", "--offline")
	for name, value := range map[string]string{"rpcuser": "bench", "rpcpassword": "bench", "rpcport": fmt.Sprint(port)} {
		do("setconfig", "--offline", name, value)
	}
	do("daemon", "-d", "--offline")
	b.Cleanup(func() { do("stop") })
	do("load_wallet")
	client := &http.Client{Timeout: time.Minute}
	return func() time.Duration {
		b.Helper()
		at := time.Now()
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d", port),
			bytes.NewBufferString(`{"jsonrpc":"2.0","id":1,"method":"add_request","params":{"amount":"0.00009","force":true}}`))
		if err != nil {
			b.Fatal(err)
		}
		req.SetBasicAuth("bench", "bench")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var said struct {
			Result struct {
				Address string `json:"address"`
			} `json:"result"`
			Error any `json:"error"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.Result.Address == "" {
			b.Fatalf("Electrum gives no address: %v, %v", said.Error, err)
		}
		return time.Since(at)
	}
}
