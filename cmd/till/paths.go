package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
)

// places are where a till keeps its things, as the flags --config and --data,
// the environment (TILL_CONFIG, TILL_DATA) or the XDG folders say.
type places struct {
	config string // file
	data   string // folder
}

func (p places) fill() places {
	if p.config == "" {
		p.config = os.Getenv("TILL_CONFIG")
	}
	if p.config == "" {
		p.config = filepath.Join(xdg.ConfigHome, "till", "till.toml")
	}
	if p.data == "" {
		p.data = os.Getenv("TILL_DATA")
	}
	if p.data == "" {
		p.data = filepath.Join(xdg.DataHome, "till")
	}
	return p
}

// load reads the configuration with the environment on top of it.
func (p places) load() (*settings, error) {
	p = p.fill()
	config, text, err := readConfig(p.config)
	if err != nil {
		return nil, err
	}
	if err := overlay(&config, os.Environ()); err != nil {
		return nil, err
	}
	return understand(config, p.config, text, p.data)
}

// makePrivate makes a folder that only its owner can look into, or makes an
// existing one so.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder %s cannot be made: %s; choose another one", dir, plainCause(err))
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() && info.Mode().Perm() == 0o700 {
		return nil // also where nothing can be changed
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("the folder %s cannot be made private: %s; choose one of your own", dir, plainCause(err))
	}
	return nil
}

// writePrivate writes a whole file that only its owner can read, or none: what
// was there before stays until the new one is on disk.
func writePrivate(path string, text []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s cannot be written: %s; choose another place", path, plainCause(err))
		}
	}()
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".till-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// plainCause is a system's error in a few words, without the operation and the
// path that people have read already.
func plainCause(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist"
	case errors.Is(err, fs.ErrExist):
		return "something else has its name"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
