package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/cointill/till/tui/kiosk"
)

// The keys that open screens stand in a file of the data folder. The service looks
// at it whenever somebody comes in; only `till keys` writes it.
const (
	sshKeysName = "ssh_keys"
	mostSSHKeys = 1 << 20 // bytes
)

type sshKeys struct {
	dir string

	mu   sync.Mutex
	seen fs.FileInfo // of what was read; nil = not yet, or not there
	keys kiosk.Keys
}

// read returns the keys; none where there is no file yet.
func (f *sshKeys) read() (kiosk.Keys, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := filepath.Join(f.dir, sshKeysName)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.seen, f.keys = nil, nil
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s cannot be looked at: %s", path, plainCause(err))
	case f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size():
		return f.keys, nil
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s is open to others; whoever can write it comes in. Look at it and close it: chmod 600 %s", path, path)
	case !info.Mode().IsRegular() || info.Size() > mostSSHKeys:
		return nil, fmt.Errorf("%s is no file of keys", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", path, plainCause(err))
	}
	keys, err := kiosk.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s, %w", path, err)
	}
	f.seen, f.keys = info, keys
	return keys, nil
}

// change writes what do makes of the keys. Of two at a time one waits.
func (f *sshKeys) change(do func(kiosk.Keys) (kiosk.Keys, error)) error {
	if err := makePrivate(f.dir); err != nil {
		return err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be opened: %s", f.dir, plainCause(err))
	}
	defer func() { _ = dir.Close() }() // and lets go of the lock
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("the data folder %s cannot be locked: %s", f.dir, plainCause(err))
	}
	keys, err := f.read()
	if err != nil {
		return err
	}
	if keys, err = do(keys); err != nil {
		return err
	}
	return writePrivate(filepath.Join(f.dir, sshKeysName), keys.Text())
}

const hostKeyName = "ssh_host_key"

// hostKey is the key by which clients know this till; the first time it is made.
func hostKey(dir string) (kiosk.HostKey, error) {
	path := filepath.Join(dir, hostKeyName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = kiosk.NewHostKey(rand.Reader); err == nil {
			err = writePrivate(path, text)
		}
		if err != nil {
			return kiosk.HostKey{}, err
		}
	}
	if err != nil {
		return kiosk.HostKey{}, fmt.Errorf("%s cannot be read: %s", path, plainCause(err))
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return kiosk.HostKey{}, fmt.Errorf("%s is open to others, who could pose as this till; delete it, and till makes another one", path)
	}
	key, err := kiosk.ReadHostKey(text)
	if err != nil {
		return key, fmt.Errorf("%s: %w; delete it, and till makes another one", path, err)
	}
	return key, nil
}
