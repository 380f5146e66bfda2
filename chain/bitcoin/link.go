package bitcoin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	crand "crypto/rand"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

const (
	protocol     = wire.AddrV2Version // BIP 155; no compact blocks, no wtxid relay
	agent        = "/till:1/"
	maxSins      = 100
	bytesPerSpan = 24 << 20 // more than any honest mempool sends in rateSpan
	rateSpan     = time.Minute
)

// link is a connection to one relay peer. It speaks wire itself instead of
// using btcd/peer: then a recover covers all that a peer can cause, and the
// limits are ours.
type link struct {
	hub   *hub
	addr  string
	group string
	conn  net.Conn
	out   chan wire.Message
	quit  chan struct{}
	once  sync.Once
	sins  atomic.Int32
	spare atomic.Int64 // bytes that it may still send in this span
	bloom bool         // it may be asked for its mempool

	// Guarded by hub.mu.
	inflight int
	owed     int            // answers to questions that were forgotten
	block    chainhash.Hash // the last block that it announced
	blockAt  time.Time
	height   int32     // in its version message
	wants    bool      // it is to be asked for its mempool …
	polled   time.Time // … as it was then
}

// send queues a message; a peer that does not read is dropped.
func (l *link) send(msg wire.Message) bool {
	select {
	case l.out <- msg:
		return true
	default:
		l.close()
		return false
	}
}

// sin counts misbehaviour; too much of it ends the connection.
func (l *link) sin(n int32) {
	if l.sins.Add(n) >= maxSins {
		l.close()
	}
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.quit)
		if l.conn != nil {
			_ = l.conn.Close() // the reader sees it
		}
	})
}

// talk dials, shakes hands and listens until the connection ends.
func (l *link) talk(ctx context.Context, addr net.Addr) error {
	tune := l.hub.w.tune
	dialing, cancel := context.WithTimeout(ctx, tune.handshake)
	defer cancel()
	conn, err := l.hub.w.cfg.Dial(dialing, addr)
	if err != nil {
		return err
	}
	l.conn = conn
	defer l.close()
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(tune.handshake)); err != nil {
		return err
	}
	version, err := l.shake()
	if err != nil {
		return err
	}
	if version.DisableRelayTx {
		return errors.New("the peer relays blocks only")
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	l.height = version.LastBlock
	l.spare.Store(bytesPerSpan)
	l.bloom = len(l.hub.w.cfg.Peers) > 0 && version.Services&wire.SFNodeBloom != 0
	go l.write()
	l.hub.join(l)
	defer l.hub.leave(l)
	if l.hub.pool.hungry() && len(l.hub.w.cfg.Peers) == 0 {
		l.send(wire.NewMsgGetAddr())
	}
	return l.read()
}

// shake exchanges version and verack.
func (l *link) shake() (*wire.MsgVersion, error) {
	var seed [8]byte
	if _, err := crand.Read(seed[:]); err != nil {
		return nil, err
	}
	nonce := binary.LittleEndian.Uint64(seed[:])
	l.hub.mu.Lock()
	l.hub.nonces[nonce] = true
	l.hub.mu.Unlock()
	defer func() {
		l.hub.mu.Lock()
		delete(l.hub.nonces, nonce)
		l.hub.mu.Unlock()
	}()
	none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	mine := wire.NewMsgVersion(none, none, nonce, int32(min(l.hub.w.Health().Height, 1<<31-1)))
	mine.UserAgent = agent
	mine.ProtocolVersion = int32(protocol)
	mine.Services = wire.SFNodeWitness
	if err := l.put(mine); err != nil {
		return nil, err
	}
	var theirs *wire.MsgVersion
	for range 20 {
		msg, _, err := l.get()
		if errors.Is(err, wire.ErrUnknownMessage) {
			continue // feature negotiation that we take no part in
		}
		if err != nil {
			return nil, err
		}
		switch msg := msg.(type) {
		case *wire.MsgVersion:
			if theirs != nil {
				return nil, errors.New("two version messages")
			}
			l.hub.mu.Lock()
			self := l.hub.nonces[msg.Nonce]
			l.hub.mu.Unlock()
			if self {
				return nil, errors.New("the connection leads back to this till")
			}
			if msg.ProtocolVersion < int32(wire.BIP0037Version) {
				return nil, fmt.Errorf("protocol version %d is too old", msg.ProtocolVersion)
			}
			theirs = msg
			if err := l.put(wire.NewMsgVerAck()); err != nil {
				return nil, err
			}
		case *wire.MsgVerAck:
			if theirs == nil {
				return nil, errors.New("verack before version")
			}
			return theirs, nil
		}
	}
	return nil, errors.New("the handshake does not end")
}

func (l *link) put(msg wire.Message) error {
	_, err := wire.WriteMessageWithEncodingN(l.conn, msg, protocol, l.hub.w.params.Net, wire.WitnessEncoding)
	return err
}

func (l *link) get() (wire.Message, int, error) {
	n, msg, _, err := wire.ReadMessageWithEncodingN(l.conn, protocol, l.hub.w.params.Net, wire.WitnessEncoding)
	return msg, n, err
}

// write sends what is queued, and a ping from time to time.
func (l *link) write() {
	defer l.close()
	ping := time.NewTicker(l.hub.w.tune.ping)
	defer ping.Stop()
	for {
		var msg wire.Message
		select {
		case <-l.quit:
			return
		case msg = <-l.out:
		case at := <-ping.C:
			msg = wire.NewMsgPing(uint64(at.UnixNano()))
		}
		if l.conn.SetWriteDeadline(time.Now().Add(30*time.Second)) != nil || l.put(msg) != nil {
			return
		}
	}
}

// read listens; every ping must be answered with something in time.
func (l *link) read() error {
	spanEnd := time.Now().Add(rateSpan)
	gaveAddrs := false
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(3 * l.hub.w.tune.ping)); err != nil {
			return err
		}
		msg, n, err := l.get()
		now := time.Now()
		if now.After(spanEnd) {
			spanEnd = now.Add(rateSpan)
			l.spare.Store(bytesPerSpan)
		}
		if l.spare.Add(-int64(n)) < 0 {
			return errors.New("the peer floods us")
		}
		if errors.Is(err, wire.ErrUnknownMessage) {
			continue
		}
		if err != nil {
			return err
		}
		select {
		case <-l.quit:
			return errors.New("the connection was closed here")
		default:
		}
		switch msg := msg.(type) {
		case *wire.MsgInv:
			l.hub.inv(l, msg)
		case *wire.MsgTx:
			l.hub.tx(l, msg)
		case *wire.MsgNotFound:
			l.hub.notFound(l, msg)
		case *wire.MsgPing:
			l.send(wire.NewMsgPong(msg.Nonce))
		case *wire.MsgHeaders:
			for _, header := range msg.Headers {
				l.sawBlock(header.BlockHash())
			}
		case *wire.MsgAddr:
			if !gaveAddrs && len(msg.AddrList) > 1 {
				gaveAddrs = true
				l.hub.pool.learn(msg.AddrList)
			}
		case *wire.MsgVersion, *wire.MsgVerAck:
			return errors.New("a second handshake")
		case *wire.MsgBlock:
			l.sin(10) // nobody asked for it
		}
	}
}

func (l *link) sawBlock(hash chainhash.Hash) {
	l.hub.mu.Lock()
	l.block, l.blockAt = hash, l.hub.w.cfg.Now()
	l.hub.mu.Unlock()
	l.hub.wake()
}

// announced lists the last block that each relay peer announced and when, and
// the height that it named in its handshake.
func (h *hub) announced() []announcement {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]announcement, 0, len(h.links))
	for l := range h.links {
		list = append(list, announcement{addr: l.addr, hash: l.block, at: l.blockAt, height: l.height})
	}
	return list
}

type announcement struct {
	addr   string
	hash   chainhash.Hash
	at     time.Time
	height int32
}
