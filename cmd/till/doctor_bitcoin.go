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

// walletGap is how many unused addresses in a row most wallets look beyond: what
// comes after them they do not find. gapWarning is when it is time to say so.
const (
	walletGap  = 20
	gapWarning = 15
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

// checkGap counts the newest addresses of an account that were shown and never
// paid.
func checkGap(ctx context.Context, books pos.Store, account chain.Account) []finding {
	unused, most := 0, 10*walletGap
	q := pos.Query{Limit: 100}
	for unused < most {
		page, err := books.Sales(ctx, q)
		if err != nil {
			return []finding{faulty("addresses", "%s", err)}
		}
		for _, rec := range page {
			if _, ok := rec.Sale.Address(account.ID); !ok {
				continue
			}
			if len(rec.Payments) > 0 {
				page = nil
				break
			}
			unused++
		}
		if len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].Sale.Number
	}
	switch {
	case unused > walletGap:
		return []finding{noted("addresses", "the last %d of the Bitcoin key were never paid: a wallet that looks %d ahead misses what comes next; raise its gap limit to %d or more", unused, walletGap, unused+walletGap)}
	case unused >= gapWarning:
		return []finding{noted("addresses", "the last %d of the Bitcoin key were never paid; from %d on most wallets do not find the next payment, so raise the wallet's gap limit", unused, walletGap)}
	}
	return []finding{good("addresses", "%d unpaid in a row of the Bitcoin key; wallets look %d ahead", unused, walletGap)}
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
		if used < int(count)-walletGap || count > 1<<20 {
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
	day, path := since.Format(time.DateOnly), s.bitcoin.key.Account().Path
	switch {
	case used < 0:
		return []finding{good(what, "none of the Bitcoin key was used since %s", day)}
	case used < int(next):
		return []finding{good(what, "the Bitcoin key was used up to index %d since %s, and the register goes on at %d", used, day, next)}
	}
	return []finding{faulty(what, "the first unused index of the Bitcoin key is %d (%s/%d), and the register would show %d next: somebody else uses the key, and old addresses would be shown again; give till an account of its own in the wallet", used+1, path, used+1, next)}
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
