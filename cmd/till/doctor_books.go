package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

// checkBooks looks at what the data folder holds: the till that has it open, the
// store, its journal, backups, staff, rules and the clock.
func checkBooks(ctx context.Context, data string, s *settings) []finding {
	path := filepath.Join(data, store.FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return []finding{good("store", "no sales yet")}
	}
	books, err := store.OpenReadOnly(ctx, data)
	if err != nil {
		return []finding{faulty("store", "%s", err)}
	}
	defer func() { _ = books.Close() }()
	if err := books.Check(ctx); err != nil {
		return []finding{faulty("store", "%s", err)}
	}
	newest, err := books.Sales(ctx, pos.Query{Limit: 1})
	if err != nil {
		return []finding{faulty("store", "%s", err)}
	}
	v := &verifier{books: books, verdict: verdict{OK: true}}
	if err := v.checkJournal(ctx); err != nil {
		return []finding{faulty("journal", "%s", err)}
	}
	if len(v.Faults) > 0 {
		return []finding{faulty("journal", "%s", v.Faults[0].Text)}
	}
	now := time.Now()
	found := []finding{checkHolder(ctx, data)}
	if len(newest) == 0 {
		found = append(found, good("store", "intact, no sales yet"))
	} else {
		found = append(found, good("store", "intact, the last sale is number %d", newest[0].Sale.Number))
		found = append(found, checkBackup(lastBackup(data), newest[0].Sale.CreatedAt, now))
	}
	found = append(found, good("journal", "intact, %s", counted2(int(v.Entries), "entry", "entries"))) //nolint:gosec // no journal is that long
	if s == nil {
		return found
	}
	if s.bitcoin != nil {
		found = append(found, checkGap(ctx, books, &bitcoinRail{network: s.bitcoin.network, key: s.bitcoin.key})...)
	}
	board, staff, err := s.glance(ctx, books)
	if errors.Is(err, store.ErrReadOnly) {
		return found // no register was opened here yet
	}
	if err != nil {
		return append(found, faulty("register", "%s", err))
	}
	if hasSupervisor(staff) {
		found = append(found, good("staff", "%s, a supervisor among them", counted2(len(staff), "person has a PIN", "people have a PIN")))
	} else {
		found = append(found, noted("staff", "nobody is a supervisor, so anybody at the till agrees to other keys, and nobody can accept too little or late money; run: till staff add NAME --role supervisor"))
	}
	if len(board.Changed) > 0 {
		found = append(found, faulty("rules", "nothing is rung up until a supervisor agrees to what was changed: %s; look at it with `till keys`", strings.Join(board.Changed, "; ")))
	} else {
		found = append(found, good("rules", "keys and rules are those that were agreed to"))
	}
	if wrong := setBack(board, newest, now); wrong != "" {
		found = append(found, faulty("clock", "%s", wrong))
	}
	return found
}

// checkHolder tells who has the folder open.
func checkHolder(ctx context.Context, data string) finding {
	ctx, cancel := context.WithTimeout(ctx, sockRead)
	defer cancel()
	a, err := askHolder(ctx, data, request{Do: askHello})
	switch {
	case errors.Is(err, errNoHolder):
		return good("till", "no register answers on this folder now")
	case err != nil:
		return noted("till", "%s", err)
	case a.Holder == nil:
		return noted("till", "the register on this folder does not say who it is; is it another version?")
	}
	return good("till", "open on %s since %s, process %d", pos.CleanText(a.Holder.Terminal, 32), a.Holder.Since.Local().Format(time.DateTime), a.Holder.PID)
}

// backupAfter is how old the newest backup may be while sales go on.
const backupAfter = 7 * 24 * time.Hour

func checkBackup(last, newest, now time.Time) finding {
	age := now.Sub(last)
	switch {
	case last.IsZero():
		return noted("backup", "none was made yet; what is only in this folder is lost with its disk, so run now and then: till backup FILE")
	case age > backupAfter && newest.After(last):
		return noted("backup", "the newest is %s old, and sales were rung up since; run: till backup FILE", words.For("en", words.Format{}).Span(age))
	}
	return good("backup", "the newest is of %s", last.Local().Format("2006-01-02 15:04"))
}

// behind is how far ahead of this clock a block's time may be: nodes take blocks
// that are up to two hours ahead (Bitcoin Core, MAX_FUTURE_BLOCK_TIME).
const behind = 2 * time.Hour

// setBack says that the clock is before what happened already, "" if it is not.
func setBack(board pos.Board, newest []pos.Record, now time.Time) string {
	was := ""
	for _, rail := range slices.Sorted(maps.Keys(board.Tips)) {
		if board.Tips[rail].Block.Time.Sub(now) > behind {
			was = "the last block of " + words.Rail(rail)
		}
	}
	if len(newest) > 0 && newest[0].Sale.CreatedAt.Sub(now) > time.Minute {
		was = "the last sale of " + newest[0].Sale.CreatedAt.Local().Format(time.DateTime)
	}
	if was == "" {
		return ""
	}
	return fmt.Sprintf("this machine's clock says %s, which is before %s; set it right, or deadlines and what came in time are judged wrongly",
		now.Local().Format(time.DateTime), was)
}

// setBack says that the clock is before what this register knows.
func (s *session) setBack(ctx context.Context) string {
	newest, err := s.store.Sales(ctx, pos.Query{Limit: 1})
	if err != nil {
		return "" // whoever sells hears of it
	}
	return setBack(s.Board(), newest, s.clock.Now())
}

// glance reads a store as a register does that runs nothing and writes nothing.
func (s *settings) glance(ctx context.Context, books *store.SQLite) (pos.Board, []pos.Member, error) {
	log := slog.New(slog.DiscardHandler)
	rails, err := newRails(s, log)
	if err != nil {
		return pos.Board{}, nil, err
	}
	rates, err := newFeed(s, log)
	if err != nil {
		return pos.Board{}, nil, err
	}
	reg, err := pos.New(ctx, pos.Config{
		Shop: s.shop, Policy: s.policy, Rules: s.rules(), Rails: rails, Rates: rates,
		Store: books, Clock: clock{}, Random: rand.Reader, Log: log,
	})
	if err != nil {
		return pos.Board{}, nil, err
	}
	staff, err := reg.Staff(ctx)
	return reg.Board(), staff, err
}
