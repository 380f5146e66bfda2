package bitcoin

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire"
)

// run keeps as many relay peers as configured until ctx ends.
func (h *hub) run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range h.w.cfg.RelayPeers {
		wg.Go(func() { h.keep(ctx, i) })
	}
	ticker := time.NewTicker(max(h.w.tune.request/4, 50*time.Millisecond))
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			h.doze()
			h.expire()
		}
	}
	wg.Wait()
}

// keep keeps one connection: to the i-th configured peer, or to whoever the
// pool offers.
func (h *hub) keep(ctx context.Context, i int) {
	wait := h.w.tune.redialMin
	for ctx.Err() == nil {
		if h.off() {
			h.rest(ctx.Done(), time.Second)
			continue
		}
		addr := h.pick(ctx, i)
		lasted := time.Duration(0)
		if addr != nil {
			began := time.Now()
			h.visit(ctx, addr)
			lasted = time.Since(began)
			h.pool.release(addr.String())
		}
		if lasted > 10*h.w.tune.redialMin {
			wait = h.w.tune.redialMin
		}
		h.rest(ctx.Done(), wait/2+time.Duration(h.w.cfg.Random(int64(wait))))
		wait = min(2*wait, h.w.tune.redialMax)
	}
}

// visit talks to one peer until it is lost. Whatever a peer sends, a fault in
// reading it ends this connection and nothing else.
func (h *hub) visit(ctx context.Context, addr net.Addr) {
	defer func() {
		if fault := recover(); fault != nil {
			h.w.log.Error("A relay peer's message caused a fault; the peer was dropped", "peer", addr.String(), "fault", fault)
		}
	}()
	l := &link{hub: h, addr: addr.String(), group: groupOf(addr.String()), out: make(chan wire.Message, 2*maxInflight), quit: make(chan struct{})}
	if err := l.talk(ctx, addr); err != nil && ctx.Err() == nil {
		h.w.log.Debug("A relay peer was lost", "peer", l.addr, "reason", err)
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// namedAddr is an address by text: a configured one may be an onion name, which
// only the dialler can resolve.
type namedAddr string

func (a namedAddr) Network() string { return "tcp" }
func (a namedAddr) String() string  { return string(a) }

// pick says whom the i-th connection should go to, nil for nobody now.
func (h *hub) pick(ctx context.Context, i int) net.Addr {
	if len(h.w.cfg.Peers) > 0 {
		host, port := splitPeer(h.w.cfg.Peers[i], h.w.params.DefaultPort)
		if h.w.cfg.Proxy != "" || isOnion(host) || net.ParseIP(host) != nil {
			return namedAddr(net.JoinHostPort(host, port))
		}
		ips, err := h.resolve(ctx, host)
		if err != nil || len(ips) == 0 {
			h.w.log.Debug("A peer's name cannot be resolved", "peer", host, "reason", err)
			return nil
		}
		return namedAddr(net.JoinHostPort(ips[0].String(), port))
	}
	addr, ok := h.pool.draw(h.w.cfg.Random)
	if !ok {
		h.seed(ctx)
		addr, ok = h.pool.draw(h.w.cfg.Random)
	}
	if !ok {
		return nil
	}
	return namedAddr(addr)
}

// resolve looks a name up until ctx ends: a resolver may take long to give up,
// and leaving must not wait for it.
func (h *hub) resolve(ctx context.Context, host string) ([]net.IP, error) {
	type answer struct {
		ips []net.IP
		err error
	}
	done := make(chan answer, 1)
	go func() {
		ips, err := h.w.cfg.Resolve(host)
		done <- answer{ips, err}
	}()
	select {
	case a := <-done:
		return a.ips, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// seed asks the network's DNS seeds, at most every half minute.
func (h *hub) seed(ctx context.Context) {
	p := h.pool
	p.mu.Lock()
	if time.Since(p.seeded) < 30*time.Second {
		p.mu.Unlock()
		return
	}
	p.seeded = time.Now()
	p.mu.Unlock()
	for _, seed := range h.w.params.DNSSeeds {
		if ctx.Err() != nil {
			return
		}
		ips, err := h.resolve(ctx, seed.Host)
		if err != nil {
			h.w.log.Debug("A DNS seed does not answer", "seed", seed.Host, "reason", err)
			continue
		}
		p.mu.Lock()
		for _, ip := range ips {
			if len(p.addrs) < maxPool {
				p.addrs = append(p.addrs, net.JoinHostPort(ip.String(), h.w.params.DefaultPort))
			}
		}
		p.mu.Unlock()
	}
}
