package bitcoin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// TestEightGroups: peers that name servers offer are taken from eight different
// network groups, however many addresses one of them floods the list with, and
// a liar among them is one voice. Dialler and resolver lead to loopback.
func TestEightGroups(t *testing.T) {
	to := chain.Target{ID: addressOf(5)}
	lie := invented(t, to.ID, 1e8, 1)
	var honest, lying []*fakePeer
	for i := range 7 {
		honest = append(honest, newFakePeer(t, fmt.Sprintf("127.0.1.%d", i+1), nil))
		lying = append(lying, newFakePeer(t, fmt.Sprintf("127.0.2.%d", i+1), func(f *fakePeer) { f.serve = serving(lie) }))
	}
	var ips []net.IP
	where := map[string]string{}
	add := func(ip net.IP, f *fakePeer) {
		ips = append(ips, ip)
		where[ip.String()] = f.addr
	}
	for i := range 7 {
		add(net.IPv4(11, byte(i), 0, 1), honest[i])
		for j := range 20 { // one group, many addresses
			add(net.IPv4(66, 6, byte(i), byte(j)), lying[i])
		}
	}
	var mu sync.Mutex
	dialled := map[string]int{}
	w, err := New(Config{
		Network: Simnet, Dir: t.TempDir(), Peers: []string{"127.0.0.1:1"},
		Resolve: func(host string) ([]net.IP, error) {
			if !strings.HasPrefix(host, "seed") {
				return nil, errors.New("no such name")
			}
			return ips, nil
		},
		Dial: func(ctx context.Context, addr net.Addr) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(addr.String())
			mu.Lock()
			dialled[groupOf(addr.String())]++
			mu.Unlock()
			var d net.Dialer
			return d.DialContext(ctx, "tcp", where[host])
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Private networks have no seeds; here it is one of them that does.
	w.cfg.Peers, w.cfg.RelayPeers = nil, 8
	w.params.DNSSeeds = []chaincfg.DNSSeed{{Host: "down"}, {Host: "seed"}}
	w.tune.redialMin, w.tune.redialMax = 10*time.Millisecond, 50*time.Millisecond
	if err := w.Watch(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.hub.run(ctx) })
	defer wg.Wait()
	defer cancel()
	within := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	groups := func() map[string]int {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		all := map[string]int{}
		for l := range w.hub.links {
			all[l.group]++
		}
		return all
	}
	within("eight relay peers", func() bool { return w.hub.count() == 8 })
	if all := groups(); len(all) != 8 {
		t.Errorf("the relay peers are of %d groups: %v", len(all), all)
	}
	for _, f := range lying {
		f.say(announce(lie.TxHash()))
	}
	within("the lie", func() bool { return w.book.waiting() == 1 })
	for _, f := range lying {
		f.say(announce(lie.TxHash()), wire.NewMsgPing(1))
	}
	time.Sleep(100 * time.Millisecond)
	r := &run{w: w, client: newClient(w, nil)}
	w.book.mu.Lock()
	for _, rec := range w.book.txs {
		r.vouch(rec)
		if p := rec.proof; p.Announcers != 1 || p.Groups != 1 || p.Of != 8 {
			t.Errorf("seven liars of one group are %d of %d announcers of %d groups", p.Announcers, p.Of, p.Groups)
		}
	}
	w.book.mu.Unlock()
}
