package store

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Contents is how much a store holds.
type Contents struct {
	Sales, Open, Payments, Changes, Entries int
	Newest                                  uint64 // receipt number of the newest sale, 0 if there is none
}

// Contents counts what is in the store.
func (s *SQLite) Contents(ctx context.Context) (c Contents, err error) {
	err = s.look(ctx, func(r *session) error {
		_, err := r.one(ctx, []any{&c.Sales, &c.Open, &c.Payments, &c.Changes, &c.Entries, &c.Newest}, `SELECT
			(SELECT count(*) FROM sales), (SELECT count(*) FROM sales WHERE closed IS NULL), (SELECT count(*) FROM payments),
			(SELECT count(*) FROM outbox), (SELECT count(*) FROM journal), (SELECT coalesce(max(number), 0) FROM sales)`)
		return err
	})
	return c, err
}

// CopyTo writes a copy of the store into a folder that has none: all of it as it
// is at one moment, also while a register writes, which is not kept waiting. The
// copy is on disk when CopyTo returns nil; Check looks at what is in it. A copy
// that was not finished is taken away.
func (s *SQLite) CopyTo(ctx context.Context, dir string) (err error) {
	to := filepath.Join(dir, FileName)
	// SQLite writes into a file that is empty, so its rights are ours to give.
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return explain(to, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = explain(to, cerr)
		}
		if err != nil {
			_ = os.Remove(to)
		}
	}()
	params := url.Values{"mode": {"ro"}}
	err = s.copyWith(ctx, to, params)
	if errors.Is(err, ErrReadOnly) && !hasLog(s.path) {
		params.Set("immutable", "1") // as in OpenReadOnly
		err = s.copyWith(ctx, to, params)
	}
	if err == nil { // SQLite leaves that to us here
		err = explain(to, f.Sync())
	}
	if err == nil {
		err = explain(to, syncFolder(dir))
	}
	return err
}

// copyWith copies over a connection of its own: those of the pool are query_only,
// which holds for the copy as well.
func (s *SQLite) copyWith(ctx context.Context, to string, params url.Values) error {
	c, err := dial(ctx, s.path, nil, params)
	if err != nil {
		return err
	}
	_, err = c.conn.ExecContext(ctx, "VACUUM INTO ?", to)
	path := to
	var se *sqlite.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			path = s.path
		}
	}
	return errors.Join(explain(path, err), c.close())
}
