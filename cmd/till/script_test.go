package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs till as a script does. Each file of testdata/script is one
// story; $ZPUB, $EVM, $VPUB and $ZPRV are keys of the test mnemonic of BIP 84.
func TestScripts(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			bin := filepath.Join(env.WorkDir, ".bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				return err
			}
			// The test binary is till where runAsTill says so.
			wrapper := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", runAsTill, self)
			if err := os.WriteFile(filepath.Join(bin, "till"), []byte(wrapper), 0o755); err != nil {
				return err
			}
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("TILL_CONFIG", filepath.Join(env.WorkDir, "config", "till.toml"))
			env.Setenv("TILL_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("ZPUB", testZpub)
			env.Setenv("VPUB", testVpub)
			env.Setenv("EVM", testEVMKey)
			env.Setenv("ZPRV", testZprv)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": wantCode, "oneline": wantOneLine, "clean": wantClean,
		},
	})
}

// wantCode runs a command and wants its exit code: code 2 till sale.
func wantCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N command…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var n int
		if _, scan := fmt.Sscanf(err.Error(), "exit status %d", &n); scan != nil {
			ts.Fatalf("%v", err)
		}
		got = n
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// wantOneLine wants standard error to be one line "till: …", and standard
// output to be empty.
func wantOneLine(ts *testscript.TestScript, _ bool, _ []string) {
	text := ts.ReadFile("stderr")
	if !strings.HasPrefix(text, "till: ") || strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		ts.Fatalf("not one line of till's: %q", text)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output has %q", out)
	}
}

// wantClean wants no part of the private key in the output and in any file.
func wantClean(ts *testscript.TestScript, _ bool, _ []string) {
	for _, name := range []string{"stdout", "stderr"} {
		if part := leaked(ts.ReadFile(name)); part != "" {
			ts.Fatalf("%s holds %q of the private key", name, part)
		}
	}
	for _, dir := range []string{"config", "data"} {
		if where, part := leakedInto(ts.MkAbs(dir)); part != "" {
			ts.Fatalf("%s holds %q of the private key", where, part)
		}
	}
}
