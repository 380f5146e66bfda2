//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk is a folder on a disk of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("till", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		if os.Getenv("TILL_FULL") == "1" {
			t.Fatalf("no small disk can be mounted: %v; run as root", err)
		}
		t.Skipf("no small disk can be mounted, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until no byte fits any more.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := bytes.Repeat([]byte{'x'}, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull: the disk fills up while a sale is open. It is said on the screen
// and to whoever tries to sell, nothing is rung up, and the payment that came
// meanwhile is there as soon as there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	s := newTestShop(t, ethereumShop(n, key))
	s.data = smallDisk(t, "4m")
	c := &counter{shopUnderTest: s, price: "2,000.00"}
	c.start()
	to, wei := c.ring("450", "e", "AWAITING")
	ballast := filepath.Join(s.data, "ballast")
	fill(t, ballast)
	n.payNative(t, to, wei)
	n.mine(t, 2)

	c.Press("n").See("enter").Type("500").Press("enter").See("not charged", "disk is full").Press("esc", "esc")
	if res := s.do("", "doctor", "--offline"); res.code != exitError || !strings.Contains(res.out, "make room") {
		t.Errorf("%+v", res)
	}
	if res := s.do("271828\n", "staff", "add", "Maria", "--role", "supervisor", "--pin-stdin"); res.code != exitError || !strings.Contains(res.err, "the disk is full") || strings.Count(res.err, "\n") != 1 {
		t.Errorf("%+v", res)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	c.See("[x] 0001", "PAID")
	c.leave(c.Pane)
	s.stored([]string{"PAID"})
	if res := s.do("", "verify"); res.code != 0 || !strings.Contains(res.out, "1 payment, 1 of them confirmed") {
		t.Errorf("%+v", res)
	}

	// Full before it begins.
	fill(t, ballast)
	if res := s.do("", "sale", "1.00", "--asset", "ETH"); res.code != exitError || !strings.Contains(res.err, "the disk is full") || strings.Count(res.err, "\n") > 2 {
		t.Errorf("%+v", res)
	}
	s.stored([]string{"PAID"})
}

// TestReadOnlyFolder: what is on a disk that cannot be written can be read and
// verified, and nothing is rung up on it.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	s := newTestShop(t, ethereumShop(n, key))
	s.data = smallDisk(t, "8m")
	f := s.sale("1.00", "--asset", "ETH")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	n.mine(t, 2)
	f.see("PAID")
	f.exit(0)
	if err := unix.Mount("", s.data, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(s.data, "till.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"sale", "1.00", "--asset", "ETH"}, {"staff", "add", "Maria", "--pin-stdin"}, {"keys", "agree"}} {
		if res := s.do("1234\n", args...); res.code != exitError || res.out != "" || !strings.Contains(res.err, "the data folder cannot be written") || !strings.Contains(res.err, s.data) || strings.Count(res.err, "\n") != 1 {
			t.Errorf("%q: %+v", args, res)
		}
	}
	s.open(80, 24).End()
	if shown, err := os.ReadFile(s.stream); err != nil || !strings.Contains(string(shown), "read-only file system; make the data folder writable") {
		t.Errorf("the screen says %q, %v", shown, err)
	}
	s.stored([]string{"PAID"})
	for _, args := range [][]string{{"sales"}, {"sales", "show", "1"}, {"sales", "export"}, {"events"}, {"find", "1"}, {"verify", "--offline"}, {"backup", filepath.Join(s.dir, "copy.db")}} {
		if res := s.do("", args...); res.code != 0 {
			t.Errorf("%q: %+v", args, res)
		}
	}
	if res := s.do("", "doctor", "--offline"); res.code != exitError || !strings.Contains(res.out, "cannot be written") || !strings.Contains(res.out, "ok       store       intact, the last sale is number 1") {
		t.Errorf("%+v", res)
	}
	if now, err := os.ReadFile(filepath.Join(s.data, "till.db")); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the store was changed (%v)", err)
	}
}
