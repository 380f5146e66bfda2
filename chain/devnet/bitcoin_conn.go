package devnet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcutil/bloom"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

const (
	btcServices  = wire.SFNodeNetwork | wire.SFNodeBloom | wire.SFNodeWitness | wire.SFNodeCF
	btcUserAgent = "/till-devnet:1.0/"
	// btcLeastVersion is the oldest protocol that nodes still talk to.
	btcLeastVersion = 31800

	btcHandshakeTime = 30 * time.Second
	btcPingEvery     = 2 * time.Minute
	btcIdleTime      = 20 * time.Minute // without a word a peer is taken for dead
	btcWriteTime     = time.Minute      // for one message

	btcMaxQueuedTxs     = 5000
	btcMaxHeadersPushed = 8 // longer branches are announced by inv
)

// btcSend is a message on its way out.
type btcSend struct {
	msg wire.Message
	enc wire.MessageEncoding
}

// btcConn is one peer of one node. Two goroutines serve it: read answers what
// the peer asks, and blocks while its answers are not taken; write sends them,
// and tells of new blocks and transactions by itself.
type btcConn struct {
	node *btcNode
	net  *Bitcoin
	conn net.Conn
	out  chan btcSend
	// ready is closed after the handshake, done at the end.
	ready, done chan struct{}
	closeOnce   sync.Once
	tipped      chan struct{} // the tip may have changed
	queued      chan struct{} // a first transaction waits in pending

	version uint32 // protocol version; set before ready

	mu          sync.Mutex
	wantsTxs    bool             // it did not ask for silence in its version message
	wantsHeader bool             // it sent sendheaders
	told        *btcBlock        // the tip of the last announcement
	best        *btcBlock        // the last block that it surely has the header of
	pending     []chainhash.Hash // transactions to announce
	filter      *bloom.Filter    // BIP 37
}

func newBtcConn(n *btcNode, conn net.Conn) *btcConn {
	return &btcConn{
		node: n, net: n.net, conn: conn,
		out:   make(chan btcSend, 16),
		ready: make(chan struct{}), done: make(chan struct{}),
		tipped: make(chan struct{}, 1), queued: make(chan struct{}, 1),
		version: wire.ProtocolVersion,
	}
}

// close ends both goroutines. It never blocks.
func (c *btcConn) close() {
	c.closeOnce.Do(func() {
		close(c.done)
		_ = c.conn.Close()
	})
}

// send hands a message to the writer. It blocks while the peer does not read,
// so that a peer that only asks is not answered into memory.
func (c *btcConn) send(msg wire.Message) { c.sendEnc(msg, wire.WitnessEncoding) }

func (c *btcConn) sendEnc(msg wire.Message, enc wire.MessageEncoding) {
	select {
	case c.out <- btcSend{msg, enc}:
	case <-c.done:
	}
}

// read is the reading goroutine: the handshake, then message after message.
func (c *btcConn) read() {
	defer func() {
		c.survive(recover())
		c.close()
		c.net.connMu.Lock()
		delete(c.node.conns, c)
		c.net.connMu.Unlock()
	}()
	r := bufio.NewReader(c.conn)
	err := c.handshake(r)
	for err == nil {
		var msg wire.Message
		if msg, err = c.next(r, btcIdleTime); err == nil && msg != nil {
			err = c.handle(msg)
		}
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.net.log.Debug("a Bitcoin node ended a connection", "node", c.node.id, "peer", c.conn.RemoteAddr(), "err", err)
	}
}

// survive notes a panic: whatever a peer manages to send, it ends no more than
// its own connection.
func (c *btcConn) survive(cause any) {
	if cause != nil {
		c.net.log.Error("a message broke a Bitcoin node's connection", "node", c.node.id, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	}
}

// next reads one message, whose length wire bounds by its type. An unknown one
// is nil: nodes ignore those.
func (c *btcConn) next(r io.Reader, patience time.Duration) (wire.Message, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	_, msg, _, err := wire.ReadMessageWithEncodingN(r, c.version, btcParams.Net, wire.WitnessEncoding)
	if errors.Is(err, wire.ErrUnknownMessage) {
		return nil, nil
	}
	return msg, err
}

// handshake is version, verack and what may come between them (BIP 155, 339).
func (c *btcConn) handshake(r io.Reader) error {
	msg, err := c.next(r, btcHandshakeTime)
	if err != nil {
		return err
	}
	theirs, ok := msg.(*wire.MsgVersion)
	if !ok {
		return errors.New("the peer did not begin with its version")
	}
	if theirs.ProtocolVersion < btcLeastVersion {
		return fmt.Errorf("the peer speaks protocol %d, which is too old", theirs.ProtocolVersion)
	}
	c.version = min(c.version, uint32(theirs.ProtocolVersion))

	c.net.mu.RLock()
	tip := c.node.tip()
	c.net.mu.RUnlock()
	c.mu.Lock()
	c.told, c.wantsTxs = tip, !theirs.DisableRelayTx
	c.mu.Unlock()

	none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	ours := wire.NewMsgVersion(wire.NewNetAddressIPPort(net.IPv4zero, 0, btcServices), none, c.net.nonce(), tip.height)
	ours.UserAgent = btcUserAgent
	ours.Services = btcServices
	ours.Timestamp = time.Unix(c.net.now().Unix(), 0)
	c.send(ours)
	if c.version >= wire.AddrV2Version {
		c.send(wire.NewMsgSendAddrV2())
	}
	c.send(wire.NewMsgVerAck())
	for {
		msg, err := c.next(r, btcHandshakeTime)
		if err != nil {
			return err
		}
		if _, ok := msg.(*wire.MsgVerAck); ok {
			break
		}
	}
	if c.version >= wire.SendHeadersVersion {
		c.send(wire.NewMsgSendHeaders())
	}
	if c.version >= wire.FeeFilterVersion {
		c.send(wire.NewMsgFeeFilter(btcMinFeeRate * 1000))
	}
	close(c.ready)
	return nil
}

// write is the writing goroutine.
func (c *btcConn) write() {
	defer func() {
		c.survive(recover())
		c.close()
	}()
	w := bufio.NewWriter(c.conn)
	ping := time.NewTicker(btcPingEvery)
	defer ping.Stop()
	trickle := time.NewTimer(time.Hour)
	trickle.Stop()
	defer trickle.Stop()
	ready := c.ready
	var tipped, queued chan struct{} // nil until the handshake is over
	for {
		var send []wire.Message
		select {
		case <-c.done:
			return
		case m := <-c.out:
			if !c.put(w, m) {
				return
			}
			continue
		case <-ready:
			// A block or a transaction that came during the handshake has left
			// its mark in the channels; a tip that changed before the
			// connection was listed shows when it is compared.
			ready, tipped, queued = nil, c.tipped, c.queued
			send = c.tipNews()
		case <-tipped:
			send = c.tipNews()
		case <-queued:
			trickle.Reset(c.net.delay())
		case <-trickle.C:
			send = c.txNews()
		case <-ping.C:
			if ready == nil {
				send = []wire.Message{wire.NewMsgPing(c.net.nonce())}
			}
		}
		for _, msg := range send {
			if !c.put(w, btcSend{msg, wire.WitnessEncoding}) {
				return
			}
		}
	}
}

// put writes one message, and flushes when no other waits.
func (c *btcConn) put(w *bufio.Writer, m btcSend) bool {
	if err := c.conn.SetWriteDeadline(time.Now().Add(btcWriteTime)); err != nil {
		return false
	}
	if _, err := wire.WriteMessageWithEncodingN(w, m.msg, c.version, btcParams.Net, m.enc); err != nil {
		c.net.log.Debug("a Bitcoin node could not send", "node", c.node.id, "message", m.msg.Command(), "err", err)
		return false
	}
	return len(c.out) > 0 || w.Flush() == nil
}

// tipNews announces the end of the chain if it is not the one announced last:
// by headers (BIP 130) where the peer asked for them and has the block before
// them, by inv otherwise.
func (c *btcConn) tipNews() []wire.Message {
	b := c.net
	b.mu.RLock()
	defer b.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	tip := c.node.tip()
	if c.told == tip {
		return nil
	}
	c.told = tip
	if c.wantsHeader && c.best != nil {
		from := b.fork(c.best, tip).height + 1
		if from > tip.height {
			return nil // it fetched the news already
		}
		if tip.height-from < btcMaxHeadersPushed {
			msg := wire.NewMsgHeaders()
			for h := from; h <= tip.height; h++ {
				msg.Headers = append(msg.Headers, &b.ancestor(tip, h).msg.Header)
			}
			c.best = tip
			return []wire.Message{msg}
		}
	}
	msg := wire.NewMsgInv()
	msg.InvList = []*wire.InvVect{wire.NewInvVect(wire.InvTypeBlock, &tip.hash)}
	return []wire.Message{msg}
}

// queueTx has a transaction announced after the trickle's delay, together with
// what else comes until then.
func (c *btcConn) queueTx(hash chainhash.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.wantsTxs || len(c.pending) >= btcMaxQueuedTxs {
		return
	}
	c.pending = append(c.pending, hash)
	if len(c.pending) == 1 {
		select {
		case c.queued <- struct{}{}:
		default:
		}
	}
}

// txNews announces the pending transactions that are still in the mempool.
func (c *btcConn) txNews() []wire.Message {
	b := c.net
	b.mu.RLock()
	defer b.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	pending := c.pending
	c.pending = nil
	return c.inv(func(yield func(*btcPoolTx) bool) {
		for _, hash := range pending {
			if p := b.pool[hash]; p != nil && !yield(p) {
				return
			}
		}
	})
}
