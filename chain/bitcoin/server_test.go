package bitcoin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// publisher speaks ZMTP as Bitcoin Core's ZMQ publishers do.
type publisher struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]map[string]bool // subscribed topics
	sequence uint32
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &publisher{listener: l, conns: map[net.Conn]map[string]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.talk(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); p.drop(); wg.Wait() })
	return p
}

func (p *publisher) talk(conn net.Conn) {
	defer conn.Close()
	greeting := zmtpGreeting()
	greeting[11] = 1 // 3.1, as libzmq says
	_, _ = conn.Write(append(greeting, zmtpReady("PUB")...))
	r := bufio.NewReader(conn)
	if _, err := io.CopyN(io.Discard, r, 64); err != nil {
		return
	}
	p.mu.Lock()
	p.conns[conn] = map[string]bool{}
	p.mu.Unlock()
	for {
		flags, body, err := readFrame(r)
		if err != nil {
			break
		}
		if flags&zmtpCommand == 0 && len(body) > 0 && body[0] == 1 {
			p.mu.Lock()
			p.conns[conn][string(body[1:])] = true
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
}

func (p *publisher) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *publisher) say(topic string, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sequence++
	message := append(zmtpFrame(zmtpMore, []byte(topic)), zmtpFrame(zmtpMore, body)...)
	message = append(message, zmtpFrame(0, binary.LittleEndian.AppendUint32(nil, p.sequence))...)
	for conn, topics := range p.conns {
		if topics[topic] {
			_, _ = conn.Write(message)
		}
	}
}

// TestZMQ: with a publisher a payment is seen at once, although the mempool is
// listed rarely; rubbish from it, and its loss, cost nothing but time.
func TestZMQ(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := newPublisher(t)
	w, err := NewCore(CoreConfig{
		Server: Server{Network: Simnet, Dir: s.dir, Logger: testLog()}, URL: "http://u:p@" + s.RPC(), ZMQ: []string{"tcp://" + p.listener.Addr().String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	quick(w)
	l := chaintest.NewLedger(t, Simnet)
	to := []chain.Target{{ID: s.Fresh(t)}, {ID: s.Fresh(t)}}
	chaintest.BeginReady(t, &given{s, w}, l, to...)
	b := w.backend.(*core)
	l.Wait(t, "the publisher", b.told)
	pay := func(i int) {
		tx := s.Build(t, btcdOutput(to[i].ID, 20_000))
		s.Broadcast(t, tx)
		var raw bytes.Buffer
		_ = tx.Serialize(&raw)
		began := time.Now()
		p.say("rawtx", raw.Bytes())
		l.Wait(t, "Seen", func() bool { list := l.At(to[i].ID); return len(list) == 1 && list[0].Kind() == chain.Seen })
		if d := time.Since(began); d > scanPause/2 {
			t.Errorf("seen after %v: not by the publisher", d)
		}
	}
	pay(0)
	p.say("rawtx", []byte("rubbish")) // ends the connection
	l.Wait(t, "the publisher again", b.told)
	p.drop()
	pay1 := func() bool { return b.told() }
	l.Wait(t, "the publisher after its loss", pay1)
	// An invented transaction is in no mempool.
	lie := s.Build(t, btcdOutput(to[1].ID, 90_000))
	var raw bytes.Buffer
	_ = lie.Serialize(&raw)
	p.say("rawtx", raw.Bytes())
	s.Mine(t, 1)
	p.say("hashblock", make([]byte, 32))
	l.Wait(t, "Included", func() bool { return l.At(to[0].ID)[0].Kind() == chain.Included })
	if n := len(l.At(to[1].ID)); n != 0 {
		t.Errorf("%d payments that only the publisher spoke of", n)
	}
}

// TestCookie: the node rewrites its cookie when it starts.
func TestCookie(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	cookie := filepath.Join(t.TempDir(), ".cookie")
	node, _ := url.Parse("http://u:p@" + s.RPC())
	var mu sync.Mutex
	now := "__cookie__:first"
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: node.Host})
		r.Out.SetBasicAuth("u", "p")
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		mu.Lock()
		ok := user+":"+password == now
		mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	w, err := NewCore(CoreConfig{Server: Server{Network: Simnet, Dir: s.dir}, URL: server.URL, Cookie: cookie})
	if err != nil {
		t.Fatal(err)
	}
	quick(w)
	l := chaintest.NewLedger(t, Simnet)
	session := chaintest.Begin(t, &given{s, w}, l)
	l.Wait(t, "to be let in without a cookie in vain", func() bool { return session.Watcher.Health().Code == chain.HealthUnreachable })
	write := func(text string) {
		if err := os.WriteFile(cookie, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(now)
	session.Ready(t, &given{s, w}, l)
	mu.Lock()
	now = "__cookie__:second"
	mu.Unlock()
	write(now)
	s.Mine(t, 1)
	l.Wait(t, "a block after the node's restart", func() bool { return l.Tip().Block.Height == s.Height(t) })
}

// TestElectrumTLS: a certificate that nobody signed is taken by its fingerprint
// alone, and another one is not.
func TestElectrumTLS(t *testing.T) {
	t.Parallel()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	server := btcdtest.ServeElectrum(t, s.Node, listener)
	for pin, want := range map[string]bool{"": false, fmt.Sprintf("#%x", sha256.Sum256(der)): true, "#" + strings.Repeat("ab", 32): false} {
		w, err := NewElectrum(ElectrumConfig{Server: Server{Network: Simnet, Dir: t.TempDir()}, Address: "ssl://" + server.Addr + pin})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := w.backend.(*electrum).address.dial(t.Context(), (&net.Dialer{}).DialContext)
		if (err == nil) != want {
			t.Errorf("with the pin %q: %v", pin, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
		if !want {
			continue
		}
		l := chaintest.NewLedger(t, Simnet)
		chaintest.BeginReady(t, &given{s, w}, l)
	}
	for _, bad := range []string{"host:1", "ssl://host", "http://host:1", "tcp://host:1#" + strings.Repeat("ab", 32), "ssl://host:1#ab", "ssl://host:1/x", ""} {
		if CheckElectrum(bad) == nil {
			t.Errorf("%q is taken as an Electrum server", bad)
		}
	}
}

// TestWrongServers: a server of another network, and one that makes up an easier
// chain, are named as such.
func TestWrongServers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	w, err := NewCore(CoreConfig{Server: Server{Network: Regtest, Dir: t.TempDir()}, URL: "http://u:p@" + s.RPC()})
	if err != nil {
		t.Fatal(err)
	}
	l := chaintest.NewLedger(t, Regtest)
	session := chaintest.Begin(t, &given{s, w}, l)
	l.Wait(t, "the wrong network", func() bool {
		h := session.Watcher.Health()
		return h.Code == chain.HealthWrongNetwork && h.State == chain.Down
	})
	server := btcdtest.NewElectrum(t, s.Node)
	server.Filter = func(method string, result any) any {
		if head, ok := result.(map[string]any); ok && method == "blockchain.block.headers" {
			text := head["hex"].(string)
			last := len(text) - 160 // a header follows none that there is
			head["hex"] = text[:last+8] + strings.Repeat("ff", 32) + text[last+72:]
		}
		return result
	}
	liar, err := NewElectrum(ElectrumConfig{Server: Server{Network: Simnet, Dir: t.TempDir()}, Address: "tcp://" + server.Addr})
	if err != nil {
		t.Fatal(err)
	}
	l = chaintest.NewLedger(t, Simnet)
	session = chaintest.Begin(t, &given{s, liar}, l)
	l.Wait(t, "a refusal", func() bool { return session.Watcher.Health().Code != chain.HealthOK && len(l.Healths()) > 0 })
	if l.Tip().Block.Height != 0 {
		t.Error("blocks that do not follow each other were followed")
	}
}

// TestHeaders: work and difficulty are checked.
func TestHeaders(t *testing.T) {
	w, err := NewCore(CoreConfig{Server: Server{Network: Mainnet, Dir: t.TempDir()}, URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	s := newServed(w)
	genesis := head{hash: *chaincfg.MainNetParams.GenesisHash, header: chaincfg.MainNetParams.GenesisBlock.Header}
	if err := s.worked(&genesis, 0); err != nil {
		t.Error(err)
	}
	if err := s.worked(&genesis, 5); err != nil {
		t.Errorf("work that is there: %v", err)
	}
	if s.worked(&genesis, knownHeight+1) == nil {
		t.Error("a block of 2009's difficulty is taken after April 2024")
	}
	lazy := genesis
	lazy.header.Nonce++
	lazy.hash = lazy.header.BlockHash()
	if s.worked(&lazy, 0) == nil || s.worked(&lazy, 5) == nil {
		t.Error("a block without work is taken")
	}
	for _, c := range []struct {
		before, after uint32
		height        uint64
		ok            bool
	}{
		{0x1b0404cb, 0x1b0404cb, 5, true},
		{0x1b0404cb, 0x1b0404cc, 5, false},
		{0x1b0404cb, 0x1b0404cc, 2016, true},
		{0x1b0404cb, 0x1b10132c, 4032, true},
		{0x1b0404cb, 0x1b10132d, 4032, false},
	} {
		a, b := head{header: wire.BlockHeader{Bits: c.before}}, head{header: wire.BlockHeader{Bits: c.after}}
		if err := s.retargeted(&a, &b, c.height); (err == nil) != c.ok {
			t.Errorf("%x to %x at %d: %v", c.before, c.after, c.height, err)
		}
	}
}

func TestSatoshi(t *testing.T) {
	for text, want := range map[string]uint64{
		"0.00001": 1000, "1": 100_000_000, "0": 0, "21000000.00000000": 2_100_000_000_000_000, "1e-8": 1, "1.5E-5": 1500, "0.00000001": 1,
	} {
		if got, ok := satoshi(json.Number(text)); !ok || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "0.000000001", "1e-9", "1e99", ".5e", "abc", strings.Repeat("9", 40)} {
		if got, ok := satoshi(json.Number(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// TestMerkleProof: every transaction of blocks of any size is proven, at its own
// place and in its own block only.
func TestMerkleProof(t *testing.T) {
	for n := 1; n <= 9; n++ {
		block := wire.NewMsgBlock(&wire.BlockHeader{})
		for i := range n {
			tx := wire.NewMsgTx(2)
			tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
			tx.AddTxOut(wire.NewTxOut(int64(i), make([]byte, 30)))
			_ = block.AddTransaction(tx)
		}
		var root chainhash.Hash
		for i, tx := range block.Transactions {
			branch, r := btcdtest.Branch(block, i)
			root = r
			header := &wire.BlockHeader{MerkleRoot: root}
			proof := merkleProof{Height: 7, Branch: branch, Pos: uint64(i)}
			if !proof.proves(tx, 7, header) {
				t.Fatalf("%d of %d is not proven", i, n)
			}
			if proof.proves(tx, 8, header) || proof.proves(tx, 7, &wire.BlockHeader{}) {
				t.Fatalf("%d of %d is proven elsewhere", i, n)
			}
			other := proof
			other.Pos += 1 << len(branch)
			if other.proves(tx, 7, header) {
				t.Fatalf("%d of %d is proven beyond the end", i, n)
			}
		}
	}
}

// blank is a context that is over, for decoders that must not wait.
func blank() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// FuzzServers feeds what servers may send to everything that reads it.
func FuzzServers(f *testing.F) {
	f.Add([]byte(`{"id":1,"result":"00"}`))
	f.Add([]byte(`[{"txid":"00","fee":1,"weight":4,"status":{"confirmed":true}}]`))
	f.Add([]byte(`{"block":{},"multi-address-transactions":{"a":{}}}`))
	f.Add(append(zmtpReady("PUB"), zmtpFrame(zmtpMore, make([]byte, 300))...))
	f.Add([]byte{3, 255, 255, 255, 255, 255, 255, 255, 255})
	w, err := NewEsplora(EsploraConfig{Server: Server{Network: Simnet, Dir: f.TempDir()}, URL: "http://127.0.0.1:1"})
	if err != nil {
		f.Fatal(err)
	}
	e := w.backend.(*esplora)
	f.Fuzz(func(t *testing.T, raw []byte) {
		e.heard(raw)
		_, _ = readMessage(bytes.NewReader(raw))
		_, _ = decodeHeaderHex(string(raw))
		_, _ = decodeTxHex(string(raw))
		_, _ = decodeRawTx(raw)
		_, _ = decodeRawBlock(raw)
		_, _ = decodeHash(string(raw))
		_, _ = parseElectrum(string(raw))
		_ = refusal(raw)
		if n, ok := satoshi(json.Number(raw)); ok && n > 1<<63 {
			t.Errorf("%q is %d", raw, n)
		}
		var list []summary
		if json.Unmarshal(raw, &list) == nil {
			for _, b := range list {
				if header, err := b.header(); err == nil && header.BlockHash().String() != strings.ToLower(b.ID) {
					t.Errorf("%+v has another hash", b)
				}
			}
		}
		var waits []waitingTx
		if json.Unmarshal(raw, &waits) == nil {
			for _, one := range waits {
				_ = one.entry().rate()
			}
		}
		var proof merkleProof
		if json.Unmarshal(raw, &proof) == nil {
			proof.proves(wire.NewMsgTx(2), proof.Height, &wire.BlockHeader{})
		}
		mine, theirs := net.Pipe()
		go func() { _, _ = theirs.Write(append(raw, '\n')); _ = theirs.Close() }()
		c := newElectrumConn(mine, time.Millisecond, func(string, []json.RawMessage) {})
		_ = c.read()
		var result any
		_ = c.call(blank(), &result, "x")
	})
}
