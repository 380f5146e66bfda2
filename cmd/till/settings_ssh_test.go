package main

import (
	"strings"
	"testing"
	"time"
)

func TestSSHSettings(t *testing.T) {
	const shop = "currency = \"EUR\"\n[bitcoin]\nkey = \"" + testZpub + "\"\n"
	read := func(table string) (sshSettings, error) {
		text := shop + table
		config, err := decodeConfig("till.toml", []byte(text))
		if err != nil {
			return sshSettings{}, err
		}
		s, err := understand(config, "till.toml", []byte(text), t.TempDir())
		if err != nil {
			return sshSettings{}, err
		}
		return s.ssh, nil
	}
	for table, want := range map[string]sshSettings{
		"": {usualListen, usualScreens, usualLock},
		"[ssh]\nlisten = \":2222\"\nsessions = 3\nlock = \"never\"": {":2222", 3, 0},
		"[ssh]\nlisten = \"off\"\nlock = \"30s\"":                   {"", usualScreens, 30 * time.Second},
		"[ssh]\nlisten = \"[::1]:22\"":                              {"[::1]:22", usualScreens, usualLock},
		"[ssh]\nlisten = \"localhost:2222\"\nsessions = 500":        {"localhost:2222", 500, usualLock},
	} {
		if got, err := read(table); err != nil || got != want {
			t.Errorf("%q: %+v, %v", table, got, err)
		}
	}
	for _, table := range []string{
		`listen = "2222"`, `listen = "shop.example:2222"`, `listen = "10.0.0.1:0"`, `listen = "10.0.0.1:70000"`, `listen = "\u001b[2J:1"`,
		"sessions = -1", "sessions = 501", `lock = "1s"`, `lock = "25h"`, `lock = "soon"`,
	} {
		_, err := read("[ssh]\n" + table)
		if err == nil || !strings.HasPrefix(err.Error(), "till.toml, line 5: ssh.") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", table, err)
		}
	}
}

func TestBeyondLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:2222": false, "[::1]:2222": false, "localhost:2222": false, "127.9.9.9:1": false,
		":2222": true, "0.0.0.0:2222": true, "[::]:2222": true, "10.0.0.1:2222": true, "nonsense": true,
	} {
		if got := beyondLoopback(addr); got != want {
			t.Errorf("%s: %t", addr, got)
		}
	}
}
