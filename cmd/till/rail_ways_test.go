package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
)

// withWatch is a small configuration with lines in and tables behind [bitcoin].
func withWatch(lines, tables string) string {
	return fmt.Sprintf("currency = \"EUR\"\n[bitcoin]\nkey = %q\n%s\n%s\n", testZpub, lines, tables)
}

const (
	coreTable     = "[bitcoin.core]\nurl = \"http://127.0.0.1:8332\"\ncookie = \"/var/lib/bitcoin/.cookie\"\nzmq = \"tcp://127.0.0.1:28332\"\n"
	esploraTable  = "[bitcoin.esplora]\nurl = \"https://esplora.example/api\"\n"
	electrumTable = "[bitcoin.electrum]\nservers = [\"ssl://a.example:50002\", \"tcp://10.0.0.7:50001\"]\n"
	agreed        = "consent = true\n"
)

func TestWatch(t *testing.T) {
	for name, c := range map[string]struct{ lines, tables, want string }{
		"nothing":     {"", "", "p2p"},
		"auto":        {`watch = "auto"`, "", "p2p"},
		"auto helped": {"", esploraTable + agreed, "p2p esplora.example?"},
		"own node":    {`watch = "core"`, coreTable, "core"},
		"list":        {`watch = ["core", "p2p", "electrum"]`, coreTable + electrumTable + agreed, "core p2p a.example:50002 10.0.0.7:50001"},
		"own server":  {`watch = ["esplora"]`, "[bitcoin.esplora]\nurl = \"http://10.0.0.7:3000\"\n", "10.0.0.7:3000"},
	} {
		s, err := parseConfig(t, withWatch(c.lines, c.tables))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, w := range s.bitcoin.ways {
			text := w.name
			if w.helper {
				text += "?"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		w, err := s.bitcoinWatcher(t.TempDir(), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, several := w.(*bitcoin.Multi); several != (len(got) > 1) {
			t.Errorf("%s: a watcher of type %T for %d ways", name, w, len(got))
		}
		if h := w.Health(); h.State != chain.Connecting {
			t.Errorf("%s: before it runs it is %s", name, h.State)
		}
	}
}

func TestWatchRefused(t *testing.T) {
	for name, c := range map[string]struct{ lines, tables, want string }{
		"unknown":        {`watch = ["blockchain.info"]`, "", "no way to watch Bitcoin"},
		"number":         {`watch = 3`, "", "a list of p2p, core, esplora, electrum"},
		"twice":          {`watch = ["p2p", "p2p"]`, "", "twice"},
		"no core":        {`watch = ["core"]`, "", "[bitcoin.core]"},
		"no log-in":      {`watch = ["core"]`, "[bitcoin.core]\nurl = \"http://127.0.0.1:8332\"\n", "log in"},
		"bad rpc":        {`watch = ["core"]`, "[bitcoin.core]\nurl = \"127.0.0.1:8332\"\ncookie = \"c\"\n", "RPC"},
		"bad zmq":        {`watch = ["core"]`, strings.Replace(coreTable, "tcp:", "ipc:", 1), "ZMQ"},
		"core unused":    {"", coreTable, "watch does not name it"},
		"no consent":     {"", esploraTable, "consent = true"},
		"no consent (e)": {`watch = ["electrum"]`, electrumTable, "consent = true"},
		"bad electrum":   {`watch = ["electrum"]`, "[bitcoin.electrum]\nservers = [\"a.example\"]\nconsent = true\n", "ssl://"},
		"same electrum":  {`watch = ["electrum"]`, "[bitcoin.electrum]\nservers = [\"tcp://10.0.0.7:1\", \"tcp://10.0.0.7:1\"]\n", "twice"},
		"unknown key":    {`watch = ["core"]`, coreTable + "port = 1\n", "port"},
	} {
		_, err := parseConfig(t, withWatch(c.lines, c.tables))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// TestWatchFromEnvironment: a password need not stand in the file.
func TestWatchFromEnvironment(t *testing.T) {
	config, err := decodeConfig("till.toml", []byte(withWatch(`watch = ["core"]`, "[bitcoin.core]\nurl = \"http://127.0.0.1:8332\"\nuser = \"shop\"\n")))
	if err != nil {
		t.Fatal(err)
	}
	if err := overlay(&config, []string{"TILL_BITCOIN_CORE_PASSWORD=horse", "TILL_BITCOIN_ELECTRUM_SERVERS=tcp://10.0.0.7:50001"}); err != nil {
		t.Fatal(err)
	}
	if config.Bitcoin.Core.Password != "horse" || len(config.Bitcoin.Electrum.Servers) != 1 {
		t.Errorf("got %+v, %+v", config.Bitcoin.Core, config.Bitcoin.Electrum)
	}
	if names := unknownEnv([]string{"TILL_BITCOIN_CORE_PASSWORD=x"}); len(names) != 0 {
		t.Errorf("doctor would complain of %q", names)
	}
}
