package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cointill/till/pos"
)

var _ pos.Store = (*SQLite)(nil)

// FileName is the name of the store in the data folder. SQLite keeps two more
// files beside it while it is open, with -wal and -shm at the end.
const FileName = "till.db"

// readers is how many reads run at once; more of them wait.
const readers = 3

// Options are what Open may be told.
type Options struct {
	// Now is the clock for the lock file, and for the entries with which the
	// journal of an older store begins. nil is the machine's.
	Now func() time.Time
}

// SQLite is the store in one file: write-ahead log, one sync per commit, one
// writer, a few readers.
type SQLite struct {
	path     string
	lock     *os.File // nil if read-only
	readOnly bool

	jobs    chan job
	closing chan struct{}
	stopped chan struct{} // the writer has ended; closed from the start if read-only
	writer  *session
	commits atomic.Int64 // how often it synced

	idle   chan *session // readers not in use; nil stands for one not opened yet
	dialR  func(context.Context) (*session, error)
	active sync.WaitGroup
	once   sync.Once
	result error // of Close

	mu   sync.Mutex
	shut bool
}

// Open opens the store of a data folder, and makes both if they are not there.
// It fails with pos.ErrLocked if another till has the folder, pos.ErrDamaged or
// pos.ErrTooNew about the file, ErrFull or ErrReadOnly about the disk.
func Open(ctx context.Context, dir string, opts Options) (*SQLite, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if err := prepareFolder(dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(dir, opts.Now())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, FileName)
	w, err := openWriter(ctx, path, opts.Now())
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s := &SQLite{
		path: path, lock: lock, writer: w,
		jobs: make(chan job), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.pool(func(ctx context.Context) (*session, error) {
		return dial(ctx, path, []string{"query_only(1)"}, nil)
	})
	go s.write()
	return s, nil
}

func openWriter(ctx context.Context, path string, now time.Time) (*session, error) {
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(ctx, path, now); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, explain(path, err)
	}
	if err := inspect(path); err != nil {
		return nil, err
	}
	if err := tighten(path); err != nil {
		return nil, err
	}
	w, err := dial(ctx, path, []string{"journal_size_limit(16777216)"}, url.Values{"_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	if err := w.ready(ctx, now); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// tighten closes the files of a store to others.
func tighten(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Lstat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s%s is not a file of its own: put the store itself there", path, suffix)
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(path+suffix, 0o600)
		}
		if err != nil {
			return explain(path, err)
		}
	}
	return nil
}

// create makes a new store under another name first, so that a file under the
// right name is always whole: an empty or cut one is damage and never taken for
// a new shop, whose addresses would begin again.
func create(ctx context.Context, path string, now time.Time) error {
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(path + suffix); err == nil {
			return damaged(path, "it is gone and its log "+filepath.Base(path)+suffix+" is still there")
		}
	}
	fresh := path + ".new"
	for _, suffix := range []string{"", "-journal"} {
		if err := os.Remove(fresh + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain(path, err)
		}
	}
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return explain(path, err)
	}
	if err := f.Close(); err != nil {
		return explain(path, err)
	}
	s, err := dial(ctx, fresh, nil, nil)
	if err != nil {
		return err
	}
	err = s.migrate(0, now)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return explain(path, err)
	}
	return explain(path, syncFolder(filepath.Dir(path)))
}

// ready makes sure of everything that durability stands on, and migrates.
func (s *session) ready(ctx context.Context, now time.Time) error {
	if err := s.assertVersion(ctx); err != nil {
		return err
	}
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if err := tooNew(s.path, version); err != nil {
		return err
	}
	if version < int64(len(migrations)) {
		if version < 1 {
			return damaged(s.path, "it has no version")
		}
		if err := s.migrate(int(version), now); err != nil {
			return err
		}
	}
	var mode string
	if _, err := s.one(ctx, []any{&mode}, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	var sync, keys int
	_, err1 := s.one(ctx, []any{&sync}, "PRAGMA synchronous")
	_, err2 := s.one(ctx, []any{&keys}, "PRAGMA foreign_keys")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if mode != "wal" || sync != 2 || keys != 1 {
		return fmt.Errorf("%s cannot be written safely on this disk (journal %s, sync %d): use a folder on a local disk", s.path, mode, sync)
	}
	return tighten(s.path)
}

func (s *session) version(ctx context.Context) (int64, error) {
	var version int64
	_, err := s.one(ctx, []any{&version}, "PRAGMA user_version")
	return version, err
}

// oldest is the first SQLite without the bug that could lose a write-ahead log
// on restart (sqlite.org/wal.html, "WAL reset bug").
var oldest = [3]int{3, 51, 3}

func (s *session) assertVersion(ctx context.Context) error {
	var text string
	if _, err := s.one(ctx, []any{&text}, "SELECT sqlite_version()"); err != nil {
		return err
	}
	if !newEnough(text) {
		return fmt.Errorf("this till was built with SQLite %s, which can lose data: build it with 3.51.3 or later", text)
	}
	return nil
}

func newEnough(text string) bool {
	var v [3]int
	for i, part := range strings.SplitN(text, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return false
		}
		v[i] = n
	}
	for i := range v {
		if v[i] != oldest[i] {
			return v[i] > oldest[i]
		}
	}
	return true
}

// OpenReadOnly opens the store of a folder for looking, also while a register
// holds it. Write fails.
func OpenReadOnly(ctx context.Context, dir string) (*SQLite, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no store in %s: nothing was rung up there yet", dir)
	}
	if err := inspect(path); err != nil {
		return nil, err
	}
	s := &SQLite{path: path, readOnly: true, closing: make(chan struct{}), stopped: make(chan struct{})}
	close(s.stopped)
	params := url.Values{"mode": {"ro"}}
	s.pool(func(ctx context.Context) (*session, error) {
		return dial(ctx, path, []string{"query_only(1)"}, params)
	})
	version, err := s.peek(ctx)
	if errors.Is(err, ErrReadOnly) && !hasLog(path) {
		// A store on a medium that cannot be written, without a log: nobody
		// else can be writing it either.
		params.Set("immutable", "1")
		version, err = s.peek(ctx)
	}
	if err == nil {
		err = tooNew(path, version)
	}
	if err == nil && version < int64(len(migrations)) {
		err = fmt.Errorf("%s was written by an older till: start till, which brings it up to date; a copy of the file is a backup while till is closed", path)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *SQLite) peek(ctx context.Context) (version int64, err error) {
	err = s.read(ctx, func(r *session) error {
		version, err = r.version(ctx)
		return err
	})
	return version, err
}

// pool prepares room for readers; they are opened when they are needed.
func (s *SQLite) pool(dial func(context.Context) (*session, error)) {
	s.dialR, s.idle = dial, make(chan *session, readers)
	for range readers {
		s.idle <- nil
	}
}

// read runs fn on a reader.
func (s *SQLite) read(ctx context.Context, fn func(*session) error) error {
	if !s.enter() {
		return pos.ErrClosed
	}
	defer s.active.Done()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return pos.ErrClosed
	case r := <-s.idle:
		defer func() {
			if r != nil && r.bad {
				_ = r.close()
				r = nil
			}
			s.idle <- r
		}()
		if r == nil {
			fresh, err := s.dialR(ctx)
			if err != nil {
				return err
			}
			r = fresh
		}
		return fn(r)
	}
}

// enter counts a reader in, unless the store is closed.
func (s *SQLite) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return false
	}
	s.active.Add(1)
	return true
}

// Close ends the store after the writes and reads that have begun, and lets go
// of the folder. Calls after that fail with pos.ErrClosed.
func (s *SQLite) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.shut = true
		s.mu.Unlock()
		close(s.closing)
		<-s.stopped
		s.active.Wait()
		for range readers {
			if r := <-s.idle; r != nil {
				s.result = errors.Join(s.result, r.close())
			}
		}
		if s.writer != nil {
			// The last connection to close folds the log into the file.
			s.result = errors.Join(s.result, s.writer.close())
		}
		if s.lock != nil {
			s.result = errors.Join(s.result, s.lock.Close())
		}
	})
	return s.result
}
