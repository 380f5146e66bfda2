package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// changed appends changes of the first sale of soldFolder to the outbox.
func changed(t *testing.T, books pos.Store, statuses ...pos.Status) {
	t.Helper()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	err := books.Write(t.Context(), func(tx pos.Tx) error {
		was := pos.Status("")
		for i, s := range statuses {
			o := pos.Outcome{
				Status: s, Verdict: pos.Wait, Reason: pos.Reason{Code: pos.WhyNothing}, Asset: chain.Bitcoin,
				Due: chain.Units(25958), Missing: chain.Units(25958), Needed: 1, At: at,
			}
			c := pos.Change{At: at.Add(time.Duration(i) * time.Second), SaleID: "8a5f4c1e-0000-4000-8000-000000000001", Number: 1, Was: was, Outcome: o}
			if _, err := tx.AppendOutbox(c); err != nil {
				return err
			}
			was = s
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openStore holds a data folder as a register does.
func openStore(t *testing.T, dir string) *store.SQLite {
	t.Helper()
	books, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := books.Close(); err != nil {
			t.Error(err)
		}
	})
	return books
}

func TestEvents(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir := soldFolder(t)
	if out, err := till(t, "events", "--data", dir); err != nil || out != "no changes\n" {
		t.Errorf("of a store without changes: %q, %v", out, err)
	}
	changed(t, openStore(t, dir), pos.Awaiting, pos.Seen, pos.Paid)
	for _, c := range []struct {
		args []string
		want []string // status of each line
	}{
		{nil, []string{"AWAITING", "AWAITING > SEEN", "SEEN > PAID"}},
		{[]string{"--from", "2"}, []string{"AWAITING > SEEN", "SEEN > PAID"}},
		{[]string{"--from", "0", "--limit", "1"}, []string{"AWAITING"}},
		{[]string{"--limit", "3", "--follow"}, []string{"AWAITING", "AWAITING > SEEN", "SEEN > PAID"}},
		{[]string{"--from", "18446744073709551615"}, []string{"no changes"}},
	} {
		out, err := till(t, append([]string{"events", "--data", dir}, c.args...)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if err != nil || len(lines) != len(c.want) {
			t.Errorf("%q: %v, %q", c.args, err, out)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%q: line %d is %q", c.args, i, lines[i])
			}
		}
	}

	out, err := till(t, "events", "--data", dir, "--json")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		var j struct {
			Seq, Number                       uint64
			Was, Status, ID, Address, Missing string
			Time                              time.Time
			Decimals                          int
		}
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		want := []string{"", "AWAITING", "SEEN", "PAID"}
		if j.Seq != uint64(i+1) || j.Was != want[i] || j.Status != want[i+1] || j.Number != 1 || j.Address != testFirst ||
			j.Missing != "25958" || j.Decimals != 8 || j.Time.Second() != i {
			t.Errorf("%+v", j)
		}
	}

	for _, args := range [][]string{{"--from", "-1"}, {"--from", "x"}, {"--limit", "-1"}, {"extra"}} {
		if _, err := till(t, append([]string{"events", "--data", dir}, args...)...); codeOf(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := till(t, "events", "--data", t.TempDir()); codeOf(err) != exitError || !strings.Contains(err.Error(), "there are no sales") {
		t.Errorf("without a store: %v", err)
	}
}

// tillProcess makes a command of till as a process of its own.
func tillProcess(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), runAsTill+"=1")
	return cmd
}

// TestEventsFollow follows a store that a register writes, until it is told to
// end, nobody reads any more, or the store is another one.
func TestEventsFollow(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	for _, c := range []struct {
		name string
		end  func(cmd *exec.Cmd, read *os.File, dir string) error
		code int
	}{
		{"SIGTERM", func(cmd *exec.Cmd, _ *os.File, _ string) error { return cmd.Process.Signal(syscall.SIGTERM) }, 0},
		{"SIGINT", func(cmd *exec.Cmd, _ *os.File, _ string) error { return cmd.Process.Signal(os.Interrupt) }, 0},
		{"nobody reads", func(_ *exec.Cmd, read *os.File, _ string) error { return read.Close() }, 0},
		{"replaced", func(_ *exec.Cmd, _ *os.File, dir string) error {
			path := filepath.Join(dir, store.FileName)
			return os.Rename(path, path+".old")
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := soldFolder(t)
			books := openStore(t, dir)
			changed(t, books, pos.Awaiting)
			cmd := tillProcess(t, "events", "--follow", "--data", dir)
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = read.Close() }()
			var errs strings.Builder
			cmd.Stdout, cmd.Stderr = write, &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = write.Close()
			lines := bufio.NewScanner(read)
			see := func(text string) {
				t.Helper()
				if err := read.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				if !lines.Scan() || !strings.Contains(lines.Text(), text) {
					t.Fatalf("%q (%v), want %s; it said %s", lines.Text(), lines.Err(), text, errs.String())
				}
			}
			see("AWAITING")
			changed(t, books, pos.Seen, pos.Paid)
			see("SEEN")
			see("PAID")
			if err := c.end(cmd, read, dir); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d (%s), it said %q", code, cmd.ProcessState, errs.String())
			}
			if said := errs.String(); (said != "") != (c.code != 0) || strings.Count(said, "\n") > 1 {
				t.Errorf("it said %q", said)
			}
		})
	}
}
