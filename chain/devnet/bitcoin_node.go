package devnet

import (
	"errors"
	"fmt"
	"net"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
)

// btcMaxConns is how many connections a node takes.
const btcMaxConns = 125

// btcNode is one listening node. All nodes share the network's chain and
// mempool; a held one shows an older state of it.
type btcNode struct {
	net  *Bitcoin
	id   int
	addr string // host:port, the same after every start

	// Guarded by Bitcoin.connMu.
	ln    net.Listener
	conns map[*btcConn]struct{}

	// Guarded by Bitcoin.mu.
	held *btcBlock // where a held node stands; nil follows the network
}

// tip is the end of the chain as the node knows it. Bitcoin.mu must be held.
func (n *btcNode) tip() *btcBlock {
	if n.held != nil {
		return n.held
	}
	return n.net.tip()
}

// listen opens the node's port and serves it.
func (n *btcNode) listen(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("Bitcoin node %d cannot listen on %s: %w", n.id, addr, err)
	}
	n.ln, n.addr = ln, ln.Addr().String()
	n.net.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // the listener was closed
			}
			n.take(ln, conn)
		}
	})
	return nil
}

// take starts serving a new connection, unless the node has enough of them or
// has stopped meanwhile.
func (n *btcNode) take(ln net.Listener, conn net.Conn) {
	b := n.net
	b.connMu.Lock()
	defer b.connMu.Unlock()
	if b.closed || n.ln != ln || len(n.conns) >= btcMaxConns {
		_ = conn.Close()
		return
	}
	c := newBtcConn(n, conn)
	n.conns[c] = struct{}{}
	b.wg.Go(c.read)
	b.wg.Go(c.write)
}

// closeLocked closes the port and every connection. Bitcoin.connMu is held.
func (n *btcNode) closeLocked() error {
	if n.ln == nil {
		return nil
	}
	err := n.ln.Close()
	n.ln = nil
	for c := range n.conns {
		c.close()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// node finds a node by its place in Peers. Bitcoin.connMu is held.
func (b *Bitcoin) node(i int) (*btcNode, error) {
	if b.closed {
		return nil, errors.New("the Bitcoin network is closed")
	}
	if i < 0 || i >= len(b.nodes) {
		return nil, fmt.Errorf("there is no Bitcoin node %d: they are numbered 0 to %d", i, len(b.nodes)-1)
	}
	return b.nodes[i], nil
}

// Stop takes a node down: its port closes and its connections end.
func (b *Bitcoin) Stop(node int) error {
	b.connMu.Lock()
	defer b.connMu.Unlock()
	n, err := b.node(node)
	if err != nil {
		return err
	}
	return n.closeLocked()
}

// Start brings a stopped node up again, on its old port.
func (b *Bitcoin) Start(node int) error {
	b.connMu.Lock()
	defer b.connMu.Unlock()
	n, err := b.node(node)
	if err != nil || n.ln != nil {
		return err
	}
	return n.listen(n.addr)
}

// Hold makes a node stand still: it learns of no further block or transaction
// and so falls behind the others, or stays on a branch that they leave.
func (b *Bitcoin) Hold(node int) error {
	return b.hold(node, func(n *btcNode) { n.held = n.tip() })
}

// Release lets a held node catch up.
func (b *Bitcoin) Release(node int) error {
	err := b.hold(node, func(n *btcNode) { n.held = nil })
	b.announceTip()
	return err
}

func (b *Bitcoin) hold(node int, set func(*btcNode)) error {
	b.connMu.Lock()
	n, err := b.node(node)
	b.connMu.Unlock()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	set(n)
	return nil
}

// everyConn calls f for each open connection.
func (b *Bitcoin) everyConn(f func(*btcConn)) {
	b.connMu.Lock()
	defer b.connMu.Unlock()
	for _, n := range b.nodes {
		for c := range n.conns {
			f(c)
		}
	}
}

// announceTip wakes the connections, which compare what they told last with
// what is the end of the chain now.
func (b *Bitcoin) announceTip() {
	b.everyConn(func(c *btcConn) {
		select {
		case c.tipped <- struct{}{}:
		default: // a wake-up is pending already
		}
	})
}

// relay queues a transaction for every peer that wants to hear of some, except
// the one that it came from. Bitcoin.mu is held.
func (b *Bitcoin) relay(hash chainhash.Hash, from *btcConn) {
	b.everyConn(func(c *btcConn) {
		if c != from && c.node.held == nil {
			c.queueTx(hash)
		}
	})
}
