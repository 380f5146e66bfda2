package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cointill/till/chain"
)

// Indices are found through a tree of earliest free times: a node of level n
// covers 64^n indices, level 0 are the indices themselves, and the root covers
// all that a uint32 can count.
const (
	fanBits = 6
	fan     = 1 << fanBits
	root    = 6
)

// account finds an account's row, or makes it.
func (t *sqlTx) account(id string) (rid int64, err error) {
	found, err := t.one([]any{&rid}, "SELECT rid FROM accounts WHERE id = ?", id)
	if err != nil || found {
		return rid, err
	}
	// Numbered without gaps, so that a number that was damaged is noticed.
	_, err = t.one([]any{&rid}, `INSERT INTO accounts (rid, id, next, guard, sum)
		SELECT n, ?1, 0, -1, row_sum(n, ?1) FROM (SELECT coalesce(max(rid), 0) + 1 AS n FROM accounts) RETURNING rid`, id)
	return rid, err
}

func (t *sqlTx) NextIndex(account chain.Account, now time.Time) (uint32, error) {
	id := clean(account.ID)
	if id == "" {
		return 0, errors.New("an account without an id has no addresses")
	}
	var rid, next, guard int64
	found, err := t.one([]any{&rid, &next, &guard}, "SELECT rid, next, guard FROM accounts WHERE id = ?", id)
	if err == nil && !found {
		next, guard = 0, -1
		rid, err = t.account(id)
	}
	if err != nil {
		return 0, err
	}
	if guard != ^next {
		t.failed = damaged(t.s.path, "a counter of its addresses is wrong")
		return 0, t.failed
	}
	end := int64(lastIndex)
	if account.Size > 0 {
		end = int64(account.Size)
	}
	next = max(next, int64(account.First))
	idx, free := next, sql.NullInt64{}
	switch since := before(now, account.Cooldown); {
	case account.Gap > 0:
		idx, free, err = t.unpaid(rid, since, next, account)
	case account.Cooldown > 0:
		idx, free, err = t.cooled(rid, since, next)
	}
	if err != nil {
		return 0, err
	}
	if idx >= end {
		return 0, noAddress(account, uint64(end))
	}
	if idx >= next {
		if err := t.used(rid, idx); err != nil {
			return 0, err
		}
	}
	key := pendingKey{rid, idx}
	if err := t.setIndex(key, sql.NullInt64{}, free, sql.NullInt64{}); err != nil {
		return 0, err
	}
	if t.pending == nil {
		t.pending = map[pendingKey]int64{}
	}
	t.pending[key] = stamp(now)
	return uint32(idx), nil
}

// used moves an account's counter beyond an index.
func (t *sqlTx) used(rid, idx int64) error {
	return t.exec("UPDATE accounts SET next = ?1, guard = ~?1 WHERE rid = ?2 AND next < ?1 AND guard = ~next", idx+1, rid)
}

// cooled is the lowest index that has been free since a time, or else next.
func (t *sqlTx) cooled(rid, since, next int64) (idx int64, free sql.NullInt64, err error) {
	var at int64
	found, err := t.one([]any{&at}, "SELECT free FROM frees WHERE account = ? AND level = ? AND pos = 0 AND free <= ?", rid, root, since)
	if err != nil || !found {
		return next, free, err
	}
	node := int64(0)
	for level := root - 1; level >= 0; level-- {
		low := node << fanBits
		dest := []any{&node, &free}
		if level > 0 {
			found, err = t.one(dest, `SELECT pos, free FROM frees
				WHERE account = ? AND level = ? AND pos >= ? AND pos < ? AND free <= ? ORDER BY pos LIMIT 1`,
				rid, level, low, low+fan, since)
		} else {
			found, err = t.one(dest, `SELECT idx, free FROM indices
				WHERE account = ? AND idx >= ? AND idx < ? AND free <= ? ORDER BY idx LIMIT 1`,
				rid, low, low+fan, since)
		}
		if err == nil && !found {
			t.failed = damaged(t.s.path, "its list of free addresses is wrong")
			err = t.failed
		}
		if err != nil {
			return 0, free, err
		}
	}
	return node, free, nil
}

// gapWalk bounds how far back unpaid indices are looked at.
const gapWalk = 1000

// unpaid is the lowest of the newest indices in a row that were never paid and
// are free since a time, once there are Gap of them, or else next.
func (t *sqlTx) unpaid(rid, since, next int64, account chain.Account) (idx int64, free sql.NullInt64, err error) {
	idx, n, over := next, 0, false
	if err := t.usable(); err != nil {
		return 0, free, err
	}
	t.failed = t.s.each(context.Background(), func(scan func(...any) error) error {
		var at int64
		var number, is sql.NullInt64
		var paid bool
		if err := scan(&at, &number, &is, &paid); err != nil {
			return err
		}
		switch {
		case over || at < int64(account.First):
			return nil
		case !number.Valid || paid: // without a sale it was passed over: somebody had paid it
			over = true
			return nil
		}
		if n++; is.Valid && is.Int64 <= since {
			idx, free = at, is
		}
		return nil
	}, `SELECT i.idx, i.number, i.free, EXISTS (SELECT 1 FROM addresses a JOIN payments p ON p.destination = a.destination
			WHERE a.number = i.number AND a.account = i.account AND a.idx = i.idx)
		FROM indices i WHERE i.account = ? ORDER BY i.idx DESC LIMIT ?`, rid, gapWalk)
	if t.failed != nil || n < int(account.Gap) {
		return next, sql.NullInt64{}, t.failed
	}
	return idx, free, nil
}

// setIndex gives an index to a sale, held or free since a time, and brings the
// tree over it up to date. was is its free time until now.
func (t *sqlTx) setIndex(key pendingKey, number, was, free sql.NullInt64) error {
	if err := t.exec(`INSERT INTO indices (account, idx, number, free, sum) VALUES (?1, ?2, ?3, ?4, row_sum(?1, ?2, ?3, ?4))
		ON CONFLICT (account, idx) DO UPDATE SET number = excluded.number, free = excluded.free, sum = excluded.sum`,
		key.account, key.idx, number, free); err != nil {
		return err
	}
	// Upwards as long as the node's minimum moves: for an account without a
	// cooldown that is almost never beyond the first level.
	node := key.idx
	for level := 1; level <= root && was != free; level++ {
		node >>= fanBits
		is, err := t.earliest(key.account, level, node)
		if err != nil {
			return err
		}
		to := is
		switch {
		case free.Valid && (!is.Valid || free.Int64 < is.Int64):
			to = free
		case was.Valid && is == was:
			if to, err = t.earliestBelow(key.account, level, node); err != nil {
				return err
			}
		}
		if to == is {
			return nil
		}
		if err := t.setEarliest(key.account, level, node, to); err != nil {
			return err
		}
		was, free = is, to
	}
	return nil
}

func (t *sqlTx) earliest(account int64, level int, node int64) (at sql.NullInt64, err error) {
	_, err = t.one([]any{&at}, "SELECT free FROM frees WHERE account = ? AND level = ? AND pos = ?", account, level, node)
	return at, err
}

func (t *sqlTx) earliestBelow(account int64, level int, node int64) (at sql.NullInt64, err error) {
	low := node << fanBits
	if level == 1 {
		_, err = t.one([]any{&at}, "SELECT min(free) FROM indices WHERE account = ? AND idx >= ? AND idx < ?", account, low, low+fan)
	} else {
		_, err = t.one([]any{&at}, "SELECT min(free) FROM frees WHERE account = ? AND level = ? AND pos >= ? AND pos < ?",
			account, level-1, low, low+fan)
	}
	return at, err
}

func (t *sqlTx) setEarliest(account int64, level int, node int64, at sql.NullInt64) error {
	if !at.Valid {
		return t.exec("DELETE FROM frees WHERE account = ? AND level = ? AND pos = ?", account, level, node)
	}
	return t.exec(`INSERT INTO frees VALUES (?, ?, ?, ?)
		ON CONFLICT (account, level, pos) DO UPDATE SET free = excluded.free`, account, level, node, at.Int64)
}
