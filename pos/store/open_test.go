package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

func TestSecondTillIsRefused(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 20, 10, 3, 0, 0, time.Local)
	s, err := store.Open(background, dir, store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(background, dir, store.Options{})
	if !errors.Is(err, pos.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d ", os.Getpid())) ||
		!strings.Contains(err.Error(), "since 2026-11-20 10:03:00") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("the second till was told: %v", err)
	}
	fill(t, s, 1) // the refusal did the first no harm
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openIn(t, dir)
}

func TestReadOnlyBesideARegister(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.OpenReadOnly(background, dir); err == nil || !strings.Contains(err.Error(), "no store") {
		t.Fatalf("an empty folder: %v", err)
	}
	s := openIn(t, dir)
	fill(t, s, 20)
	r, err := store.OpenReadOnly(background, dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(r); err != nil || got != want {
		t.Fatalf("read beside the register: %v\n got %s\nwant %s", err, got, want)
	}
	if err := r.Write(background, func(pos.Tx) error { return nil }); !errors.Is(err, store.ErrReadOnly) {
		t.Fatalf("Write: %v", err)
	}
	err = s.Write(background, func(tx pos.Tx) error { return tx.PutSale(storetest.NewSale(21)) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sale(background, "sale-21"); err != nil {
		t.Fatalf("what was rung up since: %v", err)
	}
	if err := r.Check(background); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// And without one.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r, err = store.OpenReadOnly(background, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if rs, err := r.Sales(background, pos.Query{}); err != nil || len(rs) != 21 {
		t.Fatalf("%d sales, %v", len(rs), err)
	}
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "shop 100% ?#&;ü")
	s := openIn(t, dir)
	fill(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// What was opened to others meanwhile is closed again.
	for path, mode := range map[string]fs.FileMode{dir: 0o755, filepath.Join(dir, store.FileName): 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	s = openIn(t, dir)
	fillMore(t, s)
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may use %s: %v", path, info.Mode())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(background, shared, store.Options{}); err == nil || !strings.Contains(err.Error(), "shared with everybody") {
		t.Fatalf("a shared folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(background, file, store.Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("a file for a folder: %v", err)
	}
}

func fillMore(t *testing.T, s pos.Store) {
	t.Helper()
	if err := s.Write(background, func(tx pos.Tx) error { return tx.PutSale(storetest.NewSale(1000)) }); err != nil {
		t.Fatal(err)
	}
}

// TestFolderThatCannotBeWritten: a till does not start on one, and loses nothing
// by trying; looking is possible.
func TestFolderThatCannotBeWritten(t *testing.T) {
	dir, file := closed(t, 10)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		seal(t, dir) // the superuser may write everywhere but where nobody may
	}
	if err := os.Chmod(dir, 0o500); err != nil && os.Geteuid() != 0 {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if _, err := store.Open(background, dir, store.Options{}); !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), dir) {
		t.Errorf("told: %v", err)
	}
	if _, err := store.Open(background, filepath.Join(dir, "new"), store.Options{}); !errors.Is(err, store.ErrReadOnly) && !strings.Contains(err.Error(), dir) {
		t.Errorf("a new folder in it: %v", err)
	}
	r, err := store.OpenReadOnly(background, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if entries, err := r.Journal(background, 0, 100); err != nil || len(entries) != 10 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file was touched, %v", err)
	}
}

// TestUnusableFile: each is refused with its own error, and left as it is.
func TestUnusableFile(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func([]byte) []byte
		want  error
		says  string
	}{
		"from a newer till":   {func(b []byte) []byte { b[63]++; return b }, pos.ErrTooNew, "use the newer till"},
		"from a far newer":    {func(b []byte) []byte { b[60] = 0xff; return b }, pos.ErrTooNew, "use the newer till"},
		"of another program":  {func(b []byte) []byte { b[70]++; return b }, pos.ErrDamaged, "not written by till"},
		"no database at all":  {func([]byte) []byte { return bytes.Repeat([]byte("hello "), 4000) }, pos.ErrDamaged, "does not begin"},
		"empty":               {func([]byte) []byte { return nil }, pos.ErrDamaged, "cut off"},
		"cut off":             {func(b []byte) []byte { return b[:len(b)/2+77] }, pos.ErrDamaged, "cut off"},
		"cut off at a page":   {func(b []byte) []byte { return b[:8192] }, pos.ErrDamaged, "cut off"},
		"tables gone":         {func(b []byte) []byte { clear(b[100:4096]); return b }, pos.ErrDamaged, "restore the last backup"},
		"text where pages go": {func(b []byte) []byte { copy(b[100:], bytes.Repeat([]byte("x"), 3000)); return b }, pos.ErrDamaged, "restore the last backup"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := closed(t, 30)
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bad := c.spoil(whole)
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, open := range []func() (*store.SQLite, error){
				func() (*store.SQLite, error) { return store.Open(background, dir, store.Options{}) },
				func() (*store.SQLite, error) { return store.OpenReadOnly(background, dir) },
			} {
				s, err := open()
				if err == nil {
					err = s.Check(background)
					_ = s.Close()
				}
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) {
					t.Fatalf("told: %v", err)
				}
				now, rerr := os.ReadFile(file)
				if rerr != nil || !bytes.Equal(now, bad) {
					t.Fatalf("the file was touched (%v)", rerr)
				}
			}
		})
	}
	t.Run("gone, with its log left", func(t *testing.T) {
		dir, file := closed(t, 1)
		if err := os.Rename(file, file+"-wal"); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(background, dir, store.Options{}); !errors.Is(err, pos.ErrDamaged) {
			t.Fatalf("told: %v", err)
		}
	})
}

// TestCrashDuringACheckpoint: pages are copied from the log into the file one by
// one, the first one first; a file that is shorter than its header says is whole
// as long as its log is there.
func TestCrashDuringACheckpoint(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	s := openIn(t, dir)
	fill(t, s, 30)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(copied, store.FileName+"-shm")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(copied, store.FileName)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole[30]++ // 256 pages more than there are
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	again := openIn(t, copied)
	if got, err := read(again); err != nil || got != want {
		t.Fatalf("after the crash: %v", err)
	}
	if err := again.Check(background); err != nil {
		t.Fatal(err)
	}
}

// TestEveryByteFlip: a flipped bit anywhere is found at Open or by Check, or
// changes nothing that the store answers.
func TestEveryByteFlip(t *testing.T) {
	dir, file := closed(t, 40)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := openIn(t, dir)
	want, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(background); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	found, harmless := 0, 0
	// A seed per place: the same bytes every run, spread over the file.
	step := max(1, len(whole)/rounds("TILL_FLIPS", 150))
	for at := 0; at < len(whole); at += step {
		h := sha256.Sum256([]byte{byte(at), byte(at >> 8), byte(at >> 16)})
		place := min(at+int(h[0])*step/256, len(whole)-1)
		bad := bytes.Clone(whole)
		bad[place] ^= 1 << (h[1] % 8)
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(background, dir, store.Options{})
		var got string
		if err == nil {
			if err = s.Check(background); err == nil {
				got, err = read(s)
				if err != nil {
					t.Fatalf("byte %d: Check passed, and then: %v", place, err)
				}
			}
			_ = s.Close()
		}
		switch {
		case err != nil && !errors.Is(err, pos.ErrDamaged) && !errors.Is(err, pos.ErrTooNew):
			t.Fatalf("byte %d: %v", place, err)
		case err != nil:
			found++
		case got != want:
			t.Fatalf("byte %d (0x%02x to 0x%02x) changed what the store says, and nobody noticed", place, whole[place], bad[place])
		default:
			harmless++
		}
	}
	t.Logf("%d flips were found, %d fell into free space", found, harmless)
	if found < harmless/4 {
		t.Fatalf("only %d of %d flips were found", found, found+harmless)
	}
}
