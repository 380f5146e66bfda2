package bitcoin

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lightninglabs/neutrino"
)

// dial connects a filter peer. For configured peers it tries until it succeeds:
// neutrino's own pauses grow to minutes.
func (c *client) dial(ctx context.Context, addr net.Addr) (net.Conn, error) {
	wait := c.w.tune.redialMin
	for {
		attempt, cancel := context.WithTimeout(ctx, c.w.tune.handshake)
		conn, err := c.w.cfg.Dial(attempt, addr)
		cancel()
		if err == nil {
			return &guarded{Conn: conn, first: c.w.tune.handshake, idle: c.w.tune.idle}, nil
		}
		if len(c.w.cfg.Peers) == 0 || ctx.Err() != nil {
			return nil, err
		}
		pause(ctx, wait/2+time.Duration(c.w.cfg.Random(int64(wait))))
		wait = min(2*wait, c.w.tune.redialMax)
	}
}

// guarded is a connection that ends when its peer is silent for too long:
// neutrino waits half a minute for a first word and five minutes for the next,
// though it asks for one every two.
type guarded struct {
	net.Conn
	first, idle time.Duration
	spoke       atomic.Bool
}

func (g *guarded) Read(p []byte) (int, error) {
	most := g.first
	if g.spoke.Load() {
		most = g.idle
	}
	if err := g.SetReadDeadline(time.Now().Add(most)); err != nil {
		return 0, err
	}
	n, err := g.Conn.Read(p)
	if n > 0 {
		g.spoke.Store(true)
	}
	return n, err
}

// monitor counts the connected filter peers, and notes the highest block that
// one of them claims. Neutrino answers such questions in the goroutine that
// also handles peers, so the loop must not wait for it.
func (c *client) monitor(ctx context.Context, cs *neutrino.ChainService) {
	ticker := time.NewTicker(max(c.w.tune.tick/4, 20*time.Millisecond))
	defer ticker.Stop()
	for ctx.Err() == nil {
		var heights []uint64
		for _, sp := range cs.Peers() {
			if sp.Connected() {
				heights = append(heights, uint64(max(sp.LastBlock(), 0)))
			}
		}
		now := census{peers: len(heights), highest: c.claimed(heights)}
		c.mu.Lock()
		changed := c.cs == cs && c.census != now
		if c.cs == cs {
			c.census = now
		}
		c.mu.Unlock()
		if changed {
			notify(c.wake)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

type census struct {
	peers   int
	highest uint64
}

// claimed is the height that filter peers say there is: the highest that a
// chosen peer says, and of strangers what more than half of them say, as one
// that lies would have the client set up again and again.
func (c *client) claimed(heights []uint64) uint64 {
	if len(heights) == 0 {
		return 0
	}
	slices.Sort(heights)
	if len(c.w.cfg.Peers) > 0 {
		return heights[len(heights)-1]
	}
	return heights[(len(heights)-1)/2]
}

// peers returns what monitor saw last.
func (c *client) peers() (n int, highest uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.census.peers, c.census.highest
}

// banned tells whether every configured peer is banned, which for a new one
// means that it serves no compact filters.
func (c *client) banned() bool {
	cs := c.service()
	if cs == nil || len(c.w.cfg.Peers) == 0 {
		return false
	}
	for _, peer := range c.w.cfg.Peers {
		host, port := splitPeer(peer, c.w.params.DefaultPort)
		if !cs.IsBanned(net.JoinHostPort(host, port)) {
			return false
		}
	}
	return true
}
