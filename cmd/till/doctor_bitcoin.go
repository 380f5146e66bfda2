package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

// checkHeaders says how far the register's light client is with its headers, of
// which it needs all before its first sale. Before is what it had a while ago.
func checkHeaders(dir string, before uint64, ago time.Duration, goal uint64) []finding {
	have, err := bitcoin.Headers(dir)
	switch {
	case goal == 0:
		return nil // nobody said how many there are
	case err != nil:
		return []finding{good("headers", "none yet; the register fetches those of %d blocks at its first start, or imports them (bitcoin.headers)", goal)}
	case have+10 >= goal:
		return []finding{good("headers", "complete up to block %d", have)}
	}
	text := fmt.Sprintf("those of %d of %d blocks are there", have, goal)
	if have > before && ago > 0 {
		left := ago / time.Duration(have-before) * time.Duration(goal-have)
		text += ", about " + words.For("en", words.Format{}).Span(left.Round(time.Second)) + " left"
	} else {
		text += "; the register fetches the others while it runs"
	}
	return []finding{noted("headers", "%s; it sells for Bitcoin once it has them", text)}
}

// checkGap counts the newest addresses of the Bitcoin key that were shown and
// never paid.
func checkGap(ctx context.Context, books pos.Store, rail chain.Rail) []finding {
	unused, err := unpaidInARow(ctx, books, rail, 10*chain.WalletGap)
	if err != nil {
		return []finding{faulty("addresses", "%s", err)}
	}
	switch {
	case unused > chain.WalletGap:
		return []finding{noted("addresses", "the last %d of the Bitcoin key were never paid: a wallet that looks %d ahead misses what comes next; raise its gap limit to %d or more", unused, chain.WalletGap, unused+chain.WalletGap)}
	case unused >= chain.GapWarning:
		return []finding{noted("addresses", "the last %d of the Bitcoin key were never paid; from %d on most wallets do not find the next payment, so raise the wallet's gap limit", unused, chain.WalletGap)}
	}
	return []finding{good("addresses", "%d unpaid in a row of the Bitcoin key; wallets look %d ahead", unused, chain.WalletGap)}
}

// checkUsed reads the chain since a day and says up to which index the Bitcoin
// key was used. Its light client has a folder of its own and takes the headers
// that the register has.
func checkUsed(ctx context.Context, s *settings, since time.Time, tell io.Writer) []finding {
	const what = "addresses"
	dir, err := os.MkdirTemp("", "till-doctor-")
	if err != nil {
		return []finding{noted(what, "no temporary folder, so the chain was not read; set TMPDIR")}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	own := filepath.Join(s.data, "bitcoin")
	cfg := s.lightClient(dir, slog.New(slog.DiscardHandler))
	cfg.Birthday, cfg.RelayPeers = since, -1
	if n, err := bitcoin.Headers(own); err == nil && n > 0 {
		cfg.BlockHeaders, cfg.FilterHeaders = bitcoin.HeaderFiles(own)
	}
	used := -1
	for count := uint32(1000); ; count *= 2 {
		found, err := lastUsed(ctx, cfg, s, count, tell)
		if err != nil {
			return []finding{faulty(what, "the chain could not be read to its end: %s", err)}
		}
		used = max(used, found)
		if used < int(count)-chain.WalletGap || count > 1<<20 {
			break
		}
	}
	next := uint32(0)
	if books, err := store.OpenReadOnly(ctx, s.data); err == nil {
		next, err = books.Next(ctx, s.bitcoin.key.Account().ID)
		_ = books.Close()
		if err != nil {
			return []finding{faulty(what, "%s", err)}
		}
	}
	next = max(next, s.bitcoin.key.Account().First)
	day, path := since.Format(time.DateOnly), s.bitcoin.key.Account().Path
	switch {
	case used < 0:
		return []finding{good(what, "none of the Bitcoin key was used since %s", day)}
	case used < int(next):
		return []finding{good(what, "the Bitcoin key was used up to index %d since %s, and the register goes on at %d", used, day, next)}
	}
	return []finding{faulty(what, "the first unused index of the Bitcoin key is %d (%s/%d), and the register would show %d next, an old address; write first = %d under [bitcoin] and use the key nowhere else, or give till an account of its own in the wallet", used+1, path, used+1, next, used+1)}
}

// lastUsed is the highest of the first count indices that a block since the
// birthday pays, -1 for none.
func lastUsed(ctx context.Context, cfg bitcoin.Config, s *settings, count uint32, tell io.Writer) (int, error) {
	w, err := bitcoin.New(cfg)
	if err != nil {
		return -1, err
	}
	index := make(map[chain.Destination]int, count)
	targets := make([]chain.Target, 0, count)
	for i := range count {
		to, err := s.bitcoin.key.Destination(i)
		if err != nil {
			break // a key with fewer
		}
		index[to] = int(i)
		targets = append(targets, chain.Target{ID: to})
	}
	if err := w.Watch(ctx, targets...); err != nil {
		return -1, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	used := -1
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, chain.Cursor{}, emptyArchive{}, func(_ context.Context, events []chain.Event, _ chain.Cursor) error {
			for _, e := range events {
				if e.Kind == chain.Included {
					used = max(used, index[e.Target])
				}
			}
			return nil
		})
	}()
	ticks, last := time.NewTicker(200*time.Millisecond), time.Now()
	defer ticks.Stop()
	for h := w.Health(); !h.Usable(); h = w.Health() {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			_, fact, effect := words.For("en", words.Format{}).Health(h, last)
			if h.State == chain.Syncing {
				effect = ""
			}
			fmt.Fprintln(tell, oneLine(fmt.Errorf("Bitcoin: %s %s", fact, effect))) //nolint:staticcheck // a line for people
		}
		select {
		case <-ticks.C:
		case err := <-done:
			return used, err
		case <-ctx.Done():
			<-done
			return used, ctx.Err()
		}
	}
	cancel()
	<-done
	return used, nil
}
