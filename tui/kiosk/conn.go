package kiosk

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/time/rate"
)

// How patient the server is with a connection.
const (
	handshakeTime = 10 * time.Second // to say who one is
	beginTime     = 15 * time.Second // to ask for a screen
	lingerTime    = 3 * time.Second  // to hang up after the screen
	stallTime     = 30 * time.Second // to take what is written
	aliveEvery    = 15 * time.Second // a client is asked whether it is there …
	aliveTime     = 20 * time.Second // … and has this long to answer
)

// How many may knock. They are counted before anything is computed for them.
const (
	mostKnocking    = 100 // connections without a screen
	mostKnockingOne = 20  // of them, from one address
	knocksPerSecond = 5   // from one address, for good
	mostAddresses   = 4096
)

// visit is a connection before it has a screen and while it has one.
type visit struct {
	sizes  chan size // of the window
	conn   *counted
	local  bool
	opened bool        // it has asked for its one channel
	begin  *time.Timer // hangs up on whoever asks for nothing
}

// visitKey is where a connection's context has its visit.
type visitKey struct{}

func visitOf(ctx ssh.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// door counts who knocks.
type door struct {
	mu       sync.Mutex
	knocking map[netip.Addr]int
	all      int
	pace     map[netip.Addr]*rate.Limiter
	burst    int
}

func (d *door) init(sessions int) {
	d.knocking, d.pace = make(map[netip.Addr]int), make(map[netip.Addr]*rate.Limiter)
	d.burst = sessions + mostKnockingOne // all of a shop may come back at once
}

// source is the address that a client is counted by: of IPv6 everybody has 2^64.
func source(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	from := tcp.AddrPort().Addr().Unmap().WithZone("")
	if from.Is6() {
		p, _ := from.Prefix(64)
		from = p.Addr()
	}
	return from
}

// knock tells whether a connection may go on, and counts it until done.
func (d *door) knock(from netip.Addr, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= mostKnocking || d.knocking[from] >= mostKnockingOne {
		return false
	}
	l := d.pace[from]
	if l == nil {
		if len(d.pace) >= mostAddresses {
			clear(d.pace) // better than growing; how many knock at once stays counted
		}
		l = rate.NewLimiter(knocksPerSecond, d.burst)
		d.pace[from] = l
	}
	if !l.AllowN(now, 1) {
		return false
	}
	d.all++
	d.knocking[from]++
	return true
}

func (d *door) done(from netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
	if d.knocking[from]--; d.knocking[from] <= 0 {
		delete(d.knocking, from)
	}
}

// counted is a connection that is counted as long as it knocks, and known as long
// as it is open.
type counted struct {
	net.Conn
	once, gone  sync.Once
	done, close func()
}

func (c *counted) enter() { c.once.Do(c.done) }

func (c *counted) Close() error {
	c.enter()
	c.gone.Do(c.close)
	return c.Conn.Close()
}

// localConn came over the socket in the data folder.
type localConn struct{ net.Conn }

// localListener marks what it accepts.
type localListener struct{ net.Listener }

func (l localListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return localConn{c}, nil
}

// meet looks at a new connection before its handshake; nil hangs up.
func (s *Server) meet(ctx ssh.Context, conn net.Conn) net.Conn {
	if s.life.Err() != nil {
		return nil
	}
	_, local := conn.(localConn)
	c := &counted{Conn: conn, done: func() {}}
	if !local {
		from := source(conn.RemoteAddr())
		if !s.door.knock(from, time.Now()) {
			return nil
		}
		c.done = func() { s.door.done(from) }
	}
	c.close = func() { s.mu.Lock(); delete(s.conns, c); s.mu.Unlock() }
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	v := &visit{conn: c, local: local, sizes: make(chan size, 1)}
	v.begin = time.AfterFunc(handshakeTime+beginTime, func() { _ = v.conn.Close() })
	ctx.SetValue(visitKey{}, v)
	return v.conn
}

// enter is a visit that was let in.
func (v *visit) enter() {
	v.begin.Stop()
	v.conn.enter()
}

// channel gives a connection its one channel.
func (s *Server) channel(srv *ssh.Server, conn *gossh.ServerConn, ch gossh.NewChannel, ctx ssh.Context) {
	v := visitOf(ctx)
	ctx.Lock()
	again := v.opened
	v.opened = true
	ctx.Unlock()
	if again {
		_ = ch.Reject(gossh.ResourceShortage, "one screen at a time")
		return
	}
	most := mostKnown
	if !v.local && ctx.Value(ssh.ContextKeyPublicKey) == nil {
		most = mostGuest
	}
	ssh.DefaultSessionHandler(srv, conn, narrow{ch, most, v.sizes}, ctx)
}

// watch hangs up on a client that is gone or whose key is: the network says
// nothing by itself when a cable is pulled. It returns when ctx does.
func (s *Server) watch(ctx context.Context, st *seat) {
	every := time.NewTicker(aliveEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if !s.permitted(st) {
			st.end(keyGone)
			return
		}
		answered := make(chan error, 1)
		go func() {
			// OpenSSH's name for it; any answer will do.
			_, _, err := st.conn.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		late := time.NewTimer(aliveTime)
		select {
		case err := <-answered:
			if err != nil {
				_ = st.conn.Close()
			}
		case <-late.C:
			_ = st.conn.Close()
		case <-ctx.Done():
		}
		late.Stop()
	}
}
