package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
)

// bitcoinWays are the ways to watch Bitcoin, as [bitcoin] watch names them.
var bitcoinWays = []string{"p2p", "core", "esplora", "electrum"}

// waysFile is what a configuration says of servers.
type (
	coreFile struct {
		URL      string `toml:"url"`
		Cookie   string `toml:"cookie"`
		User     string `toml:"user"`
		Password string `toml:"password"`
		ZMQ      any    `toml:"zmq"` // text or list
	}
	esploraFile struct {
		URL     string `toml:"url"`
		Consent bool   `toml:"consent"`
	}
	electrumFile struct {
		Servers []string `toml:"servers"`
		Consent bool     `toml:"consent"`
	}
)

// waySettings is one way to watch Bitcoin.
type waySettings struct {
	kind   string // one of bitcoinWays
	name   string // for people: the kind, or the server's host
	helper bool
	core   bitcoin.CoreConfig
	url    string // of Esplora or Electrum
}

// readWatch reads which ways there are, the most trusted first.
func (r *reader) readWatch(b *bitcoinFile, out *bitcoinSettings) error {
	watch, ok := texts(b.Watch)
	if !ok {
		return r.wrong("bitcoin.watch", `write "auto", or a list of %s, the most trusted first`, strings.Join(bitcoinWays, ", "))
	}
	if len(watch) == 0 || slices.Equal(watch, []string{"auto"}) {
		out.ways = []waySettings{{kind: "p2p", name: "p2p"}}
		if b.Esplora != nil {
			if err := r.addWay("esplora", b, out); err != nil {
				return err
			}
			out.ways[1].helper = true
		}
		watch = []string{"p2p", "esplora"}
	} else {
		for i, kind := range watch {
			if !slices.Contains(bitcoinWays, kind) {
				return r.wrong("bitcoin.watch", `%q is no way to watch Bitcoin; write "auto", or a list of %s, the most trusted first`, shown(kind, 20), strings.Join(bitcoinWays, ", "))
			}
			if slices.Contains(watch[:i], kind) {
				return r.wrong("bitcoin.watch", "%s stands there twice", kind)
			}
			if err := r.addWay(kind, b, out); err != nil {
				return err
			}
		}
	}
	for kind, given := range map[string]bool{"core": b.Core != nil, "esplora": b.Esplora != nil, "electrum": b.Electrum != nil} {
		if given && !slices.Contains(watch, kind) {
			return r.wrong("bitcoin."+kind, `%s is not asked, because watch does not name it; write watch = ["%s"], or a list with it`, kind, kind)
		}
	}
	return nil
}

func (r *reader) addWay(kind string, b *bitcoinFile, out *bitcoinSettings) error {
	switch kind {
	case "p2p":
		out.ways = append(out.ways, waySettings{kind: kind, name: kind})
	case "core":
		return r.addCore(b.Core, out)
	case "esplora":
		if b.Esplora == nil || b.Esplora.URL == "" {
			return r.wrong("bitcoin.watch", `esplora needs its server: [bitcoin.esplora] url = "https://…/api"`)
		}
		u, err := url.Parse(b.Esplora.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return r.wrong("bitcoin.esplora.url", `this is not the address of an Esplora server; write it like "https://esplora.example/api"`)
		}
		if err := r.consented("bitcoin.esplora", u.Hostname(), b.Esplora.Consent); err != nil {
			return err
		}
		out.ways = append(out.ways, waySettings{kind: kind, name: u.Host, url: b.Esplora.URL})
	case "electrum":
		if b.Electrum == nil || len(b.Electrum.Servers) == 0 {
			return r.wrong("bitcoin.watch", `electrum needs its servers: [bitcoin.electrum] servers = ["ssl://host:50002"]`)
		}
		for i, text := range b.Electrum.Servers {
			key := fmt.Sprintf("bitcoin.electrum.servers.%d", i)
			if err := bitcoin.CheckElectrum(text); err != nil {
				return r.wrong(key, "%w", err)
			}
			u, _ := url.Parse(text)
			if err := r.consented("bitcoin.electrum", u.Hostname(), b.Electrum.Consent); err != nil {
				return err
			}
			if slices.ContainsFunc(out.ways, func(w waySettings) bool { return w.kind == kind && w.name == u.Host }) {
				return r.wrong(key, "the same server stands there twice")
			}
			out.ways = append(out.ways, waySettings{kind: kind, name: u.Host, url: text})
		}
	}
	return nil
}

func (r *reader) addCore(c *coreFile, out *bitcoinSettings) error {
	if c == nil {
		return r.wrong("bitcoin.watch", `core needs your node: [bitcoin.core] url = "http://127.0.0.1:8332" and cookie = "…/.cookie"`)
	}
	cfg := bitcoin.CoreConfig{URL: c.URL, Cookie: home(c.Cookie), User: c.User, Password: c.Password}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return r.wrong("bitcoin.core.url", `this is not the address of a node's RPC; write it like "http://127.0.0.1:8332"`)
	}
	if c.Cookie == "" && c.User == "" && u.User == nil {
		return r.wrong("bitcoin.core", `till needs to log in at your node: cookie = "/home/bitcoin/.bitcoin/.cookie", or user and password`)
	}
	var ok bool
	if cfg.ZMQ, ok = texts(c.ZMQ); !ok {
		return r.wrong("bitcoin.core.zmq", `write it like zmq = "tcp://127.0.0.1:28332", or a list of these`)
	}
	for _, text := range cfg.ZMQ {
		if z, err := url.Parse(text); err != nil || z.Scheme != "tcp" || z.Port() == "" {
			return r.wrong("bitcoin.core.zmq", `%q is not a ZMQ publisher; write it like "tcp://127.0.0.1:28332"`, shown(text, 60))
		}
	}
	out.ways = append(out.ways, waySettings{kind: "core", name: "core", core: cfg})
	return nil
}

// serverAnswers are the servers that set-up was given.
type serverAnswers struct {
	Core, Cookie string
	ZMQ          []string
	Esplora      string
	Electrum     []string
	Consent      bool
}

// watch is what the configuration needs to say then; empty is "auto", which
// takes an Esplora server beside the light client.
func (a serverAnswers) watch() (list []string) {
	if a.Core != "" {
		list = append(list, "core")
	}
	if len(a.Electrum) > 0 {
		list = append(list, "electrum")
	}
	if a.Esplora != "" && len(list) > 0 {
		list = append(list, "esplora")
	}
	return list
}

// home puts the home folder in the place of a leading ~.
func home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if dir, err := os.UserHomeDir(); err == nil {
			return filepath.Join(dir, rest)
		}
	}
	return path
}

// consented refuses somebody else's server that nobody agreed to.
func (r *reader) consented(key, host string, yes bool) error {
	if yes || ownHost(host) {
		return nil
	}
	return r.wrong(key, "%s would learn every address that till shows, and with them all takings; if that is agreed, or the server is yours, write consent = true", shown(host, 60))
}

// ownHost tells names and addresses of this machine and this network.
func ownHost(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".lan") || strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".home.arpa")
}

// bitcoinWatcher makes the watcher of all ways of a configuration.
func (s *settings) bitcoinWatcher(dir string, log *slog.Logger) (chain.Watcher, error) {
	var ways []bitcoin.Way
	for _, way := range s.bitcoin.ways {
		w, err := s.way(way, dir, log)
		if err != nil {
			return nil, err
		}
		ways = append(ways, bitcoin.Way{Name: way.name, Watcher: w, Helper: way.helper, Cold: !way.helper})
	}
	if len(ways) == 1 {
		return ways[0].Watcher, nil
	}
	return bitcoin.NewMulti(bitcoin.MultiConfig{Network: s.bitcoin.network, File: filepath.Join(dir, "ways.json"), Ways: ways, Logger: log})
}

// way makes the watcher of one way. The light client keeps the folder that it
// always had; servers have one each in it.
func (s *settings) way(way waySettings, dir string, log *slog.Logger) (chain.Watcher, error) {
	b := s.bitcoin
	server := bitcoin.Server{
		Network: b.network, Dir: filepath.Join(dir, way.kind+"-"+folderName(way.name)), Birthday: b.birthday, Logger: log,
	}
	switch way.kind {
	case "core":
		cfg := way.core
		cfg.Server = server
		return bitcoin.NewCore(cfg)
	case "esplora":
		return bitcoin.NewEsplora(bitcoin.EsploraConfig{Server: server, URL: way.url, Assist: way.helper, Proxy: b.proxyFor(way.url)})
	case "electrum":
		return bitcoin.NewElectrum(bitcoin.ElectrumConfig{Server: server, Address: way.url, Proxy: b.proxyFor(way.url)})
	}
	return bitcoin.New(s.lightClient(dir, log))
}

// proxyFor is the proxy for strangers' servers: Tor reaches none of this network.
func (b *bitcoinSettings) proxyFor(text string) string {
	if u, err := url.Parse(text); err == nil && ownHost(u.Hostname()) {
		return ""
	}
	return b.proxy
}

// folderName keeps of a host what every file system takes.
func folderName(host string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' {
			return c
		}
		return '_'
	}, host)
}

// light tells whether the light client is one of the ways.
func (b *bitcoinSettings) light() bool {
	return slices.ContainsFunc(b.ways, func(w waySettings) bool { return w.kind == "p2p" })
}
