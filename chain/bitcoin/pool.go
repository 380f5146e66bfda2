package bitcoin

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire"
)

// maxPool bounds the addresses that strangers can make us remember.
// maxTold is how many of them one peer may name: nobody chooses all the others.
const (
	maxPool = 1000
	maxTold = 100
)

// pool holds addresses of possible relay peers, for networks on which none are
// configured.
type pool struct {
	mu     sync.Mutex
	addrs  []string
	groups map[string]bool // network groups in use: one peer each
	seeded time.Time
}

func newPool() *pool { return &pool{groups: map[string]bool{}} }

func (p *pool) hungry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.addrs) < maxPool/4
}

func (p *pool) learn(list []*wire.NetAddress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, na := range list[:min(len(list), maxTold)] {
		if len(p.addrs) >= maxPool {
			return
		}
		if na.Port != 0 && na.IP.IsGlobalUnicast() && !na.IP.IsPrivate() {
			p.addrs = append(p.addrs, net.JoinHostPort(na.IP.String(), strconv.Itoa(int(na.Port))))
		}
	}
}

// draw takes a random address of a network group that is not in use.
func (p *pool) draw(random func(int64) int64) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 20 {
		if len(p.addrs) == 0 {
			break
		}
		i := int(random(int64(len(p.addrs))))
		addr := p.addrs[i]
		p.addrs[i] = p.addrs[len(p.addrs)-1]
		p.addrs = p.addrs[:len(p.addrs)-1]
		if group := groupOf(addr); !p.groups[group] {
			p.groups[group] = true
			return addr, true
		}
	}
	return "", false
}

func (p *pool) release(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.groups, groupOf(addr))
}

// groupOf is the part of an address that one operator tends to hold: /16 of
// IPv4, /32 of IPv6. Loopback counts by whole address, onion names as one group.
func groupOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if strings.HasSuffix(host, ".onion") {
		return "onion"
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.IsLoopback() {
		return addr
	}
	if four := ip.To4(); four != nil {
		return net.IP{four[0], four[1], 0, 0}.String() + "/16"
	}
	return net.IP(append(append([]byte{}, ip[:4]...), make([]byte, 12)...)).String() + "/32"
}
