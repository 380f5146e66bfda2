package main

import (
	"crypto/rand"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain/chaintest/btcdtest"
)

// liar is a Bitcoin node on simnet that tells of payments that nobody made.
type liar struct {
	addr string

	mu    sync.Mutex
	conns map[net.Conn]bool // who wants to hear of transactions
	txs   map[[32]byte]*wire.MsgTx
}

func startLiar(t *testing.T) *liar {
	t.Helper()
	// An address of its own: a light client bans addresses, not ports.
	listener, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	}
	l := &liar{addr: listener.Addr().String(), conns: make(map[net.Conn]bool), txs: make(map[[32]byte]*wire.MsgTx)}
	var all sync.Map
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Store(conn, true)
			wg.Go(func() {
				defer conn.Close()
				l.talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		all.Range(func(conn, _ any) bool { _ = conn.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return l
}

func say(conn net.Conn, msg wire.Message) bool {
	_, err := wire.WriteMessageWithEncodingN(conn, msg, wire.AddrV2Version, wire.SimNet, wire.WitnessEncoding)
	return err == nil
}

// talk answers just enough for a stranger to take it for a node.
func (l *liar) talk(conn net.Conn) {
	defer func() {
		l.mu.Lock()
		delete(l.conns, conn)
		l.mu.Unlock()
	}()
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(conn, wire.AddrV2Version, wire.SimNet, wire.WitnessEncoding)
		if err != nil {
			return
		}
		switch msg := msg.(type) {
		case *wire.MsgVersion:
			nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
			mine := wire.NewMsgVersion(nobody, nobody, uint64(time.Now().UnixNano()), 0)
			mine.UserAgent, mine.Services, mine.ProtocolVersion = "/Satoshi:29.0.0/", wire.SFNodeNetwork|wire.SFNodeWitness, int32(wire.AddrV2Version)
			if !say(conn, mine) || !say(conn, wire.NewMsgVerAck()) {
				return
			}
			if !msg.DisableRelayTx {
				l.mu.Lock()
				l.conns[conn] = true
				l.mu.Unlock()
			}
		case *wire.MsgPing:
			say(conn, wire.NewMsgPong(msg.Nonce))
		case *wire.MsgGetData:
			for _, want := range msg.InvList {
				l.mu.Lock()
				tx := l.txs[want.Hash]
				l.mu.Unlock()
				if tx != nil {
					say(conn, tx)
				}
			}
		}
	}
}

// invent tells everybody of a payment that nobody made.
func (l *liar) invent(t *testing.T, to string, sat int64) {
	t.Helper()
	l.tell(t, l.forge(t, to, sat))
}

// forge makes a payment that spends a coin that does not exist.
func (*liar) forge(t *testing.T, to string, sat int64) *wire.MsgTx {
	t.Helper()
	address, err := btcutil.DecodeAddress(to, &chaincfg.SimNetParams)
	if err != nil {
		t.Fatal(err)
	}
	script, err := txscript.PayToAddrScript(address)
	if err != nil {
		t.Fatal(err)
	}
	tx := wire.NewMsgTx(2)
	in := &wire.TxIn{Sequence: wire.MaxTxInSequenceNum, Witness: wire.TxWitness{make([]byte, 71), make([]byte, 33)}}
	_, _ = rand.Read(in.PreviousOutPoint.Hash[:])
	tx.AddTxIn(in)
	tx.AddTxOut(wire.NewTxOut(sat, script))
	return tx
}

// tell announces a transaction once somebody listens.
func (l *liar) tell(t *testing.T, tx *wire.MsgTx) {
	t.Helper()
	patiently(t, "till listens to the liar", 30*time.Second, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.conns) > 0
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := tx.TxHash()
	l.txs[hash] = tx
	for conn := range l.conns {
		inv := wire.NewMsgInv()
		_ = inv.AddInvVect(wire.NewInvVect(wire.InvTypeTx, &hash))
		say(conn, inv)
	}
}

// TestLyingPeer: a shop that hands over small things before a block is told of
// a payment by one peer alone. It waits, and is paid by the real one.
func TestLyingPeer(t *testing.T) {
	t.Parallel()
	node, l := btcdtest.Start(t, btcdtest.Options{Blocks: 300}), startLiar(t)
	key, _ := shopKeys(t)
	toml := bitcoinShop(key, node.P2P(), "30m")
	toml = strings.Replace(toml, `peers = [`, `peers = ["`+l.addr+`", `, 1)
	toml = strings.Replace(toml, `[ { need = 2 } ]`, `[ { up_to = "10.00", need = 0 }, { need = 2 } ]`, 1)
	toml = strings.Replace(toml, "[sale]", "[sale]\nunconfirmed_per_hour = \"100.00\"\nsettle = \"0s\"", 1)
	c := &counter{shopUnderTest: newTestShop(t, toml), price: "50,000.00"}
	c.start()
	to, sat := c.ring("450", "", "AWAITING")
	l.invent(t, to, sat)
	c.See("SEEN", "WAIT")
	node.Mine(t, 3)
	c.restartWith(func() {})
	c.look(1, "SEEN")
	c.See("WAIT")
	if c.shows("HAND OVER") || c.shows("PAID") {
		t.Errorf("an invented payment hands over the goods:\n%s", c.Screen.Screen())
	}
	node.Pay(t, to, sat)
	node.Mine(t, 2)
	c.See("PAID", "HAND OVER")
	c.leave(c.Pane)
}
