package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests of files e2e_*_test.go run till as people do: as a process of its
// own, on a terminal or from a script, against real nodes. The process is this
// test binary, which is till where runAsTill is set: nothing has to be built,
// and with -race the till under test has it too.
const (
	runAsTill = "E2E_RUN_AS_TILL"
	mark      = "E2E_MARK" // every process that the tests start inherits it
)

func TestMain(m *testing.M) {
	if os.Getenv(runAsTill) == "1" {
		os.Exit(run(os.Args[1:]))
	}
	if os.Getenv(runAsCrash) == "1" {
		if err := crashChild(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(testMain(m))
}

// testMain runs the tests in a temporary folder of their own and then looks for
// what they left behind.
func testMain(m *testing.M) int {
	tmp, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(tmp)
	marked := mark + "=" + tmp
	for name, value := range map[string]string{"TMPDIR": tmp, mark: tmp, "LC_ALL": "C.UTF-8"} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	// These tests wait for processes most of the time, so more of them at once
	// than there are processors.
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "6")
	}
	code := m.Run()
	var left []string
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if left = leftBehind(tmp, marked); len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, what := range left {
		fmt.Fprintln(os.Stderr, "the tests left behind:", what)
		code = 1
	}
	return code
}

// leftBehind lists files in tmp, processes that carry the mark, and ports that
// this process listens on.
func leftBehind(tmp, marked string) (left []string) {
	_ = filepath.WalkDir(tmp, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != tmp {
			left = append(left, "file "+path)
		}
		return nil
	})
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range procs {
		if filepath.Base(dir) == strconv.Itoa(os.Getpid()) {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		for entry := range bytes.SplitSeq(environ, []byte{0}) {
			if string(entry) == marked {
				line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
				left = append(left, "process "+filepath.Base(dir)+" "+string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
			}
		}
	}
	return append(left, openPorts()...)
}

// openPorts lists the TCP ports that this process listens on, on Linux.
func openPorts() (ports []string) {
	mine := make(map[string]bool)
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			if inode, ok := strings.CutPrefix(to, "socket:["); ok {
				mine[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			// proc_net_tcp(5): column 1 is the local address, 3 the state, 0A of
			// which is LISTEN, 9 the inode.
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && mine[f[9]] {
				ports = append(ports, "port "+f[1])
			}
		}
	}
	return ports
}
