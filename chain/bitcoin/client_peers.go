package bitcoin

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lightninglabs/neutrino"
	"github.com/lightninglabs/neutrino/banman"
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
	// Everything waits for the first one, so it is looked for more often.
	rest, hasty := max(c.w.tune.tick/4, 20*time.Millisecond), 25*time.Millisecond
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
		if now.peers == 0 {
			pause(ctx, min(rest, hasty))
		} else {
			pause(ctx, rest)
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

// resolve looks up a chosen peer's name, and remembers where it led to: neutrino
// bans addresses. A name that leads elsewhere than before is tried anew.
func (c *client) resolve(ctx context.Context, host string) ([]net.IP, error) {
	ips, err := c.w.hub.resolve(ctx, host)
	if err != nil || len(c.w.cfg.Peers) == 0 {
		return ips, err
	}
	c.mu.Lock()
	known := slices.EqualFunc(c.named[host], ips, net.IP.Equal)
	c.named[host] = ips
	c.mu.Unlock()
	if !known {
		return ips, c.forgive(ips)
	}
	return ips, nil
}

// pardon ends the bans of the peers that the shop chose: they last a day and
// survive restarts, and their owner may have switched filters on.
func (c *client) pardon() error {
	c.mu.Lock()
	clear(c.named)
	c.mu.Unlock()
	for _, peer := range c.w.cfg.Peers {
		host, _ := splitPeer(peer, c.w.params.DefaultPort)
		if ip := net.ParseIP(host); ip != nil {
			if err := c.forgive([]net.IP{ip}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *client) forgive(ips []net.IP) error {
	bans, err := banman.NewStore(c.store.db)
	if err != nil {
		return err
	}
	for _, ip := range ips {
		whole, err := banman.ParseIPNet(ip.String(), nil)
		if err != nil {
			return err
		}
		if status, err := bans.Status(whole); err != nil || !status.Banned {
			continue
		}
		if err := bans.UnbanIPNet(whole); err != nil {
			return err
		}
	}
	return nil
}

// banned tells whether every chosen peer is banned, which for a new one means
// that it serves no compact filters.
func (c *client) banned() bool {
	cs := c.service()
	if cs == nil || len(c.w.cfg.Peers) == 0 {
		return false
	}
	for _, peer := range c.w.cfg.Peers {
		host, _ := splitPeer(peer, c.w.params.DefaultPort)
		ips := []net.IP{net.ParseIP(host)}
		if ips[0] == nil {
			c.mu.Lock()
			ips = c.named[host]
			c.mu.Unlock()
		}
		if len(ips) == 0 || !cs.IsBanned(ips[0].String()) { // the first one is dialled
			return false
		}
	}
	return true
}
