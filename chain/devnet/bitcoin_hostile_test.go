package devnet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

func btcHash(t testing.TB, id chain.TxID) *chainhash.Hash {
	t.Helper()
	return btcMust[*chainhash.Hash](t)(chainhash.NewHashFromStr(string(id)))
}

// btcRaw is a connection without a library's manners.
type btcRaw struct {
	net.Conn
	t testing.TB
}

func btcDial(t testing.TB, b *Bitcoin) btcRaw {
	t.Helper()
	c := btcRaw{btcMust[net.Conn](t)(net.Dial("tcp", b.Peers()[0])), t}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(btcPatience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c btcRaw) say(msgs ...wire.Message) {
	c.t.Helper()
	for _, m := range msgs {
		if err := wire.WriteMessage(c, m, wire.ProtocolVersion, btcParams.Net); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c btcRaw) hello() {
	c.t.Helper()
	none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	c.say(wire.NewMsgVersion(none, none, 1, 0), wire.NewMsgVerAck())
}

// alive tells whether the connection still answers.
func (c btcRaw) alive() bool {
	c.say(wire.NewMsgPing(4711))
	for {
		msg, _, err := wire.ReadMessage(c, wire.ProtocolVersion, btcParams.Net)
		if err != nil && !errors.Is(err, wire.ErrUnknownMessage) {
			return false
		}
		if pong, ok := msg.(*wire.MsgPong); ok && pong.Nonce == 4711 {
			return true
		}
	}
}

// ended waits for the node to close the connection.
func (c btcRaw) ended() bool {
	_, err := io.Copy(io.Discard, c)
	var late net.Error
	return !errors.As(err, &late) || !late.Timeout()
}

// btcFrame wraps a payload with any command and a right checksum.
func btcFrame(command string, payload []byte) []byte {
	var buf bytes.Buffer
	var name [wire.CommandSize]byte
	copy(name[:], command)
	_ = binary.Write(&buf, binary.LittleEndian, uint32(btcParams.Net))
	buf.Write(name[:])
	_ = binary.Write(&buf, binary.LittleEndian, uint32(len(payload)))
	buf.Write(chainhash.DoubleHashB(payload)[:4])
	buf.Write(payload)
	return buf.Bytes()
}

func TestBitcoinToleratesOddPeers(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	for name, play := range map[string]func(c btcRaw){
		"wtxidrelay, sendcmpct and others it does not know": func(c btcRaw) {
			none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
			c.say(wire.NewMsgVersion(none, none, 1, 0))
			for _, command := range []string{"wtxidrelay", "sendtxrcncl", "nonsense"} {
				_, _ = c.Write(btcFrame(command, []byte{1, 2, 3}))
			}
			c.say(wire.NewMsgSendAddrV2(), wire.NewMsgVerAck())
			_, _ = c.Write(btcFrame("sendcmpct", make([]byte, 9)))
		},
		"a second version":   func(c btcRaw) { c.hello(); c.hello() },
		"an unwanted pong":   func(c btcRaw) { c.hello(); c.say(wire.NewMsgPong(3)) },
		"getaddr":            func(c btcRaw) { c.hello(); c.say(wire.NewMsgGetAddr()) },
		"a fee filter":       func(c btcRaw) { c.hello(); c.say(wire.NewMsgFeeFilter(1e9)) },
		"unknown locator":    func(c btcRaw) { c.hello(); c.say(&wire.MsgGetHeaders{BlockLocatorHashes: []*chainhash.Hash{{9}}}) },
		"no locator":         func(c btcRaw) { c.hello(); c.say(&wire.MsgGetHeaders{HashStop: b.tip().hash}) },
		"getblocks":          func(c btcRaw) { c.hello(); c.say(wire.NewMsgGetBlocks(&chainhash.Hash{})) },
		"a block of its own": func(c btcRaw) { c.hello(); c.say(b.tip().msg) },
		"headers of its own": func(c btcRaw) { c.hello(); c.say(wire.NewMsgHeaders()) },
		"getdata for every type": func(c btcRaw) {
			c.hello()
			m := wire.NewMsgGetData()
			for kind := range wire.InvType(9) {
				m.InvList = append(m.InvList, wire.NewInvVect(kind, &b.tip().hash), wire.NewInvVect(kind|wire.InvWitnessFlag, &chainhash.Hash{}))
			}
			c.say(m)
		},
		"an inv of things that do not exist": func(c btcRaw) {
			c.hello()
			m := wire.NewMsgInv()
			for i := range 1000 {
				m.InvList = append(m.InvList, wire.NewInvVect(wire.InvTypeTx, &chainhash.Hash{byte(i), byte(i >> 8)}))
			}
			c.say(m)
		},
		"a bloom filter": func(c btcRaw) {
			c.hello()
			m := wire.NewMsgGetData()
			m.InvList = []*wire.InvVect{wire.NewInvVect(wire.InvTypeFilteredBlock, &b.tip().hash)}
			c.say(wire.NewMsgFilterLoad([]byte{255}, 50, 0, wire.BloomUpdateAll), wire.NewMsgFilterAdd([]byte{1}),
				wire.NewMsgMemPool(), m, wire.NewMsgFilterClear())
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := btcDial(t, b)
			c.t = t
			play(c)
			if !c.alive() {
				t.Error("the connection is dead")
			}
		})
	}
}

func TestBitcoinDropsHostilePeers(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	tip := b.tip().hash
	for name, play := range map[string]func(c btcRaw){
		"garbage":      func(c btcRaw) { _, _ = c.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 100)) },
		"an early end": func(c btcRaw) { _, _ = c.Write([]byte{1, 2}); _ = c.Conn.(*net.TCPConn).CloseWrite() },
		"verack first": func(c btcRaw) { c.say(wire.NewMsgVerAck()) },
		"an old protocol": func(c btcRaw) {
			none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
			m := wire.NewMsgVersion(none, none, 1, 0)
			m.ProtocolVersion = 209
			c.say(m)
		},
		"another network": func(c btcRaw) {
			_ = wire.WriteMessage(c, wire.NewMsgVerAck(), wire.ProtocolVersion, wire.MainNet)
		},
		"a length beyond reason": func(c btcRaw) {
			c.hello()
			frame := btcFrame("inv", nil)
			binary.LittleEndian.PutUint32(frame[16:], 1<<31)
			_, _ = c.Write(frame)
		},
		"a wrong checksum": func(c btcRaw) {
			c.hello()
			frame := btcFrame("ping", make([]byte, 8))
			frame[20] ^= 1
			_, _ = c.Write(frame)
		},
		"a broken payload":        func(c btcRaw) { c.hello(); _, _ = c.Write(btcFrame("inv", []byte{0xff, 1})) },
		"filters of nothing":      func(c btcRaw) { c.hello(); c.say(wire.NewMsgGetCFilters(0, 0, &chainhash.Hash{5})) },
		"filters backwards":       func(c btcRaw) { c.hello(); c.say(wire.NewMsgGetCFilters(0, 1<<31, &tip)) },
		"filters of another type": func(c btcRaw) { c.hello(); c.say(wire.NewMsgGetCFHeaders(7, 0, &tip)) },
		"checkpoints of nothing":  func(c btcRaw) { c.hello(); c.say(wire.NewMsgGetCFCheckpt(0, &chainhash.Hash{5})) },
		"an empty bloom filter":   func(c btcRaw) { c.hello(); c.say(wire.NewMsgFilterLoad(nil, 1, 0, wire.BloomUpdateNone)) },
		"adding to no filter":     func(c btcRaw) { c.hello(); c.say(wire.NewMsgFilterAdd([]byte{1})) },
	} {
		t.Run(name, func(t *testing.T) {
			c := btcDial(t, b)
			c.t = t
			play(c)
			if !c.ended() {
				t.Error("the node goes on talking")
			}
		})
	}
	if c := btcDial(t, b); true {
		c.hello()
		if !c.alive() {
			t.Error("the node is dead")
		}
	}
}

// TestBitcoinPeerThatDoesNotRead: a peer that asks for much and reads nothing
// slows nobody but itself.
func TestBitcoinPeerThatDoesNotRead(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1, Blocks: 1500, Trickle: -1})
	greedy := btcDial(t, b)
	greedy.hello()
	stop := b.chain[1000].hash
	if err := greedy.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if wire.WriteMessage(greedy, wire.NewMsgGetCFilters(0, 1, &stop), wire.ProtocolVersion, btcParams.Net) != nil {
			break
		}
	}
	e := btcListen(t, b.Peers()[0], false)
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 1).EncodeAddress(), 5_000, BitcoinPayOptions{}))
	e.hear(t, id)
	hash := btcMust[[]string](t)(b.Mine(1))[0]
	e.see(t, "the block", func() bool { return len(e.tips) == 1 && e.tips[0] == hash })
}

func TestBitcoinTakesOnlySoManyPeers(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	for range btcMaxConns {
		c := btcDial(t, b)
		c.hello()
		if !c.alive() {
			t.Fatal("a peer was turned away too early")
		}
	}
	if c := btcDial(t, b); !c.ended() {
		t.Error("one peer too many was served")
	}
}

func FuzzBitcoinNode(f *testing.F) {
	b := btcStart(f, BitcoinOptions{Nodes: 1})
	for _, m := range []wire.Message{
		wire.NewMsgPing(1), wire.NewMsgMemPool(), wire.NewMsgGetHeaders(), wire.NewMsgGetCFilters(0, 1, &b.tip().hash),
		wire.NewMsgGetCFHeaders(0, 1, &b.tip().hash), wire.NewMsgGetCFCheckpt(0, &b.tip().hash), b.tip().msg,
		b.tip().msg.Transactions[0], wire.NewMsgFilterLoad([]byte{1}, 1, 1, wire.BloomUpdateAll), wire.NewMsgGetData(),
	} {
		var buf bytes.Buffer
		if err := m.BtcEncode(&buf, wire.ProtocolVersion, wire.WitnessEncoding); err != nil {
			f.Fatal(err)
		}
		f.Add(m.Command(), buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, command string, payload []byte) {
		c := btcDial(t, b)
		defer c.Close()
		c.hello()
		if _, err := c.Write(btcFrame(command, payload)); err != nil {
			return
		}
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		if !c.ended() {
			t.Error("the node does not end the connection")
		}
	})
}
