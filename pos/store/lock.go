package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cointill/till/pos"
)

// lockName is the file whose lock makes a register the only one on its folder.
// The kernel lets go of the lock when the process ends, however it ends; the
// file stays.
const lockName = "till.lock"

// Holder is who holds a data folder.
type Holder struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// takeLock locks a folder, or says with pos.ErrLocked who has it.
func takeLock(dir string, now time.Time) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the folder %s cannot be locked (%w): use a folder on a local disk", dir, err)
		}
		return nil, lockedError(dir, f)
	}
	me, err := json.Marshal(Holder{PID: os.Getpid(), Since: now.UTC().Truncate(time.Second)})
	if err == nil {
		err = errors.Join(f.Truncate(0), writeAt(f, append(me, '\n')))
	}
	if err != nil {
		return nil, errors.Join(explain(path, err), f.Close())
	}
	return f, nil
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

func lockedError(dir string, f *os.File) error {
	b := make([]byte, 200)
	n, _ := f.ReadAt(b, 0)
	var h Holder
	if json.Unmarshal(b[:n], &h) != nil || h.PID <= 0 {
		return fmt.Errorf("%w: %s", pos.ErrLocked, dir)
	}
	return fmt.Errorf("%w: process %d holds %s since %s", pos.ErrLocked, h.PID, dir,
		h.Since.Local().Format("2006-01-02 15:04:05"))
}
