package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// leastFree is what headers, sales and logs of a busy year need with room to spare.
const leastFree = 500 << 20

func checkPrivate(path string) []finding {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return []finding{noted("config", "others on this machine can read it and see all takings; run: chmod 600 %s", path)}
	}
	return nil
}

// checkData looks at the data folder without changing it. The settings are nil
// where they cannot be read.
func checkData(ctx context.Context, data string, s *settings) []finding {
	info, err := os.Stat(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return append([]finding{good("data", "%s does not exist yet; the register makes it", data)}, checkSpace(data)...)
	case err != nil:
		return []finding{faulty("data", "%s cannot be looked at: %s; choose another folder with --data", data, plainCause(err))}
	case !info.IsDir():
		return []finding{faulty("data", "%s is a file; choose a folder with --data", data)}
	}
	var found []finding
	if info.Mode().Perm()&0o077 != 0 {
		found = append(found, noted("data", "others can look into %s; the register closes it when it starts, or run: chmod 700 %s", data, data))
	}
	if unix.Access(data, unix.W_OK) != nil {
		found = append(found, faulty("data", "%s cannot be written; make it belong to the person who runs till", data))
	}
	found = append(found, checkSpace(data)...)
	return append(found, checkBooks(ctx, data, s)...)
}

func checkSpace(path string) []finding {
	for { // the first parent that exists
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			break
		}
		path = filepath.Dir(path)
	}
	var fsys unix.Statfs_t
	if err := unix.Statfs(path, &fsys); err != nil {
		return nil // not every file system says
	}
	free := uint64(fsys.Bavail) * uint64(fsys.Bsize) //nolint:unconvert // the types differ between systems
	if free < leastFree {
		return []finding{faulty("data", "only %d MB are free at %s, at least %d are needed; make room", free>>20, path, leastFree>>20)}
	}
	return []finding{good("data", "%d MB free", free>>20)}
}
