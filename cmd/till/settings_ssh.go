package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

type sshFile struct {
	Listen   string `toml:"listen"`
	Sessions int64  `toml:"sessions"`
	Lock     string `toml:"lock"`
}

// sshSettings are how screens elsewhere are served.
type sshSettings struct {
	listen   string // host:port, "" = only on this machine, by `till`
	sessions int
	lock     time.Duration // without a key; 0 = never
}

const (
	usualListen  = "127.0.0.1:2222"
	usualScreens = 20
	mostScreens  = 500
	usualLock    = 10 * time.Minute
)

func (r *reader) readSSH(c configFile) error {
	s := sshSettings{listen: usualListen, sessions: usualScreens, lock: usualLock}
	switch c.SSH.Listen {
	case "":
	case "off":
		s.listen = ""
	default:
		if err := checkListen(c.SSH.Listen); err != nil {
			return r.wrong("ssh.listen", "%w", err)
		}
		s.listen = c.SSH.Listen
	}
	if n := c.SSH.Sessions; n != 0 {
		if n < 1 || n > mostScreens {
			return r.wrong("ssh.sessions", "say how many screens there may be at once, 1 to %d", mostScreens)
		}
		s.sessions = int(n)
	}
	switch text := c.SSH.Lock; text {
	case "":
	case "never":
		s.lock = 0
	default:
		d, err := time.ParseDuration(text)
		if err != nil || d < 10*time.Second || d > 24*time.Hour {
			return r.wrong("ssh.lock", `say after how long without a key a till locks, like "10m", or "never"`)
		}
		s.lock = d
	}
	r.out.ssh = s
	return nil
}

// checkListen says what is wrong with an address to listen on.
func checkListen(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf(`%q is no address to listen on; write one like %q, or ":2222" for all networks`, shown(addr, 60), usualListen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is no port; use one between 1 and 65535, like 2222", shown(port, 20))
	}
	if host == "" || host == "localhost" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return fmt.Errorf(`%q is no address of this machine; write it in digits, like %q, or ":2222" for all networks`, shown(host, 60), "192.168.1.20:2222")
	}
	return nil
}

// beyondLoopback tells whether others can connect to an address.
func beyondLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !ip.IsLoopback())
}
