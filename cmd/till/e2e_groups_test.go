package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/bitcoin"
	"github.com/cointill/till/chain/chaintest/btcdtest"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// TestLiarsAmongEight: a shop that hands over small things before a block knows
// eight peers. One of them invents a payment, or seven of them do that belong to
// one network group; neither is enough, and what the honest ones tell is.
func TestLiarsAmongEight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		liars int
		group func(i int) int // the network group of the i-th peer
		real  bool            // the honest ones are enough for a payment
	}{
		"one of eight groups": {1, func(i int) int { return i }, true},
		"seven in one group":  {7, func(i int) int { return min(i, 1) }, false},
		"four in one group":   {4, func(i int) int { return min(i, 4) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := btcdtest.Start(t, btcdtest.Options{Blocks: 300})
			var liars []*liar
			var peers []string
			where := map[string]string{}
			for i := range 8 {
				// Honest ones first: 11.n.0.0/16 is a group.
				addr := fmt.Sprintf("11.%d.0.%d:18555", c.group(i), i+1)
				peers = append(peers, addr)
				if where[addr] = node.P2P(); i >= 8-c.liars {
					l := startLiar(t)
					liars, where[addr] = append(liars, l), l.addr
				}
			}
			s := eightPeers(t, peers, where)
			v := openSale(t, s)
			to, sat := string(v.Pay.Quote.To), int64(v.Pay.Amount[0])
			forged := liars[0].forge(t, to, sat)
			for _, l := range liars {
				l.tell(t, forged)
			}
			seen := func(what string, ok func(pos.View) bool) pos.View {
				t.Helper()
				var last pos.View
				patiently(t, what, 20*time.Second, func() bool {
					views, err := s.Views(t.Context(), pos.Query{Limit: 1})
					if err != nil || len(views) != 1 {
						t.Fatal(err)
					}
					last = views[0]
					return ok(last)
				})
				return last
			}
			v = seen("all lies to be heard", func(v pos.View) bool {
				return len(v.Payments) == 1 && v.Payments[0].Proof.Announcers == len(liars)
			})
			if p := v.Payments[0].Proof; p.Of != 8 {
				t.Errorf("it is announced by %d of %d peers, there are 8", p.Announcers, p.Of)
			}
			time.Sleep(500 * time.Millisecond)
			v = seen("the verdict", func(pos.View) bool { return true })
			if o := v.Sale.Outcome; o.Status != pos.Seen || o.Verdict != pos.Wait || o.Reason.Code != pos.WhyFewPeers {
				t.Fatalf("an invented payment is %s, %s (%s)", o.Status, o.Verdict, o.Reason.Code)
			}
			if !c.real {
				return
			}
			v = openSale(t, s)
			node.Pay(t, string(v.Pay.Quote.To), int64(v.Pay.Amount[0]))
			seen("a real payment to be enough", func(v pos.View) bool { return v.Sale.Outcome.Verdict == pos.HandOver })
		})
	}
}

// eightPeers is a shop whose watcher reaches peers by the map where.
func eightPeers(t *testing.T, peers []string, where map[string]string) *session {
	t.Helper()
	text, _ := shopKeys(t)
	key, err := xpub.ParseBitcoin(text, bitcoin.Simnet, xpub.P2WPKH)
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	w, err := bitcoin.New(bitcoin.Config{
		Network: bitcoin.Simnet, Dir: t.TempDir(), Peers: peers,
		Dial: func(ctx context.Context, addr net.Addr) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", where[addr.String()])
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	rail := &bitcoinRail{network: bitcoin.Simnet, key: key, watcher: w}
	s, err := parts{
		shop: pos.Shop{Name: "Bench", Currencies: []money.Currency{"EUR"}, Assets: rail.Assets()},
		policy: pos.Policy{
			Expires: 15 * time.Minute, UnconfirmedPerHour: money.Of(10_000, "EUR"),
			Rails: map[string]pos.RailPolicy{rail.ID(): {Tiers: []pos.Tier{{UpTo: money.Of(1_000, "EUR")}, {Need: 1}}, Final: 6}},
		},
		rails: []chain.Rail{rail}, store: store.NewMemory(), log: slog.New(slog.DiscardHandler), rates: fixedFeed{},
	}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	patiently(t, "all peers", 30*time.Second, func() bool {
		h := s.Board().Health[rail.ID()]
		return h.Usable() && h.Relays == len(peers)
	})
	return s
}

func openSale(t *testing.T, s *session) pos.View {
	t.Helper()
	v, err := s.Open(t.Context(), pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "EUR")}}, chain.Bitcoin)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
