package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/cointill/till/pos"
)

// AppendJournal adds an entry to the chain. The end of the chain is read in the
// transaction that adds to it, so that one that was rolled back leaves nothing.
func (t *sqlTx) AppendJournal(e pos.Entry) (pos.Entry, error) {
	if err := t.usable(); err != nil {
		return pos.Entry{}, err
	}
	e, err := fitEntry(e)
	if err != nil {
		return pos.Entry{}, err
	}
	seq, err := t.count("journal")
	if err != nil {
		return pos.Entry{}, err
	}
	if t.chain.Seq == 0 || t.chain.Seq != seq-1 {
		if err := t.endOfJournal(seq - 1); err != nil {
			return pos.Entry{}, err
		}
	}
	e = follow(t.chain, e)
	t.chain = pos.Chain{Seq: e.Seq, Hash: e.Hash}
	return e, t.exec("INSERT INTO journal (seq, at, kind, sale, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
		int64(e.Seq), e.At.UnixNano(), string(e.Kind), e.Sale, string(e.Body), e.Hash[:])
}

// endOfJournal reads the hash that the next entry follows.
func (t *sqlTx) endOfJournal(seq uint64) error {
	t.chain = pos.Chain{Seq: seq}
	if seq == 0 {
		return nil
	}
	var hash []byte
	found, err := t.one([]any{&hash}, "SELECT hash FROM journal WHERE seq = ?", int64(seq))
	if err == nil && (!found || len(hash) != len(t.chain.Hash)) {
		t.failed = damaged(t.s.path, fmt.Sprintf("entry %d of its journal is missing", seq))
		err = t.failed
	}
	copy(t.chain.Hash[:], hash)
	return err
}

const (
	// Each entry comes with the hash of the one before it, so that it can be
	// compared with its own.
	entries = `SELECT j.seq, j.at, j.kind, j.sale, j.body, j.hash, b.hash FROM journal j LEFT JOIN journal b ON b.seq = j.seq - 1 `

	journalPage = entries + "WHERE j.seq > ? ORDER BY j.seq LIMIT ?"
	history     = entries + "WHERE j.sale = ? ORDER BY j.seq"
)

// entries reads entries and compares them with their hashes.
func (s *session) entries(ctx context.Context, q string, args ...any) (all []pos.Entry, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		e, before, err := scanEntry(scan)
		if err != nil {
			return err
		}
		if e.Sum(before) != e.Hash {
			return damaged(s.path, notWritten(e.Seq))
		}
		all = append(all, e)
		return nil
	}, q, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func notWritten(seq uint64) string {
	return fmt.Sprintf("entry %d of its journal is not what was written, or the one before it is not", seq)
}

// scanEntry reads a row of entries. A hash of another length is left zero, and
// so fits no entry.
func scanEntry(scan func(...any) error) (e pos.Entry, before pos.Hash, err error) {
	var seq, at int64
	var kind, sale, body, hash, prior sql.RawBytes
	if err := scan(&seq, &at, &kind, &sale, &body, &hash, &prior); err != nil {
		return e, before, err
	}
	e = pos.Entry{Seq: uint64(seq), At: time.Unix(0, at).UTC(), Kind: pos.EntryKind(kind), Sale: string(sale), Body: append([]byte{}, body...)}
	for to, from := range map[*pos.Hash]sql.RawBytes{&e.Hash: hash, &before: prior} {
		if len(from) == len(to) {
			copy(to[:], from)
		}
	}
	return e, before, nil
}

// Journal returns entries after a number, in order, each compared with its hash.
func (s *SQLite) Journal(ctx context.Context, after uint64, most int) (all []pos.Entry, err error) {
	err = s.read(ctx, func(c *session) error {
		all, err = c.entries(ctx, journalPage, int64(min(after, math.MaxInt64)), limit(most))
		return err
	})
	return all, err
}

// History returns all entries of a sale, in order, each compared with its hash.
func (s *SQLite) History(ctx context.Context, saleID string) (all []pos.Entry, err error) {
	err = s.read(ctx, func(c *session) error {
		all, err = c.entries(ctx, history, saleID)
		return err
	})
	return all, err
}
