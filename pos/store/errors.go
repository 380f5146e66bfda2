package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cointill/till/pos"
)

// explain makes a sentence of an error that came from SQLite or the file
// system: what happened, to which file, what to do. An error that is a sentence
// already passes through.
func explain(path string, err error) error {
	var se *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &se):
		return explainCode(path, se.Code())
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fullError(path)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return readOnlyError(path)
	}
	return err
}

func explainCode(path string, code int) error {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return fullError(path)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return readOnlyError(path)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged(path, "its pages do not fit together")
	case sqlite3.SQLITE_ERROR: // SQL that fits the tables that till makes
		return damaged(path, "its tables are not as till made them")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another program is writing to %s: close it and try again", path)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the disk failed while %s was being read or written (SQLite error %d): look at the disk, nothing was stored", path, code)
	case sqlite3.SQLITE_NOMEM:
		return fmt.Errorf("there is not enough memory to work on %s: nothing was stored", path)
	case sqlite3.SQLITE_INTERRUPT:
		return context.Canceled
	}
	return fmt.Errorf("%s could not be read or written (SQLite error %d)", path, code)
}

func fullError(path string) error {
	return fmt.Errorf("%w: free some space on the disk that holds %s; nothing was stored", ErrFull, filepath.Dir(path))
}

func readOnlyError(path string) error {
	return fmt.Errorf("%w: allow yourself to write in %s", ErrReadOnly, filepath.Dir(path))
}

// damaged says what is wrong with which file, and what to do.
func damaged(path, what string) error {
	return fmt.Errorf("%w: %s cannot be relied on, %s; it was left as it is: keep a copy and restore the last backup", pos.ErrDamaged, path, what)
}

// What else may be wrong with a data folder.
var (
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("the data folder cannot be written")
)
