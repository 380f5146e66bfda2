package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/pos/store"
)

// TestBackup copies the store of a register that runs, restores the copy into a
// new folder, and finds every sale in it.
func TestBackup(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	const n = salePage + 20
	dir, to := bookFolder(t, n), t.TempDir()
	running := openStore(t, dir)
	file := filepath.Join(to, "till-2026-11-20.db")
	out, err := till(t, "backup", file, "--data", dir)
	if err != nil || !strings.HasPrefix(out, file+" holds 520 sales (0 open), 574 payments and 0 changes; the newest sale is 0520 of ") {
		t.Fatalf("%q, %v", out, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, err := os.ReadDir(to); err != nil || len(left) != 1 {
		t.Errorf("left beside it: %v, %v", left, err)
	}

	restored := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(restored, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(restored, store.FileName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	books := openStore(t, restored)
	if err := books.Check(t.Context()); err != nil {
		t.Error(err)
	}
	found := 0
	for got, err := range eachSale(t.Context(), books, time.Time{}, time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		want, err := running.Sale(t.Context(), got.Sale.ID)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("sale %d is %+v, was %+v, %v", got.Sale.Number, got, want, err)
		}
		found++
	}
	if found != n {
		t.Errorf("%d sales were restored, want %d", found, n)
	}
	for _, number := range []string{"1", "520"} {
		if out, err := till(t, "sales", "show", number, "--data", restored); err != nil || !strings.Contains(out, "sale 0") {
			t.Errorf("sale %s: %q, %v", number, out, err)
		}
	}

	// What is there is left alone.
	for _, there := range []string{file, to, filepath.Join(dir, store.FileName)} {
		before, _ := os.ReadFile(there)
		if _, err := till(t, "backup", there, "--data", dir); codeOf(err) != exitError || !strings.Contains(err.Error(), "name a new file") {
			t.Errorf("%s: %v", there, err)
		}
		if after, _ := os.ReadFile(there); string(after) != string(before) {
			t.Errorf("%s was changed", there)
		}
	}
	if err := os.Symlink(filepath.Join(to, "nowhere"), filepath.Join(to, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := till(t, "backup", filepath.Join(to, "link"), "--data", dir); codeOf(err) != exitError {
		t.Errorf("over a link: %v", err)
	}
	if _, err := till(t, "backup", filepath.Join(to, "none", "a.db"), "--data", dir); codeOf(err) != exitError || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("into no folder: %v", err)
	}
	for _, args := range [][]string{{}, {"a", "b"}, {""}} {
		if _, err := till(t, append([]string{"backup", "--data", dir}, args...)...); codeOf(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := till(t, "backup", filepath.Join(to, "b.db"), "--data", t.TempDir()); codeOf(err) != exitError {
		t.Errorf("without a store: %v", err)
	}
}

// TestBackupOfDamage refuses to pass damage on as a backup.
func TestBackupOfDamage(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir, to := bookFolder(t, 3), t.TempDir()
	damage(t, filepath.Join(dir, store.FileName), "2026-11-01T01:00:00", "2026-11-01T02:00:00")
	_, err := till(t, "backup", filepath.Join(to, "b.db"), "--data", dir)
	if codeOf(err) != exitError || !strings.Contains(err.Error(), "no backup was made") || !strings.Contains(err.Error(), filepath.Join(dir, store.FileName)) {
		t.Error(err)
	}
	if left, err := os.ReadDir(to); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
