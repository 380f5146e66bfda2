package ethereum_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/ethereum"
)

// benchTargets is how many addresses are watched while something is measured.
const benchTargets = 10_000

// race pits a watcher against a bare subscription on the same node: both are
// told of the same transactions and blocks, and each notes when.
type race struct {
	h       *onDevnet
	targets []chain.Target
	told    chan chain.Event // payments, as the sink gets them
	bare    chan time.Time   // when the subscription brought anything
}

// startRace waits until the watcher is ready. The feed is what the bare
// listener subscribes to.
func startRace(b *testing.B, feed ...any) *race {
	r := &race{h: newOnDevnet(b, nil), told: make(chan chain.Event, 64), bare: make(chan time.Time, 64)}
	for range benchTargets {
		r.targets = append(r.targets, target(b, r.h))
	}
	w, err := ethereum.New(r.h.config)
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Watch(b.Context(), r.targets...); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ready := make(chan struct{}, 64)
	go func() {
		done <- w.Run(ctx, chain.Cursor{}, nil, func(_ context.Context, events []chain.Event, _ chain.Cursor) error {
			now := time.Now()
			for _, e := range events {
				e.At = now
				switch e.Kind {
				case chain.Seen, chain.Included:
					r.told <- e
				case chain.HealthChanged:
					if e.Health.State == chain.Ready {
						ready <- struct{}{}
					}
				}
			}
			return nil
		})
	}()
	client, err := rpc.Dial(r.h.net.Endpoint())
	if err != nil {
		b.Fatal(err)
	}
	news := make(chan json.RawMessage, 64)
	sub, err := client.EthSubscribe(ctx, news, feed...)
	if err != nil {
		b.Fatal(err)
	}
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		for {
			select {
			case <-news:
				r.bare <- time.Now()
			case <-ctx.Done():
				return
			}
		}
	}()
	b.Cleanup(func() {
		sub.Unsubscribe()
		cancel()
		<-done
		<-listened
		client.Close()
	})
	<-ready
	return r
}

// next waits for a payment of a kind.
func (r *race) next(b *testing.B, kind chain.Kind) time.Time {
	b.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-r.told:
			if e.Kind == kind {
				return e.At
			}
		case <-deadline:
			b.Fatalf("no payment was %s", kind)
		}
	}
}

func (r *race) pay(b *testing.B, i int) {
	b.Helper()
	if _, err := r.h.net.Customer().PayToken(b.Context(), r.targets[i%benchTargets].ID, big.NewInt(1_000_000)); err != nil {
		b.Fatal(err)
	}
}

// report writes the medians and their ratio.
func report(b *testing.B, watcher, bare []time.Duration) {
	b.Helper()
	slices.Sort(watcher)
	slices.Sort(bare)
	p50, raw := watcher[len(watcher)/2], bare[len(bare)/2]
	b.ReportMetric(float64(p50.Microseconds()), "µs-p50")
	b.ReportMetric(float64(watcher[len(watcher)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(raw.Microseconds()), "µs-bare-p50")
	b.ReportMetric(float64(p50)/float64(max(raw, 1)), "ratio")
}

// BenchmarkWatcherPending measures from a customer's sending to Seen in the
// sink, beside a bare subscription to pending transactions.
func BenchmarkWatcherPending(b *testing.B) {
	r := startRace(b, "newPendingTransactions", true)
	var watcher, bare []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		r.pay(b, i)
		watcher = append(watcher, r.next(b, chain.Seen).Sub(began))
		bare = append(bare, (<-r.bare).Sub(began))
		if i%100 == 99 {
			b.StopTimer()
			r.h.Mine(b, 1)
			for range 100 {
				r.next(b, chain.Included)
			}
			b.StartTimer()
		}
	}
	report(b, watcher, bare)
}

// BenchmarkWatcherBlock measures from the node's sealing of a block with one
// payment to Included in the sink, beside a bare subscription to heads.
func BenchmarkWatcherBlock(b *testing.B) {
	r := startRace(b, "newHeads")
	var watcher, bare []time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		r.pay(b, i)
		r.next(b, chain.Seen)
		b.StartTimer()
		began := time.Now()
		r.h.Mine(b, 1)
		watcher = append(watcher, r.next(b, chain.Included).Sub(began))
		bare = append(bare, (<-r.bare).Sub(began))
	}
	report(b, watcher, bare)
}

// BenchmarkCatchUp is a watcher that comes back 1,000 blocks later, beside a
// listener that asks for the same blocks one after the other and looks at
// nothing. Every tenth block pays a target.
func BenchmarkCatchUp(b *testing.B) {
	const blocks = 1_000
	h := newOnDevnet(b, nil)
	h.Mine(b, 1)
	to := target(b, h)
	first := h.net.Head()
	for i := range blocks {
		if i%10 == 0 {
			h.Pay(b, to.ID, h.assets[1], chain.Units(5))
		}
		h.Mine(b, 1)
	}
	client, err := rpc.Dial(h.net.Endpoint())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var watcher, bare []time.Duration
	for b.Loop() {
		began := time.Now()
		w, err := ethereum.New(h.config)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Watch(b.Context(), to); err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		found := 0
		_ = w.Run(ctx, chain.Cursor{Ring: []chain.BlockRef{first}}, nil, func(_ context.Context, events []chain.Event, cursor chain.Cursor) error {
			for _, e := range events {
				if e.Kind == chain.Included {
					found++
				}
			}
			if cursor.Head().Height == blocks+1 {
				stop()
			}
			return nil
		})
		if found != blocks/10 {
			b.Fatalf("%d payments were found, %d were made", found, blocks/10)
		}
		watcher = append(watcher, time.Since(began))
		began = time.Now()
		for n := range blocks {
			var blk, receipts json.RawMessage
			at := fmt.Sprintf("0x%x", n+2)
			if err := errors.Join(client.CallContext(b.Context(), &blk, "eth_getBlockByNumber", at, true), client.CallContext(b.Context(), &receipts, "eth_getBlockReceipts", at)); err != nil {
				b.Fatal(err)
			}
		}
		bare = append(bare, time.Since(began))
	}
	report(b, watcher, bare)
}
