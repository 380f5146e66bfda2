package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cointill/till/pos"
)

// prepareFolder makes the data folder, or closes an existing one to others. A
// folder that everybody shares (/tmp) is refused.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return explainFolder(dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return explainFolder(dir, err)
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is a file: a data folder is needed there", dir)
	case info.Mode()&fs.ModeSticky != 0:
		return fmt.Errorf("%s is shared with everybody on this machine: choose a folder of your own", dir)
	case info.Mode().Perm()&0o077 != 0:
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("others may read %s and it cannot be closed to them: choose a folder of your own", dir)
		}
	}
	return nil
}

func explainFolder(dir string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the data folder %s cannot be used: %w", dir, pe.Err)
	}
	return explain(dir+"/", err)
}

const (
	headerSize = 100
	magic      = "SQLite format 3\x00"
)

// inspect reads the header of the file, without SQLite and without touching
// anything, and says what is plainly wrong. What is only in the write-ahead log
// it cannot see.
func inspect(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return explain(path, err)
	}
	defer func() { _ = f.Close() }()
	h := make([]byte, headerSize)
	if _, err := io.ReadFull(f, h); err != nil {
		return damaged(path, "it is cut off")
	}
	info, err := f.Stat()
	if err != nil {
		return explain(path, err)
	}
	page := int64(binary.BigEndian.Uint16(h[16:]))
	if page == 1 {
		page = 65536
	}
	switch {
	case string(h[:16]) != magic:
		return damaged(path, "it does not begin like a database")
	case page < 512 || page&(page-1) != 0:
		return damaged(path, "it is cut off")
	// While there is a log, pages may be on their way from it into the file.
	case !hasLog(path) && (info.Size()%page != 0 || info.Size() < page*int64(binary.BigEndian.Uint32(h[28:]))):
		return damaged(path, "it is cut off")
	case binary.BigEndian.Uint32(h[68:]) != applicationID:
		return damaged(path, "it was not written by till")
	}
	return tooNew(path, int64(binary.BigEndian.Uint32(h[60:])))
}

// hasLog tells whether the file has a write-ahead log with something in it.
func hasLog(path string) bool {
	info, err := os.Lstat(path + "-wal")
	return err == nil && info.Size() > 0
}

func tooNew(path string, version int64) error {
	if version <= int64(len(migrations)) {
		return nil
	}
	return fmt.Errorf("%w: %s has version %d and this till knows %d; it was left as it is: use the newer till",
		pos.ErrTooNew, path, version, len(migrations))
}

// syncFolder makes a rename in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
